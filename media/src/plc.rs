//! Packet loss concealment: the last pitch period repeated and faded into noise, after G.711 Appendix I.

use crate::comfort_noise::ComfortNoise;

/// Engine-rate samples kept for the pitch search: two of the longest periods and the window compared.
const HISTORY: usize = 640;
/// Pitch periods looked for: 2.5 ms (400 Hz) to 15 ms (66 Hz).
const PITCH_MIN: usize = 40;
const PITCH_MAX: usize = 240;
/// Samples compared in the search: 10 ms.
const WINDOW: usize = 160;
/// Repeated at full loudness for 10 ms, gone after 60 ms: longer, and a vowel turns into a buzz.
const HOLD: usize = 160;
const FADED: usize = 960;
/// After a gap the decoder's filters still give out what came before it, for 3 ms; meanwhile concealment goes on.
const SETTLING: usize = 48;
/// The crossing from concealment back to received audio: 5 ms.
const CROSSING: usize = 80;

/// What a stream sounded like lately, and how far its concealment has gone.
pub struct Concealer {
    /// A ring.
    history: [i16; HISTORY],
    /// Where the next sample is written.
    end: usize,
    period: [i16; PITCH_MAX],
    pitch: usize,
    /// Samples made up since the gap began.
    gone: usize,
    /// Received samples since the gap; no more than settling and crossing take.
    back: usize,
    /// The quietest recent level: the noise behind the voice.
    background: f32,
    noise: ComfortNoise,
}

impl Concealer {
    /// With nothing heard yet.
    pub fn new(seed: u32) -> Concealer {
        Concealer {
            history: [0; HISTORY],
            end: 0,
            period: [0; PITCH_MAX],
            pitch: PITCH_MAX,
            gone: 0,
            back: SETTLING + CROSSING,
            background: 0.0,
            noise: ComfortNoise::new(seed),
        }
    }

    /// Takes note of received audio; its beginning is crossed over from the concealment before it, if any.
    pub fn received(&mut self, samples: &mut [i16]) {
        let n = samples.len().min(SETTLING + CROSSING - self.back);
        if n > 0 {
            let mut made_up = [0; SETTLING + CROSSING];
            self.make_up(&mut made_up[..n]);
            for (sample, old) in samples.iter_mut().zip(&made_up[..n]) {
                let weight = self.back.saturating_sub(SETTLING) as i32;
                let (new, old, whole) = (i32::from(*sample), i32::from(*old), CROSSING as i32);
                *sample = ((new * weight + old * (whole - weight)) / whole) as i16;
                self.back += 1;
            }
        }
        self.remember(samples);
        self.follow_background(samples);
    }

    /// Makes up what is missing.
    pub fn conceal(&mut self, out: &mut [i16]) {
        if self.back == SETTLING + CROSSING {
            self.gone = 0;
            self.history.rotate_left(self.end);
            self.end = 0;
            self.find_pitch();
        }
        self.back = 0;
        self.make_up(out);
        self.remember(out);
    }

    fn make_up(&mut self, out: &mut [i16]) {
        self.noise.fill(self.background.min(400.0) as i16, out);
        for sample in out {
            if self.gone < FADED {
                let gain = if self.gone < HOLD { 256 } else { (FADED - self.gone) * 256 / (FADED - HOLD) } as i32;
                let voiced = i32::from(self.period[self.gone % self.pitch]);
                *sample = ((voiced * gain + i32::from(*sample) * (256 - gain)) / 256) as i16;
            }
            self.gone = (self.gone + 1).min(FADED + self.pitch);
        }
    }

    /// On a history in order, oldest first. Chooses the lag at which the newest 10 ms resemble what came before, and cuts one period that
    /// loops without a step.
    fn find_pitch(&mut self) {
        let tail = &self.history[HISTORY - WINDOW..];
        let mut best = (0.0f32, PITCH_MAX);
        for lag in (PITCH_MIN..=PITCH_MAX).step_by(2) {
            let before = &self.history[HISTORY - WINDOW - lag..][..WINDOW];
            let (mut product, mut energy) = (0.0f32, 1.0f32);
            for (a, b) in tail.iter().zip(before) {
                let (a, b) = (f32::from(*a), f32::from(*b));
                product += a * b;
                energy += b * b;
            }
            let likeness = product.max(0.0) * product / energy;
            if likeness > best.0 {
                best = (likeness, lag);
            }
        }
        self.pitch = best.1;
        let newest = &self.history[HISTORY - self.pitch..];
        self.period[..self.pitch].copy_from_slice(newest);
        // The end of the period leans over to what preceded its beginning, so that each repetition joins the next.
        let lean = self.pitch / 4;
        for i in 0..lean {
            let at = self.pitch - lean + i;
            let before = i32::from(self.history[HISTORY - self.pitch - lean + i]);
            let weight = (i + 1) as i32;
            let mixed = (i32::from(self.period[at]) * (lean as i32 - weight) + before * weight) / lean as i32;
            self.period[at] = mixed as i16;
        }
    }

    fn remember(&mut self, samples: &[i16]) {
        let samples = &samples[samples.len() - samples.len().min(HISTORY)..];
        let (head, wrapped) = samples.split_at(samples.len().min(HISTORY - self.end));
        self.history[self.end..self.end + head.len()].copy_from_slice(head);
        self.history[..wrapped.len()].copy_from_slice(wrapped);
        self.end = (self.end + samples.len()) % HISTORY;
    }

    fn follow_background(&mut self, samples: &[i16]) {
        let sum: f32 = samples.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
        let level = (sum / samples.len().max(1) as f32).sqrt();
        // Falls at once, rises by 2 % a frame, so that it stays under speech and follows a noisier place in seconds.
        self.background = if level < self.background { level } else { (self.background * 1.02 + 0.1).min(level) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, from: usize, n: usize) -> Vec<i16> {
        (from..from + n).map(|i| ((i as f32 * hz * std::f32::consts::TAU / 16000.0).sin() * 8000.0) as i16).collect()
    }

    #[test]
    fn a_lost_frame_of_a_voiced_sound_goes_on_in_phase() {
        let mut concealer = Concealer::new(1);
        for frame in 0..10 {
            concealer.received(&mut tone(200.0, frame * 320, 320));
        }
        let mut out = [0; 320];
        concealer.conceal(&mut out);
        let expected = tone(200.0, 3200, 160);
        let error: f32 = out[..160].iter().zip(&expected).map(|(a, b)| (f32::from(*a) - f32::from(*b)).powi(2)).sum();
        let energy: f32 = expected.iter().map(|s| f32::from(*s).powi(2)).sum();
        assert!(error < energy / 100.0, "error {error} of {energy}");
    }

    #[test]
    fn a_long_gap_fades_to_the_background() {
        let mut concealer = Concealer::new(1);
        for frame in 0..10 {
            concealer.received(&mut tone(200.0, frame * 320, 320));
        }
        let mut out = [0; 320];
        for _ in 0..5 {
            concealer.conceal(&mut out);
        }
        assert!(out.iter().all(|s| s.abs() < 500));
    }
}
