//! Slack by the Events API and `chat.postMessage` (docs.slack.dev).
//!
//! 1. Slack posts each event, signed over the raw body, and again after a minute and five until it is answered 200. The
//!    same message may come as two events (`message` and `app_mention`): it is one by its channel and time.
//! 2. Out: into the thread it belongs to, carrying our key as metadata, by which one that may have been taken is found
//!    again in the thread.

mod event;
mod signature;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use self::event::{Envelope, Heard, Me, external_id, heard, inert};
use super::calls::{self, Answer, ask, not_let_in, told};
use crate::domain::contact::{Address, AddressKind};
use crate::domain::parts::parts;
use crate::domain::turn::ChannelTraits;
use crate::seams::channel::{
    Arrived, Change, Channel, Delivery, DeliveryError, Found, HookAnswer, HookRequest, Inbound, InboundError, Receipt,
    Setup,
};

/// One app in one workspace.
pub struct Slack {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    signing: SecretString,
    hook_url: Option<String>,
    me: OnceCell<Me>,
    names: Mutex<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    base_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { base_url: "https://slack.com/api".into() }
    }
}

impl Slack {
    /// An app as it was set up.
    pub fn new(mut setup: Setup) -> Result<Slack, String> {
        let settings: Settings = calls::settings(&setup.settings)?;
        let mut secret = |name: &str, page: &str| {
            setup
                .secrets
                .remove(name)
                .ok_or_else(|| format!("the secret {name} is missing; the app's page {page} has it"))
        };
        Ok(Slack {
            token: secret("bot_token", "\"OAuth & Permissions\"")?,
            signing: secret("signing_secret", "\"Basic Information\"")?,
            client: calls::client()?,
            base: calls::base_url(&settings.base_url)?,
            hook_url: setup.hook_url,
            me: OnceCell::new(),
            names: Mutex::default(),
        })
    }

    async fn call(&self, method: &str, body: &Value, timeout: Duration) -> Result<Answer, DeliveryError> {
        let request = self.client.post(format!("{}/{method}", self.base));
        let answer = ask(request.bearer_auth(self.token.expose_secret()).json(body), timeout).await?;
        if answer.status == 200 && answer.body["ok"] == json!(true) { Ok(answer) } else { Err(refusal(&answer)) }
    }

    async fn read(&self, method: &str, query: &[(&str, &str)], timeout: Duration) -> Result<Answer, DeliveryError> {
        let url = url::Url::parse_with_params(&format!("{}/{method}", self.base), query);
        let url = url.map_err(|_| DeliveryError::Refused { why: "base_url is no address".into() })?;
        let answer = ask(self.client.get(url).bearer_auth(self.token.expose_secret()), timeout).await?;
        if answer.status == 200 && answer.body["ok"] == json!(true) { Ok(answer) } else { Err(refusal(&answer)) }
    }

    async fn me(&self) -> Result<&Me, String> {
        let ask = async || {
            let answer = self.call("auth.test", &json!({}), CALL_TIMEOUT).await.map_err(|error| error.to_string())?;
            Me::deserialize(&answer.body).map_err(|_| "Slack's answer cannot be read; is base_url right?".to_owned())
        };
        self.me.get_or_try_init(ask).await
    }

    /// As somebody is called; Slack is not made to wait for it.
    async fn name_of(&self, user: &str) -> Option<String> {
        let known = |names: &Mutex<BTreeMap<String, String>>| {
            names.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(user).cloned()
        };
        if let Some(name) = known(&self.names) {
            return Some(name);
        }
        let answer = self.read("users.info", &[("user", user)], NAME_TIMEOUT).await.ok()?;
        let user_of = &answer.body["user"];
        let name = [&user_of["profile"]["display_name"], &user_of["real_name"], &user_of["name"]];
        let name = name.into_iter().filter_map(Value::as_str).find(|name| !name.is_empty())?.to_owned();
        let mut names = self.names.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if names.len() >= NAMES_MAX {
            names.clear();
        }
        names.insert(user.to_owned(), name.clone());
        Some(name)
    }

    async fn take(&self, envelope: Envelope, intake: &dyn Inbound) -> Result<(), InboundError> {
        let Some(event) = &envelope.event else { return Ok(()) };
        let Ok(me) = self.me().await else { return Err(InboundError::Busy) };
        match heard(event, me) {
            Heard::Message { thread, external_id, user, text } => {
                let address = format!("slack:{}:{user}", envelope.team_id);
                let arrived = Arrived {
                    thread,
                    key: format!("event {}", external_id),
                    external_id: Some(external_id),
                    name: self.name_of(&user).await,
                    // Slack vouches for who it is.
                    addresses: Address::parse(AddressKind::External, &address).into_iter().collect(),
                    text,
                    ..Arrived::default()
                };
                intake.arrived(arrived).await.map(drop)
            }
            Heard::Edited { external_id, text } => intake.changed(&external_id, Change::Edited(text)).await,
            Heard::Deleted { external_id } => intake.changed(&external_id, Change::Deleted).await,
            Heard::Nothing => Ok(()),
        }
    }
}

#[async_trait]
impl Channel for Slack {
    async fn deliver(&self, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
        let (text, more) = next_part(delivery)?;
        let (channel, thread) = place(delivery);
        let mut body = json!({
            "channel": channel, "text": inert(text), "mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
            "metadata": { "event_type": EVENT_TYPE, "event_payload": { "key": part_key(delivery) } },
        });
        if let Some(thread) = thread {
            body["thread_ts"] = json!(thread);
        }
        let answer = self.call("chat.postMessage", &body, CALL_TIMEOUT).await?;
        let ts = answer.body["ts"].as_str().unwrap_or_default();
        Ok(Receipt { more, ..Receipt::sent(external_id(channel, ts)) })
    }

    async fn look_for(&self, delivery: &Delivery) -> Result<Found, DeliveryError> {
        let (_, more) = next_part(delivery)?;
        let (channel, thread) = place(delivery);
        // From shortly before it was written: our clock and theirs differ.
        let oldest = format!("{}.000000", (delivery.at.0 / 1_000).saturating_sub(300));
        let mut query = vec![
            ("channel", channel),
            ("include_all_metadata", "true"),
            ("limit", "200"),
            ("oldest", &*oldest),
            ("inclusive", "true"),
        ];
        let method = match thread {
            Some(thread) => {
                query.push(("ts", thread));
                "conversations.replies"
            }
            None => "conversations.history",
        };
        let answer = self.read(method, &query, CALL_TIMEOUT).await?;
        let key = part_key(delivery);
        let messages = answer.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = messages.iter().find(|message| message["metadata"]["event_payload"]["key"] == json!(key));
        match found.and_then(|message| message["ts"].as_str()) {
            Some(ts) => Ok(Found::Taken(Receipt { more, ..Receipt::sent(external_id(channel, ts)) })),
            // Of more than a page nobody can tell without reading all of it.
            None if answer.body["has_more"] == json!(true) => Ok(Found::Unknowable),
            None => Ok(Found::SendAgain),
        }
    }

    async fn test(&self) -> Result<String, String> {
        let answer = self.call("auth.test", &json!({}), CALL_TIMEOUT).await.map_err(|error| error.to_string())?;
        let me = Me::deserialize(&answer.body).map_err(|_| "Slack's answer cannot be read; is base_url right?")?;
        let name = format!("Slack knows this app as @{} in {}", me.user, me.team);
        match &self.hook_url {
            Some(url) => Ok(format!("{name}. Give Slack {url} as the request URL of its events.")),
            None => Err(format!("{name}, but has no address to call; set http.public_url")),
        }
    }

    async fn listen(&self, intake: Arc<dyn Inbound>, _: CancellationToken) -> Result<(), String> {
        self.me().await?;
        intake.fares(None).await;
        Ok(())
    }

    async fn hook(&self, request: HookRequest, intake: Arc<dyn Inbound>) -> HookAnswer {
        if !signature::is_right(&request, self.signing.expose_secret()) {
            return HookAnswer::text(401, "The signature is missing, wrong or too old.");
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(&request.body) else {
            return HookAnswer::text(400, "This is no event.");
        };
        if envelope.r#type == "url_verification" {
            return HookAnswer::text(200, envelope.challenge.unwrap_or_default());
        }
        let event = envelope.event_id.clone();
        match self.take(envelope, &*intake).await {
            Ok(()) => HookAnswer::text(200, "ok"),
            Err(error) => {
                debug!(slack.event = event, %error, "An event of Slack's is to come again");
                HookAnswer::text(503, "Send it again in a moment.")
            }
        }
    }
}

/// The part that is to be sent, and whether another follows.
fn next_part(delivery: &Delivery) -> Result<(&str, bool), DeliveryError> {
    let parts = parts(&delivery.text, ChannelTraits::SLACK.text_chars_max);
    let next = delivery.parts_sent as usize;
    let text = parts.get(next).ok_or_else(|| DeliveryError::Refused { why: "there is nothing to send".into() })?;
    Ok((text, next + 1 < parts.len()))
}

fn part_key(delivery: &Delivery) -> String {
    format!("{}/{}", delivery.key, delivery.parts_sent)
}

/// The channel, and the thread in it.
fn place(delivery: &Delivery) -> (&str, Option<&str>) {
    match delivery.thread.split_once(':') {
        Some((channel, thread)) => (channel, Some(thread)),
        None => (&delivery.thread, None),
    }
}

/// What a refusal means (`{ok: false, error}`; docs.slack.dev/reference/methods/chat.postMessage).
fn refusal(answer: &Answer) -> DeliveryError {
    let words = answer.body["error"].as_str();
    let why = told("Slack", answer.status, words);
    match (answer.status, words.unwrap_or_default()) {
        (429, _) | (_, "ratelimited" | "rate_limited") => DeliveryError::Later { after: answer.retry_after, why },
        (401 | 403, _)
        | (
            _,
            "invalid_auth" | "not_authed" | "account_inactive" | "token_revoked" | "token_expired" | "missing_scope",
        ) => not_let_in("Slack", answer.status, words),
        (500.., _) | (200, "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout" | "") => {
            DeliveryError::Uncertain { why }
        }
        _ => DeliveryError::Refused { why },
    }
}

/// Names our metadata among others'.
const EVENT_TYPE: &str = "switchboard_message";
/// One call; within the bound on a delivery.
const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// Slack wants an answer within three seconds; without a name it is still a message.
const NAME_TIMEOUT: Duration = Duration::from_millis(1_200);
/// Names kept; all are forgotten and asked for anew beyond it.
const NAMES_MAX: usize = 2_000;
