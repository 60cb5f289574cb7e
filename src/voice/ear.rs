//! Listens on one leg: from frames and transcripts to turns of the caller.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::HeardFrame;

use crate::seams::stt::{HeardId, SttError, SttEvent, SttSession, Want};

use super::turn_taking::EndOfTurnSettings;

/// What the ear tells.
#[derive(Debug)]
pub enum EarEvent {
    /// The caller began to speak.
    SpeechStarted,
    /// The caller may be interrupting: be silent until it is known.
    HoldSpeech,
    /// It was a cough or a backchannel: go on.
    ResumeSpeech,
    /// It is an interruption.
    StopSpeech,
    /// What is understood so far.
    Partial(String),
    /// The turn may be over with these words: have a reply ready.
    PrepareReply(String),
    /// The caller goes on.
    DropPrepared,
    /// The turn is over.
    TurnEnded(HeardTurn),
    /// The recogniser is lost for this call.
    Lost(SttError),
}

/// A turn of the caller.
#[derive(Clone, Debug)]
pub struct HeardTurn {
    /// Its words; empty when none were found.
    pub text: String,
    /// When its last voiced frame was heard.
    pub last_voice_at: Instant,
    /// Time that its final transcript took, in milliseconds.
    pub recognition_ms: Option<f32>,
}

/// One leg's ear.
pub struct Ear {
    stt: Option<SttSession>,
    events: VecDeque<EarEvent>,
    heard: HeardId,
    voiced_frames: u32,
    silent_frames: u32,
    in_turn: bool,
    last_voice_at: Option<Instant>,
    likely: Option<String>,
    held: bool,
}

impl Ear {
    /// An ear with this recogniser.
    pub fn new(stt: SttSession, _settings: &EndOfTurnSettings) -> Ear {
        Ear {
            stt: Some(stt),
            events: VecDeque::new(),
            heard: HeardId(0),
            voiced_frames: 0,
            silent_frames: 0,
            in_turn: false,
            last_voice_at: None,
            likely: None,
            held: false,
        }
    }

    /// The next thing to tell.
    pub fn poll(&mut self) -> Option<EarEvent> {
        self.events.pop_front()
    }

    /// When [`Ear::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// Waits for the recogniser; for ever when there is none.
    pub async fn next_transcript(&mut self) -> Option<SttEvent> {
        match &mut self.stt {
            Some(stt) => stt.events.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Goes on with a fresh recogniser.
    pub fn reopen(&mut self, stt: SttSession) {
        self.stt = Some(stt);
    }

    /// There is no recogniser any more: keys alone are understood.
    pub fn deafen(&mut self) {
        self.stt = None;
    }

    /// The next 20 ms; `speaking` tells whether the agent is.
    pub fn frame(&mut self, now: Instant, frame: &HeardFrame, speaking: bool) {
        let Some(stt) = &mut self.stt else { return };
        stt.input.push(&frame.frame);
        let energy: f64 = frame.frame.0.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>() / 320.0;
        let voiced = energy.sqrt() > 300.0;
        if voiced {
            self.voiced_frames += 1;
            if self.silent_frames > 6 && self.in_turn && self.likely.is_some() {
                self.events.push_back(EarEvent::DropPrepared);
                self.likely = None;
            }
            self.silent_frames = 0;
            self.last_voice_at = Some(now);
            if !self.in_turn && self.voiced_frames >= 4 {
                self.in_turn = true;
                self.heard.0 += 1;
                stt.input.begin(self.heard, 14);
                self.events.push_back(EarEvent::SpeechStarted);
            }
            if self.in_turn && speaking && self.voiced_frames >= 8 && !self.held {
                self.held = true;
                self.events.push_back(EarEvent::StopSpeech);
            }
        } else {
            self.silent_frames += 1;
            if !self.in_turn && self.silent_frames > 3 {
                self.voiced_frames = 0;
            }
            if self.in_turn && self.silent_frames == 8 {
                stt.input.transcribe(Want::Likely);
            }
            if self.in_turn && self.silent_frames == 25 {
                stt.input.transcribe(Want::Final);
            }
        }
    }

    /// What the recogniser told.
    pub fn take(&mut self, now: Instant, event: SttEvent) {
        match event {
            SttEvent::Transcript { heard, .. } if heard != self.heard => {}
            SttEvent::Transcript { want: Want::Partial, text, .. } => self.events.push_back(EarEvent::Partial(text)),
            SttEvent::Transcript { want: Want::Likely, text, .. } => {
                self.likely = Some(text.clone());
                self.events.push_back(EarEvent::PrepareReply(text));
            }
            SttEvent::Transcript { want: Want::Final, text, took_ms, .. } => {
                if let Some(stt) = &mut self.stt {
                    stt.input.end();
                }
                self.in_turn = false;
                self.held = false;
                self.voiced_frames = 0;
                self.likely = None;
                self.events.push_back(EarEvent::TurnEnded(HeardTurn {
                    text,
                    last_voice_at: self.last_voice_at.unwrap_or(now - Duration::from_millis(500)),
                    recognition_ms: Some(took_ms),
                }));
            }
            SttEvent::Failed(error) => {
                self.stt = None;
                self.events.push_back(EarEvent::Lost(error));
            }
        }
    }
}
