//! Memory that a real-time thread is done with, on its way to a thread that may take its time to free it.

use crossbeam_queue::ArrayQueue;
use media::{Clip, StreamParams};

use super::leg::Leg;

/// Emptied by the writer thread.
pub(super) struct Bin {
    legs: ArrayQueue<Box<Leg>>,
    clips: ArrayQueue<Clip>,
    params: ArrayQueue<Box<StreamParams>>,
}

/// Clips that end within one sweep of the writer. Beyond it the real-time thread frees them itself.
const CLIPS_MAX: usize = 1024;

impl Bin {
    pub(super) fn new(legs_max: usize) -> Bin {
        Bin {
            legs: ArrayQueue::new(legs_max.max(1)),
            clips: ArrayQueue::new(CLIPS_MAX),
            params: ArrayQueue::new(legs_max.max(1)),
        }
    }

    pub(super) fn leg(&self, leg: Box<Leg>) {
        // There is room for every leg that may exist.
        drop(self.legs.push(leg));
    }

    pub(super) fn clip(&self, clip: Clip) {
        drop(self.clips.push(clip));
    }

    pub(super) fn params(&self, params: Box<StreamParams>) {
        drop(self.params.push(params));
    }

    /// Frees everything in it.
    pub(super) fn empty(&self) {
        while self.legs.pop().is_some() {}
        while self.clips.pop().is_some() {}
        while self.params.pop().is_some() {}
    }
}
