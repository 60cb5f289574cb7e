//! Lines of callers who wait for the same people: who is next, and how long it may take.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// All lines of callers, by the name of their action.
#[derive(Debug, Default)]
pub struct Queues {
    lines: BTreeMap<String, Line>,
    tickets: u64,
}

/// A caller's claim to a place in one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueTicket(u64);

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiter>,
    /// How long each of the last callers waited for one place of the line.
    paces: VecDeque<Duration>,
}

#[derive(Debug)]
struct Waiter {
    ticket: QueueTicket,
    since: Instant,
    /// The place at which they came, counted from one.
    came_at: u32,
}

impl Queues {
    /// Takes the last place; nothing when as many wait as may.
    pub fn join(&mut self, name: &str, callers_max: usize, now: Instant) -> Option<QueueTicket> {
        let line = self.lines.entry(name.to_owned()).or_default();
        if line.waiting.len() >= callers_max {
            return None;
        }
        self.tickets += 1;
        let ticket = QueueTicket(self.tickets);
        let came_at = u32::try_from(line.waiting.len()).unwrap_or(u32::MAX).saturating_add(1);
        line.waiting.push_back(Waiter { ticket, since: now, came_at });
        Some(ticket)
    }

    /// The place in the line, counted from one; nothing for who is no longer in it.
    pub fn place(&self, name: &str, ticket: QueueTicket) -> Option<usize> {
        let place = self.lines.get(name)?.waiting.iter().position(|waiter| waiter.ticket == ticket)?;
        Some(place + 1)
    }

    /// How long it may take from this place, by what the last callers waited; nothing before the first was taken.
    pub fn expected_wait(&self, name: &str, place: usize) -> Option<Duration> {
        let paces = &self.lines.get(name)?.paces;
        let mean = paces.iter().sum::<Duration>().checked_div(u32::try_from(paces.len()).ok()?)?;
        Some(mean.saturating_mul(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    /// A person took this caller.
    pub fn taken(&mut self, name: &str, ticket: QueueTicket, now: Instant) {
        let Some(waiter) = self.leave(name, ticket) else { return };
        let Some(line) = self.lines.get_mut(name) else { return };
        if line.paces.len() >= PACES_KEPT {
            line.paces.pop_front();
        }
        line.paces.push_back(now.saturating_duration_since(waiter.since) / waiter.came_at.max(1));
    }

    /// This caller waits no longer. Doing it twice is harmless.
    pub fn left(&mut self, name: &str, ticket: QueueTicket) {
        self.leave(name, ticket);
    }

    fn leave(&mut self, name: &str, ticket: QueueTicket) -> Option<Waiter> {
        let line = self.lines.get_mut(name)?;
        let place = line.waiting.iter().position(|waiter| waiter.ticket == ticket)?;
        line.waiting.remove(place)
    }
}

/// Callers whose wait tells how long the next will wait: enough to be steady, few enough to follow the day.
const PACES_KEPT: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_are_served_in_the_order_in_which_they_came() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        let first = queues.join("sales", 3, now).unwrap();
        let second = queues.join("sales", 3, now).unwrap();
        let other = queues.join("support", 3, now).unwrap();
        assert_eq!((queues.place("sales", first), queues.place("sales", second)), (Some(1), Some(2)));
        assert_eq!((queues.place("support", other), queues.place("support", first)), (Some(1), None));
        queues.left("sales", first);
        queues.left("sales", first);
        assert_eq!((queues.place("sales", first), queues.place("sales", second)), (None, Some(1)));
    }

    #[test]
    fn a_full_line_takes_nobody_until_somebody_leaves() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        let first = queues.join("sales", 1, now).unwrap();
        assert_eq!(queues.join("sales", 1, now), None);
        queues.taken("sales", first, now);
        assert!(queues.join("sales", 1, now).is_some());
    }

    #[test]
    fn the_wait_is_told_by_what_the_last_callers_waited() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        let minutes = |count: u64| Duration::from_secs(60 * count);
        let first = queues.join("sales", 9, now).unwrap();
        let second = queues.join("sales", 9, now).unwrap();
        let gone = queues.join("sales", 9, now).unwrap();
        assert_eq!(queues.expected_wait("sales", 2), None, "nobody was taken yet");
        queues.taken("sales", first, now + minutes(1));
        // From the second place: two minutes for each.
        queues.taken("sales", second, now + minutes(4));
        queues.left("sales", gone);
        assert_eq!(queues.expected_wait("sales", 2), Some(minutes(3)), "one and a half for each place");
    }

    #[test]
    fn only_the_last_callers_count() {
        let (mut queues, now) = (Queues::default(), Instant::now());
        for seconds in [1_000].into_iter().chain([60; PACES_KEPT]) {
            let ticket = queues.join("sales", 9, now).unwrap();
            queues.taken("sales", ticket, now + Duration::from_secs(seconds));
        }
        assert_eq!(queues.expected_wait("sales", 1), Some(Duration::from_secs(60)));
    }
}
