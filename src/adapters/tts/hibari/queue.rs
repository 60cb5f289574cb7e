//! What waits to be spoken: the job whose listener runs dry first is next (earliest deadline first), so that a
//! new sentence is not held up by the rest of a long one that is still being listened to.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::mpsc;

use super::pieces::Piece;
use super::voice::Voice;
use crate::seams::tts::{TtsChunk, TtsError};

/// Jobs that may wait. At 50 ms a piece the last of them would wait for a dozen seconds: more is refused, and a
/// fallback or a filler takes over.
const WAITING_MAX: usize = 256;

/// A text being spoken.
pub struct Job {
    /// Where its clips go; closed when nobody listens any more.
    pub sender: mpsc::Sender<Result<TtsChunk, TtsError>>,
    /// What is still to be said.
    pub pieces: VecDeque<Piece>,
    /// In which voice.
    pub voice: Voice,
    /// How fast.
    pub speed: f32,
    /// When its listener will have heard all that was sent, if it began at once.
    pub dry_at: Instant,
}

/// The waiting jobs of all calls.
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

struct Waiting {
    jobs: BinaryHeap<Ordered>,
    arrivals: u64,
    open: bool,
}

struct Ordered {
    job: Job,
    arrival: u64,
}

impl Queue {
    /// An empty queue.
    pub fn new() -> Queue {
        let waiting = Waiting { jobs: BinaryHeap::new(), arrivals: 0, open: true };
        Queue { waiting: Mutex::new(waiting), changed: Condvar::new() }
    }

    /// Adds a job; gives it back when too many wait or the queue is closed.
    pub fn put(&self, job: Job) -> Result<(), Job> {
        let mut waiting = self.lock();
        if waiting.jobs.len() >= WAITING_MAX {
            waiting.jobs.retain(|held| !held.job.sender.is_closed());
        }
        if !waiting.open || waiting.jobs.len() >= WAITING_MAX {
            return Err(job);
        }
        waiting.arrivals += 1;
        let arrival = waiting.arrivals;
        waiting.jobs.push(Ordered { job, arrival });
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// Puts a job with pieces left back; it had its place, so no limit applies.
    pub fn put_back(&self, job: Job) {
        let mut waiting = self.lock();
        waiting.arrivals += 1;
        let arrival = waiting.arrivals;
        waiting.jobs.push(Ordered { job, arrival });
        drop(waiting);
        self.changed.notify_one();
    }

    /// Waits for the next job; `None` once the queue is closed.
    pub fn next(&self) -> Option<Job> {
        let mut waiting = self.lock();
        loop {
            if !waiting.open {
                return None;
            }
            match waiting.jobs.pop() {
                Some(next) => return Some(next.job),
                None => waiting = self.changed.wait(waiting).unwrap_or_else(|poisoned| poisoned.into_inner()),
            }
        }
    }

    /// Wakes all workers for the last time and forgets what waits.
    pub fn close(&self) {
        let mut waiting = self.lock();
        waiting.open = false;
        waiting.jobs.clear();
        drop(waiting);
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here can be left half done by a panic.
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// The greatest is served first: the earliest deadline, and of equals the first come.
impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.job.dry_at, other.arrival).cmp(&(self.job.dry_at, self.arrival))
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ordered {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::voice::AGENT;
    use super::*;

    fn job(dry_at: Instant) -> (Job, mpsc::Receiver<Result<TtsChunk, TtsError>>) {
        let (sender, receiver) = mpsc::channel(1);
        (Job { sender, pieces: VecDeque::new(), voice: AGENT, speed: 1.0, dry_at }, receiver)
    }

    #[test]
    fn a_new_sentence_overtakes_the_rest_of_a_long_one() {
        let (queue, now) = (Queue::new(), Instant::now());
        let (long, _a) = job(now + Duration::from_secs(2));
        let (fresh, _b) = job(now);
        queue.put_back(long);
        assert!(queue.put(fresh).is_ok());
        assert_eq!(queue.next().map(|job| job.dry_at), Some(now));
    }

    #[test]
    fn too_much_waiting_is_refused_but_the_abandoned_make_room() {
        let (queue, now) = (Queue::new(), Instant::now());
        let mut listeners = Vec::new();
        for _ in 0..WAITING_MAX {
            let (job, listener) = job(now);
            listeners.push(listener);
            assert!(queue.put(job).is_ok());
        }
        assert!(queue.put(job(now).0).is_err());
        listeners.clear();
        assert!(queue.put(job(now).0).is_ok());
    }

    #[test]
    fn a_closed_queue_lets_its_workers_go() {
        let queue = Queue::new();
        queue.close();
        assert!(queue.next().is_none());
    }
}
