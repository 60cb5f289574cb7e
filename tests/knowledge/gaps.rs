//! What the knowledge lacks.

use reqwest::Method;
use serde_json::json;

use crate::house::running;

/// R15: questions without an answer are collected, grouped by meaning, and one call writes the missing article.
#[tokio::test]
async fn a_question_nobody_could_answer_becomes_an_article_with_one_call() {
    let running = running().await;
    running.write("a", "Which trailers carry kayaks safely?").await;
    running.write("b", "which trailers safely carry kayaks").await;
    let other = running.write("c", "Where does Anton Bruckner live?").await;
    let gaps = running.get("/knowledge/gaps").await;
    let counts: Vec<_> = gaps["gaps"].as_array().unwrap().iter().map(|gap| gap["asked"].clone()).collect();
    assert_eq!(counts, [2, 1], "{gaps}");
    assert_eq!(gaps["gaps"][0]["examples"].as_array().unwrap().len(), 2);
    let first = running.get("/knowledge/gaps?limit=1").await;
    let next = running.get(&format!("/knowledge/gaps?limit=1&cursor={}", first["next_cursor"].as_str().unwrap())).await;
    assert_eq!((&next["gaps"][0]["id"], &next["next_cursor"]), (&gaps["gaps"][1]["id"], &json!(null)));

    // A teammate answers the second: it is proposed as it stands.
    let id = other["id"].as_str().unwrap();
    let reply = json!({ "teammate": "ann", "text": "He lives in Linz." });
    running.post(&format!("/conversations/{id}/messages"), reply, 201).await;
    let proposals = running.get("/knowledge/proposals").await;
    let proposal = &proposals["proposals"][0];
    assert_eq!((&proposal["body"], &proposal["by"]), (&json!("He lives in Linz."), &json!("ann")));
    assert_eq!(proposals["proposals"].as_array().unwrap().len(), 1);

    let path = format!("/knowledge/gaps/{}", gaps["gaps"][0]["id"].as_str().unwrap());
    let article = running.post(&format!("{path}/article"), json!({ "body": "The long one does." }), 201).await;
    assert_eq!(article["title"], gaps["gaps"][0]["label"]);
    assert_eq!(article["questions"].as_array().unwrap().len(), 1, "the other wording asks for it too");
    assert_eq!(running.on_a_call("which trailers safely carry kayaks").sentences.join(" "), "The long one does.");
    assert_eq!(running.get("/knowledge/gaps").await["gaps"].as_array().unwrap().len(), 1);
    assert_eq!(running.get("/knowledge/gaps?state=answered").await["gaps"][0]["article"], article["id"]);
    running.post(&format!("{path}/article"), json!({ "body": "Again." }), 422).await;
}

/// A dismissed gap stays out of the way however often it is asked again.
#[tokio::test]
async fn a_dismissed_gap_stays_out_of_the_way() {
    let running = running().await;
    running.write("a", "Which trailers carry kayaks safely?").await;
    let gaps = running.get("/knowledge/gaps").await;
    let path = format!("/knowledge/gaps/{}", gaps["gaps"][0]["id"].as_str().unwrap());
    running.ask(Method::PATCH, &path, Some(json!({ "dismissed": true })), 200).await;
    running.write("b", "which trailers safely carry kayaks").await;
    assert_eq!(running.get("/knowledge/gaps").await["gaps"], json!([]));
    assert_eq!(running.get("/knowledge/gaps?state=dismissed").await["gaps"][0]["asked"], 2);
    running.ask(Method::PATCH, "/knowledge/gaps/x", Some(json!({ "dismissed": true })), 404).await;
}
