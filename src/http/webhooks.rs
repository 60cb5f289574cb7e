//! Programs of the business that are told what happens, and what they were told.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Shared;
use super::asked::{Asks, At, Sent, version_read};
use super::audit::Before;
use super::body::{self, Limit, unprocessable};
use super::once::KeepInstead;
use super::problem::Problem;
use crate::channels::webhooks::{WebhookChange, WebhookError};
use crate::domain::casework::Delivery;
use crate::domain::ids::WebhookId;
use crate::domain::webhook::{Webhook, WebhookPost};
use crate::seams::store::StoreError;

/// A webhook to be added.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWebhook {
    /// On the public Internet, unless the installation allows others.
    url: String,
    /// Types such as `conversation.resolved`, or `conversation.*`; all of them when it is left out.
    #[serde(default)]
    kinds: Vec<String>,
}

/// What is changed; what is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangedWebhook {
    /// The version that was read; or as `If-Match`.
    version: Option<i64>,
    url: Option<String>,
    kinds: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// Which posts.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Page {
    /// 1 to 200; 50 without it.
    limit: Option<u32>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Webhooks)]
struct Listed {
    /// In the order they were added.
    webhooks: Vec<Shown>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Webhook)]
struct Shown {
    id: WebhookId,
    url: String,
    kinds: Vec<String>,
    enabled: bool,
    /// Why it is told nothing any more, where we decided so.
    disabled_why: Option<String>,
    version: i64,
    created_at_ms: i64,
    /// What signs its posts; shown once, when it is added.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WebhookPosts)]
struct Posts {
    /// The newest first.
    posts: Vec<ShownPost>,
    /// Give it back as `cursor` for the next page; `null` at the end.
    next_cursor: Option<String>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = WebhookPost)]
struct ShownPost {
    id: Uuid,
    kind: String,
    /// The very bytes that are signed.
    body: String,
    state: Delivery,
    posted_at_ms: i64,
    due_at_ms: i64,
    tries: u32,
    last_status: Option<u16>,
    /// What went wrong last, in words.
    last_error: Option<String>,
    settled_at_ms: Option<i64>,
}

/// All webhooks.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "channels", operation_id = "list_webhooks",
    responses((status = 200, description = "In the order they were added", body = Listed)))]
pub async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let webhooks = shared.parts.store.webhooks().await?.into_iter().map(Shown::of).collect();
    Ok(Json(Listed { webhooks }).into_response())
}

/// Adds a webhook; its secret is shown this once.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "channels", operation_id = "add_webhook", request_body = NewWebhook,
    responses((status = 201, description = "Added", body = Shown)))]
pub async fn add(State(shared): State<Shared>, Sent(new): Sent<NewWebhook>) -> Result<Response, Problem> {
    let (webhook, secret) = shared.parts.webhooks.add(new.url, new.kinds).await?;
    let kept = KeepInstead(json_of(&Shown::of(webhook.clone())));
    let shown = Shown { secret: Some(secret), ..Shown::of(webhook) };
    let mut response = (StatusCode::CREATED, Json(shown)).into_response();
    response.extensions_mut().insert(kept);
    Ok(response)
}

/// Changes a webhook, or switches it on or off.
#[utoipa::path(patch, path = "/api/v1/webhooks/{id}", tag = "channels", operation_id = "change_webhook",
    params(("id" = WebhookId, Path, description = "The webhook")), request_body = ChangedWebhook,
    responses((status = 200, description = "As it is now", body = Shown)))]
pub async fn change(
    State(shared): State<Shared>,
    At(id): At<WebhookId>,
    headers: HeaderMap,
    Sent(asked): Sent<ChangedWebhook>,
) -> Result<Response, Problem> {
    let version = version_read(&headers, asked.version, "version")?;
    let change = WebhookChange { version, url: asked.url, kinds: asked.kinds, enabled: asked.enabled };
    let (before, webhook) = shared.parts.webhooks.change(id, change).await?;
    let mut response = Json(Shown::of(webhook)).into_response();
    response.extensions_mut().insert(Before(json_of(&Shown::of(before))));
    Ok(response)
}

/// Takes a webhook out, with all it was told.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "channels", operation_id = "delete_webhook",
    params(("id" = WebhookId, Path, description = "The webhook")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete(State(shared): State<Shared>, At(id): At<WebhookId>) -> Result<Response, Problem> {
    let before = shared.parts.webhooks.delete(id).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.extensions_mut().insert(Before(json_of(&Shown::of(before))));
    Ok(response)
}

/// What a webhook was told in the last 30 days, and what came of it.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/posts", tag = "channels", operation_id = "list_webhook_posts",
    params(("id" = WebhookId, Path, description = "The webhook"), Page),
    responses((status = 200, description = "The newest first", body = Posts)))]
pub async fn posts(
    State(shared): State<Shared>,
    At(id): At<WebhookId>,
    Asks(page): Asks<Page>,
) -> Result<Response, Problem> {
    let limit = Limit::of(page.limit)?;
    let before = page.cursor.as_deref().map(body::cursor::<Uuid>).transpose()?;
    let mut rows = shared.parts.store.webhook_posts(id, before, limit.and_one()).await?;
    let next_cursor = limit.cut(&mut rows).map(|last| last.id.to_string());
    Ok(Json(Posts { posts: rows.into_iter().map(ShownPost::of).collect(), next_cursor }).into_response())
}

/// Tells a webhook once more, under the same id.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/posts/{post}/resend", tag = "channels",
    operation_id = "resend_webhook_post",
    params(("id" = WebhookId, Path, description = "The webhook"), ("post" = Uuid, Path, description = "The post")),
    responses((status = 202, description = "It waits to be posted", body = ShownPost)))]
pub async fn resend(State(shared): State<Shared>, At((id, post)): At<(WebhookId, Uuid)>) -> Result<Response, Problem> {
    let post = match shared.parts.webhooks.tell_again(id, post).await {
        Err(StoreError::NotFound) => return Err(Problem::not_found("post")),
        post => post?,
    };
    Ok((StatusCode::ACCEPTED, Json(ShownPost::of(post))).into_response())
}

impl From<WebhookError> for Problem {
    fn from(error: WebhookError) -> Problem {
        match error {
            WebhookError::Store(StoreError::NotFound) => Problem::not_found("webhook"),
            WebhookError::Store(error) => error.into(),
            WebhookError::Misfit(why) => unprocessable(format!("{why}.")),
        }
    }
}

impl Shown {
    fn of(webhook: Webhook) -> Shown {
        Shown {
            id: webhook.id,
            url: webhook.url,
            kinds: webhook.kinds,
            enabled: webhook.enabled,
            disabled_why: webhook.disabled_why,
            version: webhook.version,
            created_at_ms: webhook.created_at.0,
            secret: None,
        }
    }
}

impl ShownPost {
    fn of(post: WebhookPost) -> ShownPost {
        ShownPost {
            id: post.id,
            kind: post.kind,
            body: post.body,
            state: post.state,
            posted_at_ms: post.posted_at.0,
            due_at_ms: post.due_at.0,
            tries: post.tries,
            last_status: post.last_status,
            last_error: post.last_error,
            settled_at_ms: post.settled_at.map(|at| at.0),
        }
    }
}

fn json_of(shown: &Shown) -> serde_json::Value {
    serde_json::to_value(shown).expect("it holds text, numbers and lists alone")
}
