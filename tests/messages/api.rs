//! The whole way of a message over the API.

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{running, said};

fn state(conversation: &Value) -> [&str; 3] {
    ["status", "handler", "label"].map(|key| conversation[key].as_str().unwrap())
}

/// R13, R18, R24, R31, R33: a message is accepted, held, taken over, replied to, resolved, and reopened by a reply.
#[tokio::test]
async fn a_message_is_held_taken_over_answered_and_resolved() {
    let running = running().await;
    let id = running.write("order 7", "Hello").await;
    let case = running.conversation(&id).await;
    assert_eq!((said(&case, "agent").len(), state(&case)), (1, ["waiting", "bot", "Waiting on customer"]));

    assert_eq!(running.write("order 7", "I want a refund for my order").await, id, "the same thread");
    let case = running.conversation(&id).await;
    assert_eq!(state(&case), ["needs_human", "none", "Needs human help"]);
    assert_eq!(case["handling"], "Pending");
    assert!(case["reason"].as_str().unwrap().contains("refund"), "the reason is shown");
    assert!(case["summary"].as_str().unwrap().contains("refund"));
    assert_eq!(case["tickets"][0]["fields"][0]["value"], "I want a refund for my order");
    assert_eq!(said(&case, "agent").len(), 2, "the customer is told that a colleague takes it");

    let taken = running.ann(&id, "take-over", json!({}), 200).await;
    assert_eq!(
        (&taken["conversation"]["assignee"], &taken["conversation"]["handling"]),
        (&json!("ann"), &json!("Active"))
    );
    running.write("order 7", "Hello").await;
    assert_eq!(said(&running.conversation(&id).await, "agent").len(), 2, "the agent is silent");

    let reply = running.ann(&id, "messages", json!({ "text": "It is on its way." }), 201).await;
    assert_eq!(
        (&reply["author"], &reply["by"], &reply["delivery"]),
        (&json!("teammate"), &json!("ann"), &json!("queued"))
    );
    running.ann(&id, "messages", json!({ "text": "A good customer.", "kind": "note" }), 201).await;
    let replies = running.get("/intake/replies").await;
    let texts: Vec<_> = replies["replies"].as_array().unwrap().iter().map(|r| r["text"].as_str().unwrap()).collect();
    assert_eq!((texts.len(), texts[2]), (3, "It is on its way."), "notes stay with the team");
    assert_eq!(replies["replies"][2]["thread"], "order 7");

    let done = running.ann(&id, "resolve", json!({}), 200).await;
    assert_eq!(
        (&done["conversation"]["status"], &done["conversation"]["handling"]),
        (&json!("resolved"), &json!("Closed"))
    );
    running.write("order 7", "Thank you").await;
    assert_eq!(state(&running.conversation(&id).await)[0], "needs_human", "a reply reopens");
    let events = running.get(&format!("/conversations/{id}/events")).await;
    let acts: Vec<_> =
        events["events"].as_array().unwrap().iter().map(|e| e["act"]["kind"].as_str().unwrap()).collect();
    let expected = [
        "customer_wrote",
        "bot_replied",
        "customer_wrote",
        "bot_held",
        "taken_over",
        "customer_wrote",
        "teammate_replied",
        "noted",
        "resolved",
        "customer_wrote",
    ];
    assert_eq!(acts, expected);
}

/// R31: long after it was resolved a reply begins a new conversation that names the old one.
#[tokio::test]
async fn a_reply_long_after_begins_a_new_linked_conversation() {
    let running = running().await;
    let id = running.write("t", "Hello").await;
    running.ann(&id, "resolve", json!({}), 200).await;
    let parsed = id.parse().unwrap();
    let store: &dyn switchboard::seams::store::Store = &*running.desk.store;
    let mut case = store.conversation(parsed).await.unwrap().unwrap().conversation;
    case.casework.resolved_at = Some(switchboard::domain::time::EpochMs(1_000));
    let mut unit = store.begin().await.unwrap();
    unit.update_conversation(&case).await.unwrap();
    unit.commit().await.unwrap();
    let next = running.write("t", "Hello again").await;
    assert_ne!(next, id);
    assert_eq!(running.conversation(&next).await["previous"], json!(id));
}

/// R32: tags, assignment, snoozing, filters, search.
#[tokio::test]
async fn a_case_is_tagged_assigned_put_aside_and_found() {
    let running = running().await;
    let id = running.write("a", "My bicycle squeaks loudly").await;
    let other = running.write("b", "I want a refund").await;
    let tags = json!({ "teammate": "ann", "tags": [{ "kind": "priority", "name": "High" }] });
    let tagged = running.ask(Method::PUT, &format!("/conversations/{id}/tags"), &[], Some(&tags)).await;
    assert_eq!(tagged.status(), 200);
    running.ann(&id, "assign", json!({ "to": "bob" }), 200).await;
    let ids = async |query: &str| -> Vec<String> {
        let list = running.get(&format!("/conversations?{query}")).await;
        let all = list["conversations"].as_array().unwrap().clone();
        all.iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids("tag=high").await, std::slice::from_ref(&id));
    assert_eq!(ids("assignee=bob").await, std::slice::from_ref(&id));
    assert_eq!(ids("assignee=nobody").await, std::slice::from_ref(&other));
    assert_eq!(ids("q=squeak").await, std::slice::from_ref(&id));
    assert_eq!(ids("status=needs_human,open&channel=api").await, [other.clone(), id.clone()]);
    running.ann(&other, "snooze", json!({ "until_ms": 1 }), 409).await;
    running.ann(&other, "snooze", json!({ "until_ms": 4_000_000_000_000i64 }), 200).await;
    assert_eq!(ids("status=snoozed").await, [other]);
    for bad in ["status=done", "q=!!", "limit=0", "cursor=x", "colour=red"] {
        let refused = running.ask(Method::GET, &format!("/conversations?{bad}"), &[], None).await;
        assert_eq!(refused.status(), 400, "{bad}");
    }
}

/// R17, R19–R21: an agent that only drafts tells the customer nothing; a person sends the draft, edited or not, once.
#[tokio::test]
async fn a_draft_is_approved_edited_or_discarded_once() {
    let running = running().await;
    let drafting = switchboard::domain::agent::Agent {
        mode: switchboard::domain::agent::ReplyMode::DraftOnly,
        ..switchboard::domain::agent::Agent::clone(&running.desk.agent.load())
    };
    running.desk.agent.store(std::sync::Arc::new(drafting));
    let mut drafts = Vec::new();
    for thread in ["one", "two", "three"] {
        let id = running.write(thread, "Hello").await;
        let case = running.conversation(&id).await;
        assert_eq!((said(&case, "agent").len(), said(&case, "draft").len()), (0, 1));
        assert_eq!(case["status"], "needs_human");
        let draft = case["messages"].as_array().unwrap().iter().find(|m| m["author"] == "draft").unwrap();
        drafts.push((id, draft["id"].as_str().unwrap().to_owned()));
    }
    let approve = |(id, draft): &(String, String)| (id.clone(), format!("drafts/{draft}/approve"));
    let (id, path) = approve(&drafts[0]);
    let sent = running.ann(&id, &path, json!({ "text": "Hello, this is better." }), 200).await;
    assert_eq!((&sent["message"]["author"], &sent["message"]["by"]), (&json!("agent"), &json!("ann")));
    assert_eq!(sent["conversation"]["status"], "waiting");
    running.ann(&id, &path, json!({}), 409).await;
    let (id, draft) = &drafts[1];
    running.ann(id, &format!("drafts/{draft}/discard"), json!({}), 200).await;
    running.ann(id, &format!("drafts/{draft}/approve"), json!({}), 409).await;
    let (id, draft) = &drafts[2];
    running.ann(id, "messages", json!({ "text": "I am here." }), 201).await;
    running.ann(id, &format!("drafts/{draft}/approve"), json!({}), 409).await;
    let replies = running.get("/intake/replies").await;
    let texts: Vec<_> = replies["replies"].as_array().unwrap().iter().map(|r| r["text"].clone()).collect();
    assert_eq!(texts, ["Hello, this is better.", "I am here."]);
}

/// R32: one case goes into another, and parts of one into their own; later messages of the thread follow.
#[tokio::test]
async fn cases_are_merged_and_split() {
    let running = running().await;
    let (one, other) = (running.write("a", "Hello").await, running.write("b", "Hello").await);
    let merged = running.ann(&one, "merge", json!({ "into": other }), 200).await;
    assert_eq!(merged["conversation"]["id"], json!(other));
    assert_eq!(running.conversation(&other).await["messages"].as_array().unwrap().len(), 4);
    assert_eq!(running.write("a", "Hello").await, other, "the thread goes on where it went");
    running.ann(&one, "take-over", json!({}), 409).await;
    running.ann(&other, "merge", json!({ "into": other }), 422).await;

    let case = running.conversation(&other).await;
    let first = case["messages"][0]["id"].clone();
    let part = running.ann(&other, "split", json!({ "messages": [first] }), 200).await;
    assert_eq!(part["conversation"]["previous"], json!(other));
    let part = running.conversation(part["conversation"]["id"].as_str().unwrap()).await;
    assert_eq!(part["messages"][0]["id"], first);
    running.ann(&other, "split", json!({ "messages": [first] }), 422).await;
}

/// R56: only the business's own name for a customer finds them; an email alone suggests, and a teammate decides.
#[tokio::test]
async fn an_email_alone_suggests_a_contact_and_merges_nothing() {
    let running = running().await;
    let write = async |thread: &str, contact: Value| {
        let body = json!({ "external_id": thread, "text": "Hello", "contact": contact });
        let accepted = running.post("/intake/messages", body, 202).await;
        accepted["contact_id"].as_str().unwrap().to_owned()
    };
    let known = write("a", json!({ "id": "c-1", "name": "Ann", "email": "ann@example.com" })).await;
    assert_eq!(write("b", json!({ "id": "c-1" })).await, known);
    let claimed = write("c", json!({ "email": "Ann@example.com" })).await;
    assert_ne!(claimed, known);
    let profile = running.get(&format!("/contacts/{known}")).await;
    assert_eq!(profile["conversations"].as_array().unwrap().len(), 2);
    assert_eq!(profile["suggested"][0]["id"], json!(claimed));
    let merge = json!({ "teammate": "ann", "into": known });
    running.post(&format!("/contacts/{claimed}/merge"), merge, 200).await;
    let profile = running.get(&format!("/contacts/{known}")).await;
    assert_eq!((profile["conversations"].as_array().unwrap().len(), profile["suggested"].clone()), (3, json!([])));
}

/// What does not fit is refused with what to do, and leaves nothing behind.
#[tokio::test]
async fn what_does_not_fit_is_refused_with_what_to_do() {
    let running = running().await;
    let long = "x".repeat(10_001);
    for (body, part) in [
        (json!({ "text": "Hello" }), "external_id"),
        (json!({ "external_id": "a", "text": " " }), "1 to 10000 characters"),
        (json!({ "external_id": "a", "text": long }), "10001"),
        (json!({ "external_id": "a", "text": "x", "channel": "nowhere" }), "channel"),
        (json!({ "external_id": "a", "text": "x", "contact": { "email": "ann" } }), "contact.email"),
        (json!({ "external_id": "a", "text": "x", "attachments": [1] }), "attachments"),
        (json!({ "external_id": "a", "text": "x", "urgent": true }), "urgent"),
    ] {
        let refused = running.post("/intake/messages", body, 422).await;
        assert!(refused["detail"].as_str().unwrap().contains(part), "{refused}");
    }
    assert_eq!(running.get("/conversations").await["conversations"], json!([]));
    let id = running.write("a", "Hello").await;
    running.ann(&id, "take-over", json!({ "version": 1 }), 409).await;
    running.post(&format!("/conversations/{id}/take-over"), json!({}), 422).await;
    running.post(&format!("/conversations/{id}/take-over"), json!({ "teammate": "" }), 422).await;
    running.ann("nothing", "take-over", json!({}), 404).await;
    running.ann("00000000-0000-0000-0000-000000000000", "take-over", json!({}), 404).await;
}
