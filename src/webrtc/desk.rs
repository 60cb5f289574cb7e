//! The thread that reads the ports of browsers, and of telephones that exchange keys on their audio's own way.
//!
//! 1. A datagram is a check, a piece of a key exchange, or audio (RFC 7983); everything else is dropped unread.
//! 2. At the port that browsers share, a check names its call by our fragment in it; the other two belong to whom their
//!    sender was proven to be. A port of its own belongs to one call.
//! 3. Checks and exchanges are answered here. Audio goes into the ring of its leg, whose own thread opens it; what a
//!    leg says it sends by the same socket itself.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use rustix::event::{Timespec, epoll};
use tokio::sync::mpsc;

use super::peer::{News, Peer};
use super::port::{Admission, Bell, Key, Order, Told};
use super::stun;
use crate::seams::media::{DATAGRAM_MAX, Datagram, LegCommand, LegPort};

/// Without browsers there is nothing to wake up for.
const LONGEST_NAP: Duration = Duration::from_secs(3600);
/// Nothing that we read is longer: DTLS keeps below the path's 1200 to 1500 bytes.
const READ_MAX: usize = 2048;
/// Datagrams read before timers get their turn: a flood cannot hold up an exchange of keys.
const BATCH: usize = 64;
/// Ports that are looked at in one round; more are ready at the next.
const EVENTS_MAX: usize = 64;
/// Names that no call has: calls are counted from 0.
const THE_BELL: u64 = u64::MAX;
const THE_SHARED: u64 = u64::MAX - 1;

/// The thread's own state.
pub(super) struct Desk {
    socket: Arc<UdpSocket>,
    ready: OwnedFd,
    bell: Arc<Bell>,
    seats: HashMap<Key, Seat>,
    by_ufrag: HashMap<String, Key>,
    by_address: HashMap<SocketAddr, Key>,
}

struct Seat {
    peer: Peer,
    leg: Weak<dyn LegPort>,
    arrivals: rtrb::Producer<Datagram>,
    news: mpsc::Sender<Told>,
    /// Its own port, where it has one.
    socket: Option<Arc<UdpSocket>>,
}

impl Desk {
    /// Nobody is expected yet.
    pub fn new(socket: Arc<UdpSocket>, bell: Arc<Bell>) -> io::Result<Desk> {
        let ready = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&ready, &bell.wake, epoll::EventData::new_u64(THE_BELL), epoll::EventFlags::IN)?;
        epoll::add(&ready, &*socket, epoll::EventData::new_u64(THE_SHARED), epoll::EventFlags::IN)?;
        Ok(Desk { socket, ready, bell, seats: HashMap::new(), by_ufrag: HashMap::new(), by_address: HashMap::new() })
    }

    /// Reads until it is stopped.
    pub fn run(mut self) {
        let mut buffer = [0; READ_MAX];
        let mut events = Vec::with_capacity(EVENTS_MAX);
        while !self.bell.stopped.load(Ordering::SeqCst) {
            let now = Instant::now();
            while let Some(order) = self.bell.orders.pop() {
                self.obey(now, order);
            }
            // What is left unread is ready at the next look.
            for event in events.drain(..) {
                let event: epoll::Event = event;
                match event.data.u64() {
                    THE_BELL => drop(rustix::io::read(&self.bell.wake, &mut [0u8; 8])),
                    THE_SHARED => {
                        let socket = self.socket.clone();
                        read_some(&socket, &mut buffer, |from, datagram| self.receive(now, from, datagram));
                    }
                    key => {
                        let Some(socket) = self.seats.get(&key).and_then(|seat| seat.socket.clone()) else { continue };
                        read_some(&socket, &mut buffer, |from, datagram| self.receive_own(now, key, from, datagram));
                    }
                }
            }
            self.tick(now);
            self.sleep(&mut events);
        }
        let keys: Vec<Key> = self.seats.keys().copied().collect();
        keys.into_iter().for_each(|key| self.close(Instant::now(), key));
    }

    fn sleep(&self, events: &mut Vec<epoll::Event>) {
        let now = Instant::now();
        let due = self.seats.values().filter_map(|seat| seat.peer.poll_timeout()).min();
        let nap = due.map_or(LONGEST_NAP, |due| due.saturating_duration_since(now));
        let timeout = Timespec { tv_sec: nap.as_secs() as i64, tv_nsec: nap.subsec_nanos().into() };
        // An interrupted sleep is a short one.
        let _ = epoll::wait(&self.ready, rustix::buffer::spare_capacity(events), Some(&timeout));
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Admit(admission) => {
                let Admission { key, peer, leg, arrivals, news, socket } = *admission;
                self.by_ufrag.extend(peer.ufrags().map(|ufrag| (ufrag.to_owned(), key)));
                if let Some(socket) = &socket {
                    let data = epoll::EventData::new_u64(key);
                    if let Err(error) = epoll::add(&self.ready, &**socket, data, epoll::EventFlags::IN) {
                        // The end of the channel ends the call.
                        return tracing::error!(%error, "A port cannot be read");
                    }
                }
                self.seats.insert(key, Seat { peer, leg, arrivals, news, socket });
                self.flush(key);
            }
            Order::Redirect(key, to) => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    seat.peer.redirect(to);
                }
                self.flush(key);
            }
            Order::Renew(key, peer) => {
                let Some(seat) = self.seats.get_mut(&key) else { return };
                seat.peer = *peer;
                self.by_ufrag.retain(|_, owner| *owner != key);
                self.by_ufrag.extend(seat.peer.ufrags().map(|ufrag| (ufrag.to_owned(), key)));
                self.by_address.retain(|_, owner| *owner != key);
                self.flush(key);
            }
            Order::Restart { key, local, remote_ufrag } => {
                if let Some(seat) = self.seats.get_mut(&key) {
                    self.by_ufrag.insert(local.ufrag.clone(), key);
                    seat.peer.restart(local, remote_ufrag);
                    let known: Vec<&str> = seat.peer.ufrags().collect();
                    self.by_ufrag.retain(|ufrag, owner| *owner != key || known.contains(&ufrag.as_str()));
                }
            }
            Order::Close(key) => self.close(now, key),
        }
    }

    fn close(&mut self, now: Instant, key: Key) {
        let Some(mut seat) = self.seats.remove(&key) else { return };
        seat.peer.close(now);
        seat.send(&self.socket);
        if let Some(socket) = &seat.socket {
            let _ = epoll::delete(&self.ready, &**socket);
        }
        self.by_ufrag.retain(|_, owner| *owner != key);
        self.by_address.retain(|_, owner| *owner != key);
    }

    fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        match datagram.first() {
            Some(0..=3) => self.check(now, from, datagram),
            Some(20..=63) => {
                if let Some(key) = self.by_address.get(&from).copied() {
                    if let Some(seat) = self.seats.get_mut(&key) {
                        seat.peer.handle_dtls(now, from, datagram);
                    }
                    self.flush(key);
                }
            }
            Some(128..=191) => {
                let seat = self.by_address.get(&from).and_then(|key| self.seats.get_mut(key));
                if let Some(seat) = seat {
                    seat.audio(datagram);
                }
            }
            // TURN channels and whatever else: nothing of ours.
            _ => {}
        }
    }

    fn receive_own(&mut self, now: Instant, key: Key, from: SocketAddr, datagram: &[u8]) {
        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
        let Some(seat) = self.seats.get_mut(&key) else { return };
        match datagram.first() {
            Some(20..=63) => seat.peer.handle_dtls(now, from, datagram),
            Some(128..=191) if seat.peer.is_heard_from(from) => return seat.audio(datagram),
            // Strangers, and telephones that keep their way open by datagrams of other kinds.
            _ => return,
        }
        self.flush(key);
    }

    fn check(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Ok(request) = stun::parse(datagram) else { return };
        let ours = request.username.split_once(':').map_or("", |(ours, _)| ours);
        let Some(key) = self.by_ufrag.get(ours).copied() else { return };
        let Some(seat) = self.seats.get_mut(&key) else { return };
        let Some(checked) = seat.peer.handle_check(now, from, &request) else { return };
        let _ = self.socket.send_to(&checked.answer, from);
        if checked.is_new {
            if let Some(forgotten) = checked.forgotten {
                self.by_address.remove(&forgotten);
            }
            // The newest proof counts: behind a router an address may have been another browser's before.
            self.by_address.insert(from, key);
        }
        self.flush(key);
    }

    fn tick(&mut self, now: Instant) {
        let due: Vec<Key> = self.seats.iter().filter(|(_, seat)| seat.is_due(now)).map(|(key, _)| *key).collect();
        for key in due {
            if let Some(seat) = self.seats.get_mut(&key) {
                seat.peer.handle_timeout(now);
            }
            self.flush(key);
        }
    }

    /// Sends and tells what a browser has ready.
    fn flush(&mut self, key: Key) {
        let Some(seat) = self.seats.get_mut(&key) else { return };
        seat.send(&self.socket);
        let mut is_over = false;
        while let Some(news) = seat.peer.poll_news() {
            is_over |= matches!(news, News::Closed | News::Lost);
            seat.told(news);
        }
        if is_over {
            self.close(Instant::now(), key);
        }
    }
}

/// Reads what waits, up to a batch.
fn read_some(socket: &UdpSocket, buffer: &mut [u8], mut take: impl FnMut(SocketAddr, &[u8])) {
    for _ in 0..BATCH {
        match socket.recv_from(buffer) {
            Ok((len, from)) => take(from, &buffer[..len]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // An ICMP error belongs to something that was sent; reading it clears it.
            Err(_) => {}
        }
    }
}

impl Seat {
    fn is_due(&self, now: Instant) -> bool {
        self.peer.poll_timeout().is_some_and(|due| due <= now)
    }

    fn send(&mut self, shared: &UdpSocket) {
        let socket = self.socket.as_deref().unwrap_or(shared);
        while let Some((to, datagram)) = self.peer.poll_transmit() {
            let _ = socket.send_to(&datagram, to);
        }
    }

    fn audio(&mut self, datagram: &[u8]) {
        let Ok(datagram) = Datagram::try_from(datagram) else {
            metrics::counter!("switchboard_browser_datagrams_too_long_total").increment(1);
            return;
        };
        debug_assert!(datagram.len() <= DATAGRAM_MAX);
        // Late audio is worth nothing: what the leg has no room for is lost like any other packet.
        if self.arrivals.push(datagram).is_ok()
            && let Some(leg) = self.leg.upgrade()
        {
            leg.arrived();
        }
    }

    fn told(&mut self, news: News) {
        let told = match news {
            News::Connected(keys, to) => {
                let Some(leg) = self.leg.upgrade() else { return };
                // The queue of a leg that was just made is empty.
                let taken = leg.send(LegCommand::Secure(keys)).is_ok() && leg.send(LegCommand::Route(to)).is_ok();
                if taken { Told::Connected } else { Told::Lost }
            }
            News::Moved(to) => {
                if let Some(leg) = self.leg.upgrade() {
                    let _ = leg.send(LegCommand::Route(to));
                }
                Told::Moved
            }
            News::Closed => Told::Closed,
            News::Lost => Told::Lost,
        };
        // The end of the channel ends the call as well.
        let _ = self.news.try_send(told);
    }
}
