//! The dialplan has the call: its orders become the call's own.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::dialplan::{Action, Plan};

use super::super::phrases;
use super::super::reception::{Order, Reception, ReceptionInput};
use super::{CallFlow, Effect, Input, LONGEST_GOODBYE, Say, SayKind, State};

impl CallFlow {
    pub(super) fn receive(&mut self, now: Instant, plan: Arc<Plan>, action: Action) {
        self.state = State::AtReception(Box::new(Reception::begin(now, plan, action)));
        self.reception_ordered(now);
    }

    pub(super) fn at_reception(&mut self, now: Instant, input: Input) {
        let happened = match input {
            Input::Key(key) => ReceptionInput::Key(key),
            Input::SpeechEnded => ReceptionInput::SpeechEnded,
            Input::CallerSpeaks => ReceptionInput::CallerSpeaks,
            Input::NothingSaid => ReceptionInput::NothingSaid,
            Input::Heard { text } if text.trim().is_empty() => ReceptionInput::NothingSaid,
            Input::Heard { .. } => ReceptionInput::Heard,
            Input::TransferEnded(_) => ReceptionInput::NobodyCame,
            Input::CallerGone => return self.caller_gone(),
            Input::TimeIsUp => return self.leave(now, phrases::TIME_IS_UP),
            Input::Held => {
                self.held = true;
                return;
            }
            Input::Resumed => return self.resumed(now),
            // Keys need no recogniser; the agent will.
            Input::Deafened => {
                self.deaf = true;
                return;
            }
            Input::Joined => return self.joined(),
            Input::Answered | Input::TurnReady { .. } | Input::TurnFailed | Input::NoticeHeard => return,
        };
        if let State::AtReception(reception) = &mut self.state {
            reception.handle(now, happened);
            self.reception_ordered(now);
        }
    }

    /// Carries out what the reception ordered, which may end it.
    pub(super) fn reception_ordered(&mut self, now: Instant) {
        let State::AtReception(reception) = &mut self.state else { return };
        let mut orders = Vec::new();
        while let Some(order) = reception.poll_order() {
            orders.push(order);
        }
        self.deadline = reception.poll_timeout();
        for order in orders {
            self.reception_order(now, order);
        }
    }

    fn reception_order(&mut self, now: Instant, order: Order) {
        match order {
            // Nothing is recorded here, so the notice is not due before the agent's greeting.
            Order::Say(sentences) => {
                self.last_words.clone_from(&sentences);
                self.effects.push_back(Effect::Say(Say::new(SayKind::Prompt, sentences)));
            }
            Order::Play(sound) => self.effects.push_back(Effect::Play(sound)),
            Order::Ring(_) | Order::Wait(_) => {
                if let State::AtReception(reception) = &mut self.state {
                    reception.handle(now, ReceptionInput::NobodyCame);
                    self.reception_ordered(now);
                }
            }
            Order::Agent if self.deaf => self.deafened(now),
            Order::Agent => self.greet(now),
            Order::Help => {
                self.state = State::Conversing;
                self.help(now);
            }
            Order::TakeDetails | Order::TakeMessage(_) => {
                self.ticket_reason = Some("The dialplan asked for a callback.".to_owned());
                self.collect(now, vec![phrases::CALLS_BACK.to_owned()], None);
            }
            Order::Leave(words) => {
                self.outcome = Some(CallOutcome::BestEffort);
                self.state = State::Leaving;
                self.effects.push_back(Effect::Say(Say::new(SayKind::Goodbye, words)));
                self.deadline = Some(now + LONGEST_GOODBYE * 2);
            }
        }
    }
}
