//! The caller's side while people are rung and after one of them took the call (R3, R54, R58).

use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::conversation::{Handler, Status};
use crate::domain::ladder::LadderEnd;
use crate::domain::turn::{Turn, Verdict};

use super::super::intents::{self, Intent};
use super::super::phrases;
use super::{CallFlow, Effect, Say, SayKind, State, TRANSFER_UPDATE_EVERY};

/// Why a person is wanted, and how badly.
pub(super) struct Escalation {
    pub reason: String,
    pub callback_after: bool,
    pub urgent: bool,
}

impl CallFlow {
    /// Brings a person in: "I am calling a colleague" is said only when somebody can ring now (R58); otherwise what
    /// follows without a person begins at once.
    pub(super) fn escalate(&mut self, now: Instant, mut words: Vec<String>, escalation: Escalation) {
        let Escalation { reason, callback_after, urgent } = escalation;
        let can_ring = if urgent { self.outlook.can_ring_in_danger } else { self.outlook.can_ring };
        if !can_ring {
            let end = self.outlook.otherwise;
            let end = if callback_after { called_back(end) } else { end };
            return self.without_a_person(now, end, words, false);
        }
        words.push(phrases::CALLING_A_COLLEAGUE.to_owned());
        self.state = State::Transferring { callback_after, asked: None };
        self.say(now, Say::new(SayKind::Prompt, words));
        self.effects.push_back(Effect::Transfer { reason, callback_after, urgent });
    }

    pub(super) fn tell_how_it_stands(&mut self, now: Instant, words: &str) {
        self.deadline = Some(now + TRANSFER_UPDATE_EVERY);
        self.effects.push_back(Effect::Say(Say::filler(words)));
    }

    pub(super) fn trying_next(&mut self, now: Instant) {
        if matches!(self.state, State::Transferring { .. }) {
            self.tell_how_it_stands(now, phrases::TRYING_ANOTHER);
        }
    }

    /// What is said while people are rung joins the summary, which the driver takes from the transcript. A question is
    /// answered where the desk can; "okay" is only told how things stand.
    pub(super) fn heard_while_ringing(&mut self, now: Instant, text: &str) {
        if self.only_assents(text) {
            return self.say(now, Say::prompt(phrases::STILL_CALLING));
        }
        let State::Transferring { asked, .. } = &mut self.state else { return };
        *asked = Some(text.to_owned());
        self.effects.push_back(Effect::Consult { text: text.to_owned(), offered: None });
        // Their words may have stopped what they heard while they wait, and the desk may take its time.
        self.effects.push_back(Effect::HoldTone);
    }

    pub(super) fn only_assents(&self, text: &str) -> bool {
        matches!(self.state, State::Transferring { .. })
            && (intents::words(text).iter().all(|word| ASSENTS.contains(&word.as_str()))
                || matches!(intents::intent(text), Some(Intent::Yes | Intent::No | Intent::Goodbye)))
    }

    pub(super) fn turn_ready_while_ringing(&mut self, now: Instant, text: &str, turn: Turn) {
        let State::Transferring { asked, .. } = &mut self.state else { return };
        if asked.as_deref() != Some(text) {
            return;
        }
        *asked = None;
        if turn.decision.verdict == Verdict::Send {
            return self.answer(now, turn.sentences, turn.decision);
        }
        self.decision = Some(Box::new(turn.decision));
        self.say(now, Say::prompt(phrases::PASSED_ON_TO_COLLEAGUE));
    }

    /// Somebody has the caller, wherever the call stood: whoever was rung in vain may have called in (R55).
    pub(super) fn joined(&mut self) {
        if matches!(self.state, State::LeavingMessage(_)) {
            // They hear it in person; what was said of it stays in the conversation.
            self.effects.push_back(Effect::StopMessage { keep: false });
            if self.recording == super::Recording::On {
                self.effects.push_back(Effect::ResumeRecording);
            }
        }
        if self.collects_digits() {
            self.effects.push_back(Effect::MuteRecording(false));
        }
        self.state = State::Bridged { held: false };
        self.deadline = None;
        self.outcome = Some(CallOutcome::Person);
        self.effects.push_back(Effect::Mark {
            status: Status::Open,
            handler: Handler::Human,
            reason: "A person took the call.".to_owned(),
        });
    }

    /// The person puts the caller on hold: they hear our tone, never the other side's music (R54).
    pub(super) fn person_holds(&mut self, is_held: bool) {
        let State::Bridged { held } = &mut self.state else { return };
        if std::mem::replace(held, is_held) != is_held && is_held {
            self.effects.push_back(Effect::HoldTone);
        }
    }

    /// `*2`: the next rung rings.
    pub(super) fn passed_on(&mut self, now: Instant) {
        if !matches!(self.state, State::Bridged { .. }) {
            return;
        }
        self.needs_human("The person passed the call on.");
        self.state = State::Transferring { callback_after: false, asked: None };
        self.say(now, Say::prompt(phrases::PASSED_ON));
    }

    /// R54: the person's leg died, or they hung up at once.
    pub(super) fn person_lost(&mut self, now: Instant) {
        if !matches!(self.state, State::Bridged { .. }) {
            return;
        }
        self.needs_human("The connection to the person was lost.");
        self.ticket_reason = Some("The connection to the person was lost.".to_owned());
        self.state = State::Apart;
        self.say(now, Say::prompt(phrases::PERSON_LOST));
    }

    pub(super) fn heard_apart(&mut self, now: Instant, text: &str) {
        match intents::intent(text) {
            Some(Intent::Yes) => self.reconnect(now),
            Some(Intent::No | Intent::NeverMind) => self.goes_on_with_the_agent(now),
            _ if wants_to_be_connected(text) => self.reconnect(now),
            // Something else altogether is a question to the agent.
            _ => {
                self.effects.push_back(Effect::CancelTransfer { caller_gone: false });
                self.state = State::Conversing;
                self.consult(now, text.into());
            }
        }
    }

    pub(super) fn reconnect(&mut self, now: Instant) {
        self.state = State::Transferring { callback_after: false, asked: None };
        self.say(now, Say::prompt(phrases::CALLING_A_COLLEAGUE));
        self.effects.push_back(Effect::Reconnect);
    }

    pub(super) fn goes_on_with_the_agent(&mut self, now: Instant) {
        self.effects.push_back(Effect::CancelTransfer { caller_gone: false });
        self.state = State::Conversing;
        self.say(now, Say::prompt(phrases::NEVER_MIND));
    }

    pub(super) fn ladder_ended(&mut self, now: Instant, end: LadderEnd) {
        let with_a_person = matches!(self.state, State::Bridged { .. });
        if !with_a_person && !matches!(self.state, State::Transferring { .. }) {
            // The caller has gone on with the agent, or is gone; the ladder's end changes nothing.
            return;
        }
        match end {
            LadderEnd::Person => {
                self.state = State::Leaving;
                self.hang_up();
            }
            LadderEnd::GivenBack => {
                self.effects.push_back(Effect::Mark {
                    status: Status::Open,
                    handler: Handler::Bot,
                    reason: "The person gave the call back to the agent.".to_owned(),
                });
                self.state = State::Conversing;
                let words = [phrases::GIVEN_BACK, phrases::ANYTHING_ELSE].map(str::to_owned).to_vec();
                self.say(now, Say::new(SayKind::Prompt, words));
            }
            LadderEnd::Voicemail { .. } | LadderEnd::Callback { .. } | LadderEnd::Flag | LadderEnd::BestEffort => {
                self.without_a_person(now, end, Vec::new(), true);
            }
            // Ordered by this flow itself, or after its end.
            LadderEnd::NeverMind | LadderEnd::CallerGone | LadderEnd::CutByRestart => {}
        }
    }
}

/// Words of which nothing is to be made while somebody waits.
const ASSENTS: [&str; 14] =
    ["ok", "okay", "thanks", "thank", "you", "alright", "all", "right", "fine", "good", "great", "mhm", "hm", "please"];

/// R26: whoever is not reached is called back.
fn called_back(end: LadderEnd) -> LadderEnd {
    let or_voicemail = matches!(end, LadderEnd::Voicemail { .. } | LadderEnd::Callback { or_voicemail: true });
    LadderEnd::Callback { or_voicemail }
}

fn wants_to_be_connected(text: &str) -> bool {
    let said = intents::words(text).join(" ");
    ["connect", "try again", "call them", "call him", "call her", "please do", "yes"]
        .iter()
        .any(|sign| said.contains(sign))
}
