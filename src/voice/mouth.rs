//! Speaks on one leg: sentences become speech, speech becomes clips on the leg, and what was really heard
//! of them becomes text again.
//!
//! Sentences are synthesised one ahead of the one being heard. An interruption silences the leg at once; it can
//! be taken back (a cough), in which case speech goes on where it stopped.

use std::sync::Arc;
use std::time::Duration;

use media::{Clip, ENGINE_RATE_HZ, PlayItem, UtteranceId};

use crate::seams::media::{LegCommand, LegControl};
use crate::seams::tts::{Tts, TtsError, TtsRequest, TtsStream};

/// What became of the words.
#[derive(Debug, PartialEq, Eq)]
pub enum MouthEvent {
    /// Everything was heard to its end.
    Ended,
    /// The synthesiser failed before the end; what it had made is still heard.
    Failed(TtsError),
}

/// One leg's mouth.
pub struct Mouth {
    tts: Arc<dyn Tts>,
    voice: Option<String>,
    control: LegControl,
    last_utterance: UtteranceId,
    saying: Option<Saying>,
    prepared: Option<Prepared>,
    tone: Option<UtteranceId>,
    /// A phrase that bridges the pause until speech arrives.
    filler: Option<TtsStream>,
}

/// The first sentence of something that may have to be said soon, already being synthesised.
struct Prepared {
    text: String,
    slower: bool,
    stream: TtsStream,
}

struct Saying {
    utterance: UtteranceId,
    slower: bool,
    sentences: Vec<Sentence>,
    /// The sentence whose speech arrives at present.
    arriving: usize,
    stream: Option<TtsStream>,
    /// The stream of the sentence after it.
    ahead: Option<TtsStream>,
    /// All speech so far, for going on after a false interruption.
    clips: Vec<Clip>,
    /// Pieces that the leg's bounded queue had no room for yet.
    waiting: std::collections::VecDeque<PlayItem>,
    /// Samples heard under earlier utterance numbers of the same words.
    heard_before: u64,
    ended: bool,
    silenced: bool,
    /// More sentences follow.
    goes_on: bool,
    failed: Option<TtsError>,
}

struct Sentence {
    text: String,
    /// Samples of it so far, the pause that the voice leaves after it included.
    samples: u64,
    complete: bool,
}

impl Mouth {
    /// A mouth for this leg. `voice` is the provider's name of a voice; `None` its default.
    pub fn new(tts: Arc<dyn Tts>, voice: Option<String>, control: LegControl) -> Mouth {
        Mouth {
            tts,
            voice,
            control,
            last_utterance: UtteranceId(0),
            saying: None,
            prepared: None,
            tone: None,
            filler: None,
        }
    }

    /// Begins to synthesise a sentence that may have to be said next. What was prepared before is dropped.
    pub fn prepare(&mut self, text: &str, slower: bool) {
        if self.prepared.as_ref().is_some_and(|prepared| prepared.text == text && prepared.slower == slower) {
            return;
        }
        let stream = self.tts.speak(self.request(text, slower));
        self.prepared = Some(Prepared { text: text.to_owned(), slower, stream });
    }

    /// Forgets what was prepared.
    pub fn drop_prepared(&mut self) {
        self.prepared = None;
    }

    /// Says these sentences in place of whatever is being said.
    pub fn say(&mut self, sentences: &[String], slower: bool) {
        self.silence();
        self.saying = None;
        let Some(first) = sentences.first() else { return };
        let stream = match self.prepared.take() {
            Some(prepared) if prepared.text == *first && prepared.slower == slower => prepared.stream,
            _ => self.tts.speak(self.request(first, slower)),
        };
        let ahead = sentences.get(1).map(|next| self.tts.speak(self.request(next, slower)));
        self.saying = Some(Saying {
            utterance: self.next_utterance(),
            slower,
            sentences: sentences
                .iter()
                .map(|text| Sentence { text: text.clone(), samples: 0, complete: false })
                .collect(),
            arriving: 0,
            stream: Some(stream),
            ahead,
            clips: Vec::new(),
            waiting: Default::default(),
            heard_before: 0,
            ended: false,
            silenced: false,
            goes_on: false,
            failed: None,
        });
    }

    /// Says these, and waits for more by [`Mouth::more`] until [`Mouth::said_all`].
    pub fn begin(&mut self, sentences: &[String], slower: bool) {
        self.say(sentences, slower);
        if let Some(saying) = &mut self.saying {
            saying.goes_on = true;
        }
    }

    /// A further sentence; false when the words it belongs to are no longer being said.
    pub fn more(&mut self, sentence: &str) -> bool {
        let Some(saying) = self.saying.as_mut().filter(|saying| saying.goes_on) else { return false };
        saying.sentences.push(Sentence { text: sentence.to_owned(), samples: 0, complete: false });
        let idle = saying.stream.is_none();
        let is_next = saying.ahead.is_none() && saying.arriving + 2 == saying.sentences.len();
        let slower = saying.slower;
        if !idle && !is_next {
            return true; // It is ordered when its turn comes.
        }
        let stream = Some(self.tts.speak(self.request(sentence, slower)));
        if let Some(saying) = &mut self.saying {
            *(if idle { &mut saying.stream } else { &mut saying.ahead }) = stream;
        }
        true
    }

    /// No more sentences follow. `Some` when all of it failed before a sound.
    pub fn said_all(&mut self) -> Option<MouthEvent> {
        let saying = self.saying.as_mut().filter(|saying| saying.goes_on)?;
        saying.goes_on = false;
        if saying.stream.is_some() {
            return None;
        }
        let event = saying.end();
        self.play_waiting();
        event
    }

    /// Plays a clip once, beneath no words: the hold tone. Words that follow replace it.
    pub fn play_tone(&mut self, clip: Clip) {
        if self.is_speaking() {
            return;
        }
        let utterance = self.next_utterance();
        self.tone = Some(utterance);
        // A full queue only means that there is enough to hear already.
        let _ = self.control.send(LegCommand::Play(PlayItem { utterance, clip, last: true }));
    }

    /// Bridges the pause until the first speech of the present words arrives; they follow it.
    pub fn fill(&mut self, phrase: &str) {
        if self.filler.is_none() && !self.has_speech() {
            self.filler = Some(self.tts.speak(self.request(phrase, false)));
        }
    }

    /// Whether words are being said or are about to be.
    pub fn is_speaking(&self) -> bool {
        self.saying.as_ref().is_some_and(|saying| !saying.ended && !saying.silenced)
    }

    /// Whether the first sample has left.
    pub fn is_heard(&self) -> bool {
        self.heard_samples() > 0
    }

    /// Whether any speech has arrived from the synthesiser for what is being said.
    pub fn has_speech(&self) -> bool {
        self.saying.as_ref().is_some_and(|saying| !saying.clips.is_empty())
    }

    /// The number under which the present words are played.
    pub fn utterance(&self) -> Option<UtteranceId> {
        self.saying.as_ref().map(|saying| saying.utterance)
    }

    /// Whether the sentence at this place has been heard to its end.
    pub fn has_heard(&self, sentence: usize) -> bool {
        let Some(saying) = &self.saying else { return false };
        let Some(last) = saying.sentences.get(sentence) else { return false };
        let end: u64 = saying.sentences[..=sentence].iter().map(|sentence| sentence.samples).sum();
        last.complete && self.heard_samples() >= end
    }

    /// Silences the leg at once and keeps what was not heard, for [`Mouth::go_on`].
    pub fn silence(&mut self) {
        self.filler = None;
        if let Some(tone) = self.tone.take() {
            self.control.flush(tone);
        }
        let heard = self.heard_samples();
        let Some(saying) = &mut self.saying else { return };
        if saying.silenced || saying.ended {
            return;
        }
        self.control.flush(saying.utterance);
        saying.silenced = true;
        saying.heard_before = heard;
        saying.waiting.clear();
    }

    /// Goes on where [`Mouth::silence`] stopped, a breath earlier so that no word is torn.
    pub fn go_on(&mut self) {
        let next = UtteranceId(self.last_utterance.0 + 1);
        let Some(saying) = &mut self.saying else { return };
        if !saying.silenced || saying.ended {
            return;
        }
        self.last_utterance = next;
        saying.silenced = false;
        saying.utterance = next;
        saying.heard_before = saying.heard_before.saturating_sub(BREATH_SAMPLES);
        let mut skip = saying.heard_before;
        for clip in &saying.clips {
            let length = clip.len() as u64;
            if skip >= length {
                skip -= length;
                continue;
            }
            let rest: Clip = if skip == 0 { clip.clone() } else { Arc::from(&clip[skip as usize..]) };
            skip = 0;
            saying.waiting.push_back(PlayItem { utterance: next, clip: rest, last: false });
        }
        if saying.all_arrived() {
            saying.waiting.push_back(PlayItem { utterance: next, clip: Arc::from([]), last: true });
        }
        self.play_waiting();
    }

    /// Drops the words for good; returns what of them was heard.
    pub fn stop(&mut self) -> Option<String> {
        self.silence();
        let saying = self.saying.take()?;
        Some(heard_text(&saying.sentences, saying.heard_before))
    }

    /// What of the present words has been heard so far.
    pub fn heard_so_far(&self) -> Option<String> {
        self.saying.as_ref().map(|saying| heard_text(&saying.sentences, self.heard_samples()))
    }

    /// Tells that an utterance ended on the leg; `Some` when it was the present words' end.
    pub fn play_ended(&mut self, utterance: UtteranceId, complete: bool) -> Option<MouthEvent> {
        if self.tone == Some(utterance) {
            self.tone = None;
            return complete.then_some(MouthEvent::Ended);
        }
        let saying = self.saying.as_mut().filter(|saying| saying.utterance == utterance && !saying.silenced)?;
        if !complete || saying.ended {
            return None;
        }
        saying.ended = true;
        Some(saying.failed.take().map_or(MouthEvent::Ended, MouthEvent::Failed))
    }

    /// Waits for the next speech from the synthesiser and puts it on the leg. Cancel-safe; pends for ever while
    /// nothing is being synthesised. `Some` when all of it failed before a sound.
    pub async fn work(&mut self) -> Option<MouthEvent> {
        if let Some(filler) = &mut self.filler {
            let words = async {
                match self.saying.as_mut().and_then(|saying| saying.stream.as_mut()) {
                    Some(stream) => stream.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                arrived = words => {
                    self.filler = None;
                    return self.arrived(arrived);
                }
                chunk = filler.recv() => {
                    self.filler_arrived(chunk);
                    return None;
                }
            }
        }
        let saying = match &mut self.saying {
            Some(saying) if !saying.waiting.is_empty() => {
                tokio::time::sleep(RETRY_QUEUE).await;
                self.play_waiting();
                return None;
            }
            Some(saying) if saying.stream.is_some() => saying,
            _ => std::future::pending().await,
        };
        let arrived = match &mut saying.stream {
            Some(stream) => stream.recv().await,
            None => std::future::pending().await,
        };
        self.arrived(arrived)
    }

    fn arrived(&mut self, arrived: Option<Result<crate::seams::tts::TtsChunk, TtsError>>) -> Option<MouthEvent> {
        let saying = self.saying.as_mut()?;
        match arrived {
            Some(Ok(chunk)) => {
                saying.sentences[saying.arriving].samples += chunk.clip.len() as u64;
                saying.queue(chunk.clip, false);
                self.play_waiting();
                None
            }
            Some(Err(error)) => {
                saying.failed = Some(error);
                self.next_sentence()
            }
            None => self.next_sentence(),
        }
    }

    /// The phrase goes before the words: they take a later number, so that silencing them silences it too.
    fn filler_arrived(&mut self, chunk: Option<Result<crate::seams::tts::TtsChunk, TtsError>>) {
        let Some(Ok(chunk)) = chunk else {
            self.filler = None;
            return;
        };
        let utterance = self.next_utterance();
        let _ = self.control.send(LegCommand::Play(PlayItem { utterance, clip: chunk.clip, last: true }));
        let words = self.next_utterance();
        if let Some(saying) = &mut self.saying {
            saying.utterance = words;
        }
    }

    /// The arriving sentence is whole: the next one's turn, and the one after it is ordered.
    fn next_sentence(&mut self) -> Option<MouthEvent> {
        let saying = self.saying.as_mut()?;
        saying.sentences[saying.arriving].complete = true;
        saying.arriving += 1;
        saying.stream = saying.ahead.take();
        let next = saying.sentences.get(saying.arriving + 1).map(|sentence| sentence.text.clone());
        let slower = saying.slower;
        if saying.stream.is_none()
            && !saying.goes_on
            && let Some(event) = saying.end()
        {
            return Some(event);
        }
        let ahead = next.map(|text| self.tts.speak(self.request(&text, slower)));
        if let Some(saying) = &mut self.saying {
            saying.ahead = ahead;
        }
        self.play_waiting();
        None
    }

    fn play_waiting(&mut self) {
        let Some(saying) = &mut self.saying else { return };
        while let Some(item) = saying.waiting.pop_front() {
            if let Err(LegCommand::Play(item)) = self.control.send(LegCommand::Play(item)) {
                saying.waiting.push_front(item);
                return;
            }
        }
    }

    fn heard_samples(&self) -> u64 {
        match &self.saying {
            Some(saying) if saying.silenced => saying.heard_before,
            Some(saying) => saying.heard_before + self.control.samples_sent(saying.utterance),
            None => 0,
        }
    }

    fn next_utterance(&mut self) -> UtteranceId {
        self.last_utterance.0 += 1;
        self.last_utterance
    }

    fn request(&self, text: &str, slower: bool) -> TtsRequest {
        TtsRequest { text: text.to_owned(), speed: if slower { SLOWER_SPEED } else { 1.0 }, voice: self.voice.clone() }
    }
}

impl Saying {
    fn queue(&mut self, clip: Clip, last: bool) {
        if !clip.is_empty() {
            self.clips.push(clip.clone());
        }
        if !self.silenced {
            self.waiting.push_back(PlayItem { utterance: self.utterance, clip, last });
        }
    }

    fn all_arrived(&self) -> bool {
        self.stream.is_none() && !self.goes_on
    }

    /// All has arrived. `Some` when that was nothing.
    fn end(&mut self) -> Option<MouthEvent> {
        let silent = self.clips.is_empty();
        self.queue(Arc::from([]), true);
        if !silent {
            return None;
        }
        // Nothing will ever be played, so no end would be told.
        self.ended = true;
        Some(self.failed.take().map_or(MouthEvent::Ended, MouthEvent::Failed))
    }
}

/// The words that `heard` samples hold: whole sentences, and of the one that was cut the words in proportion.
fn heard_text(sentences: &[Sentence], mut heard: u64) -> String {
    let mut text = Vec::new();
    for sentence in sentences {
        if sentence.complete && heard >= sentence.samples {
            heard -= sentence.samples;
            text.push(sentence.text.clone());
            continue;
        }
        let words: Vec<&str> = sentence.text.split_whitespace().collect();
        // A sentence of which more is still to come is at least as long as a person would need for it.
        let length =
            if sentence.complete { sentence.samples } else { sentence.samples.max(words.len() as u64 * WORD_SAMPLES) };
        let count = (words.len() as u64 * heard).checked_div(length).unwrap_or(0);
        if count > 0 {
            text.push(words[..(count as usize).min(words.len())].join(" "));
        }
        break;
    }
    text.join(" ")
}

/// How far before the stop speech goes on: 100 ms.
const BREATH_SAMPLES: u64 = ENGINE_RATE_HZ as u64 / 10;
/// About 300 ms a word.
const WORD_SAMPLES: u64 = ENGINE_RATE_HZ as u64 * 3 / 10;
/// "Slower".
const SLOWER_SPEED: f32 = 0.8;
/// The leg's queue holds seconds of speech, so trying again after a frame is soon enough.
const RETRY_QUEUE: Duration = Duration::from_millis(20);

#[cfg(test)]
#[path = "mouth_tests.rs"]
mod tests;
