//! What every language model promises, kept by the stand-in, by the client and by the guard around it; and the small
//! ways in which servers differ and fail.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Handle;

use super::allowance::Allowance;
use super::guarded::{Guarded, Patience};
use super::openai::OpenAiLlm;
use super::standin::{Part, Reply, StandIn, events_of};
use crate::adapters::cloud::Access;
use crate::seams::fakes::ToldLlm;
use crate::seams::fakes::told_llm::{LlmAct, call};
use crate::seams::llm::{Block, Llm, LlmError, LlmPiece, LlmRequest, LlmStream, Tool};

fn request() -> LlmRequest {
    LlmRequest {
        system: "Write a reply.".into(),
        blocks: vec![Block { label: "customer".into(), text: "When do you open?".into() }],
        nonce: "n0nce".into(),
        tools: vec![Tool { name: "answer", purpose: "Answers.", parameters: json!({"type": "object"}) }],
        tokens_max: 100,
    }
}

async fn all_of(mut stream: LlmStream) -> (Vec<LlmPiece>, Option<LlmError>) {
    let mut pieces = Vec::new();
    while let Some(piece) = stream.recv().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => {
                assert!(stream.recv().await.is_none(), "nothing follows an error");
                return (pieces, Some(error));
            }
        }
    }
    (pieces, None)
}

/// What was written, whatever the pieces it came in.
fn written(pieces: &[LlmPiece]) -> String {
    pieces.iter().fold(String::new(), |text, piece| match piece {
        LlmPiece::Text(more) | LlmPiece::Arguments { json: more, .. } => text + more,
        LlmPiece::Call { name, .. } => text + name + ":",
        LlmPiece::Done { .. } => text + ".",
    })
}

struct Made {
    llm: Arc<dyn Llm>,
    let_go: Box<dyn Fn() -> usize>,
}

/// A client with all the time in the world, however busy this machine is.
fn client(url: &str) -> Arc<dyn Llm> {
    let patience = Duration::from_secs(60);
    let access = Access { connect_timeout: patience, stall_timeout: patience, ..Access::to_stand_in("openai", url) };
    Arc::new(OpenAiLlm::new(access, "a-model".into(), Handle::current()).unwrap())
}

/// One for servers that fail.
fn hasty_client(url: &str) -> Arc<dyn Llm> {
    let access = Access::to_stand_in("openai", url);
    Arc::new(OpenAiLlm::new(access, "a-model".into(), Handle::current()).unwrap())
}

fn guarded(inner: Arc<dyn Llm>, allowance: Arc<Allowance>) -> Arc<dyn Llm> {
    let patience = Patience { first: Duration::from_secs(60), whole: Duration::from_secs(60) };
    Arc::new(Guarded::new(inner, allowance, Duration::from_secs(60), patience, Handle::current()))
}

/// Every implementation, doing these steps.
async fn each(acts: &[LlmAct]) -> Vec<Made> {
    let fake = Arc::new(ToldLlm::new(vec![acts.to_vec()]));
    let server = Arc::new(StandIn::answering(vec![Reply::of(acts)]).await);
    let behind = Arc::new(StandIn::answering(vec![Reply::of(acts)]).await);
    let guard = guarded(client(&behind.url), Arc::new(Allowance::new(0, 0)));
    vec![
        Made { llm: fake.clone(), let_go: Box::new(move || fake.let_go()) },
        Made { llm: client(&server.url), let_go: Box::new(move || server.let_go()) },
        Made { llm: guard, let_go: Box::new(move || behind.let_go()) },
    ]
}

#[tokio::test]
async fn pieces_come_in_order_and_end_with_their_cost() {
    for made in each(&call("answer", r#"{"citations":[1],"text":"At nine – “sharp”."}"#)).await {
        let (pieces, error) = all_of(made.llm.write(request())).await;
        assert_eq!(error, None);
        assert_eq!(written(&pieces), r#"answer:{"citations":[1],"text":"At nine – “sharp”."}."#);
        assert_eq!(pieces.last(), Some(&LlmPiece::Done { tokens: Some(100) }));
    }
}

#[tokio::test]
async fn a_failure_is_told_once_after_what_came_before_it() {
    let error = LlmError::Refused { provider: "openai".into(), reason: "overloaded".into() };
    let acts = [LlmAct::Write(LlmPiece::Text("well".into())), LlmAct::Fail(error)];
    for made in each(&acts).await {
        let (pieces, error) = all_of(made.llm.write(request())).await;
        assert_eq!(written(&pieces), "well");
        assert!(matches!(error, Some(LlmError::Refused { .. })), "{error:?}");
    }
}

/// Interrupted callers cost nothing more.
#[tokio::test]
async fn letting_go_of_the_stream_ends_the_work() {
    let acts = [LlmAct::Write(LlmPiece::Text("well".into())), LlmAct::Hang];
    for made in each(&acts).await {
        let mut stream = made.llm.write(request());
        assert_eq!(stream.recv().await, Some(Ok(LlmPiece::Text("well".into()))));
        drop(stream);
        while (made.let_go)() == 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// What a server sends, and what becomes of it.
async fn answer_of(reply: Reply) -> (String, Option<LlmError>) {
    let server = StandIn::answering(vec![reply]).await;
    let (pieces, error) = all_of(client(&server.url).write(request())).await;
    (written(&pieces), error)
}

/// Of one that says nothing for a while.
async fn failure_of(reply: Reply) -> Option<LlmError> {
    let server = StandIn::answering(vec![reply]).await;
    all_of(hasty_client(&server.url).write(request())).await.1
}

fn answer_events() -> String {
    let name = events_of(&LlmPiece::Call { index: 0, name: "answer".into() });
    name + &events_of(&LlmPiece::Arguments { index: 0, json: "{}".into() })
}

fn finish() -> String {
    format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}))
}

#[tokio::test]
async fn small_differences_between_servers_change_nothing() {
    let whole = json!({"choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "content": null,
        "tool_calls": [{"id": "a", "type": "function", "function": {"name": "answer", "arguments": "{}"}}]}}]});
    let mut not_streamed = Reply::bytes(whole.to_string());
    not_streamed.headers = vec![("content-type", "application/json; charset=utf-8".into())];
    let events = answer_events();
    let byte_by_byte = (events.clone() + &finish()).into_bytes().chunks(1).map(|b| Part::Bytes(b.to_vec())).collect();
    for (what, reply) in [
        ("no end mark", Reply::bytes(events.clone() + &finish())),
        ("no finish, an end mark", Reply::bytes(events.clone() + "data: [DONE]\n\n")),
        ("carriage returns", Reply::bytes((events.clone() + &finish()).replace('\n', "\r\n"))),
        ("comments", Reply::bytes(format!(": ping\n\n{events}: ping\n\n{}", finish()))),
        ("empty choices", Reply::bytes(format!("data: {{\"choices\":[]}}\n\n{events}{}", finish()))),
        ("no space after the colon", Reply::bytes((events.clone() + &finish()).replace("data: ", "data:"))),
        ("not streamed", not_streamed),
        ("byte by byte", Reply::stream(byte_by_byte)),
        ("open after its end", Reply::stream(vec![Part::Bytes((events.clone() + &finish()).into()), Part::Hang])),
        ("cut after its end", Reply::stream(vec![Part::Bytes((events.clone() + &finish()).into()), Part::Break])),
    ] {
        assert_eq!(answer_of(reply).await, ("answer:{}.".into(), None), "{what}");
    }
}

/// P1.
#[tokio::test]
async fn a_server_that_fails_is_told_as_failing() {
    let events = answer_events();
    let length = format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": "length"}]}));
    let busy = Reply::refusing(429, vec![("retry-after", "7".into())], "slow down");
    assert_eq!(answer_of(busy).await.1, Some(LlmError::Busy { provider: "openai".into(), retry_after_seconds: 7 }));
    for (kind, what, reply) in [
        ("refused", "500", Reply::refusing(500, vec![], "broken")),
        ("refused", "401", Reply::refusing(401, vec![], "no such key")),
        ("refused", "429 without a time", Reply::refusing(429, vec![], "slow down")),
        ("stalled", "cut in the middle", Reply::stream(vec![Part::Bytes(events.clone().into()), Part::Break])),
        ("stalled", "ended in the middle", Reply::bytes(events.clone())),
        ("stalled", "stalled", Reply::stream(vec![Part::Bytes(events.clone().into()), Part::Hang])),
        ("stalled", "half open", Reply::stream(vec![Part::Hang])),
        ("stalled", "nothing", Reply::bytes("")),
        ("stalled", "garbage", Reply::bytes("data: {\"choices\": [{\n\n")),
        ("stalled", "a page", Reply::bytes("data: <html>login</html>\n\n")),
        ("stalled", "no text", Reply::bytes(b"data: \xff\xfe\n\n".to_vec())),
        ("stalled", "too long", Reply::bytes(events.clone() + &length)),
        ("stalled", "100 kB", {
            Reply::bytes(events_of(&LlmPiece::Arguments { index: 0, json: "x".repeat(100_000) }))
        }),
        ("stalled", "a line without end", Reply::bytes(format!("data: {}", "x".repeat(2_000_000)))),
    ] {
        let error = if kind == "refused" { answer_of(reply).await.1 } else { failure_of(reply).await };
        assert_eq!(error.as_ref().map(LlmError::kind), Some(kind), "{what}: {error:?}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_failing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (_, error) = all_of(client(&url).write(request())).await;
    assert_eq!(error.map(|error| error.kind()), Some("stalled"));
}

#[tokio::test]
async fn what_a_server_refuses_is_not_asked_of_it_again() {
    let good = Reply::bytes(answer_events() + &finish());
    let server = StandIn::answering(vec![
        Reply::refusing(400, vec![], "Unknown parameter: stream_options"),
        Reply::refusing(422, vec![], "tool_choice must be auto"),
        Reply::refusing(400, vec![], "Use max_completion_tokens instead of max_tokens"),
        good,
    ])
    .await;
    let llm = client(&server.url);
    for _ in 0..2 {
        let (pieces, error) = all_of(llm.write(request())).await;
        assert_eq!((written(&pieces), error), ("answer:{}.".into(), None));
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 5, "it is asked once in its own dialect the second time");
    let last = &requests[4];
    assert_eq!((&last["tool_choice"], &last["max_completion_tokens"]), (&json!("auto"), &json!(100)));
    assert!(last.get("stream_options").is_none() && last.get("max_tokens").is_none());
    assert!(server.keys().iter().all(|key| key == "Bearer secret"));
}

/// What others wrote stands between fences, never among our instructions.
#[tokio::test]
async fn instructions_and_data_are_sent_apart() {
    let server = StandIn::answering(vec![Reply::bytes(finish())]).await;
    all_of(client(&server.url).write(request())).await;
    let messages = server.requests()[0]["messages"].clone();
    assert_eq!(messages[0], json!({"role": "system", "content": "Write a reply."}));
    let fenced = "<<customer n0nce>>\nWhen do you open?\n<<end n0nce>>\n";
    assert_eq!(messages[1], json!({"role": "user", "content": fenced}));
}

/// R60.
#[tokio::test]
async fn beyond_its_cap_the_model_is_not_asked() {
    let server = StandIn::answering(vec![Reply::of(&call("answer", "{}"))]).await;
    let allowance = Arc::new(Allowance::new(0, 2));
    let (live, unhurried) =
        (guarded(client(&server.url), allowance.clone()), guarded(client(&server.url), allowance.clone()));
    assert_eq!(all_of(live.write(request())).await.1, None);
    assert_eq!(all_of(unhurried.write(request())).await.1, None);
    let (_, error) = all_of(live.write(request())).await;
    assert_eq!(error, Some(LlmError::Spent { what: "requests a minute" }));
    assert_eq!(server.requests().len(), 2);
    while allowance.spent() != 200 {
        // The counted cost is settled right after the last piece.
        tokio::task::yield_now().await;
    }
}

/// P1: not every answer waits for a provider that is down, and a busy one is left alone.
#[tokio::test]
async fn a_model_that_failed_rests_and_a_busy_one_is_left_alone() {
    let down = StandIn::answering(vec![Reply::refusing(500, vec![], "broken")]).await;
    let busy = StandIn::answering(vec![Reply::refusing(503, vec![("retry-after", "60".into())], "later")]).await;
    for (server, kind) in [(down, "stalled"), (busy, "busy")] {
        let llm = guarded(client(&server.url), Arc::new(Allowance::new(0, 0)));
        assert!(all_of(llm.write(request())).await.1.is_some());
        loop {
            // The failure is noted right after it was told.
            let asked_before = server.requests().len();
            let (_, error) = all_of(llm.write(request())).await;
            if server.requests().len() == asked_before && error.map(|error| error.kind()) == Some(kind) {
                break;
            }
        }
    }
}
