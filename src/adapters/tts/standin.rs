//! A synthesiser for tests that does as it is told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// One step of a stand-in.
#[derive(Clone, Copy)]
pub enum Act {
    /// So many milliseconds of audio at once.
    Audio(u64),
    /// So many milliseconds of nothing.
    Stall(u64),
    /// An error.
    Fail,
    /// The channel closes.
    End,
}

/// Plays its acts for each request.
pub struct StandIn {
    acts: Option<Vec<Act>>,
    requests: AtomicUsize,
    last_text: Mutex<String>,
    dropped: Arc<AtomicBool>,
}

impl StandIn {
    /// One that does this, whatever it is asked.
    pub fn new(acts: Vec<Act>) -> StandIn {
        StandIn { acts: Some(acts), ..StandIn::speaking() }
    }

    /// One that speaks 60 ms for each character in pieces of 500 ms.
    pub fn speaking() -> StandIn {
        let dropped = Arc::new(AtomicBool::new(false));
        StandIn { acts: None, requests: AtomicUsize::new(0), last_text: Mutex::default(), dropped }
    }

    /// How often it was asked.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// What it was asked last.
    pub fn last_text(&self) -> String {
        self.last_text.lock().expect("no test panics holding it").clone()
    }

    /// Whether a listener went away before the end.
    pub fn was_dropped(&self) -> bool {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Tts for StandIn {
    fn name(&self) -> &str {
        "stand-in"
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        self.requests.fetch_add(1, Ordering::Relaxed);
        *self.last_text.lock().expect("no test panics holding it") = request.text.clone();
        let acts = self.acts.clone().unwrap_or_else(|| {
            let length = request.text.chars().count() as u64 * 60;
            (0..length.div_ceil(500)).map(|n| Act::Audio((length - n * 500).min(500))).collect()
        });
        let (pieces, stream) = mpsc::channel(256);
        let dropped = self.dropped.clone();
        tokio::spawn(async move {
            for act in acts {
                let sent = match act {
                    Act::Audio(ms) => pieces.send(Ok(TtsChunk { clip: vec![1_000; ms as usize * 16].into() })).await,
                    Act::Stall(ms) => {
                        tokio::select! {
                            () = tokio::time::sleep(Duration::from_millis(ms)) => Ok(()),
                            () = pieces.closed() => {
                                dropped.store(true, Ordering::Relaxed);
                                return;
                            }
                        }
                    }
                    Act::Fail => {
                        let error = TtsError::Stalled { provider: "stand-in".into(), reason: "as told".into() };
                        pieces.send(Err(error)).await
                    }
                    Act::End => return,
                };
                if sent.is_err() {
                    dropped.store(true, Ordering::Relaxed);
                    return;
                }
            }
        });
        stream
    }
}

/// A request in the default voice.
pub fn asked(text: &str) -> TtsRequest {
    TtsRequest { text: text.to_owned(), speed: 1.0, voice: None }
}

/// All samples of a stream.
pub async fn heard_all(mut stream: TtsStream) -> Result<Vec<i16>, TtsError> {
    let mut samples = Vec::new();
    while let Some(chunk) = stream.recv().await {
        samples.extend_from_slice(&chunk?.clip);
    }
    Ok(samples)
}
