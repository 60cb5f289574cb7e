//! What wakes a real-time thread, and how legs and their news reach it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_queue::ArrayQueue;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};

use super::leg::Leg;

/// The way into one real-time thread.
///
/// A leg stands in `news` at most once (its `Line` keeps the mark), so a queue with room for every leg, and for
/// those that just closed, is never full and no order can be overlooked.
pub(super) struct Bell {
    /// Readable sockets of all legs of the thread.
    sockets: OwnedFd,
    wake: OwnedFd,
    /// True while the thread will look at the queues anyway; saves the system call of ringing.
    awake: AtomicBool,
    stopped: AtomicBool,
    arrivals: ArrayQueue<Box<Leg>>,
    news: ArrayQueue<u32>,
}

impl Bell {
    pub(super) fn new(legs_max: usize) -> io::Result<Bell> {
        Ok(Bell {
            sockets: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            wake: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
            awake: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            arrivals: ArrayQueue::new(legs_max.max(1)),
            news: ArrayQueue::new(2 * legs_max + 64),
        })
    }

    pub(super) fn sockets(&self) -> BorrowedFd<'_> {
        self.sockets.as_fd()
    }

    /// Hands a leg to the thread. Gives it back when the thread has stopped.
    pub(super) fn admit(&self, leg: Box<Leg>) -> Result<(), Box<Leg>> {
        if self.stopped() {
            return Err(leg);
        }
        self.arrivals.push(leg)?;
        self.ring();
        Ok(())
    }

    pub(super) fn arrival(&self) -> Option<Box<Leg>> {
        self.arrivals.pop()
    }

    /// Says that the leg in this slot has orders.
    pub(super) fn announce(&self, slot: u32) {
        let announced = self.news.push(slot);
        debug_assert!(announced.is_ok(), "a leg stands in the queue at most once");
        self.ring();
    }

    pub(super) fn next_news(&self) -> Option<u32> {
        self.news.pop()
    }

    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.ring();
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn ring(&self) {
        if !self.awake.swap(true, Ordering::SeqCst) {
            // A full counter means that it rings already.
            let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
        }
    }

    /// Sleeps for `timeout` at most (`None`: until rung), and until a socket is readable when `sockets` is set.
    pub(super) fn sleep(&self, timeout: Option<std::time::Duration>, sockets: bool) {
        self.awake.store(false, Ordering::SeqCst);
        // Whoever queued something before the store above did not ring; after it they do.
        if !self.news.is_empty() || !self.arrivals.is_empty() || self.stopped() {
            self.awake.store(true, Ordering::SeqCst);
            return;
        }
        let timeout = timeout
            .map(|timeout| Timespec { tv_sec: timeout.as_secs() as i64, tv_nsec: timeout.subsec_nanos().into() });
        let mut polled = [PollFd::new(&self.wake, PollFlags::IN), PollFd::new(&self.sockets, PollFlags::IN)];
        let watched = if sockets { 2 } else { 1 };
        // An interrupted sleep is a short one; the loop looks at everything again.
        let _ = poll(&mut polled[..watched], timeout.as_ref());
        let rung = polled[0].revents().contains(PollFlags::IN);
        self.awake.store(true, Ordering::SeqCst);
        if rung {
            let _ = rustix::io::read(&self.wake, &mut [0u8; 8]);
        }
    }
}
