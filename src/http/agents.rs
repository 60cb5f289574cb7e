//! Agents, and what an admin decides about cases that one cannot resolve (R23–R26).
//!
//! A saved policy is a new revision: calls that come in from then on follow it, live ones keep theirs. Whoever saves
//! names the revision they read (`revision` in the body, or `If-Match`); when another was saved meanwhile the answer
//! is 409 and nothing is changed.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Shared;
use super::asked::{At, SentJson, version_read};
use super::audit::Before;
use super::hand_over_body::{self};
use super::problem::Problem;
use crate::domain::agent::{Agent, HandOver, ReplyMode};
use crate::domain::escalation_check::{self, Facts};
use crate::domain::ids::AgentId;
use crate::seams::store::StoreError;

/// The agent that answers, shared with the front desk, and what its policy is judged by.
#[derive(Clone)]
pub struct Answering {
    /// Swapped whole when a policy is saved.
    pub agent: Arc<ArcSwap<Agent>>,
    /// Our own numbers and addresses, the home country, and the agent's channels.
    pub facts: Arc<Facts>,
}

impl Answering {
    /// New calls follow this revision, unless a newer one is already followed.
    fn follow(&self, agent: &Agent) {
        self.agent.rcu(|current| match current.id == agent.id && current.revision < agent.revision {
            true => Arc::new(agent.clone()),
            false => current.clone(),
        });
    }
}

#[derive(Serialize)]
struct ShownAgent<'a> {
    id: AgentId,
    revision: u64,
    business: &'a str,
    published: bool,
    mode: ReplyMode,
    record_calls: bool,
    #[serde(flatten)]
    hand_over: HandOver,
}

#[derive(Serialize)]
struct ShownHandOver {
    revision: u64,
    #[serde(flatten)]
    hand_over: HandOver,
}

#[derive(Serialize)]
struct Listed<'a> {
    agents: Vec<ShownAgent<'a>>,
}

/// All agents, each with its newest settings.
#[utoipa::path(
    get, path = "/api/v1/agents", operation_id = "list_agents", tag = "agents",
    responses((status = 200, description = "All agents", body = serde_json::Value))
)]
pub async fn list(State(shared): State<Shared>) -> Result<Response, Problem> {
    let stored = shared.parts.store.agents().await?;
    let agents = stored.iter().map(|(agent, _)| ShownAgent::of(agent)).collect();
    Ok(Json(Listed { agents }).into_response())
}

/// What is decided about unresolved cases, with its revision.
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/escalation", tag = "agents",
    params(("id" = AgentId, Path, description = "The agent")),
    responses((status = 200, description = "What happens to unresolved cases", body = serde_json::Value))
)]
pub async fn escalation(State(shared): State<Shared>, At(id): At<AgentId>) -> Result<Response, Problem> {
    Ok(shown(&stored(&shared, id).await?))
}

/// Saves it as the next revision.
#[utoipa::path(
    put, path = "/api/v1/agents/{id}/escalation", tag = "agents",
    params(("id" = AgentId, Path, description = "The agent")),
    request_body = serde_json::Value,
    responses((status = 200, description = "As saved", body = serde_json::Value))
)]
pub async fn save_escalation(
    State(shared): State<Shared>,
    At(id): At<AgentId>,
    headers: HeaderMap,
    SentJson(body): SentJson,
) -> Result<Response, Problem> {
    let agent = stored(&shared, id).await?;
    let was = serde_json::to_value(agent.hand_over()).unwrap_or_default();
    let written = hand_over_body::read(&body).map_err(refused)?;
    if version_read(&headers, written.revision, "revision")? != agent.revision {
        return Err(changed_meanwhile(agent.revision));
    }
    let found = escalation_check::check(&written.hand_over, &shared.parts.answering.facts);
    if !found.is_empty() {
        return Err(refused(found));
    }
    let revision = agent.revision;
    let agent = Agent { revision: revision + 1, ..agent.with_hand_over(written.hand_over) };
    let mut work = shared.parts.store.begin().await?;
    match work.save_agent(&agent).await {
        Err(StoreError::Conflict) => return Err(changed_meanwhile(revision + 1)),
        saved => saved?,
    }
    work.commit().await?;
    shared.parts.answering.follow(&agent);
    tracing::info!(agent.id = %agent.id, agent.revision, "What happens to unresolved cases was saved");
    let mut response = shown(&agent);
    response.extensions_mut().insert(Before(was));
    Ok(response)
}

async fn stored(shared: &Shared, id: AgentId) -> Result<Agent, Problem> {
    shared.parts.store.agent(id).await?.ok_or_else(|| Problem::not_found("agent"))
}

fn shown(agent: &Agent) -> Response {
    let body = Json(ShownHandOver { revision: agent.revision, hand_over: agent.hand_over() });
    let tag = HeaderValue::from_str(&format!("\"{}\"", agent.revision));
    let mut response = body.into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn changed_meanwhile(revision: u64) -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        format!("It was changed meanwhile (revision {revision} now); read it again and make the change upon that."),
    )
}

fn refused(found: Vec<escalation_check::Problem>) -> Problem {
    let detail = match found.len() {
        1 => "One thing is to be mended; nothing was saved.".to_owned(),
        more => format!("{more} things are to be mended; nothing was saved."),
    };
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail).because(found)
}

impl<'a> ShownAgent<'a> {
    fn of(agent: &'a Agent) -> ShownAgent<'a> {
        ShownAgent {
            id: agent.id,
            revision: agent.revision,
            business: &agent.business,
            published: agent.published,
            mode: agent.mode,
            record_calls: agent.record_calls,
            hand_over: agent.hand_over(),
        }
    }
}
