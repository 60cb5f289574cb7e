//! Carries out the orders of the ladder.

use std::time::Duration;

use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::escalation::{EscalationPolicy, Rung, Target, TransferBy};
use crate::domain::ids::AttemptId;
use crate::domain::ladder::{AttemptNo, Ladder, LadderEffect, LadderInput, Ring};
use crate::domain::standing_offers::Source;
use crate::seams::media::LegCommand;
use crate::seams::signaling::{Destination, DialOrder};

use super::super::super::flow::Input;
use super::super::super::journal::{Entry, link_to};
use super::super::super::offer::{Offer, OfferInput, Terms};
use super::line::Line;
use super::person::{Person, Standing};
use super::{Call, CameIn, Staff, farewell};

impl Call {
    /// What the ladder could do now is told to the flow, which promises nothing else (R58).
    pub(in super::super) fn look_ahead(&mut self) {
        let outlook = self.desk.outlook(&self.source(), &self.agent.escalation, false);
        self.flow.set_outlook(outlook);
    }

    /// Begins the ladder of the agent's policy.
    pub(in super::super) async fn transfer(&mut self, reason: String, callback_after: bool, urgent: bool) {
        let (now, policy) = (self.desk.clock.now(), &self.agent.escalation);
        let at = self.desk.clock.epoch();
        let source = self.source();
        if !self.desk.offers().may_escalate(now, &source) && !urgent {
            info!("This source has escalated as often as it may; nobody is rung");
            let otherwise = self.desk.outlook(&source, policy, callback_after).otherwise;
            return self.flow.handle(now, Input::LadderEnded(otherwise));
        }
        let ladder = Ladder::begin(now, policy, at, callback_after);
        self.begin_ladder(ladder, &reason, urgent).await;
    }

    pub(in super::super) fn source(&self) -> Source {
        Source::of(self.row.from.as_deref(), &self.row.trunk)
    }

    /// Rings whom the dialplan names; people and rotas, summary and accept key are the agent's. Nobody is told of a
    /// colleague when nobody can ring now (R58).
    pub(in super::super) async fn ring_planned(&mut self, ladder: Vec<Rung>) {
        let (now, at) = (self.desk.clock.now(), self.desk.clock.epoch());
        let policy = EscalationPolicy { ladder, ..self.agent.escalation.clone() };
        let outlook = self.desk.outlook(&self.source(), &policy, false);
        // A plan's own rings are held to no count of escalations.
        if !outlook.can_ring_in_danger {
            return self.flow.handle(now, Input::LadderEnded(outlook.otherwise));
        }
        self.flow.handle(now, Input::PeopleRing);
        let ladder = Ladder::begin(now, &policy, at, false);
        self.begin_ladder(ladder, "The dialplan or a teammate has people rung.", false).await;
    }

    async fn begin_ladder(&mut self, ladder: Ladder, reason: &str, urgent: bool) {
        self.staff.ladders += 1;
        self.sum_up(&[]);
        let payload = serde_json::json!({
            "conversation": self.row.conversation, "call": self.row.id, "reason": reason,
            "summary": self.summary(&[]), "urgent": urgent, "link": link_to(self.row.conversation),
        });
        let key = format!("escalation:{}:{}", self.row.id, self.staff.ladders);
        self.journal.keep(Entry::Notify { key, kind: "escalation", payload });
        // Attempts are counted anew: whoever is still being said goodbye to goes a way of their own, and whoever has
        // called in and is being told is one more of the new ladder.
        let mut ladder = ladder;
        let told = self.staff.people.extract_if(.., |person| person.is_told_after_calling_in());
        let mut people: Vec<Person> = told.collect();
        self.staff.dismiss(&self.desk).await;
        let now = self.desk.clock.now();
        for person in &mut people {
            let Some((id, telephone)) = person.came_in.clone() else { continue };
            match ladder.called_in(now, id, telephone) {
                Some(number) => person.number = number,
                None => person.let_go(now, OfferInput::NotNeeded).await,
            }
        }
        self.staff = Staff { ladder: Some(ladder), people, ladders: self.staff.ladders, ..Staff::default() };
        self.staff_settle().await;
    }

    /// The caller hung up, or goes on with the agent.
    pub(in super::super) async fn cancel_transfer(&mut self, caller_gone: bool) {
        if caller_gone {
            self.staff.rounds.caller_gone();
        }
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
                    let input = self.staff.rounds.let_go(outcome);
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
        if let Some(told) = self.staff.rounds.ring(&rings, self.mouth.is_speaking()) {
            self.flow.handle(now, told);
        }
        for ring in rings {
            self.ring_one(ring).await;
        }
    }

    async fn ring_one(&mut self, ring: Ring) {
        let now = self.desk.clock.now();
        let mut attempt = Attempt::begun(
            AttemptId(self.desk.ids.next()),
            self.row.id,
            ring.destination.clone().into(),
            self.desk.clock.epoch(),
        );
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
        let terms = self.terms(ring.ring_time);
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

    pub(super) fn terms(&self, ring_time: Duration) -> Terms {
        let policy = &self.agent.escalation;
        Terms {
            business: self.agent.business.clone(),
            summary: policy.spoken_summary.then(|| self.summary(&[])),
            accept_by_key: policy.accept_by_key,
            recorded: self.recording.as_ref().is_some_and(|recording| !recording.unwanted && !recording.complete),
            ring_time,
        }
    }

    /// Somebody whom this call rang in vain has called in and wants it: they hear the case and are joined as if they
    /// had picked up then (R55).
    pub(in super::super) async fn came_in(&mut self, who: CameIn) {
        let now = self.desk.clock.now();
        let CameIn { person, telephone, leg, standing } = who;
        let number = match &mut self.staff.ladder {
            Some(ladder) => ladder.called_in(now, person.clone(), telephone.clone()),
            None => {
                let (policy, at) = (&self.agent.escalation, self.desk.clock.epoch());
                let (ladder, number) = Ladder::of_caller_in(now, policy, at, person.clone(), telephone.clone());
                self.staff.dismiss(&self.desk).await;
                self.staff = Staff { ladder: Some(ladder), ladders: self.staff.ladders, ..Staff::default() };
                Some(number)
            }
        };
        let attempt = Attempt {
            id: AttemptId(self.desk.ids.next()),
            call: self.row.id,
            destination: telephone.clone().into(),
            started_at: self.desk.clock.epoch(),
            ring_ms: Some(0),
            outcome: None,
            said: None,
        };
        info!(attempt.id = %attempt.id, "A colleague who was rung in vain has called in");
        let offer = Offer::ring(self.terms(Duration::ZERO), now);
        let line = Line::Up(leg);
        match number {
            Some(number) => {
                self.journal.keep(Entry::Attempt(Box::new(attempt.clone())));
                let mut colleague = Person::new(number, attempt, offer, line, standing, now);
                colleague.came_in = Some((person, telephone));
                colleague.takes_up(now).await;
                self.staff.people.push(colleague);
            }
            // Somebody else was quicker. No ladder knows of them, and they are only told so.
            None => {
                let mut person = Person::new(AttemptNo(0), attempt, offer, line, standing, now);
                person.is_too_late(now).await;
                tokio::spawn(farewell(person, self.desk.clone()));
            }
        }
        self.staff_settle().await;
    }
}

/// How much longer than its ring time a call would ring if nobody ended it.
const RINGS_ON: Duration = Duration::from_secs(2);

/// Only the policy names a destination; there is no other way to make one of a call.
pub(super) fn destination(target: &Target) -> Option<Destination> {
    let destination = Destination::of(target);
    if destination.is_none() {
        warn!("A ladder named somebody without a telephone; this is a fault of ours");
    }
    destination
}
