//! One simulated call: the machines that run it, and what is known about it from outside.

use std::collections::VecDeque;
use std::time::Instant;

use switchboard::domain::call::{AttemptOutcome, CallOutcome};
use switchboard::domain::dialplan::queue::QueueTicket;
use switchboard::domain::ladder::{AttemptNo, Ladder};
use switchboard::domain::standing_offers::{OfferNo, Source};
use switchboard::domain::turn::Line;
use switchboard::voice::colleague::{Colleague, Deed};
use switchboard::voice::flow::CallFlow;
use switchboard::voice::rounds::Rounds;

use crate::caller::Temper;
use crate::kept::Kept;
use crate::mouth::Mouth;
use crate::people::Who;

pub struct Case {
    pub flow: CallFlow,
    pub ladder: Option<Ladder>,
    pub people: Vec<Person>,
    pub mouth: Mouth,
    pub temper: Temper,
    pub number: Option<String>,
    pub lines: Vec<Line>,
    pub kept: Kept,
    pub watch: Watch,
    pub is: Is,
    /// Voids what the caller had in mind before.
    pub plan: u32,
    /// The caller's voice is heard.
    pub speaks: bool,
    /// Nothing that they say is recognised any more.
    pub deaf: bool,
    /// The caller holds us.
    pub holds: bool,
    /// The person they speak with.
    pub joined: Option<usize>,
    /// That person holds the caller.
    pub person_holds: bool,
    /// Turns of the caller whose end is not certain yet.
    pub turns_pending: u32,
    pub asked: u32,
    /// The turn that waits for the desk.
    pub awaited: Option<(u32, String)>,
    /// Words that have not begun by then are bridged.
    pub filler_due: Option<Instant>,
    /// Of the ladder under way.
    pub rounds: Rounds,
    pub ladder_began_at: usize,
    pub news: VecDeque<(usize, Deed)>,
    /// The ladder is somebody's who has called in: the caller goes on with what they do meanwhile.
    pub unasked: bool,
    /// A menu's choice was said last, which leaves the word with the caller.
    pub at_menu: bool,
    /// The caller's place in a queue.
    pub place: Option<(String, QueueTicket)>,
    pub ends: Vec<CallOutcome>,
    pub over_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// Not there yet.
    Coming,
    Live,
    Over,
    /// Cut by a crash of ours.
    Cut,
    /// It came while we were down.
    Unanswered,
    /// The dialplan refused it.
    Refused,
}

/// Who owes the next word, and how long nobody has said one.
#[derive(Default)]
pub struct Watch {
    pub agent_owes: bool,
    /// A message is being recorded: the caller has the word, and its machine ends their silence.
    pub records_message: bool,
    pub quiet_since: Option<Instant>,
    pub owed_since: Option<Instant>,
}

/// One person who was rung.
pub struct Person {
    pub attempt: AttemptNo,
    pub colleague: Colleague,
    pub destination: String,
    /// Whose telephone it is, where the policy says.
    pub id: Option<String>,
    pub who: Who,
    pub leg: Leg,
    pub mouth: Mouth,
    pub outcome: Option<AttemptOutcome>,
    pub standing: Option<OfferNo>,
    /// A key was pressed, or a word said that is as good.
    pub keyed: bool,
    /// A short greeting took the call, where no key is wanted.
    pub greeted: bool,
    /// They were not rung, but have called in.
    pub came_in: bool,
    /// That the call is recorded was said to them.
    pub told_recorded: bool,
    pub was_joined: bool,
}

/// A leg that we dialled, as the network sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    Ringing,
    Up,
    /// It rang, and we gave up; a 200 may still cross.
    Cancelled {
        at: Instant,
    },
    Gone,
}

impl Leg {
    pub fn is_open(self) -> bool {
        matches!(self, Leg::Ringing | Leg::Up)
    }
}

/// By which every call comes.
pub const TRUNK: &str = "carrier";

impl Case {
    pub fn source(&self) -> Source {
        Source::of(self.number.as_deref(), TRUNK)
    }

    pub fn is_live(&self) -> bool {
        self.is == Is::Live
    }

    pub fn caller_turn_pending(&self) -> bool {
        self.turns_pending > 0
    }

    pub fn is_ringing(&self) -> bool {
        let people = &self.people[self.ladder_began_at..];
        self.ladder.is_some() && (people.iter().any(|person| person.outcome.is_none()) || !self.news.is_empty())
    }

    /// Whether the caller waits for somebody.
    pub fn is_waiting(&self) -> bool {
        self.is_ringing() && !self.unasked
    }

    /// The person of this attempt of the ladder under way.
    pub fn person(&self, attempt: AttemptNo) -> Option<usize> {
        let is_open = |outcome| matches!(outcome, None | Some(AttemptOutcome::Accepted));
        let is_it = |person: &Person| person.attempt == attempt && is_open(person.outcome);
        (self.ladder_began_at..self.people.len()).find(|at| is_it(&self.people[*at]))
    }

    /// When anything of this call waits for its time.
    pub fn poll_timeout(&self, with_flow: bool) -> Option<Instant> {
        let people = self.people.iter().filter(|person| person.leg != Leg::Gone);
        let people = people.filter_map(|person| person.colleague.poll_timeout());
        let ladder = self.ladder.as_ref().and_then(Ladder::poll_timeout);
        let flow = if with_flow && self.is_live() { self.flow.poll_timeout() } else { None };
        let filler = if self.is_live() { self.filler_due } else { None };
        people.chain(ladder).chain(flow).chain(filler).min()
    }
}
