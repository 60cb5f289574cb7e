//! The chat on the business's own pages: the script that a site names, the frame it shows, and what the frame asks.
//!
//! Whoever asks passes the [`door`]: the widget must be there and switched on, and a page of another site must be of one
//! that may show it; only those get headers by which their browser lets them read the answer (Fetch, section 3.2). After
//! that a token says which visit it is. Cookies play no part.

mod frame;
mod limits;
mod stream;
mod talk;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Extension, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Router, extract::DefaultBodyLimit};

use super::Shared;
use super::access;
use super::guard::UPLOAD_BYTES_MAX;
use super::problem::{Problem, sentence};
use super::proxies::Peer;
use crate::channels::widget::{VisitError, Widget};
use crate::domain::widget::VisitorSession;

pub use limits::Limits;

/// The script, the frame, and what the frame asks.
pub fn routes(shared: &Shared) -> Router<Shared> {
    let visits = Router::new()
        .route("/widget/{account}", asked_first(get(frame::page)))
        .route("/widget/{account}/sessions", asked_first(post(talk::begin)))
        .route("/widget/{account}/session", asked_first(get(talk::session).put(talk::fill_in)))
        .route("/widget/{account}/messages", asked_first(get(stream::poll).post(talk::write)))
        .route("/widget/{account}/events", asked_first(get(stream::events)))
        .route("/widget/{account}/socket", asked_first(get(stream::socket)))
        .route("/widget/{account}/signs", asked_first(post(talk::sign)))
        .route("/widget/{account}/files", asked_first(post(talk::bring).layer(DefaultBodyLimit::max(UPLOAD_BYTES_MAX))))
        .route("/widget/{account}/files/{file}", asked_first(get(talk::file)))
        .route_layer(middleware::from_fn_with_state(shared.clone(), door));
    Router::new().route("/widget.js", get(frame::script)).merge(visits)
}

/// Browsers ask first what a page of another site may do (Fetch, section 4.8); the door answers.
fn asked_first(methods: MethodRouter<Shared>) -> MethodRouter<Shared> {
    methods.options(async || StatusCode::NO_CONTENT)
}

/// The widget that is asked, and the other site whose page asks, where one does.
#[derive(Clone)]
pub struct Asked {
    widget: Arc<Widget>,
    site: Option<String>,
    from: IpAddr,
}

async fn door(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let asked = match asked(&shared, &mut parts).await {
        Ok(asked) => asked,
        Err(problem) => return problem.into_response(),
    };
    let site = asked.site.clone();
    parts.extensions.insert(asked);
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(site) = site.and_then(|site| HeaderValue::from_str(&site).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, site);
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
            (header::ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

async fn asked(shared: &Shared, parts: &mut Parts) -> Result<Asked, Problem> {
    access::named_as_ours(&parts.headers, &parts.uri, &shared.parts.config)?;
    let named = Path::<HashMap<String, String>>::from_request_parts(parts, shared).await.ok();
    let account = named.and_then(|Path(mut named)| named.remove("account")?.parse().ok());
    let widget = match account {
        Some(account) => shared.parts.widgets.widget(account).await?,
        None => None,
    };
    let gone = || Problem::new(StatusCode::NOT_FOUND, "There is no such widget, or it is switched off.");
    let widget = Arc::new(widget.ok_or_else(gone)?);
    let site = foreign_site(&parts.headers, shared).map(str::to_owned);
    if site.as_deref().is_some_and(|site| !widget.settings.is_shown_at(site)) {
        return Err(VisitError::Origin.into());
    }
    let peer = parts.extensions.get::<Peer>().map(|peer| peer.ip);
    Ok(Asked { widget, site, from: peer.unwrap_or(IpAddr::from([127, 0, 0, 1])) })
}

/// The origin of a page that is none of ours.
fn foreign_site<'a>(headers: &'a HeaderMap, shared: &Shared) -> Option<&'a str> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or("null");
    (!access::is_our_origin(origin, headers, &shared.parts.config)).then_some(origin)
}

/// A visit whose token came with the request.
pub struct Visit {
    asked: Asked,
    session: VisitorSession,
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Visit, Problem> {
        let token = access::presented(&parts.headers).map(str::to_owned);
        let Extension(asked) = Extension::<Asked>::from_request_parts(parts, shared).await.map_err(|_| over())?;
        let session = visit(shared, &asked, token.as_deref()).await?;
        Ok(Visit { asked, session })
    }
}

async fn visit(shared: &Shared, asked: &Asked, token: Option<&str>) -> Result<VisitorSession, Problem> {
    let token = token.ok_or_else(over)?;
    Ok(shared.parts.widgets.visit(&asked.widget, token, asked.site.as_deref()).await?)
}

fn over() -> Problem {
    VisitError::Over.into()
}

impl From<VisitError> for Problem {
    fn from(error: VisitError) -> Problem {
        let status = match &error {
            VisitError::Origin | VisitError::Unknown | VisitError::Identity(_) => StatusCode::FORBIDDEN,
            VisitError::Over => StatusCode::UNAUTHORIZED,
            VisitError::Form(_) | VisitError::FormFirst => StatusCode::UNPROCESSABLE_ENTITY,
            VisitError::Intake(_) | VisitError::Attachment(_) | VisitError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        match error {
            VisitError::Intake(error) => error.into(),
            VisitError::Attachment(error) => error.into(),
            VisitError::Store(error) => error.into(),
            VisitError::Form(why) => Problem::new(status, why),
            error => Problem::new(status, sentence(&error.to_string())),
        }
    }
}
