//! What every request passes before its handler: limits, and headers that keep browsers strict.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Extensions, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::Shared;
use super::problem::Problem;
use crate::config::http::HttpConfig;
use crate::seams::channel::HOOK_BYTES_MAX;

/// Bounds how many requests are worked on, how large they are and how long they take.
pub async fn bound(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let config = &shared.parts.config;
    let Ok(_permit) = shared.requests.try_acquire() else {
        return Problem::busy("Too many requests at once; try again in a second.", 1).into_response();
    };
    // Bodies without a length are bounded as they are read, by the layer of `DefaultBodyLimit`.
    let body_max = body_bytes_max(request.extensions(), config);
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: u64| length > body_max as u64) {
        let detail = format!("The body is larger than {body_max} bytes; send less.");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail).into_response();
    }
    let route = request.extensions().get::<MatchedPath>().map_or("none".into(), |path| path.as_str().to_string());
    let began = Instant::now();
    let answer = tokio::time::timeout(patience(request.extensions(), config), next.run(request)).await;
    let response = answer.unwrap_or_else(|_| {
        Problem::busy("It took too long; try again, and look into the log if it stays so.", 5).into_response()
    });
    let status = response.status().as_u16();
    tracing::debug!(http.route = route, http.status = status, "Answered a request");
    metrics::counter!("switchboard_http_requests_total", "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!("switchboard_http_request_seconds", "route" => route).record(began.elapsed().as_secs_f64());
    response
}

/// The largest body of a request: files may be larger than everything else.
pub fn body_bytes_max(extensions: &Extensions, config: &HttpConfig) -> usize {
    match extensions.get::<MatchedPath>() {
        Some(path) if path.as_str() == HOOK => HOOK_BYTES_MAX,
        Some(_) if is_import(extensions) => UPLOAD_BYTES_MAX,
        Some(_) | None => config.body_max_bytes,
    }
}

/// Reading a manual and making it searchable takes its time.
fn patience(extensions: &Extensions, config: &HttpConfig) -> Duration {
    let usual = Duration::from_millis(config.request_timeout_ms);
    if is_import(extensions) { usual.max(IMPORT_PATIENCE) } else { usual }
}

fn is_import(extensions: &Extensions) -> bool {
    extensions.get::<MatchedPath>().is_some_and(|path| IMPORTS.contains(&path.as_str()))
}

/// Where vendors call.
const HOOK: &str = "/hooks/{account}";
/// Where files and pages come in.
const IMPORTS: [&str; 8] = [
    "/api/v1/attachments",
    "/api/v1/intake/attachments",
    "/api/v1/knowledge/articles",
    "/api/v1/knowledge/articles/{id}",
    "/api/v1/knowledge/articles/{id}/file",
    "/api/v1/knowledge/articles/{id}/refresh",
    "/api/v1/knowledge/files",
    "/api/v1/knowledge/pages",
];
/// The largest file.
pub const UPLOAD_BYTES_MAX: usize = 10_000_000;
/// Longer than reading (20 s), fetching (20 s) and understanding (some 10 s) together take.
const IMPORT_PATIENCE: Duration = Duration::from_secs(90);

/// Headers for browsers: nothing from elsewhere is loaded, nobody frames or reads the page from outside, and
/// nothing personal stays in a cache.
pub async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in STRICT {
        // Pages from which one calls ask for more than the others; every other header is the same everywhere.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

const STRICT: [(HeaderName, &str); 7] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; media-src 'self' blob:; \
         img-src 'self' data:; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // The page's own requests carry their origin, by which a proxy between is noticed.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=()"),
];
