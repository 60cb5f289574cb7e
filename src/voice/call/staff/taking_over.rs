//! A supervisor takes the call over (R9): from the agent, from people who ring, or from the one who speaks with the
//! caller.
//!
//! 1. The agent is silent from the next packet on and drops what it was about to say; whoever rings is let go.
//! 2. The caller is told in one sentence, beneath which whoever speaks with them goes on.
//! 3. Once it was heard (or cut off) the supervisor's leg is joined in the other's place, in one order: the caller hears
//!    one or the other in every packet. The other is told, alone, and their leg ends.
//!
//! From then on the supervisor is the colleague of this call like anybody who was rung.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::conversation::Author;
use crate::domain::escalation::Target;
use crate::domain::ids::AttemptId;
use crate::domain::ladder::{AttemptNo, Ladder, LadderInput};

use super::super::super::flow::SayKind;
use super::super::super::journal::Entry;
use super::super::super::phrases;
use super::line::Line;
use super::person::Person;
use super::{Call, Staff};

/// A take-over of which the caller is being told.
pub(in super::super) struct TakeOver {
    attempt: AttemptNo,
    /// They are joined by then, whatever was heard.
    by: Instant,
    /// The ladder of the person who speaks with the caller meanwhile, and goes on if nothing comes of it.
    before: Option<Box<Ladder>>,
}

impl TakeOver {
    /// Whether it is this one.
    pub fn is_of(&self, attempt: AttemptNo) -> bool {
        self.attempt == attempt
    }

    /// When they are joined whatever was heard.
    pub fn by(&self) -> Instant {
        self.by
    }
}

impl Call {
    /// Whoever has this line has the call from now on.
    pub(in super::super) async fn take_over(&mut self, line: Line, telephone: Target) {
        let now = self.desk.clock.now();
        let before = self.staff.ladder.clone().filter(|ladder| ladder.joined().is_some()).map(Box::new);
        let taken = self.staff.ladder.as_mut().and_then(|ladder| ladder.taken_over(now, None, telephone.clone()));
        let number = match taken {
            Some(number) => number,
            None => {
                let (policy, at) = (&self.agent.escalation, self.desk.clock.epoch());
                let (mut ladder, number) = Ladder::of_caller_in(now, policy, at, None, telephone.clone());
                ladder.handle(now, LadderInput::Ended { attempt: number, outcome: AttemptOutcome::Accepted });
                self.staff.dismiss(&self.desk).await;
                self.staff = Staff { ladder: Some(ladder), ladders: self.staff.ladders, ..Staff::default() };
                number
            }
        };
        let attempt = Attempt {
            ring_ms: Some(0),
            outcome: Some(AttemptOutcome::Accepted),
            ..Attempt::begun(AttemptId(self.desk.ids.next()), self.row.id, telephone.into(), self.desk.clock.epoch())
        };
        info!(attempt.id = %attempt.id, "A supervisor takes the call over");
        self.journal.keep(Entry::Attempt(Box::new(attempt.clone())));
        let terms = self.terms(Duration::ZERO);
        let mut person = Person::taking_over(number, attempt, terms, line, now);
        person.listens(&self.desk);
        self.staff.people.push(person);
        self.takeover = Some(TakeOver { attempt: number, by: now + ANNOUNCED_WITHIN, before });
        self.staff_settle().await;
    }

    /// The agent has been silenced: the caller hears who comes.
    pub(super) fn announce_take_over(&mut self) {
        let now = self.desk.clock.now();
        self.drop_prepared();
        let words = phrases::TAKES_OVER.to_owned();
        self.mouth.say(std::slice::from_ref(&words), false);
        self.ear.agent_speaks(now, &words, false);
        let message = self.message(Author::Agent, words);
        self.journal.keep(Entry::Message(Box::new(message.clone())));
        self.said.begin(now, Some(message), None, SayKind::Filler);
    }

    /// Their leg is gone before they were joined: whoever speaks with the caller goes on. False where nobody does.
    pub(super) fn stays_with_the_other(&mut self, attempt: AttemptNo) -> bool {
        let is_theirs = |takeover: &mut TakeOver| takeover.attempt == attempt && takeover.before.is_some();
        let Some(TakeOver { before, .. }) = self.takeover.take_if(is_theirs) else { return false };
        self.staff.ladder = before.map(|ladder| *ladder);
        self.words_cut();
        true
    }

    /// Joins them as soon as the caller has been told, or has cut it off.
    pub(in super::super) async fn settle_take_over(&mut self, now: Instant) {
        let Some(takeover) = &self.takeover else { return };
        if self.mouth.is_speaking() && now < takeover.by {
            return;
        }
        self.finish_take_over();
        self.staff_settle().await;
    }

    pub(super) fn finish_take_over(&mut self) {
        let Some(TakeOver { attempt, .. }) = self.takeover.take() else { return };
        let now = self.desk.clock.now();
        self.words_cut();
        self.ear.agent_finished(now);
        if self.staff.joined() != Some(attempt) {
            return;
        }
        if self.bridge(attempt) {
            info!("A supervisor has the call");
        } else {
            warn!("The legs could not be joined");
            self.tell_ladder(LadderInput::PersonGone { hung_up: false });
        }
        for person in &mut self.staff.people {
            if person.number != attempt && person.is_joined() {
                person.is_relieved(now);
            }
        }
    }
}

/// The sentence takes two seconds; a voice that stalls keeps nobody from taking over.
const ANNOUNCED_WITHIN: Duration = Duration::from_secs(5);
