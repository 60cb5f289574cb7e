//! Live events as a stream (Server-Sent Events, HTML standard section 9.2).
//!
//! Each event carries its id; a reader that comes back with `Last-Event-ID` gets what it missed. Who is too slow,
//! or comes back too late, gets an event `missed` and should read the conversations again. Who sees some inboxes alone
//! is told of their conversations alone.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::Stream;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::principal::Principal;
use super::problem::Problem;
use crate::domain::ids::{ConversationId, InboxId};
use crate::seams::bus::LiveEvent;
use crate::seams::store::Store;

/// Where to go on, for readers that cannot set headers.
#[derive(Deserialize)]
pub struct From {
    after: Option<String>,
}

/// What happens from now on, or from after the last event seen.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events",
    params(("last-event-id" = Option<String>, Header, description = "Go on after this event"), ("after" = Option<String>, Query, description = "The same, for readers that cannot set headers")),
    responses((status = 200, description = "Server-Sent Events"))
)]
pub async fn stream(
    State(shared): State<Shared>,
    who: Principal,
    from: Result<Query<From>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permit = shared.event_streams.clone().try_acquire_owned().map_err(|_| {
        Problem::busy("As many event streams are open as http.event_streams_max allows; close a page.", 10)
    })?;
    let asked = from.ok().and_then(|Query(from)| from.after);
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()).or(asked.as_deref());
    // An id that cannot be read is none of ours: whatever is kept is news.
    let after = seen.map(|id| id.trim().parse::<u64>().unwrap_or(0));
    let (kept, live) = shared.parts.bus.subscribe(after);
    let mut waiting = VecDeque::with_capacity(kept.len() + 2);
    waiting.push_back(Event::default().comment("welcome").retry(RETRY));
    if let (Some(after), Some(oldest)) = (after, kept.first())
        && oldest.id > after + 1
    {
        waiting.push_back(missed(oldest.id - after - 1));
    }
    let store = shared.parts.store.clone();
    let mut sight = who.inboxes().map(|inboxes| Sight { store, inboxes: inboxes.to_vec(), known: HashMap::new() });
    for event in &kept {
        if sees(&mut sight, event).await {
            waiting.push_back(shown(event));
        }
    }
    let reader = Reader { waiting, live, sight, shutdown: shared.parts.shutdown.clone(), _permit: permit };
    let beat = KeepAlive::new().interval(Duration::from_millis(shared.parts.config.heartbeat_ms)).text("alive");
    let mut response = Sse::new(reader.events()).keep_alive(beat).into_response();
    // Proxies that gather answers before passing them on would hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// How long browsers wait before they come back: short, for the calls that go on meanwhile.
const RETRY: Duration = Duration::from_secs(1);

struct Reader {
    waiting: VecDeque<Event>,
    live: Receiver<LiveEvent>,
    sight: Option<Sight>,
    shutdown: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        futures::stream::unfold(self, async |mut reader| {
            let event = match reader.waiting.pop_front() {
                Some(event) => event,
                None => reader.next().await?,
            };
            Some((Ok(event), reader))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            let received = tokio::select! {
                received = self.live.recv() => received,
                () = self.shutdown.cancelled() => return None,
            };
            match received {
                Ok(event) if sees(&mut self.sight, &event).await => return Some(shown(&event)),
                // Of another inbox.
                Ok(_) => {}
                Err(RecvError::Lagged(count)) => return Some(missed(count)),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// What somebody sees who sees some inboxes alone.
struct Sight {
    store: Arc<dyn Store>,
    inboxes: Vec<InboxId>,
    /// Conversations that were looked up: a conversation never changes its inbox.
    known: HashMap<ConversationId, bool>,
}

async fn sees(sight: &mut Option<Sight>, event: &LiveEvent) -> bool {
    match sight {
        Some(sight) => sight.sees(event.conversation).await,
        None => true,
    }
}

impl Sight {
    async fn sees(&mut self, id: ConversationId) -> bool {
        if let Some(seen) = self.known.get(&id) {
            return *seen;
        }
        // What cannot be looked up is not theirs to see.
        let Ok(Some(view)) = self.store.conversation(id).await else { return false };
        let seen = self.inboxes.contains(&view.conversation.inbox);
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(id, seen);
        seen
    }
}

/// Conversations that one stream remembers: 100 kB, and a look-up each once they are forgotten.
const KNOWN_MAX: usize = 2_048;

fn shown(event: &LiveEvent) -> Event {
    // Never fails: events are text, numbers and JSON values.
    let data = serde_json::to_string(event).unwrap_or_default();
    Event::default().id(event.id.to_string()).data(data)
}

fn missed(count: u64) -> Event {
    Event::default().event("missed").data(json!({ "kind": "missed", "count": count }).to_string())
}
