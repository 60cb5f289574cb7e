//! Live calls: who is on them, and what a supervisor or teammate does with one (R9).
//!
//! A supervisor comes by their browser (an offer in, an answer out, as callers do) or by a telephone that configuration
//! names; no number is taken from a request (R5). 409 says that the call has ended, or does not stand so that this could be
//! done. Every change is in the audit log and in the conversation's events.

use std::net::{IpAddr, Ipv4Addr};

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asked::{At, SentOrNothing};
use super::body::unprocessable;
use super::once::KeepInstead;
use super::principal::{Principal, acting};
use super::problem::Problem;
use super::proxies::Peer;
use crate::domain::escalation::Target;
use crate::domain::ids::CallId;
use crate::domain::supervision::SupervisionMode;
use crate::seams::browser::Placed;
use crate::voice::live_calls::{LiveCall, NotDone, Order, Telephone, Way};

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = LiveCalls)]
struct Listed {
    /// The oldest first.
    calls: Vec<LiveCall>,
}

/// How a supervisor joins.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupervisionOfCall)]
pub struct Join {
    /// How far they take part; to listen, where nothing is said.
    #[serde(default)]
    mode: SupervisionMode,
    /// `browser`, `phone:NAME` (a telephone that registers here) or `person:ID` (of the escalation policy).
    via: String,
    /// The browser's session description, for `browser`.
    offer: Option<String>,
    /// In whose name a program acts.
    teammate: Option<String>,
}

/// How a supervisor takes part from now on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SupervisionChange)]
pub struct Change {
    mode: SupervisionMode,
    /// In whose name a program acts.
    teammate: Option<String>,
}

/// By which way whoever takes a call over comes; left out by those who supervise it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallTakeOver)]
pub struct TakeOver {
    /// As for joining.
    via: Option<String>,
    /// As for joining.
    offer: Option<String>,
    /// In whose name a program acts.
    teammate: Option<String>,
}

/// To whom a call goes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallTransfer)]
pub struct Transfer {
    /// `person:ID`, `rota:ID` or a telephone of the escalation policy; without it, the policy's ladder.
    to: Option<String>,
    /// In whose name a program acts.
    teammate: Option<String>,
}

/// Nothing but who acts.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CallOrder)]
pub struct Acting {
    /// In whose name a program acts.
    teammate: Option<String>,
}

/// A call, and how a browser that joined it goes on.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = JoinedCall)]
struct Joined {
    call: LiveCall,
    /// Our session description, for a browser.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<String>,
    /// Where a browser restarts ICE (PATCH, RFC 9725) and hangs up (DELETE).
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<String>,
}

/// The live calls.
#[utoipa::path(get, path = "/api/v1/calls", tag = "calls", operation_id = "list_live_calls",
    responses((status = 200, description = "The oldest first", body = Listed)))]
pub async fn list(State(shared): State<Shared>, who: Principal) -> Response {
    let mut calls = shared.parts.calls.list();
    if let Some(inboxes) = who.inboxes() {
        calls.retain(|call| inboxes.contains(&call.inbox));
    }
    Json(Listed { calls }).into_response()
}

/// Joins a call: to listen, to whisper to its colleague, or to be heard by all. The caller is not told of one who listens.
#[utoipa::path(post, path = "/api/v1/calls/{id}/supervision", tag = "calls", operation_id = "supervise_call",
    params(("id" = CallId, Path, description = "The call")), request_body = Join,
    responses((status = 201, description = "The supervisor is being rung, or their browser connects", body = Joined)))]
pub async fn join(State(shared): State<Shared>, about: About<Join>) -> Result<Response, Problem> {
    let About { id, by, from, body: Join { mode, via, offer, .. } } = about;
    let (way, placed) = way(&shared, id, from, &via, offer).await?;
    let call = shared.parts.calls.order(id, by, Order::Join { way, mode }).await?;
    Ok(joined(StatusCode::CREATED, call, placed))
}

/// Takes part differently from now on.
#[utoipa::path(patch, path = "/api/v1/calls/{id}/supervision", tag = "calls", operation_id = "change_supervision",
    params(("id" = CallId, Path, description = "The call")), request_body = Change,
    responses((status = 200, description = "The call as it is now", body = LiveCall)))]
pub async fn change(State(shared): State<Shared>, about: About<Change>) -> Result<Response, Problem> {
    let order = Order::Change(about.body.mode);
    about.done(&shared, order).await
}

/// The supervisor leaves; the call goes on as it is.
#[utoipa::path(delete, path = "/api/v1/calls/{id}/supervision", tag = "calls", operation_id = "leave_call",
    params(("id" = CallId, Path, description = "The call")),
    responses((status = 200, description = "The call as it is now", body = LiveCall)))]
pub async fn leave(State(shared): State<Shared>, about: About<Acting>) -> Result<Response, Problem> {
    about.done(&shared, Order::Leave).await
}

/// Takes a call over from the agent, from those it rings, or from the person who has it. The caller is told in one
/// sentence, and the agent is silent until the call is handed back.
#[utoipa::path(post, path = "/api/v1/calls/{id}/take-over", tag = "calls", operation_id = "take_over_call",
    params(("id" = CallId, Path, description = "The call")), request_body = TakeOver,
    responses((status = 200, description = "The call as it is now", body = Joined)))]
pub async fn take_over(State(shared): State<Shared>, about: About<TakeOver>) -> Result<Response, Problem> {
    let About { id, by, from, body: TakeOver { via, offer, .. } } = about;
    let (way, placed) = match via {
        Some(via) => way(&shared, id, from, &via, offer).await.map(|(way, placed)| (Some(way), placed))?,
        None => (None, None),
    };
    let call = shared.parts.calls.order(id, by, Order::TakeOver(way)).await?;
    Ok(joined(StatusCode::OK, call, placed))
}

/// Gives a call back to the agent from the person who has it.
#[utoipa::path(post, path = "/api/v1/calls/{id}/hand-back", tag = "calls", operation_id = "hand_back_call",
    params(("id" = CallId, Path, description = "The call")), request_body = Acting,
    responses((status = 200, description = "The call as it is now", body = LiveCall)))]
pub async fn hand_back(State(shared): State<Shared>, about: About<Acting>) -> Result<Response, Problem> {
    about.done(&shared, Order::HandBack).await
}

/// Has the caller connected with somebody of the escalation policy, or by its ladder.
#[utoipa::path(post, path = "/api/v1/calls/{id}/transfer", tag = "calls", operation_id = "transfer_call",
    params(("id" = CallId, Path, description = "The call")), request_body = Transfer,
    responses((status = 200, description = "The call as it is now", body = LiveCall)))]
pub async fn transfer(State(shared): State<Shared>, about: About<Transfer>) -> Result<Response, Problem> {
    let to =
        about.body.to.clone().map(Target::try_from).transpose().map_err(|what| unprocessable(format!("{what}.")))?;
    about.done(&shared, Order::Transfer(to)).await
}

/// Ends a call: the caller is told in one sentence.
#[utoipa::path(post, path = "/api/v1/calls/{id}/end", tag = "calls", operation_id = "end_call",
    params(("id" = CallId, Path, description = "The call")), request_body = Acting,
    responses((status = 200, description = "The call as it is now", body = LiveCall)))]
pub async fn end(State(shared): State<Shared>, about: About<Acting>) -> Result<Response, Problem> {
    about.done(&shared, Order::End).await
}

/// A request about one call: which, in whose name, from where, and what it says. A body may be left out.
pub struct About<T> {
    id: CallId,
    by: String,
    from: IpAddr,
    body: T,
}

/// A body that may say in whose name a program acts.
pub trait Named {
    /// Who, if anybody is named.
    fn teammate(&mut self) -> Option<String>;
}

macro_rules! named {
    ($($body:ident),*) => {$(
        impl Named for $body {
            fn teammate(&mut self) -> Option<String> {
                self.teammate.take()
            }
        }
    )*};
}

named!(Join, Change, TakeOver, Transfer, Acting);

impl<T: DeserializeOwned + Named> FromRequest<Shared> for About<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<About<T>, Problem> {
        let (mut parts, body) = request.into_parts();
        let At(id) = At::from_request_parts(&mut parts, shared).await?;
        let Ok(who) = Principal::from_request_parts(&mut parts, shared).await;
        let peer = parts.extensions.get::<Peer>().map(|peer| peer.ip);
        let request = Request::from_parts(parts, body);
        let SentOrNothing(mut body) = SentOrNothing::<T>::from_request(request, shared).await?;
        // A person acts in their own name; a program may name whom it acts for.
        let by = acting(&body.teammate().unwrap_or_else(|| who.name().to_owned()));
        Ok(About { id, by, from: peer.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), body })
    }
}

impl<T> About<T> {
    async fn done(self, shared: &Shared, order: Order) -> Result<Response, Problem> {
        let call = shared.parts.calls.order(self.id, self.by, order).await?;
        Ok(Json(call).into_response())
    }
}

async fn way(
    shared: &Shared,
    id: CallId,
    from: IpAddr,
    via: &str,
    offer: Option<String>,
) -> Result<(Way, Option<Placed>), Problem> {
    let telephone = match via.split_once(':') {
        None if via == "browser" => None,
        Some(("phone", name)) if !name.is_empty() => Some(Telephone::Registered(name.to_owned())),
        Some(("person", id)) if !id.is_empty() => Some(Telephone::Person(id.to_owned())),
        _ => return Err(unprocessable("via is browser, phone:NAME or person:ID; a number cannot be named here.")),
    };
    if let Some(telephone) = telephone {
        return Ok((Way::Telephone(telephone), None));
    }
    let offer = offer.ok_or_else(|| unprocessable("By browser, send its session description as offer."))?;
    let browsers = shared.parts.browsers.get();
    let browsers = browsers.ok_or_else(|| Problem::busy("No calls from browsers are taken at present.", 5))?;
    let (_, leg) = shared.parts.calls.one(id)?;
    let (placed, call) = browsers.join(from, &offer, leg).await?;
    Ok((Way::Browser(Box::new(call)), Some(placed)))
}

fn joined(status: StatusCode, call: LiveCall, placed: Option<Placed>) -> Response {
    let media = placed.as_ref().map(|placed| format!("/api/v1/browser-calls/{}", placed.id));
    let etag = placed.as_ref().and_then(|placed| HeaderValue::from_str(&placed.etag).ok());
    let kept = Joined { call: call.clone(), answer: None, media: media.clone() };
    let kept = serde_json::to_value(kept).unwrap_or_default();
    let answer = placed.map(|placed| placed.answer);
    let mut response = (status, Json(Joined { call, answer, media })).into_response();
    // The answer holds what its browser proves itself by, which is nobody else's to read later.
    response.extensions_mut().insert(KeepInstead(kept));
    response.headers_mut().extend(etag.map(|etag| (header::ETAG, etag)));
    response
}

impl From<NotDone> for Problem {
    fn from(why: NotDone) -> Problem {
        let status = match why {
            NotDone::Unknown => StatusCode::NOT_FOUND,
            NotDone::NoWay | NotDone::NoSuchTelephone => StatusCode::UNPROCESSABLE_ENTITY,
            NotDone::Ended
            | NotDone::Occupied
            | NotDone::Nobody
            | NotDone::NoColleague
            | NotDone::NotReachable
            | NotDone::NotTaken
            | NotDone::NotNow
            | NotDone::NobodyFree => StatusCode::CONFLICT,
        };
        let text = why.to_string();
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        Problem::new(status, format!("{first}{}.", letters.as_str()))
    }
}
