//! Every pause as a line: what was recognised up to it, what it was taken for, how it sounds, how long it lasts.

use std::io::Write;

use media::{FRAME_MS, Frame, HeardFrame};
use switchboard::seams::stt::Want;
use switchboard::voice::turn_taking::completeness::ending;
use switchboard::voice::turn_taking::{EndOfTurnSettings, Expectation, Listener, Listening};

use super::{Ear, RECOGNITION_FRAMES, Utterance};

/// Writes group, whether it was tuned on, what was said, the words, their ending, the melody 80 ms into the pause
/// and when the words are known, and the length of the pause in milliseconds (0: it is the end).
pub fn pauses(ear: &mut Ear, utterances: &[Utterance], file: &str) {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file).expect("a file"));
    for (index, utterance) in utterances.iter().enumerate() {
        // Nobody is so impatient as to end a turn here.
        let mut listener = Listener::new(EndOfTurnSettings { patience: 1_000.0 });
        let (mut began, mut silent, mut line) = (0, 0, None::<String>);
        for (at, frame) in utterance.frames.iter().enumerate() {
            let heard = HeardFrame { frame: *frame, concealed: false, spoken: Frame::SILENCE, speaking: false };
            let speech = listener.frame(&heard).speech;
            if speech
                && silent >= 4
                && let Some(line) = line.take()
            {
                writeln!(out, "{line}\t{}", silent * FRAME_MS as usize).expect("written");
            }
            silent = if speech { 0 } else { silent + 1 };
            while let Some(effect) = listener.poll() {
                match effect {
                    Listening::Begin { lead_frames, .. } => began = at.saturating_sub(lead_frames),
                    Listening::AskTranscript(Want::Likely) => {
                        let (text, _) = ear.decode(&utterance.frames, (index, began, at + 1));
                        let known = (at + 1 + RECOGNITION_FRAMES).min(utterance.frames.len());
                        let sounds = [at + 1, known].map(|until| ear.judge(&utterance.frames, (index, began, until)));
                        let taken_for = ending(&text, &Expectation::default());
                        line = Some(format!(
                            "{index}\t{}\t{}\t{}\t{text}\t{taken_for:?}\t{:.3}\t{:.3}",
                            utterance.group, utterance.tuned_on, utterance.text, sounds[0], sounds[1]
                        ));
                    }
                    _ => {} // Nothing else tells about a pause.
                }
            }
        }
        if let Some(line) = line {
            writeln!(out, "{line}\t0").expect("written");
        }
    }
}
