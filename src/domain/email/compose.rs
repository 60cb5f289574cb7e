//! What we write: a mail that threads in every program, that no machine answers, and that is the same bytes each time it
//! is built.

use std::time::{Duration, SystemTime};

use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MultiPart, SinglePart};

use super::header::{Mailbox, plain_name};

/// A mail to be written.
#[derive(Clone)]
pub struct Letter {
    /// Our mailbox.
    pub from: Mailbox,
    /// The customer.
    pub to: Mailbox,
    /// Where answers go: our address with the conversation's token.
    pub reply_to: Option<String>,
    /// Its own id, without brackets.
    pub message_id: String,
    /// The ids of the conversation's mails, oldest first; the last is the one it answers.
    pub thread: Vec<String>,
    /// What it is about, as the customer wrote it.
    pub subject: String,
    /// What it says.
    pub text: String,
    /// When, in seconds since 1970.
    pub at_s: u64,
    /// Who decided to send it.
    pub origin: Origin,
    /// Files.
    pub files: Vec<LetterFile>,
}

/// Who decided to send a mail (RFC 3834, section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A person.
    Person,
    /// A machine, in answer to a mail.
    Answered,
    /// A machine, by itself.
    Generated,
}

/// A file to be sent along.
#[derive(Clone)]
pub struct LetterFile {
    /// Its name.
    pub name: String,
    /// What it is, `type/subtype`.
    pub content_type: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Why it could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// An address that no mail can be sent to.
    #[error("`{0}` is no address that mail can be sent to")]
    Address(String),
    /// The rest of it.
    #[error("the mail could not be written: {0}")]
    Format(#[from] lettre::error::Error),
}

/// Writes a letter (RFC 5322), lines ended by CRLF.
pub fn compose(letter: &Letter) -> Result<Vec<u8>, ComposeError> {
    let mut builder = Message::builder()
        .from(lettre_mailbox(&letter.from)?)
        .to(lettre_mailbox(&letter.to)?)
        .subject(reply_subject(&letter.subject, !letter.thread.is_empty()))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(letter.at_s))
        .message_id(Some(format!("<{}>", letter.message_id)));
    if let Some(address) = &letter.reply_to {
        let reply_to = Mailbox { name: letter.from.name.clone(), address: address.clone() };
        builder = builder.reply_to(lettre_mailbox(&reply_to)?);
    }
    let thread = references(&letter.thread);
    if let Some(answered) = thread.last() {
        builder = builder
            .raw_header(raw("In-Reply-To", answered.clone()))
            .raw_header(raw("References", thread.join("\r\n ")));
    }
    let submitted = match letter.origin {
        Origin::Person => None,
        Origin::Answered => Some("auto-replied"),
        Origin::Generated => Some("auto-generated"),
    };
    if let Some(submitted) = submitted {
        builder = builder
            .raw_header(raw("Auto-Submitted", submitted.into()))
            .raw_header(raw("X-Auto-Response-Suppress", "All".into()));
    }
    // Whoever answers it by a machine that keeps headers is known by this one.
    let mark = submitted.unwrap_or("person");
    builder = builder.raw_header(raw(LOOP_HEADER_WRITTEN, mark.into()));
    // The boundary is made of the id, so that the same letter is the same bytes.
    let boundary: String = letter.message_id.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    let texts = MultiPart::alternative()
        .boundary(format!("=_text_{boundary}"))
        .singlepart(SinglePart::plain(letter.text.clone()))
        .singlepart(SinglePart::html(html_of(&letter.text)));
    let body = if letter.files.is_empty() {
        texts
    } else {
        let whole = MultiPart::mixed().boundary(format!("=_mixed_{boundary}")).multipart(texts);
        letter.files.iter().fold(whole, |whole, file| whole.singlepart(attached(file)))
    };
    Ok(builder.multipart(body)?.formatted())
}

fn attached(file: &LetterFile) -> SinglePart {
    let kind = ContentType::parse(&file.content_type)
        .or_else(|_| ContentType::parse("application/octet-stream"))
        .expect("application/octet-stream is a content type");
    let name = plain_name(&file.name).unwrap_or_else(|| "file".into());
    Attachment::new(name).body(file.bytes.clone(), kind)
}

fn lettre_mailbox(mailbox: &Mailbox) -> Result<lettre::message::Mailbox, ComposeError> {
    let address = mailbox.address.parse().map_err(|_| ComposeError::Address(mailbox.address.clone()))?;
    Ok(lettre::message::Mailbox::new(mailbox.name.as_deref().and_then(plain_name), address))
}

/// A header whose value is ASCII of ours, folded where it has line ends.
fn raw(name: &str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii(name.to_owned()).expect("our header names are ASCII");
    HeaderValue::dangerous_new_pre_encoded(name, value.replace("\r\n", ""), value)
}

/// The ids of a thread, one a line. The first and the newest are what programs thread by, so those are kept when there
/// are more (RFC 5322, section 3.6.4).
fn references(thread: &[String]) -> Vec<String> {
    let safe = |id: &&String| id.chars().all(|c| c.is_ascii_graphic()) && id.len() <= REFERENCE_BYTES_MAX;
    let mut ids: Vec<String> = thread.iter().filter(safe).map(|id| format!("<{id}>")).collect();
    if ids.len() > REFERENCES_MAX {
        ids.drain(1..=ids.len() - REFERENCES_MAX);
    }
    ids
}

/// `Re: ` once, whatever stood before it in whichever language.
pub fn reply_subject(subject: &str, answers: bool) -> String {
    let mut bare = subject.trim();
    while let Some((mark, rest)) = bare.split_once(':') {
        let known =
            ["re", "aw", "sv", "antw", "ref", "rif", "odp", "vs"].contains(&mark.trim().to_lowercase().as_str());
        if !known || !answers {
            break;
        }
        bare = rest.trim();
    }
    let bare = plain_name(bare).unwrap_or_else(|| NO_SUBJECT.to_owned());
    if answers { format!("Re: {bare}") } else { bare }
}

/// The text as simple HTML: paragraphs, lines, links.
fn html_of(text: &str) -> String {
    let mut html = String::from("<!DOCTYPE html><html><body>");
    for paragraph in text.replace("\r\n", "\n").split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        let lines: Vec<String> = paragraph.trim_matches('\n').lines().map(html_line).collect();
        html.push_str("<p>");
        html.push_str(&lines.join("<br>\n"));
        html.push_str("</p>\n");
    }
    html.push_str("</body></html>");
    html
}

fn html_line(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let link = word.starts_with("https://") || word.starts_with("http://");
        let bare = word.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
        if link {
            format!("<a href=\"{0}\">{0}</a>{1}", escaped(bare), escaped(&word[bare.len()..]))
        } else {
            escaped(word)
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// [`super::automatic::LOOP_HEADER`] as it is written.
const LOOP_HEADER_WRITTEN: &str = "X-Switchboard-Loop";
/// Of a mail whose sender wrote none.
const NO_SUBJECT: &str = "Your message";
/// Ids in References: about 2 kB, which every server takes.
const REFERENCES_MAX: usize = 25;
/// A longer id does not fit a line (RFC 5322, section 2.1.1).
const REFERENCE_BYTES_MAX: usize = 900;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::automatic::LOOP_HEADER;
    use crate::domain::email::{automatic, read};

    fn letter() -> Letter {
        Letter {
            from: Mailbox { name: Some("Büro & Co".into()), address: "support@example.com".into() },
            to: Mailbox { name: None, address: "ann@example.org".into() },
            reply_to: Some("support+abc@example.com".into()),
            message_id: "sb.1@example.com".into(),
            thread: vec!["first@a".into(), "second@b".into()],
            subject: "AW: re:  Größe <b>".into(),
            text: "Hello <Ann>,\nsee https://example.com/a?b=1&c=2.\n\nBest".into(),
            at_s: 1_800_000_000,
            origin: Origin::Answered,
            files: Vec::new(),
        }
    }

    /// The headers by which programs thread it and machines leave it alone, and HTML in which nothing of the text runs.
    #[test]
    fn an_automatic_answer_is_threaded_and_marked() {
        let bytes = compose(&letter()).unwrap();
        assert_eq!(bytes, compose(&letter()).unwrap(), "the same letter is the same bytes");
        let mail = read(&bytes).unwrap();
        assert_eq!(mail.message_id.as_deref(), Some("sb.1@example.com"));
        assert_eq!(mail.headers.first("in-reply-to"), Some("<second@b>"));
        assert_eq!(mail.headers.first("references"), Some("<first@a> <second@b>"));
        assert_eq!(mail.headers.first("auto-submitted"), Some("auto-replied"));
        assert_eq!(mail.headers.first("x-auto-response-suppress"), Some("All"));
        assert_eq!(mail.reply_to.as_ref().map(|to| to.address.as_str()), Some("support+abc@example.com"));
        assert_eq!(mail.subject, "Re: Größe <b>");
        assert_eq!(mail.text.trim(), letter().text);
        let html = mail.html.clone().unwrap_or_default();
        assert!(html.contains("Hello &lt;Ann&gt;,<br>"), "{html}");
        assert!(html.contains("<a href=\"https://example.com/a?b=1&amp;c=2\">"), "{html}");
        assert!(automatic::never_answered(&mail, &[]).is_some());
        assert!(mail.headers.has(LOOP_HEADER));
    }

    /// RFC 5322, section 2.1.1: no line of a header is longer than 998 octets, however long the thread.
    #[test]
    fn a_long_thread_is_folded_and_bounded() {
        let thread: Vec<String> = (0..400).map(|number| format!("{number}-{}@example.org", "x".repeat(150))).collect();
        let bytes = compose(&Letter { thread: thread.clone(), ..letter() }).unwrap();
        assert!(bytes.split(|byte| *byte == b'\n').all(|line| line.len() < 998));
        let mail = read(&bytes).unwrap();
        let kept = super::super::header::message_ids(mail.headers.first("references").unwrap_or_default());
        assert_eq!(kept.len(), REFERENCES_MAX);
        assert_eq!((kept.first(), kept.last()), (thread.first(), thread.last()));
    }

    /// W1: a line end in what a customer wrote makes no header.
    #[test]
    fn nothing_written_by_a_customer_becomes_a_header() {
        let mut bad = letter();
        bad.subject = "x\r\nBcc: evil@example.net".into();
        bad.to.name = Some("Ann\r\nBcc: evil@example.net".into());
        bad.thread = vec!["a@b\r\nBcc: evil@example.net".into()];
        bad.files = vec![LetterFile { name: "a\r\nBcc: e".into(), content_type: "x".into(), bytes: vec![1, 2] }];
        let mail = read(&compose(&bad).unwrap()).unwrap();
        assert!(!mail.headers.has("bcc"));
        assert_eq!(mail.attachments.len(), 1);
        let to = Mailbox { name: None, address: "no address".into() };
        assert!(matches!(compose(&Letter { to, ..letter() }), Err(ComposeError::Address(_))));
    }
}
