//! Taking a case: name, number and reason are asked for one by one, read back, and become a ticket.
//!
//! 1. Name → 2. number (the caller's own is offered first; otherwise said or keyed) → 3. reason, unless the
//!    caller has already told it → 4. what the admin wants to know beside it, field by field → 5. all of it is read
//!    back → 6. yes: done; no: once more from the name.
//!
//! Pure: what was heard and keyed goes in, what to say comes out. Whatever happens, what was collected so far
//! can be taken with [`Collect::fields`]: a caller who hangs up still leaves a ticket.

use std::collections::HashMap;

use crate::domain::escalation::{FieldKind, FieldSpec};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::ticket::{Clip, Field};

use super::intents::{self, Intent};
use super::turn_taking::Expectation;
use super::{phrases, spoken_field, spoken_number};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Say this and go on listening.
    Ask(Vec<String>),
    /// Everything is collected and confirmed, or the caller would rather leave it.
    Done,
}

/// What the caller told, and where the recording holds it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// In their words.
    pub text: String,
    /// `None` where nothing was recorded.
    pub clip: Option<Clip>,
}

impl Told {
    /// As a field that was not read back.
    pub fn field(self, name: &str) -> Field {
        Field { clip: self.clip, ..Field::unconfirmed(name, self.text) }
    }
}

impl<T: Into<String>> From<T> for Told {
    /// Unrecorded words.
    fn from(text: T) -> Told {
        Told { text: text.into(), clip: None }
    }
}

/// Words of a caller are personal data and stay out of logs.
impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Told").field("clip", &self.clip).finish_non_exhaustive()
    }
}

/// A case being taken.
#[derive(Clone)]
pub struct Collect {
    stage: Stage,
    name: Option<String>,
    number: Option<PhoneNumber>,
    number_confirmed: bool,
    reason: Option<String>,
    /// What the admin wants to know, and the answers so far.
    wanted: Vec<FieldSpec>,
    answers: Vec<Option<String>>,
    /// Where fields can be heard, by their names.
    clips: HashMap<String, Clip>,
    confirmed: bool,
    caller: Option<PhoneNumber>,
    home_country: Option<String>,
    keyed: String,
    /// Tries at the present stage.
    tries: u8,
    /// Times that everything was read back.
    read_backs: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Name,
    OfferCallersNumber,
    Number,
    ConfirmNumber,
    Reason,
    /// One of the admin's own.
    Wanted(usize),
    ReadBack,
    Done,
}

impl Collect {
    /// Begins. `reason` is what the caller has already told; `caller` the number they call from; `wanted` what is asked
    /// for beside name, number and reason.
    pub fn begin(
        reason: Option<Told>,
        caller: Option<PhoneNumber>,
        home_country: Option<String>,
        wanted: Vec<FieldSpec>,
    ) -> (Collect, Vec<String>) {
        let reason = reason.filter(|reason| !reason.text.trim().is_empty());
        let collect = Collect {
            stage: Stage::Name,
            name: None,
            number: None,
            number_confirmed: false,
            clips: reason.iter().filter_map(|reason| Some((REASON.to_owned(), reason.clip?))).collect(),
            reason: reason.map(|reason| reason.text),
            answers: vec![None; wanted.len()],
            wanted,
            confirmed: false,
            caller,
            home_country,
            keyed: String::new(),
            tries: 0,
            read_backs: 0,
        };
        (collect, vec![phrases::ASK_NAME.to_owned()])
    }

    /// What was collected so far.
    pub fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        let mut field = |name: &str, value: Option<&str>, confirmed: bool| {
            if let Some(value) = value {
                let clip = self.clips.get(name).copied();
                fields.push(Field { confirmed, clip, ..Field::unconfirmed(name, value) });
            }
        };
        field(NAME, self.name.as_deref(), self.confirmed);
        let number = self.number.as_ref().or(self.caller.as_ref());
        field(NUMBER, number.map(PhoneNumber::as_str), self.confirmed || self.number_confirmed);
        field(REASON, self.reason.as_deref(), self.confirmed);
        for (wanted, answer) in self.wanted.iter().zip(&self.answers) {
            field(&wanted.name, answer.as_deref(), self.confirmed);
        }
        fields
    }

    /// Whether digits are being collected: they are kept out of the recording.
    pub fn collects_digits(&self) -> bool {
        match self.stage {
            Stage::Number => true,
            Stage::Wanted(at) => self.wanted.get(at).is_some_and(|wanted| spoken_field::is_keyed(wanted.kind)),
            _ => false,
        }
    }

    /// What kind of words the open question asks for.
    pub fn expectation(&self) -> Expectation {
        match self.stage {
            Stage::Number => Expectation { digits: Some(SHORTEST_NUMBER..=LONGEST_NUMBER), ..Expectation::default() },
            Stage::Name => Expectation { spelling: true, ..Expectation::default() },
            Stage::OfferCallersNumber | Stage::ConfirmNumber | Stage::ReadBack => {
                Expectation { yes_no: true, ..Expectation::default() }
            }
            Stage::Wanted(at) => match self.wanted.get(at).map(|wanted| wanted.kind) {
                Some(FieldKind::Number) => {
                    Expectation { digits: Some(SHORTEST_NUMBER..=LONGEST_NUMBER), ..Expectation::default() }
                }
                Some(FieldKind::Digits) => Expectation { digits: Some(1..=LONGEST_DIGITS), ..Expectation::default() },
                Some(FieldKind::Email) => Expectation { spelling: true, ..Expectation::default() },
                Some(FieldKind::Text) | None => Expectation::default(),
            },
            Stage::Reason | Stage::Done => Expectation::default(),
        }
    }

    /// The question that is open, to be said again.
    pub fn question(&self) -> Vec<String> {
        match self.stage {
            Stage::Name => vec![phrases::ASK_NAME.to_owned()],
            Stage::OfferCallersNumber => vec![self.offer_callers_number()],
            Stage::Number => vec![phrases::ASK_NUMBER.to_owned()],
            Stage::ConfirmNumber => self.confirm_number(),
            Stage::Reason => vec![phrases::ASK_REASON.to_owned()],
            Stage::Wanted(at) => self.wanted_question(at),
            Stage::ReadBack => self.read_back(),
            Stage::Done => Vec::new(),
        }
    }

    /// Forgets where fields can be heard: the caller does not want to be recorded.
    pub fn forget_clips(&mut self) {
        self.clips.clear();
    }

    /// The caller said something, which the recording holds there.
    pub fn heard(&mut self, text: &str, clip: Option<Clip>) -> Next {
        match self.stage {
            Stage::Name => match name_in(text) {
                Some(name) => {
                    self.name = Some(name);
                    self.keep_clip(NAME, clip);
                    self.ask_number()
                }
                None => self.again(phrases::ASK_NAME, Collect::ask_number),
            },
            Stage::OfferCallersNumber | Stage::ConfirmNumber => match intents::intent(text) {
                Some(Intent::Yes) => self.number_is_right(),
                Some(Intent::No) => self.enter(Stage::Number, vec![phrases::ASK_NUMBER.to_owned()]),
                _ => match spoken_number::number(text, self.home_country.as_deref()) {
                    Some(number) => self.got_number(number, clip),
                    None => self.again(phrases::YES_OR_NO, Collect::number_is_right),
                },
            },
            Stage::Number => match spoken_number::number(text, self.home_country.as_deref()) {
                Some(number) => self.got_number(number, clip),
                None => self.again(phrases::NUMBER_UNCLEAR, Collect::ask_reason),
            },
            Stage::Reason if says_nothing(text) => self.again(phrases::ASK_REASON, |collect| collect.ask_wanted(0)),
            Stage::Reason => {
                self.reason = Some(text.trim().to_owned());
                self.keep_clip(REASON, clip);
                self.ask_wanted(0)
            }
            Stage::Wanted(at) => self.wanted_heard(at, text, clip),
            Stage::ReadBack => match intents::intent(text) {
                Some(Intent::Yes) => self.finish(true),
                Some(Intent::No) => self.start_over(),
                _ => self.again(phrases::YES_OR_NO, |collect| collect.finish(false)),
            },
            Stage::Done => Next::Done,
        }
    }

    /// The caller pressed a key (ASCII).
    pub fn keyed(&mut self, key: u8) -> Option<Next> {
        match (self.stage, key) {
            (Stage::Number | Stage::Wanted(_), b'#') if self.collects_digits() => {
                let keyed = std::mem::take(&mut self.keyed);
                Some(self.heard(&keyed, None))
            }
            (Stage::Number | Stage::Wanted(_), b'0'..=b'9' | b'*') if self.collects_digits() => {
                if self.keyed.len() < LONGEST_KEYED {
                    self.keyed.push(if key == b'*' { '+' } else { char::from(key) });
                }
                None
            }
            (Stage::OfferCallersNumber | Stage::ConfirmNumber | Stage::ReadBack, b'1') => Some(self.heard("yes", None)),
            (Stage::OfferCallersNumber | Stage::ConfirmNumber | Stage::ReadBack, b'2') => Some(self.heard("no", None)),
            // Other keys mean nothing at these questions.
            _ => None,
        }
    }

    /// Whether keys have begun a number that the hash key has not ended: a pause then ends it.
    pub fn has_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }

    fn ask_number(&mut self) -> Next {
        match (&self.number, &self.caller) {
            (Some(_), _) => self.ask_reason(),
            (None, Some(_)) => {
                let offer = self.offer_callers_number();
                self.enter(Stage::OfferCallersNumber, vec![offer])
            }
            (None, None) => self.enter(Stage::Number, vec![phrases::ASK_NUMBER.to_owned()]),
        }
    }

    fn offer_callers_number(&self) -> String {
        let number = self.caller.as_ref().map(PhoneNumber::as_str).unwrap_or_default();
        format!("Can we reach you on {number}?")
    }

    fn keep_clip(&mut self, name: &str, clip: Option<Clip>) {
        match clip {
            Some(clip) => _ = self.clips.insert(name.to_owned(), clip),
            None => _ = self.clips.remove(name),
        }
    }

    fn got_number(&mut self, number: PhoneNumber, clip: Option<Clip>) -> Next {
        self.number = Some(number);
        self.keep_clip(NUMBER, clip);
        let ask = self.confirm_number();
        self.enter(Stage::ConfirmNumber, ask)
    }

    fn confirm_number(&self) -> Vec<String> {
        let number = self.number.as_ref().map(PhoneNumber::as_str).unwrap_or_default();
        vec![format!("I have {number}."), phrases::IS_THAT_RIGHT.to_owned()]
    }

    fn number_is_right(&mut self) -> Next {
        self.number = self.number.take().or(self.caller.clone());
        self.number_confirmed = true;
        self.ask_reason()
    }

    fn ask_reason(&mut self) -> Next {
        if self.reason.is_some() {
            return self.ask_wanted(0);
        }
        self.enter(Stage::Reason, vec![phrases::ASK_REASON.to_owned()])
    }

    fn ask_wanted(&mut self, at: usize) -> Next {
        if at >= self.wanted.len() {
            return self.ask_read_back();
        }
        let question = self.wanted_question(at);
        self.enter(Stage::Wanted(at), question)
    }

    fn wanted_question(&self, at: usize) -> Vec<String> {
        self.wanted.get(at).map(|wanted| wanted.question.clone()).into_iter().collect()
    }

    fn wanted_heard(&mut self, at: usize, text: &str, clip: Option<Clip>) -> Next {
        let Some(wanted) = self.wanted.get(at) else { return self.ask_read_back() };
        match spoken_field::read(wanted.kind, text, self.home_country.as_deref()) {
            Some(answer) => {
                let name = wanted.name.clone();
                self.answers[at] = Some(answer);
                self.keep_clip(&name, clip);
                self.ask_wanted(at + 1)
            }
            None => {
                let question = wanted.question.clone();
                self.again(&question, |collect| collect.ask_wanted(at + 1))
            }
        }
    }

    fn ask_read_back(&mut self) -> Next {
        self.read_backs += 1;
        let words = self.read_back();
        self.enter(Stage::ReadBack, words)
    }

    fn read_back(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(name) = &self.name {
            parts.push(format!("your name is {name}"));
        }
        if let Some(number) = self.number.as_ref().or(self.caller.as_ref()) {
            parts.push(format!("your number is {}", number.as_str()));
        }
        if let Some(reason) = &self.reason {
            parts.push(format!("it is about: {}", shortened(reason)));
        }
        for (wanted, answer) in self.wanted.iter().zip(&self.answers) {
            if let Some(answer) = answer {
                let name = wanted.name.replace(['_', '-'], " ");
                parts.push(format!("your {name} is {}", spoken_field::read_back(wanted.kind, answer)));
            }
        }
        let noted = parts.join(", ");
        vec![format!("I have noted: {}.", noted.trim_end_matches(['.', '?', '!'])), phrases::IS_THAT_RIGHT.to_owned()]
    }

    fn start_over(&mut self) -> Next {
        if self.read_backs >= MOST_READ_BACKS {
            return self.finish(false);
        }
        self.name = None;
        self.number = None;
        self.number_confirmed = false;
        self.reason = None;
        self.answers.fill(None);
        self.clips.clear();
        self.enter(Stage::Name, vec![phrases::ONCE_MORE.to_owned(), phrases::ASK_NAME.to_owned()])
    }

    fn finish(&mut self, confirmed: bool) -> Next {
        self.confirmed = confirmed;
        self.stage = Stage::Done;
        Next::Done
    }

    fn enter(&mut self, stage: Stage, words: Vec<String>) -> Next {
        self.stage = stage;
        self.tries = 0;
        self.keyed.clear();
        Next::Ask(words)
    }

    /// Asks again, twice at most; then goes on without.
    fn again(&mut self, words: &str, go_on: impl FnOnce(&mut Collect) -> Next) -> Next {
        self.tries += 1;
        if self.tries >= MOST_TRIES {
            return go_on(self);
        }
        Next::Ask(vec![words.to_owned()])
    }
}

/// The name in "my name is Ann Smith", or the whole utterance when it is short.
fn name_in(text: &str) -> Option<String> {
    let trimmed = text.trim().trim_end_matches(['.', '!', '?', ',']);
    let lower = trimmed.to_lowercase();
    let lead = NAME_LEADS
        .iter()
        .filter_map(|lead| lower.find(lead).map(|at| at + lead.len()))
        .filter(|&at| trimmed.is_char_boundary(at))
        .max();
    let name = lead.map_or(trimmed, |at| &trimmed[at..]).trim().trim_matches([',', '.']).trim();
    let short = name.split_whitespace().count() <= LONGEST_NAME_WORDS;
    (short && !says_nothing(name) && name.chars().any(char::is_alphabetic)).then(|| name.to_owned())
}

/// Whether these are only sounds of somebody who thinks, listens or wonders whether anybody is there. A recogniser
/// that heard little writes them too.
fn says_nothing(text: &str) -> bool {
    text.to_lowercase()
        .split(|letter: char| !letter.is_alphanumeric() && letter != '\'')
        .filter(|word| !word.is_empty())
        .all(|word| SAYS_NOTHING.contains(&word))
}

/// A reason fit to be read back: its first words, whole.
fn shortened(reason: &str) -> String {
    let words: Vec<&str> = reason.split_whitespace().take(READ_BACK_WORDS).collect();
    words.join(" ")
}

const NAME: &str = "name";
const NUMBER: &str = "number";
const REASON: &str = "reason";
/// What people say before their name.
const NAME_LEADS: [&str; 8] =
    ["my name is ", "my name's ", "the name is ", "this is ", "i am ", "i'm ", "it's ", "name is "];
/// No name and no reason, alone or one after the other: "uh, yes, hello?".
const SAYS_NOTHING: &[&str] = &[
    "ah", "aha", "uh", "huh", "um", "umm", "uhm", "erm", "er", "eh", "oh", "ooh", "ow", "hm", "hmm", "mm", "mmm",
    "mhm", "mmhmm", "yes", "yeah", "yep", "yup", "no", "nope", "okay", "ok", "hello", "hi", "hey", "well", "so", "and",
    "the", "a", "i", "please", "sorry", "pardon", "what", "right", "sure", "thanks", "thank", "you", "bye",
];
/// A longer utterance is no name.
const LONGEST_NAME_WORDS: usize = 6;
/// A question is asked so often, then left: nobody is kept in a loop.
const MOST_TRIES: u8 = 3;
/// Everything is read back so often; then it is noted as unconfirmed, and a person will sort it out.
const MOST_READ_BACKS: u8 = 2;
/// A reason is read back in at most this many words (about 8 s).
const READ_BACK_WORDS: usize = 24;
/// Digits of a telephone number as people say it: a short local one, and the longest of E.164.
const SHORTEST_NUMBER: u8 = 7;
/// See above.
const LONGEST_NUMBER: u8 = 15;
/// Digits of the longest number that people give in one breath: an account, a card.
const LONGEST_DIGITS: u8 = 24;
/// E.164 with prefixes, and account numbers.
const LONGEST_KEYED: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    fn values(collect: &Collect) -> Vec<(String, String, bool)> {
        collect.fields().into_iter().map(|field| (field.name, field.value, field.confirmed)).collect()
    }

    #[test]
    fn a_sound_of_thinking_is_no_name_and_no_reason() {
        for sound in ["Ah.", "Um,", "mhm", "Yes.", "Hello?", "Uh, yes, hello?", "...", ""] {
            let (mut collect, _) = Collect::begin(None, None, None, Vec::new());
            assert_eq!(collect.heard(sound, None), Next::Ask(vec![phrases::ASK_NAME.to_owned()]), "{sound}");
            assert!(collect.fields().is_empty(), "{sound}");
        }
        let (mut collect, _) = Collect::begin(None, None, None, Vec::new());
        collect.heard("Um, my name is Ann.", None);
        assert_eq!(values(&collect)[0].1, "Ann");
    }

    /// R58.
    #[test]
    fn every_field_that_was_said_keeps_its_clip_and_one_that_was_keyed_has_none() {
        let clip = |from_ms| {
            let recording = crate::domain::ids::RecordingId(uuid::Uuid::nil());
            Some(Clip { recording, from_ms, to_ms: from_ms + 900 })
        };
        let wanted = vec![FieldSpec { name: "order".into(), question: "Which order?".into(), kind: FieldKind::Digits }];
        let reason = Told { text: "My lamp broke.".into(), clip: clip(1_000) };
        let (mut collect, _) = Collect::begin(Some(reason), None, Some("DE".into()), wanted);
        collect.heard("Ann Smith.", clip(2_000));
        collect.heard("zero three zero nine oh one eight two zero", clip(3_000));
        collect.heard("Yes.", clip(4_000));
        for key in b"4711#" {
            collect.keyed(*key);
        }
        let clips = |collect: &Collect| -> Vec<_> {
            collect.fields().into_iter().map(|field| (field.name, field.clip.map(|clip| clip.from_ms))).collect()
        };
        let told = |name: &str, from_ms| (name.to_owned(), from_ms);
        assert_eq!(
            clips(&collect),
            [told("name", Some(2_000)), told("number", Some(3_000)), told("reason", Some(1_000)), told("order", None)]
        );
        collect.forget_clips();
        assert!(clips(&collect).iter().all(|(_, clip)| clip.is_none()));
    }

    #[test]
    fn name_number_and_reason_are_collected_and_read_back() {
        let (mut collect, ask) = Collect::begin(None, None, Some("DE".into()), Vec::new());
        assert_eq!(ask, [phrases::ASK_NAME]);
        assert_eq!(collect.heard("My name is Ann Smith.", None), Next::Ask(vec![phrases::ASK_NUMBER.into()]));
        let Next::Ask(words) = collect.heard("zero three zero nine oh one eight two zero", None) else { panic!() };
        assert_eq!(words[0], "I have +4930901820.");
        assert_eq!(collect.heard("Yes.", None), Next::Ask(vec![phrases::ASK_REASON.into()]));
        let Next::Ask(words) = collect.heard("My lamp arrived broken.", None) else { panic!() };
        assert!(words[0].contains("Ann Smith") && words[0].contains("+4930901820") && words[0].contains("lamp"));
        assert_eq!(collect.heard("That's right.", None), Next::Done);
        assert_eq!(
            values(&collect),
            [
                ("name".into(), "Ann Smith".into(), true),
                ("number".into(), "+4930901820".into(), true),
                ("reason".into(), "My lamp arrived broken.".into(), true)
            ]
        );
    }

    #[test]
    fn the_callers_own_number_is_offered_and_a_told_reason_is_not_asked_again() {
        let caller = PhoneNumber::parse("+4930901820", None).unwrap();
        let (mut collect, _) = Collect::begin(Some("a refund".into()), Some(caller), None, Vec::new());
        let Next::Ask(words) = collect.heard("Ann", None) else { panic!() };
        assert!(words[0].contains("+4930901820"));
        let Some(Next::Ask(words)) = collect.keyed(b'1') else { panic!() };
        assert!(words[0].contains("a refund"));
        assert_eq!(collect.keyed(b'1'), Some(Next::Done));
    }

    #[test]
    fn digits_are_keyed_and_ended_with_hash() {
        let (mut collect, _) = Collect::begin(None, None, Some("DE".into()), Vec::new());
        collect.heard("Ann", None);
        for key in b"030901820" {
            assert_eq!(collect.keyed(*key), None);
        }
        assert!(collect.has_keyed());
        let Some(Next::Ask(words)) = collect.keyed(b'#') else { panic!() };
        assert_eq!(words[0], "I have +4930901820.");
    }

    #[test]
    fn wrong_details_are_taken_once_more_and_then_noted_unconfirmed() {
        let (mut collect, _) = Collect::begin(Some("x".into()), None, Some("DE".into()), Vec::new());
        for _ in 0..2 {
            collect.heard("Ann", None);
            collect.heard("030901820", None);
            collect.heard("yes", None);
            // The reason is asked for again in the second round.
            if collect.stage == Stage::Reason {
                collect.heard("still x", None);
            }
            collect.heard("no", None);
        }
        assert_eq!(collect.stage, Stage::Done);
        assert!(values(&collect).iter().any(|(name, _, confirmed)| name == "name" && !confirmed));
    }

    #[test]
    fn nobody_is_kept_in_a_loop() {
        let (mut collect, _) = Collect::begin(None, None, None, Vec::new());
        let mut turns = 0;
        while collect.heard("", None) != Next::Done {
            turns += 1;
            assert!(turns < 30, "stuck at {:?}", collect.stage);
        }
    }

    /// R24, R58: what the admin wants to know is asked, read back, and kept with its name.
    #[test]
    fn fields_of_the_admin_are_asked_after_the_reason_and_read_back() {
        let field = |name: &str, question: &str, kind| FieldSpec { name: name.into(), question: question.into(), kind };
        let wanted = vec![
            field("order_number", "What is your order number?", FieldKind::Digits),
            field("email", "What is your email address?", FieldKind::Email),
        ];
        let caller = PhoneNumber::parse("+4930901820", None).ok();
        let (mut collect, _) = Collect::begin(Some("a refund".into()), caller, None, wanted);
        collect.heard("Ann", None);
        assert_eq!(collect.keyed(b'1'), Some(Next::Ask(vec!["What is your order number?".into()])));
        assert!(collect.collects_digits());
        for key in b"4471" {
            assert_eq!(collect.keyed(*key), None);
        }
        assert_eq!(collect.keyed(b'#'), Some(Next::Ask(vec!["What is your email address?".into()])));
        assert!(!collect.collects_digits());
        // What is no address is asked for again.
        assert_eq!(collect.heard("I am not sure.", None), Next::Ask(vec!["What is your email address?".into()]));
        let Next::Ask(words) = collect.heard("ann at example dot com", None) else { panic!() };
        assert!(words[0].contains("your order number is 4 4 7 1"), "{words:?}");
        assert!(words[0].contains("your email is ann at example dot com"), "{words:?}");
        assert_eq!(collect.heard("Yes.", None), Next::Done);
        let values = values(&collect);
        assert_eq!(
            values[3..],
            [("order_number".into(), "4471".into(), true), ("email".into(), "ann@example.com".into(), true)]
        );
    }

    #[test]
    fn a_field_that_cannot_be_answered_is_left_out() {
        let wanted = vec![FieldSpec { name: "x".into(), question: "X?".into(), kind: FieldKind::Digits }];
        let (mut collect, _) = Collect::begin(Some("a refund".into()), None, None, wanted);
        let mut turns = 0;
        while collect.heard("", None) != Next::Done {
            turns += 1;
            assert!(turns < 40, "stuck at {:?}", collect.stage);
        }
        assert!(!values(&collect).iter().any(|(name, ..)| name == "x"));
    }
}
