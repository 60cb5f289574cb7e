//! Calls to numbers over several trunks: what they show, which trunk is taken, and what each may carry.

use std::time::Duration;

use switchboard::config::sip::{SipConfig, TrunkConfig};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::seams::signaling::{
    Destination, DialOrder, DialogEvent, EndReason, EndedBy, OutgoingCall, Party, Signaling, SignalingError,
};

use crate::house::{House, config, event, until};
use crate::peer::{Message, Peer, sdp, unique};

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text, None).unwrap()
}

fn order(to: &str) -> DialOrder {
    let to = Destination::Number(number(to));
    DialOrder { to, ring_timeout: Duration::from_secs(30), beside: None, on_behalf_of: None }
}

fn caller(text: &str) -> Option<Party> {
    Some(Party { number: Some(number(text)), uri: format!("sip:{text}@elsewhere"), display_name: None })
}

/// Carriers, each a far end of its own, in their order of configuration.
async fn with_trunks<const N: usize>(adapt: impl Fn(usize, &mut TrunkConfig)) -> (House, [Peer; N]) {
    let mut peers = Vec::new();
    let mut trunks = Vec::new();
    for index in 0..N {
        let peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
        let mut trunk = TrunkConfig {
            name: format!("carrier{index}"),
            host: peer.address().to_string(),
            own_number: Some("+4930901820".into()),
            priority: index as u16,
            health_seconds: 0,
            ..TrunkConfig::default()
        };
        adapt(index, &mut trunk);
        trunks.push(trunk);
        peers.push(peer);
    }
    let house = House::with(SipConfig { trunks, loopback: false, ..config() }).await;
    peers.iter_mut().for_each(|peer| peer.server = house.address());
    (house, peers.try_into().ok().unwrap())
}

async fn refuse(peer: &mut Peer, invite: &Message, status: &str) {
    peer.send(&peer.response(invite, status, "", "")).await;
    peer.expect_request("ACK").await;
}

async fn pick_up(peer: &mut Peer, invite: &Message, call: &mut OutgoingCall) {
    peer.send(&peer.response(invite, "200 OK", "", &sdp(30_004))).await;
    peer.expect_request("ACK").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Confirmed);
}

/// R50: a call made for a caller shows our own number, and nothing of the caller's.
#[tokio::test]
async fn our_own_number_is_shown_by_default() {
    let (house, [mut peer]) = with_trunks(|_, _| {}).await;
    let order = DialOrder { on_behalf_of: caller("+4917612345678"), ..order("+4930123456") };
    let _call = house.server.dial(order).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    let own = format!("<sip:+4930901820@{}>", peer.address());
    assert!(invite.header("From").unwrap().starts_with(&own));
    assert_eq!(invite.headers("P-Asserted-Identity"), [own]);
    for absent in ["Diversion", "History-Info", "Identity", "P-Preferred-Identity", "Remote-Party-ID"] {
        assert!(invite.header(absent).is_none(), "{absent}");
    }
    assert!(!invite.0.contains("17612345678"));
}

/// R50: where the trunk permits it the caller is shown; a 403 tries once more with our own number, and only once.
#[tokio::test]
async fn a_caller_is_shown_where_the_trunk_permits_and_not_after_403() {
    let (house, [mut peer]) = with_trunks(|_, trunk| trunk.original_caller = true).await;
    let order = DialOrder { on_behalf_of: caller("+4917612345678"), ..order("+4930123456") };
    let mut call = house.server.dial(order).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    assert!(invite.header("From").unwrap().starts_with("<sip:+4917612345678@"));
    assert!(invite.header("P-Asserted-Identity").unwrap().starts_with("<sip:+4930901820@"));
    assert!(invite.header("Diversion").unwrap().starts_with("<sip:+4930901820@"));
    assert!(invite.header("History-Info").unwrap().contains("index=1.1"));
    refuse(&mut peer, &invite, "403 Forbidden").await;
    let again = peer.expect_request("INVITE").await;
    assert!(again.header("From").unwrap().starts_with("<sip:+4930901820@"));
    assert_eq!((again.header("Diversion"), again.header("Call-ID")), (None, invite.header("Call-ID")));
    refuse(&mut peer, &again, "403 Forbidden").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(403));
}

/// A trunk that fails leads to the next by priority, with its own number and a dialog of its own.
#[tokio::test]
async fn a_failing_trunk_leads_to_the_next() {
    let (house, [mut second, mut first]) = with_trunks(|index, trunk| {
        trunk.priority = 10 - index as u16;
        trunk.own_number = Some(format!("+493090182{index}"));
    })
    .await;
    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = first.expect_request("INVITE").await;
    first.send(&first.response(&invite, "100 Trying", "", "")).await;
    refuse(&mut first, &invite, "500 Server Internal Error").await;
    let again = second.expect_request("INVITE").await;
    assert!(again.header("From").unwrap().starts_with("<sip:+4930901820@"));
    assert_ne!(again.header("Call-ID"), invite.header("Call-ID"));
    pick_up(&mut second, &again, &mut call).await;
    let bye = second.request_within(&again, "BYE");
    second.send(&bye).await;
    second.expect(200).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
}

/// A trunk that is silent leads to the next; should it wake up later, nobody is left ringing.
#[tokio::test]
async fn a_silent_trunk_leads_to_the_next_and_is_cancelled_when_it_wakes() {
    let (house, [mut silent, mut second]) = with_trunks(|_, trunk| trunk.silence_ms = 500).await;
    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let asleep = silent.expect_request("INVITE").await;
    let invite = second.expect_request("INVITE").await;
    pick_up(&mut second, &invite, &mut call).await;
    silent.send(&silent.response(&asleep, "180 Ringing", "", "")).await;
    let cancel = silent.expect_request("CANCEL").await;
    silent.send(&silent.response(&cancel, "200 OK", "", "")).await;
    silent.send(&silent.response(&asleep, "200 OK", "", &sdp(30_010))).await;
    silent.expect_request("ACK").await;
    silent.expect_request("BYE").await;
}

/// What has rung is not called again by another way: the person would be rung twice.
#[tokio::test]
async fn after_ringing_no_other_trunk_is_tried() {
    let (house, [mut first, second]) = with_trunks(|_, trunk| trunk.silence_ms = 500).await;
    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = first.expect_request("INVITE").await;
    first.send(&first.response(&invite, "183 Session Progress", "", "")).await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    refuse(&mut first, &invite, "503 Service Unavailable").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(503));
    assert_eq!(event(&mut call.events).await, DialogEvent::Ended(EndedBy::FarEnd));
    assert!(second.socket.try_recv(&mut [0; 100]).is_err());
}

/// Busy is an answer, not a failure: no other trunk is tried.
#[tokio::test]
async fn a_busy_person_is_not_called_by_another_trunk() {
    let (house, [mut first, second]) = with_trunks(|_, _| {}).await;
    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = first.expect_request("INVITE").await;
    refuse(&mut first, &invite, "486 Busy Here").await;
    assert_eq!(event(&mut call.events).await, DialogEvent::Refused(486));
    assert!(second.socket.try_recv(&mut [0; 100]).is_err());
}

/// A trunk that does not answer OPTIONS is tried last; any answer, even a refusal, shows that it is there.
#[tokio::test]
async fn a_trunk_that_does_not_answer_options_is_passed_over() {
    let (house, [dead, mut alive]) = with_trunks(|_, trunk| trunk.health_seconds = 1).await;
    let options = alive.expect_request("OPTIONS").await;
    alive.send(&alive.response(&options, "405 Method Not Allowed", "", "")).await;
    let server = house.server.clone();
    until("the dead trunk is known", || !server.trunks()[0].answers).await;
    let trunks = house.server.trunks();
    assert_eq!((trunks[1].name.as_str(), trunks[1].answers), ("carrier1", true));
    drop(dead);
    let _call = house.server.dial(order("+4930123456")).await.unwrap();
    alive.expect_request("INVITE").await;
}

/// S9: calls a second, calls at once and countries are bounded for each trunk, and another may carry what one may not.
#[tokio::test]
async fn each_trunk_carries_only_what_it_may() {
    let (house, [mut first, mut second]) = with_trunks(|index, trunk| match index {
        0 => {
            trunk.calls_max = 1;
            trunk.allowed_countries = vec!["DE".into()];
        }
        _ => trunk.allowed_prefixes = vec!["+43".into(), "+4930".into()],
    })
    .await;
    let _one = house.server.dial(order("+4930123456")).await.unwrap();
    first.expect_request("INVITE").await;
    let _two = house.server.dial(order("+4930123457")).await.unwrap();
    second.expect_request("INVITE").await;
    let _abroad = house.server.dial(order("+4312345678")).await.unwrap();
    assert!(second.expect_request("INVITE").await.start_line().contains("+4312345678"));
    let full = house.server.dial(order("+4989123456")).await;
    assert!(matches!(full, Err(SignalingError::NotAllowed(_))));
    let nowhere = house.server.dial(order("+33142685300")).await;
    assert!(matches!(nowhere, Err(SignalingError::NotAllowed(_))));
}

/// R57: emergency calls go by their own trunk alone, as dialled, and past every cap; nothing else passes as one.
#[tokio::test]
async fn an_emergency_call_goes_by_its_trunk_and_past_the_caps() {
    let other = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let mut peer = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let trunk = |name: &str, peer: &Peer| TrunkConfig {
        name: name.into(),
        host: peer.address().to_string(),
        calls_max: 0,
        health_seconds: 0,
        ..TrunkConfig::default()
    };
    let trunks = vec![trunk("cheap", &other), trunk("local", &peer)];
    let house = House::with(SipConfig { trunks, emergency_trunk: Some("local".into()), ..config() }).await;
    peer.server = house.address();
    let dial = |digits: &str| DialOrder { to: Destination::Emergency(digits.into()), ..order("+4930123456") };
    let _call = house.server.dial(dial("112")).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    assert!(invite.start_line().starts_with(&format!("INVITE sip:112@{} ", peer.address())));
    assert!(matches!(house.server.dial(dial("0900")).await, Err(SignalingError::BadDestination(_))));
}

/// A trunk behind a proxy: everything goes to the proxy first, and still asks for the trunk's own host.
#[tokio::test]
async fn an_outbound_proxy_comes_first() {
    let mut proxy = Peer::new("127.0.0.1:9".parse().unwrap()).await;
    let at = proxy.address().to_string();
    let (house, [_carrier]) = with_trunks(move |_, trunk| {
        trunk.host = "carrier.invalid".into();
        trunk.outbound_proxy = Some(at.clone());
        trunk.sources = vec!["192.0.2.1".parse().unwrap()];
    })
    .await;
    proxy.server = house.address();
    let _call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = proxy.expect_request("INVITE").await;
    assert!(invite.start_line().starts_with("INVITE sip:+4930123456@carrier.invalid "));
    assert!(invite.header("Route").unwrap().contains(&format!("{};lr", proxy.address())));
}

/// R49: the address and ports that are told to a trunk are the trunk's own; stand-ins share what they have in common.
#[tokio::test]
async fn each_trunk_is_told_its_own_address_and_ports() {
    let (mut house, [mut first, mut second]) = with_trunks(|index, trunk| {
        trunk.advertised = Some(["203.0.113.7", "198.51.100.9"][index].parse().unwrap());
        trunk.rtp_ports = Some([(20_000, 39_000), (10_000, 30_000)][index]);
    })
    .await;
    let _call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = first.expect_request("INVITE").await;
    assert!(invite.body().contains("c=IN IP4 203.0.113.7"), "{}", invite.body());
    assert!(invite.header("Contact").unwrap().contains("203.0.113.7"));
    assert!(invite.header("Via").unwrap().contains("203.0.113.7"));
    assert_eq!(house.legs.specs.lock().unwrap()[0].ports, 20_000..=30_000);
    refuse(&mut first, &invite, "500 Server Internal Error").await;
    let again = second.expect_request("INVITE").await;
    assert!(again.body().contains("c=IN IP4 198.51.100.9"), "{}", again.body());
    // And those of a call that comes in.
    let invite = first.request("INVITE", "", &sdp(30_000));
    first.send(&invite).await;
    let incoming = house.next_call().await;
    assert_eq!(incoming.info.trunk, "carrier0");
    let specs = house.legs.specs.lock().unwrap();
    let spec = specs.last().unwrap();
    assert_eq!((spec.ports.clone(), spec.advertised), (20_000..=39_000, Some("203.0.113.7".parse().unwrap())));
}

/// RFC 3326: the losers of a race are told that somebody else took the call, while they ring and when they answered.
#[tokio::test]
async fn a_call_that_somebody_else_took_says_so() {
    let (house, [mut peer]) = with_trunks(|_, _| {}).await;
    let call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    peer.send(&peer.response(&invite, "180 Ringing", "", "")).await;
    let mut events = call.events;
    assert_eq!(event(&mut events).await, DialogEvent::Ringing);
    call.dialog.hang_up_because(EndReason::CompletedElsewhere).await.unwrap();
    let cancel = peer.expect_request("CANCEL").await;
    let elsewhere = "SIP;cause=200;text=\"Call completed elsewhere\"";
    assert_eq!(cancel.header("Reason"), Some(elsewhere));
    peer.send(&peer.response(&cancel, "200 OK", "", "")).await;
    peer.send(&peer.response(&invite, "487 Request Terminated", "", "")).await;
    peer.expect_request("ACK").await;

    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    pick_up(&mut peer, &invite, &mut call).await;
    call.dialog.hang_up_because(EndReason::CompletedElsewhere).await.unwrap();
    assert_eq!(peer.expect_request("BYE").await.header("Reason"), Some(elsewhere));
}

/// Hung up before anything came back: CANCEL waits for the first response (RFC 3261 §9.1), and then goes.
#[tokio::test]
async fn a_call_given_up_early_is_cancelled_when_it_may_be() {
    let (house, [mut peer]) = with_trunks(|_, _| {}).await;
    let call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    call.dialog.hang_up().await.unwrap();
    peer.send(&peer.response(&invite, "180 Ringing", "", "")).await;
    peer.expect_request("CANCEL").await;
    // Two branches answer all the same: both are ended.
    let tags = [peer.local_tag.clone(), format!("fork{}", unique())];
    for tag in &tags {
        peer.local_tag = tag.clone();
        peer.send(&peer.response(&invite, "200 OK", "", &sdp(30_001))).await;
    }
    let mut ended = vec![peer.expect_request("BYE").await.tag("To"), peer.expect_request("BYE").await.tag("To")];
    ended.sort();
    let mut expected = tags.to_vec();
    expected.sort();
    assert_eq!(ended, expected);
}

/// RFC 3262 with forks: each branch has its own PRACK, and the branch that is picked up is the one that is heard.
#[tokio::test]
async fn the_branch_that_is_picked_up_is_heard_whatever_rang_before() {
    let (house, [mut peer]) = with_trunks(|_, _| {}).await;
    let mut call = house.server.dial(order("+4930123456")).await.unwrap();
    let invite = peer.expect_request("INVITE").await;
    let reliable = "Require: 100rel\r\nRSeq: 3\r\n";
    let first = peer.local_tag.clone();
    peer.send(&peer.response(&invite, "183 Session Progress", reliable, &sdp(30_001))).await;
    assert_eq!(peer.expect_request("PRACK").await.tag("To"), first);
    peer.local_tag = format!("fork{}", unique());
    peer.send(&peer.response(&invite, "183 Session Progress", reliable, &sdp(30_003))).await;
    let prack = peer.expect_request("PRACK").await;
    assert_eq!(prack.tag("To"), peer.local_tag);
    // Early media is no answer.
    assert_eq!(event(&mut call.events).await, DialogEvent::Ringing);
    pick_up(&mut peer, &invite, &mut call).await;
    let legs = house.legs.clone();
    until("the second branch is heard", || legs.configured.lock().unwrap().last().unwrap().remote.port() == 30_004)
        .await;
    call.dialog.hang_up().await.unwrap();
    let bye = peer.expect_request("BYE").await;
    let cseq = |message: &Message| message.header("CSeq").unwrap().split(' ').next().unwrap().parse::<u32>().unwrap();
    assert!(bye.tag("To") == peer.local_tag && cseq(&bye) > cseq(&prack));
}
