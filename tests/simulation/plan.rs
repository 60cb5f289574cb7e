//! Where the dialplan sends a call, and what it orders: people to be rung, and places in its queues.

use switchboard::domain::dialplan::plan::Queue;
use switchboard::domain::dialplan::{Action, Address, CallFacts};
use switchboard::domain::escalation::{EscalationPolicy, Rung};
use switchboard::domain::ladder::Ladder;
use switchboard::voice::flow::Input;

use crate::case::TRUNK;
use crate::checks::Check;
use crate::world::World;

impl World {
    /// Asks the plan before the call is answered; false when it is refused.
    pub fn routed(&mut self, call: usize) -> bool {
        let facts = CallFacts {
            called: Address::read("+4930901800", None),
            caller: self.cases[call].number.as_deref().map(|number| Address::read(number, None)),
            trunk: TRUNK.into(),
            ..CallFacts::default()
        };
        let decision = self.plan.route(&facts, self.epoch());
        self.tally.count("plans", decision.name.clone());
        self.note(call, || format!("the dialplan says {}", decision.name));
        match decision.action {
            Action::Reject { .. } => return false,
            Action::Agent { .. } => {}
            action => {
                let case = &mut self.cases[call];
                case.flow = case.flow.clone().planned(self.plan.clone(), action);
            }
        }
        true
    }

    /// As the driver rings whom the plan names: nobody is told of a colleague when nobody can ring.
    pub fn ring_planned(&mut self, call: usize, ladder: Vec<Rung>) {
        let (now, at, source) = (self.now, self.epoch(), self.cases[call].source());
        let policy = EscalationPolicy { ladder, ..self.agent.escalation.clone() };
        let outlook = self.offers.outlook(now, &source, &policy, at, false, |_| true);
        if !outlook.can_ring_in_danger {
            return self.look_at_the_flow(call, Input::LadderEnded(outlook.otherwise));
        }
        self.look_at_the_flow(call, Input::PeopleRing);
        let case = &mut self.cases[call];
        case.watch.agent_owes = true;
        let before = case.people.len();
        self.begin_ladder(call, Ladder::begin(now, &policy, at, false));
        if self.cases[call].people.len() == before {
            self.broken(call, Check::EmptyPromise, "a colleague was announced by the plan and nobody rings".into());
        }
    }

    pub fn join_queue(&mut self, call: usize, queue: &Queue) {
        match self.queues.join(&queue.name, queue.callers_max, self.now) {
            Some(ticket) => {
                self.tally.count("queues", "waits");
                self.cases[call].place = Some((queue.name.clone(), ticket));
                self.tell_place(call);
            }
            None => {
                self.tally.count("queues", "full");
                self.look_at_the_flow(call, Input::QueueFull);
            }
        }
    }

    pub fn tell_place(&mut self, call: usize) {
        let Some((name, ticket)) = self.cases[call].place.clone() else { return };
        if let Some(at) = self.queues.place(&name, ticket) {
            let expected = self.queues.expected_wait(&name, at);
            self.look_at_the_flow(call, Input::QueuePlace(at, expected));
        }
    }

    pub fn leave_queue(&mut self, call: usize) {
        if let Some((name, ticket)) = self.cases[call].place.take() {
            self.tally.count("queues", "left");
            self.queues.left(&name, ticket);
        }
    }

    pub fn place_taken(&mut self, call: usize) {
        if let Some((name, ticket)) = self.cases[call].place.take() {
            self.tally.count("queues", "taken");
            self.queues.taken(&name, ticket, self.now);
        }
    }
}
