//! What the team is told of by mail: a case that needs somebody, with its summary and a link (R37).

use serde_json::Value;

/// A notification in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeText {
    /// What it is about, in a line.
    pub subject: String,
    /// All of it.
    pub text: String,
}

/// Kinds of outbox rows that are told of by mail.
pub const KINDS: &[&str] = &["escalation", "ticket_created", "ticket_updated", "voicemail", "callback"];

/// The words of a row of the outbox; `None` for a kind that nobody is told of. `house` is the address under which people
/// open the console.
pub fn notice_text(kind: &str, payload: &Value, house: &str) -> Option<NoticeText> {
    let said = |name: &str| payload[name].as_str().map(str::trim).filter(|text| !text.is_empty());
    let urgent = if payload["urgent"].as_bool() == Some(true) { "URGENT: " } else { "" };
    let what = match kind {
        "escalation" => "A caller is being connected to a person",
        "ticket_created" => "A case needs a person",
        "ticket_updated" => "A customer added to an open case",
        "voicemail" => "A voice message was left",
        "callback" => "A customer wants to be called back",
        // Messages to customers and whatever else the outbox holds.
        _ => return None,
    };
    let reason = said("reason");
    let subject: String = match reason {
        Some(reason) => format!("{urgent}{what}: {reason}"),
        None => format!("{urgent}{what}"),
    };
    let mut text = format!("{urgent}{what}.\n");
    for (label, part) in [("Why", reason), ("Summary", said("summary"))] {
        if let Some(part) = part {
            text.push_str(&format!("\n{label}: {part}\n"));
        }
    }
    if let Some(link) = said("link").filter(|link| link.starts_with('/')) {
        text.push_str(&format!("\n{}{link}\n", house.trim_end_matches('/')));
    }
    Some(NoticeText { subject: subject.chars().take(SUBJECT_CHARS_MAX).collect(), text })
}

/// A line that a telephone shows whole.
const SUBJECT_CHARS_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    /// R37: the summary and a link to the case, and no link that leads elsewhere.
    #[test]
    fn an_escalation_is_told_with_its_summary_and_a_link() {
        let payload = serde_json::json!({
            "reason": "asked for a person", "summary": "Damaged lamp, order 7.", "urgent": true, "link": "/#c1",
        });
        let told = notice_text("escalation", &payload, "https://desk.example.com/").unwrap();
        assert_eq!(told.subject, "URGENT: A caller is being connected to a person: asked for a person");
        assert!(told.text.contains("Summary: Damaged lamp, order 7."));
        assert!(told.text.contains("\nhttps://desk.example.com/#c1\n"));
        let elsewhere = serde_json::json!({ "link": "https://evil.example" });
        assert!(!notice_text("voicemail", &elsewhere, "https://d").unwrap().text.contains("evil"));
        assert_eq!(notice_text("message", &payload, ""), None);
    }
}
