//! The part of the store that visitors of the business's own pages stand on: their sessions, and what they see.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::casework::Delivery;
use crate::domain::conversation::{Conversation, Message};
use crate::domain::ids::InboxId;
use crate::domain::time::EpochMs;
use crate::domain::widget::VisitorSession;

/// A message at its place in what a visitor sees. Places grow in the order in which messages could first be seen, so that
/// whoever has seen all up to one misses nothing that comes later.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedLine {
    /// Its place.
    pub position: i64,
    /// The message.
    pub message: Message,
    /// The visitor's own name for it.
    pub external_id: Option<String>,
}

/// Reading.
#[async_trait]
pub trait WidgetReads {
    /// By its digest.
    async fn visitor_session(&self, digest: &str) -> Result<Option<VisitorSession>, StoreError>;
    /// What a thread shows after a place, oldest first; without one the newest, oldest of them first.
    async fn feed(
        &self,
        inbox: InboxId,
        thread: &str,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError>;
    /// The newest conversation of a thread.
    async fn thread_now(&self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`]. Messages of a widget's conversations find
/// their place in what visitors see by themselves, once they are the customer's, the agent's or a teammate's.
#[async_trait]
pub trait WidgetChanges: Send {
    /// Adds a session or writes it anew.
    async fn save_visitor_session(&mut self, session: &VisitorSession) -> Result<(), StoreError>;
    /// Takes out what ended by itself.
    async fn forget_visitor_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError>;
    /// Our messages of a thread up to a place have come so far, delivered or read; gives those that had not, at most
    /// [`PROGRESSED_MAX`], the newest.
    async fn feed_came(
        &mut self,
        inbox: InboxId,
        thread: &str,
        up_to: i64,
        how_far: Delivery,
    ) -> Result<Vec<Message>, StoreError>;
}

/// Whoever has not looked for longer has seen the newest.
pub const PROGRESSED_MAX: u32 = 100;
