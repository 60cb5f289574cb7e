//! A case and its messages, whatever the channel.

use serde::{Deserialize, Serialize};

use super::casework::{Casework, Post};
use super::ids::{AgentId, ConversationId, InboxId, MessageId};
use super::time::EpochMs;
use super::turn::{Decision, Verdict};

/// How the customer reaches us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// A telephone call.
    Phone,
    /// Messages posted through the API.
    Api,
    /// The chat on the business's own pages.
    Widget,
    /// Mail.
    Email,
    /// Slack, in channels and threads.
    Slack,
    /// Telegram, in private chats and groups.
    Telegram,
    /// Discord, in direct messages and channels.
    Discord,
}

/// Where the case stands (R31).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Going on.
    Open,
    /// A person is wanted.
    NeedsHuman,
    /// The customer has the next word.
    Waiting,
    /// Put aside until a time.
    Snoozed,
    /// Done.
    Resolved,
}

/// Who speaks for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Handler {
    /// The agent.
    Bot,
    /// A person.
    Human,
    /// Nobody.
    None,
}

/// Who wrote or said a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// The customer.
    Customer,
    /// The agent.
    Agent,
    /// The agent's proposal to a person; the customer has not seen it.
    Draft,
    /// A teammate.
    Teammate,
    /// The system, about itself.
    Note,
}

/// A case.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Conversation {
    /// Which one.
    pub id: ConversationId,
    /// The agent whose inbox it came to.
    pub agent: AgentId,
    /// The inbox it came to.
    pub inbox: InboxId,
    /// How it came.
    pub channel: Channel,
    /// Where it stands.
    pub status: Status,
    /// Who speaks for us.
    pub handler: Handler,
    /// Why a person is wanted, where one is.
    pub reason: Option<String>,
    /// A short account for the person who takes it.
    pub summary: Option<String>,
    /// Whether it is a test by a signed-in admin, answered as if published and left out of analytics (R19).
    pub preview: bool,
    /// Grows with every change; taking over and every bot send contend on it.
    pub version: i64,
    /// When it began.
    pub created_at: EpochMs,
    /// When it last changed.
    pub updated_at: EpochMs,
    /// Who is at work on it and how it hangs together with others.
    #[serde(default)]
    pub casework: Casework,
}

/// One message or spoken turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Which one.
    pub id: MessageId,
    /// The case it belongs to.
    pub conversation: ConversationId,
    /// Who wrote or said it.
    pub author: Author,
    /// What was written, recognised, or meant to be said.
    pub text: String,
    /// On calls, the part of an agent's text that was really heard before it was interrupted; `None` while
    /// it is still being said, and for every other author.
    pub heard_text: Option<String>,
    /// When.
    pub at: EpochMs,
    /// What was decided about it, for replies and drafts.
    pub decision: Option<Decision>,
    /// On calls, the parts of the reply gap.
    pub timings: Option<TurnTimings>,
    /// Who sent it and how far it came.
    #[serde(default)]
    pub post: Post,
}

impl Message {
    /// The verdict, where one was passed.
    pub fn verdict(&self) -> Option<Verdict> {
        self.decision.as_ref().map(|decision| decision.verdict)
    }
}

/// The parts of one spoken turn, in milliseconds from the caller's last voiced frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TurnTimings {
    /// Waiting in packet and jitter buffer (measured apart: it precedes our last voiced frame).
    pub buffer_ms: Option<f32>,
    /// Until the end of the turn was certain.
    pub end_of_turn_ms: Option<f32>,
    /// Time that recognition of the final transcript took.
    pub recognition_ms: Option<f32>,
    /// Time the desk took.
    pub desk_ms: Option<f32>,
    /// Time to the first synthesised samples of the answer.
    pub synthesis_ms: Option<f32>,
    /// Until the first sample of the answer left.
    pub reply_gap_ms: Option<f32>,
    /// Whether the reply had been prepared before the end of the turn was certain.
    pub prepared: bool,
}
