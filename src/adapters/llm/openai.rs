//! Any server with OpenAI's `POST /v1/chat/completions`: vLLM, llama.cpp, Ollama, OpenAI and the many that are alike.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use eventsource_stream::Eventsource;
use futures::StreamExt;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::chunks::Chunks;
use super::llm_error;
use crate::adapters::cloud::{Access, CloudError, shortened};
use crate::seams::llm::{Llm, LlmError, LlmPiece, LlmRequest, LlmStream};

/// A server of chat completions.
pub struct OpenAiLlm {
    access: Access,
    client: reqwest::Client,
    model: String,
    dialect: Arc<Mutex<Dialect>>,
    runtime: Handle,
}

/// What this server does not take, as it has told us by refusing it.
#[derive(Clone, Copy, Default)]
struct Dialect {
    no_usage: bool,
    no_required_tool: bool,
    no_temperature: bool,
    completion_tokens: bool,
}

impl Dialect {
    /// Learns from a refusal; whether it is worth asking again.
    fn learn(&mut self, refusal: &str) -> bool {
        for (word, flag) in [
            ("stream_options", &mut self.no_usage),
            ("tool_choice", &mut self.no_required_tool),
            ("temperature", &mut self.no_temperature),
            ("max_completion_tokens", &mut self.completion_tokens),
        ] {
            if refusal.contains(word) && !*flag {
                *flag = true;
                return true;
            }
        }
        false
    }

    fn body(self, model: &str, request: &LlmRequest) -> Value {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name, "description": tool.purpose, "parameters": tool.parameters,
                }})
            })
            .collect();
        let mut body = json!({
            "model": model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.data()},
            ],
            "tools": tools,
            "tool_choice": if self.no_required_tool { "auto" } else { "required" },
            "stream": true,
        });
        let tokens_key = if self.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        body[tokens_key] = json!(request.tokens_max);
        if !self.no_temperature {
            body["temperature"] = json!(0);
        }
        if !self.no_usage {
            body["stream_options"] = json!({"include_usage": true});
        }
        body
    }
}

impl OpenAiLlm {
    /// `model` by the server's name; work runs on this runtime.
    pub fn new(access: Access, model: String, runtime: Handle) -> Result<OpenAiLlm, LlmError> {
        let client = access.http_client().map_err(|error| llm_error(&access.name, error))?;
        Ok(OpenAiLlm { access, client, model, dialect: Arc::default(), runtime })
    }
}

impl Llm for OpenAiLlm {
    fn name(&self) -> &str {
        &self.access.name
    }

    fn model(&self) -> &str {
        &self.model
    }

    fn write(&self, request: LlmRequest) -> LlmStream {
        let (pieces, stream) = mpsc::channel(WAITING_PIECES_MAX);
        let exchange = Exchange {
            access: self.access.clone(),
            client: self.client.clone(),
            model: self.model.clone(),
            dialect: self.dialect.clone(),
            request,
        };
        self.runtime.spawn(async move {
            let outcome = tokio::select! {
                // Nobody listens any more: the connection is dropped, and the server may stop.
                () = pieces.closed() => return,
                outcome = exchange.carry_out(&pieces) => outcome,
            };
            let last = match outcome {
                Ok(tokens) => Ok(LlmPiece::Done { tokens }),
                Err(error) => Err(error),
            };
            let _ = pieces.send(last).await;
        });
        stream
    }
}

/// One request and its answer.
struct Exchange {
    access: Access,
    client: reqwest::Client,
    model: String,
    dialect: Arc<Mutex<Dialect>>,
    request: LlmRequest,
}

type Pieces = mpsc::Sender<Result<LlmPiece, LlmError>>;

impl Exchange {
    /// Until the end of the answer; the tokens it cost, where they were told.
    async fn carry_out(&self, pieces: &Pieces) -> Result<Option<u64>, LlmError> {
        let answer = self.ask().await?;
        let streamed = answer
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .is_none_or(|kind| !kind.trim_start().starts_with("application/json"));
        let outcome =
            if streamed { self.read_stream(answer, pieces).await } else { self.read_whole(answer, pieces).await };
        outcome.map_err(|error| llm_error(&self.access.name, error))
    }

    /// Asks until the server takes the request in its own dialect; what it refused once is not asked again.
    async fn ask(&self) -> Result<reqwest::Response, LlmError> {
        for _ in 0..DIALECTS_TRIED {
            let dialect = *self.dialect.lock().unwrap_or_else(PoisonError::into_inner);
            let mut post = self.client.post(completions(&self.access)).json(&dialect.body(&self.model, &self.request));
            if !self.access.key.expose_secret().is_empty() {
                post = post.bearer_auth(self.access.key.expose_secret());
            }
            let stalled = |why: String| llm_error(&self.access.name, CloudError::Stalled(shortened(&why)));
            let answer = tokio::time::timeout(self.access.stall_timeout, post.send())
                .await
                .map_err(|_| stalled(format!("no answer within {} ms", self.access.stall_timeout.as_millis())))?
                .map_err(|error| stalled(error.to_string()))?;
            let status = answer.status();
            if status.is_success() {
                return Ok(answer);
            }
            let provider = self.access.name.clone();
            let wait = answer.headers().get(RETRY_AFTER).and_then(|after| after.to_str().ok()?.trim().parse().ok());
            if let (429 | 503, Some(wait)) = (status.as_u16(), wait) {
                return Err(LlmError::Busy { provider, retry_after_seconds: wait });
            }
            let words = refusal(answer).await;
            let is_ours = matches!(status.as_u16(), 400 | 404 | 422);
            if !is_ours || !self.dialect.lock().unwrap_or_else(PoisonError::into_inner).learn(&words) {
                return Err(LlmError::Refused { provider, reason: shortened(&format!("{status} {words}")) });
            }
        }
        let reason = "it takes our request in no form".to_owned();
        Err(LlmError::Refused { provider: self.access.name.clone(), reason })
    }

    async fn read_stream(&self, answer: reqwest::Response, pieces: &Pieces) -> Result<Option<u64>, CloudError> {
        let mut received = 0;
        let bytes = answer.bytes_stream().map(move |bytes| {
            let bytes = bytes.map_err(|error| CloudError::Stalled(shortened(&error.to_string())))?;
            received += bytes.len();
            let fits = received <= BODY_BYTES_MAX;
            if fits { Ok(bytes) } else { Err(CloudError::Stalled("its answer does not end".into())) }
        });
        let mut events = Box::pin(bytes.eventsource());
        let mut chunks = Chunks::default();
        loop {
            let next = match chunks.is_finished() {
                false => events.next().await,
                // Only the count of tokens may come, which is worth little waiting.
                true => tokio::time::timeout(USAGE_COMES_WITHIN, events.next()).await.unwrap_or(None),
            };
            let event = match next {
                Some(Ok(event)) if event.data.trim() == END => return ended(&chunks, true),
                Some(Ok(event)) => event,
                None => return ended(&chunks, false),
                // The answer is there; how the connection ended does not matter any more.
                Some(Err(_)) if chunks.is_finished() => return Ok(chunks.tokens()),
                Some(Err(eventsource_stream::EventStreamError::Transport(error))) => return Err(error),
                Some(Err(error)) => return Err(CloudError::Stalled(shortened(&error.to_string()))),
            };
            let mut read = Vec::new();
            chunks.read(&event.data, &mut read)?;
            for piece in read {
                if pieces.send(Ok(piece)).await.is_err() {
                    return Ok(chunks.tokens());
                }
            }
        }
    }

    /// A server that does not stream, though it was asked to.
    async fn read_whole(&self, answer: reqwest::Response, pieces: &Pieces) -> Result<Option<u64>, CloudError> {
        let body = bounded(answer, BODY_BYTES_MAX).await?;
        let (mut chunks, mut read) = (Chunks::default(), Vec::new());
        chunks.read(&String::from_utf8_lossy(&body), &mut read)?;
        for piece in read {
            // Whoever has gone away is noticed above.
            let _ = pieces.send(Ok(piece)).await;
        }
        ended(&chunks, false)
    }
}

/// A stream that ends without a word about it was cut.
fn ended(chunks: &Chunks, told: bool) -> Result<Option<u64>, CloudError> {
    let whole = told || chunks.is_finished();
    if whole { Ok(chunks.tokens()) } else { Err(CloudError::Stalled("it broke off".into())) }
}

async fn refusal(answer: reqwest::Response) -> String {
    let body = bounded(answer, REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let text = String::from_utf8_lossy(&body).into_owned();
    let words = serde_json::from_str::<Value>(&text).ok();
    words.and_then(|words| words["error"]["message"].as_str().map(str::to_owned)).unwrap_or(text)
}

async fn bounded(answer: reqwest::Response, bytes_max: usize) -> Result<Vec<u8>, CloudError> {
    let (mut stream, mut body) = (answer.bytes_stream(), Vec::new());
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| CloudError::Stalled(shortened(&error.to_string())))?;
        if body.len() + bytes.len() > bytes_max {
            return Err(CloudError::Stalled("its answer does not end".into()));
        }
        body.extend_from_slice(&bytes);
    }
    Ok(body)
}

/// Where completions are asked for: people write the address with and without `/v1`.
fn completions(access: &Access) -> String {
    let base = access.base_url.trim_end_matches('/');
    let versioned = base.rsplit('/').next().is_some_and(|last| {
        last.strip_prefix('v')
            .is_some_and(|number| !number.is_empty() && number.starts_with(|c: char| c.is_ascii_digit()))
    });
    access.url(if versioned { "/chat/completions" } else { "/v1/chat/completions" })
}

/// The end of a stream, as OpenAI marks it.
const END: &str = "[DONE]";
/// How long the count of tokens may come after the end of the words.
const USAGE_COMES_WITHIN: Duration = Duration::from_millis(250);
/// Each refusal teaches one thing at most.
const DIALECTS_TRIED: usize = 5;
/// Pieces that may wait for a slow listener.
const WAITING_PIECES_MAX: usize = 256;
/// Of one answer with all that surrounds it; each word comes in some 300 bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// Of a refusal.
const REFUSAL_BYTES_MAX: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_be_written_with_and_without_its_version() {
        for (base, whole) in [
            ("https://api.openai.com", "https://api.openai.com/v1/chat/completions"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/completions"),
            ("http://localhost:8000/openai/v1", "http://localhost:8000/openai/v1/chat/completions"),
            ("http://vllm:8000", "http://vllm:8000/v1/chat/completions"),
        ] {
            assert_eq!(completions(&Access::to_stand_in("openai", base)), whole);
        }
    }
}
