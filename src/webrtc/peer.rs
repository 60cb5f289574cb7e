//! One far end at a port, as a pure machine: datagrams and times in, datagrams and news out.
//!
//! 1. Checks of connectivity prove where a browser is ([`ice`](super::ice)); a telephone is where it says ([`path`](super::path)).
//! 2. From there, and from nowhere else, keys are exchanged ([`dtls`](super::dtls)).
//! 3. Its audio is handed on as it came: opening it is the leg's part, on the leg's own thread.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use bytes::BytesMut;

use super::dtls::{Exchange, Happened};
use super::ice::{Checked, Credentials};
use super::path::{Described, Path};
use super::stun::Request;
use crate::seams::media::SrtpKeys;

/// Datagrams of one answer in the exchange of keys: a flight with a certificate is two or three.
const OUT_MAX: usize = 16;

/// How long a far end may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the answer to the keys.
    pub connect: Duration,
    /// Without a sign of life, once connected.
    pub lost: Duration,
}

/// What a call is told.
pub enum News {
    /// The keys are agreed, and audio goes there.
    Connected(Box<SrtpKeys>, SocketAddr),
    /// Audio goes there from now on.
    Moved(SocketAddr),
    /// The far end ended it.
    Closed,
    /// Nobody came in time, or nothing was heard for too long.
    Lost,
}

/// One far end.
pub struct Peer {
    path: Path,
    exchange: Exchange,
    patience: Patience,
    keys: Option<Box<SrtpKeys>>,
    is_connected: bool,
    began: Instant,
    out: ArrayVec<(SocketAddr, BytesMut), OUT_MAX>,
    news: ArrayVec<News, 4>,
}

impl Peer {
    /// Waits for the far end, or calls it, as the exchange is made.
    pub fn new(now: Instant, path: Path, mut exchange: Exchange, patience: Patience) -> Peer {
        if let Path::Described(Described { address, .. }) = &path {
            exchange.begin(now, *address);
        }
        let (out, news) = (ArrayVec::new(), ArrayVec::new());
        let mut peer = Peer { path, exchange, patience, keys: None, is_connected: false, began: now, out, news };
        peer.send_exchange();
        peer
    }

    /// The fragments that checks for it name.
    pub fn ufrags(&self) -> impl Iterator<Item = &str> {
        let agent = match &self.path {
            Path::Checked(agent) => Some(agent),
            Path::Described(_) => None,
        };
        agent.into_iter().flat_map(|agent| agent.ufrags())
    }

    /// New credentials of both sides.
    pub fn restart(&mut self, local: Credentials, remote_ufrag: String) {
        if let Path::Checked(agent) = &mut self.path {
            agent.restart(local, remote_ufrag);
        }
    }

    /// Another address in its description; keys stay.
    pub fn redirect(&mut self, to: SocketAddr) {
        let Path::Described(described) = &mut self.path else { return };
        if described.redirect(to) {
            self.tell(News::Moved(to));
        }
    }

    /// A check that names it.
    pub fn handle_check(&mut self, now: Instant, from: SocketAddr, request: &Request<'_>) -> Option<Checked> {
        let Path::Checked(agent) = &mut self.path else { return None };
        let checked = agent.handle_check(now, from, request)?;
        if checked.is_selected {
            if self.is_connected {
                self.tell(News::Moved(from));
            } else {
                self.connect();
            }
        }
        Some(checked)
    }

    /// A datagram of the exchange. With ICE its sender is proven already.
    pub fn handle_dtls(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(name) = self.path.name_of(from, &self.exchange) else { return };
        match self.exchange.handle(now, name, datagram) {
            Ok(Some(Happened::Agreed(keys))) => {
                self.path.prove(name);
                self.send_exchange();
                self.exchange.keep_only(now, name);
                self.keys = Some(keys);
                self.connect();
            }
            Ok(Some(Happened::Closed)) if self.is_heard_from(from) => self.tell(News::Closed),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "A datagram of a key exchange was refused"),
        }
        self.send_exchange();
    }

    /// Whether what comes from there is the far end's. Strangers who begin an exchange may end it again; that is all.
    pub fn is_heard_from(&self, from: SocketAddr) -> bool {
        match &self.path {
            Path::Checked(agent) => agent.addresses().contains(&from),
            Path::Described(_) => self.path.selected() == Some(from),
        }
    }

    fn connect(&mut self) {
        if let Some(to) = self.path.selected()
            && let Some(keys) = self.keys.take()
        {
            self.is_connected = true;
            self.tell(News::Connected(keys, to));
        }
    }

    fn send_exchange(&mut self) {
        while let Some((name, datagram)) = self.exchange.poll_transmit() {
            if let Some(to) = self.path.address_of(name) {
                let _ = self.out.try_push((to, datagram));
            }
        }
    }

    fn tell(&mut self, news: News) {
        let _ = self.news.try_push(news);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.exchange.poll_timeout().is_some_and(|due| due <= now) {
            self.exchange.handle_timeout(now);
            self.send_exchange();
        }
        if self.gives_up_at().is_some_and(|at| now >= at) {
            self.tell(News::Lost);
        }
    }

    /// Who does not check is missed by the leg alone, which hears nothing any more.
    fn gives_up_at(&self) -> Option<Instant> {
        match self.is_connected {
            true => self.path.heard_at().map(|at| at + self.patience.lost),
            false => Some(self.began + self.patience.connect),
        }
    }

    /// When [`Peer::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.exchange.poll_timeout().into_iter().chain(self.gives_up_at()).min()
    }

    /// We end it: the far end is told at once.
    pub fn close(&mut self, now: Instant) {
        self.exchange.close(now);
        if self.path.selected().is_some() {
            self.send_exchange();
        }
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.out.pop_at(0)
    }

    /// What happened since.
    pub fn poll_news(&mut self) -> Option<News> {
        self.news.pop_at(0)
    }
}
