//! `[browser]`: calls from web pages, over WebRTC.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::Problem;
use super::sip::Secret;

/// Calls from browsers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BrowserConfig {
    /// Whether browsers can call at all.
    pub enabled: bool,
    /// The port of all browsers' audio.
    pub listen: SocketAddr,
    /// Addresses by which browsers reach that port.
    pub advertised: Vec<IpAddr>,
    /// Whether callers need no token.
    pub open_to_all: bool,
    /// Calls at once.
    pub calls_max: usize,
    /// Calls from one address within a minute.
    pub calls_per_minute: u32,
    /// From the offer to the first audio.
    pub connect_timeout_ms: u64,
    /// Without a sign of life for so long a call is over.
    pub lost_after_ms: u64,
    /// STUN and TURN servers for browsers.
    pub ice_servers: Vec<String>,
    /// Shared with the TURN servers.
    #[serde(serialize_with = "hidden")]
    pub turn_secret: Secret,
    /// How long a browser's TURN credentials are good.
    pub turn_ttl_seconds: u32,
}

/// The key is there, what it holds is not.
fn hidden<S: serde::Serializer>(_: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("")
}

/// Every key of the section with its sentence for the reference.
pub const DOCS: &[(&str, &str)] = &[
    ("enabled", "Whether browsers can call; without it there is no call page and no port."),
    (
        "listen",
        "UDP address and port of the audio of all browsers; port 0 takes a free one, a fixed one is what a firewall wants. \
         Nothing is answered there but checks signed with the password of a call.",
    ),
    (
        "advertised",
        "Addresses by which browsers reach that port, where they differ from this machine's own (1:1 NAT, port \
         forwarding); by default the ones that face the caller.",
    ),
    (
        "open_to_all",
        "Whether anybody who reaches the call page may call. Otherwise only who may use the API: programs on this machine, \
         and others with the bootstrap token.",
    ),
    (
        "calls_max",
        "Calls from browsers at once; each takes a leg of media.legs_max. Further ones are refused with 503.",
    ),
    (
        "calls_per_minute",
        "Calls from one address within a minute; further ones are refused with 429. Lower keeps jokers out, higher lets \
         in offices behind one address.",
    ),
    (
        "connect_timeout_ms",
        "Milliseconds that a browser may take from its offer to encrypted audio; shorter frees lines from browsers whose \
         firewall lets no UDP through, longer bears slow networks.",
    ),
    (
        "lost_after_ms",
        "Milliseconds without a sign of life after which a call from a browser is over; it bounds how long a change of \
         network may take without losing the conversation.",
    ),
    (
        "ice_servers",
        "STUN and TURN servers that browsers are told, as stun:HOST:PORT or turn:HOST:PORT?transport=tcp; TURN is for \
         callers whose network lets no UDP through.",
    ),
    (
        "turn_secret",
        "The secret shared with the TURN servers (coturn's static-auth-secret), by which each browser gets credentials of \
         its own that end by themselves; write it as an environment variable rather than into the file.",
    ),
    ("turn_ttl_seconds", "Seconds that a browser's TURN credentials are good; at least as long as the longest call."),
];

impl Default for BrowserConfig {
    fn default() -> Self {
        BrowserConfig {
            enabled: true,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
            advertised: Vec::new(),
            open_to_all: false,
            calls_max: 20,
            calls_per_minute: 10,
            connect_timeout_ms: 15_000,
            lost_after_ms: 30_000,
            ice_servers: Vec::new(),
            turn_secret: Secret::default(),
            turn_ttl_seconds: 14_400,
        }
    }
}

impl BrowserConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut tell = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: format!("browser.{key}"), problem, remedy: remedy.into() });
        };
        let ranges: [(&str, u64, u64, u64); 5] = [
            ("calls_max", self.calls_max as u64, 1, 10_000),
            ("calls_per_minute", self.calls_per_minute.into(), 1, 10_000),
            ("connect_timeout_ms", self.connect_timeout_ms, 1_000, 120_000),
            ("lost_after_ms", self.lost_after_ms, 5_000, 300_000),
            ("turn_ttl_seconds", self.turn_ttl_seconds.into(), 60, 86_400),
        ];
        for (key, value, from, to) in ranges {
            if !(from..=to).contains(&value) {
                tell(key, format!("{value} is out of range"), &format!("write a number from {from} to {to}"));
            }
        }
        for address in self.advertised.iter().filter(|address| address.is_unspecified()) {
            tell("advertised", format!("{address} is nobody's address"), "write the public address");
        }
        for url in &self.ice_servers {
            let (scheme, rest) = url.split_once(':').unwrap_or((url, ""));
            let known = ["stun", "stuns", "turn", "turns"].contains(&scheme);
            let plain =
                !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'>');
            if !known || !plain {
                tell(
                    "ice_servers",
                    format!("\"{url}\" is no STUN or TURN server"),
                    "write stun:HOST:PORT or turn:HOST:PORT",
                );
            } else if scheme.starts_with("turn") && self.turn_secret.expose().is_empty() {
                tell("turn_secret", "it is missing".into(), "write the secret that the TURN server was given");
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_browser_could_use_is_told() {
        let config = BrowserConfig {
            advertised: vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED)],
            ice_servers: vec!["stun:stun.example.com:3478".into(), "http://x".into(), "turn:turn.example.com".into()],
            lost_after_ms: 1,
            ..BrowserConfig::default()
        };
        let keys: Vec<_> = config.validate().unwrap_err().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["browser.lost_after_ms", "browser.advertised", "browser.ice_servers", "browser.turn_secret"]);
    }
}
