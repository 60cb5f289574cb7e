//! Canned responses and macros: words and acts that a teammate does again and again with one click.

use serde::{Deserialize, Serialize};

use super::casework::{TAGS_MAX, Tag};

/// One click: words to the customer, then acts, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shortcut {
    /// What is written to the customer; alone it is a canned response.
    #[serde(default)]
    pub reply: Option<String>,
    /// What is written to the team.
    #[serde(default)]
    pub note: Option<String>,
    /// What is done then.
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One act of a macro.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Adds a tag.
    AddTag(Tag),
    /// Takes a tag away, by its name.
    RemoveTag(String),
    /// Assigns it.
    Assign(String),
    /// Puts it aside for so many minutes.
    SnoozeMinutes(u32),
    /// It is done.
    Resolve,
}

impl Shortcut {
    /// What is wrong with it, as a sentence.
    pub fn fault(&self) -> Option<&'static str> {
        let texts = [&self.reply, &self.note];
        if texts.iter().any(|text| text.as_ref().is_some_and(|t| t.trim().is_empty() || t.len() > TEXT_BYTES_MAX)) {
            return Some("reply and note hold 1 to 10000 bytes of text.");
        }
        if self.steps.len() > TAGS_MAX {
            return Some("A macro has at most 30 steps.");
        }
        if self.reply.is_none() && self.note.is_none() && self.steps.is_empty() {
            return Some("A macro writes something or does something.");
        }
        let bad = |step: &Step| match step {
            Step::AddTag(tag) => Tag::new(tag.kind, &tag.name).as_ref() != Some(tag),
            Step::RemoveTag(name) | Step::Assign(name) => name.trim().is_empty() || name.len() > NAME_BYTES_MAX,
            Step::SnoozeMinutes(minutes) => !(1..=MINUTES_MAX).contains(minutes),
            Step::Resolve => false,
        };
        let bad = self.steps.iter().any(bad);
        bad.then_some("A step has a tag in lower case, a name, or 1 to 525600 minutes.")
    }
}

/// As long as a message by the API.
const TEXT_BYTES_MAX: usize = 10_000;
/// Of a name.
const NAME_BYTES_MAX: usize = 200;
/// A year.
const MINUTES_MAX: u32 = 525_600;
