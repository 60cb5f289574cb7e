//! The `[sip]` section: where we listen, who may call, by which trunks we call out, and what is refused.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Problem;

mod trunk;

pub use trunk::TrunkConfig;

/// Everything about signalling.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SipConfig {
    /// Address and port for UDP and TCP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether to listen on TCP as well.
    pub tcp: bool,
    /// Address or host name to write into Via and Contact where it differs from the bound one.
    pub advertised: Option<String>,
    /// The number or user that outgoing calls come from where the trunk has none of its own.
    pub own_number: String,
    /// Whether calls from 127.0.0.0/8 and ::1 need no trunk.
    pub loopback: bool,
    /// What strangers hear.
    pub strangers: Strangers,
    /// The realm of our digest challenges.
    pub realm: String,
    /// ISO 3166 code by which numbers without a country code are read, unless the trunk has its own.
    pub home_country: Option<String>,
    /// Codecs, best first.
    pub codecs: Vec<CodecName>,
    /// Packet time asked for, in milliseconds.
    pub packet_ms: u8,
    /// How long a call may ring before we give it up as a failure, in seconds.
    pub ring_limit_seconds: u32,
    /// Session timer asked for (RFC 4028), in seconds; 0 asks for none.
    pub session_expires_seconds: u32,
    /// Shortest session timer accepted (RFC 4028 §4), in seconds.
    pub min_session_expires_seconds: u32,
    /// Carriers and other exchanges.
    pub trunks: Vec<TrunkConfig>,
    /// Telephones that register with us.
    pub phones: Vec<PhoneConfig>,
    /// Numbers that our phones call for help, as they are dialled (R57).
    pub emergency_numbers: Vec<String>,
    /// The trunk by which those go out; with none they cannot be called from our phones.
    pub emergency_trunk: Option<String>,
    /// What is too much.
    pub limits: SipLimits,
}

/// What a stranger's request gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// 403, or 401 where phones may register.
    Refuse,
    /// Nothing at all: scanners learn nothing.
    Ignore,
}

/// An audio codec by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodecName {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722, 16 kHz.
    G722,
}

/// A transport of SIP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
}

/// Where the number that was called is read (R49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalledNumberFrom {
    /// The request line.
    RequestLine,
    /// The To header.
    To,
    /// P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
}

/// Where the caller's number is read (R49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallingNumberFrom {
    /// The From header.
    From,
    /// P-Asserted-Identity (RFC 3325), the From header where it is missing.
    PAssertedIdentity,
}

/// How numbers are written in calls that we make (R49).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// `+4930123456`.
    E164,
    /// `4930123456`.
    WithoutPlus,
    /// `004930123456`.
    DoubleZero,
    /// As dialled within the home country: `030123456`; other countries with `00`.
    National,
}

/// Where a trunk's audio may come from (R47).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// The address in the session description.
    FromSdp,
    /// The source of the first valid packet, locked until the next offer and answer.
    LearnOnce,
}

/// One telephone that registers with us.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PhoneConfig {
    /// User name: its address is `sip:NAME@` our host.
    pub name: String,
    /// Password.
    pub password: Secret,
    /// Address to write into session descriptions for it (it is beyond our NAT).
    pub advertised: Option<IpAddr>,
    /// Where its audio may come from.
    pub media_source: MediaSource,
}

/// What is too much. Beyond a limit new calls get 503 with Retry-After; calls under way go on.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SipLimits {
    /// Most calls at once.
    pub calls_max: usize,
    /// New calls a second from all sources together.
    pub calls_per_second: u32,
    /// New calls a second from one source address.
    pub calls_per_second_per_source: u32,
    /// Requests a second outside of calls (OPTIONS, REGISTER and the rest) from one source address.
    pub requests_per_second_per_source: u32,
    /// Largest message, in bytes.
    pub message_bytes_max: usize,
    /// Most transactions in memory.
    pub transactions_max: usize,
    /// Most TCP connections.
    pub tcp_connections_max: usize,
    /// Most TCP connections from one address that is no trunk.
    pub tcp_connections_per_source: usize,
    /// A TCP connection without a call is closed after this silence, in seconds.
    pub tcp_idle_seconds: u32,
    /// A message must be complete this long after its first byte on TCP, in seconds.
    pub tcp_message_seconds: u32,
    /// Retry-After of a 503, in seconds.
    pub retry_after_seconds: u32,
}

impl Default for SipConfig {
    fn default() -> Self {
        SipConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 5060)),
            tcp: true,
            advertised: None,
            own_number: "switchboard".into(),
            loopback: true,
            strangers: Strangers::Refuse,
            realm: "switchboard".into(),
            home_country: None,
            codecs: vec![CodecName::G722, CodecName::Pcmu, CodecName::Pcma],
            packet_ms: 20,
            ring_limit_seconds: 180,
            session_expires_seconds: 1800,
            min_session_expires_seconds: 90,
            trunks: Vec::new(),
            phones: Vec::new(),
            emergency_numbers: vec!["112".into(), "911".into()],
            emergency_trunk: None,
            limits: SipLimits::default(),
        }
    }
}

impl Default for PhoneConfig {
    fn default() -> Self {
        PhoneConfig {
            name: String::new(),
            password: Secret::default(),
            advertised: None,
            media_source: MediaSource::LearnOnce,
        }
    }
}

impl Default for SipLimits {
    fn default() -> Self {
        SipLimits {
            calls_max: 100,
            calls_per_second: 100,
            calls_per_second_per_source: 20,
            requests_per_second_per_source: 50,
            message_bytes_max: 65_535,
            transactions_max: 20_000,
            tcp_connections_max: 1_000,
            tcp_connections_per_source: 100,
            tcp_idle_seconds: 120,
            tcp_message_seconds: 10,
            retry_after_seconds: 5,
        }
    }
}

impl SipConfig {
    /// Finds what is wrong, all of it at once.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        if self.codecs.is_empty() {
            problems.push(problem("codecs", "no codec is left", "name at least one of pcmu, pcma, g722"));
        }
        if ![10, 20, 30, 40, 60].contains(&self.packet_ms) {
            problems.push(problem("packet_ms", "no such packet time", "write 10, 20, 30, 40 or 60"));
        }
        if self.min_session_expires_seconds < 90 {
            problems.push(problem("min_session_expires_seconds", "below RFC 4028's floor", "write 90 or more"));
        }
        if self.session_expires_seconds != 0 && self.session_expires_seconds < self.min_session_expires_seconds {
            problems.push(problem(
                "session_expires_seconds",
                "shorter than sip.min_session_expires_seconds",
                "write 0 for no session timer, or a longer one",
            ));
        }
        for (index, trunk) in self.trunks.iter().enumerate() {
            trunk.check(index, &self.trunks[..index], &mut problems);
        }
        if !trunk::is_user_part(&self.own_number) {
            problems.push(problem("own_number", "no number or user name", "write digits, as in +4930123456"));
        }
        let named = |name: &String| self.trunks.iter().any(|trunk| trunk.name == *name);
        if self.emergency_trunk.as_ref().is_some_and(|name| !named(name)) {
            problems.push(problem("emergency_trunk", "no trunk has this name", "write the name of one of sip.trunks"));
        }
        self.check_phones(&mut problems);
        self.limits.check(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn check_phones(&self, problems: &mut Vec<Problem>) {
        for (index, phone) in self.phones.iter().enumerate() {
            let key = |field: &str| format!("phones[{index}].{field}");
            if phone.name.is_empty() || self.phones[..index].iter().any(|other| other.name == phone.name) {
                problems.push(problem(&key("name"), "missing or taken", "give each phone a name of its own"));
            }
            if phone.password.expose().len() < 8 {
                problems.push(problem(&key("password"), "shorter than 8 characters", "choose a longer one"));
            }
        }
    }
}

impl SipLimits {
    fn check(&self, problems: &mut Vec<Problem>) {
        let positive = [
            ("calls_max", self.calls_max),
            ("calls_per_second", self.calls_per_second as usize),
            ("calls_per_second_per_source", self.calls_per_second_per_source as usize),
            ("requests_per_second_per_source", self.requests_per_second_per_source as usize),
            ("tcp_connections_max", self.tcp_connections_max),
            ("tcp_connections_per_source", self.tcp_connections_per_source),
            ("tcp_idle_seconds", self.tcp_idle_seconds as usize),
            ("tcp_message_seconds", self.tcp_message_seconds as usize),
        ];
        for (field, value) in positive {
            if value == 0 {
                problems.push(problem(&format!("limits.{field}"), "nothing would get through", "write 1 or more"));
            }
        }
        if self.message_bytes_max < 2_000 {
            problems.push(problem("limits.message_bytes_max", "smaller than an ordinary INVITE", "write 2000 or more"));
        }
    }
}

/// The name of the trunk that calls from this machine come by.
pub const LOOPBACK: &str = "loopback";

fn problem(key: &str, problem: &str, remedy: &str) -> Problem {
    Problem { key: key.into(), problem: problem.into(), remedy: remedy.into() }
}

/// A network by address and prefix length: `203.0.113.0/24`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    address: IpAddr,
    prefix_bits: u8,
}

/// A text is no network.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is not a network; write 203.0.113.7 or 203.0.113.0/24")]
pub struct NotANetwork(String);

impl Cidr {
    /// Whether an address belongs to it. An IPv4 address mapped into IPv6 counts as the former.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                (u64::from(network.to_bits()) >> shift) == (u64::from(address.to_bits()) >> shift)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                network.to_bits().checked_shr(shift).unwrap_or(0) == address.to_bits().checked_shr(shift).unwrap_or(0)
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl From<IpAddr> for Cidr {
    fn from(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Cidr { address, prefix_bits: if address.is_ipv4() { 32 } else { 128 } }
    }
}

impl FromStr for Cidr {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_network = || NotANetwork(text.to_owned());
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let whole = Cidr::from(address.trim().parse::<IpAddr>().map_err(|_| not_a_network())?);
        let Some(prefix) = prefix else { return Ok(whole) };
        let prefix_bits = prefix.trim().parse::<u8>().map_err(|_| not_a_network())?;
        if prefix_bits > whole.prefix_bits {
            return Err(not_a_network());
        }
        Ok(Cidr { address: whole.address, prefix_bits })
    }
}

impl TryFrom<String> for Cidr {
    type Error = NotANetwork;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(network: Cidr) -> Self {
        format!("{}/{}", network.address, network.prefix_bits)
    }
}

/// A password: read from configuration, never shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The password itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret(text.to_owned())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("***")
    }
}

/// Keys and what they do, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    ("listen", "Address and port for SIP over UDP and TCP; on loopback only this machine can call."),
    ("tcp", "Whether to listen on TCP as well; some carriers and large messages need it."),
    ("advertised", "Address or host name to write into Via and Contact when behind NAT."),
    ("own_number", "The number or user that outgoing calls come from where the trunk names none."),
    ("loopback", "Whether calls from this machine need no trunk; switch off where others have shells here."),
    (
        "strangers",
        "refuse answers unknown sources with 401 or 403; ignore tells scanners nothing, but nor does it tell you.",
    ),
    ("realm", "The realm of our digest challenges; changing it makes phones ask for passwords again."),
    ("home_country", "ISO 3166 code by which numbers without a country code are read."),
    ("codecs", "Codecs, best first: pcmu, pcma, g722; g722 sounds better and costs a little more CPU."),
    ("packet_ms", "Packet time asked for in milliseconds; longer saves bandwidth and adds delay."),
    ("ring_limit_seconds", "How long an unanswered incoming call is kept, in seconds."),
    (
        "session_expires_seconds",
        "Session timer asked for in seconds; shorter finds dead calls sooner and costs messages; 0 asks for none.",
    ),
    ("min_session_expires_seconds", "Shortest session timer accepted, in seconds; at least 90."),
    ("trunks", "Carriers and other exchanges: calls come from them, and go out through them in order of priority."),
    ("trunks.name", "How the trunk is called in logs and calls."),
    ("trunks.host", "Where calls go: host name or address, with or without a port."),
    ("trunks.transport", "udp or tcp."),
    ("trunks.sources", "Networks its calls come from; with none, the addresses of its host."),
    ("trunks.challenge", "Whether its calls must also answer a digest challenge."),
    ("trunks.username", "User name of our registration, and of its calls where challenge is set."),
    ("trunks.auth_username", "Digest user name where the carrier gave a separate one."),
    ("trunks.password", "Password; never shown."),
    ("trunks.realm", "The only realm whose challenges are answered."),
    ("trunks.register", "Whether to register with it, as carriers with user names ask."),
    ("trunks.register_expires_seconds", "How long a registration is asked for, in seconds; renewed at half time."),
    ("trunks.outbound_proxy", "Where all requests to it go first."),
    ("trunks.advertised", "Our public address for this trunk's session descriptions."),
    (
        "trunks.rtp_ports",
        "First and last RTP port for its calls, as opened in the firewall; stand-ins need ports in common.",
    ),
    ("trunks.media_source", "from_sdp or learn_once; the latter where the trunk is behind NAT."),
    (
        "trunks.called_number_from",
        "Where the called number is read: request_line, to, p_called_party_id, tried in order.",
    ),
    ("trunks.calling_number_from", "Where the caller's number is read: p_asserted_identity or from."),
    (
        "trunks.verifies_from",
        "Whether the carrier lets nobody show a number in From that is not theirs; a colleague's call is known by a number \
         alone only where it stands in P-Asserted-Identity or this is set.",
    ),
    ("trunks.home_country", "ISO 3166 code for this trunk's numbers."),
    (
        "trunks.outbound_format",
        "How numbers are written in calls through it: e164, without_plus, double_zero, national.",
    ),
    (
        "trunks.own_number",
        "The number our calls through it come from and show (also written caller_id); carriers refuse foreign ones.",
    ),
    (
        "trunks.original_caller",
        "Whether calls made for a caller show that caller, with Diversion and History-Info; only where the carrier permits.",
    ),
    ("trunks.priority", "The trunk with the smallest is tried first; 5xx, 408 or silence leads to the next."),
    (
        "trunks.silence_ms",
        "How long it may leave a call without any response before the next address or trunk is tried, in milliseconds.",
    ),
    (
        "trunks.health_seconds",
        "How often it is asked by OPTIONS whether it is there, in seconds; 0 never asks, and dead ones are found by calls.",
    ),
    ("trunks.codecs", "Codecs for it, best first."),
    ("trunks.calls_max", "Most calls at once by this trunk."),
    ("trunks.calls_per_second", "New calls a second by this trunk, on average."),
    (
        "trunks.minutes_per_day",
        "Most minutes a day (UTC) of calls that we make through it, all together; 0 for no limit.",
    ),
    (
        "trunks.allowed_countries",
        "Countries (ISO 3166) that may be called through it; with no country and no prefix, the home country where one is set.",
    ),
    ("trunks.allowed_prefixes", "Numbers that begin so may be called as well, as in +4930."),
    ("trunks.allow_refer", "Whether its far ends may ask for transfers, to refer_targets alone."),
    ("trunks.refer_targets", "Numbers and SIP addresses that such a transfer may go to."),
    ("emergency_numbers", "Numbers that our phones dial for help; they go to emergency_trunk and pass every cap."),
    ("emergency_trunk", "Name of the trunk for emergency calls; without it they are refused aloud."),
    ("phones", "Telephones that register with us."),
    ("phones.name", "User name of the phone."),
    ("phones.password", "Its password, 8 characters or more; never shown."),
    ("phones.advertised", "Our address for this phone's session descriptions."),
    ("phones.media_source", "from_sdp or learn_once."),
    ("limits.calls_max", "Most calls at once; beyond it new ones get 503."),
    ("limits.calls_per_second", "New calls a second from all sources; protects the CPU of calls under way."),
    ("limits.calls_per_second_per_source", "New calls a second from one address."),
    ("limits.requests_per_second_per_source", "Other requests a second from one address."),
    ("limits.message_bytes_max", "Largest message in bytes."),
    ("limits.transactions_max", "Most transactions in memory, about 4 kB each."),
    ("limits.tcp_connections_max", "Most TCP connections, a file handle each."),
    ("limits.tcp_connections_per_source", "Most TCP connections from one address."),
    ("limits.tcp_idle_seconds", "A TCP connection without a call is closed after this silence, in seconds."),
    ("limits.tcp_message_seconds", "Time for one message to arrive completely on TCP, in seconds."),
    ("limits.retry_after_seconds", "Retry-After of a 503, in seconds."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_open_nothing_to_the_world() {
        let config = SipConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert!(config.listen.ip().is_loopback());
    }

    #[test]
    fn a_network_contains_its_addresses_only() {
        let network: Cidr = "203.0.113.0/24".parse().unwrap();
        assert!(network.contains("203.0.113.9".parse().unwrap()));
        assert!(network.contains("::ffff:203.0.113.9".parse().unwrap()));
        assert!(!network.contains("203.0.114.9".parse().unwrap()));
        let all: Cidr = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("8.8.8.8".parse().unwrap()) && !all.contains("::1".parse().unwrap()));
        let everywhere: Cidr = "::/0".parse().unwrap();
        assert!(everywhere.contains("2001:db8::1".parse().unwrap()));
        assert!("203.0.113.0/33".parse::<Cidr>().is_err() && "somewhere".parse::<Cidr>().is_err());
    }

    #[test]
    fn a_trunk_that_cannot_register_is_named_with_its_remedy() {
        let trunk =
            TrunkConfig { name: "carrier".into(), host: "example.com".into(), register: true, ..Default::default() };
        let config = SipConfig { trunks: vec![trunk], ..Default::default() };
        let problems = config.validate().unwrap_err();
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].key, "trunks[0].username");
    }

    #[test]
    fn passwords_are_never_shown() {
        let phone = PhoneConfig { name: "desk".into(), password: "very secret".into(), ..Default::default() };
        assert!(!format!("{phone:?}").contains("secret"));
        assert!(!serde_json::to_string(&phone).unwrap().contains("secret"));
    }
}
