//! Replies made from the bytes of a request alone, with no transaction behind them (RFC 3261 §8.2.7).
//!
//! A stateless reply costs a copy of five headers, so that floods and strangers leave nothing behind.

use std::net::SocketAddr;

/// A header line of a raw message, unfolded lazily: name and value as they stand.
#[derive(Clone, Copy)]
pub struct RawHeader<'a> {
    /// The name, without white space around it.
    pub name: &'a [u8],
    /// The value; may still hold folds.
    pub value: &'a [u8],
}

impl RawHeader<'_> {
    /// Whether it has this long or compact name.
    pub fn is(&self, long: &str, compact: &str) -> bool {
        self.name.eq_ignore_ascii_case(long.as_bytes())
            || (!compact.is_empty() && self.name.eq_ignore_ascii_case(compact.as_bytes()))
    }
}

/// The start line of a message, without its line end.
pub fn start_line(message: &[u8]) -> &[u8] {
    let end = memchr(b'\n', message).unwrap_or(message.len());
    message[..end].strip_suffix(b"\r").unwrap_or(&message[..end])
}

/// The header lines of a message, at most [`HEADERS_MAX`], folded lines joined to the one they continue.
pub fn headers(message: &[u8]) -> impl Iterator<Item = RawHeader<'_>> {
    let first = memchr(b'\n', message).map_or(message.len(), |at| at + 1);
    let mut rest = &message[first..];
    std::iter::from_fn(move || {
        loop {
            let end = folded_line_end(rest);
            let line = trim(&rest[..end]);
            if line.is_empty() {
                return None;
            }
            rest = &rest[end..];
            if let Some(colon) = memchr(b':', line) {
                return Some(RawHeader { name: trim(&line[..colon]), value: trim(&line[colon + 1..]) });
            }
        }
    })
    .take(HEADERS_MAX)
}

/// A stateless reply to `request`, or `None` where none may be given (an ACK, a response, a message
/// without a Via). The top Via gains `received` and `rport` (RFC 3581 §4), To gains `to_tag` where it
/// has none. `extra` are complete header lines without line ends.
pub fn reply(
    request: &[u8],
    status: u16,
    reason: &str,
    extra: &[String],
    source: SocketAddr,
    to_tag: &str,
) -> Option<Vec<u8>> {
    let start = start_line(request);
    if start.starts_with(b"ACK ") || start.starts_with(b"SIP/") {
        return None;
    }
    let mut out = Vec::with_capacity(512);
    out.extend_from_slice(format!("SIP/2.0 {status} {reason}\r\n").as_bytes());
    let mut vias = 0;
    let mut copied = [false; 4];
    for header in headers(request) {
        if out.len() + header.value.len() > REPLY_BYTES_MAX {
            return None;
        }
        if header.is("Via", "v") {
            vias += 1;
            let value = if vias == 1 { via_with_source(header.value, source) } else { unfolded(header.value) };
            push_header(&mut out, "Via", &value);
            continue;
        }
        let copies: [(&str, &str); 4] = [("From", "f"), ("To", "t"), ("Call-ID", "i"), ("CSeq", "")];
        let Some(which) = copies.iter().position(|(long, compact)| header.is(long, compact)) else { continue };
        if std::mem::replace(&mut copied[which], true) {
            continue;
        }
        let mut value = unfolded(header.value);
        if which == 1 && status != 100 && !has_tag(&value) {
            value.extend_from_slice(b";tag=");
            value.extend_from_slice(to_tag.as_bytes());
        }
        push_header(&mut out, copies[which].0, &value);
    }
    if vias == 0 {
        return None;
    }
    for line in extra {
        out.extend_from_slice(line.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    Some(out)
}

/// The standard reason phrase of a status code that we send (RFC 3261 §21 and its extensions).
pub fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "Accepted",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        413 => "Request Entity Too Large",
        415 => "Unsupported Media Type",
        416 => "Unsupported URI Scheme",
        420 => "Bad Extension",
        421 => "Extension Required",
        422 => "Session Interval Too Small",
        423 => "Interval Too Brief",
        480 => "Temporarily Unavailable",
        481 => "Call/Transaction Does Not Exist",
        482 => "Loop Detected",
        483 => "Too Many Hops",
        486 => "Busy Here",
        487 => "Request Terminated",
        488 => "Not Acceptable Here",
        489 => "Bad Event",
        491 => "Request Pending",
        500 => "Server Internal Error",
        501 => "Not Implemented",
        503 => "Service Unavailable",
        504 => "Server Time-out",
        505 => "Version Not Supported",
        513 => "Message Too Large",
        600 => "Busy Everywhere",
        603 => "Decline",
        // Any other code is legal with a phrase of our own; the phrase is for people (RFC 3261 §7.2).
        _ => "Refused",
    }
}

/// Most header lines looked at: ordinary messages have 10 to 30.
pub const HEADERS_MAX: usize = 256;
/// Largest stateless reply: under the usual MTU's double, so that no request is worth sending for its echo.
const REPLY_BYTES_MAX: usize = 8_192;

fn push_header(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Length of the header line at the front, with its folds (lines that begin with white space) and line end.
fn folded_line_end(text: &[u8]) -> usize {
    let mut end = 0;
    loop {
        let Some(newline) = memchr(b'\n', &text[end..]) else { return text.len() };
        let blank = trim(&text[end..end + newline]).is_empty();
        end += newline + 1;
        if blank || !matches!(text.get(end), Some(b' ' | b'\t')) {
            return end;
        }
    }
}

fn unfolded(value: &[u8]) -> Vec<u8> {
    value
        .iter()
        .filter(|byte| **byte != b'\r')
        .map(|byte| if matches!(byte, b'\n' | 0) { b' ' } else { *byte })
        .collect()
}

/// Whether a To value has a tag among the parameters of its header (not of its address).
fn has_tag(value: &[u8]) -> bool {
    let parameters = match value.iter().rposition(|byte| *byte == b'>') {
        Some(at) => &value[at..],
        None => value,
    };
    parameters.to_ascii_lowercase().windows(5).any(|window| window == b";tag=")
}

fn via_with_source(value: &[u8], source: SocketAddr) -> Vec<u8> {
    let value = unfolded(value);
    let (first, others) = match memchr(b',', &value) {
        Some(comma) => value.split_at(comma),
        None => (&value[..], &[][..]),
    };
    let text = String::from_utf8_lossy(first);
    let kept = text.split(';').map(str::trim).filter(|part| {
        let name = part.split('=').next().unwrap_or_default().trim();
        !name.eq_ignore_ascii_case("rport") && !name.eq_ignore_ascii_case("received")
    });
    let mut out = kept.collect::<Vec<_>>().join(";");
    out.push_str(&format!(";received={};rport={}", source.ip(), source.port()));
    let mut out = out.into_bytes();
    out.extend_from_slice(others);
    out
}

fn trim(text: &[u8]) -> &[u8] {
    text.trim_ascii()
}

fn memchr(byte: u8, text: &[u8]) -> Option<usize> {
    text.iter().position(|candidate| *candidate == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INVITE: &[u8] = b"INVITE sip:desk@example.com SIP/2.0\r\nv: SIP/2.0/UDP 192.0.2.1:5060;rport\r\n ;branch=z9hG4bK1\r\n\
        From: <sip:a@example.com>;tag=1\r\nt: <sip:desk@example.com;tag=no>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\nVia: body";

    fn source() -> SocketAddr {
        "198.51.100.9:1024".parse().unwrap()
    }

    #[test]
    fn a_reply_names_the_source_and_tags_the_callee() {
        let reply = reply(INVITE, 503, "Service Unavailable", &["Retry-After: 5".into()], source(), "ours").unwrap();
        assert_eq!(
            String::from_utf8(reply).unwrap(),
            "SIP/2.0 503 Service Unavailable\r\n\
             Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;received=198.51.100.9;rport=1024\r\n\
             From: <sip:a@example.com>;tag=1\r\nTo: <sip:desk@example.com;tag=no>;tag=ours\r\nCall-ID: x\r\n\
             CSeq: 1 INVITE\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn an_ack_and_a_response_are_never_replied_to() {
        assert_eq!(reply(b"ACK sip:a SIP/2.0\r\nVia: x\r\n\r\n", 400, "", &[], source(), "t"), None);
        assert_eq!(reply(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n", 400, "", &[], source(), "t"), None);
        assert_eq!(reply(b"OPTIONS sip:a SIP/2.0\r\nTo: x\r\n\r\n", 400, "", &[], source(), "t"), None);
    }

    proptest::proptest! {
        /// S2: whatever comes in, making a reply never panics and never grows beyond its bound.
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..600)) {
            let mut message = b"OPTIONS sip:a SIP/2.0\r\nVia: ".to_vec();
            message.extend_from_slice(&bytes);
            for text in [&bytes, &message] {
                if let Some(reply) = reply(text, 400, "Bad Request", &[], source(), "t") {
                    proptest::prop_assert!(reply.len() < REPLY_BYTES_MAX + 1_000);
                }
            }
        }
    }
}
