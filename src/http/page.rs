//! The console and the page for callers: a few files in the binary, nothing from elsewhere.
//!
//! The console's files come from `web/` by way of `build.rs`, in three forms: as they are, in brotli, in gzip. Names
//! under `assets/` change with their content and are kept for ever; all others are asked for anew each time. The
//! console has its own addresses (`/support/…`), each of which is answered with its one page.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Shared;
use super::problem::Problem;

/// One file of the console.
struct File {
    path: &'static str,
    plain: &'static [u8],
    brotli: Option<&'static [u8]>,
    gzip: Option<&'static [u8]>,
}

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/console_files.rs"));

/// Where the console has pages.
const PAGES: [&str; 8] = [
    "/",
    "/sign-in",
    "/support",
    "/support/{*rest}",
    "/knowledge",
    "/knowledge/{*rest}",
    "/settings",
    "/settings/{*rest}",
];
/// Asked for by the console's page, under names that stay.
const NAMED: [&str; 3] = ["icon.svg", "icon-maskable.svg", "manifest.webmanifest"];

/// The console, `/call` and what they load.
pub fn routes() -> Router<Shared> {
    let mut router = Router::new()
        .route("/assets/{name}", get(asset))
        .route("/call", get(call))
        .route("/call.js", get(async || text("text/javascript; charset=utf-8", include_str!("page/call.js"))))
        .route("/line.js", get(async || text("text/javascript; charset=utf-8", include_str!("page/line.js"))))
        .route("/shown.js", get(async || text("text/javascript; charset=utf-8", include_str!("page/shown.js"))))
        .route("/call.css", get(async || text("text/css; charset=utf-8", include_str!("page/call.css"))));
    for path in PAGES {
        router = router.route(path, get(console));
    }
    for name in NAMED {
        router = router.route(&format!("/{name}"), get(async move |headers: HeaderMap| found(name, &headers)));
    }
    router
}

/// The console, which calls the agent too.
async fn console(headers: HeaderMap) -> Response {
    with_microphone(found("index.html", &headers))
}

/// The page for callers, whether they have an account or not.
async fn call() -> Response {
    with_microphone(text("text/html; charset=utf-8", include_str!("page/call.html")))
}

/// Pages from which one calls may ask for the microphone; nothing else may.
pub fn with_microphone(mut response: Response) -> Response {
    let policy = HeaderValue::from_static("camera=(), geolocation=(), microphone=(self), payment=()");
    response.headers_mut().insert(HeaderName::from_static("permissions-policy"), policy);
    response
}

async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    found(&format!("assets/{name}"), &headers)
}

/// A file of what was built, or 404.
pub fn found(path: &str, headers: &HeaderMap) -> Response {
    match FILES.iter().find(|file| file.path == path) {
        Some(file) => file.answer(headers),
        None => Problem::not_found("file").into_response(),
    }
}

impl File {
    /// In the smallest form that is understood.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let (encoding, bytes) = match (self.brotli, self.gzip) {
            (Some(brotli), _) if accepts(headers, "br") => (Some("br"), brotli),
            (_, Some(gzip)) if accepts(headers, "gzip") => (Some("gzip"), gzip),
            _ => (None, self.plain),
        };
        let kept = match self.path.starts_with("assets/") {
            true => "public, max-age=31536000, immutable",
            false => "no-cache",
        };
        let mut response = (StatusCode::OK, bytes).into_response();
        let answered = response.headers_mut();
        answered.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind(self.path)));
        answered.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        answered.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(encoding) = encoding {
            answered.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    }
}

/// Whether a browser takes this encoding (RFC 9110, section 12.5.3); one that weighs it 0 does not.
fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim().eq_ignore_ascii_case(encoding) && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn kind(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

/// Asked for anew each time, so that an update is seen at once.
fn text(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_form_that_is_understood_is_sent() {
        static FILE: File = File { path: "assets/a.js", plain: b"plain", brotli: Some(b"b"), gzip: Some(b"gz") };
        let answered = |accepted: &'static str| {
            let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted))]);
            let response = FILE.answer(&headers);
            response.headers().get(header::CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap().to_owned())
        };
        assert_eq!(answered("gzip, deflate, br").as_deref(), Some("br"));
        assert_eq!(answered("gzip;q=0.8, br;q=0").as_deref(), Some("gzip"));
        assert_eq!(answered("identity"), None);
    }
}
