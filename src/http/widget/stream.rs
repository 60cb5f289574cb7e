//! What a visitor sees as it comes: by a WebSocket, where that is not let through by Server-Sent Events, and behind both
//! by asking again and again. Each tells the same things from the same place on.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{Message as Frame, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use super::limits::Open;
use super::talk::{Signs, noted};
use super::{Asked, Visit, visit};
use crate::channels::widget::{News, Watching};
use crate::domain::widget::VisitorSession;
use crate::http::Shared;
use crate::http::asked::Asks;
use crate::http::problem::Problem;

/// From where on.
#[derive(Deserialize)]
pub struct From {
    after: Option<i64>,
    /// How long to wait for something to tell, in milliseconds.
    #[serde(default)]
    wait_ms: u64,
}

/// What there is, or whatever comes within the time given. The wait goes into the body, so that it holds no place among
/// the requests that are worked on.
pub async fn poll(State(shared): State<Shared>, visit: Visit, Asks(from): Asks<From>) -> Result<Response, Problem> {
    let open = shared.widget_limits.opens(visit.asked.from)?;
    let mut watching = shared.parts.widgets.watch(&visit.asked.widget, &visit.session, from.after).await?;
    let mut news = watching.now().await?;
    let wait = Duration::from_millis(from.wait_ms).min(POLL_MAX);
    let shutdown = shared.parts.shutdown.clone();
    let answer = async move {
        let _open = open;
        let quiet = |news: &[News]| !news.iter().any(|one| matches!(one, News::Message { .. }));
        let ends = Instant::now() + wait;
        while !wait.is_zero() && quiet(&news) {
            tokio::select! {
                more = watching.next() => match more {
                    Ok(more) => news.push(more),
                    Err(_) => break, // The browser asks again.
                },
                () = tokio::time::sleep_until(ends) => break,
                () = shutdown.cancelled() => break,
            }
            news.extend(watching.now().await.unwrap_or_default());
        }
        Ok::<_, Infallible>(Bytes::from(json!({ "news": news }).to_string()))
    };
    let mut response = Body::from_stream(futures::stream::once(answer)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// Server-Sent Events.
pub async fn events(State(shared): State<Shared>, visit: Visit, Asks(from): Asks<From>) -> Result<Response, Problem> {
    let open = shared.widget_limits.opens(visit.asked.from)?;
    let watching = shared.parts.widgets.watch(&visit.asked.widget, &visit.session, from.after).await?;
    let shutdown = shared.parts.shutdown.clone();
    let stream = futures::stream::unfold((watching, open), move |(mut watching, open)| {
        let shutdown = shutdown.clone();
        async move {
            let news = tokio::select! {
                news = watching.next() => news.ok()?,
                () = shutdown.cancelled() => return None,
            };
            let event = Event::default().data(text(&news));
            Some((Ok::<_, Infallible>(event), (watching, open)))
        }
    });
    let mut response = Sse::new(stream).keep_alive(KeepAlive::new().interval(BEAT).text("alive")).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// The first frame of a socket: pages can set no headers on it, and addresses stand in logs.
#[derive(Deserialize)]
struct Hello {
    token: String,
    after: Option<i64>,
}

/// A WebSocket: the browser says who it is and where it was, then it is told what comes and tells its signs.
pub async fn socket(
    State(shared): State<Shared>,
    Extension(asked): Extension<Asked>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    let open = shared.widget_limits.opens(asked.from)?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(async move |mut socket| {
        if let Some((session, watching)) = greeted(&shared, &asked, &mut socket).await {
            converse(&shared, &asked, &session, watching, &mut socket, open).await;
        }
        let _ = socket.send(Frame::Close(None)).await;
    }))
}

async fn greeted(shared: &Shared, asked: &Asked, socket: &mut WebSocket) -> Option<(VisitorSession, Watching)> {
    let first = tokio::time::timeout(HELLO_TIMEOUT, socket.recv()).await.ok()??.ok()?;
    let hello: Hello = serde_json::from_str(first.to_text().ok()?).ok()?;
    match visit(shared, asked, Some(&hello.token)).await {
        Ok(session) => {
            let watching = shared.parts.widgets.watch(&asked.widget, &session, hello.after).await.ok()?;
            Some((session, watching))
        }
        Err(_) => {
            let _ = socket.send(Frame::text(json!({ "kind": "over" }).to_string())).await;
            None
        }
    }
}

async fn converse(
    shared: &Shared,
    asked: &Asked,
    session: &VisitorSession,
    mut watching: Watching,
    socket: &mut WebSocket,
    _open: Open,
) {
    let mut beat = tokio::time::interval(BEAT);
    let mut silent = 0;
    loop {
        tokio::select! {
            news = watching.next() => {
                let Ok(news) = news else { return };
                if socket.send(Frame::text(text(&news))).await.is_err() {
                    return;
                }
            }
            frame = socket.recv() => {
                silent = 0;
                match frame {
                    Some(Ok(Frame::Text(text))) => {
                        // Signs that are not understood or come too often are left out; the next ones say the same.
                        if let Ok(signs) = serde_json::from_str::<Signs>(&text) {
                            let _ = noted(shared, asked, session, signs).await;
                        }
                    }
                    Some(Ok(Frame::Ping(_) | Frame::Pong(_) | Frame::Binary(_))) => {}
                    Some(Ok(Frame::Close(_)) | Err(_)) | None => return,
                }
            }
            _ = beat.tick() => {
                silent += 1;
                if silent > SILENT_MAX || socket.send(Frame::Ping(Bytes::new())).await.is_err() {
                    return;
                }
            }
            () = shared.parts.shutdown.cancelled() => return,
        }
    }
}

fn text(news: &News) -> String {
    // Never fails: news are text, numbers and lists of those.
    serde_json::to_string(news).unwrap_or_default()
}

/// Longer than that, proxies give up.
const POLL_MAX: Duration = Duration::from_secs(25);
/// Between two signs of life.
const BEAT: Duration = Duration::from_secs(15);
/// Beats without an answer before a browser is taken to be gone.
const SILENT_MAX: u32 = 3;
/// A browser says who it is at once.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Signs are short.
const FRAME_BYTES_MAX: usize = 4_096;
