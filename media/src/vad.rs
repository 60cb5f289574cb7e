//! Whether somebody speaks, frame by frame: a small neural network for speech, and levels beside it.

use earshot::Detector;

use crate::frame::Frame;

/// What one frame sounds like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Voice {
    /// Probability that it is speech, 0–1.
    pub probability: f32,
    /// Its level in dB relative to full scale; [`LEVEL_MIN_DBFS`] for digital silence.
    pub level_dbfs: f32,
    /// The level of the background, in the same unit.
    pub floor_dbfs: f32,
    /// Whether it counts as speech: probable enough, and loud enough beside the background and the voice
    /// itself. The level ends it at once where the probability takes 100 ms to fall.
    pub speech: bool,
}

/// Listens to one direction of one call. About 9 KB; allocates only when it is made.
pub struct VoiceActivity {
    detector: Box<Detector>,
    window: [i16; WINDOW_SAMPLES],
    filled: usize,
    probability: f32,
    floor_dbfs: f32,
    peak_dbfs: f32,
    speech: bool,
}

impl VoiceActivity {
    /// Begins with an unknown, quiet background.
    pub fn new() -> VoiceActivity {
        VoiceActivity {
            detector: Detector::default_boxed(),
            window: [0; WINDOW_SAMPLES],
            filled: 0,
            probability: 0.0,
            floor_dbfs: FLOOR_AT_FIRST_DBFS,
            peak_dbfs: LEVEL_MIN_DBFS,
            speech: false,
        }
    }

    /// The next 20 ms. The network hears windows of 16 ms: a frame completes one or two of them, and the
    /// higher of their probabilities counts.
    pub fn hear(&mut self, frame: &Frame) -> Voice {
        let mut highest: Option<f32> = None;
        let mut rest = &frame.0[..];
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(WINDOW_SAMPLES - self.filled));
            self.window[self.filled..self.filled + now.len()].copy_from_slice(now);
            self.filled += now.len();
            rest = later;
            if self.filled == WINDOW_SAMPLES {
                self.filled = 0;
                let probability = self.detector.predict_i16(&self.window);
                highest = Some(highest.map_or(probability, |other| other.max(probability)));
            }
        }
        self.probability = highest.unwrap_or(self.probability).clamp(0.0, 1.0);
        let level_dbfs = level_dbfs(frame);
        self.follow_floor(level_dbfs);
        self.judge(level_dbfs);
        Voice { probability: self.probability, level_dbfs, floor_dbfs: self.floor_dbfs, speech: self.speech }
    }

    fn judge(&mut self, level_dbfs: f32) {
        self.peak_dbfs = (self.peak_dbfs - PEAK_FALL_DB).max(LEVEL_MIN_DBFS);
        let audible_dbfs = (self.floor_dbfs + OVER_FLOOR_DB).max(self.peak_dbfs - UNDER_PEAK_DB).max(AUDIBLE_MIN_DBFS);
        let threshold = if self.speech { STAY_PROBABILITY } else { BEGIN_PROBABILITY };
        self.speech = level_dbfs >= audible_dbfs && self.probability >= threshold;
        if self.speech {
            self.peak_dbfs = self.peak_dbfs.max(level_dbfs);
        }
    }

    fn follow_floor(&mut self, level_dbfs: f32) {
        // Digital silence is a pause of the sender (comfort noise, mute), not the caller's room.
        if level_dbfs <= LEVEL_MIN_DBFS {
            return;
        }
        let step = if level_dbfs < self.floor_dbfs {
            FLOOR_FALL * (level_dbfs - self.floor_dbfs)
        } else if self.probability < QUIET_PROBABILITY {
            FLOOR_RISE * (level_dbfs - self.floor_dbfs)
        } else {
            FLOOR_CREEP_DB
        };
        self.floor_dbfs = (self.floor_dbfs + step).clamp(LEVEL_MIN_DBFS, FLOOR_MAX_DBFS);
    }
}

impl Default for VoiceActivity {
    fn default() -> Self {
        VoiceActivity::new()
    }
}

/// A frame's level (root mean square) in dB relative to full scale.
pub fn level_dbfs(frame: &Frame) -> f32 {
    let energy: f64 = frame.0.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    let mean = energy / (frame.0.len() as f64 * FULL_SCALE * FULL_SCALE);
    if mean > 0.0 { ((10.0 * mean.log10()) as f32).max(LEVEL_MIN_DBFS) } else { LEVEL_MIN_DBFS }
}

const FULL_SCALE: f64 = 32_768.0;
/// The network's window.
const WINDOW_SAMPLES: usize = 256;
/// Stands for silence: one step of 16 bits is −90 dB.
pub const LEVEL_MIN_DBFS: f32 = -96.0;
/// A quiet line, until the real one is known.
const FLOOR_AT_FIRST_DBFS: f32 = -60.0;
/// The background never counts as louder than quiet speech, or a loud room would hide the caller.
const FLOOR_MAX_DBFS: f32 = -30.0;
/// Quieter frames are believed within three frames.
const FLOOR_FALL: f32 = 0.3;
/// Louder frames without speech are believed within a second.
const FLOOR_RISE: f32 = 0.03;
/// During speech the floor still creeps up, 1 dB a second, so that a steady hum taken for speech is unlearned.
const FLOOR_CREEP_DB: f32 = 0.02;
/// The network's own threshold.
const BEGIN_PROBABILITY: f32 = 0.5;
/// Quiet consonants inside a word have less.
const STAY_PROBABILITY: f32 = 0.4;
/// Speech stands out of its background by this much, or nobody could follow it.
const OVER_FLOOR_DB: f32 = 6.0;
/// The quietest sounds of a voice lie this far below its vowels; what is quieter is breath and room.
const UNDER_PEAK_DB: f32 = 32.0;
/// The voice's loudest moment is forgotten at 5 dB a second: people turn away from the telephone.
const PEAK_FALL_DB: f32 = 0.1;
/// Below it nothing can be understood.
const AUDIBLE_MIN_DBFS: f32 = -60.0;
/// Below it a frame is surely not speech.
const QUIET_PROBABILITY: f32 = 0.3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::FRAME_SAMPLES;

    fn tone(amplitude: f64, hz: f64, frame: usize) -> Frame {
        let mut samples = [0; FRAME_SAMPLES];
        for (index, sample) in samples.iter_mut().enumerate() {
            let time = (frame * FRAME_SAMPLES + index) as f64 / 16_000.0;
            *sample = (amplitude * (time * hz * std::f64::consts::TAU).sin()) as i16;
        }
        Frame(samples)
    }

    /// Deterministic noise: a linear congruential generator is random enough for a background.
    fn noise(amplitude: i32, seed: &mut u32) -> Frame {
        let mut samples = [0; FRAME_SAMPLES];
        for sample in &mut samples {
            *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *sample = ((*seed >> 16) as i32 % (2 * amplitude + 1) - amplitude) as i16;
        }
        Frame(samples)
    }

    #[test]
    fn levels_are_in_db_below_full_scale() {
        assert_eq!(level_dbfs(&Frame::SILENCE), LEVEL_MIN_DBFS);
        let full_sine = level_dbfs(&tone(32_767.0, 1_000.0, 0));
        assert!((full_sine + 3.01).abs() < 0.1, "{full_sine}");
        assert!((level_dbfs(&tone(3_276.7, 1_000.0, 0)) + 23.01).abs() < 0.1);
    }

    #[test]
    fn silence_and_noise_are_not_speech() {
        let mut vad = VoiceActivity::new();
        let mut seed = 1;
        let mut highest = 0f32;
        for index in 0..200 {
            let voice = vad.hear(&if index < 100 { Frame::SILENCE } else { noise(300, &mut seed) });
            if index > 10 {
                highest = highest.max(voice.probability);
            }
        }
        assert!(highest < 0.5, "{highest}");
    }

    #[test]
    fn the_floor_follows_the_room_within_seconds_and_ignores_muted_lines() {
        let mut vad = VoiceActivity::new();
        let mut seed = 1;
        let mut floor = 0.0;
        for _ in 0..150 {
            floor = vad.hear(&noise(300, &mut seed)).floor_dbfs;
        }
        let room = level_dbfs(&noise(300, &mut seed));
        assert!((floor - room).abs() < 2.0, "{floor} for {room}");
        for _ in 0..150 {
            floor = vad.hear(&Frame::SILENCE).floor_dbfs;
        }
        assert!((floor - room).abs() < 2.0, "muted: {floor}");
    }
}
