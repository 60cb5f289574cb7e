//! What a team keeps for itself: views, macros, and who looks on (R32).

use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{running, said};

/// Views combine conditions by and, or and not.
#[tokio::test]
async fn a_saved_view_shows_what_its_conditions_say() {
    let running = running().await;
    let (one, two, three) = (
        running.write("a", "Hello").await,
        running.write("b", "I want a refund").await,
        running.write("c", "Hello").await,
    );
    running.ann(&three, "assign", json!({ "to": "bob" }), 200).await;
    let save =
        async |name: &str, filter: Value| running.post("/views", json!({ "name": name, "filter": filter }), 201).await;
    let ids = async |view: &Value| -> Vec<String> {
        let list = running.get(&format!("/conversations?view={}", view["id"].as_str().unwrap())).await;
        list["conversations"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap().to_owned()).collect()
    };
    let mine_or_urgent = save("mine", json!({ "any": [{ "status": "needs_human" }, { "assignee": "bob" }] })).await;
    assert_eq!(ids(&mine_or_urgent).await, [three.clone(), two.clone()]);
    let free = json!({ "all": [{ "unassigned": true }, { "not": { "status": "needs_human" } }, { "channel": "api" }] });
    let free = save("free", free).await;
    assert_eq!(ids(&free).await, [one]);
    assert_eq!(ids(&save("none", json!({ "any": [] })).await).await, [""; 0]);
    running.post("/views", json!({ "name": "free", "filter": { "status": "open" } }), 409).await;
    let deep = (0..20).fold(json!({ "status": "open" }), |deep, _| json!({ "not": deep }));
    running.post("/views", json!({ "name": "deep", "filter": deep }), 422).await;
    assert_eq!(running.get("/views").await["views"].as_array().unwrap().len(), 3);
    let path = format!("/views/{}", free["id"].as_str().unwrap());
    assert_eq!(running.ask(Method::DELETE, &path, &[], None).await.status(), 204);
    assert_eq!(running.ask(Method::DELETE, &path, &[], None).await.status(), 404);
}

/// A macro does all of what it says, or nothing.
#[tokio::test]
async fn a_macro_writes_tags_and_resolves_with_one_click() {
    let running = running().await;
    let id = running.write("a", "I want a refund").await;
    let does = json!({
        "reply": "It is refunded.", "note": "Paid back.",
        "steps": [{ "add_tag": { "kind": "department", "name": "billing" } }, { "assign": "bob" }, "resolve"],
    });
    let saved = running.post("/macros", json!({ "name": "refund", "does": does }), 201).await;
    let path = format!("macros/{}", saved["id"].as_str().unwrap());
    let done = running.ann(&id, &path, json!({}), 200).await;
    assert_eq!(
        (&done["conversation"]["status"], &done["conversation"]["assignee"]),
        (&json!("resolved"), &json!("bob"))
    );
    let case = running.conversation(&id).await;
    assert_eq!((said(&case, "teammate"), said(&case, "note")), (vec!["It is refunded."], vec!["Paid back."]));
    assert_eq!(case["tags"][0]["name"], "billing");

    // Its last step cannot be done a second time: nothing of it is.
    let does = json!({ "note": "Again.", "steps": ["resolve"] });
    let again = running.post("/macros", json!({ "name": "again", "does": does }), 201).await;
    running.ann(&id, &format!("macros/{}", again["id"].as_str().unwrap()), json!({}), 409).await;
    assert_eq!(said(&running.conversation(&id).await, "note"), ["Paid back."]);
    for bad in [json!({}), json!({ "reply": " " }), json!({ "steps": [{ "snooze_minutes": 0 }] })] {
        running.post("/macros", json!({ "name": "bad", "does": bad }), 422).await;
    }
}

#[tokio::test]
async fn who_looks_on_and_types_is_told() {
    let running = running().await;
    let id = running.write("a", "Hello").await;
    running.ann(&id, "presence", json!({ "typing": true }), 200).await;
    let both = running.post(&format!("/conversations/{id}/presence"), json!({ "teammate": "bob" }), 200).await;
    let names: Vec<_> =
        both["viewers"].as_array().unwrap().iter().map(|v| (v["teammate"].clone(), v["typing"].clone())).collect();
    assert_eq!(names, [(json!("ann"), json!(true)), (json!("bob"), json!(false))]);
    let left = running.ann(&id, "presence", json!({ "here": false }), 200).await;
    assert_eq!(left["viewers"].as_array().unwrap().len(), 1);
}
