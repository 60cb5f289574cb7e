//! The behaviours of the team's part. Each takes a store without rows.

use switchboard::domain::ids::{ApiTokenId, SessionId, TeammateId};
use switchboard::domain::team::{ApiToken, AuditEntry, Permission, Role, Session, Teammate};
use switchboard::domain::time::EpochMs;
use switchboard::seams::store::{Store, StoreError};

use crate::samples::{self, id, seeded};

fn teammate(email: &str) -> Teammate {
    Teammate {
        id: TeammateId(id()),
        email: email.into(),
        name: "Ann".into(),
        role: Role::Admin,
        inboxes: None,
        disabled: false,
        password: Some("$argon2id$…".into()),
        second_factor: None,
        invitation: None,
        created_at: EpochMs(4),
    }
}

fn session(of: TeammateId, digest: &str, expires_at: i64) -> Session {
    Session {
        id: SessionId(id()),
        teammate: of,
        digest: digest.into(),
        created_at: EpochMs(1),
        expires_at: EpochMs(expires_at),
        from: "192.0.2.1".into(),
        browser: "a browser".into(),
    }
}

/// R42: of two who set up at once one is the first.
pub async fn the_first_teammate_is_one(store: &dyn Store) {
    for (email, expected) in [("ann@shop.example", true), ("bob@shop.example", false)] {
        let mut unit = store.begin().await.unwrap();
        match unit.save_first_teammate(&teammate(email)).await {
            Ok(()) => unit.commit().await.unwrap(),
            Err(StoreError::Conflict) => assert!(!expected),
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(store.teammates().await.unwrap().len(), 1);
}

pub async fn an_email_is_one_persons(store: &dyn Store) {
    let (mut ann, bob) = (teammate("ann@shop.example"), teammate("bob@shop.example"));
    let mut unit = store.begin().await.unwrap();
    unit.save_teammate(&ann).await.unwrap();
    unit.save_teammate(&bob).await.unwrap();
    unit.commit().await.unwrap();
    ann.name = "Ann B.".into();
    let mut unit = store.begin().await.unwrap();
    unit.save_teammate(&ann).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.teammate_by_email("ann@shop.example").await.unwrap() == Some(ann.clone()));
    assert!(store.teammate(bob.id).await.unwrap() == Some(bob));
    ann.email = "bob@shop.example".into();
    let mut unit = store.begin().await.unwrap();
    assert!(matches!(unit.save_teammate(&ann).await, Err(StoreError::Conflict)));
    assert!(store.teammate_by_email("nobody@shop.example").await.unwrap().is_none());
}

pub async fn sessions_and_tokens_end(store: &dyn Store) {
    let ann = teammate("ann@shop.example");
    let (one, two, old) = (session(ann.id, "one", 90), session(ann.id, "two", 90), session(ann.id, "old", 10));
    let token = ApiToken {
        id: ApiTokenId(id()),
        name: "crm".into(),
        digest: "digest".into(),
        scopes: vec![Permission::ReadCases],
        inboxes: Some(vec![]),
        by: "ann".into(),
        created_at: EpochMs(1),
        expires_at: None,
    };
    let mut unit = store.begin().await.unwrap();
    unit.save_teammate(&ann).await.unwrap();
    for session in [&one, &two, &old] {
        unit.save_session(session).await.unwrap();
    }
    unit.save_api_token(&token).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.session("one").await.unwrap() == Some(one.clone()));
    assert_eq!(store.sessions(ann.id).await.unwrap().len(), 3);
    assert!(store.api_token("digest").await.unwrap() == Some(token.clone()));
    let mut unit = store.begin().await.unwrap();
    assert_eq!(unit.forget_sessions(EpochMs(11)).await.unwrap(), 1);
    assert_eq!(unit.end_sessions(ann.id, Some(two.id)).await.unwrap(), 1);
    assert!(matches!(unit.end_session(TeammateId(id()), two.id).await, Err(StoreError::NotFound)));
    unit.delete_api_token(token.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.sessions(ann.id).await.unwrap() == [two.clone()]);
    assert!(store.api_tokens().await.unwrap().is_empty());
    let mut unit = store.begin().await.unwrap();
    unit.end_session(ann.id, two.id).await.unwrap();
    unit.commit().await.unwrap();
    assert!(store.session("two").await.unwrap().is_none());
}

pub async fn the_audit_log_is_read_backwards(store: &dyn Store) {
    let entry = |at| AuditEntry {
        id: id(),
        at: EpochMs(at),
        who: "ann".into(),
        act: "PATCH /api/v1/teammates/{id}".into(),
        target: "/api/v1/teammates/7".into(),
        before: serde_json::Value::Null,
        after: serde_json::json!({ "role": "admin" }),
    };
    let entries: Vec<_> = (1..4).map(entry).collect();
    let mut unit = store.begin().await.unwrap();
    for entry in &entries {
        unit.audit(entry).await.unwrap();
    }
    unit.commit().await.unwrap();
    assert_eq!(store.audits(None, 2).await.unwrap(), [entries[2].clone(), entries[1].clone()]);
    assert_eq!(store.audits(Some(entries[1].id), 9).await.unwrap(), entries[..1]);
}

/// R41: what came to other inboxes is not listed, and of no inbox nothing is.
pub async fn lists_show_the_inboxes_asked_for(store: &dyn Store) {
    let (agent, inbox) = seeded(store).await;
    let other = switchboard::domain::ids::InboxId(id());
    let mut unit = store.begin().await.unwrap();
    unit.save_inbox(other, agent.id, "+4930999999").await.unwrap();
    unit.commit().await.unwrap();
    let case = samples::conversation(agent.id, inbox, 1);
    let call = samples::call(case.id, 2);
    let recording = samples::recording(call.id, 3);
    let mut unit = store.begin().await.unwrap();
    unit.insert_conversation(&case).await.unwrap();
    unit.save_call(&call).await.unwrap();
    unit.save_recording(&recording).await.unwrap();
    unit.commit().await.unwrap();
    for (inboxes, count) in [(vec![inbox], 1), (vec![other], 0), (vec![other, inbox], 1), (vec![], 0)] {
        let filter = switchboard::seams::inbox_store::Filter { inboxes: Some(inboxes), ..Default::default() };
        assert_eq!(store.conversations_by(&filter, None, 9).await.unwrap().len(), count);
    }
    assert_eq!(store.recording_conversation(recording.id).await.unwrap(), Some(case.id));
    let unknown = switchboard::domain::ids::RecordingId(id());
    assert_eq!(store.recording_conversation(unknown).await.unwrap(), None);
}
