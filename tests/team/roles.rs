//! Roles, inboxes and tokens, enforced by one table; and who changed what.

use serde_json::{Value, json};
use switchboard::domain::ids::{ConversationId, InboxId};
use switchboard::domain::team::{Permission, Role};
use switchboard::domain::time::EpochMs;
use switchboard::http::{Reach, asked};
use switchboard::seams::bus::{Bus, LiveKind};
use switchboard::seams::store::Store;

use crate::house::{PASSWORD, running};
use crate::samples;

/// Every endpoint of the document: method and path.
fn endpoints() -> Vec<(String, String)> {
    let document = serde_json::to_value(switchboard::http::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    each.collect()
}

/// A path with something in each of its places.
fn filled(path: &str) -> String {
    let parts = path.split('/').map(|part| match part {
        "{revision}" => "1".to_owned(),
        part if part.starts_with('{') => uuid::Uuid::now_v7().to_string(),
        part => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join("/")
}

/// W5, R41: every endpoint stands in the table, and lets in neither nobody nor a viewer beyond what the table says.
#[tokio::test]
async fn every_endpoint_asks_who_calls_and_refuses_who_may_not() {
    let running = running().await;
    let owner = running.owner().await;
    let viewer = running.somebody(&owner, "viewer", Value::Null).await;
    let endpoints = endpoints();
    assert!(endpoints.len() > 70, "{}", endpoints.len());
    for (method, path) in endpoints {
        let entry = asked(&method.parse().unwrap(), &path);
        let entry = entry.unwrap_or_else(|| panic!("{method} {path} stands in no table of permissions"));
        let Some(permission) = entry.permission else { continue };
        let body = (method != "GET").then(|| json!({}));
        let nobody = running.ask(&method, &filled(&path), &[], body.clone()).await;
        assert_eq!(nobody.status, 401, "{method} {path} by nobody");
        let wrong = running.bearer("sbt_guessed", &method, &filled(&path), body.clone()).await;
        assert_eq!(wrong.status, 401, "{method} {path} by a guessed token");
        if !Role::Viewer.may(permission) {
            let refused = running.by(&viewer, &method, &filled(&path), body).await;
            assert_eq!(refused.status, 403, "{method} {path} by a viewer: {}", refused.body);
        }
    }
}

/// R41: somebody who sees one inbox sees nothing of the others, by any endpoint.
#[tokio::test]
async fn another_inbox_is_not_there_for_whoever_does_not_see_it() {
    let running = running().await;
    let other = InboxId(samples::id());
    let (mine, theirs) =
        (samples::conversation(running.agent.id, running.inbox, 1), samples::conversation(running.agent.id, other, 2));
    let call = samples::call(theirs.id, 3);
    let (recording, ticket) = (samples::recording(call.id, 4), samples::ticket(theirs.id, 5));
    let mut unit = running.store.begin().await.unwrap();
    unit.save_inbox(other, running.agent.id, "+4930999999").await.unwrap();
    for case in [&mine, &theirs] {
        unit.insert_conversation(case).await.unwrap();
    }
    unit.save_call(&call).await.unwrap();
    unit.save_recording(&recording).await.unwrap();
    unit.save_ticket(&ticket).await.unwrap();
    let file = samples::attachment(6);
    let mut message = samples::message(theirs.id, 6);
    message.post.attachments.push(file.clone());
    unit.save_attachment(&file).await.unwrap();
    unit.insert_message(&message).await.unwrap();
    unit.commit().await.unwrap();
    let owner = running.owner().await;
    let somebody = running.somebody(&owner, "admin", json!([running.inbox])).await;
    let listed = running.by(&somebody, "GET", "/conversations", None).await.body;
    let ids: Vec<_> = listed["conversations"].as_array().unwrap().iter().map(|case| case["id"].clone()).collect();
    assert_eq!(ids, [json!(mine.id)]);
    assert_eq!(running.by(&somebody, "GET", &format!("/conversations/{}", mine.id), None).await.status, 200);
    for (method, path) in endpoints() {
        let Some(entry) = asked(&method.parse().unwrap(), &path) else { continue };
        let id = match entry.reach {
            Reach::Conversation => theirs.id.to_string(),
            Reach::Ticket => ticket.id.to_string(),
            Reach::Recording => recording.id.to_string(),
            Reach::Attachment => file.id.to_string(),
            Reach::Contact | Reach::Call | Reach::Everything => samples::id().to_string(),
            Reach::Nothing | Reach::Listed => continue,
        };
        let expected = if entry.reach == Reach::Everything { 403 } else { 404 };
        let body = (method != "GET").then(|| json!({}));
        let refused = running.by(&somebody, &method, &filled(&path.replace("{id}", &id)), body).await;
        assert_eq!(refused.status, expected, "{method} {path}: {}", refused.body);
    }
}

/// R41: the live stream tells somebody who sees some inboxes alone of their conversations alone.
#[tokio::test]
async fn the_live_stream_tells_of_ones_own_inboxes_alone() {
    let running = running().await;
    let other = InboxId(samples::id());
    let (mine, theirs) =
        (samples::conversation(running.agent.id, running.inbox, 1), samples::conversation(running.agent.id, other, 2));
    let mut unit = running.store.begin().await.unwrap();
    unit.save_inbox(other, running.agent.id, "+4930999999").await.unwrap();
    for case in [&mine, &theirs] {
        unit.insert_conversation(case).await.unwrap();
    }
    unit.commit().await.unwrap();
    let owner = running.owner().await;
    let somebody = running.somebody(&owner, "viewer", json!([running.inbox])).await;
    let told = running.events_until(&somebody, "the last", || {
        for (case, text) in [(&theirs, "a secret"), (&mine, "the first"), (&theirs, "another"), (&mine, "the last")] {
            running.bus.publish(EpochMs(5), case.id, LiveKind::Hearing { text: text.into() });
        }
    });
    let told = told.await;
    assert!(told.contains("the first") && !told.contains("secret") && !told.contains("another"), "{told}");
}

/// R41: a token does what its scopes say, until it is deleted; its text is told once.
#[tokio::test]
async fn a_token_does_what_its_scopes_say() {
    let running = running().await;
    let owner = running.owner().await;
    let new = json!({ "name": "crm", "scopes": ["read_cases"] });
    let headers = [("cookie", owner.as_str()), ("sec-fetch-site", "same-origin"), ("idempotency-key", "k")];
    let made = running.ask("POST", "/tokens", &headers, Some(new.clone())).await;
    assert_eq!(made.status, 201);
    let again = running.ask("POST", "/tokens", &headers, Some(new)).await;
    assert_eq!((&again.body["id"], &again.body["secret"]), (&made.body["id"], &json!("")), "shown once");
    let token = made.body["secret"].as_str().unwrap();
    assert_eq!(running.bearer(token, "GET", "/conversations", None).await.status, 200);
    assert_eq!(running.bearer(token, "GET", "/knowledge/articles", None).await.status, 403);
    assert_eq!(running.bearer(token, "POST", "/tokens", Some(json!({}))).await.status, 403);
    assert_eq!(running.bearer(token, "GET", "/session", None).await.status, 403, "it has no account");
    let listed = running.by(&owner, "GET", "/tokens", None).await.body;
    assert!(!listed.to_string().contains(token));
    let path = format!("/tokens/{}", made.body["id"].as_str().unwrap());
    assert_eq!(running.by(&owner, "DELETE", &path, None).await.status, 204);
    assert_eq!(running.bearer(token, "GET", "/conversations", None).await.status, 401);
    let old = json!({ "name": "old", "scopes": ["read_cases"], "expires_at_ms": 1 });
    let old = running.by(&owner, "POST", "/tokens", Some(old)).await;
    let status = running.bearer(old.body["secret"].as_str().unwrap(), "GET", "/conversations", None).await.status;
    assert_eq!(status, 401, "it is too old");
    assert_eq!(Permission::ReadCases, serde_json::from_value(json!("read_cases")).unwrap());
}

/// W5: nobody raises themselves or others above their own role, and one owner is always left.
#[tokio::test]
async fn nobody_grants_more_than_they_have() {
    let running = running().await;
    let owner = running.owner().await;
    let admin = running.somebody(&owner, "admin", Value::Null).await;
    let me = |body: Value| body["teammate"]["id"].as_str().unwrap().to_owned();
    let admin_id = me(running.by(&admin, "GET", "/session", None).await.body);
    let owner_id = me(running.by(&owner, "GET", "/session", None).await.body);
    let raise = |role: &str| Some(json!({ "role": role }));
    let path = |id: &str| format!("/teammates/{id}");
    assert_eq!(running.by(&admin, "PATCH", &path(&admin_id), raise("owner")).await.status, 403);
    assert_eq!(running.by(&admin, "PATCH", &path(&owner_id), raise("viewer")).await.status, 403);
    let take = format!("/teammates/{owner_id}/invitation");
    assert_eq!(running.by(&admin, "POST", &take, Some(json!({}))).await.status, 403, "nor takes an owner's account");
    let invited = json!({ "name": "E", "email": "e@shop.example", "role": "owner" });
    assert_eq!(running.by(&admin, "POST", "/teammates", Some(invited)).await.status, 403);
    assert_eq!(running.by(&owner, "PATCH", &path(&owner_id), raise("viewer")).await.status, 403, "the last owner");
    // What is taken away is gone with the next request.
    assert_eq!(running.by(&owner, "PATCH", &path(&admin_id), raise("viewer")).await.status, 200);
    assert_eq!(running.by(&admin, "GET", "/audit", None).await.status, 403);
    let off = Some(json!({ "disabled": true }));
    assert_eq!(running.by(&owner, "PATCH", &path(&admin_id), off).await.status, 200);
    assert_eq!(running.by(&admin, "GET", "/session", None).await.status, 401);
}

/// R41: every change is written down with who made it, what was there and what is.
#[tokio::test]
async fn changes_are_written_down_with_before_and_after() {
    let running = running().await;
    let owner = running.owner().await;
    let article = running.by(&owner, "POST", "/knowledge/articles", Some(json!({ "title": "Q?", "body": "A." }))).await;
    let path = format!("/knowledge/articles/{}", article.body["id"].as_str().unwrap());
    let edit = json!({ "revision": 1, "title": "Q?", "body": "B." });
    running.by(&owner, "PUT", &path, Some(edit)).await;
    running.by(&owner, "PUT", &path, Some(json!({ "revision": 1, "title": "Q?", "body": "C." }))).await;
    let log = running.by(&owner, "GET", "/audit?limit=2", None).await.body;
    let entries = log["entries"].as_array().unwrap();
    assert_eq!(entries[0]["act"], "PUT /api/v1/knowledge/articles/{id}");
    assert_eq!((&entries[0]["before"]["body"], &entries[0]["after"]["body"]), (&json!("A."), &json!("B.")));
    assert_eq!((&entries[0]["who"], &entries[1]["before"]), (&json!("Olga"), &Value::Null));
    let cursor = log["next_cursor"].as_str().unwrap();
    let rest = running.by(&owner, "GET", &format!("/audit?cursor={cursor}"), None).await.body;
    assert_eq!(rest["entries"][0]["act"], "POST /api/v1/setup");
    assert!(!rest.to_string().contains(PASSWORD));
}

/// R33, W5: somebody who is signed in acts in their own name, whatever the request says.
#[tokio::test]
async fn nobody_acts_in_anothers_name() {
    let running = running().await;
    let case = samples::conversation(running.agent.id, running.inbox, 1);
    let mut unit = running.store.begin().await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    unit.commit().await.unwrap();
    let owner = running.owner().await;
    let path = |id: ConversationId| format!("/conversations/{id}/take-over");
    let taken = running.by(&owner, "POST", &path(case.id), Some(json!({ "teammate": "Bob" }))).await;
    assert_eq!(taken.body["conversation"]["assignee"], "Olga", "{}", taken.body);
    let again = running.by(&owner, "POST", &path(case.id), Some(json!({}))).await;
    assert!(again.status == 200 || again.status == 409, "the name can be left out: {}", again.body);
}
