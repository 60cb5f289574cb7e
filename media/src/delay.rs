//! How long to wait for packets: the fastest transit seen lately, and how far the others lag behind it.
//!
//! Transit is arrival minus timestamp, in ticks, so its absolute value means nothing; its least value over
//! the last seconds is the clean path, and follows the skew between the two clocks.

use crate::time::{FRAME_TICKS, MS, TICKS_PER_SECOND};

/// Never wait less than one frame: it costs nothing, since whole frames leave on arrival anyway.
pub const DELAY_MIN: i64 = FRAME_TICKS;
/// Never wait longer than 200 ms: beyond, talking to each other fails before listening does.
pub const DELAY_MAX: i64 = 200 * MS;

/// Lag is counted in bins of 5 ms.
const BIN: i64 = 5 * MS;
const BINS: usize = (DELAY_MAX / BIN) as usize + 1;
/// After so many packets all counts are halved: about 4 s of memory.
const MEMORY: u32 = 200;
/// One packet in so many may come too late before the wait grows; a single one always may.
const LATE_ONE_IN: u32 = 50;
/// The fastest transit is taken over the last two windows of 8 s: at 300 ppm it drifts 5 ms meanwhile.
const WINDOW: i64 = 8 * TICKS_PER_SECOND;

/// The estimator.
pub struct Delay {
    fastest: i64,
    fastest_before: i64,
    window_end: i64,
    counts: [u32; BINS],
    total: u32,
    since_halved: u32,
    wait: i64,
}

impl Delay {
    /// Nothing seen yet: the least wait.
    pub fn new() -> Delay {
        Delay {
            fastest: 0,
            fastest_before: 0,
            window_end: 0,
            counts: [0; BINS],
            total: 0,
            since_halved: 0,
            wait: DELAY_MIN,
        }
    }

    /// Begins a new timeline at `transit`, keeping what is known of the path's jitter.
    pub fn restart(&mut self, now: i64, transit: i64) {
        self.fastest = transit;
        self.fastest_before = transit;
        self.window_end = now + WINDOW;
    }

    /// The fastest transit of late.
    pub fn base(&self) -> i64 {
        self.fastest.min(self.fastest_before)
    }

    /// How long after the fastest packet a frame is waited for.
    pub fn wait(&self) -> i64 {
        self.wait
    }

    /// Learns from a packet.
    pub fn observe(&mut self, now: i64, transit: i64) {
        if now >= self.window_end {
            self.fastest_before = self.fastest;
            self.fastest = transit;
            self.window_end = now + WINDOW;
        }
        self.fastest = self.fastest.min(transit);
        let lag = (transit - self.base()).clamp(0, DELAY_MAX);
        self.counts[(lag / BIN) as usize] += 1;
        self.total += 1;
        self.since_halved += 1;
        if self.since_halved >= MEMORY {
            self.forget();
        }
        let wanted = self.wanted();
        // Grows at once; shrinks by a tick a packet, about 6 ms a second.
        self.wait = if wanted >= self.wait { wanted } else { self.wait - 1 };
    }

    /// The wait that all but one packet in [`LATE_ONE_IN`] need.
    fn wanted(&self) -> i64 {
        let mut allowed = (self.total / LATE_ONE_IN).max(1);
        for (bin, count) in self.counts.iter().enumerate().rev() {
            if *count > allowed {
                return ((bin as i64 + 1) * BIN).clamp(DELAY_MIN, DELAY_MAX);
            }
            allowed -= count;
        }
        DELAY_MIN
    }

    fn forget(&mut self) {
        self.since_halved = 0;
        self.total = 0;
        for count in &mut self.counts {
            *count /= 2;
            self.total += *count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(delay: &mut Delay, packets: i64, lag: impl Fn(i64) -> i64) {
        for i in 0..packets {
            delay.observe(i * FRAME_TICKS, 1000 + lag(i));
        }
    }

    /// M7.
    #[test]
    fn a_clean_link_waits_one_frame() {
        let mut delay = Delay::new();
        delay.restart(0, 1000);
        run(&mut delay, 1000, |i| i % 3);
        assert_eq!(delay.wait(), DELAY_MIN);
    }

    /// M7.
    #[test]
    fn jitter_makes_the_wait_grow_and_quiet_makes_it_shrink_slowly() {
        let mut delay = Delay::new();
        delay.restart(0, 1000);
        run(&mut delay, 200, |i| if i % 5 == 0 { 100 * MS } else { 0 });
        assert!(delay.wait() >= 100 * MS, "{}", delay.wait());
        run(&mut delay, 250, |_| 0);
        assert!(delay.wait() > 60 * MS, "{}", delay.wait());
        run(&mut delay, 2000, |_| 0);
        assert_eq!(delay.wait(), DELAY_MIN);
    }

    /// M7: skew moves the base, not the wait.
    #[test]
    fn skew_is_followed() {
        for ppm in [-300, 300] {
            let mut delay = Delay::new();
            delay.restart(0, 1000);
            run(&mut delay, 180_000, |i| i * FRAME_TICKS * ppm / 1_000_000);
            assert_eq!(delay.wait(), DELAY_MIN, "{ppm}");
        }
    }
}
