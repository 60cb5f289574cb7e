//! Finding the session description in a message (RFC 3261 §7.4, RFC 5621). Pure.

use rsipstack::sip::Header;
use rsipstack::sip::prelude::HeadersExt;

/// A body that we cannot use, with the status of its refusal.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum BodyError {
    /// No kind of body that we read: 415 with Accept.
    Type,
    /// It is encoded: 415 with Accept-Encoding.
    Encoding,
    /// The far end accepts no session description from us: 406.
    NotAcceptable,
}

impl BodyError {
    /// The status of the refusal, and the header that says what would do.
    pub fn refusal(&self) -> (u16, Option<Header>) {
        match self {
            BodyError::Type => (415, Some(Header::Accept("application/sdp".into()))),
            BodyError::Encoding => (415, Some(Header::AcceptEncoding("identity".into()))),
            BodyError::NotAcceptable => (406, None),
        }
    }
}

/// The session description of an INVITE or UPDATE; `None` where there is no body.
pub(super) fn session_description<'a>(
    message: &impl HeadersExt,
    body: &'a [u8],
) -> Result<Option<&'a [u8]>, BodyError> {
    if let Some(accept) = message.header_value("Accept")
        && !accept.split(',').any(accepts_descriptions)
    {
        return Err(BodyError::NotAcceptable);
    }
    if body.is_empty() {
        return Ok(None);
    }
    let encoding = message.headers().iter().find_map(|header| match header {
        Header::ContentEncoding(encoding) => Some(encoding.value()),
        // Every other header encodes nothing.
        _ => None,
    });
    if encoding.is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
        return Err(BodyError::Encoding);
    }
    let content_type = message.header_value("Content-Type").unwrap_or_default();
    if is_type(&content_type, "application/sdp") {
        return Ok(Some(body));
    }
    if is_type(&content_type, "multipart/mixed") || is_type(&content_type, "multipart/alternative") {
        return part_of(&content_type, body).map(Some).ok_or(BodyError::Type);
    }
    Err(BodyError::Type)
}

fn accepts_descriptions(range: &str) -> bool {
    ["application/sdp", "application/*", "*/*"].iter().any(|wanted| is_type(range, wanted))
}

fn is_type(value: &str, wanted: &str) -> bool {
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// The first part of type application/sdp; nested multiparts are not searched.
fn part_of<'a>(content_type: &str, body: &'a [u8]) -> Option<&'a [u8]> {
    let boundary = content_type.split(';').map(str::trim).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
    })?;
    if boundary.is_empty() || boundary.len() > BOUNDARY_MAX {
        return None;
    }
    let delimiter = format!("--{boundary}").into_bytes();
    let mut rest = &body[find(body, &delimiter)? + delimiter.len()..];
    for _ in 0..PARTS_MAX {
        let end = find(rest, &delimiter).unwrap_or(rest.len());
        let part = &rest[..end];
        if let Some(content) = content_of_description(part) {
            return Some(content);
        }
        rest = rest.get(end + delimiter.len()..)?;
    }
    None
}

fn content_of_description(part: &[u8]) -> Option<&[u8]> {
    let head_end = find(part, b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&part[..head_end]);
    let is_description = head.lines().any(|line| {
        line.split_once(':').is_some_and(|(name, value)| {
            name.trim().eq_ignore_ascii_case("content-type") && is_type(value, "application/sdp")
        })
    });
    let content = &part[head_end + 4..];
    is_description.then(|| content.strip_suffix(b"\r\n").unwrap_or(content))
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

/// Longest boundary (RFC 2046 §5.1.1).
const BOUNDARY_MAX: usize = 70;
/// Parts looked at: a description, a picture of the caller, a location.
const PARTS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use rsipstack::sip::Request;

    use super::*;

    fn message(headers: &str) -> Request {
        Request::try_from(format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n\r\n").as_str()).unwrap()
    }

    #[test]
    fn the_description_is_found_alone_and_among_parts() {
        let plain = message("Content-Type: application/SDP; charset=x");
        assert_eq!(session_description(&plain, b"v=0"), Ok(Some(&b"v=0"[..])));
        let parts = message("Content-Type: multipart/mixed;boundary=\"b1\"");
        let body = b"preamble\r\n--b1\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b1\r\ncontent-type: application/sdp\r\n\r\nv=0\r\n--b1--";
        assert_eq!(session_description(&parts, body), Ok(Some(&b"v=0"[..])));
        assert_eq!(session_description(&message("Subject: x"), b""), Ok(None));
    }

    #[test]
    fn other_bodies_are_refused() {
        assert_eq!(session_description(&message("Content-Type: text/plain"), b"hi"), Err(BodyError::Type));
        let gzip = message("Content-Type: application/sdp\r\nContent-Encoding: gzip");
        assert_eq!(session_description(&gzip, b"v=0"), Err(BodyError::Encoding));
        assert_eq!(session_description(&message("Accept: text/plain"), b""), Err(BodyError::NotAcceptable));
        let endless = message("Content-Type: multipart/mixed;boundary=b");
        assert_eq!(session_description(&endless, "--b".repeat(10_000).as_bytes()), Err(BodyError::Type));
    }
}
