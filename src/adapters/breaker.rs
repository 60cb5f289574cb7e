//! A provider that fails is rested for a while and then tried again, so that not every sentence pays for it.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How many times the first rest the longest one is.
const REST_GROWTH_MAX: u32 = 16;

/// Whether a provider may be used now.
pub struct Breaker {
    first_rest: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    rests_until: Option<Instant>,
    /// After a rest one request tries; the others wait for how it ends.
    trying: bool,
}

impl Breaker {
    /// A provider in good health; after its first failure it rests this long, after each further one twice as
    /// long, up to sixteen times.
    pub fn new(first_rest: Duration) -> Breaker {
        Breaker { first_rest, state: Mutex::new(State::default()) }
    }

    /// Whether to use it. After a rest it says yes once, until that use has ended with [`Breaker::worked`],
    /// [`Breaker::failed`] or [`Breaker::abandoned`].
    pub fn allows(&self) -> bool {
        let mut state = self.lock();
        match state.rests_until {
            None => true,
            Some(until) if Instant::now() < until || state.trying => false,
            Some(_) => {
                state.trying = true;
                true
            }
        }
    }

    /// A use went well.
    pub fn worked(&self) {
        *self.lock() = State::default();
    }

    /// A use failed.
    pub fn failed(&self) {
        let mut state = self.lock();
        // Several calls that fail at once are one failure.
        let resting = state.rests_until.is_some_and(|until| Instant::now() < until);
        if !resting {
            let growth = 2u32.saturating_pow(state.failures).min(REST_GROWTH_MAX);
            state.failures = state.failures.saturating_add(1);
            state.rests_until = Some(Instant::now() + self.first_rest * growth);
        }
        state.trying = false;
    }

    /// A use ended before it could be judged, since nobody wanted its outcome any more.
    pub fn abandoned(&self) {
        self.lock().trying = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_provider_rests_longer_each_time_and_is_tried_by_one_at_a_time() {
        let breaker = Breaker::new(Duration::from_secs(10));
        assert!(breaker.allows());
        breaker.failed();
        assert!(!breaker.allows());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(breaker.allows(), "one tries");
        assert!(!breaker.allows(), "the others wait");
        breaker.failed();
        tokio::time::advance(Duration::from_secs(19)).await;
        assert!(!breaker.allows());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(breaker.allows());
        breaker.worked();
        assert!(breaker.allows() && breaker.allows());
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_trial_leaves_room_for_the_next() {
        let breaker = Breaker::new(Duration::from_secs(10));
        breaker.failed();
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(breaker.allows());
        breaker.abandoned();
        assert!(breaker.allows());
    }
}
