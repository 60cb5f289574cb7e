//! The quiet hiss that tells a caller the line is alive, and that stands in for theirs (RFC 3389's level).

/// A generator of low-passed noise. Deterministic: the seed is an argument.
pub struct ComfortNoise {
    /// Samples made so far, from the seed on.
    count: u32,
}

/// Peak of the noise that we send: about −66 dBFS, audible as "not dead" and well under speech detectors.
pub const SENT_PEAK: i16 = 24;

impl ComfortNoise {
    /// A generator; the same seed gives the same noise.
    pub fn new(seed: u32) -> ComfortNoise {
        ComfortNoise { count: seed }
    }

    /// Fills `out` with noise of at most `peak`.
    pub fn fill(&mut self, peak: i16, out: &mut [i16]) {
        let peak = i32::from(peak);
        let from = self.count;
        for (i, sample) in out.iter_mut().enumerate() {
            let at = from.wrapping_add(i as u32);
            // The mean of neighbours takes the edge off white noise.
            *sample = (((white(at) + white(at.wrapping_add(1))) * peak) >> 16) as i16;
        }
        self.count = from.wrapping_add(out.len() as u32);
    }

    /// The peak that stands for a level of RFC 3389 §3.1, in −dBov.
    pub fn peak_of_level(level_dbov: u8) -> i16 {
        // Never louder than −36 dBov, so that a forged level is no attack on the ear.
        let level = f32::from(level_dbov.clamp(36, 90));
        (32767.0 * 10f32.powf(-level / 20.0) * 2.5) as i16
    }
}

/// A number from −32768 to 32767 for each place: a hash, so that places need not wait for each other.
fn white(at: u32) -> i32 {
    let mixed = at.wrapping_mul(0x9e37_79b1);
    let mixed = (mixed ^ mixed >> 15).wrapping_mul(0x85eb_ca77);
    ((mixed ^ mixed >> 13) >> 16) as i32 - 32_768
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_noise_and_keeps_its_bound() {
        let mut noise = ComfortNoise::new(1);
        let mut samples = vec![0; 16_000];
        noise.fill(1000, &mut samples);
        assert!(samples.iter().all(|s| s.abs() <= 1000));
        let mean = samples.iter().map(|s| f64::from(*s)).sum::<f64>() / 16_000.0;
        let power = samples.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 16_000.0;
        assert!(mean.abs() < 15.0, "{mean}");
        assert!((350.0..460.0).contains(&power.sqrt()), "{}", power.sqrt());
        for lag in [7, 100, 320, 1000] {
            let product: f64 = samples.iter().zip(&samples[lag..]).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((product / 16_000.0 / power).abs() < 0.05, "no hum at {lag}");
        }
    }
}
