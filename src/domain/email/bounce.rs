//! Mail that came back: which one, to whom, and why (RFC 3464; older servers write it in words).

use std::sync::LazyLock;

use regex::Regex;

use super::automatic::{by_headers, is_daemon, is_report};
use super::header::{addresses_in, plain_name};
use super::read::Mail;

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    /// How it ended.
    pub outcome: BounceOutcome,
    /// The ids of the mails it is about, as far as they are named.
    pub about: Vec<String>,
    /// Whom it did not reach.
    pub recipients: Vec<String>,
    /// The status, such as `5.1.1` (RFC 3463).
    pub status: Option<String>,
    /// What the other server said, in one line.
    pub why: Option<String>,
}

/// How the delivery ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BounceOutcome {
    /// It did not arrive and will not.
    Failed,
    /// It has not arrived yet; the server goes on trying.
    Delayed,
    /// It arrived: a receipt.
    Delivered,
    /// The recipient complained about it (RFC 5965).
    Complained,
}

/// What a mail tells of another that came back; `None` for all mail that is about something else.
pub fn bounce(mail: &Mail) -> Option<Bounce> {
    let fields = mail.report.status.as_deref().unwrap_or_default();
    let outcome = outcome(mail, fields)?;
    let text = mail.text.as_str();
    let status = field(fields, "status").and_then(|value| status_in(&value)).or_else(|| status_in(text));
    let why = field(fields, "diagnostic-code").map(|value| behind_type(&value).to_owned());
    let why = why.or_else(|| text.lines().find(|line| REPLY.is_match(line)).map(|line| line.trim().to_owned()));
    Some(Bounce {
        outcome,
        about: mail.report.about.clone(),
        recipients: recipients(mail, fields),
        status,
        why: why.and_then(|why| plain_name(&why)),
    })
}

fn outcome(mail: &Mail, fields: &str) -> Option<BounceOutcome> {
    let has = |kind: &str| mail.part_types.iter().any(|part| part == kind);
    // Hotmail's complaints are no reports in form.
    let complaint = mail.subject.starts_with("complaint about message from ") && has("message/rfc822");
    if has("message/feedback-report") || complaint {
        return Some(BounceOutcome::Complained);
    }
    if has("message/disposition-notification") {
        return Some(BounceOutcome::Delivered);
    }
    match field(fields, "action").map(|action| action.to_ascii_lowercase()).as_deref() {
        Some("delayed") => return Some(BounceOutcome::Delayed),
        Some("delivered" | "relayed" | "expanded") => return Some(BounceOutcome::Delivered),
        Some(_) => return Some(BounceOutcome::Failed),
        None => {}
    }
    if is_report(mail) || mail.headers.has("x-failed-recipients") {
        return Some(if is_warning(mail) { BounceOutcome::Delayed } else { BounceOutcome::Failed });
    }
    // In words: a server says that something did not arrive, and shows a server's reply or the mail itself.
    let from_server = mail.from.as_ref().is_none_or(|from| is_daemon(from.local())) && by_headers(mail, &[]).is_some();
    let evidence =
        [SUBJECT.is_match(&mail.subject), REPLY.is_match(&mail.text), UNDELIVERED.is_match(&mail.text), from_server];
    let shown = evidence.iter().filter(|holds| **holds).count();
    // A customer who asks about a bounce quotes one; they do not write as a server.
    let answers = mail.headers.has("in-reply-to") && !from_server && !REPLY_BLOCK.is_match(&mail.text);
    if shown < if from_server || REPLY_BLOCK.is_match(&mail.text) { 2 } else { 4 } || answers {
        return None;
    }
    Some(if is_warning(mail) { BounceOutcome::Delayed } else { BounceOutcome::Failed })
}

fn is_warning(mail: &Mail) -> bool {
    WARNING.is_match(&mail.subject) || mail.text.lines().take(WARNING_LINES).any(|line| WARNING.is_match(line))
}

/// The first value of a field of a delivery report, folded lines joined.
fn field(fields: &str, name: &str) -> Option<String> {
    all_fields(fields, name).into_iter().next()
}

fn all_fields(fields: &str, name: &str) -> Vec<String> {
    let mut values: Vec<String> = Vec::new();
    let mut inside = false;
    for line in fields.lines().take(REPORT_LINES_MAX) {
        if inside && line.starts_with([' ', '\t']) {
            if let Some(value) = values.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
            continue;
        }
        let value = line.split_once(':').filter(|(known, _)| known.trim().eq_ignore_ascii_case(name));
        inside = value.is_some();
        values.extend(value.map(|(_, value)| value.trim().to_owned()));
    }
    values
}

fn recipients(mail: &Mail, fields: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for name in ["original-recipient", "final-recipient"] {
        found.extend(all_fields(fields, name).iter().flat_map(|value| addresses_in(behind_type(value))));
    }
    found.extend(mail.headers.all("x-failed-recipients").flat_map(addresses_in));
    if found.is_empty() {
        let line = |line: &&str| REPLY.is_match(line) || line.trim_start().starts_with('<');
        found.extend(mail.text.lines().filter(line).take(RECIPIENTS_MAX).flat_map(addresses_in));
    }
    let mut known = std::collections::HashSet::new();
    found.retain(|address| known.insert(address.clone()));
    found.truncate(RECIPIENTS_MAX);
    found
}

/// `rfc822; a@b` is `a@b`.
fn behind_type(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if kind.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '-') => rest.trim(),
        _ => value.trim(),
    }
}

fn status_in(text: &str) -> Option<String> {
    STATUS.captures(text).map(|found| found[1].to_owned())
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}

/// A status of RFC 3463, of failure or delay.
static STATUS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b([245]\.\d{1,3}\.\d{1,3})\b"));
/// A server's reply (RFC 5321, section 4.2) with the words that stand behind it.
static REPLY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(5[0-5]\d|4[0-5]\d)[ -](\(?#?[45]\.\d{1,3}\.\d{1,3}\)?\s|.{0,80}\b(user|mailbox|recipient|relay|address|host|rcpt|not taken|refused|rejected|denied|blocked|unknown)\b)|unknown user|user unknown|no such user|host unknown|mailbox (is )?(full|unavailable|not found)|quota exceeded|over quota",
    )
});
/// The block that gateways of telephone networks write.
static REPLY_BLOCK: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?is)error message below:\s*[45]\d\d\b.*message details:.*\brcpt to:"));
/// What such mail is called.
static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^\W*(undeliver(ed|able)|(mail |message )?deliver(y|ing)?( has)? (failed|failure|status|error|report|problem)|fail(ure|ed) (notice|delivery|mail)|returned mail|mail (delivery|system|could not|returned)|message (delivery|you sent|status)|delivery|could not (be delivered|deliver)|non-?deliver|warning: (could not|message)|postmaster|unzustellbar|nicht zustellbar|no entregado|échec)",
    )
});
/// What it says.
static UNDELIVERED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(could not|couldn't|cannot|can't|unable to|wasn't able to|was not able to|not|never) (be )?(deliver|send|sent|transmit)|undeliver(ed|able)|did not reach|(delivery|permanent|fatal|temporary|transient) (has )?(failed|failure|error|non-delivery)|returned (to sender|below|mail)|original message (follows|is attached|attached)|unsent message|message header follows|transcript of session",
    )
});
/// The server goes on trying.
static WARNING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(delivery (has been |is )?delayed|delay(ed)? (notification|mail)|warning: (could not|message)|still (trying|being retried)|will (continue to try|be retried))",
    )
});
/// Lines at the top in which a warning says that it is one.
const WARNING_LINES: usize = 15;
/// Lines of a report that are read.
const REPORT_LINES_MAX: usize = 2_000;
/// Recipients of one report.
const RECIPIENTS_MAX: usize = 20;
