//! The pacer of outgoing packets: one slot each packet time, on a grid anchored when the session was made.
//!
//! Speech that begins while nothing is being said opens its slot at once, up to one packet time early. The
//! timeline is then ahead of the grid; every idle slot that follows is stretched a little until it is back,
//! so timestamps are never ahead of the clock for good, and no gap is noticed.

use std::time::{Duration, Instant};

/// How much an idle slot is stretched: 4 ms keep the spacing of packets under 25 ms.
const STRETCH: Duration = Duration::from_millis(4);
/// Slots made up for at once when the engine was late; older ones are passed over.
const CATCH_UP: u32 = 2;
/// The pacer.
pub struct Pacer {
    next: Instant,
    packet: Duration,
    ahead: Duration,
}

impl Pacer {
    /// The first slot opens at `now`.
    pub fn new(now: Instant, packet: Duration) -> Pacer {
        Pacer { next: now, packet, ahead: Duration::ZERO }
    }

    /// Another packet time, from the next slot on.
    pub fn set_packet(&mut self, packet: Duration) {
        self.packet = packet;
    }

    /// When the next slot opens.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Packet times that have to be passed over because the engine was held up, or `meant` to be passed over.
    pub fn skip(&mut self, now: Instant, meant: bool) -> u32 {
        let late = now.saturating_duration_since(self.next);
        let slots = (late.as_nanos() / self.packet.as_nanos()).min(u128::from(u32::MAX)) as u32;
        let excess = slots.saturating_sub(if meant { 0 } else { CATCH_UP });
        self.next += self.packet * excess;
        excess
    }

    /// Passes over everything due, up to `now`.
    pub fn pass(&mut self, now: Instant) {
        if now >= self.next {
            let late = now.duration_since(self.next);
            let slots = (late.as_nanos() / self.packet.as_nanos()).min(u128::from(u32::MAX - 1)) as u32;
            self.next += self.packet * (slots + 1);
        }
    }

    /// Whether a slot may be opened now for speech that begins; if so, it is the next one.
    pub fn open_early(&mut self, now: Instant) -> bool {
        let early = self.next.saturating_duration_since(now);
        if early + self.ahead > self.packet {
            return false;
        }
        self.ahead += early;
        self.next -= early;
        true
    }

    /// The slot was used; `idle` when nothing was said in it.
    pub fn advance(&mut self, idle: bool) {
        self.next += self.packet;
        if idle {
            let stretch = self.ahead.min(STRETCH);
            self.next += stretch;
            self.ahead -= stretch;
        }
    }
}
