//! Reading: strict about the grammar that carries meaning, lenient about what devices get wrong harmlessly
//! (missing `s=` and `t=`, lines out of order, bare line feeds, text that is not UTF-8).

use std::net::IpAddr;

use media::Direction;

use super::crypto::{self, Crypto};
use super::description::{
    Connection, Keying, MediaDescription, Origin, RtcpAddress, RtpMap, SessionDescription, Setup,
};
use crate::seams::browser;

/// Longest description, in bytes. Browsers with many candidates reach 10 kB; telephones 1 kB.
pub(super) const BYTES_MAX: usize = 32 * 1024;
/// Most lines. Bounds the work of one parse.
pub(super) const LINES_MAX: usize = 1_000;
/// Most streams. Each is answered, so this bounds our answer too.
pub(super) const STREAMS_MAX: usize = 16;
/// Most formats of one stream. There are 128 payload numbers; no device lists half of them.
pub(super) const FORMATS_MAX: usize = 64;
/// Most `a=rtpmap` lines kept for one stream; each can matter for one format only.
const RTPMAPS_MAX: usize = 128;
/// Longest token that we may have to write back (kind, protocol, format), in bytes.
const TOKEN_MAX: usize = 64;

/// Why a description cannot be read. The line counts from 1; 0 stands for the whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("session description line {line}: {reason}")]
pub struct SdpError {
    /// Where.
    pub line: usize,
    /// What is wrong there.
    pub reason: &'static str,
}

impl SessionDescription {
    /// Reads a description. Sizes are bounded: 32 kB, 1,000 lines, 16 streams, 64 formats each.
    pub fn parse(bytes: impl AsRef<[u8]>) -> Result<SessionDescription, SdpError> {
        let bytes = bytes.as_ref();
        if bytes.len() > BYTES_MAX {
            return Err(SdpError { line: 0, reason: "longer than 32 kB" });
        }
        let mut reader = Reader::default();
        for (index, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            let number = index + 1;
            if number > LINES_MAX {
                return Err(SdpError { line: number, reason: "more than 1,000 lines" });
            }
            reader
                .read_line(line.strip_suffix(b"\r").unwrap_or(line))
                .map_err(|reason| SdpError { line: number, reason })?;
        }
        reader.finish().map_err(|reason| SdpError { line: 0, reason })
    }
}

/// What was read so far.
#[derive(Default)]
struct Reader {
    version_seen: bool,
    origin: Option<Origin>,
    connection: Option<Connection>,
    direction: Option<Direction>,
    session_packet_ms: Option<u32>,
    keying: Keying,
    media: Vec<MediaDescription>,
    no_sender_reports: bool,
    no_receiver_reports: bool,
}

impl Reader {
    fn read_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.iter().all(|byte| byte.is_ascii_whitespace()) {
            return Ok(());
        }
        if line.contains(&0) || line.contains(&b'\r') {
            return Err("a NUL byte or a bare carriage return stands in it");
        }
        let [letter, b'=', value @ ..] = line else { return Err("does not have the form letter=value") };
        let value = String::from_utf8_lossy(value);
        let value = value.trim();
        if !self.version_seen && *letter != b'v' {
            return Err("a description begins with v=0");
        }
        match letter {
            b'v' => self.read_version(value),
            b'o' => self.read_origin(value),
            b'c' => self.read_connection(value),
            b'm' => self.read_media(value),
            b'a' => self.read_attribute(value),
            b'b' => {
                self.read_bandwidth(value);
                Ok(())
            }
            b's' | b'i' | b'u' | b'e' | b'p' | b't' | b'r' | b'z' | b'k' => Ok(()),
            _ => Err("no such type letter (RFC 8866 section 5 asks to refuse it)"),
        }
    }

    fn read_version(&mut self, value: &str) -> Result<(), &'static str> {
        if self.version_seen {
            return Err("a second v= line");
        }
        if value != "0" {
            return Err("only version 0 exists");
        }
        self.version_seen = true;
        Ok(())
    }

    fn read_origin(&mut self, value: &str) -> Result<(), &'static str> {
        if self.origin.is_some() {
            return Err("a second o= line");
        }
        // Some devices put spaces into the user name: the five fields that matter are counted from the end.
        let mut fields = value.rsplitn(6, ' ');
        let (Some(_address), Some(_family), Some("IN"), Some(version), Some(session_id), Some(username)) =
            (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
        else {
            return Err("o= needs user, session, version, IN, address type and address");
        };
        if version.is_empty() || session_id.is_empty() {
            return Err("o= needs a session number and a version");
        }
        self.origin = Some(Origin {
            username: username.to_owned(),
            session_id: session_id.to_owned(),
            version: version.to_owned(),
        });
        Ok(())
    }

    fn read_connection(&mut self, value: &str) -> Result<(), &'static str> {
        let connection = parse_connection(value)?;
        let place = match self.media.last_mut() {
            Some(stream) => &mut stream.connection,
            None => &mut self.connection,
        };
        // Several lines at one level are layers of a multicast session; a call uses the first.
        place.get_or_insert(connection);
        Ok(())
    }

    fn read_media(&mut self, value: &str) -> Result<(), &'static str> {
        if self.media.len() == STREAMS_MAX {
            return Err("more than 16 streams");
        }
        self.close_stream();
        let mut fields = value.split_ascii_whitespace();
        let (Some(kind), Some(port), Some(protocol)) = (fields.next(), fields.next(), fields.next()) else {
            return Err("m= needs kind, port, protocol and formats");
        };
        let port = port.split('/').next().unwrap_or(port);
        let port = parse_number(port).ok_or("the port is not a number below 65536")?;
        let formats: Vec<String> = fields.map(str::to_owned).collect();
        if formats.is_empty() {
            return Err("m= names no format");
        }
        if formats.len() > FORMATS_MAX {
            return Err("more than 64 formats in one stream");
        }
        if !formats.iter().map(String::as_str).chain([kind, protocol]).all(is_plain_token) {
            return Err("m= holds a token that is too long or has letters outside printable ASCII");
        }
        self.media.push(MediaDescription {
            kind: kind.to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats,
            connection: None,
            rtpmaps: Vec::new(),
            packet_ms: None,
            max_packet_ms: None,
            direction: None,
            rtcp: None,
            rtcp_mux: false,
            rtcp_disabled: false,
            crypto: Vec::new(),
            keying: Keying::default(),
        });
        Ok(())
    }

    fn read_attribute(&mut self, value: &str) -> Result<(), &'static str> {
        let (name, value) = value.split_once(':').unwrap_or((value, ""));
        let value = value.trim();
        let direction = match name.trim() {
            "sendrecv" => Some(Direction::SendRecv),
            "sendonly" => Some(Direction::SendOnly),
            "recvonly" => Some(Direction::RecvOnly),
            "inactive" => Some(Direction::Inactive),
            _ => None,
        };
        let Some(stream) = self.media.last_mut() else {
            match name {
                "ptime" => self.session_packet_ms = parse_milliseconds(value),
                "fingerprint" | "setup" | "tls-id" => read_keying(&mut self.keying, name, value),
                _ => self.direction = direction.or(self.direction),
            }
            return Ok(());
        };
        match name {
            "rtpmap" if stream.rtpmaps.len() < RTPMAPS_MAX => stream.rtpmaps.extend(parse_rtpmap(value)),
            "ptime" => stream.packet_ms = stream.packet_ms.or(parse_milliseconds(value)),
            "maxptime" => stream.max_packet_ms = stream.max_packet_ms.or(parse_milliseconds(value)),
            "rtcp" => stream.rtcp = stream.rtcp.take().or_else(|| parse_rtcp(value)),
            "rtcp-mux" => stream.rtcp_mux = true,
            "crypto" if stream.crypto.len() < crypto::LINES_MAX => stream.crypto.extend(Crypto::parse(value)),
            "fingerprint" | "setup" | "tls-id" => read_keying(&mut stream.keying, name, value),
            _ => stream.direction = direction.or(stream.direction),
        }
        Ok(())
    }

    fn read_bandwidth(&mut self, value: &str) {
        match value {
            "RS:0" => self.no_sender_reports = true,
            "RR:0" => self.no_receiver_reports = true,
            _ => {}
        }
    }

    /// Settles the stream read last, before the next begins.
    fn close_stream(&mut self) {
        let Some(stream) = self.media.last_mut() else { return };
        stream.rtcp_disabled = self.no_sender_reports && self.no_receiver_reports;
        stream.packet_ms = stream.packet_ms.or(self.session_packet_ms);
        let (own, of_session) = (&mut stream.keying, &self.keying);
        own.fingerprint = own.fingerprint.take().or_else(|| of_session.fingerprint.clone());
        own.setup = own.setup.or(of_session.setup);
        own.tls_id = own.tls_id.take().or_else(|| of_session.tls_id.clone());
        (self.no_sender_reports, self.no_receiver_reports) = (false, false);
    }

    fn finish(mut self) -> Result<SessionDescription, &'static str> {
        self.close_stream();
        if !self.version_seen {
            return Err("it is empty");
        }
        Ok(SessionDescription {
            origin: self.origin.ok_or("it has no o= line")?,
            connection: self.connection,
            direction: self.direction,
            media: self.media,
        })
    }
}

/// `IN IP4 192.0.2.1`, where devices confuse the two address types now and then, and multicast adds `/ttl`.
fn parse_connection(value: &str) -> Result<Connection, &'static str> {
    let mut fields = value.split_ascii_whitespace();
    let (Some("IN"), Some("IP4" | "IP6"), Some(address), None) =
        (fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return Err("c= needs IN, IP4 or IP6, and one address");
    };
    let address = address.split('/').next().unwrap_or(address);
    match address.parse::<IpAddr>() {
        Ok(ip) => Ok(Connection::Ip(ip.to_canonical())),
        Err(_) if is_host_name(address) => Ok(Connection::Host(address.to_owned())),
        Err(_) => Err("c= holds neither an address nor a host name"),
    }
}

fn is_host_name(text: &str) -> bool {
    text.len() <= 255
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
}

/// The first of each kind counts. A fingerprint by another hash than SHA-256 is read past: RFC 8122 §5 lets one stand beside
/// it.
fn read_keying(keying: &mut Keying, name: &str, value: &str) {
    match name {
        "fingerprint" => keying.fingerprint = keying.fingerprint.take().or_else(|| browser::fingerprint(value)),
        "setup" => keying.setup = keying.setup.or_else(|| parse_setup(value)),
        _ => {
            let plain = (!value.is_empty() && is_plain_token(value)).then(|| value.to_owned());
            keying.tls_id = keying.tls_id.take().or(plain);
        }
    }
}

fn parse_setup(value: &str) -> Option<Setup> {
    let all = [Setup::Active, Setup::Passive, Setup::Actpass, Setup::Holdconn];
    all.into_iter().find(|setup| setup.name().eq_ignore_ascii_case(value))
}

/// `0 PCMU/8000/1`. A line that cannot be read describes a format that we do not know: it is read past.
fn parse_rtpmap(value: &str) -> Option<RtpMap> {
    let (number, encoding) = value.split_once(char::is_whitespace)?;
    let payload_type = parse_number(number).filter(|number| *number < 128)?;
    let mut fields = encoding.trim().split('/');
    let name = fields.next().filter(|name| !name.is_empty() && name.len() <= TOKEN_MAX)?;
    Some(RtpMap {
        payload_type,
        encoding: name.to_owned(),
        clock_rate_hz: parse_number(fields.next()?)?,
        channels: fields.next().map_or(Some(1), parse_number)?,
    })
}

/// `53020` or `53020 IN IP4 126.16.64.4` (RFC 3605 §2.1). One that cannot be read costs the reports their
/// address, not the call its audio; of a host name, which we do not resolve, the port remains.
fn parse_rtcp(value: &str) -> Option<RtcpAddress> {
    let mut fields = value.split_ascii_whitespace();
    let port = fields.next().and_then(parse_number)?;
    match (fields.next(), fields.next(), fields.next()) {
        (None, None, None) => Some(RtcpAddress { port, ip: None }),
        (Some("IN"), Some("IP4" | "IP6"), Some(address)) => {
            let ip = address.parse::<IpAddr>().ok().map(|ip| ip.to_canonical());
            Some(RtcpAddress { port, ip })
        }
        _ => None,
    }
}

/// Whole milliseconds; devices also write `20.0`. Anything else says nothing.
fn parse_milliseconds(value: &str) -> Option<u32> {
    let whole = value.split('.').next().unwrap_or(value);
    parse_number(whole).filter(|ms| *ms > 0)
}

/// Digits only: the standard parsers accept a plus sign as well.
fn parse_number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn is_plain_token(text: &str) -> bool {
    text.len() <= TOKEN_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}
