//! Transfers: by REFER, ours and theirs, and calls that take another's place.

use std::time::Duration;

use switchboard::config::sip::{SipConfig, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{
    Destination, DialOrder, DialogEvent, EndedBy, IncomingCall, ReferTo, Signaling, SignalingError,
};

use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, sdp_with, unique};

async fn established(house: &mut House, peer: &mut Peer) -> IncomingCall {
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    peer.expect(200).await;
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    call
}

async fn start() -> (House, Peer, IncomingCall) {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let call = established(&mut house, &mut peer).await;
    (house, peer, call)
}

fn anna() -> ReferTo {
    ReferTo::Destination(Destination::Uri("sip:anna@127.0.0.1:9".into()))
}

/// NOTIFY with how a transfer goes.
async fn notify(peer: &mut Peer, state: &str, fragment: &str) {
    let extra = format!("Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag\r\n");
    let notify = peer.request("NOTIFY", &extra, fragment);
    peer.send(&notify).await;
    peer.expect(200).await;
}

/// R6: a blind transfer is asked for, followed by NOTIFY, and we hang up when it has succeeded.
#[tokio::test]
async fn a_blind_transfer_is_followed_to_its_end() {
    let (_house, mut peer, mut call) = start().await;
    call.dialog.refer(anna()).await.unwrap();
    let refer = peer.expect_request("REFER").await;
    assert_eq!(refer.header("Refer-To"), Some("<sip:anna@127.0.0.1:9>"));
    assert!(refer.header("Referred-By").is_some());
    // One at a time.
    assert!(matches!(call.dialog.refer(anna()).await, Err(SignalingError::WrongState)));
    peer.send(&peer.response(&refer, "202 Accepted", "", "")).await;
    notify(&mut peer, "active;expires=60", "SIP/2.0 180 Ringing\r\n").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(180));
    notify(&mut peer, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(200));
    call.dialog.hang_up().await.unwrap();
    peer.expect_request("BYE").await;
}

/// R6: a transfer that fails leaves the caller with us, whoever refuses it and however it ends.
#[tokio::test]
async fn a_transfer_that_fails_leaves_the_call_as_it_was() {
    let (house, mut peer, mut call) = start().await;
    call.dialog.refer(anna()).await.unwrap();
    let refer = peer.expect_request("REFER").await;
    peer.send(&peer.response(&refer, "603 Decline", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(603));

    call.dialog.refer(anna()).await.unwrap();
    let refer = peer.expect_request("REFER").await;
    peer.send(&peer.response(&refer, "202 Accepted", "", "")).await;
    notify(&mut peer, "terminated;reason=noresource", "SIP/2.0 486 Busy Here\r\n").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(486));
    // Nothing is under way any more: a late NOTIFY is told so.
    let late = "Event: refer\r\nSubscription-State: terminated\r\nContent-Type: message/sipfrag\r\n";
    let late = peer.request("NOTIFY", late, "SIP/2.0 200 OK\r\n");
    peer.send(&late).await;
    peer.expect(481).await;
    let other = peer.request("NOTIFY", "Event: presence\r\nSubscription-State: active\r\n", "");
    peer.send(&other).await;
    peer.expect(489).await;

    // It ends without a word: as good as a failure.
    call.dialog.refer(anna()).await.unwrap();
    let refer = peer.expect_request("REFER").await;
    peer.send(&peer.response(&refer, "202 Accepted", "", "")).await;
    notify(&mut peer, "terminated;reason=timeout", "").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(408));
    assert_eq!(*house.legs.open.lock().unwrap(), 1);
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}

/// S6: BYE crosses REFER: the outcome is still told, and then the end; a far end that never says ends it as well.
#[tokio::test]
async fn a_bye_that_crosses_a_transfer_waits_for_its_outcome() {
    for says in [true, false] {
        let (house, mut peer, mut call) = start().await;
        call.dialog.refer(anna()).await.unwrap();
        let refer = peer.expect_request("REFER").await;
        peer.send(&peer.response(&refer, "202 Accepted", "", "")).await;
        let bye = peer.request("BYE", "", "");
        peer.send(&bye).await;
        peer.expect(200).await;
        until("its place is free", || house.server.calls() == 0).await;
        if says {
            notify(&mut peer, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
        }
        let outcome = if says { 200 } else { 408 };
        assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(outcome));
        assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
        until("the call is forgotten", || house.server.load().dialogs == 0).await;
    }
}

/// R6: attended: the caller is asked to take our place in our call with the person (RFC 3891).
#[tokio::test]
async fn an_attended_transfer_names_the_call_it_replaces() {
    let (house, mut caller, mut call) = start().await;
    let mut person = Peer::new(house.address()).await;
    let to = Destination::Uri(format!("sip:anna@{}", person.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let mut second = house.server.dial(order).await.unwrap();
    let invite = person.expect_request("INVITE").await;
    person.send(&person.response(&invite, "200 OK", "", &sdp(30_004))).await;
    person.expect_request("ACK").await;
    assert_eq!(event(&mut second.events).await, DialogEvent::Confirmed);
    let name = second.dialog.name().await.unwrap();
    call.dialog.refer(ReferTo::Call(name)).await.unwrap();
    let refer = caller.expect_request("REFER").await;
    // As the person sees it: their tag is the one that receives, ours the one it came from.
    let replaces = format!(
        "{}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
        invite.header("Call-ID").unwrap().replace('@', "%40"),
        person.local_tag,
        invite.tag("From")
    );
    let expected = format!("<sip:peer@{}?Replaces={replaces}>", person.address());
    assert_eq!(refer.header("Refer-To"), Some(&*expected));
    caller.send(&caller.response(&refer, "202 Accepted", "", "")).await;
    notify(&mut caller, "terminated;reason=noresource", "SIP/2.0 200 OK\r\n").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::ReferProgress(200));
}

async fn with_refer_allowed() -> (House, Peer) {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: peer.address().to_string(),
        health_seconds: 0,
        allow_refer: true,
        refer_targets: vec!["+4930123456".into()],
        ..TrunkConfig::default()
    };
    let house = House::with(SipConfig { trunks: vec![trunk], loopback: false, ..config() }).await;
    peer.server = house.address();
    (house, peer)
}

/// S9, R5: a trunk that may ask for transfers gets them to listed targets alone, and is told how they go.
#[tokio::test]
async fn a_transfer_that_the_far_end_asks_for_goes_to_listed_targets_alone() {
    let (mut house, mut peer) = with_refer_allowed().await;
    let mut call = established(&mut house, &mut peer).await;
    let refer = peer.request("REFER", "Refer-To: <sip:+900123456@carrier>\r\n", "");
    peer.send(&refer).await;
    peer.expect(403).await;
    let refer = peer.request("REFER", "Refer-To: <sip:+4930123456@carrier?Replaces=x>\r\n", "");
    peer.send(&refer).await;
    peer.expect(403).await;
    let refer = peer.request("REFER", "", "");
    peer.send(&refer).await;
    peer.expect(400).await;
    let refer = peer.request("REFER", "Refer-To: <sip:+4930123456@carrier>\r\n", "");
    peer.send(&refer).await;
    peer.expect(202).await;
    let trying = peer.expect_request("NOTIFY").await;
    assert_eq!((trying.header("Event"), trying.body().trim()), (Some("refer"), "SIP/2.0 100 Trying"));
    peer.send(&peer.response(&trying, "200 OK", "", "")).await;
    let asked = Destination::Number(PhoneNumber::parse("+4930123456", None).unwrap());
    assert!(event(&mut call.events).await == DialogEvent::TransferAsked(asked));
    call.dialog.report_transfer(180).await.unwrap();
    let ringing = peer.expect_request("NOTIFY").await;
    peer.send(&peer.response(&ringing, "200 OK", "", "")).await;
    assert!(
        ringing.body().starts_with("SIP/2.0 180 ")
            && ringing.header("Subscription-State").unwrap().starts_with("active")
    );
    call.dialog.report_transfer(200).await.unwrap();
    let done = peer.expect_request("NOTIFY").await;
    assert!(
        done.body().starts_with("SIP/2.0 200 ") && done.header("Subscription-State").unwrap().starts_with("terminated")
    );
    assert!(call.dialog.report_transfer(200).await.is_err());
}

/// A house that takes no notice of an asked transfer does not leave the far end waiting.
#[tokio::test]
async fn a_transfer_that_nobody_takes_up_is_told_so() {
    let (mut house, mut peer) = with_refer_allowed().await;
    let _call = established(&mut house, &mut peer).await;
    let refer = peer.request("REFER", "Refer-To: <sip:+4930123456@carrier>\r\n", "");
    peer.send(&refer).await;
    let fragment = loop {
        let message = peer.receive().await;
        if message.method() == "NOTIFY" && !message.body().contains(" 100 ") {
            break message;
        }
        if message.method() == "NOTIFY" {
            peer.send(&peer.response(&message, "200 OK", "", "")).await;
        }
    };
    assert!(fragment.body().starts_with("SIP/2.0 503 "), "{}", fragment.body());
}

/// RFC 3891: whoever names one of our calls takes the far end's place: the audio goes on, the old far end gets BYE.
#[tokio::test]
async fn a_call_takes_the_place_of_another() {
    let (mut house, mut old, mut call) = start().await;
    let mut new = Peer::new(house.address()).await;
    let named =
        |peer: &Peer, from: &str| format!("Replaces: {};to-tag={};from-tag={from}\r\n", peer.call_id, peer.remote_tag);
    // Who does not know both tags knows no call.
    let wrong = new.request("INVITE", &named(&old, "guess"), &sdp(30_040));
    new.send(&wrong).await;
    new.expect(481).await;
    let unknown = format!("Replaces: {};to-tag=x;from-tag=y\r\n", old.call_id);
    let unknown = new.request("INVITE", &unknown, &sdp(30_040));
    new.send(&unknown).await;
    new.expect(481).await;
    let early = format!("{};early-only\r\n", named(&old, &old.local_tag).trim_end());
    let early = new.request("INVITE", &early, &sdp(30_040));
    new.send(&early).await;
    new.expect(486).await;

    let mut new = Peer::new(house.address()).await;
    let invite = new.request("INVITE", &named(&old, &old.local_tag), &sdp(30_040));
    new.send(&invite).await;
    let ok = new.expect(200).await;
    assert!(ok.body().contains("m=audio 20000 "), "the same leg: {}", ok.body());
    new.ack("").await;
    let bye = old.expect_request("BYE").await;
    old.send(&old.response(&bye, "200 OK", "", "")).await;
    let legs = house.legs.clone();
    until("the audio moved", || legs.configured.lock().unwrap().last().unwrap().remote.port() == 30_040).await;
    // The old far end has no say any more, the new one has.
    let info = old.request("INFO", "", "");
    old.send(&info).await;
    old.expect(481).await;
    let hold = new.request("INVITE", "", &sdp_with(30_040, "0 101", "sendonly"));
    new.send(&hold).await;
    new.expect(200).await;
    new.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Held);
    call.dialog.hang_up().await.unwrap();
    new.expect_request("BYE").await;
    assert!(house.calls.try_recv().is_err());
}

/// A call that only rings is not replaced.
#[tokio::test]
async fn a_call_that_rings_is_not_replaced() {
    let mut house = House::start().await;
    let mut old = Peer::new(house.address()).await;
    let invite = old.request("INVITE", "", &sdp(30_000));
    old.send(&invite).await;
    let call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    let ringing = old.expect(180).await;
    let mut new = Peer::new(house.address()).await;
    let named = format!("Replaces: {};to-tag={};from-tag={}\r\n", old.call_id, ringing.tag("To"), old.local_tag);
    let invite = new.request("INVITE", &named, &sdp(30_040));
    new.send(&invite).await;
    new.expect(481).await;
}

/// T.38 (fax): refused with 488 when it would replace the audio, with port 0 beside it; the audio goes on (RFC 3264 §6).
#[tokio::test]
async fn a_fax_is_refused_and_the_audio_kept() {
    let (house, mut peer, mut call) = start().await;
    let image = "m=image 40000 udptl t38\r\na=T38FaxVersion:0\r\n";
    let alone = sdp(30_000).split("m=audio").next().unwrap().to_owned() + image;
    let instead = sdp_with(0, "0", "sendrecv") + image;
    for offer in [alone, instead] {
        let branch = format!("z9hG4bK-{}", unique());
        peer.cseq += 1;
        peer.send(&peer.request_numbered("INVITE", peer.cseq, &branch, "", &offer)).await;
        peer.expect(488).await;
        peer.send(&peer.request_numbered("ACK", peer.cseq, &branch, "", "")).await;
    }
    let both = sdp(30_000) + image + "m=video 40002 RTP/AVP 96\r\n";
    let reinvite = peer.request("INVITE", "", &both);
    peer.send(&reinvite).await;
    let ok = peer.expect(200).await;
    let lines: Vec<&str> = ok.body().lines().filter(|line| line.starts_with("m=")).collect();
    assert!(lines[0].starts_with("m=audio 20000 "), "{lines:?}");
    assert!(lines[1].starts_with("m=image 0 ") && lines[2].starts_with("m=video 0 "), "{lines:?}");
    peer.ack("").await;
    assert!(house.legs.configured.lock().unwrap().iter().all(|params| params.remote.port() == 30_000));
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}

/// R55: calls from our own numbers, and calls that somebody diverts to us whom we are ringing, get 486.
#[tokio::test]
async fn calls_from_ourselves_are_busy() {
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let trunk = TrunkConfig {
        name: "carrier".into(),
        host: peer.address().to_string(),
        own_number: Some("+4930123456".into()),
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let mut house = House::with(SipConfig { trunks: vec![trunk], ..config() }).await;
    peer.server = house.address();
    // The peer's From is that number.
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    peer.expect(486).await;

    let others = "P-Asserted-Identity: <sip:+4917612345678@carrier>\r\nDiversion: <sip:+4989123456@carrier>;reason=no-answer\r\n";
    let to = Destination::Number(PhoneNumber::parse("+4989123456", None).unwrap());
    let order = DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None };
    let call = house.server.dial(order).await.unwrap();
    let ringing = peer.expect_request("INVITE").await;
    let mut mailbox = Peer::new(house.address()).await;
    let invite = mailbox.request("INVITE", others, &sdp(30_000));
    mailbox.send(&invite).await;
    mailbox.expect(486).await;
    // Once nobody is rung there any more it is a call like others.
    peer.send(&peer.response(&ringing, "486 Busy Here", "", "")).await;
    drop(call);
    let mut mailbox = Peer::new(house.address()).await;
    let refused: Message = loop {
        let invite = mailbox.request("INVITE", others, &sdp(30_000));
        mailbox.send(&invite).await;
        let message = mailbox.receive().await;
        if message.status() != Some(486) {
            break message;
        }
        mailbox.call_id = format!("again-{}", unique());
    };
    assert_eq!(refused.status(), Some(100));
    assert!(house.next_call().await.info.diverted_by.is_some());
}
