//! `Idempotency-Key`, in one place: whatever is posted to the API with one is carried out once (the IETF draft of the
//! HTTP API group). The same key and request is given its first answer; another request under a known key is refused,
//! and so is one whose first is still under way. Keys belong to whoever uses them and to their path.
//!
//! A handler that keeps the answer in the transaction of what it does ([`crate::messages`]) is exact even through a
//! crash; for the others the answer is kept right after.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::body::{self, unprocessable};
use super::guard;
use super::principal::Principal;
use super::problem::Problem;
use super::{Shared, body::KeyInUse};
use crate::messages::RequestKey;
use crate::seams::inbox_store::KeptAnswer;
use crate::seams::store::StoreError;

/// The key of this request, for handlers that keep the answer themselves.
#[derive(Clone)]
pub struct Key(pub Option<RequestKey>);

impl<S: Sync> FromRequestParts<S> for Key {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Key, Self::Rejection> {
        Ok(Key(parts.extensions.get().cloned()))
    }
}

/// What is kept of an answer instead of its body, since that is shown once and never again.
#[derive(Clone)]
pub struct KeepInstead(pub serde_json::Value);

/// Carries a request with a key out once.
pub async fn once(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key("idempotency-key") {
        return next.run(request).await;
    }
    match claimed(&shared, request).await {
        Ok(Claim::Answered(response)) => response,
        Ok(Claim::Fresh(request, key, _in_use)) => {
            let response = next.run(*request).await;
            keep(&shared, &key, response).await.unwrap_or_else(IntoResponse::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

enum Claim {
    Answered(Response),
    Fresh(Box<Request>, RequestKey, Option<KeyInUse>),
}

async fn claimed(shared: &Shared, request: Request) -> Result<Claim, Problem> {
    let (mut parts, body) = request.into_parts();
    let body_max = guard::body_bytes_max(&parts.extensions, &shared.parts.config);
    let bytes = to_bytes(body, body_max).await.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, format!("The body is larger than {body_max} bytes; send less."))
    })?;
    let who = parts.extensions.get::<Principal>().map_or_else(String::new, Principal::key);
    let scope = format!("{who} {}", parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let digested = [query.as_bytes(), b"\n", &bytes].concat();
    let Some(key) = body::key(&parts.headers, &scope, &digested)? else {
        return Err(Problem::new(StatusCode::BAD_REQUEST, "Idempotency-Key cannot be read."));
    };
    let in_use = shared.keys.take(Some(&key))?;
    if let Some(kept) = shared.parts.store.kept_answer(&key.scope, &key.key).await? {
        if kept.digest != key.digest {
            return Err(unprocessable("This Idempotency-Key was used for another request; choose a fresh one."));
        }
        return Ok(Claim::Answered(again(kept)));
    }
    parts.extensions.insert(key.clone());
    Ok(Claim::Fresh(Box::new(Request::from_parts(parts, Body::from(bytes))), key, in_use))
}

fn again(kept: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let mut response = match kept.body {
        serde_json::Value::Null => status.into_response(),
        body => (status, axum::Json(body)).into_response(),
    };
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}

/// Refusals are not kept: what was refused may be mended and sent again under its key.
async fn keep(shared: &Shared, key: &RequestKey, response: Response) -> Result<Response, Problem> {
    if !response.status().is_success() || shared.parts.store.kept_answer(&key.scope, &key.key).await?.is_some() {
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.unwrap_or_default();
    let instead = parts.extensions.get::<KeepInstead>().map(|instead| instead.0.clone());
    let shown = if is_json { serde_json::from_slice(&bytes).unwrap_or_default() } else { serde_json::Value::Null };
    let answer = key.answer(parts.status.as_u16(), instead.unwrap_or(shown), shared.parts.clock.epoch());
    let kept = async {
        let mut work = shared.parts.store.begin().await?;
        work.keep_answer(&key.scope, &key.key, &answer).await?;
        work.commit().await
    };
    match kept.await {
        // It is done, and saying that it failed would have it done twice.
        Err(StoreError::Backend(error)) => tracing::warn!(%error, "The answer to a request with a key was not kept"),
        Ok(()) | Err(StoreError::Conflict | StoreError::NotFound) => {}
    }
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

/// An answer to a change: an article with all its passages at most.
const ANSWER_BYTES_MAX: usize = 8_000_000;
