//! Accounts of channels, the vendors' names for messages, and what goes out.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::SqliteStore;
use super::attachments::fill;
use super::error::sort;
use super::inbox_read::one_contact;
use super::read::every;
use super::rows::{self, to_json, word};
use super::write::SqliteUnit;
use crate::domain::casework::Delivery;
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::domain::conversation::Message;
use crate::domain::ids::{ChannelAccountId, ConversationId, InboxId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::channel::{EARLIER_MAX, Earlier, Known};
use crate::seams::channel_store::{ChannelChanges, ChannelReads, Dispatch, Letter};
use crate::seams::store::StoreError;

#[async_trait]
impl ChannelReads for SqliteStore {
    async fn channel_accounts(&self) -> Result<Vec<(ChannelAccount, Health)>, StoreError> {
        let all = sqlx::query(ACCOUNTS).fetch_all(&self.readers).await;
        all.map_err(sort)?.iter().map(account).collect()
    }

    async fn channel_account(&self, id: ChannelAccountId) -> Result<Option<(ChannelAccount, Health)>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, ACCOUNT, &id.to_string(), account).await?.into_iter().next())
    }

    async fn channel_mark(&self, account: ChannelAccountId, name: &str) -> Result<Option<String>, StoreError> {
        let statement = sqlx::query("SELECT value FROM channel_marks WHERE account_id = $1 AND name = $2")
            .bind(account.to_string())
            .bind(name);
        let row = statement.fetch_optional(&self.readers).await.map_err(sort)?;
        row.map(|row| row.try_get("value").map_err(sort)).transpose()
    }

    async fn outbox_mark(&self, reader: &str) -> Result<Option<i64>, StoreError> {
        let statement = sqlx::query("SELECT position FROM outbox_marks WHERE reader = $1").bind(reader);
        let row = statement.fetch_optional(&self.readers).await.map_err(sort)?;
        row.map(|row| row.try_get("position").map_err(sort)).transpose()
    }

    async fn external_message(&self, inbox: InboxId, external_id: &str) -> Result<Option<Known>, StoreError> {
        let statement = sqlx::query(
            "SELECT m.id AS message_id, c.id AS conversation_id, c.thread FROM external_messages x
             JOIN messages m ON m.id = x.message_id JOIN conversations c ON c.id = m.conversation_id
             WHERE x.inbox_id = $1 AND x.external_id = $2",
        )
        .bind(inbox.to_string())
        .bind(external_id);
        let row = statement.fetch_optional(&self.readers).await.map_err(sort)?;
        let known = |row: SqliteRow| {
            Ok(Known {
                message: rows::id(&row, "messages", "message_id")?,
                conversation: rows::id(&row, "conversations", "conversation_id")?,
                thread: row.try_get("thread").map_err(sort)?,
            })
        };
        row.map(known).transpose()
    }

    async fn letter(&self, message: MessageId) -> Result<Option<Letter>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let id = message.to_string();
        let mut found = every(&mut moment, MESSAGE, &id, rows::message).await?;
        fill(&mut moment, &mut found).await?;
        let Some(message) = found.into_iter().next() else { return Ok(None) };
        let case = message.conversation.to_string();
        let conversation = every(&mut moment, CONVERSATION, &case, rows::conversation).await?.into_iter().next();
        let conversation = conversation.ok_or(StoreError::NotFound)?;
        let contact = match conversation.casework.contact {
            Some(contact) => one_contact(&mut moment, &contact.to_string()).await?,
            None => None,
        };
        let earlier = earlier(&mut moment, &message).await?;
        let own = |row: &SqliteRow| row.try_get("external_id").map_err(sort);
        let own = every(&mut moment, OWN_NAMES, &id, own).await?;
        Ok(Some(Letter { message, conversation, contact, earlier, own }))
    }

    async fn next_delivery_due(&self, inbox: InboxId) -> Result<Option<EpochMs>, StoreError> {
        let statement = sqlx::query(
            "SELECT due_at FROM deliveries WHERE inbox_id = $1 AND state = 'queued' ORDER BY due_at, position LIMIT 1",
        );
        let row = statement.bind(inbox.to_string()).fetch_optional(&self.readers).await.map_err(sort)?;
        row.map(|row| row.try_get("due_at").map(EpochMs).map_err(sort)).transpose()
    }

    async fn dispatch(&self, message: MessageId) -> Result<Option<(Dispatch, ConversationId)>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, DISPATCH, &message.to_string(), with_conversation).await?.into_iter().next())
    }

    async fn dispatches(
        &self,
        state: Delivery,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(Dispatch, ConversationId)>, StoreError> {
        let statement = sqlx::query(
            "SELECT d.*, m.conversation_id FROM deliveries d JOIN messages m ON m.id = d.message_id
             WHERE d.state = $1 AND d.message_id < $2 ORDER BY d.message_id DESC LIMIT $3",
        )
        .bind(word(state)?)
        .bind(before.map_or_else(|| "~".into(), |before| before.to_string()))
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(with_conversation).collect()
    }
}

#[async_trait]
impl ChannelChanges for SqliteUnit {
    async fn save_channel_account(&mut self, account: &ChannelAccount) -> Result<(), StoreError> {
        let saved = ChannelAccount { version: account.version + 1, ..account.clone() };
        let statement = match account.version {
            0 => sqlx::query(
                "INSERT INTO channel_accounts (id, agent_id, inbox_id, version, account) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(account.id.to_string())
            .bind(account.agent.to_string())
            .bind(account.inbox.to_string())
            .bind(saved.version)
            .bind(to_json(&saved)?),
            version => {
                sqlx::query("UPDATE channel_accounts SET version = $3, account = $4 WHERE id = $1 AND version = $2")
                    .bind(account.id.to_string())
                    .bind(version)
                    .bind(saved.version)
                    .bind(to_json(&saved)?)
            }
        };
        if self.run(statement).await? == 1 {
            return Ok(());
        }
        let exists = sqlx::query("SELECT id FROM channel_accounts WHERE id = $1").bind(account.id.to_string());
        let exists = exists.fetch_optional(&mut *self.transaction).await.map_err(sort)?;
        Err(if exists.is_some() { StoreError::Conflict } else { StoreError::NotFound })
    }

    async fn delete_channel_account(&mut self, id: ChannelAccountId, now: EpochMs) -> Result<(), StoreError> {
        let id = id.to_string();
        let waiting = sqlx::query(
            "SELECT * FROM deliveries WHERE state = 'queued'
             AND inbox_id = (SELECT inbox_id FROM channel_accounts WHERE id = $1)",
        );
        let waiting = waiting.bind(id.clone()).fetch_all(&mut *self.transaction).await.map_err(sort)?;
        for row in &waiting {
            let failed = Dispatch {
                state: Delivery::Failed,
                last_error: Some(ACCOUNT_IS_GONE.into()),
                settled_at: Some(now),
                ..rows::dispatch(row)?
            };
            self.settle(&failed).await?;
        }
        for other in
            ["DELETE FROM channel_health WHERE account_id = $1", "DELETE FROM channel_marks WHERE account_id = $1"]
        {
            self.run(sqlx::query(other).bind(id.clone())).await?;
        }
        self.run_one(sqlx::query("DELETE FROM channel_accounts WHERE id = $1").bind(id)).await
    }

    async fn save_channel_health(&mut self, id: ChannelAccountId, health: &Health) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO channel_health (account_id, health) VALUES ($1, $2)
             ON CONFLICT (account_id) DO UPDATE SET health = $2",
        );
        self.run_one(statement.bind(id.to_string()).bind(to_json(health)?)).await
    }

    async fn save_channel_mark(&mut self, id: ChannelAccountId, name: &str, value: &str) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO channel_marks (account_id, name, value) VALUES ($1, $2, $3)
             ON CONFLICT (account_id, name) DO UPDATE SET value = $3",
        );
        self.run_one(statement.bind(id.to_string()).bind(name.to_owned()).bind(value.to_owned())).await
    }

    async fn save_outbox_mark(&mut self, reader: &str, position: i64) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO outbox_marks (reader, position) VALUES ($1, $2)
             ON CONFLICT (reader) DO UPDATE SET position = $2",
        );
        self.run_one(statement.bind(reader.to_owned()).bind(position)).await
    }

    async fn name_message(&mut self, inbox: InboxId, external_id: &str, message: MessageId) -> Result<(), StoreError> {
        let statement =
            sqlx::query("INSERT INTO external_messages (inbox_id, external_id, message_id) VALUES ($1, $2, $3)")
                .bind(inbox.to_string())
                .bind(external_id.to_owned())
                .bind(message.to_string());
        self.run_one(statement).await
    }

    async fn read_message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(every(&mut self.transaction, MESSAGE, &id.to_string(), rows::message).await?.into_iter().next())
    }

    async fn post(&mut self, dispatch: &Dispatch) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO deliveries (message_id, inbox_id, lane, state, posted_at, due_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(dispatch.message.to_string())
        .bind(dispatch.inbox.to_string())
        .bind(dispatch.lane.clone())
        .bind(word(dispatch.state)?)
        .bind(dispatch.posted_at.0)
        .bind(dispatch.due_at.0);
        self.run_one(statement).await
    }

    async fn claim_deliveries(
        &mut self,
        inbox: InboxId,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<Dispatch>, StoreError> {
        let statement = sqlx::query(
            "UPDATE deliveries SET leased_until = $3, tries = tries + 1, uncertain = (uncertain OR in_flight),
                                   in_flight = TRUE
             WHERE position IN (
                 SELECT d.position FROM deliveries d
                 WHERE d.inbox_id = $1 AND d.state = 'queued' AND d.due_at <= $2 AND d.leased_until <= $2
                   AND NOT EXISTS (
                       SELECT 1 FROM deliveries e
                       WHERE e.lane = d.lane AND e.state = 'queued' AND e.position < d.position
                   )
                 ORDER BY d.due_at, d.position LIMIT $4
             ) RETURNING *",
        )
        .bind(inbox.to_string())
        .bind(now.0)
        .bind(lease_until.0)
        .bind(i64::from(limit));
        let rows = statement.fetch_all(&mut *self.transaction).await.map_err(sort)?;
        let mut claimed = rows.iter().map(rows::dispatch).collect::<Result<Vec<Dispatch>, _>>()?;
        claimed.sort_by_key(|dispatch| (dispatch.due_at, dispatch.message));
        Ok(claimed)
    }

    async fn settle(&mut self, dispatch: &Dispatch) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE deliveries SET state = $2, due_at = $3, tries = $4, parts = $5, uncertain = $6, last_error = $7,
                                   settled_at = $8, posted_at = $9, leased_until = 0, in_flight = FALSE
             WHERE message_id = $1",
        )
        .bind(dispatch.message.to_string())
        .bind(word(dispatch.state)?)
        .bind(dispatch.due_at.0)
        .bind(i64::from(dispatch.tries))
        .bind(i64::from(dispatch.parts))
        .bind(dispatch.uncertain)
        .bind(dispatch.last_error.clone())
        .bind(dispatch.settled_at.map(|at| at.0))
        .bind(dispatch.posted_at.0);
        self.run_one(statement).await?;
        let message = sqlx::query("UPDATE messages SET delivery = $2 WHERE id = $1");
        self.run_one(message.bind(dispatch.message.to_string()).bind(word(dispatch.state)?)).await
    }
}

/// Names of the messages of a case before this one, the newest of them, oldest first.
async fn earlier(moment: &mut SqliteConnection, message: &Message) -> Result<Vec<Earlier>, StoreError> {
    let statement = sqlx::query(
        "SELECT x.external_id, m.author FROM messages m JOIN external_messages x ON x.message_id = m.id
         WHERE m.conversation_id = $1 AND m.id <> $2
         ORDER BY m.at DESC, m.id DESC, x.external_id DESC LIMIT $3",
    )
    .bind(message.conversation.to_string())
    .bind(message.id.to_string())
    .bind(EARLIER_MAX as i64);
    let rows = statement.fetch_all(moment).await.map_err(sort)?;
    let one = |row: &SqliteRow| {
        let author: &str = row.try_get("author").map_err(sort)?;
        Ok(Earlier { external_id: row.try_get("external_id").map_err(sort)?, ours: author != "customer" })
    };
    rows.iter().rev().map(one).collect()
}

fn account(row: &SqliteRow) -> Result<(ChannelAccount, Health), StoreError> {
    let health = match row.try_get::<Option<&str>, _>("health").map_err(sort)? {
        Some(_) => rows::structure(row, "channel_health", "health")?,
        None => Health::default(),
    };
    Ok((rows::structure(row, "channel_accounts", "account")?, health))
}

fn with_conversation(row: &SqliteRow) -> Result<(Dispatch, ConversationId), StoreError> {
    Ok((rows::dispatch(row)?, rows::id(row, "messages", "conversation_id")?))
}

/// What is said of messages that waited for an account that was taken out.
const ACCOUNT_IS_GONE: &str = "its channel was taken out before it was sent";
const ACCOUNTS: &str = "
    SELECT a.account, h.health FROM channel_accounts a LEFT JOIN channel_health h ON h.account_id = a.id ORDER BY a.id";
const ACCOUNT: &str = "
    SELECT a.account, h.health FROM channel_accounts a LEFT JOIN channel_health h ON h.account_id = a.id
    WHERE a.id = $1";
const MESSAGE: &str = "SELECT * FROM messages WHERE id = $1";
const OWN_NAMES: &str = "SELECT external_id FROM external_messages WHERE message_id = $1 ORDER BY external_id";
const CONVERSATION: &str = "SELECT * FROM conversations WHERE id = $1";
const DISPATCH: &str = "
    SELECT d.*, m.conversation_id FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.message_id = $1";
