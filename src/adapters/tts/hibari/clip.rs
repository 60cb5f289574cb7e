//! From the vocoder's samples to a clip for the engine: level, limits, silence at the ends.

use super::pieces::Pause;

/// Samples above this are bent instead of cut, so that no peak clips: −3 dBFS.
const KNEE: f32 = 0.7;
/// A block is silence below this: −50 dBFS, under the −45 dBFS at which a reply is measured to begin.
const SILENCE: f32 = 0.003;
/// Blocks in which the ends of speech are looked for: 5 ms.
const BLOCK_SAMPLES: usize = 80;
/// Kept before the first and after the last block of speech: 5 ms for onsets, 20 ms for the fading of endings.
const LEAD_SAMPLES: usize = 80;
const TAIL_SAMPLES: usize = 320;
/// Silence after a comma and after a sentence, beyond what remains of the model's own: 90 and 180 ms.
const CLAUSE_PAUSE_SAMPLES: usize = 1_440;
const SENTENCE_PAUSE_SAMPLES: usize = 2_880;

/// Trims silence at both ends, sets the level, and puts the pause behind. Empty when there is only silence.
pub fn finish(samples: &[f32], gain: f32, pause: Pause) -> Vec<i16> {
    let loud =
        |block: &[f32]| block.iter().map(|s| s * s * gain * gain).sum::<f32>() > SILENCE * SILENCE * block.len() as f32;
    let Some(first) = samples.chunks(BLOCK_SAMPLES).position(loud) else { return Vec::new() };
    let last = samples.chunks(BLOCK_SAMPLES).rposition(loud).unwrap_or(first);
    let from = (first * BLOCK_SAMPLES).saturating_sub(LEAD_SAMPLES);
    let to = ((last + 1) * BLOCK_SAMPLES + TAIL_SAMPLES).min(samples.len());
    let pause = match pause {
        Pause::None => 0,
        Pause::Clause => CLAUSE_PAUSE_SAMPLES,
        Pause::Sentence => SENTENCE_PAUSE_SAMPLES,
    };
    let mut out = Vec::with_capacity(to - from + pause);
    out.extend(samples[from..to].iter().map(|s| (limited(s * gain) * 32_767.0) as i16));
    fade(&mut out);
    out.resize(out.len() + pause, 0);
    out
}

/// Bends what is above the knee so that it approaches but never reaches full scale.
fn limited(sample: f32) -> f32 {
    let size = sample.abs();
    if size <= KNEE {
        return sample;
    }
    let room = 1.0 - KNEE;
    (KNEE + room * ((size - KNEE) / room).tanh()).copysign(sample)
}

/// 2 ms at both ends, so that a cut never clicks.
fn fade(samples: &mut [i16]) {
    let length = 32.min(samples.len() / 2);
    let total = samples.len();
    for n in 0..length {
        let factor = n as f32 / length as f32;
        samples[n] = (f32::from(samples[n]) * factor) as i16;
        samples[total - 1 - n] = (f32::from(samples[total - 1 - n]) * factor) as i16;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(samples: usize, size: f32) -> Vec<f32> {
        (0..samples).map(|n| size * (n as f32 * 0.3).sin()).collect()
    }

    /// What is heard must begin at once: leading silence would count as reply gap.
    #[test]
    fn speech_begins_within_ten_milliseconds() {
        let mut samples = vec![0.0; 4_000];
        samples.extend(tone(4_000, 0.3));
        samples.extend(vec![0.0; 4_000]);
        let clip = finish(&samples, 1.0, Pause::Sentence);
        let first = clip.iter().position(|s| s.unsigned_abs() > 300).expect("there is a tone");
        assert!(first <= 160, "{first}");
        assert!(clip.len() < 4_000 + 160 + 400 + SENTENCE_PAUSE_SAMPLES);
    }

    #[test]
    fn nothing_clips_however_loud() {
        let clip = finish(&tone(4_000, 40.0), 1.0, Pause::None);
        assert!(clip.iter().all(|s| s.unsigned_abs() <= 32_767));
        assert!(clip.iter().any(|s| s.unsigned_abs() > 25_000));
    }

    #[test]
    fn silence_makes_no_clip() {
        assert!(finish(&[0.0; 1_000], 1.0, Pause::Sentence).is_empty());
        assert!(finish(&[], 1.0, Pause::Sentence).is_empty());
    }
}
