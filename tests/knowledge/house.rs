//! A desk with knowledge on a SQLite database, and the API in front of it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::config::http::HttpConfig;
use switchboard::config::knowledge::KnowledgeConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::conversation::Channel;
use switchboard::domain::ids::{AgentId, InboxId};
use switchboard::domain::inbox::Inbox;
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{ChannelTraits, Turn, TurnInput};
use switchboard::http::{Parts, Server, router};
use switchboard::messages::MessageDesk;
use switchboard::seams::embed::{EmbedError, Embedder};
use switchboard::seams::store::Store;
use switchboard::support::Desk;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::desk::{api, library_with};

/// Words as directions: texts with words in common are near.
struct Words;

impl Embedder for Words {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let embed = |text: &&str| {
            let mut vector = vec![0.0f32; 256];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 3) {
                let at = word.bytes().fold(7u32, |hash, byte| hash.wrapping_mul(31).wrapping_add(u32::from(byte)));
                vector[at as usize % 256] += 1.0;
            }
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-6);
            vector.into_iter().map(|x| x / norm).collect()
        };
        Ok(texts.iter().map(embed).collect())
    }
}

pub struct Running {
    pub messages: Arc<MessageDesk>,
    pub agent: Arc<ArcSwap<Agent>>,
    pub desk: Arc<Desk>,
    pub address: std::net::SocketAddr,
    client: Client,
    _folder: tempfile::TempDir,
    _ends: DropGuard,
}

pub async fn running() -> Running {
    running_with(|_| {}).await
}

pub async fn running_with(change: impl FnOnce(&mut KnowledgeConfig)) -> Running {
    let mut knowledge = KnowledgeConfig::default();
    change(&mut knowledge);
    let folder = tempfile::tempdir().unwrap();
    let options =
        SqliteOptions { file: folder.path().join("test.db"), readers: 2, busy_timeout: Duration::from_secs(5) };
    let store = Arc::new(SqliteStore::open(&options).await.unwrap());
    let agent = Agent::automatic(AgentId(Uuid::now_v7()), "Harbour Bikes");
    let inbox = Inbox { id: InboxId(Uuid::now_v7()), agent: agent.id, channel: Channel::Api, address: "api".into() };
    let mut unit = store.begin().await.unwrap();
    unit.save_agent(&agent).await.unwrap();
    unit.save_channel_inbox(&inbox).await.unwrap();
    unit.commit().await.unwrap();
    let agent = Arc::new(ArcSwap::from_pointee(agent));
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let desk = Arc::new(Desk::new(Some(Arc::new(Words))));
    let messages = MessageDesk::open(switchboard::messages::Parts {
        store: store.clone(),
        bus: bus.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        blobs: Arc::new(switchboard::seams::fakes::MemoryBlobs::default()),
        desk: desk.clone(),
        agent: agent.clone(),
        config: Default::default(),
    });
    let config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let parts = Parts {
        messages: messages.clone(),
        library: library_with(store.clone(), desk.clone(), agent.load().id, &knowledge),
        shutdown: shutdown.clone(),
        ..api(store, bus, agent.clone(), config)
    };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { messages, agent, desk, address, client, _folder: folder, _ends: shutdown.drop_guard() }
}

impl Running {
    /// Asks and expects a status; gives the body, `null` where there is none.
    pub async fn ask(&self, method: Method, path: &str, body: Option<Value>, status: u16) -> Value {
        self.with(method, path, &[], body, status).await
    }

    pub async fn with(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
        status: u16,
    ) -> Value {
        let mut request = self.client.request(method, format!("http://{}/api/v1{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let got = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(got, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Posts a file as it is.
    pub async fn upload(&self, path: &str, file: Vec<u8>, status: u16) -> Value {
        self.send_file(Method::POST, path, file, status).await
    }

    pub async fn put_file(&self, path: &str, file: Vec<u8>, status: u16) -> Value {
        self.send_file(Method::PUT, path, file, status).await
    }

    async fn send_file(&self, method: Method, path: &str, file: Vec<u8>, status: u16) -> Value {
        let request = self.client.request(method, format!("http://{}/api/v1{path}", self.address)).body(file);
        let response = request.header("content-type", "application/octet-stream").send().await.unwrap();
        let got = response.status().as_u16();
        let text = response.text().await.unwrap();
        assert_eq!(got, status, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, None, 200).await
    }

    pub async fn post(&self, path: &str, body: Value, status: u16) -> Value {
        self.ask(Method::POST, path, Some(body), status).await
    }

    /// A customer writes; gives the conversation once it was answered.
    pub async fn write(&self, thread: &str, text: &str) -> Value {
        let accepted = self.post("/intake/messages", json!({ "external_id": thread, "text": text }), 202).await;
        while self.messages.work_once().await.unwrap() > 0 {}
        self.get(&format!("/conversations/{}", accepted["conversation_id"].as_str().unwrap())).await
    }

    /// What a call that is live would be answered now.
    pub fn on_a_call(&self, text: &str) -> Turn {
        let input = TurnInput {
            text: text.into(),
            history: vec![],
            offered: None,
            channel: ChannelTraits::PHONE,
            now: EpochMs(1),
        };
        self.desk.turn(&self.agent.load(), &input)
    }
}
