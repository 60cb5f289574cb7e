//! A server of chat completions on loopback that sends exactly what a test wants.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::seams::fakes::told_llm::LlmAct;
use crate::seams::llm::LlmPiece;

/// What one request is answered with.
#[derive(Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub parts: Vec<Part>,
}

/// A part of a body.
#[derive(Clone)]
pub enum Part {
    /// These bytes.
    Bytes(Vec<u8>),
    /// So long nothing.
    Wait(Duration),
    /// Nothing more, and no end.
    Hang,
    /// The connection breaks.
    Break,
}

/// The server, which lives as long as the test's runtime.
pub struct StandIn {
    pub url: String,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Value>>,
    keys: Mutex<Vec<String>>,
    let_go: AtomicUsize,
}

impl StandIn {
    /// One that answers so, request by request; the last reply serves all further ones.
    pub async fn answering(replies: Vec<Reply>) -> StandIn {
        let seen = Arc::new(Seen { replies: Mutex::new(replies.into()), ..Seen::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has ports");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let app = axum::Router::new().route("/v1/chat/completions", post(complete)).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        StandIn { url, seen }
    }

    /// The bodies of all requests.
    pub fn requests(&self) -> Vec<Value> {
        self.seen.requests.lock().expect("no test panics holding it").clone()
    }

    /// The `Authorization` headers of all requests.
    pub fn keys(&self) -> Vec<String> {
        self.seen.keys.lock().expect("no test panics holding it").clone()
    }

    /// How many answers were let go of before their end.
    pub fn let_go(&self) -> usize {
        self.seen.let_go.load(Ordering::SeqCst)
    }
}

async fn complete(State(seen): State<Arc<Seen>>, headers: HeaderMap, body: Bytes) -> Response {
    let request = serde_json::from_slice(&body).expect("the client sends JSON");
    seen.requests.lock().expect("no test panics holding it").push(request);
    let key = headers.get("authorization").map(|key| key.to_str().expect("it is text").to_owned());
    seen.keys.lock().expect("no test panics holding it").push(key.unwrap_or_default());
    let reply = {
        let mut replies = seen.replies.lock().expect("no test panics holding it");
        if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
    };
    let reply = reply.expect("a reply was given");
    let (sender, receiver) = mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    tokio::spawn(send(reply.parts, sender, seen.clone()));
    let mut response = Response::builder().status(reply.status);
    for (name, value) in reply.headers {
        response = response.header(name, value);
    }
    let body = Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receiver).boxed());
    response.body(body).expect("its parts are valid")
}

async fn send(parts: Vec<Part>, sender: mpsc::Sender<Result<Bytes, std::io::Error>>, seen: Arc<Seen>) {
    for part in parts {
        let sent = match part {
            Part::Bytes(bytes) => sender.send(Ok(bytes.into())).await.is_ok(),
            Part::Break => sender.send(Err(std::io::Error::other("cut"))).await.is_ok(),
            Part::Wait(time) => tokio::select! {
                () = tokio::time::sleep(time) => true,
                () = sender.closed() => false,
            },
            Part::Hang => {
                sender.closed().await;
                false
            }
        };
        if !sent {
            seen.let_go.fetch_add(1, Ordering::SeqCst);
            return;
        }
    }
}

impl Reply {
    /// A stream of these parts.
    pub fn stream(parts: Vec<Part>) -> Reply {
        Reply { status: 200, headers: vec![("content-type", "text/event-stream".into())], parts }
    }

    /// A stream of these bytes, in one piece.
    pub fn bytes(text: impl Into<Vec<u8>>) -> Reply {
        Reply::stream(vec![Part::Bytes(text.into())])
    }

    /// A refusal.
    pub fn refusing(status: u16, headers: Vec<(&'static str, String)>, words: &str) -> Reply {
        let body = json!({"error": {"message": words}}).to_string();
        Reply { status, headers, parts: vec![Part::Bytes(body.into())] }
    }

    /// What a model that does these steps is heard to say over the wire.
    pub fn of(acts: &[LlmAct]) -> Reply {
        let mut parts = Vec::new();
        for act in acts {
            match act {
                LlmAct::Write(piece) => parts.push(Part::Bytes(events_of(piece).into())),
                LlmAct::Wait(time) => parts.push(Part::Wait(*time)),
                LlmAct::Fail(error) => {
                    let error = json!({"error": {"message": error.to_string()}});
                    parts.push(Part::Bytes(format!("data: {error}\n\n").into()));
                }
                LlmAct::Hang => parts.push(Part::Hang),
            }
        }
        Reply::stream(parts)
    }
}

/// One piece as OpenAI sends it.
pub fn events_of(piece: &LlmPiece) -> String {
    let event = |delta: Value| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}));
    match piece {
        LlmPiece::Text(text) => event(json!({"content": text})),
        LlmPiece::Call { index, name } => {
            let function = json!({"name": name, "arguments": ""});
            event(json!({"tool_calls": [{"index": index, "type": "function", "function": function}]}))
        }
        LlmPiece::Arguments { index, json } => {
            event(json!({"tool_calls": [{"index": index, "function": {"arguments": json}}]}))
        }
        LlmPiece::Done { tokens } => {
            let finish = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]});
            let usage = json!({"choices": [], "usage": {"total_tokens": tokens}});
            format!("data: {finish}\n\ndata: {usage}\n\ndata: [DONE]\n\n")
        }
    }
}
