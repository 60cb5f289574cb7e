//! Calls over TCP, and streams that do not behave (S7).

use std::net::SocketAddr;
use std::time::Duration;

use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::house::{House, PATIENCE, config, event, until};
use crate::peer::{Message, Peer, sdp};

/// A stream with what was read of it.
pub struct Stream<S = TcpStream> {
    pub stream: S,
    read: Vec<u8>,
    /// How it is called in a Via.
    via: &'static str,
}

impl Stream {
    pub async fn to(server: SocketAddr) -> Stream {
        Stream::of(TcpStream::connect(server).await.unwrap())
    }

    pub fn of(stream: TcpStream) -> Stream {
        stream.set_nodelay(true).unwrap();
        Stream::over(stream, "TCP")
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    pub fn over(stream: S, via: &'static str) -> Stream<S> {
        Stream { stream, read: Vec::new(), via }
    }

    pub async fn send(&mut self, text: &str) {
        let text = text.replace("SIP/2.0/UDP", &format!("SIP/2.0/{}", self.via));
        self.stream.write_all(text.as_bytes()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// A keep-alive, and its answer (RFC 5626 §3.5.1).
    pub async fn ping(&mut self) {
        self.stream.write_all(b"\r\n\r\n").await.unwrap();
        let mut pong = [0; 2];
        self.stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"\r\n");
    }

    /// The next message; `None` when the stream ended.
    pub async fn receive(&mut self) -> Option<Message> {
        loop {
            if let Some(end) = self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                let head = Message(String::from_utf8_lossy(&self.read[..end + 4]).into_owned());
                // RFC 3261 §18.3: on a stream every message tells it, and telephones give up where it is missing.
                let body: usize =
                    head.header("Content-Length").unwrap_or_else(|| panic!("no length: {head:?}")).parse().unwrap();
                if self.read.len() >= end + 4 + body {
                    let rest = self.read.split_off(end + 4 + body);
                    let message = std::mem::replace(&mut self.read, rest);
                    return Some(Message(String::from_utf8_lossy(&message).into_owned()));
                }
            }
            let mut buffer = [0; 4_096];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.expect("something comes");
            match read {
                Ok(0) | Err(_) => return None,
                Ok(read) => self.read.extend_from_slice(&buffer[..read]),
            }
        }
    }

    pub async fn expect(&mut self, status: u16) -> Message {
        loop {
            let message = self.receive().await.expect("the stream goes on");
            match message.status() {
                Some(found) if found == status => return message,
                Some(found) if found < 200 => {}
                _ => panic!("instead of {status}: {message:?}"),
            }
        }
    }
}

/// S1: a call over TCP, its INVITE in single bytes, its ACK and BYE in one segment.
#[tokio::test]
async fn a_call_comes_over_tcp_however_it_is_cut() {
    let mut house = House::start().await;
    let mut stream = Stream::to(house.address()).await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000)).replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    for byte in invite.as_bytes() {
        stream.stream.write_all(&[*byte]).await.unwrap();
    }
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let ok = stream.expect(200).await;
    assert!(ok.header("Contact").unwrap().contains("transport=tcp"));
    peer.remote_tag = ok.tag("To");
    let ack = peer.request_numbered("ACK", 1, "z9hG4bK-tcpack", "", "");
    let info = peer.request("INFO", "", "");
    stream.send(&format!("{ack}\r\n{info}")).await;
    stream.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    // Our BYE takes the same connection.
    call.dialog.hang_up().await.unwrap();
    assert_eq!(stream.receive().await.unwrap().method(), "BYE");
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));
}

#[tokio::test]
async fn we_call_over_tcp() {
    let house = House::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = Destination::Uri(format!("sip:anna@{};transport=tcp", listener.local_addr().unwrap()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    let mut stream = Stream::of(listener.accept().await.unwrap().0);
    let peer = Peer::new(house.address()).await;
    let invite = stream.receive().await.unwrap();
    assert!(invite.header("Via").unwrap().starts_with("SIP/2.0/TCP"));
    stream.send(&peer.response(&invite, "200 OK", "", &sdp(30_000))).await;
    assert_eq!(stream.receive().await.unwrap().method(), "ACK");
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
}

/// S7: connect, INVITE, reset: the call ends and nothing stays.
#[tokio::test]
async fn a_connection_that_is_reset_leaves_nothing() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let mut stream = Stream::to(house.address()).await;
    stream.send(&peer.request("INVITE", "", &sdp(30_000))).await;
    let mut call = house.next_call().await;
    socket2::SockRef::from(&stream.stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
    call.dialog.answer().await.unwrap();
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
    drop(call);
    until("nothing stays", || house.server.load().dialogs == 0 && *house.legs.open.lock().unwrap() == 0).await;
}

/// S7: a message that drips and a connection that idles are closed; keep-alives are answered meanwhile.
#[tokio::test]
async fn slow_and_idle_connections_are_closed() {
    let mut tight = config();
    tight.limits.tcp_idle_seconds = 1;
    tight.limits.tcp_message_seconds = 1;
    let house = House::with(tight).await;
    let mut idle = Stream::to(house.address()).await;
    idle.ping().await;
    let mut slow = Stream::to(house.address()).await;
    let dripping = async {
        for letter in "OPTIONS sip:a@b SIP/2.0\r\nX: ".bytes().chain(std::iter::repeat(b'x')) {
            if slow.stream.write_all(&[letter]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("the slow one is closed");
    assert!(idle.receive().await.is_none());
}

/// S7: one address has no more connections than its share; others still get in.
#[tokio::test]
async fn connections_are_counted_by_their_source() {
    let mut tight = config();
    tight.limits.tcp_connections_per_source = 2;
    let house = House::with(tight).await;
    let mut open = [Stream::to(house.address()).await, Stream::to(house.address()).await];
    let mut peer = Peer::new(house.address()).await;
    for stream in &mut open {
        stream.send(&peer.request("OPTIONS", "", "")).await;
        stream.expect(200).await;
    }
    let mut third = Stream::to(house.address()).await;
    assert!(third.receive().await.is_none());
    drop(open);
    let got_in = async {
        loop {
            let mut again = Stream::to(house.address()).await;
            let options = peer.request("OPTIONS", "", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
            if again.stream.write_all(options.as_bytes()).await.is_ok() && again.receive().await.is_some() {
                break;
            }
        }
    };
    tokio::time::timeout(PATIENCE, got_in).await.expect("a place came free");
}

/// S2: lengths that cannot be, and heads without end.
#[tokio::test]
async fn a_stream_that_lost_its_place_is_refused_and_closed() {
    let house = House::start().await;
    for (length, status) in [("-1", Some(400)), ("2147483648", Some(513))] {
        let mut stream = Stream::to(house.address()).await;
        let mut peer = Peer::new(house.address()).await;
        let options =
            peer.request("OPTIONS", "", "").replace("Content-Length: 0", &format!("Content-Length: {length}"));
        stream.send(&options).await;
        assert_eq!(stream.receive().await.unwrap().status(), status);
        assert!(stream.receive().await.is_none());
    }
    let mut stream = Stream::to(house.address()).await;
    let mut written = stream.stream.write_all(b"OPTIONS sip:a@b SIP/2.0\r\nX: ").await;
    for _ in 0..1_000 {
        if written.is_err() {
            break;
        }
        written = stream.stream.write_all(&[b'a'; 1_000]).await;
    }
    assert!(stream.receive().await.is_none());
    let mut peer = Peer::new(house.address()).await;
    let options = peer.request("OPTIONS", "", "");
    peer.send(&options).await;
    peer.expect(200).await;
}
