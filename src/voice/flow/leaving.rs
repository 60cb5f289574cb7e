//! How a call ends: the last words, the case kept, the one outcome.

use std::time::Instant;

use crate::domain::call::CallOutcome;

use super::super::phrases;
use super::{CallFlow, Effect, FIRST_FILLER, LONGEST_GOODBYE, SILENCE, Say, SayKind, State};

impl CallFlow {
    pub(super) fn time_is_up(&mut self, now: Instant) {
        match self.state {
            State::Ringing | State::AtReception(_) | State::Bridged { .. } => {
                self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
                self.hang_up();
            }
            State::Conversing
            | State::Thinking { .. }
            | State::Collecting(_)
            | State::Transferring { .. }
            | State::Apart
            | State::Choosing { .. }
            | State::LeavingMessage(_)
            | State::AskingCallback(_) => {
                self.keep_the_case(now);
                self.leave(now, phrases::TIME_IS_UP);
            }
            State::Leaving | State::Over => {}
        }
    }

    pub(super) fn resumed(&mut self, now: Instant) {
        self.held = false;
        let pause = match self.state {
            // The next word is ours.
            State::Thinking { .. } | State::Leaving => FIRST_FILLER,
            _ => SILENCE,
        };
        self.deadline = self.deadline.map(|_| now + pause);
    }

    pub(super) fn leave(&mut self, now: Instant, words: &str) {
        if self.understood_once && self.outcome.is_none() {
            self.outcome = Some(CallOutcome::Resolved);
        }
        match self.state {
            State::Collecting(_) => self.store_ticket(),
            _ => self.keep_the_case(now),
        }
        self.state = State::Leaving;
        self.say(now, Say::new(SayKind::Goodbye, vec![words.to_owned()]));
        self.deadline = Some(now + LONGEST_GOODBYE);
    }

    /// A machine has dialled us: the call ends without a word, a ticket or anybody being rung (R52). Once a word was
    /// understood, or somebody is spoken with, it was a whistle.
    pub(super) fn fax_calls(&mut self) {
        let rings_by_plan = self.away.is_some() && matches!(self.state, State::Transferring { .. });
        match self.state {
            _ if self.understood_once => return,
            State::AtReception(_) => self.effects.push_back(Effect::CancelTransfer { caller_gone: true }),
            State::Transferring { .. } if rings_by_plan => {
                self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
            }
            State::LeavingMessage(_) => self.effects.push_back(Effect::StopMessage { keep: false }),
            State::Conversing | State::Thinking { .. } | State::Collecting(_) => {}
            // Whoever has pressed a key, or speaks with a person, is no fax; the others end by themselves.
            State::Transferring { .. }
            | State::Apart
            | State::Choosing { .. }
            | State::AskingCallback(_)
            | State::Bridged { .. }
            | State::Ringing
            | State::Leaving
            | State::Over => return,
        }
        self.hang_up();
    }

    pub(super) fn hang_up(&mut self) {
        self.effects.push_back(Effect::HangUp);
        self.end();
    }

    pub(super) fn caller_gone(&mut self, now: Instant) {
        if matches!(self.state, State::Bridged { .. }) {
            self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
        }
        self.keep_the_case(now);
        self.end();
    }

    /// A case that was handed on stays so, whatever is answered afterwards.
    pub(super) fn settle_as(&mut self, outcome: CallOutcome) {
        let handed_on = match self.outcome {
            Some(CallOutcome::Person | CallOutcome::Voicemail | CallOutcome::Callback | CallOutcome::Ticket) => true,
            Some(CallOutcome::Resolved | CallOutcome::BestEffort | CallOutcome::Abandoned | CallOutcome::Lost)
            | None => false,
        };
        if !handed_on {
            self.outcome = Some(outcome);
        }
    }

    pub(super) fn end(&mut self) {
        self.state = State::Over;
        self.deadline = None;
        self.effects.push_back(Effect::End(self.outcome.unwrap_or(CallOutcome::Abandoned)));
    }
}
