//! How much is too much: token buckets by source and trunk, and places for calls under way (S4, S5).
//!
//! Pure: the time comes in. Memory is bounded: at most [`SOURCES_MAX`] sources are remembered.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Lets `per_second` events through on average and `burst` at once.
#[derive(Clone, Copy, Debug)]
pub struct TokenBucket {
    per_second: f64,
    burst: f64,
    level: f64,
    updated: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(per_second: u32, burst: u32, now: Instant) -> TokenBucket {
        let burst = f64::from(burst.max(1));
        TokenBucket { per_second: f64::from(per_second), burst, level: burst, updated: now }
    }

    /// Takes one token, if there is one. A clock that steps back adds nothing.
    pub fn take(&mut self, now: Instant) -> bool {
        self.refill(now);
        let allowed = self.level >= 1.0;
        if allowed {
            self.level -= 1.0;
        }
        allowed
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.updated).as_secs_f64();
        self.level = (self.level + elapsed * self.per_second).min(self.burst);
        self.updated = self.updated.max(now);
    }

    fn is_full(&mut self, now: Instant) -> bool {
        self.refill(now);
        self.level >= self.burst
    }
}

/// A bucket for each of many sources. When too many are remembered, those that have been quiet are
/// forgotten; if all are busy, newcomers share one bucket.
pub struct Buckets<K> {
    per_second: u32,
    by_source: HashMap<K, TokenBucket>,
    shared: TokenBucket,
    /// When the quiet were last swept out: a sweep walks the whole table, so it is not done per packet.
    swept: Instant,
}

impl<K: Eq + Hash> Buckets<K> {
    /// Each source may do `per_second` on average and twice that at once.
    pub fn new(per_second: u32, now: Instant) -> Buckets<K> {
        let shared = TokenBucket::new(per_second, per_second.saturating_mul(2), now);
        Buckets { per_second, by_source: HashMap::new(), shared, swept: now }
    }

    /// Takes one token of this source.
    pub fn take(&mut self, source: K, now: Instant) -> bool {
        if let Some(bucket) = self.by_source.get_mut(&source) {
            return bucket.take(now);
        }
        if self.by_source.len() >= SOURCES_MAX && now.saturating_duration_since(self.swept).as_millis() >= SWEEP_MS {
            self.swept = now;
            self.by_source.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.by_source.len() >= SOURCES_MAX {
            return self.shared.take(now);
        }
        let mut bucket = TokenBucket::new(self.per_second, self.per_second.saturating_mul(2), now);
        let allowed = bucket.take(now);
        self.by_source.insert(source, bucket);
        allowed
    }
}

/// Most sources remembered, about 100 bytes each.
pub const SOURCES_MAX: usize = 16_384;
/// Least time between two sweeps.
const SWEEP_MS: u128 = 100;

/// Places for things under way, such as calls; each [`Place`] gives itself back when dropped.
#[derive(Clone, Debug)]
pub struct Places {
    max: usize,
    taken: Arc<AtomicUsize>,
}

/// One place, taken until it is dropped.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Places {
    /// This many places.
    pub fn new(max: usize) -> Places {
        Places { max, taken: Arc::default() }
    }

    /// Takes a place, if one is free.
    pub fn take(&self) -> Option<Place> {
        let free = |taken: usize| (taken < self.max).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Place(self.taken.clone()))
    }

    /// Takes a place even where none is free.
    pub fn take_beyond(&self) -> Place {
        self.taken.fetch_add(1, Ordering::AcqRel);
        Place(self.taken.clone())
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// S4: over any stretch of time no more gets through than burst plus rate times time; and what
        /// comes slower than the rate always gets through.
        #[test]
        fn a_bucket_keeps_its_promise(
            per_second in 1_u32..200, burst in 1_u32..400, gaps_ms in prop::collection::vec(0_u64..200, 1..300),
        ) {
            let start = Instant::now();
            let mut bucket = TokenBucket::new(per_second, burst, start);
            let (mut now, mut allowed) = (start, 0.0);
            for gap in &gaps_ms {
                now += Duration::from_millis(*gap);
                let slow_enough = *gap as f64 * f64::from(per_second) >= 1_000.0;
                let let_through = bucket.take(now);
                prop_assert!(let_through || !slow_enough);
                allowed += f64::from(u8::from(let_through));
            }
            let bound = f64::from(burst) + now.duration_since(start).as_secs_f64() * f64::from(per_second);
            prop_assert!(allowed <= bound + 1e-6);
        }
    }

    /// S4: a flood from many addresses does not grow memory, nor does it lock out a known quiet one.
    #[test]
    fn many_sources_are_bounded_and_the_quiet_are_forgotten() {
        let start = Instant::now();
        let mut buckets = Buckets::new(10, start);
        for source in 0..100_000_u32 {
            buckets.take(source, start);
        }
        assert_eq!(buckets.by_source.len(), SOURCES_MAX);
        let later = start + Duration::from_secs(5);
        assert!(buckets.take(1_000_000, later));
        assert_eq!(buckets.by_source.len(), 1);
    }

    #[test]
    fn a_place_is_given_back_when_dropped() {
        let places = Places::new(2);
        let (first, second) = (places.take().unwrap(), places.take());
        assert!(second.is_some() && places.take().is_none());
        drop(first);
        assert!(places.take().is_some());
        assert_eq!(places.taken(), 1);
    }
}
