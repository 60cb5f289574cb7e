//! ElevenLabs' recognition over WebSocket (elevenlabs.io API reference, "Realtime speech to text").
//!
//! Sent: `input_audio_chunk` with base64 audio, and one with `commit` to finish. Received: `partial_transcript`,
//! `committed_transcript`, and errors by kind.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use media::Frame;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::deepgram::frame_bytes;
use super::dictation::Words;
use super::streaming::{ListenForm, Told};
use crate::adapters::cloud::Access;

/// ElevenLabs' message form.
pub struct ElevenLabs {
    /// The model: `scribe_v2_realtime`.
    pub model: String,
    /// The language code: `en`.
    pub language: String,
}

#[derive(Deserialize)]
struct Incoming {
    message_type: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    error: String,
}

impl ListenForm for ElevenLabs {
    fn url(&self, access: &Access) -> String {
        let ElevenLabs { model, language } = self;
        access.url(&format!(
            "/v1/speech-to-text/realtime?model_id={model}&language_code={language}&audio_format=pcm_16000\
             &commit_strategy=manual"
        ))
    }

    fn auth(&self) -> (&'static str, &'static str) {
        ("xi-api-key", "")
    }

    fn audio(&self, frame: &Frame) -> Message {
        chunk(&STANDARD.encode(frame_bytes(frame)), false)
    }

    fn finish(&self) -> Message {
        chunk("", true)
    }

    fn keep_alive(&self) -> Option<Message> {
        Some(chunk("", false))
    }

    fn close(&self) -> Option<Message> {
        None
    }

    fn read(&self, message: &Message) -> Told {
        let Message::Text(text) = message else { return Told::Nothing };
        let Ok(incoming) = serde_json::from_str::<Incoming>(text) else { return Told::Nothing };
        let settled = match incoming.message_type.as_str() {
            "partial_transcript" => false,
            "committed_transcript" => true,
            // The same words a second time.
            "committed_transcript_with_timestamps" | "session_started" => return Told::Nothing,
            // Too little audio since the last commit: there is nothing to add.
            "commit_throttled" | "insufficient_audio_activity" => {
                return Told::Words(Words { settled: true, answers: true, ..Words::default() });
            }
            kind if !incoming.error.is_empty() || kind.contains("error") => {
                return Told::Refused(format!("{kind} {}", incoming.error));
            }
            // Kinds that came later.
            _ => return Told::Nothing,
        };
        Told::Words(Words { text: incoming.text, settled, answers: settled, ..Words::default() })
    }
}

fn chunk(audio_base64: &str, commit: bool) -> Message {
    let rate = media::ENGINE_RATE_HZ;
    let chunk = json!({
        "message_type": "input_audio_chunk", "audio_base_64": audio_base64, "commit": commit, "sample_rate": rate,
    });
    Message::text(chunk.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transcripts_and_errors_are_told_apart() {
        let form = ElevenLabs { model: "scribe_v2_realtime".into(), language: "en".into() };
        let read = |text: &str| form.read(&Message::text(text));
        let partial = r#"{"message_type":"partial_transcript","text":"hel"}"#;
        assert!(matches!(read(partial), Told::Words(Words { settled: false, .. })));
        let committed = r#"{"message_type":"committed_transcript","text":"hello"}"#;
        assert!(matches!(read(committed), Told::Words(Words { settled: true, answers: true, .. })));
        assert!(matches!(read(r#"{"message_type":"quota_exceeded","error":"no"}"#), Told::Refused(_)));
        assert!(matches!(read(r#"{"message_type":"session_started"}"#), Told::Nothing));
    }
}
