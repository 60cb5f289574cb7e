//! Frames that come unevenly, by another clock, made to leave evenly by ours.
//!
//! The two clocks differ by up to 300 ppm, a frame a minute. The store neither grows nor runs dry: at a
//! quiet place 10 ms are left out or doubled, with a crossing of 5 ms so that it is not heard (M7).

use crate::frame::FRAME_SAMPLES;

/// Engine-rate samples held: 160 ms.
const CAPACITY: usize = 2560;
/// 10 ms, the piece left out or doubled, and the crossing at its seam.
const PIECE: usize = 160;
const CROSSING: usize = 80;
/// Over so many pulls the least fill is watched before anything is corrected: 2 s.
const WATCH: u32 = 100;
/// The least fill aimed at lies between these. Frames come whole, so when the clocks slip past each other the
/// fill drops by a frame at once: one in reserve is the least that never runs dry. More than 35 ms is latency.
const LOW: usize = FRAME_SAMPLES;
const HIGH: usize = 560;
/// Far too full, after a burst or a hold: corrected every 200 ms instead.
const EXCESS: usize = 1200;
const WATCH_EXCESS: u32 = 10;
/// Quieter than this peak (−36 dBFS) counts as a quiet place.
const QUIET: i16 = 520;
/// A correction waits this many pulls for a quiet place: 6 s, in which 300 ppm drift 2 ms.
const PATIENCE: u32 = 300;

/// The store.
pub struct Elastic {
    samples: Box<[i16; CAPACITY]>,
    len: usize,
    /// Filled up once and not run dry since.
    primed: bool,
    pulls: u32,
    least: usize,
    correction: Option<Correction>,
    waited: u32,
}

#[derive(Clone, Copy)]
enum Correction {
    LeaveOut,
    Double,
}

impl Elastic {
    /// Empty, with all its memory.
    pub fn new() -> Elastic {
        Elastic {
            samples: Box::new([0; CAPACITY]),
            len: 0,
            primed: false,
            pulls: 0,
            least: usize::MAX,
            correction: None,
            waited: 0,
        }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.len = 0;
        self.primed = false;
        self.correction = None;
        self.pulls = 0;
        self.least = usize::MAX;
    }

    /// Samples held.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Adds a frame; when full, the oldest frame gives way.
    pub fn push(&mut self, frame: &[i16; FRAME_SAMPLES]) {
        if self.len + FRAME_SAMPLES > CAPACITY {
            self.discard(FRAME_SAMPLES);
        }
        self.samples[self.len..self.len + FRAME_SAMPLES].copy_from_slice(frame);
        self.len += FRAME_SAMPLES;
    }

    /// Takes `out.len()` samples; where there are too few, what there is followed by silence, and false.
    pub fn pull(&mut self, out: &mut [i16]) -> bool {
        if self.correction.is_some() {
            self.correct();
        }
        if !self.primed && self.len < out.len() + LOW {
            out.fill(0);
            return false;
        }
        let n = self.len.min(out.len());
        out[..n].copy_from_slice(&self.samples[..n]);
        out[n..].fill(0);
        self.discard(n);
        self.primed = n == out.len();
        self.watch();
        self.primed
    }

    fn discard(&mut self, n: usize) {
        self.samples.copy_within(n..self.len, 0);
        self.len -= n;
    }

    fn watch(&mut self) {
        self.least = self.least.min(self.len);
        self.pulls += 1;
        if self.pulls < if self.least > EXCESS { WATCH_EXCESS } else { WATCH } {
            return;
        }
        if self.correction.is_none() {
            self.waited = 0;
            self.correction = match self.least {
                least if least > HIGH => Some(Correction::LeaveOut),
                least if least < LOW => Some(Correction::Double),
                _ => None,
            };
        }
        self.pulls = 0;
        self.least = usize::MAX;
    }

    fn correct(&mut self) {
        let Some(correction) = self.correction else { return };
        let seam = PIECE + CROSSING;
        let room = self.len >= seam && self.len + PIECE <= CAPACITY;
        self.waited += 1;
        if !room || (self.waited < PATIENCE && self.samples[..seam].iter().any(|s| s.unsigned_abs() > QUIET as u16)) {
            return;
        }
        match correction {
            Correction::LeaveOut => {
                // The first 5 ms lead over into what stands 10 ms later.
                for i in 0..CROSSING {
                    self.samples[PIECE + i] = cross(self.samples[i], self.samples[PIECE + i], i);
                }
                self.discard(PIECE);
            }
            Correction::Double => {
                self.samples.copy_within(0..self.len, PIECE);
                self.len += PIECE;
                // After the first 10 ms comes their beginning again, entered from their continuation.
                for i in 0..CROSSING {
                    let continuation = self.samples[2 * PIECE + i];
                    self.samples[PIECE + i] = cross(continuation, self.samples[PIECE + i], i);
                }
            }
        }
        self.correction = None;
        self.pulls = 0;
        self.least = usize::MAX;
    }
}

/// Goes from `old` to `new` over [`CROSSING`] samples.
fn cross(old: i16, new: i16, i: usize) -> i16 {
    let (old, new, i, n) = (i32::from(old), i32::from(new), i as i32, CROSSING as i32);
    ((old * (n - i) + new * i) / n) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M7: one hour of two clocks that differ.
    #[test]
    fn clocks_that_differ_neither_fill_nor_empty_it() {
        for ppm in [-300i64, 300] {
            let mut elastic = Elastic::new();
            let (mut pushed, mut dry, mut out) = (0i64, 0, [0; 320]);
            for tick in 0..180_000i64 {
                let wanted = tick * (1_000_000 + ppm) / 1_000_000 + 2;
                while pushed < wanted {
                    elastic.push(&[100; FRAME_SAMPLES]);
                    pushed += 1;
                }
                dry += u32::from(!elastic.pull(&mut out));
                assert!(elastic.len() < 1600, "{ppm}: {} at {tick}", elastic.len());
            }
            assert!(dry <= 1, "{ppm}: dry {dry} times");
        }
    }

    #[test]
    fn a_steady_sound_survives_corrections() {
        let mut elastic = Elastic::new();
        let mut out = [0; 320];
        for _ in 0..4 {
            elastic.push(&[400; FRAME_SAMPLES]);
        }
        for _ in 0..1000 {
            elastic.push(&[400; FRAME_SAMPLES]);
            assert!(elastic.pull(&mut out));
            assert!(out.iter().all(|s| *s == 400));
        }
        assert!(elastic.len() < 1000);
    }
}
