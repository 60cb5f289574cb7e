//! The tone a waiting caller hears between words: two soft notes, then quiet, so that the line is not dead.

use std::f32::consts::TAU;
use std::sync::Arc;

use media::{Clip, ENGINE_RATE_HZ};

/// About two seconds of it, to be played again and again.
pub fn hold_tone() -> Clip {
    let mut samples = vec![0i16; (ENGINE_RATE_HZ as f32 * TONE_SECONDS) as usize];
    for (begin_seconds, pitch_hz) in NOTES {
        let begin = (begin_seconds * ENGINE_RATE_HZ as f32) as usize;
        for (at, sample) in samples[begin..].iter_mut().enumerate() {
            let time = at as f32 / ENGINE_RATE_HZ as f32;
            // A struck bell: it sets in within 10 ms and dies away within a second.
            let swell = (time / 0.01).min(1.0) * (-time * 4.0).exp();
            let note = (TAU * pitch_hz * time).sin() + 0.3 * (TAU * 2.0 * pitch_hz * time).sin();
            *sample = sample.saturating_add((note * swell * LOUDNESS) as i16);
        }
    }
    Arc::from(samples)
}

/// Length of one round; with the caller's updates between, never 3 s of nothing.
const TONE_SECONDS: f32 = 2.2;
/// Well below speech.
const LOUDNESS: f32 = 1800.0;
/// When each note begins (seconds) and its pitch (Hz): a rising third within the telephone's band.
const NOTES: [(f32, f32); 2] = [(0.0, 523.25), (0.35, 659.25)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_is_audible_and_soft() {
        let loudest = hold_tone().iter().map(|sample| sample.unsigned_abs()).max();
        assert!((800..6000).contains(&loudest.unwrap()), "{loudest:?}");
    }
}
