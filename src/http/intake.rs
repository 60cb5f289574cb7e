//! Messages from other programs, and ours to them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::from_value;

use super::Shared;
use super::asked::{Asks, Sent};
use super::body::{self, unprocessable};
use super::once::Key;
use super::principal::Principal;
use super::problem::Problem;
use crate::domain::contact::{Address, AddressKind};
use crate::domain::ids::AttachmentId;
use crate::domain::turn::ChannelTraits;
use crate::messages::{Accepted, Intake, IntakeError, MESSAGE_OUT, OutgoingMessage, Sender};
use crate::seams::inbox_store::Outgoing;

/// A message from a customer, brought by a program of the business.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IntakeMessage)]
pub struct NewMessage {
    /// The API inbox it belongs to.
    #[serde(default = "usual_inbox")]
    channel: String,
    /// The thread, by the other program's name for it.
    external_id: String,
    /// Who wrote.
    #[serde(default)]
    contact: Option<NewContact>,
    /// What; may be left out beside files.
    #[serde(default)]
    text: String,
    /// Files brought by `POST /api/v1/intake/attachments`, at most ten.
    #[serde(default)]
    attachments: Vec<AttachmentId>,
}

/// Who wrote; only `id` finds a customer again, the rest suggests.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IntakeContact)]
pub struct NewContact {
    /// The other program's name for the customer.
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
}

/// Which replies.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct After {
    after: Option<i64>,
    limit: Option<u32>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Replies {
    replies: Vec<Reply>,
    /// Give it back as `after` for what follows.
    next_after: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Reply {
    position: i64,
    #[serde(flatten)]
    message: OutgoingMessage,
}

/// Accepts a message: 202 once it is durable.
#[utoipa::path(
    post, path = "/api/v1/intake/messages", tag = "intake",
    params(("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    request_body = NewMessage,
    responses((status = 202, description = "It is durable and will be answered", body = Accepted))
)]
pub async fn accept(
    State(shared): State<Shared>,
    who: Principal,
    Key(key): Key,
    Sent(new): Sent<NewMessage>,
) -> Result<Response, Problem> {
    let inbox = shared.parts.messages.api_inbox(&new.channel).await?;
    let inbox = inbox.ok_or_else(|| unprocessable("channel names no inbox of the API; leave it out for \"api\"."))?;
    let thread = body::name("external_id", &new.external_id)?;
    let attachments = shared.parts.messages.brought(&who.key(), &new.attachments).await?;
    let text = body::text_beside(&attachments, &new.text, ChannelTraits::API.text_chars_max)?;
    let sender = sender(new.contact.unwrap_or_default())?;
    let intake = Intake { sender, attachments, key, ..Intake::new(inbox, thread, text) };
    let accepted = shared.parts.messages.accept(intake).await?;
    Ok((StatusCode::ACCEPTED, Json::<Accepted>(accepted)).into_response())
}

/// Messages to customers of the API's inboxes, oldest first, from after a position.
#[utoipa::path(
    get, path = "/api/v1/intake/replies", tag = "intake",
    params(After),
    responses((status = 200, description = "Messages to customers, oldest first", body = Replies))
)]
pub async fn replies(State(shared): State<Shared>, Asks(after): Asks<After>) -> Result<Response, Problem> {
    let (after, limit) = (after.after.unwrap_or(0), after.limit.unwrap_or(REPLIES_MAX).clamp(1, REPLIES_MAX));
    let rows = shared.parts.store.outgoing(MESSAGE_OUT, after, limit).await?;
    let next_after = rows.last().map_or(after, |row| row.position);
    // A row that a newer version wrote otherwise is left to it.
    let reply = |row: Outgoing| Some(Reply { position: row.position, message: from_value(row.payload).ok()? });
    let replies = rows.into_iter().filter_map(reply).collect();
    Ok(Json(Replies { replies, next_after }).into_response())
}

fn sender(contact: NewContact) -> Result<Sender, Problem> {
    let NewContact { id, name, email, phone } = contact;
    let mut addresses = Vec::new();
    for (kind, field, value) in [
        (AddressKind::External, "contact.id", id),
        (AddressKind::Email, "contact.email", email),
        (AddressKind::Phone, "contact.phone", phone),
    ] {
        let Some(value) = value else { continue };
        let address = Address::parse(kind, &value);
        addresses.push(address.ok_or_else(|| unprocessable(format!("{field} is no address of that kind.")))?);
    }
    addresses.sort();
    let name = name.map(|name| body::name("contact.name", &name)).transpose()?;
    Ok(Sender { name, addresses })
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(error) => error.into(),
            IntakeError::KeyReused => {
                unprocessable("This Idempotency-Key was used for another body; choose a fresh one.")
            }
            IntakeError::Busy => Problem::busy("More messages arrive than can be written; send it again shortly.", 1),
        }
    }
}

fn usual_inbox() -> String {
    "api".into()
}

/// Fits a poll.
const REPLIES_MAX: u32 = 200;
