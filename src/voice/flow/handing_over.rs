//! What becomes of a case that the agent does not answer itself: a person is rung, or it is taken and kept as a ticket.

use std::time::Instant;

use crate::domain::call::{AttemptOutcome, CallOutcome};
use crate::domain::conversation::{Handler, Status};
use crate::domain::ticket::Field;
use crate::domain::turn::{Decision, Reason, RiskTopic};
use crate::support::unresolved::{Action, Resolution};

use super::super::collect::{Collect, Next};
use super::super::phrases;
use super::{CallFlow, Effect, Say, SayKind, State, TRANSFER_UPDATE_EVERY};

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
            Action::Escalate if self.can_transfer && self.understood_once => {
                words.push(phrases::CALLING_A_COLLEAGUE.to_owned());
                self.transfer(now, words, Some(decision), reason);
            }
            Action::Nothing if !in_danger => {
                self.outcome = Some(CallOutcome::BestEffort);
                words.push(phrases::NO_RELIABLE_ANSWER.to_owned());
                words.push(phrases::ANYTHING_ELSE.to_owned());
                self.answer(now, words, decision);
            }
            Action::AskAgain if !in_danger => self.nothing_understood(now),
            Action::Nothing | Action::AskAgain | Action::Flag | Action::Callback | Action::Escalate => {
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

    pub(super) fn transfer(&mut self, now: Instant, words: Vec<String>, decision: Option<Decision>, reason: String) {
        self.state = State::Transferring;
        let mut say = Say::new(SayKind::Prompt, words);
        say.decision = decision.map(Box::new);
        self.say(now, say);
        self.deadline = Some(now + TRANSFER_UPDATE_EVERY);
        self.effects.push_back(Effect::Transfer { reason });
    }

    pub(super) fn collect(&mut self, now: Instant, mut words: Vec<String>, decision: Option<Decision>) {
        let (collect, ask) = Collect::begin(self.wish.clone(), self.caller.clone(), self.home_country.clone());
        words.extend(ask);
        self.state = State::Collecting(Box::new(collect));
        let mut say = Say::new(SayKind::Prompt, words);
        say.decision = decision.map(Box::new);
        self.say(now, say);
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
        self.effects.push_back(Effect::MuteRecording(self.collects_digits()));
    }

    /// Turns what was collected so far into a ticket; without a case there is none.
    pub(super) fn store_ticket(&mut self) {
        let State::Collecting(collect) = &self.state else { return };
        let mut fields = collect.fields();
        if !fields.iter().any(|field| field.name == "reason")
            && let Some(wish) = &self.wish
        {
            fields.push(Field { name: "reason".into(), value: wish.clone(), confirmed: false });
        }
        self.outcome = Some(CallOutcome::Ticket);
        let reason = self.ticket_reason.take().unwrap_or_else(|| "The caller asked to be called back.".to_owned());
        self.effects.push_back(Effect::Ticket { reason, fields });
    }

    pub(super) fn turn_failed(&mut self, now: Instant) {
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
        if self.can_transfer {
            self.transfer(now, vec![phrases::CALLING_A_COLLEAGUE.to_owned()], None, reason);
        } else {
            self.collect(now, vec![phrases::NEEDS_A_PERSON.to_owned()], None);
        }
    }

    /// Nothing that is said can be understood any more: a person is rung, or what is known becomes a ticket.
    pub(super) fn deafened(&mut self, now: Instant) {
        if !self.listens() || matches!(self.state, State::Transferring) {
            return;
        }
        let reason = "Speech recognition failed during the call (a fault of ours).".to_owned();
        self.needs_human(&reason);
        self.ticket_reason = Some(reason.clone());
        if self.can_transfer && self.understood_once {
            return self.transfer(now, vec![phrases::CALLING_A_COLLEAGUE.to_owned()], None, reason);
        }
        if !matches!(self.state, State::Collecting(_)) {
            let (collect, _) = Collect::begin(self.wish.clone(), self.caller.clone(), self.home_country.clone());
            self.state = State::Collecting(Box::new(collect));
        }
        self.leave(now, phrases::CANNOT_HEAR);
    }

    pub(super) fn transfer_ended(&mut self, now: Instant, outcome: AttemptOutcome) {
        match self.state {
            // The caller chose to go on with the agent; the attempt's end changes nothing.
            State::Transferring if outcome != AttemptOutcome::Accepted => {
                self.collect(now, vec![phrases::NOBODY_FREE.to_owned()], None);
            }
            State::Bridged => {
                self.state = State::Leaving;
                self.hang_up();
            }
            _ => {}
        }
    }

    pub(super) fn joined(&mut self) {
        self.state = State::Bridged;
        self.deadline = None;
        self.outcome = Some(CallOutcome::Person);
        self.effects.push_back(Effect::Mark {
            status: Status::Open,
            handler: Handler::Human,
            reason: "A person took the call.".to_owned(),
        });
    }
}
