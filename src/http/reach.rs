//! Whose cases a request touches, for those who see some inboxes alone: the rest is not there for them.

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use std::collections::HashMap;

use super::Shared;
use super::permissions::Reach;
use super::problem::Problem;
use crate::domain::ids::{AttachmentId, CallId, ContactId, ConversationId, InboxId, RecordingId, TicketId};
use crate::seams::inbox_store::Filter;
use crate::seams::store::StoreError;

/// Refuses what is not within these inboxes.
pub async fn check(shared: &Shared, parts: &mut Parts, reach: Reach, inboxes: &[InboxId]) -> Result<(), Problem> {
    let id = match reach {
        Reach::Nothing | Reach::Listed => return Ok(()),
        Reach::Everything => {
            let detail = "This touches every inbox, and you see some of them alone; ask an admin.";
            return Err(Problem::new(StatusCode::FORBIDDEN, detail));
        }
        Reach::Conversation | Reach::Ticket | Reach::Recording | Reach::Attachment | Reach::Contact | Reach::Call => {
            named(parts, shared).await
        }
    };
    let seen = match id {
        None => false,
        Some(id) => is_seen(shared, reach, &id, inboxes).await?,
    };
    if seen { Ok(()) } else { Err(Problem::not_found("row")) }
}

async fn is_seen(shared: &Shared, reach: Reach, id: &str, inboxes: &[InboxId]) -> Result<bool, StoreError> {
    let store = &shared.parts.store;
    let conversation = match reach {
        Reach::Conversation => id.parse().ok(),
        Reach::Ticket => match id.parse::<TicketId>() {
            Ok(id) => store.ticket(id).await?.map(|ticket| ticket.conversation),
            Err(_) => None,
        },
        Reach::Recording => match id.parse::<RecordingId>() {
            Ok(id) => store.recording_conversation(id).await?,
            Err(_) => None,
        },
        Reach::Attachment => match id.parse::<AttachmentId>() {
            Ok(id) => store.attachment(id).await?.and_then(|(_, conversation)| conversation),
            Err(_) => None,
        },
        Reach::Contact => {
            let Ok(contact) = id.parse::<ContactId>() else { return Ok(false) };
            let filter = Filter { contact: Some(contact), inboxes: Some(inboxes.to_vec()), ..Filter::default() };
            return Ok(!store.conversations_by(&filter, None, 1).await?.is_empty());
        }
        Reach::Call => {
            let Ok(call) = id.parse::<CallId>() else { return Ok(false) };
            return Ok(shared.parts.calls.inbox(call).is_some_and(|inbox| inboxes.contains(&inbox)));
        }
        Reach::Nothing | Reach::Listed | Reach::Everything => None,
    };
    let Some(conversation): Option<ConversationId> = conversation else { return Ok(false) };
    let view = store.conversation(conversation).await?;
    Ok(view.is_some_and(|view| inboxes.contains(&view.conversation.inbox)))
}

/// The `id` of the path.
async fn named(parts: &mut Parts, shared: &Shared) -> Option<String> {
    let Path(mut named) = Path::<HashMap<String, String>>::from_request_parts(parts, shared).await.ok()?;
    named.remove("id")
}
