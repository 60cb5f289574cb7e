//! `kill -9` at any moment: what was answered is there afterwards (P3).

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::domain::ids::ConversationId;
use switchboard::seams::store::Store;

use crate::samples;

/// Names the database to the child; without it the child's test has nothing to do.
const CHILD_DATABASE: &str = "STORE_CONTRACT_CHILD_DATABASE";

fn options(file: impl Into<std::path::PathBuf>) -> SqliteOptions {
    SqliteOptions { file: file.into(), readers: 1, busy_timeout: Duration::from_secs(5) }
}

/// A process that stores conversations for ever and prints each id once its commit was answered is killed again
/// and again, each time after another number of rows; every printed id is there, whole, and the file is sound.
#[tokio::test]
async fn what_was_answered_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.db");
    SqliteStore::open(&options(&file)).await.unwrap().close().await;
    let mut answered: Vec<ConversationId> = Vec::new();
    for round in 0..12 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::a_child_that_writes_until_it_is_killed", "--nocapture"])
            .env(CHILD_DATABASE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let stored = |line: String| line.strip_prefix("stored ")?.parse::<ConversationId>().ok();
        let mut ids = lines.map_while(Result::ok).filter_map(stored);
        // Killed while it goes on writing: between any two steps of a change, wherever it is by then.
        answered.extend(ids.by_ref().take(1 + round * 7));
        child.kill().unwrap();
        answered.extend(ids);
        child.wait().unwrap();
    }
    assert!(answered.len() > 12 * 7, "the child stored {} only", answered.len());

    let store = SqliteStore::open(&options(&file)).await.unwrap();
    for id in &answered {
        let view = store.conversation(*id).await.unwrap().unwrap_or_else(|| panic!("{id} was answered and is lost"));
        assert_eq!((view.messages.len(), view.tickets.len()), (2, 1), "{id} is there in part");
    }
    // A change that was cut short left nothing behind: whatever is listed is whole.
    for (conversation, call) in store.conversations(None, 10_000).await.unwrap() {
        assert!(call.is_some());
        assert_eq!(store.conversation(conversation.id).await.unwrap().unwrap().messages.len(), 2);
    }
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_child_that_writes_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD_DATABASE) else { return };
    let store = SqliteStore::open(&options(file)).await.unwrap();
    let (agent, inbox) = samples::seeded(&store).await;
    for at in 0.. {
        let conversation = samples::conversation(agent.id, inbox, at);
        let mut unit = store.begin().await.unwrap();
        unit.insert_conversation(&conversation).await.unwrap();
        unit.save_call(&samples::call(conversation.id, at)).await.unwrap();
        unit.insert_message(&samples::message(conversation.id, at)).await.unwrap();
        unit.insert_message(&samples::message(conversation.id, at + 1)).await.unwrap();
        unit.save_ticket(&samples::ticket(conversation.id, at)).await.unwrap();
        unit.commit().await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "stored {}", conversation.id).unwrap();
        out.flush().unwrap();
    }
}
