//! One synthesiser behind another: when the first refuses, stalls or breaks off, the second goes on with what
//! has not been said.
//!
//! Where the first broke off is estimated from the audio it gave and the pace it was measured to speak at. The
//! second begins at the start of the word that was being said, so that a word may be heard twice but none is
//! lost; the estimate was within two words over sentences of up to 30 words.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::normalise::normalise;
use crate::adapters::breaker::Breaker;
use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// How long is waited for the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For its first audio.
    pub first_audio: Duration,
    /// For more audio once the listener has run dry.
    pub gap: Duration,
    /// How long it rests after a failure.
    pub rest: Duration,
}

impl Default for Patience {
    /// 700 ms of silence is when a person would say "let me look"; a gap inside a sentence is noticed sooner.
    fn default() -> Patience {
        let ms = Duration::from_millis;
        Patience { first_audio: ms(700), gap: ms(250), rest: Duration::from_secs(15) }
    }
}

/// What the second one needs to begin with: it is asked this much before the listener runs dry.
const CHANGEOVER: Duration = Duration::from_millis(100);
/// Characters of spoken words a second, before the first one's own pace is known.
const CHARS_A_SECOND: f32 = 15.0;
/// How much one finished sentence tells about the pace.
const PACE_SHARE: f32 = 0.25;
/// Pieces that may wait for a slow listener.
const WAITING_PIECES_MAX: usize = 256;

/// Implements what it wraps.
pub struct Fallback {
    shared: Arc<Shared>,
    runtime: Handle,
}

struct Shared {
    first: Arc<dyn Tts>,
    second: Arc<dyn Tts>,
    patience: Patience,
    breaker: Breaker,
    /// The first one's characters a second at speed 1, as bits of an `f32`.
    pace_bits: AtomicU32,
}

impl Fallback {
    /// `second` takes over from `first`; the watching runs on this runtime.
    pub fn new(first: Arc<dyn Tts>, second: Arc<dyn Tts>, patience: Patience, runtime: Handle) -> Fallback {
        let breaker = Breaker::new(patience.rest);
        let pace_bits = AtomicU32::new(CHARS_A_SECOND.to_bits());
        Fallback { shared: Arc::new(Shared { first, second, patience, breaker, pace_bits }), runtime }
    }
}

impl Tts for Fallback {
    fn name(&self) -> &str {
        self.shared.first.name()
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        if !self.shared.breaker.allows() {
            return self.shared.second.speak(request);
        }
        let (pieces, heard) = mpsc::channel(WAITING_PIECES_MAX);
        let stream = self.shared.first.speak(request.clone());
        let shared = self.shared.clone();
        self.runtime.spawn(async move { shared.watch(stream, request, pieces).await });
        heard
    }
}

/// How the first one's turn ended.
enum Ending {
    Complete,
    /// Nobody listens any more.
    Abandoned,
    Broken(TtsError),
}

impl Shared {
    async fn watch(&self, stream: TtsStream, request: TtsRequest, pieces: mpsc::Sender<Result<TtsChunk, TtsError>>) {
        let words = normalise(&request.text);
        let (ending, samples) = self.pass_on(stream, &words, &pieces).await;
        let seconds = samples as f32 / media::ENGINE_RATE_HZ as f32;
        let reason = match ending {
            Ending::Complete => {
                self.learn_pace(&words, seconds, request.speed);
                return self.breaker.worked();
            }
            Ending::Abandoned => return self.breaker.abandoned(),
            Ending::Broken(reason) => reason,
        };
        self.breaker.failed();
        metrics::counter!("switchboard_tts_fallbacks_total", "provider" => self.first.name().to_owned()).increment(1);
        tracing::warn!(tts.provider = self.first.name(), tts.error = %reason, "Another voice takes over");
        let said_chars = seconds * f32::from_bits(self.pace_bits.load(Ordering::Relaxed)) * request.speed.max(0.1);
        let rest = rest_of(&words, if samples == 0 { 0.0 } else { said_chars });
        if rest.is_empty() {
            return;
        }
        let mut stream = self.second.speak(TtsRequest { text: rest.to_owned(), ..request });
        while let Some(next) = stream.recv().await {
            if pieces.send(next).await.is_err() {
                return;
            }
        }
    }

    /// Passes the first one's audio on; gives how it ended and how many samples there were.
    async fn pass_on(
        &self,
        mut stream: TtsStream,
        words: &str,
        pieces: &mpsc::Sender<Result<TtsChunk, TtsError>>,
    ) -> (Ending, usize) {
        let mut samples = 0;
        let mut owed = Instant::now() + self.patience.first_audio;
        let mut runs_dry: Option<Instant> = None;
        loop {
            let next = tokio::select! {
                () = pieces.closed() => return (Ending::Abandoned, samples),
                next = timeout_at(owed, stream.recv()) => next,
            };
            match next {
                Ok(Some(Ok(chunk))) => {
                    let now = Instant::now();
                    samples += chunk.clip.len();
                    let length = Duration::from_secs_f64(chunk.clip.len() as f64 / f64::from(media::ENGINE_RATE_HZ));
                    let dry = runs_dry.map_or(now, |dry| dry.max(now)) + length;
                    runs_dry = Some(dry);
                    owed = (now + self.patience.gap).max(dry.checked_sub(CHANGEOVER).unwrap_or(dry));
                    if pieces.send(Ok(chunk)).await.is_err() {
                        return (Ending::Abandoned, samples);
                    }
                }
                Ok(Some(Err(error))) => return (Ending::Broken(error), samples),
                Ok(None) if samples == 0 && !words.is_empty() => {
                    return (Ending::Broken(self.stalled("it gave no audio")), samples);
                }
                Ok(None) => return (Ending::Complete, samples),
                Err(_) => return (Ending::Broken(self.stalled("no audio in time")), samples),
            }
        }
    }

    fn stalled(&self, reason: &str) -> TtsError {
        TtsError::Stalled { provider: self.first.name().to_owned(), reason: reason.to_owned() }
    }

    /// A moving mean over its complete sentences.
    fn learn_pace(&self, words: &str, seconds: f32, speed: f32) {
        let measured = words.chars().count() as f32 / seconds.max(0.1) / speed.max(0.1);
        // Beyond these it is not speech of this text.
        if (6.0..30.0).contains(&measured) {
            let known = f32::from_bits(self.pace_bits.load(Ordering::Relaxed));
            let pace = known + (measured - known) * PACE_SHARE;
            self.pace_bits.store(pace.to_bits(), Ordering::Relaxed);
        }
    }
}

/// What is left of a text after so many characters were said, from the start of the word then being said.
fn rest_of(words: &str, said_chars: f32) -> &str {
    let said = said_chars.max(0.0) as usize;
    let Some((at, _)) = words.char_indices().nth(said) else { return "" };
    let begin = words[..at].rfind(' ').map_or(0, |space| space + 1);
    &words[begin..]
}

#[cfg(test)]
mod tests {
    use super::super::standin::{Act, StandIn, asked, heard_all};
    use super::*;

    const TEXT: &str = "You can return anything within thirty days and we pay for the way back.";

    fn behind(acts: Vec<Act>) -> (Fallback, Arc<StandIn>, Arc<StandIn>) {
        let (first, second) = (Arc::new(StandIn::new(acts)), Arc::new(StandIn::speaking()));
        let patience = Patience::default();
        (Fallback::new(first.clone(), second.clone(), patience, Handle::current()), first, second)
    }

    /// P1: each way to fail ends in speech of the second one, in time.
    #[tokio::test(start_paused = true)]
    async fn however_the_first_fails_the_whole_sentence_is_heard_soon() {
        let ways = [
            vec![Act::Fail],
            vec![Act::Stall(30_000), Act::Audio(100)],
            vec![Act::End],
            vec![Act::Stall(u64::MAX / 4)],
        ];
        for way in ways {
            let (tts, _, second) = behind(way);
            let began = Instant::now();
            let mut stream = tts.speak(asked(TEXT));
            let first = stream.recv().await.expect("speech").expect("no error");
            assert!(!first.clip.is_empty());
            assert!(began.elapsed() <= Duration::from_millis(700), "{:?}", began.elapsed());
            assert_eq!(second.last_text(), normalise(TEXT));
        }
    }

    /// P1: mid-sentence, the second one says the rest, no more than a word twice.
    #[tokio::test(start_paused = true)]
    async fn a_sentence_that_breaks_off_is_finished_by_the_second() {
        // 2 s of speech at 15 characters a second is 30 characters: "You can return anything within" is 30.
        for end in [Act::Fail, Act::Stall(30_000)] {
            let (tts, _, second) = behind(vec![Act::Audio(1_000), Act::Audio(1_000), end]);
            let samples = heard_all(tts.speak(asked(TEXT))).await.expect("speech").len();
            assert!(samples > 32_000);
            assert_eq!(second.last_text(), "within thirty days and we pay for the way back.");
        }
    }

    /// A provider that drips is given up when the listener has run dry, not before.
    #[tokio::test(start_paused = true)]
    async fn a_dripping_provider_is_given_up_once_the_listener_waits() {
        let drip = std::iter::repeat_with(|| [Act::Audio(20), Act::Stall(400)]).take(50).flatten().collect();
        let (tts, _, second) = behind(drip);
        let began = Instant::now();
        heard_all(tts.speak(asked(TEXT))).await.expect("speech");
        assert!(began.elapsed() < Duration::from_secs(2));
        assert_eq!(second.requests(), 1);
        let burst = vec![Act::Audio(2_000), Act::Stall(1_500), Act::Audio(2_000)];
        let (tts, _, second) = behind(burst);
        heard_all(tts.speak(asked(TEXT))).await.expect("speech");
        assert_eq!(second.requests(), 0, "2 s were there to be heard: a pause of 1.5 s hurts nobody");
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_provider_is_rested_and_tried_again() {
        let (tts, first, second) = behind(vec![Act::Fail]);
        for _ in 0..5 {
            heard_all(tts.speak(asked(TEXT))).await.expect("speech");
        }
        assert_eq!((first.requests(), second.requests()), (1, 5));
        tokio::time::advance(Duration::from_secs(16)).await;
        heard_all(tts.speak(asked(TEXT))).await.expect("speech");
        assert_eq!(first.requests(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_listening_stops_both() {
        let (tts, first, second) = behind(vec![Act::Audio(100), Act::Stall(500), Act::Audio(100)]);
        drop(tts.speak(asked(TEXT)));
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(first.was_dropped() && second.requests() == 0);
        assert!(tts.shared.breaker.allows(), "that was nobody's fault");
    }

    #[test]
    fn the_rest_begins_with_the_word_being_said() {
        assert_eq!(rest_of("one two three", 0.0), "one two three");
        assert_eq!(rest_of("one two three", 5.0), "two three");
        assert_eq!(rest_of("one two three", 400.0), "");
    }
}
