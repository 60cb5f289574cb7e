//! Discord, against a stand-in of its gateway and its REST interface.

use std::sync::{Arc, Mutex};

use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::conformance;
use crate::house::{Running, said};
use crate::shop::{self, how_far, shop};
use crate::standin::{Act, Acts, Vendor, broken, serve};

const TOKEN: &str = "a-bots.token";

/// Discord with one customer in direct messages, channel 500.
#[derive(Clone, Default)]
struct Discord {
    url: String,
    acts: Acts,
    kept: Arc<Mutex<Kept>>,
    news: Arc<Notify>,
}

#[derive(Default)]
struct Kept {
    /// Events, numbered from 2 (READY is 1).
    events: Vec<(String, Value)>,
    posted: Vec<Value>,
    threads: Vec<String>,
    identified: usize,
    resumed: Vec<i64>,
    /// Closes the next connections with these codes once they began.
    closes: Vec<u16>,
    /// Answers no heartbeat of the first connection.
    deaf: bool,
}

impl Discord {
    async fn start() -> Discord {
        let mut discord = Discord::default();
        // The address is part of what it answers.
        let shared = Arc::new(Mutex::new(String::new()));
        let state = (discord.clone(), shared.clone());
        let app = Router::new()
            .route("/api/users/@me", get(async || Json(json!({ "id": "9", "username": "desk", "bot": true }))))
            .route("/api/applications/@me", get(async || Json(json!({ "id": "9", "flags": 1 << 19 }))))
            .route("/api/gateway/bot", get(gateway))
            .route("/api/channels/{channel}/messages", post(send).get(list))
            .route("/api/channels/{channel}/messages/{message}/threads", post(thread))
            .route("/", any(upgrade))
            .with_state(state);
        discord.url = serve(app).await;
        *shared.lock().unwrap() = discord.url.replace("http", "ws");
        discord
    }

    async fn added(&self, running: &Running) -> String {
        let settings = json!({ "base_url": format!("{}/api", self.url) });
        running.add_channel("discord", settings, json!({ "bot_token": TOKEN })).await
    }

    fn tell(&self, kind: &str, event: Value) {
        self.kept.lock().unwrap().events.push((kind.to_owned(), event));
        self.news.notify_waiters();
    }

    fn take(&self, channel: &str, body: &Value) -> Value {
        let mut kept = self.kept.lock().unwrap();
        let same = |one: &&Value| one["nonce"] == body["nonce"] && body["enforce_nonce"] == true;
        if let Some(known) = kept.posted.iter().find(same) {
            return known.clone();
        }
        let id = (9_000 + kept.posted.len()).to_string();
        let message = json!({
            "id": id, "channel_id": channel, "content": body["content"], "nonce": body["nonce"],
            "author": { "id": "9", "username": "desk", "bot": true },
        });
        kept.posted.push(message.clone());
        message
    }

    async fn gateway(&self, mut socket: WebSocket) {
        let hello = json!({ "op": 10, "d": { "heartbeat_interval": 200 } });
        let _ = socket.send(Frame::text(hello.to_string())).await;
        let Some(first) = heard(&mut socket, |payload| payload["op"] != 1).await else { return };
        assert_eq!(first["d"]["token"], TOKEN);
        let mut next = match first["op"].as_i64() {
            Some(2) => {
                assert_eq!(first["d"]["intents"], 1 << 9 | 1 << 12 | 1 << 15);
                self.kept.lock().unwrap().identified += 1;
                let url = self.url.replace("http", "ws");
                let ready = json!({ "v": 10, "session_id": "s1", "resume_gateway_url": url, "user": { "id": "9" } });
                let ready = json!({ "op": 0, "t": "READY", "s": 1, "d": ready });
                let _ = socket.send(Frame::text(ready.to_string())).await;
                self.kept.lock().unwrap().events.len()
            }
            Some(6) => {
                let seq = first["d"]["seq"].as_i64().unwrap();
                self.kept.lock().unwrap().resumed.push(seq);
                let resumed = json!({ "op": 0, "t": "RESUMED", "s": seq, "d": {} });
                let _ = socket.send(Frame::text(resumed.to_string())).await;
                usize::try_from(seq - 1).unwrap()
            }
            op => panic!("{op:?} begins no session"),
        };
        let close = {
            let mut kept = self.kept.lock().unwrap();
            if kept.closes.is_empty() { None } else { Some(kept.closes.remove(0)) }
        };
        if let Some(code) = close {
            let _ = socket.send(Frame::Close(Some(CloseFrame { code, reason: "".into() }))).await;
            return;
        }
        loop {
            let waits = self.news.notified();
            let due = self.kept.lock().unwrap().events.get(next).cloned();
            if let Some((kind, event)) = due {
                next += 1;
                let payload = json!({ "op": 0, "t": kind, "s": next + 1, "d": event });
                if socket.send(Frame::text(payload.to_string())).await.is_err() {
                    return;
                }
                continue;
            }
            tokio::select! {
                () = waits => {}
                frame = socket.recv() => match frame {
                    Some(Ok(Frame::Text(_))) if self.kept.lock().unwrap().deaf => {}
                    Some(Ok(Frame::Text(_))) => {
                        let _ = socket.send(Frame::text(json!({ "op": 11 }).to_string())).await;
                    }
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => {
                        self.kept.lock().unwrap().deaf = false;
                        return;
                    }
                    Some(Ok(_)) => {}
                },
            }
        }
    }
}

async fn heard(socket: &mut WebSocket, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    loop {
        if let Frame::Text(text) = socket.recv().await?.ok()? {
            let payload: Value = serde_json::from_str(&text).unwrap();
            if wanted(&payload) {
                return Some(payload);
            }
        }
    }
}

type Shared = (Discord, Arc<Mutex<String>>);

async fn gateway(State((_, url)): State<Shared>) -> Json<Value> {
    let url = url.lock().unwrap().clone();
    Json(json!({ "url": url, "shards": 1 }))
}

async fn upgrade(State((mut discord, url)): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    discord.url = url.lock().unwrap().replace("ws", "http");
    upgrade.on_upgrade(async move |socket| discord.gateway(socket).await)
}

async fn send(State((discord, _)): State<Shared>, Path(channel): Path<String>, Json(body): Json<Value>) -> Response {
    let text = body["content"].as_str().unwrap();
    assert!(!text.is_empty() && text.encode_utf16().count() <= 2_000 && body["nonce"].as_str().unwrap().len() <= 25);
    assert_eq!(body["allowed_mentions"], json!({ "parse": [] }));
    let failed = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    match discord.acts.pop() {
        Act::Take => Json(discord.take(&channel, &body)).into_response(),
        Act::Slow => {
            let slow = json!({ "message": "You are being rate limited.", "retry_after": 0.7, "global": false });
            (StatusCode::TOO_MANY_REQUESTS, Json(slow)).into_response()
        }
        Act::Fail => failed,
        Act::TakeAndFail => {
            discord.take(&channel, &body);
            failed
        }
        Act::TakeAndBreak => {
            discord.take(&channel, &body);
            broken()
        }
        Act::Break | Act::TakeAndKill | Act::Kill => broken(),
        Act::Refuse => {
            let words = json!({ "message": "Cannot send messages to this user", "code": 50_007 });
            (StatusCode::FORBIDDEN, Json(words)).into_response()
        }
    }
}

async fn list(State((discord, _)): State<Shared>, Path(channel): Path<String>) -> Json<Value> {
    let kept = discord.kept.lock().unwrap();
    let of = kept.posted.iter().rev().filter(|one| one["channel_id"] == json!(channel));
    Json(json!(of.collect::<Vec<_>>()))
}

async fn thread(State((discord, _)): State<Shared>, Path((_, message)): Path<(String, String)>) -> Response {
    let mut kept = discord.kept.lock().unwrap();
    if kept.threads.contains(&message) {
        let words = json!({ "message": "A thread has already been created for this message", "code": 160_004 });
        return (StatusCode::BAD_REQUEST, Json(words)).into_response();
    }
    kept.threads.push(message.clone());
    (StatusCode::CREATED, Json(json!({ "id": message }))).into_response()
}

impl Vendor for Discord {
    fn acts(&self) -> &Acts {
        &self.acts
    }

    fn heard(&self) -> Vec<String> {
        self.kept.lock().unwrap().posted.iter().map(|one| one["content"].as_str().unwrap().to_owned()).collect()
    }

    async fn write(&self, text: &str) {
        let id = (1_000 + self.kept.lock().unwrap().events.len()).to_string();
        self.tell("MESSAGE_CREATE", message(&id, "500", text));
    }

    async fn tell_again(&self) {
        let told = self.kept.lock().unwrap().events.clone();
        told.into_iter().rev().for_each(|(kind, event)| self.tell(&kind, event));
    }
}

fn message(id: &str, channel: &str, text: &str) -> Value {
    let author = json!({ "id": "7", "username": "ann", "global_name": "Ann Smith" });
    json!({ "id": id, "channel_id": channel, "content": text, "author": author, "mentions": [], "attachments": [] })
}

async fn open() -> (Running, Discord, String) {
    let (running, discord) = (shop().await, Discord::start().await);
    let account = discord.added(&running).await;
    let path = format!("/channels/{account}");
    running.until(async || (running.get(&path).await["health"]["fares"] == "well").then_some(())).await;
    (running, discord, account)
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let (running, discord, _) = open().await;
    conformance::an_event_that_comes_again_changes_nothing(&running, &discord).await;
}

#[tokio::test]
async fn every_message_arrives_once_and_in_order() {
    let (running, discord, _) = open().await;
    conformance::every_message_arrives_once_and_in_order(&running, &discord).await;
}

#[tokio::test]
async fn what_is_refused_is_shown_and_sent_again_by_hand() {
    let (running, discord, _) = open().await;
    conformance::what_is_refused_is_shown_and_sent_again_by_hand(&running, &discord).await;
}

#[tokio::test]
async fn an_account_is_switched_off_and_on() {
    let (running, discord, account) = open().await;
    conformance::an_account_is_switched_off_and_on(&running, &discord, &account).await;
}

#[tokio::test]
async fn a_customer_is_helped() {
    let (running, discord, _) = open().await;
    shop::walk(&running, async |text| discord.write(text).await, || discord.heard()).await;
    discord.tell("MESSAGE_UPDATE", message("1001", "500", "I want my money back"));
    running.newest(|case| said(case, "customer").contains(&"I want my money back")).await;
    discord.tell("MESSAGE_DELETE", json!({ "id": "1001", "channel_id": "500" }));
    running.newest(|case| said(case, "customer").contains(&"(The customer deleted this message.)")).await;
}

/// R11: in a server we hear whoever names us, answer in a thread of its own, and go on there.
#[tokio::test]
async fn in_a_server_each_conversation_has_its_thread() {
    let (running, discord, _) = open().await;
    let in_server = |id: &str, channel: &str, text: &str| {
        let mut message = message(id, channel, text);
        message["guild_id"] = json!("1");
        if text.contains("<@9>") {
            message["mentions"] = json!([{ "id": "9", "username": "desk", "bot": true }]);
        }
        message
    };
    discord.tell("MESSAGE_CREATE", in_server("41", "600", "anybody here?"));
    discord.tell("MESSAGE_CREATE", in_server("42", "600", "<@9> hello"));
    running.newest(|case| how_far(case) == ["sent"]).await;
    // The thread has the name of the message that it hangs on.
    discord.tell("MESSAGE_CREATE", in_server("43", "42", "hello again"));
    let case = running.newest(|case| how_far(case) == ["sent", "sent"]).await;
    assert_eq!(said(&case, "customer"), ["hello", "hello again"]);
    let kept = discord.kept.lock().unwrap();
    assert_eq!(kept.threads, ["42"]);
    assert!(kept.posted.iter().all(|one| one["channel_id"] == "42"));
}

/// What was said while the connection was lost is heard when the session is resumed: after a close, and after a
/// silence.
#[tokio::test]
async fn a_session_is_resumed_where_it_was_left() {
    let (running, discord) = (shop().await, Discord::start().await);
    discord.kept.lock().unwrap().closes = vec![4000];
    discord.added(&running).await;
    running.until(async || (!discord.kept.lock().unwrap().resumed.is_empty()).then_some(())).await;
    discord.write("Hello").await;
    running.newest(|case| how_far(case) == ["sent"]).await;
    discord.kept.lock().unwrap().deaf = true;
    running.until(async || (discord.kept.lock().unwrap().resumed.len() == 2).then_some(())).await;
    discord.write("Hello").await;
    running.newest(|case| how_far(case) == ["sent", "sent"]).await;
    let kept = discord.kept.lock().unwrap();
    assert_eq!((kept.identified, &*kept.resumed), (1, [1, 2].as_slice()));
}

/// R12: a bot without the intent it needs says so in words.
#[tokio::test]
async fn a_missing_intent_is_told_in_words() {
    let (running, discord) = (shop().await, Discord::start().await);
    discord.kept.lock().unwrap().closes = vec![4014; 20];
    let path = format!("/channels/{}", discord.added(&running).await);
    let failing =
        async || Some(running.get(&path).await["health"].clone()).filter(|health| health["fares"] == "failing");
    let health = running.until(failing).await;
    assert!(health["last_error"].as_str().unwrap().contains("Message Content Intent"), "{health}");
}
