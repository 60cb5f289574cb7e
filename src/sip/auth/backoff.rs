//! Slowing down whoever guesses (S8): by source, since a locked account would be a weapon against its owner.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::domain::time::EpochMs;

/// How wrong answers are slowed down.
#[derive(Clone, Copy, Debug)]
pub struct BackoffRules {
    /// Wrong answers that cost nothing: people mistype.
    pub free_failures: u32,
    /// The first wait, in milliseconds; each further failure doubles it.
    pub first_wait_ms: i64,
    /// The longest wait, in milliseconds. Long enough to make guessing hopeless, short enough for an office
    /// behind one address whose misconfigured phone was mended.
    pub wait_max_ms: i64,
    /// A source without failures for this long starts anew, in milliseconds.
    pub forget_after_ms: i64,
    /// Most sources remembered, about 60 bytes each. Beyond, the one that failed longest ago is forgotten.
    pub sources_max: usize,
}

impl Default for BackoffRules {
    fn default() -> BackoffRules {
        BackoffRules {
            free_failures: 5,
            first_wait_ms: 1_000,
            wait_max_ms: 5 * 60_000,
            forget_after_ms: 60 * 60_000,
            sources_max: 4096,
        }
    }
}

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last_at: EpochMs,
    wait_until: EpochMs,
}

pub(super) struct Backoff {
    rules: BackoffRules,
    sources: HashMap<IpAddr, Failures>,
}

impl Backoff {
    pub(super) fn new(rules: BackoffRules) -> Backoff {
        Backoff { rules, sources: HashMap::new() }
    }

    /// How long the source has to wait still, in whole seconds rounded up.
    pub(super) fn wait_s(&self, now: EpochMs, source: IpAddr) -> Option<u32> {
        let wait_ms = self.sources.get(&network(source))?.wait_until.0.saturating_sub(now.0);
        (wait_ms > 0).then(|| u32::try_from(wait_ms.saturating_add(999) / 1000).unwrap_or(u32::MAX))
    }

    pub(super) fn note_failure(&mut self, now: EpochMs, source: IpAddr) {
        let source = network(source);
        if !self.sources.contains_key(&source) {
            self.make_room(now);
        }
        let rules = self.rules;
        let entry = self.sources.entry(source).or_insert(Failures { count: 0, last_at: now, wait_until: now });
        if now.0.saturating_sub(entry.last_at.0) >= rules.forget_after_ms {
            entry.count = 0;
        }
        entry.count = entry.count.saturating_add(1);
        entry.last_at = now;
        let beyond = entry.count.saturating_sub(rules.free_failures);
        if beyond > 0 {
            // Thirty doublings of a second are 34 years: the longest wait has long been reached.
            let wait_ms = rules.first_wait_ms.saturating_mul(1 << (beyond - 1).min(30)).min(rules.wait_max_ms);
            entry.wait_until = EpochMs(now.0.saturating_add(wait_ms));
        }
    }

    pub(super) fn note_success(&mut self, source: IpAddr) {
        self.sources.remove(&network(source));
    }

    /// Forgets old sources, then the oldest. A pass over the full table takes some ten microseconds.
    fn make_room(&mut self, now: EpochMs) {
        if self.sources.len() < self.rules.sources_max.max(1) {
            return;
        }
        let forget_after_ms = self.rules.forget_after_ms;
        self.sources.retain(|_, entry| now.0.saturating_sub(entry.last_at.0) < forget_after_ms);
        if self.sources.len() >= self.rules.sources_max.max(1) {
            let oldest = self.sources.iter().min_by_key(|(_, entry)| entry.last_at).map(|(source, _)| *source);
            oldest.map(|source| self.sources.remove(&source));
        }
    }
}

/// One household has a whole /64 of IPv6 to choose sources from.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end_with_success_or_time() {
        let rules = BackoffRules { free_failures: 2, wait_max_ms: 4_000, ..BackoffRules::default() };
        let mut backoff = Backoff::new(rules);
        let source: IpAddr = [192, 0, 2, 1].into();
        let mut now = EpochMs(0);
        let waits: Vec<Option<u32>> = (0..7)
            .map(|_| {
                backoff.note_failure(now, source);
                let wait = backoff.wait_s(now, source);
                now.0 += i64::from(wait.unwrap_or(0)) * 1000;
                assert_eq!(backoff.wait_s(now, source), None, "the wait is over when it said");
                wait
            })
            .collect();
        assert_eq!(waits, [None, None, Some(1), Some(2), Some(4), Some(4), Some(4)]);
        backoff.note_success(source);
        backoff.note_failure(now, source);
        assert_eq!(backoff.wait_s(now, source), None);
    }

    #[test]
    fn a_quiet_hour_wipes_the_slate() {
        let mut backoff = Backoff::new(BackoffRules::default());
        let source: IpAddr = [192, 0, 2, 1].into();
        (0..20).for_each(|_| backoff.note_failure(EpochMs(0), source));
        let later = EpochMs(60 * 60_000);
        backoff.note_failure(later, source);
        assert_eq!(backoff.wait_s(later, source), None);
    }

    #[test]
    fn the_table_never_grows_past_its_bound_and_keeps_the_newest() {
        let mut backoff = Backoff::new(BackoffRules { sources_max: 8, free_failures: 0, ..BackoffRules::default() });
        for number in 0..100_u8 {
            backoff.note_failure(EpochMs(i64::from(number)), [10, 0, 0, number].into());
            assert!(backoff.sources.len() <= 8);
        }
        assert!(backoff.wait_s(EpochMs(99), [10, 0, 0, 99].into()).is_some());
    }

    #[test]
    fn a_household_of_ipv6_addresses_is_one_source() {
        let mut backoff = Backoff::new(BackoffRules { free_failures: 1, ..BackoffRules::default() });
        for number in 0..2_u16 {
            backoff.note_failure(EpochMs(0), Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, number).into());
        }
        assert!(backoff.wait_s(EpochMs(0), Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 9, 9, 9, 9).into()).is_some());
        assert!(backoff.wait_s(EpochMs(0), Ipv6Addr::new(0x2001, 0xdb8, 1, 3, 9, 9, 9, 9).into()).is_none());
    }
}
