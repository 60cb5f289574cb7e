//! The engine's inner clock: ticks of 125 µs since the session began.
//!
//! G.711 and G.722 have an RTP clock of 8 kHz (G.722 too, RFC 3551 §4.5.2) and make one byte a tick, so a tick, a step
//! of an RTP timestamp and a byte of payload are the same length. Opus has a clock of 48 kHz: its timestamps become
//! ticks as they come in ([`FineClock`]) and steps again as they leave, six to a tick.

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

/// Timestamps of a clock that makes several steps a tick, brought to ticks that wrap around as timestamps do.
#[derive(Clone, Copy, Debug, Default)]
pub struct FineClock {
    /// The newest timestamp, unwrapped.
    newest: i64,
}

impl FineClock {
    /// The tick of a timestamp of the far end's stream.
    pub fn ticks(&mut self, timestamp: u32, steps_per_tick: u32) -> u32 {
        self.newest += i64::from(timestamp.wrapping_sub(self.newest as u32) as i32);
        self.newest.div_euclid(i64::from(steps_per_tick)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_of_a_fine_clock_run_on_over_its_wraps() {
        let mut clock = FineClock::default();
        let mut timestamp = u32::MAX - 5000;
        let mut before = clock.ticks(timestamp, 6);
        for _ in 0..10_000_000u32 / 960 * 20 {
            timestamp = timestamp.wrapping_add(960);
            let ticks = clock.ticks(timestamp, 6);
            assert_eq!(ticks.wrapping_sub(before), 160);
            before = ticks;
        }
        assert_eq!(before.wrapping_sub(clock.ticks(timestamp.wrapping_sub(960), 6)), 160, "a late packet");
    }
}
