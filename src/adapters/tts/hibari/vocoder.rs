//! From the network's spectral frames to 16 kHz samples.
//!
//! The network describes each frame of speech (300 samples of its 24 kHz training audio) by a harmonic
//! filter (`lh`, `theta`), a noise level (`ln`), a free-phase part (`lr`, `phi`) and a pitch `f0`. With `E` the
//! short-time spectrum of a band-limited pulse train at that pitch and `Z` complex white noise, a frame is
//!
//! ```text
//! S = exp(lh) · e^(i·π·tanh theta) · E  +  exp(ln) · Z  +  exp(lr) · e^(i·phi)
//! ```
//!
//! and the signal is the inverse short-time Fourier transform of `S` (model card of hibari, "ONNX interface").
//!
//! Two things differ from a straight port. The telephone engine runs at 16 kHz, so only the bins below 8 kHz
//! are computed and the inverse transform is that much shorter: no resampler and a third less work. And
//! because a bin is "20 Hz at the natural frame length", a longer frame (`hop`) moves the whole spectrum
//! down: formants and all. Together with a factor on `f0` that makes a second speaker out of one model.

use std::sync::Arc;

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::noise::Noise;

/// Bins of a network frame, 0–12 kHz in steps of 20 Hz.
pub const NET_BINS: usize = 601;
/// The frame of the training audio in samples at 24 kHz; magnitudes are scaled by ours against it.
const NET_FFT: f32 = 1200.0;
/// Samples in a frame at 16 kHz for the model's own timbre.
pub const NATURAL_HOP: usize = 200;
/// Below this a frame is unvoiced, in hertz.
const VOICED_FROM_HZ: f32 = 40.0;
/// Harmonics stop here: just below half the sampling rate, so that none folds back.
const HARMONICS_TO_HZ: f32 = 7_800.0;
/// Logarithmic magnitudes are clamped here, as in training.
const LOG_MAGNITUDE_MAX: f32 = 7.0;
const RATE_HZ: f32 = media::ENGINE_RATE_HZ as f32;

/// What the network says about a piece of speech: `frames` columns of [`NET_BINS`] rows, row by row.
pub struct Spectra<'a> {
    /// Logarithm of the harmonic filter's magnitude.
    pub lh: &'a [f32],
    /// The harmonic filter's phase, before `tanh`, in half turns.
    pub theta: &'a [f32],
    /// Logarithm of the noise level.
    pub ln: &'a [f32],
    /// Logarithm of the free-phase part's magnitude.
    pub lr: &'a [f32],
    /// Its phase in radians.
    pub phi: &'a [f32],
    /// Pitch in hertz, one a frame; 0 where unvoiced.
    pub f0: &'a [f32],
}

/// Builds samples out of spectra. Holds the plans and scratch buffers of one worker.
pub struct Vocoder {
    hop: usize,
    pitch: f32,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    noise: Noise,
}

impl Vocoder {
    /// `hop` samples a frame ([`NATURAL_HOP`] for the model's own timbre), `pitch` a factor on its `f0`.
    pub fn new(hop: usize, pitch: f32) -> Vocoder {
        let length = hop * 4;
        let window =
            (0..length).map(|n| 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / length as f32).cos()).collect();
        let mut planner = RealFftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(length), planner.plan_fft_inverse(length));
        Vocoder { hop, pitch, window, forward, inverse, noise: Noise::new() }
    }

    /// The samples of all frames, nominally within ±1; nothing for spectra of unequal or no length.
    pub fn samples(&mut self, spectra: &Spectra<'_>) -> Vec<f32> {
        let frames = spectra.f0.len();
        let cells = frames * NET_BINS;
        let whole = [spectra.lh, spectra.theta, spectra.ln, spectra.lr, spectra.phi].iter().all(|s| s.len() == cells);
        if frames == 0 || !whole {
            return Vec::new();
        }
        let excitation = pulses(spectra.f0, self.hop, self.pitch);
        let length = self.hop * 4;
        let bins = (length / 2 + 1).min(NET_BINS);
        let mut frame = self.forward.make_input_vec();
        let mut spectrum = self.forward.make_output_vec();
        let mut scratch = self.forward.make_scratch_vec();
        let mut scratch_back = self.inverse.make_scratch_vec();
        let mut sum = vec![0.0f32; (frames + 3) * self.hop];
        let mut columns = Columns::new(bins);
        for k in 0..frames {
            self.window_of_excitation(&excitation, k, &mut frame);
            // The buffers come from the same plan, so their lengths always fit.
            let _ = self.forward.process_with_scratch(&mut frame, &mut spectrum, &mut scratch);
            let columns = columns.at(spectra, k, frames);
            self.filter(columns, &mut spectrum[..bins]);
            spectrum[bins..].fill(Complex32::ZERO);
            spectrum[0].im = 0.0;
            if let Some(last) = spectrum.last_mut() {
                last.im = 0.0;
            }
            let _ = self.inverse.process_with_scratch(&mut spectrum, &mut frame, &mut scratch_back);
            let target = &mut sum[k * self.hop..k * self.hop + length];
            for ((into, &sample), &w) in target.iter_mut().zip(&frame).zip(&self.window) {
                *into += sample * w;
            }
        }
        self.level(sum, frames)
    }

    /// Frame `k` of the excitation, centred on sample `k · hop`, mirrored at both ends, windowed so that a
    /// cosine of amplitude 1 has a spectral peak of 1.
    fn window_of_excitation(&self, excitation: &[f32], k: usize, frame: &mut [f32]) {
        let half = (self.hop * 2) as isize;
        let last = excitation.len() as isize - 1;
        let scale = 1.0 / self.hop as f32;
        let start = (k * self.hop) as isize - half;
        for (n, (into, &w)) in frame.iter_mut().zip(&self.window).enumerate() {
            let at = start + n as isize;
            // A signal shorter than half a frame would mirror past its other end: clamp.
            let mirrored = if at < 0 {
                -at
            } else if at > last {
                2 * last - at
            } else {
                at
            };
            *into = excitation[mirrored.clamp(0, last) as usize] * w * scale;
        }
    }

    /// Turns the excitation's spectrum into the speech's, in place.
    fn filter(&mut self, column: Column<'_>, spectrum: &mut [Complex32]) {
        // Magnitudes are in units of the training transform; `length` of an inverse one scales by its own.
        // realfft does not divide by the length, so that cancels all but the constant.
        let scale = 1.0 / NET_FFT;
        let noise = self.noise.next(spectrum.len());
        for (b, bin) in spectrum.iter_mut().enumerate() {
            let harmonic = column.lh[b].min(LOG_MAGNITUDE_MAX).exp();
            let (sin, cos) = (std::f32::consts::PI * column.theta[b].tanh()).sin_cos();
            let mut value = *bin * Complex32::new(cos, sin) * harmonic;
            value += noise[b] * column.ln[b].min(LOG_MAGNITUDE_MAX).exp();
            let (sin, cos) = column.phi[b].sin_cos();
            value += Complex32::new(cos, sin) * column.lr[b].min(LOG_MAGNITUDE_MAX).exp();
            *bin = value * scale;
        }
    }

    /// Divides by the summed squared window and cuts the half frames before and after.
    fn level(&self, sum: Vec<f32>, frames: usize) -> Vec<f32> {
        let (hop, half) = (self.hop, self.hop * 2);
        let squares: Vec<f32> = self.window.iter().map(|w| w * w).collect();
        let weight = |at: usize| -> f32 {
            let block = at / hop;
            (0..4)
                .filter(|part| block >= *part && block - part < frames)
                .map(|part| squares[part * hop + at % hop])
                .sum::<f32>()
        };
        // Inside, all four windows overlap and the weight is 1.5; the ends are tapered, never blown up.
        (half..half + frames * hop).map(|at| sum[at] / weight(at).max(0.1)).collect()
    }
}

/// The five numbers of every bin of one frame.
struct Column<'a> {
    lh: &'a [f32],
    theta: &'a [f32],
    ln: &'a [f32],
    lr: &'a [f32],
    phi: &'a [f32],
}

/// Frames copied out of the network's row-by-row layout, several at a time: one cache line of each row.
struct Columns {
    bins: usize,
    first: usize,
    held: usize,
    values: Vec<f32>,
}

impl Columns {
    const AT_ONCE: usize = 16;

    fn new(bins: usize) -> Columns {
        Columns { bins, first: 0, held: 0, values: vec![0.0; bins * 5 * Self::AT_ONCE] }
    }

    fn at(&mut self, spectra: &Spectra<'_>, k: usize, frames: usize) -> Column<'_> {
        if k < self.first || k >= self.first + self.held {
            self.first = k;
            self.held = Self::AT_ONCE.min(frames - k);
            let rows = [spectra.lh, spectra.theta, spectra.ln, spectra.lr, spectra.phi];
            for (part, row) in rows.into_iter().enumerate() {
                for bin in 0..self.bins {
                    let from = bin * frames + k;
                    for (j, &value) in row[from..from + self.held].iter().enumerate() {
                        self.values[(j * 5 + part) * self.bins + bin] = value;
                    }
                }
            }
        }
        let base = (k - self.first) * 5 * self.bins;
        let part = |n: usize| &self.values[base + n * self.bins..base + (n + 1) * self.bins];
        Column { lh: part(0), theta: part(1), ln: part(2), lr: part(3), phi: part(4) }
    }
}

/// A pulse train that follows the pitch: every harmonic below [`HARMONICS_TO_HZ`] at amplitude 1, in the closed
/// form `Σ cos(h·t) = sin((H+½)·t) / (2·sin(t/2)) − ½`; silence where unvoiced.
fn pulses(f0: &[f32], hop: usize, pitch: f32) -> Vec<f32> {
    // A frame longer than the natural one is played slower, so the pitch falls with it.
    let pitch = pitch * NATURAL_HOP as f32 / hop as f32;
    let frames = f0.len();
    let mut out = Vec::with_capacity(frames * hop);
    let mut turns = 0.0f64;
    for k in 0..frames {
        let (before, here, after) = (f0[k.saturating_sub(1)], f0[k], f0[(k + 1).min(frames - 1)]);
        for n in 0..hop {
            let at = (n as f32 + 0.5) / hop as f32 - 0.5;
            let hz = if at < 0.0 { here + (here - before) * at } else { here + (after - here) * at };
            let voiced = hz > VOICED_FROM_HZ;
            let hz = hz.max(VOICED_FROM_HZ) * pitch;
            turns = (turns + f64::from(hz / RATE_HZ)).fract();
            if !voiced {
                out.push(0.0);
                continue;
            }
            let t = std::f32::consts::TAU * turns as f32;
            let harmonics = (HARMONICS_TO_HZ / hz).floor() + 0.5;
            let denominator = 2.0 * (t * 0.5).sin();
            let peak = if denominator.abs() <= 2e-3 { harmonics } else { (harmonics * t).sin() / denominator };
            out.push(peak - 0.5);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_frames_make_no_samples() {
        let nothing = Spectra { lh: &[], theta: &[], ln: &[], lr: &[], phi: &[], f0: &[] };
        assert!(Vocoder::new(NATURAL_HOP, 1.0).samples(&nothing).is_empty());
    }

    /// A flat harmonic filter gives back the pulse train: its period is the pitch.
    #[test]
    fn the_pitch_asked_for_is_the_pitch_heard() {
        for (hop, pitch, expected_hz) in [(200, 1.0, 200.0), (200, 0.5, 100.0), (250, 1.0, 160.0)] {
            let frames = 40;
            let (zeros, far_below) = (vec![0.0; NET_BINS * frames], vec![-30.0; NET_BINS * frames]);
            let flat = vec![3.0; NET_BINS * frames];
            let f0 = vec![200.0; frames];
            let spectra = Spectra { lh: &flat, theta: &zeros, ln: &far_below, lr: &far_below, phi: &zeros, f0: &f0 };
            let samples = Vocoder::new(hop, pitch).samples(&spectra);
            assert_eq!(samples.len(), frames * hop);
            let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
            // Multiples of the period fit as well: look below the second.
            let period = (40..(1.6 * 16_000.0 / expected_hz) as usize)
                .max_by(|a, b| correlation(middle, *a).total_cmp(&correlation(middle, *b)))
                .expect("a range of lags is not empty");
            assert!((16_000.0 / period as f32 - expected_hz).abs() < 5.0, "{hop} {pitch}: period {period}");
        }
    }

    fn correlation(signal: &[f32], lag: usize) -> f32 {
        signal.iter().zip(&signal[lag..]).map(|(a, b)| a * b).sum::<f32>() / (signal.len() - lag) as f32
    }
}
