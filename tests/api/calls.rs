//! Live calls over HTTP: what is shown, what is ordered of them, and what is refused with what to do (R5, R9).

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::config::http::HttpConfig;
use switchboard::domain::ids::{CallId, ConversationId, InboxId, LegId};
use switchboard::domain::supervision::SupervisionMode;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Parts, Server, router};
use switchboard::seams::fakes::MemoryStore;
use switchboard::voice::flow::Stands;
use switchboard::voice::live_calls::{LiveCall, LiveParty, NotDone, Order, PartyRole, Supervised, Telephone, Way};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::desk::api;
use crate::samples;

/// One live call, which does all that is ordered until it has ended.
struct OneCall {
    call: LiveCall,
    ordered: Mutex<Vec<String>>,
    refuses: Mutex<Option<NotDone>>,
}

#[async_trait]
impl Supervised for OneCall {
    fn list(&self) -> Vec<LiveCall> {
        vec![self.call.clone()]
    }

    fn one(&self, id: CallId) -> Result<(LiveCall, LegId), NotDone> {
        if id == self.call.id { Ok((self.call.clone(), LegId(samples::id()))) } else { Err(NotDone::Unknown) }
    }

    fn inbox(&self, id: CallId) -> Option<InboxId> {
        (id == self.call.id).then_some(self.call.inbox)
    }

    async fn order(&self, id: CallId, by: String, order: Order) -> Result<LiveCall, NotDone> {
        self.one(id)?;
        if let Some(refusal) = *self.refuses.lock().unwrap() {
            return Err(refusal);
        }
        let way = |way: &Way| match way {
            Way::Browser(_) => "browser".to_owned(),
            Way::Telephone(Telephone::Registered(name)) => format!("phone {name}"),
            Way::Telephone(Telephone::Person(id)) => format!("person {id}"),
        };
        let what = match &order {
            Order::Join { way: by, mode } => format!("join by {} to {mode:?}", way(by)),
            Order::Change(mode) => format!("change to {mode:?}"),
            Order::Leave => "leave".into(),
            Order::TakeOver(by) => format!("take over by {}", by.as_ref().map_or("presence".into(), way)),
            Order::HandBack => "hand back".into(),
            Order::Transfer(to) => format!("transfer to {}", to.clone().map_or("policy".into(), String::from)),
            Order::End => "end".into(),
        };
        self.ordered.lock().unwrap().push(format!("{by}: {what}"));
        Ok(self.call.clone())
    }
}

struct Running {
    calls: Arc<OneCall>,
    address: std::net::SocketAddr,
    client: Client,
    _ends: DropGuard,
}

impl Running {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("http://{}/api/v1/calls/{}/{path}", self.address, self.calls.call.id);
        self.send(method, &url, body).await
    }

    async fn send(&self, method: Method, url: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, url);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    fn ordered(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.ordered.lock().unwrap())
    }
}

async fn running() -> Running {
    let config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, std::path::Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let call = LiveCall {
        id: CallId(samples::id()),
        conversation: ConversationId(samples::id()),
        inbox: InboxId(samples::id()),
        trunk: "carrier".into(),
        started_at_ms: EpochMs(1_000),
        stands: Stands::Conversing,
        since_ms: EpochMs(2_000),
        agent_speaks: true,
        parties: vec![LiveParty { role: PartyRole::Caller, who: Some("+49301111111".into()) }],
        supervisors: Vec::new(),
    };
    let calls = Arc::new(OneCall { call, ordered: Mutex::default(), refuses: Mutex::default() });
    let agent = Arc::new(arc_swap::ArcSwap::from_pointee(samples::agent()));
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let store = Arc::new(MemoryStore::default());
    let parts = Parts { calls: calls.clone(), shutdown: shutdown.clone(), ..api(store, bus, agent, config) };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { calls, address, client, _ends: shutdown.drop_guard() }
}

async fn detail(response: Response, status: u16) -> String {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    response.json::<Value>().await.unwrap()["detail"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn live_calls_are_listed_with_who_is_on_them() {
    let running = running().await;
    let listed: Value = running
        .client
        .get(format!("http://{}/api/v1/calls", running.address))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let call = &listed["calls"][0];
    assert_eq!(call["id"], running.calls.call.id.to_string());
    assert_eq!((&call["stands"], &call["agent_speaks"]), (&json!("conversing"), &json!(true)));
    assert_eq!(call["parties"], json!([{ "role": "caller", "who": "+49301111111" }]));
    assert_eq!(call["supervisors"], json!([]));
}

#[tokio::test]
async fn what_is_ordered_reaches_the_call_in_the_name_of_whoever_orders_it() {
    let running = running().await;
    let join = json!({ "via": "phone:desk", "mode": "whisper", "teammate": "Bea" });
    assert_eq!(running.ask(Method::POST, "supervision", Some(join)).await.status(), 201);
    assert_eq!(running.ask(Method::PATCH, "supervision", Some(json!({ "mode": "barge" }))).await.status(), 200);
    assert_eq!(running.ask(Method::DELETE, "supervision", None).await.status(), 200);
    let take = json!({ "via": "person:anna" });
    assert_eq!(running.ask(Method::POST, "take-over", Some(take)).await.status(), 200);
    assert_eq!(running.ask(Method::POST, "take-over", None).await.status(), 200);
    assert_eq!(running.ask(Method::POST, "hand-back", None).await.status(), 200);
    assert_eq!(running.ask(Method::POST, "transfer", None).await.status(), 200);
    assert_eq!(running.ask(Method::POST, "transfer", Some(json!({ "to": "person:anna" }))).await.status(), 200);
    assert_eq!(running.ask(Method::POST, "end", None).await.status(), 200);
    let expected = [
        "Bea: join by phone desk to Whisper",
        "this machine: change to Barge",
        "this machine: leave",
        "this machine: take over by person anna",
        "this machine: take over by presence",
        "this machine: hand back",
        "this machine: transfer to policy",
        "this machine: transfer to person:anna",
        "this machine: end",
    ];
    assert_eq!(running.ordered(), expected);
    // Each is in the audit log.
    let url = format!("http://{}/api/v1/audit", running.address);
    let audit: Value = running.client.get(url).send().await.unwrap().json().await.unwrap();
    let acts: Vec<&str> =
        audit["entries"].as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert_eq!(acts.len(), expected.len(), "{acts:?}");
    assert!(acts.contains(&"PATCH /api/v1/calls/{id}/supervision"));
}

/// R5: no telephone is named by a request but by its name in configuration.
#[tokio::test]
async fn a_number_cannot_be_named() {
    let running = running().await;
    for via in ["+4930123456", "sip:anna@example.com", "phone:", "rota:night", ""] {
        let told = detail(running.ask(Method::POST, "supervision", Some(json!({ "via": via }))).await, 422).await;
        assert!(told.contains("phone:NAME"), "{via}: {told}");
    }
    let told = detail(running.ask(Method::POST, "supervision", Some(json!({ "via": "browser" }))).await, 422).await;
    assert!(told.contains("offer"), "{told}");
    assert!(running.ordered().is_empty());
}

#[tokio::test]
async fn what_cannot_be_done_is_told_with_what_to_do() {
    let running = running().await;
    for (refusal, status, told) in [
        (NotDone::Ended, 409, "has ended"),
        (NotDone::Occupied, 409, "already"),
        (NotDone::NotReachable, 409, "not registered"),
        (NotDone::NoSuchTelephone, 422, "name one of them"),
        (NotDone::NoWay, 422, "via"),
    ] {
        *running.calls.refuses.lock().unwrap() = Some(refusal);
        let detail = detail(running.ask(Method::POST, "take-over", None).await, status).await;
        assert!(detail.contains(told) && detail.ends_with('.'), "{detail}");
    }
    *running.calls.refuses.lock().unwrap() = None;
    for other in [samples::id().to_string(), "none".into()] {
        let url = format!("http://{}/api/v1/calls/{other}/end", running.address);
        detail(running.send(Method::POST, &url, None).await, 404).await;
    }
    assert_eq!(SupervisionMode::default(), SupervisionMode::Listen);
}

/// The same key: done once.
#[tokio::test]
async fn an_order_with_a_key_is_carried_out_once() {
    let running = running().await;
    let url = format!("http://{}/api/v1/calls/{}/end", running.address, running.calls.call.id);
    for _ in 0..2 {
        let response = running.client.post(&url).header("idempotency-key", "once").send().await.unwrap();
        assert_eq!(response.status(), 200);
    }
    assert_eq!(running.ordered(), ["this machine: end"]);
}
