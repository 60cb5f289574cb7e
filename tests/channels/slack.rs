//! Slack, against a stand-in of its Web API and of the Events API that calls us.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::conformance;
use crate::house::{Running, said};
use crate::shop::{self, how_far, shop};
use crate::standin::{Act, Acts, Vendor, broken, serve};

const TOKEN: &str = "xoxb-a-token";
const SIGNING: &str = "8f742231b10e8888abcd99yyyzzz85a5";

/// Slack with one customer in a thread of a channel.
#[derive(Clone, Default)]
struct Slack {
    url: String,
    hook: Arc<Mutex<String>>,
    acts: Acts,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    told: Vec<Value>,
    /// Ours, as they were posted, with their time.
    posted: Vec<Value>,
}

impl Slack {
    async fn start() -> Slack {
        let slack = Slack::default();
        let app = Router::new().route("/api/{method}", post(call).get(read)).with_state(slack.clone());
        Slack { url: serve(app).await + "/api", ..slack }
    }

    async fn added(&self, running: &Running) -> String {
        let secrets = json!({ "bot_token": TOKEN, "signing_secret": SIGNING });
        let account = running.add_channel("slack", json!({ "base_url": self.url }), secrets).await;
        *self.hook.lock().unwrap() = format!("http://{}/hooks/{account}", running.address);
        let works =
            async || (running.get(&format!("/channels/{account}")).await["health"]["fares"] == "well").then_some(());
        running.until(works).await;
        account
    }

    /// Posts an event as Slack does; gives what it is answered.
    async fn post(&self, body: &str, signed: impl Fn(&str, &str) -> String) -> (u16, String) {
        let stamp = (std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).to_string();
        let signature = signed(&stamp, body);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let hook = self.hook.lock().unwrap().clone();
        let request = client
            .post(hook)
            .header("x-slack-request-timestamp", stamp)
            .header("x-slack-signature", signature)
            .header("content-type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn tell(&self, event: Value) -> u16 {
        self.post(&event.to_string(), right).await.0
    }

    async fn says(&self, ts: &str, mut more: Value) {
        for (name, value) in [("type", "message"), ("channel", "C1"), ("channel_type", "channel"), ("user", "U7")] {
            more[name] = json!(value);
        }
        more["ts"] = json!(ts);
        let n = self.kept.lock().unwrap().told.len();
        let event = json!({ "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{n}"), "event": more });
        self.kept.lock().unwrap().told.push(event.clone());
        assert_eq!(self.tell(event).await, 200);
    }

    fn take(&self, mut body: Value) -> String {
        let mut kept = self.kept.lock().unwrap();
        let ts = format!("1700000{:03}.000100", kept.posted.len());
        body["ts"] = json!(ts);
        kept.posted.push(body);
        ts
    }
}

fn right(stamp: &str, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(SIGNING.as_bytes()).unwrap();
    mac.update(format!("v0:{stamp}:{body}").as_bytes());
    let hex: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v0={hex}")
}

async fn call(
    State(slack): State<Slack>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Json<Value>,
) -> Response {
    if headers["authorization"] != format!("Bearer {TOKEN}") {
        return Json(json!({ "ok": false, "error": "invalid_auth" })).into_response();
    }
    if method == "auth.test" {
        let me = json!({ "ok": true, "user_id": "W111", "bot_id": "B111", "user": "desk", "team": "Bikes" });
        return Json(me).into_response();
    }
    assert!(method == "chat.postMessage" && body["channel"].as_str().unwrap().starts_with("C1"));
    assert!(body["thread_ts"].as_str().unwrap().contains('.') && body["text"].as_str().unwrap().len() < 40_000);
    let failed = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    match slack.acts.pop() {
        Act::Take => Json(json!({ "ok": true, "channel": "C1", "ts": slack.take(body.0) })).into_response(),
        Act::Slow => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "1")], "ratelimited").into_response(),
        Act::Fail => failed,
        Act::TakeAndFail => {
            slack.take(body.0);
            failed
        }
        Act::TakeAndBreak => {
            slack.take(body.0);
            broken()
        }
        Act::Break | Act::TakeAndKill | Act::Kill => broken(),
        Act::Refuse => Json(json!({ "ok": false, "error": "is_archived" })).into_response(),
    }
}

async fn read(
    State(slack): State<Slack>,
    Path(method): Path<String>,
    Query(asked): Query<std::collections::BTreeMap<String, String>>,
) -> Response {
    match method.as_str() {
        "users.info" => {
            Json(json!({ "ok": true, "user": { "name": "ann", "real_name": "Ann Smith" } })).into_response()
        }
        "conversations.replies" => {
            assert_eq!(asked["include_all_metadata"], "true");
            let kept = slack.kept.lock().unwrap();
            let of = kept.posted.iter().filter(|one| one["thread_ts"] == json!(asked["ts"]));
            Json(json!({ "ok": true, "messages": of.collect::<Vec<_>>(), "has_more": false })).into_response()
        }
        _ => Json(json!({ "ok": false, "error": "unknown_method" })).into_response(),
    }
}

impl Vendor for Slack {
    fn acts(&self) -> &Acts {
        &self.acts
    }

    fn heard(&self) -> Vec<String> {
        self.kept.lock().unwrap().posted.iter().map(|one| one["text"].as_str().unwrap().to_owned()).collect()
    }

    async fn write(&self, text: &str) {
        let n = self.kept.lock().unwrap().told.len();
        let thread =
            if n == 0 { json!({ "text": text }) } else { json!({ "text": text, "thread_ts": "1600000000.000100" }) };
        self.says(&format!("160000{n:04}.000100"), thread).await;
    }

    async fn tell_again(&self) {
        let told = self.kept.lock().unwrap().told.clone();
        for event in told.into_iter().rev() {
            assert_eq!(self.tell(event).await, 200);
        }
    }
}

async fn open() -> (Running, Slack, String) {
    let (running, slack) = (shop().await, Slack::start().await);
    let account = slack.added(&running).await;
    (running, slack, account)
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let (running, slack, _) = open().await;
    conformance::an_event_that_comes_again_changes_nothing(&running, &slack).await;
}

#[tokio::test]
async fn every_message_arrives_once_and_in_order() {
    let (running, slack, _) = open().await;
    conformance::every_message_arrives_once_and_in_order(&running, &slack).await;
}

#[tokio::test]
async fn what_is_refused_is_shown_and_sent_again_by_hand() {
    let (running, slack, _) = open().await;
    conformance::what_is_refused_is_shown_and_sent_again_by_hand(&running, &slack).await;
}

#[tokio::test]
async fn an_account_is_switched_off_and_on() {
    let (running, slack, account) = open().await;
    conformance::an_account_is_switched_off_and_on(&running, &slack, &account).await;
}

/// R11, R13: in the thread, by name; edits and deletions are followed.
#[tokio::test]
async fn a_customer_is_helped() {
    let (running, slack, _) = open().await;
    shop::walk(&running, async |text| slack.write(text).await, || slack.heard()).await;
    assert!(slack.kept.lock().unwrap().posted.iter().all(|one| one["thread_ts"] == "1600000000.000100"));
    let case = running.newest(|_| true).await;
    let contact = running.get(&format!("/contacts/{}", case["contact"].as_str().unwrap())).await;
    assert_eq!(contact["name"], "Ann Smith");
    let message = json!({ "type": "message", "user": "U7", "text": "I want my money back", "ts": "1600000001.000100" });
    slack.says("1.1", json!({ "subtype": "message_changed", "message": message })).await;
    assert!(said(&running.newest(|_| true).await, "customer").contains(&"I want my money back"));
    slack.says("1.2", json!({ "subtype": "message_deleted", "deleted_ts": "1600000001.000100" })).await;
    let case = running.newest(|_| true).await;
    assert!(said(&case, "customer").contains(&"(The customer deleted this message.)"));
    assert_eq!(said(&case, "note").len(), 2, "what it said before is kept");
}

/// W1: a signature that is bad, missing or of another body lets nothing in; Slack's check of the address is answered.
#[tokio::test]
async fn only_what_slack_signed_comes_in() {
    let (running, slack, account) = open().await;
    let challenge = json!({ "type": "url_verification", "challenge": "3eZbrw1aBm2rZgRNFdxV2595E9CY" }).to_string();
    assert_eq!(slack.post(&challenge, right).await, (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY".into()));
    let event = json!({ "type": "event_callback", "event_id": "Ev", "event": { "type": "message" } }).to_string();
    assert_eq!(slack.post(&event, |_, _| String::new()).await.0, 401);
    assert_eq!(slack.post(&event, |stamp, _| right(stamp, "another body")).await.0, 401);
    assert_eq!(slack.post(&event, |_, body| right("1531420618", body)).await.0, 401, "of another time");
    assert_eq!(slack.post("{", right).await.0, 400);
    assert_eq!(running.get("/conversations").await["conversations"], json!([]));
    let tested = running.post(&format!("/channels/{account}/test"), json!({}), 200).await;
    assert!(tested["works"] == true && tested["told"].as_str().unwrap().contains("@desk in Bikes"), "{tested}");
}

/// Real payloads: our own words and other happenings are no messages, and nothing brings us down.
#[tokio::test]
async fn real_events_are_read() {
    let Ok(folder) = std::env::var("FIXTURES_DIR") else {
        println!("skipped: FIXTURES_DIR names no folder of fixtures");
        return;
    };
    let (running, slack, _) = open().await;
    for file in std::fs::read_dir(format!("{folder}/inbox/slack")).unwrap() {
        let body = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let status = slack.post(&body, right).await.0;
        assert!(matches!(status, 200 | 400), "{status}: {body}");
    }
    let list = running.get("/conversations").await;
    let mut texts = Vec::new();
    for case in list["conversations"].as_array().unwrap() {
        let case = running.conversation(case["id"].as_str().unwrap()).await;
        texts.extend(said(&case, "customer").into_iter().map(str::to_owned));
    }
    texts.sort();
    assert_eq!(texts, ["Hi there!", "Hi there!\n(a file: file.png)"]);
    assert_eq!(how_far(&running.newest(|case| !how_far(case).is_empty()).await).len(), 1);
}
