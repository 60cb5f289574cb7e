//! rtpengine (Debian's `rtpengine-daemon`) as a peer: pairs of callers joined by it in user space, set up over its
//! `ng` protocol (a cookie and a bencoded dictionary in one datagram each way).

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running one; ended when it is dropped.
pub struct RtpEngine {
    process: Child,
    control: UdpSocket,
    asked: u32,
}

impl RtpEngine {
    /// Starts it on free ports of loopback; `None` where it is not installed.
    pub fn start() -> Option<RtpEngine> {
        let control = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        control.set_read_timeout(Some(Duration::from_millis(200))).expect("the time is not zero");
        let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has a free port");
        let listens = free.local_addr().expect("it is bound");
        drop(free);
        let process = Command::new("rtpengine")
            .args(["--config-file=none", "--foreground", "--log-stderr", "--log-level=3", "--table=-1"])
            .args(["--interface=127.0.0.1", "--port-min=40000", "--port-max=49999"])
            .arg(format!("--listen-ng={listens}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        control.connect(listens).expect("both are on loopback");
        let mut engine = RtpEngine { process, control, asked: 0 };
        let is_up = (0..50).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            engine.ask(&[("command", "ping")]).is_some_and(|reply| reply.contains("pong"))
        });
        assert!(is_up, "rtpengine does not answer on {listens}");
        Some(engine)
    }

    /// Its process, for counting.
    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Joins two callers of G.711 µ-law; where each of them is to send.
    pub fn join(&mut self, a: SocketAddr, b: SocketAddr) -> [SocketAddr; 2] {
        let call = format!("bench-{a}");
        let common = [("call-id", call.as_str()), ("from-tag", "a"), ("ICE", "remove"), ("trust-address", "on")];
        let offer = sdp(a);
        let mut order = vec![("command", "offer"), ("sdp", offer.as_str())];
        order.extend(common);
        let to_b = described(&self.ask(&order).expect("rtpengine takes an offer"));
        let answer = sdp(b);
        let mut order = vec![("command", "answer"), ("sdp", answer.as_str()), ("to-tag", "b")];
        order.extend(common);
        let to_a = described(&self.ask(&order).expect("rtpengine takes an answer"));
        [to_a, to_b]
    }

    fn ask(&mut self, order: &[(&str, &str)]) -> Option<String> {
        self.asked += 1;
        let mut order = order.to_vec();
        // Bencoded dictionaries are sorted by key.
        order.sort_unstable();
        let entries: String =
            order.iter().map(|(key, value)| format!("{}:{key}{}:{value}", key.len(), value.len())).collect();
        self.control.send(format!("{} d{entries}e", self.asked).as_bytes()).ok()?;
        let mut reply = [0; 4096];
        let len = self.control.recv(&mut reply).ok()?;
        Some(String::from_utf8_lossy(&reply[..len]).into_owned())
    }
}

impl Drop for RtpEngine {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sdp(caller: SocketAddr) -> String {
    let (ip, port) = (caller.ip(), caller.port());
    format!(
        "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
    )
}

/// The audio address in the description within a reply.
fn described(reply: &str) -> SocketAddr {
    let port =
        reply.split("m=audio ").nth(1).and_then(|rest| rest.split(' ').next()).and_then(|port| port.parse().ok());
    SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or_else(|| panic!("no audio in {reply}"))))
}
