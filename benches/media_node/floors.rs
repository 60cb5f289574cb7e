//! The two floors: the least that receiving, decoding, encoding and sending a packet can cost.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

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
    let serve = move || {
        // As urgent as our node asks to be: on a busy machine a loop that has to wait gathers packets and looks cheap.
        let _ = rustix::process::setpriority_process(None, -11);
        match floor {
            Floor::Event => on_events(&sockets, &stopping),
            Floor::Tick => on_ticks(&sockets, &stopping),
        }
    };
    let thread = std::thread::Builder::new().name("floor".into()).spawn(serve).unwrap();
    Running { addresses, stop, thread }
}

/// One read for each report of a readable socket: level-triggered, the fewest calls there can be.
fn on_events(sockets: &[UdpSocket], stop: &AtomicBool) {
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (index, socket) in sockets.iter().enumerate() {
        let data = epoll::EventData::new_u64(index as u64);
        epoll::add(&ready, socket, data, epoll::EventFlags::IN).unwrap();
    }
    let mut events = Vec::with_capacity(512);
    let mut datagram = [0; 1500];
    let timeout = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    while !stop.load(Ordering::Relaxed) {
        events.clear();
        epoll::wait(&ready, spare_capacity(&mut events), Some(&timeout)).unwrap();
        for event in &events {
            let socket = &sockets[event.data.u64() as usize];
            if let Ok((len, source)) = socket.recv_from(&mut datagram) {
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
