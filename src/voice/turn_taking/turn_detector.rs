//! When a caller's turn is over.
//!
//! 1. Speech begins an utterance. While it lasts, partial transcripts are asked for.
//! 2. After 80 ms of silence a likely transcript is asked for. Its words say how much silence ends the turn
//!    ([`completeness`](super::completeness)), and an answer to it is prepared meanwhile.
//! 3. When the caller goes on, what was prepared is dropped and all begins again with the longer utterance.
//! 4. When the silence is long enough the turn ends. Silence without words is no turn.

use std::collections::VecDeque;

use super::completeness::{Ending, Expectation, ending};
use super::waits::{EndOfTurnSettings, Slowness, melody_decides};
use crate::seams::stt::{HeardId, Want};

/// Follows one caller's turns.
pub struct TurnDetector {
    pace: EndOfTurnSettings,
    expectation: Expectation,
    slowness: Slowness,
    last: HeardId,
    /// Frames since the last turn ended.
    idle_frames: usize,
    current: Option<Current>,
    effects: VecDeque<TurnEffect>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnEvent {
    /// 20 ms passed.
    Frame {
        /// The caller spoke in them.
        speech: bool,
        /// They began to speak, this many frames before.
        started: Option<usize>,
    },
    /// The recogniser gave a transcript.
    Transcript {
        /// Of which utterance.
        heard: HeardId,
        /// The words.
        text: String,
        /// How much of the utterance it covers, in milliseconds.
        audio_ms: u32,
        /// Mean probability of its words, where known.
        confidence: Option<f32>,
        /// The provider says that the turn is over.
        ends_turn: bool,
    },
    /// How the melody of the last words sounds: the probability that the turn is over, 0–1.
    Melody {
        /// Of which utterance.
        heard: HeardId,
        /// How much of the utterance it covers, in milliseconds.
        audio_ms: u32,
        /// The probability.
        finished: f32,
    },
    /// We asked for something; holds until the turn ends.
    Expected(Expectation),
    /// The caller is not to be listened to any more (they are joined to a person, say).
    Abandoned,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum TurnEffect {
    /// Begin an utterance at the recogniser.
    Begin {
        /// Its name.
        heard: HeardId,
        /// How many frames ago it began.
        lead_frames: usize,
        /// How long after the end of the last turn: when the answer has hardly begun by then, the caller
        /// was cut off and goes on.
        after_turn_ms: u32,
    },
    /// Ask the recogniser for a transcript up to now.
    AskTranscript(Want),
    /// Ask how the melody sounds: the words leave it open whether the turn is over.
    AskMelody(HeardId),
    /// Work out an answer to this; it may be dropped.
    PrepareReply {
        /// The words so far.
        text: String,
    },
    /// The caller goes on: throw away what was prepared.
    DropPrepared,
    /// The turn is over; answer it. The utterance is to be ended at the recogniser.
    EndTurn {
        /// Of which utterance.
        heard: HeardId,
        /// The words; the same as in the last `PrepareReply` that was not dropped.
        text: String,
        /// Mean probability of its words, where known.
        confidence: Option<f32>,
        /// How long the caller had been silent, in milliseconds.
        silence_ms: u32,
        /// What the words were taken for.
        ending: Ending,
    },
    /// There were no words in it. The utterance is to be ended at the recogniser.
    Discard {
        /// Which utterance.
        heard: HeardId,
    },
}

/// The utterance that is running.
struct Current {
    heard: HeardId,
    frames: usize,
    /// Count of frames up to the last one with speech.
    spoken_until: usize,
    /// Frames of speech in a row.
    run: usize,
    /// Frames of speech in all.
    voiced_frames: usize,
    since_partial: usize,
    asked: bool,
    asked_final: bool,
    known: Option<Known>,
    melody: Option<f32>,
    melody_asked: bool,
    prepared: bool,
}

/// A transcript, and what it says.
struct Known {
    text: String,
    confidence: Option<f32>,
    ending: Ending,
    /// How many frames of the utterance it covers.
    frames: usize,
}

impl TurnDetector {
    /// Nobody has spoken yet.
    pub fn new(pace: EndOfTurnSettings) -> TurnDetector {
        TurnDetector {
            pace,
            expectation: Expectation::default(),
            slowness: Slowness::new(),
            last: HeardId(0),
            idle_frames: NEVER_FRAMES,
            current: None,
            effects: VecDeque::new(),
        }
    }

    /// Whether an utterance is running.
    pub fn is_listening(&self) -> bool {
        self.current.is_some()
    }

    /// Whether this utterance is the running one.
    pub fn is_current(&self, heard: HeardId) -> bool {
        self.current.as_ref().is_some_and(|current| current.heard == heard)
    }

    /// Takes in what happened; the effects wait in [`TurnDetector::poll_effect`].
    pub fn handle(&mut self, event: TurnEvent) {
        match event {
            TurnEvent::Frame { speech, started } => self.frame(speech, started),
            TurnEvent::Transcript { heard, text, audio_ms, confidence, ends_turn } => {
                self.transcript(heard, text, audio_ms, confidence, ends_turn);
            }
            TurnEvent::Melody { heard, audio_ms, finished } => {
                if let Some(current) = self.current.as_mut().filter(|current| current.heard == heard)
                    && current.covers(audio_ms)
                {
                    current.melody = Some(finished);
                }
            }
            TurnEvent::Expected(expectation) => self.expectation = expectation,
            TurnEvent::Abandoned => {
                if let Some(current) = self.current.take() {
                    self.drop_prepared(current.prepared);
                    self.effects.push_back(TurnEffect::Discard { heard: current.heard });
                }
            }
        }
        self.settle();
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<TurnEffect> {
        self.effects.pop_front()
    }

    fn frame(&mut self, speech: bool, started: Option<usize>) {
        let Some(current) = &mut self.current else {
            self.idle_frames = self.idle_frames.saturating_add(1);
            if let Some(lead_frames) = started {
                self.begin(lead_frames);
            }
            return;
        };
        current.frames += 1;
        current.since_partial += 1;
        current.voiced_frames += usize::from(speech);
        current.run = if speech { current.run + 1 } else { 0 };
        if current.run >= SPEECH_RUN_FRAMES {
            let resumed = current.silence() > SPEECH_RUN_FRAMES;
            current.spoken_until = current.frames;
            if resumed {
                current.asked = false;
                current.asked_final = false;
                current.melody = None;
                current.melody_asked = false;
                let prepared = std::mem::take(&mut current.prepared);
                self.drop_prepared(prepared);
            }
        }
    }

    fn begin(&mut self, lead_frames: usize) {
        self.last = HeardId(self.last.0.wrapping_add(1));
        let frames = lead_frames + 1;
        self.current = Some(Current {
            heard: self.last,
            frames,
            spoken_until: frames,
            run: SPEECH_RUN_FRAMES,
            voiced_frames: SPEECH_RUN_FRAMES,
            since_partial: frames,
            asked: false,
            asked_final: false,
            known: None,
            melody: None,
            melody_asked: false,
            prepared: false,
        });
        let after_turn_ms = (self.idle_frames as u32).saturating_mul(FRAME_MS);
        self.slowness.began_again(after_turn_ms);
        self.effects.push_back(TurnEffect::Begin { heard: self.last, lead_frames, after_turn_ms });
    }

    fn transcript(&mut self, heard: HeardId, text: String, audio_ms: u32, confidence: Option<f32>, ends_turn: bool) {
        let Some(current) = self.current.as_mut().filter(|current| current.heard == heard) else { return };
        let fresh = current.covers(audio_ms);
        if !fresh && current.known.as_ref().is_some_and(|known| known.frames >= current.spoken_until) {
            return;
        }
        let changed = current.known.as_ref().is_none_or(|known| known.text != text);
        if changed && std::mem::take(&mut current.prepared) {
            self.effects.push_back(TurnEffect::DropPrepared);
        }
        let ending = ending(&text, &self.expectation);
        let has_words = !text.is_empty();
        current.known = Some(Known { text, confidence, ending, frames: (audio_ms / FRAME_MS) as usize });
        if fresh && has_words && melody_decides(ending) && current.silence() > 0 && !current.melody_asked {
            current.melody_asked = true;
            self.effects.push_back(TurnEffect::AskMelody(heard));
        }
        if ends_turn && has_words {
            self.end();
        }
    }

    /// Does what the silence so far calls for.
    fn settle(&mut self) {
        let (pace, slowness) = (self.pace, self.slowness.factor());
        let Some(current) = &mut self.current else { return };
        let silence = current.silence();
        if silence < LIKELY_FRAMES {
            if current.since_partial >= PARTIAL_FRAMES && silence == 0 {
                current.since_partial = 0;
                self.effects.push_back(TurnEffect::AskTranscript(Want::Partial));
            }
            return;
        }
        // A frame of speech is a click or the caller going on; the next frame tells.
        if current.run > 0 {
            return;
        }
        let too_long = current.frames >= TURN_FRAMES_MAX;
        let Some(known) = current.known.as_ref().filter(|known| known.frames >= current.spoken_until) else {
            return self.wait_for_words(silence);
        };
        if known.text.is_empty() {
            if current.voiced_frames < TALKED_FRAMES {
                if silence >= EMPTY_FRAMES {
                    self.discard();
                }
            } else if silence >= UNREAD_FRAMES {
                self.discard();
            } else if !current.asked_final && silence >= EMPTY_FRAMES {
                current.asked_final = true;
                self.effects.push_back(TurnEffect::AskTranscript(Want::Final));
            }
            return;
        }
        let wait = if too_long { LIKELY_FRAMES } else { pace.wait_frames(known.ending, current.melody, slowness) };
        if !current.prepared && silence + PREPARE_FRAMES >= wait {
            current.prepared = true;
            self.effects.push_back(TurnEffect::PrepareReply { text: known.text.clone() });
        }
        if silence >= wait {
            self.end();
        }
    }

    fn wait_for_words(&mut self, silence: usize) {
        let Some(current) = &mut self.current else { return };
        if !current.asked {
            current.asked = true;
            self.effects.push_back(TurnEffect::AskTranscript(Want::Likely));
        } else if !current.asked_final && silence >= LATE_FRAMES {
            current.asked_final = true;
            self.effects.push_back(TurnEffect::AskTranscript(Want::Final));
        } else if silence >= LOST_FRAMES {
            // The recogniser is lost. What it said last is better than nothing.
            match &current.known {
                Some(known) if !known.text.is_empty() => self.end(),
                Some(_) | None => self.discard(),
            }
        }
    }

    fn end(&mut self) {
        let Some(current) = self.current.take() else { return };
        let silence_ms = current.silence() as u32 * FRAME_MS;
        let Some(Known { text, confidence, ending, .. }) = current.known else { return };
        self.effects.push_back(TurnEffect::EndTurn { heard: current.heard, text, confidence, silence_ms, ending });
        self.expectation = Expectation::default();
        self.slowness.turn_ended();
        self.idle_frames = 0;
    }

    fn discard(&mut self) {
        if let Some(current) = self.current.take() {
            self.drop_prepared(current.prepared);
            self.effects.push_back(TurnEffect::Discard { heard: current.heard });
        }
    }

    fn drop_prepared(&mut self, prepared: bool) {
        if prepared {
            self.effects.push_back(TurnEffect::DropPrepared);
        }
    }
}

impl Current {
    fn silence(&self) -> usize {
        self.frames - self.spoken_until
    }

    /// Whether a transcript up to here has all that was said.
    fn covers(&self, audio_ms: u32) -> bool {
        (audio_ms / FRAME_MS) as usize >= self.spoken_until
    }
}

const FRAME_MS: u32 = media::FRAME_MS;
/// An hour: no turn has ended yet.
const NEVER_FRAMES: usize = 180_000;
/// 80 ms: most gaps inside words are shorter, and transcript, answer and speech are there when 200 ms are over.
const LIKELY_FRAMES: usize = 4;
/// Two frames in a row are speech; one in a silence is a click.
const SPEECH_RUN_FRAMES: usize = 2;
/// 500 ms between partial transcripts: their words are the draft of the next one.
const PARTIAL_FRAMES: usize = 25;
/// An answer is prepared 600 ms before its turn ends, which is longer than it takes.
const PREPARE_FRAMES: usize = 30;
/// 300 ms: noise without words is forgotten.
const EMPTY_FRAMES: usize = 15;
/// 1 s of speech is no noise, even if no words are found in it.
const TALKED_FRAMES: usize = 50;
/// 800 ms: somebody who has talked, and may go on, is asked to repeat no sooner.
const UNREAD_FRAMES: usize = 40;
/// 1.2 s without the likely transcript: ask once more, with the highest priority.
const LATE_FRAMES: usize = 60;
/// 2.2 s without any: the recogniser is lost, and what we say to it still comes well within 3 s.
const LOST_FRAMES: usize = 110;
/// 90 s of talking end at the next breath.
const TURN_FRAMES_MAX: usize = 4_500;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Runs frames and gives what was asked for meanwhile.
    fn frames(detector: &mut TurnDetector, count: usize, speech: bool) -> Vec<TurnEffect> {
        let mut effects = Vec::new();
        for index in 0..count {
            let started = (speech && index == 3 && !detector.is_listening()).then_some(8);
            detector.handle(TurnEvent::Frame { speech, started });
            while let Some(effect) = detector.poll_effect() {
                effects.push(effect);
            }
        }
        effects
    }

    fn tell(detector: &mut TurnDetector, text: &str) -> Vec<TurnEffect> {
        let Some(current) = &detector.current else { return Vec::new() };
        let audio_ms = current.frames as u32 * FRAME_MS;
        let event = TurnEvent::Transcript {
            heard: current.heard,
            text: text.into(),
            audio_ms,
            confidence: Some(0.9),
            ends_turn: false,
        };
        detector.handle(event);
        std::iter::from_fn(|| detector.poll_effect()).collect()
    }

    fn silence_ms(effects: &[TurnEffect]) -> Option<u32> {
        effects.iter().find_map(|effect| match effect {
            TurnEffect::EndTurn { silence_ms, .. } => Some(*silence_ms),
            _ => None, // Everything but the end.
        })
    }

    #[test]
    fn a_whole_question_ends_after_200_ms_with_its_answer_prepared() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        let begun = frames(&mut detector, 60, true);
        assert!(matches!(begun[0], TurnEffect::Begin { lead_frames: 8, .. }));
        assert!(begun.contains(&TurnEffect::AskTranscript(Want::Partial)));
        let paused = frames(&mut detector, 6, false);
        assert_eq!(paused, [TurnEffect::AskTranscript(Want::Likely)]);
        let prepared = tell(&mut detector, "What are your opening hours?");
        assert_eq!(prepared, [TurnEffect::PrepareReply { text: "What are your opening hours?".into() }]);
        let ended = frames(&mut detector, 10, false);
        assert_eq!(silence_ms(&ended), Some(200));
        assert!(!detector.is_listening());
    }

    #[test]
    fn a_number_that_is_read_out_is_not_cut() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "My number is five five five");
        let waiting = frames(&mut detector, 50, false);
        assert_eq!(silence_ms(&waiting), None);
        let resumed = frames(&mut detector, 30, true);
        assert!(resumed.contains(&TurnEffect::DropPrepared), "prepared late in the pause");
        frames(&mut detector, 6, false);
        tell(&mut detector, "My number is five five five one two");
        let ended = frames(&mut detector, 100, false);
        assert_eq!(silence_ms(&ended), Some(1_400));
    }

    #[test]
    fn a_caller_who_goes_on_takes_the_prepared_answer_back() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "I want a new card.");
        let resumed = frames(&mut detector, 5, true);
        assert!(resumed.contains(&TurnEffect::DropPrepared));
        let paused = frames(&mut detector, 6, false);
        assert_eq!(paused, [TurnEffect::AskTranscript(Want::Likely)], "the longer utterance is asked for again");
    }

    #[test]
    fn a_late_transcript_of_an_earlier_pause_does_not_end_the_turn() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 6, false);
        let heard = detector.last;
        frames(&mut detector, 20, true);
        frames(&mut detector, 6, false);
        let late = TurnEvent::Transcript {
            heard,
            text: "What are your opening hours?".into(),
            audio_ms: 1_400,
            confidence: None,
            ends_turn: false,
        };
        detector.handle(late);
        assert_eq!(silence_ms(&frames(&mut detector, 30, false)), None);
    }

    #[test]
    fn noise_without_words_is_no_turn() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 20, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "");
        let effects = frames(&mut detector, 30, false);
        assert_eq!(effects, [TurnEffect::Discard { heard: HeardId(1) }]);
    }

    /// P1: a recogniser that says nothing does not hold the call.
    #[test]
    fn a_silent_recogniser_is_asked_again_and_then_given_up() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        tell(&mut detector, "I want");
        let effects = frames(&mut detector, 200, false);
        let asked = effects.iter().filter(|effect| matches!(effect, TurnEffect::AskTranscript(_))).count();
        assert_eq!(asked, 0, "what was told during the speech covers it all");
        frames(&mut detector, 60, true);
        let effects = frames(&mut detector, 200, false);
        assert_eq!(effects[0], TurnEffect::AskTranscript(Want::Likely));
        assert_eq!(effects[1], TurnEffect::AskTranscript(Want::Final));
        assert!(matches!(effects[2], TurnEffect::Discard { .. }));
    }

    #[test]
    fn speech_in_which_no_words_were_found_is_read_once_more_and_not_cut() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 100, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "");
        assert_eq!(frames(&mut detector, 12, false), [TurnEffect::AskTranscript(Want::Final)]);
        let prepared = tell(&mut detector, "My order number is four seven");
        assert!(matches!(prepared[..], [] | [TurnEffect::PrepareReply { .. }]), "{prepared:?}");
        assert_eq!(silence_ms(&frames(&mut detector, 100, false)), Some(1_400));
    }

    #[test]
    fn a_noise_in_which_no_words_were_found_is_forgotten_soon() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 20, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "");
        let effects = frames(&mut detector, 12, false);
        assert!(matches!(effects[..], [TurnEffect::Discard { .. }]), "{effects:?}");
    }

    #[test]
    fn a_click_in_the_silence_does_not_begin_the_wait_again() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 5, false);
        tell(&mut detector, "What are your opening hours?");
        frames(&mut detector, 1, true);
        assert_eq!(silence_ms(&frames(&mut detector, 10, false)), Some(200));
    }

    #[test]
    fn the_melody_is_asked_about_once_a_pause_where_the_words_leave_it_open() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 6, false);
        let told = tell(&mut detector, "I have lost my card.");
        assert!(told.contains(&TurnEffect::AskMelody(detector.last)), "{told:?}");
        let again = tell(&mut detector, "I have lost my card.");
        assert!(!again.contains(&TurnEffect::AskMelody(detector.last)), "{again:?}");
        let heard = detector.last;
        detector.handle(TurnEvent::Melody { heard, audio_ms: 71 * FRAME_MS, finished: 0.1 });
        assert_eq!(silence_ms(&frames(&mut detector, 60, false)), None, "it sounds as if it went on");
        assert_eq!(silence_ms(&frames(&mut detector, 40, false)), Some(1_500));
    }

    #[test]
    fn a_melody_heard_before_the_caller_went_on_does_not_count() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 60, true);
        frames(&mut detector, 6, false);
        tell(&mut detector, "I have lost my card.");
        frames(&mut detector, 10, true);
        let heard = detector.last;
        detector.handle(TurnEvent::Melody { heard, audio_ms: 66 * FRAME_MS, finished: 0.99 });
        frames(&mut detector, 6, false);
        tell(&mut detector, "I have lost my card yesterday.");
        assert_eq!(silence_ms(&frames(&mut detector, 60, false)), Some(700));
    }

    #[test]
    fn words_told_while_the_caller_still_speaks_never_stand_for_all_of_them() {
        let mut detector = TurnDetector::new(EndOfTurnSettings::default());
        frames(&mut detector, 40, true);
        tell(&mut detector, "What are your");
        frames(&mut detector, 40, true);
        assert_eq!(frames(&mut detector, 6, false), [TurnEffect::AskTranscript(Want::Likely)]);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Frames(bool, usize),
        Tell(&'static str),
        Melody(f32),
        Abandon,
    }

    fn step() -> impl Strategy<Value = Step> {
        let text = prop_oneof![Just(""), Just("yes"), Just("my number is five"), Just("what are your opening hours?")];
        prop_oneof![
            5 => (any::<bool>(), 1usize..80).prop_map(|(speech, count)| Step::Frames(speech, count)),
            3 => text.prop_map(Step::Tell),
            1 => (0f32..1.0).prop_map(Step::Melody),
            1 => Just(Step::Abandon),
        ]
    }

    proptest! {
        /// Whatever happens, in whatever order: utterances begin and end in pairs, nothing is asked for
        /// outside of them, an end never comes while the caller speaks, and its text is the prepared one.
        #[test]
        fn effects_come_in_an_order_that_a_driver_can_follow(steps in proptest::collection::vec(step(), 1..60)) {
            let mut detector = TurnDetector::new(EndOfTurnSettings::default());
            let (mut running, mut prepared): (Option<HeardId>, Option<String>) = (None, None);
            for step in steps {
                let silent = matches!(step, Step::Frames(false, _) | Step::Tell(_) | Step::Melody(_) | Step::Abandon);
                let effects = match step {
                    Step::Frames(speech, count) => frames(&mut detector, count, speech),
                    Step::Tell(text) => tell(&mut detector, text),
                    Step::Melody(finished) => {
                        let audio_ms = detector.current.as_ref().map_or(0, |current| current.frames as u32 * FRAME_MS);
                        detector.handle(TurnEvent::Melody { heard: detector.last, audio_ms, finished });
                        std::iter::from_fn(|| detector.poll_effect()).collect()
                    }
                    Step::Abandon => {
                        detector.handle(TurnEvent::Abandoned);
                        std::iter::from_fn(|| detector.poll_effect()).collect()
                    }
                };
                for effect in effects {
                    match effect {
                        TurnEffect::Begin { heard, .. } => {
                            prop_assert_eq!(running, None);
                            running = Some(heard);
                        }
                        TurnEffect::AskTranscript(_) | TurnEffect::AskMelody(_) => prop_assert!(running.is_some()),
                        TurnEffect::PrepareReply { text } => {
                            prop_assert!(running.is_some() && prepared.is_none());
                            prepared = Some(text);
                        }
                        TurnEffect::DropPrepared => prop_assert!(prepared.take().is_some()),
                        TurnEffect::EndTurn { heard, text, silence_ms, .. } => {
                            prop_assert_eq!(running.take(), Some(heard));
                            prop_assert!(prepared.take().is_none_or(|prepared| prepared == text));
                            prop_assert!(silent && silence_ms >= 100);
                        }
                        TurnEffect::Discard { heard } => {
                            prop_assert_eq!(running.take(), Some(heard));
                            prop_assert_eq!(prepared.take(), None);
                        }
                    }
                }
            }
        }
    }
}
