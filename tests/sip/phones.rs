//! Staff's telephones: they register with a password, by either hash, and are rung over the way they came by (R47, S8).

use std::time::Duration;

use md5::{Digest, Md5};
use sha2::Sha256;
use switchboard::config::sip::{PhoneConfig, SipConfig, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, Signaling};

use crate::house::{House, PATIENCE, config, event, until};
use crate::peer::{Message, Peer, sdp};
use crate::tcp::Stream;

const PASSWORD: &str = "long enough";

fn phones(names: &[&str]) -> SipConfig {
    let phone = |name: &&str| PhoneConfig { name: (*name).into(), password: PASSWORD.into(), ..PhoneConfig::default() };
    SipConfig { phones: names.iter().map(phone).collect(), loopback: false, ..config() }
}

/// REGISTER of a phone whose Contact nobody can reach: it is behind NAT.
pub fn register(peer: &mut Peer, user: &str, extra: &str) -> String {
    let (server, address) = (peer.server, peer.address());
    let request = peer.request("REGISTER", &format!("Expires: 600\r\n{extra}"), "");
    request
        .replace(&format!("REGISTER sip:desk@{server}"), &format!("REGISTER sip:{server}"))
        .replace(&format!("Contact: <sip:peer@{address}>"), &format!("Contact: <sip:{user}@10.9.8.7:5060>"))
        .replace(&format!("To: <sip:desk@{server}>"), &format!("To: <sip:{user}@{server}>"))
}

fn hashed(algorithm: &str, text: &str) -> String {
    let bytes = match algorithm {
        "SHA-256" => Sha256::digest(text.as_bytes()).to_vec(),
        _ => Md5::digest(text.as_bytes()).to_vec(),
    };
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The answer to the challenge with this algorithm.
pub fn answer(challenge: &Message, algorithm: &str, user: &str, password: &str, uri: &str) -> String {
    let marked = format!("algorithm={algorithm}");
    let values = challenge.headers("WWW-Authenticate");
    let value = values.iter().find(|value| value.contains(&marked)).expect("both are offered");
    let parameter = |name: &str| value.split(&format!("{name}=\"")).nth(1).unwrap().split('"').next().unwrap();
    let (realm, nonce) = (parameter("realm"), parameter("nonce"));
    let hash = |text: String| hashed(algorithm, &text);
    let (ha1, ha2) = (hash(format!("{user}:{realm}:{password}")), hash(format!("REGISTER:{uri}")));
    let response = hash(format!("{ha1}:{nonce}:00000001:abc:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
         response=\"{response}\", algorithm={algorithm}, qop=auth, nc=00000001, cnonce=\"abc\"\r\n"
    )
}

fn ring(house: &House, user: &str) -> DialOrder {
    let to = Destination::Uri(format!("sip:{user}@{}", house.address()));
    DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None }
}

/// S8: whoever asks with a wrong name or a wrong password learns the same, word for word but for the nonce.
#[tokio::test]
async fn nobody_learns_which_phones_there_are() {
    let house = House::with(phones(&["anna"])).await;
    let uri = format!("sip:{}", house.address());
    let mut told = Vec::new();
    for user in ["anna", "nobody"] {
        let mut peer = Peer::new(house.address()).await;
        let first = register(&mut peer, user, "");
        peer.send(&first).await;
        let challenge = peer.expect(401).await;
        let wrong = answer(&challenge, "SHA-256", user, "a wrong guess", &uri);
        let second = register(&mut peer, user, &wrong);
        peer.send(&second).await;
        let refused = peer.expect(401).await;
        let shape = |message: &Message| {
            let names: Vec<String> =
                message.0.lines().filter_map(|line| line.split(':').next()).map(Into::into).collect();
            let challenges = message.headers("WWW-Authenticate").len();
            let stale = message.0.contains("stale=true");
            (names.join(" ").replace("SIP/2.0", ""), challenges, stale)
        };
        told.push((shape(&challenge), shape(&refused)));
    }
    assert_eq!(told[0], told[1]);
}

/// A phone on UDP with MD5 and one on TCP with SHA-256 are rung at once, each over its own flow, beside a number.
#[tokio::test]
async fn phones_are_rung_over_their_own_flows_beside_a_number() {
    let mut carrier = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: carrier.address().to_string(),
        sources: vec!["192.0.2.1".parse().unwrap()],
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let house = House::with(SipConfig { trunks: vec![trunk], ..phones(&["anna", "bert"]) }).await;
    carrier.server = house.address();
    let uri = format!("sip:{}", house.address());

    let mut anna = Peer::new(house.address()).await;
    let first = register(&mut anna, "anna", "");
    anna.send(&first).await;
    let right = answer(&anna.expect(401).await, "MD5", "anna", PASSWORD, &uri);
    let second = register(&mut anna, "anna", &right);
    anna.send(&second).await;
    anna.expect(200).await;

    let mut bert = Peer::new(house.address()).await;
    let mut stream = Stream::to(house.address()).await;
    let over_tcp = |text: String| text.replace(":5060>", ":5060;transport=tcp>");
    stream.send(&over_tcp(register(&mut bert, "bert", ""))).await;
    let right = answer(&stream.expect(401).await, "SHA-256", "bert", PASSWORD, &uri);
    stream.send(&over_tcp(register(&mut bert, "bert", &right))).await;
    stream.expect(200).await;

    let number = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
    let mut to_anna = house.server.dial(ring(&house, "anna")).await.unwrap();
    let mut to_bert = house.server.dial(ring(&house, "bert")).await.unwrap();
    let mut to_number = house.server.dial(DialOrder { to: number, ..ring(&house, "anna") }).await.unwrap();

    let invite = anna.expect_request("INVITE").await;
    assert!(invite.start_line().starts_with("INVITE sip:anna@10.9.8.7:5060 "));
    anna.send(&anna.response(&invite, "180 Ringing", "", "")).await;
    assert_eq!(event(&mut to_anna.events).await, DialogEvent::Ringing);

    let invite = stream.receive().await.unwrap();
    // Parameters of an address are compared without regard to case (RFC 3261 §19.1.4).
    let asked_for = invite.start_line().to_lowercase();
    assert!(asked_for.starts_with("invite sip:bert@10.9.8.7:5060;transport=tcp "), "{}", invite.0);
    bert.local_tag = "bert".into();
    stream.send(&bert.response(&invite, "200 OK", "", &sdp(30_004))).await;
    assert_eq!(event(&mut to_bert.events).await, DialogEvent::Confirmed);
    assert_eq!(stream.receive().await.unwrap().method(), "ACK");

    let invite = carrier.expect_request("INVITE").await;
    carrier.send(&carrier.response(&invite, "486 Busy Here", "", "")).await;
    assert_eq!(event(&mut to_number.events).await, DialogEvent::Refused(486));

    // The stream is gone, and with it the way to that phone.
    to_bert.dialog.hang_up().await.unwrap();
    drop(stream);
    let server = house.server.clone();
    until("the calls are over", || server.load().dialogs <= 1).await;
    if let Ok(mut again) = house.server.dial(ring(&house, "bert")).await {
        let told = event(&mut again.events).await;
        assert!(matches!(told, DialogEvent::Refused(_) | DialogEvent::Ended(_)), "{told:?}");
    }
}

/// RFC 5626 §3.5.2, R47: a phone that registered by datagrams keeps its flow open by STUN, and learns its address; whoever
/// has not registered is not answered.
#[tokio::test]
async fn a_registered_phone_keeps_its_flow_open_by_stun() {
    let house = House::with(SipConfig { loopback: false, ..phones(&["anna"]) }).await;
    let uri = format!("sip:{}", house.address());
    let mut anna = Peer::new(house.address()).await;
    let mut keep_alive = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    keep_alive.extend(*b"transaction!");
    anna.socket.send_to(&keep_alive, house.address()).await.unwrap();

    let first = register(&mut anna, "anna", "");
    anna.send(&first).await;
    // What comes first is the challenge: the keep-alive of a stranger was not answered.
    let right = answer(&anna.expect(401).await, "MD5", "anna", PASSWORD, &uri);
    let second = register(&mut anna, "anna", &right);
    anna.send(&second).await;
    anna.expect(200).await;
    anna.socket.send_to(&keep_alive, house.address()).await.unwrap();
    let mut buffer = [0; 100];
    let answered = tokio::time::timeout(PATIENCE, anna.socket.recv_from(&mut buffer)).await;
    let (length, _) = answered.expect("a keep-alive is answered").unwrap();
    assert_eq!((length, &buffer[..2], &buffer[8..20]), (32, &[1, 1][..], &b"transaction!"[..]));
    let port = u16::from_be_bytes([buffer[26], buffer[27]]) ^ 0x2112;
    assert_eq!(port, anna.address().port());
}
