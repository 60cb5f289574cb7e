//! `kill -9` at any moment: every accepted message is there once and answered once (P3).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use switchboard::domain::conversation::Author;
use switchboard::domain::ids::{ConversationId, MessageId};
use switchboard::seams::inbox_store::InboxReads;
use switchboard::seams::store::Store;
use tokio_util::sync::CancellationToken;

use crate::house::Desk;

/// Names the database to the child; without it the child's test has nothing to do.
const CHILD_DATABASE: &str = "MESSAGES_CHILD_DATABASE";

/// A process that accepts and answers messages for ever and prints what it accepted is killed again and again. What
/// the next one finds promised it answers; in the end the ledger is complete.
#[tokio::test]
async fn every_accepted_message_is_there_once_and_answered_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.db");
    drop(Desk::open(&file).await);
    let mut ledger: Vec<(ConversationId, MessageId)> = Vec::new();
    for round in 0..10 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::a_child_that_answers_until_it_is_killed", "--nocapture"])
            .env(CHILD_DATABASE, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let accepted = |line: String| {
            let (conversation, message) = line.strip_prefix("accepted ")?.split_once(' ')?;
            Some((conversation.parse().ok()?, message.parse().ok()?))
        };
        let mut rows = lines.map_while(Result::ok).filter_map(accepted);
        ledger.extend(rows.by_ref().take(5 + round * 13));
        child.kill().unwrap();
        ledger.extend(rows);
        child.wait().unwrap();
    }
    assert!(ledger.len() > 500, "the child accepted {} only", ledger.len());

    let desk = Desk::open(&file).await;
    let shutdown = CancellationToken::new();
    let working = tokio::spawn(desk.messages.clone().run(true, shutdown.clone()));
    while desk.store.next_job_due().await.unwrap().is_some() {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    working.await.unwrap();

    let sent = desk.store.outgoing("message", 0, 1_000_000).await.unwrap();
    let mut sent_of: BTreeMap<String, usize> = BTreeMap::new();
    sent.iter().for_each(|row| *sent_of.entry(row.payload["conversation"].as_str().unwrap().into()).or_default() += 1);
    let conversations: std::collections::BTreeSet<_> = ledger.iter().map(|(conversation, _)| *conversation).collect();
    for (conversation, message) in &ledger {
        let view = desk.store.conversation(*conversation).await.unwrap().unwrap();
        assert_eq!(view.messages.iter().filter(|m| m.id == *message).count(), 1, "{message} was accepted and is lost");
    }
    for conversation in conversations {
        let view = desk.store.conversation(conversation).await.unwrap().unwrap();
        let count = |author| view.messages.iter().filter(|m| m.author == author).count();
        // Messages whose acceptance was cut before it was told are there as well; each is answered once.
        assert_eq!(count(Author::Customer), count(Author::Agent), "{conversation}");
        assert_eq!(sent_of[&conversation.to_string()], count(Author::Agent));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_answers_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD_DATABASE) else { return };
    let desk = Desk::open(std::path::Path::new(&file)).await;
    tokio::spawn(desk.messages.clone().run(true, CancellationToken::new()));
    let next = AtomicUsize::new(0);
    let write = async || loop {
        let thread = format!("{}-{}", std::process::id(), next.fetch_add(1, Ordering::Relaxed) / 3);
        let accepted = desk.messages.accept(desk.intake(&thread, "Hello")).await.unwrap();
        let mut out = std::io::stdout().lock();
        writeln!(out, "accepted {} {}", accepted.conversation_id, accepted.message_id).unwrap();
        out.flush().unwrap();
    };
    futures::future::join_all((0..8).map(|_| write())).await;
}
