//! Changing the sampling rate: a half-band filter for the live 8 ↔ 16 kHz path, and whole clips off line.

use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Async, FixedAsync, Resampler, SincInterpolationParameters, SincInterpolationType, WindowFunction};

/// Brings a whole mono clip to another rate, off line: it allocates, and takes a few milliseconds for a second of audio.
/// The result is in step with the clip (to within a sample) and `to_hz / from_hz` times as long, rounded up.
pub fn resample_clip(samples: &[i16], from_hz: u32, to_hz: u32) -> Vec<i16> {
    if from_hz == to_hz || samples.is_empty() || from_hz == 0 || to_hz == 0 {
        return samples.to_vec();
    }
    let wide: Vec<f32> = samples.iter().map(|sample| f32::from(*sample)).collect();
    resample_all(&wide, from_hz, to_hz).into_iter().map(to_i16).collect()
}

/// The same for samples between −1 and 1, as synthesisers make them; louder ones are clipped.
pub fn resample_clip_f32(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<i16> {
    let scaled: Vec<f32> = samples.iter().map(|sample| sample * 32_767.0).collect();
    if from_hz == to_hz || samples.is_empty() || from_hz == 0 || to_hz == 0 {
        return scaled.into_iter().map(to_i16).collect();
    }
    resample_all(&scaled, from_hz, to_hz).into_iter().map(to_i16).collect()
}

fn resample_all(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    let parameters = SincInterpolationParameters {
        sinc_len: 128,
        f_cutoff: None,
        interpolation: SincInterpolationType::Quadratic,
        oversampling_factor: 128,
        window: WindowFunction::Blackman2,
    };
    let mut resampler = Async::<f32>::new_sinc(ratio, 1.0, &parameters, 1024, 1, FixedAsync::Input)
        .expect("a positive ratio and one channel are always accepted");
    let input = InterleavedOwned::new_from(samples.to_vec(), 1, samples.len()).expect("the length is the slice's own");
    let output = resampler.process_all(&input, samples.len(), None).expect("the input is as long as stated");
    let mut resampled = output.take_data();
    resampled.truncate((ratio * samples.len() as f64).ceil() as usize);
    resampled
}

/// Taps on either side of the centre. 24 taps a branch keep 0–3.4 kHz flat and images over 55 dB down,
/// at about a third of a microsecond a frame.
const HALF_TAPS: usize = 12;
/// The most input (8 kHz samples) taken at a time: one frame.
const CHUNK: usize = 160;

/// The odd taps of the half-band low-pass, from the centre outwards, scaled to a sum of one half: a Kaiser
/// window (β = 5.5) on a sinc. The tests measure what they pass and stop.
const TAPS: [f32; HALF_TAPS] = [
    0.3171135,
    -0.10210411,
    0.05712281,
    -0.03667453,
    0.02466022,
    -0.01672055,
    0.01118317,
    -0.00725276,
    0.00448135,
    -0.00257686,
    0.00132531,
    -0.00055754,
];

/// 8 kHz → 16 kHz, 1.5 ms late.
#[derive(Clone)]
pub struct Upsampler {
    history: [f32; 2 * HALF_TAPS - 1],
}

impl Default for Upsampler {
    fn default() -> Upsampler {
        Upsampler::new()
    }
}

impl Upsampler {
    /// At rest.
    pub fn new() -> Upsampler {
        Upsampler { history: [0.0; 2 * HALF_TAPS - 1] }
    }

    /// Two samples out for each one in; `out` is twice as long as `input`.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) {
        for (input, out) in input.chunks(CHUNK).zip(out.chunks_mut(2 * CHUNK)) {
            let n = input.len();
            let mut line = [0.0f32; CHUNK + 2 * HALF_TAPS - 1];
            line[..2 * HALF_TAPS - 1].copy_from_slice(&self.history);
            for (slot, sample) in line[2 * HALF_TAPS - 1..].iter_mut().zip(input) {
                *slot = f32::from(*sample);
            }
            let mut between = [0.0f32; CHUNK];
            filter(&line, &mut between, n);
            for (i, pair) in out.chunks_exact_mut(2).enumerate() {
                pair[0] = line[i + HALF_TAPS - 1] as i16;
                pair[1] = to_i16(2.0 * between[i]);
            }
            self.history.copy_from_slice(&line[n..n + 2 * HALF_TAPS - 1]);
        }
    }
}

/// 16 kHz → 8 kHz, 1.5 ms late.
#[derive(Clone)]
pub struct Downsampler {
    odd: [f32; 2 * HALF_TAPS - 1],
    even: [f32; HALF_TAPS - 1],
}

impl Default for Downsampler {
    fn default() -> Downsampler {
        Downsampler::new()
    }
}

impl Downsampler {
    /// At rest.
    pub fn new() -> Downsampler {
        Downsampler { odd: [0.0; 2 * HALF_TAPS - 1], even: [0.0; HALF_TAPS - 1] }
    }

    /// One sample out for each two in; `input` is twice as long as `out`.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) {
        for (input, out) in input.chunks(2 * CHUNK).zip(out.chunks_mut(CHUNK)) {
            let n = out.len();
            let mut odd = [0.0f32; CHUNK + 2 * HALF_TAPS - 1];
            let mut even = [0.0f32; CHUNK + HALF_TAPS - 1];
            odd[..2 * HALF_TAPS - 1].copy_from_slice(&self.odd);
            even[..HALF_TAPS - 1].copy_from_slice(&self.even);
            for (i, pair) in input.chunks_exact(2).enumerate() {
                even[i + HALF_TAPS - 1] = f32::from(pair[0]);
                odd[i + 2 * HALF_TAPS - 1] = f32::from(pair[1]);
            }
            let mut sides = [0.0f32; CHUNK];
            filter(&odd, &mut sides, n);
            for (i, sample) in out.iter_mut().enumerate() {
                *sample = to_i16(0.5 * even[i] + sides[i]);
            }
            self.odd.copy_from_slice(&odd[n..n + 2 * HALF_TAPS - 1]);
            self.even.copy_from_slice(&even[n..n + HALF_TAPS - 1]);
        }
    }
}

/// `out[i] = Σ TAPS[k] · (line[i + 11 − k] + line[i + 12 + k])`, eight at a time so that the sums stay in registers.
fn filter(line: &[f32; CHUNK + 2 * HALF_TAPS - 1], out: &mut [f32; CHUNK], n: usize) {
    for block in 0..n.div_ceil(8) {
        let at = block * 8;
        let mut sums = [0.0f32; 8];
        for (k, tap) in TAPS.iter().enumerate() {
            let left = &line[at + HALF_TAPS - 1 - k..][..8];
            let right = &line[at + HALF_TAPS + k..][..8];
            for j in 0..8 {
                sums[j] += tap * (left[j] + right[j]);
            }
        }
        out[at..at + 8].copy_from_slice(&sums);
    }
}

/// Rounds to the nearest sample value; the cast saturates.
fn to_i16(value: f32) -> i16 {
    (value + if value < 0.0 { -0.5 } else { 0.5 }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: f32, hz: f32, samples: usize) -> Vec<i16> {
        (0..samples).map(|i| ((i as f32 * hz * std::f32::consts::TAU / rate).sin() * 10_000.0) as i16).collect()
    }

    fn power(samples: &[i16]) -> f32 {
        samples.iter().map(|s| f32::from(*s).powi(2)).sum::<f32>() / samples.len() as f32
    }

    #[test]
    fn telephone_tones_pass_both_ways_and_their_images_do_not() {
        for hz in [300.0, 1000.0, 3000.0, 3400.0] {
            let narrow = tone(8000.0, hz, 8000);
            let mut wide = vec![0; 16_000];
            Upsampler::new().process(&narrow, &mut wide);
            let expected = tone(16_000.0, hz, 16_000);
            let delay = 2 * HALF_TAPS;
            let errors: Vec<i16> =
                wide[4000..12_000].iter().zip(&expected[4000 - delay..]).map(|(a, b)| a - b).collect();
            assert!(power(&errors) < power(&expected) / 3000.0, "up at {hz}: {}", power(&errors));
            let mut back = vec![0; 8000];
            Downsampler::new().process(&wide, &mut back);
            assert!((power(&back[1000..]) / power(&narrow[1000..]) - 1.0).abs() < 0.01, "down at {hz}");
        }
    }

    #[test]
    fn what_would_fold_into_the_telephone_band_is_removed() {
        for hz in [4700.0, 5000.0, 6500.0, 7700.0] {
            let mut narrow = vec![0; 8000];
            Downsampler::new().process(&tone(16_000.0, hz, 16_000), &mut narrow);
            assert!(power(&narrow[1000..]) < 250.0, "{hz}: {}", power(&narrow[1000..]));
        }
    }

    #[test]
    fn pieces_of_any_length_give_the_same_as_the_whole() {
        let input = tone(8000.0, 700.0, 480);
        let mut whole = vec![0; 960];
        Upsampler::new().process(&input, &mut whole);
        let (mut upsampler, mut pieces) = (Upsampler::new(), vec![0; 960]);
        let mut at = 0;
        for n in [80, 1, 7, 160, 33, 199] {
            upsampler.process(&input[at..at + n], &mut pieces[2 * at..2 * (at + n)]);
            at += n;
        }
        assert_eq!(whole, pieces);
    }

    #[test]
    fn a_clip_keeps_its_pitch_place_and_length() {
        for (from, to) in [(24_000, 16_000), (22_050, 16_000), (44_100, 16_000), (16_000, 24_000), (8000, 16_000)] {
            let samples = tone(from as f32, 440.0, from as usize);
            let out = resample_clip(&samples, from, to);
            assert_eq!(out.len(), to as usize);
            let expected = tone(to as f32, 440.0, to as usize);
            let errors: Vec<i16> = out.iter().zip(&expected).skip(1000).take(5000).map(|(a, b)| a - b).collect();
            assert!(power(&errors) < power(&expected) / 30.0, "{from} to {to}: {}", power(&errors));
        }
        assert!(resample_clip(&[], 24_000, 16_000).is_empty());
        assert_eq!(resample_clip_f32(&[0.5, 2.0], 16_000, 16_000), [16_384, i16::MAX]);
    }
}
