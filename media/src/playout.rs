//! What is to be said: a bounded queue of clips, drawn from one packet time at a time, so that stopping is instant.

use std::collections::VecDeque;

use crate::events::Events;
use crate::frame::Clip;
use crate::params::{Event, PlayItem, UtteranceId};

/// Clips waiting at most. A sentence is one item; a streaming voice makes ten a second.
pub const ITEMS_MAX: usize = 64;
/// Clips waiting, and spent ones not yet handed back, together.
const HELD_MAX: usize = 2 * ITEMS_MAX;
/// The queue.
pub struct Playout {
    items: VecDeque<PlayItem>,
    spent: VecDeque<Clip>,
    /// Samples already taken from the first item.
    position: usize,
    current: Option<Current>,
    flushed: Option<UtteranceId>,
    /// The newest utterance whose end was told.
    ended: Option<UtteranceId>,
}

struct Current {
    utterance: UtteranceId,
    samples: u64,
}

impl Playout {
    /// Empty, with all its memory.
    pub fn new() -> Playout {
        Playout {
            items: VecDeque::with_capacity(ITEMS_MAX),
            spent: VecDeque::with_capacity(HELD_MAX),
            position: 0,
            current: None,
            flushed: None,
            ended: None,
        }
    }

    /// Queues an item; gives it back when the queue is full. What was flushed already ends at once.
    pub fn push(&mut self, item: PlayItem, events: &mut Events) -> Result<(), PlayItem> {
        if self.items.len() >= ITEMS_MAX || self.items.len() + self.spent.len() >= HELD_MAX {
            return Err(item);
        }
        if self.flushed.is_some_and(|up_to| item.utterance <= up_to) {
            self.end(item.utterance, 0, false, events);
            self.spent.push_back(item.clip);
            return Ok(());
        }
        self.items.push_back(item);
        Ok(())
    }

    /// Whether there is something to say right now.
    pub fn ready(&self) -> bool {
        !self.items.is_empty()
    }

    /// Drops this utterance and those before it; whether one of them was being said.
    pub fn flush(&mut self, up_to: UtteranceId, events: &mut Events) -> bool {
        self.flushed = self.flushed.max(Some(up_to));
        let before = self.current.is_some();
        if let Some(current) = self.current.take_if(|current| current.utterance <= up_to) {
            self.end(current.utterance, current.samples, false, events);
        }
        for _ in 0..self.items.len() {
            let Some(item) = self.items.pop_front() else { break };
            if item.utterance <= up_to {
                self.end(item.utterance, 0, false, events);
                self.spent.push_back(item.clip);
            } else {
                self.items.push_back(item);
            }
        }
        // The first item that stays was not begun: items are played in order, and only the first can be.
        if self.current.is_none() {
            self.position = 0;
        }
        before && self.current.is_none()
    }

    /// Fills `out` from its beginning; returns how much of it is speech. The rest is left as it was.
    pub fn fill(&mut self, out: &mut [i16], events: &mut Events) -> usize {
        let mut filled = 0;
        // Each round takes samples or retires an item, of which there are at most ITEMS_MAX.
        while let Some(item) = self.items.front() {
            let (utterance, last, rest) = (item.utterance, item.last, item.clip.len() - self.position);
            if rest == 0 {
                self.retire(last, utterance, events);
                continue;
            }
            if filled == out.len() {
                break;
            }
            self.begin(utterance, events);
            let n = rest.min(out.len() - filled);
            out[filled..filled + n].copy_from_slice(&self.items[0].clip[self.position..self.position + n]);
            filled += n;
            self.position += n;
            if let Some(current) = &mut self.current {
                current.samples += n as u64;
            }
        }
        filled
    }

    /// Samples of this utterance that have left, while it is the one being said.
    pub fn samples_sent(&self, utterance: UtteranceId) -> Option<u64> {
        self.current.as_ref().filter(|current| current.utterance == utterance).map(|current| current.samples)
    }

    /// A clip that is no longer needed.
    pub fn take_spent(&mut self) -> Option<Clip> {
        self.spent.pop_front()
    }

    fn begin(&mut self, utterance: UtteranceId, events: &mut Events) {
        if self.current.as_ref().is_some_and(|current| current.utterance == utterance) {
            return;
        }
        if let Some(before) = self.current.take() {
            self.end(before.utterance, before.samples, true, events);
        }
        events.push(Event::PlayStarted(utterance));
        self.current = Some(Current { utterance, samples: 0 });
    }

    fn retire(&mut self, last: bool, utterance: UtteranceId, events: &mut Events) {
        if let Some(item) = self.items.pop_front() {
            self.spent.push_back(item.clip);
        }
        self.position = 0;
        if last {
            let samples = self.current.take_if(|current| current.utterance == utterance).map_or(0, |c| c.samples);
            self.end(utterance, samples, true, events);
        }
    }

    fn end(&mut self, utterance: UtteranceId, samples_sent: u64, complete: bool, events: &mut Events) {
        if self.ended.is_some_and(|ended| utterance <= ended) {
            return;
        }
        self.ended = Some(utterance);
        events.push(Event::PlayEnded { utterance, samples_sent, complete });
    }
}
