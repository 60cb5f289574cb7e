//! How much one thread may say before it is no longer answered by itself. What comes is kept and shown all the same; two
//! machines that answer each other come to an end.

use std::collections::BTreeMap;

use crate::domain::time::EpochMs;

/// How much each thread said lately.
#[derive(Default)]
pub struct Rates {
    lately: BTreeMap<String, (EpochMs, u32)>,
}

impl Rates {
    /// Notes a message; tells whether there were too many within a minute.
    pub fn are_exceeded(&mut self, thread: &str, now: EpochMs) -> bool {
        if self.lately.len() >= THREADS_MAX {
            self.lately.retain(|_, (since, _)| now.0 - since.0 < MINUTE_MS);
        }
        if self.lately.len() >= THREADS_MAX && !self.lately.contains_key(thread) {
            return false;
        }
        let (since, count) = self.lately.entry(thread.to_owned()).or_insert((now, 0));
        if now.0 - since.0 >= MINUTE_MS {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count > MESSAGES_A_MINUTE
    }
}

/// Nobody types more.
const MESSAGES_A_MINUTE: u32 = 30;
const MINUTE_MS: i64 = 60_000;
/// Threads watched at the same time, a hundred bytes each; of more than that in one minute, new ones are not.
const THREADS_MAX: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_says_too_much_is_known_for_a_minute() {
        let mut rates = Rates::default();
        let mut said = |thread: &str, at: i64| rates.are_exceeded(thread, EpochMs(at));
        assert!((0..30).all(|n| !said("one", n)));
        assert!(said("one", 59_999) && !said("two", 59_999));
        assert!(!said("one", 60_000));
    }
}
