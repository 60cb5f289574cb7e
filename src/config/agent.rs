//! The `[agent]` section: what the agent says and may do, and whom it calls when it cannot help.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;
use crate::domain::agent::{OnUnresolved, ReplyMode};

/// How the agent answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentConfig {
    /// The business, as it is said aloud.
    pub business: String,
    /// The first words of a call.
    pub greeting: String,
    /// Whether it answers customers at all.
    pub publish: bool,
    /// When a reply goes out without a person; unset: when safe once published.
    pub mode: Option<ReplyMode>,
    /// What happens to a case it cannot resolve; unset: decided per case where somebody can be rung, else flagged.
    pub on_unresolved: Option<OnUnresolved>,
    /// Topics that are escalated whatever the choice.
    pub escalate_topics: Vec<String>,
    /// Topics that become a callback whatever the choice.
    pub callback_topics: Vec<String>,
    /// Confidence from which an answer goes out.
    pub send_confidence: f32,
    /// Whether calls are recorded after their notice.
    pub record_calls: bool,
    /// The local emergency number.
    pub emergency_number: String,
    /// A folder of Markdown knowledge.
    pub knowledge: Option<PathBuf>,
    /// The one number or SIP address that is rung.
    pub escalate_to: Option<String>,
    /// How long it rings.
    pub ring_seconds: u32,
    /// Whether the person hears a summary first.
    pub spoken_summary: bool,
    /// The longest call.
    pub longest_call_minutes: u32,
    /// How long live calls may go on when we are asked to stop.
    pub drain_seconds: u32,
}

impl Default for AgentConfig {
    fn default() -> Self {
        AgentConfig {
            business: "our company".into(),
            greeting: String::new(),
            publish: false,
            mode: None,
            on_unresolved: None,
            escalate_topics: Vec::new(),
            callback_topics: Vec::new(),
            send_confidence: 0.9,
            record_calls: true,
            emergency_number: "112".into(),
            knowledge: None,
            escalate_to: None,
            ring_seconds: 18,
            spoken_summary: true,
            longest_call_minutes: 60,
            drain_seconds: 60,
        }
    }
}

/// Every key of the section with its sentence for the reference.
pub const DOCS: &[(&str, &str)] = &[
    ("business", "Name of the business, as it is said aloud."),
    (
        "greeting",
        "First words of a call; empty says \"Hello, this is …\". A sentence that says it is automated follows unless these \
         words say so.",
    ),
    (
        "publish",
        "Whether the agent answers customers; unpublished it asks for name, number and reason and stores a ticket.",
    ),
    (
        "mode",
        "draft_only stores every reply for a person; automatic_when_safe sends what is clear and low-risk. Unset: \
         automatic_when_safe once published, and draft_only before.",
    ),
    (
        "on_unresolved",
        "What happens to a case the agent cannot resolve: nothing (the best honest answer), flag (a ticket), escalate (the \
         ladder of [escalation], or escalate_to) or decide (per case, with the reason stored). Unset: decide where somebody \
         can be rung, else flag.",
    ),
    (
        "escalate_topics",
        "Topics that are escalated whatever on_unresolved says, such as \"legal\" or \"water damage\".",
    ),
    ("callback_topics", "Topics that become a callback whatever on_unresolved says."),
    ("send_confidence", "Confidence from which an answer goes out, 0.8 to 1; lower answers more and errs more."),
    ("record_calls", "Whether calls are recorded, after the notice in the greeting and until the caller objects."),
    ("emergency_number", "The local emergency number, told first to a caller in danger."),
    ("knowledge", "Folder of Markdown files the agent answers from, read at start and whenever a file changes."),
    (
        "escalate_to",
        "The number (+49…) or SIP address that is rung for an escalation: short for a ladder of one ring and then a \
         ticket. Numbers go out through the first registered trunk.",
    ),
    ("ring_seconds", "How long escalate_to rings, in seconds; stay below the mailbox of a mobile phone (about 20)."),
    ("spoken_summary", "Whether the person who picks up hears a summary of the case before being joined."),
    (
        "longest_call_minutes",
        "A call that lasts longer is ended kindly, in minutes; caps the cost of a forgotten line.",
    ),
    ("drain_seconds", "How long live calls may go on after SIGTERM, in seconds."),
];

impl AgentConfig {
    /// When a reply goes out without a person.
    pub fn reply_mode(&self) -> ReplyMode {
        self.mode.unwrap_or(if self.publish { ReplyMode::AutomaticWhenSafe } else { ReplyMode::DraftOnly })
    }

    /// Everything that is wrong with the section.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut say = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: key.to_owned(), problem, remedy: remedy.to_owned() });
        };
        if self.business.trim().is_empty() {
            say("business", "it is empty".into(), "write the name as it is said aloud");
        }
        if !(0.8..=1.0).contains(&self.send_confidence) {
            let problem = format!("{} is no permitted confidence", self.send_confidence);
            say("send_confidence", problem, "choose between 0.8 and 1.0; 0.9 is the default");
        }
        if !(5..=120).contains(&self.ring_seconds) {
            say("ring_seconds", format!("{} seconds", self.ring_seconds), "choose between 5 and 120");
        }
        if !(1..=1440).contains(&self.longest_call_minutes) {
            let problem = format!("{} minutes", self.longest_call_minutes);
            say("longest_call_minutes", problem, "choose between 1 and 1440");
        }
        if self.emergency_number.trim().is_empty() {
            say("emergency_number", "it is empty".into(), "write the local emergency number, such as 112 or 911");
        }
        if self.escalate_to.as_deref().is_some_and(|to| to.trim().is_empty()) {
            say("escalate_to", "it is empty".into(), "write a number (+49…) or a SIP address, or leave the key out");
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_send_nothing_alone() {
        let config = AgentConfig::default();
        assert_eq!(config.validate(), Ok(()));
        assert!(!config.publish && config.reply_mode() == ReplyMode::DraftOnly);
    }
}
