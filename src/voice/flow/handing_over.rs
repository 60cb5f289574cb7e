//! What becomes of a case that the agent does not answer itself: a person is rung, or it is taken and kept as a ticket.

use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::conversation::{Handler, Status};
use crate::domain::turn::{Decision, Reason, RiskTopic};
use crate::support::unresolved::{Action, Resolution};

use super::super::collect::{Collect, Next, Told};
use super::super::phrases;
use super::while_ringing::Escalation;
use super::{CallFlow, Effect, LAST_WORDS_CUT, Say, SayKind, State, TicketOf};

impl CallFlow {
    pub(super) fn unresolved(&mut self, now: Instant, draft: Vec<String>, decision: Decision, resolution: Resolution) {
        let in_danger = decision.reason == Reason::Risk(RiskTopic::SelfHarm);
        let not_alone = matches!(decision.reason, Reason::DraftOnly | Reason::Unpublished);
        let reason = resolution.why;
        if resolution.needs_human || not_alone {
            self.needs_human(&reason);
        }
        if !draft.is_empty() && !in_danger {
            self.effects.push_back(Effect::Draft { sentences: draft.clone(), decision: Box::new(decision.clone()) });
        }
        self.ticket_reason = Some(reason.clone());
        // In danger, the fixed words that hold the emergency number come first, whatever follows (R57).
        let mut words = if in_danger { draft } else { Vec::new() };
        let action = if not_alone { Action::Flag } else { resolution.action };
        match action {
            Action::Escalate if self.understood_once => {
                self.decision = Some(Box::new(decision));
                let callback_after = resolution.then == Some(Action::Callback);
                self.escalate(now, words, Escalation { reason, callback_after, urgent: resolution.urgent });
            }
            Action::Nothing if !in_danger => {
                self.settle_as(CallOutcome::BestEffort);
                words.push(phrases::NO_RELIABLE_ANSWER.to_owned());
                words.push(phrases::ANYTHING_ELSE.to_owned());
                self.answer(now, words, decision);
            }
            Action::AskAgain if !in_danger => self.nothing_understood(now),
            Action::Callback => {
                self.decision = Some(Box::new(decision));
                words.push(phrases::NEEDS_A_PERSON.to_owned());
                self.begin_callback(now, words);
            }
            Action::Nothing | Action::AskAgain | Action::Flag | Action::Escalate => {
                let lead = if not_alone { phrases::TAKES_THE_CASE } else { phrases::NEEDS_A_PERSON };
                words.push(lead.to_owned());
                self.collect(now, words, Some(decision));
            }
        }
    }

    pub(super) fn needs_human(&mut self, reason: &str) {
        self.effects.push_back(Effect::Mark {
            status: Status::NeedsHuman,
            handler: Handler::Bot,
            reason: reason.to_owned(),
        });
    }

    pub(super) fn collect(&mut self, now: Instant, mut words: Vec<String>, decision: Option<Decision>) {
        let (collect, ask) = self.collect_for(self.wish.clone());
        words.extend(ask);
        self.taken_as = CallOutcome::Ticket;
        self.state = State::Collecting(Box::new(collect));
        let mut say = Say::new(SayKind::Prompt, words);
        say.decision = decision.map(Box::new);
        self.say(now, say);
    }

    /// Asks for name, number, the reason unless it is known, and what the admin wants to know beside them.
    pub(super) fn collect_for(&self, reason: Option<Told>) -> (Collect, Vec<String>) {
        let wanted = self.agent.escalation.fields.clone();
        Collect::begin(reason, self.caller.clone(), self.home_country.clone(), wanted)
    }

    pub(super) fn collected(&mut self, now: Instant, next: Next) {
        match next {
            Next::Ask(words) => self.say(now, Say::new(SayKind::Prompt, words)),
            Next::Done => {
                self.store_ticket();
                self.state = State::Conversing;
                let words = if self.agent.published {
                    vec![phrases::NOTED.to_owned(), phrases::ANYTHING_ELSE.to_owned()]
                } else {
                    self.state = State::Leaving;
                    vec![phrases::NOTED.to_owned(), phrases::GOODBYE.to_owned()]
                };
                self.say(now, Say::new(SayKind::Prompt, words));
            }
        }
        self.effects.push_back(Effect::MuteRecording(self.is_keying()));
    }

    /// Turns what was collected so far into a ticket; without a case there is none.
    pub(super) fn store_ticket(&mut self) {
        let State::Collecting(collect) = &self.state else { return };
        let mut fields = collect.fields();
        if !fields.iter().any(|field| field.name == "reason")
            && let Some(wish) = &self.wish
        {
            fields.push(wish.clone().field("reason"));
        }
        let of = match (self.taken_as, &self.caller) {
            (CallOutcome::Callback, Some(number)) => TicketOf::Callback { number: number.clone(), time: None },
            _ => TicketOf::FollowUp,
        };
        // Nobody can be called back without a number.
        let is_callback = matches!(of, TicketOf::Callback { .. });
        self.outcome = Some(if is_callback { CallOutcome::Callback } else { CallOutcome::Ticket });
        let reason = self.ticket_reason.take().unwrap_or_else(|| "The caller asked to be called back.".to_owned());
        self.effects.push_back(Effect::Ticket { reason, fields, of });
    }

    pub(super) fn turn_failed(&mut self, now: Instant) {
        if matches!(self.state, State::Transferring { .. }) {
            return self.say(now, Say::prompt(phrases::STILL_CALLING));
        }
        if !matches!(self.state, State::Thinking { .. }) {
            return;
        }
        self.ticket_reason = Some("The answer could not be worked out (a fault of ours).".to_owned());
        self.needs_human("The answer could not be worked out.");
        self.collect(now, vec![phrases::TROUBLE.to_owned()], None);
    }

    /// The caller pressed 0: help is a person, or a ticket where nobody can be rung (R58).
    pub(super) fn help(&mut self, now: Instant) {
        self.understood_once = true;
        let reason = "The caller pressed 0 for help.".to_owned();
        self.needs_human(&reason);
        self.ticket_reason = Some(reason.clone());
        self.escalate(now, Vec::new(), Escalation { reason, callback_after: false, urgent: false });
    }

    /// Nothing that is said can be understood any more: a person is rung, or what is known becomes a ticket.
    pub(super) fn deafened(&mut self, now: Instant) {
        match self.state {
            // Words of theirs that will never be read may have stopped what they heard.
            State::Transferring { .. } => return self.effects.push_back(Effect::HoldTone),
            State::Leaving => return self.deadline = Some(now + LAST_WORDS_CUT),
            _ if !self.listens() => return,
            _ => {}
        }
        let reason = "Speech recognition failed during the call (a fault of ours).".to_owned();
        self.needs_human(&reason);
        self.ticket_reason = Some(reason.clone());
        if self.outlook.can_ring && self.understood_once && !matches!(self.state, State::Apart) {
            let escalation = Escalation { reason, callback_after: false, urgent: false };
            return self.escalate(now, Vec::new(), escalation);
        }
        if matches!(self.state, State::Apart) {
            self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
        }
        if !self.takes_message() {
            self.take_silently();
        }
        self.leave(now, phrases::CANNOT_HEAR);
    }

    /// The caller is about to be gone: what is known of an unsettled case becomes a ticket, and all ringing stops.
    pub(super) fn keep_the_case(&mut self, now: Instant) {
        match &self.state {
            State::Collecting(_) if self.wish.is_some() || self.understood_once => self.store_ticket(),
            State::Transferring { .. } | State::Apart => {
                if matches!(self.state, State::Transferring { callback_after: true, .. }) {
                    self.taken_as = CallOutcome::Callback;
                }
                self.effects.push_back(Effect::CancelTransfer { caller_gone: true });
                self.take_silently();
                self.store_ticket();
            }
            State::Choosing { .. } => {
                self.take_silently();
                self.store_ticket();
            }
            State::LeavingMessage(_) | State::AskingCallback(_) => self.keep_message(now),
            _ => return,
        }
        // Stored once: whatever is said now is a goodbye.
        self.state = State::Leaving;
    }

    /// Takes the case without a question.
    pub(super) fn take_silently(&mut self) {
        if !matches!(self.state, State::Collecting(_)) {
            let (collect, _) = self.collect_for(self.wish.clone());
            self.state = State::Collecting(Box::new(collect));
        }
    }
}
