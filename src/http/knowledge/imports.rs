//! Files and pages as articles.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;

use super::super::Shared;
use super::super::asked::{Asks, At, Sent};
use super::super::body;
use super::super::guard::UPLOAD_BYTES_MAX;
use super::super::principal::Principal;
use super::super::problem::Problem;
use super::form::{HOUR_MS, ShownArticleView};
use crate::domain::article::Article;
use crate::domain::ids::ArticleId;
use crate::domain::knowledge::{Kind, Sensitivity};
use crate::knowledge::About;

/// What a file is.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AboutFile {
    /// Its name with its ending: .pdf, .docx, .html, .md or .txt.
    name: String,
    #[serde(default)]
    kind: Kind,
    /// Left out: its own title, else its name.
    title: Option<String>,
    sensitivity: Option<Sensitivity>,
}

/// Which file takes whose place.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct NextFile {
    /// Its name with its ending.
    name: String,
    /// The revision that was read.
    revision: u64,
}

/// A page to be fetched.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPage {
    /// On the public Internet, by http or https.
    url: String,
    #[serde(default)]
    kind: Kind,
    /// Left out: the page's own.
    title: Option<String>,
    sensitivity: Option<Sensitivity>,
    /// The time between two looks, 1 to 8760 hours; a day without it.
    #[serde(default = "a_day")]
    refresh_hours: u32,
}

/// Adds the text of a file (PDF, DOCX, HTML, Markdown or text, up to 10 MB); the body is the file itself.
#[utoipa::path(post, path = "/api/v1/knowledge/files", tag = "knowledge", operation_id = "upload_file",
    params(AboutFile,
           ("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 201, description = "Saved and searchable", body = ShownArticleView)))]
pub async fn upload(
    State(shared): State<Shared>,
    who: Principal,
    Asks(AboutFile { name, kind, title, sensitivity }): Asks<AboutFile>,
    body: Body,
) -> Result<Response, Problem> {
    let name = body::name("name", &name)?;
    let title = title.map(|title| body::name("title", &title)).transpose()?;
    let bytes = taken(body).await?;
    let article = shared.parts.library.upload(&name, bytes, About { kind, title, sensitivity }, who.name()).await?;
    Ok(created(article))
}

/// Gives an article the text of another file, as its next revision.
#[utoipa::path(put, path = "/api/v1/knowledge/articles/{id}/file", tag = "knowledge", operation_id = "replace_file",
    params(("id" = ArticleId, Path, description = "The article"), NextFile),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The next revision, searchable", body = ShownArticleView)))]
pub async fn replace(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<ArticleId>,
    Asks(file): Asks<NextFile>,
    body: Body,
) -> Result<Response, Problem> {
    let name = body::name("name", &file.name)?;
    let bytes = taken(body).await?;
    let article = shared.parts.library.replace_file(id, file.revision, &name, bytes, who.name()).await?;
    Ok(Json(ShownArticleView::of(article, None)).into_response())
}

/// Fetches a page of the public Internet and adds its text; it is fetched anew on schedule.
#[utoipa::path(post, path = "/api/v1/knowledge/pages", tag = "knowledge", request_body = NewPage,
    operation_id = "import_page",
    params(("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    responses((status = 201, description = "Saved and searchable", body = ShownArticleView)))]
pub async fn import(
    State(shared): State<Shared>,
    who: Principal,
    Sent(new): Sent<NewPage>,
) -> Result<Response, Problem> {
    if !(1..=8_760).contains(&new.refresh_hours) {
        return Err(body::unprocessable("refresh_hours is a number from 1 to 8760."));
    }
    let every = Duration::from_millis(u64::from(new.refresh_hours) * HOUR_MS as u64);
    let title = new.title.map(|title| body::name("title", &title)).transpose()?;
    let about = About { kind: new.kind, title, sensitivity: new.sensitivity };
    let article = shared.parts.library.import(&new.url, every, about, who.name()).await?;
    let watch = shared.parts.store.page_watch(article.id).await?;
    Ok((StatusCode::CREATED, Json(ShownArticleView::of(article, watch))).into_response())
}

/// Fetches a page anew at once; a revision is made where it says something else.
#[utoipa::path(post, path = "/api/v1/knowledge/articles/{id}/refresh", tag = "knowledge",
    operation_id = "refresh_page",
    params(("id" = ArticleId, Path, description = "The article")),
    responses((status = 200, description = "As it is now", body = ShownArticleView)))]
pub async fn refresh(State(shared): State<Shared>, who: Principal, At(id): At<ArticleId>) -> Result<Response, Problem> {
    let article = shared.parts.library.refresh(id, who.name()).await?;
    let watch = shared.parts.store.page_watch(id).await?;
    Ok(Json(ShownArticleView::of(article, watch)).into_response())
}

async fn taken(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, UPLOAD_BYTES_MAX).await.map_err(|_| {
        let detail = format!("The file has more than {UPLOAD_BYTES_MAX} bytes; split it.");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    })
}

fn created(article: Article) -> Response {
    (StatusCode::CREATED, Json(ShownArticleView::of(article, None))).into_response()
}

fn a_day() -> u32 {
    24
}
