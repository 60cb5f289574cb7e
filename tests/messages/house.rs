//! A desk for messages on a SQLite database, and the API in front of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::config::http::HttpConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::conversation::Channel;
use switchboard::domain::ids::{AgentId, InboxId};
use switchboard::domain::inbox::Inbox;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Parts, Server, router};
use switchboard::messages::{Intake, MessageDesk};
use switchboard::seams::channel::Maker;
use switchboard::seams::inbox_store::InboxReads;
use switchboard::seams::store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::desk::{NoChannels, api, channels, message_desk, webhooks};

/// The store and the desk, without the API.
pub struct Desk {
    pub store: Arc<SqliteStore>,
    pub bus: Arc<LocalBus>,
    pub agent: Arc<ArcSwap<Agent>>,
    pub inbox: Inbox,
    pub messages: Arc<MessageDesk>,
}

impl Desk {
    /// Opens the database, with an agent and its inbox where it has none.
    pub async fn open(file: &Path) -> Desk {
        let options = SqliteOptions { file: file.into(), readers: 2, busy_timeout: Duration::from_secs(5) };
        let store = Arc::new(SqliteStore::open(&options).await.unwrap());
        let agent = match store.agents().await.unwrap().pop() {
            Some((agent, _)) => agent,
            None => Agent::automatic(AgentId(Uuid::now_v7()), "Harbour Bikes"),
        };
        let inbox = match store.inboxes(agent.id).await.unwrap().pop() {
            Some(inbox) => inbox,
            None => {
                let inbox = Inbox {
                    id: InboxId(Uuid::now_v7()),
                    agent: agent.id,
                    channel: Channel::Api,
                    address: "api".into(),
                };
                let mut unit = store.begin().await.unwrap();
                unit.save_agent(&agent).await.unwrap();
                unit.save_channel_inbox(&inbox).await.unwrap();
                unit.commit().await.unwrap();
                inbox
            }
        };
        let agent = Arc::new(ArcSwap::from_pointee(agent));
        let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
        let messages = message_desk(store.clone(), bus.clone(), agent.clone());
        Desk { store, bus, agent, inbox, messages }
    }

    pub fn intake(&self, thread: &str, text: &str) -> Intake {
        Intake::new(self.inbox.clone(), thread.into(), text.into())
    }

    /// Works until nothing is due.
    pub async fn work_off(&self) {
        while self.messages.work_once().await.unwrap() > 0 {}
    }
}

/// The API in front of a desk, with its channels at work.
pub struct Running {
    pub desk: Desk,
    pub address: std::net::SocketAddr,
    pub client: Client,
    _folder: tempfile::TempDir,
    _ends: DropGuard,
}

pub async fn running() -> Running {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(&folder.path().join("test.db")).await;
    running_on(desk, folder, Arc::new(NoChannels), &[]).await
}

/// With these channels, and webhooks to these hosts of this machine.
pub async fn running_on(
    desk: Desk,
    folder: tempfile::TempDir,
    maker: Arc<dyn Maker>,
    private_hosts: &[String],
) -> Running {
    let config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let channels = channels(desk.store.clone(), desk.messages.clone(), desk.agent.clone(), maker);
    let webhooks = webhooks(desk.store.clone(), private_hosts);
    let parts = Parts {
        messages: desk.messages.clone(),
        channels: channels.clone(),
        webhooks: webhooks.clone(),
        shutdown: shutdown.clone(),
        ..api(desk.store.clone(), desk.bus.clone(), desk.agent.clone(), config)
    };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    tokio::spawn(channels.run(shutdown.clone()));
    tokio::spawn(webhooks.run(shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { desk, address, client, _folder: folder, _ends: shutdown.drop_guard() }
}

impl Running {
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Response {
        let mut request = self.client.request(method, format!("http://{}/api/v1{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let response = self.ask(Method::GET, path, &[], None).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Posts, expects a status, gives the body.
    pub async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        let response = self.ask(Method::POST, path, &[], Some(&body)).await;
        let got = response.status();
        let body = response.json().await.unwrap();
        assert_eq!(got.as_u16(), status, "{path}: {body}");
        body
    }

    /// A customer writes, and what was promised is done.
    pub async fn write(&self, thread: &str, text: &str) -> String {
        let body = json!({ "external_id": thread, "text": text });
        let accepted = self.post("/intake/messages", body, 202).await;
        self.desk.work_off().await;
        accepted["conversation_id"].as_str().unwrap().to_owned()
    }

    /// A teammate acts on a conversation.
    pub async fn ann(&self, id: &str, act: &str, mut more: Value, status: u16) -> Value {
        more["teammate"] = json!("ann");
        self.post(&format!("/conversations/{id}/{act}"), more, status).await
    }

    pub async fn conversation(&self, id: &str) -> Value {
        self.get(&format!("/conversations/{id}")).await
    }
}

/// The texts of a conversation by author.
pub fn said<'a>(conversation: &'a Value, author: &str) -> Vec<&'a str> {
    let messages = conversation["messages"].as_array().unwrap();
    messages.iter().filter(|m| m["author"] == author).map(|m| m["text"].as_str().unwrap()).collect()
}
