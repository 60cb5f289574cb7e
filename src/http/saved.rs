//! Saved views, macros and canned responses of the team, and who looks on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Shared;
use super::asked::{At, Sent};
use super::body::{self, unprocessable};
use super::problem::Problem;
use super::teamwork::{Done, TeammateAct};
use crate::domain::ids::ConversationId;
use crate::domain::shortcut::Shortcut;
use crate::domain::view::Condition;
use crate::messages::Viewer;
use crate::seams::inbox_store::{Saved, SavedKind};
use crate::seams::store::StoreError;

/// A view to be saved.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewView {
    name: String,
    /// What it shows.
    filter: Condition,
}

/// A macro, or with a reply alone a canned response.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMacro {
    name: String,
    /// What it writes and does.
    does: Shortcut,
}

/// Who looks on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Looking {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    /// `false` when they leave.
    #[serde(default = "yes")]
    here: bool,
    #[serde(default)]
    typing: bool,
}

/// A saved view.
#[derive(Serialize, utoipa::ToSchema)]
struct ShownView {
    id: Uuid,
    name: String,
    #[schema(value_type = Condition)]
    filter: serde_json::Value,
    updated_at_ms: i64,
}

/// A saved macro.
#[derive(Serialize, utoipa::ToSchema)]
struct ShownMacro {
    id: Uuid,
    name: String,
    #[schema(value_type = Shortcut)]
    does: serde_json::Value,
    updated_at_ms: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Views {
    views: Vec<ShownView>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Macros {
    macros: Vec<ShownMacro>,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Viewers {
    viewers: Vec<Viewer>,
}

/// All views, by name.
#[utoipa::path(get, path = "/api/v1/views", tag = "conversations",
    responses((status = 200, description = "By name", body = Views)))]
pub async fn views(State(shared): State<Shared>) -> Result<Response, Problem> {
    let views = shared.parts.store.saved(SavedKind::View).await?.into_iter().map(ShownView::of).collect();
    Ok(Json(Views { views }).into_response())
}

/// Saves a view.
#[utoipa::path(post, path = "/api/v1/views", tag = "conversations", request_body = NewView,
    responses((status = 201, description = "Saved", body = ShownView)))]
pub async fn save_view(State(shared): State<Shared>, Sent(new): Sent<NewView>) -> Result<Response, Problem> {
    if !new.filter.is_bounded() {
        return Err(unprocessable("A view has at most 50 parts, six deep."));
    }
    let name = body::name("name", &new.name)?;
    let saved = shared.parts.messages.new_saved(SavedKind::View, name, json_of(&new.filter));
    keep(&shared, &saved).await?;
    Ok((StatusCode::CREATED, Json(ShownView::of(saved))).into_response())
}

/// Takes a view out.
#[utoipa::path(delete, path = "/api/v1/views/{id}", tag = "conversations",
    params(("id" = Uuid, Path, description = "The view")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete_view(State(shared): State<Shared>, At(id): At<Uuid>) -> Result<Response, Problem> {
    delete(&shared, SavedKind::View, "view", id).await
}

/// All macros and canned responses, by name.
#[utoipa::path(get, path = "/api/v1/macros", tag = "teamwork",
    responses((status = 200, description = "By name", body = Macros)))]
pub async fn macros(State(shared): State<Shared>) -> Result<Response, Problem> {
    let macros = shared.parts.store.saved(SavedKind::Macro).await?.into_iter().map(ShownMacro::of).collect();
    Ok(Json(Macros { macros }).into_response())
}

/// Saves a macro.
#[utoipa::path(post, path = "/api/v1/macros", tag = "teamwork", request_body = NewMacro,
    responses((status = 201, description = "Saved", body = ShownMacro)))]
pub async fn save_macro(State(shared): State<Shared>, Sent(new): Sent<NewMacro>) -> Result<Response, Problem> {
    if let Some(fault) = new.does.fault() {
        return Err(unprocessable(fault));
    }
    let name = body::name("name", &new.name)?;
    let saved = shared.parts.messages.new_saved(SavedKind::Macro, name, json_of(&new.does));
    keep(&shared, &saved).await?;
    Ok((StatusCode::CREATED, Json(ShownMacro::of(saved))).into_response())
}

/// Takes a macro out.
#[utoipa::path(delete, path = "/api/v1/macros/{id}", tag = "teamwork",
    params(("id" = Uuid, Path, description = "The macro")),
    responses((status = 204, description = "It is gone")))]
pub async fn delete_macro(State(shared): State<Shared>, At(id): At<Uuid>) -> Result<Response, Problem> {
    delete(&shared, SavedKind::Macro, "macro", id).await
}

/// Carries out a macro on a conversation: all of it or nothing.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/macros/{macro}", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation"),
           ("macro" = Uuid, Path, description = "The macro")),
    request_body = TeammateAct,
    responses((status = 200, description = "Done", body = Done)))]
pub async fn run_macro(
    State(shared): State<Shared>,
    At((id, wanted)): At<(ConversationId, Uuid)>,
    Sent(asked): Sent<TeammateAct>,
) -> Result<Response, Problem> {
    let saved = shared.parts.store.saved(SavedKind::Macro).await?.into_iter().find(|saved| saved.id == wanted);
    let saved = saved.ok_or_else(|| Problem::not_found("macro"))?;
    let does: Shortcut = serde_json::from_value(saved.body)
        .map_err(|_| unprocessable("This macro was saved by a newer version and cannot be carried out."))?;
    let conversation = shared.parts.messages.shortcut(&asked.order(id)?, &does).await?;
    Ok(Done::shown(&conversation, None))
}

/// Tells that a teammate looks at a conversation, types or leaves; answers who is there.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/presence", tag = "teamwork",
    params(("id" = ConversationId, Path, description = "The conversation")),
    request_body = Looking,
    responses((status = 200, description = "Everybody who looks on", body = Viewers)))]
pub async fn look(
    State(shared): State<Shared>,
    At(id): At<ConversationId>,
    Sent(asked): Sent<Looking>,
) -> Result<Response, Problem> {
    let teammate = body::teammate(&asked.teammate)?;
    let viewers = shared.parts.messages.look(id, &teammate, asked.here, asked.typing);
    Ok(Json(Viewers { viewers }).into_response())
}

impl ShownView {
    fn of(saved: Saved) -> ShownView {
        ShownView { id: saved.id, name: saved.name, filter: saved.body, updated_at_ms: saved.updated_at.0 }
    }
}

impl ShownMacro {
    fn of(saved: Saved) -> ShownMacro {
        ShownMacro { id: saved.id, name: saved.name, does: saved.body, updated_at_ms: saved.updated_at.0 }
    }
}

async fn keep(shared: &Shared, saved: &Saved) -> Result<(), Problem> {
    match shared.parts.messages.save(saved).await {
        Err(StoreError::Conflict) => {
            Err(Problem::new(StatusCode::CONFLICT, "Another one has this name; choose another, or delete that one."))
        }
        saved => Ok(saved?),
    }
}

async fn delete(shared: &Shared, kind: SavedKind, what: &str, id: Uuid) -> Result<Response, Problem> {
    match shared.parts.messages.delete_saved(kind, id).await {
        Err(StoreError::NotFound) => Err(Problem::not_found(what)),
        deleted => deleted.map(|()| StatusCode::NO_CONTENT.into_response()).map_err(Problem::from),
    }
}

fn json_of(body: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(body).expect("these structs hold text, numbers and lists alone")
}

fn yes() -> bool {
    true
}
