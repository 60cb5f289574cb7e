//! A telephone that returns our own voice: what was said must lie beside what is heard in one piece.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::collections::VecDeque;
use std::time::Duration;

use common::{FAR, Far, Leg, ms, params, ulaw_decode, ulaw_encode};
use media::echo::EchoWatch;
use media::vad::level_dbfs;

/// P2: at −20 dB and 40–300 ms, on a path whose packets come a little before or after ours leave, nearly every
/// frame is told to be our own, and none of them often enough in a row to be taken for a voice.
#[test]
fn our_own_voice_is_told_on_a_path_that_jitters() {
    for delay_ms in [40, 77, 120, 163, 200, 250, 300] {
        for phase_ms in [0, 5, 10, 17] {
            let unexplained = unexplained_runs(delay_ms, phase_ms);
            let longest = unexplained.iter().max().copied().unwrap_or_default();
            assert!(longest <= 2, "{delay_ms} ms, phase {phase_ms} ms: {unexplained:?} frames in a row");
        }
    }
}

/// P2: packets that come now before and now after ours leave shift nothing.
#[test]
fn what_was_said_lies_in_one_piece_beside_what_is_heard() {
    for phase_ms in [0, 5, 10, 17, 19] {
        let leg = call(40, phase_ms);
        let beside: Vec<i16> =
            leg.heard.iter().filter(|(_, heard)| heard.speaking).flat_map(|(_, heard)| heard.spoken.0).collect();
        let said = voice(SAID);
        let first = beside.iter().position(|sample| *sample == said[0]).expect("its beginning");
        let same = beside[first..].iter().zip(&said).take_while(|(beside, said)| beside == said).count();
        assert!(same >= SAID, "phase {phase_ms} ms: torn after {same} samples of {SAID}");
    }
}

/// Runs of frames that are loud enough to be speech and not told to be ours.
fn unexplained_runs(delay_ms: u64, phase_ms: u64) -> Vec<usize> {
    let leg = call(delay_ms, phase_ms);
    let mut watch = EchoWatch::new();
    let (mut runs, mut run) = (Vec::new(), 0);
    for (_, heard) in &leg.heard {
        let fit = watch.compare(&heard.frame, &heard.spoken, heard.speaking);
        let ours = fit.is_some_and(|fit| fit.explained >= 0.5) || level_dbfs(&heard.frame) < -55.0;
        run = if ours { 0 } else { run + 1 };
        runs.extend((run == 1).then_some(0));
        if let Some(last) = runs.last_mut().filter(|_| run > 0) {
            *last = run;
        }
    }
    runs
}

/// Six seconds in which we say something and it comes back.
fn call(delay_ms: u64, phase_ms: u64) -> Leg {
    let mut leg = Leg::new(&params());
    let mut far = Far::new();
    let start = leg.now;
    let mut random = 5u32;
    let mut line: VecDeque<i16> = vec![0; delay_ms as usize * 8].into();
    let mut returned = 0;
    for packet in 0..300u64 {
        leg.run_until(start + ms(20 * packet + phase_ms));
        for sent in &leg.sent[returned..] {
            line.extend(ulaw_decode(sent.packet().payload));
        }
        returned = leg.sent.len();
        let quiet: Vec<i16> = (0..160).map(|_| line.pop_front().unwrap_or_default() / 10).collect();
        let datagram = far.packet(&ulaw_encode(&quiet));
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let late = Duration::from_micros(u64::from(random >> 20));
        if packet == 20 {
            // What begins leaves at once, so that from here on ours leave in the middle of theirs coming.
            leg.run_until(leg.now + ms(2));
            leg.play(1, &voice(SAID), true);
        }
        leg.run_until((start + ms(20 * packet + phase_ms) + late).max(leg.now));
        leg.arrive(FAR, &datagram);
    }
    leg
}

/// Samples that are said: 4 s.
const SAID: usize = 64_000;

/// A voice-like signal: pulses of a wandering pitch with a loudness that comes and goes, and noise.
fn voice(samples: usize) -> Vec<i16> {
    let (mut phase, mut smooth, mut random) = (0.0f32, 0.0f32, 1u32);
    (0..samples)
        .map(|index| {
            let time = index as f32 / 16_000.0;
            let pitch = 120.0 + 30.0 * (time * 1.7).sin() + 12.0 * (time * 5.3).sin();
            phase = (phase + pitch / 16_000.0).fract();
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (random >> 8) as f32 / (1 << 23) as f32 - 1.0;
            smooth += 0.2 * (if phase < 0.1 { 1.0 } else { -0.1 } + 0.5 * noise - smooth);
            (smooth * (0.55 + 0.45 * (time * 4.0).sin()) * 24_000.0) as i16
        })
        .collect()
}
