//! The lines by which mail programs mark what they quote, in the languages that our customers' programs speak.

use std::sync::LazyLock;

use regex::Regex;

/// Whether a line, or two or three joined, says who wrote what follows and when.
pub(super) fn is_attribution(line: &str) -> bool {
    line.len() <= ATTRIBUTION_BYTES_MAX && ATTRIBUTION.is_match(line.trim())
}

/// Whether such a line may begin here and go on in the next.
pub(super) fn begins_attribution(line: &str) -> bool {
    BEGINS.is_match(line.trim())
}

/// `-----Original Message-----` and its kin: all behind it is history.
pub(super) fn is_separator(line: &str) -> bool {
    SEPARATOR.is_match(line.trim())
}

/// Which header of a quoted mail's block a line is.
pub(super) fn block_header(line: &str) -> Option<BlockHeader> {
    let line = line.trim().trim_start_matches(['*', '_', ' ', '>']);
    let (name, rest) = line.split_once(':')?;
    let name = name.trim_matches(['*', '_', ' ', '\u{a0}']).to_lowercase();
    let value = rest.trim_matches(['*', '_', ' ', '\u{a0}']);
    if FROM.contains(&name.as_str()) {
        return (!value.is_empty()).then_some(BlockHeader::From);
    }
    OTHERS.contains(&name.as_str()).then_some(BlockHeader::Other)
}

/// A line of a quoted mail's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockHeader {
    /// Who wrote it.
    From,
    /// When, to whom, about what.
    Other,
}

/// `-- `, or a program's own line below which nothing is the sender's.
pub(super) fn begins_signature(line: &str) -> bool {
    let trimmed = line.trim();
    matches!(trimmed, "--" | "—" | "––" | "---") || RULE.is_match(trimmed)
}

/// `Sent from my iPhone`: the program's words.
pub(super) fn is_device_line(line: &str) -> bool {
    DEVICE.is_match(line.trim().trim_start_matches("-- "))
}

/// `-Ann Example`, alone on its line.
pub(super) fn is_signed_name(line: &str) -> bool {
    SIGNED.is_match(line.trim_end())
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is a constant that the tests compile")
}

static ATTRIBUTION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?ix)^(
            -{0,3}\s*(on|am|le|el|il|op|em|den|dne|w\s+dniu|em)\s.{4,400}(wrote|schrieb.{0,200}|a\s+écrit|escribió|ha\s+scritto|het\s+volgende\s+geschreven|schreef.{0,200}|escreveu|skrev.{0,200}|napsal(\(a\))?|napisał(\(a\))?)\s*:
          | .{1,200}<[^<>\s]+@[^<>\s]+>.{0,60}(wrote|schrieb|a\s+écrit|escribió|ha\s+scritto|schreef|escreveu|skrev|писал\(а\)|написал\(а\))\s*:
          | \d{1,4}[./-]\d{1,2}[./-]\d{1,4}.{0,120}<[^<>\s]+@[^<>\s]+>\s*:
          | .{1,120}(wrote|schrieb|a\s+écrit)\s+(on|am|le)\s.{4,80}:
        )$"#,
    )
});
static BEGINS: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)^-{0,3}\s*(on|am|le|el|il|op|em|den|dne)\s.*\d"));
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(-{2,}|_{2,}|\*{2,}|—)\s*(original\s+(message|appointment)|forwarded\s+(message|by)|reply\s+message|ursprüngliche\s+(nachricht|mail)|originalnachricht|weitergeleitete\s+nachricht|message\s+d'origine|message\s+transféré|mensaje\s+original|messaggio\s+originale|mensagem\s+original|oorspronkelijk\s+bericht)\b.*$|^begin\s+forwarded\s+message:$|^(anfang\s+der\s+weitergeleiteten\s+nachricht|début\s+du\s+message\s+(réexpédié|transféré))\s*:$|^#+\s*-+\s*please\s+(reply|type)\s+above",
    )
});
static RULE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^_{10,}$"));
static DEVICE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^((sent|get|envoyé|enviado|inviato|verzonden|gesendet|von)\s+(from|depuis|de|du|desde|da|dal|vanaf|von|via|mit|meinem)\s+(my\s+|mon\s+|mi\s+|mio\s+|mijn\s+|meinem\s+)?([\w®™'-]+\s*){1,4}|get\s+outlook\s+for\s+\w+|von\s+meinem\s+([\w®™-]+\s*){1,3}gesendet|sent\s+with\s+\S+.{0,60}|sent\s+via\s+([\w®™'-]+\s*){1,4})\.?(\s*<https?://[^>\s]*>)?$",
    )
});
static SIGNED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^[-–—]\p{Lu}[\w.'’-]*(\s\p{Lu}?[\w.'’-]+){0,3}$"));
/// `From` of a quoted mail's block.
const FROM: &[&str] = &["from", "von", "de", "da", "van", "från", "od", "от", "fra", "差出人", "发件人"];
/// The lines below it.
const OTHERS: &[&str] = &[
    "sent",
    "date",
    "to",
    "cc",
    "bcc",
    "subject",
    "reply-to",
    "gesendet",
    "datum",
    "an",
    "betreff",
    "envoyé",
    "date d'envoi",
    "à",
    "objet",
    "enviado",
    "fecha",
    "para",
    "asunto",
    "inviato",
    "data",
    "a",
    "oggetto",
    "verzonden",
    "aan",
    "onderwerp",
    "enviada em",
    "assunto",
    "skickat",
    "till",
    "ämne",
    "kopia",
    "sendt",
    "til",
    "emne",
    "wysłano",
    "do",
    "dw",
    "temat",
    "отправлено",
    "кому",
    "тема",
    "送信日時",
    "宛先",
    "件名",
    "发送时间",
    "收件人",
    "主题",
];
/// A line that tells who wrote is short, however long the address.
const ATTRIBUTION_BYTES_MAX: usize = 1_000;
