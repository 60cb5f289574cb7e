//! What a streaming recogniser has said about the running utterance. Pure: times come in as arguments.

use std::time::Duration;

use media::FRAME_MS;
use tokio::time::Instant;

use crate::seams::stt::{HeardId, SttEvent, Want};

/// Characters of one utterance that are kept: ten minutes of speech.
const TEXT_CHARS_MAX: usize = 10_000;

/// Something a provider tells about the words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Words {
    /// The words of one segment.
    pub text: String,
    /// They will not change any more.
    pub settled: bool,
    /// The provider judges that the turn is over.
    pub ends_turn: bool,
    /// They answer our request to finish.
    pub answers: bool,
    /// 0–1, where it tells.
    pub confidence: Option<f32>,
    /// Where the segment ends, in milliseconds of all audio sent, where it tells.
    pub until_ms: Option<u32>,
}

/// The transcript of one utterance after the other.
pub struct Dictation {
    settle: Duration,
    stall: Duration,
    frames_sent: u32,
    utterance: Option<Utterance>,
}

struct Utterance {
    heard: HeardId,
    from_frame: u32,
    settled: String,
    interim: String,
    confidence: Option<f32>,
    /// The provider has told something since the utterance began.
    told: bool,
    asked: Vec<(Want, Instant)>,
    ended: bool,
}

impl Dictation {
    /// `settle` is waited for last words, `stall` for any words at all.
    pub fn new(settle: Duration, stall: Duration) -> Dictation {
        Dictation { settle, stall, frames_sent: 0, utterance: None }
    }

    /// A frame was sent.
    pub fn handle_frame(&mut self) {
        self.frames_sent = self.frames_sent.saturating_add(1);
    }

    /// An utterance began so many frames before the newest.
    pub fn handle_begin(&mut self, heard: HeardId, lead_frames: usize) {
        let lead = u32::try_from(lead_frames).unwrap_or(u32::MAX).saturating_add(1);
        self.utterance = Some(Utterance {
            heard,
            from_frame: self.frames_sent.saturating_sub(lead),
            settled: String::new(),
            interim: String::new(),
            confidence: None,
            told: false,
            asked: Vec::new(),
            ended: false,
        });
    }

    /// The utterance is over; a transcript still owed is given all the same.
    pub fn handle_end(&mut self) {
        if let Some(utterance) = &mut self.utterance {
            utterance.ended = true;
            if utterance.asked.is_empty() {
                self.utterance = None;
            }
        }
    }

    /// A transcript is asked for: what can be told at once, and whether the provider is to be asked to finish.
    pub fn handle_ask(&mut self, want: Want, now: Instant) -> (Option<SttEvent>, bool) {
        let sent = self.frames_sent;
        let Some(utterance) = &mut self.utterance else { return (None, false) };
        if want == Want::Partial {
            return (Some(utterance.event(want, sent, 0.0, false)), false);
        }
        utterance.asked.retain(|(other, _)| *other != want);
        utterance.asked.push((want, now));
        (None, true)
    }

    /// The provider told something.
    pub fn handle_words(&mut self, words: Words, now: Instant) -> Vec<SttEvent> {
        let sent = self.frames_sent;
        let Some(utterance) = &mut self.utterance else { return Vec::new() };
        let from_ms = utterance.from_frame * FRAME_MS;
        if words.until_ms.is_some_and(|until| until <= from_ms) {
            return Vec::new();
        }
        utterance.told = true;
        let changed = utterance.take(&words);
        let over = words.ends_turn && !utterance.text().is_empty();
        if (words.settled && words.answers) || over {
            let mut told = utterance.answer(sent, now, over);
            if over && told.is_empty() {
                told.push(utterance.event(Want::Final, sent, 0.0, true));
            }
            self.forget_if_over();
            return told;
        }
        if changed { vec![utterance.event(Want::Partial, sent, 0.0, false)] } else { Vec::new() }
    }

    /// When [`Dictation::handle_timeout`] is due.
    pub fn due(&self) -> Option<Instant> {
        let utterance = self.utterance.as_ref()?;
        let wait = if utterance.told { self.settle } else { self.stall };
        utterance.asked.iter().map(|(_, at)| *at + wait).min()
    }

    /// Time has passed. `Err` when nothing at all was told about an utterance for too long.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<Vec<SttEvent>, ()> {
        if self.due().is_none_or(|due| now < due) {
            return Ok(Vec::new());
        }
        let sent = self.frames_sent;
        let Some(utterance) = &mut self.utterance else { return Ok(Vec::new()) };
        if !utterance.told {
            return Err(());
        }
        let told = utterance.answer(sent, now, false);
        self.forget_if_over();
        Ok(told)
    }

    fn forget_if_over(&mut self) {
        if self.utterance.as_ref().is_some_and(|utterance| utterance.ended) {
            self.utterance = None;
        }
    }
}

impl Utterance {
    /// Whether the text is another now.
    fn take(&mut self, words: &Words) -> bool {
        let before = self.text();
        let text = words.text.trim();
        if words.settled {
            self.interim.clear();
            if !text.is_empty() && self.settled.len() + text.len() < TEXT_CHARS_MAX {
                if !self.settled.is_empty() {
                    self.settled.push(' ');
                }
                self.settled.push_str(text);
            }
        } else {
            text.clone_into(&mut self.interim);
        }
        if !text.is_empty() {
            self.confidence = words.confidence.or(self.confidence);
        }
        before != self.text()
    }

    fn text(&self) -> String {
        [self.settled.as_str(), self.interim.as_str()]
            .into_iter()
            .filter(|t| !t.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Answers all who asked.
    fn answer(&mut self, sent: u32, now: Instant, ends_turn: bool) -> Vec<SttEvent> {
        let asked = std::mem::take(&mut self.asked);
        asked
            .into_iter()
            .map(|(want, at)| self.event(want, sent, now.duration_since(at).as_secs_f32() * 1_000.0, ends_turn))
            .collect()
    }

    fn event(&self, want: Want, sent: u32, took_ms: f32, ends_turn: bool) -> SttEvent {
        SttEvent::Transcript {
            heard: self.heard,
            want,
            text: self.text(),
            audio_ms: sent.saturating_sub(self.from_frame) * FRAME_MS,
            confidence: self.confidence,
            took_ms,
            ends_turn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictation() -> (Dictation, Instant) {
        let mut dictation = Dictation::new(Duration::from_millis(300), Duration::from_secs(1));
        for _ in 0..50 {
            dictation.handle_frame();
        }
        dictation.handle_begin(HeardId(1), 4);
        (dictation, Instant::now())
    }

    fn interim(text: &str) -> Words {
        Words { text: text.into(), until_ms: Some(2_000), ..Words::default() }
    }

    fn settled(text: &str) -> Words {
        Words { settled: true, ..interim(text) }
    }

    fn texts(events: &[SttEvent]) -> Vec<(Want, String, bool)> {
        let told = events.iter().map(|event| match event {
            SttEvent::Transcript { want, text, ends_turn, .. } => (*want, text.clone(), *ends_turn),
            SttEvent::Failed(_) => panic!("dictation never fails by itself"),
        });
        told.collect()
    }

    #[test]
    fn segments_are_joined_and_interim_words_replaced() {
        let (mut dictation, now) = dictation();
        assert_eq!(texts(&dictation.handle_words(interim("I'd"), now)), [(Want::Partial, "I'd".into(), false)]);
        dictation.handle_words(settled("I'd like to"), now);
        dictation.handle_words(interim("book"), now);
        dictation.handle_ask(Want::Likely, now);
        let told = dictation.handle_words(Words { answers: true, ..settled("return it") }, now);
        assert_eq!(texts(&told), [(Want::Likely, "I'd like to return it".into(), false)]);
    }

    #[test]
    fn the_providers_own_end_of_turn_is_passed_on() {
        let (mut dictation, now) = dictation();
        let told = dictation.handle_words(Words { ends_turn: true, ..settled("goodbye") }, now);
        assert_eq!(texts(&told), [(Want::Final, "goodbye".into(), true)]);
    }

    #[test]
    fn a_provider_that_has_nothing_to_add_is_not_waited_for_longer_than_it_settles() {
        let (mut dictation, now) = dictation();
        dictation.handle_words(interim("hello"), now);
        assert_eq!(dictation.handle_ask(Want::Final, now), (None, true));
        assert_eq!(dictation.due(), Some(now + Duration::from_millis(300)));
        let told = dictation.handle_timeout(now + Duration::from_millis(300)).expect("it told something");
        assert_eq!(texts(&told), [(Want::Final, "hello".into(), false)]);
    }

    /// P1: silence of the provider is not silence of the caller.
    #[test]
    fn a_provider_that_tells_nothing_at_all_has_stalled() {
        let (mut dictation, now) = dictation();
        dictation.handle_ask(Want::Final, now);
        assert_eq!(dictation.handle_timeout(now + Duration::from_millis(300)), Ok(Vec::new()));
        assert_eq!(dictation.handle_timeout(now + Duration::from_secs(1)), Err(()));
    }

    #[test]
    fn words_from_before_the_utterance_are_not_its_words() {
        let (mut dictation, now) = dictation();
        let before = Words { until_ms: Some(900), ..settled("background") };
        assert!(dictation.handle_words(before, now).is_empty());
        assert_eq!(texts(&dictation.handle_words(interim("yes"), now)), [(Want::Partial, "yes".into(), false)]);
    }

    #[test]
    fn a_transcript_asked_for_before_the_end_is_still_given() {
        let (mut dictation, now) = dictation();
        dictation.handle_ask(Want::Final, now);
        dictation.handle_end();
        let told = dictation.handle_words(Words { answers: true, ..settled("bye") }, now);
        assert_eq!(texts(&told), [(Want::Final, "bye".into(), false)]);
        assert!(dictation.handle_words(interim("more"), now).is_empty());
    }
}
