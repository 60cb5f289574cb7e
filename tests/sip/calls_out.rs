//! Calls that we make.

use std::time::Duration;

use media::Codec;
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, EndReason, EndedBy, OutgoingCall, Signaling};

use crate::house::{House, event, until};
use crate::peer::{Message, Peer, sdp};

async fn dial(house: &House, peer: &Peer, ring_timeout: Duration) -> OutgoingCall {
    let to = Destination::Uri(format!("sip:anna@{}", peer.address()));
    house.server.dial(DialOrder { to, ring_timeout, beside: None, on_behalf_of: None }).await.unwrap()
}

async fn called(house: &House, peer: &mut Peer) -> (OutgoingCall, Message) {
    let call = dial(house, peer, Duration::from_secs(60)).await;
    let invite = peer.expect_request("INVITE").await;
    (call, invite)
}

/// R1, R5: we call, it rings, it is answered, and we hang up.
#[tokio::test]
async fn a_call_is_made_and_ended() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let (mut call, invite) = called(&house, &mut peer).await;
    assert!(invite.body().contains("m=audio"));
    assert!(invite.header("From").unwrap().contains("sip:switchboard@127.0.0.1"));
    peer.send(&peer.response(&invite, "100 Trying", "", "")).await;
    peer.send(&peer.response(&invite, "180 Ringing", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    peer.send(&peer.response(&invite, "200 OK", "", &sdp(30_004))).await;
    let ack = peer.expect_request("ACK").await;
    assert_eq!(ack.tag("To"), peer.local_tag);
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    let configured = house.legs.configured.lock().unwrap()[0].clone();
    assert_eq!((configured.codec, configured.remote.port()), (Codec::Pcmu, 30_004));
    call.dialog.hang_up().await.unwrap();
    let bye = peer.expect_request("BYE").await;
    assert_eq!(bye.tag("To"), peer.local_tag);
    peer.send(&peer.response(&bye, "200 OK", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));
    drop(call);
    until("everything is given back", || house.server.load().dialogs == 0 && *house.legs.open.lock().unwrap() == 0)
        .await;
}

/// P5: busy.
#[tokio::test]
async fn a_refusal_is_told_with_its_status() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let (mut call, invite) = called(&house, &mut peer).await;
    peer.send(&peer.response(&invite, "486 Busy Here", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(486));
    peer.expect_request("ACK").await;
}

/// P5: nobody picks up: CANCEL; and a 200 that crosses it is acknowledged and ended.
#[tokio::test]
async fn after_the_ring_time_it_is_cancelled_and_a_late_answer_ended() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let mut call = dial(&house, &peer, Duration::from_millis(300)).await;
    let invite = peer.expect_request("INVITE").await;
    peer.send(&peer.response(&invite, "180 Ringing", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::RingTimeout));
    let cancel = peer.expect_request("CANCEL").await;
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    peer.send(&peer.response(&cancel, "200 OK", "", "")).await;
    peer.send(&peer.response(&invite, "200 OK", "", &sdp(30_004))).await;
    peer.expect_request("ACK").await;
    let bye = peer.expect_request("BYE").await;
    peer.send(&peer.response(&bye, "200 OK", "", "")).await;
}

/// R53: a phone that rang beside the one that took the call is told so, and shows no missed call (RFC 3326).
#[tokio::test]
async fn a_phone_that_rang_in_vain_is_told_that_the_call_was_taken_elsewhere() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let (mut call, invite) = called(&house, &mut peer).await;
    peer.send(&peer.response(&invite, "180 Ringing", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    call.dialog.hang_up_because(EndReason::CompletedElsewhere).await.unwrap();
    let cancel = peer.expect_request("CANCEL").await;
    assert_eq!(cancel.header("Reason"), Some("SIP;cause=200;text=\"Call completed elsewhere\""));
    peer.send(&peer.response(&cancel, "200 OK", "", "")).await;
    peer.send(&peer.response(&invite, "487 Request Terminated", "", "")).await;
    peer.expect_request("ACK").await;
}
