//! `[http]`: the API, the live page and the metrics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;
use super::sip::Cidr;

/// The HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpConfig {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Our certificate with those that lead to its root, in PEM; with it everything is HTTPS.
    pub certificate_file: Option<PathBuf>,
    /// The key of that certificate, in PEM.
    pub key_file: Option<PathBuf>,
    /// A certificate that is asked for and renewed by itself.
    pub acme: AcmeConfig,
    /// Host names under which it is reached from elsewhere.
    pub allowed_hosts: Vec<String>,
    /// Whether programs on this machine need the token as well.
    pub loopback_needs_token: bool,
    /// How long the bootstrap token counts.
    pub bootstrap: Bootstrap,
    /// The address under which browsers reach this server.
    pub public_url: Option<String>,
    /// Proxies of ours, which say who really asks.
    pub trusted_proxies: Vec<Cidr>,
    /// How they say it.
    pub proxy_header: ProxyHeader,
    /// Largest request body.
    pub body_max_bytes: usize,
    /// How long a client may take to send its request headers.
    pub header_timeout_ms: u64,
    /// How long one request may take, event streams apart.
    pub request_timeout_ms: u64,
    /// Connections at the same time.
    pub connections_max: usize,
    /// Requests worked on at the same time.
    pub requests_max: usize,
    /// Event streams at the same time.
    pub event_streams_max: usize,
    /// Time between two signs of life on a silent event stream.
    pub heartbeat_ms: u64,
}

/// A certificate that is asked for and renewed by itself (RFC 8555).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AcmeConfig {
    /// Host names to be certified; with any, everything is HTTPS.
    pub names: Vec<String>,
    /// Where the authority writes when something is wrong.
    pub contact: Option<String>,
    /// Whether the authority's terms are accepted.
    pub accept_terms: bool,
    /// The authority's directory.
    pub directory: Option<String>,
    /// Authorities that vouch for that directory, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// How long the bootstrap token, and programs on this machine without any, are let in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bootstrap {
    /// Until the first account is made.
    #[default]
    UntilFirstAccount,
    /// For good.
    Always,
}

/// How a proxy says who really asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyHeader {
    /// `X-Forwarded-For`, `-Proto` and `-Host`.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "listen",
        "Address and port of the API, the live page and the metrics; beyond loopback every request needs the \
         bootstrap token, and travels unencrypted unless there is a certificate or a TLS proxy in front.",
    ),
    (
        "certificate_file",
        "PEM file with our certificate and those that lead to its root: with it this address speaks HTTPS alone. Read again \
         when it changes; a bad one is not taken.",
    ),
    ("key_file", "PEM file with the certificate's key."),
    (
        "acme.names",
        "Host names for which a certificate is asked for and renewed by itself, in place of files; with any this address \
         speaks HTTPS alone. The authority must reach it by port 443 of each name (TLS-ALPN-01).",
    ),
    ("acme.contact", "Email address at which the authority warns of certificates about to end."),
    ("acme.accept_terms", "Whether you accept the authority's terms; nothing is asked for without it."),
    ("acme.directory", "Address of the authority's directory; Let's Encrypt by default."),
    ("acme.ca_file", "PEM file of authorities to trust for that directory, for one inside your own network."),
    (
        "allowed_hosts",
        "Host names by which browsers reach this server from elsewhere (without port); any other name in a request is \
         refused, which keeps foreign websites out (DNS rebinding).",
    ),
    (
        "loopback_needs_token",
        "Whether requests from this machine need the bootstrap token as well; set it when a proxy on this machine \
         passes on requests from outside.",
    ),
    (
        "bootstrap",
        "How long the bootstrap token, and programs on this machine without any, are let in: until_first_account (then \
         everybody signs in or uses an API token) or always (for scripts that hold the token, and where everybody on this \
         machine is trusted).",
    ),
    (
        "public_url",
        "Address under which browsers reach this server, such as https://desk.example.com: in links, and one of the names it \
         goes by; with https, session cookies are sent over TLS alone.",
    ),
    (
        "trusted_proxies",
        "Addresses or networks of proxies in front of this server, such as 127.0.0.1: who asks, by which name and whether \
         over TLS is taken from what they write. Nobody else's word is taken; programs at such an address need a token.",
    ),
    (
        "proxy_header",
        "What those proxies write: x_forwarded (X-Forwarded-For, -Proto and -Host: nginx, Caddy, Traefik) or forwarded (RFC \
         7239). They must set it themselves rather than pass on a client's.",
    ),
    ("body_max_bytes", "Largest request body in bytes; larger ones are refused with 413."),
    (
        "header_timeout_ms",
        "How long, in milliseconds, a client may take to send its request line and headers; shorter frees connections \
         from stalled clients sooner, longer bears slower networks.",
    ),
    ("request_timeout_ms", "How long, in milliseconds, one request may take before it is answered with 503."),
    ("connections_max", "Connections at the same time, about 20 kB each; further ones wait to be accepted."),
    ("requests_max", "Requests worked on at the same time; further ones are refused with 503 and Retry-After."),
    ("event_streams_max", "Live event streams at the same time, one for each open page; further ones get 503."),
    (
        "heartbeat_ms",
        "Time, in milliseconds, between two signs of life on a silent event stream; below the idle time-out of any \
         proxy between.",
    ),
];

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            certificate_file: None,
            key_file: None,
            acme: AcmeConfig::default(),
            allowed_hosts: Vec::new(),
            loopback_needs_token: false,
            bootstrap: Bootstrap::default(),
            public_url: None,
            trusted_proxies: Vec::new(),
            proxy_header: ProxyHeader::default(),
            body_max_bytes: 262_144,
            header_timeout_ms: 10_000,
            request_timeout_ms: 15_000,
            connections_max: 512,
            requests_max: 128,
            event_streams_max: 64,
            heartbeat_ms: 15_000,
        }
    }
}

impl HttpConfig {
    /// Whether it speaks HTTPS alone.
    pub fn is_https(&self) -> bool {
        self.certificate_file.is_some() || !self.acme.names.is_empty()
    }

    /// Whether this is one of the names under which it is reached from elsewhere.
    pub fn goes_by(&self, host: &str) -> bool {
        let public = self.public_authority().map(|authority| match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|digit| digit.is_ascii_digit()) => host,
            _ => authority,
        });
        let names = self.allowed_hosts.iter().chain(&self.acme.names).map(String::as_str).chain(public);
        names.into_iter().any(|ours| ours.eq_ignore_ascii_case(host))
    }

    /// Host and port of `public_url`.
    pub fn public_authority(&self) -> Option<&str> {
        let (scheme, rest) = self.public_url.as_deref()?.split_once("://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let plain = !authority.is_empty() && !authority.contains(['/', '?', '#', '@', ' ']);
        (plain && matches!(scheme, "http" | "https")).then_some(authority)
    }

    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut within = |key: &str, value: u64, from: u64, to: u64| {
            if !(from..=to).contains(&value) {
                problems.push(Problem {
                    key: format!("http.{key}"),
                    problem: format!("{value} is out of range"),
                    remedy: format!("write a number from {from} to {to}"),
                });
            }
        };
        within("body_max_bytes", self.body_max_bytes as u64, 1_024, 67_108_864);
        within("header_timeout_ms", self.header_timeout_ms, 100, 120_000);
        within("request_timeout_ms", self.request_timeout_ms, 100, 600_000);
        within("connections_max", self.connections_max as u64, 1, 65_536);
        within("requests_max", self.requests_max as u64, 1, 65_536);
        within("event_streams_max", self.event_streams_max as u64, 1, 65_536);
        within("heartbeat_ms", self.heartbeat_ms, 100, 300_000);
        if self.event_streams_max >= self.connections_max {
            problems.push(Problem {
                key: "http.event_streams_max".into(),
                problem: "event streams could take every connection".into(),
                remedy: "keep it below http.connections_max".into(),
            });
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            problems.push(Problem {
                key: "http.certificate_file".into(),
                problem: "a certificate needs its key, and a key its certificate".into(),
                remedy: "name both PEM files, or neither".into(),
            });
        }
        if self.public_url.is_some() && self.public_authority().is_none() {
            problems.push(Problem {
                key: "http.public_url".into(),
                problem: "this is no address of a server".into(),
                remedy: "write the scheme and the name alone, such as https://desk.example.com".into(),
            });
        }
        let mut mend = |key: &str, problem: &str, remedy: &str| {
            problems.push(Problem { key: format!("http.{key}"), problem: problem.into(), remedy: remedy.into() });
        };
        let acme = &self.acme;
        if !acme.names.is_empty() {
            if self.certificate_file.is_some() {
                mend("acme.names", "a certificate is named by http.certificate_file", "take one of the two out");
            }
            if !acme.accept_terms {
                mend("acme.accept_terms", "no authority certifies without", "read its terms, and set it to true");
            }
            if acme.names.iter().any(|name| !is_host(name) || !name.contains('.') || name.parse::<IpAddr>().is_ok()) {
                mend("acme.names", "one of them is not a host name", "write bare names, such as desk.example.com");
            }
        }
        if acme.directory.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            mend("acme.directory", "it is not reached over TLS", "write an address that begins with https://");
        }
        for host in &self.allowed_hosts {
            if !is_host(host) {
                problems.push(Problem {
                    key: "http.allowed_hosts".into(),
                    problem: format!("\"{host}\" is not a host name"),
                    remedy: "write the bare name, such as desk.example.com, without scheme, port or wildcard".into(),
                });
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

fn is_host(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', ':', ' ', '*'])
}
