//! Customers: who they are, where they can be reached, and who they may be the same as.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::asked::{At, Sent};
use super::body;
use super::principal::Principal;
use super::problem::Problem;
use crate::domain::contact::{Address, Contact};
use crate::domain::ids::ContactId;
use crate::seams::inbox_store::Filter;
use crate::seams::shown::ShownSummary;

/// Which customer goes into which.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ContactMerge)]
pub struct Merge {
    /// Left out by somebody who is signed in: it is them.
    #[serde(default)]
    teammate: String,
    into: ContactId,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ContactProfile)]
struct Profile<'a> {
    #[serde(flatten)]
    contact: ShownContact<'a>,
    /// Customers with an address in common; a teammate decides whether they are one.
    suggested: Vec<ShownContact<'a>>,
    /// The newest first.
    conversations: Vec<ShownSummary<'a>>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Contact)]
struct ShownContact<'a> {
    id: ContactId,
    name: Option<&'a str>,
    addresses: &'a [Address],
    created_at_ms: i64,
}

impl<'a> ShownContact<'a> {
    fn of(contact: &'a Contact) -> ShownContact<'a> {
        ShownContact {
            id: contact.id,
            name: contact.name.as_deref(),
            addresses: &contact.addresses,
            created_at_ms: contact.created_at.0,
        }
    }
}

/// One customer with their history.
#[utoipa::path(
    get, path = "/api/v1/contacts/{id}", operation_id = "read_contact", tag = "contacts",
    params(("id" = ContactId, Path, description = "The customer")),
    responses((status = 200, description = "The customer with their history", body = Profile))
)]
pub async fn one(State(shared): State<Shared>, who: Principal, At(id): At<ContactId>) -> Result<Response, Problem> {
    let store = &shared.parts.store;
    let contact = store.contact(id).await?.ok_or_else(|| Problem::not_found("contact"))?;
    // Who is suggested may have written to other inboxes alone.
    let suggested = match who.inboxes() {
        Some(_) => Vec::new(),
        None => store.suggested_contacts(id).await?,
    };
    let inboxes = who.inboxes().map(<[_]>::to_vec);
    let filter = Filter { contact: Some(id), inboxes, ..Filter::default() };
    let rows = store.conversations_by(&filter, None, HISTORY_MAX).await?;
    let profile = Profile {
        contact: ShownContact::of(&contact),
        suggested: suggested.iter().map(ShownContact::of).collect(),
        conversations: rows.iter().map(|(c, call)| ShownSummary::of(c, call.as_ref())).collect(),
    };
    Ok(Json(profile).into_response())
}

/// Joins one customer to another, with all their conversations.
#[utoipa::path(
    post, path = "/api/v1/contacts/{id}/merge", operation_id = "merge_contacts", tag = "contacts",
    params(("id" = ContactId, Path, description = "The customer")),
    request_body = Merge,
    responses((status = 200, description = "The customer that is left", body = ShownContact))
)]
pub async fn merge(
    State(shared): State<Shared>,
    At(id): At<ContactId>,
    Sent(asked): Sent<Merge>,
) -> Result<Response, Problem> {
    let teammate = body::teammate(&asked.teammate)?;
    let contact = shared.parts.messages.merge_contacts(id, asked.into).await?;
    tracing::info!(contact.id = %contact.id, teammate, "Two contacts were merged");
    Ok(Json(ShownContact::of(&contact)).into_response())
}

/// Older conversations are found by the list, filtered by contact.
const HISTORY_MAX: u32 = 50;
