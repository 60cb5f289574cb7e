//! Calls over TLS: whose certificate is whose, phones behind it, and trunks that are known by theirs.

use std::time::Duration;

use std::net::SocketAddr;

use switchboard::config::sip::{PhoneConfig, SipConfig, TransportName, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;

use crate::certificates::{Authority, Issued, connect};
use crate::house::{House, PATIENCE, config, event, eventually, until};
use crate::peer::{Peer, sdp};
use crate::phones::{answer, register};
use crate::tcp::Stream;

fn tls(house: &House) -> SocketAddr {
    house.server.tls_addr().unwrap()
}

/// R1: a call in over TLS, and our BYE back by the same connection.
#[tokio::test]
async fn a_call_comes_over_tls() {
    let authority = Authority::new();
    let mut house = House::with(authority.listening(config())).await;
    let mut stream = Stream::over(connect(&authority.client(None), tls(&house)).await, "TLS");
    let mut peer = Peer::new(house.address()).await;
    stream.send(&peer.request("INVITE", "", &sdp(30_000))).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let ok = stream.expect(200).await;
    let contact = ok.header("Contact").unwrap();
    assert!(contact.contains("transport=tls") && contact.contains(&tls(&house).port().to_string()), "{contact}");
    peer.remote_tag = ok.tag("To");
    let ack = peer.request_numbered("ACK", 1, "z9hG4bK-tlsack", "", "");
    stream.send(&ack).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    call.dialog.hang_up().await.unwrap();
    assert_eq!(stream.receive().await.unwrap().method(), "BYE");
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));
}

/// S7: whoever never shakes hands is let go, and harms nobody else.
#[tokio::test]
async fn a_connection_that_speaks_no_tls_is_closed() {
    let authority = Authority::new();
    let house = House::with(authority.listening(config())).await;
    let mut peer = Peer::new(house.address()).await;
    let mut plain = Stream::to(tls(&house)).await;
    plain.send(&peer.request("OPTIONS", "", "")).await;
    // An alert may come before the end; a message never does.
    assert!(plain.receive().await.is_none());
    let mut stream = Stream::over(connect(&authority.client(None), tls(&house)).await, "TLS");
    stream.send(&peer.request("OPTIONS", "", "")).await;
    stream.expect(200).await;
}

/// RFC 5626 §3.5.1, R47: a phone is rung by the connection that it registered over, which it keeps open by pings.
#[tokio::test]
async fn a_phone_is_rung_by_the_connection_that_it_registered_over() {
    let authority = Authority::new();
    let password = "long enough";
    let phone = PhoneConfig { name: "anna".into(), password: password.into(), ..PhoneConfig::default() };
    let phones = SipConfig { phones: vec![phone], loopback: false, ..config() };
    let house = House::with(authority.listening(phones)).await;
    let mut stream = Stream::over(connect(&authority.client(None), tls(&house)).await, "TLS");
    let mut peer = Peer::new(house.address()).await;
    stream.send(&register(&mut peer, "anna", "")).await;
    let challenge = stream.expect(401).await;
    let uri = format!("sip:{}", house.address());
    stream.send(&register(&mut peer, "anna", &answer(&challenge, "SHA-256", "anna", password, &uri))).await;
    stream.expect(200).await;
    stream.ping().await;

    let to = Destination::Uri(format!("sip:anna@{}", house.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    let invite = stream.receive().await.unwrap();
    assert_eq!(invite.method(), "INVITE");
    assert!(invite.header("Via").unwrap().starts_with("SIP/2.0/TLS"), "{invite:?}");
    stream.send(&peer.response(&invite, "200 OK", "", &sdp(30_000))).await;
    assert_eq!(stream.receive().await.unwrap().method(), "ACK");
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    // With its connection gone nobody can ring it.
    drop(stream);
    let to = Destination::Uri(format!("sip:anna@{}", house.address()));
    let gone = async {
        loop {
            let order = DialOrder { to: to.clone(), ring_timeout: PATIENCE, beside: None, on_behalf_of: None };
            if house.server.dial(order).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("the flow is gone");
}

fn trunk(authority: &Authority, port: u16) -> TrunkConfig {
    TrunkConfig {
        name: "carrier".into(),
        host: format!("127.0.0.1:{port}"),
        transport: TransportName::Tls,
        ca_file: Some(authority.file()),
        certificate_names: vec!["carrier.example.com".into()],
        health_seconds: 0,
        allowed_prefixes: vec!["+49".into()],
        ..TrunkConfig::default()
    }
}

fn by_trunk() -> DialOrder {
    let to = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
    DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None }
}

async fn accept(listener: &TcpListener, shown: &Issued) -> std::io::Result<TlsStream<TcpStream>> {
    let (stream, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.expect("we are called").unwrap();
    stream.set_nodelay(true).unwrap();
    shown.server().accept(stream).await
}

/// RFC 5922: a trunk is called where its certificate is in its name, and by one connection for all calls.
#[tokio::test]
async fn calls_go_out_over_one_connection_to_a_trunk_that_proves_itself() {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trunk = trunk(&authority, listener.local_addr().unwrap().port());
    let house = House::with(SipConfig { trunks: vec![trunk], ..config() }).await;
    let peer = Peer::new(house.address()).await;
    let server = house.server.clone();
    let dialling = tokio::spawn(async move { server.dial(by_trunk()).await });
    let shown = authority.issue(&["carrier.example.com"]);
    let mut stream = Stream::over(accept(&listener, &shown).await.unwrap(), "TLS");
    for calls in 0..2 {
        if calls == 1 {
            house.server.dial(by_trunk()).await.unwrap();
        }
        let invite = stream.receive().await.unwrap();
        assert_eq!(invite.method(), "INVITE");
        assert!(invite.start_line().to_lowercase().contains("transport=tls"), "{invite:?}");
        stream.send(&peer.response(&invite, "486 Busy Here", "", "")).await;
        assert_eq!(stream.receive().await.unwrap().method(), "ACK");
    }
    dialling.await.unwrap().unwrap();
}

/// RFC 5922, S9: who cannot prove to be the trunk gets no call: another name, another authority, or no TLS at all.
#[tokio::test]
async fn a_trunk_that_does_not_prove_itself_is_not_called() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let trunk = trunk(&authority, listener.local_addr().unwrap().port());
    let house = House::with(SipConfig { trunks: vec![trunk], ..config() }).await;
    for shown in [authority.issue(&["other.example.com"]), stranger.issue(&["carrier.example.com"])] {
        let server = house.server.clone();
        let dialling = tokio::spawn(async move { server.dial(by_trunk()).await.err().map(|error| error.to_string()) });
        assert!(accept(&listener, &shown).await.is_err(), "we hang up before a word of SIP");
        let told = dialling.await.unwrap().expect("there is no call");
        assert!(told.contains("certificate"), "{told}");
    }
}

/// A trunk known by its certificate needs neither address nor password; and nothing else opens the door for it.
#[tokio::test]
async fn a_trunk_is_known_by_its_certificate_alone() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let trunk = TrunkConfig { mutual_tls: true, sources: vec!["127.0.0.1".parse().unwrap()], ..trunk(&authority, 9) };
    let closed = SipConfig { trunks: vec![trunk], loopback: false, ..config() };
    let mut house = House::with(authority.listening(closed)).await;
    let mut peer = Peer::new(house.address()).await;
    let proven = authority.issue(&["carrier.example.com"]);
    let mut stream = Stream::over(connect(&authority.client(Some(&proven)), tls(&house)).await, "TLS");
    stream.send(&peer.request("INVITE", "", &sdp(30_000))).await;
    let call = house.next_call().await;
    assert_eq!(call.info.trunk, "carrier");

    let others = [None, Some(authority.issue(&["other.example.com"])), Some(stranger.issue(&["carrier.example.com"]))];
    for shown in others {
        let mut peer = Peer::new(house.address()).await;
        let mut stream = Stream::over(connect(&authority.client(shown.as_ref()), tls(&house)).await, "TLS");
        stream.send(&peer.request("INVITE", "", &sdp(30_000))).await;
        stream.expect(403).await;
    }
    // Nor does its address by other ways, which would not be encrypted.
    let mut plain = Peer::new(house.address()).await;
    let invite = plain.request("INVITE", "", &sdp(30_000));
    plain.send(&invite).await;
    plain.expect(403).await;
}

/// A new certificate is shown to whoever connects from then on; those who are connected notice nothing.
#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart() {
    let authority = Authority::new();
    let config = authority.listening(config());
    let house = House::with(config).await;
    let client = authority.client(None);
    let first = connect(&client, tls(&house)).await;
    let before = first.get_ref().1.peer_certificates().unwrap()[0].to_vec();
    let mut stream = Stream::over(first, "TLS");
    authority.issue(&["127.0.0.1", "desk.example.com"]);
    eventually("the new certificate is shown", async || {
        let again = connect(&client, tls(&house)).await;
        (again.get_ref().1.peer_certificates().unwrap()[0].to_vec() != before).then_some(())
    })
    .await;
    let mut peer = Peer::new(house.address()).await;
    stream.send(&peer.request("OPTIONS", "", "")).await;
    stream.expect(200).await;
    until("nothing was lost", || house.server.load().dialogs == 0).await;
}

/// A server that cannot show a certificate does not start, and says why.
#[tokio::test]
async fn a_missing_certificate_is_told_at_the_start() {
    let authority = Authority::new();
    let mut wrong = authority.listening(config());
    wrong.key_file = Some(authority.issue(&["other.example.com"]).key);
    let told = House::try_with(wrong).await.err().expect("it does not start").to_string();
    assert!(told.contains("is not the key of"), "{told}");
}
