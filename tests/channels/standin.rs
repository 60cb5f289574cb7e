//! What every stand-in for a vendor shares: a server on loopback, and what it is told to do with the next messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// What is done with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Taken and said so.
    Take,
    /// 429; asks for a second.
    Slow,
    /// 500, and not taken.
    Fail,
    /// Taken, and then 500.
    TakeAndFail,
    /// Taken, and then the connection breaks.
    TakeAndBreak,
    /// The connection breaks at once.
    Break,
    /// Refused for good.
    Refuse,
    /// Taken, and then we are killed before we hear of it.
    TakeAndKill,
    /// We are killed before it is taken.
    Kill,
}

/// What is done with the next messages; without any, they are taken.
#[derive(Clone, Default)]
pub struct Acts(Arc<Mutex<VecDeque<Act>>>);

impl Acts {
    pub fn next(&self, acts: &[Act]) {
        self.0.lock().unwrap().extend(acts);
    }

    pub fn pop(&self) -> Act {
        self.0.lock().unwrap().pop_front().unwrap_or(Act::Take)
    }
}

/// Kills a process of ours; it gets no answer.
pub fn kill(process: u32) -> Response {
    std::process::Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
    broken()
}

/// Serves a vendor; gives its address.
pub async fn serve(vendor: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, vendor).await });
    url
}

/// An answer that breaks off: a length is promised that never comes.
pub fn broken() -> Response {
    let breaks = futures::stream::iter([Err::<bytes::Bytes, _>(std::io::Error::other("cut"))]);
    (StatusCode::OK, Body::from_stream(breaks)).into_response()
}

/// A customer and the vendor between us: what every channel is proved with.
pub trait Vendor {
    /// What is done with the next messages of ours.
    fn acts(&self) -> &Acts;
    /// What the customer has read, oldest first.
    fn heard(&self) -> Vec<String>;
    /// The customer writes; the vendor tells of it as it does.
    async fn write(&self, text: &str);
    /// The vendor tells once more of everything it told of.
    async fn tell_again(&self);
}
