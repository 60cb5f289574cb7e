//! Keys, each told once, whichever way they come (M6).

mod common;

use common::*;
use media::{Key, StreamParams};

/// A press of 100 ms as a well-behaved telephone sends it, without the packets in `lost`.
fn press(leg: &mut Leg, far: &mut Far, code: u8, lost: &[usize]) {
    let began = far.timestamp;
    for i in 0..8usize {
        let (end, duration) = (i >= 5, 160 * (i.min(5) + 1) as u16);
        let packet = far.event(i == 0, began, code, end, duration);
        if !lost.contains(&i) {
            leg.arrive(FAR, &packet);
        }
        if i < 6 {
            leg.run(ms(20));
        }
    }
    far.timestamp = began.wrapping_add(960);
    for _ in 0..4 {
        let packet = far.packet(&[0xff; 160]);
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
}

/// M6: whatever is lost of it.
#[test]
fn an_event_is_one_key_whatever_packets_are_lost() {
    for lost in 0u32..255 {
        let lost: Vec<usize> = (0..8).filter(|i| lost >> i & 1 == 1).collect();
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        press(&mut leg, &mut far, 5, &lost);
        press(&mut leg, &mut far, 5, &lost);
        assert_eq!(leg.keys(), "55", "lost {lost:?}");
    }
}

/// M6.
#[test]
fn every_key_has_its_code() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for code in 0..=16 {
        press(&mut leg, &mut far, code, &[]);
    }
    assert_eq!(leg.keys(), "0123456789*#ABCD");
}

/// M6.
#[test]
fn a_key_told_by_info_as_well_is_told_once_and_a_second_press_twice() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    press(&mut leg, &mut far, 7, &[]);
    leg.session.key_by_info(leg.now, Key(b'7'));
    leg.session.key_by_info(leg.now, Key(b'8'));
    press(&mut leg, &mut far, 8, &[]);
    press(&mut leg, &mut far, 8, &[]);
    leg.session.key_by_info(leg.now, Key(b'8'));
    leg.run(ms(10));
    assert_eq!(leg.keys(), "788");
    leg.run(ms(1500));
    leg.session.key_by_info(leg.now, Key(b'8'));
    leg.session.key_by_info(leg.now, Key(b'8'));
    leg.run(ms(10));
    assert_eq!(leg.keys(), "78888");
}

#[test]
fn a_key_is_sent_as_an_event_with_its_end_repeated() {
    let mut leg = Leg::new(&params());
    leg.run(ms(100));
    leg.session.send_key(leg.now, Key(b'#'), ms(100));
    leg.session.send_key(leg.now, Key(b'#'), ms(100));
    leg.run(ms(1000));
    let events: Vec<_> = leg.sent.iter().filter(|sent| sent.packet().payload_type == 101).collect();
    assert_eq!(events.len(), 14);
    assert!(events.iter().all(|event| event.packet().payload[0] == 11));
    assert_eq!(events.iter().filter(|event| event.packet().marker).count(), 2);
    let first = events[0].packet().timestamp;
    assert_eq!(events.iter().filter(|event| event.packet().timestamp == first).count(), 7);
    assert_eq!(events[6].packet().payload, [11, 0x8a, 800u16.to_be_bytes()[0], 800u16.to_be_bytes()[1]]);
    let mut other = Leg::new(&params());
    for sent in &leg.sent {
        other.run_until(sent.at.max(other.now));
        other.arrive(FAR, &sent.bytes);
    }
    assert_eq!(other.keys(), "##");
}

#[test]
fn no_key_is_sent_where_events_were_not_negotiated() {
    let mut leg = Leg::new(&StreamParams { dtmf: None, ..params() });
    leg.session.send_key(leg.now, Key(b'1'), ms(100));
    leg.run(ms(500));
    assert!(leg.sent.iter().all(|sent| sent.packet().payload_type == 0));
}

fn hears_tones(samples_8k: &[i16]) -> String {
    let config = media::SessionConfig { inband_dtmf: true, ..config() };
    let mut leg = Leg::with(config, &StreamParams { dtmf: None, ..params() });
    let mut far = Far::new();
    for chunk in ulaw_encode(samples_8k).chunks(160) {
        let packet = far.packet(chunk);
        leg.arrive(FAR, &packet);
        leg.run(ms(20));
    }
    leg.keys()
}

/// M6: recorded tones.
#[test]
fn recorded_tones_are_keys() {
    let Some(folder) = fixtures("voice/media/dtmf-inband") else { return };
    for key in ["0", "1", "6", "7"] {
        let (samples, rate) = read_wav(&folder.join(format!("dtmf-{key}.wav")));
        assert_eq!(rate, 8000);
        let samples = [vec![0; 1600], samples, vec![0; 1600]].concat();
        assert_eq!(hears_tones(&samples), key);
    }
}

/// M6: speech that sounds like tones.
#[test]
fn speech_is_never_a_key() {
    let Some(folder) = fixtures("speech") else { return };
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|extension| extension == "wav") {
            let (samples, rate) = read_wav(&file);
            for gain in [1, 3] {
                let loud: Vec<i16> = samples.iter().map(|s| s.saturating_mul(gain)).collect();
                let narrow = media::resample::resample_clip(&loud, rate, 8000);
                assert_eq!(hears_tones(&narrow), "", "{}", file.display());
            }
            files += 1;
        }
    }
    assert!(files >= 5);
}

/// M6: durations that stand still, wrap or count in another clock.
#[test]
fn wrong_durations_change_nothing() {
    for durations in [[0u16; 6], [u16::MAX; 6], [960, 1920, 2880, 3840, 4800, 5760], [500, 100, 300, 0, 9, 1]] {
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        for press in 0..2u32 {
            for (i, duration) in durations.into_iter().enumerate() {
                let packet = far.event(i == 0, 1000 + press * 8000, 3, i == 5, duration);
                leg.arrive(FAR, &packet);
                leg.run(ms(20));
            }
            leg.run(ms(880));
        }
        assert_eq!(leg.keys(), "33", "{durations:?}");
    }
}
