//! What the team adds to a case and how it hangs together with others.

use serde::{Deserialize, Serialize};

use super::attachment::Attachment;
use super::ids::{ContactId, ConversationId};
use super::time::EpochMs;

/// Beside the state of a conversation: who is at work on it, who the customer is, what it follows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Casework {
    /// Who wrote or called, where that is known.
    pub contact: Option<ContactId>,
    /// The channel's own name for the thread; the customer's next message with it belongs here.
    pub thread: Option<String>,
    /// What it is about in the customer's own words, where the channel has such a line (mail).
    pub subject: Option<String>,
    /// The teammate it is assigned to.
    pub assignee: Option<String>,
    /// Labels of the team, sorted.
    pub tags: Vec<Tag>,
    /// When a snoozed case comes back.
    pub snoozed_until: Option<EpochMs>,
    /// When it was resolved last, while it is.
    pub resolved_at: Option<EpochMs>,
    /// Whether a person of ours ever took part.
    pub person_took_part: bool,
    /// The entry that our last words offered by "Do you mean …?".
    pub offered: Option<String>,
    /// The case it continues, which was resolved too long ago to be reopened, or which it was split from.
    pub previous: Option<ConversationId>,
    /// The case that has taken in its messages.
    pub merged_into: Option<ConversationId>,
}

/// What a tag tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TagKind {
    /// How urgent it is.
    Priority,
    /// Whose matter it is.
    Department,
    /// What kind of matter it is.
    IssueType,
    /// Anything else.
    Custom,
}

/// A label of the team.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tag {
    /// What it tells.
    pub kind: TagKind,
    /// In the team's words, at most [`TAG_CHARS_MAX`] characters.
    pub name: String,
}

impl Tag {
    /// A tag in its one form: trimmed, lower case. `None` when nothing is left or it is too long.
    pub fn new(kind: TagKind, name: &str) -> Option<Tag> {
        let name = name.trim().to_lowercase();
        let fits = !name.is_empty() && name.chars().count() <= TAG_CHARS_MAX && !name.contains(char::is_control);
        fits.then_some(Tag { kind, name })
    }
}

/// Beside the text of a message: who sent it, how far it came and what came with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Post {
    /// The teammate who wrote it, or approved what the agent wrote.
    pub by: Option<String>,
    /// Of a draft, what became of it.
    pub draft: Option<DraftState>,
    /// Of a message to the customer, how far it came; `None` on calls, where it is spoken.
    pub delivery: Option<Delivery>,
    /// Files that came or go with it, in the order they were brought.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// What became of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DraftState {
    /// A person has yet to look at it.
    Waiting,
    /// It was sent, as it was or edited.
    Approved,
    /// It was not wanted.
    Discarded,
    /// The conversation went on without it.
    Outdated,
}

/// How far a message to a customer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// It waits for the channel.
    Queued,
    /// The channel has taken it.
    Sent,
    /// It arrived.
    Delivered,
    /// It was read.
    Read,
    /// The channel refused it for good.
    Failed,
}

/// Fits a chip in a list.
pub const TAG_CHARS_MAX: usize = 60;
/// More tags on one case say nothing any more.
pub const TAGS_MAX: usize = 30;
