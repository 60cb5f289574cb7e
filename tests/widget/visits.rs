//! Who visits, and from where (R11, R56, W5).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::house::{SECRET, SITE, running, running_with};

fn hmac(what: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(what.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn signed(user: &str) -> Value {
    let signature: String = hmac(user).iter().map(|byte| format!("{byte:02x}")).collect();
    json!({ "user_id": user, "signature": signature })
}

/// W5: a site that is not named begins nothing, asks nothing, and its browser is not told the answer.
#[tokio::test]
async fn only_named_sites_are_talked_with() {
    let running = running().await;
    for origin in ["https://evil.example", "https://shop.example.evil.example", "http://shop.example", "null", ""] {
        let (status, told) = running.begin_with(json!({ "origin": origin })).await;
        assert_eq!(status, 403, "{origin}: {told}");
    }
    let visitor = running.begin().await;
    let evil = Some("https://evil.example");
    for (method, path) in [(Method::POST, "/sessions"), (Method::GET, "/messages"), (Method::OPTIONS, "/messages")] {
        let body = (method == Method::POST).then(|| json!({ "origin": SITE }));
        let refused = running.ask(method, path, evil, &visitor.token, body.as_ref()).await;
        assert_eq!(refused.status(), 403, "{path}");
        assert!(refused.headers().get("access-control-allow-origin").is_none());
    }
    let allowed = running.ask(Method::OPTIONS, "/messages", Some(SITE), "", None).await;
    assert_eq!(allowed.headers()["access-control-allow-origin"], SITE);
    assert_eq!(allowed.headers()["access-control-allow-headers"], "authorization, content-type");
    let read = running.ask(Method::GET, "/messages", Some(SITE), &visitor.token, None).await;
    assert_eq!((read.status().as_u16(), &read.headers()["access-control-allow-origin"]), (200, &SITE.parse().unwrap()));
}

/// W5: the frame may be shown by the named sites alone, and everything else by nobody.
#[tokio::test]
async fn the_frame_is_framed_by_named_sites_alone() {
    let running = running().await;
    let frame = running.ask(Method::GET, "", None, "", None).await;
    if frame.status() == 404 {
        return println!("skipped: the console is not built in (Node 20.19 or newer with npm builds it)");
    }
    let policy = frame.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains(&format!("frame-ancestors {SITE}")) && policy.contains("script-src 'self';"), "{policy}");
    assert!(frame.headers().get("x-frame-options").is_none());
    let console = running.client.get(format!("http://{}/", running.address)).send().await.unwrap();
    assert_eq!(console.headers()["x-frame-options"], "DENY");
}

/// W5: a token is good for its widget while that is switched on, and nothing else lets anybody in.
#[tokio::test]
async fn a_guessed_or_foreign_token_opens_nothing() {
    let running = running().await;
    let visitor = running.begin().await;
    assert!(visitor.token.len() >= 43, "256 bits");
    let cut = &visitor.token[..42];
    for token in ["", "guessed", cut, crate::desk::TOKEN] {
        let asked = running.ask(Method::GET, "/messages", None, token, None).await;
        assert_eq!(asked.status(), 401, "{token}");
    }
    let url = format!("http://{}/api/v1/conversations", running.address);
    let asked = running.client.get(url).bearer_auth(&visitor.token).send().await.unwrap();
    assert_eq!(asked.status(), 401, "a visitor is no teammate");

    let account = format!("/channels/{}", running.widget);
    let shown = running.api(Method::GET, &account, None).await;
    let off = json!({ "enabled": false, "version": shown["version"] });
    running.api(Method::PATCH, &account, Some(off)).await;
    assert_eq!(visitor.asks(Method::GET, "/messages", None).await.0, 404, "it is switched off");
}

/// R56: whom the site vouches for is one customer with one thread, wherever they come back; nobody else is.
#[tokio::test]
async fn a_known_visitor_is_the_same_on_every_device() {
    let running = running().await;
    let known = async |user| running.visitor(json!({ "origin": SITE, "identity": signed(user) })).await;
    let (desk, phone) = (known("cust-7").await, known("cust-7").await);
    desk.writes("Hello").await;
    running.work_off().await;
    assert_eq!(phone.texts().await.len(), 2, "what was said at the desk is seen on the telephone");
    phone.writes("Hello again").await;
    let case = running.only_case().await;
    assert_eq!(case["messages"].as_array().unwrap().len(), 3);
    let contact = running.api(Method::GET, &format!("/contacts/{}", case["contact"].as_str().unwrap()), None).await;
    assert!(contact.to_string().contains("cust-7"));
    assert_eq!(known("cust-8").await.texts().await, []);
    assert_eq!(running.begin().await.texts().await, []);

    let mut forged = signed("cust-7");
    forged["user_id"] = json!("cust-9");
    let (status, told) = running.begin_with(json!({ "origin": SITE, "identity": forged })).await;
    assert_eq!(status, 403, "{told}");
}

/// R56: a token of the site tells the address as well; over, or by another hand, it counts for nothing.
#[tokio::test]
async fn a_signed_token_ends() {
    let running = running_with(json!({ "known_visitors_only": true })).await;
    let token = |exp: u64| {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let body = format!(
            "{}.{}",
            part(json!({"alg":"HS256"})),
            part(json!({"sub":"cust-7","exp":exp,"email":"ann@example.com"}))
        );
        json!({ "token": format!("{body}.{}", URL_SAFE_NO_PAD.encode(hmac(&body))) })
    };
    let visitor = running.visitor(json!({ "origin": SITE, "identity": token(4_000_000_000) })).await;
    visitor.writes("Hello").await;
    let case = running.only_case().await;
    let contact = running.api(Method::GET, &format!("/contacts/{}", case["contact"].as_str().unwrap()), None).await;
    let addresses = contact.to_string();
    assert!(addresses.contains("ann@example.com") && !addresses.contains("\"proven\":false"), "{contact:#}");
    assert_eq!(running.begin_with(json!({ "origin": SITE, "identity": token(1_000) })).await.0, 403);
    assert_eq!(running.begin_with(json!({ "origin": SITE })).await.0, 403, "nobody writes without a name");
}
