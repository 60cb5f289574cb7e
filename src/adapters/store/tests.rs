//! What only SQLite has: its locks, its disk, its plans, its files. The behaviour of every store is proved in
//! `tests/store_contract`.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use sqlx::{Connection, Row};
use uuid::Uuid;

use super::inbox_read::page;
use super::{SqliteOptions, SqliteStore};
use crate::domain::agent::{Agent, ReplyMode};
use crate::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status};
use crate::domain::ids::{AgentId, ContactId, ConversationId, InboxId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::inbox_store::{Assigned, Filter, InboxReads};
use crate::seams::store::{Store, StoreError};

struct Opened {
    store: SqliteStore,
    options: SqliteOptions,
    folder: tempfile::TempDir,
}

async fn opened() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/test.db");
    let options = SqliteOptions { file, readers: 2, busy_timeout: Duration::from_millis(100) };
    Opened { store: SqliteStore::open(&options).await.unwrap(), options, folder }
}

async fn seeded(store: &SqliteStore) -> Conversation {
    let (agent, inbox) = (AgentId(Uuid::now_v7()), InboxId(Uuid::now_v7()));
    let settings = Agent { mode: ReplyMode::DraftOnly, record_calls: true, ..Agent::automatic(agent, "Harbour Bikes") };
    let conversation = Conversation {
        id: ConversationId(Uuid::now_v7()),
        agent,
        inbox,
        channel: Channel::Phone,
        status: Status::Open,
        handler: Handler::Bot,
        reason: None,
        summary: None,
        preview: false,
        version: 1,
        created_at: EpochMs(1),
        updated_at: EpochMs(1),
        casework: Default::default(),
    };
    let mut unit = store.begin().await.unwrap();
    unit.save_agent(&settings).await.unwrap();
    unit.save_inbox(inbox, agent, "loopback").await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.commit().await.unwrap();
    conversation
}

fn message(conversation: &Conversation, text: String) -> Message {
    Message {
        id: MessageId(Uuid::now_v7()),
        conversation: conversation.id,
        author: Author::Customer,
        text,
        heard_text: None,
        at: EpochMs(2),
        decision: None,
        timings: None,
        post: Default::default(),
    }
}

/// P4: another program holds the lock for longer than we wait; it is told, and afterwards all goes on.
#[tokio::test]
async fn a_locked_database_is_told_and_loses_nothing() {
    let Opened { store, options, folder: _folder } = opened().await;
    let conversation = seeded(&store).await;
    let connect = sqlx::sqlite::SqliteConnectOptions::new().filename(&options.file);
    let mut other = sqlx::SqliteConnection::connect_with(&connect).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();

    let told = store.begin().await.err().unwrap().to_string();
    assert!(told.contains("locked by another program") && told.contains("store.busy_timeout_ms"), "{told}");
    assert!(store.ping().await.is_err());
    assert!(store.conversation(conversation.id).await.unwrap().is_some(), "reading goes on");

    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.insert_message(&message(&conversation, "again".into())).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages.len(), 1);
}

/// P4: the disk takes no more; what was answered stays, what was not leaves no trace, and once there is space
/// again all goes on.
#[tokio::test]
async fn a_full_disk_is_told_and_loses_nothing() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let conversation = seeded(&store).await;
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.unwrap();
    let limit = |pages: i64| sqlx::AssertSqlSafe(format!("PRAGMA max_page_count = {pages}"));
    sqlx::query(limit(pages + 8)).execute(&store.writer).await.unwrap();

    let mut answered = 0;
    let refused = loop {
        let mut unit = store.begin().await.unwrap();
        let inserted = unit.insert_message(&message(&conversation, "x".repeat(3_000))).await;
        let ended = match inserted {
            Ok(()) => unit.commit().await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => answered += 1,
            Err(error) => break error,
        }
        assert!(answered < 100, "the limit does not hold");
    };
    assert!(refused.to_string().contains("the disk is full; nothing was written"), "{refused}");
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages.len(), answered);

    sqlx::query(limit(1_000_000)).execute(&store.writer).await.unwrap();
    let mut unit = store.begin().await.unwrap();
    unit.insert_message(&message(&conversation, "x".repeat(3_000))).await.unwrap();
    unit.commit().await.unwrap();
    assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages.len(), answered + 1);
}

/// A change that never ends holds up the others only for a time, and they are told why.
#[tokio::test]
async fn a_change_that_hangs_is_told_to_those_behind_it() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let hanging = store.begin().await.unwrap();
    let told = store.begin().await.err().unwrap().to_string();
    assert!(told.contains("no change could be begun in time"), "{told}");
    drop(hanging);
    store.ping().await.unwrap();
}

/// A page far down a list of any length costs as much as the first: no scan, no sorting.
#[tokio::test]
async fn the_list_and_its_parts_are_read_by_index() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let any = Filter::default;
    let filters = [
        (any(), None, "SEARCH c USING INDEX conversations_newest"),
        (any(), Some(Status::Open), "SEARCH c USING INDEX conversations_status"),
        (Filter { handler: Some(Handler::Human), ..any() }, None, "SEARCH c USING INDEX conversations_handler"),
        (
            Filter { assignee: Some(Assigned::To("ann".into())), ..any() },
            None,
            "SEARCH c USING INDEX conversations_assignee",
        ),
        (Filter { contact: Some(ContactId(Uuid::nil())), ..any() }, None, "SEARCH c USING INDEX conversations_contact"),
        (Filter { tag: Some("billing".into()), ..any() }, None, "SEARCH t USING"),
    ];
    for (filter, status, expected) in filters {
        let statement = page(&filter, status, &None, 10).unwrap().into_string();
        let statement = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let plan = sqlx::query(statement).fetch_all(&store.readers).await.unwrap();
        let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
        assert!(steps.iter().any(|step| step.starts_with(expected)), "{expected}: {steps:?}");
        assert!(steps.iter().any(|step| step.contains("calls_conversation")), "{steps:?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN") || step.contains("TEMP B-TREE")), "{steps:?}");
    }
}

/// An answered commit has reached the disk, not only the kernel: a power cut takes nothing back (P3).
#[tokio::test]
async fn commits_are_flushed_to_the_disk() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&store.writer).await.unwrap();
    let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&store.writer).await.unwrap();
    assert_eq!((synchronous, &*journal), (2, "wal"));
}

#[tokio::test]
async fn nobody_else_on_the_machine_can_read_the_files() {
    let Opened { store, folder, .. } = opened().await;
    seeded(&store).await;
    let data = folder.path().join("data");
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data), 0o700);
    for file in std::fs::read_dir(&data).unwrap() {
        let path = file.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn every_version_of_a_conversation_leaves_an_event() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let mut conversation = seeded(&store).await;
    (conversation.status, conversation.updated_at) = (Status::NeedsHuman, EpochMs(7));
    let mut unit = store.begin().await.unwrap();
    unit.update_conversation(&conversation).await.unwrap();
    unit.commit().await.unwrap();
    let events: Vec<(i64, i64, String)> = sqlx::query_as("SELECT version, at, status FROM events ORDER BY version")
        .fetch_all(&store.readers)
        .await
        .unwrap();
    assert_eq!(events, [(1, 1, "open".into()), (2, 7, "needs_human".into())]);
}

#[tokio::test]
async fn an_outbox_key_is_kept_once() {
    let Opened { store, folder: _folder, .. } = opened().await;
    for payload in [1, 2] {
        let mut unit = store.begin().await.unwrap();
        unit.enqueue("ticket-1", "notify", &serde_json::json!(payload)).await.unwrap();
        unit.commit().await.unwrap();
    }
    let rows: Vec<(String, String, String)> =
        sqlx::query_as("SELECT key, kind, payload FROM outbox").fetch_all(&store.readers).await.unwrap();
    assert_eq!(rows, [("ticket-1".into(), "notify".into(), "1".into())]);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_names_its_table_and_column() {
    let Opened { store, folder: _folder, .. } = opened().await;
    let conversation = seeded(&store).await;
    sqlx::query("UPDATE conversations SET status = 'haunted'").execute(&store.writer).await.unwrap();
    let told = store.conversation(conversation.id).await.err().unwrap();
    assert!(matches!(told, StoreError::Backend(_)));
    assert!(told.to_string().contains("a row of conversations cannot be read (status"), "{told}");
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_told() {
    let options =
        SqliteOptions { file: "/proc/nowhere/test.db".into(), readers: 1, busy_timeout: Duration::from_millis(100) };
    let told = SqliteStore::open(&options).await.err().unwrap().to_string();
    assert!(told.contains("check data_dir"), "{told}");
}

/// R44: a copy holds what was committed, and nothing of what is under way, while others go on writing.
#[tokio::test]
async fn a_copy_is_of_one_moment() {
    let Opened { store, options, folder } = opened().await;
    let conversation = seeded(&store).await;
    let mut under_way = store.begin().await.unwrap();
    under_way.enqueue("later", "notify", &serde_json::json!(1)).await.unwrap();
    let copy = folder.path().join("copy.db");
    super::copy_database(&options.file, &copy).await.unwrap();
    under_way.commit().await.unwrap();
    let copied = SqliteStore::open(&SqliteOptions { file: copy.clone(), ..options.clone() }).await.unwrap();
    assert!(copied.conversation(conversation.id).await.unwrap().is_some());
    assert!(copied.outgoing("notify", 0, 10).await.unwrap().is_empty());
    assert_eq!(store.outgoing("notify", 0, 10).await.unwrap().len(), 1);
    assert!(super::copy_database(&options.file, &copy).await.is_err(), "nothing is written over");
}
