//! The load: callers in a process of their own, each sending a packet every 20 ms, all at different moments.
//!
//! The parent writes one line of addresses; the child sends to them for as long as it was told and answers with one
//! line of figures.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::speech::{Mouth, Speech};

/// Before anything is counted: jitter buffers fill, caches warm, the node finds its pace.
const WARM_UP: Duration = Duration::from_secs(2);
const PACKET_MS: u64 = 20;

/// What the callers saw.
#[derive(Debug, Default)]
pub struct Report {
    pub answered_percent: f64,
    pub spacing_p50_ms: f64,
    pub spacing_p99_ms: f64,
    pub spacing_max_ms: f64,
}

/// The process of callers, seen from the bench.
pub struct Callers {
    child: Child,
    pub addresses: Vec<SocketAddr>,
}

impl Callers {
    pub fn start(calls: usize) -> Callers {
        Callers::speaking(calls, Speech::Plain)
    }

    pub fn speaking(calls: usize, speech: Speech) -> Callers {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["callers", &calls.to_string(), speech.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Callers { child, addresses: parse(&line) }
    }

    /// Has them call `targets`, and returns what `processor_time` grew by during `span`, with their report.
    pub fn load(
        mut self,
        targets: &[SocketAddr],
        span: Duration,
        processor_time: impl Fn() -> Duration,
    ) -> (Duration, Report) {
        let line: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
        let mut orders = self.child.stdin.take().unwrap();
        writeln!(orders, "{} {}", span.as_millis(), line.join(" ")).unwrap();
        std::thread::sleep(WARM_UP);
        let before = processor_time();
        std::thread::sleep(span);
        let cost = processor_time() - before;
        let mut line = String::new();
        BufReader::new(self.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        self.child.wait().unwrap();
        let figures: Vec<f64> = line.split_whitespace().map(|figure| figure.parse().unwrap()).collect();
        let [answered_percent, spacing_p50_ms, spacing_p99_ms, spacing_max_ms] = figures[..] else {
            panic!("callers said {line:?}")
        };
        (cost, Report { answered_percent, spacing_p50_ms, spacing_p99_ms, spacing_max_ms })
    }
}

fn parse(line: &str) -> Vec<SocketAddr> {
    line.split_whitespace().filter_map(|address| address.parse().ok()).collect()
}

/// The callers themselves.
pub fn run() {
    // Callers that are late send in bursts, which flatters whoever wakes for each packet.
    let _ = rustix::process::setpriority_process(None, -12);
    let calls: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let sockets: Vec<UdpSocket> = (0..calls).map(|_| stamped_socket()).collect();
    let own: Vec<String> = sockets.iter().map(|socket| socket.local_addr().unwrap().to_string()).collect();
    println!("{}", own.join(" "));
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    let span = Duration::from_millis(line.split_whitespace().next().unwrap().parse().unwrap());
    let targets = parse(&line);
    assert_eq!(targets.len(), calls);
    let speech = Speech::named(&std::env::args().nth(3).unwrap());
    let mouths = (0..calls).map(|index| Mouth::of(speech, index)).collect();
    let report = call(&sockets, mouths, &targets, WARM_UP, span);
    println!(
        "{} {} {} {}",
        report.answered_percent, report.spacing_p50_ms, report.spacing_p99_ms, report.spacing_max_ms
    );
}

fn call(
    sockets: &[UdpSocket],
    mut mouths: Vec<Mouth>,
    targets: &[SocketAddr],
    warm_up: Duration,
    span: Duration,
) -> Report {
    let calls = sockets.len() as u64;
    let start = Instant::now();
    let step = Duration::from_millis(PACKET_MS) / calls as u32;
    let packets = (warm_up + span).as_millis() as u64 / PACKET_MS;
    let counted_from = warm_up.as_millis() as u64 / PACKET_MS;
    let mut last_ns = vec![0u64; sockets.len()];
    let mut spacings = Vec::new();
    let mut answered = 0u64;
    for number in 0..packets {
        for (index, socket) in sockets.iter().enumerate() {
            let due = start + Duration::from_millis(number * PACKET_MS) + step * index as u32;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            let _ = socket.send_to(&mouths[index].packet(number), targets[index]);
            while let Some(at_ns) = receive(socket) {
                if number >= counted_from {
                    answered += 1;
                    if last_ns[index] > 0 {
                        spacings.push((at_ns - last_ns[index].min(at_ns)) as f64 / 1e6);
                    }
                }
                last_ns[index] = at_ns;
            }
        }
    }
    spacings.sort_by(f64::total_cmp);
    let at = |share: f64| spacings.get((spacings.len() as f64 * share) as usize).or(spacings.last()).copied();
    Report {
        answered_percent: answered as f64 * 100.0 / ((packets - counted_from) * calls) as f64,
        spacing_p50_ms: at(0.5).unwrap_or(0.0),
        spacing_p99_ms: at(0.99).unwrap_or(0.0),
        spacing_max_ms: spacings.last().copied().unwrap_or(0.0),
    }
}

/// A socket whose datagrams carry the time at which the kernel took them (on loopback: at which they were sent).
fn stamped_socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let on: libc::c_int = 1;
    // SAFETY: the descriptor is open, and the option's value is an int of the length given.
    let set = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_TIMESTAMPNS,
            (&raw const on).cast(),
            size_of_val(&on) as libc::socklen_t,
        )
    };
    assert_eq!(set, 0);
    socket
}

/// The receive time of the next datagram in nanoseconds since the epoch.
fn receive(socket: &UdpSocket) -> Option<u64> {
    let mut datagram = [0u8; 1500];
    let mut control = [0u64; 8];
    let mut part = libc::iovec { iov_base: datagram.as_mut_ptr().cast(), iov_len: datagram.len() };
    // SAFETY: all-zero is a valid msghdr; its pointers are set to live buffers of the lengths given, and control
    // messages are read with the macros that stay within them.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control);
        if libc::recvmsg(socket.as_raw_fd(), &raw mut message, 0) < 0 {
            return None;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null() {
            return Some(0);
        }
        let stamp = libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned();
        Some(stamp.tv_sec as u64 * 1_000_000_000 + stamp.tv_nsec as u64)
    }
}
