//! An hour with a far end whose clock differs (M7), in virtual time.

mod common;

use common::*;

fn hour(ppm: i64) {
    let (mut leg, mut far) = (Leg::new(&params()), Far::new());
    leg.keep = false;
    leg.echo = true;
    leg.session.set_recording(true);
    let payload = ulaw_tone(400.0, 300.0, 0, 160);
    let packets = 180_000i64;
    let mut lag_max = 0;
    for i in 0..packets {
        let at = leg.start + std::time::Duration::from_micros((i * (20_000_000_000 + 20_000 * ppm) / 1_000_000) as u64);
        leg.run_until(at.max(leg.now));
        let before = leg.heard_count;
        let packet = far.packet(&payload);
        leg.arrive(FAR, &packet);
        lag_max = lag_max.max((i + 1) - leg.heard_count as i64);
        assert!(leg.heard_count > before, "{ppm}: packet {i} is heard the moment it comes");
    }
    let stats = leg.session.stats();
    assert_eq!(stats.concealed_frames, 0, "{ppm}");
    assert_eq!((stats.late, stats.refused), (0, 0), "{ppm}");
    assert_eq!(leg.heard_count as i64, packets, "{ppm}");
    assert_eq!(stats.wait_ms, 20, "{ppm}");
}

#[test]
fn a_clock_that_is_slower_fills_no_queue() {
    hour(300);
}

#[test]
fn a_clock_that_is_faster_fills_no_queue() {
    hour(-300);
}

#[test]
fn the_recording_and_the_bridged_leg_keep_step_with_our_clock() {
    for ppm in [-300i64, 300] {
        let (mut leg, mut far) = (Leg::new(&params()), Far::new());
        leg.echo = true;
        leg.session.set_recording(true);
        let payload = ulaw_tone(400.0, 300.0, 0, 160);
        for i in 0..30_000i64 {
            let at =
                leg.start + std::time::Duration::from_micros((i * (20_000_000_000 + 20_000 * ppm) / 1_000_000) as u64);
            leg.run_until(at.max(leg.now));
            let packet = far.packet(&payload);
            leg.arrive(FAR, &packet);
        }
        let pairs = leg.record.len() as i64;
        assert!((pairs - (leg.now - leg.start).as_millis() as i64 / 20).abs() <= 2, "{ppm}: {pairs}");
        let quiet = leg.record[10..].iter().filter(|pair| level(&pair.heard.0) < 150.0).count();
        assert_eq!(quiet, 0, "{ppm}: no hole in the recording");
        let quiet = leg.sent[10..].iter().filter(|sent| sent.level() < 150.0).count();
        assert_eq!(quiet, 0, "{ppm}: no hole in the echo");
    }
}
