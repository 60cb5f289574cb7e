//! A far end under full control: it sends text over a UDP socket and says what must come back.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::net::UdpSocket;

use crate::house::PATIENCE;

static NEXT: AtomicU32 = AtomicU32::new(1);

/// A number that no other part of the test process has.
pub fn unique() -> u32 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A message as text.
#[derive(Clone, Debug)]
pub struct Message(pub String);

impl Message {
    pub fn start_line(&self) -> &str {
        self.0.lines().next().unwrap_or_default()
    }

    pub fn status(&self) -> Option<u16> {
        self.start_line().strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    pub fn headers(&self, name: &str) -> Vec<&str> {
        let head = self.0.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        lines.filter(|(key, _)| key.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub fn body(&self) -> &str {
        self.0.split_once("\r\n\r\n").map_or("", |(_, body)| body)
    }

    /// The tag of From or To.
    pub fn tag(&self, header: &str) -> String {
        let value = self.header(header).unwrap_or_default();
        value.split(";tag=").nth(1).unwrap_or_default().split(';').next().unwrap_or_default().to_owned()
    }

    pub fn method(&self) -> &str {
        self.start_line().split(' ').next().unwrap_or_default()
    }
}

/// An offer or answer of PCMU on a port.
pub fn sdp(port: u16) -> String {
    sdp_with(port, "0 101", "sendrecv")
}

pub fn sdp_with(port: u16, formats: &str, direction: &str) -> String {
    format!(
        "v=0\r\no=peer 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {formats}\r\n\
         a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    )
}

/// The far end of one call.
pub struct Peer {
    pub socket: UdpSocket,
    pub server: SocketAddr,
    pub call_id: String,
    pub local_tag: String,
    pub remote_tag: String,
    pub cseq: u32,
}

impl Peer {
    pub async fn new(server: SocketAddr) -> Peer {
        Peer::at("127.0.0.1", server).await
    }

    pub async fn at(address: &str, server: SocketAddr) -> Peer {
        let socket = UdpSocket::bind((address, 0)).await.unwrap();
        let number = unique();
        Peer {
            socket,
            server,
            call_id: format!("call-{number}@test"),
            local_tag: format!("peer{number}"),
            remote_tag: String::new(),
            cseq: 0,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// A request with the next number and a branch of its own.
    pub fn request(&mut self, method: &str, extra: &str, body: &str) -> String {
        self.cseq += 1;
        self.request_numbered(method, self.cseq, &format!("z9hG4bK-{}", unique()), extra, body)
    }

    pub fn request_numbered(&self, method: &str, cseq: u32, branch: &str, extra: &str, body: &str) -> String {
        let (server, address) = (self.server, self.address());
        let remote = if self.remote_tag.is_empty() { String::new() } else { format!(";tag={}", self.remote_tag) };
        let content_type =
            if body.is_empty() || extra.contains("Content-Type") { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} sip:desk@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:+4930123456@{address}>;tag={}\r\nTo: <sip:desk@{server}>{remote}\r\nCall-ID: {}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:peer@{address}>\r\n{extra}{content_type}Content-Length: {}\r\n\r\n{body}",
            self.local_tag,
            self.call_id,
            body.len(),
        )
    }

    /// A request of ours within the call that this INVITE of the server began.
    pub fn request_within(&mut self, invite: &Message, method: &str) -> String {
        self.request_within_with(invite, method, "", "")
    }

    pub fn request_within_with(&mut self, invite: &Message, method: &str, extra: &str, body: &str) -> String {
        self.call_id = invite.header("Call-ID").unwrap().to_owned();
        self.remote_tag = invite.tag("From");
        self.request(method, extra, body)
    }

    /// A response to a request of the server.
    pub fn response(&self, request: &Message, status: &str, extra: &str, body: &str) -> String {
        let mut out = format!("SIP/2.0 {status}\r\n");
        for via in request.headers("Via") {
            out.push_str(&format!("Via: {via}\r\n"));
        }
        let to = request.header("To").unwrap();
        let tag = if to.contains(";tag=") || status.starts_with("100") {
            String::new()
        } else {
            format!(";tag={}", self.local_tag)
        };
        let content_type = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        out.push_str(&format!(
            "From: {}\r\nTo: {to}{tag}\r\nCall-ID: {}\r\nCSeq: {}\r\nContact: <sip:peer@{}>\r\n{extra}{content_type}Content-Length: {}\r\n\r\n{body}",
            request.header("From").unwrap(),
            request.header("Call-ID").unwrap(),
            request.header("CSeq").unwrap(),
            self.address(),
            body.len(),
        ));
        out
    }

    pub async fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).await.unwrap();
    }

    pub async fn receive(&self) -> Message {
        self.receive_from().await.0
    }

    pub async fn receive_from(&self) -> (Message, SocketAddr) {
        let mut buffer = vec![0; 65_535];
        let (length, from) =
            tokio::time::timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.expect("a message comes").unwrap();
        (Message(String::from_utf8_lossy(&buffer[..length]).into_owned()), from)
    }

    /// The next response with this status, whatever other responses come before it.
    pub async fn expect(&mut self, status: u16) -> Message {
        loop {
            let message = self.receive().await;
            match message.status() {
                Some(found) if found == status => {
                    let is_invite = message.header("CSeq").is_some_and(|cseq| cseq.ends_with("INVITE"));
                    if is_invite && status > 100 && status < 300 && self.remote_tag.is_empty() {
                        self.remote_tag = message.tag("To");
                    }
                    return message;
                }
                Some(found) => assert!(found < 200, "{found} came instead of {status}: {message:?}"),
                None => panic!("a request came instead of {status}: {message:?}"),
            }
        }
    }

    /// Sends a request; whether its 200 comes within this time. A call that is over already, since this machine was too
    /// busy for its ACK, answers a BYE with 481.
    pub async fn is_answered(&mut self, request: &str, within: std::time::Duration) -> bool {
        self.send(request).await;
        let cseq = Message(request.to_owned()).header("CSeq").map(str::to_owned);
        let wait = async {
            loop {
                let message = self.receive().await;
                if matches!(message.status(), Some(200 | 481)) && message.header("CSeq") == cseq.as_deref() {
                    self.remote_tag = message.tag("To");
                    return;
                }
            }
        };
        tokio::time::timeout(within, wait).await.is_ok()
    }

    /// The next request of this method, skipping retransmissions of others.
    pub async fn expect_request(&mut self, method: &str) -> Message {
        loop {
            let message = self.receive().await;
            if message.method() == method {
                return message;
            }
        }
    }

    /// INVITE with an offer, up to 200 and ACK; the house must answer meanwhile.
    pub async fn establish(&mut self, extra: &str) -> Message {
        let invite = self.request("INVITE", extra, &sdp(30_000));
        self.send(&invite).await;
        let ok = self.expect(200).await;
        self.ack("").await;
        ok
    }

    /// ACK for the INVITE with the last number.
    pub async fn ack(&self, body: &str) {
        self.send(&self.request_numbered("ACK", self.cseq, &format!("z9hG4bK-{}", unique()), "", body)).await;
    }

    /// ACK for a refusal of the INVITE with this branch.
    pub async fn ack_refusal(&self, branch: &str, refusal: &Message) {
        let to_tag = refusal.tag("To");
        let ack = self.request_numbered("ACK", self.cseq, branch, "", "");
        let to = format!("To: <sip:desk@{}>", self.server);
        self.send(&ack.replace(&to, &format!("{to};tag={to_tag}"))).await;
    }
}
