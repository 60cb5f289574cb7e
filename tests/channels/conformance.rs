//! What every channel must do, proved on each: events that come again or late; 429, 500, a broken connection; an account
//! that is switched off. Nothing lost, nothing doubled, order kept (W6).

use serde_json::json;

use crate::house::{Running, said};
use crate::shop::how_far;
use crate::standin::{Act, Vendor};
use crate::words::{ANSWER, ASKED};

pub async fn an_event_that_comes_again_changes_nothing(running: &Running, vendor: &impl Vendor) {
    vendor.write("Hello").await;
    running.newest(|case| how_far(case) == ["sent"]).await;
    vendor.tell_again().await;
    vendor.write(ASKED).await;
    let case = running.newest(|case| how_far(case) == ["sent", "sent"]).await;
    vendor.tell_again().await;
    assert_eq!(said(&case, "customer"), ["Hello", ASKED]);
    assert_eq!(vendor.heard().len(), 2);
    let again = running.conversation(case["id"].as_str().unwrap()).await;
    assert_eq!(said(&again, "customer").len(), 2);
}

pub async fn every_message_arrives_once_and_in_order(running: &Running, vendor: &impl Vendor) {
    vendor.write("Hello").await;
    let case = running.newest(|case| how_far(case) == ["sent"]).await;
    let id = case["id"].as_str().unwrap().to_owned();
    let hardships = [Act::Slow, Act::Take, Act::TakeAndFail, Act::Fail, Act::Take, Act::TakeAndBreak, Act::Break];
    vendor.acts().next(&hardships);
    let texts: Vec<String> = (1..=5).map(|n| format!("Message {n} of five.")).collect();
    for text in &texts {
        running.ann(&id, "messages", json!({ "text": text }), 201).await;
    }
    running.newest(|case| how_far(case) == ["sent"; 6]).await;
    assert_eq!(vendor.heard()[1..], texts);
}

pub async fn what_is_refused_is_shown_and_sent_again_by_hand(running: &Running, vendor: &impl Vendor) {
    vendor.acts().next(&[Act::Refuse]);
    vendor.write(ASKED).await;
    let case = running.newest(|case| how_far(case) == ["failed"]).await;
    let failed = running.get("/deliveries").await;
    assert_eq!(failed["deliveries"][0]["conversation"], case["id"]);
    assert!(failed["deliveries"][0]["last_error"].as_str().unwrap().len() > 10, "{failed}");
    let message = failed["deliveries"][0]["message"].as_str().unwrap().to_owned();
    running.post(&format!("/deliveries/{message}/resend"), json!({}), 202).await;
    running.newest(|case| how_far(case) == ["sent"]).await;
    running.post(&format!("/deliveries/{message}/resend"), json!({}), 409).await;
    assert_eq!(vendor.heard(), [ANSWER]);
}

/// R12: what is written while a channel is off waits for it.
pub async fn an_account_is_switched_off_and_on(running: &Running, vendor: &impl Vendor, account: &str) {
    vendor.write("Hello").await;
    let case = running.newest(|case| how_far(case) == ["sent"]).await;
    let path = format!("/channels/{account}");
    let switch = async |enabled: bool| {
        let version = running.get(&path).await["version"].clone();
        let change = json!({ "enabled": enabled, "version": version });
        assert_eq!(running.ask(reqwest::Method::PATCH, &path, &[], Some(&change)).await.status(), 200);
    };
    switch(false).await;
    let id = case["id"].as_str().unwrap();
    running.ann(id, "messages", json!({ "text": "While it is off." }), 201).await;
    assert_eq!(how_far(&running.conversation(id).await), ["sent", "queued"]);
    switch(true).await;
    running.newest(|case| how_far(case) == ["sent", "sent"]).await;
    assert_eq!(vendor.heard()[1], "While it is off.");
    running.until(async || (running.get(&path).await["health"]["fares"] == "well").then_some(())).await;
}
