//! A house with knowledge and one channel, and the customer at the other end of it.

use std::sync::Arc;

use serde_json::{Value, json};
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::app::channels::Makers;
use switchboard::messages::MessageDesk;
use switchboard::seams::fakes::MemoryBlobs;
use switchboard::support;

use crate::house::{Desk, Running, running_on, said};
use crate::words::{ANSWER, ASKED, Words, shipping};

/// Every kind of channel there is.
pub fn makers() -> Arc<Makers> {
    Arc::new(Makers::new(Arc::new(SystemClock), Arc::new(MemoryBlobs::default())))
}

/// A house that knows one thing.
pub async fn shop() -> Running {
    shop_with(&[]).await
}

/// The same, which may post to these hosts of this machine.
pub async fn shop_with(private_hosts: &[String]) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk::open(&folder.path().join("test.db")).await;
    desk.messages = knowing(&desk);
    running_on(desk, folder, makers(), private_hosts).await
}

/// A desk for messages that knows one thing.
pub fn knowing(desk: &Desk) -> Arc<MessageDesk> {
    let core = support::Desk::new(Some(Arc::new(Words)));
    core.set_knowledge(desk.agent.load().id, vec![shipping()]).unwrap();
    MessageDesk::open(switchboard::messages::Parts {
        store: desk.store.clone(),
        bus: desk.bus.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        desk: Arc::new(core),
        blobs: Arc::new(MemoryBlobs::default()),
        agent: desk.agent.clone(),
        config: Default::default(),
    })
}

impl Running {
    /// Waits, answering what is promised, until something holds.
    pub async fn until<T>(&self, holds: impl AsyncFn() -> Option<T>) -> T {
        let wait = async {
            loop {
                self.desk.work_off().await;
                if let Some(found) = holds().await {
                    return found;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), wait).await.expect("it never held")
    }

    /// Waits until the newest conversation is as wanted.
    pub async fn newest(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.until(async || {
            let list = self.get("/conversations").await;
            let id = list["conversations"][0]["id"].as_str()?.to_owned();
            Some(self.conversation(&id).await).filter(&wanted)
        })
        .await
    }

    /// Adds an account; gives its id.
    pub async fn add_channel(&self, kind: &str, settings: Value, secrets: Value) -> String {
        let new = json!({ "kind": kind, "name": kind, "settings": settings, "secrets": secrets });
        let added = self.post("/channels", new, 201).await;
        added["id"].as_str().unwrap().to_owned()
    }
}

/// How far messages to the customer came.
pub fn how_far(conversation: &Value) -> Vec<&str> {
    let messages = conversation["messages"].as_array().unwrap();
    messages.iter().filter_map(|m| m["delivery"].as_str()).collect()
}

/// The walk of every channel: something answerable is answered with its source, something sensitive is held as a draft
/// and sent by a teammate, all in one case (R13, R17, R18, R21).
pub async fn walk(running: &Running, write: impl AsyncFn(&str), heard: impl Fn() -> Vec<String>) {
    write(ASKED).await;
    let case = running.newest(|case| how_far(case) == ["sent"]).await;
    assert_eq!(heard(), [ANSWER]);
    let reply = case["messages"].as_array().unwrap().iter().find(|m| m["author"] == "agent").unwrap();
    assert_eq!(reply["sources"][0]["entry"], "shipping");

    write("I want a refund for my order, this is a scandal").await;
    let case = running.newest(|case| case["status"] == "needs_human" && how_far(case) == ["sent", "sent"]).await;
    assert_eq!(heard().len(), 2, "the customer is told that a colleague takes it");
    let id = case["id"].as_str().unwrap().to_owned();
    running.ann(&id, "messages", json!({ "text": "The money is on its way." }), 201).await;
    let case = running.newest(|case| how_far(case) == ["sent", "sent", "sent"]).await;
    assert_eq!(heard()[2], "The money is on its way.");
    assert_eq!(said(&case, "customer").len(), 2);
    assert!(case["contact"].is_string(), "it is known who wrote");
}
