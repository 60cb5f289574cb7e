//! `[messages]`: conversations by message, and the team's desk.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Conversations by message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MessagesConfig {
    /// How long after it was resolved a customer's reply reopens a conversation.
    pub reopen_hours: u32,
    /// How long the answer to a request with an `Idempotency-Key` is kept.
    pub answers_kept_hours: u32,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "reopen_hours",
        "How many hours after a conversation was resolved a customer's reply reopens it; later ones begin a new \
         conversation that names the old one. Longer keeps more of a story in one place.",
    ),
    (
        "answers_kept_hours",
        "How many hours the answer to a request with an Idempotency-Key is kept, so that the same request is not \
         carried out twice (24 or more); longer takes about 300 bytes a request.",
    ),
];

impl Default for MessagesConfig {
    fn default() -> Self {
        MessagesConfig { reopen_hours: 168, answers_kept_hours: 48 }
    }
}

impl MessagesConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut within = |key: &str, value: u32, from: u32, to: u32| {
            if !(from..=to).contains(&value) {
                problems.push(Problem {
                    key: format!("messages.{key}"),
                    problem: format!("{value} is out of range"),
                    remedy: format!("write a number from {from} to {to}"),
                });
            }
        };
        within("reopen_hours", self.reopen_hours, 0, 87_600);
        within("answers_kept_hours", self.answers_kept_hours, 24, 8_760);
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
