//! Files and pages as articles (R15, W1, W3, W4).

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use reqwest::Method;
use serde_json::{Value, json};

use crate::house::{Running, running, running_with};

/// A PDF of one page that says this.
fn pdf(words: &str) -> Vec<u8> {
    let stream = format!("BT /F1 12 Tf 72 700 Td ({words}) Tj ET");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".into(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
            .into(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".into(),
    ];
    let mut file = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        offsets.push(file.len());
        write!(file, "{} 0 obj\n{object}\nendobj\n", at + 1).unwrap();
    }
    let xref = file.len();
    write!(file, "xref\n0 6\n0000000000 65535 f \n").unwrap();
    offsets.iter().for_each(|offset| writeln!(file, "{offset:010} 00000 n ").unwrap());
    write!(file, "trailer << /Size 6 /Root 1 0 R >>\nstartxref\n{xref}\n%%EOF\n").unwrap();
    file
}

fn docx(xml: &str) -> Vec<u8> {
    let mut package = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    package.start_file("word/document.xml", zip::write::SimpleFileOptions::default()).unwrap();
    package.write_all(xml.as_bytes()).unwrap();
    package.finish().unwrap().into_inner()
}

/// R15: files of every kind are read and answered from.
#[tokio::test]
async fn files_of_every_kind_are_answered_from() {
    let running = running().await;
    let word = "<w:document xmlns:w=\"w\"><w:body><w:p><w:pPr><w:pStyle w:val=\"Heading1\"/></w:pPr><w:r><w:t>Which \
        helmets are sold?</w:t></w:r></w:p><w:p><w:r><w:t>Blue ones.</w:t></w:r></w:p></w:body></w:document>";
    let page = "<!doctype html><title>Lights</title><h2>Which lamps are sold?</h2><p>Bright ones.</p>";
    for (name, bytes, question, answer) in [
        (
            "bells.pdf",
            pdf("Bells are sold in brass and steel."),
            "bells sold in brass",
            "Bells are sold in brass and steel.",
        ),
        ("helmets.docx", docx(word), "Which helmets are sold?", "Blue ones."),
        ("lamps.html", page.as_bytes().to_vec(), "Which lamps are sold?", "Bright ones."),
        (
            "locks.md",
            b"## Which locks are sold?\nHeavy ones.\n\nAlso asked:\n- padlocks\n".to_vec(),
            "padlocks",
            "Heavy ones.",
        ),
        ("pumps.txt", b"Pumps are sold with every valve.".to_vec(), "pumps", "Pumps are sold with every valve."),
    ] {
        let article = running.upload(&format!("/knowledge/files?name={name}"), bytes, 201).await;
        assert_eq!(article["origin"]["name"], name);
        assert_eq!(article["passages"][0]["answer"], answer, "{article}");
        let turn = running.on_a_call(question);
        assert_eq!(turn.decision.sources[0].article.unwrap().id.to_string(), article["id"], "{name}");
    }
    let first = running.get("/knowledge/articles?limit=1").await["articles"][0].clone();
    let path = format!("/knowledge/articles/{}/file?name=pumps.txt&revision=1", first["id"].as_str().unwrap());
    let next = running.put_file(&path, b"Pumps are gone.".to_vec(), 200).await;
    assert_eq!((&next["revision"], &next["body"]), (&json!(2), &json!("Pumps are gone.")));
    running.put_file(&path, b"Pumps are back.".to_vec(), 409).await;
}

/// W1: what is disguised, damaged, too large or a bomb is refused with words, and leaves nothing behind.
#[tokio::test]
async fn hostile_files_are_refused_with_words() {
    let running = running().await;
    let bomb = docx(&format!("<w:document>{}</w:document>", " ".repeat(70_000_000)));
    let mut endless = pdf("x");
    endless.truncate(60);
    for (name, bytes, part) in [
        ("a.pdf", b"MZ\x90\x00 this is a program".to_vec(), "no document"),
        ("a.txt", pdf("disguised"), "true ending"),
        ("a.docx", b"PK\x03\x04 word/document.xml".to_vec(), "damaged"),
        ("a.docx", bomb, "unpacks to more"),
        ("a.pdf", endless, "cannot be read"),
        ("a.pdf", pdf(""), "no text"),
        ("a.html", b"<html><script>1</script></html>".to_vec(), "no text"),
        ("a.txt", b"  \n".to_vec(), "empty"),
        ("a.txt", vec![b'a'; 300_000], "split"),
        ("a\n.txt", b"x".to_vec(), "one line"),
    ] {
        let name: String = name.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let refused = running.upload(&format!("/knowledge/files?name={name}"), bytes, 422).await;
        assert!(refused["detail"].as_str().unwrap().contains(part), "{part}: {refused}");
    }
    running.upload("/knowledge/files?name=a.txt", vec![b'a'; 10_000_001], 413).await;
    running.upload("/knowledge/files", b"x".to_vec(), 400).await;
    assert_eq!(running.get("/knowledge/articles").await["articles"], json!([]));
}

/// A web site on loopback.
async fn site() -> std::net::SocketAddr {
    static VISITS: AtomicUsize = AtomicUsize::new(0);
    let help = async || {
        let visit = VISITS.fetch_add(1, Ordering::Relaxed);
        let body = format!("<html><title>Help</title><h2>Which visit is this?</h2><p>Visit {visit}.</p>");
        ([(header::CONTENT_TYPE, "text/html")], body)
    };
    let to = |to: &'static str| get(async move || (StatusCode::FOUND, [(header::LOCATION, to)]).into_response());
    let router = Router::new()
        .route("/help", get(help))
        .route("/moved", to("/help"))
        .route("/loop", to("/loop"))
        .route("/inward", to("http://169.254.169.254/latest/meta-data/"))
        .route("/other-port", to("http://localhost:1/"))
        .route("/gone", get(async || StatusCode::GONE))
        .route("/large", get(async || "x".repeat(6_000_000)))
        .route("/image", get(async || ([(header::CONTENT_TYPE, "image/png")], b"\x89PNG\r\n\x1a\n\0\0".to_vec())));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

async fn with_site() -> (Running, String) {
    let site = format!("localhost:{}", site().await.port());
    let running = running_with(|config| config.private_hosts = vec![site.clone()]).await;
    (running, format!("http://{site}"))
}

/// R15: a page is imported, and fetched anew when it says something else.
#[tokio::test]
async fn a_page_is_imported_and_refreshed() {
    let (running, site) = with_site().await;
    let new = json!({ "url": format!("{site}/moved"), "kind": "product", "refresh_hours": 1 });
    let article = running.post("/knowledge/pages", new, 201).await;
    assert_eq!((&article["title"], &article["kind"]), (&json!("Help"), &json!("product")));
    assert_eq!(article["origin"]["url"], format!("{site}/help"), "where it led to");
    assert_eq!(article["page"]["refresh_hours"], 1);
    let path = format!("/knowledge/articles/{}", article["id"].as_str().unwrap());
    let refreshed = running.ask(Method::POST, &format!("{path}/refresh"), None, 200).await;
    assert_eq!((&refreshed["revision"], &refreshed["change"]["did"]), (&json!(2), &json!("refreshed")));
    assert_ne!(refreshed["body"], article["body"]);
    let turn = running.on_a_call("Which visit is this?");
    assert_eq!(turn.decision.sources[0].article.unwrap().revision, 2);
}

/// W3: nothing inside is fetched, however its address is written and wherever a page leads.
#[tokio::test]
async fn nothing_inside_is_fetched() {
    let (running, site) = with_site().await;
    let port = site.rsplit_once(':').unwrap().1;
    for (url, status) in [
        ("http://127.0.0.1/".to_owned(), 422),
        (format!("http://127.0.0.1:{port}/help"), 422),
        ("http://[::1]/".into(), 422),
        ("http://[::ffff:127.0.0.1]/".into(), 422),
        ("http://2130706433/".into(), 422),
        ("http://0x7f.1/".into(), 422),
        ("http://169.254.169.254/latest/meta-data/".into(), 422),
        ("http://10.0.0.1/".into(), 422),
        ("http://localhost/".into(), 422),
        ("http://1.1.1.1:22/".into(), 422),
        ("ftp://example.com/".into(), 422),
        ("file:///etc/passwd".into(), 422),
        ("http://ann:secret@example.com/".into(), 422),
        ("help".into(), 422),
        (format!("{site}/inward"), 422),
        (format!("{site}/other-port"), 422),
        (format!("{site}/loop"), 502),
        (format!("{site}/gone"), 502),
        (format!("{site}/large"), 502),
        (format!("{site}/image"), 422),
    ] {
        let refused = running.post("/knowledge/pages", json!({ "url": url }), status).await;
        assert!(refused["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{url}");
    }
    assert_eq!(running.get("/knowledge/articles").await["articles"], json!([]));
}

/// The same key and request creates once, whatever is created; another request under it is refused.
#[tokio::test]
async fn every_create_obeys_its_idempotency_key() {
    let running = running().await;
    let article = json!({ "title": "Q?", "body": "A." });
    let view = json!({ "name": "mine", "filter": { "status": "open" } });
    let makes = json!({ "name": "m", "does": { "reply": "Hi." } });
    for (path, body) in [("/knowledge/articles", article), ("/views", view), ("/macros", makes)] {
        let key = [("idempotency-key", "k")];
        let first = running.with(Method::POST, path, &key, Some(body.clone()), 201).await;
        assert_eq!(running.with(Method::POST, path, &key, Some(body.clone()), 201).await, first, "{path}");
        running.with(Method::POST, path, &key, Some(json!({ "name": "other" })), 422).await;
    }
    assert_eq!(running.get("/knowledge/articles").await["articles"].as_array().unwrap().len(), 1);
    // A refusal is not kept: mended, the same key goes through.
    let key = [("idempotency-key", "mended")];
    running.with(Method::POST, "/knowledge/articles", &key, Some(json!({ "title": "", "body": "A." })), 422).await;
    let made: Value =
        running.with(Method::POST, "/knowledge/articles", &key, Some(json!({ "title": "T", "body": "A." })), 201).await;
    assert_eq!(made["revision"], 1);
}
