//! ElevenLabs' speech over WebSocket (elevenlabs.io API reference, "stream-input").
//!
//! Sent: a first message with a space and the settings, the text with `flush`, and an empty text as the end.
//! Received: `{"audio": base64, "isFinal": …}`. A connection speaks one text.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::deepgram::voice_of;
use super::streaming::{Said, SpeechForm};
use crate::adapters::cloud::Access;
use crate::seams::tts::TtsRequest;

/// A connection without text is closed after this by the provider; asked for, in seconds.
const INACTIVITY_S: u64 = 120;

/// ElevenLabs' message form.
pub struct ElevenLabs {
    /// The voice identifier where a request names none.
    pub voice: String,
    /// The model: `eleven_flash_v2_5`.
    pub model: String,
}

#[derive(Deserialize)]
struct Incoming {
    #[serde(default)]
    audio: Option<String>,
    #[serde(default, rename = "isFinal")]
    is_final: Option<bool>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    message: Option<String>,
}

impl SpeechForm for ElevenLabs {
    fn url(&self, access: &Access, request: &TtsRequest) -> String {
        let voice = voice_of(request, &self.voice);
        let model = &self.model;
        access.url(&format!(
            "/v1/text-to-speech/{voice}/stream-input?model_id={model}&output_format=pcm_16000&auto_mode=true\
             &inactivity_timeout={INACTIVITY_S}"
        ))
    }

    fn auth(&self) -> (&'static str, &'static str) {
        ("xi-api-key", "")
    }

    fn messages(&self, text: &str, request: &TtsRequest) -> Vec<Message> {
        // The range of speeds that its documentation allows.
        let speed = f64::from(request.speed.clamp(0.7, 1.2));
        let opening = json!({"text": " ", "voice_settings": {"speed": (speed * 100.0).round() / 100.0}});
        let words = json!({"text": format!("{text} "), "flush": true});
        [opening, words, json!({"text": ""})].into_iter().map(|m| Message::text(m.to_string())).collect()
    }

    fn read(&self, message: &Message) -> Said {
        let Message::Text(text) = message else { return Said::Nothing };
        let Ok(incoming) = serde_json::from_str::<Incoming>(text) else { return Said::Nothing };
        if let Some(error) = incoming.error {
            return Said::Refused(incoming.message.unwrap_or(error));
        }
        match incoming.audio.filter(|audio| !audio.is_empty()) {
            Some(audio) => STANDARD.decode(audio).map_or(Said::Nothing, Said::Audio),
            None if incoming.is_final == Some(true) => Said::Done,
            None => Said::Nothing,
        }
    }

    fn reusable(&self) -> bool {
        false
    }

    fn idle_max(&self) -> Duration {
        Duration::from_secs(INACTIVITY_S - 20)
    }
}
