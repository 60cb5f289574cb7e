//! Audio from others is not heard, and none is sent to them (M1, M2).

mod common;

use common::*;
use media::{Event, SourceRule, StreamParams};

fn learning() -> StreamParams {
    StreamParams { source_rule: SourceRule::LearnOnce, ..params() }
}

/// The far end speaks at 440 Hz, whoever intrudes at 1000 Hz.
fn loud(i: usize) -> Vec<u8> {
    ulaw_tone(440.0, 4000.0, i * 160, 160)
}

fn intruding(i: usize) -> Vec<u8> {
    ulaw_tone(1000.0, 12_000.0, i * 160, 160)
}

fn assert_only_the_far_end_was_heard(leg: &Leg) {
    let samples = leg.heard_samples();
    assert!(share_of(1000.0, &samples) < 0.001, "{}", share_of(1000.0, &samples));
    assert!(share_of(440.0, &samples) > 0.8, "{}", share_of(440.0, &samples));
    assert!(leg.sent.iter().all(|sent| sent.transmit.to == address(FAR)));
}

/// M1: before and after the first real packet, under either rule.
#[test]
fn a_spray_from_elsewhere_is_neither_heard_nor_answered() {
    for rule in [SourceRule::FromSdp, SourceRule::LearnOnce] {
        let mut leg = Leg::new(&StreamParams { source_rule: rule, ..params() });
        let (mut far, mut spray) = (Far::new(), Far { ssrc: 99, ..Far::new() });
        for _ in 0..30 {
            let packet = spray.packet(&intruding(0));
            leg.arrive(STRANGER, &packet);
        }
        for i in 0..200 {
            let (real, sprayed) = (far.packet(&loud(i)), spray.packet(&intruding(i)));
            leg.arrive(STRANGER, &sprayed);
            leg.arrive(FAR, &real);
            leg.arrive(STRANGER, &sprayed);
            leg.run(ms(20));
        }
        assert_only_the_far_end_was_heard(&leg);
    }
}

/// M1: a sprayer that imitates a whole stream holds the place only until the described address speaks.
#[test]
fn the_described_address_takes_over_from_a_learned_one() {
    let mut leg = Leg::new(&learning());
    let (mut far, mut other) = (Far::new(), Far { ssrc: 99, ..Far::new() });
    for i in 0..20 {
        let packet = other.packet(&intruding(i));
        leg.arrive(STRANGER, &packet);
        leg.run(ms(20));
    }
    let packet = far.packet(&loud(0));
    leg.arrive(FAR, &packet);
    let (heard, sent) = (leg.heard.len(), leg.sent.len());
    for i in 1..200 {
        let (real, late) = (far.packet(&loud(i)), other.packet(&intruding(i)));
        leg.arrive(STRANGER, &late);
        leg.arrive(FAR, &real);
        leg.run(ms(20));
    }
    leg.heard.drain(..heard);
    leg.sent.drain(..sent);
    assert_only_the_far_end_was_heard(&leg);
}

#[test]
fn a_far_end_behind_nat_is_learned_by_its_stream_and_then_kept() {
    let mut leg = Leg::new(&learning());
    let mut far = Far::new();
    let mut stranger = Far { ssrc: 99, ..Far::new() };
    for i in 0..100 {
        let (real, other) = (far.packet(&loud(i)), stranger.packet(&intruding(i)));
        leg.arrive("203.0.113.5:30000", &real);
        if i > 10 {
            leg.arrive(STRANGER, &other);
        }
        leg.run(ms(20));
    }
    assert!(share_of(440.0, &leg.heard_samples()[6400..]) > 0.95);
    assert!(leg.sent[..4].iter().all(|sent| sent.transmit.to == address(FAR)), "unproven, it gets nothing");
    assert!(leg.sent[8..].iter().all(|sent| sent.transmit.to == address("203.0.113.5:30000")));
}

#[test]
fn an_offer_and_answer_lets_the_source_be_learned_again() {
    let mut leg = Leg::new(&learning());
    let mut far = Far::new();
    let mut talk = |leg: &mut Leg, from: &str| {
        for i in 0..20 {
            let packet = far.packet(&loud(i));
            leg.arrive(from, &packet);
            leg.run(ms(20));
        }
        leg.sent.last().unwrap().transmit.to
    };
    assert_eq!(talk(&mut leg, "203.0.113.5:30000"), address("203.0.113.5:30000"));
    assert_eq!(talk(&mut leg, "203.0.113.5:40000"), address("203.0.113.5:30000"));
    leg.session.configure(leg.now, &learning());
    assert_eq!(talk(&mut leg, "203.0.113.5:40000"), address("203.0.113.5:40000"));
}

/// M2: packets that claim to come from the far end's address.
#[test]
fn another_ssrc_from_the_same_address_is_not_heard_beside_the_pinned_one() {
    let mut leg = Leg::new(&params());
    let (mut far, mut injected) = (Far::new(), Far { ssrc: 99, sequence: 1, timestamp: 1, payload_type: 0 });
    for i in 0..200 {
        let (real, other) = (far.packet(&loud(i)), injected.packet(&intruding(i)));
        leg.arrive(FAR, &real);
        leg.run(ms(7));
        leg.arrive(FAR, &other);
        leg.run(ms(13));
    }
    assert_only_the_far_end_was_heard(&leg);
}

/// M2.
#[test]
fn the_pinned_ssrc_with_a_wild_sequence_or_payload_type_is_not_heard() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for i in 0..200u32 {
        let real = far.packet(&loud(i as usize));
        leg.arrive(FAR, &real);
        for (sequence, payload_type) in [(far.sequence.wrapping_add(20_000 + 7 * i as u16), 0), (far.sequence, 96)] {
            let mut injected = Far { sequence, payload_type, ..far.clone() };
            let packet = injected.packet(&intruding(0));
            leg.arrive(FAR, &packet);
        }
        leg.run(ms(20));
    }
    assert_only_the_far_end_was_heard(&leg);
}

/// M3: one real change of stream among a flood of SSRCs.
#[test]
fn a_new_stream_is_heard_once_the_old_one_is_silent() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for i in 0..50 {
        let packet = far.packet(&loud(i));
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
    for ssrc in 0..5000 {
        let packet = Far { ssrc, ..Far::new() }.packet(&intruding(0));
        leg.arrive(FAR, &packet);
    }
    leg.run(ms(80));
    let mut next = Far { ssrc: 77, sequence: 9, timestamp: 123_456, payload_type: 0 };
    for i in 0..50 {
        let packet = next.packet(&loud(i));
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
    let tail = &leg.heard_samples()[leg.heard.len() * 320 - 40 * 320..];
    assert!(share_of(440.0, tail) > 0.95);
    assert_eq!(leg.events, [Event::RtpStarted]);
}

/// M1: a sprayer cannot keep out a far end whose port alone was changed on the way.
#[test]
fn the_described_host_at_another_port_takes_over_from_a_stranger() {
    let mut leg = Leg::new(&learning());
    let (mut far, mut other) = (Far::new(), Far { ssrc: 99, ..Far::new() });
    for i in 0..100 {
        let (real, sprayed) = (far.packet(&loud(i)), other.packet(&intruding(i)));
        leg.arrive(STRANGER, &sprayed);
        if i >= 20 {
            leg.arrive("192.0.2.7:31000", &real);
        }
        leg.run(ms(20));
    }
    let from = leg.heard.len() - 60;
    let samples: Vec<i16> = leg.heard[from..].iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.95);
    assert!(leg.sent[30..].iter().all(|sent| sent.transmit.to == address("192.0.2.7:31000")));
}

/// M3: a far end that sends faster than it speaks, or whose clock leaps with every packet.
#[test]
fn a_far_end_that_floods_is_heard_no_faster_than_time_passes() {
    for leap in [0u32, 800_000] {
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        for i in 0..20_000usize {
            far.timestamp = far.timestamp.wrapping_add(leap);
            let packet = far.packet(&loud(i));
            leg.arrive(FAR, &packet);
            if i % 10 == 0 {
                leg.run(ms(1));
            }
        }
        assert!(leg.heard.len() <= 130, "{leap}: {} frames in 2 s", leg.heard.len());
    }
}
