//! `kill -9` at any moment: whatever a visitor was told is kept is there once, and they see it (P3).

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::house::{SITE, running_on};

/// Names the database to the child; without it the child's test has nothing to do.
const CHILD_DATABASE: &str = "WIDGET_CHILD_DATABASE";

/// A process that takes a visitor's messages and answers them is killed again and again; each message that was taken is
/// there once, also when the browser, which heard nothing, sends it again.
#[tokio::test]
async fn every_message_that_was_taken_is_seen_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("killed.db");
    let begun = running_on(&file, json!({})).await;
    let token = begun.visitor(json!({ "origin": SITE })).await.token;
    drop(begun);
    let mut taken: Vec<String> = Vec::new();
    for round in 0..4 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::a_child_that_takes_messages_until_it_is_killed", "--nocapture"])
            .env(CHILD_DATABASE, &file)
            .env("WIDGET_CHILD_TOKEN", &token)
            .env("WIDGET_CHILD_ROUND", round.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut rows = lines.map_while(Result::ok).filter_map(|line| Some(line.strip_prefix("taken ")?.to_owned()));
        taken.extend(rows.by_ref().take(2 + round));
        child.kill().unwrap();
        taken.extend(rows);
        child.wait().unwrap();
    }
    assert!(taken.len() >= 8, "{taken:?}");
    let running = running_on(&file, json!({})).await;
    let visitor = crate::house::Visitor { running: &running, token, begun: json!({}) };
    visitor.sends(&taken[0], "Hello").await;
    let (seen, _) = visitor.sees(None).await;
    for name in &taken {
        assert_eq!(seen.iter().filter(|message| message["client_id"] == **name).count(), 1, "{name}");
    }
    let mut places: Vec<_> = seen.iter().map(|message| message["seq"].as_i64().unwrap()).collect();
    let sorted = places.clone();
    places.sort_unstable();
    places.dedup();
    assert_eq!(places, sorted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_takes_messages_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD_DATABASE) else { return };
    let token = std::env::var("WIDGET_CHILD_TOKEN").unwrap();
    let round = std::env::var("WIDGET_CHILD_ROUND").unwrap();
    let running = running_on(Path::new(&file), json!({})).await;
    tokio::spawn(running.messages.clone().run(true, Default::default()));
    let visitor = crate::house::Visitor { running: &running, token, begun: json!({}) };
    for at in 0.. {
        let name = format!("message-{round}-{at}");
        visitor.sends(&name, "Hello").await;
        let mut out = std::io::stdout().lock();
        writeln!(out, "taken {name}").unwrap();
        out.flush().unwrap();
    }
}
