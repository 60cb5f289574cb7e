//! The two floors: the least that receiving, decoding, encoding and sending a packet can cost.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::{Events, Interest, Poll, Token};

/// How the loop wakes.
#[derive(Clone, Copy)]
pub enum Floor {
    /// For each packet.
    Event,
    /// Every 20 ms.
    Tick,
}

impl Floor {
    pub fn name(self) -> &'static str {
        match self {
            Floor::Event => "event loop",
            Floor::Tick => "tick loop",
        }
    }
}

/// A loop that runs.
pub struct Running {
    pub addresses: Vec<SocketAddr>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

pub fn start(floor: Floor, calls: usize) -> Running {
    let sockets: Vec<UdpSocket> = (0..calls)
        .map(|_| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        })
        .collect();
    let addresses = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let stopping = stop.clone();
    let serve = move || match floor {
        Floor::Event => on_events(sockets, &stopping),
        Floor::Tick => on_ticks(&sockets, &stopping),
    };
    let thread = std::thread::Builder::new().name("floor".into()).spawn(serve).unwrap();
    Running { addresses, stop, thread }
}

fn on_events(sockets: Vec<UdpSocket>, stop: &AtomicBool) {
    let mut poll = Poll::new().unwrap();
    let mut sockets: Vec<mio::net::UdpSocket> = sockets.into_iter().map(mio::net::UdpSocket::from_std).collect();
    for (index, socket) in sockets.iter_mut().enumerate() {
        poll.registry().register(socket, Token(index), Interest::READABLE).unwrap();
    }
    let mut events = Events::with_capacity(512);
    let mut datagram = [0; 1500];
    while !stop.load(Ordering::Relaxed) {
        poll.poll(&mut events, Some(Duration::from_millis(200))).unwrap();
        for event in &events {
            let socket = &sockets[event.token().0];
            // mio reports edges: a socket has to be read until it is empty.
            while let Ok((len, source)) = socket.recv_from(&mut datagram) {
                transcode(&mut datagram[..len]);
                let _ = socket.send_to(&datagram[..len], source);
            }
        }
    }
}

fn on_ticks(sockets: &[UdpSocket], stop: &AtomicBool) {
    let mut datagram = [0; 1500];
    let mut next = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        next += Duration::from_millis(20);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        for socket in sockets {
            match socket.recv_from(&mut datagram) {
                Ok((len, source)) => {
                    transcode(&mut datagram[..len]);
                    let _ = socket.send_to(&datagram[..len], source);
                }
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
    }
}

/// µ-law to linear and back (G.711), behind a plain RTP header.
fn transcode(datagram: &mut [u8]) {
    for byte in datagram.iter_mut().skip(12) {
        *byte = encode(std::hint::black_box(decode(*byte)));
    }
}

fn decode(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte) & 0x0f) << 3) + 0x84) << ((byte & 0x70) >> 4);
    if byte & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude }
}

fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = (i32::from(sample).abs().min(32_635) + 0x84) as u32;
    let exponent = 24 - magnitude.leading_zeros();
    !(sign | (exponent << 4) as u8 | ((magnitude >> (exponent + 3)) & 0x0f) as u8)
}
