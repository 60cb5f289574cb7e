//! Live events within one process.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};

use tokio::sync::broadcast;

use crate::domain::ids::ConversationId;
use crate::domain::time::EpochMs;
use crate::seams::bus::{Bus, LiveEvent, LiveKind};

/// The in-process bus. Ids of a process begin at the millisecond it started, so that a reader that resumes across
/// a restart is behind them all and misses nothing new.
pub struct LocalBus {
    kept: Mutex<Kept>,
    listeners: broadcast::Sender<LiveEvent>,
}

struct Kept {
    next_id: u64,
    events: VecDeque<LiveEvent>,
}

impl LocalBus {
    /// Starts with ids above `started_at`.
    pub fn new(started_at: EpochMs) -> LocalBus {
        let next_id = u64::try_from(started_at.0).unwrap_or_default() + 1;
        let kept = Kept { next_id, events: VecDeque::with_capacity(EVENTS_KEPT) };
        LocalBus { kept: Mutex::new(kept), listeners: broadcast::channel(LISTENER_QUEUE).0 }
    }

    /// A panic while it was held cannot have left the queue half changed.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Events kept for those who come back: about a minute of ten busy calls, some 300 kB.
const EVENTS_KEPT: usize = 512;

/// Events a reader may fall behind before it is told that it missed some.
const LISTENER_QUEUE: usize = 256;

impl Bus for LocalBus {
    fn publish(&self, at: EpochMs, conversation: ConversationId, kind: LiveKind) {
        let mut kept = self.kept();
        let event = LiveEvent { id: kept.next_id, at, conversation, kind };
        kept.next_id += 1;
        if kept.events.len() == EVENTS_KEPT {
            kept.events.pop_front();
        }
        kept.events.push_back(event.clone());
        // Sent under the lock, so that order and ids agree for everybody. It fails only when nobody listens.
        let _ = self.listeners.send(event);
    }

    fn subscribe(&self, after: Option<u64>) -> (Vec<LiveEvent>, broadcast::Receiver<LiveEvent>) {
        let kept = self.kept();
        let missed = match after {
            Some(after) => kept.events.iter().filter(|event| event.id > after).cloned().collect(),
            None => Vec::new(),
        };
        (missed, self.listeners.subscribe())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn publish(bus: &LocalBus) {
        bus.publish(EpochMs(1), ConversationId(uuid::Uuid::nil()), LiveKind::CallRinging);
    }

    /// Nothing falls between the events kept and those that follow, and nothing comes twice.
    #[tokio::test]
    async fn a_reader_that_resumes_gets_what_it_missed_once() {
        let bus = LocalBus::new(EpochMs(1_000));
        (0..3).for_each(|_| publish(&bus));
        let (missed, mut live) = bus.subscribe(Some(1_001));
        publish(&bus);
        let ids: Vec<u64> = missed.iter().map(|event| event.id).collect();
        assert_eq!(ids, [1_002, 1_003]);
        assert_eq!(live.recv().await.unwrap().id, 1_004);
        assert!(live.try_recv().is_err());
    }

    #[tokio::test]
    async fn a_new_reader_gets_no_old_events() {
        let bus = LocalBus::new(EpochMs(0));
        publish(&bus);
        assert!(bus.subscribe(None).0.is_empty());
    }

    #[tokio::test]
    async fn a_slow_reader_is_told_and_holds_nobody_up() {
        let bus = LocalBus::new(EpochMs(0));
        let (_, mut live) = bus.subscribe(None);
        (0..LISTENER_QUEUE + 10).for_each(|_| publish(&bus));
        assert!(matches!(live.recv().await, Err(broadcast::error::RecvError::Lagged(10))));
    }

    #[test]
    fn only_so_many_events_are_kept() {
        let bus = LocalBus::new(EpochMs(0));
        (0..EVENTS_KEPT + 10).for_each(|_| publish(&bus));
        assert_eq!(bus.subscribe(Some(0)).0.len(), EVENTS_KEPT);
    }
}
