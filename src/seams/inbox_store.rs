//! The part of the store that the shared inbox stands on: lists, contacts, promised work, answers to be repeated.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::store::{Cursor, StoreError};
use crate::domain::call::Call;
use crate::domain::casework::Tag;
use crate::domain::contact::{Address, Contact};
use crate::domain::conversation::{Channel, Conversation, Handler, Status};
use crate::domain::ids::{AgentId, ContactId, ConversationId, InboxId, MessageId, RecordingId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::transition::{Act, Actor};
use crate::domain::view::Condition;

/// What a list shows; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this agent.
    pub agent: Option<AgentId>,
    /// In any of these states; empty is any.
    pub statuses: Vec<Status>,
    /// Handled so.
    pub handler: Option<Handler>,
    /// Come by this way.
    pub channel: Option<Channel>,
    /// Assigned so.
    pub assignee: Option<Assigned>,
    /// With this tag, whatever its kind.
    pub tag: Option<String>,
    /// Of this customer.
    pub contact: Option<ContactId>,
    /// Come to one of these inboxes.
    pub inboxes: Option<Vec<InboxId>>,
    /// As a saved view says.
    pub view: Option<Condition>,
    /// Holding all these words in messages, notes or transcripts; the newest [`FOUND_MAX`] places are looked at.
    pub text: Option<String>,
}

/// To whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assigned {
    /// This teammate.
    To(String),
    /// Nobody.
    Nobody,
}

/// One version of a conversation and what made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The version it made.
    pub version: i64,
    /// When.
    pub at: EpochMs,
    /// Where the case stood then.
    pub status: Status,
    /// Who handled it then.
    pub handler: Handler,
    /// Why a person was wanted, where one was.
    pub reason: Option<String>,
    /// Who did it; `None` for rows of calls.
    pub actor: Option<String>,
    /// What; `None` for rows of calls.
    pub act: Option<Act>,
}

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// A customer's message is to be answered or held; the job's id is the message's.
    Answer,
    /// A snoozed conversation comes back.
    Wake,
}

/// Work that was promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Names it once and for all.
    pub id: uuid::Uuid,
    /// What is to be done.
    pub kind: JobKind,
    /// About which conversation.
    pub conversation: ConversationId,
    /// Not before.
    pub due_at: EpochMs,
    /// How often it was begun.
    pub tries: u32,
}

/// What a request was answered, to be said again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Of the request's body.
    pub digest: String,
    /// The status.
    pub status: u16,
    /// The body.
    pub body: serde_json::Value,
    /// When.
    pub at: EpochMs,
}

/// What the team keeps for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedKind {
    /// A view of the list.
    View,
    /// A macro or a canned response.
    Macro,
}

/// One of those.
#[derive(Clone, Debug, PartialEq)]
pub struct Saved {
    /// Which one.
    pub id: uuid::Uuid,
    /// What it is.
    pub kind: SavedKind,
    /// Its name, one for each kind.
    pub name: String,
    /// The rest of it.
    pub body: serde_json::Value,
    /// When it was saved.
    pub updated_at: EpochMs,
}

/// A row of the outbox.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// Grows with each row.
    pub position: i64,
    /// Its one name.
    pub key: String,
    /// What kind.
    pub kind: String,
    /// What it says.
    pub payload: serde_json::Value,
}

/// By what people know a conversation again in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Face {
    /// The customer's name, where it is known.
    pub contact_name: Option<String>,
    /// How their newest words begin: [`FACE_CHARS_MAX`] characters at most.
    pub last_words: Option<String>,
}

/// More does not fit a line of a list.
pub const FACE_CHARS_MAX: usize = 160;

/// Reading for the inbox.
#[async_trait]
pub trait InboxReads {
    /// Newest first, at most `limit`, after `cursor`; with the newest call of each.
    async fn conversations_by(
        &self,
        filter: &Filter,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError>;
    /// By what people know these again, in their order; empty for one that does not exist.
    async fn faces(&self, of: &[ConversationId]) -> Result<Vec<Face>, StoreError>;
    /// What became of a conversation, oldest first, at most `limit` from after `version`.
    async fn events(&self, id: ConversationId, after: i64, limit: u32) -> Result<Vec<Event>, StoreError>;
    /// Which conversation a recording belongs to.
    async fn recording_conversation(&self, id: RecordingId) -> Result<Option<ConversationId>, StoreError>;
    /// All inboxes of an agent.
    async fn inboxes(&self, agent: AgentId) -> Result<Vec<Inbox>, StoreError>;
    /// One customer.
    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError>;
    /// Customers who share an address with this one, proven or not: what a teammate may merge (R56). At most 20.
    async fn suggested_contacts(&self, id: ContactId) -> Result<Vec<Contact>, StoreError>;
    /// What an earlier request with this key was answered.
    async fn kept_answer(&self, scope: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError>;
    /// Rows of the outbox of one kind after a position, oldest first.
    async fn outgoing(&self, kind: &str, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError>;
    /// What the team keeps of one kind, by name; at most [`SAVED_MAX`].
    async fn saved(&self, kind: SavedKind) -> Result<Vec<Saved>, StoreError>;
    /// When the next job falls due, leased or not.
    async fn next_job_due(&self) -> Result<Option<EpochMs>, StoreError>;
}

/// Changing for the inbox; within the one transaction of a [`super::store::UnitOfWork`].
#[async_trait]
pub trait InboxChanges: Send {
    /// As `update_conversation`, with what happened and who did it, kept for good.
    async fn record(&mut self, conversation: &Conversation, act: &Act, by: &Actor) -> Result<(), StoreError>;
    /// Adds a conversation with what began it.
    async fn begin_conversation(
        &mut self,
        conversation: &Conversation,
        act: &Act,
        by: &Actor,
    ) -> Result<(), StoreError>;
    /// A conversation as it is within this change.
    async fn read_conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, StoreError>;
    /// The newest conversation of an inbox that the channel knows by this name.
    async fn find_thread(&mut self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError>;
    /// Replaces the tags by which a conversation is found; the conversation's own list is written with it.
    async fn index_tags(&mut self, conversation: &Conversation, tags: &[Tag]) -> Result<(), StoreError>;
    /// Moves messages of one conversation into another; all of them without a choice. Returns how many.
    async fn move_messages(
        &mut self,
        from: ConversationId,
        to: ConversationId,
        chosen: Option<&[MessageId]>,
    ) -> Result<u64, StoreError>;
    /// Adds or changes an inbox.
    async fn save_channel_inbox(&mut self, inbox: &Inbox) -> Result<(), StoreError>;
    /// Adds a customer or replaces name and addresses; `Conflict` when a proven address is another's.
    async fn save_contact(&mut self, contact: &Contact) -> Result<(), StoreError>;
    /// Whose proven address this is.
    async fn find_contact(&mut self, agent: AgentId, address: &Address) -> Result<Option<ContactId>, StoreError>;
    /// Gives all conversations of one customer to another and takes the first out.
    async fn merge_contacts(&mut self, from: ContactId, into: ContactId) -> Result<(), StoreError>;
    /// Keeps what a request was answered; `Conflict` when the key is known.
    async fn keep_answer(&mut self, scope: &str, key: &str, answer: &KeptAnswer) -> Result<(), StoreError>;
    /// Forgets answers older than this.
    async fn forget_answers(&mut self, before: EpochMs) -> Result<u64, StoreError>;
    /// Adds or replaces one of what the team keeps; `Conflict` when another one has its name.
    async fn save(&mut self, saved: &Saved) -> Result<(), StoreError>;
    /// Takes one out.
    async fn delete_saved(&mut self, kind: SavedKind, id: uuid::Uuid) -> Result<(), StoreError>;
    /// Promises work.
    async fn promise(&mut self, job: &Job) -> Result<(), StoreError>;
    /// Takes due jobs that nobody works on, oldest first, until `lease_until`.
    async fn claim_jobs(&mut self, now: EpochMs, lease_until: EpochMs, limit: u32) -> Result<Vec<Job>, StoreError>;
    /// The work is done; `NotFound` when somebody else did it, and then this change must not be committed.
    async fn finish_job(&mut self, id: uuid::Uuid) -> Result<(), StoreError>;
    /// Puts a job off; it may be claimed again from then on.
    async fn put_off_job(&mut self, id: uuid::Uuid, until: EpochMs) -> Result<(), StoreError>;
    /// Gives back every claim: for the one process that uses this database, at its start.
    async fn release_claims(&mut self) -> Result<u64, StoreError>;
}

/// Places of a text search that are looked at, newest first: bounds its cost whatever the word.
pub const FOUND_MAX: u32 = 2_000;
/// Views and macros of a team; more are not found again by anybody.
pub const SAVED_MAX: usize = 500;
/// Customers suggested for merging.
pub const SUGGESTED_MAX: usize = 20;
