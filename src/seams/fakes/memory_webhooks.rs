//! Programs that are told what happens, in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::memory_store::{MemoryStore, MemoryUnit};
use crate::domain::casework::Delivery;
use crate::domain::ids::{ConversationId, WebhookId};
use crate::domain::time::EpochMs;
use crate::domain::webhook::{Webhook, WebhookPost};
use crate::seams::store::StoreError;
use crate::seams::webhooks::{WebhookChanges, WebhookReads};

#[async_trait]
impl WebhookReads for MemoryStore {
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        Ok(self.rows().webhooks.values().cloned().collect())
    }

    async fn has_happenings(&self) -> Result<bool, StoreError> {
        Ok(!self.rows().happenings.is_empty())
    }

    async fn next_webhook_post_due(&self) -> Result<Option<EpochMs>, StoreError> {
        let rows = self.rows();
        let queued = rows.webhook_posts.values().filter(|(post, _)| post.state == Delivery::Queued);
        Ok(queued.map(|(post, _)| post.due_at).min())
    }

    async fn webhook_posts(
        &self,
        webhook: WebhookId,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError> {
        let rows = self.rows();
        let asked = |post: &&WebhookPost| post.webhook == webhook && before.is_none_or(|before| post.id < before);
        let posts = rows.webhook_posts.values().rev().map(|(post, _)| post).filter(asked);
        Ok(posts.take(limit as usize).cloned().collect())
    }

    async fn webhook_post(&self, id: Uuid) -> Result<Option<WebhookPost>, StoreError> {
        Ok(self.rows().webhook_posts.get(&id).map(|(post, _)| post.clone()))
    }
}

#[async_trait]
impl WebhookChanges for MemoryUnit {
    async fn save_webhook(&mut self, webhook: &Webhook) -> Result<(), StoreError> {
        self.needs(true)?;
        let known = self.draft.webhooks.get(&webhook.id).map_or(0, |known| known.version);
        self.needs_new(known != webhook.version)?;
        let saved = Webhook { version: webhook.version + 1, ..webhook.clone() };
        self.draft.webhooks.insert(webhook.id, saved);
        Ok(())
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Result<(), StoreError> {
        self.draft.webhook_posts.retain(|_, (post, _)| post.webhook != id);
        let removed = self.draft.webhooks.remove(&id).is_some();
        self.needs(removed)
    }

    async fn take_happenings(&mut self, limit: u32) -> Result<Vec<(ConversationId, i64)>, StoreError> {
        self.needs(true)?;
        let count = self.draft.happenings.len().min(limit as usize);
        Ok(self.draft.happenings.drain(..count).collect())
    }

    async fn add_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError> {
        self.needs(self.draft.webhooks.contains_key(&post.webhook))?;
        self.needs_new(self.draft.webhook_posts.contains_key(&post.id))?;
        self.draft.webhook_posts.insert(post.id, (post.clone(), EpochMs(0)));
        Ok(())
    }

    async fn claim_webhook_posts(
        &mut self,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError> {
        self.needs(true)?;
        let free = |(post, leased): &&mut (WebhookPost, EpochMs)| {
            post.state == Delivery::Queued && post.due_at <= now && *leased <= now
        };
        let mut due: Vec<_> = self.draft.webhook_posts.values_mut().filter(free).collect();
        due.sort_by_key(|(post, _)| (post.due_at, post.id));
        let claim = |claimed: &mut (WebhookPost, EpochMs)| {
            claimed.0.tries += 1;
            claimed.1 = lease_until;
            claimed.0.clone()
        };
        Ok(due.into_iter().take(limit as usize).map(claim).collect())
    }

    async fn settle_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError> {
        self.needs(self.draft.webhook_posts.contains_key(&post.id))?;
        self.draft.webhook_posts.insert(post.id, (post.clone(), EpochMs(0)));
        Ok(())
    }

    async fn forget_webhook_posts(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.needs(true)?;
        let count = self.draft.webhook_posts.len();
        self.draft.webhook_posts.retain(|_, (post, _)| post.settled_at.is_none_or(|at| at >= before));
        Ok((count - self.draft.webhook_posts.len()) as u64)
    }
}
