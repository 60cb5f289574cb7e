//! A follow-up for the team; belongs to a conversation.

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, TicketId};
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
}

/// A ticket is due a day after it was made, in milliseconds.
pub const TICKET_DUE_MS: i64 = 24 * 60 * 60 * 1000;
