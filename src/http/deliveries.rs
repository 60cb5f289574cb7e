//! What went out by channels and how far it came; what failed can be sent again.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asked::{Asks, At};
use super::body::{self, Limit};
use super::problem::Problem;
use crate::domain::casework::Delivery;
use crate::domain::ids::{ConversationId, InboxId, MessageId};
use crate::seams::channel_store::Dispatch;
use crate::seams::store::StoreError;

/// Which ones.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// `failed` without it.
    state: Option<Delivery>,
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Deliveries)]
struct Listed {
    /// The newest first.
    deliveries: Vec<Shown>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = MessageDelivery)]
struct Shown {
    message: MessageId,
    conversation: ConversationId,
    inbox: InboxId,
    state: Delivery,
    posted_at_ms: i64,
    /// When it is tried next, while it is queued.
    due_at_ms: i64,
    tries: u32,
    /// What went wrong last, in words.
    last_error: Option<String>,
    settled_at_ms: Option<i64>,
}

/// Messages by how far they came: those that failed, unless others are asked for.
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "channels", params(Page), operation_id = "list_deliveries",
    responses((status = 200, description = "The newest first", body = Listed)))]
pub async fn list(State(shared): State<Shared>, Asks(page): Asks<Page>) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let before = page.cursor.as_deref().map(body::cursor::<MessageId>).transpose()?;
    let state = page.state.unwrap_or(Delivery::Failed);
    let mut rows = shared.parts.store.dispatches(state, before, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut rows).map(|(last, _)| last.message.to_string());
    let deliveries = rows.into_iter().map(Shown::of).collect();
    Ok(Json(Listed { deliveries, next_cursor }).into_response())
}

/// Sends a message that failed once more.
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/resend", tag = "channels", operation_id = "resend_delivery",
    params(("id" = MessageId, Path, description = "The message")),
    responses((status = 202, description = "It waits to be sent", body = Shown)))]
pub async fn resend(State(shared): State<Shared>, At(id): At<MessageId>) -> Result<Response, Problem> {
    match shared.parts.channels.resend(id).await {
        Err(StoreError::NotFound) => return Err(Problem::not_found("delivery")),
        Err(StoreError::Conflict) => {
            return Err(Problem::new(StatusCode::CONFLICT, "Only a message that failed is sent again."));
        }
        sent => sent?,
    }
    let row = shared.parts.store.dispatch(id).await?.ok_or_else(|| Problem::not_found("delivery"))?;
    Ok((StatusCode::ACCEPTED, Json(Shown::of(row))).into_response())
}

impl Shown {
    fn of((dispatch, conversation): (Dispatch, ConversationId)) -> Shown {
        Shown {
            message: dispatch.message,
            conversation,
            inbox: dispatch.inbox,
            state: dispatch.state,
            posted_at_ms: dispatch.posted_at.0,
            due_at_ms: dispatch.due_at.0,
            tries: dispatch.tries,
            last_error: dispatch.last_error,
            settled_at_ms: dispatch.settled_at.map(|at| at.0),
        }
    }
}
