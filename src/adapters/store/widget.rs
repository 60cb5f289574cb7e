//! Visitors' sessions and what they see.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::SqliteStore;
use super::attachments::fill;
use super::error::sort;
use super::read::every;
use super::rows::{self, to_json, word};
use super::write::SqliteUnit;
use crate::domain::casework::Delivery;
use crate::domain::conversation::{Author, Conversation, Message};
use crate::domain::ids::InboxId;
use crate::domain::time::EpochMs;
use crate::domain::widget::VisitorSession;
use crate::seams::store::StoreError;
use crate::seams::widget_store::{FeedLine, PROGRESSED_MAX, WidgetChanges, WidgetReads};

#[async_trait]
impl WidgetReads for SqliteStore {
    async fn visitor_session(&self, digest: &str) -> Result<Option<VisitorSession>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        let session = |row: &SqliteRow| rows::structure(row, "visitor_sessions", "session");
        Ok(every(&mut moment, SESSION, digest, session).await?.into_iter().next())
    }

    async fn feed(
        &self,
        inbox: InboxId,
        thread: &str,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let statement = sqlx::query(if after.is_some() { FEED } else { FEED_END })
            .bind(inbox.to_string())
            .bind(thread)
            .bind(after.unwrap_or(0))
            .bind(i64::from(limit));
        let found = statement.fetch_all(&mut *moment).await.map_err(sort)?;
        let (mut places, mut messages) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for row in &found {
            let external_id: Option<String> = row.try_get("external_id").map_err(sort)?;
            places.push((row.try_get::<i64, _>("position").map_err(sort)?, external_id));
            messages.push(rows::message(row)?);
        }
        fill(&mut moment, &mut messages).await?;
        let line = |((position, external_id), message)| FeedLine { position, message, external_id };
        let mut lines: Vec<FeedLine> = places.into_iter().zip(messages).map(line).collect();
        lines.sort_by_key(|line| line.position);
        Ok(lines)
    }

    async fn thread_now(&self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError> {
        let statement = sqlx::query(THREAD_NOW).bind(inbox.to_string()).bind(thread);
        statement.fetch_optional(&self.readers).await.map_err(sort)?.as_ref().map(rows::conversation).transpose()
    }
}

#[async_trait]
impl WidgetChanges for SqliteUnit {
    async fn save_visitor_session(&mut self, session: &VisitorSession) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO visitor_sessions (id, digest, account_id, expires_at, session) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET expires_at = $4, session = $5",
        )
        .bind(session.id.to_string())
        .bind(session.digest.clone())
        .bind(session.account.to_string())
        .bind(session.expires_at.0)
        .bind(to_json(session)?);
        self.run_one(statement).await
    }

    async fn forget_visitor_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.run(sqlx::query("DELETE FROM visitor_sessions WHERE expires_at < $1").bind(before.0)).await
    }

    async fn feed_came(
        &mut self,
        inbox: InboxId,
        thread: &str,
        up_to: i64,
        how_far: Delivery,
    ) -> Result<Vec<Message>, StoreError> {
        let statement = sqlx::query(if how_far == Delivery::Read { CAME_READ } else { CAME })
            .bind(inbox.to_string())
            .bind(thread.to_owned())
            .bind(up_to)
            .bind(word(how_far)?)
            .bind(i64::from(PROGRESSED_MAX));
        let found = statement.fetch_all(&mut *self.transaction).await.map_err(sort)?;
        let mut messages = found.iter().map(rows::message).collect::<Result<Vec<Message>, _>>()?;
        fill(&mut self.transaction, &mut messages).await?;
        messages.sort_by_key(|message| (message.at, message.id));
        Ok(messages)
    }
}

impl SqliteUnit {
    /// Gives a message that the visitor may see its place, once: in the thread of its conversation, and in those of the
    /// conversations that went into it.
    pub(super) async fn place_in_feed(&mut self, message: &Message) -> Result<(), StoreError> {
        if !matches!(message.author, Author::Customer | Author::Agent | Author::Teammate) {
            return Ok(());
        }
        let statement = sqlx::query(
            "INSERT INTO visitor_feed (inbox_id, thread, message_id)
             SELECT inbox_id, thread, $2 FROM conversations
             WHERE (id = $1 OR merged_into = $1) AND channel = 'widget' AND thread IS NOT NULL
             ON CONFLICT (message_id, inbox_id, thread) DO NOTHING",
        )
        .bind(message.conversation.to_string())
        .bind(message.id.to_string());
        self.run(statement).await.map(drop)
    }
}

const SESSION: &str = "SELECT session FROM visitor_sessions WHERE digest = $1";
const THREAD_NOW: &str = "SELECT * FROM conversations WHERE inbox_id = $1 AND thread = $2
     ORDER BY created_at DESC, id DESC LIMIT 1";
const FEED: &str = "SELECT f.position, e.external_id, m.* FROM visitor_feed f JOIN messages m ON m.id = f.message_id
     LEFT JOIN external_messages e ON e.message_id = m.id AND e.inbox_id = f.inbox_id
     WHERE f.inbox_id = $1 AND f.thread = $2 AND f.position > $3 ORDER BY f.position LIMIT $4";
const FEED_END: &str =
    "SELECT f.position, e.external_id, m.* FROM visitor_feed f JOIN messages m ON m.id = f.message_id
     LEFT JOIN external_messages e ON e.message_id = m.id AND e.inbox_id = f.inbox_id
     WHERE f.inbox_id = $1 AND f.thread = $2 AND f.position > $3 ORDER BY f.position DESC LIMIT $4";
const CAME: &str = "UPDATE messages SET delivery = $4 WHERE id IN (
         SELECT f.message_id FROM visitor_feed f JOIN messages m ON m.id = f.message_id
         WHERE f.inbox_id = $1 AND f.thread = $2 AND f.position <= $3 AND m.author IN ('agent', 'teammate')
               AND m.delivery IN ('queued', 'sent')
         ORDER BY f.position DESC LIMIT $5) RETURNING *";
const CAME_READ: &str = "UPDATE messages SET delivery = $4 WHERE id IN (
         SELECT f.message_id FROM visitor_feed f JOIN messages m ON m.id = f.message_id
         WHERE f.inbox_id = $1 AND f.thread = $2 AND f.position <= $3 AND m.author IN ('agent', 'teammate')
               AND m.delivery IN ('queued', 'sent', 'delivered')
         ORDER BY f.position DESC LIMIT $5) RETURNING *";
