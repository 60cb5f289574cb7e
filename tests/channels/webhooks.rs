//! Outgoing webhooks in the Standard Webhooks form, against a program that checks them (W3, W6).

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::Running;
use crate::shop::{shop, shop_with};
use crate::standin::serve;

/// A program that is told what happens.
#[derive(Clone, Default)]
struct Program {
    url: String,
    answers: Arc<Mutex<Vec<u16>>>,
    told: Arc<Mutex<Vec<(HeaderMap, String)>>>,
}

impl Program {
    async fn start() -> Program {
        let program = Program::default();
        let app = Router::new().route("/hook", axum::routing::any(take)).with_state(program.clone());
        Program { url: serve(app).await + "/hook", ..program }
    }

    fn host(&self) -> String {
        self.url.trim_start_matches("http://").trim_end_matches("/hook").to_owned()
    }

    fn heard_of(&self, conversation: &str) -> bool {
        self.told.lock().unwrap().iter().any(|(_, body)| body.contains(conversation))
    }

    /// Ids and types of what it was told; each signature is right.
    fn told(&self, secret: &str) -> Vec<(String, String)> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let checked = |(headers, body): &(HeaderMap, String)| {
            let header = |name: &str| headers[name].to_str().unwrap().to_owned();
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
            mac.update(format!("{}.{}.{body}", header("webhook-id"), header("webhook-timestamp")).as_bytes());
            let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
            assert_eq!(header("webhook-signature"), expected);
            let body: Value = serde_json::from_str(body).unwrap();
            assert!(body["timestamp"].as_str().unwrap().ends_with('Z'), "{body}");
            (header("webhook-id"), body["type"].as_str().unwrap().to_owned())
        };
        self.told.lock().unwrap().iter().map(checked).collect()
    }
}

async fn take(State(program): State<Program>, headers: HeaderMap, body: String) -> Response {
    program.told.lock().unwrap().push((headers, body));
    let mut answers = program.answers.lock().unwrap();
    let status = if answers.is_empty() { 204 } else { answers.remove(0) };
    let location = [("location", program.url.clone() + "/elsewhere")];
    (StatusCode::from_u16(status).unwrap(), location).into_response()
}

async fn added(running: &Running, url: &str, kinds: Value) -> (String, String) {
    let added = running.post("/webhooks", json!({ "url": url, "kinds": kinds }), 201).await;
    (added["id"].as_str().unwrap().to_owned(), added["secret"].as_str().unwrap().to_owned())
}

async fn posts(running: &Running, id: &str) -> Vec<Value> {
    running.get(&format!("/webhooks/{id}/posts")).await["posts"].as_array().unwrap().clone()
}

/// What happens is told once, signed, to whoever wants its type; the log says so, and it can be told again.
#[tokio::test]
async fn what_happens_is_told_once_and_signed() {
    let program = Program::start().await;
    let running = shop_with(&[program.host()]).await;
    let (all, secret) = added(&running, &program.url, json!([])).await;
    let (few, _) = added(&running, &program.url, json!(["conversation.resolved"])).await;
    let id = running.write("order 7", "Hello").await;
    running.until(async || (program.told.lock().unwrap().len() == 2).then_some(())).await;
    let told = program.told(&secret);
    let mut kinds: Vec<_> = told.iter().map(|(_, kind)| &**kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["conversation.bot_replied", "conversation.customer_wrote"]);
    assert_ne!(told[0].0, told[1].0);
    assert!(posts(&running, &few).await.is_empty());
    let log = running
        .until(async || Some(posts(&running, &all).await).filter(|log| log.iter().all(|one| one["state"] == "sent")))
        .await;
    assert_eq!((log.len(), &log[0]["last_status"]), (2, &json!(204)));
    let body: Value = serde_json::from_str(log[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["data"]["conversation_id"], json!(id));

    let again = format!("/webhooks/{all}/posts/{}/resend", log[1]["id"].as_str().unwrap());
    running.post(&again, json!({}), 202).await;
    running.until(async || (program.told.lock().unwrap().len() == 3).then_some(())).await;
    let same = format!("msg_{}", log[1]["id"].as_str().unwrap());
    assert_eq!(program.told(&secret)[2].0, same, "under the same id");
    let listed = running.get("/webhooks").await;
    assert!(!listed.to_string().contains("whsec_") && !running.get("/audit").await.to_string().contains("whsec_"));
}

/// 410 ends it; a redirect is not followed, and the failure is told.
#[tokio::test]
async fn a_webhook_that_is_gone_is_left_alone() {
    let program = Program::start().await;
    let running = shop_with(&[program.host()]).await;
    let (id, secret) = added(&running, &program.url, json!(["conversation.customer_wrote"])).await;
    program.answers.lock().unwrap().extend([302, 410]);
    running.write("one", "Hello").await;
    let log = running
        .until(async || {
            Some(posts(&running, &id).await).filter(|log| log.first().is_some_and(|one| one["last_status"] == 302))
        })
        .await;
    assert_eq!((&log[0]["state"], &log[0]["tries"]), (&json!("queued"), &json!(1)));
    running.write("two", "Hello").await;
    let off =
        async || Some(running.get("/webhooks").await["webhooks"][0].clone()).filter(|one| one["enabled"] == false);
    let off = running.until(off).await;
    assert!(off["disabled_why"].as_str().unwrap().contains("410"), "{off}");
    let third = running.write("three", "Hello").await;
    assert!(!program.heard_of(&third), "it is told nothing any more");
    let path = format!("/webhooks/{id}");
    let on = json!({ "version": off["version"], "enabled": true });
    assert_eq!(running.ask(Method::PATCH, &path, &[], Some(&on)).await.status(), 200);
    let fourth = running.write("four", "Hello").await;
    running.until(async || program.heard_of(&fourth).then_some(())).await;
    program.told(&secret);
    assert_eq!(running.ask(Method::DELETE, &path, &[], None).await.status(), 204);
}

/// W3: nothing inside this network is posted to, whatever its name.
#[tokio::test]
async fn nothing_inside_is_posted_to() {
    let program = Program::start().await;
    let running = shop().await;
    let (id, _) = added(&running, &program.url, json!([])).await;
    let (named, _) = added(&running, &program.url.replace("127.0.0.1", "localhost"), json!([])).await;
    running.write("order 7", "Hello").await;
    for id in [id, named] {
        let tried = async || {
            Some(posts(&running, &id).await).filter(|log| log.last().is_some_and(|one| one["last_error"].is_string()))
        };
        let log = running.until(tried).await;
        assert!(log.last().unwrap()["last_error"].as_str().unwrap().contains("private network"), "{log:?}");
    }
    assert!(program.told.lock().unwrap().is_empty());
    for url in ["ftp://shop.example", "shop.example", "http://ann:secret@shop.example/"] {
        running.post("/webhooks", json!({ "url": url }), 422).await;
    }
    running.post("/webhooks", json!({ "url": "https://shop.example", "kinds": ["a b"] }), 422).await;
}
