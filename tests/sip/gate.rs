//! Who gets in, and what floods and loops cost.

use std::time::{Duration, Instant};

use switchboard::config::sip::{Strangers, TrunkConfig};
use switchboard::seams::signaling::{Destination, DialOrder, DialogEvent, Signaling, SignalingError};

use crate::house::{House, config, event, until};
use crate::peer::{Peer, sdp, unique};

fn trunk(source: &str) -> TrunkConfig {
    TrunkConfig {
        name: "carrier".into(),
        host: source.into(),
        sources: vec![source.parse().unwrap()],
        calls_per_second: 1_000,
        health_seconds: 0,
        ..TrunkConfig::default()
    }
}

/// S5, S9: strangers reach nothing, and leave nothing behind.
#[tokio::test]
async fn strangers_are_refused_and_leave_no_trace() {
    let mut closed = config();
    closed.loopback = false;
    closed.trunks = vec![trunk("127.0.0.2")];
    let mut house = House::with(closed).await;
    let mut stranger = Peer::new(house.address()).await;
    for method in ["INVITE", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY", "REFER"] {
        let request = stranger.request(method, "", "");
        stranger.send(&request).await;
        stranger.expect(403).await;
    }
    let load = house.server.load();
    assert_eq!((load.dialogs, load.transactions, load.remembered), (0, 0, 0));
    let mut carrier = Peer::at("127.0.0.2", house.address()).await;
    let invite = carrier.request("INVITE", "", &sdp(30_000));
    carrier.send(&invite).await;
    assert_eq!(house.next_call().await.info.trunk, "carrier");
}

#[tokio::test]
async fn strangers_can_be_met_with_silence() {
    let mut closed = config();
    closed.loopback = false;
    closed.strangers = Strangers::Ignore;
    closed.trunks = vec![trunk("127.0.0.2")];
    let house = House::with(closed).await;
    let mut stranger = Peer::new(house.address()).await;
    let invite = stranger.request("INVITE", "", &sdp(30_000));
    stranger.send(&invite).await;
    // The trunk's answer shows that the stranger's request was read before.
    let mut carrier = Peer::at("127.0.0.2", house.address()).await;
    let options = carrier.request("OPTIONS", "", "");
    carrier.send(&options).await;
    carrier.expect(200).await;
    let mut buffer = [0; 100];
    assert!(stranger.socket.try_recv(&mut buffer).is_err());
}

#[tokio::test]
async fn options_tell_what_we_can() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let options = peer.request("OPTIONS", "", "");
    peer.send(&options).await;
    let ok = peer.expect(200).await;
    for header in ["Allow", "Accept", "Supported", "Contact"] {
        assert!(ok.header(header).is_some(), "{header}");
    }
    assert!(ok.header("Via").unwrap().contains(&format!("rport={}", peer.address().port())));
    house.server.drain();
    let options = peer.request("OPTIONS", "", "");
    peer.send(&options).await;
    peer.expect(503).await;
}

#[tokio::test]
async fn what_we_do_not_know_is_named() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let invite = peer.request("INVITE", "Require: 100rel, nothing-known\r\nProxy-Require: neither\r\n", &sdp(30_000));
    peer.send(&invite).await;
    assert_eq!(peer.expect(420).await.header("Unsupported"), Some("nothing-known, neither"));
    let invite = peer.request("INVITE", "Content-Type: text/plain\r\n", "hello");
    peer.send(&invite).await;
    assert_eq!(peer.expect(415).await.header("Accept"), Some("application/sdp"));
    let invite = peer.request("INVITE", "", &sdp(30_000).replace("RTP/AVP", "RTP/SAVP"));
    peer.send(&invite).await;
    assert!(peer.expect(488).await.header("Warning").is_some());
    for method in ["MESSAGE", "SUBSCRIBE", "PUBLISH", "NOTIFY"] {
        let request = peer.request(method, "", "");
        peer.send(&request).await;
        assert!(peer.expect(405).await.header("Allow").is_some());
    }
    let bye = peer.request("BYE", "", "");
    peer.send(&bye).await;
    peer.expect(481).await;
}

/// S6: our own call comes in again: 482 at once, and no leg for it.
#[tokio::test]
async fn a_call_that_comes_back_to_us_ends_at_once() {
    let house = House::start().await;
    let to = Destination::Uri(format!("sip:anna@{}", house.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(60), beside: None, on_behalf_of: None };
    let mut call = house.server.dial(order).await.unwrap();
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(482));
    assert_eq!(house.legs.specs.lock().unwrap().len(), 1);
}

/// S6: the mark is known even where everything else was rewritten on the way.
#[tokio::test]
async fn a_call_that_comes_back_rewritten_ends_too() {
    let house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    let to = Destination::Uri(format!("sip:anna@{}", peer.address()));
    let order = DialOrder { to, ring_timeout: Duration::from_secs(60), beside: None, on_behalf_of: None };
    let _call = house.server.dial(order).await.unwrap();
    let ours = peer.expect_request("INVITE").await;
    let mark = format!("X-Loop-Mark: {}\r\n", ours.header("X-Loop-Mark").unwrap());
    let invite = peer.request("INVITE", &mark, &sdp(30_000));
    peer.send(&invite).await;
    loop {
        let message = peer.receive().await;
        if message.method() != "INVITE" {
            assert_eq!(message.status(), Some(482));
            break;
        }
    }
}

/// S6: the same call by two ways is one call.
#[tokio::test]
async fn a_merged_request_is_refused() {
    let mut house = House::start().await;
    let mut peer = Peer::new(house.address()).await;
    peer.cseq = 1;
    let branch = || format!("z9hG4bK-{}", unique());
    peer.send(&peer.request_numbered("INVITE", 1, &branch(), "", &sdp(30_000))).await;
    let call = house.next_call().await;
    peer.send(&peer.request_numbered("INVITE", 1, &branch(), "", &sdp(30_000))).await;
    peer.expect(482).await;
    drop(call);
}

/// S4: beyond the limits new calls get 503 with Retry-After, and those under way go on.
#[tokio::test]
async fn too_many_calls_get_503() {
    let mut tight = config();
    tight.limits.calls_max = 1;
    let mut house = House::with(tight).await;
    let mut first = Peer::new(house.address()).await;
    let invite = first.request("INVITE", "", &sdp(30_000));
    first.send(&invite).await;
    let call = house.next_call().await;
    let mut second = Peer::new(house.address()).await;
    let invite = second.request("INVITE", "", &sdp(30_000));
    second.send(&invite).await;
    assert_eq!(second.expect(503).await.header("Retry-After"), Some("5"));
    call.dialog.reject(486, "").await.unwrap();
    first.expect(486).await;
    until("the place is free", || house.server.calls() == 0).await;
    let invite = second.request("INVITE", "", &sdp(30_000));
    second.send(&invite).await;
    house.next_call().await;
}

#[tokio::test]
async fn a_draining_server_takes_no_new_calls_and_keeps_the_old() {
    let mut house = House::start().await;
    let mut first = Peer::new(house.address()).await;
    let invite = first.request("INVITE", "", &sdp(30_000));
    first.send(&invite).await;
    let call = house.next_call().await;
    house.server.drain();
    let mut second = Peer::new(house.address()).await;
    let invite = second.request("INVITE", "", &sdp(30_000));
    second.send(&invite).await;
    second.expect(503).await;
    call.dialog.answer().await.unwrap();
    first.expect(200).await;
    first.ack("").await;
    let bye = first.request("BYE", "", "");
    first.send(&bye).await;
    first.expect(200).await;
    assert!(house.server.drained(Duration::from_secs(10)).await);
}

/// S4: a flood leaves memory bounded, and a known trunk still gets through, quickly.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_does_not_keep_a_trunk_out() {
    let mut open = config();
    open.trunks = vec![trunk("127.0.0.2")];
    let house = House::with(open).await;
    let address = house.address();
    let (server, _legs) = house.answer_everything();
    let mut flood = Peer::new(address).await;
    let flooding = tokio::spawn(async move {
        for _ in 0..6_000 {
            flood.call_id = format!("flood-{}", unique());
            let invite = flood.request("INVITE", "", &sdp(30_000));
            flood.send(&invite).await;
            if flood.cseq % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let mut buffer = [0; 2_000];
            while flood.socket.try_recv(&mut buffer).is_ok() {}
        }
    });
    let mut set_up = Vec::new();
    while !flooding.is_finished() {
        let mut carrier = Peer::at("127.0.0.2", address).await;
        let began = Instant::now();
        let invite = carrier.request("INVITE", "", &sdp(30_000));
        // What the socket's buffer could not hold is sent again, as every telephone does.
        while !carrier.is_answered(&invite, Duration::from_millis(500)).await {}
        set_up.push(began.elapsed());
        carrier.ack("").await;
        let bye = carrier.request("BYE", "", "");
        while !carrier.is_answered(&bye, Duration::from_millis(500)).await {}
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    flooding.await.unwrap();
    assert!(set_up.len() > 3, "{}", set_up.len());
    let load = server.load();
    assert!(load.dialogs <= 2 * 100 && load.transactions <= 1_000, "{load:?}");
}

/// R5: a telephone number needs a trunk, and text is no address.
#[tokio::test]
async fn without_a_way_nothing_is_dialled() {
    let house = House::start().await;
    let number = switchboard::domain::phone_number::PhoneNumber::parse("+4930901820", None).unwrap();
    for (to, is_right) in [
        (
            Destination::Number(number),
            (|error| matches!(error, SignalingError::NoTrunk)) as fn(&SignalingError) -> bool,
        ),
        (Destination::Uri("anna".into()), |error| matches!(error, SignalingError::BadDestination(_))),
        (Destination::Uri("tel:+4930901820".into()), |error| matches!(error, SignalingError::BadDestination(_))),
        (Destination::Uri("sip:a@127.0.0.1 \r\nX: y".into()), |error| {
            matches!(error, SignalingError::BadDestination(_))
        }),
    ] {
        let order = DialOrder { to, ring_timeout: Duration::from_secs(1), beside: None, on_behalf_of: None };
        let error = house.server.dial(order).await.err().unwrap();
        assert!(is_right(&error), "{error}");
    }
}
