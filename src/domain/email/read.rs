//! Bytes become a mail.

use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use sha2::{Digest, Sha256};

use super::header::{Headers, Mailbox, mailboxes, message_ids, plain_name, text_of};
use super::html_text::text_of_html;

/// A mail that could be read.
#[derive(Clone)]
pub struct Mail {
    /// Its Message-ID without brackets; `None` for the many that have none.
    pub message_id: Option<String>,
    /// Names these bytes: the Message-ID, or a digest of the content where there is none. The same mail fetched twice
    /// has one key.
    pub key: String,
    /// Who wrote it, by From.
    pub from: Option<Mailbox>,
    /// Where they want to be answered, when that is elsewhere.
    pub reply_to: Option<Mailbox>,
    /// To and Cc.
    pub recipients: Vec<Mailbox>,
    /// What it is about; empty when nothing was written.
    pub subject: String,
    /// When it says it was written, in seconds since 1970.
    pub date: Option<i64>,
    /// All of its text: the plain part, or the text of the HTML one.
    pub text: String,
    /// The HTML part as it came. It must be cleaned before anyone sees it.
    pub html: Option<String>,
    /// Files, inline images among them, in their order.
    pub attachments: Vec<MailAttachment>,
    /// Its headers.
    pub headers: Headers,
    /// The content type of the whole, `type/subtype` in lower case.
    pub content_type: String,
    /// The content types of all its parts.
    pub part_types: Vec<String>,
    /// The text of delivery reports within it (RFC 3464), and the headers of the mail that they are about.
    pub report: Report,
}

/// What a mail carries about another one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The fields of `message/delivery-status`, as text.
    pub status: Option<String>,
    /// The ids of the mails that are attached or quoted by their headers.
    pub about: Vec<String>,
}

/// A file within a mail.
#[derive(Clone, PartialEq, Eq)]
pub struct MailAttachment {
    /// As the sender called it.
    pub name: Option<String>,
    /// As the sender declared it; what it is, its bytes tell.
    pub content_type: String,
    /// By which HTML refers to it (`cid:`).
    pub content_id: Option<String>,
    /// Meant to be shown within the text.
    pub inline: bool,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why a mail is put aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// No bytes, or blank ones.
    #[error("it is empty")]
    Empty,
    /// Beyond [`MAIL_BYTES_MAX`].
    #[error("it is larger than {} MB; ask the sender for less", MAIL_BYTES_MAX / 1_000_000)]
    TooLarge,
    /// Nothing in it looks like a header.
    #[error("it has no headers, so it is no mail")]
    NoHeaders,
}

/// Reads a mail. Never panics, whatever the bytes.
pub fn read(bytes: &[u8]) -> Result<Mail, Unreadable> {
    if bytes.len() > MAIL_BYTES_MAX {
        return Err(Unreadable::TooLarge);
    }
    let bytes = without_mbox_line(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Unreadable::Empty);
    }
    let message = MessageParser::default().parse(bytes).ok_or(Unreadable::NoHeaders)?;
    let headers = Headers::of(&message);
    if headers.iter().next().is_none() {
        return Err(Unreadable::NoHeaders);
    }
    let message_id = headers.first("message-id").and_then(|value| message_ids(value).into_iter().next());
    let key = match &message_id {
        Some(id) => format!("<{id}>"),
        None => content_key(bytes),
    };
    let (plain, html) = bodies(&message);
    let attachments = attachments(&message);
    let text = plain.or_else(|| html.as_deref().map(text_of_html));
    // A mail whose parts cannot be told apart is shown as it came.
    let broken = |file: &MailAttachment| file.bytes.is_empty() || file.content_type.starts_with("multipart/");
    let nothing = attachments.iter().all(broken);
    let text = text.unwrap_or_else(|| if nothing { raw_body(&message) } else { String::new() });
    let from = mailboxes(message.from()).into_iter().next();
    let from = from.or_else(|| mailboxes(message.sender()).into_iter().next());
    let mut recipients: Vec<Mailbox> = message.all_to().flat_map(|to| mailboxes(Some(to))).collect();
    recipients.extend(message.all_cc().flat_map(|cc| mailboxes(Some(cc))));
    let subject = message.header("Subject").and_then(text_of).or_else(|| message.subject().map(str::to_owned));
    Ok(Mail {
        message_id,
        key,
        reply_to: mailboxes(message.reply_to()).into_iter().next(),
        recipients,
        subject: subject.and_then(|subject| plain_name(&subject)).unwrap_or_default(),
        date: message.date().map(|date| date.to_timestamp()),
        text: bounded(text.replace("\r\n", "\n")),
        html: html.map(bounded),
        attachments,
        content_type: type_of(message.root_part()),
        part_types: message.parts.iter().take(PARTS_MAX).map(type_of).collect(),
        report: report(&message),
        from,
        headers,
    })
}

/// The digest of content that has no id: of everything behind the hops, since the same mail that comes by two ways
/// differs in those alone.
fn content_key(bytes: &[u8]) -> String {
    let mut digest = Sha256::new();
    let (head, body) = match bytes.windows(2).position(|pair| pair == b"\n\n" || pair == b"\n\r") {
        Some(at) => bytes.split_at(at),
        None => (bytes, &bytes[bytes.len()..]),
    };
    let mut skipped = false;
    for line in head.split(|byte| *byte == b'\n') {
        let goes_on = line.first().is_some_and(|byte| byte.is_ascii_whitespace());
        skipped = if goes_on { skipped } else { HOPS.iter().any(|hop| starts_with(line, hop)) };
        if !skipped {
            digest.update(line.trim_ascii_end());
            digest.update(b"\n");
        }
    }
    digest.update(body);
    let hash: [u8; 32] = digest.finalize().into();
    hash.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn starts_with(line: &[u8], name: &str) -> bool {
    line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
}

/// The line that mailbox files put before a mail (RFC 4155) is none of its headers.
fn without_mbox_line(bytes: &[u8]) -> &[u8] {
    if !bytes.starts_with(b"From ") {
        return bytes;
    }
    bytes.iter().position(|byte| *byte == b'\n').and_then(|end| bytes.get(end + 1..)).unwrap_or_default()
}

/// The plain text, when there is any, and the HTML.
fn bodies(message: &mail_parser::Message<'_>) -> (Option<String>, Option<String>) {
    let mut plain = String::new();
    let mut only_html_as_text = true;
    for part in message.text_bodies() {
        let (text, is_html) = match &part.body {
            PartType::Text(text) => (text.to_string(), false),
            PartType::Html(html) => (text_of_html(html), true),
            // Inline pictures between texts.
            _ => continue,
        };
        only_html_as_text &= is_html;
        if !plain.is_empty() {
            plain.push('\n');
        }
        plain.push_str(&text);
    }
    let mut html = String::new();
    for part in message.html_bodies() {
        if let PartType::Html(text) = &part.body {
            html.push_str(text);
        }
    }
    if only_html_as_text && plain.trim().is_empty() {
        // A mail whose only text is filed as an attachment without a name still says something.
        let unnamed = |part: &&MessagePart<'_>| part.attachment_name().is_none() && !is_attached(part);
        if let Some(PartType::Text(text)) = message.attachments().find(unnamed).map(|part| &part.body) {
            plain = text.to_string();
        }
    }
    (Some(plain).filter(|text| !text.trim().is_empty()), Some(html).filter(|html| !html.trim().is_empty()))
}

fn raw_body(message: &mail_parser::Message<'_>) -> String {
    let from = message.root_part().raw_body_offset() as usize;
    let bytes = message.raw_message.get(from..).unwrap_or_default();
    String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).trim().to_owned()
}

fn is_attached(part: &MessagePart<'_>) -> bool {
    part.content_disposition().is_some_and(|disposition| disposition.is_attachment())
}

fn attachments(message: &mail_parser::Message<'_>) -> Vec<MailAttachment> {
    let attachment = |part: &MessagePart<'_>| {
        let bytes = match &part.body {
            PartType::Message(inner) => inner.raw_message().to_vec(),
            _ => part.contents().to_vec(),
        };
        MailAttachment {
            name: part.attachment_name().and_then(plain_name),
            content_type: type_of(part),
            content_id: part.content_id().map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
            inline: !is_attached(part) && part.content_id().is_some(),
            bytes,
        }
    };
    message.attachments().take(ATTACHMENTS_MAX).map(attachment).collect()
}

/// `type/subtype` in lower case; what is not said is plain text (RFC 2045, section 5.2).
fn type_of(part: &MessagePart<'_>) -> String {
    let said = part.content_type().map(|said| {
        let subtype = said.subtype().unwrap_or("plain");
        format!("{}/{subtype}", said.ctype()).to_lowercase()
    });
    said.unwrap_or_else(|| "text/plain".to_owned())
}

/// What a report says about another mail. Reports put the original behind everything else, whole or by its headers.
fn report(message: &mail_parser::Message<'_>) -> Report {
    let mut report = Report::default();
    for part in message.parts.iter().skip(1).take(PARTS_MAX) {
        let kind = type_of(part);
        let text = String::from_utf8_lossy(part.contents());
        if kind == "message/delivery-status" && report.status.is_none() {
            report.status = Some(bounded(text.into_owned()));
        } else if let PartType::Message(inner) = &part.body {
            report.about.extend(Headers::of(inner).all("message-id").flat_map(message_ids));
        } else if kind == "text/rfc822-headers" || kind == "message/rfc822" {
            report.about.extend(ids_in_text(&text));
        }
    }
    if report.about.is_empty() {
        for part in message.text_bodies() {
            report.about.extend(ids_in_text(part.text_contents().unwrap_or_default()));
        }
    }
    report.about.truncate(ABOUT_MAX);
    report
}

/// The values of all `Message-ID:` lines of a text.
fn ids_in_text(text: &str) -> Vec<String> {
    let mut ids = Vec::new();
    for line in text.lines() {
        let line = line.trim_start_matches(['>', ' ', '\t']);
        if starts_with(line.as_bytes(), "message-id:") {
            ids.extend(message_ids(&line["message-id:".len()..]));
        }
    }
    ids
}

fn bounded(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

/// Ten megabytes of files grow by a third in base64, and a mail may carry a few; most servers take 25 to 50.
pub const MAIL_BYTES_MAX: usize = 35_000_000;
/// A text of a megabyte is read by nobody; HTML of one takes about 50 ms to clean.
const TEXT_BYTES_MAX: usize = 1_000_000;
/// Files of one mail that are kept.
const ATTACHMENTS_MAX: usize = 50;
/// Parts that are looked at for reports.
const PARTS_MAX: usize = 200;
/// Mails that one report may be about.
const ABOUT_MAX: usize = 20;
/// Headers that servers on the way add.
const HOPS: &[&str] = &["received:", "delivered-to:", "x-original-to:", "return-path:"];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// W2: a mail without an id has the same key however it came, and another mail has another one.
    #[test]
    fn a_mail_without_an_id_is_known_by_its_content() {
        let first = b"Received: from a\r\n\tby b\r\nFrom: ann@example.com\r\nSubject: Hi\r\n\r\nHello\r\n";
        let again = b"Received: from c\r\nDelivered-To: x@y\r\nFrom: ann@example.com\r\nSubject: Hi\r\n\r\nHello\r\n";
        let other = b"From: ann@example.com\r\nSubject: Hi\r\n\r\nHello!\r\n";
        let key = |bytes: &[u8]| read(bytes).map(|mail| mail.key).unwrap();
        assert_eq!(key(first), key(again));
        assert_ne!(key(first), key(other));
        assert!(key(first).starts_with("sha256:"));
    }

    /// W2: an empty Message-ID is none.
    #[test]
    fn an_empty_id_is_no_id() {
        for id in ["", "<>", "< >", "<@>"] {
            let mail = format!("Message-ID: {id}\r\nFrom: ann@example.com\r\n\r\nHello");
            let mail = read(mail.as_bytes()).unwrap();
            assert_eq!(mail.message_id, None, "{id}");
            assert!(mail.key.starts_with("sha256:"));
        }
    }

    #[test]
    fn what_is_no_mail_is_said_to_be_none() {
        assert_eq!(read(b" \r\n ").err(), Some(Unreadable::Empty));
        assert_eq!(read(b"").err(), Some(Unreadable::Empty));
        assert_eq!(read(&vec![b'a'; MAIL_BYTES_MAX + 1]).err(), Some(Unreadable::TooLarge));
        assert_eq!(read(&[0xff, 0xfe, 0x00, 0x01]).err(), Some(Unreadable::NoHeaders));
    }

    proptest! {
        /// W2: no bytes panic, and what is read is bounded.
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let _ = read(&bytes);
        }

        /// The same for what looks like a mail with parts.
        #[test]
        fn any_parts_are_read_or_refused(
            kind in "(multipart/(mixed|report|alternative)|text/(plain|html)|message/rfc822)",
            boundary in "[a-c-]{0,3}",
            parts in proptest::collection::vec(("[A-Za-z-]{1,12}: [ -~]{0,30}", "[ -~<>\r\n]{0,80}"), 0..6),
        ) {
            let mut mail = format!("From: a@b.c\r\nContent-Type: {kind}; boundary=\"{boundary}\"\r\n\r\n");
            for (header, body) in parts {
                mail += &format!("--{boundary}\r\n{header}\r\n\r\n{body}\r\n");
            }
            let read = read(mail.as_bytes()).unwrap();
            let _ = crate::domain::email::split::split(&read.text);
            let _ = crate::domain::email::automatic::never_answered(&read, &[]);
            let _ = crate::domain::email::bounce::bounce(&read);
        }
    }
}
