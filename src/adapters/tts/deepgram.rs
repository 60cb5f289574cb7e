//! Deepgram's speech over WebSocket (developers.deepgram.com, "Text to Speech WebSocket").
//!
//! Sent: `{"type":"Speak","text":…}`, `{"type":"Flush"}`. Received: binary audio, `{"type":"Flushed"}`, warnings.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::streaming::{Said, SpeechForm};
use crate::adapters::cloud::Access;
use crate::seams::tts::TtsRequest;

/// Deepgram's message form.
pub struct Deepgram {
    /// The voice where a request names none: `aura-2-thalia-en`.
    pub voice: String,
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, alias = "err_msg", alias = "warn_msg", alias = "message")]
    description: String,
}

impl SpeechForm for Deepgram {
    fn url(&self, access: &Access, request: &TtsRequest) -> String {
        let voice = voice_of(request, &self.voice);
        access.url(&format!("/v1/speak?model={voice}&encoding=linear16&sample_rate={}", media::ENGINE_RATE_HZ))
    }

    fn auth(&self) -> (&'static str, &'static str) {
        ("authorization", "Token ")
    }

    fn messages(&self, text: &str, _: &TtsRequest) -> Vec<Message> {
        let speak = json!({"type": "Speak", "text": text}).to_string();
        vec![Message::text(speak), Message::text(r#"{"type":"Flush"}"#)]
    }

    fn read(&self, message: &Message) -> Said {
        match message {
            Message::Binary(audio) => Said::Audio(audio.to_vec()),
            Message::Text(text) => match serde_json::from_str::<Incoming>(text) {
                Ok(incoming) if incoming.kind == "Flushed" => Said::Done,
                Ok(incoming) if incoming.kind == "Error" => Said::Refused(incoming.description),
                // Metadata, warnings, and kinds that came later.
                _ => Said::Nothing,
            },
            // Pings are answered by the connection itself.
            _ => Said::Nothing,
        }
    }

    fn reusable(&self) -> bool {
        true
    }

    fn idle_max(&self) -> Duration {
        Duration::from_secs(50)
    }
}

/// The provider's own voice name; the names of our local voices mean nothing to it.
pub fn voice_of<'a>(request: &'a TtsRequest, default: &'a str) -> &'a str {
    let local = |name: &&str| super::hibari::VOICES.iter().any(|voice| voice.name == *name);
    request.voice.as_deref().filter(|name| !local(name)).filter(|name| is_name(name)).unwrap_or(default)
}

/// Voice names go into addresses.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 80 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}
