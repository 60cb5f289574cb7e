//! The same request again: carried out once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::running;

/// The same key and body is given the same answer, another body 422; of many at once one is carried out.
#[tokio::test]
async fn a_request_that_comes_again_is_carried_out_once() {
    let running = running().await;
    let body = json!({ "external_id": "a", "text": "Hello" });
    let post = async |key: &str, body: &Value| {
        let response = running.ask(Method::POST, "/intake/messages", &[("idempotency-key", key)], Some(body)).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let first = post("k", &body).await;
    assert_eq!(first.0, 202);
    assert_eq!(post("k", &body).await, first);
    assert_eq!(post("k", &json!({ "external_id": "a", "text": "Hi" })).await.0, 422);
    assert_eq!(post("", &body).await.0, 400);

    let many = futures::future::join_all((0..40).map(|_| post("l", &body))).await;
    let accepted: Vec<_> = many.iter().filter(|(status, _)| *status == 202).collect();
    assert!(!accepted.is_empty() && accepted.iter().all(|answer| *answer == accepted[0]));
    assert!(many.iter().all(|(status, _)| matches!(status, 202 | 409)));
    let id = first.1["conversation_id"].as_str().unwrap();
    assert_eq!(running.conversation(id).await["messages"].as_array().unwrap().len(), 2, "one for each key");

    let path = format!("/conversations/{id}/messages");
    let reply = json!({ "teammate": "ann", "text": "Good day." });
    let answer = async || {
        let response = running.ask(Method::POST, &path, &[("idempotency-key", "r")], Some(&reply)).await;
        (response.status().as_u16(), response.json::<Value>().await.unwrap())
    };
    let once = answer().await;
    assert_eq!((once.0, answer().await), (201, once.clone()));
    assert_eq!(running.get("/intake/replies").await["replies"].as_array().unwrap().len(), 1);
}
