//! A queue of fixed size whose oldest entry gives way.

use std::collections::VecDeque;

/// At most `N` entries; all memory is taken when it is made.
pub struct Queue<T, const N: usize>(VecDeque<T>);

impl<T, const N: usize> Queue<T, N> {
    /// Empty.
    pub fn new() -> Queue<T, N> {
        Queue(VecDeque::with_capacity(N))
    }

    /// Adds one; when full, the oldest is dropped.
    pub fn push(&mut self, entry: T) {
        if self.0.len() == N {
            self.0.pop_front();
        }
        self.0.push_back(entry);
    }

    /// Takes the oldest.
    pub fn pop(&mut self) -> Option<T> {
        let entry = self.0.pop_front();
        if self.0.is_empty() {
            // The next entry goes where this one was, and not into memory that has left the cache.
            self.0.clear();
        }
        entry
    }
}
