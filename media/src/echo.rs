//! Whether what is heard is our own voice coming back.
//!
//! 1. Both directions are reduced to 4 kHz, where voiced speech has its energy.
//! 2. The last 100 ms heard are correlated with what was said at every delay up to 360 ms.
//! 3. The square of the best correlation is the share of the heard energy that is a copy of ours.
//!
//! This tells rather than removes: nothing is subtracted from what the recogniser hears, and there is no
//! filter that could diverge.

use crate::frame::{FRAME_SAMPLES, Frame};
use crate::vad::{LEVEL_MIN_DBFS, level_dbfs};

/// Compares the two directions of one call. About 10 KB; allocates only when it is made.
pub struct EchoWatch {
    spoken: Box<[f32; HISTORY]>,
    heard: Box<[f32; WINDOW]>,
    levels_dbfs: [f32; LEVELS],
    newest_level: usize,
    spoken_filter: Decimator,
    heard_filter: Decimator,
    /// Frames until nothing said is in the history any more.
    speaking_frames: usize,
}

/// How far what is heard is a copy of what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EchoFit {
    /// Share of the energy heard in the last 100 ms that is a copy, 0–1.
    pub explained: f32,
    /// How long it took to come back, in milliseconds.
    pub delay_ms: f32,
    /// The loudest frame said in the time that could come back now, in dBFS.
    pub spoken_dbfs: f32,
}

impl EchoWatch {
    /// Begins in silence.
    pub fn new() -> EchoWatch {
        EchoWatch {
            spoken: Box::new([0.0; HISTORY]),
            heard: Box::new([0.0; WINDOW]),
            levels_dbfs: [LEVEL_MIN_DBFS; LEVELS],
            newest_level: 0,
            spoken_filter: Decimator::default(),
            heard_filter: Decimator::default(),
            speaking_frames: 0,
        }
    }

    /// The next 20 ms of both directions. `None` when nothing was said lately.
    pub fn compare(&mut self, heard: &Frame, spoken: &Frame, speaking: bool) -> Option<EchoFit> {
        self.speaking_frames = if speaking { LEVELS } else { self.speaking_frames.saturating_sub(1) };
        append(&mut self.spoken[..], &self.spoken_filter.reduce(spoken));
        append(&mut self.heard[..], &self.heard_filter.reduce(heard));
        self.newest_level = (self.newest_level + 1) % LEVELS;
        self.levels_dbfs[self.newest_level] = level_dbfs(spoken);
        if self.speaking_frames == 0 {
            return None;
        }
        let spoken_dbfs = self.levels_dbfs.iter().copied().fold(LEVEL_MIN_DBFS, f32::max);
        let (explained, delay) = self.best_fit();
        Some(EchoFit { explained, delay_ms: delay as f32 * 1000.0 / REDUCED_RATE_HZ, spoken_dbfs })
    }

    /// The best squared correlation over all delays, and that delay in reduced samples.
    fn best_fit(&self) -> (f32, usize) {
        let heard_energy: f32 = self.heard.iter().map(|sample| sample * sample).sum();
        if heard_energy < ENERGY_MIN {
            return (0.0, 0);
        }
        // The energy of the spoken window is kept up to date as the window slides back in time.
        let mut start = HISTORY - WINDOW;
        let mut spoken_energy: f32 = self.spoken[start..].iter().map(|sample| sample * sample).sum();
        let (mut best, mut best_delay) = (0.0, 0);
        loop {
            let window = &self.spoken[start..start + WINDOW];
            let product = dot(&self.heard[..], window);
            if spoken_energy > ENERGY_MIN && product > 0.0 {
                let fit = product * product / (heard_energy * spoken_energy);
                if fit > best {
                    (best, best_delay) = (fit, HISTORY - WINDOW - start);
                }
            }
            if start == 0 {
                break;
            }
            start -= 1;
            let (arriving, leaving) = (self.spoken[start], self.spoken[start + WINDOW]);
            spoken_energy = (spoken_energy + arriving * arriving - leaving * leaving).max(0.0);
        }
        (f32::min(best, 1.0), best_delay)
    }
}

impl Default for EchoWatch {
    fn default() -> Self {
        EchoWatch::new()
    }
}

/// A sum in eight lanes, which the compiler turns into vector instructions.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; 8];
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    lanes.iter().sum()
}

fn append(history: &mut [f32], newest: &[f32]) {
    history.copy_within(newest.len().., 0);
    let from = history.len() - newest.len();
    history[from..].copy_from_slice(newest);
}

/// 16 kHz to 4 kHz by two moving averages of eight samples, whose zeros lie at 2, 4 and 6 kHz.
#[derive(Default)]
struct Decimator {
    first: [f32; STAGE],
    second: [f32; STAGE],
    at: usize,
}

impl Decimator {
    fn reduce(&mut self, frame: &Frame) -> [f32; REDUCED_FRAME] {
        let mut reduced = [0.0; REDUCED_FRAME];
        for (index, &sample) in frame.0.iter().enumerate() {
            self.first[self.at] = f32::from(sample) / 32_768.0;
            let averaged: f32 = self.first.iter().sum::<f32>() / STAGE as f32;
            self.second[self.at] = averaged;
            self.at = (self.at + 1) % STAGE;
            if index % FACTOR == FACTOR - 1 {
                reduced[index / FACTOR] = self.second.iter().sum::<f32>() / STAGE as f32;
            }
        }
        reduced
    }
}

const STAGE: usize = 8;
const FACTOR: usize = 4;
const REDUCED_RATE_HZ: f32 = 4_000.0;
const REDUCED_FRAME: usize = FRAME_SAMPLES / FACTOR;
/// 100 ms: short enough to notice a caller in time, long enough that two voices do not match by chance.
const WINDOW: usize = 5 * REDUCED_FRAME;
/// 360 ms: mobile networks return within 300 ms, and our own buffers add to it.
const DELAY_MAX: usize = 18 * REDUCED_FRAME;
const HISTORY: usize = WINDOW + DELAY_MAX;
/// Frames of both together.
const LEVELS: usize = HISTORY / REDUCED_FRAME;
/// −80 dBFS over the window: below it there is nothing to compare.
const ENERGY_MIN: f32 = WINDOW as f32 * 1e-8;

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice-like signal: pulses of a wandering pitch with a loudness that comes and goes, and noise.
    fn voice(seed: u32, samples: usize) -> Vec<f32> {
        let mut random = seed;
        let mut phase = 0.0f32;
        let mut smooth = 0.0f32;
        (0..samples)
            .map(|index| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (random >> 8) as f32 / (1 << 23) as f32 - 1.0;
                let time = index as f32 / 16_000.0;
                let pitch = 120.0 + seed as f32 + 30.0 * (time * 1.7 + seed as f32).sin() + 12.0 * (time * 5.3).sin();
                phase = (phase + pitch / 16_000.0).fract();
                let pulse = if phase < 0.1 { 1.0 } else { -0.1 };
                smooth += 0.2 * (pulse + 0.3 * noise - smooth);
                smooth * 0.4 * (0.55 + 0.45 * (time * 4.0 + seed as f32).sin())
            })
            .collect()
    }

    fn frames(samples: &[f32]) -> Vec<Frame> {
        samples
            .chunks_exact(FRAME_SAMPLES)
            .map(|chunk| {
                let mut frame = Frame::SILENCE;
                for (to, from) in frame.0.iter_mut().zip(chunk) {
                    *to = (from * 32_767.0).clamp(-32_768.0, 32_767.0) as i16;
                }
                frame
            })
            .collect()
    }

    /// Shares of the heard energy taken for ours, frame by frame, with our voice returning at `gain` after
    /// `delay_ms` and a caller at `caller_gain` beside it.
    fn fits(delay_ms: usize, gain: f32, caller_gain: f32) -> Vec<EchoFit> {
        let ours = voice(1, 48_000);
        let caller = voice(77, 48_000);
        let delay = delay_ms * 16 + 5; // Not a whole reduced sample.
        let heard: Vec<f32> = (0..ours.len())
            .map(|index| index.checked_sub(delay).map_or(0.0, |at| ours[at]) * gain + caller[index] * caller_gain)
            .collect();
        let mut watch = EchoWatch::new();
        frames(&heard).iter().zip(frames(&ours)).filter_map(|(heard, ours)| watch.compare(heard, &ours, true)).collect()
    }

    #[test]
    fn our_own_voice_is_recognised_at_every_delay() {
        for delay_ms in [40, 80, 120, 200, 300] {
            let settled = &fits(delay_ms, 0.1, 0.0)[30..];
            let share = settled.iter().filter(|fit| fit.explained > 0.8).count() as f32 / settled.len() as f32;
            assert!(share > 0.98, "{delay_ms} ms: {share}");
            let near = settled.iter().filter(|fit| (fit.delay_ms - delay_ms as f32).abs() < 2.0).count();
            assert!(near * 10 > settled.len() * 9, "{delay_ms} ms: {near} of {}", settled.len());
        }
    }

    #[test]
    fn a_caller_is_not_taken_for_our_voice_with_or_without_echo() {
        for gain in [0.0, 0.1] {
            let settled = &fits(120, gain, 1.0)[30..];
            let mistaken = settled.iter().filter(|fit| fit.explained > 0.8).count();
            assert!(mistaken * 20 < settled.len(), "{gain}: {mistaken} of {}", settled.len());
        }
    }

    #[test]
    fn nothing_is_compared_when_nothing_was_said() {
        let mut watch = EchoWatch::new();
        assert_eq!(watch.compare(&frames(&voice(3, 320))[0], &Frame::SILENCE, false), None);
        assert!(watch.compare(&Frame::SILENCE, &Frame::SILENCE, true).is_some());
        let quiet = (0..LEVELS).filter_map(|_| watch.compare(&Frame::SILENCE, &Frame::SILENCE, false)).count();
        assert!(quiet < LEVELS);
    }
}
