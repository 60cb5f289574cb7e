//! Wrong passwords cost time (W5). Pure: the moment comes in.
//!
//! What is counted is what was typed, whether there is such an account or not, so that waiting tells nothing. Counted
//! are the pair of account and source (a few), the account from everywhere (many, so that nobody is locked out by a
//! stranger at once), and the source over all accounts.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Failures by what they were made with.
#[derive(Default)]
pub struct Throttle(HashMap<String, Failures>);

struct Failures {
    count: u32,
    last: Instant,
}

/// What failures are counted by, and how many are borne.
pub struct Counted {
    /// Its name.
    pub key: String,
    /// Failures without a wait.
    pub free: u32,
}

/// The three counts of one try to sign in.
pub fn counts(account: &str, source: &str) -> [Counted; 3] {
    [
        Counted { key: format!("pair {account} {source}"), free: 5 },
        Counted { key: format!("account {account}"), free: 50 },
        Counted { key: format!("source {source}"), free: 30 },
    ]
}

impl Throttle {
    /// How long a try has to wait; `None` when it may be made.
    pub fn wait(&self, counts: &[Counted], now: Instant) -> Option<Duration> {
        let wait = |counted: &Counted| {
            let failures = self.0.get(&counted.key)?;
            let over = failures.count.checked_sub(counted.free)?;
            let pause = FIRST_PAUSE.saturating_mul(1 << over.min(10)).min(LONGEST_PAUSE);
            (failures.last + pause).checked_duration_since(now).filter(|wait| !wait.is_zero())
        };
        counts.iter().filter_map(wait).max()
    }

    /// A try failed.
    pub fn failed(&mut self, counts: &[Counted], now: Instant) {
        if self.0.len() > KEYS_MAX {
            self.0.retain(|_, failures| now.saturating_duration_since(failures.last) < FORGOTTEN_AFTER);
        }
        for counted in counts {
            // A flood of made-up names finds no further room: their source is counted already.
            if self.0.len() > KEYS_MAX && !self.0.contains_key(&counted.key) {
                continue;
            }
            let failures = self.0.entry(counted.key.clone()).or_insert(Failures { count: 0, last: now });
            if now.saturating_duration_since(failures.last) >= FORGOTTEN_AFTER {
                failures.count = 0;
            }
            failures.count = failures.count.saturating_add(1);
            failures.last = now;
        }
    }

    /// A try succeeded: the account's own failures from there are forgotten.
    pub fn succeeded(&mut self, counts: &[Counted]) {
        if let Some(pair) = counts.first() {
            self.0.remove(&pair.key);
        }
    }
}

/// Doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Nobody waits longer, whatever was tried in their name.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// Quiet for so long, everything begins anew.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(1_800);
/// At about 100 bytes each.
const KEYS_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// W5: guesses wait longer and longer; the owner elsewhere does not.
    #[test]
    fn wrong_passwords_wait_longer_and_longer() {
        let mut throttle = Throttle::default();
        let start = Instant::now();
        let here = counts("ann@shop.example", "192.0.2.1");
        for _ in 0..4 {
            throttle.failed(&here, start);
            assert_eq!(throttle.wait(&here, start), None);
        }
        throttle.failed(&here, start);
        assert_eq!(throttle.wait(&here, start), Some(FIRST_PAUSE));
        for _ in 0..20 {
            throttle.failed(&here, start);
        }
        assert_eq!(throttle.wait(&here, start), Some(LONGEST_PAUSE));
        assert_eq!(throttle.wait(&counts("ann@shop.example", "192.0.2.2"), start), None);
        assert_eq!(throttle.wait(&here, start + LONGEST_PAUSE), None);
        throttle.failed(&here, start + FORGOTTEN_AFTER);
        assert_eq!(throttle.wait(&here, start + FORGOTTEN_AFTER), None, "forgotten after a quiet while");
    }

    #[test]
    fn a_flood_of_names_is_bounded_and_its_source_waits() {
        let mut throttle = Throttle::default();
        let now = Instant::now();
        for at in 0..KEYS_MAX {
            throttle.failed(&counts(&at.to_string(), "192.0.2.1"), now);
        }
        assert!(throttle.0.len() <= KEYS_MAX + 3);
        assert!(throttle.wait(&counts("fresh", "192.0.2.1"), now).is_some());
    }
}
