//! The engine is held up, or the far end's clock stands still.

mod common;

use common::*;
use media::Event;

#[test]
fn after_a_stall_of_the_engine_nothing_bursts_and_the_timeline_keeps_the_time() {
    for stall in [30u64, 70, 500, 5000] {
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        let clip = tone(440.0, 8000.0, 16_000 * 8);
        leg.play(1, &clip, true);
        for i in 0..50 {
            let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
            leg.arrive(FAR, &packet);
            leg.run(ms(20));
        }
        let (sent, heard) = (leg.sent.len(), leg.heard.len());
        leg.now += ms(stall);
        leg.session.handle_timeout(leg.now);
        leg.run(ms(0));
        assert!(leg.sent.len() - sent <= 3, "{stall}: {} packets at once", leg.sent.len() - sent);
        assert!(leg.heard.len() - heard <= 8, "{stall}: {} frames at once", leg.heard.len() - heard);
        leg.run(ms(10_000));
        let (first, last) = (&leg.sent[0], leg.sent.last().unwrap());
        let by_clock = (last.at - first.at).as_millis() as i64 * 8;
        let by_stream = i64::from(last.packet().timestamp.wrapping_sub(first.packet().timestamp));
        assert!((by_stream - by_clock).abs() <= 160, "{stall}: {}", by_stream - by_clock);
        let complete = leg.events.iter().any(|event| {
            matches!(event, Event::PlayEnded { samples_sent, complete: true, .. } if *samples_sent == clip.len() as u64)
        });
        assert!(complete, "{stall}: nothing of the clip is skipped");
    }
}

/// M7: such senders count only what they say.
#[test]
fn a_sender_whose_timestamps_stand_still_in_silence_is_heard_from_the_first_word() {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    for spurt in 0..5 {
        for i in 0..25 {
            let mut packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
            packet[1] |= if i == 0 { 0x80 } else { 0 };
            leg.arrive(FAR, &packet);
            let (at, heard) = leg.heard.last().unwrap();
            assert!(*at == leg.now && !heard.concealed, "packet {i} of spurt {spurt}");
            leg.run(ms(20));
        }
        leg.run(ms(700));
    }
}

/// A busy machine is no lossy network: what waited in the socket is heard.
#[test]
fn packets_that_waited_for_the_engine_are_not_lost() {
    for (stall, tick_first) in [(60u64, false), (60, true), (150, false), (150, true)] {
        let mut leg = Leg::new(&params());
        let mut far = Far::new();
        for i in 0..50 {
            let packet = far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160));
            leg.arrive(FAR, &packet);
            leg.run(ms(20));
        }
        let from = leg.heard.len();
        let waiting: Vec<_> =
            (50..50 + stall as usize / 20).map(|i| far.packet(&ulaw_tone(440.0, 8000.0, i * 160, 160))).collect();
        leg.now += ms(stall);
        if tick_first {
            leg.session.handle_timeout(leg.now);
            leg.now += ms(1);
        }
        for packet in &waiting {
            leg.arrive(FAR, packet);
        }
        // The wait grows by what was seen, so the last of them may stay a little.
        leg.run(ms(150));
        let heard = &leg.heard[from..from + waiting.len()];
        assert!(heard.iter().all(|(_, heard)| !heard.concealed), "{stall} {tick_first}");
    }
}
