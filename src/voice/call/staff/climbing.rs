//! Carries out the orders of the ladder.

use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::escalation::{EscalationPolicy, Rung, Target, TransferBy};
use crate::domain::ids::AttemptId;
use crate::domain::ladder::{Ladder, LadderEffect, LadderInput, Ring};
use crate::domain::standing_offers::Source;
use crate::seams::media::LegCommand;
use crate::seams::signaling::{Destination, DialOrder};

use super::super::super::flow::Input;
use super::super::super::journal::{Entry, link_to};
use super::super::super::offer::{Offer, OfferInput, Terms};
use super::line::Line;
use super::person::{Person, Standing};
use super::{Call, Staff};

impl Call {
    /// What the ladder could do now is told to the flow, which promises nothing else (R58).
    pub(in super::super) fn look_ahead(&mut self) {
        let (now, at, source) = (self.desk.clock.now(), self.desk.clock.epoch(), self.source());
        let outlook = self.desk.offers().outlook(now, &source, &self.agent.escalation, at, false);
        self.flow.set_outlook(outlook);
    }

    /// Begins the ladder of the agent's policy.
    pub(in super::super) async fn transfer(&mut self, reason: String, callback_after: bool, urgent: bool) {
        let (now, policy) = (self.desk.clock.now(), &self.agent.escalation);
        let at = self.desk.clock.epoch();
        let source = self.source();
        if !self.desk.offers().may_escalate(now, &source) && !urgent {
            info!("This source has escalated as often as it may; nobody is rung");
            let otherwise = self.desk.offers().outlook(now, &source, policy, at, callback_after).otherwise;
            return self.flow.handle(now, Input::LadderEnded(otherwise));
        }
        let ladder = Ladder::begin(now, policy, at, callback_after);
        self.begin_ladder(ladder, &reason, urgent).await;
    }

    fn source(&self) -> Source {
        Source::of(self.row.from.as_deref(), &self.row.trunk)
    }

    /// Rings whom the dialplan names; people and rotas, summary and accept key are the agent's. Nobody is told of a
    /// colleague when nobody can ring now (R58).
    pub(in super::super) async fn ring_planned(&mut self, ladder: Vec<Rung>) {
        let (now, at) = (self.desk.clock.now(), self.desk.clock.epoch());
        let policy = EscalationPolicy { ladder, ..self.agent.escalation.clone() };
        let outlook = self.desk.offers().outlook(now, &self.source(), &policy, at, false);
        // A plan's own rings are held to no count of escalations.
        if !outlook.can_ring_in_danger {
            return self.flow.handle(now, Input::LadderEnded(outlook.otherwise));
        }
        self.flow.handle(now, Input::PeopleRing);
        let ladder = Ladder::begin(now, &policy, at, false);
        self.begin_ladder(ladder, "The dialplan rings people.", false).await;
    }

    async fn begin_ladder(&mut self, ladder: Ladder, reason: &str, urgent: bool) {
        self.staff.ladders += 1;
        let payload = serde_json::json!({
            "conversation": self.row.conversation, "call": self.row.id, "reason": reason,
            "summary": self.summary(&[]), "urgent": urgent, "link": link_to(self.row.conversation),
        });
        let key = format!("escalation:{}:{}", self.row.id, self.staff.ladders);
        self.journal.keep(Entry::Notify { key, kind: "escalation", payload });
        // Attempts are counted anew: whoever is still being said goodbye to goes a way of their own.
        self.staff.dismiss(&self.desk).await;
        self.staff = Staff { ladder: Some(ladder), ladders: self.staff.ladders, ..Staff::default() };
        self.staff_settle().await;
    }

    /// The caller hung up, or goes on with the agent.
    pub(in super::super) async fn cancel_transfer(&mut self, caller_gone: bool) {
        self.staff.caller_gone |= caller_gone;
        let input = if caller_gone { LadderInput::CallerGone } else { LadderInput::NeverMind };
        self.tell_ladder(input);
        self.staff_settle().await;
    }

    /// The caller wants to be connected again with the person who was lost.
    pub(in super::super) async fn reconnect(&mut self) {
        self.tell_ladder(LadderInput::Reconnect);
        self.staff_settle().await;
    }

    pub(super) fn tell_ladder(&mut self, input: LadderInput) {
        if let Some(ladder) = &mut self.staff.ladder {
            ladder.handle(self.desk.clock.now(), input);
        }
    }

    /// Does what the ladder says.
    pub(super) async fn climb(&mut self) {
        while let Some(effect) = self.staff.ladder.as_mut().and_then(Ladder::poll_effect) {
            let now = self.desk.clock.now();
            match effect {
                LadderEffect::Ring(rings) => self.ring(rings).await,
                LadderEffect::Cancel { attempt, outcome } => {
                    let input = input_for(outcome, self.staff.caller_gone);
                    match self.staff.person(attempt) {
                        Some(person) => person.let_go(now, input).await,
                        None => self.forget_referred(attempt, outcome),
                    }
                }
                LadderEffect::Join(attempt) => self.join(attempt).await,
                LadderEffect::Part(attempt) => {
                    let _ = self.control.send(LegCommand::Unbridge);
                    if let Some(person) = self.staff.person(attempt) {
                        person.hang_up(false).await;
                    }
                }
                LadderEffect::Lost(_) => self.flow.handle(now, Input::PersonLost),
                LadderEffect::Ended(end) => {
                    info!(ladder.end = ?end, "The ladder ended");
                    self.staff.ladder = None;
                    self.flow.handle(now, Input::LadderEnded(end));
                }
            }
        }
    }

    async fn ring(&mut self, rings: Vec<Ring>) {
        let now = self.desk.clock.now();
        let is_first = self.staff.rung.is_empty();
        let is_new = rings.iter().any(|ring| ring.person.is_none() || !self.staff.rung.contains(&ring.person));
        if std::mem::take(&mut self.staff.passed_on) {
            self.flow.handle(now, Input::PassedOn);
        } else if !is_first && is_new && !self.mouth.is_speaking() {
            self.flow.handle(now, Input::TryingNext);
        }
        for ring in rings {
            self.staff.rung.push(ring.person.clone());
            self.ring_one(ring).await;
        }
    }

    async fn ring_one(&mut self, ring: Ring) {
        let now = self.desk.clock.now();
        let mut attempt = Attempt {
            id: AttemptId(self.desk.ids.next()),
            call: self.row.id,
            destination: ring.destination.clone().into(),
            started_at: self.desk.clock.epoch(),
            ring_ms: None,
            outcome: None,
            said: None,
        };
        let offered = self.desk.offers().offer(now, &ring);
        let (to, offer) = match (destination(&ring.destination), offered) {
            (Some(to), Ok(offer)) => (to, Standing::new(&self.desk, offer)),
            (_, offered) => {
                match offered {
                    Ok(offer) => drop(Standing::new(&self.desk, offer)),
                    Err(reason) => info!(attempt.id = %attempt.id, %reason, "A person is not rung"),
                }
                let outcome = AttemptOutcome::Busy;
                attempt.outcome = Some(outcome);
                self.journal.keep(Entry::Attempt(Box::new(attempt)));
                return self.tell_ladder(LadderInput::Ended { attempt: ring.attempt, outcome });
            }
        };
        self.journal.keep(Entry::Attempt(Box::new(attempt.clone())));
        match ring.transfer {
            TransferBy::Blind => return self.refer_to(ring.attempt, attempt, offer, to).await,
            TransferBy::Attended => self.staff.attended.push(ring.attempt),
            TransferBy::Bridged => {}
        }
        info!(attempt.id = %attempt.id, "Ringing a person");
        let policy = &self.agent.escalation;
        let terms = Terms {
            business: self.agent.business.clone(),
            summary: policy.spoken_summary.then(|| self.summary(&[])),
            accept_by_key: policy.accept_by_key,
            recorded: self.recording.as_ref().is_some_and(|recording| !recording.unwanted),
            ring_time: ring.ring_time,
        };
        // The offer's own clock ends the ringing; signalling's is behind it should that be late.
        let order = DialOrder {
            to,
            ring_timeout: ring.ring_time + RINGS_ON,
            beside: Some(self.leg),
            on_behalf_of: self.caller.clone(),
        };
        let line = Line::dial(&self.desk, order);
        self.staff.people.push(Person::new(ring.attempt, attempt, Offer::ring(terms, now), line, offer, now));
    }
}

/// How much longer than its ring time a call would ring if nobody ended it.
const RINGS_ON: std::time::Duration = std::time::Duration::from_secs(2);

/// What is told to a person who is let go.
fn input_for(outcome: AttemptOutcome, caller_gone: bool) -> OfferInput {
    match outcome {
        AttemptOutcome::Superseded => OfferInput::Superseded,
        AttemptOutcome::CallerHungUp if caller_gone => OfferInput::CallerGone,
        AttemptOutcome::CallerHungUp => OfferInput::NotNeeded,
        _ => OfferInput::Failed,
    }
}

/// Only the policy names a destination; there is no other way to make one of a call.
pub(super) fn destination(target: &Target) -> Option<Destination> {
    match target {
        Target::Number(number) => Some(Destination::Number(number.clone())),
        Target::Sip(address) => Some(Destination::Uri(address.clone())),
        Target::Person(_) | Target::Rota(_) => {
            warn!("A ladder named somebody without a telephone; this is a fault of ours");
            None
        }
    }
}
