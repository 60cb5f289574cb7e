//! A follow-up for the team; belongs to a conversation.

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, RecordingId, TicketId};
use super::phone_number::PhoneNumber;
use super::time::EpochMs;

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketStatus {
    /// Nobody has begun.
    Pending,
    /// Somebody works on it.
    InProgress,
    /// Finished.
    Done,
}

/// What a ticket stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TicketKind {
    /// Something to look into.
    #[default]
    FollowUp,
    /// A spoken message was left.
    Voicemail,
    /// The customer wants to be called back.
    Callback,
}

/// Whom to call back, and when.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackWish {
    /// The number that was confirmed, or that the call came from.
    pub number: PhoneNumber,
    /// When it suits them, in their own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The same as a moment, where the words could be read as one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<EpochMs>,
}

/// One field that was collected.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name: name, number, reason, or one an admin added.
    pub name: String,
    /// Its value as confirmed.
    pub value: String,
    /// Whether the customer confirmed it when it was read back.
    pub confirmed: bool,
}

/// The value is personal data and stays out of logs.
impl std::fmt::Debug for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A follow-up.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Ticket {
    /// Which one.
    pub id: TicketId,
    /// Where it belongs.
    pub conversation: ConversationId,
    /// What it stands for.
    pub kind: TicketKind,
    /// Where it stands.
    pub status: TicketStatus,
    /// Why a person is needed.
    pub reason: String,
    /// What was collected.
    pub fields: Vec<Field>,
    /// When it was made.
    pub created_at: EpochMs,
    /// When it is due.
    pub due_at: Option<EpochMs>,
    /// The message that was left.
    pub recording: Option<RecordingId>,
    /// Whom to call back.
    pub callback: Option<CallbackWish>,
}

/// A ticket is due a day after it was made, in milliseconds.
pub const TICKET_DUE_MS: i64 = 24 * 60 * 60 * 1000;
