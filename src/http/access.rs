//! Who may come in, and how far.
//!
//! 1. The name in `Host` must be one of ours. A page of somebody else's that points its own name at this machine
//!    (DNS rebinding) sends that name. Addresses are let through: only names can be rebound.
//! 2. What another site's page sends (`Sec-Fetch-Site`) is refused.
//! 3. Who it is: a token (`Authorization`), else a session (cookie; a change must also come from our own page), else,
//!    while there is no account, a program on this machine that asks for it by a loopback name. Signs of a proxy
//!    between (`Forwarded` and its kin, or a page served under another name) take the last one away.
//! 4. Whether they may: the table of [`permissions`], which names every endpoint.
//! 5. Whether the case is theirs to see, for those who see some inboxes alone.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::principal::Principal;
use super::problem::Problem;
use super::proxies::Peer;
use super::{Shared, audit, permissions, reach};
use crate::config::http::{Bootstrap, HttpConfig};
use crate::domain::team::Permission;
use crate::team::Team;

/// Lets a request through to the API, or refuses it.
pub async fn check(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match admitted(&shared, request).await {
        Ok((request, None)) => next.run(request).await,
        Ok((mut request, Some(who))) => {
            request.extensions_mut().insert(who.clone());
            let log = audit::Log::of(&who, &request);
            let response = who.asks(next.run(request)).await;
            log.write(&shared, response).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admitted(shared: &Shared, request: Request) -> Result<(Request, Option<Principal>), Problem> {
    let (mut parts, body) = request.into_parts();
    let name = ours(&parts.headers, &parts.uri, &shared.parts.config)?;
    refuse_other_sites(&parts.headers)?;
    let route = parts.extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let Some(asked) = permissions::asked(&parts.method, &route) else {
        // Whoever writes a new endpoint is told by a test; until then nobody uses it.
        return Err(Problem::new(StatusCode::FORBIDDEN, "This endpoint is open to nobody."));
    };
    let Some(permission) = asked.permission else {
        if !parts.method.is_safe() {
            from_our_page(&parts.headers, &shared.parts.config, None)?;
        }
        return Ok((Request::from_parts(parts, body), None));
    };
    let who = who(shared, &parts, name).await?;
    if permission != Permission::OwnAccount && !who.may(permission) {
        let word = serde_json::to_string(&permission).unwrap_or_default();
        let detail = format!("This needs the permission {word}; ask an admin for it.");
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    if let Some(inboxes) = who.inboxes() {
        reach::check(shared, &mut parts, asked.reach, inboxes).await?;
    }
    Ok((Request::from_parts(parts, body), Some(who)))
}

/// Who it is.
async fn who(shared: &Shared, parts: &Parts, name: Name) -> Result<Principal, Problem> {
    let (headers, config) = (&parts.headers, &shared.parts.config);
    let bootstraps = config.bootstrap == Bootstrap::Always || !shared.parts.team.has_anybody().await?;
    if let Some(presented) = presented(headers) {
        if bootstraps && same(presented, &shared.parts.token) {
            return Ok(Principal::Bootstrap);
        }
        let token = shared.parts.team.token(presented).await?;
        return token.map(|token| Principal::Token(Arc::new(token))).ok_or_else(|| nobody(true, bootstraps));
    }
    if let Some(cookie) = session_cookie(headers)
        && let Some(signed_in) = shared.parts.team.by_cookie(cookie).await?
    {
        if !parts.method.is_safe() {
            from_our_page(headers, config, Some(cookie))?;
        }
        return Ok(Principal::Teammate(Arc::new(signed_in)));
    }
    let here = parts.extensions.get::<Peer>().is_some_and(|peer| peer.direct && peer.ip.is_loopback());
    // Metrics hold nothing of anybody; what scrapes them on this machine goes on.
    let open = bootstraps || parts.uri.path() == "/metrics";
    if here && name == Name::Loopback && open && !config.loopback_needs_token && !passed_on(headers) {
        return Ok(Principal::ThisMachine);
    }
    Err(nobody(false, bootstraps))
}

fn nobody(token_given: bool, bootstraps: bool) -> Problem {
    metrics::counter!("switchboard_http_refused_total").increment(1);
    tracing::debug!(http.token_given = token_given, "A request was refused");
    let detail = match bootstraps {
        true => {
            "Send the bootstrap token as \"Authorization: Bearer …\"; it is in the file bootstrap-token of the data \
             folder."
        }
        false => "Sign in at /sign-in, or send an API token as \"Authorization: Bearer …\".",
    };
    Problem::new(StatusCode::UNAUTHORIZED, detail)
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"switchboard\""))
}

/// A change in the name of a browser's cookie comes from our own page: the browser says so (`Sec-Fetch-Site`,
/// `Origin`), or the request holds what only our page can know (W5). Without a cookie, only a foreign origin is
/// refused.
fn from_our_page(headers: &HeaderMap, config: &HttpConfig, cookie: Option<&str>) -> Result<(), Problem> {
    let refused = || {
        Problem::new(
            StatusCode::FORBIDDEN,
            "A change by cookie must come from this server's own page, or carry the csrf_token of GET /api/v1/session \
             as X-CSRF-Token.",
        )
    };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(origin) = text("origin") {
        return if is_our_origin(origin, headers, config) { Ok(()) } else { Err(refused()) };
    }
    let Some(cookie) = cookie else { return Ok(()) };
    let told = text("x-csrf-token").is_some_and(|told| same(told, &Team::csrf(cookie).into()));
    if told || text("sec-fetch-site") == Some("same-origin") { Ok(()) } else { Err(refused()) }
}

/// Whether a page of this origin is ours.
pub fn is_our_origin(origin: &str, headers: &HeaderMap, config: &HttpConfig) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    authority.is_some() && (authority == host || authority == config.public_authority())
}

/// Refuses whoever calls us by a name that is none of ours.
pub fn named_as_ours(headers: &HeaderMap, uri: &Uri, config: &HttpConfig) -> Result<(), Problem> {
    ours(headers, uri, config).map(drop)
}

/// The session's cookie, under either of its names.
pub fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE || *name == SECURE_COOKIE).map(|(_, value)| value)
}

/// The session's cookie over plain HTTP.
pub const COOKIE: &str = "switchboard_session";
/// The same over TLS, where a browser takes it from nobody but this very host.
pub const SECURE_COOKIE: &str = "__Host-switchboard_session";

/// For callers from browsers: everybody where that was configured, else as for the API.
pub async fn check_caller(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let is_open = shared.parts.browsers.get().is_some_and(|browsers| browsers.is_open_to_all());
    if !is_open {
        return check(State(shared), request, next).await;
    }
    let headers = request.headers();
    match ours(headers, request.uri(), &shared.parts.config).and_then(|_| refuse_other_sites(headers)) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// For the page itself, which holds nothing of anybody: the name alone is looked at.
pub async fn check_host(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match ours(request.headers(), request.uri(), &shared.parts.config) {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn refuse_other_sites(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site" || site == "same-site") {
        let detail = "Other websites may not read this; open it by its own address.";
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    Ok(())
}

/// How we were called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Loopback,
    Other,
}

fn ours(headers: &HeaderMap, uri: &Uri, config: &HttpConfig) -> Result<Name, Problem> {
    let refused = |detail: String| Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail));
    // An absolute target outranks the header (RFC 9112, section 3.2.2), and several headers are no name at all.
    let mut hosts = headers.get_all(header::HOST).iter();
    let named = match (uri.authority(), hosts.next(), hosts.next()) {
        (Some(authority), _, _) => Some(authority.as_str()),
        (None, Some(host), None) => host.to_str().ok(),
        (None, _, _) => None,
    };
    let Some(host) = named.and_then(host_of) else {
        return refused("Name the server in one Host header.".into());
    };
    if loopback(&host) {
        return Ok(Name::Loopback);
    }
    if host.parse::<IpAddr>().is_ok() || config.goes_by(&host) {
        return Ok(Name::Other);
    }
    refused(
        "This server does not go by that name; add it to http.allowed_hosts, set http.public_url, or use its address."
            .into(),
    )
}

/// The host of `host:port` or `[v6]:port`, in lower case.
fn host_of(authority: &str) -> Option<String> {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let plain =
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_'));
    plain.then(|| host.trim_end_matches('.').to_ascii_lowercase())
}

fn loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a proxy on this machine passed the request on from elsewhere.
fn passed_on(headers: &HeaderMap) -> bool {
    let marked = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"];
    let elsewhere = |name: header::HeaderName| {
        headers.get(name).is_some_and(|value| {
            let uri = value.to_str().ok().and_then(|text| text.parse::<Uri>().ok());
            // "null" and whatever cannot be read is not this machine either.
            !uri.as_ref()
                .and_then(|uri| uri.authority())
                .and_then(|at| host_of(at.as_str()))
                .is_some_and(|h| loopback(&h))
        })
    };
    marked.iter().any(|name| headers.contains_key(*name)) || elsewhere(header::ORIGIN) || elsewhere(header::REFERER)
}

/// The token of an `Authorization` header.
pub fn presented(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares digests, so that neither length nor content tells anything by the time it takes.
fn same(presented: &str, token: &SecretString) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(presented).ct_eq(&digest(token.expose_secret())).into()
}
