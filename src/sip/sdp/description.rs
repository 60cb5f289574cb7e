//! What a session description says, as far as a telephone call cares.

use std::net::{IpAddr, Ipv4Addr};

use media::Direction;

use super::crypto::Crypto;

/// A parsed description (RFC 8866). Attributes that no call needs are read past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDescription {
    /// Whose it is, and which version.
    pub origin: Origin,
    /// Session-level address; streams may have their own.
    pub connection: Option<Connection>,
    /// Session-level direction; streams may have their own.
    pub direction: Option<Direction>,
    /// The streams in their order, which is their identity.
    pub media: Vec<MediaDescription>,
}

/// The `o=` line (RFC 8866 §5.2). Numbers stay text: devices send ones wider than any integer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Who made it, or `-`.
    pub username: String,
    /// Names the session.
    pub session_id: String,
    /// Grows with each change.
    pub version: String,
}

/// The address of a `c=` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// An address. The unspecified one means hold in the old manner (RFC 3264 §8.4).
    Ip(IpAddr),
    /// A host name, which we do not resolve.
    Host(String),
}

impl Connection {
    /// Whether it says that nothing shall be sent (`0.0.0.0`, `::`, a name below `.invalid`).
    pub fn is_unspecified(&self) -> bool {
        match self {
            Connection::Ip(ip) => ip.is_unspecified(),
            Connection::Host(name) => name.to_ascii_lowercase().trim_end_matches('.').ends_with(".invalid"),
        }
    }

    /// The address, where one stands there; a name that means hold reads as `0.0.0.0`.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Connection::Ip(ip) => Some(*ip),
            Connection::Host(_) if self.is_unspecified() => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
            Connection::Host(_) => None,
        }
    }
}

impl std::fmt::Display for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Connection::Ip(ip) => ip.fmt(f),
            Connection::Host(name) => name.fmt(f),
        }
    }
}

/// One stream: an `m=` line and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaDescription {
    /// `audio`, `video`, `image` …
    pub kind: String,
    /// The port; 0 refuses or disables the stream.
    pub port: u16,
    /// `RTP/AVP`, `RTP/SAVP` …
    pub protocol: String,
    /// Formats in order of preference, as written; payload numbers for RTP.
    pub formats: Vec<String>,
    /// The stream's own address.
    pub connection: Option<Connection>,
    /// What its payload numbers mean.
    pub rtpmaps: Vec<RtpMap>,
    /// The packet time it would like to receive, in milliseconds.
    pub packet_ms: Option<u32>,
    /// The longest packet time it can receive, in milliseconds.
    pub max_packet_ms: Option<u32>,
    /// Which way media flows, seen from whoever wrote the description.
    pub direction: Option<Direction>,
    /// Where its RTCP goes, if not beside its RTP (RFC 3605).
    pub rtcp: Option<RtcpAddress>,
    /// Whether RTCP may share the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// `b=RS:0` and `b=RR:0` both stand there: no RTCP at all (RFC 3556).
    pub rtcp_disabled: bool,
    /// The keys it offers or answers with that we can use (RFC 4568), in its order.
    pub crypto: Vec<Crypto>,
    /// Whose certificate proves itself in an exchange of keys (RFC 8122).
    pub keying: Keying,
}

/// What a description says of an exchange of keys, for the whole session or for a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keying {
    /// SHA-256 of its certificate (RFC 8122 §5).
    pub fingerprint: Option<String>,
    /// Who begins (RFC 4145 §4).
    pub setup: Option<Setup>,
    /// Names the association (RFC 8842 §4).
    pub tls_id: Option<String>,
}

/// Who begins an exchange (RFC 4145 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Whoever writes it does.
    Active,
    /// The other side does.
    Passive,
    /// That is for the answer to say.
    Actpass,
    /// Nobody does for now.
    Holdconn,
}

impl Setup {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Setup::Active => "active",
            Setup::Passive => "passive",
            Setup::Actpass => "actpass",
            Setup::Holdconn => "holdconn",
        }
    }
}

impl MediaDescription {
    /// Whether it is an audio stream that is not disabled.
    pub fn is_active_audio(&self) -> bool {
        self.kind.eq_ignore_ascii_case("audio") && self.port != 0
    }
}

/// An `a=rtpmap` line (RFC 8866 §6.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// The payload number, below 128.
    pub payload_type: u8,
    /// The encoding name as written; compared without regard to case.
    pub encoding: String,
    /// The RTP clock in hertz.
    pub clock_rate_hz: u32,
    /// Channels; 1 where nothing is said.
    pub channels: u32,
}

/// An `a=rtcp` line (RFC 3605).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtcpAddress {
    /// The port.
    pub port: u16,
    /// The address, where it differs from the stream's.
    pub ip: Option<IpAddr>,
}
