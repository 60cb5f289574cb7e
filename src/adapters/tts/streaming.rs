//! Synthesis over a WebSocket: one driver for all providers, the messages by [`SpeechForm`].
//!
//! 1. A connection is taken from those kept open, or opened.
//! 2. The whole sentence is sent, then the mark that it is complete.
//! 3. Audio goes on to the listener in the pieces in which it comes.
//! 4. After the provider's own mark of the end the connection is kept, where the provider allows it; where it
//!    does not, the next one is opened ahead, so that no sentence waits for a handshake.
//!
//! A listener that goes away ends the connection: nothing is paid for that nobody hears.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::normalise::normalise;
use super::pcm::PcmReader;
use crate::adapters::cloud::{Access, CloudError, Socket, shortened};
use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// Connections kept open between sentences. More calls than this begin a sentence at the same time seldom.
const KEPT_MAX: usize = 4;
/// Pieces that may wait for a slow listener before the provider is made to wait.
const WAITING_PIECES_MAX: usize = 256;
/// Samples of one sentence beyond which a provider is taken for broken: five minutes.
const SENTENCE_SAMPLES_MAX: usize = 16_000 * 300;

/// One provider's messages.
pub trait SpeechForm: Send + Sync + 'static {
    /// Where to connect for this voice and speed. Connections of the same address are interchangeable.
    fn url(&self, access: &Access, request: &TtsRequest) -> String;
    /// The header that carries the key, and what stands before the key.
    fn auth(&self) -> (&'static str, &'static str);
    /// What is sent to have a text spoken at once.
    fn messages(&self, text: &str, request: &TtsRequest) -> Vec<Message>;
    /// What a message means.
    fn read(&self, message: &Message) -> Said;
    /// Whether a connection can speak another sentence after the end of one.
    fn reusable(&self) -> bool;
    /// How long an unused connection is good for.
    fn idle_max(&self) -> Duration;
}

/// What a provider's message means.
pub enum Said {
    /// Raw 16-bit audio at 16 kHz.
    Audio(Vec<u8>),
    /// The sentence is complete.
    Done,
    /// It will not speak this.
    Refused(String),
    /// Nothing of interest.
    Nothing,
}

/// A provider's voice over WebSocket.
pub struct StreamingTts<F> {
    shared: Arc<Shared<F>>,
    runtime: Handle,
}

struct Shared<F> {
    form: F,
    access: Access,
    kept: Mutex<Vec<Kept>>,
}

struct Kept {
    url: String,
    socket: Socket,
    since: Instant,
}

impl<F: SpeechForm> StreamingTts<F> {
    /// A provider; its work runs on this runtime.
    pub fn new(form: F, access: Access, runtime: Handle) -> StreamingTts<F> {
        StreamingTts { shared: Arc::new(Shared { form, access, kept: Mutex::new(Vec::new()) }), runtime }
    }
}

impl<F: SpeechForm> Tts for StreamingTts<F> {
    fn name(&self) -> &str {
        &self.shared.access.name
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        let (pieces, stream) = mpsc::channel(WAITING_PIECES_MAX);
        let text = normalise(&request.text);
        if text.is_empty() {
            return stream;
        }
        let shared = self.shared.clone();
        self.runtime.spawn(async move {
            let outcome = tokio::select! {
                // Nobody listens any more: whatever is under way ends with this task.
                () = pieces.closed() => return,
                outcome = shared.speak(&text, &request, &pieces) => outcome,
            };
            if let Err(error) = outcome {
                let _ = pieces.send(Err(shared.error(error))).await;
            }
        });
        stream
    }
}

impl<F: SpeechForm> Shared<F> {
    async fn speak(
        self: &Arc<Self>,
        text: &str,
        request: &TtsRequest,
        pieces: &mpsc::Sender<Result<TtsChunk, TtsError>>,
    ) -> Result<(), CloudError> {
        let url = self.form.url(&self.access, request);
        let mut heard = 0;
        if let Some(mut kept) = self.take_kept(&url) {
            // It may have been closed while it lay idle; then nothing was heard yet, and a new one does it.
            let began = Instant::now();
            match self.say(&mut kept, text, request, pieces, &mut heard).await {
                Ok(()) => return self.put_away(kept, url).await,
                Err(CloudError::Stalled(_)) if heard == 0 && began.elapsed() < self.access.stall_timeout => {}
                Err(error) => return Err(error),
            }
        }
        let mut socket = self.access.open_socket(&url, self.form.auth()).await?;
        self.say(&mut socket, text, request, pieces, &mut heard).await?;
        self.put_away(socket, url).await
    }

    async fn say(
        self: &Arc<Self>,
        socket: &mut Socket,
        text: &str,
        request: &TtsRequest,
        pieces: &mpsc::Sender<Result<TtsChunk, TtsError>>,
        heard: &mut usize,
    ) -> Result<(), CloudError> {
        self.send(socket, text, request).await?;
        if !self.form.reusable() {
            self.open_ahead(self.form.url(&self.access, request));
        }
        self.listen(socket, pieces, heard).await
    }

    async fn put_away(&self, mut socket: Socket, url: String) -> Result<(), CloudError> {
        if self.form.reusable() {
            self.keep(Kept { url, socket, since: Instant::now() });
        } else {
            let _ = timeout(self.access.connect_timeout, socket.close(None)).await;
        }
        Ok(())
    }

    /// Passes audio on until the provider says that it was all.
    async fn listen(
        &self,
        socket: &mut Socket,
        pieces: &mpsc::Sender<Result<TtsChunk, TtsError>>,
        samples: &mut usize,
    ) -> Result<(), CloudError> {
        let mut pcm = PcmReader::raw(media::ENGINE_RATE_HZ);
        // Only audio counts: a provider that sends other things in the meantime still owes it.
        let mut owed = Instant::now() + self.access.stall_timeout;
        loop {
            let message = match tokio::time::timeout_at(owed, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Err(CloudError::Stalled(shortened(&error.to_string()))),
                Ok(None) => return Err(CloudError::Stalled("the connection was closed mid-sentence".to_owned())),
                Err(_) => {
                    let waited = self.access.stall_timeout.as_millis();
                    return Err(CloudError::Stalled(format!("no audio within {waited} ms")));
                }
            };
            if let Message::Close(close) = &message {
                let reason = close.as_ref().map_or("", |frame| frame.reason.as_str());
                return Err(CloudError::Stalled(shortened(&format!(
                    "the connection was closed mid-sentence {reason}"
                ))));
            }
            match self.form.read(&message) {
                Said::Audio(bytes) => {
                    owed = Instant::now() + self.access.stall_timeout;
                    let heard = pcm.read(&bytes);
                    *samples += heard.len();
                    if *samples > SENTENCE_SAMPLES_MAX {
                        return Err(CloudError::Stalled("the sentence does not end".to_owned()));
                    }
                    if !heard.is_empty() && pieces.send(Ok(TtsChunk { clip: heard.into() })).await.is_err() {
                        return Ok(());
                    }
                }
                Said::Done if *samples == 0 => return Err(CloudError::Stalled("it gave no audio".to_owned())),
                Said::Done => return Ok(()),
                Said::Refused(reason) => return Err(CloudError::Refused(shortened(&reason))),
                Said::Nothing => {}
            }
        }
    }

    async fn send(&self, socket: &mut Socket, text: &str, request: &TtsRequest) -> Result<(), CloudError> {
        for message in self.form.messages(text, request) {
            match timeout(self.access.connect_timeout, socket.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(CloudError::Stalled(shortened(&error.to_string()))),
                Err(_) => return Err(CloudError::Stalled("it took no text".to_owned())),
            }
        }
        Ok(())
    }

    fn open_ahead(self: &Arc<Self>, url: String) {
        if self.lock().iter().any(|kept| kept.url == url) {
            return;
        }
        let shared = self.clone();
        tokio::spawn(async move {
            if let Ok(socket) = shared.access.open_socket(&url, shared.form.auth()).await {
                shared.keep(Kept { url, socket, since: Instant::now() });
            }
        });
    }

    fn take_kept(&self, url: &str) -> Option<Socket> {
        let mut kept = self.lock();
        kept.retain(|one| one.since.elapsed() < self.form.idle_max());
        let at = kept.iter().rposition(|one| one.url == url)?;
        Some(kept.swap_remove(at).socket)
    }

    fn keep(&self, socket: Kept) {
        let mut kept = self.lock();
        if kept.len() >= KEPT_MAX {
            kept.remove(0);
        }
        kept.push(socket);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Kept>> {
        self.kept.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn error(&self, error: CloudError) -> TtsError {
        tts_error(&self.access.name, error)
    }
}

/// A cloud error in the words of the seam.
pub fn tts_error(provider: &str, error: CloudError) -> TtsError {
    let provider = provider.to_owned();
    match error {
        CloudError::Refused(reason) => TtsError::Refused { provider, reason },
        CloudError::Stalled(reason) => TtsError::Stalled { provider, reason },
    }
}
