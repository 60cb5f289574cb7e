//! Telegram, against a stand-in of its Bot API.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::conformance;
use crate::house::{Running, said};
use crate::shop::{self, how_far, shop};
use crate::standin::{Act, Acts, Vendor, broken, kill, serve};

const TOKEN: &str = "123456:a-token_of-the-bot";
const ANN: i64 = 218485655;

/// Telegram with one customer in a private chat.
#[derive(Clone, Default)]
pub struct Telegram {
    pub url: String,
    acts: Acts,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    /// What waits to be asked for.
    updates: Vec<Value>,
    /// Of that, what was asked beyond.
    confirmed: i64,
    told: Vec<Value>,
    /// Chat, id, whether ours, text; ids count over all private chats.
    messages: Vec<(i64, i64, bool, String)>,
    /// What was asked of us, without questions for news.
    calls: Vec<(String, Value)>,
    webhook: Option<Value>,
    moved_to: Option<i64>,
    victim: Option<u32>,
}

impl Telegram {
    pub async fn start() -> Telegram {
        let telegram = Telegram::default();
        let app = Router::new().route("/{bot}/{method}", post(call)).with_state(telegram.clone());
        Telegram { url: serve(app).await, ..telegram }
    }

    /// Adds the account that polls.
    pub async fn added(&self, running: &Running) -> String {
        let settings = json!({ "base_url": self.url, "poll_seconds": 1 });
        running.add_channel("telegram", settings, json!({ "bot_token": TOKEN })).await
    }

    /// An update of one message to be told of; gives the message's id.
    pub fn tell(&self, mut message: Value) -> i64 {
        let mut kept = self.kept.lock().unwrap();
        let id = kept.messages.len() as i64 + 1;
        let chat = message["chat"]["id"].as_i64().unwrap();
        let text = message["text"].as_str().unwrap_or_default().to_owned();
        kept.messages.push((chat, id, false, text));
        message["message_id"] = json!(id);
        message["date"] = json!(1_569_518_342);
        let update = json!({ "update_id": 892_252_900 + kept.told.len(), "message": message });
        kept.told.push(update.clone());
        kept.updates.push(update);
        id
    }

    /// Names the process that is killed when an act says so.
    pub fn kill_with(&self, victim: u32) {
        self.kept.lock().unwrap().victim = Some(victim);
    }

    fn victim(&self) -> u32 {
        self.kept.lock().unwrap().victim.unwrap()
    }

    /// What was asked of us by a method.
    fn calls(&self, method: &str) -> Vec<Value> {
        let kept = self.kept.lock().unwrap();
        kept.calls.iter().filter(|(of, _)| of == method).map(|(_, body)| body.clone()).collect()
    }

    fn take(&self, body: &Value) -> i64 {
        let mut kept = self.kept.lock().unwrap();
        let id = kept.messages.len() as i64 + 1;
        let (chat, text) = (body["chat_id"].as_i64().unwrap(), body["text"].as_str().unwrap().to_owned());
        kept.messages.push((chat, id, true, text));
        id
    }

    fn send(&self, body: &Value) -> Response {
        let units = body["text"].as_str().unwrap().encode_utf16().count();
        if units == 0 || units > 4_096 {
            return refused(400, "Bad Request: message is too long", json!({}));
        }
        let chat = body["chat_id"].as_i64().unwrap();
        let (known, moved) = {
            let kept = self.kept.lock().unwrap();
            (kept.messages.iter().any(|(of, ..)| *of == chat) || kept.moved_to == Some(chat), kept.moved_to)
        };
        if let Some(moved) = moved.filter(|moved| *moved != chat) {
            let words = "Bad Request: group chat was upgraded to a supergroup chat";
            return refused(400, words, json!({ "migrate_to_chat_id": moved }));
        }
        if !known {
            return refused(400, "Bad Request: chat not found", json!({}));
        }
        match self.acts.pop() {
            Act::Take => {
                let id = self.take(body);
                ok(json!({ "message_id": id, "chat": { "id": chat }, "text": body["text"] }))
            }
            Act::Slow => refused(429, "Too Many Requests: retry after 1", json!({ "retry_after": 1 })),
            Act::Fail => refused(500, "Internal Server Error", json!({})),
            Act::TakeAndFail => {
                self.take(body);
                refused(500, "Internal Server Error", json!({}))
            }
            Act::TakeAndBreak => {
                self.take(body);
                broken()
            }
            Act::TakeAndKill => {
                self.take(body);
                kill(self.victim())
            }
            Act::Kill => kill(self.victim()),
            Act::Break => broken(),
            Act::Refuse => refused(403, "Forbidden: bot was blocked by the user", json!({})),
        }
    }

    fn edit(&self, body: &Value) -> Response {
        let mut kept = self.kept.lock().unwrap();
        let (chat, id) = (body["chat_id"].as_i64().unwrap(), body["message_id"].as_i64().unwrap());
        let found = kept.messages.iter_mut().find(|(of, named, ..)| (*of, *named) == (chat, id));
        match found {
            None => refused(400, "Bad Request: message to edit not found", json!({})),
            Some((_, _, false, _)) => refused(400, "Bad Request: message can't be edited", json!({})),
            Some((.., text)) if *text == body["text"] => refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the \
                 same as a current content and reply markup of the message",
                json!({}),
            ),
            Some((.., text)) => {
                *text = body["text"].as_str().unwrap().to_owned();
                ok(json!({ "message_id": id }))
            }
        }
    }

    async fn news(&self, body: &Value) -> Response {
        let offset = body["offset"].as_i64().unwrap_or(0);
        for _ in 0..100 {
            {
                let mut kept = self.kept.lock().unwrap();
                if kept.webhook.is_some() {
                    let words = "Conflict: can't use getUpdates method while webhook is active";
                    return refused(409, words, json!({}));
                }
                kept.confirmed = kept.confirmed.max(offset);
                let confirmed = kept.confirmed;
                kept.updates.retain(|update| update["update_id"].as_i64().unwrap() >= confirmed);
                if !kept.updates.is_empty() {
                    return ok(json!(kept.updates));
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        ok(json!([]))
    }
}

async fn call(
    State(telegram): State<Telegram>,
    Path((bot, method)): Path<(String, String)>,
    Json(body): Json<Value>,
) -> Response {
    if bot != format!("bot{TOKEN}") {
        return refused(401, "Unauthorized", json!({}));
    }
    if method != "getUpdates" {
        telegram.kept.lock().unwrap().calls.push((method.clone(), body.clone()));
    }
    match method.as_str() {
        "getMe" => ok(json!({ "id": 9, "is_bot": true, "first_name": "Harbour", "username": "harbour_bot" })),
        "getUpdates" => telegram.news(&body).await,
        "sendMessage" => telegram.send(&body),
        "editMessageText" => telegram.edit(&body),
        "deleteWebhook" => {
            telegram.kept.lock().unwrap().webhook = None;
            ok(json!(true))
        }
        "setWebhook" => {
            telegram.kept.lock().unwrap().webhook = Some(body);
            ok(json!(true))
        }
        "getWebhookInfo" => {
            let url = telegram.kept.lock().unwrap().webhook.as_ref().map_or(json!(""), |hook| hook["url"].clone());
            ok(json!({ "url": url, "has_custom_certificate": false, "pending_update_count": 0 }))
        }
        _ => refused(404, "Not Found", json!({})),
    }
}

fn ok(result: Value) -> Response {
    Json(json!({ "ok": true, "result": result })).into_response()
}

fn refused(code: u16, words: &str, parameters: Value) -> Response {
    let body = json!({ "ok": false, "error_code": code, "description": words, "parameters": parameters });
    (StatusCode::from_u16(code).unwrap(), Json(body)).into_response()
}

impl Vendor for Telegram {
    fn acts(&self) -> &Acts {
        &self.acts
    }

    fn heard(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        kept.messages.iter().filter(|(_, _, ours, _)| *ours).map(|(.., text)| text.clone()).collect()
    }

    async fn write(&self, text: &str) {
        self.tell(private(json!({ "text": text })));
    }

    async fn tell_again(&self) {
        let mut kept = self.kept.lock().unwrap();
        kept.confirmed = 0;
        kept.updates = kept.told.clone();
        kept.updates.reverse();
    }
}

fn private(mut more: Value) -> Value {
    more["from"] = json!({ "id": ANN, "is_bot": false, "first_name": "Ann", "last_name": "Smith" });
    more["chat"] = json!({ "id": ANN, "type": "private" });
    more
}

async fn open() -> (Running, Telegram, String) {
    let (running, telegram) = (shop().await, Telegram::start().await);
    let account = telegram.added(&running).await;
    (running, telegram, account)
}

#[tokio::test]
async fn an_event_that_comes_again_changes_nothing() {
    let (running, telegram, _) = open().await;
    conformance::an_event_that_comes_again_changes_nothing(&running, &telegram).await;
}

#[tokio::test]
async fn every_message_arrives_once_and_in_order() {
    let (running, telegram, _) = open().await;
    conformance::every_message_arrives_once_and_in_order(&running, &telegram).await;
}

#[tokio::test]
async fn what_is_refused_is_shown_and_sent_again_by_hand() {
    let (running, telegram, _) = open().await;
    conformance::what_is_refused_is_shown_and_sent_again_by_hand(&running, &telegram).await;
}

#[tokio::test]
async fn an_account_is_switched_off_and_on() {
    let (running, telegram, account) = open().await;
    conformance::an_account_is_switched_off_and_on(&running, &telegram, &account).await;
}

#[tokio::test]
async fn a_customer_is_helped() {
    let (running, telegram, _) = open().await;
    shop::walk(&running, async |text| telegram.write(text).await, || telegram.heard()).await;
    let case = running.newest(|_| true).await;
    let contact = running.get(&format!("/contacts/{}", case["contact"].as_str().unwrap())).await;
    assert_eq!(contact["name"], "Ann Smith");
    // An edit changes the words; the team keeps the ones before.
    let edited = private(json!({ "text": "I want my money back", "message_id": 3 }));
    telegram.kept.lock().unwrap().updates.push(json!({ "update_id": 892_253_999, "edited_message": edited }));
    let case = running.newest(|case| said(case, "customer").contains(&"I want my money back")).await;
    assert!(said(&case, "note")[0].ends_with("I want a refund for my order, this is a scandal"));
}

/// A long text goes out in parts, each once, also where the vendor fails between them.
#[tokio::test]
async fn a_long_text_goes_out_in_parts() {
    let (running, telegram, _) = open().await;
    telegram.write("Hello").await;
    let case = running.newest(|case| how_far(case) == ["sent"]).await;
    let text = "This is one of very many sentences. ".repeat(260);
    telegram.acts().next(&[Act::Take, Act::TakeAndFail, Act::Slow]);
    let body = json!({ "text": text.trim() });
    running.ann(case["id"].as_str().unwrap(), "messages", body, 201).await;
    running.newest(|case| how_far(case) == ["sent", "sent"]).await;
    let heard = telegram.heard();
    assert_eq!((heard.len(), heard[1..].join(" ")), (4, text.trim().to_owned()));
}

/// R11: in a group the bot answers whoever calls it, and follows the group when it moves.
#[tokio::test]
async fn in_a_group_it_answers_whoever_calls_it() {
    let (running, telegram, _) = open().await;
    let group = |text: &str| {
        let from = json!({ "id": ANN, "is_bot": false, "first_name": "Ann" });
        json!({ "text": text, "from": from, "chat": { "id": -599, "type": "group", "title": "Bikes" } })
    };
    telegram.tell(group("who is there?"));
    let asked = telegram.tell(group("@harbour_bot hello"));
    running.newest(|case| how_far(case) == ["sent"]).await;
    let sent = telegram.calls("sendMessage");
    assert_eq!(sent[0]["reply_parameters"]["message_id"], asked);
    telegram.kept.lock().unwrap().moved_to = Some(-1_001);
    telegram.tell(group("@harbour_bot hello again"));
    running.newest(|case| how_far(case).len() == 2 && how_far(case)[1] == "sent").await;
    assert_eq!(telegram.calls("sendMessage").last().unwrap()["chat_id"], -1_001);
}

/// W1: called by Telegram, only its secret lets an update in, and a full body is bounded.
#[tokio::test]
async fn an_update_is_posted_with_its_secret() {
    let (running, telegram) = (shop().await, Telegram::start().await);
    let settings = json!({ "base_url": telegram.url, "mode": "webhook" });
    let secrets = json!({ "bot_token": TOKEN, "webhook_secret": "letters-and_digits9" });
    let account = running.add_channel("telegram", settings, secrets).await;
    let hook = running.until(async || telegram.kept.lock().unwrap().webhook.clone()).await;
    assert_eq!(hook["url"], format!("https://desk.example.com/hooks/{account}"));
    assert_eq!(hook["secret_token"], "letters-and_digits9");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{}/hooks/{account}", running.address);
    let post = async |secret: &str, body: String| {
        let request = client.post(&url).header("x-telegram-bot-api-secret-token", secret).body(body);
        request.send().await.unwrap().status().as_u16()
    };
    telegram.write("Hello").await;
    let update = telegram.kept.lock().unwrap().told[0].to_string();
    assert_eq!(post("letters-and_digits8", update.clone()).await, 401);
    assert_eq!(post("", update.clone()).await, 401);
    assert_eq!(post("letters-and_digits9", "not JSON".into()).await, 400);
    assert_eq!(post("letters-and_digits9", "[".repeat(100_000)).await, 400);
    assert_eq!(post("letters-and_digits9", " ".repeat(1_000_001)).await, 413);
    assert_eq!(running.get("/conversations").await["conversations"], json!([]));
    for _ in 0..3 {
        assert_eq!(post("letters-and_digits9", update.clone()).await, 200);
    }
    let case = running.newest(|case| how_far(case) == ["sent"]).await;
    assert_eq!(said(&case, "customer"), ["Hello"]);
}

/// Real payloads: none brings anything down, and what people wrote in them is read.
#[tokio::test]
async fn real_updates_are_read() {
    let Ok(folder) = std::env::var("FIXTURES_DIR") else {
        println!("skipped: FIXTURES_DIR names no folder of fixtures");
        return;
    };
    let (running, telegram, _) = open().await;
    let mut texts = Vec::new();
    let files = std::fs::read_dir(format!("{folder}/inbox/telegram/teloxide")).unwrap();
    for (n, file) in files.map(|file| file.unwrap().path()).enumerate() {
        let json: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let whole = json.get("update_id").is_some();
        let mut update = if whole { json } else { json!({ "message": json }) };
        update["update_id"] = json!(1_000 + n);
        let message = &update["message"];
        let private = message["chat"]["type"] == "private" && message["from"]["is_bot"] == json!(false);
        if let (true, Some(text)) = (private, message["text"].as_str()) {
            texts.extend((text != "/start").then(|| text.to_owned()));
        }
        telegram.kept.lock().unwrap().updates.push(update);
    }
    assert!(texts.len() > 3, "{texts:?}");
    running
        .until(async || {
            let list = running.get("/conversations?limit=200").await;
            let mut read = Vec::new();
            for case in list["conversations"].as_array().unwrap() {
                let case = running.conversation(case["id"].as_str().unwrap()).await;
                read.extend(said(&case, "customer").into_iter().map(str::to_owned));
            }
            texts.iter().all(|text| read.contains(text)).then_some(())
        })
        .await;
}
