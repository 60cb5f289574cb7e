//! Speech from any server with OpenAI's `POST /v1/audio/speech`; audio is passed on while it is received.

use futures::StreamExt;
use secrecy::ExposeSecret;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::deepgram::voice_of;
use super::normalise::normalise;
use super::pcm::PcmReader;
use super::streaming::tts_error;
use crate::adapters::cloud::{Access, CloudError, shortened};
use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// The rate of `response_format: pcm` as documented, in samples a second.
const PCM_RATE_HZ: u32 = 24_000;
/// Pieces that may wait for a slow listener.
const WAITING_PIECES_MAX: usize = 256;
/// Bytes of one sentence: five minutes at 24 kHz.
const BODY_BYTES_MAX: usize = 24_000 * 2 * 300;

/// A server with OpenAI's speech endpoint.
pub struct OpenAiTts {
    access: Access,
    client: reqwest::Client,
    model: String,
    voice: String,
    runtime: Handle,
}

impl OpenAiTts {
    /// `model` and `voice` by the server's names ("tts-1", "alloy"); work runs on this runtime.
    pub fn new(access: Access, model: String, voice: String, runtime: Handle) -> Result<OpenAiTts, TtsError> {
        let client = access.http_client().map_err(|error| tts_error(&access.name, error))?;
        Ok(OpenAiTts { access, client, model, voice, runtime })
    }
}

impl Tts for OpenAiTts {
    fn name(&self) -> &str {
        &self.access.name
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        let (pieces, stream) = mpsc::channel(WAITING_PIECES_MAX);
        let text = normalise(&request.text);
        if text.is_empty() {
            return stream;
        }
        let body = json!({
            "model": self.model,
            "input": text,
            "voice": voice_of(&request, &self.voice),
            "response_format": "pcm",
            "speed": request.speed.clamp(0.25, 4.0),
        });
        let mut post = self.client.post(self.access.url("/v1/audio/speech")).json(&body);
        if !self.access.key.expose_secret().is_empty() {
            post = post.bearer_auth(self.access.key.expose_secret());
        }
        let access = self.access.clone();
        self.runtime.spawn(async move {
            let outcome = tokio::select! {
                () = pieces.closed() => return,
                outcome = receive(post, &access, &pieces) => outcome,
            };
            if let Err(error) = outcome {
                let _ = pieces.send(Err(tts_error(&access.name, error))).await;
            }
        });
        stream
    }
}

async fn receive(
    post: reqwest::RequestBuilder,
    access: &Access,
    pieces: &mpsc::Sender<Result<TtsChunk, TtsError>>,
) -> Result<(), CloudError> {
    let stalled = |error: reqwest::Error| CloudError::Stalled(shortened(&error.to_string()));
    let answer = tokio::time::timeout(access.stall_timeout, post.send())
        .await
        .map_err(|_| CloudError::Stalled(format!("no answer within {} ms", access.stall_timeout.as_millis())))?
        .map_err(stalled)?;
    let status = answer.status();
    if !status.is_success() {
        return Err(CloudError::Refused(status.to_string()));
    }
    let mut pcm = PcmReader::maybe_wav(PCM_RATE_HZ);
    let (mut body, mut received, mut heard) = (answer.bytes_stream(), 0, 0);
    while let Some(bytes) = body.next().await {
        let bytes = bytes.map_err(stalled)?;
        received += bytes.len();
        if received > BODY_BYTES_MAX {
            return Err(CloudError::Stalled("the sentence does not end".to_owned()));
        }
        let samples = pcm.read(&bytes);
        heard += samples.len();
        if !samples.is_empty() && pieces.send(Ok(TtsChunk { clip: samples.into() })).await.is_err() {
            return Ok(());
        }
    }
    if heard == 0 { Err(CloudError::Stalled("it gave no audio".to_owned())) } else { Ok(()) }
}
