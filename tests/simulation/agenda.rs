//! What will happen, in order of its time; at one time, in the order in which it was planned.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Instant;

use switchboard::domain::turn::Turn;
use switchboard::support::unresolved::Resolution;

use crate::caller::Deed;
use crate::calling_back::On;
use crate::people::News;

/// Something that happens outside the machines.
pub enum Event {
    /// A caller's INVITE.
    Comes,
    /// The caller does what they had in mind; void when they have another plan by then.
    Does { plan: u32, deed: Deed },
    /// The caller's voice falls silent; `None`: it was a cough.
    FallsSilent { said: Option<String> },
    /// The silence was long enough.
    TurnEnds { said: Option<String> },
    /// Our words give way to the caller.
    GiveWay { words: u32 },
    /// The first sample of our words to the caller leaves.
    WordsBegin { words: u32 },
    /// The last one has left.
    WordsEnd { words: u32 },
    /// What bridged the pause has ended.
    BridgeEnds,
    /// The desk answers; `None`: it failed.
    Answers { question: u32, answer: Option<Box<(Turn, Resolution)>> },
    /// The caller puts us on hold.
    Holds,
    /// And is back.
    Resumes,
    /// The caller hangs up.
    HangsUp,
    /// The recogniser is lost for good.
    Deafened,
    /// The call has lasted as long as it may.
    TimeIsUp,
    /// Something happens at a telephone that we rang.
    AtTelephone { line: usize, news: News },
    /// Our words to a person have been heard.
    ToldPerson { line: usize, words: u32 },
    /// The first sentence of them has.
    ToldFirst { line: usize, words: u32 },
    /// A person who was rung in vain calls in.
    CallsIn { line: usize },
    /// A teammate asks that the customer be called back.
    CallsBack,
    /// Something happens on a callback.
    Back { back: usize, on: On },
    /// Our process is killed, with all calls.
    Crash,
    /// It starts again and looks after what was cut.
    Restart,
}

/// The queue.
#[derive(Default)]
pub struct Agenda {
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    events: BTreeMap<u64, (usize, Event)>,
    planned: u64,
}

impl Agenda {
    /// Plans an event of one call.
    pub fn at(&mut self, at: Instant, call: usize, event: Event) {
        self.planned += 1;
        self.due.push(Reverse((at, self.planned)));
        self.events.insert(self.planned, (call, event));
    }

    pub fn next_at(&self) -> Option<Instant> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    pub fn next(&mut self) -> Option<(Instant, usize, Event)> {
        let Reverse((at, number)) = self.due.pop()?;
        let (call, event) = self.events.remove(&number)?;
        Some((at, call, event))
    }
}
