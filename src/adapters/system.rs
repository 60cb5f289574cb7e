//! This machine's clock and chance.

use std::time::{Instant, SystemTime};

use uuid::Uuid;

use crate::domain::time::EpochMs;
use crate::seams::clock::{Clock, Ids};

/// The operating system's clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn epoch(&self) -> EpochMs {
        // A clock set before 1970 counts as 1970: wrong by as much, but nothing fails.
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        EpochMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// Random UUIDv7, in the order they are made (RFC 9562, section 5.7).
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemIds;

impl Ids for SystemIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages of one millisecond are shown in the order of their ids.
    #[test]
    fn ids_grow_even_within_one_millisecond() {
        let ids: Vec<_> = (0..10_000).map(|_| SystemIds.next()).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn the_epoch_is_in_milliseconds() {
        // Between 2024 and 2100.
        assert!((1_704_067_200_000..4_102_444_800_000).contains(&SystemClock.epoch().0));
    }
}
