//! What happens on a leg, on its way to an owner who may be slow to read.

use std::collections::VecDeque;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::seams::media::LegEvent;

/// Events in the channel. A call makes a few a second; 64 are many seconds of an owner that does not read.
pub(super) const EVENTS_MAX: usize = 64;
/// Events kept beside a full channel.
const BACKLOG_MAX: usize = 32;

/// Bounded, and still never silent about the end of what was said: when both the channel and the backlog are
/// full, anything but `PlayEnded` gives way first, and then the oldest `PlayEnded`, which each later one implies
/// (utterances end in order).
pub(super) struct Outbox {
    channel: mpsc::Sender<LegEvent>,
    backlog: VecDeque<LegEvent>,
}

impl Outbox {
    pub(super) fn new(channel: mpsc::Sender<LegEvent>) -> Outbox {
        // The backlog allocates only for an owner that does not read.
        Outbox { channel, backlog: VecDeque::new() }
    }

    /// Queues an event; true when another one was lost for it.
    pub(super) fn tell(&mut self, event: LegEvent) -> bool {
        self.retry();
        let event = match self.backlog.is_empty() {
            false => event,
            true => match self.channel.try_send(event) {
                Ok(()) | Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(event)) => event,
            },
        };
        let lost = self.backlog.len() >= BACKLOG_MAX;
        if lost {
            let spare = self.backlog.iter().position(|old| !matches!(old, LegEvent::PlayEnded { .. }));
            self.backlog.remove(spare.unwrap_or(0));
        }
        self.backlog.push_back(event);
        lost
    }

    /// Sends what waited, as far as there is room.
    pub(super) fn retry(&mut self) {
        while let Some(event) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(event)) = self.channel.try_send(event) {
                self.backlog.push_front(event);
                return;
            }
        }
    }

    #[cfg(test)]
    fn is_waiting(&self) -> bool {
        !self.backlog.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Key, UtteranceId};

    fn ended(utterance: u32) -> LegEvent {
        LegEvent::PlayEnded { utterance: UtteranceId(utterance), samples_sent: 1, complete: true }
    }

    #[test]
    fn events_keep_their_order_when_the_owner_is_slow() {
        let (sender, mut receiver) = mpsc::channel(2);
        let mut outbox = Outbox::new(sender);
        for utterance in 0..5 {
            assert!(!outbox.tell(ended(utterance)));
        }
        let mut seen = Vec::new();
        while outbox.is_waiting() || !receiver.is_empty() {
            seen.push(receiver.try_recv().unwrap());
            outbox.retry();
        }
        assert_eq!(seen, (0..5).map(ended).collect::<Vec<_>>());
    }

    #[test]
    fn keys_give_way_before_the_end_of_an_utterance_does() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        outbox.tell(ended(0));
        outbox.tell(ended(1));
        let lost = (0..1000).filter(|_| outbox.tell(LegEvent::Key(Key(b'1')))).count();
        assert_eq!(lost, 1000 - (BACKLOG_MAX - 1));
        outbox.tell(ended(2));
        let mut ends = Vec::new();
        while let Ok(event) = receiver.try_recv() {
            if let LegEvent::PlayEnded { utterance, .. } = event {
                ends.push(utterance.0);
            }
            outbox.retry();
        }
        assert_eq!(ends, [0, 1, 2]);
    }

    #[test]
    fn the_newest_end_survives_an_owner_that_never_reads() {
        let (sender, mut receiver) = mpsc::channel(1);
        let mut outbox = Outbox::new(sender);
        for utterance in 0..10_000 {
            outbox.tell(ended(utterance));
        }
        let mut last = None;
        while let Ok(event) = receiver.try_recv() {
            last = Some(event);
            outbox.retry();
        }
        assert_eq!(last, Some(ended(9_999)));
    }
}
