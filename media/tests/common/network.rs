//! A seeded stand-in for a network: loss in bursts, jitter, reordering, duplicates.

use std::time::{Duration, Instant};

/// What the network does to packets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Share of packets lost.
    pub loss: f64,
    /// Mean length of a run of lost packets.
    pub burst: f64,
    /// Longest extra delay, evenly spread.
    pub jitter: Duration,
    /// Share of packets that come twice.
    pub duplicates: f64,
    /// Whether later packets may overtake earlier ones.
    pub reorders: bool,
}

/// One direction of a network. The same seed does the same.
pub struct Network {
    weather: Weather,
    state: u64,
    losing: bool,
    last: Option<Instant>,
    queue: Vec<(Instant, u64, Vec<u8>)>,
    count: u64,
    pub lost: usize,
}

impl Network {
    pub fn new(seed: u64, weather: Weather) -> Network {
        Network { weather, state: seed | 1, losing: false, last: None, queue: Vec::new(), count: 0, lost: 0 }
    }

    fn chance(&mut self) -> f64 {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A packet enters.
    pub fn send(&mut self, now: Instant, datagram: Vec<u8>) {
        let burst = self.weather.burst.max(1.0);
        let leave = 1.0 / burst;
        let enter = self.weather.loss * leave / (1.0 - self.weather.loss).max(0.01);
        let chance = self.chance();
        self.losing = if self.losing { chance >= leave } else { chance < enter };
        if self.losing {
            self.lost += 1;
            return;
        }
        let copies = if self.chance() < self.weather.duplicates { 2 } else { 1 };
        for _ in 0..copies {
            let mut at = now + Duration::from_millis(20) + self.weather.jitter.mul_f64(self.chance());
            if !self.weather.reorders {
                at = self.last.map_or(at, |last| at.max(last));
                self.last = Some(at);
            }
            self.count += 1;
            self.queue.push((at, self.count, datagram.clone()));
        }
        self.queue.sort_by_key(|(at, count, _)| (*at, *count));
    }

    /// The next packet that arrives by `until`.
    pub fn arrive(&mut self, until: Instant) -> Option<(Instant, Vec<u8>)> {
        if self.queue.first()?.0 > until {
            return None;
        }
        let (at, _, datagram) = self.queue.remove(0);
        Some((at, datagram))
    }
}
