//! How often one address may call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Addresses that are counted at a time; when there are more, those whose minute is over are forgotten, and should that
/// not help, new ones are refused.
const SOURCES_MAX: usize = 4_096;
const WINDOW: Duration = Duration::from_secs(60);

/// Counts calls by their source.
pub struct Limits {
    per_window: u32,
    sources: HashMap<IpAddr, (Instant, u32)>,
}

impl Limits {
    /// So many calls within a minute.
    pub fn new(per_minute: u32) -> Limits {
        Limits { per_window: per_minute, sources: HashMap::new() }
    }

    /// Counts a call; false where it is one too many. Of IPv6 the network counts, since hosts have many addresses.
    pub fn admit(&mut self, now: Instant, from: IpAddr) -> bool {
        let source = match from.to_canonical() {
            IpAddr::V6(ip) => IpAddr::V6((u128::from(ip) >> 64 << 64).into()),
            v4 => v4,
        };
        if self.sources.len() >= SOURCES_MAX {
            self.sources.retain(|_, (since, _)| now.saturating_duration_since(*since) < WINDOW);
            if self.sources.len() >= SOURCES_MAX {
                return false;
            }
        }
        let (since, count) = self.sources.entry(source).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= WINDOW {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= self.per_window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_minute() {
        let (mut limits, now) = (Limits::new(2), Instant::now());
        let (one, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert!(limits.admit(now, one) && limits.admit(now, one) && !limits.admit(now, one));
        assert!(limits.admit(now, other));
        assert!(limits.admit(now + WINDOW, one));
    }

    #[test]
    fn addresses_of_one_network_are_one_source() {
        let (mut limits, now) = (Limits::new(1), Instant::now());
        assert!(limits.admit(now, "2001:db8::1".parse().unwrap()));
        assert!(!limits.admit(now, "2001:db8::2".parse().unwrap()));
    }
}
