//! Writing our own descriptions. Every line ends in CRLF; nothing of the far end is copied but checked tokens.

use std::fmt::Write as _;
use std::net::SocketAddr;

use media::{Codec, Direction};

use super::crypto::Crypto;
use super::description::{MediaDescription, Setup};
use super::formats::Format;
use super::negotiation::LocalMedia;

/// Longest packet time that the media engine takes in, in milliseconds.
const PACKET_MS_MAX: u8 = 60;

/// Our audio stream as it is to be written.
pub(super) struct AudioStream<'a> {
    pub(super) protocol: &'a str,
    pub(super) formats: &'a [(u8, Format)],
    pub(super) packet_ms: u8,
    pub(super) direction: Direction,
    pub(super) rtcp_mux: bool,
    pub(super) crypto: &'a [Crypto],
    /// Our fingerprint, and who begins, where keys are exchanged on the audio's way.
    pub(super) keying: Option<(&'a str, Setup)>,
}

/// The lines before the first stream.
pub(super) fn session_lines(local: &LocalMedia) -> String {
    let address = address(local.rtp);
    let mut text = String::with_capacity(512);
    let _ = write!(
        text,
        "v=0\r\no=- {} {} IN {address}\r\ns=-\r\nc=IN {address}\r\nt=0 0\r\n",
        local.session_id, local.version
    );
    text
}

/// The stream we carry.
pub(super) fn audio_lines(text: &mut String, local: &LocalMedia, stream: &AudioStream<'_>) {
    let _ = write!(text, "m=audio {} {}", local.rtp.port(), stream.protocol);
    for (number, _) in stream.formats {
        let _ = write!(text, " {number}");
    }
    text.push_str("\r\n");
    for (number, format) in stream.formats {
        let _ = write!(text, "a=rtpmap:{number} {}\r\n", format.encoding());
        let parameters = match format {
            // The sixteen keys; flash and tones are not understood (RFC 4733 §2.4.1).
            Format::TelephoneEvent { .. } => "0-15",
            // Speech of one channel, with copies of what is lost; packets in silence too, by which we know that it is
            // silence (RFC 7587 §6.1).
            Format::Audio(Codec::Opus) => {
                "minptime=10;useinbandfec=1;stereo=0;sprop-stereo=0;maxaveragebitrate=40000;usedtx=0"
            }
            Format::Audio(_) | Format::ComfortNoise => continue,
        };
        let _ = write!(text, "a=fmtp:{number} {parameters}\r\n");
    }
    for line in stream.crypto {
        let _ = write!(text, "a=crypto:{}\r\n", line.written());
    }
    if let Some((fingerprint, setup)) = stream.keying {
        let _ = write!(text, "a=fingerprint:sha-256 {fingerprint}\r\na=setup:{}\r\n", setup.name());
    }
    let _ = write!(text, "a=ptime:{}\r\na=maxptime:{PACKET_MS_MAX}\r\n", stream.packet_ms);
    let _ = write!(text, "a={}\r\n", direction_name(stream.direction));
    if stream.rtcp_mux {
        text.push_str("a=rtcp-mux\r\n");
    } else if Some(local.rtcp.port()) != local.rtp.port().checked_add(1) || local.rtcp.ip() != local.rtp.ip() {
        let _ = write!(text, "a=rtcp:{} IN {}\r\n", local.rtcp.port(), address(local.rtcp));
    }
}

/// A stream that we do not carry: port 0 and its own formats (RFC 3264 §6).
pub(super) fn refused_lines(text: &mut String, stream: &MediaDescription) {
    let _ = write!(text, "m={} 0 {} {}\r\n", stream.kind, stream.protocol, stream.formats.join(" "));
}

fn address(address: SocketAddr) -> String {
    match address.ip().to_canonical() {
        std::net::IpAddr::V4(ip) => format!("IP4 {ip}"),
        std::net::IpAddr::V6(ip) => format!("IP6 {ip}"),
    }
}

fn direction_name(direction: Direction) -> &'static str {
    match direction {
        Direction::SendRecv => "sendrecv",
        Direction::SendOnly => "sendonly",
        Direction::RecvOnly => "recvonly",
        Direction::Inactive => "inactive",
    }
}
