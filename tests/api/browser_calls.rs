//! Placing calls over HTTP as browsers do (WHIP, RFC 9725), with the real port and media behind it: forms, limits, who
//! may call, restarts and hanging up (R1, R42, W5).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use reqwest::{Client, Method, Response};
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::media_node::Node;
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::config::browser::BrowserConfig;
use switchboard::config::http::HttpConfig;
use switchboard::config::media::MediaConfig;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Parts, Server, router};
use switchboard::seams::browser::BrowserCalls;
use switchboard::seams::fakes::MemoryStore;
use switchboard::seams::signaling::{DialogEvent, EndedBy, IncomingCall};
use switchboard::webrtc::{BrowserParts, Browsers};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::desk::{TOKEN, api};
use crate::samples;

const CALLS: &str = "/api/v1/browser-calls";
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

struct Running {
    address: SocketAddr,
    incoming: mpsc::Receiver<IncomingCall>,
    browsers: Arc<Browsers>,
    client: Client,
    _node: Arc<Node>,
    _ends: DropGuard,
}

async fn running(change: impl FnOnce(&mut BrowserConfig, &mut HttpConfig)) -> Running {
    let mut browser = BrowserConfig { listen: "127.0.0.1:0".parse().unwrap(), ..BrowserConfig::default() };
    let mut http = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    change(&mut browser, &mut http);
    let node = Arc::new(Node::start(&MediaConfig { shards: 1, legs_max: 8, ..MediaConfig::default() }).unwrap());
    let parts =
        BrowserParts { config: browser, media: node.clone(), clock: Arc::new(SystemClock), ids: Arc::new(SystemIds) };
    let (browsers, incoming) = Browsers::start(parts).unwrap();
    let browsers = Arc::new(browsers);
    let door: Arc<OnceLock<Arc<dyn BrowserCalls>>> = Arc::default();
    let _ = door.set(browsers.clone());
    let shutdown = CancellationToken::new();
    let server = Server::bind(&http, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let agent = Arc::new(arc_swap::ArcSwap::from_pointee(samples::agent()));
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let parts =
        Parts { browsers: door, shutdown: shutdown.clone(), ..api(Arc::new(MemoryStore::default()), bus, agent, http) };
    tokio::spawn(server.run(router(parts), shutdown.clone()));
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    Running { address, incoming, browsers, client, _node: node, _ends: shutdown.drop_guard() }
}

impl Running {
    async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        let mut request = self.client.request(method, format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(body.to_owned()).send().await.unwrap()
    }

    async fn place(&self) -> Response {
        self.send(Method::POST, CALLS, &[("content-type", SDP)], &offer()).await
    }
}

fn offer() -> String {
    let fingerprint = vec!["AB"; 32].join(":");
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
         m=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\n\
         a=ice-pwd:0123456789abcdefghijklmn\r\na=fingerprint:sha-256 {fingerprint}\r\na=setup:actpass\r\na=mid:0\r\n\
         a=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n"
    )
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn an_offer_is_answered_and_the_call_rings() {
    let mut running = running(|browser, _| browser.ice_servers = vec!["stun:stun.example.com:3478".into()]).await;
    let response = running.place().await;
    assert_eq!(response.status(), 201);
    assert_eq!(header(&response, "content-type"), SDP);
    assert_eq!(header(&response, "accept-patch"), FRAGMENT);
    assert_eq!(header(&response, "link"), "<stun:stun.example.com:3478>; rel=\"ice-server\"");
    assert!(header(&response, "etag").starts_with('"'));
    let location = header(&response, "location").to_owned();
    let answer = response.text().await.unwrap();
    assert!(answer.contains(&format!("{} typ host", running.browsers.local_addr().port())), "{answer}");
    let mut call = running.incoming.recv().await.unwrap();
    assert_eq!(call.info.trunk, "browser");

    let response = running.send(Method::DELETE, &location, &[], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(call.events.recv().await, Some(DialogEvent::Ended(EndedBy::FarEnd)));
    assert_eq!(running.send(Method::DELETE, &location, &[], "").await.status(), 404);
}

#[tokio::test]
async fn a_restart_is_answered_with_new_credentials_and_a_candidate_with_nothing() {
    let mut running = running(|_, _| {}).await;
    let response = running.place().await;
    let (location, etag) = (header(&response, "location").to_owned(), header(&response, "etag").to_owned());
    let _call = running.incoming.recv().await.unwrap();
    let candidate = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdefghijklmn\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n\
                     a=mid:0\r\na=candidate:1 1 udp 2 192.0.2.1 5 typ host\r\n";
    let patch =
        async |headers: &[(&str, &str)], body: &str| running.send(Method::PATCH, &location, headers, body).await;
    let kind = ("content-type", FRAGMENT);
    assert_eq!(patch(&[kind, ("if-match", &etag)], candidate).await.status(), 204);
    assert_eq!(patch(&[kind], candidate).await.status(), 428);
    assert_eq!(patch(&[kind, ("if-match", "\"another\"")], candidate).await.status(), 412);
    assert_eq!(patch(&[("content-type", SDP), ("if-match", "*")], candidate).await.status(), 415);
    assert_eq!(patch(&[kind, ("if-match", "*")], "hello").await.status(), 400);

    let restart = candidate.replace("abcd", "efgh");
    let response = patch(&[kind, ("if-match", "*")], &restart).await;
    assert_eq!(response.status(), 200);
    let renewed = header(&response, "etag").to_owned();
    assert_ne!(renewed, etag);
    assert!(response.text().await.unwrap().contains("a=ice-ufrag:"));
    // The same again is no second restart.
    assert_eq!(patch(&[kind, ("if-match", &renewed)], &restart).await.status(), 204);
}

#[tokio::test]
async fn what_cannot_be_answered_is_told_why() {
    let running = running(|_, _| {}).await;
    let post = async |kind: &str, body: &str| {
        running.send(Method::POST, CALLS, &[("content-type", kind)], body).await.status().as_u16()
    };
    assert_eq!(post("application/json", &offer()).await, 415);
    assert_eq!(post(SDP, "hello").await, 406);
    assert_eq!(post(SDP, &offer().replace("opus", "G729")).await, 406);
    assert_eq!(post(SDP, &offer().replace("sha-256", "sha-1")).await, 406);
    assert_eq!(post(SDP, &format!("{}a=x:{}\r\n", offer(), "y".repeat(70_000))).await, 413);
    assert_eq!(running.send(Method::DELETE, &format!("{CALLS}/none"), &[], "").await.status(), 400);
}

/// Calls at once, and calls of one address within a minute.
#[tokio::test]
async fn there_are_as_many_lines_as_configured() {
    let mut busy = running(|browser, _| browser.calls_max = 1).await;
    assert_eq!(busy.place().await.status(), 201);
    let call = busy.incoming.recv().await.unwrap();
    let refused = busy.place().await;
    assert_eq!(refused.status(), 503);
    assert!(!header(&refused, "retry-after").is_empty());
    // Whoever took the call lets go of it: the line is free again.
    drop(call);
    assert_eq!(busy.place().await.status(), 201);

    let often = running(|browser, _| browser.calls_per_minute = 1).await;
    assert_eq!(often.place().await.status(), 201);
    assert_eq!(often.place().await.status(), 429);

    let ending = running(|_, _| {}).await;
    ending.browsers.drain();
    assert_eq!(ending.place().await.status(), 503);
}

/// R42, W5: strangers call only where that was configured; other websites never.
#[tokio::test]
async fn who_may_call_is_configured() {
    let closed = running(|_, http| http.loopback_needs_token = true).await;
    assert_eq!(closed.place().await.status(), 401);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("content-type", SDP), ("authorization", bearer.as_str())];
    assert_eq!(closed.send(Method::POST, CALLS, &headers, &offer()).await.status(), 201);

    let open = running(|browser, http| {
        browser.open_to_all = true;
        http.loopback_needs_token = true;
    })
    .await;
    assert_eq!(open.place().await.status(), 201);
    assert_eq!(open.send(Method::GET, "/api/v1/conversations", &[], "").await.status(), 401);
    let headers = [("content-type", SDP), ("sec-fetch-site", "cross-site")];
    assert_eq!(open.send(Method::POST, CALLS, &headers, &offer()).await.status(), 403);
}

#[tokio::test]
async fn the_pages_from_which_one_calls_alone_may_ask_for_the_microphone() {
    let running = running(|_, _| {}).await;
    for path in ["/call", "/support"] {
        let page = running.send(Method::GET, path, &[], "").await;
        assert!(header(&page, "permissions-policy").contains("microphone=(self)"));
        assert!(header(&page, "content-security-policy").contains("script-src 'self'"));
    }
    let other = running.send(Method::GET, "/call.js", &[], "").await;
    assert!(header(&other, "permissions-policy").contains("microphone=()"));
}
