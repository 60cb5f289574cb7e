//! Trunks and phones: registration both ways, passwords, and where calls to numbers go.

use std::time::Duration;

use md5::{Digest, Md5};
use switchboard::config::sip::{PhoneConfig, SipConfig, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling, SignalingError};

use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, unique};

fn hex(text: &str) -> String {
    Md5::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn parameter<'a>(value: &'a str, name: &str) -> &'a str {
    let (_, rest) = value.split_once(&format!("{name}=")).unwrap();
    rest.trim_start_matches('"').split(['"', ',']).next().unwrap()
}

/// The answer to the MD5 challenge among those of a 401.
fn answer(challenge: &Message, user: &str, password: &str, method: &str, uri: &str) -> String {
    let values = challenge.headers("WWW-Authenticate");
    let value = values.iter().find(|value| value.contains("algorithm=MD5")).unwrap();
    let (realm, nonce) = (parameter(value, "realm"), parameter(value, "nonce"));
    let (ha1, ha2) = (hex(&format!("{user}:{realm}:{password}")), hex(&format!("{method}:{uri}")));
    let response = hex(&format!("{ha1}:{nonce}:00000001:abc:auth:{ha2}"));
    format!(
        "Authorization: Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abc\"\r\n"
    )
}

fn carrier(peer: &Peer) -> TrunkConfig {
    TrunkConfig {
        name: "carrier".into(),
        host: peer.address().to_string(),
        username: Some("acme".into()),
        password: Some("secret phrase".into()),
        own_number: Some("+4930901820".into()),
        // Tests that are about it switch it on.
        health_seconds: 0,
        ..TrunkConfig::default()
    }
}

async fn with_trunk(adapt: impl FnOnce(&mut TrunkConfig)) -> (House, Peer) {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let mut trunk = carrier(&peer);
    adapt(&mut trunk);
    let house = House::with(SipConfig { trunks: vec![trunk], loopback: false, ..config() }).await;
    peer.server = house.address();
    (house, peer)
}

fn order(number: &str) -> DialOrder {
    let to = Destination::Number(PhoneNumber::parse(number, None).unwrap());
    DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None }
}

/// We register, answer the challenge, and only then calls to numbers go out; they answer challenges as well.
#[tokio::test]
async fn numbers_are_dialled_through_the_trunk_once_it_is_registered() {
    let (house, mut peer) = with_trunk(|trunk| trunk.register = true).await;
    let register = peer.expect_request("REGISTER").await;
    assert!(matches!(house.server.dial(order("+4930123456")).await, Err(SignalingError::NoTrunk)));
    let challenge = "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"\r\n";
    peer.send(&peer.response(&register, "401 Unauthorized", challenge, "")).await;
    let again = peer.expect_request("REGISTER").await;
    let sent = again.header("Authorization").unwrap();
    assert_eq!((parameter(sent, "username"), parameter(sent, "nonce")), ("acme", "n1"));
    assert_eq!(again.header("Call-ID"), register.header("Call-ID"));
    peer.send(&peer.response(&again, "200 OK", "Expires: 600\r\n", "")).await;

    let mut call = loop {
        match house.server.dial(order("+4930123456")).await {
            Ok(call) => break call,
            Err(SignalingError::NoTrunk) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    };
    let invite = peer.expect_request("INVITE").await;
    assert!(invite.start_line().starts_with(&format!("INVITE sip:+4930123456@{} ", peer.address())));
    assert!(invite.header("From").unwrap().starts_with("<sip:+4930901820@"));
    let challenge = "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"n2\", algorithm=SHA-256, qop=\"auth\"\r\n";
    peer.send(&peer.response(&invite, "407 Proxy Authentication Required", challenge, "")).await;
    peer.expect_request("ACK").await;
    let again = peer.expect_request("INVITE").await;
    assert!(again.header("Proxy-Authorization").unwrap().contains("SHA-256"));
    // S8: another realm's challenge is not answered.
    let challenge = "WWW-Authenticate: Digest realm=\"elsewhere\", nonce=\"n3\", algorithm=MD5, qop=\"auth\"\r\n";
    peer.send(&peer.response(&again, "401 Unauthorized", challenge, "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(401));
}

/// Registrations are renewed in time, and tried again after a refusal.
#[tokio::test]
async fn a_registration_is_kept_up() {
    let (_house, mut peer) = with_trunk(|trunk| trunk.register = true).await;
    let first = peer.expect_request("REGISTER").await;
    peer.send(&peer.response(&first, "503 Service Unavailable", "", "")).await;
    let second = peer.expect_request("REGISTER").await;
    peer.send(&peer.response(&second, "423 Interval Too Brief", "Min-Expires: 1200\r\n", "")).await;
    let third = loop {
        let register = peer.expect_request("REGISTER").await;
        if register.header("Expires") == Some("1200") {
            break register;
        }
    };
    // Twenty seconds here are 0.2.
    peer.send(&peer.response(&third, "200 OK", "Expires: 20\r\n", "")).await;
    let renewed = loop {
        let register = peer.expect_request("REGISTER").await;
        if register.header("CSeq") != third.header("CSeq") {
            break register;
        }
    };
    assert_eq!(renewed.header("Call-ID"), third.header("Call-ID"));
}

/// R49: numbers of the trunk are read where it says, and its identities are believed.
#[tokio::test]
async fn a_trunk_s_numbers_are_read_as_configured() {
    let (mut house, mut peer) = with_trunk(|trunk| trunk.home_country = Some("DE".into())).await;
    let invite = peer.request("INVITE", "P-Asserted-Identity: <sip:030901821@carrier.example>\r\n", &sdp(30_000));
    peer.send(&invite).await;
    let call = house.next_call().await;
    assert_eq!(call.info.trunk, "carrier");
    assert_eq!(call.info.from.as_ref().unwrap().number.as_ref().unwrap().as_str(), "+4930901821");
}

/// S8, S9: a trunk that must show a password does so for each call.
#[tokio::test]
async fn a_challenged_trunk_calls_with_its_password_only() {
    let (mut house, mut peer) = with_trunk(|trunk| trunk.challenge = true).await;
    let uri = format!("sip:desk@{}", house.address());
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let challenge = peer.expect(401).await;
    let wrong = answer(&challenge, "acme", "a guess", "INVITE", &uri);
    let invite = peer.request("INVITE", &wrong, &sdp(30_000));
    peer.send(&invite).await;
    let challenge = peer.expect(401).await;
    assert_eq!(house.server.load().transactions, 0);
    let right = answer(&challenge, "acme", "secret phrase", "INVITE", &uri);
    let invite = peer.request("INVITE", &right, &sdp(30_000));
    peer.send(&invite).await;
    assert_eq!(house.next_call().await.info.trunk, "carrier");
}

/// A phone registers with its password, calls, and is called over its own flow (R47).
#[tokio::test]
async fn a_registered_phone_calls_and_is_called() {
    let phone = PhoneConfig { name: "desk2".into(), password: "long enough".into(), ..PhoneConfig::default() };
    let mut house = House::with(SipConfig { phones: vec![phone], loopback: false, ..config() }).await;
    let mut peer = Peer::new(house.address()).await;
    let uri = format!("sip:{}", house.address());
    let register = |peer: &mut Peer, extra: &str| {
        let request = peer.request("REGISTER", extra, "");
        let request =
            request.replace(&format!("REGISTER sip:desk@{}", peer.server), &format!("REGISTER sip:{}", peer.server));
        // The address it gives is one that nobody can reach: it is behind NAT.
        let request =
            request.replace(&format!("Contact: <sip:peer@{}>", peer.address()), "Contact: <sip:desk2@10.9.8.7:5060>");
        request.replace(&format!("To: <sip:desk@{}>", peer.server), &format!("To: <sip:desk2@{}>", peer.server))
    };
    let to = Destination::Uri(format!("sip:desk2@{}", house.address()));
    let call_it =
        || DialOrder { to: to.clone(), ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    assert!(house.server.dial(call_it()).await.is_err());
    let first = register(&mut peer, "Expires: 600\r\n");
    peer.send(&first).await;
    let challenge = peer.expect(401).await;
    let right = format!("Expires: 600\r\n{}", answer(&challenge, "desk2", "long enough", "REGISTER", &uri));
    let second = register(&mut peer, &right);
    peer.send(&second).await;
    let ok = peer.expect(200).await;
    assert!(ok.header("Contact").unwrap().contains("sip:desk2@10.9.8.7:5060"));
    // The same REGISTER again, its answer having been lost, gets the same answer.
    peer.send(&second).await;
    peer.expect(200).await;

    let mut call = house.server.dial(call_it()).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    assert!(invite.start_line().starts_with("INVITE sip:desk2@10.9.8.7:5060 "));
    peer.send(&peer.response(&invite, "486 Busy Here", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(486));
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));

    let mut caller = Peer::new(house.address()).await;
    let invite = caller.request("INVITE", "", &sdp(30_000));
    caller.send(&invite).await;
    let challenge = caller.expect(401).await;
    let uri = format!("sip:desk@{}", house.address());
    let right = answer(&challenge, "desk2", "long enough", "INVITE", &uri);
    let invite = caller.request("INVITE", &right, &sdp(30_000));
    caller.send(&invite).await;
    assert_eq!(house.next_call().await.info.trunk, "desk2");
}

/// S6: two branches answer: the first is the call, the second gets ACK and BYE; two 183s are told once.
#[tokio::test]
async fn a_forked_call_keeps_one_branch() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let to = Destination::Uri(format!("sip:anna@{}", peer.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    let first_tag = peer.local_tag.clone();
    peer.send(&peer.response(&invite, "183 Session Progress", "", &sdp(30_001))).await;
    peer.local_tag = format!("fork{}", unique());
    peer.send(&peer.response(&invite, "183 Session Progress", "", &sdp(30_003))).await;
    peer.send(&peer.response(&invite, "200 OK", "", &sdp(30_003))).await;
    let second_tag = std::mem::replace(&mut peer.local_tag, first_tag.clone());
    peer.send(&peer.response(&invite, "200 OK", "", &sdp(30_001))).await;
    let mut acknowledged = vec![peer.expect_request("ACK").await.tag("To"), peer.expect_request("ACK").await.tag("To")];
    acknowledged.sort();
    let mut expected = vec![first_tag.clone(), second_tag];
    expected.sort();
    assert_eq!(acknowledged, expected);
    assert_eq!(peer.expect_request("BYE").await.tag("To"), first_tag);
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    let legs = house.legs.clone();
    until("the first answer counts", || legs.configured.lock().unwrap()[0].remote.port() == 30_003).await;
}

/// RFC 3262 as the calling side: reliable ringing is acknowledged once.
#[tokio::test]
async fn reliable_ringing_is_acknowledged() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let to = Destination::Uri(format!("sip:anna@{}", peer.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    let ringing = peer.response(&invite, "183 Session Progress", "Require: 100rel\r\nRSeq: 7\r\n", &sdp(30_005));
    peer.send(&ringing).await;
    let prack = peer.expect_request("PRACK").await;
    let number = invite.header("CSeq").unwrap().split(' ').next().unwrap();
    assert_eq!(prack.header("RAck"), Some(&*format!("7 {number} INVITE")));
    peer.send(&peer.response(&prack, "200 OK", "", "")).await;
    assert_eq!(house.legs.configured.lock().unwrap()[0].remote.port(), 30_005);
    peer.send(&peer.response(&invite, "200 OK", "", "")).await;
    peer.expect_request("ACK").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    call.dialog.hang_up().await.unwrap();
    let bye = peer.expect_request("BYE").await;
    let after = |message: &Message| message.header("CSeq").unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(after(&bye) > after(&prack));
}
