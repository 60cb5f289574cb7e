//! `[media]`: the RTP sockets and the real-time threads behind them.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Problem;

/// How calls' audio is carried.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MediaConfig {
    /// Ports from which RTP and RTCP pairs are taken, as `20000-29999`.
    pub rtp_ports: PortRange,
    /// Real-time threads; 0 chooses by the number of cores.
    pub shards: usize,
    /// Without a packet for this long a leg's audio counts as gone.
    pub rtp_timeout_ms: u64,
    /// Legs at once, over all threads.
    pub legs_max: usize,
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig {
            rtp_ports: PortRange { first: 20_000, last: 29_999 },
            shards: 0,
            rtp_timeout_ms: 30_000,
            legs_max: 500,
        }
    }
}

/// Every key of the section with its sentence for the reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "rtp_ports",
        "UDP ports for RTP as FIRST-LAST; each call leg takes an even one and the next, so 10,000 ports carry 5,000 legs. \
         A firewall must let the whole range through.",
    ),
    (
        "shards",
        "Real-time threads; 0 takes one per two cores. One thread carries several hundred legs, and two legs can be joined \
         only on the same thread.",
    ),
    (
        "rtp_timeout_ms",
        "Milliseconds without a packet after which a leg's audio counts as gone; shorter frees dead calls sooner, longer \
         forgives carriers that send nothing during silence.",
    ),
    (
        "legs_max",
        "Legs at once; each takes two sockets and about 0.1 MB. More than the processor carries makes every call worse.",
    ),
];

impl MediaConfig {
    /// Real-time threads for a machine with this many cores.
    pub fn shards_on(&self, cores: usize) -> usize {
        match self.shards {
            // Recognition and synthesis need the other half; below four cores a second thread gains nothing.
            0 => (cores / 2).clamp(1, SHARDS_MAX),
            shards => shards.min(SHARDS_MAX),
        }
    }

    /// Everything that is wrong with the section.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut say = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: key.to_owned(), problem, remedy: remedy.to_owned() });
        };
        if self.rtp_ports.pairs() == 0 {
            say(
                "rtp_ports",
                format!("{} holds no even port with the odd one after it", self.rtp_ports),
                "write a range such as \"20000-29999\"",
            );
        }
        if self.rtp_ports.first < 1024 {
            say("rtp_ports", "ports below 1024 need privileges".to_owned(), "start the range at 1024 or above");
        }
        if self.shards > SHARDS_MAX {
            say("shards", format!("{} threads", self.shards), "use at most 64, or 0 to choose by the cores");
        }
        if !(1_000..=3_600_000).contains(&self.rtp_timeout_ms) {
            say("rtp_timeout_ms", format!("{} ms", self.rtp_timeout_ms), "choose between 1000 and 3600000");
        }
        if self.legs_max == 0 || self.legs_max > LEGS_MAX {
            say("legs_max", format!("{} legs", self.legs_max), "choose between 1 and 20000");
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// More threads than this are a mistake on any machine we know.
const SHARDS_MAX: usize = 64;
/// Two sockets a leg: beyond this the port space itself ends.
const LEGS_MAX: usize = 20_000;

/// Ports from `first` to `last`, both included; written `20000-29999`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PortRange {
    /// The lowest.
    pub first: u16,
    /// The highest.
    pub last: u16,
}

impl PortRange {
    /// Pairs of an even port and the odd one after it that fit.
    pub fn pairs(self) -> usize {
        let first_even = u32::from(self.first).next_multiple_of(2);
        (u32::from(self.last) + 1).saturating_sub(first_even) as usize / 2
    }
}

impl From<PortRange> for RangeInclusive<u16> {
    fn from(range: PortRange) -> Self {
        range.first..=range.last
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// The text is no port range.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no port range; write it as 20000-29999")]
pub struct PortRangeError(String);

impl FromStr for PortRange {
    type Err = PortRangeError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || PortRangeError(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let first = first.trim().parse().map_err(|_| wrong())?;
        let last = last.trim().parse().map_err(|_| wrong())?;
        if first > last { Err(wrong()) } else { Ok(PortRange { first, last }) }
    }
}

impl TryFrom<String> for PortRange {
    type Error = PortRangeError;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<PortRange> for String {
    fn from(range: PortRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_documented() {
        let config = MediaConfig::default();
        assert_eq!(config.validate(), Ok(()));
        let written = toml::Value::try_from(&config).unwrap();
        let keys: Vec<&str> = written.as_table().unwrap().keys().map(String::as_str).collect();
        let mut documented: Vec<&str> = DOCS.iter().map(|(key, _)| *key).collect();
        documented.sort_unstable();
        let mut keys_sorted = keys.clone();
        keys_sorted.sort_unstable();
        assert_eq!(keys_sorted, documented);
    }

    #[test]
    fn a_port_range_counts_only_whole_pairs() {
        let pairs = |text: &str| text.parse::<PortRange>().unwrap().pairs();
        assert_eq!(pairs("20000-29999"), 5_000);
        assert_eq!(pairs("20001-20003"), 1);
        assert_eq!(pairs("20001-20002"), 0);
        assert_eq!(pairs("65534-65535"), 1);
        assert!("29999-20000".parse::<PortRange>().is_err());
        assert!("20000".parse::<PortRange>().is_err());
    }

    #[test]
    fn each_wrong_key_is_named_with_its_remedy() {
        let config: MediaConfig =
            toml::from_str("rtp_ports = \"7-8\"\nshards = 99\nrtp_timeout_ms = 1\nlegs_max = 0").unwrap();
        let problems = config.validate().unwrap_err();
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["rtp_ports", "rtp_ports", "shards", "rtp_timeout_ms", "legs_max"]);
    }
}
