//! Calls from browsers: an offer in, an answer out (WHIP, RFC 9725), and what the caller's page is shown meanwhile.
//!
//! The address of a call is its key: nobody can guess it, and it leads to that call alone.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::Shared;
use super::problem::Problem;
use super::proxies::Peer;
use crate::seams::browser::{BrowserCall, BrowserCallError, BrowserCalls, IceServer};
use crate::seams::bus::{LiveEvent, LiveKind};

const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";
/// Chromium's offers have about 3 kB for one stream.
const BODY_MAX: usize = 65_536;

fn calls(shared: &Shared) -> Result<&Arc<dyn BrowserCalls>, Problem> {
    shared.parts.browsers.get().ok_or_else(|| Problem::busy("No calls from browsers are taken at present.", 5))
}

/// What a page needs before it makes its offer.
pub async fn setup(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    Ok(Json(json!({ "ice_servers": calls(&shared)?.ice_servers() })))
}

/// Places a call.
pub async fn place(
    State(shared): State<Shared>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Problem> {
    let calls = calls(&shared)?;
    wanted(&headers, SDP, body.len())?;
    let from = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Extension(peer)| peer.ip);
    let placed = calls.place(from, &body).await?;
    let location = format!("/api/v1/browser-calls/{}", placed.id);
    let mut response = (StatusCode::CREATED, placed.answer).into_response();
    let set = response.headers_mut();
    set.insert(header::CONTENT_TYPE, HeaderValue::from_static(SDP));
    set.insert(HeaderName::from_static("accept-patch"), HeaderValue::from_static(FRAGMENT));
    for (name, value) in [(header::LOCATION, location), (header::ETAG, placed.etag)] {
        set.extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
    for link in calls.ice_servers().iter().flat_map(links) {
        set.append(header::LINK, link);
    }
    Ok(response)
}

/// RFC 9725 §4.6.
fn links(server: &IceServer) -> Vec<HeaderValue> {
    let mut parameters = String::from("; rel=\"ice-server\"");
    if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
        parameters += &format!("; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\"");
    }
    server.urls.iter().filter_map(|url| HeaderValue::from_str(&format!("<{url}>{parameters}")).ok()).collect()
}

/// Candidates, or new credentials after a change of network.
pub async fn patch(
    State(shared): State<Shared>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
    body: String,
) -> Result<Response, Problem> {
    wanted(&headers, FRAGMENT, body.len())?;
    let if_match = headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        Problem::new(StatusCode::PRECONDITION_REQUIRED, "Send the entity tag of the ICE session as If-Match, or *.")
    })?;
    let Some(restarted) = calls(&shared)?.patch(id, if_match, &body)? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    let mut response = (StatusCode::OK, restarted.fragment).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(FRAGMENT));
    let etag = HeaderValue::from_str(&restarted.etag).ok().map(|etag| (header::ETAG, etag));
    response.headers_mut().extend(etag);
    Ok(response)
}

/// Hangs up.
pub async fn hang_up(State(shared): State<Shared>, Path(id): Path<Uuid>) -> Result<StatusCode, Problem> {
    calls(&shared)?.hang_up(id)?;
    Ok(StatusCode::OK)
}

fn wanted(headers: &HeaderMap, kind: &str, length: usize) -> Result<(), Problem> {
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    if !sent.split(';').next().is_some_and(|sent| sent.trim().eq_ignore_ascii_case(kind)) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("Send the body as {kind}.")));
    }
    if length > BODY_MAX {
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body may have {BODY_MAX} bytes.")));
    }
    Ok(())
}

impl From<BrowserCallError> for Problem {
    fn from(error: BrowserCallError) -> Problem {
        let text = error.to_string();
        match error {
            BrowserCallError::Offer(_) => Problem::new(StatusCode::NOT_ACCEPTABLE, text),
            BrowserCallError::Fragment => Problem::new(StatusCode::BAD_REQUEST, text),
            BrowserCallError::Busy => Problem::busy(text, 60),
            BrowserCallError::NotNow => Problem::busy(text, 5),
            BrowserCallError::TooOften => Problem::new(StatusCode::TOO_MANY_REQUESTS, text)
                .with(header::RETRY_AFTER, HeaderValue::from_static("60")),
            BrowserCallError::Unknown => Problem::new(StatusCode::NOT_FOUND, text),
            BrowserCallError::Stale => Problem::new(StatusCode::PRECONDITION_FAILED, text),
        }
    }
}

/// What happens in one call, for its own page: where it stands, what was said, and how long each answer took. Nothing of
/// why it was said, and no drafts or notes.
pub async fn events(State(shared): State<Shared>, Path(id): Path<Uuid>) -> Result<Response, Problem> {
    let state = calls(&shared)?.watch(id).ok_or(BrowserCallError::Unknown)?;
    let permit = shared.event_streams.clone().try_acquire_owned().map_err(|_| {
        Problem::busy("As many event streams are open as http.event_streams_max allows; close a page.", 10)
    })?;
    let (kept, live) = shared.parts.bus.subscribe(Some(0));
    let conversation = state.borrow().conversation;
    let mut waiting = VecDeque::from([stands(*state.borrow())]);
    waiting.extend(kept.iter().filter(|event| Some(event.conversation) == conversation).filter_map(shown));
    let over = state.borrow().phase.is_over();
    let reader = Reader { state, waiting, live, over, shutdown: shared.parts.shutdown.clone(), _permit: permit };
    let beat = KeepAlive::new().interval(Duration::from_millis(shared.parts.config.heartbeat_ms)).text("alive");
    let mut response = Sse::new(reader.events()).keep_alive(beat).into_response();
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

struct Reader {
    state: watch::Receiver<BrowserCall>,
    waiting: VecDeque<Event>,
    live: Receiver<LiveEvent>,
    over: bool,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, async |mut reader| {
            let event = reader.next().await?;
            Some((Ok(event), reader))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            tokio::select! {
                // What was said before the end is told before it.
                biased;
                received = self.live.recv() => match received {
                    Ok(event) if Some(event.conversation) == self.state.borrow().conversation => {
                        self.waiting.extend(shown(&event));
                    }
                    // Another's, or too much at once; the page shows what it has.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
                changed = self.state.changed() => {
                    let state = *self.state.borrow_and_update();
                    self.over = changed.is_err() || state.phase.is_over();
                    self.waiting.push_back(stands(state));
                }
                () = self.shutdown.cancelled() => return None,
            }
        }
    }
}

fn stands(state: BrowserCall) -> Event {
    event(&json!({ "kind": "state", "phase": state.phase }))
}

fn shown(live: &LiveEvent) -> Option<Event> {
    match &live.kind {
        LiveKind::Hearing { text } => Some(event(&json!({ "kind": "hearing", "text": text }))),
        LiveKind::Message { message } => {
            let author =
                message["author"].as_str().filter(|author| ["customer", "agent", "teammate"].contains(author))?;
            Some(event(&json!({
                "kind": "turn",
                "id": message["id"],
                "author": author,
                "text": message["text"],
                "heard_text": message["heard_text"],
                "at_ms": message["at_ms"],
                "reply_gap_ms": message["timings_ms"]["reply_gap"],
            })))
        }
        LiveKind::Presence { .. }
        | LiveKind::CallRinging
        | LiveKind::CallAnswered
        | LiveKind::Conversation { .. }
        | LiveKind::Attempt { .. }
        | LiveKind::Ticket { .. }
        // Nobody who listens is told of to the caller.
        | LiveKind::Supervision { .. }
        | LiveKind::CallEnded => None,
    }
}

fn event(value: &Value) -> Event {
    Event::default().data(value.to_string())
}
