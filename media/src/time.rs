//! The engine's inner clock: ticks of 125 µs since the session began.
//!
//! All codecs here have an RTP clock of 8 kHz (G.722 too, RFC 3551 §4.5.2) and make one byte a tick,
//! so a tick, a step of an RTP timestamp and a byte of payload are the same length.

use std::time::{Duration, Instant};

/// Ticks in a second.
pub const TICKS_PER_SECOND: i64 = 8000;
/// Ticks in a frame of 20 ms.
pub const FRAME_TICKS: i64 = 160;
/// Ticks in a millisecond.
pub const MS: i64 = 8;

const TICK_NS: u64 = 1_000_000_000 / TICKS_PER_SECOND as u64;

/// The instant that ticks are counted from.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(pub Instant);

impl Epoch {
    /// Whole ticks passed at `now`; a time before the epoch counts as the epoch.
    pub fn ticks(self, now: Instant) -> i64 {
        (now.saturating_duration_since(self.0).as_nanos() / u128::from(TICK_NS)) as i64
    }

    /// The first instant at which [`Epoch::ticks`] gives `ticks`.
    pub fn instant(self, ticks: i64) -> Instant {
        self.0 + Duration::from_nanos(ticks.max(0) as u64 * TICK_NS)
    }
}
