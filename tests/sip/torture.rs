//! RFC 4475's messages and worse, against the live server over UDP and TCP (S1, S2).

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use switchboard::config::sip::SipConfig;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use crate::certificates::{Authority, connect};
use crate::house::{House, config};
use crate::peer::Peer;
use crate::tcp::Stream;
use crate::websocket::Page;

fn messages() -> Option<Vec<(String, Vec<u8>)>> {
    let Ok(folder) = std::env::var("FIXTURES_DIR") else {
        println!("skipped: FIXTURES_DIR is not set");
        return None;
    };
    let folder = PathBuf::from(folder).join("voice/sip/rfc4475");
    let mut found = Vec::new();
    for kind in ["valid", "invalid"] {
        for entry in std::fs::read_dir(folder.join(kind)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read(&path).unwrap()));
        }
    }
    found.sort();
    assert!(found.len() >= 48, "{}", found.len());
    Some(found)
}

/// A house that is not disturbed by how much a test asks.
async fn patient_house() -> House {
    House::with(patient_config()).await
}

fn patient_config() -> SipConfig {
    let mut patient = config();
    patient.limits.requests_per_second_per_source = 10_000;
    patient.limits.calls_per_second_per_source = 10_000;
    patient.limits.tcp_connections_per_source = 1_000;
    patient
}

/// The statuses that each may get; an empty list is silence. 405 stands for REGISTER, which nobody may here.
/// A From without a tag, as RFC 2543 allowed, is refused: no dialog could be told by it.
fn expected() -> HashMap<&'static str, &'static [u16]> {
    HashMap::from([
        ("wsinv", &[481][..]),
        ("intmeth", &[405, 501]),
        ("esc01", &[200]),
        ("escnull", &[405]),
        ("esc02", &[405, 501]),
        ("lwsdisp", &[200]),
        ("longreq", &[200]),
        ("dblreq", &[405]),
        ("semiuri", &[200]),
        ("transports", &[200]),
        ("mpart01", &[405, 200]),
        ("unreason", &[]),
        ("noreason", &[]),
        ("badinv01", &[400]),
        ("clerr", &[400]),
        ("ncl", &[400]),
        ("scalar02", &[400]),
        ("scalarlg", &[]),
        ("quotbal", &[400]),
        ("ltgtruri", &[400]),
        ("lwsruri", &[400]),
        ("lwsstart", &[400]),
        ("trws", &[400, 200]),
        ("escruri", &[400, 200]),
        ("baddate", &[400, 200]),
        ("regbadct", &[400, 405]),
        ("badaspec", &[400, 200]),
        ("baddn", &[400, 200]),
        ("badvers", &[505]),
        ("mismatch01", &[400]),
        ("mismatch02", &[400, 501]),
        ("bigcode", &[]),
        ("badbranch", &[400, 200]),
        ("insuf", &[400]),
        ("unkscm", &[416]),
        ("novelsc", &[416]),
        ("unksm2", &[400, 405]),
        ("bext01", &[420]),
        ("invut", &[415]),
        ("regaut01", &[401, 405]),
        ("multi01", &[400]),
        ("mcl01", &[400]),
        ("bcast", &[]),
        ("zeromf", &[200]),
        ("cparam01", &[405]),
        ("cparam02", &[405]),
        ("regescrt", &[405]),
        ("sdp01", &[406, 488]),
        ("inv2543", &[200, 400]),
        ("test", &[]),
    ])
}

/// S1: every message gets its answer, at the address it came from, and the server goes on.
#[tokio::test]
async fn torture_over_udp_is_answered_as_the_rfc_says() {
    let Some(messages) = messages() else { return };
    let house = patient_house().await;
    let address = house.address();
    let (_server, _legs) = house.answer_everything();
    let expected = expected();
    let mut wrong = Vec::new();
    for (name, bytes) in &messages {
        println!("{name}");
        let mut peer = Peer::new(address).await;
        peer.socket.send_to(bytes, address).await.unwrap();
        let options = peer.request("OPTIONS", "", "");
        let mut got = Vec::new();
        let wants_answer = expected.get(&**name).is_some_and(|statuses| !statuses.is_empty());
        if !wants_answer {
            peer.send(&options).await;
        }
        loop {
            let message = peer.receive().await;
            if message.header("Call-ID") == Some(&peer.call_id) {
                break;
            }
            match message.status() {
                Some(100) => continue,
                Some(status) => got.push(status),
                None => panic!("{name} made us ask: {message:?}"),
            }
            if got.len() == 1 && wants_answer {
                peer.send(&options).await;
            }
        }
        got.dedup();
        let allowed = expected.get(&**name).unwrap_or_else(|| panic!("{name} is unknown"));
        if got.len() > 1 || !got.iter().all(|status| allowed.contains(status)) {
            wrong.push((name, got));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// Where a message does not say truly how long it is, the stream cannot be followed any further and ends, after an
/// answer if it can be answered.
fn expected_on_streams() -> HashMap<&'static str, (&'static [u16], Behind)> {
    HashMap::from([
        // More is announced than comes: it is never complete, and its time runs out.
        ("clerr", (&[][..], Behind::Nothing)),
        // Its head has no end: likewise.
        ("baddn", (&[], Behind::Nothing)),
        // Its length is a number below zero, or two that differ.
        ("ncl", (&[400], Behind::Nothing)),
        ("mcl01", (&[400], Behind::Nothing)),
        // Its body, whose length it does not tell, reads as the beginning of the next message.
        ("inv2543", (&[400], Behind::Nothing)),
        // What follows in the same datagram is a message of its own in a stream.
        ("dblreq", (&[405, 400], Behind::Answer)),
    ])
}

/// S1: the same over TCP, whole, in single bytes and in pieces of seven. Each gets the answer that it gets over UDP, and
/// the stream goes on behind it unless its end could not be told.
#[tokio::test]
async fn torture_over_tcp_is_answered_as_over_udp() {
    torture(patient_config(), |tcp, _| Stream::to(tcp)).await;
}

/// S1: and over TLS.
#[tokio::test]
async fn torture_over_tls_is_answered_as_over_udp() {
    let authority = Authority::new();
    let client = &authority.client(None);
    let open = |_, tls: Option<SocketAddr>| async move { Stream::over(connect(client, tls.unwrap()).await, "TLS") };
    torture(authority.listening(patient_config()), open).await;
}

async fn torture<S, F>(mut patient: SipConfig, open: impl Fn(SocketAddr, Option<SocketAddr>) -> F)
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Stream<S>>,
{
    let Some(messages) = messages() else { return };
    patient.limits.tcp_message_seconds = 1;
    patient.limits.tcp_idle_seconds = 1;
    let (expected, on_streams) = (expected(), expected_on_streams());
    let mut wrong = Vec::new();
    for cut in [usize::MAX, 1, 7] {
        // A house of its own: the same message a second time would be a retransmission.
        let house = House::with(patient.clone()).await;
        let address = house.address();
        let tls = house.server.tls_addr();
        let (_server, _legs) = house.answer_everything();
        for (name, bytes) in &messages {
            let (allowed, end) = match on_streams.get(&**name) {
                Some(outcome) => *outcome,
                None => (expected[&**name], Behind::Answer),
            };
            let wants_answer = !allowed.is_empty();
            let asks_at = match (end, wants_answer) {
                (Behind::Answer, true) => AsksAt::Answer,
                (Behind::Answer, false) => AsksAt::Once,
                _ => AsksAt::Never,
            };
            let (got, ended) =
                over_stream(open(address, tls).await, address, bytes, cut.min(bytes.len()), asks_at).await;
            let is_right = got.is_empty() != wants_answer && got.iter().all(|status| allowed.contains(status));
            if !is_right || ended != end {
                wrong.push((name, cut, got, ended));
            }
        }
        let mut peer = Peer::new(address).await;
        let options = peer.request("OPTIONS", "", "");
        peer.send(&options).await;
        peer.expect(200).await;
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// S1: and over WebSockets, where each message is whole, as in a datagram.
#[tokio::test]
async fn torture_over_websockets_is_answered_as_over_udp() {
    let Some(messages) = messages() else { return };
    let patient = SipConfig { ws_listen: Some("127.0.0.1:0".parse().unwrap()), ..patient_config() };
    let house = House::with(patient).await;
    let (address, pages) = (house.address(), house.server.ws_addr().unwrap());
    let (_server, _legs) = house.answer_everything();
    let expected = expected();
    let mut wrong = Vec::new();
    for (name, bytes) in &messages {
        let mut page = Page::open(pages).await;
        let mut peer = Peer::new(address).await;
        page.send_bytes(bytes).await;
        let options = peer.request("OPTIONS", "", "");
        let allowed = expected[&**name];
        let mut got = Vec::new();
        if allowed.is_empty() {
            page.send(&options).await;
        }
        loop {
            let message = page.receive().await.expect("it goes on");
            if message.header("Call-ID") == Some(&peer.call_id) {
                break;
            }
            match message.status() {
                Some(100) => continue,
                Some(status) => got.push(status),
                None => panic!("{name} made us ask: {message:?}"),
            }
            if got.len() == 1 && !allowed.is_empty() {
                page.send(&options).await;
            }
        }
        got.dedup();
        if got.len() > 1 || got.is_empty() != allowed.is_empty() || !got.iter().all(|status| allowed.contains(status)) {
            wrong.push((name, got));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What follows a message on its stream.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Behind {
    /// The ordinary request behind it is answered.
    Answer,
    /// The stream ends.
    Nothing,
    /// Neither: we are left waiting.
    Silence,
}

/// When the ordinary request follows.
#[derive(Clone, Copy, PartialEq)]
enum AsksAt {
    /// Behind the message.
    Once,
    /// When the message was answered.
    Answer,
    Never,
}

/// Sends a message in pieces of `cut` bytes and an ordinary request after it. Returns the final statuses that the
/// message got, and what came behind it.
async fn over_stream(
    mut stream: Stream<impl AsyncRead + AsyncWrite + Unpin>,
    address: SocketAddr,
    bytes: &[u8],
    cut: usize,
    mut asks_at: AsksAt,
) -> (Vec<u16>, Behind) {
    let mut peer = Peer::new(address).await;
    for piece in bytes.chunks(cut) {
        if stream.stream.write_all(piece).await.is_err() {
            break;
        }
    }
    // What TLS still holds back leaves as well.
    let _ = stream.stream.flush().await;
    let options = peer.request("OPTIONS", "", "").replace("SIP/2.0/UDP", "SIP/2.0/TCP");
    if asks_at == AsksAt::Once {
        let _ = stream.stream.write_all(options.as_bytes()).await;
        let _ = stream.stream.flush().await;
    }
    let mut got = Vec::new();
    loop {
        let Ok(received) = tokio::time::timeout(Duration::from_secs(6), stream.receive()).await else {
            return (got, Behind::Silence);
        };
        let Some(message) = received else { return (got, Behind::Nothing) };
        if message.header("Call-ID") == Some(&peer.call_id) && message.status() == Some(200) {
            return (got, Behind::Answer);
        }
        match message.status() {
            Some(100) => continue,
            Some(status) => got.push(status),
            None => panic!("we were asked: {message:?}"),
        }
        got.dedup();
        if asks_at == AsksAt::Answer {
            asks_at = AsksAt::Never;
            let _ = stream.stream.write_all(options.as_bytes()).await;
            let _ = stream.stream.flush().await;
        }
    }
}

/// S2, S3: what is too large, too many or not text, over UDP.
#[tokio::test]
async fn monsters_are_survived() {
    let house = patient_house().await;
    let address = house.address();
    let (server, _legs) = house.answer_everything();
    let mut peer = Peer::new(address).await;
    let plain = peer.request("INVITE", "", "");
    let (head, tail) = plain.split_once("Contact").unwrap();
    let with = |extra: &str| format!("{head}{extra}Contact{tail}").into_bytes();
    let mut monsters = vec![
        with(&"X: y\r\n".repeat(9_000)),
        with(&format!("X: {}\r\n", "y".repeat(60_000))),
        with(&"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n".repeat(1_000)),
        with(&"Route: <sip:127.0.0.1;lr>\r\n".repeat(2_000)),
        with(&"Record-Route: <sip:127.0.0.1;lr>\r\n".repeat(1_500)),
        with(&"Contact: <sip:127.0.0.1>\r\n".repeat(2_000)),
        with("Subject: a\r\n b\r\n\tc\r\n"),
        with("Subject: \u{0}\r\n"),
        with("Content-Length: 2147483648\r\n"),
        with("Content-Length: -1\r\n"),
        vec![0xff; 65_507],
        vec![0; 65_507],
        b"INVITE ".repeat(9_000),
    ];
    let mut invalid = with("Subject: x\r\n");
    let at = invalid.windows(8).position(|window| window == b"Subject:").unwrap();
    invalid[at + 9] = 0xff;
    monsters.push(invalid);
    for monster in monsters {
        peer.socket.send_to(&monster[..monster.len().min(65_507)], address).await.unwrap();
    }
    let mut other = Peer::new(address).await;
    let options = other.request("OPTIONS", "", "");
    other.send(&options).await;
    other.expect(200).await;
    assert!(server.load().dialogs <= 2 * 14);
}

/// An ICMP error of a far end that is gone stops nobody else's calls.
#[tokio::test]
async fn unreachable_far_ends_stop_nothing() {
    let house = patient_house().await;
    let address = house.address();
    let (_server, _legs) = house.answer_everything();
    for _ in 0..20 {
        let mut gone = Peer::new(address).await;
        let options = gone.request("OPTIONS", "", "");
        gone.send(&options).await;
        drop(gone);
    }
    let mut peer = Peer::new(address).await;
    peer.establish("").await;
}
