//! The head of a message: its start line and headers in one plain form.

use std::borrow::Cow;

use super::{Fault, ScreenLimits, malformed};
use crate::sip::grammar;

/// What a message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start<'a> {
    /// A request.
    Request { method: &'a str, uri: &'a str },
    /// A response.
    Response,
    /// Neither can be made out; whatever Via it has may still be answered.
    Unreadable,
}

/// The headers that the checks know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Via,
    From,
    To,
    CallId,
    CSeq,
    MaxForwards,
    ContentLength,
    Contact,
    Route,
    RecordRoute,
    /// May stand once only.
    Single(usize),
    /// Not looked at.
    Other,
}

/// Names by which the checks know a header, in long form.
const KNOWN: [(&str, Name); 10] = [
    ("via", Name::Via),
    ("from", Name::From),
    ("to", Name::To),
    ("call-id", Name::CallId),
    ("cseq", Name::CSeq),
    ("max-forwards", Name::MaxForwards),
    ("content-length", Name::ContentLength),
    ("contact", Name::Contact),
    ("route", Name::Route),
    ("record-route", Name::RecordRoute),
];

/// Headers that may stand once only and are not checked further (RFC 3261 §7.3.1 and their own RFCs).
pub(super) const SINGLE: [&str; 17] = [
    "content-type",
    "content-encoding",
    "content-disposition",
    "expires",
    "min-expires",
    "event",
    "refer-to",
    "referred-by",
    "replaces",
    "session-expires",
    "min-se",
    "rack",
    "rseq",
    "date",
    "timestamp",
    "subject",
    "retry-after",
];

/// Short forms (RFC 3261 §7.3.3 and the registry of header fields).
const SHORT_FORMS: [(u8, &str); 18] = [
    (b'a', "Accept-Contact"),
    (b'b', "Referred-By"),
    (b'c', "Content-Type"),
    (b'd', "Request-Disposition"),
    (b'e', "Content-Encoding"),
    (b'f', "From"),
    (b'i', "Call-ID"),
    (b'j', "Reject-Contact"),
    (b'k', "Supported"),
    (b'l', "Content-Length"),
    (b'm', "Contact"),
    (b'o', "Event"),
    (b'r', "Refer-To"),
    (b's', "Subject"),
    (b't', "To"),
    (b'u', "Allow-Events"),
    (b'v', "Via"),
    (b'x', "Session-Expires"),
];

/// One header, unfolded and trimmed; Via, Route, Record-Route and Contact hold one entry each.
#[derive(Clone, Debug)]
pub(super) struct Header<'a> {
    pub(super) name: Name,
    pub(super) written: Cow<'a, str>,
    pub(super) value: Cow<'a, str>,
}

/// What was read. With a fault, the headers are those read before it or beside it.
pub(super) struct Head<'a> {
    pub(super) start_line: &'a str,
    pub(super) start: Start<'a>,
    pub(super) headers: Vec<Header<'a>>,
    /// Where the body begins within the message.
    pub(super) body_at: usize,
    pub(super) fault: Option<Fault>,
}

impl<'a> Head<'a> {
    /// Reads the head of `message`, which must not begin with blank lines. Goes on after a fault where it
    /// can, so that there is something to answer with; the first fault counts.
    pub(super) fn read(message: &'a [u8], limits: &ScreenLimits) -> Head<'a> {
        let window = &message[..message.len().min(limits.head_bytes_max)];
        let end = window.windows(4).position(|four| four == b"\r\n\r\n");
        let mut fault = match end {
            _ if message.len() > limits.message_bytes_max => Some(Fault { status: 513, reason: "Message Too Large" }),
            None if window.len() < message.len() => Some(Fault { status: 513, reason: "Headers Too Large" }),
            None => Some(malformed("No Empty Line After Headers")),
            Some(_) => None,
        };
        let mut lines = Lines { rest: &window[..end.unwrap_or(window.len())] };
        let start_line = std::str::from_utf8(lines.next().unwrap_or(b"")).unwrap_or("");
        let (start, start_fault) = read_start_line(start_line);
        // A version that we do not speak outweighs whatever else is wrong (RFC 4475 §3.1.2.16).
        fault = start_fault.filter(|fault| fault.status == 505).or(fault).or(start_fault);

        let mut head =
            Head { start_line, start, headers: Vec::new(), body_at: end.map_or(message.len(), |at| at + 4), fault };
        head.read_headers(lines, limits);
        head
    }

    fn read_headers(&mut self, mut lines: Lines<'a>, limits: &ScreenLimits) {
        let mut pending = lines.next();
        while let Some(first) = pending {
            let mut raw = Cow::Borrowed(first);
            pending = lines.next();
            while let Some(more) = pending.filter(|line| matches!(line.first(), Some(b' ' | b'\t'))) {
                raw.to_mut().push(b' ');
                raw.to_mut().extend_from_slice(more.trim_ascii());
                pending = lines.next();
            }
            if raw.len() > limits.header_bytes_max {
                self.blame(Fault { status: 513, reason: "Header Too Large" });
                continue;
            }
            if self.headers.len() >= limits.headers_max {
                return self.blame(Fault { status: 513, reason: "Too Many Headers" });
            }
            if let Err(fault) = self.read_header(raw, limits) {
                self.blame(fault);
            }
        }
    }

    fn blame(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    fn read_header(&mut self, raw: Cow<'a, [u8]>, limits: &ScreenLimits) -> Result<(), Fault> {
        let colon = raw.iter().position(|byte| *byte == b':').ok_or(malformed("Header Without Colon"))?;
        // Blanks before the colon are legal (RFC 3261 §25.1, HCOLON) and a way to smuggle: they go.
        let (name_bytes, value_bytes) = split_at_colon(raw, colon);
        let written = match name_bytes {
            Cow::Borrowed(bytes) => Cow::Borrowed(std::str::from_utf8(bytes.trim_ascii_end()).unwrap_or("")),
            Cow::Owned(bytes) => Cow::Owned(String::from_utf8(bytes).unwrap_or_default().trim_end().to_owned()),
        };
        if !grammar::is_token(&written) {
            return Err(malformed("Bad Header Name"));
        }
        let written = long_form(written);
        let name = Name::of(&written);
        if !limits.trusted && is_internal(&written, limits) {
            return Ok(());
        }
        let value = text(value_bytes, name)?;
        if !grammar::controls_are_quoted(&value) {
            return Err(malformed("Control Character In Header"));
        }
        let mut push = |value: Cow<'a, str>| self.headers.push(Header { name, written: written.clone(), value });
        let entries_max = limits.hops_max.saturating_add(1);
        match name {
            Name::Via => {
                let value = grammar::tighten(&value, ";=,/:");
                grammar::split_commas(&value).take(entries_max).for_each(|entry| push(Cow::Owned(entry.to_owned())));
            }
            Name::Contact | Name::Route | Name::RecordRoute => {
                let value = grammar::tighten(&value, ";=,");
                for entry in grammar::split_commas(&value).take(entries_max) {
                    // Brackets settle whose the parameters are; a route must have brought its own.
                    let entry = if name == Name::Contact { grammar::bracketed(entry) } else { entry.to_owned() };
                    push(Cow::Owned(entry));
                }
            }
            Name::From | Name::To => push(Cow::Owned(grammar::tighten(&value, ";="))),
            Name::CSeq => push(Cow::Owned(value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))),
            _ => push(value),
        }
        Ok(())
    }

    /// The values of a header.
    pub(super) fn values(&self, name: Name) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |header| header.name == name).map(|header| header.value.as_ref())
    }

    /// The body that Content-Length names, within `message`; without one, all that is left.
    pub(super) fn body<'m>(&self, message: &'m [u8]) -> &'m [u8] {
        let rest = message.get(self.body_at..).unwrap_or(&[]);
        let length = self.values(Name::ContentLength).next().and_then(grammar::number);
        &rest[..length.map_or(rest.len(), |length: u32| rest.len().min(length as usize))]
    }

    /// The message in plain form; `original` is given back when it was in that form.
    pub(super) fn normalised(&self, message: &[u8], original: &'a [u8]) -> Cow<'a, [u8]> {
        let body = self.body(message);
        let mut plain = Vec::with_capacity(original.len() + 64);
        plain.extend_from_slice(self.start_line.as_bytes());
        plain.extend_from_slice(b"\r\n");
        let mut length_written = false;
        for header in &self.headers {
            let value = match header.name {
                Name::From if matches!(self.start, Start::Request { .. }) => self.with_tag(&header.value),
                Name::ContentLength => Cow::Owned(body.len().to_string()),
                _ => Cow::Borrowed(header.value.as_ref()),
            };
            length_written |= header.name == Name::ContentLength;
            for part in [header.written.as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
                plain.extend_from_slice(part);
            }
        }
        if !length_written {
            plain.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
        }
        plain.extend_from_slice(b"\r\n");
        plain.extend_from_slice(body);
        match plain == original {
            true => Cow::Borrowed(original),
            false => Cow::Owned(plain),
        }
    }

    /// RFC 2543 callers send no tag in From. The stack knows transactions by it, so they get one made of the
    /// Call-ID, the same in every request of theirs.
    fn with_tag<'v>(&self, from: &'v str) -> Cow<'v, str> {
        match grammar::parameter(from, "tag") {
            Some(_) => Cow::Borrowed(from),
            None => {
                let call_id = self.values(Name::CallId).next().unwrap_or("");
                Cow::Owned(format!("{};tag={}", grammar::bracketed(from), super::reply::tag_of(&["2543", call_id])))
            }
        }
    }
}

impl Name {
    fn of(written: &str) -> Name {
        let is = |name: &str| written.eq_ignore_ascii_case(name);
        match KNOWN.iter().find(|(name, _)| is(name)) {
            Some((_, known)) => *known,
            None => SINGLE.iter().position(|single| is(single)).map_or(Name::Other, Name::Single),
        }
    }

    /// Whether a wrong byte in it could change where a message belongs or goes.
    fn is_vital(self) -> bool {
        match self {
            Name::Via | Name::CallId | Name::CSeq | Name::MaxForwards | Name::ContentLength => true,
            Name::Route | Name::RecordRoute | Name::Single(_) => true,
            Name::From | Name::To | Name::Contact | Name::Other => false,
        }
    }
}

/// What stands before and behind the colon, borrowed unless the line was put together from folds.
fn split_at_colon(raw: Cow<'_, [u8]>, colon: usize) -> (Cow<'_, [u8]>, Cow<'_, [u8]>) {
    match raw {
        Cow::Borrowed(line) => (Cow::Borrowed(&line[..colon]), Cow::Borrowed(&line[colon + 1..])),
        Cow::Owned(line) => (Cow::Owned(line[..colon].to_vec()), Cow::Owned(line[colon + 1..].to_vec())),
    }
}

/// A header value as text. Old exchanges write display names in Latin-1: that alone does not cost a call.
fn text(bytes: Cow<'_, [u8]>, name: Name) -> Result<Cow<'_, str>, Fault> {
    if std::str::from_utf8(&bytes).is_err() && name.is_vital() {
        return Err(malformed("Header Is Not UTF-8"));
    }
    Ok(match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes.trim_ascii()),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(bytes.trim_ascii()).into_owned()),
    })
}

fn long_form(written: Cow<'_, str>) -> Cow<'_, str> {
    let [letter] = written.as_bytes() else { return written };
    let letter = letter.to_ascii_lowercase();
    SHORT_FORMS.iter().find(|(short, _)| *short == letter).map_or(written, |(_, long)| Cow::Borrowed(*long))
}

fn is_internal(written: &str, limits: &ScreenLimits) -> bool {
    let begins = |prefix: &String| written.get(..prefix.len()).is_some_and(|own| own.eq_ignore_ascii_case(prefix));
    limits.internal_prefixes.iter().any(begins)
}

/// Method, one blank, address, one blank, version; or version, one blank, code, and a phrase.
fn read_start_line(line: &str) -> (Start<'_>, Option<Fault>) {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("SIP/")) {
        let code = line.get(7..8).filter(|blank| *blank == " ").and_then(|_| line.get(8..11));
        let in_range = code.and_then(grammar::number).is_some_and(|code: u16| (100..700).contains(&code));
        let ended = line.len() == 11 || line.get(11..12) == Some(" ");
        let sound = line[..7.min(line.len())].eq_ignore_ascii_case("SIP/2.0") && in_range && ended;
        return (Start::Response, (!sound).then_some(malformed("Bad Status Line")));
    }
    let parts: Vec<&str> = line.splitn(4, ' ').collect();
    let [method, uri, version] = parts[..] else { return (Start::Unreadable, Some(malformed("Bad Request Line"))) };
    if !grammar::is_token(method) {
        return (Start::Unreadable, Some(malformed("Bad Request Line")));
    }
    let start = Start::Request { method, uri };
    if version.eq_ignore_ascii_case("SIP/2.0") {
        return (start, None);
    }
    let digits =
        version.get(..4).filter(|name| name.eq_ignore_ascii_case("SIP/")).and_then(|_| version[4..].split_once('.'));
    let is_version = digits.is_some_and(|(major, minor)| {
        grammar::number::<u32>(major).is_some() && grammar::number::<u32>(minor).is_some()
    });
    match is_version {
        true => (start, Some(Fault { status: 505, reason: "Version Not Supported" })),
        false => (Start::Unreadable, Some(malformed("Bad Request Line"))),
    }
}

/// Lines that end in CRLF. A line feed or carriage return alone stays within its line, where it is found as
/// a control character.
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.windows(2).position(|two| two == b"\r\n");
        let (line, rest) = match end {
            Some(at) => (&self.rest[..at], &self.rest[at + 2..]),
            None => (self.rest, &[][..]),
        };
        self.rest = rest;
        Some(line)
    }
}
