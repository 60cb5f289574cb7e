//! The part of the store that channels stand on: accounts, the vendors' names for messages, and what goes out.

use async_trait::async_trait;

use super::channel::{Earlier, Known};
use super::store::StoreError;
use crate::domain::casework::Delivery;
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Message};
use crate::domain::ids::{ChannelAccountId, ConversationId, InboxId, MessageId};
use crate::domain::time::EpochMs;

/// A message on its way out and how far it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dispatch {
    /// Which message.
    pub message: MessageId,
    /// The inbox it goes out by.
    pub inbox: InboxId,
    /// What it keeps its place in: of one lane, the next waits for the one before.
    pub lane: String,
    /// How far it came.
    pub state: Delivery,
    /// When it was given to us.
    pub posted_at: EpochMs,
    /// Not before that.
    pub due_at: EpochMs,
    /// How often it was begun.
    pub tries: u32,
    /// Parts that were taken.
    pub parts: u32,
    /// Whether a try of it may have been taken: one that ended so, or one that never ended.
    pub uncertain: bool,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was taken, or given up.
    pub settled_at: Option<EpochMs>,
}

impl Dispatch {
    /// One that was never tried.
    pub fn fresh(message: MessageId, inbox: InboxId, lane: String, now: EpochMs) -> Dispatch {
        Dispatch {
            message,
            inbox,
            lane,
            state: Delivery::Queued,
            posted_at: now,
            due_at: now,
            tries: 0,
            parts: 0,
            uncertain: false,
            last_error: None,
            settled_at: None,
        }
    }
}

/// A message with everything a channel needs to send it.
#[derive(Clone)]
pub struct Letter {
    /// The message.
    pub message: Message,
    /// The case.
    pub conversation: Conversation,
    /// The customer, where they are known.
    pub contact: Option<Contact>,
    /// The newest names of messages of the case, oldest first, at most [`super::channel::EARLIER_MAX`].
    pub earlier: Vec<Earlier>,
    /// Names of its own, where parts of it were taken.
    pub own: Vec<String>,
}

/// Reading.
#[async_trait]
pub trait ChannelReads {
    /// All accounts with how they fare, in the order they were added.
    async fn channel_accounts(&self) -> Result<Vec<(ChannelAccount, Health)>, StoreError>;
    /// One of them.
    async fn channel_account(&self, id: ChannelAccountId) -> Result<Option<(ChannelAccount, Health)>, StoreError>;
    /// What a channel keeps under a name.
    async fn channel_mark(&self, account: ChannelAccountId, name: &str) -> Result<Option<String>, StoreError>;
    /// How far this reader of the outbox came; `None` when it never read.
    async fn outbox_mark(&self, reader: &str) -> Result<Option<i64>, StoreError>;
    /// The message that is known in an inbox by the vendor's name for it.
    async fn external_message(&self, inbox: InboxId, external_id: &str) -> Result<Option<Known>, StoreError>;
    /// A message with what is needed to send it.
    async fn letter(&self, message: MessageId) -> Result<Option<Letter>, StoreError>;
    /// When the next message of an inbox falls due, leased or not.
    async fn next_delivery_due(&self, inbox: InboxId) -> Result<Option<EpochMs>, StoreError>;
    /// One message's way out with its conversation.
    async fn dispatch(&self, message: MessageId) -> Result<Option<(Dispatch, ConversationId)>, StoreError>;
    /// Messages in a state, the newest first, after `before`, with their conversations.
    async fn dispatches(
        &self,
        state: Delivery,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(Dispatch, ConversationId)>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`].
#[async_trait]
pub trait ChannelChanges: Send {
    /// Adds an account (`version` 0) or writes one whose `version` is the one last read; stored with `version + 1`, or
    /// `Conflict`.
    async fn save_channel_account(&mut self, account: &ChannelAccount) -> Result<(), StoreError>;
    /// Takes one out, with what it keeps. Its inbox and conversations stay; what waits to go out by it has failed.
    async fn delete_channel_account(&mut self, id: ChannelAccountId, now: EpochMs) -> Result<(), StoreError>;
    /// Notes how an account fares.
    async fn save_channel_health(&mut self, id: ChannelAccountId, health: &Health) -> Result<(), StoreError>;
    /// Keeps something under a name.
    async fn save_channel_mark(&mut self, id: ChannelAccountId, name: &str, value: &str) -> Result<(), StoreError>;
    /// Keeps how far a reader of the outbox came.
    async fn save_outbox_mark(&mut self, reader: &str, position: i64) -> Result<(), StoreError>;
    /// Names a message as the vendor does; `Conflict` when another one has the name.
    async fn name_message(&mut self, inbox: InboxId, external_id: &str, message: MessageId) -> Result<(), StoreError>;
    /// A message as it is within this change.
    async fn read_message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError>;
    /// Gives a message to its channel, once.
    async fn post(&mut self, dispatch: &Dispatch) -> Result<(), StoreError>;
    /// Takes due messages of an inbox that nobody works on and that no earlier one of their lane precedes, until
    /// `lease_until`; what was taken before and never settled comes as uncertain.
    async fn claim_deliveries(
        &mut self,
        inbox: InboxId,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<Dispatch>, StoreError>;
    /// Writes what became of a try, in the message as well. It may be claimed again where it is queued.
    async fn settle(&mut self, dispatch: &Dispatch) -> Result<(), StoreError>;
}
