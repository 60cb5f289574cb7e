//! What happens within calls: new offers, holding, session timers, reliable ringing, and requests out of order.

use media::Direction;
use switchboard::seams::signaling::{DialogEvent, EndedBy, IncomingCall};

use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, sdp_with, unique};

async fn established(house: &mut House, extra: &str) -> (Peer, IncomingCall, Message) {
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", extra, &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let ok = peer.expect(200).await;
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    (peer, call, ok)
}

/// Hold and resume by re-INVITE, and by UPDATE.
#[tokio::test]
async fn the_far_end_holds_and_resumes() {
    let mut house = House::start().await;
    let (mut peer, mut call, first) = established(&mut house, "").await;
    let reinvite = peer.request("INVITE", "", &sdp_with(30_000, "0 101", "sendonly"));
    peer.send(&reinvite).await;
    let ok = peer.expect(200).await;
    assert!(ok.body().contains("a=recvonly"), "{}", ok.body());
    let version = |message: &Message| message.body().lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned();
    assert_ne!(version(&first), version(&ok));
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Held);
    assert_eq!(house.legs.configured.lock().unwrap()[1].direction, Direction::RecvOnly);
    let update = peer.request("UPDATE", "", &sdp(30_000));
    peer.send(&update).await;
    assert!(peer.expect(200).await.body().contains("a=sendrecv"));
    assert_eq!(event(&mut call.events).await, DialogEvent::Resumed);
}

/// S6: a re-INVITE without an offer gets ours; its answer comes with the ACK and moves the audio.
#[tokio::test]
async fn a_reinvite_without_an_offer_gets_ours() {
    let mut house = House::start().await;
    let (mut peer, _call, _) = established(&mut house, "").await;
    let reinvite = peer.request("INVITE", "", "");
    peer.send(&reinvite).await;
    let ok = peer.expect(200).await;
    assert!(ok.body().contains("m=audio 20000 RTP/AVP 0"), "{}", ok.body());
    // Until the answer is here, another offer is glare.
    let cseq = peer.cseq;
    let update = peer.request("UPDATE", "", &sdp(30_010));
    peer.send(&update).await;
    let glare = peer.expect(491).await;
    assert_eq!(glare.header("CSeq"), Some(&*format!("{} UPDATE", cseq + 1)));
    peer.send(&peer.request_numbered("ACK", cseq, &format!("z9hG4bK-{}", unique()), "", &sdp(30_012))).await;
    let configured = house.legs.clone();
    until("the audio moved", || configured.configured.lock().unwrap().last().unwrap().remote.port() == 30_012).await;
}

#[tokio::test]
async fn an_impossible_new_offer_leaves_the_call_as_it_was() {
    let mut house = House::start().await;
    let (mut peer, _call, _) = established(&mut house, "").await;
    let branch = format!("z9hG4bK-{}", unique());
    peer.cseq += 1;
    peer.send(&peer.request_numbered("INVITE", peer.cseq, &branch, "", &sdp_with(30_000, "98", "sendrecv"))).await;
    let refused = peer.expect(488).await;
    assert!(refused.header("Warning").unwrap().starts_with("305 "));
    peer.send(&peer.request_numbered("ACK", peer.cseq, &branch, "", "")).await;
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(house.legs.configured.lock().unwrap().len(), 1);
}

/// S6: no ACK for a re-INVITE's 200 ends the call.
#[tokio::test]
async fn a_reinvite_that_is_never_acknowledged_ends_the_call() {
    let mut house = House::start().await;
    let (mut peer, mut call, _) = established(&mut house, "").await;
    let reinvite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&reinvite).await;
    peer.expect(200).await;
    peer.expect_request("BYE").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
}

/// S6, S9: numbers out of order, transfers, unknown calls, and requests after BYE.
#[tokio::test]
async fn what_does_not_belong_is_refused() {
    let mut house = House::start().await;
    let (mut peer, mut call, _) = established(&mut house, "").await;
    let branch = || format!("z9hG4bK-{}", unique());
    peer.send(&peer.request_numbered("INFO", peer.cseq, &branch(), "", "")).await;
    peer.expect(500).await;
    peer.cseq += 40;
    let info = peer.request("INFO", "", "");
    peer.send(&info).await;
    peer.expect(200).await;
    let refer = peer.request("REFER", "Refer-To: <sip:+900123@example.com>\r\n", "");
    peer.send(&refer).await;
    peer.expect(603).await;
    let message = peer.request("MESSAGE", "Content-Type: text/plain\r\n", "hello");
    peer.send(&message).await;
    assert!(peer.expect(405).await.header("Allow").unwrap().contains("INVITE"));
    let options = peer.request("OPTIONS", "", "");
    peer.send(&options).await;
    assert!(peer.expect(200).await.header("Allow").is_some());
    let prack = peer.request("PRACK", "RAck: 1 1 INVITE\r\n", "");
    peer.send(&prack).await;
    peer.expect(481).await;
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
    // The same BYE again gets the same answer; anything else finds no call.
    peer.send(&bye).await;
    peer.expect(200).await;
    until("the call is forgotten", || house.server.load().dialogs == 0).await;
    let reinvite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&reinvite).await;
    peer.expect(481).await;
}

/// A far end that refreshes keeps the call; when it stops, the call ends. 90 seconds here are 0.9 s.
#[tokio::test]
async fn a_session_timer_ends_a_call_that_is_not_refreshed() {
    let mut house = House::start().await;
    let timer = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    let (mut peer, mut call, ok) = established(&mut house, timer).await;
    assert_eq!(ok.header("Session-Expires"), Some("90;refresher=uac"));
    assert_eq!(ok.header("Require"), Some("timer"));
    let update = peer.request("UPDATE", timer, "");
    peer.send(&update).await;
    assert_eq!(peer.expect(200).await.header("Session-Expires"), Some("90;refresher=uac"));
    peer.expect_request("BYE").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
}

/// We refresh: by UPDATE where it is understood, else by re-INVITE; a far end that is gone ends the call.
#[tokio::test]
async fn we_refresh_the_session_when_that_is_our_part() {
    let mut house = House::start().await;
    let timer = "Supported: timer\r\nAllow: INVITE, ACK, BYE, UPDATE\r\nSession-Expires: 90;refresher=uas\r\n";
    let (mut peer, mut call, ok) = established(&mut house, timer).await;
    assert_eq!(ok.header("Session-Expires"), Some("90;refresher=uas"));
    let update = peer.expect_request("UPDATE").await;
    assert!(update.body().is_empty());
    peer.send(&peer.response(&update, "200 OK", "Session-Expires: 90;refresher=uac\r\n", "")).await;
    let update = peer.expect_request("UPDATE").await;
    peer.send(&peer.response(&update, "501 Not Implemented", "", "")).await;
    let reinvite = peer.expect_request("INVITE").await;
    assert!(reinvite.body().contains("m=audio"));
    peer.send(&peer.response(&reinvite, "200 OK", "Session-Expires: 90;refresher=uac\r\n", &sdp(30_000))).await;
    peer.expect_request("ACK").await;
    let reinvite = peer.expect_request("INVITE").await;
    peer.send(&peer.response(&reinvite, "481 Gone", "", "")).await;
    peer.expect_request("BYE").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
}

/// A call on hold stays on hold through our refresh.
#[tokio::test]
async fn glare_is_tried_again_later() {
    let mut house = House::start().await;
    let timer = "Supported: timer\r\nSession-Expires: 900;refresher=uas\r\n";
    let (mut peer, _call, _) = established(&mut house, timer).await;
    let reinvite = peer.expect_request("INVITE").await;
    // Ours is under way: theirs is glare.
    let branch = format!("z9hG4bK-{}", unique());
    peer.cseq += 1;
    peer.send(&peer.request_numbered("INVITE", peer.cseq, &branch, "", &sdp(30_000))).await;
    let glare = loop {
        let message = peer.receive().await;
        if message.status() == Some(491) {
            break message;
        }
    };
    peer.send(&peer.request_numbered("ACK", peer.cseq, &branch, "", "")).await;
    assert_eq!(glare.header("CSeq"), Some(&*format!("{} INVITE", peer.cseq)));
    peer.send(&peer.response(&reinvite, "491 Request Pending", "", "")).await;
    let first = reinvite.header("CSeq").unwrap().to_owned();
    let again = loop {
        let message = peer.expect_request("INVITE").await;
        if message.header("CSeq") != Some(&first) {
            break message;
        }
    };
    peer.send(&peer.response(&again, "200 OK", "", &sdp(30_000))).await;
    peer.expect_request("ACK").await;
}

#[tokio::test]
async fn too_short_a_session_timer_is_refused() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "Supported: timer\r\nSession-Expires: 30\r\n", &sdp(30_000));
    peer.send(&invite).await;
    assert_eq!(peer.expect(422).await.header("Min-SE"), Some("90"));
}

/// RFC 3262: ringing is repeated until its PRACK.
#[tokio::test]
async fn ringing_is_reliable_for_those_who_can() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "Supported: 100rel\r\n", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    let ringing = peer.expect(180).await;
    assert_eq!(ringing.header("Require"), Some("100rel"));
    let again = peer.expect(180).await;
    assert_eq!(again.header("RSeq"), ringing.header("RSeq"));
    let rack = format!("RAck: {} 1 INVITE\r\n", ringing.header("RSeq").unwrap());
    let prack = peer.request("PRACK", &rack, "");
    peer.send(&prack).await;
    peer.expect(200).await;
    call.dialog.answer().await.unwrap();
    let ok = peer.expect(200).await;
    assert_eq!(ok.header("CSeq"), Some("1 INVITE"));
    peer.send(&peer.request_numbered("ACK", 1, &format!("z9hG4bK-{}", unique()), "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
}

/// RFC 3262 §5: without an offer, ours goes in the reliable ringing and its answer comes by PRACK; the 200 waits.
#[tokio::test]
async fn the_offer_goes_with_reliable_ringing() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "Require: 100rel\r\n", "");
    peer.send(&invite).await;
    let call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    let ringing = peer.expect(180).await;
    assert!(ringing.body().contains("m=audio"));
    let answering = tokio::spawn(async move { (call.dialog.answer().await, call) });
    let rack = format!("RAck: {} 1 INVITE\r\n", ringing.header("RSeq").unwrap());
    let prack = peer.request("PRACK", &rack, &sdp(30_020));
    peer.send(&prack).await;
    let mut answered = Vec::new();
    while answered.len() < 2 {
        let message = peer.receive().await;
        if message.status() == Some(200) {
            answered.push(message);
        }
    }
    assert_eq!(answered[0].header("CSeq"), Some("2 PRACK"));
    assert_eq!((answered[1].header("CSeq"), answered[1].body()), (Some("1 INVITE"), ""));
    peer.send(&peer.request_numbered("ACK", 1, &format!("z9hG4bK-{}", unique()), "", "")).await;
    let (outcome, mut call) = answering.await.unwrap();
    outcome.unwrap();
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    assert_eq!(house.legs.configured.lock().unwrap()[0].remote.port(), 30_020);
}

/// RFC 3262 §3: no PRACK within 64·T1, and the INVITE is refused.
#[tokio::test]
async fn ringing_that_is_never_acknowledged_is_given_up() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "Supported: 100rel\r\n", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    peer.expect(504).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
}

/// Whoever takes calls is gone: the caller is not left ringing, and a running call is ended.
#[tokio::test]
async fn a_call_whose_owner_is_gone_is_ended() {
    let mut house = House::with(config()).await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    drop(house.next_call().await);
    peer.expect(503).await;
    let (mut peer, call, _) = established(&mut house, "").await;
    drop(call);
    peer.expect_request("BYE").await;
}
