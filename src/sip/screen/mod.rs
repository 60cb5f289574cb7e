//! Screening: raw bytes are judged before the SIP stack sees them (RFC 3261 §7, §8.2, §16.3; RFC 4475).
//!
//! 1. The head is cut into lines, folded ones are joined, names lose blanks and short forms ([`head`]).
//! 2. Start line and headers are checked where another reading would be dangerous ([`check`]).
//! 3. What stands is written anew in one plain form and handed on; what does not is answered here from the
//!    request's own headers ([`reply`]), or dropped when it may not be answered (responses, ACK).
//!
//! On streams a [`StreamFramer`] cuts messages out first. Everything here is pure; replies go to the source
//! of the packet, never to an address taken from a Via.

mod check;
mod framer;
mod grammar;
mod head;
#[cfg(test)]
mod properties;
mod reply;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::net::SocketAddr;

pub use framer::{Framed, FramerError, FramerLimits, StreamFramer};

/// How a message travelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// One datagram is one message; octets after Content-Length are ignored (RFC 3261 §18.3).
    Datagram,
    /// A stream, cut into messages by a [`StreamFramer`].
    Stream,
}

/// Bounds on one message, and what a peer may tell us.
#[derive(Clone, Debug)]
pub struct ScreenLimits {
    /// Longest message in bytes. UDP carries no more than 65,507.
    pub message_bytes_max: usize,
    /// Longest start line and headers together, in bytes. Carriers reach 6 kB with Identity headers.
    pub head_bytes_max: usize,
    /// Longest single header, unfolded, in bytes. Identity (RFC 8224) takes 1 to 2 kB.
    pub header_bytes_max: usize,
    /// Most header lines. Real calls have 20 to 40.
    pub headers_max: usize,
    /// Most entries of each of Via, Route, Record-Route and Contact (Max-Forwards starts at 70).
    pub hops_max: usize,
    /// Beginnings of header names, in lower case, that only our own parts and trusted peers may write.
    pub internal_prefixes: Vec<String>,
    /// Whether this source may write them.
    pub trusted: bool,
}

impl Default for ScreenLimits {
    fn default() -> ScreenLimits {
        ScreenLimits {
            message_bytes_max: 65_535,
            head_bytes_max: 32 * 1024,
            header_bytes_max: 8 * 1024,
            headers_max: 200,
            hops_max: 100,
            internal_prefixes: vec!["x-switchboard-".to_owned()],
            trusted: false,
        }
    }
}

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screening<'a> {
    /// Hand these bytes to the stack: one header a line, no folding, long names, exact Content-Length.
    Accept {
        /// The message, borrowed where it was in that form already.
        normalised: Cow<'a, [u8]>,
    },
    /// Send this back to where the message came from, and forget it.
    Reply {
        /// The status, such as 400.
        status: u16,
        /// Its phrase, which says what was wrong.
        reason: &'static str,
        /// The whole response.
        response: Vec<u8>,
    },
    /// Say nothing: a keep-alive, or what may not or cannot be answered.
    Drop {
        /// Why, for a counter.
        reason: &'static str,
    },
}

/// What is wrong with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fault {
    status: u16,
    reason: &'static str,
}

fn malformed(reason: &'static str) -> Fault {
    Fault { status: 400, reason }
}

/// Judges one message that came from `source`.
pub fn screen<'a>(bytes: &'a [u8], source: SocketAddr, transport: Transport, limits: &ScreenLimits) -> Screening<'a> {
    let message = skip_blank_lines(bytes);
    if message.iter().all(|byte| matches!(byte, 0 | b'\r' | b'\n')) {
        return Screening::Drop { reason: "keep-alive" };
    }
    let head = head::Head::read(message, limits);
    let checked = match head.fault {
        Some(fault) => Err(fault),
        None => check::check(&head, message, transport, limits),
    };
    let fault = match checked {
        Ok(()) => return Screening::Accept { normalised: head.normalised(message, bytes) },
        Err(fault) => fault,
    };
    match head.start {
        head::Start::Response => Screening::Drop { reason: fault.reason },
        head::Start::Request { method: "ACK", .. } => Screening::Drop { reason: fault.reason },
        head::Start::Unreadable if message.starts_with(b"ACK ") => Screening::Drop { reason: fault.reason },
        head::Start::Request { .. } | head::Start::Unreadable => match reply::build(&head, source, fault) {
            Some(response) => Screening::Reply { status: fault.status, reason: fault.reason, response },
            None => Screening::Drop { reason: fault.reason },
        },
    }
}

/// Blank lines before a message are keep-alives (RFC 3261 §7.5, RFC 5626 §4.4.1).
fn skip_blank_lines(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len());
    &bytes[start..]
}

/// Entry for fuzzers: arbitrary bytes over both transports. Must not panic; what is accepted must be accepted
/// again unchanged, and what is answered must be a response.
pub fn fuzz(bytes: &[u8]) {
    let limits = ScreenLimits::default();
    let source = SocketAddr::from(([192, 0, 2, 1], 5060));
    for transport in [Transport::Datagram, Transport::Stream] {
        match screen(bytes, source, transport, &limits) {
            Screening::Accept { normalised } => {
                let again = screen(&normalised, source, transport, &limits);
                let expected = Screening::Accept { normalised: Cow::Borrowed(&normalised) };
                assert_eq!(again, expected, "a plain form stays as it is");
            }
            Screening::Reply { response, status, .. } => {
                assert!(response.starts_with(format!("SIP/2.0 {status} ").as_bytes()));
                assert!(response.len() <= bytes.len() + reply::GROWTH_MAX);
            }
            Screening::Drop { .. } => {}
        }
    }
    let mut framer = StreamFramer::new(FramerLimits::default());
    for chunk in bytes.chunks(7) {
        framer.push(chunk);
        while let Ok(Some(framed)) = framer.poll() {
            if let Framed::Message(message) = framed {
                let _ = screen(&message, source, Transport::Stream, &limits);
            }
        }
    }
}
