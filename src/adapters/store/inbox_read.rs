//! Reading for the inbox: lists by index, whatever they are filtered by.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, SqliteConnection};

use super::SqliteStore;
use super::error::sort;
use super::read::{CALL, every};
use super::rows::{self, word};
use crate::domain::call::Call;
use crate::domain::contact::Contact;
use crate::domain::conversation::{Conversation, Status};
use crate::domain::ids::{AgentId, ContactId, ConversationId, RecordingId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::view::Condition;
use crate::seams::inbox_store::{
    Assigned, Event, FACE_CHARS_MAX, FOUND_MAX, Face, Filter, InboxReads, KeptAnswer, Outgoing, SAVED_MAX,
    SUGGESTED_MAX, Saved, SavedKind,
};
use crate::seams::store::{Cursor, StoreError};

#[async_trait]
impl InboxReads for SqliteStore {
    async fn conversations_by(
        &self,
        filter: &Filter,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        // Of several states each is read by its own index; together they would be sorted whole.
        let mut page = Vec::new();
        match filter.statuses.as_slice() {
            [] => page = rows_of(&mut moment, filter, None, &cursor, limit).await?,
            statuses => {
                for status in statuses {
                    page.extend(rows_of(&mut moment, filter, Some(*status), &cursor, limit).await?);
                }
            }
        }
        let mut found = Vec::with_capacity(page.len());
        for row in page {
            found.push((rows::conversation(&row)?, row));
        }
        found.sort_by_key(|(conversation, _)| std::cmp::Reverse((conversation.created_at, conversation.id)));
        found.dedup_by_key(|(conversation, _)| conversation.id);
        found.truncate(limit as usize);
        let mut listed = Vec::with_capacity(found.len());
        for (conversation, row) in found {
            let call = match row.try_get::<Option<&str>, _>("call_id").map_err(sort)? {
                Some(call) => every(&mut moment, CALL, call, rows::call).await?.into_iter().next(),
                None => None,
            };
            listed.push((conversation, call));
        }
        Ok(listed)
    }

    async fn faces(&self, of: &[ConversationId]) -> Result<Vec<Face>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let mut faces = Vec::with_capacity(of.len());
        for id in of {
            let statement = sqlx::query(FACE).bind(id.to_string()).bind(FACE_CHARS_MAX as i64);
            let row = statement.fetch_optional(&mut *moment).await.map_err(sort)?;
            faces.push(row.as_ref().map(face).transpose()?.unwrap_or_default());
        }
        Ok(faces)
    }

    async fn events(&self, id: ConversationId, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let statement =
            sqlx::query("SELECT * FROM events WHERE conversation_id = $1 AND version > $2 ORDER BY version LIMIT $3")
                .bind(id.to_string())
                .bind(after)
                .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::event).collect()
    }

    async fn recording_conversation(&self, id: RecordingId) -> Result<Option<ConversationId>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        let id_of = |row: &SqliteRow| rows::id(row, "calls", "conversation_id");
        Ok(every(&mut moment, RECORDING_OF, &id.to_string(), id_of).await?.into_iter().next())
    }

    async fn inboxes(&self, agent: AgentId) -> Result<Vec<Inbox>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        every(&mut moment, INBOXES, &agent.to_string(), rows::inbox).await
    }

    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        one_contact(&mut moment, &id.to_string()).await
    }

    async fn suggested_contacts(&self, id: ContactId) -> Result<Vec<Contact>, StoreError> {
        let mut moment = self.readers.begin().await.map_err(sort)?;
        let id_of = |row: &SqliteRow| rows::id(row, "contact_addresses", "id");
        let others: Vec<ContactId> = every(&mut moment, SUGGESTED, &id.to_string(), id_of).await?;
        let mut contacts = Vec::new();
        for other in others.into_iter().take(SUGGESTED_MAX) {
            contacts.extend(one_contact(&mut moment, &other.to_string()).await?);
        }
        Ok(contacts)
    }

    async fn kept_answer(&self, scope: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        let statement = sqlx::query("SELECT * FROM kept_answers WHERE scope = $1 AND key = $2").bind(scope).bind(key);
        statement.fetch_optional(&self.readers).await.map_err(sort)?.as_ref().map(rows::kept_answer).transpose()
    }

    async fn outgoing(&self, kind: &str, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let statement =
            sqlx::query("SELECT * FROM outbox WHERE kind = $1 AND position > $2 ORDER BY position LIMIT $3")
                .bind(kind)
                .bind(after)
                .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::outgoing).collect()
    }

    async fn saved(&self, kind: SavedKind) -> Result<Vec<Saved>, StoreError> {
        let statement = sqlx::query("SELECT * FROM saved WHERE kind = $1 ORDER BY name LIMIT $2")
            .bind(word(kind)?)
            .bind(SAVED_MAX as i64);
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::saved).collect()
    }

    async fn next_job_due(&self) -> Result<Option<EpochMs>, StoreError> {
        let next = sqlx::query("SELECT due_at FROM jobs ORDER BY due_at, id LIMIT 1");
        let next = next.fetch_optional(&self.readers).await.map_err(sort)?;
        next.map(|row| row.try_get("due_at").map(EpochMs).map_err(sort)).transpose()
    }
}

fn face(row: &SqliteRow) -> Result<Face, StoreError> {
    let text = |name| row.try_get(name).map_err(sort);
    Ok(Face { contact_name: text("name")?, last_words: text("words")? })
}

const FACE: &str = "
    SELECT p.name AS name, (
        SELECT substr(m.text, 1, $2) FROM messages m WHERE m.conversation_id = c.id AND m.author = 'customer'
        ORDER BY m.at DESC, m.id DESC LIMIT 1
    ) AS words
    FROM conversations c LEFT JOIN contacts p ON p.id = c.contact_id WHERE c.id = $1";
const RECORDING_OF: &str = "
    SELECT k.conversation_id FROM recordings r JOIN calls k ON k.id = r.call_id WHERE r.id = $1";
const INBOXES: &str = "SELECT * FROM inboxes WHERE agent_id = $1 ORDER BY id";
const ADDRESSES: &str = "SELECT * FROM contact_addresses WHERE contact_id = $1 ORDER BY kind, value";
const CONTACT: &str = "SELECT * FROM contacts WHERE id = $1";
const SUGGESTED: &str = "
    SELECT DISTINCT o.contact_id AS id FROM contact_addresses a
    JOIN contact_addresses o ON o.agent_id = a.agent_id AND o.kind = a.kind AND o.value = a.value
    WHERE a.contact_id = $1 AND o.contact_id <> a.contact_id
    ORDER BY o.contact_id LIMIT 20";

pub(super) async fn one_contact(moment: &mut SqliteConnection, id: &str) -> Result<Option<Contact>, StoreError> {
    let contact = |row: &SqliteRow| {
        Ok(Contact {
            id: rows::id(row, "contacts", "id")?,
            agent: rows::id(row, "contacts", "agent_id")?,
            name: row.try_get("name").map_err(sort)?,
            addresses: Vec::new(),
            created_at: EpochMs(row.try_get("created_at").map_err(sort)?),
        })
    };
    let Some(mut contact) = every(moment, CONTACT, id, contact).await?.into_iter().next() else { return Ok(None) };
    contact.addresses = every(moment, ADDRESSES, id, rows::address).await?;
    contact.addresses.sort();
    Ok(Some(contact))
}

async fn rows_of(
    moment: &mut SqliteConnection,
    filter: &Filter,
    status: Option<Status>,
    cursor: &Option<Cursor>,
    limit: u32,
) -> Result<Vec<SqliteRow>, StoreError> {
    let mut statement = page(filter, status, cursor, limit)?;
    statement.build().fetch_all(moment).await.map_err(sort)
}

/// The statement of one page: driven by the tag or the text where one is asked for, else by the index of a state.
pub(super) fn page(
    filter: &Filter,
    status: Option<Status>,
    cursor: &Option<Cursor>,
    limit: u32,
) -> Result<QueryBuilder<Sqlite>, StoreError> {
    let mut sql = QueryBuilder::new("SELECT c.*, k.id AS call_id FROM ");
    let (mut created_at, mut id) = ("c.created_at", "c.id");
    if let Some(text) = &filter.text {
        sql.push("(SELECT DISTINCT s.conversation_id FROM (SELECT rowid FROM search_text WHERE search_text MATCH ");
        sql.push_bind(every_word(text));
        sql.push(format!(" ORDER BY rowid DESC LIMIT {FOUND_MAX}) f JOIN search_rows s ON s.position = f.rowid) w "));
        sql.push("JOIN conversations c ON c.id = w.conversation_id ");
        if filter.tag.is_some() {
            sql.push("JOIN conversation_tags t ON t.conversation_id = c.id ");
        }
    } else if filter.tag.is_some() {
        sql.push("conversation_tags t JOIN conversations c ON c.id = t.conversation_id ");
        (created_at, id) = ("t.created_at", "t.conversation_id");
    } else {
        sql.push("conversations c ");
    }
    sql.push(
        "LEFT JOIN calls k ON k.id = (
            SELECT id FROM calls WHERE conversation_id = c.id ORDER BY started_at DESC, id DESC LIMIT 1
         ) ",
    );
    // Nothing sorts after this pair, so the first page begins there.
    let (before, before_id) =
        cursor.as_ref().map_or((i64::MAX, "~".into()), |cursor| (cursor.created_at.0, cursor.id.to_string()));
    sql.push(format!("WHERE ({created_at}, {id}) < (")).push_bind(before).push(", ").push_bind(before_id).push(")");
    if let Some(tag) = &filter.tag {
        sql.push(" AND t.name = ").push_bind(tag.clone());
    }
    if let Some(status) = status {
        sql.push(" AND c.status = ").push_bind(word(status)?);
    }
    if let Some(handler) = filter.handler {
        sql.push(" AND c.handler = ").push_bind(word(handler)?);
    }
    if let Some(agent) = filter.agent {
        sql.push(" AND c.agent_id = ").push_bind(agent.to_string());
    }
    if let Some(channel) = filter.channel {
        sql.push(" AND c.channel = ").push_bind(word(channel)?);
    }
    if let Some(contact) = filter.contact {
        sql.push(" AND c.contact_id = ").push_bind(contact.to_string());
    }
    if let Some(inboxes) = &filter.inboxes {
        sql.push(" AND c.inbox_id IN (");
        // Of none, nothing is shown.
        sql.push_bind(String::new());
        for inbox in inboxes {
            sql.push(", ").push_bind(inbox.to_string());
        }
        sql.push(")");
    }
    match &filter.assignee {
        Some(Assigned::To(name)) => {
            sql.push(" AND c.assignee = ").push_bind(name.clone());
        }
        Some(Assigned::Nobody) => {
            sql.push(" AND c.assignee IS NULL");
        }
        None => {}
    }
    if let Some(view) = &filter.view {
        sql.push(" AND ");
        condition(&mut sql, view)?;
    }
    sql.push(format!(" ORDER BY {created_at} DESC, {id} DESC LIMIT ")).push_bind(i64::from(limit));
    Ok(sql)
}

/// A view as a condition; what it names is bound, never written.
fn condition(sql: &mut QueryBuilder<Sqlite>, view: &Condition) -> Result<(), StoreError> {
    match view {
        Condition::All(parts) => every_part(sql, parts, " AND ", "TRUE")?,
        Condition::Any(parts) => every_part(sql, parts, " OR ", "FALSE")?,
        Condition::Not(part) => {
            sql.push("NOT (");
            condition(sql, part)?;
            sql.push(")");
        }
        Condition::Status(status) => {
            sql.push("c.status = ").push_bind(word(status)?);
        }
        Condition::Handler(handler) => {
            sql.push("c.handler = ").push_bind(word(handler)?);
        }
        Condition::Channel(channel) => {
            sql.push("c.channel = ").push_bind(word(channel)?);
        }
        Condition::Assignee(name) => {
            sql.push("COALESCE(c.assignee, '') = ").push_bind(name.clone());
        }
        Condition::Unassigned(unassigned) => {
            sql.push(if *unassigned { "c.assignee IS NULL" } else { "c.assignee IS NOT NULL" });
        }
        Condition::Tag(name) => {
            sql.push("EXISTS (SELECT 1 FROM conversation_tags g WHERE g.conversation_id = c.id AND g.name = ");
            sql.push_bind(name.clone()).push(")");
        }
    }
    Ok(())
}

fn every_part(
    sql: &mut QueryBuilder<Sqlite>,
    parts: &[Condition],
    between: &str,
    without: &str,
) -> Result<(), StoreError> {
    sql.push("(");
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            sql.push(between);
        }
        condition(sql, part)?;
    }
    sql.push(if parts.is_empty() { without } else { "" }).push(")");
    Ok(())
}

/// All words, each from its beginning, in the search's own quoting: nothing of the text is an operator.
fn every_word(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).take(SEARCH_WORDS_MAX);
    words.map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ")
}

/// More words narrow nothing down any further.
const SEARCH_WORDS_MAX: usize = 12;
