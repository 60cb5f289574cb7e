//! Whether the caller is speaking, frame by frame, and not our own voice coming back.

use media::HeardFrame;
use media::echo::{EchoFit, EchoWatch};
use media::vad::{Voice, VoiceActivity};

/// Hears both directions of one call.
pub struct SpeechGate {
    voice: VoiceActivity,
    echo: EchoWatch,
    onset: Onset,
}

/// What one frame was.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gated {
    /// The caller speaks in this frame.
    pub speech: bool,
    /// With this frame it is certain that the caller has begun to speak; they began this many frames before
    /// it, a margin for the first quiet sound included.
    pub started: Option<usize>,
    /// It sounded like speech and was our own.
    pub echo: bool,
    /// Its level and probability.
    pub voice: Voice,
}

impl SpeechGate {
    /// Begins in silence.
    pub fn new() -> SpeechGate {
        SpeechGate { voice: VoiceActivity::new(), echo: EchoWatch::new(), onset: Onset::default() }
    }

    /// The next 20 ms.
    pub fn hear(&mut self, heard: &HeardFrame) -> Gated {
        let voice = self.voice.hear(&heard.frame);
        let fit = self.echo.compare(&heard.frame, &heard.spoken, heard.speaking);
        let echo = voice.speech && fit.is_some_and(|fit| is_echo(&fit, &voice));
        // What loss concealment made up may carry a word on, but never begins one.
        let speech = voice.speech && !echo && (!heard.concealed || self.onset.is_speaking());
        Gated { speech, started: self.onset.hear(speech, voice.probability), echo, voice }
    }
}

impl Default for SpeechGate {
    fn default() -> Self {
        SpeechGate::new()
    }
}

fn is_echo(fit: &EchoFit, voice: &Voice) -> bool {
    let as_quiet_as_echo = voice.level_dbfs < fit.spoken_dbfs - ECHO_LOSS_MIN_DB;
    fit.explained >= if as_quiet_as_echo { EXPLAINED_IF_QUIET } else { EXPLAINED_IF_LOUD }
}

/// Gathers evidence that somebody has begun to speak.
#[derive(Default)]
struct Onset {
    evidence: f32,
    /// Frames since the first evidence.
    frames: usize,
    speaking: bool,
}

impl Onset {
    fn is_speaking(&self) -> bool {
        self.speaking
    }

    fn hear(&mut self, speech: bool, probability: f32) -> Option<usize> {
        if self.evidence > 0.0 {
            self.frames += 1;
        }
        self.evidence = match speech {
            true if probability >= STRONG_PROBABILITY => self.evidence + STRONG_EVIDENCE,
            true => self.evidence + 1.0,
            false => self.evidence - EVIDENCE_FADE,
        }
        .clamp(0.0, EVIDENCE_MAX);
        if self.evidence == 0.0 {
            *self = Onset::default();
        } else if !self.speaking && self.evidence >= EVIDENCE_OF_SPEECH {
            self.speaking = true;
            return Some(self.frames + LEAD_FRAMES);
        }
        None
    }
}

/// An echo is at least this much quieter than what was said: telephones that return more are unusable.
const ECHO_LOSS_MIN_DB: f32 = 10.0;
/// Half of a quiet frame being a copy of ours makes it ours.
const EXPLAINED_IF_QUIET: f32 = 0.5;
/// Two voices of similar pitch match up to about two thirds by chance; a loud frame needs more.
const EXPLAINED_IF_LOUD: f32 = 0.8;
/// Three ordinary frames, or two strong ones and another, are a voice: 60 ms, since a hold that was wrong is
/// taken back and a late one is talked over.
const EVIDENCE_OF_SPEECH: f32 = 3.0;
const STRONG_PROBABILITY: f32 = 0.7;
const STRONG_EVIDENCE: f32 = 1.5;
/// A gap of one frame does not undo a frame of speech, two do.
const EVIDENCE_FADE: f32 = 0.5;
/// 160 ms of silence after any amount of speech ends it.
const EVIDENCE_MAX: f32 = 4.0;
/// 160 ms before the first evidence, for the "h" of "hello".
const LEAD_FRAMES: usize = 8;

#[cfg(test)]
mod tests {
    use media::{FRAME_SAMPLES, Frame};

    use super::*;
    use crate::voice::turn_taking::speech_gate::tests::recorded::recorded;

    mod recorded {
        use media::{FRAME_SAMPLES, Frame};

        /// A recorded utterance in frames, where the environment names the fixtures.
        pub fn recorded(file: &str) -> Option<Vec<Frame>> {
            let Some(folder) = std::env::var_os("FIXTURES_DIR") else {
                eprintln!("skipped: FIXTURES_DIR names no fixtures");
                return None;
            };
            let path = std::path::Path::new(&folder).join("speech").join(file);
            let mut reader = hound::WavReader::open(path).expect("a WAV file");
            let samples: Vec<i16> = reader.samples::<i16>().map(|sample| sample.expect("a sample")).collect();
            let frame = |chunk: &[i16]| {
                let mut frame = [0; FRAME_SAMPLES];
                frame.copy_from_slice(chunk);
                Frame(frame)
            };
            Some(samples.chunks_exact(FRAME_SAMPLES).map(frame).collect())
        }
    }

    /// What returns of ours after this many frames and samples, at −20 dB through µ-law coarseness.
    fn echo_of(ours: &[Frame], delay_samples: usize, at: usize) -> [i16; FRAME_SAMPLES] {
        let mut echo = [0; FRAME_SAMPLES];
        for (index, sample) in echo.iter_mut().enumerate() {
            let Some(from) = (at * FRAME_SAMPLES + index).checked_sub(delay_samples) else { continue };
            let original = ours.get(from / FRAME_SAMPLES).map_or(0, |frame| frame.0[from % FRAME_SAMPLES]);
            let quiet = original / 10;
            // Sixteen steps an octave are coarser than G.711's.
            let step = (quiet.unsigned_abs().next_power_of_two() / 32).max(4) as i16;
            *sample = quiet / step * step;
        }
        echo
    }

    fn run(ours: &[Frame], caller: Option<&[Frame]>, caller_from: usize, delay_ms: usize) -> Vec<Gated> {
        let mut gate = SpeechGate::new();
        (0..ours.len() + 20)
            .map(|at| {
                let mut heard = Frame(echo_of(ours, delay_ms * 16, at));
                let beside = at.checked_sub(caller_from).and_then(|at| caller?.get(at));
                for (sample, voice) in heard.0.iter_mut().zip(beside.unwrap_or(&Frame::SILENCE).0) {
                    *sample = sample.saturating_add(voice);
                }
                let spoken = ours.get(at).copied().unwrap_or_default();
                gate.hear(&HeardFrame { frame: heard, concealed: false, spoken, speaking: at < ours.len() })
            })
            .collect()
    }

    /// P2: the agent's own audio at −20 dB after 40–300 ms never counts as the caller.
    #[test]
    fn our_own_voice_coming_back_is_never_the_caller() {
        for file in ["ss_0870.wav", "ss_0880.wav", "ss_0890.wav", "fsdd_theo.wav", "goforward.wav", "cards_002.wav"] {
            let Some(ours) = recorded(file) else { return };
            for delay_ms in [40, 77, 120, 163, 200, 250, 300] {
                let starts = run(&ours, None, 0, delay_ms).iter().filter(|frame| frame.started.is_some()).count();
                assert_eq!(starts, 0, "{file} after {delay_ms} ms");
            }
        }
    }

    /// P2: a caller who speaks over the agent is noticed in time, whatever comes back meanwhile.
    #[test]
    fn a_caller_who_talks_over_us_is_noticed_within_140_ms() {
        let Some(ours) = recorded("ss_0870.wav") else { return };
        for file in ["ss_0880.wav", "cards_002.wav", "fsdd_jackson.wav", "goforward.wav"] {
            let Some(caller) = recorded(file) else { return };
            let begins = caller.iter().position(|frame| media::vad::level_dbfs(frame) > -32.0).expect("speech");
            for delay_ms in [40, 120, 300] {
                let frames = run(&ours, Some(&caller), 100, delay_ms);
                let noticed = frames.iter().position(|frame| frame.started.is_some()).expect("noticed");
                let late = noticed as isize - (100 + begins) as isize;
                println!("{file} beside an echo after {delay_ms} ms: noticed after {} ms", late * 20);
                assert!((-6..=7).contains(&late), "{file}, {delay_ms} ms: {late} frames");
            }
        }
    }

    #[test]
    fn speech_starts_once_an_utterance_and_its_beginning_is_kept() {
        let Some(caller) = recorded("cards_001.wav") else { return };
        let mut gate = SpeechGate::new();
        let silent = HeardFrame { frame: Frame::SILENCE, concealed: false, spoken: Frame::SILENCE, speaking: false };
        for _ in 0..50 {
            assert!(!gate.hear(&silent).speech);
        }
        let starts: Vec<_> =
            caller.iter().filter_map(|frame| gate.hear(&HeardFrame { frame: *frame, ..silent }).started).collect();
        assert_eq!(starts.len(), 1);
        assert!((LEAD_FRAMES..LEAD_FRAMES + 8).contains(&starts[0]), "{starts:?}");
    }
}
