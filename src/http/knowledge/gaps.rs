//! What the knowledge lacks, and answers that teammates gave to it.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::Shared;
use super::super::asked::{Asks, At, Sent};
use super::super::body::{self, Limit};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::form::ShownArticleView;
use crate::domain::article::Content;
use crate::domain::gap::GapState;
use crate::domain::ids::{ArticleId, ConversationId, MessageId};
use crate::domain::knowledge::{Kind, Sensitivity};
use crate::knowledge::GapView;
use crate::seams::knowledge_store::GapCursor;

/// Which gaps.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// `open` without it.
    #[serde(default)]
    state: GapState,
}

/// The missing article. Its questions are those of the gap.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapAnswer {
    /// Left out: the question that began the gap.
    #[serde(default)]
    title: String,
    body: String,
    #[serde(default)]
    kind: Kind,
    spoken: Option<String>,
    sensitivity: Option<Sensitivity>,
}

/// What becomes of a gap.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GapChange {
    /// `true`: it needs no article. `false`: it does after all.
    dismissed: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = GapPage)]
struct Listed {
    /// The most asked first.
    gaps: Vec<ShownGap>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Proposals)]
struct Proposals {
    proposals: Vec<Proposal>,
}

/// An answer that a teammate gave, as the article it could be.
#[derive(Serialize, utoipa::ToSchema)]
struct Proposal {
    /// Save it with `POST /api/v1/knowledge/gaps/{gap}/article`.
    gap: Uuid,
    asked: u64,
    title: String,
    body: String,
    by: Option<String>,
    conversation: ConversationId,
    message: MessageId,
    at_ms: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Gap)]
struct ShownGap {
    id: Uuid,
    /// The question that began it.
    label: String,
    /// How often it was asked.
    asked: u64,
    last_at_ms: i64,
    state: GapState,
    article: Option<ArticleId>,
    /// Up to ten wordings, the newest first.
    examples: Vec<Example>,
    /// What teammates answered, the newest first.
    answers: Vec<Given>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = GapExample)]
struct Example {
    text: String,
    conversation: ConversationId,
    message: MessageId,
    at_ms: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = GivenAnswer)]
struct Given {
    question: String,
    text: String,
    by: Option<String>,
    conversation: ConversationId,
    message: MessageId,
    at_ms: i64,
}

/// Questions without a good answer, grouped by what they mean.
#[utoipa::path(get, path = "/api/v1/knowledge/gaps", tag = "knowledge", params(Page), operation_id = "list_gaps",
    responses((status = 200, description = "The most asked first", body = Listed)))]
pub async fn list(State(shared): State<Shared>, Asks(page): Asks<Page>) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let after = page.cursor.as_deref().map(gap_cursor).transpose()?;
    let mut views = shared.parts.library.gaps(page.state, after, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut views).map(|last| format!("{}_{}", last.gap.asked, last.gap.id));
    let gaps = views.into_iter().map(ShownGap::of).collect();
    Ok(Json(Listed { gaps, next_cursor }).into_response())
}

/// Answers that teammates gave where the knowledge had none, each as the article it could be.
#[utoipa::path(get, path = "/api/v1/knowledge/proposals", tag = "knowledge", operation_id = "list_proposals",
    responses((status = 200, description = "One for each gap, the most asked first", body = Proposals)))]
pub async fn proposals(State(shared): State<Shared>) -> Result<Response, Problem> {
    let proposal = |view: GapView| {
        let given = view.answers.into_iter().next()?;
        Some(Proposal {
            gap: view.gap.id,
            asked: view.gap.asked,
            title: view.gap.label,
            body: given.text,
            by: given.by,
            conversation: given.conversation,
            message: given.message,
            at_ms: given.at.0,
        })
    };
    let proposals = shared.parts.library.proposals().await?.into_iter().filter_map(proposal).collect();
    Ok(Json(Proposals { proposals }).into_response())
}

/// Writes the missing article; the gap is closed.
#[utoipa::path(post, path = "/api/v1/knowledge/gaps/{id}/article", tag = "knowledge", request_body = GapAnswer,
    operation_id = "answer_gap",
    params(("id" = Uuid, Path, description = "The gap"),
           ("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    responses((status = 201, description = "The article, searchable", body = ShownArticleView)))]
pub async fn answer(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<Uuid>,
    Sent(GapAnswer { title, body, kind, spoken, sensitivity }): Sent<GapAnswer>,
) -> Result<Response, Problem> {
    let content = Content { kind, title, body, questions: Vec::new(), spoken, sensitivity, valid_until: None };
    let article = shared.parts.library.answer_gap(id, content, who.name()).await?;
    Ok((StatusCode::CREATED, Json(ShownArticleView::of(article, None))).into_response())
}

/// Says that a gap needs no article, or does after all.
#[utoipa::path(patch, path = "/api/v1/knowledge/gaps/{id}", tag = "knowledge", request_body = GapChange,
    operation_id = "change_gap",
    params(("id" = Uuid, Path, description = "The gap")),
    responses((status = 200, description = "As it is now", body = ShownGap)))]
pub async fn change(
    State(shared): State<Shared>,
    At(id): At<Uuid>,
    Sent(change): Sent<GapChange>,
) -> Result<Response, Problem> {
    let view = shared.parts.library.set_gap(id, change.dismissed).await?;
    Ok(Json(ShownGap::of(view)).into_response())
}

impl ShownGap {
    fn of(view: GapView) -> ShownGap {
        let example = |question: crate::domain::gap::GapQuestion| Example {
            text: question.text,
            conversation: question.conversation,
            message: question.message,
            at_ms: question.at.0,
        };
        let given = |answer: crate::domain::gap::GivenAnswer| Given {
            question: answer.question,
            text: answer.text,
            by: answer.by,
            conversation: answer.conversation,
            message: answer.message,
            at_ms: answer.at.0,
        };
        ShownGap {
            id: view.gap.id,
            label: view.gap.label,
            asked: view.gap.asked,
            last_at_ms: view.gap.last_at.0,
            state: view.gap.state,
            article: view.gap.article,
            examples: view.examples.into_iter().map(example).collect(),
            answers: view.answers.into_iter().map(given).collect(),
        }
    }
}

fn gap_cursor(text: &str) -> Result<GapCursor, Problem> {
    let parts = text.split_once('_').and_then(|(asked, id)| Some((asked.parse().ok()?, id.parse().ok()?)));
    parts.map(|(asked, id)| GapCursor { asked, id }).ok_or_else(body::bad_cursor)
}
