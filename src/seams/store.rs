//! Where everything accepted is kept.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::attachment_store::{AttachmentChanges, AttachmentReads};
use super::channel_store::{ChannelChanges, ChannelReads};
use super::inbox_store::{InboxChanges, InboxReads};
use super::knowledge_store::{KnowledgeChanges, KnowledgeReads};
use super::team_store::{TeamChanges, TeamReads};
use crate::domain::agent::Agent;
use crate::domain::call::{Attempt, Call, Recording};
use crate::domain::conversation::{Conversation, Message};
use crate::domain::ids::{AgentId, ConversationId, InboxId, MessageId, RecordingId, TicketId};
use crate::domain::knowledge::Entry;
use crate::domain::ticket::Ticket;
use crate::domain::time::EpochMs;
use crate::domain::trunk_use::TrunkUse;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else changed it first: read again.
    #[error("it was changed meanwhile")]
    Conflict,
    /// There is no such row.
    #[error("not found")]
    NotFound,
    /// The database failed.
    #[error("store: {0}")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// One conversation with all that belongs to it.
#[derive(Clone)]
pub struct ConversationView {
    /// The case.
    pub conversation: Conversation,
    /// Its messages, oldest first.
    pub messages: Vec<Message>,
    /// Its call, where it is one.
    pub call: Option<Call>,
    /// Tries to reach a person, oldest first.
    pub attempts: Vec<Attempt>,
    /// Recordings of the call.
    pub recordings: Vec<Recording>,
    /// Follow-ups.
    pub tickets: Vec<Ticket>,
}

/// What configuration last laid down for an agent: a digest for each part of it, by its name.
pub type Seed = std::collections::BTreeMap<String, String>;

/// A place in a list that grows at its front: the last row of the page before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Its time of creation.
    pub created_at: EpochMs,
    /// Which one.
    pub id: ConversationId,
}

/// Reading, and the beginning of every change.
#[async_trait]
pub trait Store: AttachmentReads + ChannelReads + InboxReads + KnowledgeReads + TeamReads + Send + Sync {
    /// Begins a change; nothing is seen by others before [`UnitOfWork::commit`].
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;
    /// One conversation, whole.
    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationView>, StoreError>;
    /// Newest first, at most `limit`, after `cursor`; with the call of each.
    async fn conversations(
        &self,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError>;
    /// The newest revision of an agent.
    async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError>;
    /// All agents, newest revision each, with their inboxes.
    async fn agents(&self) -> Result<Vec<(Agent, Vec<InboxId>)>, StoreError>;
    /// The knowledge an agent may use.
    async fn knowledge(&self, agent: AgentId) -> Result<Vec<Entry>, StoreError>;
    /// What was kept by [`UnitOfWork::save_seed`].
    async fn seed(&self, agent: AgentId) -> Result<Option<Seed>, StoreError>;
    /// A ticket by its id.
    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError>;
    /// The newest ticket of the agent that is not done and belongs to a conversation in which this number (E.164)
    /// called.
    async fn open_ticket_of(&self, agent: AgentId, number: &str) -> Result<Option<Ticket>, StoreError>;
    /// The ticket of the agent that nobody has begun, whose call is over, and for which one of these telephones (as
    /// [`Attempt`] writes them) was rung since that moment and the offer missed
    /// ([`crate::domain::call::AttemptOutcome::was_missed`]); the one rung for last.
    async fn missed_by(
        &self,
        agent: AgentId,
        telephones: &[String],
        since: EpochMs,
    ) -> Result<Option<Ticket>, StoreError>;
    /// How long our calls by each trunk have lasted on that day, in the order of the trunks' names.
    async fn trunk_use(&self, day: i64) -> Result<Vec<TrunkUse>, StoreError>;
    /// A recording by its id.
    async fn recording(&self, id: RecordingId) -> Result<Option<Recording>, StoreError>;
    /// Calls that have no end yet: after a restart, those that were cut.
    async fn unfinished_calls(&self) -> Result<Vec<Call>, StoreError>;
    /// Answers when the store can be written to.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// One transaction. Dropped without a commit, it leaves no trace.
#[async_trait]
pub trait UnitOfWork:
    AttachmentChanges + ChannelChanges + InboxChanges + KnowledgeChanges + TeamChanges + Send
{
    /// Adds or, by its revision, follows up an agent.
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError>;
    /// Keeps what configuration laid down last.
    async fn save_seed(&mut self, agent: AgentId, seed: &Seed) -> Result<(), StoreError>;
    /// Adds an inbox of an agent: `address` is the number or account it stands for.
    async fn save_inbox(&mut self, inbox: InboxId, agent: AgentId, address: &str) -> Result<(), StoreError>;
    /// Replaces the knowledge that came from one place (a folder, a file) by these entries.
    async fn replace_knowledge(&mut self, agent: AgentId, origin: &str, entries: &[Entry]) -> Result<(), StoreError>;
    /// Adds a conversation.
    async fn insert_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError>;
    /// Writes a conversation whose `version` is the one last read; stores it with `version + 1`, or `Conflict`.
    async fn update_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError>;
    /// Adds a message.
    async fn insert_message(&mut self, message: &Message) -> Result<(), StoreError>;
    /// Records what of an agent's message was heard, and the final timings.
    async fn update_message(&mut self, message: &Message) -> Result<(), StoreError>;
    /// Takes a message out (a prepared one that nobody heard).
    async fn delete_message(&mut self, message: MessageId) -> Result<(), StoreError>;
    /// Adds or updates a call.
    async fn save_call(&mut self, call: &Call) -> Result<(), StoreError>;
    /// Adds or updates a try to reach a person.
    async fn save_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError>;
    /// Adds or updates a recording.
    async fn save_recording(&mut self, recording: &Recording) -> Result<(), StoreError>;
    /// Takes a recording out ("don't record"); the file is the caller's to delete.
    async fn delete_recording(&mut self, recording: RecordingId) -> Result<(), StoreError>;
    /// Adds a ticket, or writes one whose `version` is the one last read; that is stored with `version + 1`, or
    /// `Conflict`.
    async fn save_ticket(&mut self, ticket: &Ticket) -> Result<(), StoreError>;
    /// Writes how long our calls by a trunk have lasted on a day; less than is known already changes nothing. Days long
    /// past may be forgotten.
    async fn save_trunk_use(&mut self, used: &TrunkUse) -> Result<(), StoreError>;
    /// Adds a row to the outbox: a notification or message to be delivered, once, by its key.
    async fn enqueue(&mut self, key: &str, kind: &str, payload: &serde_json::Value) -> Result<(), StoreError>;
    /// Makes it so, durably.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
