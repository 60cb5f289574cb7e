//! Files of messages.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::SqliteStore;
use super::error::sort;
use super::read::every;
use super::rows;
use super::write::SqliteUnit;
use crate::domain::attachment::Attachment;
use crate::domain::conversation::Message;
use crate::domain::ids::{AttachmentId, ConversationId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::attachment_store::{AttachmentChanges, AttachmentReads};
use crate::seams::store::StoreError;

#[async_trait]
impl AttachmentReads for SqliteStore {
    async fn attachment(&self, id: AttachmentId) -> Result<Option<(Attachment, Option<ConversationId>)>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        let with_case = |row: &SqliteRow| {
            let case: Option<&str> = row.try_get("conversation_id").map_err(sort)?;
            Ok((rows::attachment(row)?, case.and_then(|id| id.parse().ok())))
        };
        Ok(every(&mut moment, ATTACHMENT, &id.to_string(), with_case).await?.into_iter().next())
    }

    async fn unclaimed_attachments(&self, before: EpochMs, limit: u32) -> Result<Vec<Attachment>, StoreError> {
        let statement = sqlx::query(
            "SELECT * FROM attachments WHERE message_id IS NULL AND created_at < $1 ORDER BY created_at, id LIMIT $2",
        )
        .bind(before.0)
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::attachment).collect()
    }
}

#[async_trait]
impl AttachmentChanges for SqliteUnit {
    async fn save_attachment(&mut self, attachment: &Attachment) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO attachments (id, owner, name, media_type, size_bytes, blob_key, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(attachment.id.to_string())
        .bind(attachment.owner.clone())
        .bind(attachment.name.clone())
        .bind(attachment.media_type.clone())
        .bind(i64::try_from(attachment.size_bytes).unwrap_or(i64::MAX))
        .bind(attachment.blob.clone())
        .bind(attachment.created_at.0);
        self.run_one(statement).await
    }

    async fn delete_unclaimed_attachment(&mut self, id: AttachmentId) -> Result<(), StoreError> {
        self.run_one(sqlx::query("DELETE FROM attachments WHERE id = $1 AND message_id IS NULL").bind(id.to_string()))
            .await
    }
}

impl SqliteUnit {
    /// A message takes its files; each belongs to one message alone.
    pub(super) async fn claim_attachments(&mut self, message: &Message) -> Result<(), StoreError> {
        for attachment in &message.post.attachments {
            let statement = sqlx::query("UPDATE attachments SET message_id = $2 WHERE id = $1 AND message_id IS NULL")
                .bind(attachment.id.to_string())
                .bind(message.id.to_string());
            self.run_one(statement).await?;
        }
        Ok(())
    }
}

/// Gives the messages of a conversation their files.
pub(super) async fn with_attachments(
    moment: &mut SqliteConnection,
    conversation: &str,
    mut messages: Vec<Message>,
) -> Result<Vec<Message>, StoreError> {
    let of = |row: &SqliteRow| Ok((rows::id::<MessageId>(row, "attachments", "message_id")?, rows::attachment(row)?));
    for (message, attachment) in every(moment, ATTACHMENTS_OF, conversation, of).await? {
        if let Some(message) = messages.iter_mut().find(|one| one.id == message) {
            message.post.attachments.push(attachment);
        }
    }
    Ok(messages)
}

const ATTACHMENT: &str = "SELECT a.*, m.conversation_id FROM attachments a LEFT JOIN messages m ON m.id = a.message_id
     WHERE a.id = $1";
const ATTACHMENTS_OF: &str = "SELECT a.* FROM messages m JOIN attachments a ON a.message_id = m.id
     WHERE m.conversation_id = $1 ORDER BY a.id";
