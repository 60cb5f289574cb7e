//! The owner's end of a leg: bounded queues of orders, and the atomics that need no queue.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;
use media::{PlayItem, UtteranceId};
use tokio::sync::mpsc;

use super::bell::Bell;
use super::recorder::{Recorder, Tap};
use super::seal::Seal;
use crate::seams::media::{LegCommand, LegEvent, LegPort, SrtpKeys};

/// Orders other than speech between two wake-ups of the thread, which come within milliseconds.
const ORDERS_MAX: usize = 32;
/// Pieces of speech that wait for room in the session: a minute of sentences. A fuller queue gives the order back.
const PLAYS_MAX: usize = 32;

/// What the owner and the thread of a leg share.
pub(super) struct Line {
    slot: u32,
    bell: Arc<Bell>,
    pub(super) orders: ArrayQueue<Order>,
    /// Speech has its own queue, so that a full session holds up nothing else.
    pub(super) plays: ArrayQueue<PlayItem>,
    /// One more than the newest utterance to silence; 0 for none.
    flush: AtomicU64,
    /// Utterance (upper half) and samples of it that left (lower half: 74 hours).
    progress: AtomicU64,
    /// How long the jitter buffer waits at present, in milliseconds.
    wait_ms: AtomicU32,
    /// The last owner has gone.
    abandoned: AtomicBool,
    /// The thread has let go of the leg.
    closed: AtomicBool,
    /// The leg stands in the thread's queue of news.
    announced: AtomicBool,
}

/// An order as the thread takes it: everything that allocates has been made by the sender.
pub(super) enum Order {
    /// Any but `Play`, which has its own queue, and `Record`.
    Leg(LegCommand),
    /// `Record`, with the file's thread already waiting at the other end.
    Record(Tap),
    /// `Secure`, with everything derived from the keys.
    Secure(Box<Seal>),
}

impl Line {
    pub(super) fn new(slot: u32, bell: Arc<Bell>) -> Line {
        Line {
            slot,
            bell,
            orders: ArrayQueue::new(ORDERS_MAX),
            plays: ArrayQueue::new(PLAYS_MAX),
            flush: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            wait_ms: AtomicU32::new(0),
            abandoned: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            announced: AtomicBool::new(false),
        }
    }

    pub(super) fn slot(&self) -> u32 {
        self.slot
    }

    /// The thread has come for the news; what is queued from now on is announced again.
    pub(super) fn attend(&self) {
        self.announced.store(false, Ordering::SeqCst);
    }

    /// One more than the newest utterance to silence; 0 for none.
    pub(super) fn flush_mark(&self) -> u64 {
        self.flush.load(Ordering::Acquire)
    }

    pub(super) fn set_progress(&self, utterance: UtteranceId, samples: u64) {
        let samples = samples.min(u64::from(u32::MAX));
        self.progress.store(u64::from(utterance.0) << 32 | samples, Ordering::Release);
    }

    pub(super) fn set_wait(&self, wait_ms: u32) {
        self.wait_ms.store(wait_ms, Ordering::Relaxed);
    }

    pub(super) fn abandoned(&self) -> bool {
        self.abandoned.load(Ordering::Acquire)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    fn closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn order(&self, command: LegCommand) -> Result<(), LegCommand> {
        match self.orders.push(Order::Leg(command)) {
            Err(Order::Leg(command)) => Err(command),
            Ok(()) | Err(Order::Record(_) | Order::Secure(_)) => Ok(()),
        }
    }

    fn announce(&self) {
        if !self.announced.swap(true, Ordering::SeqCst) {
            self.bell.announce(self.slot);
        }
    }
}

/// What stands behind a `LegControl`. Dropping it closes the leg.
pub(super) struct Handle {
    line: Arc<Line>,
    recorder: Recorder,
    events: mpsc::WeakSender<LegEvent>,
}

impl Handle {
    pub(super) fn new(line: Arc<Line>, recorder: Recorder, events: mpsc::Sender<LegEvent>) -> Handle {
        // A strong sender here would keep the owner waiting for events of a leg that is gone.
        Handle { line, recorder, events: events.downgrade() }
    }

    fn record(&self, file: PathBuf) -> Result<(), LegCommand> {
        let Some(events) = self.events.upgrade() else { return Err(LegCommand::Record(file)) };
        if self.line.orders.is_full() {
            return Err(LegCommand::Record(file));
        }
        let tap = self.recorder.begin(file, events).map_err(LegCommand::Record)?;
        // Another clone may have filled the queue meanwhile; dropping the tap then completes an empty recording,
        // which the owner is told of.
        let _ = self.line.orders.push(Order::Record(tap));
        Ok(())
    }
}

impl Handle {
    fn secure(&self, keys: Box<SrtpKeys>) -> Result<(), LegCommand> {
        let Some(seal) = Seal::new(&keys) else { return Err(LegCommand::Secure(keys)) };
        self.line.orders.push(Order::Secure(Box::new(seal))).map_err(|_| LegCommand::Secure(keys))
    }
}

impl LegPort for Handle {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        if self.line.closed() {
            return Err(command);
        }
        match command {
            LegCommand::Play(item) => self.line.plays.push(item).map_err(LegCommand::Play)?,
            LegCommand::Record(file) => self.record(file)?,
            LegCommand::Secure(keys) => self.secure(keys)?,
            other => self.line.order(other)?,
        }
        self.line.announce();
        Ok(())
    }

    fn flush(&self, up_to: UtteranceId) {
        self.line.flush.fetch_max(u64::from(up_to.0) + 1, Ordering::AcqRel);
        self.line.announce();
    }

    fn samples_sent(&self, utterance: UtteranceId) -> u64 {
        let progress = self.line.progress.load(Ordering::Acquire);
        if progress >> 32 == u64::from(utterance.0) { progress & u64::from(u32::MAX) } else { 0 }
    }

    fn arrived(&self) {
        self.line.announce();
    }

    fn wait_ms(&self) -> u32 {
        self.line.wait_ms.load(Ordering::Relaxed)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.line.abandoned.store(true, Ordering::Release);
        if !self.line.closed() {
            self.line.announce();
        }
    }
}
