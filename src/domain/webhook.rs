//! A program of the business that is told what happens, in the Standard Webhooks form.

use serde::{Deserialize, Serialize};

use super::casework::Delivery;
use super::ids::WebhookId;
use super::time::EpochMs;

/// Where it is told. Holds a secret (sealed), so it has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Which one.
    pub id: WebhookId,
    /// The address that is posted to.
    pub url: String,
    /// Types of what it is told, or their beginnings with `.*` behind; all of them when there is none.
    pub kinds: Vec<String>,
    /// Whether it is told anything.
    pub enabled: bool,
    /// Why we stopped telling it.
    pub disabled_why: Option<String>,
    /// What signs what it is told, sealed.
    pub secret: String,
    /// Grows with every change.
    pub version: i64,
    /// When it was added.
    pub created_at: EpochMs,
}

impl Webhook {
    /// What its secret is sealed about.
    pub fn about(&self) -> String {
        format!("webhook {}", self.id)
    }

    /// Whether it is told of this type.
    pub fn wants(&self, kind: &str) -> bool {
        let matches = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => kind.starts_with(beginning),
            None => wanted == kind,
        };
        self.enabled && (self.kinds.is_empty() || self.kinds.iter().any(matches))
    }
}

/// One thing that one of them is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookPost {
    /// Names it once and for all: `webhook-id`.
    pub id: uuid::Uuid,
    /// Who is told.
    pub webhook: WebhookId,
    /// Its type.
    pub kind: String,
    /// The very bytes.
    pub body: String,
    /// Queued, sent or failed.
    pub state: Delivery,
    /// When it happened to be told.
    pub posted_at: EpochMs,
    /// Not before that.
    pub due_at: EpochMs,
    /// How often it was tried.
    pub tries: u32,
    /// What it was answered last.
    pub last_status: Option<u16>,
    /// What went wrong last, in words.
    pub last_error: Option<String>,
    /// When it was taken, or given up.
    pub settled_at: Option<EpochMs>,
}

/// Whether this is a type or the beginning of types: words with full stops between, at most 100 characters.
pub fn is_kind(kind: &str) -> bool {
    let plain = kind.strip_suffix(".*").unwrap_or(kind);
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    kind.len() <= KIND_BYTES_MAX && plain.split('.').all(word)
}

/// Longer ones are none of ours.
const KIND_BYTES_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_is_told_what_it_wants() {
        let webhook = |kinds: &[&str], enabled| Webhook {
            id: WebhookId(uuid::Uuid::nil()),
            url: String::new(),
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            enabled,
            disabled_why: None,
            secret: String::new(),
            version: 1,
            created_at: EpochMs(0),
        };
        assert!(
            webhook(&[], true).wants("conversation.resolved") && !webhook(&[], false).wants("conversation.resolved")
        );
        assert!(webhook(&["conversation.*"], true).wants("conversation.resolved"));
        assert!(!webhook(&["conversation.tagged"], true).wants("conversation.resolved"));
        assert!(is_kind("conversation.bot_held") && is_kind("conversation.*"));
        assert!(!is_kind("") && !is_kind("a..b") && !is_kind("a b") && !is_kind("*"));
    }
}
