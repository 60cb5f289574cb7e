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
