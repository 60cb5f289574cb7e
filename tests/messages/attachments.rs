//! Files of messages over the API (R14, W1).

use reqwest::Response;
use serde_json::{Value, json};

use crate::house::{Running, running};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR not really drawn";
const PAGE: &[u8] = b"<!DOCTYPE html><script>document.title='run'</script>";

/// Uploads a file.
async fn bring(running: &Running, path: &str, name: &str, bytes: Vec<u8>) -> Response {
    let url = format!("http://{}/api/v1{path}", running.address);
    let url = url::Url::parse_with_params(&url, [("name", name)]).unwrap();
    running.client.post(url).header("content-type", "application/octet-stream").body(bytes).send().await.unwrap()
}

async fn brought(running: &Running, path: &str, name: &str, bytes: &[u8]) -> Value {
    let response = bring(running, path, name, bytes.to_vec()).await;
    assert_eq!(response.status(), 201, "{name}");
    response.json().await.unwrap()
}

async fn refused(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let problem: Value = response.json().await.unwrap();
    (status, problem["detail"].as_str().unwrap().to_owned())
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// R14: a customer's file comes with the message, a teammate's goes out with the reply, and both stand in the
/// conversation.
#[tokio::test]
async fn files_come_and_go_with_messages() {
    let running = running().await;
    let photo = brought(&running, "/intake/attachments", "../photo.png", PNG).await;
    assert_eq!((&photo["name"], &photo["media_type"]), (&json!("photo.png"), &json!("image/png")));
    let body = json!({ "external_id": "t", "text": "I want a refund, see this", "attachments": [photo["id"]] });
    let accepted = running.post("/intake/messages", body, 202).await;
    running.desk.work_off().await;
    let id = accepted["conversation_id"].as_str().unwrap();
    let case = running.conversation(id).await;
    assert_eq!(case["messages"][0]["attachments"], json!([photo]));

    let page = brought(&running, "/attachments", "offer.html", PAGE).await;
    let reply = running.ann(id, "messages", json!({ "attachments": [page["id"]] }), 201).await;
    assert_eq!(reply["attachments"], json!([page]));
    let replies = running.get("/intake/replies").await;
    let sent = replies["replies"].as_array().unwrap().last().unwrap();
    assert_eq!((&sent["text"], &sent["attachments"][0]["id"]), (&json!(""), &page["id"]));

    let got = running.ask(reqwest::Method::GET, photo_path(&photo), &[("range", "bytes=1-3")], None).await;
    assert_eq!((got.status().as_u16(), header(&got, "content-range")), (206, &*format!("bytes 1-3/{}", PNG.len())));
    assert_eq!(got.bytes().await.unwrap(), "PNG");
}

fn photo_path(shown: &Value) -> &str {
    shown["url"].as_str().unwrap().strip_prefix("/api/v1").unwrap()
}

/// W1: whatever a file holds, nothing of it runs in a browser.
#[tokio::test]
async fn a_page_or_a_drawing_with_a_script_is_inert() {
    let running = running().await;
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>";
    let disguised = [PNG, PAGE].concat();
    for (name, bytes, kind, way) in [
        ("page.html", PAGE, "text/plain; charset=utf-8", "attachment"),
        ("drawing.svg", svg, "text/plain; charset=utf-8", "attachment"),
        ("polyglot.html", &disguised, "image/png", "inline"),
        ("a\"; filename=\"b.exe", PNG, "image/png", "inline"),
    ] {
        let shown = brought(&running, "/attachments", name, bytes).await;
        let got = running.ask(reqwest::Method::GET, photo_path(&shown), &[], None).await;
        assert_eq!(header(&got, "content-type"), kind, "{name}");
        assert_eq!(header(&got, "content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(header(&got, "x-content-type-options"), "nosniff");
        let disposition = header(&got, "content-disposition").to_owned();
        assert!(disposition.starts_with(&format!("{way}; filename=\"")), "{disposition}");
        assert_eq!(disposition.matches("filename=").count(), 1, "{disposition}");
        assert_eq!(got.bytes().await.unwrap(), bytes);
    }
}

/// W1: ten million bytes and not one more; no programs, whatever they are called; nobody's file twice.
#[tokio::test]
async fn what_is_no_file_for_a_message_is_refused_in_words() {
    let running = running().await;
    let largest = [PNG, &vec![0; 10_000_000 - PNG.len()]].concat();
    assert_eq!(bring(&running, "/attachments", "a.png", largest.clone()).await.status(), 201);
    let (status, told) = refused(bring(&running, "/attachments", "a.png", [largest, vec![0]].concat()).await).await;
    assert_eq!(status, 413, "{told}");
    let (status, told) = refused(bring(&running, "/attachments", "photo.png", b"MZ\x90\0\x03\0".to_vec()).await).await;
    assert_eq!((status, told.contains("its content")), (415, true), "{told}");
    let (status, _) = refused(bring(&running, "/attachments", "a.txt", Vec::new()).await).await;
    assert_eq!(status, 422);

    let file = brought(&running, "/intake/attachments", "a.png", PNG).await;
    let body = |thread: &str, files: Value| json!({ "external_id": thread, "text": "Hi", "attachments": files });
    running.post("/intake/messages", body("t", json!([file["id"], file["id"]])), 422).await;
    running.post("/intake/messages", body("t", json!([file["id"]])), 202).await;
    let told = running.post("/intake/messages", body("t", json!([file["id"]])), 422).await;
    assert!(told["detail"].as_str().unwrap().contains("another message"), "{told}");
    let many: Vec<_> = (0..11).map(|_| uuid::Uuid::now_v7()).collect();
    running.post("/intake/messages", body("t", json!(many)), 422).await;
}

/// R14: a file without words is work for a person.
#[tokio::test]
async fn a_file_alone_waits_for_a_person() {
    let running = running().await;
    let file = brought(&running, "/intake/attachments", "a.png", PNG).await;
    let body = json!({ "external_id": "t", "attachments": [file["id"]] });
    let accepted = running.post("/intake/messages", body, 202).await;
    running.desk.work_off().await;
    let case = running.conversation(accepted["conversation_id"].as_str().unwrap()).await;
    assert_eq!(case["status"], "needs_human", "{case:#}");
}
