//! Calls that come in: their whole life as the far end sees it.

use media::{Codec, Key};
use switchboard::seams::signaling::{DialogEvent, EndedBy, SignalingError};

use crate::house::{House, event, until};
use crate::peer::{Message, Peer, sdp};

/// R1: a call is delivered with its offer answered, rings, is answered, and the caller hangs up.
#[tokio::test]
async fn a_caller_is_heard_until_he_hangs_up() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    assert_eq!(call.info.trunk, "loopback");
    assert_eq!(call.info.from.as_ref().unwrap().number.as_ref().unwrap().as_str(), "+4930123456");
    let configured = house.legs.configured.lock().unwrap()[0].clone();
    assert_eq!((configured.codec, configured.remote.port()), (Codec::Pcmu, 30_000));

    call.dialog.ring().await.unwrap();
    let ringing = peer.expect(180).await;
    assert!(ringing.header("Contact").is_some() && !ringing.tag("To").is_empty());
    call.dialog.answer().await.unwrap();
    let ok = peer.expect(200).await;
    assert_eq!(ok.tag("To"), ringing.tag("To"));
    assert!(ok.body().contains("m=audio 20000 RTP/AVP 0 101"), "{}", ok.body());
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);

    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
    drop(call);
    until("everything is given back", || {
        house.server.calls() == 0 && house.server.load().dialogs == 0 && *house.legs.open.lock().unwrap() == 0
    })
    .await;
}

#[tokio::test]
async fn we_hang_up_with_bye_and_may_do_so_twice() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    peer.expect(200).await;
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    call.dialog.hang_up().await.unwrap();
    let bye = peer.expect_request("BYE").await;
    assert_eq!((bye.tag("From"), bye.tag("To")), (peer.remote_tag.clone(), peer.local_tag.clone()));
    peer.send(&peer.response(&bye, "200 OK", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Us));
    call.dialog.hang_up().await.unwrap();
    assert!(matches!(call.dialog.answer().await, Err(SignalingError::WrongState)));
}

#[tokio::test]
async fn a_refused_call_gets_our_status_and_words() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let call = house.next_call().await;
    call.dialog.reject(486, "Everybody talks").await.unwrap();
    let busy = peer.expect(486).await;
    assert_eq!(busy.start_line(), "SIP/2.0 486 Everybody talks");
}

/// A call without an offer gets ours in the 200, and its answer comes with the ACK.
#[tokio::test]
async fn a_call_without_an_offer_gets_ours() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", "");
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    assert!(house.legs.configured.lock().unwrap().is_empty());
    call.dialog.answer().await.unwrap();
    let ok = peer.expect(200).await;
    assert!(ok.body().contains("m=audio") && ok.body().contains("PCMU"), "{}", ok.body());
    let answer = sdp(30_002);
    peer.send(&peer.request_numbered("ACK", peer.cseq, "z9hG4bK-ack1", "", &answer)).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
    assert_eq!(house.legs.configured.lock().unwrap()[0].remote.port(), 30_002);
}

/// M6: keys that come by INFO reach the leg; other bodies are refused.
#[tokio::test]
async fn keys_come_by_info() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let legs = house.legs.clone();
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    peer.expect(200).await;
    peer.ack("").await;
    let info = peer.request("INFO", "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n");
    peer.send(&info).await;
    peer.expect(200).await;
    until("the key arrived", || *legs.keys.lock().unwrap() == [Key(b'5')]).await;
    let info = peer.request("INFO", "Content-Type: text/plain\r\n", "hello");
    peer.send(&info).await;
    let refused = peer.expect(415).await;
    assert!(refused.header("Accept").is_some());
}

/// S6: nobody acknowledges: the 200 is repeated, then the call ends as a failure, with BYE.
#[tokio::test]
async fn without_an_ack_the_200_is_repeated_and_the_call_ends() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    let mut repeated = 0;
    loop {
        let message = peer.receive().await;
        match message.status() {
            Some(200) => repeated += 1,
            Some(100) => {}
            _ => {
                assert_eq!(message.method(), "BYE");
                break;
            }
        }
    }
    assert!(repeated >= 5, "{repeated}");
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::Failure));
}

/// S6: CANCEL while it rings ends it with 487; CANCEL that crosses the 200 changes nothing.
#[tokio::test]
async fn a_caller_may_cancel_while_it_rings() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    peer.cseq = 1;
    peer.send(&peer.request_numbered("INVITE", 1, "z9hG4bK-cancel", "", &sdp(30_000))).await;
    let mut call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    peer.expect(180).await;
    let remote_tag = std::mem::take(&mut peer.remote_tag);
    peer.send(&peer.request_numbered("CANCEL", 1, "z9hG4bK-cancel", "", "")).await;
    let (first, second) = (peer.receive().await, peer.receive().await);
    let is_cancel = |message: &Message| message.header("CSeq") == Some("1 CANCEL");
    let (cancel, invite) = if is_cancel(&first) { (first, second) } else { (second, first) };
    assert_eq!((cancel.status(), invite.status()), (Some(200), Some(487)));
    assert_eq!(invite.tag("To"), remote_tag);
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
    peer.ack_refusal("z9hG4bK-cancel", &invite).await;

    let mut peer = Peer::new(house.address()).await;
    peer.cseq = 1;
    peer.send(&peer.request_numbered("INVITE", 1, "z9hG4bK-cross", "", &sdp(30_000))).await;
    let mut call = house.next_call().await;
    call.dialog.answer().await.unwrap();
    peer.send(&peer.request_numbered("CANCEL", 1, "z9hG4bK-cross", "", "")).await;
    loop {
        let message = peer.receive().await;
        assert!(matches!(message.status(), Some(100 | 200)), "{message:?}");
        if is_cancel(&message) {
            peer.remote_tag = message.tag("To");
            break;
        }
    }
    peer.ack("").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
}

/// S6: BYE in an early dialog.
#[tokio::test]
async fn bye_before_the_answer_ends_the_call() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "", &sdp(30_000));
    peer.send(&invite).await;
    let mut call = house.next_call().await;
    call.dialog.ring().await.unwrap();
    peer.expect(180).await;
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    let (first, second) = (peer.receive().await, peer.receive().await);
    let mut statuses = [first.status(), second.status()];
    statuses.sort();
    assert_eq!(statuses, [Some(200), Some(487)]);
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}
