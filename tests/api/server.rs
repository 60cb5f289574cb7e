//! The API over a real connection: shape, access, limits, ranges and the live stream (R7, R42, R44, W5).

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use futures::StreamExt;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::config::http::HttpConfig;
use switchboard::domain::call::Recording;
use switchboard::domain::conversation::Conversation;
use switchboard::domain::ids::ConversationId;
use switchboard::domain::time::EpochMs;
use switchboard::http::{Parts, Readiness, Server, router};
use switchboard::seams::bus::{Bus, LiveKind};
use switchboard::seams::fakes::MemoryStore;
use switchboard::seams::store::Store;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::desk::{TOKEN, api};
use crate::samples;

struct Running {
    store: MemoryStore,
    bus: Arc<LocalBus>,
    readiness: Readiness,
    address: SocketAddr,
    recordings: tempfile::TempDir,
    client: Client,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    _ends: DropGuard,
}

impl Running {
    async fn get(&self, path: &str) -> Response {
        self.with(path, &[]).await
    }

    async fn with(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        self.client.get(format!("http://{}{path}", self.address)).headers(map).send().await.unwrap()
    }

    /// What comes back for bytes as they are, until the server ends the connection.
    async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A reset after the answer is an end too.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}

async fn running() -> Running {
    running_with(|_| {}).await
}

async fn running_with(change: impl FnOnce(&mut HttpConfig)) -> Running {
    let mut config = HttpConfig { listen: "127.0.0.1:0".parse().unwrap(), ..HttpConfig::default() };
    change(&mut config);
    let store = MemoryStore::default();
    let bus = Arc::new(LocalBus::new(EpochMs(1_000)));
    let readiness = Readiness::waiting_for(&["store", "speech"]);
    let recordings = tempfile::tempdir().unwrap();
    let shutdown = CancellationToken::new();
    let server = Server::bind(&config, Path::new("acme")).await.unwrap();
    let address = server.address().unwrap();
    let agent = Arc::new(arc_swap::ArcSwap::from_pointee(samples::agent()));
    let parts = Parts {
        readiness: readiness.clone(),
        metrics: Arc::new(|| "switchboard_build_info 1\n".into()),
        recordings_dir: recordings.path().into(),
        shutdown: shutdown.clone(),
        ..api(Arc::new(store.clone()), bus.clone(), agent, config)
    };
    let served = tokio::spawn(server.run(router(parts), shutdown.clone()));
    // The client wants one even where nothing is encrypted; another test may have installed it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let _ends = shutdown.clone().drop_guard();
    Running { store, bus, readiness, address, recordings, client, shutdown, served, _ends }
}

async fn problem(response: Response, status: u16) -> String {
    assert_eq!(response.status().as_u16(), status);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    body["detail"].as_str().unwrap().to_string()
}

/// A conversation with everything, and its recording of 1,000 bytes.
async fn full_case(running: &Running) -> (Conversation, Recording) {
    let (agent, inbox) = samples::seeded(&running.store).await;
    let conversation = samples::conversation(agent.id, inbox, 1_000);
    let call = samples::call(conversation.id, 1_000);
    let recording = samples::recording(call.id, 1_003);
    let mut unit = running.store.begin().await.unwrap();
    unit.insert_conversation(&conversation).await.unwrap();
    unit.insert_message(&samples::message(conversation.id, 1_001)).await.unwrap();
    unit.save_call(&call).await.unwrap();
    unit.save_attempt(&samples::attempt(call.id, 1_002)).await.unwrap();
    unit.save_recording(&recording).await.unwrap();
    unit.save_ticket(&samples::ticket(conversation.id, 1_004)).await.unwrap();
    unit.commit().await.unwrap();
    let bytes: Vec<u8> = (0..1_000u32).map(|n| n as u8).collect();
    std::fs::write(running.recordings.path().join(&recording.file), bytes).unwrap();
    (conversation, recording)
}

/// R44: 200 only once calls can be taken; before and while draining, what is missing.
#[tokio::test]
async fn health_tells_what_is_missing_until_calls_can_be_taken() {
    let running = running().await;
    running.readiness.ready("store");
    running.readiness.missing("speech", "the models are being fetched");
    let response = running.get("/health").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["missing"], json!([{ "part": "speech", "why": "the models are being fetched" }]));
    running.readiness.ready("speech");
    assert_eq!(running.get("/health").await.status(), StatusCode::OK);
    running.readiness.draining();
    let response = running.get("/health").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.json::<Value>().await.unwrap()["status"], "draining");
}

/// R44: a store that cannot be written to takes the desk out of service, and back in once it can.
#[tokio::test]
async fn a_store_that_cannot_be_written_to_is_not_ready() {
    let store = MemoryStore::default();
    let readiness = Readiness::waiting_for(&["store"]);
    let ends = CancellationToken::new();
    let period = std::time::Duration::from_millis(5);
    tokio::spawn(switchboard::http::watch_store(Arc::new(store.clone()), readiness.clone(), period, ends.clone()));
    let _ends = ends.drop_guard();
    for broken in [false, true, false] {
        store.break_writes(broken);
        while readiness.is_ready() == broken {
            tokio::task::yield_now().await;
        }
    }
}

/// R7: the whole conversation, in the promised form.
#[tokio::test]
async fn a_conversation_is_shown_whole() {
    let running = running().await;
    let (conversation, recording) = full_case(&running).await;
    let body: Value = running.get(&format!("/api/v1/conversations/{}", conversation.id)).await.json().await.unwrap();
    assert_eq!(body["id"], conversation.id.to_string());
    assert_eq!(body["agent"], conversation.agent.to_string());
    assert_eq!((&body["channel"], &body["status"], &body["handler"]), (&json!("phone"), &json!("open"), &json!("bot")));
    let message = &body["messages"][0];
    assert_eq!(message["author"], "agent");
    assert_eq!(message["text"], "We open at nine.");
    assert_eq!(message["heard_text"], "We open at");
    assert_eq!(message["at_ms"], 1_001);
    assert_eq!(message["verdict"], "handoff");
    assert_eq!(message["reason"], "A bill or charge is disputed.");
    assert_eq!(message["reason_code"], json!({ "kind": "risk", "topic": "billing_dispute" }));
    assert_eq!(message["confidence"], 0.937);
    assert_eq!(
        message["sources"],
        json!([{
            "entry": "faq.md#hours", "question": "When do you open?", "source": "faq.md", "score": 0.83, "article": null,
        }])
    );
    assert_eq!(
        message["timings_ms"],
        json!({ "buffer": 20.0, "end_of_turn": 180.5, "recognition": null, "desk": 3.25, "synthesis": 60.125,
                "reply_gap": 290.0, "prepared": true })
    );
    assert_eq!(body["call"]["from"], "+49301111111");
    assert_eq!(body["call"]["to"], "+4930123456");
    assert_eq!(body["call"]["outcome"], "best_effort");
    assert_eq!(body["call"]["recording_url"], format!("/api/v1/recordings/{}", recording.id));
    assert_eq!(body["call"]["attempts"][0]["outcome"], "no_key");
    assert_eq!(body["tickets"][0]["fields"][0]["value"], "Zoë Ångström");
}

#[tokio::test]
async fn the_list_is_turned_page_by_page() {
    let running = running().await;
    let (agent, inbox) = samples::seeded(&running.store).await;
    let mut unit = running.store.begin().await.unwrap();
    for at in 0..5 {
        unit.insert_conversation(&samples::conversation(agent.id, inbox, at)).await.unwrap();
    }
    unit.commit().await.unwrap();
    let (mut seen, mut path) = (Vec::new(), "/api/v1/conversations?limit=2".to_string());
    loop {
        let body: Value = running.get(&path).await.json().await.unwrap();
        let page = body["conversations"].as_array().unwrap();
        assert!(page.len() <= 2);
        seen.extend(page.iter().map(|conversation| conversation["created_at_ms"].as_i64().unwrap()));
        let Some(cursor) = body["next_cursor"].as_str() else { break };
        path = format!("/api/v1/conversations?limit=2&cursor={cursor}");
    }
    assert_eq!(seen, [4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn what_cannot_be_answered_says_what_to_do() {
    let running = running().await;
    let nobody = ConversationId(samples::id());
    for (path, status, told) in [
        (format!("/api/v1/conversations/{nobody}"), 404, "take its id from a list"),
        ("/api/v1/conversations/1%2F..%2F2".into(), 404, "take its id from a list"),
        ("/api/v1/conversations?limit=0".into(), 400, "from 1 to 200"),
        ("/api/v1/conversations?limit=many".into(), 400, "do not fit: limit: "),
        ("/api/v1/conversations?cursor=x".into(), 400, "next_cursor of the page before"),
        (format!("/api/v1/recordings/{nobody}"), 404, "take its id from a list"),
        ("/api/v1/recordings/..%2Fsecret".into(), 404, "take its id from a list"),
        ("/nowhere".into(), 404, "/api/v1/conversations"),
    ] {
        let detail = problem(running.get(&path).await, status).await;
        assert!(detail.contains(told), "{path}: {detail}");
    }
    let posted = running.client.post(format!("http://{}/api/v1/conversations", running.address)).send().await.unwrap();
    assert!(problem(posted, 405).await.contains("GET"));
}

/// P4: what was accepted stays readable while the disk takes nothing more.
#[tokio::test]
async fn reading_goes_on_while_nothing_can_be_written() {
    let running = running().await;
    let (conversation, _) = full_case(&running).await;
    running.store.break_writes(true);
    assert_eq!(running.get(&format!("/api/v1/conversations/{}", conversation.id)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_recording_is_played_whole_or_in_part() {
    let running = running().await;
    let (_, recording) = full_case(&running).await;
    let path = format!("/api/v1/recordings/{}", recording.id);
    let whole = running.get(&path).await;
    assert_eq!(whole.status(), StatusCode::OK);
    assert_eq!(
        (&whole.headers()["content-type"], &whole.headers()["accept-ranges"]),
        (&"audio/wav".parse().unwrap(), &"bytes".parse().unwrap())
    );
    let tag = whole.headers()["etag"].to_str().unwrap().to_string();
    let bytes = whole.bytes().await.unwrap();
    assert_eq!(bytes.len(), 1_000);

    let part = running.with(&path, &[("range", "bytes=100-199"), ("if-range", &tag)]).await;
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(part.headers()["content-range"], "bytes 100-199/1000");
    assert_eq!(part.bytes().await.unwrap(), bytes[100..200]);
    let end = running.with(&path, &[("range", "bytes=-1")]).await;
    assert_eq!(end.bytes().await.unwrap(), bytes[999..]);
    let changed = running.with(&path, &[("range", "bytes=100-199"), ("if-range", "\"other\"")]).await;
    assert_eq!(changed.status(), StatusCode::OK);
    let beyond = running.with(&path, &[("range", "bytes=1000-")]).await;
    assert_eq!(beyond.headers()["content-range"], "bytes */1000");
    problem(beyond, 416).await;

    std::fs::remove_file(running.recordings.path().join(&recording.file)).unwrap();
    assert!(problem(running.get(&path).await, 404).await.contains("removed or moved"));
}

/// W5: the row of a recording cannot lead out of the folder, whatever it says.
#[tokio::test]
async fn a_recording_that_names_another_file_is_not_there() {
    let running = running().await;
    let (conversation, _) = full_case(&running).await;
    let call = running.store.conversation(conversation.id).await.unwrap().unwrap().call.unwrap();
    for file in ["../../../../../../etc/passwd", "/etc/passwd"] {
        let mut recording = samples::recording(call.id, 5);
        recording.file = file.into();
        let mut unit = running.store.begin().await.unwrap();
        unit.save_recording(&recording).await.unwrap();
        unit.commit().await.unwrap();
        problem(running.get(&format!("/api/v1/recordings/{}", recording.id)).await, 404).await;
    }
}

/// R42, W5: see also the table beside the rule itself.
#[tokio::test]
async fn a_foreign_name_or_a_proxy_does_not_come_in_without_the_token() {
    let running = running_with(|config| config.allowed_hosts = vec!["desk.example.com".into()]).await;
    let path = "/api/v1/conversations";
    assert_eq!(running.get(path).await.status(), StatusCode::OK);
    problem(running.with(path, &[("host", "evil.example")]).await, 421).await;
    problem(running.with("/", &[("host", "evil.example")]).await, 421).await;
    let refused = running.with(path, &[("host", "desk.example.com")]).await;
    assert!(refused.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer"));
    problem(refused, 401).await;
    let bearer = format!("Bearer {TOKEN}");
    for guarded in [path, "/metrics"] {
        problem(running.with(guarded, &[("x-forwarded-for", "203.0.113.9")]).await, 401).await;
        let let_in = running.with(guarded, &[("host", "desk.example.com"), ("authorization", &bearer)]).await;
        assert_eq!(let_in.status(), StatusCode::OK);
    }
    assert_eq!(running.with("/health", &[("host", "anything")]).await.status(), StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn browsers_are_told_to_be_strict_everywhere() {
    let running = running().await;
    for path in ["/", "/support/1", "/call.js", "/api/v1/conversations", "/nowhere"] {
        let headers = running.get(path).await.headers().clone();
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
}

/// The page for callers loads nothing from elsewhere and puts no text in as markup.
#[tokio::test]
async fn the_callers_page_is_whole_in_the_binary() {
    let running = running().await;
    let page = running.get("/call").await.text().await.unwrap();
    for path in ["/call.css", "/call.js", "/shown.js", "/line.js"] {
        let response = running.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        let text = response.text().await.unwrap();
        for trap in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://"] {
            assert!(!text.contains(trap), "{path} holds {trap}");
        }
    }
    assert!(page.contains("/call.js") && page.contains("/call.css") && !page.contains("https://"));
}

/// Each address of the console is answered with its page, which loads nothing from elsewhere and holds no script; what
/// it loads is there, kept for ever, and smaller for browsers that understand it.
#[tokio::test]
async fn the_console_is_whole_in_the_binary() {
    let running = running().await;
    let page = running.get("/").await.text().await.unwrap();
    for path in ["/sign-in", "/support", "/support/01a2", "/knowledge/articles/01a2", "/settings/team"] {
        let response = running.get(path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        assert_eq!(response.text().await.unwrap(), page, "{path}");
    }
    assert!(!page.contains("https://") && !page.contains("<script>") && !page.contains("style="));
    // Without Node there is a page that says so, and loads nothing.
    for path in page.split('"').filter(|text| text.starts_with("/assets/")) {
        let plain = running.get(path).await;
        assert_eq!(plain.status(), StatusCode::OK, "{path}");
        assert!(plain.headers()["cache-control"].to_str().unwrap().contains("immutable"));
        assert!(!plain.headers().contains_key("content-encoding"));
        let plain = plain.bytes().await.unwrap();
        for encoding in ["br", "gzip"] {
            let packed = running.with(path, &[("accept-encoding", encoding)]).await;
            assert_eq!(packed.headers()["content-encoding"], encoding);
            assert!(packed.bytes().await.unwrap().len() < plain.len() / 2, "{path} {encoding}");
        }
    }
    problem(running.get("/assets/none.js").await, 404).await;
}

/// The events of a stream: their ids and data.
async fn read_events(response: Response, count: usize) -> Vec<(Option<u64>, Value)> {
    let (mut text, mut stream, mut events) = (String::new(), response.bytes_stream(), Vec::new());
    while events.len() < count {
        let Some(bytes) = stream.next().await else { break };
        text.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
        while let Some((block, rest)) = text.split_once("\n\n") {
            let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
            if let Some(data) = field("data:") {
                events.push((field("id:").map(|id| id.parse().unwrap()), serde_json::from_str(data).unwrap()));
            }
            text = rest.to_string();
        }
    }
    events
}

#[tokio::test]
async fn events_come_live_and_go_on_where_they_were_left() {
    let running = running().await;
    let id = ConversationId(samples::id());
    let stream = running.get("/api/v1/events").await;
    assert_eq!(stream.headers()["content-type"], "text/event-stream");
    for text in ["a", "a b", "a b c"] {
        running.bus.publish(EpochMs(5), id, LiveKind::Hearing { text: text.into() });
    }
    let events = read_events(stream, 3).await;
    assert_eq!(events[0].1, json!({ "id": 1_001, "at_ms": 5, "conversation_id": id, "kind": "hearing", "text": "a" }));
    let resumed = running.with("/api/v1/events", &[("last-event-id", "1001")]).await;
    let ids: Vec<_> = read_events(resumed, 2).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [Some(1_002), Some(1_003)]);
    let late = running.with("/api/v1/events", &[("last-event-id", "7")]).await;
    assert_eq!(read_events(late, 1).await[0].1, json!({ "kind": "missed", "count": 993 }));
}

/// A reader that takes nothing holds nobody up; it is told how much it missed.
#[tokio::test]
async fn a_reader_that_is_too_slow_is_told() {
    let running = running().await;
    let id = ConversationId(samples::id());
    let stream = running.get("/api/v1/events").await;
    // More than the sockets between hold: the server's stream stands still and its queue runs over.
    let text = "x".repeat(60_000);
    for _ in 0..600 {
        running.bus.publish(EpochMs(5), id, LiveKind::Hearing { text: text.clone() });
        tokio::task::yield_now().await;
    }
    let events = read_events(stream, 200).await;
    let missed = events.iter().find(|(_, data)| data["kind"] == "missed");
    assert!(missed.is_some_and(|(_, data)| data["count"].as_u64().unwrap() > 0));
}

#[tokio::test]
async fn only_so_many_streams_are_open_at_once() {
    let running = running_with(|config| config.event_streams_max = 1).await;
    let first = running.get("/api/v1/events").await;
    let refused = running.get("/api/v1/events").await;
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, 503).await;
    drop(first);
    // The server learns of the end a moment later.
    while running.get("/api/v1/events").await.status() != StatusCode::OK {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn requests_beyond_the_limit_are_sent_away_at_once() {
    let running = running_with(|config| config.requests_max = 0).await;
    let refused = running.get("/api/v1/conversations").await;
    assert_eq!(refused.headers()["retry-after"], "1");
    problem(refused, 503).await;
}

#[tokio::test]
async fn a_silent_stream_gives_signs_of_life() {
    let running = running_with(|config| config.heartbeat_ms = 100).await;
    let mut stream = running.get("/api/v1/events").await.bytes_stream();
    let mut text = String::new();
    while text.matches(": alive").count() < 2 {
        text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
    }
}

/// W5, and the limits that are on by default.
#[tokio::test]
async fn clients_that_stall_or_send_too_much_are_cut_off() {
    let running = running_with(|config| {
        config.header_timeout_ms = 100;
        config.body_max_bytes = 1_024;
    })
    .await;
    assert_eq!(running.raw(b"GET /health HTTP/1.1\r\nHost: loc").await, "");
    // Nor may a connection lie idle for ever once it was answered.
    let idle = running.raw(b"GET /call.css HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(idle.starts_with("HTTP/1.1 200"), "{idle}");
    let large = running.raw(b"POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4096\r\n\r\n").await;
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    let head = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: {}\r\n\r\n", "x".repeat(100_000));
    let long = running.raw(head.as_bytes()).await;
    assert!(long.starts_with("HTTP/1.1 431"), "{long}");
    for nonsense in [&b"\x16\x03\x01\x02\x00\x01\x00\x01"[..], b"GET / HTTP/9\r\n\r\n", b"\r\n\r\n\r\n\0\0\0"] {
        let answer = running.raw(nonsense).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
    }
    assert_eq!(running.get("/").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_address_in_use_says_what_to_do() {
    let running = running().await;
    let config = HttpConfig { listen: running.address, ..HttpConfig::default() };
    let told = Server::bind(&config, Path::new("acme")).await.err().unwrap().to_string();
    assert!(told.contains(&running.address.to_string()) && told.contains("http.listen"), "{told}");
}

/// P4: the end of the process does not wait for pages that look on.
#[tokio::test]
async fn open_streams_end_with_the_process() {
    let running = running().await;
    let stream = running.get("/api/v1/events").await;
    running.shutdown.cancel();
    assert!(read_events(stream, 1).await.is_empty());
    running.served.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err());
}

/// R46: with a certificate the same address speaks HTTPS, and nothing in the clear.
#[tokio::test]
async fn a_certificate_makes_it_https() {
    let authority = crate::certificates::Authority::new();
    let issued = authority.issue(&["desk.example.com", "127.0.0.1"]);
    let running = running_with(|config| {
        config.certificate_file = Some(issued.certificate.clone());
        config.key_file = Some(issued.key.clone());
    })
    .await;
    let trusted = reqwest::Certificate::from_pem(&std::fs::read(authority.file()).unwrap()).unwrap();
    let client = Client::builder().no_proxy().add_root_certificate(trusted).build().unwrap();
    let url = format!("https://{}/health", running.address);
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 503, "it answers, and is not ready yet");
    assert!(running.client.get(&url).send().await.is_err(), "who does not know the authority is warned");
    assert!(!running.raw(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n").await.contains("HTTP/1.1"));
    let wrong = HttpConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        certificate_file: Some(issued.certificate),
        key_file: Some(authority.issue(&["other.example.com"]).key),
        ..HttpConfig::default()
    };
    assert!(Server::bind(&wrong, Path::new("acme")).await.err().unwrap().to_string().contains("is not the key of"));
}
