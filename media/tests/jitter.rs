//! Packets that come unevenly (M7).

mod common;

use common::network::{Network, Weather};
use common::*;

struct Outcome {
    concealed: usize,
    wait_ms: u32,
    /// The longest time from a packet's sending to its frame being heard, over the last third.
    latency_ms: u128,
}

fn run(jitter_ms: u64, reorders: bool, packets: usize) -> Outcome {
    let mut network = Network::new(3, Weather { jitter: ms(jitter_ms), reorders, ..Weather::default() });
    let (mut leg, mut far) = (Leg::new(&params()), Far::new());
    for i in 0..packets {
        let at = leg.start + ms(20 * i as u64);
        network.send(at, far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160)));
        while let Some((arrives, datagram)) = network.arrive(at + ms(20)) {
            leg.run_until(arrives.max(leg.now));
            leg.arrive(FAR, &datagram);
        }
    }
    while let Some((arrives, datagram)) = network.arrive(leg.start + ms(20 * packets as u64 + 300)) {
        leg.run_until(arrives.max(leg.now));
        leg.arrive(FAR, &datagram);
    }
    leg.run(ms(300));
    let third = leg.heard.len() / 3;
    let real: Vec<_> = leg.heard.iter().skip_while(|(_, heard)| heard.concealed).collect();
    let latency = real.iter().enumerate().skip(2 * third).filter(|(i, _)| *i < packets);
    let latency_ms = latency.map(|(i, (at, _))| (*at - (leg.start + ms(20 * i as u64))).as_millis()).max().unwrap_or(0);
    let concealed = real[third..packets.min(real.len())].iter().filter(|(_, heard)| heard.concealed).count();
    Outcome { concealed, wait_ms: leg.session.stats().wait_ms, latency_ms }
}

#[test]
fn a_clean_link_adds_nothing() {
    let outcome = run(0, false, 500);
    assert_eq!((outcome.concealed, outcome.wait_ms, outcome.latency_ms), (0, 20, 20));
}

#[test]
fn jitter_within_a_packet_costs_only_itself() {
    let outcome = run(15, false, 1000);
    assert_eq!((outcome.concealed, outcome.wait_ms), (0, 20));
    assert!(outcome.latency_ms <= 36, "{}", outcome.latency_ms);
}

#[test]
fn more_jitter_is_waited_out() {
    for (jitter, reorders) in [(40, false), (40, true), (100, true), (180, true)] {
        let outcome = run(jitter, reorders, 3000);
        assert!(outcome.concealed <= 60, "{jitter}: {} concealed of 2000", outcome.concealed);
        assert!(outcome.wait_ms as u64 <= jitter + 15, "{jitter}: waits {}", outcome.wait_ms);
        assert!(outcome.latency_ms <= 20 + u128::from(jitter) + 20, "{jitter}: latency {}", outcome.latency_ms);
    }
}

#[test]
fn a_path_that_becomes_longer_is_followed_and_one_that_becomes_shorter_too() {
    let (mut leg, mut far) = (Leg::new(&params()), Far::new());
    for i in 0..3000u64 {
        let transit = if (500..1500).contains(&i) { 320 } else { 20 };
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i as usize * 160, 160));
        let at = leg.start + ms(20 * i + transit);
        leg.run_until(at.max(leg.now));
        leg.arrive(FAR, &packet);
    }
    let tail = &leg.heard[leg.heard.len() - 500..];
    assert_eq!(tail.iter().filter(|(_, heard)| heard.concealed).count(), 0);
    assert!(leg.heard.len() <= 3030);
}
