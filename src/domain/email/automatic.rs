//! Mail that machines wrote. It is never answered by ours (RFC 3834, section 2): two machines that answer each other do
//! not stop.

use std::sync::LazyLock;

use regex::Regex;

use super::bounce::bounce;
use super::read::Mail;

/// Why a mail is not answered automatically.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Automatic {
    /// Auto-Submitted says so (RFC 3834, section 5).
    AutoSubmitted,
    /// It is a report about other mail (RFC 6522).
    Report,
    /// It has no return address: `<>` (RFC 5321, section 4.5.5).
    NullSender,
    /// Precedence: bulk, list or junk.
    Precedence,
    /// It asks for no automatic answers.
    Suppressed,
    /// It carries a mark against loops, ours or another's.
    Loop,
    /// It came by a mailing list (RFC 2919, RFC 2369).
    List,
    /// The program of a mailing list wrote it.
    ListServer,
    /// We wrote it ourselves.
    Ours,
    /// A mail server wrote it.
    Daemon,
    /// Its sender reads no answers.
    NoReply,
    /// It names recipients that failed.
    FailedRecipients,
    /// Its wording and make-up are those of a bounce.
    Bounce,
}

/// Why this mail is not to be answered automatically; `None` for mail that people wrote. `ours` are our own addresses.
pub fn never_answered(mail: &Mail, ours: &[String]) -> Option<Automatic> {
    by_headers(mail, ours).or_else(|| bounce(mail).map(|_| Automatic::Bounce))
}

/// What the headers alone tell.
pub(super) fn by_headers(mail: &Mail, ours: &[String]) -> Option<Automatic> {
    let headers = &mail.headers;
    let says = |name: &str, holds: &dyn Fn(&str) -> bool| headers.all(name).any(|value| holds(&word(value)));
    let from = mail.from.as_ref();
    if from.is_some_and(|from| ours.contains(&from.address)) {
        return Some(Automatic::Ours);
    }
    if is_report(mail) {
        return Some(Automatic::Report);
    }
    if AUTO_REPLY.is_match(&mail.subject) || says("x-apple-action", &|value| value == "vacation") {
        return Some(Automatic::AutoSubmitted);
    }
    if says("auto-submitted", &|value| !value.is_empty() && value != "no") {
        return Some(Automatic::AutoSubmitted);
    }
    if headers.has("x-failed-recipients") {
        return Some(Automatic::FailedRecipients);
    }
    if headers.first("return-path").is_some_and(is_null_path) {
        return Some(Automatic::NullSender);
    }
    if says("precedence", &|value| matches!(value, "bulk" | "list" | "junk" | "auto_reply")) {
        return Some(Automatic::Precedence);
    }
    if ["x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply"]
        .iter()
        .any(|name| headers.has(name))
    {
        return Some(Automatic::Suppressed);
    }
    if headers.has(LOOP_HEADER) || headers.has("x-loop") {
        return Some(Automatic::Loop);
    }
    if headers.has("x-mlserver") || headers.has("x-list-administrivia") {
        return Some(Automatic::ListServer);
    }
    if LIST_HEADERS.iter().any(|name| headers.has(name)) {
        return Some(Automatic::List);
    }
    let path = headers.first("return-path").unwrap_or_default();
    let path_local = path.trim_matches(['<', '>', ' ']).split('@').next().unwrap_or_default();
    let from_is_daemon = from.is_some_and(|from| is_daemon(from.local())) || from.is_none() && names_daemon(mail);
    if from_is_daemon || is_daemon(path_local) {
        return Some(Automatic::Daemon);
    }
    let reads_none = from.is_some_and(|from| is_no_reply(from.local())) && mail.reply_to.is_none();
    reads_none.then_some(Automatic::NoReply)
}

/// Whether whoever writes under this name reads no answers. A form's mail names its customer in Reply-To.
pub(super) fn is_no_reply(local: &str) -> bool {
    let plain: String = local.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    matches!(plain.as_str(), "noreply" | "donotreply" | "dontreply" | "neverreply")
}

/// `multipart/report`, or the parts of one in another wrapping.
pub(super) fn is_report(mail: &Mail) -> bool {
    let report = |kind: &String| {
        matches!(
            kind.as_str(),
            "message/delivery-status" | "message/disposition-notification" | "message/feedback-report"
        )
    };
    mail.content_type == "multipart/report" || mail.part_types.iter().skip(1).any(report)
}

/// Whether the part before the `@` is that of a mail server. `post_master` and `Mail.Delivery.System` are.
pub(super) fn is_daemon(local: &str) -> bool {
    let plain: String = local.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    matches!(
        plain.as_str(),
        "mailerdaemon"
            | "postmaster"
            | "maildaemon"
            | "maildeliverysystem"
            | "maildeliverysubsystem"
            | "poostmaster"
            | "bounce"
            | "bounces"
            | "mmdf"
            | "maileradmin"
            | "mailadmin"
    )
}

/// A From without an address, such as `MAILER-DAEMON` or `<>`.
fn names_daemon(mail: &Mail) -> bool {
    let from = mail.headers.first("from").unwrap_or_default();
    let first = from.split(['(', '<', '"']).find(|part| !part.trim().is_empty()).unwrap_or_default();
    from.trim() == "<>" || is_daemon(first.trim())
}

fn is_null_path(value: &str) -> bool {
    matches!(value.trim(), "" | "<>" | "< >")
}

/// The first word of a value in lower case, without what stands behind `;` or in brackets.
fn word(value: &str) -> String {
    let word = value.split([';', '(', ' ', '\t', ',']).find(|word| !word.is_empty()).unwrap_or_default();
    word.to_ascii_lowercase()
}

/// What programs call their notes of absence.
static AUTO_REPLY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\W*(auto(matic|mated)?[ -]?(reply|response|responder)\b|out of (the )?office\b|abwesenheit(snotiz)?\b|automatische (antwort|abwesenheitsnotiz)|r[ée]ponse automatique|respuesta autom[áa]tica|risposta automatica|automatisch antwoord|resposta autom[áa]tica|autosvar\b)",
    )
    .expect("the pattern is a constant that the tests compile")
});
/// Our own mark on automatic mail.
pub const LOOP_HEADER: &str = "x-switchboard-loop";
/// Each of them is written by lists alone.
const LIST_HEADERS: &[&str] = &["list-id", "list-post", "list-subscribe", "mailing-list", "x-mailing-list"];
