//! A callback among the live calls (R9): supervised, taken over and ended like any other, once the two speak with each
//! other. There is no agent on it, to whom it could be given back, and no ladder.

use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::escalation::Target;
use crate::domain::ids::AttemptId;
use crate::domain::ladder::AttemptNo;
use crate::domain::transition::Act;

use super::super::super::customer::{Customer, CustomerInput};
use super::super::super::flow::Stands;
use super::super::super::journal::Entry;
use super::super::super::live_calls::{Asked, Listed, LiveCall, LiveParty, NotDone, Order, PartyRole};
use super::super::super::supervision::Happened;
use super::super::third_ear::{self, Lent, ThirdEar};
use super::call_back::CallBack;
use super::farewell;
use super::line::Line;
use super::person::Person;

/// A callback's place among the live calls, and whoever looks into it.
#[derive(Default)]
pub(super) struct Live {
    listed: Option<Listed>,
    orders: Option<mpsc::Receiver<Asked>>,
    pub(super) supervisor: Option<ThirdEar>,
}

impl Live {
    /// What the team orders next; for ever where it is not listed. Cancel-safe.
    pub(super) async fn order(orders: &mut Option<mpsc::Receiver<Asked>>) -> Asked {
        let asked = async { orders.as_mut()?.recv().await };
        match asked.await {
            Some(asked) => asked,
            None => std::future::pending().await,
        }
    }

    /// What is waited for next, on each side of it by itself.
    pub(super) fn sides(&mut self) -> (&mut Option<mpsc::Receiver<Asked>>, &mut Option<ThirdEar>) {
        (&mut self.orders, &mut self.supervisor)
    }
}

impl CallBack {
    /// The two speak with each other.
    pub(super) fn list(&mut self, teammate: &Person, line: &mut Line) {
        let shown = self.shown(teammate);
        let Some(leg) = line.leg() else { return };
        let (listed, orders) = Listed::new(&self.desk, shown, leg.id);
        self.live.listed = Some(listed);
        self.live.orders = Some(orders);
        let now = self.desk.clock.now();
        if self.recording.is_some() {
            self.live.supervisor.iter_mut().for_each(|supervisor| supervisor.hears_of_recording(now));
        }
    }

    /// The team orders something.
    pub(super) async fn asked(
        &mut self,
        asked: Asked,
        customer: &mut Customer,
        teammate: &mut Person,
        line: &mut Line,
    ) {
        let Asked { order, by, done } = asked;
        let outcome = self.obey(order, by, customer, line);
        self.settle_supervision(teammate, line).await;
        let shown = self.shown(teammate);
        // Whoever asked may have gone.
        let _ = done.send(outcome.map(|()| shown));
    }

    fn obey(&mut self, order: Order, by: String, customer: &mut Customer, line: &mut Line) -> Result<(), NotDone> {
        let now = self.desk.clock.now();
        let leg = line.leg().map(|leg| leg.id).ok_or(NotDone::Ended)?;
        let (desk, agent, theirs) = (self.desk.clone(), self.desk.agent.load_full(), by.clone());
        let come =
            |way, mode, takes_over| ThirdEar::coming(&desk, &agent.escalation, leg, theirs, (way, mode, takes_over));
        match third_ear::obey(&mut self.live.supervisor, now, order, come)? {
            Some(Order::HandBack) => Err(NotDone::NotTaken),
            Some(Order::Transfer(_)) => Err(NotDone::NotNow),
            Some(Order::End) => {
                self.journal.keep(Entry::Did { act: Act::CallEnded, by, supervision: None });
                customer.handle(now, CustomerInput::TeammateGone);
                Ok(())
            }
            Some(Order::Join { .. } | Order::Change(_) | Order::Leave | Order::TakeOver(_)) | None => Ok(()),
        }
    }

    /// Does what a supervisor's presence asks for, and shows how the call stands.
    pub(super) async fn settle_supervision(&mut self, teammate: &mut Person, line: &mut Line) {
        let Some(control) = line.leg().map(|leg| leg.control()) else { return };
        let mut supervisor = self.live.supervisor.take();
        let taken_over = third_ear::settle(&mut supervisor, &self.lent(&control)).await;
        self.live.supervisor = supervisor;
        if let Some((theirs, telephone)) = taken_over {
            self.taken_over(teammate, line, theirs, telephone);
        }
        if let Some(listed) = &self.live.listed {
            listed.show(self.shown(teammate));
        }
    }

    /// Something happened on the supervisor's line.
    pub(super) async fn supervisor_event(&mut self, event: super::LineEvent, line: &mut Line) {
        let Some(control) = line.leg().map(|leg| leg.control()) else { return };
        let Some(mut supervisor) = self.live.supervisor.take() else { return };
        supervisor.event(event, &self.lent(&control)).await;
        self.live.supervisor = Some(supervisor);
    }

    /// It is over.
    pub(super) async fn delist(&mut self, teammate: &mut Person, line: &mut Line) {
        let now = self.desk.clock.now();
        if let Some(supervisor) = &mut self.live.supervisor {
            supervisor.presence.handle(now, Happened::CallOver);
        }
        self.settle_supervision(teammate, line).await;
        self.live = Live::default();
    }

    /// The supervisor's leg is joined with the customer's in the teammate's place, in one order; the teammate is told.
    fn taken_over(&mut self, teammate: &mut Person, line: &mut Line, theirs: Line, telephone: Target) {
        let Some(leg) = line.leg() else { return };
        let now = self.desk.clock.now();
        let attempt = Attempt {
            ring_ms: Some(0),
            outcome: Some(AttemptOutcome::Accepted),
            ..Attempt::begun(AttemptId(self.desk.ids.next()), self.row.id, telephone.into(), self.desk.clock.epoch())
        };
        info!(attempt.id = %attempt.id, "A supervisor takes the callback over");
        self.keep_attempt(attempt.clone());
        let number = AttemptNo(teammate.number.0 + 1);
        let mut successor = Person::taking_over(number, attempt, self.terms(), theirs, now);
        successor.listens(&self.desk);
        if !successor.bridge(leg.id) {
            warn!("The legs could not be joined");
        }
        let mut relieved = std::mem::replace(teammate, successor);
        relieved.is_relieved(now);
        tokio::spawn(farewell(relieved, self.desk.clone()));
    }

    fn lent<'a>(&'a self, customer: &'a crate::seams::media::LegControl) -> Lent<'a> {
        Lent {
            desk: &self.desk,
            journal: &self.journal,
            call: &self.row,
            customer,
            is_recorded: self.recording.is_some(),
        }
    }

    fn shown(&self, teammate: &Person) -> LiveCall {
        let customer = LiveParty { role: PartyRole::Caller, who: Some(self.row.to.clone()) };
        let colleague =
            LiveParty { role: PartyRole::Colleague, who: Some(teammate.attempt.destination.as_str().to_owned()) };
        LiveCall {
            id: self.row.id,
            conversation: self.row.conversation,
            inbox: self.desk.inbox,
            trunk: self.row.trunk.clone(),
            started_at_ms: self.row.started_at,
            stands: Stands::WithPerson,
            since_ms: self.row.answered_at.unwrap_or(self.row.started_at),
            agent_speaks: false,
            parties: vec![customer, colleague],
            supervisors: self.live.supervisor.iter().filter_map(ThirdEar::shown).collect(),
        }
    }
}
