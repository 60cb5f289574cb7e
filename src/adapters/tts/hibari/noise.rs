//! The white noise of breath and consonants, made once and read from changing places.

use realfft::num_complex::Complex32;

/// How many complex values are held. Long enough that no frame repeats within a second: 256 KB.
const HELD: usize = 32_768;

/// Complex Gaussian noise, unit variance in each component; the same sequence in every run, so that the same
/// text always sounds the same.
pub struct Noise {
    values: Vec<Complex32>,
    state: u64,
}

impl Noise {
    /// Fills the table.
    pub fn new() -> Noise {
        let mut noise = Noise { values: Vec::with_capacity(HELD), state: 0x5377_6974_6368 };
        for _ in 0..HELD {
            // Box and Muller: two uniform numbers make two normal ones.
            let radius = (-2.0 * noise.uniform().ln()).sqrt();
            let (sin, cos) = (std::f32::consts::TAU * noise.uniform()).sin_cos();
            noise.values.push(Complex32::new(radius * cos, radius * sin));
        }
        noise
    }

    /// `count` values (at most [`super::vocoder::NET_BINS`]) from a place that changes with each call.
    pub fn next(&mut self, count: usize) -> &[Complex32] {
        let from = (self.step() as usize) % (HELD - count.min(HELD));
        &self.values[from..from + count]
    }

    /// Over 0 and up to 1.
    fn uniform(&mut self) -> f32 {
        ((self.step() >> 40) as f32 + 1.0) / (1u32 << 24) as f32
    }

    /// SplitMix64 (Steele, Lea, Flood 2014).
    fn step(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_has_unit_variance_and_no_mean() {
        let noise = Noise::new();
        let n = noise.values.len() as f32;
        let mean = noise.values.iter().sum::<Complex32>() / n;
        let variance = noise.values.iter().map(|z| z.re * z.re).sum::<f32>() / n;
        assert!(mean.norm() < 0.02 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }
}
