//! `kill -9` between sending and recording, and between acceptance and sending: each answer arrives once, in order (P3,
//! W6). The vendor itself pulls the trigger, in the very moment.

use std::process::{Child, Command, Stdio};

use serde_json::json;
use switchboard::domain::casework::Delivery;
use switchboard::seams::channel_store::ChannelReads;
use tokio_util::sync::CancellationToken;

use crate::desk::channels;
use crate::house::{Desk, running_on};
use crate::shop::{knowing, makers};
use crate::standin::{Act, Vendor};
use crate::telegram::Telegram;

/// Names the database to the child; without it the child's test has nothing to do.
const CHILD_DATABASE: &str = "CHANNELS_CHILD_DATABASE";

fn child(file: &std::path::Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "killed::a_child_that_works_until_it_is_killed", "--nocapture"])
        .env(CHILD_DATABASE, file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn every_answer_arrives_once_whenever_we_are_killed() {
    let folder = tempfile::tempdir().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let file = kept.path().join("killed.db");
    let telegram = Telegram::start().await;
    let running = running_on(Desk::open(&file).await, folder, makers(), &[]).await;
    telegram.added(&running).await;
    drop(running);
    let store = Desk::open(&file).await.store;
    let count = 8;
    for n in 0..count {
        // Every second child dies when its message was taken and nobody told it; the others before it is taken.
        let act = if n % 2 == 0 { Act::TakeAndKill } else { Act::Kill };
        telegram.acts().next(&[act]);
        let mut one = child(&file);
        telegram.kill_with(one.id());
        telegram.write("Hello").await;
        let killed = tokio::task::spawn_blocking(move || one.wait().unwrap()).await.unwrap();
        assert!(!killed.success(), "the vendor kills it");
    }
    let mut last = child(&file);
    telegram.write("Hello").await;
    let arrived = async {
        while store.dispatches(Delivery::Sent, None, 100).await.unwrap().len() < count + 1 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), arrived).await;
    last.kill().unwrap();
    last.wait().unwrap();
    in_time.expect("all of them are sent");
    assert_eq!(telegram.heard().len(), count + 1, "{:?}", telegram.heard());
    assert_eq!(json!(store.dispatches(Delivery::Failed, None, 100).await.unwrap().len()), json!(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_works_until_it_is_killed() {
    let Ok(file) = std::env::var(CHILD_DATABASE) else { return };
    let desk = Desk::open(std::path::Path::new(&file)).await;
    let messages = knowing(&desk);
    let stop = CancellationToken::new();
    let channels = channels(desk.store.clone(), messages.clone(), desk.agent.clone(), makers());
    tokio::spawn(channels.run(stop.clone()));
    messages.run(true, stop).await;
}
