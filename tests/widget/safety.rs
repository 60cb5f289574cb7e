//! What a visitor is never shown, and what is too much (W1, W5).

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{SITE, running};

const HOSTILE: &str = r#"<img src=x onerror="alert(1)"><script>alert(2)</script> {{7*7}} javascript:alert(3)"#;

/// W5: drafts, notes, reasons, scores and everybody else's words stay with the team.
#[tokio::test]
async fn nothing_of_the_teams_own_is_told() {
    let running = running().await;
    let (visitor, other) = (running.begin().await, running.begin().await);
    visitor.writes("I want a refund for my order").await;
    running.work_off().await;
    let case = running.only_case().await;
    running.ann(&case, "take-over", json!({})).await;
    running.ann(&case, "messages", json!({ "kind": "note", "text": "A difficult customer." })).await;
    visitor.writes("Hello, what are your hours?").await;
    running.work_off().await;
    let case = running.only_case().await;
    let drafts = case["messages"].as_array().unwrap().iter().filter(|m| m["author"] == "draft").count();
    running.ann(&case, "messages", json!({ "text": "I look into it." })).await;
    let (_, answer) = visitor.asks(Method::GET, "/messages", None).await;
    let told = answer.to_string();
    for secret in
        ["difficult", "draft", "note", "reason", "confidence", "verdict", "version", "conversation", "contact"]
    {
        assert!(!told.contains(secret), "{secret}: {answer:#}");
    }
    assert!(!told.contains(case["id"].as_str().unwrap()) && !told.contains("score"));
    let seen: Vec<_> = visitor.texts().await;
    assert_eq!(seen.last().unwrap().1, "I look into it.");
    assert_eq!(seen.len(), case["messages"].as_array().unwrap().len() - drafts - 1 + 1);
    assert_eq!(other.texts().await, [], "another visitor sees nothing of it");
}

/// W1: words are words: they come back as they were written, as JSON, and nothing else.
#[tokio::test]
async fn a_payload_in_any_field_stays_text() {
    let running = running().await;
    let page = json!({ "origin": SITE, "page": HOSTILE });
    let visitor = running.visitor(page).await;
    visitor.writes(HOSTILE).await;
    running.work_off().await;
    assert_eq!(visitor.texts().await[0].1, HOSTILE);
    let case = running.only_case().await;
    let note = case["messages"].as_array().unwrap().iter().find(|message| message["author"] == "note").unwrap();
    assert_eq!(note["text"], format!("Page: {HOSTILE}"));
    let shown = running.ask(Method::GET, "/messages", None, &visitor.token, None).await;
    assert_eq!(shown.headers()["content-type"], "application/json");
    assert_eq!(shown.headers()["x-content-type-options"], "nosniff");
}

/// W1: whatever is sent instead of a message is refused in words.
#[tokio::test]
async fn what_is_no_message_is_refused() {
    let running = running().await;
    let visitor = running.begin().await;
    for body in [
        json!({ "client_id": "short", "text": "x" }),
        json!({ "client_id": "not a plain name", "text": "x" }),
        json!({ "client_id": "well-formed", "text": "  " }),
        json!({ "client_id": "well-formed", "text": "x".repeat(10_001) }),
        json!({ "client_id": "well-formed", "text": "x", "files": [uuid::Uuid::now_v7()] }),
        json!({ "client_id": "well-formed", "text": "x", "thread": "user cust-7" }),
    ] {
        let (status, told) = visitor.asks(Method::POST, "/messages", Some(body.clone())).await;
        assert_eq!(status, 422, "{told}");
        assert!(told["detail"].is_string());
    }
    assert_eq!(visitor.texts().await, []);
    let (status, _) = visitor.brings("photo.png", b"MZ\x90\0\x03\0\0\0").await;
    assert_eq!(status, 415);
    let (status, _) = visitor.brings("large.txt", &vec![b'a'; 10_000_001]).await;
    assert_eq!(status, 413);
}

/// W1: whoever writes too often is told to wait; others are not held up.
#[tokio::test]
async fn whoever_writes_too_often_waits() {
    let running = running().await;
    let (visitor, other) = (running.begin().await, running.begin().await);
    let send = async |at: usize| {
        let body = json!({ "client_id": format!("message-{at}"), "text": "Hello" });
        running.ask(Method::POST, "/messages", None, &visitor.token, Some(&body)).await
    };
    let mut refused = None;
    for at in 0..40 {
        let answer = send(at).await;
        if answer.status() == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("forty at once are too many");
    assert!(refused.headers()["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    let problem: Value = refused.json().await.unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("wait"));
    other.writes("Hello").await;
}
