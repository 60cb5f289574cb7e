//! The live page: a few files in the binary, nothing from elsewhere.

use axum::Router;
use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::Shared;

/// `/` and what it loads.
pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/", get(async || file("text/html; charset=utf-8", include_str!("page/index.html"))))
        .route("/call", get(call))
        .route("/sign-in", get(async || file("text/html; charset=utf-8", include_str!("page/sign-in.html"))))
        .route("/sign-in.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/sign-in.js"))))
        .route("/call.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/call.js"))))
        .route("/call.css", get(async || file("text/css; charset=utf-8", include_str!("page/call.css"))))
        .route("/page.css", get(async || file("text/css; charset=utf-8", include_str!("page/page.css"))))
        .route("/page.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/page.js"))))
        .route("/shown.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/shown.js"))))
        .route("/line.js", get(async || file("text/javascript; charset=utf-8", include_str!("page/line.js"))))
}

/// The call page alone may ask for the microphone.
async fn call() -> impl IntoResponse {
    let policy =
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(self), payment=()");
    ([policy], file("text/html; charset=utf-8", include_str!("page/call.html")))
}

/// Asked for anew each time, so that an update is seen at once.
fn file(kind: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text)
}
