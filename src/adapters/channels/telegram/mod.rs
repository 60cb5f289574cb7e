//! Telegram by a bot (core.telegram.org/bots/api).
//!
//! 1. Polling: `getUpdates` asks for what is new and waits for it; asking beyond an update confirms it, so that is done
//!    once it is durable. Called: Telegram posts each update, with a secret of ours in a header, until we answer 200.
//! 2. Out: `sendMessage`, in parts of 4,096. Telegram knows no key by which it would take a message once. So one that
//!    may have been taken is looked for: an own message that is edited into the very text it has already is "not
//!    modified", and one that is not there is "not found" (`probe.rs`).

mod probe;
mod update;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::update::{Heard, Me, Place, Update, external_id, heard};
use super::calls::{self, Answer, ask, not_let_in, told};
use crate::adapters::cloud::shortened;
use crate::domain::parts::parts;
use crate::domain::turn::ChannelTraits;
use crate::seams::channel::{
    Change, Channel, Delivery, DeliveryError, Found, HookAnswer, HookRequest, Inbound, InboundError, Receipt, Setup,
};

/// One bot.
pub struct Telegram {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    called: Option<Called>,
    poll: Duration,
    me: OnceCell<Me>,
    /// The highest id of a message in any private chat: they share one count.
    newest: AtomicI64,
}

/// How Telegram calls us.
struct Called {
    url: Option<String>,
    secret: SecretString,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    base_url: String,
    /// `poll` or `webhook`.
    mode: Mode,
    /// How long one question waits for news, in seconds.
    poll_seconds: u64,
}

#[derive(Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Poll,
    Webhook,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { base_url: "https://api.telegram.org".into(), mode: Mode::Poll, poll_seconds: 25 }
    }
}

impl Telegram {
    /// A bot as it was set up.
    pub fn new(mut setup: Setup) -> Result<Telegram, String> {
        let settings: Settings = calls::settings(&setup.settings)?;
        let token = setup.secrets.remove("bot_token");
        let token = token.ok_or("the secret bot_token is missing; @BotFather on Telegram gives it")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '_' | '-');
        if !token.expose_secret().chars().all(plain) {
            return Err("bot_token looks like 123456:ABC-DEF; copy it again from @BotFather".into());
        }
        let called = match settings.mode {
            Mode::Poll => None,
            Mode::Webhook => {
                let secret = setup.secrets.remove("webhook_secret");
                let secret = secret.ok_or("mode webhook needs the secret webhook_secret: letters, digits, _ and -")?;
                if !secret.expose_secret().chars().all(|c| plain(c) && c != ':') {
                    return Err("webhook_secret has letters, digits, _ and - alone".into());
                }
                Some(Called { url: setup.hook_url, secret })
            }
        };
        Ok(Telegram {
            client: calls::client()?,
            base: calls::base_url(&settings.base_url)?,
            token,
            called,
            poll: Duration::from_secs(settings.poll_seconds.clamp(1, 50)),
            me: OnceCell::new(),
            newest: AtomicI64::new(0),
        })
    }

    async fn call(&self, method: &str, body: &Value, timeout: Duration) -> Result<Answer, DeliveryError> {
        let url = format!("{}/bot{}/{method}", self.base, self.token.expose_secret());
        ask(self.client.post(url).json(body), timeout).await
    }

    /// The result of a call that changes nothing for a customer.
    async fn result<T: serde::de::DeserializeOwned>(&self, method: &str, body: &Value) -> Result<T, String> {
        let patience = if method == "getUpdates" { self.poll + CALL_TIMEOUT } else { CALL_TIMEOUT };
        let answer = self.call(method, body, patience).await.map_err(|error| error.to_string())?;
        if answer.body["ok"] == json!(true) {
            return T::deserialize(&answer.body["result"])
                .map_err(|_| format!("Telegram's answer to {method} cannot be read; is base_url right?"));
        }
        Err(refusal(&answer).to_string())
    }

    async fn me(&self) -> Result<&Me, String> {
        self.me.get_or_try_init(async || self.result("getMe", &json!({})).await).await
    }

    async fn take(&self, update: Value, intake: &dyn Inbound) -> Result<(), InboundError> {
        // What is not in this form concerns nobody here, and is not asked for again.
        let Ok(update) = serde_json::from_value::<Update>(update) else { return Ok(()) };
        let Ok(me) = self.me().await else { return Err(InboundError::Busy) };
        match heard(update, me) {
            Heard::Message(arrived) => {
                if let Some((chat, id)) = arrived.external_id.as_deref().and_then(probe::ids) {
                    self.saw(chat, id);
                }
                intake.arrived(*arrived).await.map(drop)
            }
            Heard::Edited { external_id, text } => intake.changed(&external_id, Change::Edited(text)).await,
            Heard::Nothing => Ok(()),
        }
    }

    fn saw(&self, chat: i64, message: i64) {
        if chat > 0 {
            self.newest.fetch_max(message, Ordering::Relaxed);
        }
    }

    async fn poll(&self, intake: &dyn Inbound, stop: &CancellationToken) -> Result<(), String> {
        self.result::<Value>("deleteWebhook", &json!({ "drop_pending_updates": false })).await?;
        let mut offset = 0_i64;
        loop {
            let body = json!({ "offset": offset, "timeout": self.poll.as_secs(), "allowed_updates": UPDATES });
            let updates: Vec<Value> = tokio::select! {
                updates = self.result("getUpdates", &body) => updates?,
                () = stop.cancelled() => return Ok(()),
            };
            intake.fares(None).await;
            for update in updates {
                let id = update["update_id"].as_i64();
                self.take(update, intake).await.map_err(|error| error.to_string())?;
                offset = id.map_or(offset, |id| offset.max(id.saturating_add(1)));
            }
        }
    }

    async fn be_called(&self, called: &Called) -> Result<(), String> {
        let url = called.url.as_ref().ok_or("set http.public_url, so that Telegram can call; or choose mode poll")?;
        let secret = called.secret.expose_secret();
        let body = json!({ "url": url, "secret_token": secret, "allowed_updates": UPDATES });
        self.result::<Value>("setWebhook", &body).await.map(drop)
    }

    /// Sends one part; follows a group that became a supergroup, once.
    async fn send(&self, place: &Place, delivery: &Delivery, text: &str) -> Result<i64, DeliveryError> {
        let mut chat = place.chat;
        for _ in 0..2 {
            let mut body = json!({
                "chat_id": chat, "text": text, "link_preview_options": { "is_disabled": true },
            });
            if let Some(topic) = place.topic {
                body["message_thread_id"] = json!(topic);
            }
            let asked = delivery.last_of_customer().and_then(probe::ids).filter(|(of, _)| *of == chat);
            if let Some((_, asked)) = asked.filter(|_| !place.is_private()) {
                body["reply_parameters"] = json!({ "message_id": asked, "allow_sending_without_reply": true });
            }
            let answer = self.call("sendMessage", &body, CALL_TIMEOUT).await?;
            if let Some(sent) = answer.body["result"]["message_id"].as_i64().filter(|_| answer.status == 200) {
                self.saw(chat, sent);
                return Ok(sent);
            }
            match answer.body["parameters"]["migrate_to_chat_id"].as_i64() {
                Some(moved) => chat = moved,
                None => return Err(refusal(&answer)),
            }
        }
        Err(DeliveryError::Refused { why: "the group moved, and moved again".into() })
    }
}

#[async_trait]
impl Channel for Telegram {
    async fn deliver(&self, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
        let (place, text, more) = next_part(delivery)?;
        let sent = self.send(&place, delivery, text).await?;
        Ok(Receipt { more, ..Receipt::sent(external_id(place.chat, sent)) })
    }

    async fn look_for(&self, delivery: &Delivery) -> Result<Found, DeliveryError> {
        let (place, text, more) = next_part(delivery)?;
        let Some(candidates) = probe::candidates(&place, delivery, self.newest.load(Ordering::Relaxed)) else {
            return Ok(Found::Unknowable);
        };
        for id in candidates {
            let body = json!({
                "chat_id": place.chat, "message_id": id, "text": text, "link_preview_options": { "is_disabled": true },
            });
            let answer = self.call("editMessageText", &body, CALL_TIMEOUT).await?;
            match probe::said(answer.status, &answer.body) {
                probe::Said::Ours => {
                    self.saw(place.chat, id);
                    return Ok(Found::Taken(Receipt { more, ..Receipt::sent(external_id(place.chat, id)) }));
                }
                probe::Said::NotOurs => {}
                probe::Said::Nothing => return Err(refusal(&answer)),
            }
        }
        Ok(Found::SendAgain)
    }

    async fn test(&self) -> Result<String, String> {
        let me: Me = self.result("getMe", &json!({})).await?;
        let hook: Value = self.result("getWebhookInfo", &json!({})).await?;
        let name = format!("Telegram knows this bot as @{} ({})", me.username, me.first_name);
        let failure = hook["last_error_message"].as_str().filter(|_| self.called.is_some());
        match (failure, &self.called) {
            (Some(why), _) => Err(shortened(&format!("{name}, but could not call us: {why}"))),
            (None, Some(called)) if called.url.is_none() => {
                Err(format!("{name}, but has no address to call; set http.public_url"))
            }
            (None, _) => Ok(format!("{name}.")),
        }
    }

    async fn listen(&self, intake: Arc<dyn Inbound>, shutdown: CancellationToken) -> Result<(), String> {
        self.me().await?;
        match &self.called {
            None => self.poll(&*intake, &shutdown).await,
            Some(called) => {
                self.be_called(called).await?;
                intake.fares(None).await;
                Ok(())
            }
        }
    }

    async fn hook(&self, request: HookRequest, intake: Arc<dyn Inbound>) -> HookAnswer {
        let Some(called) = &self.called else { return HookAnswer::text(404, "This bot is not called.") };
        let given = request.header("x-telegram-bot-api-secret-token").unwrap_or_default();
        if request.method != "POST" || !calls::same(given.as_bytes(), called.secret.expose_secret().as_bytes()) {
            return HookAnswer::text(401, "The secret token is missing or wrong.");
        }
        let Ok(update) = serde_json::from_slice(&request.body) else {
            return HookAnswer::text(400, "This is not JSON.");
        };
        match self.take(update, &*intake).await {
            Ok(()) => HookAnswer::text(200, "ok"),
            Err(error) => {
                debug!(%error, "An update of Telegram's is to come again");
                HookAnswer::text(503, "Send it again in a moment.")
            }
        }
    }
}

/// The part that is to be sent, where to, and whether another follows.
fn next_part(delivery: &Delivery) -> Result<(Place, &str, bool), DeliveryError> {
    let refused = |why: &str| DeliveryError::Refused { why: why.to_owned() };
    let place =
        Place::parse(&delivery.thread).ok_or_else(|| refused("the conversation names no chat of Telegram's"))?;
    let parts = parts(&delivery.text, ChannelTraits::TELEGRAM.text_chars_max);
    let next = delivery.parts_sent as usize;
    let text = parts.get(next).ok_or_else(|| refused("there is nothing to send"))?;
    Ok((place, text, next + 1 < parts.len()))
}

/// What a refusal means (`{ok: false, error_code, description, parameters}`).
fn refusal(answer: &Answer) -> DeliveryError {
    let words = answer.body["description"].as_str();
    let why = told("Telegram", answer.status, words);
    let asked = answer.body["parameters"]["retry_after"].as_u64().map(Duration::from_secs);
    match answer.status {
        429 => DeliveryError::Later { after: asked.or(answer.retry_after), why },
        401 | 404 => not_let_in("Telegram", answer.status, words),
        // Another program asks with the same token.
        409 => DeliveryError::Later { after: None, why: format!("{why}; another program uses this bot's token") },
        500.. => DeliveryError::Uncertain { why },
        _ => DeliveryError::Refused { why },
    }
}

/// What we ask to be told of.
const UPDATES: [&str; 2] = ["message", "edited_message"];
/// One call; within the bound on a delivery.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
