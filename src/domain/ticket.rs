//! A follow-up for the team; belongs to a conversation.

use serde::{Deserialize, Serialize};

use super::ids::{ConversationId, RecordingId, TicketId};
use super::phone_number::PhoneNumber;
use super::time::EpochMs;

/// Where a ticket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
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

/// Where a recording holds what was said, in milliseconds from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Clip {
    /// In which recording.
    pub recording: RecordingId,
    /// Where it begins.
    pub from_ms: u32,
    /// Where it ends.
    pub to_ms: u32,
}

/// One field that was collected.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Field {
    /// Its name: name, number, reason, or one an admin added.
    pub name: String,
    /// Its value as confirmed.
    pub value: String,
    /// Whether the customer confirmed it when it was read back.
    pub confirmed: bool,
    /// Where it can be heard as it was said (R58).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip: Option<Clip>,
}

impl Field {
    /// What was understood and not read back.
    pub fn unconfirmed(name: &str, value: impl Into<String>) -> Field {
        Field { name: name.to_owned(), value: value.into(), confirmed: false, clip: None }
    }
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
    /// What teammates have written about it.
    #[serde(default)]
    pub notes: String,
    /// Counts its changes, the first being 1, so that nobody's change is overwritten unseen.
    #[serde(default = "first_version")]
    pub version: i64,
}

fn first_version() -> i64 {
    FIRST_VERSION
}

impl Ticket {
    /// The same case when its customer has called again before it was done (R55): newer details go before older ones
    /// of the same name, a wish to be called back before a message and that before a plain follow-up, and the earlier
    /// due time stays unless another was wished for.
    pub fn added_to_by(mut self, newer: Ticket) -> Ticket {
        for field in newer.fields {
            match self.fields.iter_mut().find(|known| known.name == field.name) {
                // What the customer has confirmed is not replaced by what was only understood.
                Some(known) if known.confirmed && !field.confirmed && field.name != "reason" => {}
                Some(known) => *known = field,
                None => self.fields.push(field),
            }
        }
        if newer.reason != self.reason && !self.reason.contains(&newer.reason) {
            let room = REASON_CHARS_MAX.saturating_sub(self.reason.chars().count());
            self.reason.extend(format!(" Called again: {}", newer.reason).chars().take(room));
        }
        let weight = |kind| match kind {
            TicketKind::FollowUp => 0,
            TicketKind::Voicemail => 1,
            TicketKind::Callback => 2,
        };
        if weight(newer.kind) > weight(self.kind) {
            self.kind = newer.kind;
        }
        if newer.callback.as_ref().is_some_and(|wish| wish.at.is_some()) {
            self.due_at = newer.due_at;
        }
        self.callback = newer.callback.or(self.callback);
        self.recording = newer.recording.or(self.recording);
        self
    }
}

/// The version of a ticket that nobody has changed yet.
pub const FIRST_VERSION: i64 = 1;
/// A reason is read in a list.
const REASON_CHARS_MAX: usize = 500;
/// A ticket is due a day after it was made, in milliseconds.
pub const TICKET_DUE_MS: i64 = 24 * 60 * 60 * 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn ticket(kind: TicketKind, fields: &[(&str, &str, bool)]) -> Ticket {
        let field = |&(name, value, confirmed): &(&str, &str, bool)| Field {
            clip: None,
            name: name.to_owned(),
            value: value.to_owned(),
            confirmed,
        };
        Ticket {
            id: TicketId(uuid::Uuid::nil()),
            conversation: ConversationId(uuid::Uuid::nil()),
            kind,
            status: TicketStatus::InProgress,
            reason: "A refund.".into(),
            fields: fields.iter().map(field).collect(),
            created_at: EpochMs(1),
            due_at: Some(EpochMs(100)),
            recording: None,
            callback: None,
            notes: String::new(),
            version: FIRST_VERSION,
        }
    }

    /// R55
    #[test]
    fn a_second_call_adds_to_the_open_case() {
        let open = ticket(TicketKind::FollowUp, &[("name", "Ann", true), ("reason", "a refund", true)]);
        let number = PhoneNumber::parse("+4930901820", None).unwrap();
        let newer = Ticket {
            reason: "The caller asked to be called back.".into(),
            due_at: Some(EpochMs(900)),
            callback: Some(CallbackWish { number, time: None, at: Some(EpochMs(900)) }),
            ..ticket(
                TicketKind::Callback,
                &[("name", "Anne", false), ("reason", "where it is", false), ("x", "1", false)],
            )
        };
        let both = open.added_to_by(newer.clone());
        let values: Vec<&str> = both.fields.iter().map(|field| &*field.value).collect();
        assert_eq!(values, ["Ann", "where it is", "1"]);
        assert_eq!(
            (both.kind, both.status, both.due_at),
            (TicketKind::Callback, TicketStatus::InProgress, Some(EpochMs(900)))
        );
        assert_eq!(both.reason, "A refund. Called again: The caller asked to be called back.");
        // Again and again: the reason says it once and stays short.
        let again = (0..50).fold(both, |ticket, _| ticket.added_to_by(newer.clone()));
        assert!(again.reason.matches("Called again").count() == 1 && again.callback.is_some());
    }
}
