//! The side of the people of a call: those who are rung, one who is joined, and the ladder that says who is next.

mod call_back;
mod call_back_live;
mod calls_in;
mod climbing;
mod joined;
mod line;
mod live;
mod person;
mod referring;
mod taking_over;

use std::sync::Arc;
use std::time::Instant;

use crate::domain::ladder::{AttemptNo, Ladder};

use super::super::colleague::LONGEST_FAREWELL;
use super::super::front_desk::FrontDesk;
use super::super::rounds::Rounds;
use super::Call;
use person::{News, Person};
pub(super) use referring::DECLINED;
use referring::Referred;
pub(super) use taking_over::TakeOver;

pub use call_back::call_back;
pub(super) use calls_in::{CalledIn, offer_case, pending};
pub(super) use line::{Leg, Line, LineEvent};
pub use live::LiveCases;
pub(super) use live::{CameIn, Door};

/// Everybody who is rung, told, joined or said goodbye to.
#[derive(Default)]
pub(super) struct Staff {
    ladder: Option<Ladder>,
    people: Vec<Person>,
    /// What is told as it goes on.
    rounds: Rounds,
    /// Ladders of this call so far.
    ladders: u32,
    /// A transfer that the caller's side was asked for.
    referred: Option<Referred>,
    /// Attempts whose call is to go on without us once they are accepted.
    attended: Vec<AttemptNo>,
}

impl Staff {
    /// Waits for the next thing on anybody's line; for ever while there is nobody. Cancel-safe.
    pub async fn next(&mut self) -> (AttemptNo, LineEvent) {
        if self.people.is_empty() {
            return std::future::pending().await;
        }
        let lines = self.people.iter_mut().map(|person| Box::pin(person.next()));
        futures::future::select_all(lines).await.0
    }

    /// When [`Call::staff_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ladder = self.ladder.as_ref().and_then(Ladder::poll_timeout);
        self.people.iter().filter_map(Person::poll_timeout).chain(ladder).chain(self.referred_until()).min()
    }

    fn person(&mut self, attempt: AttemptNo) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.number == attempt)
    }

    fn person_at(&self, attempt: AttemptNo) -> Option<&Person> {
        self.people.iter().find(|person| person.number == attempt)
    }

    /// The caller added something: who has not heard the case hears it as it is now.
    pub fn case_is(&mut self, summary: &str) {
        for person in &mut self.people {
            person.case_is(summary);
        }
    }

    /// Who speaks with the caller, or will in a moment.
    pub fn joined(&self) -> Option<AttemptNo> {
        self.ladder.as_ref().and_then(Ladder::joined)
    }

    /// Everybody who is rung, told or joined: where, and whether they speak with the caller.
    pub fn people(&self) -> impl Iterator<Item = (&str, bool)> {
        let joined = self.joined();
        self.people
            .iter()
            .filter(|person| !person.is_leaving() && !person.is_gone())
            .map(move |person| (person.attempt.destination.as_str(), Some(person.number) == joined))
    }

    /// Whether somebody is being rung or told.
    pub fn is_ringing(&self) -> bool {
        self.ladder.as_ref().is_some_and(|ladder| ladder.joined().is_none())
    }

    /// The call is over. Whoever is being told so hears it to its end; every other leg ends at once.
    pub async fn dismiss(&mut self, desk: &Arc<FrontDesk>) {
        for mut person in std::mem::take(&mut self.people) {
            if person.is_leaving() {
                tokio::spawn(farewell(person, desk.clone()));
            } else {
                person.hang_up(false).await;
            }
        }
    }
}

/// Lets the last sentence end, and hangs up.
async fn farewell(mut person: Person, desk: Arc<FrontDesk>) {
    let ends = async {
        while !person.is_gone() {
            let (_, event) = person.next().await;
            person.take(event, &desk).await;
        }
    };
    if tokio::time::timeout(LONGEST_FAREWELL, ends).await.is_err() {
        person.hang_up(false).await;
    }
}

impl Call {
    /// Something happened on a person's line.
    pub(super) async fn staff_event(&mut self, (attempt, event): (AttemptNo, LineEvent)) {
        let desk = self.desk.clone();
        if let Some(person) = self.staff.person(attempt) {
            person.take(event, &desk).await;
        }
        self.staff_settle().await;
    }

    /// A time that people were waited for may have come.
    pub(super) async fn staff_timeout(&mut self, now: Instant) {
        for person in &mut self.staff.people {
            person.handle_timeout(now).await;
        }
        if let Some(ladder) = &mut self.staff.ladder {
            ladder.handle_timeout(now);
        }
        self.referred_timeout(now);
        self.staff_settle().await;
    }

    /// Hands what people have done to the ladder, and does what it says, until nothing is left to be done.
    async fn staff_settle(&mut self) {
        self.climb().await;
        while let Some((attempt, news)) = self.staff.people.iter_mut().find_map(Person::poll_news) {
            self.person_news(attempt, news).await;
            self.climb().await;
        }
        self.staff.people.retain(|person| !person.is_gone());
    }
}
