//! Where vendors call: outside the console's login, since each channel checks its vendor's own proof.

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::Shared;
use super::problem::Problem;
use crate::seams::channel::HookRequest;

/// Hands a vendor's call to the account it is for.
pub async fn call(
    State(shared): State<Shared>,
    Path(account): Path<String>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(account) = account.parse() else { return Problem::not_found("channel").into_response() };
    let pair = |(name, value): (&header::HeaderName, &header::HeaderValue)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    };
    let request = HookRequest {
        method: method.as_str().to_owned(),
        query: query.unwrap_or_default(),
        headers: headers.iter().filter_map(pair).collect(),
        body,
        at: shared.parts.clock.epoch(),
    };
    let answer = shared.parts.channels.hook(account, request).await;
    metrics::counter!("switchboard_hooks_total", "status" => answer.status.to_string()).increment(1);
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, answer.content_type)], Body::from(answer.body)).into_response()
}
