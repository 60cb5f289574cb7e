//! Which call's audio is decoded next. Pure.
//!
//! Every call has at most one job of each kind waiting; a newer one takes its place. The end of a turn goes
//! before a likely end, and that before "what was said so far". Calls of the same kind take turns.

use std::collections::BTreeMap;

use crate::seams::stt::Want;

/// Names a call to the queue; grows by one with each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey(pub u64);

/// Jobs waiting for a worker. Never holds more than three a call.
pub struct FairQueue<J> {
    waiting: BTreeMap<CallKey, [Option<J>; KINDS]>,
    /// The call served last in each kind: the next one after it is served next.
    served: [CallKey; KINDS],
}

impl<J> Default for FairQueue<J> {
    fn default() -> Self {
        FairQueue { waiting: BTreeMap::new(), served: [CallKey(0); KINDS] }
    }
}

impl<J> FairQueue<J> {
    /// Adds a job. It takes the place of the call's waiting one of the same kind, and of those of lesser
    /// kinds, since it answers more than they would.
    pub fn put(&mut self, call: CallKey, want: Want, job: J) {
        let slots = self.waiting.entry(call).or_insert_with(|| [const { None }; KINDS]);
        for slot in &mut slots[..rank(want)] {
            *slot = None;
        }
        slots[rank(want)] = Some(job);
    }

    /// The next job.
    pub fn take(&mut self) -> Option<(CallKey, Want, J)> {
        for want in [Want::Final, Want::Likely, Want::Partial] {
            let kind = rank(want);
            let last = self.served[kind];
            let after = self.waiting.range(next(last)..).find(|(_, slots)| slots[kind].is_some());
            let found = after.or_else(|| self.waiting.range(..=last).find(|(_, slots)| slots[kind].is_some()));
            let Some((&call, _)) = found else { continue };
            let slots = self.waiting.get_mut(&call)?;
            let job = slots[kind].take()?;
            if slots.iter().all(Option::is_none) {
                self.waiting.remove(&call);
            }
            self.served[kind] = call;
            return Some((call, want, job));
        }
        None
    }

    /// Drops what waits for a call.
    pub fn forget(&mut self, call: CallKey) {
        self.waiting.remove(&call);
    }

    /// How many of the jobs that wait are ends of turns, or likely ones: somebody waits for an answer to them.
    pub fn urgent(&self) -> usize {
        let urgent = |slots: &[Option<J>; KINDS]| slots[rank(Want::Likely)..].iter().flatten().count();
        self.waiting.values().map(urgent).sum()
    }

    /// How many jobs wait.
    pub fn len(&self) -> usize {
        self.waiting.values().map(|slots| slots.iter().flatten().count()).sum()
    }
}

fn next(call: CallKey) -> CallKey {
    CallKey(call.0.saturating_add(1))
}

fn rank(want: Want) -> usize {
    match want {
        Want::Partial => 0,
        Want::Likely => 1,
        Want::Final => 2,
    }
}

const KINDS: usize = 3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_end_of_a_turn_goes_first_and_calls_take_turns() {
        let mut queue = FairQueue::default();
        for call in 1..=3 {
            queue.put(CallKey(call), Want::Partial, call);
        }
        queue.put(CallKey(2), Want::Final, 20);
        queue.put(CallKey(3), Want::Likely, 30);
        assert_eq!((queue.urgent(), queue.len()), (2, 3));
        let mut order = Vec::new();
        while let Some((call, want, _)) = queue.take() {
            order.push((call.0, want));
            if order.len() == 3 {
                queue.put(CallKey(1), Want::Partial, 11);
                queue.put(CallKey(2), Want::Partial, 21);
            }
        }
        let expected =
            [(2, Want::Final), (3, Want::Likely), (1, Want::Partial), (2, Want::Partial), (1, Want::Partial)];
        assert_eq!(order, expected, "a Final or Likely replaces the call's lesser jobs");
    }

    #[test]
    fn a_newer_job_takes_the_place_of_the_older() {
        let mut queue = FairQueue::default();
        queue.put(CallKey(1), Want::Partial, "old");
        queue.put(CallKey(1), Want::Partial, "new");
        assert_eq!(queue.len(), 1);
        assert_eq!(queue.take(), Some((CallKey(1), Want::Partial, "new")));
        assert_eq!(queue.len(), 0);
    }

    #[derive(Clone, Debug)]
    enum Step {
        Put(u64, Want),
        Take,
        Forget(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let want = prop_oneof![Just(Want::Partial), Just(Want::Likely), Just(Want::Final)];
        prop_oneof![
            4 => (1u64..6, want).prop_map(|(call, want)| Step::Put(call, want)),
            3 => Just(Step::Take),
            1 => (1u64..6).prop_map(Step::Forget),
        ]
    }

    proptest! {
        /// Against a plain list as the model: the highest kind first; within it no call is passed over
        /// more often than there are other calls.
        #[test]
        fn no_job_waits_longer_than_every_other_call_once(steps in proptest::collection::vec(step(), 0..200)) {
            let mut queue = FairQueue::default();
            let mut model: Vec<(u64, Want, usize, usize)> = Vec::new(); // call, want, job, times passed over
            for (job, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Put(call, want) => {
                        queue.put(CallKey(call), want, job);
                        let passed = model.iter().find(|entry| entry.0 == call && entry.1 == want).map_or(0, |entry| entry.3);
                        model.retain(|entry| entry.0 != call || entry.1 > want);
                        model.push((call, want, job, passed));
                    }
                    Step::Forget(call) => {
                        queue.forget(CallKey(call));
                        model.retain(|entry| entry.0 != call);
                    }
                    Step::Take => {
                        let Some((call, want, job)) = queue.take() else {
                            prop_assert!(model.is_empty());
                            continue;
                        };
                        let highest = model.iter().map(|entry| entry.1).max();
                        prop_assert_eq!(Some(want), highest);
                        let index = model.iter().position(|entry| (entry.0, entry.1, entry.2) == (call.0, want, job));
                        prop_assert!(index.is_some(), "a job that was not put, or put and replaced");
                        model.remove(index.unwrap_or_default());
                        for entry in model.iter_mut().filter(|entry| entry.1 == want) {
                            entry.3 += 1;
                            prop_assert!(entry.3 < 5, "call {} was passed over {} times", entry.0, entry.3);
                        }
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
