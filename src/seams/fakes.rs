//! Stand-ins for the seams, held to the same suites as the real adapters, for tests and simulations.

mod memory_attachments;
mod memory_blobs;
mod memory_channels;
mod memory_inbox;
mod memory_knowledge;
mod memory_store;
mod memory_team;
pub mod told_llm;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::broadcast;
use uuid::Uuid;

use super::bus::{Bus, LiveEvent, LiveKind};
use super::clock::{Clock, Ids};
use crate::domain::ids::ConversationId;
use crate::domain::time::EpochMs;

pub use memory_blobs::MemoryBlobs;
pub use memory_store::MemoryStore;
pub use told_llm::ToldLlm;

/// A clock that stands still until it is moved.
pub struct FakeClock {
    start: Instant,
    epoch: EpochMs,
    passed_ms: AtomicU64,
}

impl FakeClock {
    /// Stands at this moment of both clocks.
    pub fn at(start: Instant, epoch: EpochMs) -> FakeClock {
        FakeClock { start, epoch, passed_ms: AtomicU64::new(0) }
    }

    /// Lets time pass, in whole milliseconds.
    pub fn advance(&self, time: Duration) {
        self.passed_ms.fetch_add(time.as_millis() as u64, Ordering::Relaxed);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Instant {
        self.start + Duration::from_millis(self.passed_ms.load(Ordering::Relaxed))
    }

    fn epoch(&self) -> EpochMs {
        EpochMs(self.epoch.0 + self.passed_ms.load(Ordering::Relaxed) as i64)
    }
}

/// Identifiers 1, 2, 3 …, which sort in the order they were made, as UUIDv7 does.
#[derive(Default)]
pub struct CountingIds(AtomicU64);

impl Ids for CountingIds {
    fn next(&self) -> Uuid {
        Uuid::from_u128(u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1)
    }
}

/// A bus that keeps everything it was told.
pub struct KeptBus {
    kept: Mutex<Vec<LiveEvent>>,
    listeners: broadcast::Sender<LiveEvent>,
}

impl KeptBus {
    /// Everything told so far, oldest first.
    pub fn events(&self) -> Vec<LiveEvent> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

impl Default for KeptBus {
    fn default() -> Self {
        KeptBus { kept: Mutex::default(), listeners: broadcast::channel(KEPT_BUS_QUEUE).0 }
    }
}

/// Events a slow listener of a test may lag behind.
const KEPT_BUS_QUEUE: usize = 1_024;

impl Bus for KeptBus {
    fn publish(&self, at: EpochMs, conversation: ConversationId, kind: LiveKind) {
        let mut kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let event = LiveEvent { id: kept.len() as u64 + 1, at, conversation, kind };
        kept.push(event.clone());
        // Nobody may be listening.
        let _ = self.listeners.send(event);
    }

    fn subscribe(&self, after: Option<u64>) -> (Vec<LiveEvent>, broadcast::Receiver<LiveEvent>) {
        let kept = self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let missed = match after {
            Some(after) => kept.iter().filter(|event| event.id > after).cloned().collect(),
            None => Vec::new(),
        };
        (missed, self.listeners.subscribe())
    }
}
