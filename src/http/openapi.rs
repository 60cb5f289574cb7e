//! The API's document (OpenAPI 3.1), made from the handlers themselves: a route that is served is described.

use utoipa::OpenApi;
use utoipa::openapi::{Content, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit;
use super::knowledge::{articles, gaps, imports, search};
use super::team::{account, people, session, tokens};
use super::{
    Shared, agents, attachments, calls, channels, contacts, conversations, deliveries, events, intake, recordings,
    saved, teamwork, tickets,
};

/// What the document says beside the paths.
#[derive(OpenApi)]
#[openapi(
    components(schemas(super::problem::Body)),
    info(
        title = "Switchboard",
        description = "The API of a support front desk. Refusals are application/problem+json and say what to do. \
                       Times end in _ms and count milliseconds since 1970 (UTC). Lists give the newest first and a \
                       next_cursor.",
    ),
    tags(
        (name = "conversations", description = "Cases and all that belongs to them"),
        (name = "teamwork", description = "What teammates do with a case"),
        (name = "calls", description = "Live calls: listening in, taking over, transferring and ending"),
        (name = "tickets", description = "Follow-ups, and calling customers back"),
        (name = "contacts", description = "Customers"),
        (name = "intake", description = "Messages from other programs, and ours to them"),
        (name = "channels", description = "Accounts beside the phone, and what went out by them"),
        (name = "agents", description = "Who answers, and what happens to what it cannot answer"),
        (name = "knowledge", description = "What is answered from, with its history, and what is missing"),
        (name = "team", description = "Accounts, sessions, tokens, and who changed what"),
        (name = "events", description = "What happens now"),
    )
)]
struct About;

/// All routes of the API, each with its description.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::with_openapi(About::openapi())
        .routes(routes!(agents::list))
        .routes(routes!(agents::escalation, agents::save_escalation))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::one))
        .routes(routes!(conversations::events))
        .routes(routes!(teamwork::write))
        .routes(routes!(teamwork::take_over))
        .routes(routes!(teamwork::release))
        .routes(routes!(teamwork::assign))
        .routes(routes!(teamwork::snooze))
        .routes(routes!(teamwork::resolve))
        .routes(routes!(teamwork::reopen))
        .routes(routes!(teamwork::tags))
        .routes(routes!(teamwork::merge))
        .routes(routes!(teamwork::split))
        .routes(routes!(teamwork::approve))
        .routes(routes!(teamwork::discard))
        .routes(routes!(saved::views, saved::save_view))
        .routes(routes!(saved::delete_view))
        .routes(routes!(saved::macros, saved::save_macro))
        .routes(routes!(saved::delete_macro))
        .routes(routes!(saved::run_macro))
        .routes(routes!(saved::look))
        .routes(routes!(contacts::one))
        .routes(routes!(contacts::merge))
        .routes(routes!(intake::accept))
        .routes(routes!(intake::replies))
        .routes(routes!(attachments::upload))
        .routes(routes!(attachments::take_in))
        .routes(routes!(attachments::one))
        .routes(routes!(channels::list, channels::add))
        .routes(routes!(channels::one, channels::change, channels::delete))
        .routes(routes!(channels::test))
        .routes(routes!(deliveries::list))
        .routes(routes!(deliveries::resend))
        .routes(routes!(tickets::one, tickets::change))
        .routes(routes!(tickets::call))
        .routes(routes!(recordings::one))
        .routes(routes!(calls::list))
        .routes(routes!(calls::join, calls::change, calls::leave))
        .routes(routes!(calls::take_over))
        .routes(routes!(calls::hand_back))
        .routes(routes!(calls::transfer))
        .routes(routes!(calls::end))
        .routes(routes!(articles::list, articles::create))
        .routes(routes!(articles::one, articles::edit, articles::delete))
        .routes(routes!(articles::revisions))
        .routes(routes!(articles::revision))
        .routes(routes!(articles::restore))
        .routes(routes!(imports::upload))
        .routes(routes!(imports::replace))
        .routes(routes!(imports::import))
        .routes(routes!(imports::refresh))
        .routes(routes!(search::preview))
        .routes(routes!(gaps::list))
        .routes(routes!(gaps::change))
        .routes(routes!(gaps::answer))
        .routes(routes!(gaps::proposals))
        .routes(routes!(session::needed, session::set_up))
        .routes(routes!(session::sign_in, session::me, session::sign_out))
        .routes(routes!(session::take_invitation))
        .routes(routes!(session::list))
        .routes(routes!(session::end))
        .routes(routes!(account::password))
        .routes(routes!(account::begin, account::confirm))
        .routes(routes!(account::off))
        .routes(routes!(people::list, people::invite))
        .routes(routes!(people::change))
        .routes(routes!(people::invite_again))
        .routes(routes!(people::end_sessions))
        .routes(routes!(tokens::list, tokens::make))
        .routes(routes!(tokens::delete))
        .routes(routes!(audit::list))
        .routes(routes!(events::stream))
}

/// The document.
pub fn document() -> utoipa::openapi::OpenApi {
    described(routes()).1
}

/// The routes with their document, in which every operation may be refused in the one form of refusals.
pub(super) fn described(routes: OpenApiRouter<Shared>) -> (axum::Router<Shared>, utoipa::openapi::OpenApi) {
    let (router, mut document) = routes.split_for_parts();
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let refusal = ResponseBuilder::new()
        .description("A refusal or failure that says what to do")
        .content("application/problem+json", content)
        .build();
    for path in document.paths.paths.values_mut() {
        let operations = [&mut path.get, &mut path.put, &mut path.post, &mut path.patch, &mut path.delete];
        for operation in operations.into_iter().flatten() {
            operation.responses.responses.insert("default".into(), refusal.clone().into());
        }
    }
    (router, document)
}
