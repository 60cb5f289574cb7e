//! Rows to nouns and back.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::error::{SqliteError, sort};
use crate::domain::attachment::Attachment;
use crate::domain::call::{Attempt, Call, Recording};
use crate::domain::casework::{Casework, Post};
use crate::domain::contact::Address;
use crate::domain::conversation::{Conversation, Message};
use crate::domain::gap::{Gap, GapQuestion, GivenAnswer};
use crate::domain::inbox::Inbox;
use crate::domain::ticket::Ticket;
use crate::domain::time::EpochMs;
use crate::seams::channel_store::Dispatch;
use crate::seams::inbox_store::{Event, Job, KeptAnswer, Outgoing, Saved};
use crate::seams::knowledge_store::PageWatch;
use crate::seams::store::StoreError;

/// A row under the eye of one table, so that what cannot be read is told with its place.
struct Reader<'a> {
    row: &'a SqliteRow,
    table: &'static str,
}

impl Reader<'_> {
    fn get<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
        &'r self,
        column: &str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(sort)
    }

    fn id<T: std::str::FromStr<Err = uuid::Error>>(&self, column: &str) -> Result<T, StoreError> {
        self.get::<&str>(column)?.parse().map_err(|error| self.unreadable(column, error))
    }

    fn id_or_none<T: std::str::FromStr<Err = uuid::Error>>(&self, column: &str) -> Result<Option<T>, StoreError> {
        let text = self.get::<Option<&str>>(column)?;
        text.map(str::parse).transpose().map_err(|error| self.unreadable(column, error))
    }

    fn word<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        from_word(self.get(column)?).map_err(|error| self.unreadable(column, error))
    }

    fn word_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.get::<Option<&str>>(column)?.map(from_word).transpose().map_err(|error| self.unreadable(column, error))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(self.get(column)?).map_err(|error| self.unreadable(column, error))
    }

    fn json_or_none<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        self.get::<Option<&str>>(column)?
            .map(serde_json::from_str)
            .transpose()
            .map_err(|error| self.unreadable(column, error))
    }

    fn time(&self, column: &str) -> Result<EpochMs, StoreError> {
        self.get(column).map(EpochMs)
    }

    fn time_or_none(&self, column: &str) -> Result<Option<EpochMs>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(EpochMs))
    }

    fn unreadable(&self, column: &str, error: impl std::fmt::Display) -> StoreError {
        SqliteError::Row { table: self.table, reason: format!("{column}: {error}") }.into()
    }
}

pub fn conversation(row: &SqliteRow) -> Result<Conversation, StoreError> {
    let row = Reader { row, table: "conversations" };
    Ok(Conversation {
        id: row.id("id")?,
        agent: row.id("agent_id")?,
        inbox: row.id("inbox_id")?,
        channel: row.word("channel")?,
        status: row.word("status")?,
        handler: row.word("handler")?,
        reason: row.get("reason")?,
        summary: row.get("summary")?,
        preview: row.get("preview")?,
        version: row.get("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
        casework: Casework {
            contact: row.id_or_none("contact_id")?,
            thread: row.get("thread")?,
            subject: row.get("subject")?,
            assignee: row.get("assignee")?,
            tags: row.json("tags")?,
            snoozed_until: row.time_or_none("snoozed_until")?,
            resolved_at: row.time_or_none("resolved_at")?,
            person_took_part: row.get("person_took_part")?,
            offered: row.get("offered")?,
            previous: row.id_or_none("previous_id")?,
            merged_into: row.id_or_none("merged_into")?,
        },
    })
}

pub fn attachment(row: &SqliteRow) -> Result<Attachment, StoreError> {
    let row = Reader { row, table: "attachments" };
    Ok(Attachment {
        id: row.id("id")?,
        owner: row.get("owner")?,
        name: row.get("name")?,
        media_type: row.get("media_type")?,
        size_bytes: u64::try_from(row.get::<i64>("size_bytes")?).unwrap_or_default(),
        blob: row.get("blob_key")?,
        created_at: row.time("created_at")?,
    })
}

pub fn message(row: &SqliteRow) -> Result<Message, StoreError> {
    let row = Reader { row, table: "messages" };
    Ok(Message {
        id: row.id("id")?,
        conversation: row.id("conversation_id")?,
        author: row.word("author")?,
        text: row.get("text")?,
        heard_text: row.get("heard_text")?,
        at: row.time("at")?,
        decision: row.json_or_none("decision")?,
        timings: row.json_or_none("timings")?,
        post: Post {
            by: row.get("sent_by")?,
            draft: row.word_or_none("draft")?,
            delivery: row.word_or_none("delivery")?,
            attachments: Vec::new(),
        },
    })
}

pub fn call(row: &SqliteRow) -> Result<Call, StoreError> {
    let row = Reader { row, table: "calls" };
    Ok(Call {
        id: row.id("id")?,
        conversation: row.id("conversation_id")?,
        from: row.get("from_address")?,
        to: row.get("to_address")?,
        trunk: row.get("trunk")?,
        started_at: row.time("started_at")?,
        answered_at: row.time_or_none("answered_at")?,
        ended_at: row.time_or_none("ended_at")?,
        outcome: row.word_or_none("outcome")?,
    })
}

pub fn attempt(row: &SqliteRow) -> Result<Attempt, StoreError> {
    let row = Reader { row, table: "attempts" };
    Ok(Attempt {
        id: row.id("id")?,
        call: row.id("call_id")?,
        destination: row.get("destination")?,
        started_at: row.time("started_at")?,
        ring_ms: row.get("ring_ms")?,
        outcome: row.word_or_none("outcome")?,
        said: row.get("said")?,
    })
}

pub fn recording(row: &SqliteRow) -> Result<Recording, StoreError> {
    let row = Reader { row, table: "recordings" };
    Ok(Recording {
        id: row.id("id")?,
        call: row.id("call_id")?,
        file: row.get("file")?,
        started_at: row.time("started_at")?,
        duration_ms: row.get("duration_ms")?,
    })
}

pub fn ticket(row: &SqliteRow) -> Result<Ticket, StoreError> {
    let row = Reader { row, table: "tickets" };
    Ok(Ticket {
        id: row.id("id")?,
        conversation: row.id("conversation_id")?,
        kind: row.word("kind")?,
        status: row.word("status")?,
        reason: row.get("reason")?,
        fields: row.json("fields")?,
        created_at: row.time("created_at")?,
        due_at: row.time_or_none("due_at")?,
        recording: row.id_or_none("recording_id")?,
        callback: row.json_or_none("callback")?,
        notes: row.get("notes")?,
        version: row.get("version")?,
    })
}

pub fn inbox(row: &SqliteRow) -> Result<Inbox, StoreError> {
    let row = Reader { row, table: "inboxes" };
    Ok(Inbox {
        id: row.id("id")?,
        agent: row.id("agent_id")?,
        channel: row.word("channel")?,
        address: row.get("address")?,
    })
}

pub fn address(row: &SqliteRow) -> Result<Address, StoreError> {
    let row = Reader { row, table: "contact_addresses" };
    Ok(Address { kind: row.word("kind")?, value: row.get("value")?, proven: row.get("proven")? })
}

pub fn event(row: &SqliteRow) -> Result<Event, StoreError> {
    let row = Reader { row, table: "events" };
    Ok(Event {
        version: row.get("version")?,
        at: row.time("at")?,
        status: row.word("status")?,
        handler: row.word("handler")?,
        reason: row.get("reason")?,
        actor: row.get("actor")?,
        act: row.json_or_none("act")?,
    })
}

pub fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    let row = Reader { row, table: "jobs" };
    Ok(Job {
        id: row.id("id")?,
        kind: row.word("kind")?,
        conversation: row.id("conversation_id")?,
        due_at: row.time("due_at")?,
        tries: row.get("tries")?,
    })
}

pub fn kept_answer(row: &SqliteRow) -> Result<KeptAnswer, StoreError> {
    let row = Reader { row, table: "kept_answers" };
    Ok(KeptAnswer {
        digest: row.get("digest")?,
        status: row.get("status")?,
        body: row.json("body")?,
        at: row.time("created_at")?,
    })
}

pub fn saved(row: &SqliteRow) -> Result<Saved, StoreError> {
    let row = Reader { row, table: "saved" };
    Ok(Saved {
        id: row.id("id")?,
        kind: row.word("kind")?,
        name: row.get("name")?,
        body: row.json("body")?,
        updated_at: row.time("updated_at")?,
    })
}

pub fn outgoing(row: &SqliteRow) -> Result<Outgoing, StoreError> {
    let row = Reader { row, table: "outbox" };
    Ok(Outgoing {
        position: row.get("position")?,
        key: row.get("key")?,
        kind: row.get("kind")?,
        payload: row.json("payload")?,
    })
}

/// A structure kept as JSON in the column `column`.
pub fn structure<T: DeserializeOwned>(row: &SqliteRow, table: &'static str, column: &str) -> Result<T, StoreError> {
    Reader { row, table }.json(column)
}

/// An identifier in the column `column`.
pub fn id<T: std::str::FromStr<Err = uuid::Error>>(
    row: &SqliteRow,
    table: &'static str,
    column: &str,
) -> Result<T, StoreError> {
    Reader { row, table }.id(column)
}

/// The word a choice is stored as, the same that the API shows.
pub fn word<T: Serialize>(choice: T) -> Result<String, StoreError> {
    match serde_json::to_value(choice) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        Ok(other) => Err(StoreError::Backend(format!("{other} is not a choice of one word").into())),
        Err(error) => Err(StoreError::Backend(Box::new(error))),
    }
}

fn from_word<T: DeserializeOwned>(word: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(serde_json::Value::String(word.to_string()))
}

/// A structure as the JSON it is stored as.
pub fn to_json<T: Serialize>(structure: &T) -> Result<String, StoreError> {
    serde_json::to_string(structure).map_err(|error| StoreError::Backend(Box::new(error)))
}

pub fn dispatch(row: &SqliteRow) -> Result<Dispatch, StoreError> {
    let row = Reader { row, table: "deliveries" };
    Ok(Dispatch {
        message: row.id("message_id")?,
        inbox: row.id("inbox_id")?,
        lane: row.get("lane")?,
        state: row.word("state")?,
        posted_at: row.time("posted_at")?,
        due_at: row.time("due_at")?,
        tries: row.get("tries")?,
        parts: row.get("parts")?,
        uncertain: row.get("uncertain")?,
        last_error: row.get("last_error")?,
        settled_at: row.time_or_none("settled_at")?,
    })
}

pub fn page_watch(row: &SqliteRow) -> Result<PageWatch, StoreError> {
    let row = Reader { row, table: "page_watches" };
    Ok(PageWatch {
        article: row.id("article_id")?,
        url: row.get("url")?,
        every_ms: row.get("every_ms")?,
        next_at: row.time("next_at")?,
        fetched_at: row.time_or_none("fetched_at")?,
        failure: row.get("failure")?,
    })
}

pub fn gap(row: &SqliteRow) -> Result<Gap, StoreError> {
    let row = Reader { row, table: "gaps" };
    Ok(Gap {
        id: row.id("id")?,
        agent: row.id("agent_id")?,
        label: row.get("label")?,
        asked: u64::try_from(row.get::<i64>("asked")?).unwrap_or(0),
        last_at: row.time("last_at")?,
        state: row.word("state")?,
        article: row.id_or_none("article_id")?,
    })
}

pub fn gap_question(row: &SqliteRow) -> Result<GapQuestion, StoreError> {
    let row = Reader { row, table: "gap_questions" };
    Ok(GapQuestion {
        message: row.id("message_id")?,
        conversation: row.id("conversation_id")?,
        text: row.get("text")?,
        at: row.time("at")?,
    })
}

pub fn given_answer(row: &SqliteRow) -> Result<GivenAnswer, StoreError> {
    let row = Reader { row, table: "messages" };
    Ok(GivenAnswer {
        message: row.id("id")?,
        conversation: row.id("conversation_id")?,
        question: row.get("question")?,
        text: row.get("text")?,
        by: row.get("sent_by")?,
        at: row.time("at")?,
    })
}
