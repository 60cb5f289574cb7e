//! Opus, as browsers send it: an RTP clock of 48 kHz, packets that cannot be cut, copies of what was lost.

mod common;

use common::network::{Network, Weather};
use common::*;
use media::rtp;

/// What one session says, as another hears it over a network.
fn talk(samples: &[i16], weather: Weather) -> (Leg, Network) {
    let (mut speaker, mut listener) = (Leg::new(&opus_params()), Leg::new(&opus_params()));
    listener.now = speaker.now;
    let mut network = Network::new(11, weather);
    // More than the session takes at once is fed as it goes.
    let mut rest = samples.chunks(16_000);
    let mut fed = 0;
    for step in 0..samples.len() as u64 / 320 + 40 {
        if step % 25 == 0
            && let Some(piece) = rest.next()
        {
            assert!(speaker.play(0, piece, rest.len() == 0), "piece {fed}");
            fed += 1;
        }
        let at = speaker.start + ms(20 * step);
        speaker.run_until(at);
        for sent in speaker.sent.drain(..) {
            network.send(sent.at, sent.bytes);
        }
        while let Some((arrives, datagram)) = network.arrive(at) {
            listener.run_until(arrives.max(listener.now));
            listener.arrive(FAR, &datagram);
        }
        listener.run_until(at);
    }
    (listener, network)
}

/// Two tones that swell and fade as syllables do: copies are written of what sounds like speech.
fn voice(samples: usize) -> Vec<i16> {
    let (a, b) = (tone(220.0, 4000.0, samples), tone(660.0, 3000.0, samples));
    let swell = tone(3.0, 900.0, samples);
    a.iter()
        .zip(&b)
        .zip(&swell)
        .map(|((a, b), s)| ((f64::from(a + b)) * (1.0 + f64::from(*s) / 1000.0)) as i16)
        .collect()
}

/// How much of it lies where the power of [`voice`] lies, 1 for itself.
fn likeness(samples: &[i16]) -> f64 {
    let share = |samples: &[i16]| share_of(220.0, samples) + share_of(660.0, samples);
    share(samples) / share(&voice(samples.len()))
}

#[test]
fn what_one_leg_says_in_opus_another_hears() {
    let (listener, _) = talk(&voice(32_000), Weather::default());
    let heard = listener.heard_samples();
    let begins = heard.iter().position(|sample| sample.abs() > 1000).unwrap();
    let steady = &heard[begins + 3200..begins + 22_400];
    assert!(likeness(steady) > 0.9, "{}", likeness(steady));
    assert!(level(steady) > 2500.0);
    assert_eq!(listener.session.stats().lost, 0);
    assert_eq!(listener.session.stats().jitter_ms, 0);
}

/// RFC 7587 §4.1: the clock runs at 48 kHz whatever is encoded, and the sequence has no gap.
#[test]
fn timestamps_advance_by_960_a_packet() {
    let mut leg = Leg::new(&opus_params());
    leg.play(0, &voice(16_000), true);
    leg.run(ms(2000));
    let numbers: Vec<(u16, u32)> =
        leg.sent.iter().map(|sent| (sent.packet().sequence, sent.packet().timestamp)).collect();
    assert!(numbers.len() >= 95);
    for pair in numbers.windows(2) {
        assert_eq!(pair[1].0.wrapping_sub(pair[0].0), 1);
        assert_eq!(pair[1].1.wrapping_sub(pair[0].1), 960);
    }
    assert!(leg.sent.iter().all(|sent| sent.packet().payload_type == 111));
}

/// M7: with copies of the lost in the next packet, a lossy network makes up little.
#[test]
fn a_lost_packet_is_heard_from_the_copy_in_the_next() {
    let weather = Weather { loss: 0.1, burst: 1.0, ..Weather::default() };
    let (listener, network) = talk(&voice(160_000), weather);
    assert!(network.lost > 25, "{}", network.lost);
    let made_up = listener.heard.iter().skip_while(|(_, heard)| heard.concealed).filter(|(_, h)| h.concealed).count();
    // Bursts leave the first of two without a copy.
    assert!(made_up < network.lost / 2, "{made_up} of {} lost", network.lost);
}

/// M7.
#[test]
fn packets_that_come_unevenly_and_out_of_order_are_heard_whole() {
    let weather = Weather { jitter: ms(60), reorders: true, ..Weather::default() };
    let (listener, _) = talk(&voice(96_000), weather);
    let heard = listener.heard_samples();
    let steady = &heard[heard.len() / 3..heard.len() * 3 / 4];
    assert!(likeness(steady) > 0.9, "{}", likeness(steady));
}

/// R10: a key of the browser's keypad, whose event has the clock of Opus.
#[test]
fn keys_come_in_and_go_out_in_the_clock_of_opus() {
    let (mut from, mut to) = (Leg::new(&opus_params()), Leg::new(&opus_params()));
    to.now = from.now;
    from.play(0, &voice(16_000), true);
    from.run(ms(100));
    from.session.send_key(from.now, media::Key(b'7'), ms(120));
    from.run(ms(500));
    let mut events = 0;
    for sent in &from.sent {
        if sent.packet().payload_type == 110 {
            let duration = u16::from_be_bytes([sent.packet().payload[2], sent.packet().payload[3]]);
            assert!(duration.is_multiple_of(960) && duration <= 120 * 48, "{duration}");
            events += 1;
        }
        to.run_until(sent.at);
        to.arrive(FAR, &sent.bytes);
    }
    assert!(events >= 6, "{events}");
    assert_eq!(to.keys(), "7");
}

/// A browser and a telephone in one call: what cannot be forwarded is transcoded.
#[test]
fn a_telephone_hears_a_browser_it_is_joined_with() {
    let (mut browser, mut phone) = (Leg::new(&opus_params()), Leg::new(&params()));
    let mut far = Leg::new(&opus_params());
    phone.now = browser.now;
    far.now = browser.now;
    browser.session.set_relaying(true);
    phone.session.set_relaying(true);
    far.play(0, &voice(32_000), true);
    for step in 0..100 {
        let at = browser.start + ms(20 * step);
        far.run_until(at);
        for sent in far.sent.drain(..) {
            browser.arrive(FAR, &sent.bytes);
        }
        browser.run_until(at);
        while let Some(packet) = browser.session.poll_relay() {
            assert!(!phone.session.relay(at, &packet), "Opus is nothing that G.711 could carry");
        }
        for (_, heard) in browser.heard.drain(..) {
            phone.session.push_bridged(&heard.frame);
        }
        phone.run_until(at);
    }
    let samples: Vec<i16> = phone.sent[30..80].iter().flat_map(|sent| ulaw_decode(sent.packet().payload)).collect();
    assert!(level(&samples) > 2000.0, "{}", level(&samples));
}

/// Two browsers: the packets pass untouched, in our numbers.
#[test]
fn two_opus_legs_forward_packets_untouched() {
    let mut far = Leg::new(&opus_params());
    let (mut near, mut other) = (Leg::new(&opus_params()), Leg::new(&opus_params()));
    near.now = far.now;
    other.now = far.now;
    near.session.set_relaying(true);
    far.play(0, &voice(16_000), true);
    let mut sent_payloads = Vec::new();
    for step in 0..50 {
        let at = far.start + ms(20 * step);
        far.run_until(at);
        for sent in far.sent.drain(..) {
            sent_payloads.push(sent.packet().payload.to_vec());
            near.arrive(FAR, &sent.bytes);
        }
        while let Some(packet) = near.session.poll_relay() {
            assert!(other.session.relay(at, &packet));
        }
        near.run_until(at);
        other.run_until(at);
    }
    let forwarded: Vec<_> =
        other.sent.iter().filter(|sent| sent_payloads.iter().any(|p| p == sent.packet().payload)).collect();
    assert!(forwarded.len() >= 45, "{}", forwarded.len());
    for pair in forwarded.windows(2).skip(2) {
        assert_eq!(pair[1].packet().timestamp.wrapping_sub(pair[0].packet().timestamp), 960);
    }
}

/// M3: whatever stands in an Opus packet, the session goes on.
#[test]
fn garbage_in_the_opus_payload_type_does_no_harm() {
    let mut leg = Leg::new(&opus_params());
    let mut state = 1u32;
    for i in 0..3000u32 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = (state >> 20) as usize % 600;
        let payload: Vec<u8> = (0..length).map(|at| (state.wrapping_mul(at as u32 + 1) >> 13) as u8).collect();
        let header = rtp::header(false, 111, i as u16, i.wrapping_mul(960), 5);
        leg.arrive(FAR, &[&header[..], &payload].concat());
        leg.run(ms(20));
    }
    assert!(leg.heard.len() > 2900);
}
