//! Articles: written, edited, restored and taken out; each save is a revision.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::asked::{Asks, At, Sent};
use super::super::audit::Before;
use super::super::body::{self, Limit};
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::form::{ArticleEdit, NewArticle, Restoration, ShownArticle, ShownArticleView};
use crate::domain::article::{Article, Origin};
use crate::domain::ids::ArticleId;
use crate::domain::knowledge::Kind;
use crate::seams::knowledge_store::ArticleFilter;

/// Which articles.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Of this kind.
    kind: Option<Kind>,
    /// `true` for deleted ones instead of those in use.
    #[serde(default)]
    deleted: bool,
}

/// Which revisions.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RevisionPage {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ArticlePage)]
struct Listed {
    articles: Vec<ShownArticle>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RevisionPage)]
struct Revisions {
    /// The newest first.
    revisions: Vec<ShownArticle>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

/// The newest article first, each at its newest revision.
#[utoipa::path(get, path = "/api/v1/knowledge/articles", tag = "knowledge", params(Page), operation_id = "list_articles",
    responses((status = 200, description = "The newest first", body = Listed)))]
pub async fn list(State(shared): State<Shared>, Asks(page): Asks<Page>) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let after = page.cursor.as_deref().map(body::cursor::<ArticleId>).transpose()?;
    let filter = ArticleFilter { kind: page.kind, deleted: page.deleted };
    let library = &shared.parts.library;
    let mut rows = shared.parts.store.articles(library.agent(), &filter, after, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut rows).map(|last| last.id.to_string());
    let articles = rows.into_iter().map(ShownArticle::of).collect();
    Ok(Json(Listed { articles, next_cursor }).into_response())
}

/// Adds an article: the next question is answered from it.
#[utoipa::path(post, path = "/api/v1/knowledge/articles", tag = "knowledge", request_body = NewArticle,
    operation_id = "create_article",
    params(("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    responses((status = 201, description = "Saved and searchable", body = ShownArticleView)))]
pub async fn create(
    State(shared): State<Shared>,
    who: Principal,
    Sent(new): Sent<NewArticle>,
) -> Result<Response, Problem> {
    let article = shared.parts.library.create(new.content(), Origin::Written, who.name()).await?;
    Ok((StatusCode::CREATED, Json(ShownArticleView::of(article, None))).into_response())
}

/// One article, with the passages it is searched and quoted by.
#[utoipa::path(get, path = "/api/v1/knowledge/articles/{id}", tag = "knowledge", operation_id = "read_article",
    params(("id" = ArticleId, Path, description = "The article")),
    responses((status = 200, description = "At its newest revision, deleted or not", body = ShownArticleView)))]
pub async fn one(State(shared): State<Shared>, At(id): At<ArticleId>) -> Result<Response, Problem> {
    let article = shared.parts.store.article(id).await?.ok_or_else(no_article)?;
    let watch = shared.parts.store.page_watch(id).await?;
    Ok(Json(ShownArticleView::of(article, watch)).into_response())
}

/// Saves an article anew, upon the revision that was read.
#[utoipa::path(put, path = "/api/v1/knowledge/articles/{id}", tag = "knowledge", request_body = ArticleEdit,
    operation_id = "edit_article",
    params(("id" = ArticleId, Path, description = "The article")),
    responses((status = 200, description = "The next revision, searchable", body = ShownArticleView)))]
pub async fn edit(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<ArticleId>,
    Sent(edit): Sent<ArticleEdit>,
) -> Result<Response, Problem> {
    let before = shared.parts.store.article(id).await?;
    let article = shared.parts.library.edit(id, edit.revision, edit.content(), who.name()).await?;
    let watch = shared.parts.store.page_watch(id).await?;
    Ok(after(before, Json(ShownArticleView::of(article, watch)).into_response()))
}

/// Takes an article out of use; its history stays and can be restored.
#[utoipa::path(delete, path = "/api/v1/knowledge/articles/{id}", tag = "knowledge", operation_id = "delete_article",
    params(("id" = ArticleId, Path, description = "The article")),
    responses((status = 204, description = "It is no longer answered from")))]
pub async fn delete(State(shared): State<Shared>, who: Principal, At(id): At<ArticleId>) -> Result<Response, Problem> {
    let before = shared.parts.store.article(id).await?;
    shared.parts.library.delete(id, who.name()).await?;
    Ok(after(before, StatusCode::NO_CONTENT.into_response()))
}

/// Everything an article ever said, the newest first.
#[utoipa::path(get, path = "/api/v1/knowledge/articles/{id}/revisions", tag = "knowledge",
    operation_id = "list_article_revisions",
    params(("id" = ArticleId, Path, description = "The article"), RevisionPage),
    responses((status = 200, description = "The newest first", body = Revisions)))]
pub async fn revisions(
    State(shared): State<Shared>,
    At(id): At<ArticleId>,
    Asks(page): Asks<RevisionPage>,
) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let before = page.cursor.as_deref().map(body::cursor::<u64>).transpose()?;
    if shared.parts.store.article(id).await?.is_none() {
        return Err(no_article());
    }
    let mut rows = shared.parts.store.article_revisions(id, before, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut rows).map(|last| last.revision.to_string());
    let revisions = rows.into_iter().map(ShownArticle::of).collect();
    Ok(Json(Revisions { revisions, next_cursor }).into_response())
}

/// One revision, as it was.
#[utoipa::path(get, path = "/api/v1/knowledge/articles/{id}/revisions/{revision}", tag = "knowledge",
    operation_id = "read_article_revision",
    params(("id" = ArticleId, Path, description = "The article"),
           ("revision" = u64, Path, description = "Counted from 1")),
    responses((status = 200, description = "As it was", body = ShownArticle)))]
pub async fn revision(
    State(shared): State<Shared>,
    At((id, revision)): At<(ArticleId, u64)>,
) -> Result<Response, Problem> {
    let article = shared.parts.store.article_revision(id, revision).await?;
    let article = article.ok_or_else(|| Problem::not_found("revision"))?;
    Ok(Json(ShownArticle::of(article)).into_response())
}

/// Takes an earlier revision up again, as the next one; a deleted article is in use again.
#[utoipa::path(post, path = "/api/v1/knowledge/articles/{id}/restore", tag = "knowledge", request_body = Restoration,
    operation_id = "restore_article",
    params(("id" = ArticleId, Path, description = "The article")),
    responses((status = 200, description = "The next revision, searchable", body = ShownArticleView)))]
pub async fn restore(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<ArticleId>,
    Sent(asked): Sent<Restoration>,
) -> Result<Response, Problem> {
    let before = shared.parts.store.article(id).await?;
    let article = shared.parts.library.restore(id, asked.revision, who.name()).await?;
    let watch = shared.parts.store.page_watch(id).await?;
    Ok(after(before, Json(ShownArticleView::of(article, watch)).into_response()))
}

/// With what the article was, for the audit log.
fn after(before: Option<Article>, mut response: Response) -> Response {
    if let Some(before) = before {
        let before = serde_json::to_value(ShownArticle::of(before)).unwrap_or_default();
        response.extensions_mut().insert(Before(before));
    }
    response
}

fn no_article() -> Problem {
    Problem::not_found("article")
}
