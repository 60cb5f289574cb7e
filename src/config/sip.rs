//! The `[sip]` section: where we listen, who may call, by which trunks we call out, and what is refused.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Problem;

mod docs;
mod trunk;

pub use docs::DOCS;
pub use trunk::TrunkConfig;

/// Everything about signalling.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SipConfig {
    /// Address and port for UDP and TCP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether to listen on TCP as well.
    pub tcp: bool,
    /// Address and port for SIP over TLS; none listens on none.
    pub tls_listen: Option<SocketAddr>,
    /// Address and port for SIP over WebSockets in the clear: loopback only, for a proxy on this machine.
    pub ws_listen: Option<SocketAddr>,
    /// Address and port for SIP over WebSockets over TLS.
    pub wss_listen: Option<SocketAddr>,
    /// Origins of the pages that may open such WebSockets, as in `https://help.example.com`; none for this machine's.
    pub ws_origins: Vec<String>,
    /// Our certificate with those that lead to its root, in PEM; for TLS both ways.
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    pub key_file: Option<PathBuf>,
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
    /// Whether keys may stand in descriptions that travel in the clear.
    pub srtp_without_tls: bool,
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
    /// Opus, wideband, with copies of what is lost.
    Opus,
}

/// Whether the audio of a trunk or phone is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Srtp {
    /// Never; who insists on it is refused.
    Off,
    /// Wherever the far end can do it too.
    #[default]
    Optional,
    /// Always; who cannot is refused.
    Required,
}

/// How both sides come to the keys of encrypted audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SrtpKeying {
    /// They stand in the descriptions (RFC 4568), which must travel over TLS then.
    Sdes,
    /// They are exchanged on the audio's own way, by certificates whose fingerprints stand in the descriptions
    /// (RFC 5763).
    Dtls,
}

/// A transport of SIP messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportName {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
    /// Streams that are encrypted, their far end proven by its certificate.
    Tls,
    /// WebSockets of pages (RFC 7118). Nobody can be called by them who has not come by them.
    Ws,
    /// The same over TLS.
    Wss,
}

impl TransportName {
    /// Its name in a Via header (RFC 3261 §20.42).
    pub fn in_via(self) -> &'static str {
        match self {
            TransportName::Udp => "UDP",
            TransportName::Tcp => "TCP",
            TransportName::Tls => "TLS",
            TransportName::Ws => "WS",
            TransportName::Wss => "WSS",
        }
    }

    /// The parameter that asks for it in an address, with its semicolon; nothing for datagrams.
    pub fn uri_parameter(self) -> &'static str {
        match self {
            TransportName::Udp => "",
            TransportName::Tcp => ";transport=tcp",
            TransportName::Tls => ";transport=tls",
            TransportName::Ws | TransportName::Wss => ";transport=ws",
        }
    }

    /// Whether it has connections.
    pub fn is_stream(self) -> bool {
        self != TransportName::Udp
    }

    /// Whether nobody on the way can read along.
    pub fn is_secure(self) -> bool {
        matches!(self, TransportName::Tls | TransportName::Wss)
    }
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
    /// Whether its audio is encrypted.
    pub srtp: Srtp,
    /// How keys may be agreed on; our own calls offer the first.
    pub srtp_keys: Vec<SrtpKeying>,
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
            tls_listen: None,
            ws_listen: None,
            wss_listen: None,
            ws_origins: Vec::new(),
            certificate_file: None,
            key_file: None,
            advertised: None,
            own_number: "switchboard".into(),
            loopback: true,
            strangers: Strangers::Refuse,
            realm: "switchboard".into(),
            home_country: None,
            codecs: vec![CodecName::G722, CodecName::Opus, CodecName::Pcmu, CodecName::Pcma],
            packet_ms: 20,
            srtp_without_tls: false,
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
            srtp: Srtp::Optional,
            srtp_keys: vec![SrtpKeying::Sdes, SrtpKeying::Dtls],
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
            problems.push(problem("codecs", "no codec is left", "name at least one of opus, g722, pcmu, pcma"));
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
        self.check_certificate(&mut problems);
        self.check_phones(&mut problems);
        self.limits.check(&mut problems);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn check_certificate(&self, problems: &mut Vec<Problem>) {
        let files = [("certificate_file", &self.certificate_file), ("key_file", &self.key_file)];
        let wanted = self.tls_listen.or(self.wss_listen).is_some() || files.iter().any(|(_, file)| file.is_some());
        if self.ws_listen.is_some_and(|listen| !listen.ip().is_loopback()) {
            problems.push(problem(
                "ws_listen",
                "calls and passwords would travel in the clear",
                "listen on loopback behind a proxy with TLS, or use wss_listen",
            ));
        }
        if self.ws_origins.iter().any(|origin| !origin.starts_with("https://") && !origin.starts_with("http://")) {
            problems.push(problem(
                "ws_origins",
                "no origin",
                "write https:// and the host, as in https://help.example.com",
            ));
        }
        for (key, file) in files {
            if wanted && file.is_none() {
                problems.push(problem(key, "TLS needs a certificate and its key", "name both PEM files"));
            }
        }
    }

    fn check_phones(&self, problems: &mut Vec<Problem>) {
        for (index, phone) in self.phones.iter().enumerate() {
            let key = |field: &str| format!("phones[{index}].{field}");
            if phone.name.is_empty() || self.phones[..index].iter().any(|other| other.name == phone.name) {
                problems.push(problem(&key("name"), "missing or taken", "give each phone a name of its own"));
            }
            if phone.srtp != Srtp::Off && phone.srtp_keys.is_empty() {
                problems.push(no_keys(&key("srtp_keys")));
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

fn no_keys(key: &str) -> Problem {
    problem(key, "nothing could be encrypted", "name sdes, dtls or both, or write srtp = \"off\"")
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
