//! The tone a waiting caller hears between words: two soft notes, then quiet, so that the line is not dead.

use std::f32::consts::TAU;
use std::sync::Arc;

use media::{Clip, ENGINE_RATE_HZ};

use crate::domain::escalation::Meanwhile;

/// What waiting callers hear, made once and shared by all of them.
#[derive(Clone)]
pub struct Waiting {
    tone: Clip,
    music: Clip,
}

impl Waiting {
    /// Makes both.
    pub fn new() -> Waiting {
        Waiting { tone: hold_tone(), music: hold_music() }
    }

    /// What was chosen.
    pub fn of(&self, meanwhile: Meanwhile) -> Clip {
        match meanwhile {
            Meanwhile::Tone => self.tone.clone(),
            Meanwhile::Music => self.music.clone(),
        }
    }
}

impl Default for Waiting {
    fn default() -> Self {
        Waiting::new()
    }
}

/// The tone after which a message is recorded: one plain note, as answering machines have it.
pub fn beep() -> Clip {
    let length = (ENGINE_RATE_HZ as f32 * BEEP_SECONDS) as usize;
    let edge = ENGINE_RATE_HZ as f32 * BEEP_EDGE_SECONDS;
    let sample = |at: usize| {
        // Without a soft edge the note would click.
        let swell = (at.min(length - at) as f32 / edge).min(1.0);
        ((TAU * BEEP_HZ * at as f32 / ENGINE_RATE_HZ as f32).sin() * swell * BEEP_LOUDNESS) as i16
    };
    (0..length).map(sample).collect()
}

/// Long enough to be told from a key.
const BEEP_SECONDS: f32 = 0.4;
/// See [`beep`].
const BEEP_EDGE_SECONDS: f32 = 0.01;
/// Within the telephone's band, and of no telephone key.
const BEEP_HZ: f32 = 1_000.0;
/// As loud as speech.
const BEEP_LOUDNESS: f32 = 6_000.0;

/// A round of slow broken chords, made here so that nobody holds rights in it.
fn hold_music() -> Clip {
    let notes = CHORDS_HZ.iter().flatten().enumerate();
    let notes: Vec<(f32, f32)> = notes.map(|(at, pitch_hz)| (at as f32 * NOTE_SECONDS, *pitch_hz)).collect();
    struck(&notes, notes.len() as f32 * NOTE_SECONDS + 0.4, 2.2)
}

/// About two seconds of it, to be played again and again.
fn hold_tone() -> Clip {
    struck(&NOTES, TONE_SECONDS, 4.0)
}

/// Bells struck at these times (seconds) with these pitches (Hz); `fading` is how fast they die away.
fn struck(notes: &[(f32, f32)], seconds: f32, fading: f32) -> Clip {
    let mut samples = vec![0i16; (ENGINE_RATE_HZ as f32 * seconds) as usize];
    for &(begin_seconds, pitch_hz) in notes {
        let begin = (begin_seconds * ENGINE_RATE_HZ as f32) as usize;
        for (at, sample) in samples[begin..].iter_mut().enumerate() {
            let time = at as f32 / ENGINE_RATE_HZ as f32;
            // A struck bell: it sets in within 10 ms and dies away.
            let swell = (time / 0.01).min(1.0) * (-time * fading).exp();
            let note = (TAU * pitch_hz * time).sin() + 0.3 * (TAU * 2.0 * pitch_hz * time).sin();
            *sample = sample.saturating_add((note * swell * LOUDNESS) as i16);
        }
    }
    Arc::from(samples)
}

/// Length of one round; with the caller's updates between, never 3 s of nothing.
const TONE_SECONDS: f32 = 2.2;
/// One note of the music.
const NOTE_SECONDS: f32 = 0.42;
/// Its chords (Hz), within the telephone's band: C, A minor, F, G.
const CHORDS_HZ: [[f32; 6]; 4] = [
    [392.0, 523.25, 659.25, 783.99, 659.25, 523.25],
    [440.0, 523.25, 659.25, 880.0, 659.25, 523.25],
    [349.23, 440.0, 523.25, 698.46, 523.25, 440.0],
    [392.0, 493.88, 587.33, 783.99, 587.33, 493.88],
];
/// Well below speech.
const LOUDNESS: f32 = 1800.0;
/// When each note begins (seconds) and its pitch (Hz): a rising third within the telephone's band.
const NOTES: [(f32, f32); 2] = [(0.0, 523.25), (0.35, 659.25)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tone_is_audible_and_soft() {
        for clip in [hold_tone(), hold_music()] {
            let loudest = clip.iter().map(|sample| sample.unsigned_abs()).max();
            assert!((800..6000).contains(&loudest.unwrap()), "{loudest:?}");
        }
    }
}
