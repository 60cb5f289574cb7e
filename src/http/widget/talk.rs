//! What a frame asks and says.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::{Asked, Visit};
use crate::channels::widget::{Beginning, Identity, SeenFile, Sign, Widget};
use crate::domain::attachment::ATTACHMENT_BYTES_MAX;
use crate::domain::ids::{AttachmentId, MessageId};
use crate::domain::turn::ChannelTraits;
use crate::domain::widget::{AskedField, VisitorSession};
use crate::http::asked::{Asks, Sent};
use crate::http::body::{self, unprocessable};
use crate::http::problem::Problem;
use crate::http::{Shared, attachments};
use crate::messages::AttachmentError;

/// A visit to be begun.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewVisit {
    /// The site that shows the frame, as the frame's browser tells it.
    #[serde(default)]
    origin: String,
    #[serde(default)]
    identity: Option<Identity>,
    #[serde(default)]
    page: Option<String>,
}

#[derive(Serialize)]
struct ShownVisit<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    expires_at_ms: i64,
    title: &'a str,
    greeting: &'a str,
    reply_time: &'a str,
    /// What is still to be filled in.
    ask: &'a [AskedField],
    /// Whether the first message may be written.
    complete: bool,
    /// Whether the site vouches for the visitor.
    known: bool,
    call_button: bool,
    name: Option<&'a str>,
}

impl<'a> ShownVisit<'a> {
    fn of(widget: &'a Widget, session: &'a VisitorSession, token: Option<String>) -> ShownVisit<'a> {
        let settings = &widget.settings;
        ShownVisit {
            token,
            expires_at_ms: session.expires_at.0,
            title: &settings.title,
            greeting: &settings.greeting,
            reply_time: &settings.reply_time,
            ask: &settings.ask,
            complete: session.visitor.is_complete(settings),
            known: session.visitor.user.is_some(),
            call_button: settings.call_button,
            name: session.visitor.name.as_deref(),
        }
    }
}

/// Begins a visit; its token is told this once.
pub async fn begin(
    State(shared): State<Shared>,
    Extension(asked): Extension<Asked>,
    Sent(new): Sent<NewVisit>,
) -> Result<Response, Problem> {
    shared.widget_limits.begins(asked.from)?;
    // A page of the site itself is told by its browser; our own frame tells who shows it.
    let origin = asked.site.clone().unwrap_or(new.origin);
    let begun = Beginning { origin, identity: new.identity, page: new.page };
    let (token, session) = shared.parts.widgets.begin(&asked.widget, begun).await?;
    Ok((StatusCode::CREATED, Json(ShownVisit::of(&asked.widget, &session, Some(token)))).into_response())
}

/// A visit that goes on.
pub async fn session(visit: Visit) -> Response {
    Json(ShownVisit::of(&visit.asked.widget, &visit.session, None)).into_response()
}

/// The form before the chat.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    fields: std::collections::BTreeMap<String, String>,
}

/// Takes what the visitor filled in.
pub async fn fill_in(
    State(shared): State<Shared>,
    mut visit: Visit,
    Sent(form): Sent<Form>,
) -> Result<Response, Problem> {
    shared.widget_limits.signs(visit.session.id)?;
    let given: Vec<_> = form.fields.into_iter().collect();
    shared.parts.widgets.fill_in(&visit.asked.widget, &mut visit.session, &given).await?;
    Ok(session(visit).await)
}

/// A message.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// The browser's own name for it: sent again, it is the same message.
    client_id: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    files: Vec<AttachmentId>,
}

#[derive(Serialize)]
struct Taken {
    message_id: MessageId,
}

/// Takes a message: 202 once it is durable.
pub async fn write(
    State(shared): State<Shared>,
    visit: Visit,
    Sent(new): Sent<NewMessage>,
) -> Result<Response, Problem> {
    shared.widget_limits.writes(visit.session.id, visit.asked.from)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if !(8..=64).contains(&new.client_id.len()) || !new.client_id.chars().all(plain) {
        return Err(unprocessable(
            "client_id has 8 to 64 letters, digits and hyphens; make a fresh one for each message.",
        ));
    }
    let written = new.text.trim();
    let text = match written.is_empty() && !new.files.is_empty() {
        true => String::new(),
        false => body::text(written, ChannelTraits::WIDGET.text_chars_max)?,
    };
    let Visit { asked, session } = &visit;
    let taken = shared.parts.widgets.write(&asked.widget, session, &new.client_id, text, &new.files).await?;
    Ok((StatusCode::ACCEPTED, Json(Taken { message_id: taken.message_id })).into_response())
}

/// What a browser tells beside messages.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signs {
    #[serde(default)]
    delivered: Option<i64>,
    #[serde(default)]
    read: Option<i64>,
    #[serde(default)]
    typing: Option<bool>,
}

/// Notes how far our messages have come, and whether the visitor types.
pub async fn sign(State(shared): State<Shared>, visit: Visit, Sent(signs): Sent<Signs>) -> Result<StatusCode, Problem> {
    noted(&shared, &visit.asked, &visit.session, signs).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The same, by whichever way it came.
pub async fn noted(shared: &Shared, asked: &Asked, session: &VisitorSession, signs: Signs) -> Result<(), Problem> {
    shared.widget_limits.signs(session.id)?;
    let Signs { delivered, read, typing } = signs;
    Ok(shared.parts.widgets.sign(&asked.widget, session, Sign { delivered, read, typing }).await?)
}

/// What a file is called.
#[derive(Deserialize)]
pub struct Called {
    name: String,
}

/// Keeps a file for a message that is to be written.
pub async fn bring(
    State(shared): State<Shared>,
    visit: Visit,
    Asks(Called { name }): Asks<Called>,
    body: Body,
) -> Result<Response, Problem> {
    shared.widget_limits.brings(visit.session.id)?;
    let bytes = to_bytes(body, ATTACHMENT_BYTES_MAX).await.map_err(|_| Problem::from(AttachmentError::TooLarge))?;
    let file = shared.parts.widgets.bring(&visit.session, &name, bytes).await?;
    Ok((StatusCode::CREATED, Json(SeenFile::of(&file))).into_response())
}

/// A file of the visitor's, or of what they see.
pub async fn file(
    State(shared): State<Shared>,
    visit: Visit,
    Path((_, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: AttachmentId = file.parse().map_err(|_| Problem::not_found("file"))?;
    let file = shared.parts.widgets.file(&visit.asked.widget, &visit.session, id).await?;
    attachments::give(&shared, &file.ok_or_else(|| Problem::not_found("file"))?, &headers).await
}
