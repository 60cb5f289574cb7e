//! The port that all browsers share, from outside the thread that reads it ([`desk`](super::desk)).

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::JoinHandle;

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, eventfd};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::mpsc;

use super::desk::Desk;
use super::ice::Credentials;
use super::peer::Peer;
use crate::seams::media::{Datagram, LegPort};

/// Orders between two wake-ups, which come within microseconds; a fuller queue refuses the call.
const ORDERS_MAX: usize = 256;
/// A second of twenty browsers waits in the kernel while the thread is held up.
const RECEIVE_BYTES: usize = 1 << 20;

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
    /// A port of its own, where it is not found by its checks.
    pub socket: Option<Arc<UdpSocket>>,
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
    /// Its description names another address.
    Redirect(Key, SocketAddr),
    /// Keys are exchanged anew, with whom another description names. What was agreed is used until then.
    Renew(Key, Box<Peer>),
    /// Says goodbye and forgets it.
    Close(Key),
}

/// The port, from outside its thread.
pub struct Port {
    socket: Arc<UdpSocket>,
    bell: Arc<Bell>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Wakes the thread, and brings it orders.
pub(super) struct Bell {
    pub wake: OwnedFd,
    pub orders: ArrayQueue<Order>,
    pub stopped: AtomicBool,
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
        let socket = bind(listen, RECEIVE_BYTES)?;
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let bell = Arc::new(Bell { wake, orders: ArrayQueue::new(ORDERS_MAX), stopped: AtomicBool::new(false) });
        let desk = Desk::new(socket.clone(), bell.clone())?;
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

/// A socket for real-time audio; the kernel may grant a smaller buffer, and a burst is then shorter.
fn bind(listen: SocketAddr, receive_bytes: usize) -> io::Result<Arc<UdpSocket>> {
    let socket = Socket::new(Domain::for_address(listen), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    let _ = socket.set_recv_buffer_size(receive_bytes);
    if listen.is_ipv4() {
        let _ = socket.set_tos_v4(EXPEDITED_FORWARDING);
    }
    socket.bind(&listen.into())?;
    Ok(Arc::new(UdpSocket::from(socket)))
}

/// A socket on an even port of this range, from `start` on, which is drawn at random so that ports rest after a call. The
/// odd port after it is left alone, since far ends may send reports there.
pub(super) fn bind_even(ip: IpAddr, ports: &RangeInclusive<u16>, start: u16) -> io::Result<Arc<UdpSocket>> {
    let first = ports.start().saturating_add(1) & !1;
    let count = u32::from(ports.end().saturating_sub(first)) / 2;
    let taken = || io::Error::new(io::ErrorKind::AddrInUse, "all RTP ports are in use");
    (0..count.min(TRIES_MAX))
        .find_map(|step| {
            let port = first + (2 * ((u32::from(start) + step) % count)) as u16;
            bind(SocketAddr::new(ip, port), OWN_RECEIVE_BYTES).ok()
        })
        .ok_or_else(taken)
}

/// Ports that are tried before a call is refused: the range is taken up almost wholly by then.
const TRIES_MAX: u32 = 1_000;
/// About a second of one call.
const OWN_RECEIVE_BYTES: usize = 64 * 1024;
