//! The bounded queue of things that happened.

use std::collections::VecDeque;

use crate::params::Event;

/// Events waiting at most: two for each clip that can be queued, and room for keys.
const EVENTS_MAX: usize = 160;

/// The queue; all its memory is taken when it is made.
pub struct Events(VecDeque<Event>);

impl Events {
    /// Empty.
    pub fn new() -> Events {
        Events(VecDeque::with_capacity(EVENTS_MAX))
    }

    /// Adds one. A driver that never drains loses the newest.
    pub fn push(&mut self, event: Event) {
        if self.0.len() < EVENTS_MAX {
            self.0.push_back(event);
        }
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<Event> {
        self.0.pop_front()
    }
}
