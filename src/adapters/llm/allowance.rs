//! What may be spent on a provider: tokens a day and requests a minute (R60). Pure.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::domain::time::EpochMs;

/// One purse for all who ask.
pub struct Allowance {
    tokens_a_day: u64,
    requests_a_minute: u32,
    spent: Mutex<Spent>,
}

#[derive(Default)]
struct Spent {
    /// Days since the epoch, in UTC.
    day: i64,
    tokens: u64,
    minute_began: Option<Instant>,
    requests: u32,
}

impl Allowance {
    /// Caps; 0 is none.
    pub fn new(tokens_a_day: u64, requests_a_minute: u32) -> Allowance {
        Allowance { tokens_a_day, requests_a_minute, spent: Mutex::default() }
    }

    /// Takes what a request may cost at most; what it did not cost is given back by [`Allowance::settle`]. An error
    /// names the cap that is reached.
    pub fn take(&self, now: Instant, epoch: EpochMs, tokens: u64) -> Result<(), &'static str> {
        let mut spent = self.lock();
        let day = epoch.0.div_euclid(DAY_MS);
        if spent.day != day {
            (spent.day, spent.tokens) = (day, 0);
        }
        if spent.minute_began.is_none_or(|began| now.duration_since(began) >= MINUTE) {
            (spent.minute_began, spent.requests) = (Some(now), 0);
        }
        if self.requests_a_minute > 0 && spent.requests >= self.requests_a_minute {
            return Err("requests a minute");
        }
        if self.tokens_a_day > 0 && spent.tokens.saturating_add(tokens) > self.tokens_a_day {
            return Err("tokens a day");
        }
        spent.requests += 1;
        spent.tokens = spent.tokens.saturating_add(tokens);
        Ok(())
    }

    /// A request that had taken so much is over, and cost so much.
    pub fn settle(&self, taken: u64, cost: u64) {
        let mut spent = self.lock();
        spent.tokens = spent.tokens.saturating_sub(taken).saturating_add(cost);
    }

    /// Tokens spent today.
    #[cfg(test)]
    pub fn spent(&self) -> u64 {
        self.lock().tokens
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    /// R60.
    #[test]
    fn a_day_has_so_many_tokens_and_the_next_day_has_them_anew() {
        let (allowance, now) = (Allowance::new(100, 0), Instant::now());
        let day = EpochMs(20_000 * DAY_MS);
        assert_eq!(allowance.take(now, day, 60), Ok(()));
        assert_eq!(allowance.take(now, day, 60), Err("tokens a day"));
        allowance.settle(60, 30);
        assert_eq!(allowance.take(now, day, 60), Ok(()), "it cost less than it might have");
        assert_eq!(allowance.take(now, EpochMs(day.0 + DAY_MS - 1), 60), Err("tokens a day"));
        assert_eq!(allowance.take(now, EpochMs(day.0 + DAY_MS), 60), Ok(()));
    }

    /// R60.
    #[test]
    fn a_minute_has_so_many_requests() {
        let (allowance, now) = (Allowance::new(0, 2), Instant::now());
        let take = |seconds| allowance.take(now + Duration::from_secs(seconds), EpochMs(0), 1_000_000);
        assert_eq!((take(0), take(59)), (Ok(()), Ok(())));
        assert_eq!(take(59), Err("requests a minute"));
        assert_eq!(take(60), Ok(()));
    }
}
