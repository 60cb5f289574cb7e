//! RFC 4475's messages and worse, against the live server over UDP and TCP (S1, S2).

use std::collections::HashMap;
use std::path::PathBuf;

use tokio::io::AsyncWriteExt;

use crate::house::{House, config};
use crate::peer::Peer;
use crate::tcp::Stream;

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
    let mut patient = config();
    patient.limits.requests_per_second_per_source = 10_000;
    patient.limits.calls_per_second_per_source = 10_000;
    patient.limits.tcp_connections_per_source = 1_000;
    House::with(patient).await
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

/// S1: the same over TCP, whole, in single bytes, and behind an ordinary request in one segment.
#[tokio::test]
async fn torture_over_tcp_never_stops_the_server() {
    let Some(messages) = messages() else { return };
    let house = patient_house().await;
    let address = house.address();
    let (_server, _legs) = house.answer_everything();
    for (name, bytes) in &messages {
        for cut in [bytes.len().max(1), 1, 7] {
            println!("{name} in pieces of {cut}");
            let mut peer = Peer::new(address).await;
            let mut stream = Stream::to(address).await;
            stream.send(&peer.request("OPTIONS", "", "")).await;
            for piece in bytes.chunks(cut) {
                if stream.stream.write_all(piece).await.is_err() {
                    break;
                }
            }
            let first = stream.receive().await.unwrap();
            assert_eq!(first.status(), Some(200), "{name}");
        }
    }
    let mut peer = Peer::new(address).await;
    let options = peer.request("OPTIONS", "", "");
    peer.send(&options).await;
    peer.expect(200).await;
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
