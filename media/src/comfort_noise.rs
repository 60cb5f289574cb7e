//! The quiet hiss that tells a caller the line is alive, and that stands in for theirs (RFC 3389's level).

/// A generator of low-passed noise. Deterministic: the seed is an argument.
pub struct ComfortNoise {
    state: u32,
    last: i32,
}

/// Peak of the noise that we send: about −66 dBFS, audible as "not dead" and well under speech detectors.
pub const SENT_PEAK: i16 = 24;

impl ComfortNoise {
    /// A generator; the same seed gives the same noise.
    pub fn new(seed: u32) -> ComfortNoise {
        ComfortNoise { state: seed | 1, last: 0 }
    }

    /// Fills `out` with noise of at most `peak`.
    pub fn fill(&mut self, peak: i16, out: &mut [i16]) {
        let peak = i32::from(peak);
        for sample in out {
            self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let white = ((self.state >> 16) as i32 - 32768) * peak;
            // A one-pole low-pass takes the edge off white noise.
            self.last += (white - self.last) >> 1;
            *sample = (self.last >> 15) as i16;
        }
    }

    /// The peak that stands for a level of RFC 3389 §3.1, in −dBov.
    pub fn peak_of_level(level_dbov: u8) -> i16 {
        // Never louder than −36 dBov, so that a forged level is no attack on the ear.
        let level = f32::from(level_dbov.clamp(36, 90));
        (32767.0 * 10f32.powf(-level / 20.0) * 2.5) as i16
    }
}
