//! A fax that calls (ITU-T T.30 §4.3.3.2): 1,100 Hz for half a second, three seconds of silence, and again.
//!
//! A whistle is such a tone as well, and speech may hold one for a moment; so the rhythm decides, and it takes two
//! bursts to be sure: four seconds, in which a machine waits for nobody.

use std::ops::RangeInclusive;

use crate::frame::{FRAME_SAMPLES, Frame};

/// Samples of a window, 10 ms: wide enough in pitch for the ±38 Hz that a fax may be off.
const WINDOW: usize = FRAME_SAMPLES / 2;
/// 2 · cos(2π · 1,100 Hz / 16,000 Hz).
const COEFFICIENT: f32 = 1.816_292_6;
/// Share of the power that the tone must have; at 38 Hz off it has 0.6.
const PURITY: f32 = 0.5;
/// Quieter than −38 dBFS is a leak from somewhere.
const LEVEL_MIN: f32 = 400.0;
/// Windows of a burst: 0.5 s ± 15 %, and a frame on either side.
const BURST: RangeInclusive<u32> = 40..=62;
/// Windows of the silence between two: 3 s ± 15 %, likewise.
const PAUSE: RangeInclusive<u32> = 250..=350;
/// Windows that may be lost within a burst without ending it.
const LOST_MAX: u32 = 2;

/// The detector.
pub struct CallingTone {
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// Windows without the tone since a whole burst; `None` before the first.
    Silent(Option<u32>),
    /// Windows of the tone so far, those lost at its end, and whether it follows a burst in the rhythm.
    Sounding { windows: u32, lost: u32, follows: bool },
    /// Told already.
    Told,
}

impl Default for CallingTone {
    fn default() -> CallingTone {
        CallingTone::new()
    }
}

impl CallingTone {
    /// Hears nothing yet.
    pub fn new() -> CallingTone {
        CallingTone { state: State::Silent(None) }
    }

    /// Listens to a frame; true once, when it is certain that a fax calls.
    pub fn frame(&mut self, frame: &Frame) -> bool {
        frame.0.chunks_exact(WINDOW).any(|window| self.window(sounds(window)))
    }

    fn window(&mut self, sounds: bool) -> bool {
        self.state = match (self.state, sounds) {
            (State::Silent(None), false) => State::Silent(None),
            (State::Silent(Some(pause)), false) => State::Silent((pause < *PAUSE.end()).then_some(pause + 1)),
            (State::Silent(pause), true) => {
                let follows = pause.is_some_and(|pause| PAUSE.contains(&pause));
                State::Sounding { windows: 1, lost: 0, follows }
            }
            (State::Sounding { windows, lost, follows }, true) => {
                let windows = windows + lost + 1;
                if follows && windows == *BURST.start() {
                    self.state = State::Told;
                    return true;
                }
                State::Sounding { windows, lost: 0, follows }
            }
            (State::Sounding { windows, lost, follows }, false) if lost < LOST_MAX => {
                State::Sounding { windows, lost: lost + 1, follows }
            }
            (State::Sounding { windows, lost, .. }, false) => {
                State::Silent(BURST.contains(&windows).then_some(lost + 1))
            }
            (State::Told, _) => State::Told,
        };
        false
    }
}

/// Goertzel's recurrence: whether the tone is most of what sounds.
fn sounds(window: &[i16]) -> bool {
    let (mut power, mut s1, mut s2) = (0.0f32, 0.0f32, 0.0f32);
    for sample in window {
        let sample = f32::from(*sample);
        power += sample * sample;
        let s0 = sample + COEFFICIENT * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    let power = power / WINDOW as f32;
    let tone = 2.0 * (s1 * s1 + s2 * s2 - COEFFICIENT * s1 * s2) / (WINDOW * WINDOW) as f32;
    power >= LEVEL_MIN * LEVEL_MIN && tone >= PURITY * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(hz: f32, spans_ms: &[(u32, bool)]) -> bool {
        let mut reader = CallingTone::new();
        let mut at = 0u32;
        let samples: Vec<i16> = spans_ms
            .iter()
            .flat_map(|(ms, on)| std::iter::repeat_n(*on, (*ms * 16) as usize))
            .map(|on| {
                at += 1;
                let noise = (at.wrapping_mul(2_654_435_761) >> 27) as f32 - 16.0;
                let tone = (at as f32 * hz * std::f32::consts::TAU / 16_000.0).sin() * 4_000.0;
                (noise + if on { tone } else { 0.0 }) as i16
            })
            .collect();
        samples.as_chunks::<FRAME_SAMPLES>().0.iter().any(|frame| reader.frame(&Frame(*frame)))
    }

    /// R52.
    #[test]
    fn a_fax_that_calls_is_told_by_its_rhythm() {
        for hz in [1_062.0, 1_100.0, 1_138.0] {
            assert!(line(hz, &[(700, false), (500, true), (3_000, false), (500, true), (500, false)]), "{hz}");
        }
        assert!(line(1_100.0, &[(1_000, false), (430, true), (2_600, false), (560, true)]), "at the edges of T.30");
    }

    #[test]
    fn a_whistle_a_long_tone_and_another_pitch_are_no_fax() {
        assert!(!line(1_100.0, &[(500, true), (3_000, false)]), "once is a whistle");
        assert!(!line(1_100.0, &[(500, true), (1_000, false), (500, true)]), "another rhythm");
        assert!(!line(1_100.0, &[(8_000, true)]));
        assert!(!line(1_400.0, &[(500, true), (3_000, false), (500, true), (500, false)]));
        assert!(!line(950.0, &[(500, true), (3_000, false), (500, true), (500, false)]), "an operator's tone");
    }
}
