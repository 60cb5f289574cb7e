//! A plain call: heard, spoken, recorded (R: media engine).

mod common;

use common::*;
use media::{Codec, Event, UtteranceId};

/// Sends `packets` packets of a tone, 20 ms apart, and lets time pass.
fn talk(leg: &mut Leg, far: &mut Far, packets: usize) {
    for i in 0..packets {
        let payload = ulaw_tone(440.0, 8000.0, i * 160, 160);
        leg.arrive(FAR, &far.packet(&payload));
        leg.run(ms(20));
    }
}

#[test]
fn the_far_end_is_heard_the_moment_its_packet_comes() {
    let mut leg = Leg::new(&params());
    leg.run(ms(105));
    let mut far = Far::new();
    let from = leg.heard.len();
    talk(&mut leg, &mut far, 50);
    let heard: Vec<_> = leg.heard[from..].iter().filter(|(_, heard)| !heard.concealed).collect();
    assert_eq!(heard.len(), 50);
    for (i, (at, _)) in heard.iter().enumerate() {
        assert_eq!(*at, leg.start + ms(105 + 20 * i as u64), "frame {i}");
    }
    let samples: Vec<i16> = heard[5..].iter().flat_map(|(_, heard)| heard.frame.0).collect();
    assert!(share_of(440.0, &samples) > 0.99);
    assert!((level(&samples) / (8000.0 / 2f64.sqrt()) - 1.0).abs() < 0.05);
    assert_eq!(leg.events, [Event::RtpStarted]);
}

#[test]
fn what_is_played_arrives_whole_and_is_reported() {
    let mut leg = Leg::new(&params());
    leg.run(ms(100));
    let before = leg.sent.len();
    assert!(leg.play(1, &tone(440.0, 8000.0, 3200), false));
    assert!(leg.play(1, &tone(440.0, 8000.0, 1600), true));
    leg.run(ms(500));
    let spoken: Vec<_> = leg.sent[before..].iter().filter(|sent| sent.level() > 1000.0).collect();
    // The filter's 1.5 ms reach into one packet more.
    assert!((15..=16).contains(&spoken.len()), "{}", spoken.len());
    assert!(spoken[0].packet().marker);
    let ended = Event::PlayEnded { utterance: UtteranceId(1), samples_sent: 4800, complete: true };
    assert_eq!(leg.events, [Event::PlayStarted(UtteranceId(1)), ended]);
}

#[test]
fn packets_follow_each_other_in_sequence_and_time() {
    let mut leg = Leg::new(&params());
    leg.run(ms(2000));
    assert!(leg.sent.len() >= 100);
    for pair in leg.sent.windows(2) {
        let (a, b) = (pair[0].packet(), pair[1].packet());
        assert_eq!(b.sequence, a.sequence.wrapping_add(1));
        assert_eq!(b.timestamp, a.timestamp.wrapping_add(160));
        assert_eq!(pair[1].at - pair[0].at, ms(20));
        assert_eq!(a.payload_type, 0);
    }
    assert!(leg.sent.iter().all(|sent| sent.level() < 60.0), "comfort noise is quiet");
    assert!(leg.sent.iter().any(|sent| sent.level() > 1.0), "but not dead");
}

#[test]
fn speech_that_begins_while_idle_leaves_at_once_and_the_timeline_comes_back() {
    let mut leg = Leg::new(&params());
    leg.run(ms(103));
    let before = leg.sent.len();
    let at = leg.now;
    leg.play(1, &tone(440.0, 8000.0, 6400), true);
    assert_eq!(leg.sent.len(), before + 1);
    assert_eq!(leg.sent[before].at, at);
    leg.run(ms(2000));
    for pair in leg.sent[before..].windows(2) {
        let gap = pair[1].at - pair[0].at;
        assert!(gap >= ms(20) && gap <= ms(25), "{gap:?}");
    }
    let last = leg.sent.last().unwrap();
    let first = &leg.sent[0];
    let by_clock = (last.at - first.at).as_millis() as u32 * 8;
    assert_eq!(last.packet().timestamp.wrapping_sub(first.packet().timestamp), by_clock);
}

#[test]
fn every_codec_is_sent_and_heard() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8), (Codec::G722, 9)] {
        let params = media::StreamParams { codec, payload_type, ..params() };
        let (mut a, mut b) = (Leg::new(&params), Leg::new(&params));
        a.play(1, &tone(1000.0, 8000.0, 32_000), true);
        a.run(ms(2000));
        for sent in &a.sent {
            b.run_until(sent.at.max(b.now));
            b.arrive(FAR, &sent.bytes);
            assert_eq!(sent.packet().payload_type, payload_type);
        }
        b.run(ms(50));
        let samples = b.heard_samples();
        let middle = &samples[8000..24_000];
        assert!(share_of(1000.0, middle) > 0.98, "{codec:?} {}", share_of(1000.0, middle));
        assert!((level(middle) / 5657.0 - 1.0).abs() < 0.06, "{codec:?} {}", level(middle));
    }
}

#[test]
fn the_recording_holds_both_sides_in_step() {
    let mut leg = Leg::new(&params());
    leg.session.set_recording(true);
    let mut far = Far::new();
    leg.play(1, &tone(600.0, 8000.0, 16_000), true);
    talk(&mut leg, &mut far, 100);
    assert!((99..=102).contains(&leg.record.len()), "{}", leg.record.len());
    let heard: Vec<i16> = leg.record[10..90].iter().flat_map(|pair| pair.heard.0).collect();
    let sent: Vec<i16> = leg.record[..40].iter().flat_map(|pair| pair.sent.0).collect();
    assert!(share_of(440.0, &heard) > 0.98);
    assert!(share_of(600.0, &sent) > 0.98);
}

#[test]
fn what_we_say_comes_with_what_is_heard() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    leg.run(ms(30));
    leg.play(1, &tone(600.0, 8000.0, 16_000), true);
    talk(&mut leg, &mut far, 100);
    let (while_speaking, after) = (&leg.heard[20].1, &leg.heard[80].1);
    assert!(while_speaking.speaking && share_of(600.0, &while_speaking.spoken.0) > 0.9);
    assert!(!after.speaking && level(&after.spoken.0) < 60.0);
}

#[test]
fn a_bridged_leg_is_sent_when_nothing_is_said() {
    let mut leg = Leg::new(&params());
    leg.echo = true;
    let mut far = Far::new();
    talk(&mut leg, &mut far, 100);
    let loud = leg.sent.iter().filter(|sent| sent.level() > 3000.0).count();
    assert!(loud >= 97, "{loud}");
}

/// RFC 3389.
#[test]
fn negotiated_comfort_noise_fills_the_silence_and_ends_with_speech() {
    let params = media::StreamParams { comfort_noise_payload_type: Some(13), ..params() };
    let mut leg = Leg::new(&params);
    let mut far = Far::new();
    talk(&mut leg, &mut far, 20);
    let packet = far.raw(false, 13, far.timestamp, &[45]);
    leg.arrive(FAR, &packet);
    let from = leg.heard.len();
    leg.run(ms(1000));
    far.timestamp = far.timestamp.wrapping_add(8000);
    let noise = &leg.heard[from + 2..];
    assert!(noise.len() >= 46 && noise.iter().all(|(_, heard)| heard.concealed));
    // -45 dBov is 184 at full scale of 32768.
    assert!(noise.iter().all(|(_, heard)| (60.0..400.0).contains(&level(&heard.frame.0))));
    let from = leg.heard.len();
    talk(&mut leg, &mut far, 20);
    assert!(leg.heard[from..].iter().filter(|(_, heard)| heard.concealed).count() <= 1);
}

#[test]
fn a_reply_after_an_interruption_leaves_at_once() {
    let mut leg = Leg::new(&params());
    leg.run(ms(118));
    leg.play(1, &tone(440.0, 8000.0, 160_000), true);
    leg.run(ms(211));
    leg.flush(1);
    let before = leg.sent.len();
    leg.play(2, &tone(600.0, 8000.0, 3200), true);
    assert_eq!(leg.sent.len(), before + 1);
    assert_eq!(leg.events.last(), Some(&Event::PlayStarted(UtteranceId(2))));
}

#[test]
fn a_session_may_move_to_its_thread() {
    fn sendable<T: Send + 'static>() {}
    sendable::<media::Session>();
}
