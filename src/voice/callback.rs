//! Taking the wish to be called back (R8).
//!
//! 1. The number: the caller's own is offered; otherwise it is said or keyed, and read back.
//! 2. When: kept in the caller's words; whoever carries out the ticket reads them as a moment where they can be read.
//! 3. One ticket, and a sentence that says what was noted.
//!
//! Pure: events go in with their time, orders come out. Exactly one ticket leaves the machine, whenever the caller
//! hangs up; a number that was not confirmed is kept as such.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::phone_number::PhoneNumber;
use crate::domain::ticket::Clip;

use super::collect::Told;
use super::intents::{self, Intent};
use super::turn_taking::Expectation;
use super::{phrases, spoken_number};

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallbackInput {
    /// What was being said has been heard to its end.
    SpeechEnded,
    /// The caller begins to speak.
    CallerSpeaks,
    /// The caller's turn ended; empty where nothing was understood.
    Heard(Told),
    /// A key (ASCII).
    Key(u8),
    /// The caller hung up, or wants to leave it at that.
    CallerGone,
}

/// What to do.
#[derive(Clone, PartialEq, Eq)]
pub enum CallbackEffect {
    /// Say this and go on listening.
    Say(Vec<String>),
    /// One ticket.
    Ticket(Wish),
    /// The last order.
    Ended {
        /// Whether the caller is still there.
        caller_there: bool,
    },
}

/// What the caller wants. A number is personal data: there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Wish {
    /// Whom to call; `None` when no number could be had.
    pub number: Option<PhoneNumber>,
    /// Whether they said that it is right.
    pub number_confirmed: bool,
    /// Where the number can be heard.
    pub number_clip: Option<Clip>,
    /// When, in their words.
    pub time: Option<String>,
    /// Where that can be heard.
    pub time_clip: Option<Clip>,
}

/// One wish being taken.
#[derive(Clone)]
pub struct Callback {
    stage: Stage,
    caller: Option<PhoneNumber>,
    home_country: Option<String>,
    number: Option<PhoneNumber>,
    number_confirmed: bool,
    number_clip: Option<Clip>,
    time: Option<String>,
    time_clip: Option<Clip>,
    keyed: String,
    tries: u8,
    corrections: u8,
    deadline: Option<Instant>,
    effects: VecDeque<CallbackEffect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    OfferCallersNumber,
    Number,
    ConfirmNumber,
    Time,
    Over,
}

impl Callback {
    /// Begins with these words before the first question. `caller` is the number they call from.
    pub fn begin(words: &str, caller: Option<PhoneNumber>, home_country: Option<String>) -> Callback {
        let stage = if caller.is_some() { Stage::OfferCallersNumber } else { Stage::Number };
        let mut callback = Callback {
            stage,
            caller,
            home_country,
            number: None,
            number_confirmed: false,
            number_clip: None,
            time: None,
            time_clip: None,
            keyed: String::new(),
            tries: 0,
            corrections: 0,
            deadline: None,
            effects: VecDeque::new(),
        };
        let lead = (!words.trim().is_empty()).then(|| words.trim().to_owned());
        callback.say(lead.into_iter().chain(callback.question()).collect());
        callback
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<CallbackEffect> {
        self.effects.pop_front()
    }

    /// When [`Callback::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// The caller asked for a moment: nothing is asked again before then.
    pub fn wait_until(&mut self, moment: Instant) {
        self.deadline = Some(moment);
    }

    /// Forgets where it can be heard: the caller does not want to be recorded.
    pub fn forget_clips(&mut self) {
        self.number_clip = None;
        self.time_clip = None;
    }

    /// Whether keys that come now are digits of a number, to be kept out of the recording and the log.
    pub fn collects_digits(&self) -> bool {
        self.stage == Stage::Number
    }

    /// Whether keys have begun a number that has not ended yet.
    pub fn has_keyed(&self) -> bool {
        !self.keyed.is_empty()
    }

    /// What kind of words the open question asks for.
    pub fn expectation(&self) -> Expectation {
        match self.stage {
            Stage::Number => Expectation { digits: Some(SHORTEST_NUMBER..=LONGEST_NUMBER), ..Expectation::default() },
            Stage::OfferCallersNumber | Stage::ConfirmNumber => Expectation { yes_no: true, ..Expectation::default() },
            Stage::Time | Stage::Over => Expectation::default(),
        }
    }

    /// The question that is open, to be said again.
    pub fn question(&self) -> Vec<String> {
        match self.stage {
            Stage::OfferCallersNumber => vec![format!("Shall we call you back on {}?", shown(self.caller.as_ref()))],
            Stage::Number => vec![phrases::ASK_NUMBER.to_owned()],
            Stage::ConfirmNumber => {
                vec![format!("I have {}.", shown(self.number.as_ref())), phrases::IS_THAT_RIGHT.to_owned()]
            }
            Stage::Time => vec![phrases::ASK_CALLBACK_TIME.to_owned()],
            Stage::Over => Vec::new(),
        }
    }

    /// What is known so far.
    pub fn wish(&self) -> Wish {
        Wish {
            number: self.number.clone().or_else(|| self.caller.clone()),
            number_confirmed: self.number_confirmed,
            number_clip: self.number_clip,
            time: self.time.clone(),
            time_clip: self.time_clip,
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: CallbackInput) {
        if self.stage == Stage::Over {
            return;
        }
        match input {
            CallbackInput::SpeechEnded => self.deadline = Some(now + SILENT),
            CallbackInput::CallerSpeaks => self.deadline = None,
            CallbackInput::Heard(told) => self.heard(told.text.trim(), told.clip),
            CallbackInput::Key(key) => self.key(now, key),
            CallbackInput::CallerGone => self.end(false),
        }
    }

    /// A time that was waited for has come: keys have paused, or the caller is silent.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.keyed.is_empty() {
            true => self.heard("", None),
            false => self.number_given(),
        }
    }

    fn heard(&mut self, text: &str, clip: Option<Clip>) {
        match self.stage {
            Stage::OfferCallersNumber | Stage::ConfirmNumber => match intents::intent(text) {
                Some(Intent::Yes) => self.number_is_right(),
                Some(Intent::No) => self.number_is_wrong(),
                _ => match spoken_number::number(text, self.home_country.as_deref()) {
                    Some(number) => self.got_number(number, clip),
                    None => self.again(phrases::YES_OR_NO, Callback::ask_time),
                },
            },
            Stage::Number => match spoken_number::number(text, self.home_country.as_deref()) {
                Some(number) => self.got_number(number, clip),
                None => self.again(phrases::NUMBER_UNCLEAR, Callback::ask_time),
            },
            Stage::Time if text.is_empty() => self.again(phrases::ASK_CALLBACK_TIME, |callback| callback.end(true)),
            Stage::Time => {
                self.time = Some(text.chars().take(TIME_CHARS_MAX).collect());
                self.time_clip = clip;
                self.end(true);
            }
            Stage::Over => {}
        }
    }

    fn key(&mut self, now: Instant, key: u8) {
        match (self.stage, key) {
            (Stage::Number, b'#') => self.number_given(),
            (Stage::Number, b'0'..=b'9' | b'*') => {
                if self.keyed.len() < LONGEST_KEYED {
                    self.keyed.push(if key == b'*' { '+' } else { char::from(key) });
                }
                self.deadline = Some(now + KEYS_PAUSED);
            }
            (Stage::OfferCallersNumber | Stage::ConfirmNumber, b'1') => self.number_is_right(),
            (Stage::OfferCallersNumber | Stage::ConfirmNumber, b'2') => self.number_is_wrong(),
            // Whoever does not care when presses any key; others mean nothing at these questions.
            (Stage::Time, b'#') => self.end(true),
            // Zero is help anywhere (R58): the question once more, and what answers it.
            (Stage::OfferCallersNumber | Stage::ConfirmNumber | Stage::Time, b'0') => self.heard("", None),
            (Stage::OfferCallersNumber | Stage::Number | Stage::ConfirmNumber | Stage::Time | Stage::Over, _) => {}
        }
    }

    fn number_given(&mut self) {
        let keyed = std::mem::take(&mut self.keyed);
        self.heard(&keyed, None);
    }

    fn got_number(&mut self, number: PhoneNumber, clip: Option<Clip>) {
        self.number = Some(number);
        self.number_clip = clip;
        self.enter(Stage::ConfirmNumber, Vec::new());
    }

    fn number_is_right(&mut self) {
        self.number = self.number.take().or_else(|| self.caller.clone());
        self.number_confirmed = true;
        self.ask_time();
    }

    fn number_is_wrong(&mut self) {
        self.corrections += 1;
        // The last number that was given stays, unconfirmed: a person will sort it out.
        if self.corrections > CORRECTIONS {
            return self.ask_time();
        }
        self.enter(Stage::Number, Vec::new());
    }

    fn ask_time(&mut self) {
        self.enter(Stage::Time, Vec::new());
    }

    fn enter(&mut self, stage: Stage, mut lead: Vec<String>) {
        self.stage = stage;
        self.tries = 0;
        self.keyed.clear();
        lead.extend(self.question());
        self.say(lead);
    }

    /// Asks again, twice at most; then goes on without.
    fn again(&mut self, words: &str, go_on: impl FnOnce(&mut Callback)) {
        self.tries += 1;
        if self.tries >= TRIES {
            return go_on(self);
        }
        self.say(vec![words.to_owned()]);
    }

    fn say(&mut self, sentences: Vec<String>) {
        self.deadline = None;
        self.effects.push_back(CallbackEffect::Say(sentences));
    }

    fn end(&mut self, caller_there: bool) {
        self.stage = Stage::Over;
        self.deadline = None;
        let wish = self.wish();
        if caller_there {
            self.effects.push_back(CallbackEffect::Say(vec![noted(&wish)]));
        }
        self.effects.push_back(CallbackEffect::Ticket(wish));
        self.effects.push_back(CallbackEffect::Ended { caller_there });
    }
}

/// What was noted, in one sentence that promises nothing else.
fn noted(wish: &Wish) -> String {
    match (&wish.number, &wish.time) {
        (Some(number), Some(time)) => {
            format!("Thank you. A colleague will call you back on {}. You said: {}.", number.as_str(), plain(time))
        }
        (Some(number), None) => format!("Thank you. A colleague will call you back on {}.", number.as_str()),
        (None, _) => phrases::NOTED_WITHOUT_NUMBER.to_owned(),
    }
}

fn plain(time: &str) -> &str {
    time.trim_end_matches(['.', '!', '?', ' '])
}

fn shown(number: Option<&PhoneNumber>) -> &str {
    number.map(PhoneNumber::as_str).unwrap_or_default()
}

/// A question is asked so often, then left: nobody is kept in a loop.
const TRIES: u8 = 3;
/// A number is corrected so often.
const CORRECTIONS: u8 = 2;
/// Silence after a question before it is asked again.
const SILENT: Duration = Duration::from_secs(8);
/// A pause between keys that ends the number; as long as it takes to look at a card.
const KEYS_PAUSED: Duration = Duration::from_secs(4);
/// E.164 with prefixes.
const LONGEST_KEYED: usize = 20;
/// Words about a time are few.
const TIME_CHARS_MAX: usize = 120;
/// Digits of a telephone number as people say it: a short local one, and the longest of E.164.
const SHORTEST_NUMBER: u8 = 7;
/// See above.
const LONGEST_NUMBER: u8 = 15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use CallbackInput::*;

    fn number(text: &str) -> PhoneNumber {
        PhoneNumber::parse(text, None).unwrap()
    }

    fn heard(callback: &mut Callback, text: &str) {
        callback.handle(Instant::now(), Heard(text.into()));
    }

    fn drained(callback: &mut Callback) -> Vec<CallbackEffect> {
        std::iter::from_fn(|| callback.poll_effect()).collect()
    }

    fn said(effects: &[CallbackEffect]) -> Vec<String> {
        let words = effects.iter().filter_map(|effect| match effect {
            CallbackEffect::Say(words) => Some(words.clone()),
            CallbackEffect::Ticket(_) | CallbackEffect::Ended { .. } => None,
        });
        words.flatten().collect()
    }

    fn ticket(effects: &[CallbackEffect]) -> Wish {
        let mut wishes = effects.iter().filter_map(|effect| match effect {
            CallbackEffect::Ticket(wish) => Some(wish.clone()),
            CallbackEffect::Say(_) | CallbackEffect::Ended { .. } => None,
        });
        let wish = wishes.next().expect("a ticket");
        assert!(wishes.next().is_none(), "one ticket");
        wish
    }

    #[test]
    fn the_callers_own_number_is_offered_and_the_time_kept_in_their_words() {
        let mut callback = Callback::begin("Nobody is free.", Some(number("+4930901820")), None);
        assert_eq!(said(&drained(&mut callback)), ["Nobody is free.", "Shall we call you back on +4930901820?"]);
        assert!(callback.expectation().yes_no);
        heard(&mut callback, "Yes, please.");
        assert_eq!(said(&drained(&mut callback)), [phrases::ASK_CALLBACK_TIME]);
        heard(&mut callback, "Tomorrow after ten.");
        let effects = drained(&mut callback);
        let wish = ticket(&effects);
        assert_eq!(wish.number.map(|n| n.as_str().to_owned()).as_deref(), Some("+4930901820"));
        assert!(wish.number_confirmed);
        assert_eq!(wish.time.as_deref(), Some("Tomorrow after ten."));
        assert!(said(&effects)[0].ends_with("on +4930901820. You said: Tomorrow after ten."));
    }

    #[test]
    fn another_number_is_keyed_or_said_and_read_back() {
        let mut callback = Callback::begin("", Some(number("+4930901820")), Some("DE".into()));
        callback.handle(Instant::now(), Key(b'2'));
        assert!(callback.collects_digits());
        for key in b"0176" {
            callback.handle(Instant::now(), Key(*key));
        }
        // A pause ends the keyed number; this one is too short.
        callback.handle_timeout(callback.poll_timeout().unwrap());
        assert_eq!(said(&drained(&mut callback)).last().unwrap(), phrases::NUMBER_UNCLEAR);
        heard(&mut callback, "zero three zero, one two three, four five six");
        assert_eq!(said(&drained(&mut callback)), ["I have +4930123456.", phrases::IS_THAT_RIGHT]);
        callback.handle(Instant::now(), Key(b'1'));
        callback.handle(Instant::now(), Key(b'#'));
        let wish = ticket(&drained(&mut callback));
        assert_eq!(wish.number.unwrap().as_str(), "+4930123456");
        assert!(wish.time.is_none());
    }

    #[test]
    fn a_number_that_was_never_confirmed_is_kept_as_such() {
        let mut callback = Callback::begin("", None, Some("DE".into()));
        heard(&mut callback, "030 123456");
        for _ in 0..3 {
            callback.handle(Instant::now(), Key(b'2'));
            heard(&mut callback, "030 123456");
        }
        callback.handle(Instant::now(), CallerGone);
        let wish = ticket(&drained(&mut callback));
        assert!(wish.number.is_some() && !wish.number_confirmed);
    }

    #[test]
    fn silence_is_asked_into_and_then_taken_for_what_it_is() {
        let mut now = Instant::now();
        let mut callback = Callback::begin("", Some(number("+4930901820")), None);
        for _ in 0..6 {
            callback.handle(now, SpeechEnded);
            now += SILENT;
            callback.handle_timeout(now);
        }
        let effects = drained(&mut callback);
        assert!(ticket(&effects).number.is_some());
        assert!(effects.iter().any(|effect| matches!(effect, CallbackEffect::Ended { caller_there: true })));
    }

    fn any_input() -> impl Strategy<Value = CallbackInput> {
        let texts = prop_oneof![
            Just(""),
            Just("yes"),
            Just("no"),
            Just("zero three zero, nine oh one, eight two zero"),
            Just("tomorrow"),
            Just("+49 30 123456"),
        ];
        prop_oneof![
            2 => Just(SpeechEnded),
            2 => Just(CallerSpeaks),
            4 => texts.prop_map(|text| Heard(text.into())),
            4 => prop::sample::select(b"0123456789*#".to_vec()).prop_map(Key),
        ]
    }

    proptest! {
        /// R8: whatever is said and keyed, and whenever the caller leaves, there is exactly one ticket; it holds the
        /// caller's number where it is known; and nobody is kept in a loop.
        #[test]
        fn nobody_with_a_number_leaves_without_exactly_one_ticket(
            known in any::<bool>(), steps in prop::collection::vec((any_input(), 0u64..10_000), 0..80),
        ) {
            let mut now = Instant::now();
            let caller = known.then(|| number("+4930901820"));
            let mut callback = Callback::begin("", caller, Some("DE".into()));
            for (input, wait) in steps {
                now += Duration::from_millis(wait);
                callback.handle_timeout(now);
                callback.handle(now, input);
            }
            callback.handle(now, CallerGone);
            let effects = drained(&mut callback);
            let wish = ticket(&effects);
            prop_assert!(wish.number.is_some() || !known);
            prop_assert!(!wish.number_confirmed || wish.number.is_some());
            let ends = effects.iter().filter(|effect| matches!(effect, CallbackEffect::Ended { .. })).count();
            prop_assert_eq!(ends, 1);
        }
    }
}
