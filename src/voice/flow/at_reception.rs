//! The dialplan has the call: its orders become the call's own.

use std::sync::Arc;
use std::time::Instant;

use crate::domain::call::CallOutcome;
use crate::domain::dialplan::plan::RingTarget;
use crate::domain::dialplan::{Action, Plan};
use crate::domain::escalation::{Rung, RungAction};
use crate::domain::ladder::LadderEnd;

use super::super::phrases;
use super::super::reception::{Order, Reception, ReceptionInput};
use super::{CallFlow, Effect, Input, LONGEST_GOODBYE, Say, SayKind, State, TRANSFER_UPDATE_EVERY};

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
            Input::Heard { text, .. } if text.trim().is_empty() => ReceptionInput::NothingSaid,
            Input::Heard { .. } => ReceptionInput::Heard,
            Input::LadderEnded(_) => ReceptionInput::NobodyCame,
            Input::PeopleRing => return self.people_ring(now),
            Input::QueuePlace(place, expected) => ReceptionInput::Place(place, expected),
            Input::QueueFull => ReceptionInput::Full,
            Input::CallerGone => return self.caller_gone(now),
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
            Input::Answered
            | Input::TurnReady { .. }
            | Input::TurnBegun { .. }
            | Input::TurnGoesOn(_)
            | Input::TurnOver
            | Input::TurnFailed
            | Input::NoticeHeard
            | Input::Joined
            | Input::TryingNext
            | Input::PassedOn
            | Input::PersonLost
            | Input::PersonHolds(_)
            | Input::RecordingFailed
            | Input::TransferOrdered(_)
            | Input::EndOrdered
            | Input::FaxCalls => return,
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
            Order::Ring(ring) => self.effects.push_back(Effect::Ring(rungs(&ring.steps, ring.ring_seconds))),
            Order::Join(queue) => self.effects.push_back(Effect::JoinQueue(queue)),
            Order::AskPlace => self.effects.push_back(Effect::AskPlace),
            Order::LeaveQueue => self.effects.push_back(Effect::LeaveQueue),
            Order::HoldTone => self.effects.push_back(Effect::HoldTone),
            Order::Agent if self.deaf => self.deafened(now),
            Order::Agent => self.agent_takes_over(now),
            Order::Help => {
                self.state = State::Conversing;
                self.help(now);
            }
            Order::TakeDetails => self.begin_callback(now, Vec::new()),
            Order::TakeMessage => self.begin_voicemail(now, Vec::new()),
            Order::Leave(words) => {
                self.outcome = Some(CallOutcome::BestEffort);
                self.state = State::Leaving;
                self.effects.push_back(Effect::Say(Say::new(SayKind::Goodbye, words)));
                self.deadline = Some(now + LONGEST_GOODBYE * 2);
            }
        }
    }

    /// People ring now: only then is the caller told (R58), after who we are and that a machine speaks (R48).
    fn people_ring(&mut self, now: Instant) {
        let State::AtReception(reception) = std::mem::replace(&mut self.state, RINGING) else { return };
        self.away = Some(reception);
        let mut say = Say::new(SayKind::Prompt, Vec::new());
        if !std::mem::replace(&mut self.greeted, true) {
            (say.sentences, say.notice) = phrases::greeting(&self.agent);
            say.sentences.pop();
        }
        say.sentences.push(phrases::CALLING_A_COLLEAGUE.to_owned());
        self.say(now, say);
        self.deadline = Some(now + TRANSFER_UPDATE_EVERY);
    }

    /// Whether the plan goes on after this end of its ladder. A caller who went on with the agent stays there.
    pub(super) fn comes_back(&mut self, end: LadderEnd) -> bool {
        let nobody_came = match end {
            LadderEnd::Voicemail { .. } | LadderEnd::Callback { .. } | LadderEnd::Flag | LadderEnd::BestEffort => {
                matches!(self.state, State::Transferring { .. })
            }
            LadderEnd::Person
            | LadderEnd::GivenBack
            | LadderEnd::NeverMind
            | LadderEnd::CallerGone
            | LadderEnd::CutByRestart => false,
        };
        if !nobody_came && self.away.take().is_some_and(|reception| reception.is_waiting()) {
            self.effects.push_back(Effect::LeaveQueue);
        }
        self.away.is_some()
    }

    pub(super) fn waits_in_a_queue(&self) -> bool {
        self.away.as_ref().is_some_and(|reception| reception.is_waiting())
    }

    /// The hash key, while the people are being rung for this caller.
    pub(super) fn leaves_the_queue(&mut self, now: Instant) {
        self.away = None;
        self.effects.push_back(Effect::LeaveQueue);
        self.effects.push_back(Effect::CancelTransfer { caller_gone: false });
        self.begin_callback(now, Vec::new());
    }

    pub(super) fn nobody_came(&mut self, now: Instant) {
        let Some(reception) = self.away.take() else { return };
        self.state = State::AtReception(reception);
        self.at_reception(now, Input::LadderEnded(LadderEnd::Flag));
    }

    fn agent_takes_over(&mut self, now: Instant) {
        if !self.greeted {
            return self.greet(now);
        }
        if !self.agent.published {
            return self.collect(now, vec![phrases::TAKES_THE_CASE.to_owned()], None);
        }
        self.state = State::Conversing;
        let words = [phrases::NOBODY_FREE_NOW, phrases::HOW_CAN_I_HELP].map(str::to_owned).to_vec();
        self.say(now, Say::new(SayKind::Prompt, words));
    }
}

/// Each step is a rung; what follows them is the plan's own affair.
fn rungs(steps: &[Vec<RingTarget>], ring_seconds: u16) -> Vec<Rung> {
    let ring = |step: &Vec<RingTarget>| RungAction::Ring {
        targets: step.iter().map(|ringing| ringing.target.clone()).collect(),
        ring_seconds,
        transfer: None,
    };
    steps.iter().map(ring).chain([RungAction::Flag]).map(|action| Rung { action, when: None }).collect()
}

/// The state in which people are rung.
const RINGING: State = State::Transferring { callback_after: false, asked: None };
