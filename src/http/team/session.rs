//! Signing in and out, the first account, and taking an invitation.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::super::Shared;
use super::super::access::{COOKIE, SECURE_COOKIE};
use super::super::asked::{At, Sent};
use super::super::body;
use super::super::principal::Own;
use super::super::problem::Problem;
use super::super::proxies::Peer;
use super::people::ShownTeammate;
use crate::domain::ids::SessionId;
use crate::domain::team::{Session, Teammate};
use crate::team::{Credentials, NewOwner, Team};

/// The first account.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    /// The secret of the set-up link that the server printed.
    link: String,
    name: String,
    email: String,
    /// Of 12 to 200 characters.
    password: String,
}

/// Who signs in.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    email: String,
    password: String,
    /// Six digits, or a recovery code, where the second factor is on.
    code: Option<String>,
}

/// A password for an invitation.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationTaken {
    /// The secret of the link.
    link: String,
    /// Of 12 to 200 characters.
    password: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct SetUpState {
    /// Whether there is no account yet.
    needed: bool,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = SignedIn)]
struct Me {
    teammate: ShownTeammate,
    session: SessionId,
    /// Send it back as `X-CSRF-Token` with each change.
    csrf_token: String,
}

#[derive(Serialize, utoipa::ToSchema)]
struct Sessions {
    /// The newest first.
    sessions: Vec<ShownSession>,
}

#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Session)]
struct ShownSession {
    id: SessionId,
    created_at_ms: i64,
    expires_at_ms: i64,
    from: String,
    browser: String,
    /// Whether it is the one that asks.
    current: bool,
}

/// Whether the first account is still to be made.
#[utoipa::path(get, path = "/api/v1/setup", tag = "team", operation_id = "read_setup",
    responses((status = 200, description = "Whether it is needed", body = SetUpState)))]
pub async fn needed(State(shared): State<Shared>) -> Result<Response, Problem> {
    let needed = !shared.parts.team.has_anybody().await?;
    Ok(Json(SetUpState { needed }).into_response())
}

/// Makes the first account, by the link that the server printed, and signs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "team", request_body = SetUp, operation_id = "set_up",
    responses((status = 201, description = "Made, and signed in by cookie", body = Me)))]
pub async fn set_up(
    State(shared): State<Shared>,
    from: From,
    Sent(SetUp { link, name, email, password }): Sent<SetUp>,
) -> Result<Response, Problem> {
    let name = body::name("name", &name)?;
    let owner = shared.parts.team.set_up(&link, NewOwner { name, email, password }).await?;
    tracing::info!(teammate.id = %owner.id, "The first account was made");
    let shown = serde_json::to_value(ShownTeammate::of(&owner)).unwrap_or_default();
    let team = &shared.parts.team;
    team.audit("set-up link", "POST /api/v1/setup".into(), "/api/v1/setup".into(), serde_json::Value::Null, shown)
        .await?;
    begun(&shared, &from, owner, StatusCode::CREATED).await
}

/// Signs in: the session is a cookie that no script can read.
#[utoipa::path(post, path = "/api/v1/session", tag = "team", request_body = SignIn, operation_id = "sign_in",
    responses((status = 200, description = "Signed in by cookie", body = Me)))]
pub async fn sign_in(State(shared): State<Shared>, from: From, Sent(asked): Sent<SignIn>) -> Result<Response, Problem> {
    let given = Credentials {
        email: &asked.email,
        password: &asked.password,
        code: asked.code.as_deref(),
        from: &from.address(),
        browser: from.browser(),
    };
    let (who, cookie) = shared.parts.team.sign_in(&given).await?;
    Ok(with_cookie(&shared, &from, &who.teammate, &who.session, &cookie, StatusCode::OK))
}

/// Takes an invitation: the password is chosen, earlier sessions end, and a new one begins.
#[utoipa::path(post, path = "/api/v1/invitation", tag = "team", request_body = InvitationTaken,
    operation_id = "take_invitation",
    responses((status = 200, description = "Signed in by cookie", body = Me)))]
pub async fn take_invitation(
    State(shared): State<Shared>,
    from: From,
    Sent(InvitationTaken { link, password }): Sent<InvitationTaken>,
) -> Result<Response, Problem> {
    let teammate = shared.parts.team.take_invitation(&link, &password).await?;
    if teammate.second_factor.as_ref().is_some_and(|factor| factor.confirmed) {
        let detail = "The password is set; now sign in with it and your code.";
        return Err(Problem::new(StatusCode::UNAUTHORIZED, detail));
    }
    begun(&shared, &from, teammate, StatusCode::OK).await
}

/// Who is signed in.
#[utoipa::path(get, path = "/api/v1/session", tag = "team", operation_id = "read_session",
    responses((status = 200, description = "Who, and what a page sends back with each change", body = Me)))]
pub async fn me(Own(who): Own, headers: HeaderMap) -> Result<Response, Problem> {
    let cookie = super::super::access::session_cookie(&headers).unwrap_or_default();
    Ok(Json(Me::of(&who.teammate, &who.session, cookie)).into_response())
}

/// Signs out: the session ends.
#[utoipa::path(delete, path = "/api/v1/session", tag = "team", operation_id = "sign_out",
    responses((status = 204, description = "Signed out")))]
pub async fn sign_out(State(shared): State<Shared>, Own(who): Own) -> Result<Response, Problem> {
    shared.parts.team.end_session(who.teammate.id, who.session.id).await?;
    let gone = format!("{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    let header = HeaderValue::from_str(&gone).map_err(|_| Problem::not_found("session"))?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, header)]).into_response())
}

/// One's own sessions.
#[utoipa::path(get, path = "/api/v1/sessions", tag = "team", operation_id = "list_sessions",
    responses((status = 200, description = "The newest first", body = Sessions)))]
pub async fn list(State(shared): State<Shared>, Own(who): Own) -> Result<Response, Problem> {
    let sessions = shared.parts.team.sessions(who.teammate.id).await?;
    let shown = |session: Session| ShownSession {
        id: session.id,
        created_at_ms: session.created_at.0,
        expires_at_ms: session.expires_at.0,
        current: session.id == who.session.id,
        from: session.from,
        browser: session.browser,
    };
    Ok(Json(Sessions { sessions: sessions.into_iter().map(shown).collect() }).into_response())
}

/// Ends one of one's own sessions.
#[utoipa::path(delete, path = "/api/v1/sessions/{id}", tag = "team", operation_id = "end_session",
    params(("id" = SessionId, Path, description = "The session")),
    responses((status = 204, description = "It is over")))]
pub async fn end(State(shared): State<Shared>, Own(who): Own, At(id): At<SessionId>) -> Result<Response, Problem> {
    shared.parts.team.end_session(who.teammate.id, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Where a request comes from.
pub struct From {
    headers: HeaderMap,
    peer: Option<Peer>,
}

impl From {
    fn browser(&self) -> &str {
        self.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default()
    }

    fn address(&self) -> String {
        self.peer.map(|peer| peer.ip.to_string()).unwrap_or_default()
    }

    /// Over TLS: with us or a proxy of ours, by configuration, or by what the browser's own page says.
    fn is_secure(&self, shared: &Shared) -> bool {
        let configured = shared.parts.config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        let origin = self.headers.get(header::ORIGIN).and_then(|origin| origin.to_str().ok());
        self.peer.is_some_and(|peer| peer.secure)
            || configured
            || origin.is_some_and(|origin| origin.starts_with("https://"))
    }
}

impl<S: Sync> axum::extract::FromRequestParts<S> for From {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, _: &S) -> Result<From, Self::Rejection> {
        Ok(From { headers: parts.headers.clone(), peer: parts.extensions.get().copied() })
    }
}

async fn begun(shared: &Shared, from: &From, teammate: Teammate, status: StatusCode) -> Result<Response, Problem> {
    let (who, cookie) = shared.parts.team.begin_session(teammate, &from.address(), from.browser()).await?;
    Ok(with_cookie(shared, from, &who.teammate, &who.session, &cookie, status))
}

fn with_cookie(
    shared: &Shared,
    from: &From,
    teammate: &Teammate,
    session: &Session,
    cookie: &str,
    status: StatusCode,
) -> Response {
    let seconds = (session.expires_at.0 - session.created_at.0) / 1_000;
    let line = match from.is_secure(shared) {
        true => format!("{SECURE_COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; Secure; SameSite=Lax"),
        false => format!("{COOKIE}={cookie}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax"),
    };
    let mut response = (status, Json(Me::of(teammate, session, cookie))).into_response();
    if let Ok(line) = HeaderValue::from_str(&line) {
        response.headers_mut().insert(header::SET_COOKIE, line);
    }
    response
}

impl Me {
    fn of(teammate: &Teammate, session: &Session, cookie: &str) -> Me {
        Me { teammate: ShownTeammate::of(teammate), session: session.id, csrf_token: Team::csrf(cookie) }
    }
}
