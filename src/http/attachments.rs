//! Files of messages: brought first, then named by the message that carries them.

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::TryStreamExt;
use serde::Deserialize;

use super::asked::{Asks, At};
use super::principal::Principal;
use super::problem::{Problem, sentence};
use super::{Shared, ranges};
use crate::domain::attachment::{ATTACHMENT_BYTES_MAX, Attachment};
use crate::domain::ids::AttachmentId;
use crate::messages::AttachmentError;
use crate::seams::blobs::BlobError;
use crate::seams::shown::ShownAttachment;

/// What it is called.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Called {
    /// The file's name; what it is is told by its content alone.
    name: String,
}

/// Brings a file for a reply or a note (10 MB; PDF, pictures, sound, video, text and office documents); the body is the
/// file itself. A message names it within a day, or it is forgotten.
#[utoipa::path(post, path = "/api/v1/attachments", tag = "teamwork", operation_id = "upload_attachment",
    params(Called,
           ("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "It is kept", body = ShownAttachment)))]
pub async fn upload(
    State(shared): State<Shared>,
    who: Principal,
    Asks(Called { name }): Asks<Called>,
    body: Body,
) -> Result<Response, Problem> {
    keep(&shared, &who.key(), &name, body).await
}

/// Brings a file for a customer's message, likewise.
#[utoipa::path(post, path = "/api/v1/intake/attachments", tag = "intake", operation_id = "upload_intake_attachment",
    params(Called,
           ("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "It is kept", body = ShownAttachment)))]
pub async fn take_in(
    State(shared): State<Shared>,
    who: Principal,
    Asks(Called { name }): Asks<Called>,
    body: Body,
) -> Result<Response, Problem> {
    keep(&shared, &who.key(), &name, body).await
}

/// The file itself. Pictures and sound may be shown where they stand, everything else is a download; nothing in it runs.
#[utoipa::path(get, path = "/api/v1/attachments/{id}", tag = "conversations", operation_id = "read_attachment",
    params(("id" = AttachmentId, Path, description = "The file")),
    responses((status = 200, description = "Its bytes; ranges are served")))]
pub async fn one(
    State(shared): State<Shared>,
    At(id): At<AttachmentId>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = shared.parts.store.attachment(id).await?;
    let (attachment, _) = found.ok_or_else(|| Problem::not_found("attachment"))?;
    give(&shared, &attachment, &headers).await
}

/// Keeps what somebody brings.
pub async fn keep(shared: &Shared, owner: &str, name: &str, body: Body) -> Result<Response, Problem> {
    let bytes: Bytes =
        to_bytes(body, ATTACHMENT_BYTES_MAX).await.map_err(|_| Problem::from(AttachmentError::TooLarge))?;
    let attachment = shared.parts.messages.keep_attachment(owner, name, bytes).await?;
    Ok((StatusCode::CREATED, Json(ShownAttachment::of(&attachment))).into_response())
}

/// The bytes of a file, in a form in which no browser runs anything of it.
pub async fn give(shared: &Shared, attachment: &Attachment, headers: &HeaderMap) -> Result<Response, Problem> {
    let tag = format!("\"{}\"", attachment.id);
    let part = ranges::part(headers, &tag, attachment.size_bytes)?;
    let asked = part.map(|(first, last)| first..last + 1);
    let blob = shared.parts.messages.attachment_bytes(attachment, asked).await.map_err(AttachmentError::from)?;
    let mut response = Body::from_stream(blob.bytes.map_err(std::io::Error::other)).into_response();
    ranges::describe(&mut response, part, &tag, blob.size_bytes);
    let kind = match attachment.media_type.as_str() {
        "text/plain" => "text/plain; charset=utf-8",
        kind => kind,
    };
    let fixed = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(attachment)),
        (header::CONTENT_SECURITY_POLICY, INERT.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        // A file never changes; whoever may see it is asked each session anew by the cookie.
        (header::CACHE_CONTROL, "private, max-age=3600, immutable".to_owned()),
    ];
    for (name, value) in fixed {
        response.headers_mut().extend(HeaderValue::from_str(&value).ok().map(|value| (name, value)));
    }
    Ok(response)
}

/// RFC 6266 with RFC 8187: the name as it is, and one that every client reads.
fn disposition(attachment: &Attachment) -> String {
    let way = if attachment.is_shown_inline() { "inline" } else { "attachment" };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let ascii: String = attachment.name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in attachment.name.bytes() {
        match plain(byte.into()) {
            true => encoded.push(byte.into()),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("{way}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

/// Whatever is in it, it is a page of nobody: no script, no frame, no origin.
const INERT: &str = "default-src 'none'; sandbox";

impl From<AttachmentError> for Problem {
    fn from(error: AttachmentError) -> Problem {
        let status = match &error {
            AttachmentError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            AttachmentError::Kind => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            AttachmentError::Empty | AttachmentError::TooMany | AttachmentError::Unknown => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
            AttachmentError::Blob(BlobError::NotFound | BlobError::Outside | BlobError::Key) => StatusCode::NOT_FOUND,
            AttachmentError::Blob(BlobError::Backend(_)) => {
                tracing::error!(%error, "Files cannot be kept or read");
                return Problem::busy("Files cannot be kept or read; the server's log says why. Try again shortly.", 5);
            }
            AttachmentError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        match error {
            AttachmentError::Store(error) => error.into(),
            error => Problem::new(status, sentence(&error.to_string())),
        }
    }
}
