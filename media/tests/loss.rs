//! Packets that never come (M7).

mod common;

use common::network::{Network, Weather};
use common::*;

/// A far end whose tone passes a network for `packets` packets of 20 ms.
fn through(network: &mut Network, leg: &mut Leg, far: &mut Far, packets: usize) {
    for i in 0..packets {
        let at = leg.start + ms(20 * i as u64 + 7);
        leg.run_until(at.max(leg.now));
        network.send(at, far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160)));
        while let Some((arrives, datagram)) = network.arrive(at + ms(20)) {
            leg.run_until(arrives.max(leg.now));
            leg.arrive(FAR, &datagram);
        }
    }
    leg.run(ms(400));
}

#[test]
fn a_lost_packet_is_concealed_once() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for i in 0..50 {
        let packet = far.packet(&ulaw_tone(400.0, 8000.0, i * 160, 160));
        if i != 25 {
            leg.arrive(FAR, &packet);
        }
        leg.run(ms(20));
    }
    let frames: Vec<_> = leg.heard.iter().map(|(_, heard)| *heard).skip_while(|heard| heard.concealed).collect();
    let concealed: Vec<usize> = (0..49).filter(|i| frames[*i].concealed).collect();
    assert_eq!(concealed, [25]);
    assert!(level(&frames[25].frame.0) > 4000.0, "the tone goes on");
    let samples: Vec<i16> = frames[20..30].iter().flat_map(|heard| heard.frame.0).collect();
    assert!(share_of(400.0, &samples) > 0.97, "{}", share_of(400.0, &samples));
}

#[test]
fn bursts_of_loss_cost_what_was_lost_and_no_more() {
    for loss in [0.01, 0.05, 0.2] {
        let mut network = Network::new(7, Weather { loss, burst: 3.0, ..Weather::default() });
        let (mut leg, mut far) = (Leg::new(&params()), Far::new());
        through(&mut network, &mut leg, &mut far, 2000);
        let used = leg.heard.iter().filter(|(_, heard)| !heard.concealed).count();
        assert!(network.lost > 5);
        assert_eq!(used, 2000 - network.lost, "{loss}: every packet that came was heard");
        let frames = leg.heard.len() as i64;
        assert!((frames - 2020).abs() <= 5, "{loss}: frames keep the time: {frames}");
        assert_eq!(leg.session.stats().wait_ms, 20, "loss is no jitter");
    }
}

#[test]
fn a_blackout_of_two_seconds_is_silence_and_then_speech_again_without_delay() {
    let (mut leg, mut far) = (Leg::new(&params()), Far::new());
    for i in 0..300 {
        let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
        if !(100..200).contains(&i) {
            leg.arrive(FAR, &packet);
            let (at, heard) = leg.heard.last().unwrap();
            assert!(*at == leg.now && !heard.concealed || i == 200, "packet {i} is heard on arrival");
        }
        leg.run(ms(20));
    }
    let silent = leg.heard.iter().filter(|(_, heard)| level(&heard.frame.0) < 100.0).count();
    assert!((95..=101).contains(&silent), "{silent}");
    assert!(leg.heard.len() >= 299 && leg.heard.len() <= 303, "{}", leg.heard.len());
}

#[test]
fn concealment_makes_no_clicks() {
    for hz in [110.0, 180.0, 260.0, 333.0] {
        let (mut leg, mut far) = (Leg::new(&params()), Far::new());
        for i in 0..200 {
            let packet = far.packet(&ulaw_tone(hz, 8000.0, i * 160, 160));
            if i < 50 || i % 7 != 0 {
                leg.arrive(FAR, &packet);
            }
            leg.run(ms(20));
        }
        let samples = leg.heard_samples();
        let step =
            |samples: &[i16]| samples.windows(2).map(|pair| (i32::from(pair[1]) - i32::from(pair[0])).abs()).max();
        let (clean, lossy) = (step(&samples[6400..15_000]), step(&samples[15_000..60_000]));
        assert!(lossy < clean.map(|step| step * 2), "{hz} Hz: {lossy:?} against {clean:?}");
        assert!(share_of(hz, &samples[15_000..60_000]) > 0.9, "{hz} Hz: {}", share_of(hz, &samples[15_000..60_000]));
    }
}
