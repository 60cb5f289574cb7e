//! Tickets: where one stands, what is noted about it, and calling its customer back (R8).
//!
//! Whoever changes one names the version they read (`version` in the body, or `If-Match`); when it was changed meanwhile
//! the answer is 409 and nothing is changed.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::Shared;
use super::asked::{At, SentJson, version_read};
use super::body::unprocessable;
use super::problem::{Body as Refused, Problem, sentence};
use crate::domain::callback_number::CallbackNumber;
use crate::domain::escalation::Target;
use crate::domain::ids::TicketId;
use crate::domain::on_duty;
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::domain::time::EpochMs;
use crate::seams::bus::LiveKind;
use crate::seams::shown::ShownTicket;
use crate::seams::store::StoreError;
use crate::voice::call_back::{CallBackOrder, NotCalled};

/// What is to be different; what is not named stays.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TicketChange)]
pub struct Change {
    version: Option<i64>,
    status: Option<TicketStatus>,
    /// `null` takes the due time away.
    #[schema(value_type = Option<i64>)]
    #[serde(default, deserialize_with = "named")]
    due_at_ms: Option<Option<i64>>,
    notes: Option<String>,
}

fn named<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<i64>>, D::Error> {
    Option::<i64>::deserialize(value).map(Some)
}

/// Who speaks with the customer.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallBack {
    /// Who is rung first, as the policy writes it: `person:anna`, `rota:night`, or one of its telephones.
    teammate: String,
}

/// One ticket.
#[utoipa::path(
    get, path = "/api/v1/tickets/{id}", operation_id = "read_ticket", tag = "tickets",
    params(("id" = TicketId, Path, description = "The ticket")),
    responses((status = 200, description = "The ticket; its version is the ETag too", body = ShownTicket))
)]
pub async fn one(State(shared): State<Shared>, At(id): At<TicketId>) -> Result<Response, Problem> {
    Ok(shown(&stored(&shared, id).await?))
}

/// Changes status, due time and notes.
#[utoipa::path(
    patch, path = "/api/v1/tickets/{id}", operation_id = "change_ticket", tag = "tickets",
    params(("id" = TicketId, Path, description = "The ticket"),
           ("If-Match" = Option<String>, Header, description = "The version that was read, where the body names none")),
    request_body = Change,
    responses(
        (status = 200, description = "The ticket as it is now", body = ShownTicket),
        (status = 409, description = "It was changed meanwhile", body = Refused,
         content_type = "application/problem+json")
    )
)]
pub async fn change(
    State(shared): State<Shared>,
    At(id): At<TicketId>,
    headers: HeaderMap,
    SentJson(body): SentJson,
) -> Result<Response, Problem> {
    let ticket = stored(&shared, id).await?;
    let change: Change = read(body, CHANGE_FORM)?;
    if version_read(&headers, change.version, "version")? != ticket.version {
        return Err(changed_meanwhile());
    }
    let now = shared.parts.clock.epoch();
    let ticket = apply(change, ticket, now)?;
    let mut work = shared.parts.store.begin().await?;
    match work.save_ticket(&ticket).await {
        Err(StoreError::Conflict) => return Err(changed_meanwhile()),
        saved => saved?,
    }
    work.commit().await?;
    let ticket = Ticket { version: ticket.version + 1, ..ticket };
    let kind = LiveKind::Ticket { ticket: ShownTicket::json(&ticket) };
    shared.parts.bus.publish(now, ticket.conversation, kind);
    Ok(shown(&ticket))
}

fn apply(change: Change, mut ticket: Ticket, now: EpochMs) -> Result<Ticket, Problem> {
    let Change { version: _, status, due_at_ms, notes } = change;
    if status.is_none() && due_at_ms.is_none() && notes.is_none() {
        return Err(unprocessable(format!("There is nothing to change; send {CHANGE_FORM}.")));
    }
    if let Some(status) = status {
        ticket.status = status;
    }
    if let Some(due_at_ms) = due_at_ms {
        let is_near = |at: i64| (at - now.0).abs() <= DUE_WITHIN_MS;
        if due_at_ms.is_some_and(|at| !is_near(at)) {
            let detail = "due_at_ms is more than two years away; it is a moment in milliseconds since 1970.";
            return Err(unprocessable(detail));
        }
        ticket.due_at = due_at_ms.map(EpochMs);
    }
    if let Some(notes) = notes {
        if notes.chars().count() > NOTES_CHARS_MAX {
            return Err(unprocessable(format!("Notes hold at most {NOTES_CHARS_MAX} characters; shorten them.")));
        }
        ticket.notes = notes;
    }
    Ok(ticket)
}

/// Rings a teammate, who hears the summary, and then the customer. Answers at once with the call's id; what becomes of
/// it stands in the conversation.
#[utoipa::path(
    post, path = "/api/v1/tickets/{id}/call", operation_id = "call_back", tag = "tickets",
    params(("id" = TicketId, Path, description = "The ticket")),
    request_body = CallBack,
    responses((status = 202, description = "The call's id"))
)]
pub async fn call(
    State(shared): State<Shared>,
    At(id): At<TicketId>,
    SentJson(body): SentJson,
) -> Result<Response, Problem> {
    let ticket = stored(&shared, id).await?;
    let CallBack { teammate } = read(body, CALL_FORM)?;
    let answering = &shared.parts.answering;
    let policy = answering.agent.load().escalation.clone();
    let target = Target::try_from(teammate).map_err(|what| unprocessable(format!("{what}.")))?;
    let teammate = on_duty::named(&policy, &target, shared.parts.clock.epoch()).ok_or_else(|| {
        unprocessable(
            "The escalation policy names nobody like that, or nobody of that rota is on duty; name one of its people \
             or telephones, or add them there.",
        )
    })?;
    if let Some((what, remedy)) =
        teammate.destinations.iter().find_map(|target| answering.facts.refuses(target, &policy.allowed_prefixes))
    {
        return Err(unprocessable(format!("The teammate cannot be called: {what}; {remedy}.")));
    }
    if ticket.status == TicketStatus::Done {
        return Err(Problem::new(StatusCode::CONFLICT, "The ticket is done; open it again to call its customer."));
    }
    let customer = CallbackNumber::of(&ticket, &policy, &answering.facts)
        .map_err(|problem| unprocessable("The customer cannot be called.").because(vec![problem]))?;
    let view = shared.parts.store.conversation(ticket.conversation).await?;
    let conversation = view.ok_or_else(|| Problem::not_found("conversation"))?.conversation;
    let summary = conversation.summary.clone().unwrap_or_else(|| ticket.reason.clone());
    let order = CallBackOrder { ticket, conversation, teammate, customer, summary };
    match shared.parts.calls_back.call_back(order) {
        Ok(call) => Ok((StatusCode::ACCEPTED, Json(serde_json::json!({"call": call}))).into_response()),
        Err(reason @ (NotCalled::NotReady | NotCalled::Stopping)) => {
            Err(Problem::busy(sentence(&reason.to_string()), 2))
        }
        Err(NotCalled::TooOften) => {
            Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, sentence(&NotCalled::TooOften.to_string())))
        }
    }
}

async fn stored(shared: &Shared, id: TicketId) -> Result<Ticket, Problem> {
    shared.parts.store.ticket(id).await?.ok_or_else(|| Problem::not_found("ticket"))
}

fn shown(ticket: &Ticket) -> Response {
    let tag = HeaderValue::from_str(&format!("\"{}\"", ticket.version));
    let mut response = Json(ShownTicket::json(ticket)).into_response();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn changed_meanwhile() -> Problem {
    let detail = "The ticket was changed meanwhile; read it again and make the change upon that.";
    Problem::new(StatusCode::CONFLICT, detail)
}

fn read<T: DeserializeOwned>(body: serde_json::Value, form: &str) -> Result<T, Problem> {
    serde_json::from_value(body).map_err(|error| unprocessable(format!("{error}; send {form}.")))
}

const CHANGE_FORM: &str = "{\"version\": 3} with \"status\" (\"pending\", \"in_progress\" or \"done\"), \"due_at_ms\" or \
                           \"notes\"";
const CALL_FORM: &str = "{\"teammate\": \"person:anna\"}, or a rota or telephone of the escalation policy";
/// Notes are read beside a conversation; whoever needs more writes a document.
const NOTES_CHARS_MAX: usize = 10_000;
/// Two years: beyond that it was seconds or a slip.
const DUE_WITHIN_MS: i64 = 2 * 366 * 24 * 60 * 60 * 1000;
