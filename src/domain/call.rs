//! A telephone call as it is remembered.

use serde::{Deserialize, Serialize};

use super::ids::{AttemptId, CallId, ConversationId, RecordingId};
use super::time::EpochMs;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallOutcome {
    /// The agent answered what was asked.
    Resolved,
    /// A person took it.
    Person,
    /// The caller left a message.
    Voicemail,
    /// The caller is called back.
    Callback,
    /// It ended in a ticket.
    Ticket,
    /// The agent gave its best answer and could do no more.
    BestEffort,
    /// The caller left before anything was settled.
    Abandoned,
    /// It was cut by a failure or restart of ours.
    Lost,
}

/// How one try to reach a person ended (R4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    /// Took the call.
    Accepted,
    /// Passed.
    Declined,
    /// Picked up and pressed nothing.
    NoKey,
    /// 486, 600.
    Busy,
    /// Ring time ran out.
    NoAnswer,
    /// Any other refusal.
    Rejected,
    /// An answering machine.
    VoicemailDetected,
    /// A call screener.
    Screened,
    /// Hung up before accepting.
    HumanHungUp,
    /// The caller left first.
    CallerHungUp,
    /// Another person took it.
    Superseded,
    /// A fault of ours or of the network.
    Failed,
    /// We restarted meanwhile.
    Lost,
}

impl AttemptOutcome {
    /// Whether whoever was rung may wonder what it was about: they neither took it nor passed, and nobody else took it.
    pub fn was_missed(self) -> bool {
        match self {
            AttemptOutcome::NoKey
            | AttemptOutcome::Busy
            | AttemptOutcome::NoAnswer
            | AttemptOutcome::Rejected
            | AttemptOutcome::VoicemailDetected
            | AttemptOutcome::Screened
            | AttemptOutcome::CallerHungUp
            | AttemptOutcome::Lost => true,
            AttemptOutcome::Accepted
            | AttemptOutcome::Declined
            | AttemptOutcome::HumanHungUp
            | AttemptOutcome::Superseded
            | AttemptOutcome::Failed => false,
        }
    }
}

/// A call. Numbers are personal data: there is no `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Which one.
    pub id: CallId,
    /// The conversation it is part of.
    pub conversation: ConversationId,
    /// Who calls, E.164 or a SIP address; `None` when withheld.
    pub from: Option<String>,
    /// The number or address that was called.
    pub to: String,
    /// The trunk it came by, by its configured name.
    pub trunk: String,
    /// When the INVITE came.
    pub started_at: EpochMs,
    /// When it was answered.
    pub answered_at: Option<EpochMs>,
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<EpochMs>,
    /// How it ended.
    pub outcome: Option<CallOutcome>,
}

/// One try to reach a person.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which one.
    pub id: AttemptId,
    /// The call it is made for.
    pub call: CallId,
    /// The configured destination.
    pub destination: String,
    /// When it began to be dialled.
    pub started_at: EpochMs,
    /// How long it rang, in milliseconds.
    pub ring_ms: Option<i64>,
    /// How it ended; `None` while it goes on.
    pub outcome: Option<AttemptOutcome>,
    /// What was said to the person.
    pub said: Option<String>,
}

impl Attempt {
    /// One that is about to be dialled.
    pub fn begun(id: AttemptId, call: CallId, destination: String, started_at: EpochMs) -> Attempt {
        Attempt { id, call, destination, started_at, ring_ms: None, outcome: None, said: None }
    }
}

/// An audio file of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// Which one.
    pub id: RecordingId,
    /// The call.
    pub call: CallId,
    /// File name below the recordings folder.
    pub file: String,
    /// When its first sample was taken.
    pub started_at: EpochMs,
    /// Its length; `None` while it goes on.
    pub duration_ms: Option<i64>,
}
