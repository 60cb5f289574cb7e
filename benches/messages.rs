//! Messages on SQLite: accepted a second, each durable before its acknowledgement, and the time of lists, searches and
//! opening with many conversations stored.
//!
//! `scripts/bench messages accept [--seconds 10] [--senders 64]`
//! `scripts/bench messages read [--conversations 100000]`

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hdrhistogram::Histogram;
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::domain::agent::Agent;
use switchboard::domain::casework::{Casework, Tag, TagKind};
use switchboard::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status};
use switchboard::domain::ids::{AgentId, ConversationId, InboxId, MessageId};
use switchboard::domain::inbox::Inbox;
use switchboard::domain::time::EpochMs;
use switchboard::messages::{Intake, MessageDesk, Parts};
use switchboard::seams::inbox_store::{Filter, InboxReads};
use switchboard::seams::store::{Cursor, Store};
use switchboard::support::Desk;
use uuid::Uuid;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.and_then(|at| arguments.get(at + 1)?.parse().ok()).unwrap_or(usual)
    };
    println!("load: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    // The folder of the tests may be memory; a disk is what is measured.
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap().join("target")).unwrap();
    let given = |name: &str| arguments.iter().any(|argument| argument == name);
    match (given("accept"), given("read")) {
        (_, true) => runtime.block_on(read(folder.path(), number("--conversations", 100_000))),
        (_, false) => runtime.block_on(accept(folder.path(), number("--seconds", 10), number("--senders", 64))),
    }
}

async fn opened(folder: &Path) -> (Arc<SqliteStore>, Agent, Inbox) {
    let options = SqliteOptions { file: folder.join("bench.db"), readers: 4, busy_timeout: Duration::from_secs(5) };
    let store = Arc::new(SqliteStore::open(&options).await.unwrap());
    let agent = Agent::automatic(AgentId(Uuid::now_v7()), "Harbour Bikes");
    let inbox = Inbox { id: InboxId(Uuid::now_v7()), agent: agent.id, channel: Channel::Api, address: "api".into() };
    let mut unit = store.begin().await.unwrap();
    unit.save_agent(&agent).await.unwrap();
    unit.save_channel_inbox(&inbox).await.unwrap();
    unit.commit().await.unwrap();
    (store, agent, inbox)
}

/// Senders that each wait for their acknowledgement before they send the next message; every eighth message begins a
/// conversation. Nothing is answered meanwhile.
async fn accept(folder: &Path, seconds: u64, senders: u64) {
    let (store, agent, inbox) = opened(folder).await;
    let desk = MessageDesk::open(Parts {
        store,
        bus: Arc::new(LocalBus::new(EpochMs(0))),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        blobs: Arc::new(switchboard::seams::fakes::MemoryBlobs::default()),
        desk: Arc::new(Desk::new(None)),
        agent: Arc::new(ArcSwap::from_pointee(agent)),
        config: Default::default(),
    });
    let next = Arc::new(AtomicU64::new(0));
    let ends = Instant::now() + Duration::from_secs(seconds);
    let began = Instant::now();
    let tasks = (0..senders).map(|_| {
        let (desk, next, inbox) = (desk.clone(), next.clone(), inbox.clone());
        tokio::spawn(async move {
            let mut times = Histogram::<u64>::new(3).unwrap();
            while Instant::now() < ends {
                let thread = format!("t{}", next.fetch_add(1, Ordering::Relaxed) / 8);
                let text = "My order has not arrived yet; could you tell me where it is?".to_owned();
                let intake = Intake::new(inbox.clone(), thread, text);
                let sent = Instant::now();
                desk.accept(intake).await.unwrap();
                times.record(sent.elapsed().as_micros() as u64).unwrap();
            }
            times
        })
    });
    let mut all = Histogram::<u64>::new(3).unwrap();
    for times in futures::future::join_all(tasks.collect::<Vec<_>>()).await {
        all.add(times.unwrap()).unwrap();
    }
    let rate = all.len() as f64 / began.elapsed().as_secs_f64();
    println!("accepted {} messages by {senders} senders: {rate:.0} a second", all.len());
    told("accept", &all);
}

async fn read(folder: &Path, count: u64) {
    let (store, agent, inbox) = opened(folder).await;
    let began = Instant::now();
    let mut ids = Vec::new();
    let states = [Status::Resolved, Status::Resolved, Status::Resolved, Status::Open, Status::NeedsHuman];
    for first in (0..count).step_by(2_000) {
        let mut unit = store.begin().await.unwrap();
        for n in first..(first + 2_000).min(count) {
            let casework = Casework {
                thread: Some(format!("t{n}")),
                assignee: (n % 7 == 0).then(|| "ann".into()),
                tags: Tag::new(TagKind::Department, if n % 500 == 0 { "rare" } else { "usual" }).into_iter().collect(),
                ..Casework::default()
            };
            let conversation = Conversation {
                id: ConversationId(Uuid::now_v7()),
                agent: agent.id,
                inbox: inbox.id,
                channel: Channel::Api,
                status: states[n as usize % states.len()],
                handler: if n % 3 == 0 { Handler::Human } else { Handler::Bot },
                reason: None,
                summary: None,
                preview: false,
                version: 1,
                created_at: EpochMs(n as i64 * 1_000),
                updated_at: EpochMs(n as i64 * 1_000),
                casework,
            };
            unit.insert_conversation(&conversation).await.unwrap();
            unit.index_tags(&conversation, &conversation.casework.tags).await.unwrap();
            for said in 0..5 {
                let message = Message {
                    id: MessageId(Uuid::now_v7()),
                    conversation: conversation.id,
                    author: if said % 2 == 0 { Author::Customer } else { Author::Agent },
                    text: format!("Order {n} has not arrived; could you tell me where parcel {} is?", n * 5 + said),
                    heard_text: None,
                    at: EpochMs(n as i64 * 1_000 + said as i64),
                    decision: None,
                    timings: None,
                    post: Default::default(),
                };
                unit.insert_message(&message).await.unwrap();
            }
            ids.push(conversation.id);
        }
        unit.commit().await.unwrap();
    }
    println!("{count} conversations with 5 messages each, seeded in {:.0} s", began.elapsed().as_secs_f64());
    let any = Filter::default;
    let deep = |n: u64| Some(Cursor { created_at: EpochMs((n * 7_919 % count) as i64 * 1_000), id: ids[0] });
    for (name, filter) in [
        ("list", any()),
        ("list needs_human", Filter { statuses: vec![Status::NeedsHuman], ..any() }),
        ("list open or needs_human", Filter { statuses: vec![Status::Open, Status::NeedsHuman], ..any() }),
        ("list handler human", Filter { handler: Some(Handler::Human), ..any() }),
        ("list rare tag", Filter { tag: Some("rare".into()), ..any() }),
        ("search a word of all", Filter { text: Some("arrived parcel".into()), ..any() }),
    ] {
        let mut times = Histogram::<u64>::new(3).unwrap();
        for n in 0..300u64 {
            // Every other page lies anywhere in the list.
            let cursor = if n % 2 == 0 { None } else { deep(n) };
            let asked = Instant::now();
            store.conversations_by(&filter, cursor, 50).await.unwrap();
            times.record(asked.elapsed().as_micros() as u64).unwrap();
        }
        told(name, &times);
    }
    let mut times = Histogram::<u64>::new(3).unwrap();
    let mut opened = Histogram::<u64>::new(3).unwrap();
    for n in 0..300u64 {
        let filter = Filter { text: Some(format!("order {}", n * 7_919 % count)), ..any() };
        let asked = Instant::now();
        store.conversations_by(&filter, None, 50).await.unwrap();
        times.record(asked.elapsed().as_micros() as u64).unwrap();
        let asked = Instant::now();
        store.conversation(ids[(n * 104_729 % count) as usize]).await.unwrap().unwrap();
        opened.record(asked.elapsed().as_micros() as u64).unwrap();
    }
    told("search one order", &times);
    told("open", &opened);
}

fn told(name: &str, times: &Histogram<u64>) {
    let ms = |share: f64| times.value_at_quantile(share) as f64 / 1_000.0;
    println!("{name:<26} p50 {:>7.2} ms  p95 {:>7.2} ms  p99 {:>7.2} ms", ms(0.5), ms(0.95), ms(0.99));
}
