//! No more than a few automatic mails an hour to one address, whatever its mails look like: the last guard against two
//! machines that answer each other.

use std::collections::{HashMap, VecDeque};

use crate::domain::time::EpochMs;

/// Counts automatic mails by their recipient.
pub struct ReplyLimit {
    per_hour: usize,
    sent: HashMap<String, VecDeque<EpochMs>>,
}

impl ReplyLimit {
    /// Lets `per_hour` through to one address in any hour.
    pub fn new(per_hour: usize) -> ReplyLimit {
        ReplyLimit { per_hour, sent: HashMap::new() }
    }

    /// Whether another one may go out now; if so, it is counted.
    pub fn allows(&mut self, address: &str, now: EpochMs) -> bool {
        let address = address.to_lowercase();
        if self.sent.len() >= ADDRESSES_MAX && !self.sent.contains_key(&address) {
            self.forget(now);
            if self.sent.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let times = self.sent.entry(address).or_default();
        drop_old(times, now);
        let allowed = times.len() < self.per_hour;
        if allowed {
            times.push_back(now);
        }
        allowed
    }

    fn forget(&mut self, now: EpochMs) {
        self.sent.retain(|_, times| {
            drop_old(times, now);
            !times.is_empty()
        });
    }
}

fn drop_old(times: &mut VecDeque<EpochMs>, now: EpochMs) {
    while times.front().is_some_and(|time| now.0 - time.0 >= HOUR_MS) {
        times.pop_front();
    }
}

/// An hour.
const HOUR_MS: i64 = 3_600_000;
/// Addresses that are remembered, at about 100 bytes each; beyond it no new one is answered for a while.
const ADDRESSES_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// W2: a loop that no header shows ends after a few mails.
    #[test]
    fn one_address_is_answered_a_few_times_an_hour() {
        let mut limit = ReplyLimit::new(3);
        let at = |minutes: i64| EpochMs(minutes * 60_000);
        let allowed: Vec<bool> = (0..5).map(|minute| limit.allows("loop@example.com", at(minute))).collect();
        assert_eq!(allowed, [true, true, true, false, false]);
        assert!(limit.allows("Ann@example.com", at(5)));
        assert!(limit.allows("loop@example.com", at(60)));
        assert!(!limit.allows("LOOP@example.com", at(60)), "two of the last hour and the one just sent");
    }
}
