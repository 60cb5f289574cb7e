//! Names, proxies and the bootstrap token, before there is an account.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::http::Request;
use switchboard::adapters::bus::LocalBus;
use switchboard::config::http::HttpConfig;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Peer, router};
use switchboard::seams::fakes::MemoryStore;
use tower::ServiceExt;

use crate::desk::{TOKEN, api};
use crate::samples;

type Lines<'a> = &'a [(&'static str, &'a str)];

async fn asked(peer: &str, lines: Lines<'_>, config: &HttpConfig) -> u16 {
    let agent = Arc::new(ArcSwap::from_pointee(samples::agent()));
    let bus = Arc::new(LocalBus::new(EpochMs(1)));
    let router = router(api(Arc::new(MemoryStore::default()), bus, agent, config.clone()));
    let mut request = Request::get("/api/v1/conversations");
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::empty()).unwrap();
    if let Ok(ip) = peer.parse::<IpAddr>() {
        request.extensions_mut().insert(Peer::connected(SocketAddr::new(ip, 40_000), false));
    }
    router.oneshot(request).await.unwrap().status().as_u16()
}

/// W5, R42: who comes in and who does not.
#[tokio::test]
async fn only_this_machine_comes_in_without_the_token() {
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
        assert_eq!(asked(peer, lines, &config).await, *expected, "{peer} {lines:?}");
    }
}

#[tokio::test]
async fn this_machine_needs_the_token_when_told_so() {
    let config = HttpConfig { loopback_needs_token: true, ..HttpConfig::default() };
    assert_eq!(asked("127.0.0.1", &[("host", "localhost")], &config).await, 401);
}

/// R46, W5: a proxy that is named tells who asks; others tell nothing, and a proxy is never this machine.
#[tokio::test]
async fn a_named_proxy_says_who_asks_and_nobody_else_does() {
    let bearer = format!("Bearer {TOKEN}");
    let config = HttpConfig {
        trusted_proxies: vec!["127.0.0.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap()],
        public_url: Some("https://desk.example.com".into()),
        ..HttpConfig::default()
    };
    let rows: &[(&str, Lines<'_>, u16)] = &[
        // Whoever comes by the proxy is not this machine, whatever it says or leaves out.
        ("127.0.0.1", &[("host", "localhost")], 401),
        ("127.0.0.1", &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], 401),
        ("10.0.0.7", &[("host", "localhost"), ("x-forwarded-for", "127.0.0.1")], 401),
        // The name that was called is looked at, not the proxy's name for us.
        (
            "127.0.0.1",
            &[("host", "127.0.0.1:8080"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-host", "evil.example")],
            421,
        ),
        (
            "127.0.0.1",
            &[
                ("host", "127.0.0.1:8080"),
                ("x-forwarded-for", "203.0.113.9"),
                ("x-forwarded-host", "desk.example.com"),
                ("authorization", &bearer),
            ],
            200,
        ),
        // The public name is one of ours without being listed.
        ("203.0.113.9", &[("host", "desk.example.com"), ("authorization", &bearer)], 200),
        // Somebody who is no proxy of ours.
        (
            "203.0.113.9",
            &[("host", "evil.example"), ("x-forwarded-for", "127.0.0.1"), ("x-forwarded-host", "desk.example.com")],
            421,
        ),
    ];
    for (peer, lines, expected) in rows {
        assert_eq!(asked(peer, lines, &config).await, *expected, "{peer} {lines:?}");
    }
}
