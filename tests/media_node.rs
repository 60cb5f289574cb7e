//! The media node over real UDP on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "common/rtp_peer.rs"]
mod rtp_peer;

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::executor::block_on;
use media::{PlayItem, SourceRule, UtteranceId};
use rtp_peer::{RtpPeer, drive, holds_tone, tone};
use switchboard::adapters::media_node::Node;
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{LegCommand, LegEvent, LegSpec, MediaError, MediaLeg, MediaNode};
use uuid::Uuid;

const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn node(legs_max: usize) -> Node {
    Node::start(&MediaConfig { legs_max, shards: 1, ..MediaConfig::default() }).unwrap()
}

fn spec(ports: RangeInclusive<u16>) -> LegSpec {
    LegSpec { ports, ..LegSpec::on_loopback(LegId(Uuid::new_v4())) }
}

fn open(node: &Node) -> MediaLeg {
    block_on(node.open(spec(10_000..=29_999))).unwrap()
}

/// A leg and a peer that know each other.
fn call(node: &Node) -> (MediaLeg, RtpPeer) {
    let leg = open(node);
    let mut peer = RtpPeer::new();
    peer.connect(leg.advertised, leg.advertised_rtcp);
    send(&leg, LegCommand::Configure(Box::new(peer.params())));
    (leg, peer)
}

fn send(leg: &MediaLeg, command: LegCommand) {
    assert!(leg.control.send(command).is_ok(), "the leg takes orders");
}

fn say(leg: &MediaLeg, utterance: u32, duration_ms: u32) {
    let item = PlayItem { utterance: UtteranceId(utterance), clip: tone(700.0, duration_ms), last: true };
    send(leg, LegCommand::Play(item));
}

fn tones(peer: &RtpPeer, hz: f64) -> usize {
    peer.heard.iter().filter(|frame| holds_tone(&frame.0, hz)).count()
}

/// Reads events until the wanted one, driving the peer meanwhile.
fn await_event(leg: &mut MediaLeg, peer: &mut RtpPeer, wanted: impl Fn(&LegEvent) -> bool) -> LegEvent {
    let mut found = None;
    drive(&mut [peer], "an event", |_| {
        while let Ok(event) = leg.events.try_recv() {
            if wanted(&event) {
                found = Some(event);
                return true;
            }
        }
        false
    });
    found.unwrap()
}

fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    drive(&mut [], what, |_| condition());
}

#[test]
fn what_a_caller_says_comes_back_through_the_echo() {
    let node = node(4);
    let (leg, mut caller) = call(&node);
    send(&leg, LegCommand::Echo(true));
    caller.play(tone(440.0, 1_000));
    drive(&mut [&mut caller], "half of the tone is back", |peers| tones(peers[0], 440.0) >= 25);
}

/// Enough of them that the thread gathers packets instead of waking for each.
#[test]
fn twenty_callers_at_once_all_hear_their_echo() {
    let node = node(20);
    let mut calls: Vec<(MediaLeg, RtpPeer)> = (0..20).map(|_| call(&node)).collect();
    let pitch = |index: usize| 400.0 + 50.0 * index as f64;
    for (index, (leg, caller)) in calls.iter_mut().enumerate() {
        send(leg, LegCommand::Echo(true));
        caller.play(tone(pitch(index), 1_000));
    }
    let mut callers: Vec<&mut RtpPeer> = calls.iter_mut().map(|(_, caller)| caller).collect();
    drive(&mut callers, "every caller has half of their own tone back", |callers| {
        callers.iter().enumerate().all(|(index, caller)| tones(caller, pitch(index)) >= 25)
    });
}

#[test]
fn the_leg_hears_the_caller() {
    let node = node(4);
    let (mut leg, mut caller) = call(&node);
    caller.play(tone(440.0, 1_000));
    let mut heard = 0;
    drive(&mut [&mut caller], "the tone is heard", |_| {
        while let Some(Some(frame)) = leg.ears.next().now_or_never() {
            heard += usize::from(holds_tone(&frame.frame.0, 440.0));
        }
        heard >= 25
    });
}

#[test]
fn a_sentence_is_spoken_and_its_end_told() {
    let node = node(4);
    let (mut leg, mut caller) = call(&node);
    say(&leg, 1, 600);
    assert_eq!(
        await_event(&mut leg, &mut caller, |event| matches!(event, LegEvent::PlayStarted(_))),
        LegEvent::PlayStarted(UtteranceId(1))
    );
    assert_eq!(
        await_event(&mut leg, &mut caller, |event| matches!(event, LegEvent::PlayEnded { .. })),
        LegEvent::PlayEnded { utterance: UtteranceId(1), samples_sent: 9_600, complete: true }
    );
    assert_eq!(leg.control.samples_sent(UtteranceId(1)), 9_600);
    drive(&mut [&mut caller], "the sentence is heard", |peers| tones(peers[0], 700.0) >= 25);
}

/// P2: nothing stale after an interruption.
#[test]
fn an_interruption_silences_what_is_said_and_what_waits() {
    let node = node(4);
    let (mut leg, mut caller) = call(&node);
    say(&leg, 1, 10_000);
    say(&leg, 2, 10_000);
    drive(&mut [&mut caller], "the sentence is under way", |peers| tones(peers[0], 700.0) >= 5);
    leg.control.flush(UtteranceId(2));
    let ended = await_event(&mut leg, &mut caller, |event| matches!(event, LegEvent::PlayEnded { .. }));
    let LegEvent::PlayEnded { utterance, samples_sent, complete } = ended else { unreachable!() };
    assert_eq!((utterance, complete), (UtteranceId(1), false));
    assert!((320..160_000).contains(&samples_sent), "{samples_sent}");
    assert_eq!(
        await_event(&mut leg, &mut caller, |event| matches!(event, LegEvent::PlayEnded { .. })),
        LegEvent::PlayEnded { utterance: UtteranceId(2), samples_sent: 0, complete: false }
    );
    // What the peer still had in its jitter buffer plays out, then nothing follows for a second.
    drive(&mut [&mut caller], "silence for a second", |peers| {
        let heard = &peers[0].heard;
        heard.len() >= 50 && heard[heard.len() - 50..].iter().all(|frame| !holds_tone(&frame.0, 700.0))
    });
    // A late piece of the silenced utterance stays silent; the next one is heard.
    let before = tones(&caller, 700.0);
    say(&leg, 2, 500);
    let item = PlayItem { utterance: UtteranceId(3), clip: tone(1_100.0, 500), last: true };
    send(&leg, LegCommand::Play(item));
    drive(&mut [&mut caller], "the new sentence is heard", |peers| tones(peers[0], 1_100.0) >= 20);
    assert_eq!(tones(&caller, 700.0), before);
}

#[test]
fn progress_of_a_sentence_can_be_asked_while_it_is_spoken() {
    let node = node(4);
    let (leg, mut caller) = call(&node);
    say(&leg, 7, 10_000);
    drive(&mut [&mut caller], "a second was sent", |_| leg.control.samples_sent(UtteranceId(7)) >= 16_000);
    assert_eq!(leg.control.samples_sent(UtteranceId(6)), 0);
    assert!(tones(&caller, 700.0) >= 25);
}

#[test]
fn bridged_legs_hear_each_other_and_part_again() {
    let node = node(4);
    let (leg_a, mut alice) = call(&node);
    let leg_b = block_on(node.open(LegSpec { beside: Some(leg_a.id), ..spec(10_000..=29_999) })).unwrap();
    let mut bob = RtpPeer::new();
    bob.connect(leg_b.advertised, leg_b.advertised_rtcp);
    send(&leg_b, LegCommand::Configure(Box::new(bob.params())));
    send(&leg_a, LegCommand::Bridge(leg_b.id));
    alice.play(tone(440.0, 10_000));
    bob.play(tone(900.0, 10_000));
    drive(&mut [&mut alice, &mut bob], "both hear the other", |peers| {
        tones(peers[0], 900.0) >= 25 && tones(peers[1], 440.0) >= 25
    });
    drop(leg_a);
    drive(&mut [&mut alice, &mut bob], "nothing comes through any more", |peers| {
        let heard = &peers[1].heard;
        heard.len() >= 25 && heard[heard.len() - 25..].iter().all(|frame| !holds_tone(&frame.0, 440.0))
    });
}

/// R6: joined legs of one codec pass payloads on untouched: bytes that no encoder of ours would write come through.
#[test]
fn bridged_legs_pass_packets_untouched() {
    let node = node(4);
    let (leg_a, alice) = bare_call(&node, None);
    let (leg_b, bob) = bare_call(&node, Some(leg_a.id));
    send(&leg_a, LegCommand::Bridge(leg_b.id));
    // Negative zero in µ-law (0x7f) decodes to the same sample as 0xff, which is what an encoder writes.
    let mut packet = [0x7f_u8; 172];
    packet[..2].copy_from_slice(&[0x80, 0]);
    packet[8..12].copy_from_slice(&7_u32.to_be_bytes());
    let mut number = 0_u16;
    let mut untouched = 0;
    wait_until("ten packets have passed untouched", || {
        packet[2..4].copy_from_slice(&number.to_be_bytes());
        packet[4..8].copy_from_slice(&(u32::from(number) * 160).to_be_bytes());
        number += 1;
        alice.send_to(&packet, leg_a.advertised).unwrap();
        let mut datagram = [0; 1500];
        while let Ok((length, _)) = bob.recv_from(&mut datagram) {
            untouched += usize::from(length == 172 && datagram[12..172] == packet[12..]);
        }
        untouched >= 10
    });
}

/// A leg whose far end is a plain socket.
fn bare_call(node: &Node, beside: Option<LegId>) -> (MediaLeg, UdpSocket) {
    let leg = block_on(node.open(LegSpec { beside, ..spec(10_000..=29_999) })).unwrap();
    let socket = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let mut params = RtpPeer::new().params();
    params.remote = socket.local_addr().unwrap();
    params.remote_rtcp = None;
    send(&leg, LegCommand::Configure(Box::new(params)));
    (leg, socket)
}

/// M1: whoever sprays our ports gets no audio, before or after the first packet of the real caller.
#[test]
fn a_sprayer_gets_nothing() {
    let node = node(4);
    let (leg, mut caller) = call(&node);
    let mut behind_nat = caller.params();
    behind_nat.source_rule = SourceRule::LearnOnce;
    let sprayer = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    sprayer.set_nonblocking(true).unwrap();
    let spray = || {
        let mut packet = [0u8; 172];
        packet[0] = 0x80;
        sprayer.send_to(&packet, leg.advertised).unwrap();
        sprayer.send_to(b"garbage", leg.advertised).unwrap();
        sprayer.send_to(&packet, leg.advertised_rtcp).unwrap();
    };
    // The address of the session description rules: spraying first does not help.
    spray();
    say(&leg, 1, 5_000);
    drive(&mut [&mut caller], "the caller hears us", |peers| {
        spray();
        tones(peers[0], 700.0) >= 10
    });
    // Behind NAT the first valid source is learned once; spraying after it does not help.
    send(&leg, LegCommand::Configure(Box::new(behind_nat)));
    caller.play(tone(440.0, 3_000));
    let before = caller.packets;
    drive(&mut [&mut caller], "the caller still hears us", |peers| {
        if peers[0].packets > before + 10 {
            spray();
        }
        peers[0].packets > before + 60
    });
    let mut stolen = [0; 1500];
    assert!(sprayer.recv_from(&mut stolen).is_err(), "the sprayer received a packet");
}

/// M8: silence of the network is told, and the leg stays.
#[test]
fn audio_that_stops_is_told_and_the_leg_lives_on() {
    let node =
        Node::start(&MediaConfig { rtp_timeout_ms: 300, shards: 1, legs_max: 4, ..MediaConfig::default() }).unwrap();
    let (mut leg, mut caller) = call(&node);
    caller.play(tone(440.0, 200));
    await_event(&mut leg, &mut caller, |event| *event == LegEvent::RtpStarted);
    // The far end goes silent altogether: nobody drives it.
    wait_until_event(&mut leg, LegEvent::RtpTimedOut);
    caller.play(tone(440.0, 200));
    await_event(&mut leg, &mut caller, |event| *event == LegEvent::RtpStarted);
}

fn wait_until_event(leg: &mut MediaLeg, wanted: LegEvent) {
    drive(&mut [], "an event", |_| leg.events.try_recv().is_ok_and(|event| event == wanted));
}

/// P4.
#[test]
fn a_leg_too_many_for_the_ports_is_refused_and_fits_once_another_closed() {
    let node = node(8);
    let first = free_pair();
    let leg = block_on(node.open(spec(first..=first + 1))).unwrap();
    assert_eq!((leg.advertised.port(), leg.advertised_rtcp.port()), (first, first + 1));
    let refused = block_on(node.open(spec(first..=first + 1)));
    assert!(matches!(refused, Err(MediaError::PortsExhausted(a, b)) if (a, b) == (first, first + 1)));
    drop(leg);
    wait_until("the leg is closed", || node.legs() == 0);
    assert!(block_on(node.open(spec(first..=first + 1))).is_ok());
}

/// A pair of ports that nobody has right now.
fn free_pair() -> u16 {
    (0..1_000)
        .map(|_| 30_000 + rand::random::<u16>() % 1_000 * 2)
        .find(|port| UdpSocket::bind((LOCALHOST, *port)).is_ok() && UdpSocket::bind((LOCALHOST, port + 1)).is_ok())
        .unwrap()
}

#[test]
fn a_port_rests_after_its_call() {
    let node = node(8);
    let first = free_pair();
    let range = first..=first + 3;
    if UdpSocket::bind((LOCALHOST, first + 2)).is_err() || UdpSocket::bind((LOCALHOST, first + 3)).is_err() {
        return;
    }
    let leg = block_on(node.open(spec(range.clone()))).unwrap();
    let used = leg.advertised.port();
    drop(leg);
    wait_until("the leg is closed", || node.legs() == 0);
    let next = block_on(node.open(spec(range))).unwrap();
    assert_ne!(next.advertised.port(), used, "late packets of the old call would meet the new one");
}

#[test]
fn the_limit_of_legs_holds() {
    let node = node(2);
    let _legs = (open(&node), open(&node));
    assert!(matches!(block_on(node.open(spec(10_000..=29_999))), Err(MediaError::LegLimit(2))));
}

#[test]
fn dropping_the_last_control_closes_the_leg() {
    let node = node(4);
    let mut leg = open(&node);
    let other = leg.control.clone();
    drop(leg.control);
    assert!(other.send(LegCommand::Echo(true)).is_ok());
    drop(other);
    wait_until("the leg is closed", || node.legs() == 0);
    assert!(block_on(leg.ears.next()).is_none());
    assert!(block_on(leg.events.recv()).is_none());
}

#[test]
fn shutting_down_closes_every_leg_and_refuses_new_ones() {
    let node = node(4);
    let mut leg = open(&node);
    node.shutdown();
    assert!(block_on(leg.ears.next()).is_none());
    assert!(leg.control.send(LegCommand::Echo(true)).is_err());
    assert!(matches!(block_on(node.open(spec(10_000..=29_999))), Err(MediaError::Stopped)));
    assert_eq!(node.legs(), 0);
}

#[test]
fn speech_beyond_the_queue_is_given_back_not_lost() {
    let node = node(4);
    let (mut leg, mut caller) = call(&node);
    let mut taken = 0;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let item = PlayItem { utterance: UtteranceId(taken), clip: tone(700.0, 20), last: true };
        match leg.control.send(LegCommand::Play(item)) {
            Ok(()) => taken += 1,
            Err(LegCommand::Play(item)) => {
                assert_eq!(item.utterance, UtteranceId(taken));
                break;
            }
            Err(_) => panic!("another command came back"),
        }
        assert!(taken < 100_000 && Instant::now() < deadline, "the queue has no bound");
    }
    let last = taken - 1;
    let ended = await_event(
        &mut leg,
        &mut caller,
        |event| matches!(event, LegEvent::PlayEnded { utterance, .. } if utterance.0 == last),
    );
    assert_eq!(ended, LegEvent::PlayEnded { utterance: UtteranceId(last), samples_sent: 320, complete: true });
}
