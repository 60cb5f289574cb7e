//! `[http]`: the API, the live page and the metrics.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

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
    /// Host names under which it is reached from elsewhere.
    pub allowed_hosts: Vec<String>,
    /// Whether programs on this machine need the token as well.
    pub loopback_needs_token: bool,
    /// How long the bootstrap token counts.
    pub bootstrap: Bootstrap,
    /// The address under which browsers reach this server.
    pub public_url: Option<String>,
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
        "Address under which browsers reach this server, such as https://desk.example.com; with https, session cookies \
         are sent over TLS alone.",
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
            allowed_hosts: Vec::new(),
            loopback_needs_token: false,
            bootstrap: Bootstrap::default(),
            public_url: None,
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
        for host in &self.allowed_hosts {
            if host.is_empty() || host.contains(['/', ':', ' ', '*']) {
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
