//! Discord's gateway (docs.discord.com/developers/events/gateway).
//!
//! 1. Hello names the interval of heartbeats; the first comes after a random part of it.
//! 2. Identify begins a session, Resume goes on with one from the last event that was taken.
//! 3. A heartbeat without an answer until the next one means that nobody is there: we connect anew and resume.
//! 4. What cannot be mended by trying again (the token, the intents) is told in words.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::Discord;
use crate::adapters::cloud::{Access, Socket};
use crate::seams::channel::Inbound;

/// A session that can be resumed.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its name.
    pub id: String,
    /// Where it is resumed.
    pub url: String,
    /// The last event that was taken.
    pub seq: i64,
}

/// How a connection ended, where that can be mended.
enum Ended {
    /// It is resumed.
    Resume,
    /// It begins anew.
    Anew,
    /// We were asked to stop.
    Stopped,
}

#[derive(Deserialize)]
struct Payload {
    op: u8,
    #[serde(default)]
    d: Value,
    s: Option<i64>,
    t: Option<String>,
}

impl Discord {
    /// Listens over one connection after the other, until `stop` or something that trying again does not mend.
    pub(super) async fn stay(&self, intake: &dyn Inbound, stop: &CancellationToken) -> Result<(), String> {
        loop {
            let most = match self.connection(intake, stop).await? {
                Ended::Stopped => return Ok(()),
                Ended::Resume => Duration::from_secs(1),
                Ended::Anew => {
                    self.keep(None);
                    // Discord asks for one to five seconds.
                    Duration::from_secs(5)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(most / 5 + self.chance_of(most * 4 / 5)) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn chance_of(&self, most: Duration) -> Duration {
        most.mul_f64(rand::random::<f64>())
    }

    async fn connection(&self, intake: &dyn Inbound, stop: &CancellationToken) -> Result<Ended, String> {
        let session = self.session();
        let base = match &session {
            Some(session) if !session.url.is_empty() => session.url.clone(),
            Some(_) | None => self.gateway_url().await?,
        };
        let access = Access {
            name: "Discord".into(),
            base_url: base,
            key: String::new().into(),
            connect_timeout: CONNECT_TIMEOUT,
            stall_timeout: CONNECT_TIMEOUT,
        };
        let mut socket = match access.open_socket(&access.url("/?v=10&encoding=json"), ("authorization", "")).await {
            Ok(socket) => socket,
            Err(error) => {
                // Where a session was to be resumed may be gone for good; it is resumed by the common door then.
                self.keep(session.map(|session| Session { url: String::new(), ..session }));
                return Err(format!("Discord's gateway cannot be connected to: {error}"));
            }
        };
        let ended = self.converse(&mut socket, session, intake, stop).await;
        // Any code but 1000 and 1001 keeps the session alive.
        let code = if matches!(ended, Ok(Ended::Stopped)) { 1000 } else { 4900 };
        let close = Frame::Close(Some(CloseFrame { code: code.into(), reason: "".into() }));
        let _ = tokio::time::timeout(Duration::from_secs(1), socket.send(close)).await;
        ended
    }

    async fn converse(
        &self,
        socket: &mut Socket,
        session: Option<Session>,
        intake: &dyn Inbound,
        stop: &CancellationToken,
    ) -> Result<Ended, String> {
        let mut seq = session.as_ref().map(|session| session.seq);
        let mut interval = HELLO_TIMEOUT;
        let mut beat_at = Instant::now() + HELLO_TIMEOUT;
        let mut answered = true;
        let mut greeted = false;
        loop {
            let frame = tokio::select! {
                frame = socket.next() => frame,
                () = stop.cancelled() => return Ok(Ended::Stopped),
                () = sleep_until(beat_at) => {
                    if !greeted || !answered {
                        debug!("Discord's gateway is silent");
                        return Ok(Ended::Resume);
                    }
                    answered = false;
                    beat_at = Instant::now() + interval;
                    say(socket, json!({ "op": 1, "d": seq })).await?;
                    continue;
                }
            };
            let payload = match frame {
                Some(Ok(Frame::Text(text))) => match serde_json::from_str::<Payload>(&text) {
                    Ok(payload) => payload,
                    Err(_) => continue,
                },
                Some(Ok(Frame::Close(frame))) => return closed(frame.map(|frame| u16::from(frame.code))),
                Some(Ok(_)) => continue, // Pings are answered below us.
                Some(Err(_)) | None => return Ok(Ended::Resume),
            };
            match payload.op {
                10 => {
                    greeted = true;
                    let ms = payload.d["heartbeat_interval"].as_u64().unwrap_or(41_250).clamp(50, 600_000);
                    interval = Duration::from_millis(ms);
                    beat_at = Instant::now() + self.chance_of(interval);
                    say(socket, self.begins(session.as_ref())).await?;
                }
                1 => say(socket, json!({ "op": 1, "d": seq })).await?,
                11 => answered = true,
                7 => return Ok(Ended::Resume),
                9 if payload.d == json!(true) => return Ok(Ended::Resume),
                9 => return Ok(Ended::Anew),
                0 => {
                    self.happened(payload.t.as_deref().unwrap_or_default(), &payload.d, intake).await?;
                    // Only what is durable is passed over when the session is resumed.
                    seq = payload.s.or(seq);
                    self.came_to(seq);
                }
                _ => {} // Of no concern to bots.
            }
        }
    }

    fn begins(&self, session: Option<&Session>) -> Value {
        let token = self.token.expose_secret();
        match session {
            Some(Session { id, seq, .. }) => {
                json!({ "op": 6, "d": { "token": token, "session_id": id, "seq": seq } })
            }
            None => json!({
                "op": 2,
                "d": {
                    "token": token, "intents": INTENTS,
                    "properties": { "os": std::env::consts::OS, "browser": "switchboard", "device": "switchboard" },
                },
            }),
        }
    }
}

async fn say(socket: &mut Socket, payload: Value) -> Result<(), String> {
    let sent = tokio::time::timeout(CONNECT_TIMEOUT, socket.send(Frame::text(payload.to_string()))).await;
    // A connection that takes nothing any more ends with the next frame that does not come.
    if !matches!(sent, Ok(Ok(()))) {
        debug!("Discord's gateway takes nothing");
    }
    Ok(())
}

/// What a close code means (docs.discord.com/developers/topics/opcodes-and-status-codes).
fn closed(code: Option<u16>) -> Result<Ended, String> {
    let mend = |words: &str| Err(format!("Discord closed the connection ({}): {words}", code.unwrap_or_default()));
    match code {
        Some(4004) => mend("the bot's token is wrong; enter it again"),
        Some(4010..=4011) => mend("this bot is in so many servers that it must be split, which is not there yet"),
        Some(4012) => mend("this version of the gateway is no longer served; update Switchboard"),
        Some(4013) => mend("the intents asked for are not known to it; update Switchboard"),
        Some(4014) => mend(
            "the bot may not read messages; open the application on discord.com/developers, page \"Bot\", and switch on \
             \"Message Content Intent\"",
        ),
        Some(1000 | 1001 | 4007 | 4009) => Ok(Ended::Anew),
        _ => Ok(Ended::Resume),
    }
}

/// GUILD_MESSAGES, DIRECT_MESSAGES and MESSAGE_CONTENT.
const INTENTS: u32 = 1 << 9 | 1 << 12 | 1 << 15;
/// Connecting, or one frame.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Until the gateway greets.
const HELLO_TIMEOUT: Duration = Duration::from_secs(15);
