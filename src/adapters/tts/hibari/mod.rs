//! The local voice: the hibari model on worker threads shared by all calls.
//!
//! 1. A text is normalised and cut into pieces, a short one first.
//! 2. A piece waits in the [`queue`], where the one whose listener runs dry first is next.
//! 3. A worker reads it in [`phonemes`], the [`model`] makes spectra of them, the [`vocoder`] samples of those.
//! 4. The piece goes out as one clip; the next piece waits again, so that long texts do not hold up short ones.

mod clip;
mod model;
mod noise;
mod phonemes;
mod pieces;
mod queue;
mod synthesiser;
mod vocoder;
mod voice;

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use self::queue::{Job, Queue};
use self::synthesiser::Synthesiser;
pub use self::voice::{AGENT, CALLER, VOICES, Voice};
use super::normalise::normalise;
use crate::adapters::models::Models;
use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// The name under which it is configured and logged.
pub const NAME: &str = "hibari";
/// Spoken once to nobody at the start.
const WARM_UP: &str = "Hello, we are open Monday to Friday from 9:00 to 17:00.";
/// Speeds beyond these are not understood any more.
const SPEED_MIN: f32 = 0.5;
const SPEED_MAX: f32 = 2.0;

/// The local synthesiser. Dropping it ends its threads after the piece they are at.
pub struct HibariTts {
    queue: Arc<Queue>,
    workers: Vec<JoinHandle<()>>,
}

impl HibariTts {
    /// Loads the model once a worker (about 0.3 s and 60 MB each). One worker speaks fifty times as fast as
    /// anyone listens; a second one helps only where two replies begin within the same 50 ms.
    pub fn load(models: &Models, workers: usize) -> Result<HibariTts, TtsError> {
        let queue = Arc::new(Queue::new());
        let mut threads = Vec::new();
        for n in 0..workers.max(1) {
            let mut synthesiser = Synthesiser::load(models)?;
            // The first run of everything is slower; nobody should be the one to wait for it.
            for piece in pieces::pieces(&normalise(WARM_UP)) {
                synthesiser.speak(&piece, AGENT, 1.0)?;
            }
            let queue = queue.clone();
            let work = move || {
                while let Some(job) = queue.next() {
                    if let Some(job) = speak_piece(&mut synthesiser, job) {
                        queue.put_back(job);
                    }
                }
            };
            let thread = std::thread::Builder::new().name(format!("tts-{n}")).spawn(work);
            threads.push(thread.map_err(|error| TtsError::Model(format!("no thread to speak on: {error}")))?);
        }
        Ok(HibariTts { queue, workers: threads })
    }
}

impl Tts for HibariTts {
    fn name(&self) -> &str {
        NAME
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        let pieces = pieces::pieces(&normalise(&request.text));
        // Room for every piece: a worker never waits for a listener.
        let (sender, stream) = mpsc::channel(pieces.len() + 1);
        let speed = if request.speed.is_finite() { request.speed.clamp(SPEED_MIN, SPEED_MAX) } else { 1.0 };
        let voice = Voice::named(request.voice.as_deref());
        if !pieces.is_empty() {
            let job = Job { sender, pieces: pieces.into(), voice, speed, dry_at: Instant::now() };
            if let Err(job) = self.queue.put(job) {
                let reason = "too much is waiting to be spoken".to_owned();
                let _ = job.sender.try_send(Err(TtsError::Stalled { provider: NAME.to_owned(), reason }));
            }
        }
        stream
    }
}

impl Drop for HibariTts {
    fn drop(&mut self) {
        self.queue.close();
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}

/// Speaks the job's next piece; gives the job back when there is more to say and somebody listens.
fn speak_piece(synthesiser: &mut Synthesiser, mut job: Job) -> Option<Job> {
    if job.sender.is_closed() {
        return None;
    }
    let piece = job.pieces.pop_front()?;
    match synthesiser.speak(&piece, job.voice, job.speed) {
        Ok(samples) => {
            job.dry_at = job.dry_at.max(Instant::now()) + Duration::from_millis(samples.len() as u64 / 16);
            if !samples.is_empty() {
                job.sender.try_send(Ok(TtsChunk { clip: samples.into() })).ok()?;
            }
            (!job.pieces.is_empty()).then_some(job)
        }
        Err(error) => {
            tracing::error!(tts.error = %error, "The local voice failed");
            let _ = job.sender.try_send(Err(error));
            None
        }
    }
}
