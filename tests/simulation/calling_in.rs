//! Somebody of the team who was rung in vain calls in while the caller is still there (R55).

use std::time::Duration;

use switchboard::domain::escalation::{Target, TransferBy};
use switchboard::domain::ladder::{AttemptNo, Ladder, Ring};
use switchboard::voice::rounds::Rounds;

use crate::agenda::Event;
use crate::case::Leg;
use crate::kept::Row;
use crate::people::{News, Who};
use crate::world::World;

impl World {
    /// Whoever missed this offer calls, and wants the case.
    pub fn calls_in(&mut self, call: usize, missed: usize) {
        let case = &self.cases[call];
        if !case.is_live() || case.joined.is_some() || self.down {
            return;
        }
        let person = &case.people[missed];
        let (destination, id) = (person.destination.clone(), person.id.clone());
        let Ok(telephone) = Target::try_from(destination.clone()) else { return };
        let ring = Ring {
            attempt: AttemptNo(1),
            person: id.clone(),
            destination: telephone.clone(),
            ring_time: Duration::from_secs(4),
            transfer: TransferBy::Bridged,
        };
        let Ok(standing) = self.offers.offer(self.now, &ring) else { return };
        self.tally.count("telephones", "called in");
        let number = match &mut self.cases[call].ladder {
            Some(ladder) => ladder.called_in(self.now, id.clone(), telephone),
            None => {
                let (policy, at) = (&self.agent.escalation, self.epoch());
                let (ladder, number) = Ladder::of_caller_in(self.now, policy, at, id.clone(), telephone);
                self.dismiss(call);
                let case = &mut self.cases[call];
                case.ladder = Some(ladder);
                case.unasked = true;
                case.rounds = Rounds::default();
                case.ladder_began_at = case.people.len();
                Some(number)
            }
        };
        self.note(call, || format!("{destination} calls in"));
        let line = self.cases[call].people.len();
        let mut person = self.somebody(call, number.unwrap_or(AttemptNo(0)), destination, Duration::ZERO);
        (person.leg, person.who, person.standing, person.id) = (Leg::Up, Who::Human, Some(standing), id);
        person.came_in = true;
        // The key by which they took it.
        person.keyed = true;
        if number.is_some() {
            person.colleague.takes_up(self.now);
        } else {
            person.colleague.is_too_late(self.now);
            person.outcome = Some(switchboard::domain::call::AttemptOutcome::Superseded);
        }
        self.cases[call].people.push(person);
        if number.is_some() {
            self.keep(call, Row::Attempt { line, outcome: None });
        }
        self.carry_out_person(call, line);
        let after = self.chance.ms(200..=9_000);
        let news = match self.chance.weighted(&[(50, 0), (15, 1), (10, 2), (25, 3)]) {
            0 => News::Presses(b'1'),
            1 => News::Presses(b'2'),
            2 => News::HangsUp,
            _ => News::SoundsLikeAPerson,
        };
        self.agenda.at(self.now + after, call, Event::AtTelephone { line, news });
        self.after_people(call);
    }
}
