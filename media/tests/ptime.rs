//! Packet times, ours and theirs (M3).

mod common;

use common::*;
use media::StreamParams;

#[test]
fn every_packet_time_is_sent_evenly() {
    for packet_ms in [10u8, 20, 30, 40, 60] {
        let mut leg = Leg::new(&StreamParams { packet_ms, ..params() });
        leg.run(ms(100));
        leg.play(1, &tone(440.0, 8000.0, 16_000), true);
        leg.run(ms(3000));
        let bytes = usize::from(packet_ms) * 8;
        let gap = ms(packet_ms.into());
        for pair in leg.sent.windows(2) {
            let (a, b) = (pair[0].packet(), pair[1].packet());
            assert_eq!(b.payload.len(), bytes);
            assert_eq!(b.timestamp, a.timestamp.wrapping_add(bytes as u32));
            let spacing = pair[1].at - pair[0].at;
            assert!(spacing <= gap + ms(5), "{packet_ms}: {spacing:?}");
        }
        let spoken = leg.sent.iter().filter(|sent| sent.level() > 1000.0).count() * bytes;
        assert!((8000..=8000 + 2 * bytes).contains(&spoken), "{packet_ms}: {spoken}");
    }
}

#[test]
fn every_packet_time_is_heard_without_a_hole() {
    for packet_ms in [10usize, 20, 30, 40, 60, 100, 5, 33] {
        let (mut leg, mut far) = (Leg::new(&params()), Far::new());
        let bytes = packet_ms * 8;
        for i in 0..200 {
            let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * bytes, bytes));
            leg.arrive(FAR, &packet);
            leg.run(ms(packet_ms as u64));
        }
        let frames: Vec<_> = leg.heard.iter().skip_while(|(_, heard)| heard.concealed).collect();
        let frames = &frames[..200 * bytes / 160 - 6];
        assert_eq!(frames.iter().filter(|(_, heard)| heard.concealed).count(), 0, "{packet_ms}");
        let samples: Vec<i16> = frames.iter().skip(1).flat_map(|(_, heard)| heard.frame.0).collect();
        assert!(share_of(440.0, &samples) > 0.99, "{packet_ms}: {}", share_of(440.0, &samples));
    }
}

#[test]
fn the_packet_time_may_change_in_mid_call_both_ways() {
    let (mut leg, mut far) = (Leg::new(&params()), Far::new());
    leg.play(1, &tone(440.0, 8000.0, 16 * 4000), true);
    let mut at = 0;
    let mut spacing = 20;
    for packet_ms in [20u8, 60, 10, 30, 40, 20] {
        let from = leg.sent.len();
        for _ in 0..20 {
            let bytes = usize::from(packet_ms) * 8;
            let packet = far.packet(&ulaw_tone(440.0, 8000.0, at, bytes));
            at += bytes;
            leg.arrive(FAR, &packet);
            leg.run(ms(packet_ms.into()));
        }
        for pair in leg.sent[from..].windows(2) {
            assert_eq!(pair[1].at - pair[0].at, ms(spacing));
            let step = pair[0].packet().payload.len() as u32;
            assert_eq!(pair[1].packet().timestamp, pair[0].packet().timestamp.wrapping_add(step));
        }
        let next = [60, 10, 30, 40, 20, 20][[20, 60, 10, 30, 40].iter().position(|p| *p == packet_ms).unwrap_or(5)];
        spacing = u64::from(next);
        leg.run_until(leg.sent.last().unwrap().at);
        leg.session.configure(leg.now, &StreamParams { packet_ms: next, ..params() });
        // The slot already set is kept; the new time holds from then on.
        leg.run_until(leg.session.poll_timeout().unwrap().max(leg.sent.last().unwrap().at + ms(60)));
    }
    let samples = leg.heard_samples();
    assert!(share_of(440.0, &samples[6400..]) > 0.7);
}
