//! When a real-time thread wakes: for each packet while there are few, on a grid once there are many.

use std::time::{Duration, Instant};

/// The grid. Each wake-up costs as much as several packets (on a virtual machine the timer alone leaves it twice), and
/// every leg brings a hundred packets and ticks a second; gathered on 4 ms a packet waits 2 ms on average.
/// It divides 20 ms, so a leg's ticks always fall at the same distance behind a grid point and keep their spacing.
const GRID: Duration = Duration::from_millis(4);
/// How often the load is looked at.
const WINDOW: Duration = Duration::from_millis(100);
/// Packets and ticks a window from which the grid pays: more than twice the grid's own wake-ups (twenty-five a
/// window), so that few calls are never made to wait. Five calls stay below it.
const BUSY: u32 = 60;

/// Decides between the two by the load of the window before.
pub(super) struct Pace {
    started: Instant,
    window_ends: Instant,
    work: u32,
    on_grid: bool,
}

/// How to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nap {
    /// When to wake at the latest; `None` when only news can wake.
    pub(super) until: Option<Instant>,
    /// Whether a packet wakes.
    pub(super) for_packets: bool,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Pace {
        Pace { started: now, window_ends: now + WINDOW, work: 0, on_grid: false }
    }

    /// Counts packets or ticks that were handled.
    pub(super) fn worked(&mut self, amount: u32) {
        self.work = self.work.saturating_add(amount);
    }

    /// How to sleep from `now`, with the earliest tick due at `due`.
    pub(super) fn nap(&mut self, now: Instant, due: Option<Instant>) -> Nap {
        if now >= self.window_ends {
            self.on_grid = self.work >= BUSY;
            self.work = 0;
            self.window_ends = now + WINDOW;
        }
        if self.on_grid {
            Nap { until: Some(self.next_grid_point(now)), for_packets: false }
        } else {
            Nap { until: due, for_packets: true }
        }
    }

    /// Whether sockets are to be looked at: always, except for a wake-up by news between two grid points.
    pub(super) fn receives(&self, now: Instant, nap: Nap) -> bool {
        nap.for_packets || nap.until.is_none_or(|until| now >= until)
    }

    fn next_grid_point(&self, now: Instant) -> Instant {
        let since = now.duration_since(self.started).as_nanos() as u64;
        let grid = GRID.as_nanos() as u64;
        self.started + Duration::from_nanos((since / grid + 1) * grid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_calls_are_served_packet_by_packet() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.worked(BUSY - 1);
        let due = start + Duration::from_millis(117);
        let nap = pace.nap(start + WINDOW, Some(due));
        assert_eq!(nap, Nap { until: Some(due), for_packets: true });
    }

    #[test]
    fn many_calls_are_served_on_a_grid_that_keeps_the_spacing_of_ticks() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let mut now = start;
        let mut wakes = Vec::new();
        for _ in 0..200 {
            pace.worked(BUSY);
            let nap = pace.nap(now, Some(now));
            now = nap.until.unwrap();
            if !nap.for_packets {
                wakes.push(now);
            } else {
                now += WINDOW;
            }
        }
        assert!(wakes.len() > 150);
        // A tick due every 20 ms is served at the same distance each time.
        let due = |tick: u32| wakes[0] + Duration::from_micros(20_000 * u64::from(tick) + 700);
        let delays: Vec<Duration> =
            (0..10).map(|tick| *wakes.iter().find(|wake| **wake >= due(tick)).unwrap() - due(tick)).collect();
        assert!(delays.iter().all(|delay| *delay == delays[0]), "{delays:?}");
    }

    #[test]
    fn news_between_two_grid_points_looks_at_no_socket() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.worked(1000);
        let nap = pace.nap(start + WINDOW, None);
        assert!(!nap.for_packets);
        assert!(!pace.receives(nap.until.unwrap() - Duration::from_micros(10), nap));
        assert!(pace.receives(nap.until.unwrap(), nap));
    }

    #[test]
    fn a_quiet_thread_sleeps_until_it_is_called() {
        let start = Instant::now();
        let nap = Pace::new(start).nap(start, None);
        assert_eq!(nap, Nap { until: None, for_packets: true });
    }
}
