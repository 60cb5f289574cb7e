//! The three machines together: from heard frames and transcripts to turns, holds and stops.
//!
//! The driver of a call feeds every frame and every transcript of the recogniser, and carries out what is
//! polled. Time is counted in frames; nothing here waits.

use std::collections::VecDeque;

use media::HeardFrame;

use super::completeness::{Ending, Expectation};
use super::interruption::{Interruption, InterruptionEffect, InterruptionEvent, Utterances};
use super::speech_gate::{Gated, SpeechGate};
use super::turn_detector::{TurnDetector, TurnEffect, TurnEvent};
use super::waits::EndOfTurnSettings;
use crate::seams::stt::{HeardId, Want};

/// Listens to one caller.
pub struct Listener {
    gate: SpeechGate,
    turns: TurnDetector,
    interruption: Interruption,
    effects: VecDeque<Listening>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Listening {
    /// `SttInput::begin`: the caller has begun to speak.
    Begin {
        /// The utterance's name.
        heard: HeardId,
        /// How many frames ago it began.
        lead_frames: usize,
        /// How long after the last turn's end; soon after it, the caller was cut off and goes on.
        after_turn_ms: u32,
    },
    /// `SttInput::transcribe`.
    AskTranscript(Want),
    /// Ask how the utterance up to now sounds, and tell [`Listener::melody`].
    AskMelody(HeardId),
    /// `SttInput::end`; follows every `TurnEnded` and every utterance without words.
    EndUtterance,
    /// Silence our speech and remember where it was.
    HoldSpeech,
    /// Go on with our speech where it was.
    ResumeSpeech,
    /// Our speech is over.
    StopSpeech,
    /// Work out an answer to this; it may be dropped.
    PrepareReply(String),
    /// Throw away what was prepared.
    DropPrepared,
    /// The caller's turn is over; answer it.
    TurnEnded {
        /// The words, as in the last `PrepareReply`.
        text: String,
        /// Mean probability of its words, where known.
        confidence: Option<f32>,
        /// How long the caller had been silent, in milliseconds.
        silence_ms: u32,
        /// What the words were taken for.
        ending: Ending,
    },
}

impl Listener {
    /// Nobody has spoken yet.
    pub fn new(settings: EndOfTurnSettings) -> Listener {
        Listener {
            gate: SpeechGate::new(),
            turns: TurnDetector::new(settings),
            interruption: Interruption::new(),
            effects: VecDeque::new(),
        }
    }

    /// The next 20 ms. Push them to the recogniser before carrying out what this asks for.
    pub fn frame(&mut self, heard: &HeardFrame) -> Gated {
        let gated = self.gate.hear(heard);
        if gated.started.is_some() {
            self.interruption.handle(InterruptionEvent::CallerStarted);
        }
        self.interruption.handle(InterruptionEvent::Frame { speech: gated.speech });
        self.turns.handle(TurnEvent::Frame { speech: gated.speech, started: gated.started });
        self.settle();
        gated
    }

    /// A transcript of the recogniser (`SttEvent::Transcript`, field by field).
    pub fn transcript(
        &mut self,
        heard: HeardId,
        want: Want,
        text: &str,
        audio_ms: u32,
        confidence: Option<f32>,
        ends_turn: bool,
    ) {
        if self.turns.is_current(heard) {
            let paused = want != Want::Partial;
            self.interruption.handle(InterruptionEvent::Transcript { text: text.to_string(), paused });
        }
        // Nobody waits for the pause with a partial transcript: what ends within the last sound is not all of it.
        let audio_ms = if want == Want::Partial { audio_ms.saturating_sub(LAST_SOUND_MS) } else { audio_ms };
        let text = text.to_string();
        self.turns.handle(TurnEvent::Transcript { heard, text, audio_ms, confidence, ends_turn });
        self.settle();
    }

    /// How the melody of an utterance up to there sounds: the probability, 0–1, that the turn is over.
    pub fn melody(&mut self, heard: HeardId, audio_ms: u32, finished: f32) {
        self.turns.handle(TurnEvent::Melody { heard, audio_ms, finished });
        self.settle();
    }

    /// We begin to speak, or go on with the next sentence.
    pub fn agent_speaks(&mut self, text: &str, asks: bool) {
        self.interruption.handle(InterruptionEvent::AgentSpeaks(Utterances { text: text.to_string(), asks }));
        self.settle();
    }

    /// We have said all.
    pub fn agent_finished(&mut self) {
        self.interruption.handle(InterruptionEvent::AgentFinished);
        self.settle();
    }

    /// We asked for something.
    pub fn expect(&mut self, expectation: Expectation) {
        self.turns.handle(TurnEvent::Expected(expectation));
    }

    /// The caller is not to be listened to any more.
    pub fn abandon(&mut self) {
        self.turns.handle(TurnEvent::Abandoned);
        self.settle();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Listening> {
        self.effects.pop_front()
    }

    fn settle(&mut self) {
        self.settle_interruption();
        while let Some(effect) = self.turns.poll_effect() {
            match effect {
                TurnEffect::Begin { heard, lead_frames, after_turn_ms } => {
                    self.effects.push_back(Listening::Begin { heard, lead_frames, after_turn_ms });
                }
                TurnEffect::AskTranscript(want) => self.effects.push_back(Listening::AskTranscript(want)),
                TurnEffect::AskMelody(heard) => self.effects.push_back(Listening::AskMelody(heard)),
                TurnEffect::PrepareReply { text } => self.effects.push_back(Listening::PrepareReply(text)),
                TurnEffect::DropPrepared => self.effects.push_back(Listening::DropPrepared),
                TurnEffect::EndTurn { heard: _, text, confidence, silence_ms, ending } => {
                    self.interruption.handle(InterruptionEvent::CallerEnded { text: text.clone() });
                    if self.settle_interruption() {
                        self.effects.push_back(Listening::DropPrepared);
                    } else {
                        self.effects.push_back(Listening::TurnEnded { text, confidence, silence_ms, ending });
                    }
                    self.effects.push_back(Listening::EndUtterance);
                }
                TurnEffect::Discard { heard: _ } => {
                    self.interruption.handle(InterruptionEvent::CallerEnded { text: String::new() });
                    self.settle_interruption();
                    self.effects.push_back(Listening::EndUtterance);
                }
            }
        }
    }

    /// True when the turn that just ended is not to be answered.
    fn settle_interruption(&mut self) -> bool {
        let mut dropped = false;
        while let Some(effect) = self.interruption.poll_effect() {
            match effect {
                InterruptionEffect::HoldSpeech => self.effects.push_back(Listening::HoldSpeech),
                InterruptionEffect::ResumeSpeech => self.effects.push_back(Listening::ResumeSpeech),
                InterruptionEffect::StopSpeech => self.effects.push_back(Listening::StopSpeech),
                InterruptionEffect::DropTurn => dropped = true,
            }
        }
        dropped
    }
}

/// 60 ms after the last voiced frame the last sound has died away.
const LAST_SOUND_MS: u32 = 60;

#[cfg(test)]
mod tests {
    use media::Frame;

    use super::*;

    /// Loud enough to be heard by the network as a voice: a sawtooth through two swaying formants.
    fn voiced(at: usize) -> HeardFrame {
        let mut samples = [0; media::FRAME_SAMPLES];
        for (index, sample) in samples.iter_mut().enumerate() {
            let time = (at * media::FRAME_SAMPLES + index) as f32 / 16_000.0;
            let pulse = 1.0 - 2.0 * (time * 120.0).fract();
            let sway = 1.0 + 0.3 * (time * 25.0).sin();
            let formants =
                (time * 700.0 * std::f32::consts::TAU).sin() + (time * 1_200.0 * std::f32::consts::TAU).sin();
            *sample = (pulse * formants * sway * 6_000.0) as i16;
        }
        HeardFrame { frame: Frame(samples), ..silent() }
    }

    fn silent() -> HeardFrame {
        HeardFrame { frame: Frame::SILENCE, concealed: false, spoken: Frame::SILENCE, speaking: false }
    }

    #[test]
    fn a_partial_transcript_that_ends_in_the_last_sound_is_asked_for_again() {
        let mut listener = Listener::new(EndOfTurnSettings::default());
        let mut heard = None;
        let mut frames = 0;
        for at in 0..60 {
            listener.frame(&voiced(at));
            frames += 1;
            while let Some(effect) = listener.poll() {
                if let Listening::Begin { heard: begun, lead_frames, .. } = effect {
                    (heard, frames) = (Some(begun), lead_frames + 1);
                }
            }
        }
        let heard = heard.expect("a voice is heard");
        listener.frame(&silent());
        let audio_ms = (frames + 1) * media::FRAME_MS as usize;
        listener.transcript(heard, Want::Partial, "What are your opening", audio_ms as u32, Some(0.9), false);
        let mut effects = Vec::new();
        for _ in 0..30 {
            listener.frame(&silent());
            effects.extend(std::iter::from_fn(|| listener.poll()));
        }
        assert!(effects.contains(&Listening::AskTranscript(Want::Likely)), "{effects:?}");
    }
}
