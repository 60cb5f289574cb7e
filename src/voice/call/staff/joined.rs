//! Caller and person together: the join, the person's orders, and the end of their talk (R54).

use tracing::{info, warn};

use crate::domain::call::AttemptOutcome;
use crate::domain::conversation::Author;
use crate::domain::escalation::Target;
use crate::domain::ladder::{AttemptNo, LadderInput};
use crate::seams::media::LegCommand;

use super::super::super::colleague::Deed;
use super::super::super::flow::Input;
use super::super::super::journal::Entry;
use super::{Call, News};

impl Call {
    pub(super) async fn person_news(&mut self, attempt: AttemptNo, news: News) {
        let now = self.desk.clock.now();
        // A supervisor has taken the call over from them, and has it in a moment.
        let is_past = self.takeover.is_some() && self.staff.joined().is_some_and(|joined| joined != attempt);
        match news {
            News::Did(Deed::Ended(outcome)) => self.attempt_ended(attempt, outcome),
            News::Did(Deed::GivesBack | Deed::PassesOn | Deed::Holds(_)) if is_past => {}
            News::Transfers(_) if is_past => {}
            News::Did(Deed::Gone { .. }) if is_past => self.finish_take_over(),
            News::Did(Deed::Gone { .. }) if self.stays_with_the_other(attempt) => {}
            News::Did(Deed::Gone { hung_up }) => {
                self.takeover = None;
                let _ = self.control.send(LegCommand::Unbridge);
                if !self.is_handing_on(attempt, hung_up) {
                    self.tell_ladder(LadderInput::PersonGone { hung_up });
                }
            }
            News::Did(Deed::GivesBack) => self.tell_ladder(LadderInput::GivenBack),
            News::Did(Deed::PassesOn) => {
                self.staff.rounds.passes_on();
                self.tell_ladder(LadderInput::PassedOn);
            }
            News::Transfers(to) => self.person_transfers(attempt, to).await,
            News::Did(Deed::Holds(true)) => {
                let _ = self.control.send(LegCommand::Unbridge);
                self.flow.handle(now, Input::PersonHolds(true));
            }
            News::Did(Deed::Holds(false)) => {
                self.words_cut();
                self.flow.handle(now, Input::PersonHolds(false));
                self.bridge(attempt);
            }
            News::Says(text) => {
                let message = self.message(Author::Teammate, text);
                self.journal.keep(Entry::Message(Box::new(message)));
            }
        }
    }

    fn attempt_ended(&mut self, attempt: AttemptNo, outcome: AttemptOutcome) {
        if let Some(person) = self.staff.person(attempt) {
            let row = person.attempt.clone();
            if let Ok(telephone) = Target::try_from(row.destination.clone())
                && outcome.was_missed()
            {
                self.desk.live_cases.missed(self.row.id, telephone, &self.door);
            }
            self.journal.keep(Entry::Attempt(Box::new(row)));
        }
        self.tell_ladder(LadderInput::Ended { attempt, outcome });
    }

    /// The team gives the caller back to the agent, as the person would by `*1`.
    pub(in super::super) async fn give_back(&mut self) {
        if self.takeover.take().is_some() {
            self.words_cut();
        }
        self.tell_ladder(LadderInput::GivenBack);
        self.staff_settle().await;
    }

    /// The team has the caller passed on from the person who speaks with them.
    pub(in super::super) async fn pass_on(&mut self, input: LadderInput) {
        self.staff.rounds.passes_on();
        self.tell_ladder(input);
        self.staff_settle().await;
    }

    pub(super) async fn join(&mut self, attempt: AttemptNo) {
        // Our own words and the tone end here; the two hear each other and nothing else.
        self.words_cut();
        if let Some(place) = self.place.take() {
            place.taken();
        }
        self.desk.live_cases.settled(self.row.id);
        self.flow.handle(self.desk.clock.now(), Input::Joined);
        if self.takeover.as_ref().is_some_and(|takeover| takeover.is_of(attempt)) {
            self.announce_take_over();
        } else if self.is_blind(attempt) {
            info!("The caller's side has called a person");
            self.tell_ladder(LadderInput::HandedOn);
        } else if self.bridge(attempt) {
            info!("A person took the call");
            if self.staff.attended.contains(&attempt) {
                self.refer_to_person(attempt).await;
            }
        } else {
            warn!("The legs could not be joined");
            self.tell_ladder(LadderInput::PersonGone { hung_up: false });
        }
    }

    pub(super) fn bridge(&mut self, attempt: AttemptNo) -> bool {
        let Some(person) = self.staff.person(attempt) else { return false };
        let Some(leg) = person.leg() else { return false };
        person.joins();
        self.control.send(LegCommand::Bridge(leg)).is_ok()
    }
}
