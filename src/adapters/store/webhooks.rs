//! Programs that are told what happens, and what they are told.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::error::sort;
use super::read::every;
use super::rows::{self, to_json, word};
use super::write::SqliteUnit;
use crate::domain::ids::{ConversationId, WebhookId};
use crate::domain::time::EpochMs;
use crate::domain::webhook::{Webhook, WebhookPost};
use crate::seams::store::StoreError;
use crate::seams::webhooks::{WebhookChanges, WebhookReads};

#[async_trait]
impl WebhookReads for SqliteStore {
    async fn webhooks(&self) -> Result<Vec<Webhook>, StoreError> {
        let all = sqlx::query("SELECT endpoint FROM webhook_endpoints ORDER BY id").fetch_all(&self.readers).await;
        let webhook = |row: &SqliteRow| rows::structure(row, "webhook_endpoints", "endpoint");
        all.map_err(sort)?.iter().map(webhook).collect()
    }

    async fn has_happenings(&self) -> Result<bool, StoreError> {
        let one = sqlx::query("SELECT position FROM happenings LIMIT 1").fetch_optional(&self.readers).await;
        Ok(one.map_err(sort)?.is_some())
    }

    async fn next_webhook_post_due(&self) -> Result<Option<EpochMs>, StoreError> {
        let next = sqlx::query("SELECT due_at FROM webhook_posts WHERE state = 'queued' ORDER BY due_at, id LIMIT 1");
        let next = next.fetch_optional(&self.readers).await.map_err(sort)?;
        next.map(|row| row.try_get("due_at").map(EpochMs).map_err(sort)).transpose()
    }

    async fn webhook_posts(
        &self,
        webhook: WebhookId,
        before: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError> {
        let statement =
            sqlx::query("SELECT * FROM webhook_posts WHERE endpoint_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3")
                .bind(webhook.to_string())
                .bind(before.map_or_else(|| "~".into(), |before| before.to_string()))
                .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::webhook_post).collect()
    }

    async fn webhook_post(&self, id: Uuid) -> Result<Option<WebhookPost>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, POST, &id.to_string(), rows::webhook_post).await?.into_iter().next())
    }
}

#[async_trait]
impl WebhookChanges for SqliteUnit {
    async fn save_webhook(&mut self, webhook: &Webhook) -> Result<(), StoreError> {
        let saved = Webhook { version: webhook.version + 1, ..webhook.clone() };
        let statement = match webhook.version {
            0 => sqlx::query("INSERT INTO webhook_endpoints (id, version, endpoint) VALUES ($1, $2, $3)")
                .bind(webhook.id.to_string())
                .bind(saved.version)
                .bind(to_json(&saved)?),
            version => {
                sqlx::query("UPDATE webhook_endpoints SET version = $2, endpoint = $3 WHERE id = $1 AND version = $4")
                    .bind(webhook.id.to_string())
                    .bind(saved.version)
                    .bind(to_json(&saved)?)
                    .bind(version)
            }
        };
        match self.run(statement).await? {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    async fn delete_webhook(&mut self, id: WebhookId) -> Result<(), StoreError> {
        let id = id.to_string();
        self.run(sqlx::query("DELETE FROM webhook_posts WHERE endpoint_id = $1").bind(id.clone())).await?;
        self.run_one(sqlx::query("DELETE FROM webhook_endpoints WHERE id = $1").bind(id)).await
    }

    async fn take_happenings(&mut self, limit: u32) -> Result<Vec<(ConversationId, i64)>, StoreError> {
        let statement = sqlx::query(
            "DELETE FROM happenings WHERE position IN (SELECT position FROM happenings ORDER BY position LIMIT $1)
             RETURNING position, conversation_id, version",
        );
        let taken = statement.bind(i64::from(limit)).fetch_all(&mut *self.transaction).await.map_err(sort)?;
        let mut found = Vec::with_capacity(taken.len());
        for row in &taken {
            let position: i64 = row.try_get("position").map_err(sort)?;
            let version: i64 = row.try_get("version").map_err(sort)?;
            found.push((position, (rows::id(row, "happenings", "conversation_id")?, version)));
        }
        found.sort_by_key(|(position, _)| *position);
        Ok(found.into_iter().map(|(_, happened)| happened).collect())
    }

    async fn add_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO webhook_posts (id, endpoint_id, kind, body, state, posted_at, due_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(post.id.to_string())
        .bind(post.webhook.to_string())
        .bind(post.kind.clone())
        .bind(post.body.clone())
        .bind(word(post.state)?)
        .bind(post.posted_at.0)
        .bind(post.due_at.0);
        self.run_one(statement).await
    }

    async fn claim_webhook_posts(
        &mut self,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<WebhookPost>, StoreError> {
        let statement = sqlx::query(
            "UPDATE webhook_posts SET leased_until = $2, tries = tries + 1
             WHERE id IN (SELECT id FROM webhook_posts WHERE state = 'queued' AND due_at <= $1 AND leased_until <= $1
                          ORDER BY due_at, id LIMIT $3)
             RETURNING *",
        )
        .bind(now.0)
        .bind(lease_until.0)
        .bind(i64::from(limit));
        let claimed = statement.fetch_all(&mut *self.transaction).await.map_err(sort)?;
        let mut posts = claimed.iter().map(rows::webhook_post).collect::<Result<Vec<WebhookPost>, _>>()?;
        posts.sort_by_key(|post| (post.due_at, post.id));
        Ok(posts)
    }

    async fn settle_webhook_post(&mut self, post: &WebhookPost) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE webhook_posts SET state = $2, posted_at = $3, due_at = $4, tries = $5, last_status = $6,
                                      last_error = $7, settled_at = $8, leased_until = 0
             WHERE id = $1",
        )
        .bind(post.id.to_string())
        .bind(word(post.state)?)
        .bind(post.posted_at.0)
        .bind(post.due_at.0)
        .bind(i64::from(post.tries))
        .bind(post.last_status.map(i64::from))
        .bind(post.last_error.clone())
        .bind(post.settled_at.map(|at| at.0));
        self.run_one(statement).await
    }

    async fn forget_webhook_posts(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.run(sqlx::query("DELETE FROM webhook_posts WHERE settled_at < $1").bind(before.0)).await
    }
}

const POST: &str = "SELECT * FROM webhook_posts WHERE id = $1";
