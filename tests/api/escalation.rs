//! What happens to unresolved cases, as an admin sets it over the API: judged whole, revisioned, followed by new calls
//! at once (R5, R23–R26); and the tickets that come of them: moved on, and their customers called back (R8).

use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::config::http::HttpConfig;
use switchboard::domain::agent::{Agent, OnUnresolved};
use switchboard::domain::escalation_check::Facts;
use switchboard::domain::ids::{CallId, TicketId};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::domain::ticket::{CallbackWish, Ticket, TicketStatus};
use switchboard::domain::time::EpochMs;
use switchboard::http::{Answering, Parts, Server, router};
use switchboard::seams::fakes::MemoryStore;
use switchboard::seams::store::Store;
use switchboard::voice::call_back::{CallBackOrder, CallsBack, NotCalled};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::desk::api;
use crate::samples;

/// Takes orders to call back, and makes no call.
#[derive(Default)]
struct Taken(Mutex<Vec<CallBackOrder>>);

impl CallsBack for Taken {
    fn call_back(&self, order: CallBackOrder) -> Result<CallId, NotCalled> {
        let mut orders = self.0.lock().unwrap();
        if orders.len() >= 2 {
            return Err(NotCalled::TooOften);
        }
        orders.push(order);
        Ok(CallId(samples::id()))
    }
}

struct Running {
    calls: Arc<Taken>,
    store: MemoryStore,
    live: Arc<ArcSwap<Agent>>,
    address: std::net::SocketAddr,
    client: Client,
    _ends: DropGuard,
}

impl Running {
    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self.client.request(method, format!("http://{}/api/v1{path}", self.address));
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    fn path(&self) -> String {
        format!("/agents/{}/escalation", self.live.load().id)
    }

    async fn put(&self, body: Value) -> Response {
        self.ask(Method::PUT, &self.path(), Some(body)).await
    }
}

fn facts() -> Facts {
    Facts {
        own_numbers: vec![PhoneNumber::parse("+4930901820", None).unwrap()],
        own_hosts: vec![("127.0.0.1".into(), 5060)],
        home_country: Some("DE".into()),
        emergency_number: "112".into(),
        takes_calls: true,
        ..Facts::default()
    }
}

async fn running(facts: Facts) -> Running {
    let config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    let store = MemoryStore::default();
    let (agent, _) = samples::seeded(&store).await;
    let live = Arc::new(ArcSwap::from_pointee(agent));
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let calls = Arc::new(Taken::default());
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let parts = Parts {
        answering: Answering { agent: live.clone(), facts: Arc::new(facts) },
        calls_back: calls.clone(),
        shutdown: shutdown.clone(),
        ..api(Arc::new(store.clone()), bus, live.clone(), config)
    };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    // The client wants one even where nothing is encrypted; another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { calls, store, live, address, client, _ends: shutdown.drop_guard() }
}

fn policy() -> Value {
    json!({
        "on_unresolved": "escalate",
        "escalate_topics": ["legal"],
        "callback_topics": ["workshop"],
        "ladder": [
            {"do": "ring", "targets": ["person:anna", "rota:night"], "ring_seconds": 15},
            {"do": "ring", "targets": ["+493012345678"], "ring_seconds": 18, "transfer": "blind",
             "when": {"time_zone": "Europe/Berlin", "hours": ["Mon-Fri 09:00-17:00"], "closed": ["2026-12-25"]}},
            {"do": "voicemail"},
            {"do": "callback"},
            {"do": "flag"},
        ],
        "people": [
            {"id": "anna", "name": "Anna", "destinations": ["sip:anna@192.0.2.7", "+493012345679"], "do_not_disturb": false},
        ],
        "rotas": [{"id": "night", "shifts": [
            {"person": "anna", "when": {"time_zone": "Europe/Berlin", "hours": ["Mon-Sun 20:00-08:00"]}},
        ]}],
        "spoken_summary": true,
        "accept_by_key": true,
        "transfer": "attended",
        "meanwhile": "music",
        "fields": [{"name": "order_number", "question": "What is your order number?", "kind": "digits"}],
        "allowed_prefixes": ["+49"],
    })
}

fn with(mut policy: Value, key: &str, value: Value) -> Value {
    policy[key] = value;
    policy
}

async fn refused(response: Response) -> Vec<String> {
    assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    let problems = body["problems"].as_array().unwrap();
    assert!(problems.iter().all(|problem| !problem["remedy"].as_str().unwrap().is_empty()), "{body}");
    problems.iter().map(|problem| problem["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_saved_policy_is_the_next_revision_and_new_calls_follow_it_at_once() {
    let running = running(facts()).await;
    let began_with = running.live.load_full();
    let read: Value = running.ask(Method::GET, &running.path(), None).await.json().await.unwrap();
    assert_eq!((&read["revision"], &read["on_unresolved"]), (&json!(1), &json!("flag")));

    let answer = running.put(with(policy(), "revision", json!(1))).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["etag"], "\"2\"");
    let saved: Value = answer.json().await.unwrap();
    assert_eq!(saved, with(policy(), "revision", json!(2)), "it comes back as it was written");
    assert_eq!(running.ask(Method::GET, &running.path(), None).await.json::<Value>().await.unwrap(), saved);

    let now = running.live.load_full();
    assert_eq!((now.revision, now.on_unresolved, now.escalation.ladder.len()), (2, OnUnresolved::Escalate, 5));
    assert_eq!((began_with.revision, began_with.escalation.ladder.len()), (1, 0), "a live call keeps its own");
    assert_eq!(running.store.agent(now.id).await.unwrap().unwrap().revision, 2);
    let agents: Value = running.ask(Method::GET, "/agents", None).await.json().await.unwrap();
    assert_eq!(agents["agents"][0]["revision"], 2);
    assert_eq!(agents["agents"][0]["ladder"], policy()["ladder"]);
}

#[tokio::test]
async fn of_two_admins_the_second_is_told_that_the_first_was_there() {
    let running = running(facts()).await;
    assert_eq!(running.put(policy()).await.status(), StatusCode::PRECONDITION_REQUIRED);
    assert_eq!(running.put(with(policy(), "revision", json!(1))).await.status(), StatusCode::OK);
    let late = running.put(with(policy(), "revision", json!(1))).await;
    assert_eq!(late.status(), StatusCode::CONFLICT);
    let put = |tag: &'static str| {
        let url = format!("http://{}/api/v1{}", running.address, running.path());
        running.client.put(url).header("if-match", tag).json(&policy()).send()
    };
    assert_eq!(put("\"1\"").await.unwrap().status(), StatusCode::CONFLICT);
    assert_eq!(put("mine").await.unwrap().status(), StatusCode::BAD_REQUEST);
    assert_eq!(put("\"2\"").await.unwrap().status(), StatusCode::OK);
    assert_eq!(running.live.load().revision, 3);
}

/// R5: what would come back to us, or is dialled nowhere, never gets into the store.
#[tokio::test]
async fn destinations_that_must_not_be_dialled_are_refused_at_saving() {
    let running = running(facts()).await;
    let ladder = |targets: &[&str]| {
        let ring = json!([{"do": "ring", "targets": targets}]);
        with(with(policy(), "ladder", ring), "revision", json!(1))
    };
    let refused_at = ["ladder[0].targets[0]"];
    for never in ["+4930901820", "sip:support@127.0.0.1", "+12125550123", "sip:112@192.0.2.9", "+499001234567"] {
        assert_eq!(refused(running.put(ladder(&[never])).await).await, refused_at, "{never}");
    }
    assert_eq!(refused(running.put(ladder(&["person:bob", "+12125550123"])).await).await.len(), 2);
    assert_eq!(running.live.load().revision, 1);
    assert_eq!(running.store.agents().await.unwrap()[0].0.revision, 1, "nothing was saved");
}

/// R25
#[tokio::test]
async fn escalate_on_message_channels_alone_is_refused_with_what_there_is() {
    let running = running(Facts { takes_calls: false, ..facts() }).await;
    let answer = running.put(with(policy(), "revision", json!(1))).await;
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["problems"][0]["path"], "on_unresolved");
    let remedy = body["problems"][0]["remedy"].as_str().unwrap();
    assert!(remedy.contains("flag") && remedy.contains("decide"), "{remedy}");
    for other in ["flag", "decide", "nothing"] {
        let revision = running.live.load().revision;
        let body = with(with(policy(), "on_unresolved", json!(other)), "revision", json!(revision));
        assert_eq!(running.put(body).await.status(), StatusCode::OK, "{other}");
    }
}

#[tokio::test]
async fn all_that_cannot_be_read_is_told_at_once_with_its_place() {
    let running = running(facts()).await;
    let body = json!({
        "revision": 1,
        "on_unresolved": "perhaps",
        "ladders": [],
        "ladder": [
            {"do": "ring", "targets": ["the boss", "+493012345678", "person:"], "ring_second": 3},
            {"do": "ring", "targets": ["+493012345678"], "when": {"time_zone": "Berlin"}},
            {"do": "dance"},
            {"do": "voicemail", "targets": []},
        ],
        "people": [{"id": "a"}],
        "rotas": 7,
    });
    let expected = [
        "ladders",
        "on_unresolved",
        "ladder[0].ring_second",
        "ladder[0].targets[0]",
        "ladder[0].targets[2]",
        "ladder[1]",
        "ladder[2]",
        "ladder[3].targets",
        "people[0]",
        "rotas",
    ];
    assert_eq!(refused(running.put(body).await).await, expected);
    assert_eq!(refused(running.put(json!([])).await).await, [""]);
}

#[tokio::test]
async fn only_json_of_a_known_agent_is_read() {
    let running = running(facts()).await;
    let url = format!("http://{}/api/v1{}", running.address, running.path());
    let plain = running.client.put(&url).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(plain.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let broken = running.client.put(&url).header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(broken.status(), StatusCode::BAD_REQUEST);
    for unknown in [samples::id().to_string(), "me".into()] {
        let path = format!("/agents/{unknown}/escalation");
        assert_eq!(running.ask(Method::GET, &path, None).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(running.ask(Method::PUT, &path, Some(policy())).await.status(), StatusCode::NOT_FOUND);
    }
    // A chunked body without a length is bounded as well.
    let endless = futures::stream::iter((0..400).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    let body = reqwest::Body::wrap_stream(endless);
    let large = running.client.put(&url).header("content-type", "application/json").body(body).send().await;
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(running.ask(Method::DELETE, &running.path(), None).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

/// A ticket of the agent whose customer wants to be called on this number.
async fn ticket(running: &Running, number: &str) -> Ticket {
    let (agent, inboxes) = running.store.agents().await.unwrap().remove(0);
    let conversation = samples::conversation(agent.id, inboxes[0], 1_000);
    let number = PhoneNumber::parse(number, None).unwrap();
    let ticket = Ticket {
        status: TicketStatus::Pending,
        callback: Some(CallbackWish { number, time: None, at: None }),
        ..samples::ticket(conversation.id, 1_001)
    };
    let mut unit = running.store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.save_ticket(&ticket).await.unwrap();
    unit.commit().await.unwrap();
    ticket
}

async fn status_of(running: &Running, id: TicketId) -> TicketStatus {
    running.store.ticket(id).await.unwrap().unwrap().status
}

#[tokio::test]
async fn a_ticket_is_moved_on_upon_the_version_that_was_read() {
    let running = running(facts()).await;
    let ticket = ticket(&running, "+4930123456").await;
    let path = format!("/tickets/{}", ticket.id);
    for (version, status) in (1..).zip(["in_progress", "done", "pending"]) {
        let answer = running.ask(Method::PATCH, &path, Some(json!({"version": version, "status": status}))).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["etag"], format!("\"{}\"", version + 1));
        let shown: Value = answer.json().await.unwrap();
        assert_eq!((&shown["status"], &shown["kind"]), (&json!(status), &json!("callback")));
        assert_eq!(shown["callback"]["number"], "+4930123456");
    }
    let due = json!({"version": 4, "due_at_ms": null, "notes": "Asked the workshop."});
    let shown: Value = running.ask(Method::PATCH, &path, Some(due)).await.json().await.unwrap();
    assert_eq!((&shown["due_at_ms"], &shown["notes"]), (&Value::Null, &json!("Asked the workshop.")));
    // Somebody else was quicker: nothing of theirs is overwritten.
    let late = json!({"version": 4, "notes": "mine"});
    assert_eq!(running.ask(Method::PATCH, &path, Some(late)).await.status(), StatusCode::CONFLICT);
    let blind = running.ask(Method::PATCH, &path, Some(json!({"status": "done"}))).await;
    assert_eq!(blind.status(), StatusCode::PRECONDITION_REQUIRED);
    let read: Value = running.ask(Method::GET, &path, None).await.json().await.unwrap();
    assert_eq!((&read["version"], &read["notes"]), (&json!(5), &json!("Asked the workshop.")));
    assert_eq!(status_of(&running, ticket.id).await, TicketStatus::Pending);
    for wrong in [
        json!({"version": 5, "status": "gone"}),
        json!({"version": 5}),
        json!({"version": 5, "status": "done", "reason": "x"}),
        json!({"version": 5, "due_at_ms": 1_700_000_000}),
        json!({"version": 5, "notes": "x".repeat(10_001)}),
    ] {
        let answer = running.ask(Method::PATCH, &path, Some(wrong)).await;
        assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    let unknown = running.ask(Method::PATCH, &format!("/tickets/{}", samples::id()), Some(json!({}))).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

/// R5, R8: a teammate of the policy, and the ticket's own number inside what may be dialled; nothing else is called.
#[tokio::test]
async fn a_customer_is_called_back_through_a_teammate_of_the_policy() {
    let running = running(facts()).await;
    assert_eq!(running.put(with(policy(), "revision", json!(1))).await.status(), StatusCode::OK);
    let home = ticket(&running, "+4930123456").await;
    let path = format!("/tickets/{}/call", home.id);
    let answer = running.ask(Method::POST, &path, Some(json!({"teammate": "person:anna"}))).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert!(answer.json::<Value>().await.unwrap()["call"].is_string());
    {
        let orders = running.calls.0.lock().unwrap();
        assert_eq!(orders[0].customer.number().as_str(), "+4930123456");
        assert_eq!(
            (orders[0].teammate.person.as_deref(), &*orders[0].summary),
            (Some("anna"), "Asks when the shop opens.")
        );
    }
    let refused = async |path: &str, body: Value| running.ask(Method::POST, path, Some(body)).await.status();
    // A destination of the request's own is no destination.
    for stranger in ["+4930999999", "sip:eve@192.0.2.66", "person:eve", "rota:none", "the boss"] {
        let body = json!({"teammate": stranger});
        assert_eq!(refused(&path, body).await, StatusCode::UNPROCESSABLE_ENTITY, "{stranger}");
    }
    let own = json!({"teammate": "person:anna", "number": "+4930999999"});
    assert_eq!(refused(&path, own).await, StatusCode::UNPROCESSABLE_ENTITY);
    let abroad = ticket(&running, "+12125550123").await;
    let abroad = format!("/tickets/{}/call", abroad.id);
    assert_eq!(refused(&abroad, json!({"teammate": "person:anna"})).await, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(running.calls.0.lock().unwrap().len(), 1);
    assert_eq!(refused(&path, json!({"teammate": "person:anna"})).await, StatusCode::ACCEPTED);
    assert_eq!(refused(&path, json!({"teammate": "person:anna"})).await, StatusCode::TOO_MANY_REQUESTS);
    let done = json!({"version": 1, "status": "done"});
    running.ask(Method::PATCH, &format!("/tickets/{}", home.id), Some(done)).await;
    assert_eq!(refused(&path, json!({"teammate": "person:anna"})).await, StatusCode::CONFLICT);
}
