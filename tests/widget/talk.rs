//! A visitor talks with the agent and with people (R11, R13, R33).

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use serde_json::{Value, json};
use switchboard::domain::conversation::{Author, Message};
use switchboard::domain::ids::MessageId;
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{Decision, Reason, Source, Verdict};
use switchboard::seams::store::Store;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::house::{Running, SITE, running, until};

/// R11, R13: the visitor's words stand in the one inbox and are answered; a person takes over and is seen by name.
#[tokio::test]
async fn a_visitor_is_answered_by_the_agent_and_then_by_a_person() {
    let running = running().await;
    let visitor = running.begin().await;
    let first = visitor.writes("Hello").await;
    running.work_off().await;
    let (messages, place) = visitor.sees(None).await;
    let shown: Vec<_> = messages.iter().map(|m| m["from"].as_str().unwrap()).collect();
    assert_eq!(shown, ["you", "agent"]);
    assert_eq!((&messages[0]["client_id"], &messages[1]["client_id"]), (&json!(first), &Value::Null));

    visitor.writes("I want to talk to a person").await;
    running.work_off().await;
    let case = running.only_case().await;
    assert_eq!((&case["channel"], &case["status"]), (&json!("widget"), &json!("needs_human")));
    running.ann(&case, "take-over", json!({})).await;
    running.ann(&case, "messages", json!({ "text": "Hello, this is Ann." })).await;
    let (later, _) = visitor.sees(Some(place)).await;
    let last = later.last().unwrap();
    assert_eq!(
        (&last["from"], &last["name"], &last["text"]),
        (&json!("person"), &json!("ann"), &json!("Hello, this is Ann."))
    );
}

/// R21: an automatic answer names what it rests on, where that can be opened; nothing else of the decision is told.
#[tokio::test]
async fn sources_with_an_address_are_links() {
    let running = running().await;
    let visitor = running.begin().await;
    visitor.writes("Hello").await;
    running.work_off().await;
    let case = running.only_case().await;
    let source = |source: &str| Source {
        entry: "secret-entry".into(),
        question: "When do you open?".into(),
        source: source.into(),
        score: 0.5,
        article: None,
    };
    let pages = ["https://shop.example/hours", "hours.md", "javascript:alert(1)", "file:///etc/passwd"];
    let message = Message {
        id: MessageId(uuid::Uuid::now_v7()),
        conversation: case["id"].as_str().unwrap().parse().unwrap(),
        author: Author::Agent,
        text: "We open at nine.".into(),
        heard_text: None,
        at: EpochMs(1),
        decision: Some(Decision {
            verdict: Verdict::Send,
            reason: Reason::ClearAndLowRisk,
            confidence: 0.9,
            sources: pages.into_iter().map(source).collect(),
            features: Vec::new(),
            desk_ms: 1.0,
            writer: None,
        }),
        timings: None,
        post: Default::default(),
    };
    let mut unit = running.store.begin().await.unwrap();
    unit.insert_message(&message).await.unwrap();
    unit.commit().await.unwrap();
    let (seen, _) = visitor.sees(None).await;
    let last = seen.last().unwrap();
    let link = json!([{ "title": "When do you open?", "url": "https://shop.example/hours" }]);
    assert_eq!((&last["text"], &last["sources"]), (&json!("We open at nine."), &link));
    assert!(!last.to_string().contains("secret-entry"));
}

/// R11: nothing is lost or doubled for whoever comes back: the same place gives the same rest, by every way.
#[tokio::test]
async fn whoever_comes_back_goes_on_where_they_were() {
    let running = running().await;
    let visitor = running.begin().await;
    for text in ["Hello", "Hello again", "Hello once more"] {
        visitor.writes(text).await;
        running.work_off().await;
    }
    let (all, end) = visitor.sees(None).await;
    assert_eq!(all.len(), 6);
    for (index, message) in all.iter().enumerate() {
        let (rest, up_to) = visitor.sees(message["seq"].as_i64()).await;
        assert_eq!((rest.as_slice(), up_to), (&all[index + 1..], end));
    }
    let mut stream = visitor.streams(all[1]["seq"].as_i64().unwrap()).await;
    let mut told = Vec::new();
    until(&mut stream, |news| news["kind"] == "caught").await;
    let mut stream = visitor.streams(all[1]["seq"].as_i64().unwrap()).await;
    loop {
        let news = stream.next().await.unwrap();
        match news["kind"].as_str().unwrap() {
            "message" => told.push(news["message"].clone()),
            "caught" => break,
            _ => {} // Who they talk with.
        }
    }
    assert_eq!(told, all[2..]);
}

/// R11: sent again, even many times at once, a message is kept once and told by the same name.
#[tokio::test]
async fn a_message_that_is_sent_again_is_kept_once() {
    let running = running().await;
    let visitor = running.begin().await;
    let same = futures::future::join_all((0..5).map(|_| visitor.sends("the-same-message", "Hello"))).await;
    assert!(same.iter().all(|id| *id == same[0]), "{same:?}");
    running.work_off().await;
    assert_eq!(visitor.texts().await.iter().filter(|(from, _)| from == "you").count(), 1);
    assert_eq!(visitor.texts().await.iter().filter(|(from, _)| from == "agent").count(), 1);
}

/// R11: whatever comes is told as it comes, with who types and who the visitor talks with.
#[tokio::test]
async fn replies_typing_and_standing_are_told_as_they_come() {
    let running = running().await;
    let visitor = running.begin().await;
    visitor.writes("I want to talk to a person").await;
    running.work_off().await;
    let (_, place) = visitor.sees(None).await;
    let mut stream = visitor.streams(place).await;
    let first = until(&mut stream, |news| news["kind"] == "standing").await;
    assert_eq!(first["with"], "waiting");
    let case = running.only_case().await;
    running.ann(&case, "take-over", json!({})).await;
    until(&mut stream, |news| news["with"] == "person").await;
    running.ann(&case, "presence", json!({ "here": true, "typing": true })).await;
    until(&mut stream, |news| news["typing"] == true).await;
    running.ann(&case, "messages", json!({ "text": "I am here." })).await;
    let told = until(&mut stream, |news| news["kind"] == "message").await;
    assert_eq!(told["message"]["text"], "I am here.");
    running.ann(&case, "resolve", json!({})).await;
    until(&mut stream, |news| news["with"] == "done").await;
}

/// R11: the browser asks once and is told when there is something.
#[tokio::test]
async fn a_long_poll_waits_for_the_reply() {
    let running = running().await;
    let visitor = running.begin().await;
    visitor.writes("I want to talk to a person").await;
    running.work_off().await;
    let (_, place) = visitor.sees(None).await;
    let case = running.only_case().await;
    let path = format!("/messages?after={place}&wait_ms=20000");
    let asked = visitor.asks(Method::GET, &path, None);
    let replied = running.ann(&case, "messages", json!({ "text": "At last." }));
    let ((status, answer), _) = tokio::join!(asked, replied);
    assert_eq!(status, 200);
    let news = answer["news"].as_array().unwrap();
    assert!(news.iter().any(|one| one["message"]["text"] == "At last."), "{answer:#}");
}

/// R11: the way of first choice: one socket tells what comes and takes signs.
#[tokio::test]
async fn a_socket_tells_what_comes_and_takes_receipts() {
    let running = running().await;
    let visitor = running.begin().await;
    visitor.writes("Hello").await;
    let url = format!("ws://{}/widget/{}/socket", running.address, running.widget);
    let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    socket.send(Frame::text(json!({ "token": visitor.token, "after": 0 }).to_string())).await.unwrap();
    running.work_off().await;
    let seq = loop {
        let Frame::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        let news: Value = serde_json::from_str(&text).unwrap();
        if news["message"]["from"] == "agent" {
            break news["message"]["seq"].as_i64().unwrap();
        }
    };
    let delivery = async || running.only_case().await["messages"][1]["delivery"].clone();
    assert_eq!(delivery().await, "sent");
    for (sign, state) in [("delivered", "delivered"), ("read", "read"), ("delivered", "read")] {
        socket.send(Frame::text(json!({ sign: seq }).to_string())).await.unwrap();
        while delivery().await != state {
            tokio::task::yield_now().await;
        }
    }
    let case = running.only_case().await;
    socket.send(Frame::text(json!({ "typing": true }).to_string())).await.unwrap();
    let typing = async || {
        let shown = running.ann(&case, "presence", json!({ "here": true, "typing": false })).await;
        let viewers = shown["viewers"].as_array().unwrap().clone();
        viewers.iter().any(|viewer| viewer["customer"] == true && viewer["typing"] == true)
    };
    while !typing().await {
        tokio::task::yield_now().await;
    }

    let (mut other, _) = tokio_tungstenite::connect_async(&url).await.unwrap();
    other.send(Frame::text(json!({ "token": "guessed" }).to_string())).await.unwrap();
    let told = other.next().await.unwrap().unwrap();
    assert_eq!(told.to_text().unwrap(), r#"{"kind":"over"}"#);
}

/// R14: files go both ways, and each reaches the one it is for alone.
#[tokio::test]
async fn files_go_both_ways() {
    let running = running().await;
    let (visitor, other) = (running.begin().await, running.begin().await);
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR not really drawn";
    let (status, file) = visitor.brings("photo.png", png).await;
    assert_eq!((status, &file["media_type"]), (201, &json!("image/png")));
    let body = json!({ "client_id": "with-a-file", "text": "", "files": [file["id"]] });
    for _ in 0..2 {
        assert_eq!(
            visitor.asks(Method::POST, "/messages", Some(body.clone())).await.0,
            202,
            "sent again, it is the same"
        );
    }
    let (seen, _) = visitor.sees(None).await;
    assert_eq!(seen[0]["files"], json!([file]));
    let path = format!("/files/{}", file["id"].as_str().unwrap());
    let got = running.ask(Method::GET, &path, None, &visitor.token, None).await;
    assert_eq!(got.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(got.bytes().await.unwrap(), png.as_slice());
    assert_eq!(other.asks(Method::GET, &path, None).await.0, 404, "another visitor's file is not there");

    let url = format!("http://{}/api/v1/attachments?name=offer.txt", running.address);
    let offer: Value = running.client.post(url).body("An offer.").send().await.unwrap().json().await.unwrap();
    let case = running.only_case().await;
    running.ann(&case, "messages", json!({ "attachments": [offer["id"]] })).await;
    let (seen, _) = visitor.sees(None).await;
    assert_eq!(seen.last().unwrap()["files"][0]["name"], "offer.txt");
    let path = format!("/files/{}", offer["id"].as_str().unwrap());
    assert_eq!(visitor.asks(Method::GET, &path, None).await, (200, json!("An offer.")));
    assert_eq!(other.asks(Method::GET, &path, None).await.0, 404);
    let note = running.client.post(format!("http://{}/api/v1/attachments?name=note.txt", running.address));
    let note: Value = note.body("For us.").send().await.unwrap().json().await.unwrap();
    running.ann(&case, "messages", json!({ "attachments": [note["id"]], "kind": "note" })).await;
    let path = format!("/files/{}", note["id"].as_str().unwrap());
    assert_eq!(visitor.asks(Method::GET, &path, None).await.0, 404, "a note's file is the team's");
}

/// R11: what is asked before the chat becomes the customer's, as a claim.
#[tokio::test]
async fn the_form_comes_before_the_first_message() {
    let ask = json!([{ "name": "email", "label": "Your email", "required": true }, { "name": "name", "label": "Your name" },
                      { "name": "order", "label": "Order number" }]);
    let running: Running = crate::house::running_with(json!({ "ask": ask })).await;
    let visitor = running.visitor(json!({ "origin": SITE, "page": "https://shop.example/lamps" })).await;
    assert_eq!(visitor.begun["complete"], false);
    let early = json!({ "client_id": "much-too-early", "text": "Hello" });
    assert_eq!(visitor.asks(Method::POST, "/messages", Some(early)).await.0, 422);
    let form = |email: &str| Some(json!({ "fields": { "email": email, "name": "Zoë", "order": "7" } }));
    let (status, told) = visitor.asks(Method::PUT, "/session", form("nobody")).await;
    assert_eq!((status, told["detail"].as_str()), (422, Some("This is no email address.")));
    let (status, shown) = visitor.asks(Method::PUT, "/session", form("zoe@example.com")).await;
    assert_eq!((status, &shown["complete"]), (200, &json!(true)));
    visitor.writes("Hello").await;
    visitor.writes("Hello again").await;
    let case = running.only_case().await;
    let notes = case["messages"].as_array().unwrap().iter().filter(|message| message["author"] == "note");
    let notes: Vec<_> = notes.map(|note| note["text"].as_str().unwrap()).collect();
    assert_eq!(notes, ["Order number: 7\nPage: https://shop.example/lamps"], "the team is told once");
    let contact = running.api(Method::GET, &format!("/contacts/{}", case["contact"].as_str().unwrap()), None).await;
    let shown = contact.to_string();
    assert!(
        shown.contains("Zoë") && shown.contains("zoe@example.com") && shown.contains("\"proven\":false"),
        "{contact:#}"
    );
    tokio::time::timeout(Duration::from_secs(60), running.work_off()).await.unwrap();
}
