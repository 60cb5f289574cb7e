//! The headers of a mail, and what stands in them: addresses and message ids.

use mail_parser::{Address, HeaderValue, Message};

/// The headers in their order, names in lower case, values unfolded. Bytes that are no UTF-8 are replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Those of a parsed message; at most [`HEADERS_MAX`].
    pub(super) fn of(message: &Message<'_>) -> Headers {
        let line = |header: &mail_parser::Header<'_>| {
            let raw = message.raw_message.get(header.offset_start as usize..header.offset_end as usize);
            (header.name.as_str().to_ascii_lowercase(), unfolded(raw.unwrap_or_default()))
        };
        let named =
            |header: &&mail_parser::Header<'_>| header.name.as_str().bytes().all(|byte| byte.is_ascii_graphic());
        Headers(message.headers().iter().filter(named).take(HEADERS_MAX).map(line).collect())
    }

    /// From pairs, for tests and for reports that carry headers as text.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Headers {
        Headers(pairs.into_iter().take(HEADERS_MAX).map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// All values of a header, first to last. The name is in lower case.
    pub fn all<'h>(&'h self, name: &'h str) -> impl Iterator<Item = &'h str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first value of a header.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether there is one, empty or not.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A name and an address. Personal data: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// As the sender wrote it, without control characters and marks of writing direction.
    pub name: Option<String>,
    /// `local@host`, in lower case.
    pub address: String,
}

impl Mailbox {
    /// The part before the last `@`.
    pub fn local(&self) -> &str {
        self.address.rsplit_once('@').map_or(self.address.as_str(), |(local, _)| local)
    }

    /// The part behind the last `@`; empty when there is none.
    pub fn host(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, host)| host)
    }
}

/// The mailboxes of a parsed address header; what has no `@` is none.
pub(super) fn mailboxes(value: Option<&Address<'_>>) -> Vec<Mailbox> {
    let Some(value) = value else { return Vec::new() };
    let mailbox = |one: &mail_parser::Addr<'_>| {
        let address = one.address.as_deref()?.trim().to_lowercase();
        let (local, host) = address.rsplit_once('@')?;
        let well = !local.is_empty() && !host.is_empty() && address.len() <= ADDRESS_BYTES_MAX;
        let well = well && !address.contains(|c: char| c.is_control() || c.is_whitespace());
        well.then(|| Mailbox { name: one.name.as_deref().and_then(plain_name), address: address.clone() })
    };
    value.iter().filter_map(mailbox).take(MAILBOXES_MAX).collect()
}

/// Every `local@host` in the text of a header such as Delivered-To, which has no stricter form.
pub(super) fn addresses_in(text: &str) -> impl Iterator<Item = String> {
    let outside = |c: char| c.is_whitespace() || c.is_control() || "<>,;:\"'()[]".contains(c);
    let address = |word: &str| word.contains('@') && word.len() <= ADDRESS_BYTES_MAX;
    text.split(outside).filter(move |word| address(word)).map(str::to_lowercase)
}

/// The message ids in a header's text (RFC 5322, section 3.6.4), without their brackets. An id that stands without
/// brackets is taken as well when it is the only word; an empty one matches nothing and is left out.
pub fn message_ids(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((id, behind)) = after.split_once('>') else { break };
        ids.extend(message_id(id));
        rest = behind;
    }
    if ids.is_empty() && !text.contains('<') {
        ids.extend(text.split_whitespace().filter(|word| word.contains('@')).filter_map(message_id));
    }
    ids.truncate(IDS_MAX);
    ids
}

fn message_id(text: &str) -> Option<String> {
    // Some senders fold inside an id.
    let id: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let well = !id.is_empty() && id != "@" && id.len() <= ID_BYTES_MAX && !id.contains(['<', '>']);
    (well && !id.contains(char::is_control)).then_some(id)
}

/// A text for people: one line, no control characters, nothing that turns the writing direction, bounded.
pub fn plain_name(text: &str) -> Option<String> {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}');
    let kept = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(|c| !c.is_control() && !turns(*c));
    let kept: String = kept.take(NAME_CHARS_MAX).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

fn unfolded(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw.get(..raw.len().min(HEADER_BYTES_MAX)).unwrap_or_default());
    let mut line = String::with_capacity(text.len());
    for part in text.lines() {
        if !line.is_empty() && !part.starts_with([' ', '\t']) {
            line.push(' ');
        }
        line.push_str(part.trim_end_matches('\r'));
    }
    line.trim().to_owned()
}

/// The decoded text of a header, for people.
pub(super) fn text_of(value: &HeaderValue<'_>) -> Option<String> {
    match value {
        HeaderValue::Text(text) => Some(text.to_string()),
        HeaderValue::TextList(list) => Some(list.join(" ")),
        // Addresses, dates and content types are read by their own functions.
        _ => None,
    }
}

/// Real mail has up to a hundred; more is somebody filling memory.
const HEADERS_MAX: usize = 500;
/// One header's bytes that are looked at; a long References has about 5 kB.
const HEADER_BYTES_MAX: usize = 64 * 1024;
/// As long as an address may be (RFC 5321, section 4.5.3.1.3).
const ADDRESS_BYTES_MAX: usize = 256;
/// Recipients that are looked at.
const MAILBOXES_MAX: usize = 200;
/// Ids of one header; threads of more mails are found by the newest.
const IDS_MAX: usize = 200;
/// As long as a line may be (RFC 5322, section 2.1.1).
const ID_BYTES_MAX: usize = 998;
/// A name or subject beyond this says nothing more.
const NAME_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    /// W2: an empty id matches nothing, an id that was folded is whole again, and one without brackets counts.
    #[test]
    fn an_empty_id_is_none_and_a_folded_one_is_whole() {
        assert_eq!(message_ids("<> <a@b> < > <@>"), ["a@b"]);
        assert_eq!(message_ids("<a\r\n b@c>\t<d@e> <unclosed"), ["ab@c", "d@e"]);
        assert_eq!(message_ids("bare@id"), ["bare@id"]);
        assert_eq!(message_ids("your message of Tuesday"), [""; 0]);
    }

    #[test]
    fn a_name_cannot_turn_what_stands_beside_it() {
        assert_eq!(plain_name("Ann\u{202e}\r\nEvil\u{0}"), Some("Ann  Evil".into()));
        assert_eq!(plain_name(" \t "), None);
    }
}
