//! Who may come in, until accounts exist.
//!
//! 1. The name in `Host` must be one of ours. A page of somebody else's that points its own name at this machine
//!    (DNS rebinding) sends that name. Addresses are let through: only names can be rebound.
//! 2. What another site's page sends (`Sec-Fetch-Site`) is refused.
//! 3. A program on this machine that asks for it by a loopback name comes in. Signs of a proxy between
//!    (`Forwarded` and its kin, or a page served under another name) take that away.
//! 4. Anybody else needs the bootstrap token.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Shared;
use super::principal::Principal;
use super::problem::Problem;
use crate::config::http::HttpConfig;

/// The address at the other end of the connection; put into each request by the server.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Lets a request through to the API, or refuses it.
pub async fn check(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let parts = &shared.parts;
    match admit(peer, request.headers(), request.uri(), &parts.token, &parts.config) {
        Ok(who) => {
            request.extensions_mut().insert(who);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

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

fn admit(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    uri: &Uri,
    token: &SecretString,
    config: &HttpConfig,
) -> Result<Principal, Problem> {
    let host = ours(headers, uri, config)?;
    refuse_other_sites(headers)?;
    let here = peer.is_some_and(|ip| ip.to_canonical().is_loopback());
    if here && host == Name::Loopback && !config.loopback_needs_token && !passed_on(headers) {
        return Ok(Principal::ThisMachine);
    }
    match presented(headers) {
        Some(presented) if same(presented, token) => Ok(Principal::Bootstrap),
        presented => {
            metrics::counter!("switchboard_http_refused_total").increment(1);
            tracing::debug!(http.token_given = presented.is_some(), "A request was refused");
            Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "Send the bootstrap token as \"Authorization: Bearer …\"; it is in the file bootstrap-token of the \
                 data folder.",
            )
            .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"switchboard\"")))
        }
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
#[derive(Debug, PartialEq, Eq)]
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
    if host.parse::<IpAddr>().is_ok() || config.allowed_hosts.iter().any(|ours| ours.eq_ignore_ascii_case(&host)) {
        return Ok(Name::Other);
    }
    refused("This server does not go by that name; add it to http.allowed_hosts, or use its address.".into())
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

fn presented(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Compares digests, so that neither length nor content tells anything by the time it takes.
fn same(presented: &str, token: &SecretString) -> bool {
    let digest = |text: &str| Sha256::digest(text.as_bytes());
    digest(presented).ct_eq(&digest(token.expose_secret())).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "a-token-that-is-long-enough";

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn asked(peer: &str, lines: Lines<'_>, config: &HttpConfig) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let answer =
            admit(peer.parse().ok(), &headers, &Uri::from_static("/api/v1/conversations"), &TOKEN.into(), config);
        answer.map_or_else(|problem| problem.into_response().status().as_u16(), |_| 200)
    }

    /// W5, R42: who comes in and who does not.
    #[test]
    fn only_this_machine_comes_in_without_the_token() {
        let bearer = format!("Bearer {TOKEN}");
        let config = HttpConfig { allowed_hosts: vec!["desk.example.com".into()], ..HttpConfig::default() };
        let rows: &[(&str, Lines<'_>, u16)] = &[
            ("127.0.0.1", &[("host", "localhost:8080")], 200),
            ("127.0.0.1", &[("host", "LOCALHOST.")], 200),
            ("::1", &[("host", "[::1]:8080")], 200),
            ("::ffff:127.0.0.1", &[("host", "127.0.0.1:8080")], 200),
            ("127.0.0.1", &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080")], 200),
            // Somebody else's name on our address: DNS rebinding, with and without the token.
            ("127.0.0.1", &[("host", "evil.example")], 421),
            ("127.0.0.1", &[("host", "evil.example"), ("authorization", &bearer)], 421),
            ("127.0.0.1", &[("host", "localhost.evil.example")], 421),
            ("127.0.0.1", &[("host", "127.0.0.1.evil.example")], 421),
            ("127.0.0.1", &[("host", "localhost@evil.example")], 421),
            ("127.0.0.1", &[("host", "localhost"), ("host", "evil.example")], 421),
            ("127.0.0.1", &[], 421),
            // Another site's page in a browser on this machine.
            ("127.0.0.1", &[("host", "localhost"), ("sec-fetch-site", "cross-site")], 403),
            ("127.0.0.1", &[("host", "localhost"), ("origin", "https://evil.example")], 401),
            ("127.0.0.1", &[("host", "localhost"), ("origin", "null")], 401),
            // A proxy on this machine.
            ("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "203.0.113.9")], 401),
            ("127.0.0.1", &[("host", "localhost"), ("forwarded", "for=203.0.113.9")], 401),
            ("127.0.0.1", &[("host", "127.0.0.1:8080"), ("referer", "https://desk.example.com/")], 401),
            ("127.0.0.1", &[("host", "desk.example.com")], 401),
            ("127.0.0.1", &[("host", "desk.example.com"), ("authorization", &bearer)], 200),
            // From elsewhere.
            ("192.0.2.7", &[("host", "localhost")], 401),
            ("192.0.2.7", &[("host", "192.0.2.1:8080")], 401),
            ("192.0.2.7", &[("host", "192.0.2.1:8080"), ("authorization", &bearer)], 200),
            ("192.0.2.7", &[("host", "192.0.2.1"), ("authorization", "Bearer wrong")], 401),
            ("192.0.2.7", &[("host", "192.0.2.1"), ("authorization", "Basic YTpi")], 401),
            ("nowhere", &[("host", "localhost")], 401),
        ];
        for (peer, lines, expected) in rows {
            assert_eq!(asked(peer, lines, &config), *expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn this_machine_needs_the_token_when_told_so() {
        let config = HttpConfig { loopback_needs_token: true, ..HttpConfig::default() };
        assert_eq!(asked("127.0.0.1", &[("host", "localhost")], &config), 401);
    }
}
