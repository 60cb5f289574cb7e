//! The port that all browsers share, and the thread that reads it.
//!
//! 1. A datagram is a check, a piece of a key exchange, or audio (RFC 7983); everything else is dropped unread.
//! 2. A check names its call by our fragment in it; the other two belong to whom their sender was proven to be.
//! 3. Checks and exchanges are answered here. Audio goes into the ring of its leg, whose own thread opens it; what a
//!    leg says it sends by this socket itself.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use super::ice::Credentials;
use super::peer::{News, Peer};
use super::stun;
use crate::seams::media::{DATAGRAM_MAX, Datagram, LegCommand, LegPort};

/// Orders between two wake-ups, which come within microseconds; a fuller queue refuses the call.
const ORDERS_MAX: usize = 256;
/// Datagrams read before timers get their turn: a flood cannot hold up an exchange of keys.
const BATCH: usize = 64;
/// A second of twenty browsers waits in the kernel while the thread is held up.
const RECEIVE_BYTES: usize = 1 << 20;
/// Nothing that we read is longer: DTLS keeps below the path's 1200 to 1500 bytes.
const READ_MAX: usize = 2048;
/// Without browsers there is nothing to wake up for.
const LONGEST_NAP: Duration = Duration::from_secs(3600);

/// Names a browser's call at the port.
pub type Key = u64;

/// What a call is told by the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Both sides have the keys, and audio can go both ways.
    Connected,
    /// The browser's address has changed.
    Moved,
    /// The browser ended it.
    Closed,
    /// Nobody came in time, or nothing was heard for too long.
    Lost,
}

/// A browser that is expected.
pub struct Admission {
    /// Its name.
    pub key: Key,
    /// Its side of the port.
    pub peer: Peer,
    /// Its leg, which its call owns.
    pub leg: Weak<dyn LegPort>,
    /// Where its audio goes.
    pub arrivals: rtrb::Producer<Datagram>,
    /// Where news go.
    pub news: mpsc::Sender<Told>,
}

/// An order to the thread.
pub enum Order {
    /// Expects a browser.
    Admit(Box<Admission>),
    /// New credentials of both sides.
    Restart {
        /// Whose.
        key: Key,
        /// Ours.
        local: Credentials,
        /// The browser's fragment.
        remote_ufrag: String,
    },
    /// Says goodbye and forgets it.
    Close(Key),
}

/// The port, from outside its thread.
pub struct Port {
    socket: Arc<UdpSocket>,
    bell: Arc<Bell>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Bell {
    wake: OwnedFd,
    orders: ArrayQueue<Order>,
    stopped: AtomicBool,
}

impl Bell {
    fn ring(&self) {
        // A full counter means that it rings already.
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }
}

impl Port {
    /// Binds the port and starts its thread.
    pub fn open(listen: SocketAddr) -> io::Result<Port> {
        let socket = Socket::new(Domain::for_address(listen), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
        // The kernel may grant less; a burst is then shorter.
        let _ = socket.set_recv_buffer_size(RECEIVE_BYTES);
        if listen.is_ipv4() {
            let _ = socket.set_tos_v4(EXPEDITED_FORWARDING);
        }
        socket.bind(&listen.into())?;
        let socket = Arc::new(UdpSocket::from(socket));
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let bell = Arc::new(Bell { wake, orders: ArrayQueue::new(ORDERS_MAX), stopped: AtomicBool::new(false) });
        let desk = Desk::new(socket.clone(), bell.clone());
        let thread = std::thread::Builder::new().name("browsers".into()).spawn(move || desk.run())?;
        Ok(Port { socket, bell, thread: Mutex::new(Some(thread)) })
    }

    /// The socket, for legs to send by.
    pub fn socket(&self) -> Arc<UdpSocket> {
        self.socket.clone()
    }

    /// The bound address.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Gives an order; false where too many wait.
    pub fn order(&self, order: Order) -> bool {
        let taken = self.bell.orders.push(order).is_ok();
        self.bell.ring();
        taken
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.bell.stopped.store(true, Ordering::SeqCst);
        self.bell.ring();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("The thread of the browsers' port had panicked");
        }
    }
}

/// Expedited forwarding (RFC 3246), as for every leg.
const EXPEDITED_FORWARDING: u32 = 46 << 2;

/// The thread's own state.
struct Desk {
    socket: Arc<UdpSocket>,
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
}

impl Desk {
    fn new(socket: Arc<UdpSocket>, bell: Arc<Bell>) -> Desk {
        Desk { socket, bell, seats: HashMap::new(), by_ufrag: HashMap::new(), by_address: HashMap::new() }
    }

    fn run(mut self) {
        let mut buffer = [0; READ_MAX];
        while !self.bell.stopped.load(Ordering::SeqCst) {
            let now = Instant::now();
            while let Some(order) = self.bell.orders.pop() {
                self.obey(now, order);
            }
            for _ in 0..BATCH {
                match self.socket.recv_from(&mut buffer) {
                    Ok((len, from)) => self.receive(now, from, &buffer[..len]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // An ICMP error belongs to something that was sent; reading it clears it.
                    Err(_) => {}
                }
            }
            self.tick(now);
            self.sleep();
        }
        let keys: Vec<Key> = self.seats.keys().copied().collect();
        keys.into_iter().for_each(|key| self.close(Instant::now(), key));
    }

    fn sleep(&self) {
        let now = Instant::now();
        let due = self.seats.values().map(|seat| seat.peer.poll_timeout()).min();
        let nap = due.map_or(LONGEST_NAP, |due| due.saturating_duration_since(now));
        let timeout = Timespec { tv_sec: nap.as_secs() as i64, tv_nsec: nap.subsec_nanos().into() };
        let mut polled = [PollFd::new(&self.bell.wake, PollFlags::IN), PollFd::new(&*self.socket, PollFlags::IN)];
        // An interrupted sleep is a short one.
        let _ = poll(&mut polled, Some(&timeout));
        if polled[0].revents().contains(PollFlags::IN) {
            let _ = rustix::io::read(&self.bell.wake, &mut [0u8; 8]);
        }
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Admit(admission) => {
                let Admission { key, peer, leg, arrivals, news } = *admission;
                self.by_ufrag.extend(peer.ufrags().map(|ufrag| (ufrag.to_owned(), key)));
                self.seats.insert(key, Seat { peer, leg, arrivals, news });
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
        while let Some((to, datagram)) = seat.peer.poll_transmit() {
            let _ = self.socket.send_to(&datagram, to);
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
        let due: Vec<Key> =
            self.seats.iter().filter(|(_, seat)| seat.peer.poll_timeout() <= now).map(|(key, _)| *key).collect();
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
        while let Some((to, datagram)) = seat.peer.poll_transmit() {
            let _ = self.socket.send_to(&datagram, to);
        }
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

impl Seat {
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
