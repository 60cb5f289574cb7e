//! What we say into one leg: ordered, begun, ended, or given way.

use std::time::{Duration, Instant};

/// One leg's words.
#[derive(Default)]
pub struct Mouth {
    last: u32,
    words: Option<Words>,
    /// A phrase bridges words that are late, until then.
    bridged_until: Option<Instant>,
    /// The hold tone plays.
    pub tone: bool,
}

pub struct Words {
    pub number: u32,
    pub sentences: Vec<String>,
    pub filler: bool,
    /// They were ordered before what the caller said last.
    pub before_a_turn: bool,
    pub notice: Option<usize>,
    pub begun: bool,
    /// How long they are heard.
    pub lasting: Duration,
}

impl Mouth {
    /// New words in place of the old; their number.
    pub fn order(&mut self, sentences: Vec<String>, filler: bool, notice: Option<usize>) -> u32 {
        self.stop();
        self.last += 1;
        let lasting = crate::providers::spoken_for(&sentences);
        self.words =
            Some(Words { number: self.last, sentences, filler, before_a_turn: false, notice, begun: false, lasting });
        self.last
    }

    pub fn stop(&mut self) {
        self.words = None;
        self.bridged_until = None;
        self.tone = false;
    }

    /// The words of this number, if they were not replaced.
    pub fn words(&mut self, number: u32) -> Option<&mut Words> {
        self.words.as_mut().filter(|words| words.number == number)
    }

    /// The caller had a turn since these words were ordered.
    pub fn mark_before_a_turn(&mut self) {
        self.words.iter_mut().for_each(|words| words.before_a_turn = true);
    }

    pub fn under_way(&self) -> Option<&Words> {
        self.words.as_ref()
    }

    /// They were heard to their end.
    pub fn finish(&mut self, number: u32) -> Option<Words> {
        self.words.take_if(|words| words.number == number)
    }

    pub fn bridge(&mut self, until: Instant) {
        self.bridged_until = Some(until);
    }

    pub fn bridged_until(&self) -> Option<Instant> {
        self.bridged_until
    }

    pub fn is_heard(&self, now: Instant) -> bool {
        self.tone
            || self.bridged_until.is_some_and(|until| now < until)
            || self.words.as_ref().is_some_and(|words| words.begun)
    }
}
