//! Encrypted audio with keys in the descriptions (SDES, RFC 4568): offered, demanded, refused and renewed.

use std::time::Duration;

use switchboard::config::sip::{SipConfig, Srtp, TransportName, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::media::{SrtpKeys, SrtpSuite};
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, Signaling};
use tokio::net::TcpListener;

use crate::certificates::{Authority, connect};
use crate::house::{House, config, event};
use crate::peer::{Message, Peer, sdp};
use crate::tcp::Stream;

const SHA1_80: &str = "AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";
const OTHER_SHA1_80: &str = "AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";
const SHA1_32: &str = "AES_CM_128_HMAC_SHA1_32 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";
const GCM: &str = "AEAD_AES_128_GCM inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==";

/// An offer or answer with these keys.
fn sealed(protocol: &str, lines: &[&str]) -> String {
    let mut text = sdp(30_000).replace("RTP/AVP", protocol);
    for (index, line) in lines.iter().enumerate() {
        text.push_str(&format!("a=crypto:{} {line}\r\n", index + 1));
    }
    text
}

fn crypto(message: &Message) -> Vec<&str> {
    message.body().lines().filter_map(|line| line.strip_prefix("a=crypto:")).collect()
}

fn keys(house: &House) -> Vec<SrtpKeys> {
    house.legs.secured.lock().unwrap().clone()
}

/// A house that this machine may call over TLS.
async fn house(authority: &Authority, srtp: Srtp) -> House {
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: "127.0.0.1".into(),
        transport: TransportName::Tls,
        ca_file: Some(authority.file()),
        health_seconds: 0,
        srtp,
        ..TrunkConfig::default()
    };
    House::with(authority.listening(SipConfig { trunks: vec![trunk], ..config() })).await
}

/// What each kind of offer over TLS gets: the protocol and the suite of the answer, or the reason of a refusal.
#[tokio::test]
async fn an_offer_is_answered_as_it_was_made_or_refused() {
    let authority = Authority::new();
    let client = authority.client(None);
    type Answered = Result<(&'static str, Option<&'static str>), &'static str>;
    let cases: [(Srtp, &str, &[&str], Answered); 12] = [
        (Srtp::Optional, "RTP/SAVP", &[SHA1_80], Ok(("RTP/SAVP", Some("1 AES_CM_128_HMAC_SHA1_80")))),
        (Srtp::Optional, "RTP/SAVP", &[SHA1_32, GCM], Ok(("RTP/SAVP", Some("2 AEAD_AES_128_GCM")))),
        (Srtp::Optional, "RTP/AVP", &[], Ok(("RTP/AVP", None))),
        // RFC 8643: keys beside a plain stream are taken up.
        (Srtp::Optional, "RTP/AVP", &[GCM], Ok(("RTP/AVP", Some("1 AEAD_AES_128_GCM")))),
        (Srtp::Optional, "RTP/SAVP", &[SHA1_32], Err("without keys that this line takes")),
        (Srtp::Optional, "RTP/SAVP", &[], Err("without keys that this line takes")),
        (Srtp::Required, "RTP/SAVP", &[SHA1_80], Ok(("RTP/SAVP", Some("1 AES_CM_128_HMAC_SHA1_80")))),
        (Srtp::Required, "RTP/AVP", &[SHA1_80], Ok(("RTP/AVP", Some("1 AES_CM_128_HMAC_SHA1_80")))),
        (Srtp::Required, "RTP/AVP", &[], Err("demands encryption")),
        (Srtp::Required, "RTP/SAVP", &[SHA1_32], Err("without keys that this line takes")),
        (Srtp::Off, "RTP/AVP", &[SHA1_80], Ok(("RTP/AVP", None))),
        (Srtp::Off, "RTP/SAVP", &[SHA1_80], Err("only encrypted audio")),
    ];
    for (srtp, protocol, lines, expected) in cases {
        let mut house = house(&authority, srtp).await;
        let tls = house.server.tls_addr().unwrap();
        let mut stream = Stream::over(connect(&client, tls).await, "TLS");
        let mut peer = Peer::new(house.address()).await;
        stream.send(&peer.request("INVITE", "", &sealed(protocol, lines))).await;
        match expected {
            Ok((answered, suite)) => {
                let call = house.next_call().await;
                call.dialog.answer().await.unwrap();
                let ok = stream.expect(200).await;
                assert!(ok.body().contains(&format!(" {answered} 0")), "{ok:?}");
                assert_eq!(crypto(&ok).len(), usize::from(suite.is_some()));
                assert!(suite.is_none_or(|suite| crypto(&ok)[0].starts_with(suite)), "{ok:?}");
                assert_eq!(keys(&house).len(), usize::from(suite.is_some()));
            }
            Err(reason) => {
                let refused = stream.expect(488).await;
                assert!(refused.header("Warning").unwrap().contains(reason), "{protocol} {lines:?}: {refused:?}");
                assert!(keys(&house).is_empty());
            }
        }
    }
}

/// M4: keys are neither taken from nor told to whoever can be overheard, unless configuration says so.
#[tokio::test]
async fn keys_do_not_travel_in_the_clear() {
    for srtp_without_tls in [false, true] {
        let mut house = House::with(SipConfig { srtp_without_tls, ..config() }).await;
        let mut peer = Peer::new(house.address()).await;
        let invite = peer.request("INVITE", "", &sealed("RTP/SAVP", &[SHA1_80]));
        peer.send(&invite).await;
        if srtp_without_tls {
            house.next_call().await.dialog.answer().await.unwrap();
            assert_eq!(crypto(&peer.expect(200).await).len(), 1);
        } else {
            let refused = peer.expect(488).await;
            assert!(refused.header("Warning").unwrap().contains("over TLS"), "{refused:?}");
        }
    }
    // A trunk that demands encryption is not called where its keys would be read.
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: "127.0.0.1:9".into(),
        srtp: Srtp::Required,
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let house = House::with(SipConfig { trunks: vec![trunk], ..config() }).await;
    let told = house.server.dial(by_trunk()).await.err().unwrap().to_string();
    assert!(told.contains("demands encrypted audio"), "{told}");
}

fn by_trunk() -> DialOrder {
    let to = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
    DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None }
}

/// RFC 4568 §7.1.4: a re-INVITE with the same keys changes none; one with new keys gets a new key of ours; one in the clear is
/// refused, and the call goes on as it was.
#[tokio::test]
async fn keys_are_renewed_by_a_reinvite_and_never_given_up() {
    let authority = Authority::new();
    let mut house = house(&authority, Srtp::Optional).await;
    let tls = house.server.tls_addr().unwrap();
    let mut stream = Stream::over(connect(&authority.client(None), tls).await, "TLS");
    let mut peer = Peer::new(house.address()).await;
    stream.send(&peer.request("INVITE", "", &sealed("RTP/SAVP", &[SHA1_80]))).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let first = stream.expect(200).await;
    peer.remote_tag = first.tag("To");
    stream.send(&peer.request_numbered("ACK", peer.cseq, "z9hG4bK-a1", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);

    let mut ours = Vec::new();
    for line in [SHA1_80, OTHER_SHA1_80] {
        stream.send(&peer.request("INVITE", "", &sealed("RTP/SAVP", &[line]))).await;
        let ok = stream.expect(200).await;
        ours.push(crypto(&ok)[0].to_owned());
        stream.send(&peer.request_numbered("ACK", peer.cseq, &format!("z9hG4bK-a{}", peer.cseq), "", "")).await;
    }
    assert_eq!(ours[0], crypto(&first)[0], "the same keys stay in use");
    assert_ne!(ours[1], ours[0]);
    let told = keys(&house);
    let last = told.last().unwrap();
    assert_eq!(last.suite, SrtpSuite::Aes128CmSha1_80);
    assert_ne!(last.remote.key, told[0].remote.key);

    for body in [sdp(30_000), sealed("RTP/SAVP", &[SHA1_32])] {
        stream.send(&peer.request("INVITE", "", &body)).await;
        let refused = stream.expect(488).await;
        let branch = peer.cseq;
        stream.send(&peer.request_numbered("ACK", branch, &format!("z9hG4bK-r{branch}"), "", "")).await;
        assert!(refused.header("Warning").is_some());
    }
    assert_eq!(keys(&house).len(), told.len());
    call.dialog.hang_up().await.unwrap();
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));
}

/// Our own calls: demanded encryption is offered as such, and an answer that does without it ends the call; where it is
/// optional, either answer will do.
#[tokio::test]
async fn our_calls_are_encrypted_as_far_as_the_trunk_wants() {
    let authority = Authority::new();
    let shown = authority.issue(&["127.0.0.1"]);
    let cases = [
        (Srtp::Required, "RTP/SAVP", Some(()), true),
        (Srtp::Required, "RTP/SAVP", None, false),
        (Srtp::Optional, "RTP/AVP", Some(()), true),
        (Srtp::Optional, "RTP/AVP", None, true),
        (Srtp::Off, "RTP/AVP", None, true),
    ];
    for (srtp, offered, answers_with_keys, is_agreed) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let trunk = TrunkConfig {
            name: "carrier".into(),
            host: listener.local_addr().unwrap().to_string(),
            transport: TransportName::Tls,
            ca_file: Some(authority.file()),
            health_seconds: 0,
            allowed_prefixes: vec!["+49".into()],
            srtp,
            ..TrunkConfig::default()
        };
        let house = House::with(SipConfig { trunks: vec![trunk], ..config() }).await;
        let peer = Peer::new(house.address()).await;
        let server = house.server.clone();
        let dialling = tokio::spawn(async move { server.dial(by_trunk()).await });
        let accepted = shown.server().accept(listener.accept().await.unwrap().0).await.unwrap();
        let mut stream = Stream::over(accepted, "TLS");
        let mut call = dialling.await.unwrap().unwrap();
        let invite = stream.receive().await.unwrap();
        assert!(invite.body().contains(&format!(" {offered} ")), "{srtp:?} {invite:?}");
        let lines: Vec<String> = crypto(&invite).into_iter().map(str::to_owned).collect();
        assert_eq!(lines.is_empty(), srtp == Srtp::Off);
        assert!(lines.iter().all(|line| !line.contains("_32 ")));
        let mut answer = sdp(30_000);
        if answers_with_keys.is_some() {
            let tag = lines.iter().find(|line| line.contains("AES_CM_128_HMAC_SHA1_80")).unwrap();
            answer = sealed(offered, &[]) + &format!("a=crypto:{} {SHA1_80}\r\n", tag.split(' ').next().unwrap());
        }
        stream.send(&peer.response(&invite, "200 OK", "", &answer)).await;
        assert_eq!(stream.receive().await.unwrap().method(), "ACK");
        if is_agreed {
            assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
            assert_eq!(keys(&house).len(), usize::from(answers_with_keys.is_some()));
        } else {
            assert_eq!(event(&mut call.events).await, DialogEvent::Refused(488));
            assert_eq!(stream.receive().await.unwrap().method(), "BYE");
        }
    }
}
