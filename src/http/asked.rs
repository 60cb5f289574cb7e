//! What a request asks, as handlers take it: its path, its query and its body, each refused in words where it does not
//! fit.

use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::body::unprocessable;
use super::problem::Problem;
use crate::domain::ids::{
    AgentId, ApiTokenId, ArticleId, AttachmentId, CallId, ChannelAccountId, ContactId, ConversationId, MessageId,
    RecordingId, SessionId, TeammateId, TicketId, WebhookId,
};

/// What the path names. What is no id names nothing either: 404.
pub struct At<T>(pub T);

/// The query; 400 where it does not fit.
pub struct Asks<T>(pub T);

/// A body of JSON in the form asked for; 422 with its place where it does not fit.
pub struct Sent<T>(pub T);

/// The same, where a body may be left out: it is an empty object then.
pub struct SentOrNothing<T>(pub T);

/// A body of JSON whose form its reader checks.
pub struct SentJson(pub serde_json::Value);

/// As what a path names is called in a refusal.
pub trait Named {
    /// One word.
    const NAME: &'static str;
}

macro_rules! named {
    ($($id:ty => $name:literal),+ $(,)?) => { $(impl Named for $id { const NAME: &'static str = $name; })+ };
}

named! {
    AgentId => "agent",
    AttachmentId => "attachment",
    ApiTokenId => "token",
    ArticleId => "article",
    CallId => "call",
    ChannelAccountId => "channel",
    ContactId => "contact",
    ConversationId => "conversation",
    MessageId => "message",
    RecordingId => "recording",
    SessionId => "session",
    TeammateId => "teammate",
    TicketId => "ticket",
    WebhookId => "webhook",
    Uuid => "entry",
    (ArticleId, u64) => "revision",
    (ConversationId, MessageId) => "draft",
    (ConversationId, Uuid) => "macro",
    (WebhookId, Uuid) => "post",
}

impl<S: Send + Sync, T: Named + DeserializeOwned + Send> FromRequestParts<S> for At<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(named)| At(named)).map_err(|_| Problem::not_found(T::NAME))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asks<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asks<T>, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(asked)| Asks(asked)).map_err(|error| {
            let text = error.body_text();
            let place = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            Problem::new(StatusCode::BAD_REQUEST, format!("The parameters do not fit: {place}."))
        })
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Sent<T>, Problem> {
        let SentJson(value) = SentJson::from_request(request, state).await?;
        fitting(value).map(Sent)
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for SentOrNothing<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<SentOrNothing<T>, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = bounded(request, state).await?;
        let value = if body.is_empty() { serde_json::json!({}) } else { json(kind.as_ref(), &body)? };
        fitting(value).map(SentOrNothing)
    }
}

impl<S: Send + Sync> FromRequest<S> for SentJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<SentJson, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).cloned();
        let body = bounded(request, state).await?;
        json(kind.as_ref(), &body).map(SentJson)
    }
}

async fn bounded<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let body = Bytes::from_request(request, state).await;
    body.map_err(|_| Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large; send less."))
}

/// A plain form of another website's page is no JSON, so that none can be sent in an admin's name.
fn json(kind: Option<&HeaderValue>, body: &[u8]) -> Result<serde_json::Value, Problem> {
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        let detail = "Send JSON, with \"Content-Type: application/json\".";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    let read = serde_json::from_slice(body);
    read.map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("This is not JSON: {error}.")))
}

fn fitting<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let place = Some(error.path().to_string()).filter(|place| place != ".");
        let place = place.map(|place| format!(" at {place}")).unwrap_or_default();
        unprocessable(format!("The body does not fit{place}: {}.", error.inner()))
    })
}

/// The version of a thing that whoever changes it has read: named in the body (`key`), or by `If-Match` (RFC 9110,
/// section 13.1.1).
pub fn version_read<T: std::str::FromStr>(headers: &HeaderMap, written: Option<T>, key: &str) -> Result<T, Problem> {
    let if_match = headers.get(header::IF_MATCH).map(|tag| {
        let tag = tag.to_str().unwrap_or_default().trim();
        tag.trim_start_matches("W/").trim_matches('"').parse()
    });
    match (written, if_match) {
        (Some(version), _) | (None, Some(Ok(version))) => Ok(version),
        (None, Some(Err(_))) => {
            let detail = format!("If-Match is the {key} that was read, in quotes: \"3\".");
            Err(Problem::new(StatusCode::BAD_REQUEST, detail))
        }
        (None, None) => Err(Problem::new(
            StatusCode::PRECONDITION_REQUIRED,
            format!(
                "Name the {key} you have read, as \"{key}\" in the body or as If-Match, so that nobody's change is \
                 overwritten unseen."
            ),
        )),
    }
}
