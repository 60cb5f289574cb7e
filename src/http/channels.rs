//! Accounts of channels: added, changed, switched on and off, tested, taken out. Secrets go in and never come out.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Shared;
use super::asked::{At, Sent, version_read};
use super::audit::Before;
use super::body::{self, unprocessable};
use super::problem::{Problem, sentence};
use crate::channels::{AccountChange, AccountError, NewAccount};
use crate::domain::channel_account::{ChannelAccount, Fares, Health};
use crate::domain::conversation::Channel;
use crate::domain::ids::{AgentId, ChannelAccountId, InboxId};
use crate::seams::store::StoreError;

/// An account to be added.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    kind: Channel,
    /// As the team calls it.
    name: String,
    /// At work at once, unless told otherwise.
    #[serde(default = "yes")]
    enabled: bool,
    /// What the kind asks for; a kind tells what is missing.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: Value,
    /// Passwords and tokens by their names; kept sealed and never shown again.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

/// What is changed; what is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChange {
    /// The version that was read; or as `If-Match`.
    version: Option<i64>,
    name: Option<String>,
    enabled: Option<bool>,
    /// All settings anew.
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// These anew, or with `null` taken out; the others stay.
    #[serde(default)]
    secrets: BTreeMap<String, Option<String>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Channels)]
struct Listed {
    /// In the order they were added.
    channels: Vec<Shown>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelAccount)]
struct Shown {
    id: ChannelAccountId,
    agent: AgentId,
    inbox: InboxId,
    kind: Channel,
    name: String,
    enabled: bool,
    #[schema(value_type = Object)]
    settings: Value,
    /// The names of the secrets that are kept.
    secrets: Vec<String>,
    version: i64,
    /// The address to give to the vendor, for channels that are called; `null` while `http.public_url` is not set.
    hook_url: Option<String>,
    health: ShownHealth,
    created_at_ms: i64,
    updated_at_ms: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelHealth)]
struct ShownHealth {
    fares: Fares,
    since_ms: Option<i64>,
    /// What went wrong last, in words; kept when it works again.
    last_error: Option<String>,
    last_error_at_ms: Option<i64>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ChannelTest)]
struct Tested {
    works: bool,
    /// What was found, or what is wrong and what to do.
    told: String,
}

/// All accounts with how they fare.
#[utoipa::path(get, path = "/api/v1/channels", tag = "channels", operation_id = "list_channels",
    responses((status = 200, description = "In the order they were added", body = Listed)))]
pub async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let accounts = shared.parts.store.channel_accounts().await?;
    let channels = accounts.into_iter().map(|(account, health)| Shown::of(&shared, account, health)).collect();
    Ok(Json(Listed { channels }).into_response())
}

/// One account.
#[utoipa::path(get, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "one_channel",
    params(("id" = ChannelAccountId, Path, description = "The channel")),
    responses((status = 200, description = "As it is", body = Shown)))]
pub async fn one(State(shared): State<Shared>, At(id): At<ChannelAccountId>) -> Result<Response, Problem> {
    let account = shared.parts.store.channel_account(id).await?;
    let (account, health) = account.ok_or_else(|| Problem::not_found("channel"))?;
    Ok(Json(Shown::of(&shared, account, health)).into_response())
}

/// Adds an account, with an inbox of its own.
#[utoipa::path(post, path = "/api/v1/channels", tag = "channels", operation_id = "add_channel", request_body = NewChannel,
    responses((status = 201, description = "Added", body = Shown)))]
pub async fn add(State(shared): State<Shared>, Sent(new): Sent<NewChannel>) -> Result<Response, Problem> {
    let NewChannel { kind, name, enabled, settings, secrets } = new;
    let name = body::name("name", &name)?;
    let settings = settings_of(settings)?;
    let account = shared.parts.channels.add(NewAccount { kind, name, enabled, settings, secrets }).await?;
    Ok((StatusCode::CREATED, Json(Shown::of(&shared, account, Health::default()))).into_response())
}

/// Changes an account, or switches it on or off.
#[utoipa::path(patch, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "change_channel",
    params(("id" = ChannelAccountId, Path, description = "The channel")), request_body = ChannelChange,
    responses((status = 200, description = "As it is now", body = Shown)))]
pub async fn change(
    State(shared): State<Shared>,
    At(id): At<ChannelAccountId>,
    headers: HeaderMap,
    Sent(asked): Sent<ChannelChange>,
) -> Result<Response, Problem> {
    let change = AccountChange {
        version: version_read(&headers, asked.version, "version")?,
        name: asked.name.map(|name| body::name("name", &name)).transpose()?,
        enabled: asked.enabled,
        settings: asked.settings.map(settings_of).transpose()?,
        secrets: asked.secrets,
    };
    let (before, account) = shared.parts.channels.change(id, change).await?;
    let before = Before(json_of(&Shown::of(&shared, before, Health::default())));
    let mut response = Json(Shown::of(&shared, account, Health::default())).into_response();
    response.extensions_mut().insert(before);
    Ok(response)
}

/// Takes an account out. Its conversations stay; what waits to go out by it has failed.
#[utoipa::path(delete, path = "/api/v1/channels/{id}", tag = "channels", operation_id = "delete_channel",
    params(("id" = ChannelAccountId, Path, description = "The channel")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete(State(shared): State<Shared>, At(id): At<ChannelAccountId>) -> Result<Response, Problem> {
    let before = shared.parts.channels.delete(id).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.extensions_mut().insert(Before(json_of(&Shown::of(&shared, before, Health::default()))));
    Ok(response)
}

/// Tries whether an account works, as it is kept.
#[utoipa::path(post, path = "/api/v1/channels/{id}/test", tag = "channels", operation_id = "test_channel",
    params(("id" = ChannelAccountId, Path, description = "The channel")),
    responses((status = 200, description = "What was found, or what is wrong and what to do", body = Tested)))]
pub async fn test(State(shared): State<Shared>, At(id): At<ChannelAccountId>) -> Result<Response, Problem> {
    let tested = match shared.parts.channels.test(id).await {
        Err(StoreError::NotFound) => return Err(Problem::not_found("channel")),
        tested => tested?,
    };
    let (works, told) = match tested {
        Ok(told) => (true, told),
        Err(told) => (false, told),
    };
    Ok(Json(Tested { works, told }).into_response())
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Problem {
        match error {
            AccountError::Store(StoreError::NotFound) => Problem::not_found("channel"),
            AccountError::Store(error) => error.into(),
            AccountError::Misfit(_) | AccountError::TooMany => unprocessable(sentence(&error.to_string())),
        }
    }
}

impl Shown {
    fn of(shared: &Shared, account: ChannelAccount, health: Health) -> Shown {
        Shown {
            hook_url: shared.parts.channels.hook_url(account.id),
            id: account.id,
            agent: account.agent,
            inbox: account.inbox,
            kind: account.kind,
            name: account.name,
            enabled: account.enabled,
            settings: account.settings,
            secrets: account.secrets.into_keys().collect(),
            version: account.version,
            health: ShownHealth {
                fares: health.fares,
                since_ms: health.since.map(|at| at.0),
                last_error: health.last_error,
                last_error_at_ms: health.last_error_at.map(|at| at.0),
            },
            created_at_ms: account.created_at.0,
            updated_at_ms: account.updated_at.0,
        }
    }
}

fn settings_of(settings: Value) -> Result<Value, Problem> {
    match settings {
        Value::Null => Ok(Value::Object(Default::default())),
        Value::Object(_) => Ok(settings),
        _ => Err(unprocessable("settings is an object of names and values.")),
    }
}

fn json_of(shown: &Shown) -> Value {
    serde_json::to_value(shown).expect("it holds text, numbers and lists alone")
}

fn yes() -> bool {
    true
}
