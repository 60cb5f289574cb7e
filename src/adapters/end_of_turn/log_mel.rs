//! Whisper's log-mel spectrogram of eight seconds, as Smart Turn was trained on.
//!
//! 1. The audio stands at the end of the window, zeros before it; then mean 0 and variance 1.
//! 2. Windows of 25 ms (periodic Hann) every 10 ms, mirrored at both edges; power of the real transform.
//! 3. 80 triangles on the Slaney mel scale, each of equal area; log10, at most 8 below the loudest; (x + 4) / 4.

use std::f64::consts::PI;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// What the model hears: 8 s at 16 kHz.
pub const WINDOW_SAMPLES: usize = 128_000;
/// Mel bands.
pub const BANDS: usize = 80;
/// Steps of 10 ms.
pub const STEPS: usize = WINDOW_SAMPLES / HOP;

/// Computes spectrograms; holds the tables and the buffers, which are the same for all.
pub struct LogMel {
    transform: Arc<dyn RealToComplex<f64>>,
    hann: Vec<f64>,
    triangles: Vec<Triangle>,
    padded: Vec<f64>,
    windowed: Vec<f64>,
    spectrum: Vec<Complex<f64>>,
    power: Vec<f64>,
}

/// One mel band: the first bin it weighs, and the weights from there on.
struct Triangle {
    first: usize,
    weights: Vec<f64>,
}

impl LogMel {
    /// Prepares the tables.
    pub fn new() -> LogMel {
        let transform = RealFftPlanner::new().plan_fft_forward(FFT);
        LogMel {
            hann: (0..FFT).map(|at| 0.5 - 0.5 * (2.0 * PI * at as f64 / FFT as f64).cos()).collect(),
            triangles: triangles(),
            padded: vec![0.0; WINDOW_SAMPLES + FFT],
            windowed: transform.make_input_vec(),
            spectrum: transform.make_output_vec(),
            power: vec![0.0; BINS],
            transform,
        }
    }

    /// The spectrogram of the last eight seconds, band by band: [`BANDS`] rows of [`STEPS`] values.
    pub fn compute(&mut self, samples: &[i16]) -> Vec<f32> {
        self.place(&samples[samples.len().saturating_sub(WINDOW_SAMPLES)..]);
        let mut mel = vec![0f32; BANDS * STEPS];
        let mut loudest = f32::MIN;
        for step in 0..STEPS {
            let from = step * HOP;
            let audio = &self.padded[from..from + FFT];
            for ((to, sample), weight) in self.windowed.iter_mut().zip(audio).zip(&self.hann) {
                *to = sample * weight;
            }
            self.transform
                .process(&mut self.windowed, &mut self.spectrum)
                .expect("the buffers are of the transform's own making");
            for (power, bin) in self.power.iter_mut().zip(&self.spectrum) {
                *power = bin.norm_sqr();
            }
            for (band, triangle) in self.triangles.iter().enumerate() {
                let bins = &self.power[triangle.first..];
                let sum: f64 = triangle.weights.iter().zip(bins).map(|(weight, power)| weight * power).sum();
                let level = sum.max(FLOOR).log10() as f32;
                mel[band * STEPS + step] = level;
                loudest = loudest.max(level);
            }
        }
        for level in &mut mel {
            *level = (level.max(loudest - RANGE) + 4.0) / 4.0;
        }
        mel
    }

    /// Puts the audio at the end of the window, normalises all of it and mirrors its edges.
    fn place(&mut self, samples: &[i16]) {
        let (count, half) = (WINDOW_SAMPLES as f64, FFT / 2);
        let mean = samples.iter().map(|&sample| scaled(sample)).sum::<f64>() / count;
        let squares = samples.iter().map(|&sample| scaled(sample).powi(2)).sum::<f64>() / count;
        let factor = 1.0 / (squares - mean * mean + VARIANCE_FLOOR).sqrt();
        let quiet = WINDOW_SAMPLES - samples.len();
        let window = &mut self.padded[half..half + WINDOW_SAMPLES];
        window[..quiet].fill(-mean * factor);
        for (to, &sample) in window[quiet..].iter_mut().zip(samples) {
            *to = (scaled(sample) - mean) * factor;
        }
        for at in 0..half {
            self.padded[half - 1 - at] = self.padded[half + 1 + at];
            self.padded[half + WINDOW_SAMPLES + at] = self.padded[half + WINDOW_SAMPLES - 2 - at];
        }
    }
}

impl Default for LogMel {
    fn default() -> Self {
        LogMel::new()
    }
}

fn scaled(sample: i16) -> f64 {
    f64::from(sample) / 32_768.0
}

fn triangles() -> Vec<Triangle> {
    let top = mel_of(SAMPLE_RATE_HZ / 2.0);
    let edge = |at: usize| hertz_of(top * at as f64 / (BANDS + 1) as f64);
    let bin_hertz = SAMPLE_RATE_HZ / FFT as f64;
    (0..BANDS)
        .map(|band| {
            let (low, centre, high) = (edge(band), edge(band + 1), edge(band + 2));
            let weight = |bin: usize| {
                let hertz = bin as f64 * bin_hertz;
                let rising = (hertz - low) / (centre - low);
                let falling = (high - hertz) / (high - centre);
                rising.min(falling).max(0.0) * 2.0 / (high - low)
            };
            let first = (0..BINS).find(|&bin| weight(bin) > 0.0).unwrap_or(0);
            let weights = (first..BINS).map(weight).take_while(|&weight| weight > 0.0).collect();
            Triangle { first, weights }
        })
        .collect()
}

/// Slaney's scale: linear below 1 kHz, logarithmic above.
fn mel_of(hertz: f64) -> f64 {
    if hertz < 1_000.0 { 3.0 * hertz / 200.0 } else { 15.0 + (hertz / 1_000.0).ln() * 27.0 / 6.4f64.ln() }
}

fn hertz_of(mel: f64) -> f64 {
    if mel < 15.0 { 200.0 * mel / 3.0 } else { 1_000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}

const SAMPLE_RATE_HZ: f64 = 16_000.0;
const FFT: usize = 400;
const BINS: usize = FFT / 2 + 1;
const HOP: usize = 160;
/// Whisper's floors and range; they are part of what the model learned.
const FLOOR: f64 = 1e-10;
const RANGE: f32 = 8.0;
const VARIANCE_FLOOR: f64 = 1e-7;

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are of the model's own feature code, in Python, for the same integers.
    #[test]
    fn features_are_those_that_the_model_was_made_with() {
        let mel = LogMel::new().compute(&sweep());
        let places = [(0, 0), (0, 560), (10, 600), (40, 700), (79, 799), (20, 799)];
        let expected = [0.638_86, 1.719_57, 0.915_45, 0.986_1, 1.181_68, 0.958_74];
        for ((band, step), expected) in places.into_iter().zip(expected) {
            let value = mel[band * STEPS + step];
            assert!((value - expected).abs() < 1e-3, "band {band}, step {step}: {value}");
        }
    }

    #[test]
    fn any_length_is_heard() {
        for length in [0, 1, 399, WINDOW_SAMPLES, WINDOW_SAMPLES + 5_000] {
            let mel = LogMel::new().compute(&vec![i16::MIN; length]);
            assert!(mel.len() == BANDS * STEPS && mel.iter().all(|level| level.is_finite()), "{length}");
        }
    }

    /// 2.5 s whose pitch rises.
    fn sweep() -> Vec<i16> {
        (0..40_000i64).map(|at| ((at * at / 50) % 20_000 - 10_000) as i16).collect()
    }
}
