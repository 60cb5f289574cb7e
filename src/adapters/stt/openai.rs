//! Recognition by any server with OpenAI's `POST /v1/audio/transcriptions`: one request for each likely or final
//! transcript, with all of the utterance so far.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use media::{FRAME_MS, Frame};
use reqwest::multipart::{Form, Part};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::streaming::stt_error;
use crate::adapters::cloud::{Access, CloudError, shortened};
use crate::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};

/// Frames kept before an utterance is noticed: one second.
const LEAD_FRAMES_MAX: usize = 50;
/// Frames of one utterance that are sent, the last ones: a minute, 2 MB a request.
const UTTERANCE_FRAMES_MAX: usize = 3_000;
/// Transcripts that a call may leave unread.
const EVENTS_MAX: usize = 64;
/// Bytes of an answer that are read: a minute of speech is under two thousand.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// A server with OpenAI's transcription endpoint.
pub struct OpenAiStt {
    access: Access,
    client: reqwest::Client,
    model: String,
    language: String,
    runtime: Handle,
}

impl OpenAiStt {
    /// `model` by the server's name ("whisper-1"), `language` as ISO 639-1; work runs on this runtime.
    pub fn new(access: Access, model: String, language: String, runtime: Handle) -> Result<OpenAiStt, SttError> {
        let client = access.http_client().map_err(|error| stt_error(&access.name, error))?;
        Ok(OpenAiStt { access, client, model, language, runtime })
    }
}

impl Stt for OpenAiStt {
    fn name(&self) -> &str {
        &self.access.name
    }

    fn open(&self) -> Result<SttSession, SttError> {
        let (events, heard) = mpsc::channel(EVENTS_MAX);
        let request = Request {
            access: self.access.clone(),
            client: self.client.clone(),
            model: self.model.clone(),
            language: self.language.clone(),
            events,
        };
        let input =
            Input { request, runtime: self.runtime.clone(), recent: VecDeque::new(), current: None, likely: None };
        Ok(SttSession { input: Box::new(input), events: heard })
    }
}

struct Input {
    request: Request,
    runtime: Handle,
    recent: VecDeque<Frame>,
    current: Option<(HeardId, VecDeque<Frame>)>,
    /// A likely transcript under way: the next request covers more and replaces it.
    likely: Option<AbortHandle>,
}

impl SttInput for Input {
    fn push(&mut self, frame: &Frame) {
        if self.recent.len() == LEAD_FRAMES_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(*frame);
        if let Some((_, frames)) = &mut self.current {
            if frames.len() == UTTERANCE_FRAMES_MAX {
                frames.pop_front();
            }
            frames.push_back(*frame);
        }
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        self.end();
        let lead = lead_frames.saturating_add(1).min(self.recent.len());
        self.current = Some((heard, self.recent.range(self.recent.len() - lead..).copied().collect()));
    }

    fn transcribe(&mut self, want: Want) {
        // A request for every partial would cost more than it tells.
        let Some((heard, frames)) = &self.current else { return };
        if want == Want::Partial || frames.is_empty() {
            return;
        }
        if let Some(before) = self.likely.take() {
            before.abort();
        }
        let audio_ms = frames.len() as u32 * FRAME_MS;
        let task = self.runtime.spawn(self.request.clone().answer(*heard, want, wav(frames), audio_ms));
        if want == Want::Likely {
            self.likely = Some(task.abort_handle());
        }
    }

    fn end(&mut self) {
        self.current = None;
        if let Some(before) = self.likely.take() {
            before.abort();
        }
    }
}

#[derive(Clone)]
struct Request {
    access: Access,
    client: reqwest::Client,
    model: String,
    language: String,
    events: mpsc::Sender<SttEvent>,
}

#[derive(Deserialize)]
struct Answer {
    text: String,
}

impl Request {
    async fn answer(self, heard: HeardId, want: Want, wav: Bytes, audio_ms: u32) {
        let asked = Instant::now();
        let outcome = tokio::time::timeout(self.access.stall_timeout, self.post(wav)).await.unwrap_or_else(|_| {
            Err(CloudError::Stalled(format!("no answer within {} ms", self.access.stall_timeout.as_millis())))
        });
        let event = match outcome {
            Ok(text) => SttEvent::Transcript {
                heard,
                want,
                text,
                audio_ms,
                confidence: None,
                took_ms: asked.elapsed().as_secs_f32() * 1_000.0,
                ends_turn: false,
            },
            Err(error) => SttEvent::Failed(stt_error(&self.access.name, error)),
        };
        let _ = self.events.send(event).await;
    }

    async fn post(&self, wav: Bytes) -> Result<String, CloudError> {
        let stalled = |error: reqwest::Error| CloudError::Stalled(shortened(&error.to_string()));
        let length = wav.len() as u64;
        let file = Part::stream_with_length(wav, length)
            .file_name("utterance.wav")
            .mime_str("audio/wav")
            .map_err(|error| CloudError::Refused(error.to_string()))?;
        let form = Form::new()
            .text("model", self.model.clone())
            .text("language", self.language.clone())
            .text("response_format", "json")
            .part("file", file);
        let mut post = self.client.post(self.access.url("/v1/audio/transcriptions")).multipart(form);
        if !self.access.key.expose_secret().is_empty() {
            post = post.bearer_auth(self.access.key.expose_secret());
        }
        let mut answer = post.send().await.map_err(stalled)?;
        if !answer.status().is_success() {
            return Err(CloudError::Refused(answer.status().to_string()));
        }
        let mut body = Vec::new();
        while let Some(bytes) = answer.chunk().await.map_err(stalled)? {
            if body.len() + bytes.len() > ANSWER_BYTES_MAX {
                return Err(CloudError::Stalled("the answer does not end".to_owned()));
            }
            body.extend_from_slice(&bytes);
        }
        let answer: Answer =
            serde_json::from_slice(&body).map_err(|error| CloudError::Stalled(shortened(&error.to_string())))?;
        Ok(answer.text.trim().to_owned())
    }
}

/// A WAV file of these frames.
fn wav(frames: &VecDeque<Frame>) -> Bytes {
    let audio_bytes = frames.len() * media::FRAME_SAMPLES * 2;
    let rate = media::ENGINE_RATE_HZ;
    let mut out = BytesMut::with_capacity(44 + audio_bytes);
    out.put_slice(b"RIFF");
    out.put_u32_le(36 + audio_bytes as u32);
    out.put_slice(b"WAVEfmt ");
    out.put_u32_le(16);
    // PCM, one channel.
    out.put_u16_le(1);
    out.put_u16_le(1);
    out.put_u32_le(rate);
    out.put_u32_le(rate * 2);
    out.put_u16_le(2);
    out.put_u16_le(16);
    out.put_slice(b"data");
    out.put_u32_le(audio_bytes as u32);
    for frame in frames {
        for sample in frame.0 {
            out.put_i16_le(sample);
        }
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_is_sent_as_a_wav_that_others_can_read() {
        let frames = VecDeque::from([Frame([7; media::FRAME_SAMPLES]), Frame([-9; media::FRAME_SAMPLES])]);
        let file = wav(&frames);
        let mut reader = hound::WavReader::new(&file[..]).expect("a WAV file");
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (16_000, 1));
        let samples: Vec<i16> = reader.samples().collect::<Result<_, _>>().expect("samples");
        assert_eq!((samples.len(), samples[0], samples[639]), (640, 7, -9));
    }
}
