//! Accounts over the API: secrets go in and never come out, and every change is written down (R12, R41).

use reqwest::Method;
use serde_json::json;

use crate::house::{running, said};
use crate::shop::shop;
use crate::telegram::Telegram;

#[tokio::test]
async fn secrets_go_in_and_never_come_out() {
    let (running, telegram) = (shop().await, Telegram::start().await);
    let account = telegram.added(&running).await;
    let path = format!("/channels/{account}");
    let shown = running.get(&path).await;
    assert_eq!((&shown["secrets"], &shown["kind"]), (&json!(["bot_token"]), &json!("telegram")));
    let tested = running.post(&format!("{path}/test"), json!({}), 200).await;
    assert!(tested["works"] == true && tested["told"].as_str().unwrap().contains("@harbour_bot"), "{tested}");

    let change = json!({ "version": shown["version"], "secrets": { "bot_token": "123:another" } });
    let changed = running.ask(Method::PATCH, &path, &[], Some(&change)).await;
    assert_eq!(changed.status(), 200);
    assert_eq!(running.ask(Method::PATCH, &path, &[], Some(&change)).await.status(), 409, "it changed meanwhile");
    let tested = running.post(&format!("{path}/test"), json!({}), 200).await;
    assert!(tested["works"] == false && tested["told"].as_str().unwrap().contains("401"), "{tested}");
    let failing = running
        .until(async || Some(running.get(&path).await["health"].clone()).filter(|health| health["fares"] == "failing"))
        .await;
    assert!(failing["last_error"].as_str().unwrap().contains("401"), "{failing}");

    assert_eq!(running.ask(Method::DELETE, &path, &[], None).await.status(), 204);
    assert_eq!(running.ask(Method::GET, &path, &[], None).await.status(), 404);
    let everything = format!("{} {shown}", running.get("/audit").await);
    assert!(everything.contains("PATCH /api/v1/channels/{id}") && everything.contains("bot_token"));
    assert!(!everything.contains("123456:a-token") && !everything.contains("123:another"), "{everything}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_what_to_do() {
    let running = shop().await;
    for (kind, settings, secrets, words) in [
        ("telegram", json!({}), json!({}), "bot_token"),
        ("telegram", json!({ "base_url": "ftp://x" }), json!({ "bot_token": "1:a" }), "base_url"),
        ("telegram", json!({ "colour": "red" }), json!({ "bot_token": "1:a" }), "colour"),
        ("telegram", json!([]), json!({ "bot_token": "1:a" }), "object"),
        ("telegram", json!({}), json!({ "bot_token": "" }), "empty"),
        ("telegram", json!({ "mode": "webhook" }), json!({ "bot_token": "1:a" }), "webhook_secret"),
        ("slack", json!({}), json!({ "bot_token": "x" }), "signing_secret"),
        ("phone", json!({}), json!({}), "configuration"),
    ] {
        let new = json!({ "kind": kind, "name": "x", "settings": settings, "secrets": secrets });
        let refused = running.post("/channels", new, 422).await;
        assert!(refused["detail"].as_str().unwrap().contains(words), "{words}: {refused}");
    }
    assert_eq!(running.get("/channels").await["channels"], json!([]));
    let nothing = "/channels/00000000-0000-0000-0000-000000000000";
    assert_eq!(running.ask(Method::GET, nothing, &[], None).await.status(), 404);
}

#[tokio::test]
async fn a_kind_that_is_not_there_is_refused() {
    let running = running().await;
    let refused = running.post("/channels", json!({ "kind": "email", "name": "x" }), 422).await;
    assert_eq!(refused["detail"], "there are no channels here.");
}

/// Messages of programs stay with them: what goes out by a channel is not among what the API fetches.
#[tokio::test]
async fn programs_fetch_their_own_replies_alone() {
    let (running, telegram) = (shop().await, Telegram::start().await);
    telegram.added(&running).await;
    telegram.tell(json!({
        "text": "Hello", "from": { "id": 7, "first_name": "Ann" }, "chat": { "id": 7, "type": "private" },
    }));
    running.newest(|case| case["channel"] == "telegram" && !said(case, "agent").is_empty()).await;
    running.desk.messages.accept(running.desk.intake("order 7", "Hello")).await.unwrap();
    running.desk.work_off().await;
    let replies = running.get("/intake/replies").await;
    assert_eq!(replies["replies"].as_array().unwrap().len(), 1);
    assert_eq!(replies["replies"][0]["thread"], "order 7");
}
