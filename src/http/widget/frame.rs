//! The script that a site names, and the frame that the script shows.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Asked;
use crate::http::guard::Framed;
use crate::http::{Shared, page};

/// `<script src=".../widget.js" data-widget="…" async>`: anybody's page may load it; it holds nothing of anybody.
pub async fn script(headers: HeaderMap) -> Response {
    let mut response = page::found("widget.js", &headers);
    let anywhere = HeaderName::from_static("cross-origin-resource-policy");
    response.headers_mut().insert(anywhere, HeaderValue::from_static("cross-origin"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

/// The chat itself. Only the sites named in its settings may frame it (CSP, section 6.4.2).
pub async fn page(State(_): State<Shared>, Extension(asked): Extension<Asked>, headers: HeaderMap) -> Response {
    let mut response = page::with_microphone(page::found("chat.html", &headers));
    let sites = asked.widget.settings.origins.join(" ");
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; media-src \
         blob:; base-uri 'none'; form-action 'none'; frame-ancestors {sites}"
    );
    // Origins were checked when they were saved.
    let policy = HeaderValue::from_str(&policy).ok();
    response.headers_mut().extend(policy.map(|policy| (header::CONTENT_SECURITY_POLICY, policy)));
    response.extensions_mut().insert(Framed);
    response.into_response()
}
