//! The HTTP API, the live page, metrics and health: handlers only, no policy of the desk.
//!
//! Every request passes, in this order: headers for browsers ([`guard::harden`]), our proxies ([`proxies`]), the limits ([`guard::bound`]),
//! who may come in ([`access`]), then its handler. Refusals are `application/problem+json` (RFC 9457) whose
//! `detail` says what to do.

mod access;
mod agents;
mod asked;
mod attachments;
mod audit;
mod body;
mod browser_calls;
mod calls;
mod channels;
mod contacts;
mod conversations;
mod deliveries;
mod events;
mod guard;
mod hand_over_body;
mod health;
mod hooks;
mod intake;
mod knowledge;
mod once;
mod openapi;
mod page;
mod permissions;
mod principal;
mod problem;
mod proxies;
mod ranges;
mod reach;
mod recordings;
mod saved;
mod server;
mod team;
mod teamwork;
mod tickets;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use axum::{Router, middleware};
use secrecy::SecretString;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::channels::Channels;
use crate::config::http::HttpConfig;
use crate::knowledge::Library;
use crate::messages::MessageDesk;
use crate::seams::browser::BrowserCalls;
use crate::seams::bus::Bus;
use crate::seams::channel::HOOK_BYTES_MAX;
use crate::seams::clock::Clock;
use crate::seams::store::Store;
use crate::team::Team;
use crate::voice::call_back::CallsBack;
use crate::voice::live_calls::Supervised;

pub use agents::Answering;
pub use health::{Readiness, watch_store};
pub use openapi::document;
pub use permissions::{Asked, Reach, asked};
pub use proxies::Peer;
pub use server::{BindError, Server};

/// Everything the handlers need.
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The desk for messages.
    pub messages: Arc<MessageDesk>,
    /// Channels beside the phone.
    pub channels: Arc<Channels>,
    /// What happens now.
    pub bus: Arc<dyn Bus>,
    /// What the company knows.
    pub library: Arc<Library>,
    /// Who may come in.
    pub team: Arc<Team>,
    /// The agent that answers, whose policy can be saved.
    pub answering: Answering,
    /// Live calls.
    pub calls: Arc<dyn Supervised>,
    /// Calls customers back.
    pub calls_back: Arc<dyn CallsBack>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Takes calls from browsers, once it can.
    pub browsers: Arc<OnceLock<Arc<dyn BrowserCalls>>>,
    /// Whether calls can be taken.
    pub readiness: Readiness,
    /// The metrics in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// The folder of recordings.
    pub recordings_dir: PathBuf,
    /// Lets in whoever is not on this machine.
    pub token: SecretString,
    /// Limits and names.
    pub config: HttpConfig,
    /// Cancelled when the process ends; event streams end then.
    pub shutdown: CancellationToken,
}

/// What handlers share.
type Shared = Arc<Desk>;

struct Desk {
    parts: Parts,
    requests: Arc<Semaphore>,
    event_streams: Arc<Semaphore>,
    keys: body::KeysInUse,
}

/// All routes with everything before them.
pub fn router(parts: Parts) -> Router {
    let shared = Arc::new(Desk {
        requests: Arc::new(Semaphore::new(parts.config.requests_max)),
        event_streams: Arc::new(Semaphore::new(parts.config.event_streams_max)),
        keys: Default::default(),
        parts,
    });
    let (api, document) = openapi::described(openapi::routes());
    let document = Arc::new(document);
    let guarded = api
        .route("/metrics", get(health::metrics))
        .route("/api/v1/openapi.json", get(async move || axum::Json(document)))
        .route_layer(middleware::from_fn_with_state(shared.clone(), once::once))
        .route_layer(middleware::from_fn_with_state(shared.clone(), access::check));
    let callers = Router::new()
        .route("/api/v1/browser-calls", post(browser_calls::place))
        .route("/api/v1/browser-calls/setup", get(browser_calls::setup))
        .route("/api/v1/browser-calls/{id}", axum::routing::delete(browser_calls::hang_up).patch(browser_calls::patch))
        .route("/api/v1/browser-calls/{id}/events", get(browser_calls::events))
        .route_layer(middleware::from_fn_with_state(shared.clone(), access::check_caller));
    Router::new()
        .merge(guarded)
        .merge(callers)
        .merge(page::routes().route_layer(middleware::from_fn_with_state(shared.clone(), access::check_host)))
        // Vendors prove by their signatures who they are; each channel asks for its own.
        .route("/hooks/{account}", get(hooks::call).post(hooks::call).layer(DefaultBodyLimit::max(HOOK_BYTES_MAX)))
        // Open to all: it tells nothing but whether calls can be taken.
        .route("/health", get(health::health))
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(shared.parts.config.body_max_bytes))
        .layer(middleware::from_fn_with_state(shared.clone(), guard::bound))
        .layer(middleware::from_fn_with_state(shared.clone(), proxies::see_through))
        .layer(middleware::from_fn(guard::harden))
        .with_state(shared)
}
