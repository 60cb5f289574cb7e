//! Phrases kept synthesised: greeting, prompts, fillers, and what is said again and again begin at once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard};

use media::Clip;
use tokio::sync::mpsc;

use super::recordings::Recordings;
use crate::seams::tts::{Tts, TtsChunk, TtsError, TtsRequest, TtsStream};

/// Texts longer than this are said once and not kept.
const TEXT_BYTES_MAX: usize = 400;
/// Remembered as heard once: a text is kept when it is asked for a second time, so that names and numbers read
/// back to one caller do not stay.
const HEARD_ONCE_MAX: usize = 1_024;

/// A synthesiser with a shelf of finished phrases before it.
pub struct Cached<T: ?Sized> {
    shelf: Arc<Mutex<Shelf>>,
    /// Sentences that are never synthesised, in whatever voice and at whatever speed they are asked for.
    recordings: HashMap<String, Arc<[Clip]>>,
    inner: Arc<T>,
}

/// A phrase in a voice at a speed.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Phrase {
    text: String,
    voice: Option<String>,
    speed_bits: u32,
}

struct Shelf {
    bytes_max: usize,
    bytes: usize,
    uses: u64,
    phrases: HashMap<Phrase, Held>,
    heard_once: HashMap<u64, u64>,
}

struct Held {
    clips: Arc<[Clip]>,
    bytes: usize,
    last_use: u64,
    /// Prepared phrases make room for nothing.
    prepared: bool,
}

impl<T: Tts + ?Sized + 'static> Cached<T> {
    /// Keeps at most `bytes_max` of audio: 32,000 bytes a second.
    pub fn new(inner: Arc<T>, bytes_max: usize) -> Cached<T> {
        let shelf = Shelf { bytes_max, bytes: 0, uses: 0, phrases: HashMap::new(), heard_once: HashMap::new() };
        Cached { shelf: Arc::new(Mutex::new(shelf)), recordings: HashMap::new(), inner }
    }

    /// With recordings that stand for sentences.
    pub fn with_recordings(self, recordings: Recordings) -> Cached<T> {
        let recordings = recordings.into_iter().map(|(text, clip)| (text, [clip].into())).collect();
        Cached { recordings, ..self }
    }

    /// Synthesises phrases to be kept for good, one after the other; those already there cost nothing. Errors
    /// leave out their phrase; the first is returned after all were tried.
    pub async fn prepare(&self, requests: impl IntoIterator<Item = TtsRequest>) -> Result<(), TtsError> {
        let mut outcome = Ok(());
        for request in requests {
            if self.recordings.contains_key(request.text.trim()) {
                continue;
            }
            let phrase = Phrase::of(&request);
            if let Some(held) = lock(&self.shelf).phrases.get_mut(&phrase) {
                held.prepared = true;
                continue;
            }
            match collect(self.inner.speak(request)).await {
                Ok(clips) => lock(&self.shelf).put(phrase, clips, true),
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Bytes of audio held now.
    pub fn bytes(&self) -> usize {
        lock(&self.shelf).bytes
    }
}

impl<T: Tts + ?Sized + 'static> Tts for Cached<T> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn speak(&self, request: TtsRequest) -> TtsStream {
        let phrase = Phrase::of(&request);
        let (held, wanted) = match self.recordings.get(request.text.trim()) {
            Some(recording) => (Some(recording.clone()), false),
            None => lock(&self.shelf).find(&phrase),
        };
        if let Some(clips) = held {
            metrics::counter!("switchboard_tts_cache_hits_total").increment(1);
            let (pieces, stream) = mpsc::channel(clips.len().max(1));
            for clip in clips.iter() {
                // There is room for all of them.
                let _ = pieces.try_send(Ok(TtsChunk { clip: clip.clone() }));
            }
            return stream;
        }
        metrics::counter!("switchboard_tts_cache_misses_total").increment(1);
        let stream = self.inner.speak(request);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) if wanted => self.keep_while_heard(phrase, stream, &runtime),
            _ => stream,
        }
    }
}

impl<T: Tts + ?Sized + 'static> Cached<T> {
    /// Passes a stream on and puts it on the shelf once it is complete.
    fn keep_while_heard(&self, phrase: Phrase, mut stream: TtsStream, runtime: &tokio::runtime::Handle) -> TtsStream {
        let (pieces, heard) = mpsc::channel(64);
        let shelf = self.shelf.clone();
        runtime.spawn(async move {
            let mut clips = Vec::new();
            loop {
                let next = tokio::select! {
                    () = pieces.closed() => return,
                    next = stream.recv() => next,
                };
                let Some(next) = next else { break };
                let failed = next.is_err();
                if let Ok(chunk) = &next {
                    clips.push(chunk.clip.clone());
                }
                if pieces.send(next).await.is_err() || failed {
                    return;
                }
            }
            lock(&shelf).put(phrase, clips, false);
        });
        heard
    }
}

impl Phrase {
    fn of(request: &TtsRequest) -> Phrase {
        Phrase { text: request.text.clone(), voice: request.voice.clone(), speed_bits: request.speed.to_bits() }
    }
}

impl Shelf {
    /// The phrase if it is held, and if not, whether to hold it from now on.
    fn find(&mut self, phrase: &Phrase) -> (Option<Arc<[Clip]>>, bool) {
        self.uses += 1;
        if let Some(held) = self.phrases.get_mut(phrase) {
            held.last_use = self.uses;
            return (Some(held.clips.clone()), false);
        }
        if phrase.text.len() > TEXT_BYTES_MAX {
            return (None, false);
        }
        let mut hasher = DefaultHasher::new();
        phrase.hash(&mut hasher);
        let known = self.heard_once.insert(hasher.finish(), self.uses).is_some();
        if self.heard_once.len() > HEARD_ONCE_MAX {
            let middle = self.uses.saturating_sub(HEARD_ONCE_MAX as u64 / 2);
            self.heard_once.retain(|_, at| *at > middle);
        }
        (None, known)
    }

    fn put(&mut self, phrase: Phrase, clips: Vec<Clip>, prepared: bool) {
        let bytes = clips.iter().map(|clip| clip.len() * 2).sum::<usize>();
        if bytes == 0 || bytes > self.bytes_max {
            return;
        }
        self.uses += 1;
        let held = Held { clips: clips.into(), bytes, last_use: self.uses, prepared };
        if let Some(before) = self.phrases.insert(phrase, held) {
            self.bytes -= before.bytes;
        }
        self.bytes += bytes;
        while self.bytes > self.bytes_max {
            // The least recently used goes first; prepared ones only when nothing else is left.
            let oldest = self.phrases.iter().min_by_key(|(_, held)| (held.prepared, held.last_use));
            let Some(oldest) = oldest.map(|(phrase, _)| phrase.clone()) else { break };
            if let Some(gone) = self.phrases.remove(&oldest) {
                self.bytes -= gone.bytes;
            }
        }
    }
}

fn lock(shelf: &Mutex<Shelf>) -> MutexGuard<'_, Shelf> {
    shelf.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

async fn collect(mut stream: TtsStream) -> Result<Vec<Clip>, TtsError> {
    let mut clips = Vec::new();
    while let Some(chunk) = stream.recv().await {
        clips.push(chunk?.clip);
    }
    Ok(clips)
}

#[cfg(test)]
mod tests {
    use super::super::standin::{Act, StandIn, asked, heard_all};
    use super::*;

    #[tokio::test]
    async fn a_prepared_phrase_is_there_at_once_and_shared() {
        let cached = Cached::new(Arc::new(StandIn::speaking()), 1_000_000);
        cached.prepare([asked("Hello.")]).await.expect("prepared");
        let mut first = cached.speak(asked("Hello."));
        let mut second = cached.speak(asked("Hello."));
        let (one, two) = (first.try_recv().expect("at once"), second.try_recv().expect("at once"));
        assert!(Arc::ptr_eq(&one.expect("audio").clip, &two.expect("audio").clip));
        assert_eq!(cached.inner.requests(), 1);
    }

    #[tokio::test]
    async fn what_is_said_again_is_kept_and_what_is_said_once_is_not() {
        let cached = Cached::new(Arc::new(StandIn::speaking()), 1_000_000);
        for expected_bytes in [0, 1, 1] {
            heard_all(cached.speak(asked("We open at nine."))).await.expect("spoken");
            // The task that keeps the phrase ends with the stream.
            tokio::task::yield_now().await;
            assert_eq!(cached.bytes().min(1), expected_bytes);
        }
        assert_eq!(cached.inner.requests(), 2);
    }

    #[tokio::test]
    async fn speed_and_voice_are_other_phrases() {
        let cached = Cached::new(Arc::new(StandIn::speaking()), 1_000_000);
        cached.prepare([asked("Hello.")]).await.expect("prepared");
        let slower = TtsRequest { speed: 0.8, ..asked("Hello.") };
        heard_all(cached.speak(slower)).await.expect("spoken");
        assert_eq!(cached.inner.requests(), 2);
    }

    #[tokio::test]
    async fn the_shelf_is_bounded_and_prepared_phrases_stay_longest() {
        let one = heard_all(StandIn::speaking().speak(asked("Phrase 0"))).await.expect("spoken").len() * 2;
        let cached = Cached::new(Arc::new(StandIn::speaking()), one * 3 + 10);
        cached.prepare([asked("Phrase 0")]).await.expect("prepared");
        for n in 1..9 {
            for _ in 0..2 {
                heard_all(cached.speak(asked(&format!("Phrase {n}")))).await.expect("spoken");
                tokio::task::yield_now().await;
            }
            assert!(cached.bytes() <= one * 3 + 10);
        }
        assert!(cached.speak(asked("Phrase 0")).try_recv().is_ok());
    }

    #[tokio::test]
    async fn a_failed_sentence_is_not_kept() {
        let cached = Cached::new(Arc::new(StandIn::new(vec![Act::Audio(100), Act::Fail])), 1_000_000);
        assert!(cached.prepare([asked("Hello.")]).await.is_err());
        for _ in 0..3 {
            assert!(heard_all(cached.speak(asked("Hello."))).await.is_err());
        }
        assert_eq!(cached.bytes(), 0);
    }

    /// R59: in every voice and at every speed, and without the synthesiser.
    #[tokio::test]
    async fn a_recorded_sentence_is_never_synthesised() {
        let stand_in = Arc::new(StandIn::new(vec![Act::Fail]));
        let clip: Clip = Arc::from(vec![7i16; 100]);
        let cached = Cached::new(stand_in, 1_000_000).with_recordings([("Hello.".to_owned(), clip.clone())].into());
        cached.prepare([asked("Hello.")]).await.expect("nothing to prepare");
        let slower = TtsRequest { speed: 0.8, ..asked("Hello.") };
        let heard = cached.speak(slower).recv().await.expect("a clip").expect("speech");
        assert!(Arc::ptr_eq(&heard.clip, &clip));
    }
}
