//! The first account, signing in and out, and what guessing costs.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::house::{PASSWORD, Running, running, running_with};

/// R42: the set-up link makes the first account once; then the bootstrap token and this machine are let in no more.
#[tokio::test]
async fn the_first_account_is_made_once_by_its_link() {
    let running = running().await;
    let token = Running::bootstrap();
    assert_eq!(running.ask("GET", "/setup", &[], None).await.body["needed"], true);
    assert_eq!(running.ask("GET", "/conversations", &[], None).await.status, 200, "this machine");
    let body = json!({ "link": "guessed", "name": "Eve", "email": "eve@shop.example", "password": PASSWORD });
    assert_eq!(running.ask("POST", "/setup", &[], Some(body)).await.status, 403);
    let link = running.team.set_up_secret();
    let with = |password: &str| json!({ "link": link, "name": "O", "email": "o@shop.example", "password": password });
    for weak in ["short", "aaaaaaaaaaaaaaaa", "my password is long"] {
        assert_eq!(running.ask("POST", "/setup", &[], Some(with(weak))).await.status, 422, "{weak}");
    }
    let made = running.ask("POST", "/setup", &[], Some(with(PASSWORD))).await;
    assert_eq!((made.status, &made.body["teammate"]["role"]), (201, &json!("owner")));
    let cookie = made.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    assert_eq!(running.ask("POST", "/setup", &[], Some(with(PASSWORD))).await.status, 403);
    assert_eq!(running.ask("GET", "/setup", &[], None).await.body["needed"], false);
    assert_eq!(running.ask("GET", "/conversations", &[], None).await.status, 401);
    assert_eq!(running.ask("GET", "/conversations", &[("authorization", &token)], None).await.status, 401);
    assert_eq!(running.by(&made.cookie(), "GET", "/conversations", None).await.status, 200);
}

/// Whoever configures it so keeps the bootstrap token.
#[tokio::test]
async fn the_bootstrap_token_stays_where_configured() {
    let running = running_with(|config| config.bootstrap = switchboard::config::http::Bootstrap::Always).await;
    running.owner().await;
    let token = Running::bootstrap();
    assert_eq!(running.ask("GET", "/conversations", &[("authorization", &token)], None).await.status, 200);
}

/// W5: what is told never says whether an account exists, however often it is tried; guesses wait.
#[tokio::test]
async fn guessing_waits_and_tells_nothing() {
    let running = running().await;
    running.owner().await;
    let mut told = Vec::new();
    for email in ["olga@shop.example", "nobody@shop.example"] {
        let mut answers = Vec::new();
        for _ in 0..7 {
            let answer = running.sign_in(email, "a wrong password", None).await;
            answers.push((
                answer.status,
                answer.body["detail"].as_str().unwrap_or_default().replace(char::is_numeric, ""),
            ));
        }
        told.push(answers);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0][4].0, 401);
    assert_eq!(told[0][5].0, 429);
    let right = running.sign_in("olga@shop.example", PASSWORD, None).await;
    assert_eq!(right.status, 429, "not even the right one, until the wait is over");
    assert!(right.headers.contains_key("retry-after"));
}

/// W5: a session is made anew by each sign-in, can be listed and ended, and ends with a new password.
#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let running = running().await;
    let first = running.owner().await;
    let again = json!({ "email": " Olga@Shop.example", "password": PASSWORD });
    let second = running.ask("POST", "/session", &[("cookie", &first)], Some(again)).await.cookie();
    assert_ne!(first, second);
    let sessions = running.by(&second, "GET", "/sessions", None).await.body;
    let sessions = sessions["sessions"].as_array().unwrap();
    let current: Vec<_> = sessions.iter().map(|session| session["current"].clone()).collect();
    assert_eq!(current, [json!(true), json!(false)]);
    let path = format!("/sessions/{}", sessions[1]["id"].as_str().unwrap());
    assert_eq!(running.by(&second, "DELETE", &path, None).await.status, 204);
    assert_eq!(running.by(&first, "GET", "/session", None).await.status, 401);
    let third = running.sign_in("olga@shop.example", PASSWORD, None).await.cookie();
    let change = json!({ "old": PASSWORD, "new": "another horse entirely" });
    let wrong = json!({ "old": "not the old one", "new": "another horse entirely" });
    assert_eq!(running.by(&third, "PUT", "/account/password", Some(wrong)).await.status, 403);
    assert_eq!(running.by(&third, "PUT", "/account/password", Some(change)).await.status, 204);
    assert_eq!(running.by(&second, "GET", "/session", None).await.status, 401, "all others end");
    assert_eq!(running.sign_in("olga@shop.example", PASSWORD, None).await.status, 401);
    assert_eq!(running.by(&third, "DELETE", "/session", None).await.status, 204);
    assert_eq!(running.by(&third, "GET", "/session", None).await.status, 401);
}

/// W5: another site's page changes nothing with our cookie.
#[tokio::test]
async fn a_change_by_cookie_comes_from_our_own_page() {
    let running = running().await;
    let cookie = running.owner().await;
    let csrf = running.by(&cookie, "GET", "/session", None).await.body["csrf_token"].clone();
    let csrf = csrf.as_str().unwrap();
    let ours = format!("http://{}", running.address);
    let body = || Some(json!({ "title": "Q?", "body": "A." }));
    let rows: &[(&[(&str, &str)], u16)] = &[
        (&[], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "https://evil.example"), ("x-csrf-token", csrf)], 403),
        (&[("sec-fetch-site", "cross-site")], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        (&[("x-csrf-token", "guessed")], 403),
        (&[("x-csrf-token", csrf)], 201),
        (&[("sec-fetch-site", "same-origin")], 201),
        (&[("origin", &ours)], 201),
    ];
    for (headers, status) in rows {
        let headers = [&[("cookie", cookie.as_str())], *headers].concat();
        let answer = running.ask("POST", "/knowledge/articles", &headers, body()).await;
        assert_eq!(answer.status, *status, "{headers:?} {}", answer.body);
    }
    let foreign = [("origin", "https://evil.example")];
    let body = json!({ "email": "olga@shop.example", "password": PASSWORD });
    assert_eq!(running.ask("POST", "/session", &foreign, Some(body)).await.status, 403, "nor signs anybody in");
}

/// R41: with the second factor a password alone is not enough, and no code counts twice.
#[tokio::test]
async fn a_second_factor_is_asked_for() {
    let running = running().await;
    let cookie = running.owner().await;
    let begun = running.by(&cookie, "POST", "/account/two-factor", Some(json!({ "password": PASSWORD }))).await;
    let secret = begun.body["secret"].as_str().unwrap().to_owned();
    assert!(begun.body["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert_eq!(running.sign_in("olga@shop.example", PASSWORD, None).await.status, 200, "not before it is confirmed");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    let code = switchboard::team::code_now(&secret, now);
    let confirmed = running.by(&cookie, "PUT", "/account/two-factor", Some(json!({ "code": code }))).await;
    let codes = confirmed.body["recovery_codes"].as_array().unwrap().clone();
    assert_eq!(codes.len(), 10);
    let wanted = running.sign_in("olga@shop.example", PASSWORD, None).await;
    assert_eq!((wanted.status, &wanted.body["type"]), (401, &json!("urn:switchboard:code-wanted")));
    assert_eq!(running.sign_in("olga@shop.example", PASSWORD, Some(&code)).await.status, 401, "it was used");
    let recovery = codes[0].as_str().unwrap();
    assert_eq!(running.sign_in("olga@shop.example", PASSWORD, Some(recovery)).await.status, 200);
    assert_eq!(running.sign_in("olga@shop.example", PASSWORD, Some(recovery)).await.status, 401);
    let audit = running.by(&cookie, "GET", "/audit", None).await.body.to_string();
    assert!(!audit.contains(&secret) && !audit.contains(recovery), "secrets are not written down");
}

/// R46: over TLS the cookie is sent over TLS alone.
#[tokio::test]
async fn behind_tls_the_cookie_is_secure() {
    let running = running_with(|config| config.public_url = Some("https://desk.example.com".into())).await;
    running.owner().await;
    let signed = running.sign_in("olga@shop.example", PASSWORD, None).await;
    let cookie = signed.headers["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure;"), "{cookie}");
    assert_eq!(running.by(&signed.cookie(), "GET", "/session", None).await.status, 200);
}

/// R46, R41: behind a named proxy the session knows where its person sits, and its cookie travels over TLS alone.
#[tokio::test]
async fn behind_a_proxy_a_session_knows_who_signed_in() {
    let running = running_with(|config| config.trusted_proxies = vec!["127.0.0.1".parse().unwrap()]).await;
    let body = json!({
        "link": running.team.set_up_secret(), "name": "Olga", "email": "olga@shop.example", "password": PASSWORD,
    });
    let way = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")];
    let made = running.ask("POST", "/setup", &way, Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let line = made.headers["set-cookie"].to_str().unwrap();
    assert!(line.starts_with("__Host-") && line.contains("; Secure;"), "{line}");
    let sessions = running.by(&made.cookie(), "GET", "/sessions", None).await;
    assert_eq!(sessions.body["sessions"][0]["from"], "203.0.113.9", "{}", sessions.body);
}
