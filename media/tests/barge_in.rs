//! Stopping in mid-word.

mod common;

use common::*;
use media::{Event, UtteranceId};
use proptest::prelude::*;

fn ended(utterance: u32, samples_sent: u64, complete: bool) -> Event {
    Event::PlayEnded { utterance: UtteranceId(utterance), samples_sent, complete }
}

#[test]
fn after_a_flush_no_sample_of_it_leaves() {
    for after in [0u64, 1, 5, 19, 20, 21, 333] {
        let mut leg = Leg::new(&params());
        leg.run(ms(100));
        leg.play(1, &tone(440.0, 8000.0, 160_000), false);
        leg.play(1, &tone(440.0, 8000.0, 160_000), true);
        leg.run(ms(after));
        let before = leg.sent.len();
        let loud = leg.sent.iter().filter(|sent| sent.level() > 1000.0).count() as u64;
        leg.flush(1);
        leg.run(ms(500));
        assert!(leg.sent[before..].iter().all(|sent| sent.level() < 60.0), "after {after} ms");
        assert_eq!(leg.events.last(), Some(&ended(1, loud * 320, false)));
    }
}

#[test]
fn only_this_utterance_and_those_before_it_go() {
    let mut leg = Leg::new(&params());
    leg.run(ms(100));
    for utterance in 1..=3 {
        leg.play(utterance, &tone(440.0, 8000.0, 3200), true);
    }
    leg.run(ms(50));
    leg.flush(2);
    leg.run(ms(1000));
    let started = |u| Event::PlayStarted(UtteranceId(u));
    let expected = [started(1), ended(1, 960, false), ended(2, 0, false), started(3), ended(3, 3200, true)];
    assert_eq!(leg.events, expected);
}

#[test]
fn what_arrives_after_its_flush_is_not_said() {
    let mut leg = Leg::new(&params());
    leg.run(ms(100));
    leg.play(4, &tone(440.0, 8000.0, 3200), false);
    leg.flush(4);
    let from = leg.sent.len();
    leg.play(4, &tone(440.0, 8000.0, 3200), true);
    leg.play(3, &tone(440.0, 8000.0, 3200), true);
    leg.run(ms(500));
    assert!(leg.sent[from..].iter().all(|sent| sent.level() < 60.0));
    leg.play(5, &tone(440.0, 8000.0, 3200), true);
    leg.run(ms(500));
    assert_eq!(leg.events.last(), Some(&ended(5, 3200, true)));
}

/// P2.
#[test]
fn fifty_interruptions_in_a_row_leave_everything_in_order() {
    let mut leg = Leg::new(&params());
    for utterance in 0..50 {
        leg.run(ms(200 + u64::from(utterance) * 7));
        leg.play(utterance, &tone(440.0, 8000.0, 160_000), true);
        leg.run(ms(90));
        leg.flush(utterance);
        assert!(matches!(leg.events.last(), Some(Event::PlayEnded { complete: false, samples_sent: 1600..=1920, .. })));
    }
    let (first, last) = (&leg.sent[0], leg.sent.last().unwrap());
    let by_clock = (last.at - first.at).as_millis() as i64 * 8;
    let by_stream = i64::from(last.packet().timestamp.wrapping_sub(first.packet().timestamp));
    assert!((by_stream - by_clock).abs() <= 160, "the timeline keeps the time: {}", by_stream - by_clock);
}

#[test]
fn the_queue_is_bounded_and_clips_come_back() {
    let mut leg = Leg::new(&params());
    let mut queued = 0;
    while leg.play(1, &tone(440.0, 8000.0, 320), false) {
        queued += 1;
        assert!(queued < 1000);
    }
    assert!(queued >= 32);
    leg.flush(1);
    assert!(leg.play(2, &[1; 320], true));
}

#[test]
fn an_utterance_waits_for_its_next_piece_and_then_goes_on_at_once() {
    let mut leg = Leg::new(&params());
    leg.run(ms(105));
    leg.play(1, &tone(440.0, 8000.0, 1600), false);
    leg.run(ms(400));
    assert_eq!(leg.events, [Event::PlayStarted(UtteranceId(1))]);
    let sent = leg.sent.len();
    leg.run(ms(3));
    leg.play(1, &tone(440.0, 8000.0, 1600), true);
    assert_eq!(leg.sent.len(), sent + 1);
    leg.run(ms(400));
    assert_eq!(leg.events[1..], [ended(1, 3200, true)]);
}

#[derive(Clone, Debug)]
enum Step {
    /// A piece of this many samples for the newest utterance, or, if `next`, for a new one.
    Say {
        samples: usize,
        next: bool,
        last: bool,
    },
    /// Everything up to so many utterances before the newest.
    Flush {
        back: u32,
    },
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0usize..3000, any::<bool>(), any::<bool>())
            .prop_map(|(samples, next, last)| Step::Say { samples, next, last }),
        1 => (0u32..3).prop_map(|back| Step::Flush { back }),
        3 => (0u64..150).prop_map(Step::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the order of saying and stopping: every utterance ends once, in order, with what was queued
    /// for it or less, and complete exactly when it was not stopped.
    #[test]
    fn every_utterance_ends_once_and_in_order(steps in proptest::collection::vec(step(), 1..80)) {
        let mut leg = Leg::new(&params());
        let mut newest = 1u32;
        let mut closed = false;
        let mut queued = std::collections::BTreeMap::<u32, u64>::new();
        let mut flushed = 0;
        for step in steps {
            match step {
                Step::Say { samples, next, last } => {
                    if next || closed {
                        newest += 1;
                    }
                    closed = last;
                    if leg.play(newest, &vec![5000; samples], last) {
                        *queued.entry(newest).or_default() += samples as u64;
                    }
                }
                Step::Flush { back } => {
                    flushed = flushed.max(newest.saturating_sub(back));
                    leg.flush(newest.saturating_sub(back));
                }
                Step::Wait(time) => leg.run(ms(time)),
            }
        }
        leg.play(newest + 1, &[5000; 320], true);
        leg.run(ms(20_000));
        let mut last = 0;
        let mut started = 0;
        for event in &leg.events {
            match event {
                Event::PlayStarted(utterance) => {
                    prop_assert!(utterance.0 > started && utterance.0 > last);
                    started = utterance.0;
                }
                Event::PlayEnded { utterance, samples_sent, complete } => {
                    prop_assert!(utterance.0 > last, "{:?}", leg.events);
                    last = utterance.0;
                    let all = queued.get(&utterance.0).copied().unwrap_or(320);
                    prop_assert!(*samples_sent <= all);
                    prop_assert!(*complete || utterance.0 <= flushed);
                    prop_assert!(!*complete || utterance.0 > newest || *samples_sent <= all);
                }
                _ => {}
            }
        }
        prop_assert_eq!(last, newest + 1, "the last one was said");
    }
}
