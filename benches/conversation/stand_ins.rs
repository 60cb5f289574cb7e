//! Providers that stall when told, and providers of fixed delays that keep a log.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use media::Frame;
use media::vad::level_dbfs;
use switchboard::seams::embed::{EmbedError, Embedder};
use switchboard::seams::stt::{HeardId, Stt, SttError, SttEvent, SttInput, SttSession, Want};
use switchboard::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};
use tokio::sync::mpsc;

/// Turned on while a provider is to stall.
pub type Stall = Arc<AtomicBool>;

fn stalled(stall: &Stall) -> bool {
    stall.load(Ordering::Relaxed)
}

/// A recogniser that says nothing while it stalls.
pub struct StallingStt(pub Arc<dyn Stt>, pub Stall);

impl Stt for StallingStt {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn open(&self) -> Result<SttSession, SttError> {
        let SttSession { input, mut events } = self.0.open()?;
        let (told, heard) = mpsc::channel(64);
        let stall = self.1.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                if !stalled(&stall) && told.send(event).await.is_err() {
                    return;
                }
            }
        });
        Ok(SttSession { input, events: heard })
    }
}

/// A synthesiser that says nothing while it stalls; streams begun then stay open for ever.
pub struct StallingTts(pub Arc<dyn Tts>, pub Stall, pub Mutex<Vec<mpsc::Sender<Result<TtsChunk, TtsError>>>>);

impl Tts for StallingTts {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        if !stalled(&self.1) {
            return self.0.speak(request);
        }
        let (held, silent) = mpsc::channel(1);
        self.2.lock().unwrap_or_else(PoisonError::into_inner).push(held);
        silent
    }
}

/// An embedding model that does not come back while it stalls.
pub struct StallingEmbedder(pub Arc<dyn Embedder>, pub Stall);

impl Embedder for StallingEmbedder {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        while stalled(&self.1) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.0.embed(texts)
    }
}

/// What a fixed recogniser did for one call.
#[derive(Clone, Copy, Debug)]
pub struct Recognised {
    /// Which call, counted from 0.
    pub call: usize,
    /// When the last loud frame of the utterance was pushed.
    pub last_push: Instant,
    /// When the final result was told.
    pub told: Instant,
}

/// What a fixed synthesiser did for one request.
#[derive(Clone, Copy, Debug)]
pub struct Spoken {
    pub asked: Instant,
    pub first_chunk: Instant,
}

/// What happened, in order.
#[derive(Default)]
pub struct Log {
    pub recognised: Mutex<Vec<Recognised>>,
    pub spoken: Mutex<Vec<Spoken>>,
}

/// Hears the same words in every utterance, a fixed time after its last loud frame; this ends the turn.
pub struct FixedStt {
    pub text: String,
    pub delay: Duration,
    pub log: Arc<Log>,
    pub calls: AtomicUsize,
}

struct FixedInput {
    text: String,
    delay: Duration,
    log: Arc<Log>,
    call: usize,
    events: mpsc::Sender<SttEvent>,
    runtime: tokio::runtime::Handle,
    heard: Option<(HeardId, u32)>,
    last_loud: Option<Instant>,
    /// Counts utterances and loud frames: a result that was overtaken is not told.
    newest: Arc<AtomicU64>,
}

impl Stt for FixedStt {
    fn name(&self) -> &str {
        "fixed"
    }

    fn open(&self) -> Result<SttSession, SttError> {
        let (events, heard) = mpsc::channel(64);
        let input = FixedInput {
            text: self.text.clone(),
            delay: self.delay,
            log: self.log.clone(),
            call: self.calls.fetch_add(1, Ordering::Relaxed),
            events,
            runtime: tokio::runtime::Handle::current(),
            heard: None,
            last_loud: None,
            newest: Arc::default(),
        };
        Ok(SttSession { input: Box::new(input), events: heard })
    }
}

impl SttInput for FixedInput {
    fn push(&mut self, frame: &Frame) {
        if let Some((_, frames)) = &mut self.heard {
            *frames += 1;
        }
        if level_dbfs(frame) > LOUD_DBFS {
            self.last_loud = Some(Instant::now());
            self.newest.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let (Some((heard, frames)), Some(last_push)) = (self.heard, self.last_loud.take()) else { return };
        let (events, log, call, text) = (self.events.clone(), self.log.clone(), self.call, self.text.clone());
        let (delay, newest) = (self.delay, self.newest.clone());
        let number = newest.load(Ordering::Relaxed);
        self.runtime.spawn(async move {
            tokio::time::sleep_until((last_push + delay).into()).await;
            if newest.load(Ordering::Relaxed) != number {
                return;
            }
            let told = Instant::now();
            log.recognised.lock().expect("nobody panics while writing the log").push(Recognised {
                call,
                last_push,
                told,
            });
            let event = SttEvent::Transcript {
                heard,
                want: Want::Final,
                text,
                audio_ms: frames * 20,
                confidence: Some(0.95),
                took_ms: delay.as_secs_f32() * 1000.0,
                ends_turn: true,
            };
            let _ = events.try_send(event);
        });
    }

    fn begin(&mut self, heard: HeardId, lead_frames: usize) {
        self.heard = Some((heard, lead_frames as u32 + 1));
    }

    fn transcribe(&mut self, _want: Want) {}

    fn end(&mut self) {
        self.heard = None;
    }
}

/// Says a tone of some length for every text, a fixed time after it was asked: at once, or at the pace of speech.
pub struct FixedTts {
    pub delay: Duration,
    pub length: Duration,
    pub streams: AtomicBool,
    pub log: Arc<Log>,
}

impl Tts for FixedTts {
    fn name(&self) -> &str {
        "fixed"
    }

    fn speak(&self, _request: TtsRequest) -> TtsStream {
        let asked = Instant::now();
        let (chunks, stream) = mpsc::channel(64);
        let (delay, log, length) = (self.delay, self.log.clone(), self.length);
        let streams = self.streams.load(Ordering::Relaxed);
        tokio::spawn(async move {
            tokio::time::sleep_until((asked + delay).into()).await;
            let tone: Vec<i16> =
                (0..length.as_millis() as usize * 16).map(|n| ((n as f32 * 0.15).sin() * 8_000.0) as i16).collect();
            let piece = if streams { 320 } else { tone.len().max(1) };
            let first_chunk = Instant::now();
            log.spoken.lock().expect("nobody panics while writing the log").push(Spoken { asked, first_chunk });
            for (number, samples) in tone.chunks(piece).enumerate() {
                tokio::time::sleep_until((first_chunk + Duration::from_millis(20) * number as u32).into()).await;
                if chunks.send(Ok(TtsChunk { clip: samples.into() })).await.is_err() {
                    return;
                }
            }
        });
        stream
    }
}

/// The callers' words are cut at a loud place, so that the last packet is above this and the next one below.
pub const LOUD_DBFS: f32 = -35.0;
