//! Conversations, listed and whole.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::problem::Problem;
use crate::domain::ids::ConversationId;
use crate::domain::time::EpochMs;
use crate::seams::shown::{ShownConversation, ShownSummary};
use crate::seams::store::Cursor;

/// What to list.
#[derive(Deserialize)]
pub struct Page {
    limit: Option<u32>,
    cursor: Option<String>,
}

#[derive(Serialize)]
struct Listed<'a> {
    conversations: Vec<ShownSummary<'a>>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

/// The newest first.
pub async fn list(
    State(shared): State<Shared>,
    page: Result<Query<Page>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(page) = page.map_err(|_| bad("limit is a number, cursor the next_cursor of the page before."))?;
    let limit = page.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(bad(&format!("limit is a number from 1 to {LIMIT_MAX}.")));
    }
    let cursor = page.cursor.as_deref().map(parse_cursor).transpose()?;
    // One more than asked for tells whether there is a next page.
    let mut rows = shared.parts.store.conversations(cursor, limit + 1).await?;
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|(conversation, _)| format!("{}_{}", conversation.created_at.0, conversation.id));
    let conversations = rows.iter().map(|(conversation, call)| ShownSummary::of(conversation, call.as_ref())).collect();
    Ok(Json(Listed { conversations, next_cursor }).into_response())
}

/// One, with its messages, call and tickets.
pub async fn one(
    State(shared): State<Shared>,
    id: Result<Path<ConversationId>, PathRejection>,
) -> Result<Response, Problem> {
    // What is no id names nothing either.
    let Ok(Path(id)) = id else { return Err(Problem::not_found("conversation")) };
    let view = shared.parts.store.conversation(id).await?;
    let view = view.ok_or_else(|| Problem::not_found("conversation"))?;
    Ok(Json(ShownConversation::of(&view)).into_response())
}

/// Fits a screen or two.
const LIMIT_DEFAULT: u32 = 50;
/// Larger pages hold a reader of the database longer than others should wait.
const LIMIT_MAX: u32 = 200;

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    let parsed = text.split_once('_').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    let (at, id) = parsed.ok_or_else(|| bad("cursor is the next_cursor of the page before; leave it out to begin."))?;
    Ok(Cursor { created_at: EpochMs(at), id })
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
