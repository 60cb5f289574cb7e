//! Whether calls can be taken, and the metrics.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::Shared;
use crate::seams::store::Store;

/// What is still missing before calls can be taken. Clones share it.
#[derive(Clone, Default)]
pub struct Readiness(Arc<RwLock<Standing>>);

#[derive(Default)]
struct Standing {
    missing: BTreeMap<&'static str, String>,
    draining: bool,
}

impl Readiness {
    /// One that waits for these parts, each of which must say that it is [`Self::ready`].
    pub fn waiting_for(parts: &[&'static str]) -> Readiness {
        let readiness = Readiness::default();
        for part in parts {
            readiness.missing(part, "it is starting");
        }
        readiness
    }

    /// A part works.
    pub fn ready(&self, part: &'static str) {
        self.change(|state| drop(state.missing.remove(part)));
    }

    /// A part does not work, or not yet; `why` is shown to whoever asks, so it holds no secrets.
    pub fn missing(&self, part: &'static str, why: impl Into<String>) {
        let why = why.into();
        self.change(|state| drop(state.missing.insert(part, why)));
    }

    /// The process is ending: no further calls.
    pub fn draining(&self) {
        self.change(|state| state.draining = true);
    }

    /// Whether calls can be taken.
    pub fn is_ready(&self) -> bool {
        self.look(|state| state.missing.is_empty() && !state.draining)
    }

    fn look<T>(&self, look: impl FnOnce(&Standing) -> T) -> T {
        look(&self.0.read().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.0.write().unwrap_or_else(|poisoned| poisoned.into_inner()));
    }
}

/// Writes to the store every `period` and tells [`Readiness`] under the name `store` whether it took it; ends with
/// `shutdown`. Asked in the background, so that no number of health checks can burden the disk.
pub async fn watch_store(store: Arc<dyn Store>, readiness: Readiness, period: Duration, shutdown: CancellationToken) {
    let mut beat = tokio::time::interval(period);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut worked = None;
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let works = match store.ping().await {
            Ok(()) => {
                readiness.ready("store");
                true
            }
            Err(error) => {
                if worked != Some(false) {
                    tracing::error!(error = %error, "The store cannot be written to");
                }
                readiness.missing("store", error.to_string());
                false
            }
        };
        if works && worked == Some(false) {
            tracing::info!("The store can be written to again");
        }
        worked = Some(works);
    }
}

/// 200 once calls can be taken, 503 with what is missing before and while draining.
pub async fn health(State(shared): State<Shared>) -> Response {
    let readiness = &shared.parts.readiness;
    let missing: Vec<_> =
        readiness.look(|state| state.missing.iter().map(|(part, why)| json!({ "part": part, "why": why })).collect());
    let status = match (readiness.is_ready(), readiness.look(|state| state.draining)) {
        (true, _) => "ready",
        (false, true) => "draining",
        (false, false) => "not_ready",
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({ "status": status, "missing": missing, "version": env!("CARGO_PKG_VERSION") });
    (code, axum::Json(body)).into_response()
}

/// The metrics, for Prometheus.
pub async fn metrics(State(shared): State<Shared>) -> Response {
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, text)], (shared.parts.metrics)()).into_response()
}
