//! Discord by a bot (docs.discord.com/developers).
//!
//! 1. Ordinary messages come over the gateway alone (`gateway.rs`): all direct messages, and in servers those that name
//!    us, or stand in a thread of ours.
//! 2. In a server each conversation has a thread of its own, which hangs on the message that began it and has its name.
//! 3. Out: with a nonce by which Discord takes a message once for some minutes; one that may have been taken is looked
//!    for among ours first.

mod gateway;
mod message;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use self::gateway::Session;
use self::message::{Message, Place, User};
use super::calls::{self, Answer, ask, not_let_in, told};
use crate::domain::contact::{Address, AddressKind};
use crate::domain::parts::parts;
use crate::domain::turn::ChannelTraits;
use crate::seams::channel::{
    Arrived, Change, Channel, Delivery, DeliveryError, Found, Inbound, InboundError, Receipt, Setup,
};

/// One bot.
pub struct Discord {
    client: reqwest::Client,
    base: String,
    token: SecretString,
    me: OnceCell<User>,
    session: Mutex<Option<Session>>,
    /// Threads that are known to be there.
    threads: Mutex<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    base_url: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { base_url: "https://discord.com/api/v10".into() }
    }
}

impl Discord {
    /// A bot as it was set up.
    pub fn new(mut setup: Setup) -> Result<Discord, String> {
        let settings: Settings = calls::settings(&setup.settings)?;
        let token = setup.secrets.remove("bot_token");
        let token = token.ok_or("the secret bot_token is missing; the application's page \"Bot\" has it")?;
        Ok(Discord {
            client: calls::client()?,
            base: calls::base_url(&settings.base_url)?,
            token,
            me: OnceCell::new(),
            session: Mutex::default(),
            threads: Mutex::default(),
        })
    }

    async fn call(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Result<Answer, DeliveryError> {
        let request = self.client.request(method, format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bot {}", self.token.expose_secret()));
        let request = body.iter().fold(request, |request, body| request.json(body));
        let answer = ask(request, CALL_TIMEOUT).await?;
        if (200..300).contains(&answer.status) { Ok(answer) } else { Err(refusal(&answer)) }
    }

    async fn read(&self, path: &str) -> Result<Value, String> {
        let answer = self.call(reqwest::Method::GET, path, None).await;
        answer.map(|answer| answer.body).map_err(|error| error.to_string())
    }

    async fn me(&self) -> Result<&User, String> {
        let ask = async || {
            let me = self.read("/users/@me").await?;
            User::deserialize(&me).map_err(|_| "Discord's answer cannot be read; is base_url right?".to_owned())
        };
        self.me.get_or_try_init(ask).await
    }

    async fn gateway_url(&self) -> Result<String, String> {
        let gateway = self.read("/gateway/bot").await?;
        let url = gateway["url"].as_str().ok_or("Discord names no gateway; is base_url right?")?;
        Ok(url.to_owned())
    }

    fn session(&self) -> Option<Session> {
        held(&self.session).clone()
    }

    fn keep(&self, session: Option<Session>) {
        *held(&self.session) = session;
    }

    fn came_to(&self, seq: Option<i64>) {
        if let (Some(session), Some(seq)) = (held(&self.session).as_mut(), seq) {
            session.seq = seq;
        }
    }

    async fn happened(&self, kind: &str, event: &Value, intake: &dyn Inbound) -> Result<(), String> {
        let taken = match kind {
            "READY" => {
                let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
                self.keep(Some(Session { id: text("session_id"), url: text("resume_gateway_url"), seq: 0 }));
                intake.fares(None).await;
                Ok(())
            }
            "RESUMED" => {
                intake.fares(None).await;
                Ok(())
            }
            "MESSAGE_CREATE" => self.take(event, intake).await,
            "MESSAGE_UPDATE" => self.take_change(event, intake).await,
            "MESSAGE_DELETE" => intake.changed(event["id"].as_str().unwrap_or_default(), Change::Deleted).await,
            _ => Ok(()), // All else that happens in servers.
        };
        taken.map_err(|error| error.to_string())
    }

    async fn take(&self, event: &Value, intake: &dyn Inbound) -> Result<(), InboundError> {
        let Ok(message) = Message::deserialize(event) else { return Ok(()) };
        let Ok(me) = self.me().await else { return Err(InboundError::Busy) };
        let Some(author) = message.author.as_ref().filter(|author| !author.bot) else { return Ok(()) };
        let thread = match &message.guild_id {
            None => message.channel_id.clone(),
            Some(_) => match intake.known(std::slice::from_ref(&message.channel_id)).await?.and_then(|k| k.thread) {
                // A thread has the name of the message that it hangs on.
                Some(thread) => thread,
                None if message.names(&me.id) => format!("{}/{}", message.channel_id, message.id),
                None => return Ok(()),
            },
        };
        let Some(text) = message.words(&me.id) else { return Ok(()) };
        let arrived = Arrived {
            thread,
            key: format!("message {}", message.id),
            external_id: Some(message.id.clone()),
            name: Some(author.name().to_owned()),
            // Discord vouches for who it is.
            addresses: Address::parse(AddressKind::External, &format!("discord:{}", author.id)).into_iter().collect(),
            text,
            ..Arrived::default()
        };
        intake.arrived(arrived).await.map(drop)
    }

    async fn take_change(&self, event: &Value, intake: &dyn Inbound) -> Result<(), InboundError> {
        let Ok(message) = Message::deserialize(event) else { return Ok(()) };
        let Ok(me) = self.me().await else { return Err(InboundError::Busy) };
        match message.words(&me.id).filter(|_| message.content.is_some()) {
            Some(text) => intake.changed(&message.id, Change::Edited(text)).await,
            None => Ok(()),
        }
    }

    /// The channel to write to: in a server the conversation's thread, made where it is not there yet.
    async fn channel_of<'a>(&self, delivery: &'a Delivery) -> Result<&'a str, DeliveryError> {
        let (channel, message) = match Place::of(&delivery.thread) {
            Place::Direct(channel) => return Ok(channel),
            Place::Thread(channel, message) => (channel, message),
        };
        if held(&self.threads).contains(message) {
            return Ok(message);
        }
        let name: String =
            delivery.to_name.as_deref().unwrap_or("Support").chars().take(THREAD_NAME_CHARS_MAX).collect();
        let path = format!("/channels/{channel}/messages/{message}/threads");
        let request = self.client.post(format!("{}{path}", self.base));
        let request = request.header("authorization", format!("Bot {}", self.token.expose_secret()));
        let answer = ask(request.json(&json!({ "name": name })), CALL_TIMEOUT).await.map_err(unmade)?;
        match (answer.status, answer.body["code"].as_i64()) {
            (200..300, _) | (400, Some(THREAD_IS_THERE)) => {}
            _ => return Err(unmade(refusal(&answer))),
        }
        let mut threads = held(&self.threads);
        if threads.len() >= THREADS_KNOWN_MAX {
            threads.clear();
        }
        threads.insert(message.to_owned());
        Ok(message)
    }
}

#[async_trait]
impl Channel for Discord {
    async fn deliver(&self, delivery: &Delivery) -> Result<Receipt, DeliveryError> {
        let (text, more) = next_part(delivery)?;
        let channel = self.channel_of(delivery).await?;
        let body = json!({
            "content": text, "nonce": nonce(delivery), "enforce_nonce": true, "allowed_mentions": { "parse": [] },
        });
        let answer = self.call(reqwest::Method::POST, &format!("/channels/{channel}/messages"), Some(&body)).await?;
        Ok(Receipt { more, ..Receipt::sent(answer.body["id"].as_str().unwrap_or_default()) })
    }

    async fn look_for(&self, delivery: &Delivery) -> Result<Found, DeliveryError> {
        let (text, more) = next_part(delivery)?;
        let channel = self.channel_of(delivery).await?;
        let path = format!("/channels/{channel}/messages?limit=50");
        let answer = self.call(reqwest::Method::GET, &path, None).await?;
        let me = self.me().await.map_err(|why| DeliveryError::Later { after: None, why })?;
        let known = |id: &str| {
            let earlier = delivery.earlier.iter().map(|earlier| &earlier.external_id);
            earlier.chain(&delivery.parts_named).any(|known| known == id)
        };
        let ours = |message: &&Value| {
            message["author"]["id"] == json!(me.id)
                && message["content"] == json!(text)
                && message["id"].as_str().is_some_and(|id| !known(id))
        };
        let messages = answer.body.as_array().map(Vec::as_slice).unwrap_or_default();
        match messages.iter().find(ours).and_then(|message| message["id"].as_str()) {
            Some(id) => Ok(Found::Taken(Receipt { more, ..Receipt::sent(id) })),
            None => Ok(Found::SendAgain),
        }
    }

    async fn test(&self) -> Result<String, String> {
        let me = self.read("/users/@me").await?;
        let name = me["username"].as_str().ok_or("Discord's answer cannot be read; is base_url right?")?.to_owned();
        let flags = self.read("/applications/@me").await?["flags"].as_u64().unwrap_or(0);
        match flags & MESSAGE_CONTENT_FLAGS {
            0 => Err(format!(
                "Discord knows this bot as {name}, but it may not read messages; open the application on \
                 discord.com/developers, page \"Bot\", and switch on \"Message Content Intent\""
            )),
            _ => Ok(format!("Discord knows this bot as {name}.")),
        }
    }

    async fn listen(&self, intake: Arc<dyn Inbound>, shutdown: CancellationToken) -> Result<(), String> {
        self.me().await?;
        self.stay(&*intake, &shutdown).await
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Whatever became of a thread, no message was sent yet.
fn unmade(error: DeliveryError) -> DeliveryError {
    match error {
        DeliveryError::Uncertain { why } => DeliveryError::Later { after: None, why },
        other => other,
    }
}

/// The part that is to be sent, and whether another follows.
fn next_part(delivery: &Delivery) -> Result<(&str, bool), DeliveryError> {
    let parts = parts(&delivery.text, ChannelTraits::DISCORD.text_chars_max);
    let next = delivery.parts_sent as usize;
    let text = parts.get(next).ok_or_else(|| DeliveryError::Refused { why: "there is nothing to send".into() })?;
    Ok((text, next + 1 < parts.len()))
}

/// At most 25 characters.
fn nonce(delivery: &Delivery) -> String {
    let digest = Sha256::digest(format!("{}/{}", delivery.key, delivery.parts_sent));
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// What a refusal means (`{message, code, retry_after}`).
fn refusal(answer: &Answer) -> DeliveryError {
    let words = answer.body["message"].as_str();
    let why = told("Discord", answer.status, words);
    let asked =
        answer.body["retry_after"].as_f64().filter(|s| (0.0..86_400.0).contains(s)).map(Duration::from_secs_f64);
    match answer.status {
        429 => DeliveryError::Later { after: asked.or(answer.retry_after), why },
        401 => not_let_in("Discord", answer.status, words),
        500.. => DeliveryError::Uncertain { why },
        _ => DeliveryError::Refused { why },
    }
}

/// GATEWAY_MESSAGE_CONTENT and its limited form.
const MESSAGE_CONTENT_FLAGS: u64 = 1 << 18 | 1 << 19;
/// "A thread has already been created for this message".
const THREAD_IS_THERE: i64 = 160_004;
/// Discord's own bound.
const THREAD_NAME_CHARS_MAX: usize = 100;
/// Beyond it, all are asked for anew.
const THREADS_KNOWN_MAX: usize = 10_000;
/// One call; a delivery makes two at most, within the bound on it.
const CALL_TIMEOUT: Duration = Duration::from_secs(9);
