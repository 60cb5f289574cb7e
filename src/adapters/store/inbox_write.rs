//! Changing for the inbox, within the one transaction of a unit of work.

use async_trait::async_trait;

use super::error::sort;
use super::rows::{self, to_json, word};
use super::write::SqliteUnit;
use crate::domain::casework::Tag;
use crate::domain::contact::{Address, Contact};
use crate::domain::conversation::Conversation;
use crate::domain::ids::{AgentId, ContactId, ConversationId, InboxId, MessageId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::transition::{Act, Actor};
use crate::seams::inbox_store::{InboxChanges, Job, KeptAnswer, Saved, SavedKind};
use crate::seams::store::StoreError;

#[async_trait]
impl InboxChanges for SqliteUnit {
    async fn record(&mut self, conversation: &Conversation, act: &Act, by: &Actor) -> Result<(), StoreError> {
        self.change_conversation(conversation, Some((act, by))).await
    }

    async fn begin_conversation(
        &mut self,
        conversation: &Conversation,
        act: &Act,
        by: &Actor,
    ) -> Result<(), StoreError> {
        self.add_conversation(conversation, Some((act, by))).await
    }

    async fn read_conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        let row = sqlx::query("SELECT * FROM conversations WHERE id = $1").bind(id.to_string());
        let row = row.fetch_optional(&mut *self.transaction).await.map_err(sort)?;
        row.as_ref().map(rows::conversation).transpose()
    }

    async fn find_thread(&mut self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError> {
        let row = sqlx::query(
            "SELECT * FROM conversations WHERE inbox_id = $1 AND thread = $2
             ORDER BY created_at DESC, id DESC LIMIT 1",
        )
        .bind(inbox.to_string())
        .bind(thread);
        let row = row.fetch_optional(&mut *self.transaction).await.map_err(sort)?;
        row.as_ref().map(rows::conversation).transpose()
    }

    async fn index_tags(&mut self, conversation: &Conversation, tags: &[Tag]) -> Result<(), StoreError> {
        let id = conversation.id.to_string();
        self.run(sqlx::query("DELETE FROM conversation_tags WHERE conversation_id = $1").bind(id.clone())).await?;
        for tag in tags {
            let statement = sqlx::query(
                "INSERT INTO conversation_tags (name, kind, created_at, conversation_id) VALUES ($1, $2, $3, $4)
                 ON CONFLICT (conversation_id, name) DO NOTHING",
            )
            .bind(tag.name.clone())
            .bind(word(tag.kind)?)
            .bind(conversation.created_at.0)
            .bind(id.clone());
            self.run(statement).await?;
        }
        Ok(())
    }

    async fn move_messages(
        &mut self,
        from: ConversationId,
        to: ConversationId,
        chosen: Option<&[MessageId]>,
    ) -> Result<u64, StoreError> {
        let (from, to) = (from.to_string(), to.to_string());
        let Some(chosen) = chosen else {
            for other in [
                "UPDATE search_rows SET conversation_id = $2 WHERE conversation_id = $1",
                "UPDATE tickets SET conversation_id = $2 WHERE conversation_id = $1",
                "UPDATE calls SET conversation_id = $2 WHERE conversation_id = $1",
                "UPDATE gap_questions SET conversation_id = $2 WHERE conversation_id = $1",
                "UPDATE jobs SET conversation_id = $2 WHERE conversation_id = $1 AND kind = 'answer'",
            ] {
                self.run(sqlx::query(other).bind(from.clone()).bind(to.clone())).await?;
            }
            let all = sqlx::query("UPDATE messages SET conversation_id = $2 WHERE conversation_id = $1");
            return self.run(all.bind(from).bind(to)).await;
        };
        let mut moved = 0;
        for message in chosen {
            let one = sqlx::query("UPDATE messages SET conversation_id = $3 WHERE conversation_id = $1 AND id = $2")
                .bind(from.clone())
                .bind(message.to_string())
                .bind(to.clone());
            self.run_one(one).await?;
            let found = sqlx::query("UPDATE search_rows SET conversation_id = $2 WHERE source_id = $1");
            self.run(found.bind(message.to_string()).bind(to.clone())).await?;
            moved += 1;
        }
        Ok(moved)
    }

    async fn save_channel_inbox(&mut self, inbox: &Inbox) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO inboxes (id, agent_id, channel, address) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET agent_id = $2, channel = $3, address = $4",
        )
        .bind(inbox.id.to_string())
        .bind(inbox.agent.to_string())
        .bind(word(inbox.channel)?)
        .bind(inbox.address.clone());
        self.run_one(statement).await
    }

    async fn save_contact(&mut self, contact: &Contact) -> Result<(), StoreError> {
        let id = contact.id.to_string();
        let statement = sqlx::query(
            "INSERT INTO contacts (id, agent_id, name, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET name = $3",
        )
        .bind(id.clone())
        .bind(contact.agent.to_string())
        .bind(contact.name.clone())
        .bind(contact.created_at.0);
        self.run_one(statement).await?;
        self.run(sqlx::query("DELETE FROM contact_addresses WHERE contact_id = $1").bind(id.clone())).await?;
        for address in &contact.addresses {
            let statement = sqlx::query(
                "INSERT INTO contact_addresses (contact_id, agent_id, kind, value, proven) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(id.clone())
            .bind(contact.agent.to_string())
            .bind(word(address.kind)?)
            .bind(address.value.clone())
            .bind(address.proven);
            self.run_one(statement).await?;
        }
        Ok(())
    }

    async fn find_contact(&mut self, agent: AgentId, address: &Address) -> Result<Option<ContactId>, StoreError> {
        let row = sqlx::query(
            "SELECT contact_id FROM contact_addresses WHERE agent_id = $1 AND kind = $2 AND value = $3 AND proven",
        )
        .bind(agent.to_string())
        .bind(word(address.kind)?)
        .bind(address.value.clone());
        let row = row.fetch_optional(&mut *self.transaction).await.map_err(sort)?;
        row.map(|row| rows::id(&row, "contact_addresses", "contact_id")).transpose()
    }

    async fn merge_contacts(&mut self, from: ContactId, into: ContactId) -> Result<(), StoreError> {
        let (from, into) = (from.to_string(), into.to_string());
        let conversations = sqlx::query("UPDATE conversations SET contact_id = $2 WHERE contact_id = $1");
        self.run(conversations.bind(from.clone()).bind(into)).await?;
        self.run(sqlx::query("DELETE FROM contact_addresses WHERE contact_id = $1").bind(from.clone())).await?;
        self.run_one(sqlx::query("DELETE FROM contacts WHERE id = $1").bind(from)).await
    }

    async fn keep_answer(&mut self, scope: &str, key: &str, answer: &KeptAnswer) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO kept_answers (scope, key, digest, status, body, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(scope.to_owned())
        .bind(key.to_owned())
        .bind(answer.digest.clone())
        .bind(i64::from(answer.status))
        .bind(to_json(&answer.body)?)
        .bind(answer.at.0);
        self.run_one(statement).await
    }

    async fn forget_answers(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.run(sqlx::query("DELETE FROM kept_answers WHERE created_at < $1").bind(before.0)).await
    }

    async fn save(&mut self, saved: &Saved) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO saved (id, kind, name, body, updated_at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (id) DO UPDATE SET name = $3, body = $4, updated_at = $5",
        )
        .bind(saved.id.to_string())
        .bind(word(saved.kind)?)
        .bind(saved.name.clone())
        .bind(to_json(&saved.body)?)
        .bind(saved.updated_at.0);
        self.run_one(statement).await
    }

    async fn delete_saved(&mut self, kind: SavedKind, id: uuid::Uuid) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM saved WHERE kind = $1 AND id = $2");
        self.run_one(statement.bind(word(kind)?).bind(id.to_string())).await
    }

    async fn promise(&mut self, job: &Job) -> Result<(), StoreError> {
        let statement =
            sqlx::query("INSERT INTO jobs (id, kind, conversation_id, due_at, tries) VALUES ($1, $2, $3, $4, $5)")
                .bind(job.id.to_string())
                .bind(word(job.kind)?)
                .bind(job.conversation.to_string())
                .bind(job.due_at.0)
                .bind(i64::from(job.tries));
        self.run_one(statement).await
    }

    async fn claim_jobs(&mut self, now: EpochMs, lease_until: EpochMs, limit: u32) -> Result<Vec<Job>, StoreError> {
        let statement = sqlx::query(
            "UPDATE jobs SET leased_until = $2, tries = tries + 1
             WHERE id IN (SELECT id FROM jobs WHERE due_at <= $1 AND leased_until <= $1 ORDER BY due_at, id LIMIT $3)
             RETURNING *",
        )
        .bind(now.0)
        .bind(lease_until.0)
        .bind(i64::from(limit));
        let rows = statement.fetch_all(&mut *self.transaction).await.map_err(sort)?;
        let mut jobs = rows.iter().map(rows::job).collect::<Result<Vec<Job>, _>>()?;
        jobs.sort_by_key(|job| (job.due_at, job.id));
        Ok(jobs)
    }

    async fn finish_job(&mut self, id: uuid::Uuid) -> Result<(), StoreError> {
        self.run_one(sqlx::query("DELETE FROM jobs WHERE id = $1").bind(id.to_string())).await
    }

    async fn put_off_job(&mut self, id: uuid::Uuid, until: EpochMs) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE jobs SET due_at = $2, leased_until = 0 WHERE id = $1");
        self.run_one(statement.bind(id.to_string()).bind(until.0)).await
    }

    async fn release_claims(&mut self) -> Result<u64, StoreError> {
        let sent = self.run(sqlx::query("UPDATE deliveries SET leased_until = 0 WHERE leased_until > 0")).await?;
        let jobs = self.run(sqlx::query("UPDATE jobs SET leased_until = 0 WHERE leased_until > 0")).await?;
        Ok(sent + jobs)
    }
}
