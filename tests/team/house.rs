//! The API over a store in memory, asked in anybody's name.

use std::path::Path;
use std::sync::Arc;

use arc_swap::ArcSwap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::config::http::HttpConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::ids::InboxId;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Server, router};
use switchboard::seams::fakes::MemoryStore;
use switchboard::team::Team;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::desk::{TOKEN, api};
use crate::samples;

pub const PASSWORD: &str = "horse battery staple";

pub struct Running {
    pub store: MemoryStore,
    pub agent: Agent,
    pub inbox: InboxId,
    pub team: Arc<Team>,
    pub bus: Arc<LocalBus>,
    pub address: std::net::SocketAddr,
    client: Client,
    _ends: DropGuard,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The session's cookie, as a browser sends it back.
    pub fn cookie(&self) -> String {
        self.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned()
    }
}

pub async fn running() -> Running {
    running_with(|_| {}).await
}

pub async fn running_with(change: impl FnOnce(&mut HttpConfig)) -> Running {
    let mut config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    change(&mut config);
    let store = MemoryStore::default();
    let (agent, inbox) = samples::seeded(&store).await;
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let shared = Arc::new(ArcSwap::from_pointee(agent.clone()));
    let parts = api(Arc::new(store.clone()), bus.clone(), shared, config);
    let team = parts.team.clone();
    let shutdown = CancellationToken::new();
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { store, agent, inbox, team, bus, address, client, _ends: shutdown.drop_guard() }
}

impl Running {
    pub async fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Option<Value>) -> Answer {
        let url = if path.starts_with("/api") { path.to_owned() } else { format!("/api/v1{path}") };
        let method: Method = method.parse().unwrap();
        let mut request = self.client.request(method, format!("http://{}{url}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    /// The first account; gives its cookie.
    pub async fn owner(&self) -> String {
        let body = json!({
            "link": self.team.set_up_secret(), "name": "Olga", "email": "olga@shop.example", "password": PASSWORD,
        });
        let made = self.ask("POST", "/setup", &[], Some(body)).await;
        assert_eq!(made.status, 201, "{}", made.body);
        made.cookie()
    }

    /// Somebody on the team; gives their cookie.
    pub async fn somebody(&self, owner: &str, role: &str, inboxes: Value) -> String {
        let body = json!({
            "name": format!("A {role}"), "email": format!("{role}-{}@shop.example", uuid::Uuid::now_v7()), "role": role,
            "inboxes": inboxes,
        });
        let invited = self.by(owner, "POST", "/teammates", Some(body)).await;
        assert_eq!(invited.status, 201, "{}", invited.body);
        let body = json!({ "link": invited.body["invitation"], "password": PASSWORD });
        let taken = self.ask("POST", "/invitation", &[], Some(body)).await;
        assert_eq!(taken.status, 200, "{}", taken.body);
        taken.cookie()
    }

    /// What happens from now on, until it holds these words.
    pub async fn events_until(&self, cookie: &str, words: &str, mut meanwhile: impl FnMut()) -> String {
        let request = self.client.get(format!("http://{}/api/v1/events", self.address)).header("cookie", cookie);
        let mut response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        meanwhile();
        let mut text = String::new();
        while !text.contains(words) {
            text += std::str::from_utf8(&response.chunk().await.unwrap().unwrap()).unwrap();
        }
        text
    }

    /// Asks as a page of ours does, with this cookie.
    pub async fn by(&self, cookie: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask(method, path, &[("cookie", cookie), ("sec-fetch-site", "same-origin")], body).await
    }

    pub async fn bearer(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Answer {
        self.ask(method, path, &[("authorization", &format!("Bearer {token}"))], body).await
    }

    pub async fn sign_in(&self, email: &str, password: &str, code: Option<&str>) -> Answer {
        let body = json!({ "email": email, "password": password, "code": code });
        self.ask("POST", "/session", &[], Some(body)).await
    }

    pub fn bootstrap() -> String {
        format!("Bearer {TOKEN}")
    }
}
