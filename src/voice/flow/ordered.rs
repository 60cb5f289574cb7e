//! What a teammate orders of a live call from outside, and how the call stands (R9).

use std::time::Instant;

use serde::Serialize;

use crate::domain::escalation::Rung;

use super::super::phrases;
use super::{CallFlow, Effect, Say, State};

/// How a call stands, for those who look on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stands {
    /// It is not answered yet.
    Ringing,
    /// The dialplan has it: menus, prompts, queues.
    Reception,
    /// The agent listens to the caller, or speaks with them.
    Conversing,
    /// The agent works out an answer.
    Thinking,
    /// The agent takes the caller's details.
    TakingDetails,
    /// The agent asks whether to connect, to take a message or to call back.
    Asking,
    /// The caller leaves a message.
    TakingMessage,
    /// People are rung; the agent keeps the caller company.
    CallingPeople,
    /// The caller speaks with a person, and the agent is silent.
    WithPerson,
    /// The last words are said.
    Ending,
}

impl CallFlow {
    /// How the call stands.
    pub fn stands(&self) -> Stands {
        match self.state {
            State::Ringing => Stands::Ringing,
            State::AtReception(_) => Stands::Reception,
            State::Conversing => Stands::Conversing,
            State::Thinking { .. } => Stands::Thinking,
            State::Collecting(_) => Stands::TakingDetails,
            State::Apart | State::Choosing { .. } | State::AskingCallback(_) => Stands::Asking,
            State::LeavingMessage(_) => Stands::TakingMessage,
            State::Transferring { .. } => Stands::CallingPeople,
            State::Bridged { .. } => Stands::WithPerson,
            State::Leaving | State::Over => Stands::Ending,
        }
    }

    /// Whether a transfer that is ordered now begins one: nobody is rung, and the caller is not with a person.
    pub fn may_be_transferred(&self) -> bool {
        match self.stands() {
            Stands::Conversing | Stands::Thinking | Stands::TakingDetails | Stands::Asking | Stands::TakingMessage => {
                true
            }
            Stands::Ringing | Stands::Reception | Stands::CallingPeople | Stands::WithPerson | Stands::Ending => false,
        }
    }

    pub(super) fn transfer_ordered(&mut self, now: Instant, rungs: Vec<Rung>) {
        if !self.may_be_transferred() {
            return;
        }
        match self.state {
            State::Apart => self.effects.push_back(Effect::CancelTransfer { caller_gone: false }),
            State::LeavingMessage(_) => self.effects.push_back(Effect::StopMessage { keep: false }),
            _ => {}
        }
        if self.is_keying() {
            self.effects.push_back(Effect::MuteRecording(false));
        }
        let reason = "A teammate transferred the call.".to_owned();
        // A teammate has looked at the call, which is more than that a word was understood.
        self.understood_once = true;
        self.needs_human(&reason);
        self.ticket_reason = Some(reason);
        self.state = State::Transferring { callback_after: false, asked: None };
        self.say(now, Say::prompt(phrases::CALLING_A_COLLEAGUE));
        self.effects.push_back(Effect::Ring(rungs));
    }

    pub(super) fn end_ordered(&mut self, now: Instant) {
        match self.stands() {
            Stands::Ringing | Stands::Ending => return,
            Stands::Reception | Stands::WithPerson => {
                self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
            }
            // What is known of the case is kept with the last words.
            Stands::Conversing | Stands::Thinking | Stands::TakingDetails => {}
            Stands::Asking | Stands::TakingMessage | Stands::CallingPeople => {}
        }
        self.leave(now, phrases::ENDED_BY_TEAM);
    }
}
