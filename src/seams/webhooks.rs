//! Programs that are told what happens: where they are kept, and what posts to them.

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::ids::{ConversationId, WebhookId};
use crate::domain::time::EpochMs;
use crate::domain::webhook::{Webhook, WebhookPost};

/// Posts to programs of the business.
#[async_trait]
pub trait Poster: Send + Sync {
    /// Posts; gives the status and, where it was asked for, how many seconds to wait. An error in words where there was
    /// no answer, or where that address is not posted to.
    async fn post(&self, url: &str, headers: &[(&str, String)], body: &str) -> Result<Posted, String>;
}

/// What was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The status.
    pub status: u16,
    /// Seconds to wait.
    pub retry_after_s: Option<u64>,
}

/// Reading.
#[async_trait]
pub trait WebhookReads {
    /// All of them, in the order they were added.
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError>;
    /// Whether anything happened that is not laid out yet.
    async fn has_happenings(&self) -> Result<bool, StoreError>;
    /// When the next post falls due, leased or not.
    async fn next_webhook_post_due(&self) -> Result<Option<EpochMs>, StoreError>;
    /// What one of them was told, the newest first, before `before`.
    async fn webhook_posts(
        &self,
        webhook: WebhookId,
        before: Option<uuid::Uuid>,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError>;
    /// One of those.
    async fn webhook_post(&self, id: uuid::Uuid) -> Result<Option<WebhookPost>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`].
#[async_trait]
pub trait WebhookChanges: Send {
    /// Adds one (`version` 0) or writes one whose `version` is the one last read; stored with `version + 1`, or
    /// `Conflict`.
    async fn save_webhook(&mut self, webhook: &Webhook) -> Result<(), StoreError>;
    /// Takes one out, with all it was told.
    async fn delete_webhook(&mut self, id: WebhookId) -> Result<(), StoreError>;
    /// Takes what happened since there is any webhook and was not laid out yet, oldest first: conversations with the versions they came to.
    async fn take_happenings(&mut self, limit: u32) -> Result<Vec<(ConversationId, i64)>, StoreError>;
    /// Lays a post out.
    async fn add_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError>;
    /// Takes due posts that nobody works on, oldest first, until `lease_until`.
    async fn claim_webhook_posts(
        &mut self,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError>;
    /// Writes what became of one; it may be claimed again where it is queued.
    async fn settle_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError>;
    /// Forgets what was settled before this.
    async fn forget_webhook_posts(&mut self, before: EpochMs) -> Result<u64, StoreError>;
}
