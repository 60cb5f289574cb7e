//! Tokens by which programs use the API.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::asked::{At, Sent};
use super::super::body;
use super::super::once::KeepInstead;
use super::super::principal::Principal;
use super::super::problem::Problem;
use crate::domain::ids::{ApiTokenId, InboxId};
use crate::domain::team::{ApiToken, Permission};
use crate::domain::time::EpochMs;
use crate::team::NewToken;

/// A token to be made.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiToken {
    /// What it is for.
    name: String,
    /// What it may do; nothing that whoever makes it may not.
    scopes: Vec<Permission>,
    /// The inboxes whose cases it sees; left out, all of them.
    inboxes: Option<Vec<InboxId>>,
    /// It is of no use after that; left out, it is until it is deleted.
    expires_at_ms: Option<i64>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ApiToken)]
struct ShownToken {
    id: ApiTokenId,
    name: String,
    scopes: Vec<Permission>,
    inboxes: Option<Vec<InboxId>>,
    by: String,
    created_at_ms: i64,
    expires_at_ms: Option<i64>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct MadeToken {
    #[serde(flatten)]
    token: ShownToken,
    /// Send it as `Authorization: Bearer …`; shown here and never again.
    secret: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct ApiTokens {
    tokens: Vec<ShownToken>,
}

/// All tokens, without what is secret.
#[utoipa::path(get, path = "/api/v1/tokens", tag = "team", operation_id = "list_tokens",
    responses((status = 200, description = "In the order they were made", body = ApiTokens)))]
pub async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let tokens = shared.parts.team.tokens().await?.into_iter().map(ShownToken::of).collect();
    Ok(Json(ApiTokens { tokens }).into_response())
}

/// Makes a token.
#[utoipa::path(post, path = "/api/v1/tokens", tag = "team", request_body = NewApiToken, operation_id = "make_token",
    params(("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once; the \
        repeated answer holds an empty secret")),
    responses((status = 201, description = "Made; keep its secret", body = MadeToken)))]
pub async fn make(
    State(shared): State<Shared>,
    who: Principal,
    Sent(new): Sent<NewApiToken>,
) -> Result<Response, Problem> {
    let name = body::name("name", &new.name)?;
    if let Some(scope) = new.scopes.iter().find(|scope| !who.may(**scope)) {
        let detail = format!("You may not grant {}, which you do not have.", serde_json::json!(scope));
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    let expires_at = new.expires_at_ms.map(EpochMs);
    let new = NewToken { name, scopes: new.scopes, inboxes: new.inboxes, expires_at };
    let (token, secret) = shared.parts.team.make_token(who.name(), new).await?;
    let kept = MadeToken { token: ShownToken::of(token.clone()), secret: String::new() };
    let kept = serde_json::to_value(kept).unwrap_or_default();
    let mut response = (StatusCode::CREATED, Json(MadeToken { token: ShownToken::of(token), secret })).into_response();
    response.extensions_mut().insert(KeepInstead(kept));
    Ok(response)
}

/// Takes a token out: the next request with it is refused.
#[utoipa::path(delete, path = "/api/v1/tokens/{id}", tag = "team", operation_id = "delete_token",
    params(("id" = ApiTokenId, Path, description = "The token")),
    responses((status = 204, description = "It is of no use any more")))]
pub async fn delete(State(shared): State<Shared>, At(id): At<ApiTokenId>) -> Result<Response, Problem> {
    shared.parts.team.delete_token(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl ShownToken {
    fn of(token: ApiToken) -> ShownToken {
        ShownToken {
            id: token.id,
            name: token.name,
            scopes: token.scopes,
            inboxes: token.inboxes,
            by: token.by,
            created_at_ms: token.created_at.0,
            expires_at_ms: token.expires_at.map(|at| at.0),
        }
    }
}
