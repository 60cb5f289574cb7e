//! What teammates do with a conversation. Until accounts exist the request names the teammate.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asked::{At, Sent};
use super::body::{self, unprocessable};
use super::once::Key;
use super::principal::Principal;
use super::problem::{Problem, sentence};
use crate::domain::casework::{TAG_CHARS_MAX, TAGS_MAX, Tag, TagKind};
use crate::domain::conversation::{Conversation, Message};
use crate::domain::ids::{AttachmentId, ConversationId, MessageId};
use crate::domain::time::EpochMs;
use crate::domain::transition::{Act, Actor};
use crate::domain::turn::ChannelTraits;
use crate::messages::{Order, TeamError, Words};
use crate::seams::shown::{ShownMessage, ShownSummary};

/// Who acts, and on what they saw.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeammateAct {
    /// The teammate's name.
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    /// The version they saw; another one is then told by 409 and nothing is done.
    version: Option<i64>,
}

/// What is written.
#[derive(Clone, Copy, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = MessageKind)]
pub enum Writing {
    /// To the customer.
    #[default]
    Reply,
    /// To the team.
    Note,
}

/// A reply or a note.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTeammateMessage)]
pub struct NewWords {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    #[serde(default)]
    kind: Writing,
    /// May be left out beside files.
    #[serde(default)]
    text: String,
    /// Files brought by `POST /api/v1/attachments`, at most ten.
    #[serde(default)]
    attachments: Vec<AttachmentId>,
}

/// To whom.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    /// `null` for nobody.
    to: Option<String>,
}

/// Until when.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Snooze)]
pub struct Rest {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    until_ms: i64,
}

/// All tags from now on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTags)]
pub struct Tags {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    tags: Vec<NewTag>,
}

/// One of them.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTag {
    kind: TagKind,
    name: String,
}

/// Into which.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConversationMerge)]
pub struct Merge {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    into: ConversationId,
}

/// Which messages.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConversationSplit)]
pub struct Split {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    messages: Vec<MessageId>,
}

/// A draft to be sent.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    version: Option<i64>,
    /// In its place.
    text: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ActDone)]
pub struct Done<'a> {
    conversation: ShownSummary<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<ShownMessage<'a>>,
}

/// Writes to the customer, or a note to the team.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/messages", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation"), ("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    request_body = NewWords,
    responses((status = 201, description = "It is stored and on its way", body = ShownMessage))
)]
pub async fn write(
    State(shared): State<Shared>,
    who: Principal,
    Key(key): Key,
    At(id): At<ConversationId>,
    Sent(new): Sent<NewWords>,
) -> Result<Response, Problem> {
    let order = order(id, &new.teammate, new.version)?;
    let desk = &shared.parts.messages;
    let attachments = desk.brought(&who.key(), &new.attachments).await?;
    let text = body::text_beside(&attachments, &new.text, ChannelTraits::API.text_chars_max)?;
    let words = Words { text, attachments };
    let (_, message) = match new.kind {
        Writing::Reply => desk.reply(&order, words, key.as_ref()).await?,
        Writing::Note => desk.note(&order, words, key.as_ref()).await?,
    };
    Ok((StatusCode::CREATED, Json(ShownMessage::json(&message))).into_response())
}

/// Takes the case: the agent is silent from this moment.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/take-over", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn take_over(
    shared: State<Shared>,
    id: At<ConversationId>,
    asked: Sent<TeammateAct>,
) -> Result<Response, Problem> {
    plain(shared, id, asked, Act::TakenOver).await
}

/// Gives it back to the agent.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/release", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn release(
    shared: State<Shared>,
    id: At<ConversationId>,
    asked: Sent<TeammateAct>,
) -> Result<Response, Problem> {
    plain(shared, id, asked, Act::Released).await
}

/// It is done.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/resolve", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn resolve(
    shared: State<Shared>,
    id: At<ConversationId>,
    asked: Sent<TeammateAct>,
) -> Result<Response, Problem> {
    plain(shared, id, asked, Act::Resolved).await
}

/// It is not done after all.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/reopen", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn reopen(
    shared: State<Shared>,
    id: At<ConversationId>,
    asked: Sent<TeammateAct>,
) -> Result<Response, Problem> {
    plain(shared, id, asked, Act::Reopened).await
}

/// Assigns it to a teammate or to nobody.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/assign", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Assignment,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn assign(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Assignment>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    let to = asked.to.map(|to| body::name("to", &to)).transpose()?;
    Ok(Done::shown(&shared.parts.messages.act(&order, Act::Assigned { to }).await?, None))
}

/// Puts it aside until a time.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/snooze", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Rest,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn snooze(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Rest>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    let act = Act::Snoozed { until: EpochMs(asked.until_ms) };
    Ok(Done::shown(&shared.parts.messages.act(&order, act).await?, None))
}

/// Replaces its tags.
#[utoipa::path(
    put, path = "/api/v1/conversations/{id}/tags", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Tags,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn tags(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Tags>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    let tags: Option<Vec<Tag>> = asked.tags.iter().map(|tag| Tag::new(tag.kind, &tag.name)).collect();
    let tags = tags.filter(|tags| tags.len() <= TAGS_MAX);
    let detail = format!("A conversation has up to {TAGS_MAX} tags of 1 to {TAG_CHARS_MAX} characters each.");
    let tags = tags.ok_or_else(|| unprocessable(detail))?;
    Ok(Done::shown(&shared.parts.messages.act(&order, Act::Tagged { tags }).await?, None))
}

/// Moves everything of it into another one; answers with that one.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/merge", operation_id = "merge_conversations", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Merge,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn merge(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Merge>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    Ok(Done::shown(&shared.parts.messages.merge(&order, asked.into).await?, None))
}

/// Moves some of its messages into a new one; answers with that one.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/split", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Split,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn split(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Split>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    if asked.messages.len() > SPLIT_MAX {
        return Err(unprocessable(format!("At most {SPLIT_MAX} messages are moved at once.")));
    }
    Ok(Done::shown(&shared.parts.messages.split(&order, &asked.messages).await?, None))
}

/// Sends a draft, as it is or edited.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/drafts/{draft}/approve", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation"), ("draft" = MessageId, Path, description = "The draft")),
    request_body = Approval,
    responses((status = 200, description = "It is on its way", body = Done))
)]
pub async fn approve(
    State(shared): State<Shared>,
    At((id, draft)): At<(ConversationId, MessageId)>,
    Sent(asked): Sent<Approval>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    let text = asked.text.map(|text| body::text(&text, ChannelTraits::API.text_chars_max)).transpose()?;
    let (conversation, message) = shared.parts.messages.approve(&order, draft, text).await?;
    Ok(Done::shown(&conversation, Some(&message)))
}

/// Puts a draft away.
#[utoipa::path(
    post, path = "/api/v1/conversations/{id}/drafts/{draft}/discard", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation"), ("draft" = MessageId, Path, description = "The draft")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done))
)]
pub async fn discard(
    State(shared): State<Shared>,
    At((id, draft)): At<(ConversationId, MessageId)>,
    Sent(asked): Sent<TeammateAct>,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    let (conversation, message) = shared.parts.messages.discard(&order, draft).await?;
    Ok(Done::shown(&conversation, Some(&message)))
}

async fn plain(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<TeammateAct>,
    act: Act,
) -> Result<Response, Problem> {
    let order = order(id, &asked.teammate, asked.version)?;
    Ok(Done::shown(&shared.parts.messages.act(&order, act).await?, None))
}

fn order(conversation: ConversationId, teammate: &str, seen: Option<i64>) -> Result<Order, Problem> {
    Ok(Order { conversation, by: Actor::Teammate(body::teammate(teammate)?), seen })
}

impl Done<'_> {
    /// The conversation as it is then, with the message that the act was about.
    pub fn shown(conversation: &Conversation, message: Option<&Message>) -> Response {
        let message = message.map(ShownMessage::of);
        Json(Done { conversation: ShownSummary::of(conversation, None), message }).into_response()
    }
}

impl TeammateAct {
    /// The same as an order.
    pub fn order(&self, conversation: ConversationId) -> Result<Order, Problem> {
        order(conversation, &self.teammate, self.version)
    }
}

impl From<TeamError> for Problem {
    fn from(error: TeamError) -> Self {
        let status = match &error {
            TeamError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            TeamError::NotFound(_) => StatusCode::NOT_FOUND,
            TeamError::Refused(_) | TeamError::DraftIsOver | TeamError::Changed(_) => StatusCode::CONFLICT,
            TeamError::CannotWrite | TeamError::Same | TeamError::NothingToSplit => StatusCode::UNPROCESSABLE_ENTITY,
        };
        match error {
            TeamError::Store(error) => error.into(),
            other => Problem::new(status, sentence(&other.to_string())),
        }
    }
}

/// Messages that one split moves.
const SPLIT_MAX: usize = 500;
