//! Who is on the team.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Deserializer, Serialize};

use super::super::Shared;
use super::super::asked::{At, Sent};
use super::super::audit::Before;
use super::super::body;
use super::super::once::KeepInstead;
use super::super::principal::Principal;
use super::super::problem::Problem;
use crate::domain::ids::{InboxId, TeammateId};
use crate::domain::team::{Role, Teammate};
use crate::team::Change;

/// Somebody to be invited.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeammate {
    name: String,
    email: String,
    role: Role,
    /// The inboxes whose cases they see; left out, all of them.
    inboxes: Option<Vec<InboxId>>,
}

/// What is changed about somebody; what is left out stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeammateChange {
    name: Option<String>,
    role: Option<Role>,
    /// `null` for all of them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<InboxId>>)]
    inboxes: Option<Option<Vec<InboxId>>>,
    /// May not sign in any more; all their sessions end.
    disabled: Option<bool>,
}

/// Somebody on the team.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Teammate)]
pub struct ShownTeammate {
    id: TeammateId,
    name: String,
    email: String,
    role: Role,
    /// `null` for all of them.
    inboxes: Option<Vec<InboxId>>,
    disabled: bool,
    two_factor: bool,
    /// Whether they have not chosen a password yet.
    invited: bool,
    created_at_ms: i64,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Invited {
    teammate: ShownTeammate,
    /// The secret of the link `/sign-in#invitation=…`, of use for a week; shown here and never again.
    invitation: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Teammates {
    teammates: Vec<ShownTeammate>,
}

/// Everybody on the team.
#[utoipa::path(get, path = "/api/v1/teammates", tag = "team", operation_id = "list_teammates",
    responses((status = 200, description = "In the order they joined", body = Teammates)))]
pub async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let teammates = shared.parts.team.teammates().await?.iter().map(ShownTeammate::of).collect();
    Ok(Json(Teammates { teammates }).into_response())
}

/// Invites somebody: they choose a password by the link.
#[utoipa::path(post, path = "/api/v1/teammates", tag = "team", request_body = NewTeammate,
    operation_id = "invite_teammate",
    params(("idempotency-key" = Option<String>, Header, description = "The same key and body is carried out once")),
    responses((status = 201, description = "Invited; give them the link", body = Invited)))]
pub async fn invite(
    State(shared): State<Shared>,
    who: Principal,
    Sent(new): Sent<NewTeammate>,
) -> Result<Response, Problem> {
    let name = body::name("name", &new.name)?;
    let team = &shared.parts.team;
    let (teammate, link) = team.invite(who.role(), &new.email, &name, new.role, new.inboxes).await?;
    Ok(invited(StatusCode::CREATED, &teammate, link))
}

/// A new link for somebody who lost theirs, or their password.
#[utoipa::path(post, path = "/api/v1/teammates/{id}/invitation", tag = "team", operation_id = "invite_again",
    params(("id" = TeammateId, Path, description = "The teammate")),
    responses((status = 200, description = "Give them the link", body = Invited)))]
pub async fn invite_again(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<TeammateId>,
) -> Result<Response, Problem> {
    let (teammate, link) = shared.parts.team.invite_again(who.role(), id).await?;
    Ok(invited(StatusCode::OK, &teammate, link))
}

/// Changes what somebody is and may do; it counts from their next request on.
#[utoipa::path(patch, path = "/api/v1/teammates/{id}", tag = "team", request_body = TeammateChange,
    operation_id = "change_teammate",
    params(("id" = TeammateId, Path, description = "The teammate")),
    responses((status = 200, description = "As they are now", body = ShownTeammate)))]
pub async fn change(
    State(shared): State<Shared>,
    who: Principal,
    At(id): At<TeammateId>,
    Sent(asked): Sent<TeammateChange>,
) -> Result<Response, Problem> {
    let name = asked.name.map(|name| body::name("name", &name)).transpose()?;
    let change = Change { name, role: asked.role, inboxes: asked.inboxes, disabled: asked.disabled };
    let (before, after) = shared.parts.team.change(who.role(), id, change).await?;
    let before = serde_json::to_value(ShownTeammate::of(&before)).unwrap_or_default();
    let mut response = Json(ShownTeammate::of(&after)).into_response();
    response.extensions_mut().insert(Before(before));
    Ok(response)
}

/// Ends all sessions of somebody.
#[utoipa::path(delete, path = "/api/v1/teammates/{id}/sessions", tag = "team", operation_id = "end_sessions_of",
    params(("id" = TeammateId, Path, description = "The teammate")),
    responses((status = 204, description = "They are signed out everywhere")))]
pub async fn end_sessions(State(shared): State<Shared>, At(id): At<TeammateId>) -> Result<Response, Problem> {
    shared.parts.team.end_sessions(id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl ShownTeammate {
    /// Without what is secret.
    pub fn of(teammate: &Teammate) -> ShownTeammate {
        ShownTeammate {
            id: teammate.id,
            name: teammate.name.clone(),
            email: teammate.email.clone(),
            role: teammate.role,
            inboxes: teammate.inboxes.clone(),
            disabled: teammate.disabled,
            two_factor: teammate.second_factor.as_ref().is_some_and(|factor| factor.confirmed),
            invited: teammate.password.is_none(),
            created_at_ms: teammate.created_at.0,
        }
    }
}

fn invited(status: StatusCode, teammate: &Teammate, invitation: String) -> Response {
    let kept = serde_json::json!({ "teammate": ShownTeammate::of(teammate), "invitation": "" });
    let mut response = (status, Json(Invited { teammate: ShownTeammate::of(teammate), invitation })).into_response();
    response.extensions_mut().insert(KeepInstead(kept));
    response
}

/// Tells `null` from what is left out.
fn given<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<Vec<InboxId>>>, D::Error> {
    Option::deserialize(value).map(Some)
}
