//! Who changed what: written for every change of settings, knowledge, team and what the team keeps. What is done with a
//! conversation stands in its own events, each with its doer, and is not written twice.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::Shared;
use super::asked::Asks;
use super::body::{self, Limit};
use super::once::KeepInstead;
use super::principal::Principal;
use super::problem::Problem;

/// What was there before a change; put into the response by its handler.
#[derive(Clone)]
pub struct Before(pub Value);

/// What is known of a request before it is carried out.
pub struct Log {
    who: String,
    act: String,
    target: String,
    audited: bool,
}

impl Log {
    /// Of this request.
    pub fn of(who: &Principal, request: &Request) -> Log {
        let route = request.extensions().get::<MatchedPath>().map_or("", |path| path.as_str());
        let safe = matches!(*request.method(), Method::GET | Method::HEAD);
        Log {
            who: who.name().to_owned(),
            act: format!("{} {route}", request.method()),
            target: request.uri().path().to_owned(),
            audited: !safe && !ELSEWHERE.iter().any(|prefix| route.starts_with(prefix)),
        }
    }

    /// Writes it down when it was a change that was made.
    pub async fn write(self, shared: &Shared, response: Response) -> Response {
        if !self.audited || !response.status().is_success() {
            return response;
        }
        let (parts, body) = response.into_parts();
        let before = parts.extensions.get::<Before>().map_or(Value::Null, |before| before.0.clone());
        let is_json = parts.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
        let bytes = to_bytes(body, BODY_BYTES_MAX).await.unwrap_or_default();
        let shown = || if is_json { serde_json::from_slice(&bytes).unwrap_or_default() } else { Value::Null };
        // What is shown once is not shown to whoever reads this.
        let after = parts.extensions.get::<KeepInstead>().map_or_else(shown, |instead| instead.0.clone());
        let written = shared.parts.team.audit(&self.who, self.act, self.target, trimmed(before), trimmed(after)).await;
        if let Err(error) = written {
            tracing::error!(%error, "A change was made and could not be written into the audit log");
        }
        Response::from_parts(parts, Body::from(bytes))
    }
}

/// A manual is not copied: its revision is kept whole elsewhere.
fn trimmed(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("passages");
        if fields.get("body").and_then(Value::as_str).is_some_and(|body| body.len() > TEXT_BYTES_MAX) {
            fields.insert("body".into(), Value::String("(long; kept with its revision)".into()));
        }
    }
    value
}

/// Which entries.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditPage)]
struct Listed {
    /// The newest first.
    entries: Vec<Shown>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = AuditEntry)]
struct Shown {
    id: Uuid,
    at_ms: i64,
    who: String,
    /// Method and route.
    act: String,
    /// The path.
    target: String,
    /// As it was; `null` where there was nothing.
    #[schema(value_type = Object)]
    before: Value,
    /// As it is.
    #[schema(value_type = Object)]
    after: Value,
}

/// Who changed what, the newest first. What was done with conversations stands in their events.
#[utoipa::path(get, path = "/api/v1/audit", tag = "team", params(Page), operation_id = "list_audit",
    responses((status = 200, description = "The newest first", body = Listed)))]
pub async fn list(State(shared): State<Shared>, Asks(page): Asks<Page>) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let before = page.cursor.as_deref().map(body::cursor::<Uuid>).transpose()?;
    let mut rows = shared.parts.store.audits(before, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut rows).map(|last| last.id.to_string());
    let entries = rows.into_iter().map(|entry| Shown {
        id: entry.id,
        at_ms: entry.at.0,
        who: entry.who,
        act: entry.act,
        target: entry.target,
        before: entry.before,
        after: entry.after,
    });
    Ok(Json(Listed { entries: entries.collect(), next_cursor }).into_response())
}

/// What is written down elsewhere: in a conversation's events, or in the call itself.
const ELSEWHERE: [&str; 4] =
    ["/api/v1/attachments", "/api/v1/conversations", "/api/v1/intake", "/api/v1/browser-calls"];
/// The answer to a change.
const BODY_BYTES_MAX: usize = 8_000_000;
/// Longer texts are left to the history of what they belong to.
const TEXT_BYTES_MAX: usize = 4_000;
