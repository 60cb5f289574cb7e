//! The audio of one utterance as it grows, and what is known of its words. Pure.
//!
//! Long utterances are cut at pauses into windows. A window that is closed is decoded once; the open one is
//! decoded again with every request, each time with the earlier words as a draft.

use std::collections::VecDeque;
use std::sync::Arc;

use media::{FRAME_MS, Frame};

use super::moonshine::Decoded;

/// The audio of one utterance.
pub struct Utterance {
    closed: Vec<Window>,
    open: Vec<f32>,
    /// Level of each frame of the open window, for finding its pauses.
    levels: VecDeque<f32>,
    frames: usize,
    voiced_frames: usize,
    /// The frame after the last voiced one.
    voiced_until: usize,
    /// Tokens of the open window's last decoding.
    draft: Vec<u32>,
    known: Option<Known>,
}

/// A part of a long utterance that will not grow any more.
struct Window {
    samples: Arc<[f32]>,
    decoded: Option<Decoded>,
}

/// The newest transcript.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// Its words.
    pub text: String,
    /// Mean probability of its tokens, 0–1.
    pub confidence: f32,
    /// How many frames of the utterance it covers.
    pub frames: usize,
}

/// What a worker is given: the pieces still to be decoded, in order, each with its draft. The last one is
/// the open window.
#[derive(Clone)]
pub struct Pieces {
    /// Index of the window, audio, draft.
    pub pieces: Vec<(usize, Arc<[f32]>, Vec<u32>)>,
    /// How many frames of the utterance they reach up to.
    pub frames: usize,
}

impl Utterance {
    /// An utterance without audio.
    pub fn new() -> Utterance {
        Utterance {
            closed: Vec::new(),
            open: Vec::new(),
            levels: VecDeque::new(),
            frames: 0,
            voiced_frames: 0,
            voiced_until: 0,
            draft: Vec::new(),
            known: None,
        }
    }

    /// The next 20 ms with its level in dBFS and whether it is speech. True when a window was closed, which
    /// is then worth decoding soon.
    pub fn push(&mut self, frame: &Frame, level_dbfs: f32, voiced: bool) -> bool {
        self.open.extend(frame.0.iter().map(|&sample| f32::from(sample) / 32_768.0));
        self.levels.push_back(level_dbfs);
        self.frames += 1;
        if voiced {
            self.voiced_frames += 1;
            self.voiced_until = self.frames;
        }
        if self.levels.len() < WINDOW_FRAMES_MAX {
            return false;
        }
        self.close_window();
        true
    }

    /// Cuts the open window at its quietest place and keeps the rest open.
    fn close_window(&mut self) {
        let cut = quietest(self.levels.make_contiguous());
        let samples_a_frame = self.open.len() / self.levels.len().max(1);
        let rest = self.open.split_off(cut * samples_a_frame);
        let samples: Arc<[f32]> = std::mem::replace(&mut self.open, rest).into();
        self.levels.drain(..cut);
        self.draft.clear();
        self.closed.push(Window { samples, decoded: None });
        if self.closed.iter().filter(|window| window.decoded.is_none()).count() > UNDECODED_WINDOWS_MAX {
            // The machine cannot keep up at all; the oldest words are lost rather than the memory.
            if let Some(window) = self.closed.iter_mut().find(|window| window.decoded.is_none()) {
                window.samples = Arc::from([]);
                window.decoded = Some(Decoded::default());
            }
        }
    }

    /// What is to be decoded for a transcript up to the newest frame.
    pub fn pieces(&self) -> Pieces {
        let mut pieces: Vec<_> = self
            .closed
            .iter()
            .enumerate()
            .filter(|(_, window)| window.decoded.is_none())
            .map(|(index, window)| (index, window.samples.clone(), Vec::new()))
            .collect();
        pieces.push((self.closed.len(), self.open.as_slice().into(), self.draft.clone()));
        Pieces { pieces, frames: self.frames }
    }

    /// Takes in what a worker decoded of [`Utterance::pieces`], and gives the transcript. The last result is
    /// that of the window which was open then; when it was cut meanwhile it will be decoded once more.
    pub fn decoded(&mut self, mut results: Vec<(usize, Decoded)>, frames: usize) -> Known {
        let Some((open_index, open)) = results.pop() else {
            return Known { text: String::new(), confidence: 0.0, frames };
        };
        self.keep_closed(results);
        let before = self.closed.iter().take(open_index).filter_map(|window| window.decoded.as_ref());
        let known = joined(before.chain([&open]), frames);
        if open_index == self.closed.len() {
            // What is not believed must not lead the next decoding.
            self.draft = if is_believable(&open) { open.tokens } else { Vec::new() };
        }
        if self.known.as_ref().is_none_or(|older| older.frames <= frames) {
            self.known = Some(known.clone());
        }
        known
    }

    /// Keeps what was decoded of closed windows when the decoding stopped before the open one.
    pub fn keep_closed(&mut self, results: Vec<(usize, Decoded)>) {
        for (index, decoded) in results {
            if let Some(window) = self.closed.get_mut(index) {
                window.samples = Arc::from([]);
                window.decoded = Some(decoded);
            }
        }
    }

    /// The transcript that is known, if nothing was said since: only silence was added.
    pub fn known_enough(&self) -> Option<&Known> {
        let said_something = self.voiced_frames >= SPOKEN_FRAMES;
        self.known
            .as_ref()
            .filter(|known| self.reaches(known.frames))
            // Much speech and no words is worth another look as soon as there is more audio.
            .filter(|known| !known.text.is_empty() || !said_something || known.frames == self.frames)
    }

    /// Whether a transcript up to this frame has all that was said so far.
    pub fn reaches(&self, frames: usize) -> bool {
        frames >= (self.voiced_until + TRAIL_FRAMES).min(self.frames)
    }

    /// Whether there is any speech to decode.
    pub fn has_speech(&self) -> bool {
        self.voiced_frames >= VOICED_FRAMES_MIN
    }

    /// Length so far.
    pub fn audio_ms(&self) -> u32 {
        self.frames as u32 * FRAME_MS
    }
}

impl Default for Utterance {
    fn default() -> Self {
        Utterance::new()
    }
}

/// Where to cut: after the quietest stretch of [`PAUSE_FRAMES`] in the later part of the window.
fn quietest(levels: &[f32]) -> usize {
    let from = levels.len() * CUT_FROM_PERCENT / 100;
    let loudness = |start: usize| levels[start..start + PAUSE_FRAMES].iter().sum::<f32>();
    let starts = from..levels.len().saturating_sub(PAUSE_FRAMES);
    let best = starts.min_by(|&a, &b| loudness(a).total_cmp(&loudness(b)));
    best.map_or(levels.len(), |start| start + PAUSE_FRAMES / 2).max(1)
}

fn joined<'a>(parts: impl Iterator<Item = &'a Decoded>, frames: usize) -> Known {
    let (mut text, mut weight, mut sum) = (String::new(), 0.0, 0.0);
    for part in parts.filter(|part| is_believable(part)) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&part.text);
        weight += part.tokens.len() as f32;
        sum += part.confidence * part.tokens.len() as f32;
    }
    Known { text, confidence: if weight > 0.0 { sum / weight } else { 0.0 }, frames }
}

/// Noise makes the model write something all the same, with little confidence.
fn is_believable(decoded: &Decoded) -> bool {
    !decoded.text.is_empty() && decoded.confidence >= CONFIDENCE_MIN
}

/// 15 s: longer pieces are recognised worse and take over a quarter of a second.
const WINDOW_FRAMES_MAX: usize = 750;
/// A window is cut in its later half, so that the piece has enough context and the rest is short.
const CUT_FROM_PERCENT: usize = 50;
/// 160 ms: a gap between words.
const PAUSE_FRAMES: usize = 8;
/// Two minutes of speech that nobody decoded.
const UNDECODED_WINDOWS_MAX: usize = 8;
/// 60 ms after the last voiced frame the last sound has died away.
const TRAIL_FRAMES: usize = 3;
/// 1 s of voice has words in it.
const SPOKEN_FRAMES: usize = 50;
/// 60 ms: less voice than that in a whole utterance is a click.
const VOICED_FRAMES_MIN: usize = 3;
/// Speech is seldom below 0.55 and noise seldom above 0.4.
const CONFIDENCE_MIN: f32 = 0.45;

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str, confidence: f32) -> Decoded {
        Decoded { text: text.into(), confidence, tokens: vec![7; text.len() / 4 + 1], runaway: false }
    }

    fn speak(utterance: &mut Utterance, frames: usize, voiced: bool) -> bool {
        let level = if voiced { -20.0 } else { -70.0 };
        (0..frames).any(|_| utterance.push(&Frame::SILENCE, level, voiced))
    }

    #[test]
    fn a_transcript_is_enough_while_only_silence_is_added() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 50, true);
        speak(&mut utterance, 5, false);
        let pieces = utterance.pieces();
        assert_eq!((pieces.pieces.len(), pieces.frames), (1, 55));
        utterance.decoded(vec![(0, decoded("ten of clubs", 0.9))], pieces.frames);
        speak(&mut utterance, 20, false);
        assert_eq!(utterance.known_enough().map(|known| known.text.as_str()), Some("ten of clubs"));
        speak(&mut utterance, 1, true);
        assert_eq!(utterance.known_enough(), None);
    }

    #[test]
    fn a_transcript_that_ends_inside_the_last_word_is_not_enough() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 50, true);
        let pieces = utterance.pieces();
        utterance.decoded(vec![(0, decoded("ten of clu", 0.9))], pieces.frames);
        assert!(utterance.known_enough().is_some(), "nothing more was heard");
        speak(&mut utterance, 1, false);
        assert_eq!(utterance.known_enough(), None, "the word may have gone on quietly");
    }

    #[test]
    fn long_speech_is_cut_in_its_pause_and_the_closed_part_is_decoded_once() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 500, true);
        speak(&mut utterance, 20, false);
        assert!(speak(&mut utterance, 300, true));
        let pieces = utterance.pieces();
        assert_eq!(pieces.pieces.len(), 2);
        let cut = pieces.pieces[0].1.len() / media::FRAME_SAMPLES;
        assert!((500..=520).contains(&cut), "cut at frame {cut}");
        let results = vec![(0, decoded("first part", 0.9)), (1, decoded("second", 0.7))];
        let known = utterance.decoded(results, pieces.frames);
        assert_eq!(known.text, "first part second");
        assert!(known.confidence > 0.7 && known.confidence < 0.9);
        let pieces = utterance.pieces();
        assert_eq!(pieces.pieces.len(), 1);
        assert_eq!(pieces.pieces[0].0, 1);
        assert!(!pieces.pieces[0].2.is_empty(), "the open window has its draft");
    }

    #[test]
    fn a_window_cut_while_it_was_decoded_is_decoded_again() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 700, true);
        let pieces = utterance.pieces();
        speak(&mut utterance, 100, true);
        utterance.decoded(vec![(0, decoded("all of it", 0.9))], pieces.frames);
        assert_eq!(utterance.pieces().pieces.len(), 2);
    }

    #[test]
    fn words_that_noise_made_up_are_left_out() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 50, true);
        assert_eq!(utterance.decoded(vec![(0, decoded("thank you", 0.2))], 50).text, "");
    }

    #[test]
    fn a_click_has_no_speech() {
        let mut utterance = Utterance::new();
        speak(&mut utterance, 2, true);
        speak(&mut utterance, 50, false);
        assert!(!utterance.has_speech());
    }
}
