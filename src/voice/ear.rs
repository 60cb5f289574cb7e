//! Listens on one leg: joins a recogniser to the pure machines of [`super::turn_taking`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::HeardFrame;

use crate::domain::card_number;
use crate::seams::stt::{HeardId, SttError, SttEvent, SttSession, Want};
use crate::seams::turn_end::TurnEnd;

use super::melody::Melody;
use super::turn_taking::{EndOfTurnSettings, Expectation, Listener, Listening};

/// What the ear tells.
#[derive(Debug)]
pub enum EarEvent {
    /// The caller began to speak, this long after their last turn ended.
    SpeechStarted {
        /// Soon after it, they were cut off and go on.
        after_turn: Duration,
    },
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
    /// What sounded like speech while we were silent was nothing: the caller has the next word as before.
    NothingSaid,
    /// The recogniser is lost for this call.
    Lost(SttError),
}

/// A turn of the caller.
#[derive(Clone, Debug)]
pub struct HeardTurn {
    /// Its words; empty when somebody spoke for a while and none were found.
    pub text: String,
    /// When its first sound was heard.
    pub began_at: Instant,
    /// When its last voiced frame was heard.
    pub last_voice_at: Instant,
    /// A card number was said, and taken out of the words.
    pub held_card: bool,
    /// Time that its final transcript took, in milliseconds.
    pub recognition_ms: Option<f32>,
}

/// One leg's ear.
pub struct Ear {
    stt: Option<SttSession>,
    listener: Listener,
    events: VecDeque<EarEvent>,
    /// When the present turn began.
    began_at: Option<Instant>,
    last_voice_at: Option<Instant>,
    voiced_frames: u32,
    /// An utterance is running that has brought no turn.
    uttering: bool,
    /// The recogniser has answered about it.
    told: bool,
    recognition_ms: Option<f32>,
    agent_speaks: bool,
    melody: Option<Melody>,
}

impl Ear {
    /// An ear with this recogniser.
    pub fn new(stt: SttSession, settings: &EndOfTurnSettings) -> Ear {
        Ear {
            stt: Some(stt),
            listener: Listener::new(*settings),
            events: VecDeque::new(),
            began_at: None,
            last_voice_at: None,
            voiced_frames: 0,
            uttering: false,
            told: false,
            recognition_ms: None,
            agent_speaks: false,
            melody: None,
        }
    }

    /// With somebody who hears whether a sentence is over.
    pub fn with_melody(self, judge: Option<Arc<dyn TurnEnd>>) -> Ear {
        Ear { melody: judge.map(Melody::new), ..self }
    }

    /// The next thing to tell.
    pub fn poll(&mut self) -> Option<EarEvent> {
        self.events.pop_front()
    }

    /// Waits for the recogniser; for ever when there is none.
    pub async fn next_transcript(&mut self) -> Option<SttEvent> {
        match &mut self.stt {
            Some(stt) => stt.events.recv().await,
            None => std::future::pending().await,
        }
    }

    /// Goes on with a fresh recogniser; what was being said is lost with the old one.
    pub fn reopen(&mut self, stt: SttSession) {
        self.stt = Some(stt);
        self.listener.abandon();
    }

    /// There is no recogniser any more: keys alone are understood.
    pub fn deafen(&mut self) {
        self.stt = None;
    }

    /// We begin to say this; `asks` when "yes" or "okay" would answer it.
    pub fn agent_speaks(&mut self, now: Instant, text: &str, asks: bool) {
        self.agent_speaks = true;
        self.listener.agent_speaks(text, asks);
        self.settle(now);
    }

    /// We have said all, or were cut off.
    pub fn agent_finished(&mut self, now: Instant) {
        if std::mem::take(&mut self.agent_speaks) {
            self.listener.agent_finished();
            self.settle(now);
        }
    }

    /// What our question asked for.
    pub fn expect(&mut self, expectation: Expectation) {
        self.listener.expect(expectation);
    }

    /// The next 20 ms; whether somebody speaks in them.
    pub fn frame(&mut self, now: Instant, frame: &HeardFrame) -> bool {
        let Some(stt) = &mut self.stt else { return false };
        stt.input.push(&frame.frame);
        if let Some(melody) = &mut self.melody {
            melody.push(&frame.frame);
            if let Some(judged) = melody.poll() {
                self.listener.melody(judged.heard, judged.audio_ms, judged.finished);
            }
        }
        let gated = self.listener.frame(frame);
        if gated.speech {
            self.last_voice_at = Some(now);
            self.voiced_frames = self.voiced_frames.saturating_add(1);
        }
        self.settle(now);
        gated.speech
    }

    /// What the recogniser told.
    pub fn take(&mut self, now: Instant, event: SttEvent) {
        match event {
            SttEvent::Transcript { heard, want, text, audio_ms, confidence, took_ms, ends_turn } => {
                self.told = true;
                if want != Want::Partial {
                    self.recognition_ms = Some(took_ms);
                }
                if !text.is_empty() {
                    self.events.push_back(EarEvent::Partial(card_number::redact(&text).into_owned()));
                }
                self.listener.transcript(heard, want, &text, audio_ms, confidence, ends_turn);
                self.settle(now);
            }
            SttEvent::Failed(error) => {
                self.stt = None;
                self.events.push_back(EarEvent::Lost(error));
            }
        }
    }

    fn settle(&mut self, now: Instant) {
        while let Some(effect) = self.listener.poll() {
            match effect {
                Listening::Begin { heard, lead_frames, after_turn_ms } => {
                    self.voiced_frames = 0;
                    let lead = Duration::from_millis(u64::from(media::FRAME_MS) * lead_frames as u64);
                    self.began_at.get_or_insert(now.checked_sub(lead).unwrap_or(now));
                    self.uttering = true;
                    self.told = false;
                    self.recognition_ms = None;
                    if let Some(stt) = &mut self.stt {
                        stt.input.begin(heard, lead_frames);
                    }
                    if let Some(melody) = &mut self.melody {
                        melody.begin(lead_frames);
                    }
                    let after_turn = Duration::from_millis(after_turn_ms.into());
                    self.events.push_back(EarEvent::SpeechStarted { after_turn });
                }
                Listening::AskTranscript(want) => {
                    if let Some(stt) = &mut self.stt {
                        stt.input.transcribe(want);
                    }
                }
                Listening::AskMelody(heard) => self.ask_melody(heard),
                Listening::EndUtterance => {
                    if let Some(stt) = &mut self.stt {
                        stt.input.end();
                    }
                    if let Some(melody) = &mut self.melody {
                        melody.end();
                    }
                    self.nothing_understood(now);
                }
                Listening::HoldSpeech => self.events.push_back(EarEvent::HoldSpeech),
                Listening::ResumeSpeech => self.events.push_back(EarEvent::ResumeSpeech),
                Listening::StopSpeech => self.events.push_back(EarEvent::StopSpeech),
                Listening::PrepareReply(text) => self.events.push_back(EarEvent::PrepareReply(text)),
                Listening::DropPrepared => self.events.push_back(EarEvent::DropPrepared),
                Listening::TurnEnded { text, .. } => self.turn_ended(now, text),
            }
        }
    }

    fn ask_melody(&mut self, heard: HeardId) {
        if let Some(melody) = &mut self.melody {
            melody.ask(heard);
        }
    }

    fn turn_ended(&mut self, now: Instant, text: String) {
        self.voiced_frames = 0;
        self.uttering = false;
        let kept = card_number::redact(&text);
        self.events.push_back(EarEvent::TurnEnded(HeardTurn {
            held_card: matches!(kept, Cow::Owned(_)),
            text: kept.into_owned(),
            began_at: self.began_at.take().unwrap_or(now),
            last_voice_at: self.last_voice_at.unwrap_or(now),
            recognition_ms: self.recognition_ms.take(),
        }));
    }

    /// An utterance ended without words. A cough or a door is nothing; somebody who spoke for a while while we
    /// were silent wants to know that they were not understood, sooner when the recogniser never answered.
    fn nothing_understood(&mut self, now: Instant) {
        let voiced_frames = std::mem::take(&mut self.voiced_frames);
        if !std::mem::take(&mut self.uttering) || self.agent_speaks {
            return;
        }
        let enough = if self.told { SPOKE_FOR_A_WHILE_FRAMES } else { SPOKE_UNHEARD_FRAMES };
        if voiced_frames >= enough {
            self.turn_ended(now, String::new());
        } else {
            self.began_at = None;
            self.events.push_back(EarEvent::NothingSaid);
        }
    }
}

/// 1.2 s of voice: longer than a cough, a laugh or a "mhm".
const SPOKE_FOR_A_WHILE_FRAMES: u32 = 60;
/// 300 ms: with a recogniser that gives no answer at all, anything longer than a knock may have been words.
const SPOKE_UNHEARD_FRAMES: u32 = 15;
