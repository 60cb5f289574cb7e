//! One browser at the shared port, as a pure machine: datagrams and times in, datagrams and news out.
//!
//! 1. Checks of connectivity prove where the browser is ([`ice`](super::ice)).
//! 2. From there, and from nowhere else, it begins the exchange of keys ([`dtls`](super::dtls)).
//! 3. Its audio is handed on as it came: opening it is the leg's part, on the leg's own thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use bytes::BytesMut;

use super::dtls::{Exchange, Happened};
use super::ice::{Agent, Checked, Credentials};
use super::stun::Request;
use crate::seams::media::SrtpKeys;

/// Datagrams of one answer in the exchange of keys: a flight with a certificate is two or three.
const OUT_MAX: usize = 16;

/// How long a browser may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the answer to the keys.
    pub connect: Duration,
    /// Without a sign of life, once connected.
    pub lost: Duration,
}

/// What a browser's call is told.
pub enum News {
    /// The keys are agreed, and audio goes there.
    Connected(Box<SrtpKeys>, SocketAddr),
    /// Audio goes there from now on.
    Moved(SocketAddr),
    /// The browser ended it.
    Closed,
    /// Nobody came in time, or nothing was heard for too long.
    Lost,
}

/// One browser.
pub struct Peer {
    agent: Agent,
    exchange: Exchange,
    patience: Patience,
    keys: Option<Box<SrtpKeys>>,
    is_connected: bool,
    began: Instant,
    out: ArrayVec<(SocketAddr, BytesMut), OUT_MAX>,
    news: ArrayVec<News, 4>,
}

impl Peer {
    /// Waits for the browser.
    pub fn new(now: Instant, agent: Agent, exchange: Exchange, patience: Patience) -> Peer {
        let (out, news) = (ArrayVec::new(), ArrayVec::new());
        Peer { agent, exchange, patience, keys: None, is_connected: false, began: now, out, news }
    }

    /// The fragments that checks for it name.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        self.agent.ufrags()
    }

    /// New credentials of both sides.
    pub fn restart(&mut self, local: Credentials, remote_ufrag: String) {
        self.agent.restart(local, remote_ufrag);
    }

    /// A check that names it.
    pub fn handle_check(&mut self, now: Instant, from: SocketAddr, request: &Request<'_>) -> Option<Checked> {
        let checked = self.agent.handle_check(now, from, request)?;
        if checked.is_selected {
            if self.is_connected {
                self.tell(News::Moved(from));
            } else {
                self.connect();
            }
        }
        Some(checked)
    }

    /// A datagram of the exchange, from a proven address.
    pub fn handle_dtls(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        match self.exchange.handle(now, datagram) {
            Ok(Some(Happened::Agreed(keys))) => {
                self.keys = Some(keys);
                self.connect();
            }
            Ok(Some(Happened::Closed)) => self.tell(News::Closed),
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "A datagram of a key exchange was refused"),
        }
        self.send_exchange(from);
    }

    fn connect(&mut self) {
        if let Some(to) = self.agent.selected()
            && let Some(keys) = self.keys.take()
        {
            self.is_connected = true;
            self.tell(News::Connected(keys, to));
        }
    }

    fn send_exchange(&mut self, to: SocketAddr) {
        let to = self.agent.selected().unwrap_or(to);
        while let Some(datagram) = self.exchange.poll_transmit() {
            let _ = self.out.try_push((to, datagram));
        }
    }

    fn tell(&mut self, news: News) {
        let _ = self.news.try_push(news);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.exchange.poll_timeout().is_some_and(|due| due <= now) {
            self.exchange.handle_timeout(now);
            if let Some(to) = self.agent.selected().or_else(|| self.agent.addresses().last().copied()) {
                self.send_exchange(to);
            }
        }
        if now >= self.gives_up_at() {
            self.tell(News::Lost);
        }
    }

    fn gives_up_at(&self) -> Instant {
        if self.is_connected { self.agent.heard_at() + self.patience.lost } else { self.began + self.patience.connect }
    }

    /// When [`Peer::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Instant {
        self.exchange.poll_timeout().map_or(self.gives_up_at(), |due| due.min(self.gives_up_at()))
    }

    /// We end it: the browser is told at once.
    pub fn close(&mut self, now: Instant) {
        self.exchange.close(now);
        if let Some(to) = self.agent.selected() {
            self.send_exchange(to);
        }
    }

    /// The next datagram for the browser.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.out.pop_at(0)
    }

    /// What happened since.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_at(0)
    }
}
