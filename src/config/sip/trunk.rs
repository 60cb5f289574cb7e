//! `[[sip.trunks]]`: carriers and other exchanges, with the rules of each.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{CalledNumberFrom, CallingNumberFrom, Cidr, CodecName, LOOPBACK, MediaSource, NumberFormat, Secret};
use super::{Srtp, SrtpKeying, TransportName, no_keys, problem};
use crate::config::Problem;

/// One carrier or other exchange.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrunkConfig {
    /// How it is called in logs, calls and the console.
    pub name: String,
    /// Where calls go: host or address, with or without a port.
    pub host: String,
    /// How messages are carried to it.
    pub transport: TransportName,
    /// PEM file of the authorities that its certificate may come from; with none, those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// Whether its calls are known by the certificate that it shows, and by nothing else.
    pub mutual_tls: bool,
    /// Names that its certificate may bear; with none, `host`.
    pub certificate_names: Vec<String>,
    /// Addresses its calls come from; with none, those that `host` stands for.
    pub sources: Vec<Cidr>,
    /// Whether its calls must also answer a digest challenge with `username` and `password`.
    pub challenge: bool,
    /// User name: of our registration, and of its calls where `challenge` is set.
    pub username: Option<String>,
    /// Digest user name where the carrier gave a separate one.
    pub auth_username: Option<String>,
    /// Password.
    pub password: Option<Secret>,
    /// The only realm whose challenges we answer; with none, the first that this trunk names.
    pub realm: Option<String>,
    /// Whether to register with it.
    pub register: bool,
    /// How long a registration is asked for, in seconds.
    pub register_expires_seconds: u32,
    /// Where all requests to it go first: host or address, with or without a port.
    pub outbound_proxy: Option<String>,
    /// Address to write into session descriptions and Contact for it (behind NAT).
    pub advertised: Option<IpAddr>,
    /// First and last RTP port for its calls; with none, the range of `[media]`.
    pub rtp_ports: Option<(u16, u16)>,
    /// Where its audio may come from.
    pub media_source: MediaSource,
    /// Where the number that was called is read, tried in this order.
    pub called_number_from: Vec<CalledNumberFrom>,
    /// Where the caller's number is read.
    pub calling_number_from: CallingNumberFrom,
    /// Whether it lets nobody show a number in From that is not theirs.
    pub verifies_from: bool,
    /// ISO 3166 code by which its numbers without a country code are read.
    pub home_country: Option<String>,
    /// How numbers are written in calls through it.
    pub outbound_format: NumberFormat,
    /// The number our calls through it come from, and the only one they show unless `original_caller` is set.
    #[serde(alias = "caller_id")]
    pub own_number: Option<String>,
    /// Whether it lets us show the number of the caller whom a call is made for (R50).
    pub original_caller: bool,
    /// Which trunk is tried first: the smallest, and among equals the one written first.
    pub priority: u16,
    /// How long it may leave an INVITE without any response before the next address or trunk is tried, in milliseconds.
    pub silence_ms: u32,
    /// How often it is asked whether it is there (OPTIONS), in seconds; 0 never asks.
    pub health_seconds: u32,
    /// Whether its audio is encrypted.
    pub srtp: Srtp,
    /// How keys may be agreed on; our own calls offer the first.
    pub srtp_keys: Vec<SrtpKeying>,
    /// Codecs for it, best first; with none, those of `[sip]`.
    pub codecs: Vec<CodecName>,
    /// Most calls at once.
    pub calls_max: usize,
    /// New calls a second, on average; twice as many may come at once.
    pub calls_per_second: u32,
    /// Most minutes a day (UTC) that calls of ours may last through it, together; 0 sets no limit.
    pub minutes_per_day: u32,
    /// ISO 3166 codes of the countries that may be called through it.
    pub allowed_countries: Vec<String>,
    /// Numbers that begin so may be called through it as well, in E.164.
    pub allowed_prefixes: Vec<String>,
    /// Whether its far ends may ask for transfers (REFER), to `refer_targets` alone.
    pub allow_refer: bool,
    /// Where such a transfer may go: numbers in E.164 and SIP addresses.
    pub refer_targets: Vec<String>,
}

impl Default for TrunkConfig {
    fn default() -> Self {
        TrunkConfig {
            name: String::new(),
            host: String::new(),
            transport: TransportName::Udp,
            ca_file: None,
            mutual_tls: false,
            certificate_names: Vec::new(),
            sources: Vec::new(),
            challenge: false,
            username: None,
            auth_username: None,
            password: None,
            realm: None,
            register: false,
            register_expires_seconds: 600,
            outbound_proxy: None,
            advertised: None,
            rtp_ports: None,
            media_source: MediaSource::LearnOnce,
            called_number_from: vec![CalledNumberFrom::RequestLine, CalledNumberFrom::To],
            calling_number_from: CallingNumberFrom::PAssertedIdentity,
            verifies_from: false,
            home_country: None,
            outbound_format: NumberFormat::E164,
            own_number: None,
            original_caller: false,
            priority: 100,
            silence_ms: 4_000,
            health_seconds: 30,
            srtp: Srtp::Optional,
            srtp_keys: vec![SrtpKeying::Sdes, SrtpKeying::Dtls],
            codecs: Vec::new(),
            calls_max: 50,
            calls_per_second: 20,
            minutes_per_day: 1_000,
            allowed_countries: Vec::new(),
            allowed_prefixes: Vec::new(),
            allow_refer: false,
            refer_targets: Vec::new(),
        }
    }
}

impl TrunkConfig {
    /// The names by which its certificate is known (RFC 5922 §7.2): the host without its port, or what was named.
    pub fn names(&self) -> Vec<&str> {
        match self.certificate_names.is_empty() {
            true => vec![host_only(&self.host)],
            false => self.certificate_names.iter().map(String::as_str).collect(),
        }
    }

    /// Finds what is wrong with the trunk at this place of the list; `before` are those written before it.
    pub(super) fn check(&self, index: usize, before: &[TrunkConfig], problems: &mut Vec<Problem>) {
        let key = |field: &str| format!("trunks[{index}].{field}");
        if self.srtp != Srtp::Off && self.srtp_keys.is_empty() {
            problems.push(no_keys(&key("srtp_keys")));
        }
        if self.name.is_empty() || before.iter().any(|other| other.name == self.name) {
            problems.push(problem(&key("name"), "missing or taken", "give each trunk a name of its own"));
        }
        if self.name == LOOPBACK {
            problems.push(problem(&key("name"), "reserved for calls from this machine", "choose another name"));
        }
        if self.host.is_empty() {
            problems.push(problem(&key("host"), "missing", "write the carrier's host name or address"));
        }
        if (self.register || self.challenge) && (self.username.is_none() || self.password.is_none()) {
            problems.push(problem(
                &key("username"),
                "register and challenge need credentials",
                "write username and password",
            ));
        }
        if matches!(self.transport, TransportName::Ws | TransportName::Wss) {
            problems.push(problem(
                &key("transport"),
                "pages call by WebSocket, trunks do not",
                "write udp, tcp or tls",
            ));
        }
        if self.mutual_tls && self.transport != TransportName::Tls {
            problems.push(problem(&key("mutual_tls"), "certificates are shown over TLS", "write transport = \"tls\""));
        }
        if self.rtp_ports.is_some_and(|(first, last)| first == 0 || last < first.saturating_add(1)) {
            problems.push(problem(&key("rtp_ports"), "not a range", "write [first, last], two ports or more"));
        }
        if self.register && self.register_expires_seconds < 60 {
            problems.push(problem(&key("register_expires_seconds"), "too short", "write 60 or more"));
        }
        if self.own_number.as_deref().is_some_and(|own| !is_user_part(own)) {
            problems.push(problem(&key("own_number"), "no number or user name", "write digits, as in +4930123456"));
        }
        if self.silence_ms < 500 {
            problems.push(problem(&key("silence_ms"), "shorter than a retransmission takes", "write 500 or more"));
        }
        for prefix in &self.allowed_prefixes {
            let digits = prefix.strip_prefix('+').unwrap_or_default();
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                problems.push(problem(&key("allowed_prefixes"), "no prefix in E.164", "write +49… with digits only"));
            }
        }
        for country in &self.allowed_countries {
            if country.len() != 2 || !country.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                problems.push(problem(&key("allowed_countries"), "no country", "write ISO 3166 codes, as in DE"));
            }
        }
        if self.allow_refer && self.refer_targets.is_empty() {
            problems.push(problem(
                &key("refer_targets"),
                "allow_refer has nowhere to go",
                "name the numbers and addresses that a transfer may ask for",
            ));
        }
    }
}

/// `host:port`, `[v6]:port` or a bare host, without the port and brackets.
fn host_only(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    match host.split_once(':') {
        Some((name, rest)) if !rest.contains(':') => name,
        _ => host,
    }
}

/// What may stand before the `@` of our own address: anything else could break out of a header.
pub(super) fn is_user_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-_.~*#".contains(&byte))
}
