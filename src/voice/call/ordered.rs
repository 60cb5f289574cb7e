//! What the team orders of a live call, and how the call looks to those who look on (R9).

use tokio::sync::mpsc;

use crate::domain::escalation::{EscalationPolicy, RING_SECONDS, Rung, RungAction, Target};
use crate::domain::ladder::{AttemptNo, LadderInput};
use crate::domain::supervision::SupervisionMode as Mode;
use crate::domain::transition::Act;

use super::super::flow::{Input, Stands};
use super::super::journal::Entry;
use super::super::live_calls::{Asked, Listed, LiveCall, LiveParty, NotDone, Order, PartyRole};
use super::Call;
use super::third_ear::{self, ThirdEar};

/// How the call looks to those who look on, as far as it changes; compared after everything that happens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    stands: Stands,
    agent_speaks: bool,
    people: usize,
    joined: Option<AttemptNo>,
    supervised: Option<(Mode, bool)>,
}

impl Call {
    /// Lists the call; what the team orders of it comes out.
    pub(super) fn list(&mut self) -> mpsc::Receiver<Asked> {
        self.stands_since = self.desk.clock.epoch();
        let shown = self.shown();
        let (listed, orders) = Listed::new(&self.desk, shown, self.leg);
        self.listed = Some(listed);
        orders
    }

    /// The team orders something.
    pub(super) async fn asked(&mut self, asked: Asked) {
        let Asked { order, by, done } = asked;
        let outcome = self.obey(order, by).await;
        self.carry_out().await;
        self.settle_third_ear().await;
        let shown = self.shown();
        // Whoever asked may have gone.
        let _ = done.send(outcome.map(|()| shown));
    }

    async fn obey(&mut self, order: Order, by: String) -> Result<(), NotDone> {
        let now = self.desk.clock.now();
        if self.over || self.flow.stands() == Stands::Ending {
            return Err(NotDone::Ended);
        }
        if let Order::Join { mode, .. } | Order::Change(mode) = &order {
            self.may_whisper(*mode)?;
        }
        if self.takeover.is_some() && matches!(order, Order::Join { .. } | Order::TakeOver(Some(_))) {
            return Err(NotDone::Occupied);
        }
        let (desk, policy, leg) = (self.desk.clone(), self.agent.clone(), self.leg);
        let theirs = by.clone();
        let come =
            |way, mode, takes_over| ThirdEar::coming(&desk, &policy.escalation, leg, theirs, (way, mode, takes_over));
        match third_ear::obey(&mut self.supervisor, now, order, come)? {
            Some(Order::HandBack) => {
                self.staff.joined().ok_or(NotDone::NotTaken)?;
                self.keep_deed(Act::Released, by);
                self.give_back().await;
            }
            Some(Order::Transfer(to)) => self.transfer_ordered(to, by).await?,
            Some(Order::End) => {
                self.keep_deed(Act::CallEnded, by);
                self.flow.handle(now, Input::EndOrdered);
            }
            Some(Order::Join { .. } | Order::Change(_) | Order::Leave | Order::TakeOver(_)) | None => {}
        }
        Ok(())
    }

    fn keep_deed(&self, act: Act, by: String) {
        self.journal.keep(Entry::Did { act, by, supervision: None });
    }

    fn may_whisper(&self, mode: Mode) -> Result<(), NotDone> {
        let has_colleague = self.staff.joined().is_some();
        if mode == Mode::Whisper && !has_colleague { Err(NotDone::NoColleague) } else { Ok(()) }
    }

    async fn transfer_ordered(&mut self, to: Option<Target>, by: String) -> Result<(), NotDone> {
        let act = Act::CallTransferred { to: to.clone().map(String::from) };
        let with_a_person = self.staff.joined().is_some() && self.takeover.is_none();
        if with_a_person {
            let input = match &to {
                None => LadderInput::PassedOn,
                Some(target) => {
                    let first = self.telephones_of(target)?.into_iter().next().ok_or(NotDone::NobodyFree)?;
                    LadderInput::PassedTo(first)
                }
            };
            self.keep_deed(act, by);
            self.pass_on(input).await;
            return Ok(());
        }
        if !self.flow.may_be_transferred() {
            return Err(NotDone::NotNow);
        }
        let rungs = match to {
            None => self.agent.escalation.ladder.clone(),
            Some(target) => {
                self.telephones_of(&target)?;
                let action = RungAction::Ring { targets: vec![target], ring_seconds: RING_SECONDS, transfer: None };
                vec![Rung { action, when: None }]
            }
        };
        let policy = EscalationPolicy { ladder: rungs, ..self.agent.escalation.clone() };
        if !self.desk.outlook(&self.source(), &policy, false).can_ring_in_danger {
            return Err(NotDone::NobodyFree);
        }
        self.keep_deed(act, by);
        self.flow.handle(self.desk.clock.now(), Input::TransferOrdered(policy.ladder));
        Ok(())
    }

    /// Shows how the call looks, if that has changed.
    pub(super) fn show(&mut self) {
        let look = Look {
            stands: self.flow.stands(),
            agent_speaks: self.mouth.is_speaking(),
            people: self.staff.people().count(),
            joined: self.staff.joined(),
            supervised: self
                .supervisor
                .as_ref()
                .and_then(|supervisor| Some((supervisor.presence.mode()?, supervisor.presence.is_here()))),
        };
        if self.look == Some(look) {
            return;
        }
        if self.look.is_none_or(|before| before.stands != look.stands) {
            self.stands_since = self.desk.clock.epoch();
        }
        self.look = Some(look);
        if let Some(listed) = &self.listed {
            listed.show(self.shown());
        }
    }

    fn shown(&self) -> LiveCall {
        let caller = LiveParty { role: PartyRole::Caller, who: self.row.from.clone() };
        let people = self.staff.people().map(|(telephone, is_joined)| LiveParty {
            role: if is_joined { PartyRole::Colleague } else { PartyRole::Rung },
            who: Some(telephone.to_owned()),
        });
        LiveCall {
            id: self.row.id,
            conversation: self.row.conversation,
            inbox: self.desk.inbox,
            trunk: self.row.trunk.clone(),
            started_at_ms: self.row.started_at,
            stands: self.flow.stands(),
            since_ms: self.stands_since,
            agent_speaks: self.mouth.is_speaking(),
            parties: std::iter::once(caller).chain(people).collect(),
            supervisors: self.supervisor.iter().filter_map(ThirdEar::shown).collect(),
        }
    }
}
