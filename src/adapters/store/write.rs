//! Changing: one transaction that holds the only writing connection until it ends.

use async_trait::async_trait;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, Transaction};

use super::error::sort;
use super::rows::{to_json, word};
use crate::domain::agent::Agent;
use crate::domain::call::{Attempt, Call, Recording};
use crate::domain::conversation::{Conversation, Message};
use crate::domain::ids::{AgentId, InboxId, MessageId, RecordingId};
use crate::domain::knowledge::Entry;
use crate::domain::ticket::Ticket;
use crate::domain::transition::{Act, Actor};
use crate::domain::trunk_use::TrunkUse;
use crate::seams::store::{Seed, StoreError, UnitOfWork};

/// How long a trunk's day is of interest to anybody who looks at the file.
const TRUNK_DAYS_KEPT: i64 = 31;

/// A transaction; dropped, it is rolled back.
pub(super) struct SqliteUnit {
    pub(super) transaction: Transaction<'static, Sqlite>,
}

type Statement<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

impl SqliteUnit {
    /// How many rows it touched.
    pub(super) async fn run(&mut self, statement: Statement<'_>) -> Result<u64, StoreError> {
        Ok(statement.execute(&mut *self.transaction).await.map_err(sort)?.rows_affected())
    }

    /// Rows below one that does not exist are not written: no row touched means that.
    pub(super) async fn run_one(&mut self, statement: Statement<'_>) -> Result<(), StoreError> {
        match self.run(statement).await? {
            0 => Err(StoreError::NotFound),
            _ => Ok(()),
        }
    }

    /// What became of the conversation, kept for good.
    async fn append_event(
        &mut self,
        conversation: &Conversation,
        version: i64,
        what: Option<(&Act, &Actor)>,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO events (conversation_id, version, agent_id, at, status, handler, reason, actor, act)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(conversation.id.to_string())
        .bind(version)
        .bind(conversation.agent.to_string())
        .bind(conversation.updated_at.0)
        .bind(word(conversation.status)?)
        .bind(word(conversation.handler)?)
        .bind(conversation.reason.clone())
        .bind(what.map(|(_, actor)| actor.as_text().to_owned()))
        .bind(what.map(|(act, _)| to_json(act)).transpose()?);
        self.run_one(statement).await
    }

    /// Adds a conversation with its first event.
    pub(super) async fn add_conversation(
        &mut self,
        conversation: &Conversation,
        what: Option<(&Act, &Actor)>,
    ) -> Result<(), StoreError> {
        let casework = &conversation.casework;
        let statement = sqlx::query(
            "INSERT INTO conversations (id, agent_id, inbox_id, channel, status, handler, reason, summary, preview,
                                        version, created_at, updated_at, contact_id, thread, assignee, tags,
                                        snoozed_until, resolved_at, person_took_part, offered, previous_id, merged_into,
                                        subject)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21,
                     $22, $23)",
        )
        .bind(conversation.id.to_string())
        .bind(conversation.agent.to_string())
        .bind(conversation.inbox.to_string())
        .bind(word(conversation.channel)?)
        .bind(word(conversation.status)?)
        .bind(word(conversation.handler)?)
        .bind(conversation.reason.clone())
        .bind(conversation.summary.clone())
        .bind(conversation.preview)
        .bind(conversation.version)
        .bind(conversation.created_at.0)
        .bind(conversation.updated_at.0)
        .bind(casework.contact.map(|id| id.to_string()))
        .bind(casework.thread.clone())
        .bind(casework.assignee.clone())
        .bind(to_json(&casework.tags)?)
        .bind(casework.snoozed_until.map(|at| at.0))
        .bind(casework.resolved_at.map(|at| at.0))
        .bind(casework.person_took_part)
        .bind(casework.offered.clone())
        .bind(casework.previous.map(|id| id.to_string()))
        .bind(casework.merged_into.map(|id| id.to_string()))
        .bind(casework.subject.clone());
        self.run_one(statement).await?;
        self.append_event(conversation, conversation.version, what).await
    }

    /// Writes a conversation over the version last read, with what made the next one.
    pub(super) async fn change_conversation(
        &mut self,
        conversation: &Conversation,
        what: Option<(&Act, &Actor)>,
    ) -> Result<(), StoreError> {
        let casework = &conversation.casework;
        let statement = sqlx::query(
            "UPDATE conversations SET channel = $3, status = $4, handler = $5, reason = $6, summary = $7,
                                      preview = $8, updated_at = $9, contact_id = $10, assignee = $11, tags = $12,
                                      snoozed_until = $13, resolved_at = $14, person_took_part = $15, offered = $16,
                                      previous_id = $17, merged_into = $18, version = version + 1
             WHERE id = $1 AND version = $2",
        )
        .bind(conversation.id.to_string())
        .bind(conversation.version)
        .bind(word(conversation.channel)?)
        .bind(word(conversation.status)?)
        .bind(word(conversation.handler)?)
        .bind(conversation.reason.clone())
        .bind(conversation.summary.clone())
        .bind(conversation.preview)
        .bind(conversation.updated_at.0)
        .bind(casework.contact.map(|id| id.to_string()))
        .bind(casework.assignee.clone())
        .bind(to_json(&casework.tags)?)
        .bind(casework.snoozed_until.map(|at| at.0))
        .bind(casework.resolved_at.map(|at| at.0))
        .bind(casework.person_took_part)
        .bind(casework.offered.clone())
        .bind(casework.previous.map(|id| id.to_string()))
        .bind(casework.merged_into.map(|id| id.to_string()));
        if self.run(statement).await? == 1 {
            return self.append_event(conversation, conversation.version + 1, what).await;
        }
        let exists = sqlx::query("SELECT id FROM conversations WHERE id = $1").bind(conversation.id.to_string());
        match exists.fetch_optional(&mut *self.transaction).await.map_err(sort)? {
            Some(_) => Err(StoreError::Conflict),
            None => Err(StoreError::NotFound),
        }
    }

    /// Makes a text findable, or findable by its new words.
    async fn index_text(&mut self, source: &str, text: &str) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT OR REPLACE INTO search_text (rowid, text) SELECT position, $2 FROM search_rows WHERE source_id = $1",
        )
        .bind(source.to_owned())
        .bind(text.to_owned());
        self.run(statement).await.map(drop)
    }
}

#[async_trait]
impl UnitOfWork for SqliteUnit {
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        let revision = revision(agent)?;
        let current = sqlx::query(
            "INSERT INTO agents (id, revision) VALUES ($1, $2)
             ON CONFLICT (id) DO UPDATE SET revision = $2 WHERE agents.revision = $2 - 1",
        )
        .bind(agent.id.to_string())
        .bind(revision);
        if self.run(current).await? == 0 {
            return Err(StoreError::Conflict);
        }
        let settings = sqlx::query("INSERT INTO agent_revisions (agent_id, revision, settings) VALUES ($1, $2, $3)")
            .bind(agent.id.to_string())
            .bind(revision)
            .bind(to_json(agent)?);
        self.run_one(settings).await
    }

    async fn save_seed(&mut self, agent: AgentId, seed: &Seed) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO agent_seeds (agent_id, digests) SELECT id, $2 FROM agents WHERE id = $1
             ON CONFLICT (agent_id) DO UPDATE SET digests = $2",
        )
        .bind(agent.to_string())
        .bind(to_json(seed)?);
        self.run_one(statement).await
    }

    async fn save_inbox(&mut self, inbox: InboxId, agent: AgentId, address: &str) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO inboxes (id, agent_id, address) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET agent_id = $2, address = $3",
        )
        .bind(inbox.to_string())
        .bind(agent.to_string())
        .bind(address.to_string());
        self.run_one(statement).await
    }

    async fn replace_knowledge(&mut self, agent: AgentId, origin: &str, entries: &[Entry]) -> Result<(), StoreError> {
        let agent = agent.to_string();
        let exists = sqlx::query("SELECT id FROM agents WHERE id = $1").bind(&agent);
        exists.fetch_one(&mut *self.transaction).await.map_err(sort)?;
        let old = sqlx::query("DELETE FROM knowledge WHERE agent_id = $1 AND origin = $2").bind(&agent).bind(origin);
        old.execute(&mut *self.transaction).await.map_err(sort)?;
        for (position, entry) in (0i64..).zip(entries) {
            let statement =
                sqlx::query("INSERT INTO knowledge (agent_id, origin, position, entry) VALUES ($1, $2, $3, $4)")
                    .bind(&agent)
                    .bind(origin)
                    .bind(position)
                    .bind(to_json(entry)?);
            statement.execute(&mut *self.transaction).await.map_err(sort)?;
        }
        Ok(())
    }

    async fn insert_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        self.add_conversation(conversation, None).await
    }

    async fn update_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        self.change_conversation(conversation, None).await
    }

    async fn insert_message(&mut self, message: &Message) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO messages (id, agent_id, conversation_id, author, text, heard_text, at, decision, timings,
                                   sent_by, draft, delivery)
             SELECT $1, agent_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11 FROM conversations WHERE id = $2",
        )
        .bind(message.id.to_string())
        .bind(message.conversation.to_string())
        .bind(word(message.author)?)
        .bind(message.text.clone())
        .bind(message.heard_text.clone())
        .bind(message.at.0)
        .bind(message.decision.as_ref().map(to_json).transpose()?)
        .bind(message.timings.as_ref().map(to_json).transpose()?)
        .bind(message.post.by.clone())
        .bind(message.post.draft.map(word).transpose()?)
        .bind(message.post.delivery.map(word).transpose()?);
        self.run_one(statement).await?;
        let row = sqlx::query("INSERT INTO search_rows (conversation_id, source_id) VALUES ($1, $2)")
            .bind(message.conversation.to_string())
            .bind(message.id.to_string());
        self.run_one(row).await?;
        self.collect_gap(message).await?;
        self.claim_attachments(message).await?;
        self.index_text(&message.id.to_string(), &message.text).await
    }

    async fn update_message(&mut self, message: &Message) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE messages SET author = $2, text = $3, heard_text = $4, at = $5, decision = $6, timings = $7,
                                 sent_by = $8, draft = $9, delivery = $10
             WHERE id = $1",
        )
        .bind(message.id.to_string())
        .bind(word(message.author)?)
        .bind(message.text.clone())
        .bind(message.heard_text.clone())
        .bind(message.at.0)
        .bind(message.decision.as_ref().map(to_json).transpose()?)
        .bind(message.timings.as_ref().map(to_json).transpose()?)
        .bind(message.post.by.clone())
        .bind(message.post.draft.map(word).transpose()?)
        .bind(message.post.delivery.map(word).transpose()?);
        self.run_one(statement).await?;
        self.index_text(&message.id.to_string(), &message.text).await
    }

    async fn delete_message(&mut self, message: MessageId) -> Result<(), StoreError> {
        self.run_one(sqlx::query("DELETE FROM messages WHERE id = $1").bind(message.to_string())).await?;
        let text = "DELETE FROM search_text WHERE rowid = (SELECT position FROM search_rows WHERE source_id = $1)";
        self.run(sqlx::query(text).bind(message.to_string())).await?;
        self.run(sqlx::query("DELETE FROM search_rows WHERE source_id = $1").bind(message.to_string())).await.map(drop)
    }

    async fn save_call(&mut self, call: &Call) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO calls (id, agent_id, conversation_id, from_address, to_address, trunk, started_at,
                                answered_at, ended_at, outcome)
             SELECT $1, agent_id, id, $3, $4, $5, $6, $7, $8, $9 FROM conversations WHERE id = $2
             ON CONFLICT (id) DO UPDATE SET from_address = $3, to_address = $4, trunk = $5, started_at = $6,
                                            answered_at = $7, ended_at = $8, outcome = $9",
        )
        .bind(call.id.to_string())
        .bind(call.conversation.to_string())
        .bind(call.from.clone())
        .bind(call.to.clone())
        .bind(call.trunk.clone())
        .bind(call.started_at.0)
        .bind(call.answered_at.map(|at| at.0))
        .bind(call.ended_at.map(|at| at.0))
        .bind(call.outcome.map(word).transpose()?);
        self.run_one(statement).await
    }

    async fn save_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO attempts (id, agent_id, call_id, destination, started_at, ring_ms, outcome, said)
             SELECT $1, agent_id, id, $3, $4, $5, $6, $7 FROM calls WHERE id = $2
             ON CONFLICT (id) DO UPDATE SET destination = $3, started_at = $4, ring_ms = $5, outcome = $6, said = $7",
        )
        .bind(attempt.id.to_string())
        .bind(attempt.call.to_string())
        .bind(attempt.destination.clone())
        .bind(attempt.started_at.0)
        .bind(attempt.ring_ms)
        .bind(attempt.outcome.map(word).transpose()?)
        .bind(attempt.said.clone());
        self.run_one(statement).await
    }

    async fn save_trunk_use(&mut self, used: &TrunkUse) -> Result<(), StoreError> {
        let forgotten = sqlx::query("DELETE FROM trunk_use WHERE day < $1").bind(used.day - TRUNK_DAYS_KEPT);
        self.run(forgotten).await?;
        let statement = sqlx::query(
            "INSERT INTO trunk_use (trunk, day, used_ms) VALUES ($1, $2, $3)
             ON CONFLICT (trunk, day) DO UPDATE SET used_ms = excluded.used_ms
             WHERE excluded.used_ms > trunk_use.used_ms",
        )
        .bind(used.trunk.clone())
        .bind(used.day)
        .bind(used.used_ms);
        self.run(statement).await.map(drop)
    }

    async fn save_recording(&mut self, recording: &Recording) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO recordings (id, agent_id, call_id, file, started_at, duration_ms)
             SELECT $1, agent_id, id, $3, $4, $5 FROM calls WHERE id = $2
             ON CONFLICT (id) DO UPDATE SET file = $3, started_at = $4, duration_ms = $5",
        )
        .bind(recording.id.to_string())
        .bind(recording.call.to_string())
        .bind(recording.file.clone())
        .bind(recording.started_at.0)
        .bind(recording.duration_ms);
        self.run_one(statement).await
    }

    async fn delete_recording(&mut self, recording: RecordingId) -> Result<(), StoreError> {
        self.run_one(sqlx::query("DELETE FROM recordings WHERE id = $1").bind(recording.to_string())).await
    }

    async fn save_ticket(&mut self, ticket: &Ticket) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO tickets (id, agent_id, conversation_id, status, reason, fields, created_at, due_at, kind,
                                  recording_id, callback, notes, version)
             SELECT $1, agent_id, id, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12 FROM conversations WHERE id = $2
             ON CONFLICT (id) DO UPDATE SET status = $3, reason = $4, fields = $5, created_at = $6, due_at = $7,
                                            kind = $8, recording_id = $9, callback = $10, notes = $11,
                                            version = $12 + 1
                                        WHERE tickets.version = $12",
        )
        .bind(ticket.id.to_string())
        .bind(ticket.conversation.to_string())
        .bind(word(ticket.status)?)
        .bind(ticket.reason.clone())
        .bind(to_json(&ticket.fields)?)
        .bind(ticket.created_at.0)
        .bind(ticket.due_at.map(|at| at.0))
        .bind(word(ticket.kind)?)
        .bind(ticket.recording.map(|recording| recording.to_string()))
        .bind(ticket.callback.as_ref().map(to_json).transpose()?)
        .bind(ticket.notes.clone())
        .bind(ticket.version);
        if self.run(statement).await? == 1 {
            return Ok(());
        }
        let exists = sqlx::query("SELECT 1 FROM tickets WHERE id = $1")
            .bind(ticket.id.to_string())
            .fetch_optional(&mut *self.transaction)
            .await
            .map_err(sort)?;
        Err(if exists.is_some() { StoreError::Conflict } else { StoreError::NotFound })
    }

    async fn enqueue(&mut self, key: &str, kind: &str, payload: &serde_json::Value) -> Result<(), StoreError> {
        let statement =
            sqlx::query("INSERT INTO outbox (key, kind, payload) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING")
                .bind(key.to_string())
                .bind(kind.to_string())
                .bind(to_json(payload)?);
        self.run(statement).await.map(drop)
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.transaction.commit().await.map_err(sort)
    }
}

fn revision(agent: &Agent) -> Result<i64, StoreError> {
    i64::try_from(agent.revision).map_err(|error| StoreError::Backend(Box::new(error)))
}
