//! Deepgram's recognition over WebSocket (developers.deepgram.com, "Live Streaming Audio").
//!
//! Sent: binary 16-bit audio, `Finalize`, `KeepAlive`, `CloseStream`. Received: `Results` with `is_final` (the
//! segment is settled), `speech_final` (its end-pointing says the turn is over) and `from_finalize`.

use bytes::Bytes;
use media::Frame;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::Message;

use super::dictation::Words;
use super::streaming::{ListenForm, Told};
use crate::adapters::cloud::Access;

/// Deepgram's message form.
pub struct Deepgram {
    /// The model: `nova-3`.
    pub model: String,
    /// The language, as it names it: `en`.
    pub language: String,
    /// Silence after which its end-pointing says that the turn is over, in milliseconds.
    pub endpointing_ms: u32,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Incoming {
    Results {
        channel: Channel,
        #[serde(default)]
        is_final: bool,
        #[serde(default)]
        speech_final: bool,
        #[serde(default)]
        from_finalize: bool,
        #[serde(default)]
        start: f64,
        #[serde(default)]
        duration: f64,
    },
    Error {
        #[serde(default, alias = "message")]
        description: String,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Channel {
    #[serde(default)]
    alternatives: Vec<Alternative>,
}

#[derive(Deserialize)]
struct Alternative {
    #[serde(default)]
    transcript: String,
    #[serde(default)]
    confidence: Option<f32>,
}

impl ListenForm for Deepgram {
    fn url(&self, access: &Access) -> String {
        let Deepgram { model, language, endpointing_ms } = self;
        access.url(&format!(
            "/v1/listen?model={model}&language={language}&encoding=linear16&sample_rate={}&channels=1\
             &interim_results=true&smart_format=true&endpointing={endpointing_ms}",
            media::ENGINE_RATE_HZ
        ))
    }

    fn auth(&self) -> (&'static str, &'static str) {
        ("authorization", "Token ")
    }

    fn audio(&self, frame: &Frame) -> Message {
        Message::Binary(frame_bytes(frame))
    }

    fn finish(&self) -> Message {
        Message::text(r#"{"type":"Finalize"}"#)
    }

    fn keep_alive(&self) -> Option<Message> {
        Some(Message::text(r#"{"type":"KeepAlive"}"#))
    }

    fn close(&self) -> Option<Message> {
        Some(Message::text(r#"{"type":"CloseStream"}"#))
    }

    fn read(&self, message: &Message) -> Told {
        let Message::Text(text) = message else { return Told::Nothing };
        match serde_json::from_str(text) {
            Ok(Incoming::Results { channel, is_final, speech_final, from_finalize, start, duration }) => {
                let best = channel.alternatives.into_iter().next();
                let (text, confidence) = best.map_or((String::new(), None), |best| (best.transcript, best.confidence));
                Told::Words(Words {
                    text,
                    settled: is_final,
                    ends_turn: is_final && speech_final && !from_finalize,
                    answers: from_finalize || speech_final,
                    confidence,
                    until_ms: Some(((start + duration).max(0.0) * 1_000.0) as u32),
                })
            }
            Ok(Incoming::Error { description }) => Told::Refused(description),
            Ok(Incoming::Other) | Err(_) => Told::Nothing,
        }
    }
}

/// A frame as 16-bit little-endian samples.
pub fn frame_bytes(frame: &Frame) -> Bytes {
    frame.0.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_as_documented() {
        let form = Deepgram { model: "nova-3".into(), language: "en".into(), endpointing_ms: 300 };
        let message = r#"{"type":"Results","channel_index":[0,1],"duration":1.5,"start":2.0,"is_final":true,
            "speech_final":true,"channel":{"alternatives":[{"transcript":"hello there","confidence":0.98,"words":[]}]},
            "metadata":{"request_id":"x"},"from_finalize":false}"#;
        let Told::Words(words) = form.read(&Message::text(message)) else { panic!("these are words") };
        assert_eq!(words.text, "hello there");
        assert!(words.settled && words.ends_turn && words.answers);
        assert_eq!(words.until_ms, Some(3_500));
        assert!(matches!(form.read(&Message::text(r#"{"type":"SpeechStarted"}"#)), Told::Nothing));
        assert!(matches!(form.read(&Message::text("not json")), Told::Nothing));
    }
}
