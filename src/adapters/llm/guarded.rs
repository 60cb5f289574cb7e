//! A model that rests when it fails, and is not asked for more than may be spent (R60).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::{info, warn};

use super::allowance::Allowance;
use crate::adapters::breaker::Breaker;
use crate::adapters::system::SystemClock;
use crate::seams::clock::Clock;
use crate::seams::llm::{CHARS_A_TOKEN, Llm, LlmError, LlmPiece, LlmRequest, LlmStream};

/// Wraps a model.
pub struct Guarded {
    inner: Arc<dyn Llm>,
    guard: Arc<Guard>,
    runtime: Handle,
}

struct Guard {
    allowance: Arc<Allowance>,
    breaker: Breaker,
    /// It said itself how long it wants to be left alone.
    busy_until: Mutex<Option<Instant>>,
    patience: Patience,
}

/// Who is let go of after so long has failed; sooner, the asker had changed their mind.
#[derive(Clone, Copy)]
pub struct Patience {
    /// Without a word.
    pub first: Duration,
    /// Without the last one.
    pub whole: Duration,
}

impl Patience {
    /// Timers of the asker and of this wrapper do not start at once: nearly so long is so long.
    fn is_over(self, waited: Duration, wrote: bool) -> bool {
        let patience = if wrote { self.whole } else { self.first };
        waited >= patience * 4 / 5
    }
}

impl Guarded {
    /// `rest` is how long it is not asked after its first failure.
    pub fn new(
        inner: Arc<dyn Llm>,
        allowance: Arc<Allowance>,
        rest: Duration,
        patience: Patience,
        runtime: Handle,
    ) -> Guarded {
        let guard = Guard { allowance, breaker: Breaker::new(rest), busy_until: Mutex::default(), patience };
        Guarded { inner, guard: Arc::new(guard), runtime }
    }

    fn refusal(&self, tokens: u64) -> Option<LlmError> {
        let provider = || self.inner.name().to_owned();
        let now = Instant::now();
        let busy = *self.guard.busy_until.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = busy.filter(|until| now < *until) {
            let retry_after_seconds = (until - now).as_secs().max(1);
            return Some(LlmError::Busy { provider: provider(), retry_after_seconds });
        }
        if !self.guard.breaker.allows() {
            return Some(LlmError::Stalled { provider: provider(), reason: "it rests after a failure".into() });
        }
        // Time is read here, where the requests are made: the purse itself is pure.
        let taken = self.guard.allowance.take(now.into_std(), SystemClock.epoch(), tokens);
        let what = taken.err()?;
        self.guard.breaker.abandoned();
        metrics::counter!("switchboard_writer_capped_total", "cap" => what).increment(1);
        warn!(cap = what, "The language model is not asked: its cap is reached");
        Some(LlmError::Spent { what })
    }
}

impl Llm for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn model(&self) -> &str {
        self.inner.model()
    }

    fn write(&self, request: LlmRequest) -> LlmStream {
        let (pieces, stream) = mpsc::channel(1);
        let asked = request.tokens();
        let taken = asked + u64::from(request.tokens_max);
        if let Some(error) = self.refusal(taken) {
            // There is room for one.
            let _ = pieces.try_send(Err(error));
            return stream;
        }
        let inner = self.inner.write(request);
        let guard = self.guard.clone();
        self.runtime.spawn(async move {
            let mut passing = Passing { guard, taken, asked, written: 0, counted: None, began: Instant::now() };
            let outcome = passing.pass(inner, &pieces).await;
            passing.over(outcome);
        });
        stream
    }
}

/// One answer on its way.
struct Passing {
    guard: Arc<Guard>,
    taken: u64,
    asked: u64,
    written: usize,
    counted: Option<u64>,
    began: Instant,
}

enum Outcome {
    Whole,
    Failed(LlmError),
    LetGo,
}

impl Passing {
    async fn pass(&mut self, mut inner: LlmStream, pieces: &mpsc::Sender<Result<LlmPiece, LlmError>>) -> Outcome {
        loop {
            let piece = tokio::select! {
                () = pieces.closed() => return Outcome::LetGo,
                piece = inner.recv() => piece,
            };
            let Some(piece) = piece else {
                return Outcome::Failed(LlmError::Stalled { provider: String::new(), reason: "it broke off".into() });
            };
            match &piece {
                Ok(LlmPiece::Text(text) | LlmPiece::Arguments { json: text, .. }) => self.written += text.len(),
                Ok(LlmPiece::Call { name, .. }) => self.written += name.len(),
                Ok(LlmPiece::Done { tokens }) => self.counted = *tokens,
                Err(_) => {}
            }
            let last = match &piece {
                Ok(LlmPiece::Done { .. }) => Some(Outcome::Whole),
                Err(error) => Some(Outcome::Failed(error.clone())),
                Ok(_) => None,
            };
            if pieces.send(piece).await.is_err() {
                return last.unwrap_or(Outcome::LetGo);
            }
            if let Some(last) = last {
                return last;
            }
        }
    }

    fn over(&self, outcome: Outcome) {
        let estimated = self.asked + (self.written / CHARS_A_TOKEN) as u64;
        let cost = self.counted.unwrap_or(estimated);
        self.guard.allowance.settle(self.taken, cost);
        metrics::counter!("switchboard_writer_tokens_total").increment(cost);
        match outcome {
            Outcome::Whole => self.guard.breaker.worked(),
            Outcome::Failed(error) => {
                info!(%error, "The language model failed");
                if let LlmError::Busy { retry_after_seconds, .. } = error {
                    let wait = Duration::from_secs(retry_after_seconds).min(LONGEST_BUSY);
                    let until = Instant::now() + wait;
                    *self.guard.busy_until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
                    return self.guard.breaker.abandoned();
                }
                self.guard.breaker.failed();
            }
            Outcome::LetGo if self.guard.patience.is_over(self.began.elapsed(), self.written > 0) => {
                self.guard.breaker.failed();
            }
            Outcome::LetGo => self.guard.breaker.abandoned(),
        }
    }
}

/// No provider makes us wait longer than this by a header.
const LONGEST_BUSY: Duration = Duration::from_secs(300);
