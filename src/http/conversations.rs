//! Conversations, listed and whole.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asked::{Asks, At};
use super::body::{Limit, bad_cursor};
use super::principal::Principal;
use super::problem::Problem;
use crate::domain::conversation::{Channel, Handler, Status};
use crate::domain::ids::{ContactId, ConversationId};
use crate::domain::time::EpochMs;
use crate::domain::transition::Act;
use crate::domain::view::Condition;
use crate::seams::inbox_store::{Assigned, Event, Face, Filter, SavedKind};
use crate::seams::shown::{ShownConversation, ShownSummary};
use crate::seams::store::Cursor;

/// What to list; every filter that is given must hold.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// One or more states, separated by commas.
    status: Option<String>,
    /// Who handles it.
    handler: Option<Handler>,
    /// How it came.
    channel: Option<Channel>,
    /// A teammate's name, or `nobody`.
    assignee: Option<String>,
    /// A tag's name.
    tag: Option<String>,
    /// Of this customer.
    contact: Option<ContactId>,
    /// A saved view.
    view: Option<uuid::Uuid>,
    /// Words of messages, notes and transcripts; the newest 2,000 places are looked at.
    q: Option<String>,
}

/// From where on.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct From {
    after: Option<i64>,
    limit: Option<u32>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = EventPage)]
struct ShownEvents {
    events: Vec<ShownEvent>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Event)]
struct ShownEvent {
    version: i64,
    at_ms: i64,
    actor: Option<String>,
    act: Option<Act>,
    status: Status,
    handler: Handler,
    reason: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConversationPage)]
struct Listed<'a> {
    conversations: Vec<ListedConversation<'a>>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

/// A conversation, and by what people know it again.
#[derive(Serialize, utoipa::ToSchema)]
struct ListedConversation<'a> {
    #[serde(flatten)]
    summary: ShownSummary<'a>,
    /// The customer's name, where it is known.
    contact_name: Option<String>,
    /// How the customer's newest words begin.
    last_words: Option<String>,
}

/// The newest first.
#[utoipa::path(
    get, path = "/api/v1/conversations", operation_id = "list_conversations", tag = "conversations",
    params(Page),
    responses((status = 200, description = "The newest first", body = Listed))
)]
pub async fn list(State(shared): State<Shared>, who: Principal, Asks(page): Asks<Page>) -> Result<Response, Problem> {
    let mut filter = filter(&page)?;
    filter.inboxes = who.inboxes().map(<[_]>::to_vec);
    filter.view = view(&shared, page.view).await?;
    let limit = Limit::of(page.limit)?;
    let cursor = page.cursor.as_deref().map(parse_cursor).transpose()?;
    let mut rows = shared.parts.store.conversations_by(&filter, cursor, limit.and_one()).await?;
    let next_cursor =
        limit.cut(&mut rows).map(|(conversation, _)| format!("{}_{}", conversation.created_at.0, conversation.id));
    let ids: Vec<ConversationId> = rows.iter().map(|(conversation, _)| conversation.id).collect();
    let faces = shared.parts.store.faces(&ids).await?;
    let mut conversations = Vec::with_capacity(rows.len());
    for ((conversation, call), face) in rows.iter().zip(faces) {
        let summary = ShownSummary::of(conversation, call.as_ref());
        let Face { contact_name, last_words } = face;
        conversations.push(ListedConversation { summary, contact_name, last_words });
    }
    Ok(Json(Listed { conversations, next_cursor }).into_response())
}

/// One, with its messages, call and tickets.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}", operation_id = "read_conversation", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation")),
    responses((status = 200, description = "All of it", body = ShownConversation))
)]
pub async fn one(State(shared): State<Shared>, At(id): At<ConversationId>) -> Result<Response, Problem> {
    let view = shared.parts.store.conversation(id).await?;
    let view = view.ok_or_else(|| Problem::not_found("conversation"))?;
    Ok(Json(ShownConversation::of(&view)).into_response())
}

/// What became of it, oldest first.
#[utoipa::path(
    get, path = "/api/v1/conversations/{id}/events", tag = "conversations",
    params(("id" = ConversationId, Path, description = "The conversation"), From),
    responses((status = 200, description = "What became of it, oldest first", body = ShownEvents))
)]
pub async fn events(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Asks(from): Asks<From>,
) -> Result<Response, Problem> {
    let limit = from.limit.unwrap_or(EVENTS_MAX).clamp(1, EVENTS_MAX);
    let events = shared.parts.store.events(id, from.after.unwrap_or(0), limit).await?;
    let events = events.into_iter().map(ShownEvent::of).collect();
    Ok(Json(ShownEvents { events }).into_response())
}

impl ShownEvent {
    fn of(event: Event) -> ShownEvent {
        let Event { version, at, status, handler, reason, actor, act } = event;
        ShownEvent { version, at_ms: at.0, actor, act, status, handler, reason }
    }
}

async fn view(shared: &Shared, id: Option<uuid::Uuid>) -> Result<Option<Condition>, Problem> {
    let Some(id) = id else { return Ok(None) };
    let saved = shared.parts.store.saved(SavedKind::View).await?.into_iter().find(|view| view.id == id);
    let saved = saved.ok_or_else(|| Problem::not_found("view"))?;
    let condition = serde_json::from_value(saved.body);
    condition.map(Some).map_err(|_| bad("This view was saved by a newer version and cannot be shown."))
}

fn filter(page: &Page) -> Result<Filter, Problem> {
    let status = |word: &str| {
        serde_json::from_value(word.trim().into())
            .map_err(|_| bad("status is open, needs_human, waiting, snoozed or resolved, or several with commas."))
    };
    let mut statuses = page.status.iter().flat_map(|all| all.split(',')).map(status).collect::<Result<Vec<_>, _>>()?;
    let mut seen: Vec<Status> = Vec::new();
    statuses.retain(|status| {
        !seen.contains(status) && {
            seen.push(*status);
            true
        }
    });
    if page.q.as_ref().is_some_and(|q| !q.contains(char::is_alphanumeric) || q.len() > QUERY_BYTES_MAX) {
        return Err(bad("q holds one or more words, 200 bytes at most."));
    }
    Ok(Filter {
        agent: None,
        statuses,
        handler: page.handler,
        channel: page.channel,
        assignee: page.assignee.as_deref().map(|name| match name {
            "nobody" => Assigned::Nobody,
            name => Assigned::To(name.to_owned()),
        }),
        tag: page.tag.as_ref().map(|tag| tag.trim().to_lowercase()),
        contact: page.contact,
        inboxes: None,
        view: None,
        text: page.q.clone(),
    })
}

/// As long as a search is typed.
const QUERY_BYTES_MAX: usize = 200;
/// Larger pages hold a reader of the database longer than others should wait.
const EVENTS_MAX: u32 = 200;

fn parse_cursor(text: &str) -> Result<Cursor, Problem> {
    let parsed = text.split_once('_').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    let (at, id) = parsed.ok_or_else(bad_cursor)?;
    Ok(Cursor { created_at: EpochMs(at), id })
}

fn bad(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}
