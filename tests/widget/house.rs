//! A widget on a SQLite database, asked over HTTP as its frame asks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::StreamExt;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::channels::widget::WidgetChannel;
use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::channels::NewAccount;
use switchboard::config::http::HttpConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::conversation::Channel;
use switchboard::domain::ids::AgentId;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Parts, Server, router};
use switchboard::messages::MessageDesk;
use switchboard::seams::channel::{self, Maker, Setup};
use switchboard::seams::store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::desk::{api, channels, message_desk, widgets};

/// The site that shows the widget.
pub const SITE: &str = "https://shop.example";
/// By which it vouches for visitors.
pub const SECRET: &str = "a secret of the shop";

struct WidgetsAlone;

impl Maker for WidgetsAlone {
    fn make(&self, _: Channel, setup: Setup) -> Result<Arc<dyn channel::Channel>, String> {
        Ok(Arc::new(WidgetChannel::make(setup)?))
    }
}

/// The API and the widget in front of a desk.
pub struct Running {
    pub messages: Arc<MessageDesk>,
    pub store: Arc<SqliteStore>,
    pub widget: String,
    pub address: std::net::SocketAddr,
    pub client: Client,
    _folder: Option<tempfile::TempDir>,
    _ends: DropGuard,
}

pub async fn running() -> Running {
    running_with(json!({})).await
}

pub async fn running_with(settings: Value) -> Running {
    let folder = tempfile::tempdir().unwrap();
    let mut running = running_on(&folder.path().join("test.db"), settings).await;
    running._folder = Some(folder);
    running
}

pub async fn running_on(file: &Path, mut settings: Value) -> Running {
    settings["origins"] = json!([SITE]);
    let options = SqliteOptions { file: file.into(), readers: 2, busy_timeout: Duration::from_secs(5) };
    let store = Arc::new(SqliteStore::open(&options).await.unwrap());
    let agent = match store.agents().await.unwrap().pop() {
        Some((agent, _)) => agent,
        None => {
            let agent = Agent::automatic(AgentId(Uuid::now_v7()), "Harbour Bikes");
            let mut unit = store.begin().await.unwrap();
            unit.save_agent(&agent).await.unwrap();
            unit.commit().await.unwrap();
            agent
        }
    };
    let agent = Arc::new(ArcSwap::from_pointee(agent));
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let messages = message_desk(store.clone(), bus.clone(), agent.clone());
    let accounts = channels(store.clone(), messages.clone(), agent.clone(), Arc::new(WidgetsAlone));
    let known = switchboard::seams::channel_store::ChannelReads::channel_accounts(&*store).await.unwrap().pop();
    let widget = match known {
        Some((account, _)) => account.id,
        None => {
            let secrets = [("identity".to_owned(), SECRET.to_owned())].into();
            let new = NewAccount { kind: Channel::Widget, name: "shop".into(), enabled: true, settings, secrets };
            accounts.add(new).await.unwrap().id
        }
    };
    let config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let parts = Parts {
        widgets: widgets(store.clone(), bus.clone(), messages.clone()),
        messages: messages.clone(),
        channels: accounts,
        shutdown: shutdown.clone(),
        ..api(store.clone(), bus, agent, config)
    };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let (_folder, _ends) = (None, shutdown.drop_guard());
    Running { messages, store, widget: widget.to_string(), address, client, _folder, _ends }
}

impl Running {
    /// Asks the widget, as a page of a site or (without one) as our own frame.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        site: Option<&str>,
        token: &str,
        body: Option<&Value>,
    ) -> Response {
        let mut request = self.client.request(method, format!("http://{}/widget/{}{path}", self.address, self.widget));
        if let Some(site) = site {
            request = request.header("origin", site);
        }
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        request.send().await.unwrap()
    }

    pub async fn begin_with(&self, body: Value) -> (u16, Value) {
        read(self.ask(Method::POST, "/sessions", None, "", Some(&body)).await).await
    }

    pub async fn begin(&self) -> Visitor<'_> {
        self.visitor(json!({ "origin": SITE })).await
    }

    pub async fn visitor(&self, body: Value) -> Visitor<'_> {
        let (status, begun) = self.begin_with(body).await;
        assert_eq!(status, 201, "{begun}");
        Visitor { running: self, token: begun["token"].as_str().unwrap().to_owned(), begun }
    }

    pub async fn work_off(&self) {
        while self.messages.work_once().await.unwrap() > 0 {}
    }

    /// The API, as a program on this machine.
    pub async fn api(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let mut request = self.client.request(method, format!("http://{}/api/v1{path}", self.address));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let (status, body) = read(request.send().await.unwrap()).await;
        assert!((200..300).contains(&status), "{path}: {status} {body}");
        body
    }

    pub async fn only_case(&self) -> Value {
        let listed = self.api(Method::GET, "/conversations", None).await;
        let cases = listed["conversations"].as_array().unwrap();
        assert_eq!(cases.len(), 1, "{listed:#}");
        let id = cases[0]["id"].as_str().unwrap().to_owned();
        self.api(Method::GET, &format!("/conversations/{id}"), None).await
    }

    /// A teammate acts on a conversation.
    pub async fn ann(&self, case: &Value, act: &str, mut more: Value) -> Value {
        more["teammate"] = json!("ann");
        let id = case["id"].as_str().unwrap();
        self.api(Method::POST, &format!("/conversations/{id}/{act}"), Some(more)).await
    }
}

/// A browser that visits.
pub struct Visitor<'a> {
    pub running: &'a Running,
    pub token: String,
    pub begun: Value,
}

impl Visitor<'_> {
    pub async fn asks(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        read(self.running.ask(method, path, None, &self.token, body.as_ref()).await).await
    }

    pub async fn writes(&self, text: &str) -> String {
        let name = Uuid::now_v7().to_string();
        self.sends(&name, text).await;
        name
    }

    pub async fn sends(&self, name: &str, text: &str) -> String {
        let (status, taken) =
            self.asks(Method::POST, "/messages", Some(json!({ "client_id": name, "text": text }))).await;
        assert_eq!(status, 202, "{taken}");
        taken["message_id"].as_str().unwrap().to_owned()
    }

    /// What there is after a place, and the place then.
    pub async fn sees(&self, after: Option<i64>) -> (Vec<Value>, i64) {
        let after = after.map_or(String::new(), |after| format!("?after={after}"));
        let (status, answer) = self.asks(Method::GET, &format!("/messages{after}"), None).await;
        assert_eq!(status, 200, "{answer}");
        let news = answer["news"].as_array().unwrap();
        let up_to = news.iter().find_map(|one| one["up_to"].as_i64()).unwrap();
        let messages = news.iter().filter(|one| one["kind"] == "message").map(|one| one["message"].clone());
        (messages.collect(), up_to)
    }

    pub async fn texts(&self) -> Vec<(String, String)> {
        let (messages, _) = self.sees(None).await;
        let pair = |m: &Value| (m["from"].as_str().unwrap().into(), m["text"].as_str().unwrap().into());
        messages.iter().map(pair).collect()
    }

    pub async fn brings(&self, name: &str, bytes: &[u8]) -> (u16, Value) {
        let url = format!("http://{}/widget/{}/files", self.running.address, self.running.widget);
        let url = url::Url::parse_with_params(&url, [("name", name)]).unwrap();
        let request = self.running.client.post(url).bearer_auth(&self.token).body(bytes.to_vec());
        read(request.send().await.unwrap()).await
    }

    /// The stream of Server-Sent Events, as news.
    pub async fn streams(&self, after: i64) -> impl futures::Stream<Item = Value> + Unpin {
        let response = self.running.ask(Method::GET, &format!("/events?after={after}"), None, &self.token, None).await;
        assert_eq!(response.status(), 200);
        let events = eventsource_stream::Eventsource::eventsource(response.bytes_stream());
        Box::pin(events.map(|event| serde_json::from_str(&event.unwrap().data).unwrap()))
    }
}

/// Waits for one that fits.
pub async fn until(stream: &mut (impl futures::Stream<Item = Value> + Unpin), fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let news = stream.next().await.unwrap();
        if fits(&news) {
            return news;
        }
    }
}

pub async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}
