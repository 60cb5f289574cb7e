//! Reading: each answer shows one moment of the database.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use super::attachments::with_attachments;
use super::error::sort;
use super::write::SqliteUnit;
use super::{SqliteStore, rows};
use crate::domain::agent::Agent;
use crate::domain::call::{Call, Recording};
use crate::domain::conversation::Conversation;
use crate::domain::ids::{AgentId, ConversationId, InboxId, RecordingId, TicketId};
use crate::domain::knowledge::Entry;
use crate::domain::ticket::Ticket;
use crate::domain::time::EpochMs;
use crate::domain::trunk_use::TrunkUse;
use crate::seams::inbox_store::{Filter, InboxReads};
use crate::seams::store::{ConversationView, Cursor, Seed, Store, StoreError, UnitOfWork};

#[async_trait]
impl Store for SqliteStore {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        // The lock is taken at once: a change that began by reading could otherwise fail when it first writes.
        let transaction = self.writer.begin_with("BEGIN IMMEDIATE").await.map_err(sort)?;
        Ok(Box::new(SqliteUnit { transaction }))
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationView>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let id = id.to_string();
        let row = sqlx::query("SELECT * FROM conversations WHERE id = $1")
            .bind(&id)
            .fetch_optional(&mut *moment)
            .await
            .map_err(sort)?;
        let Some(row) = row else { return Ok(None) };
        let call = every(&mut moment, CALL_OF, &id, rows::call).await?.into_iter().next();
        let messages = every(&mut moment, MESSAGES_OF, &id, rows::message).await?;
        let view = ConversationView {
            conversation: rows::conversation(&row)?,
            messages: with_attachments(&mut moment, &id, messages).await?,
            call,
            attempts: every(&mut moment, ATTEMPTS_OF, &id, rows::attempt).await?,
            recordings: every(&mut moment, RECORDINGS_OF, &id, rows::recording).await?,
            tickets: every(&mut moment, TICKETS_OF, &id, rows::ticket).await?,
        };
        Ok(Some(view))
    }

    async fn conversations(
        &self,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError> {
        self.conversations_by(&Filter::default(), cursor, limit).await
    }

    async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, AGENT, &id.to_string(), agent).await?.into_iter().next())
    }

    async fn agents(&self) -> Result<Vec<(Agent, Vec<InboxId>)>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let newest = sqlx::query(AGENTS).fetch_all(&mut *moment).await.map_err(sort)?;
        let mut agents = Vec::with_capacity(newest.len());
        for row in &newest {
            let agent = agent(row)?;
            let inbox = |row: &SqliteRow| rows::id(row, "inboxes", "id");
            let inboxes = every(&mut moment, INBOXES_OF, &agent.id.to_string(), inbox).await?;
            agents.push((agent, inboxes));
        }
        Ok(agents)
    }

    async fn knowledge(&self, agent: AgentId) -> Result<Vec<Entry>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        let entry = |row: &SqliteRow| rows::structure(row, "knowledge", "entry");
        every(&mut moment, KNOWLEDGE_OF, &agent.to_string(), entry).await
    }

    async fn seed(&self, agent: AgentId) -> Result<Option<Seed>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        let seed = |row: &SqliteRow| rows::structure(row, "agent_seeds", "digests");
        Ok(every(&mut moment, SEED_OF, &agent.to_string(), seed).await?.into_iter().next())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, TICKET, &id.to_string(), rows::ticket).await?.into_iter().next())
    }

    async fn open_ticket_of(&self, agent: AgentId, number: &str) -> Result<Option<Ticket>, StoreError> {
        let found = sqlx::query(OPEN_TICKET_OF)
            .bind(number)
            .bind(agent.to_string())
            .fetch_optional(&self.readers)
            .await
            .map_err(sort)?;
        found.as_ref().map(rows::ticket).transpose()
    }

    async fn missed_by(
        &self,
        agent: AgentId,
        telephones: &[String],
        since: EpochMs,
    ) -> Result<Option<Ticket>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let mut newest: Option<(i64, Ticket)> = None;
        // A person has a few telephones, so each is asked about by itself.
        for telephone in telephones {
            let found = sqlx::query(MISSED_BY)
                .bind(agent.to_string())
                .bind(since.0)
                .bind(telephone)
                .fetch_optional(&mut *moment)
                .await
                .map_err(sort)?;
            let Some(row) = found else { continue };
            let rung_at: i64 = row.try_get("rung_at").map_err(sort)?;
            if newest.as_ref().is_none_or(|(newest, _)| *newest < rung_at) {
                newest = Some((rung_at, rows::ticket(&row)?));
            }
        }
        Ok(newest.map(|(_, ticket)| ticket))
    }

    async fn trunk_use(&self, day: i64) -> Result<Vec<TrunkUse>, StoreError> {
        let rows = sqlx::query(TRUNK_USE).bind(day).fetch_all(&self.readers).await.map_err(sort)?;
        let used = |row: &SqliteRow| {
            let (trunk, used_ms) = (row.try_get("trunk").map_err(sort)?, row.try_get("used_ms").map_err(sort)?);
            Ok(TrunkUse { trunk, day, used_ms })
        };
        rows.iter().map(used).collect()
    }

    async fn recording(&self, id: RecordingId) -> Result<Option<Recording>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, RECORDING, &id.to_string(), rows::recording).await?.into_iter().next())
    }

    async fn unfinished_calls(&self) -> Result<Vec<Call>, StoreError> {
        sqlx::query(UNFINISHED).fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::call).collect()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO pulse (id, beats) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET beats = pulse.beats + 1",
        )
        .execute(&self.writer)
        .await
        .map(drop)
        .map_err(sort)
    }
}

pub(super) const CALL: &str = "SELECT * FROM calls WHERE id = $1";
const CALL_OF: &str = "SELECT * FROM calls WHERE conversation_id = $1 ORDER BY started_at DESC, id DESC LIMIT 1";
const MESSAGES_OF: &str = "SELECT * FROM messages WHERE conversation_id = $1 ORDER BY at, id";
const ATTEMPTS_OF: &str = "
    SELECT a.* FROM attempts a JOIN calls k ON k.id = a.call_id
    WHERE k.conversation_id = $1 ORDER BY a.started_at, a.id";
const RECORDINGS_OF: &str = "
    SELECT r.* FROM recordings r JOIN calls k ON k.id = r.call_id
    WHERE k.conversation_id = $1 ORDER BY r.started_at, r.id";
const TICKETS_OF: &str = "SELECT * FROM tickets WHERE conversation_id = $1 ORDER BY created_at, id";
const AGENT: &str = "
    SELECT r.settings FROM agents a JOIN agent_revisions r ON r.agent_id = a.id AND r.revision = a.revision
    WHERE a.id = $1";
const AGENTS: &str = "
    SELECT r.settings FROM agents a JOIN agent_revisions r ON r.agent_id = a.id AND r.revision = a.revision
    ORDER BY a.id";
const INBOXES_OF: &str = "SELECT id FROM inboxes WHERE agent_id = $1 ORDER BY id";
const KNOWLEDGE_OF: &str = "SELECT entry FROM knowledge WHERE agent_id = $1 ORDER BY origin, position";
const SEED_OF: &str = "SELECT digests FROM agent_seeds WHERE agent_id = $1";
const TICKET: &str = "SELECT * FROM tickets WHERE id = $1";
const OPEN_TICKET_OF: &str = "
    SELECT t.* FROM calls k JOIN tickets t ON t.conversation_id = k.conversation_id
    WHERE k.from_address = $1 AND t.agent_id = $2 AND t.status <> 'done'
    ORDER BY t.created_at DESC, t.id DESC LIMIT 1";
const MISSED_BY: &str = "
    SELECT t.*, a.started_at AS rung_at FROM tickets t
    JOIN calls k ON k.conversation_id = t.conversation_id
    JOIN attempts a ON a.call_id = k.id
    WHERE t.agent_id = $1 AND t.status = 'pending' AND k.ended_at IS NOT NULL AND a.started_at >= $2
      AND a.destination = $3
      AND a.outcome IN ('no_answer', 'no_key', 'busy', 'rejected', 'voicemail_detected', 'screened', 'caller_hung_up',
                        'lost')
    ORDER BY a.started_at DESC, t.created_at DESC, t.id DESC LIMIT 1";
const TRUNK_USE: &str = "SELECT trunk, used_ms FROM trunk_use WHERE day = $1 ORDER BY trunk";
const RECORDING: &str = "SELECT * FROM recordings WHERE id = $1";
const UNFINISHED: &str = "SELECT * FROM calls WHERE ended_at IS NULL ORDER BY started_at, id";

fn agent(row: &SqliteRow) -> Result<Agent, StoreError> {
    rows::structure(row, "agent_revisions", "settings")
}

/// All rows of a statement that asks for one id.
pub(super) async fn every<T>(
    moment: &mut SqliteConnection,
    statement: &'static str,
    id: &str,
    read: impl Fn(&SqliteRow) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    sqlx::query(statement).bind(id).fetch_all(moment).await.map_err(sort)?.iter().map(read).collect()
}
