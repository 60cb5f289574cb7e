//! What the person who is rung hears and may do, until the two are joined.
//!
//! 1. Ringing.
//! 2. Picked up: only who calls (R51). A machine is hung up on.
//! 3. Any key: the case summary; 1 takes it, 2 passes, 3 repeats. "Take it" and "pass" said aloud are keys as well.
//! 4. Joined.
//!
//! A person who pressed 1 at the first question is joined when the summary ends; any other
//! key needs a 1 afterwards. Without a key the question is asked twice, then the attempt is over. Where no key is
//! wanted, a short greeting does what the first 1 does.
//!
//! That a call is recorded is said first of all after a key. Whoever takes the call before they have heard it is joined
//! at once all the same, and hears it, alone, beneath the caller's first words (R48).
//!
//! Pure: events of the person's leg go in, orders come out. RFC 3261 §21 for the statuses.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::call::AttemptOutcome;

use super::intents::words;
use super::phrases;
use super::screening::PickedUpBy;

/// What happened on the person's leg, or to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferInput {
    /// Picked up.
    Answered,
    /// Refused with this status before it was picked up.
    Refused(u16),
    /// The leg ended.
    HungUp,
    /// A key was pressed (ASCII).
    Key(u8),
    /// Something was said.
    Heard(String),
    /// What was being said to the person has been heard to its end.
    SpeechEnded,
    /// The first sentence of it has.
    FirstSentenceHeard,
    /// It is known who picked up.
    Judged(PickedUpBy),
    /// The caller left.
    CallerGone,
    /// The caller goes on with the agent.
    NotNeeded,
    /// Another person took the call.
    Superseded,
    /// A fault of ours.
    Failed,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OfferEffect {
    /// Say this to the person; what was being said is dropped.
    Say(Vec<String>),
    /// Stop what is being said to the person.
    Hush,
    /// Join the two.
    Join,
    /// End the person's leg; after what is being said, when `after_speech`.
    HangUp {
        /// Whether to let the last sentence end.
        after_speech: bool,
        /// Another person took the call: their telephone is told so.
        elsewhere: bool,
    },
    /// The attempt is over.
    Ended(AttemptOutcome),
}

/// On which terms a call is offered.
#[derive(Clone, Debug)]
pub struct Terms {
    /// For whom we call.
    pub business: String,
    /// The case, `None` where it is not to be spoken.
    pub summary: Option<String>,
    /// Whether a key (or a word) is wanted; without it a short greeting is enough.
    pub accept_by_key: bool,
    /// Whether the call is recorded, which the person is told.
    pub recorded: bool,
    /// How long it may ring.
    pub ring_time: Duration,
}

/// One person being offered one call.
pub struct Offer {
    state: State,
    terms: Terms,
    /// What was being said has been heard to its end.
    heard_out: bool,
    /// The notice that the call is recorded was heard.
    told_recorded: bool,
    repeats: u8,
    deadline: Option<Instant>,
    effects: VecDeque<OfferEffect>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ringing,
    /// Only who calls has been said, so many times.
    Introduced {
        asked: u8,
    },
    /// The summary is being spoken or has been; `taken` when 1 was pressed before it.
    Summary {
        taken: bool,
        asked: u8,
    },
    Joined,
    Over,
}

impl Offer {
    /// Rings.
    pub fn ring(terms: Terms, now: Instant) -> Offer {
        Offer {
            state: State::Ringing,
            deadline: Some(now + terms.ring_time),
            terms,
            heard_out: false,
            told_recorded: false,
            repeats: 0,
            effects: VecDeque::new(),
        }
    }

    /// Somebody who has the call already, and knows all that they must.
    pub fn taken(terms: Terms, now: Instant) -> Offer {
        Offer { state: State::Joined, deadline: None, told_recorded: true, ..Offer::ring(terms, now) }
    }

    /// The caller has added something: who has not heard the case yet hears it as it is now.
    pub fn case_is(&mut self, summary: String) {
        if let Some(told) = &mut self.terms.summary {
            *told = summary;
        }
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<OfferEffect> {
        self.effects.pop_front()
    }

    /// When [`Offer::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether the two are joined.
    pub fn is_joined(&self) -> bool {
        self.state == State::Joined
    }

    /// Whether [`OfferInput::FirstSentenceHeard`] is wanted.
    pub fn awaits_first_sentence(&self) -> bool {
        self.terms.recorded && !self.told_recorded && matches!(self.state, State::Summary { .. })
    }

    /// What a person who took the call was not told before it. They count as told from here on.
    pub fn take_owed(&mut self) -> Option<&'static str> {
        let is_owed = self.is_joined() && self.terms.recorded && !std::mem::replace(&mut self.told_recorded, true);
        is_owed.then_some(phrases::STAFF_RECORDED)
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: OfferInput) {
        match (self.state, input) {
            (State::Over, _) => {}
            (State::Joined, OfferInput::HungUp | OfferInput::CallerGone | OfferInput::Failed) => {
                self.state = State::Over
            }
            (State::Joined, _) => {}
            (State::Ringing, OfferInput::Answered) => self.introduce(now, 1),
            (State::Ringing, OfferInput::Refused(status)) => self.end(outcome_of(status)),
            (State::Ringing, OfferInput::HungUp) => self.end(AttemptOutcome::Rejected),
            (_, OfferInput::Refused(_) | OfferInput::HungUp) => self.end(AttemptOutcome::HumanHungUp),
            (_, OfferInput::Failed) => self.hang_up(AttemptOutcome::Failed, None),
            (State::Ringing, OfferInput::CallerGone | OfferInput::NotNeeded) => {
                self.hang_up(AttemptOutcome::CallerHungUp, None);
            }
            (State::Ringing, OfferInput::Superseded) => self.hang_up(AttemptOutcome::Superseded, None),
            (_, OfferInput::CallerGone) => {
                self.hang_up(AttemptOutcome::CallerHungUp, Some(phrases::STAFF_CALLER_LEFT));
            }
            (_, OfferInput::NotNeeded) => {
                self.hang_up(AttemptOutcome::CallerHungUp, Some(phrases::STAFF_NOT_NEEDED));
            }
            (_, OfferInput::Superseded) => {
                self.hang_up(AttemptOutcome::Superseded, Some(phrases::STAFF_TAKEN_ELSEWHERE));
            }
            (_, OfferInput::Key(key)) => self.key(now, key),
            (_, OfferInput::Judged(by)) => self.judged(now, by),
            (State::Summary { asked, .. }, OfferInput::FirstSentenceHeard) => self.told_recorded |= asked == 1,
            (State::Ringing | State::Introduced { .. }, OfferInput::FirstSentenceHeard) => {}
            (_, OfferInput::Heard(text)) => match spoken_choice(&text, self.heard_out) {
                Some(key) => self.key(now, key),
                None => self.deadline = self.deadline.map(|_| now + KEY_WAIT),
            },
            (State::Summary { taken, .. }, OfferInput::SpeechEnded) => {
                self.heard_out = true;
                self.told_recorded = true;
                self.deadline = Some(now + KEY_WAIT);
                if taken {
                    self.join();
                }
            }
            (State::Introduced { .. }, OfferInput::SpeechEnded) => {
                self.heard_out = true;
                self.deadline = Some(now + KEY_WAIT);
            }
            // A leg that rings says and answers nothing of this.
            (State::Ringing, OfferInput::SpeechEnded) => {}
            (State::Introduced { .. } | State::Summary { .. }, OfferInput::Answered) => {}
        }
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match self.state {
            State::Ringing => self.hang_up(AttemptOutcome::NoAnswer, None),
            State::Introduced { asked } if asked < MOST_ASKED => self.introduce(now, asked + 1),
            State::Summary { taken: false, asked } if asked < MOST_ASKED => {
                self.state = State::Summary { taken: false, asked: asked + 1 };
                self.deadline = Some(now + LONGEST_SPEECH);
                self.say(vec![phrases::STAFF_CHOICE.to_owned()]);
            }
            State::Summary { taken: true, .. } => self.join(),
            State::Introduced { .. } | State::Summary { .. } => {
                self.hang_up(AttemptOutcome::NoKey, Some(phrases::STAFF_PASSED));
            }
            State::Joined | State::Over => {}
        }
    }

    fn introduce(&mut self, now: Instant, asked: u8) {
        self.state = State::Introduced { asked };
        self.deadline = Some(now + LONGEST_SPEECH);
        let words = phrases::staff_offer(&self.terms.business, self.terms.accept_by_key);
        self.say(vec![words]);
    }

    /// Until a key, everything that is not a person is hung up on; and a machine that passed for a person, where no
    /// key is wanted, as soon as it is known.
    fn judged(&mut self, now: Instant, by: PickedUpBy) {
        let outcome = match by {
            PickedUpBy::Human => {
                if matches!(self.state, State::Introduced { .. }) && !self.terms.accept_by_key {
                    self.key(now, b'1');
                }
                return;
            }
            PickedUpBy::Mailbox => AttemptOutcome::VoicemailDetected,
            PickedUpBy::Screener => AttemptOutcome::Screened,
        };
        let is_open = matches!(self.state, State::Introduced { .. })
            || (matches!(self.state, State::Summary { .. }) && !self.terms.accept_by_key);
        if is_open {
            self.hang_up(outcome, None);
        }
    }

    fn say(&mut self, words: Vec<String>) {
        self.heard_out = false;
        self.effects.push_back(OfferEffect::Say(words));
    }

    fn key(&mut self, now: Instant, key: u8) {
        match (self.state, key) {
            (State::Ringing | State::Joined | State::Over, _) => {}
            (_, b'2') => self.hang_up(AttemptOutcome::Declined, Some(phrases::STAFF_PASSED)),
            (State::Introduced { .. }, _) if self.terms.summary.is_some() => self.tell(now, key == b'1'),
            (State::Introduced { .. } | State::Summary { .. }, b'1') => self.join(),
            (State::Summary { taken, .. }, b'3') if self.repeats < MOST_REPEATS => {
                self.repeats += 1;
                self.tell(now, taken);
            }
            // Any other key is a slip.
            (State::Introduced { .. } | State::Summary { .. }, _) => {}
        }
    }

    fn tell(&mut self, now: Instant, taken: bool) {
        self.state = State::Summary { taken, asked: 1 };
        self.deadline = Some(now + LONGEST_SPEECH);
        let notice = self.terms.recorded.then(|| phrases::STAFF_RECORDED.to_owned());
        let mut words: Vec<String> = notice.into_iter().chain(self.terms.summary.as_deref().map(within_20_s)).collect();
        if !taken {
            words.push(phrases::STAFF_CHOICE.to_owned());
        }
        self.say(words);
    }

    fn join(&mut self) {
        self.state = State::Joined;
        self.deadline = None;
        self.effects.extend([OfferEffect::Hush, OfferEffect::Join]);
        if self.terms.recorded && !self.told_recorded {
            self.say(vec![phrases::STAFF_RECORDED.to_owned()]);
        }
        self.effects.push_back(OfferEffect::Ended(AttemptOutcome::Accepted));
    }

    fn hang_up(&mut self, outcome: AttemptOutcome, words: Option<&str>) {
        if let Some(words) = words {
            self.say(vec![words.to_owned()]);
        }
        let elsewhere = outcome == AttemptOutcome::Superseded;
        self.effects.push_back(OfferEffect::HangUp { after_speech: words.is_some(), elsewhere });
        self.end(outcome);
    }

    fn end(&mut self, outcome: AttemptOutcome) {
        self.state = State::Over;
        self.deadline = None;
        self.effects.push_back(OfferEffect::Ended(outcome));
    }
}

/// "Take it" and "pass" said aloud work like keys; "yes" and "no" only once the question was heard, since people pick up
/// with "yes?".
pub(super) fn spoken_choice(text: &str, heard_out: bool) -> Option<u8> {
    let said = words(text).join(" ");
    if said.split(' ').count() > 5 {
        return None;
    }
    // "I cannot take the call" is what a mailbox says.
    let refuses = words(text).iter().any(|word| NEGATIONS.contains(&word.as_str()));
    let takes_call = |form: &str| !refuses && said.contains(&format!("{form} call"));
    let any = |forms: &[&str]| forms.iter().any(|form| said == *form || takes_call(form));
    if any(&["take it", "ill take it", "i will take it", "i take it", "accept", "take the"])
        || (heard_out && any(&["one", "yes", "yes please", "sure"]))
    {
        Some(b'1')
    } else if any(&["pass", "ill pass", "i pass", "decline", "not now"])
        || (heard_out && any(&["two", "no", "no thanks"]))
    {
        Some(b'2')
    } else if heard_out && any(&["again", "repeat", "repeat that", "three"]) {
        Some(b'3')
    } else {
        None
    }
}

/// The sentences of a summary that fit into 20 s; the first one always stays.
fn within_20_s(summary: &str) -> String {
    let mut left_ms = LONGEST_SUMMARY_MS;
    let mut kept = String::new();
    for sentence in summary.split_inclusive(". ") {
        let digits = sentence.chars().filter(char::is_ascii_digit).count();
        let takes_ms = sentence.split_whitespace().count() * WORD_MS + digits * DIGIT_MS;
        if takes_ms > left_ms && !kept.is_empty() {
            break;
        }
        left_ms = left_ms.saturating_sub(takes_ms);
        kept.push_str(sentence);
    }
    kept.trim_end().to_owned()
}

/// What a refusal with this status means for an attempt (RFC 3261 §21).
pub fn outcome_of(status: u16) -> AttemptOutcome {
    match status {
        486 | 600 => AttemptOutcome::Busy,
        408 | 480 | 487 => AttemptOutcome::NoAnswer,
        500..=599 => AttemptOutcome::Failed,
        _ => AttemptOutcome::Rejected,
    }
}

/// Whoever says one of these takes nothing, unless it is all they say.
const NEGATIONS: [&str; 9] = ["no", "not", "nobody", "none", "cannot", "cant", "wont", "unable", "never"];
/// How long a key is waited for after the question; longer keeps the caller waiting.
const KEY_WAIT: Duration = Duration::from_secs(6);
/// A guard: no sentence to staff lasts longer, so a lost end of speech cannot hang the attempt.
const LONGEST_SPEECH: Duration = Duration::from_secs(40);
/// A question is asked so often (R51: twice counts as no key).
const MOST_ASKED: u8 = 2;
/// The caller waits while the summary is heard again and again.
const MOST_REPEATS: u8 = 3;
/// A summary is heard before the caller is, so it is short.
const LONGEST_SUMMARY_MS: usize = 20_000;
/// A word as the voice speaks it.
const WORD_MS: usize = 340;
/// A digit, spoken by itself.
const DIGIT_MS: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            business: "Acorn".into(),
            summary: Some("Caller about a lamp.".into()),
            accept_by_key: true,
            recorded: false,
            ring_time: Duration::from_secs(18),
        }
    }

    fn offer() -> (Offer, Instant) {
        let now = Instant::now();
        (Offer::ring(terms(), now), now)
    }

    /// What becomes of an offer on these terms.
    fn ended(terms: Terms, inputs: &[OfferInput]) -> (Option<AttemptOutcome>, String) {
        let now = Instant::now();
        let mut offer = Offer::ring(terms, now);
        for input in inputs {
            offer.handle(now, input.clone());
        }
        let effects = effects(&mut offer);
        let outcome = effects.iter().find_map(|e| if let OfferEffect::Ended(o) = e { Some(*o) } else { None });
        (outcome, said(&effects))
    }

    /// R51: machines are hung up on and never hear of the case.
    #[test]
    fn a_machine_is_hung_up_on_and_hears_nothing_of_the_case() {
        for (by, outcome) in
            [(PickedUpBy::Mailbox, AttemptOutcome::VoicemailDetected), (PickedUpBy::Screener, AttemptOutcome::Screened)]
        {
            let (ended, said) = ended(terms(), &[OfferInput::Answered, OfferInput::Judged(by)]);
            assert_eq!(ended, Some(outcome));
            assert!(!said.contains("lamp"));
        }
    }

    /// R51: where no key is wanted, a greeting is enough; where one is wanted, it is not.
    #[test]
    fn a_greeting_takes_the_call_only_where_no_key_is_wanted() {
        let greeted = [OfferInput::Answered, OfferInput::Judged(PickedUpBy::Human), OfferInput::SpeechEnded];
        assert_eq!(ended(terms(), &greeted).0, None);
        let without = Terms { accept_by_key: false, ..terms() };
        let (outcome, said) = ended(without.clone(), &greeted);
        assert_eq!(outcome, Some(AttemptOutcome::Accepted));
        assert!(said.contains("lamp") && !said.contains("Press"));
        let turned_out = [greeted[0].clone(), greeted[1].clone(), OfferInput::Judged(PickedUpBy::Mailbox)];
        assert_eq!(ended(without, &turned_out).0, Some(AttemptOutcome::VoicemailDetected));
    }

    #[test]
    fn words_work_like_keys_and_a_greeting_is_no_word() {
        let heard = |words: &str| OfferInput::Heard(words.into());
        let after = |words: &str| ended(terms(), &[OfferInput::Answered, heard(words)]);
        assert!(after("I'll take it.").1.contains("lamp"));
        assert_eq!(after("Pass.").0, Some(AttemptOutcome::Declined));
        assert!(!after("Yes?").1.contains("lamp"));
        let asked = ended(terms(), &[OfferInput::Answered, OfferInput::SpeechEnded, heard("Yes.")]);
        assert!(asked.1.contains("lamp"));
    }

    /// R53.
    #[test]
    fn who_is_superseded_is_told_so() {
        let (mut ringing, now) = offer();
        ringing.handle(now, OfferInput::Superseded);
        assert_eq!(effects(&mut ringing)[0], OfferEffect::HangUp { after_speech: false, elsewhere: true });
        let (outcome, said) = ended(terms(), &[OfferInput::Answered, OfferInput::Superseded]);
        assert_eq!(outcome, Some(AttemptOutcome::Superseded));
        assert!(said.ends_with(phrases::STAFF_TAKEN_ELSEWHERE));
    }

    /// R48: that the call is recorded comes before the case.
    #[test]
    fn who_takes_the_call_is_told_that_it_is_recorded() {
        let recorded = Terms { recorded: true, ..terms() };
        let (_, said) = ended(recorded.clone(), &[OfferInput::Answered, OfferInput::Key(b'1')]);
        assert!(said.ends_with(&format!("{} Caller about a lamp.", phrases::STAFF_RECORDED)));
        let (outcome, said) =
            ended(Terms { summary: None, ..recorded }, &[OfferInput::Answered, OfferInput::Key(b'1')]);
        assert_eq!(outcome, Some(AttemptOutcome::Accepted));
        assert!(said.ends_with(phrases::STAFF_RECORDED));
    }

    /// R48: a key joins at once; what was not heard yet is heard beneath the caller's words, and never twice.
    #[test]
    fn a_key_joins_at_once_whether_or_not_the_notice_was_heard() {
        for heard in [false, true] {
            let now = Instant::now();
            let mut offer = Offer::ring(Terms { recorded: true, ..terms() }, now);
            offer.handle(now, OfferInput::Answered);
            offer.handle(now, OfferInput::Key(b'1'));
            assert!(offer.awaits_first_sentence());
            if heard {
                offer.handle(now, OfferInput::FirstSentenceHeard);
            }
            effects(&mut offer);
            offer.handle(now, OfferInput::Key(b'1'));
            let notice = (!heard).then(|| OfferEffect::Say(vec![phrases::STAFF_RECORDED.into()]));
            let expected = [OfferEffect::Hush, OfferEffect::Join].into_iter().chain(notice);
            let expected = expected.chain([OfferEffect::Ended(AttemptOutcome::Accepted)]);
            assert_eq!(effects(&mut offer), expected.collect::<Vec<_>>());
            assert_eq!(offer.take_owed().is_some(), !heard);
            assert_eq!(offer.take_owed(), None);
        }
    }

    #[test]
    fn what_the_caller_adds_joins_the_summary() {
        let (mut offer, now) = offer();
        offer.handle(now, OfferInput::Answered);
        offer.case_is("Caller about a lamp. It smells burnt.".into());
        offer.handle(now, OfferInput::Key(b'1'));
        assert!(said(&effects(&mut offer)).contains("burnt"));
    }

    #[test]
    fn a_summary_is_heard_in_20_s() {
        let long = "Caller +49 30 901820 about a damaged delivery. ".repeat(6);
        let kept = within_20_s(&long);
        assert!(kept.len() < long.len() && kept.ends_with('.'));
        assert_eq!(within_20_s("Caller about a lamp."), "Caller about a lamp.");
    }

    fn effects(offer: &mut Offer) -> Vec<OfferEffect> {
        std::iter::from_fn(|| offer.poll_effect()).collect()
    }

    fn said(effects: &[OfferEffect]) -> String {
        effects
            .iter()
            .filter_map(|e| if let OfferEffect::Say(words) = e { Some(words.join(" ")) } else { None })
            .collect()
    }

    #[test]
    fn no_case_detail_is_said_before_a_key() {
        let (mut offer, now) = offer();
        offer.handle(now, OfferInput::Answered);
        offer.handle(now, OfferInput::SpeechEnded);
        offer.handle_timeout(now + KEY_WAIT);
        offer.handle(now, OfferInput::Heard("hello you have reached the mailbox of".into()));
        assert!(!said(&effects(&mut offer)).contains("lamp"));
    }

    #[test]
    fn one_is_pressed_then_the_summary_then_they_are_joined() {
        let (mut offer, now) = offer();
        offer.handle(now, OfferInput::Answered);
        effects(&mut offer);
        offer.handle(now, OfferInput::Key(b'1'));
        assert_eq!(said(&effects(&mut offer)), "Caller about a lamp.");
        offer.handle(now, OfferInput::SpeechEnded);
        assert!(effects(&mut offer).contains(&OfferEffect::Join));
        assert!(offer.is_joined());
    }

    #[test]
    fn one_during_the_summary_joins_at_once() {
        let (mut offer, now) = offer();
        offer.handle(now, OfferInput::Answered);
        offer.handle(now, OfferInput::Key(b'1'));
        effects(&mut offer);
        offer.handle(now, OfferInput::Key(b'1'));
        assert_eq!(
            effects(&mut offer),
            [OfferEffect::Hush, OfferEffect::Join, OfferEffect::Ended(AttemptOutcome::Accepted)]
        );
    }

    #[test]
    fn another_key_first_needs_a_one_afterwards() {
        let (mut offer, now) = offer();
        offer.handle(now, OfferInput::Answered);
        offer.handle(now, OfferInput::Key(b'3'));
        assert!(said(&effects(&mut offer)).contains("lamp"));
        offer.handle(now, OfferInput::SpeechEnded);
        assert_eq!(effects(&mut offer), []);
        offer.handle(now, OfferInput::Key(b'1'));
        assert!(offer.is_joined());
    }

    #[test]
    fn every_way_of_not_taking_it_has_its_outcome() {
        let outcome = |inputs: Vec<OfferInput>| {
            let (mut offer, now) = offer();
            for input in inputs {
                offer.handle(now, input);
            }
            effects(&mut offer)
                .into_iter()
                .find_map(|e| if let OfferEffect::Ended(outcome) = e { Some(outcome) } else { None })
        };
        assert_eq!(outcome(vec![OfferInput::Refused(486)]), Some(AttemptOutcome::Busy));
        assert_eq!(outcome(vec![OfferInput::Refused(603)]), Some(AttemptOutcome::Rejected));
        assert_eq!(outcome(vec![OfferInput::Refused(503)]), Some(AttemptOutcome::Failed));
        assert_eq!(outcome(vec![OfferInput::Refused(480)]), Some(AttemptOutcome::NoAnswer));
        assert_eq!(outcome(vec![OfferInput::Answered, OfferInput::Key(b'2')]), Some(AttemptOutcome::Declined));
        assert_eq!(outcome(vec![OfferInput::Answered, OfferInput::HungUp]), Some(AttemptOutcome::HumanHungUp));
        assert_eq!(outcome(vec![OfferInput::CallerGone]), Some(AttemptOutcome::CallerHungUp));
        assert_eq!(
            outcome(vec![OfferInput::Answered, OfferInput::Heard("I'll pass".into())]),
            Some(AttemptOutcome::Declined)
        );
    }

    #[test]
    fn the_question_is_asked_twice_and_then_counts_as_no_key() {
        let (mut offer, mut now) = offer();
        offer.handle(now, OfferInput::Answered);
        for _ in 0..2 {
            offer.handle(now, OfferInput::SpeechEnded);
            now += KEY_WAIT;
            offer.handle_timeout(now);
        }
        let effects = effects(&mut offer);
        assert_eq!(effects.last(), Some(&OfferEffect::Ended(AttemptOutcome::NoKey)));
        assert_eq!(said(&effects).matches("Press 1 to take it").count(), 2);
    }

    #[test]
    fn ringing_ends_with_its_time() {
        let (mut offer, now) = offer();
        offer.handle_timeout(now + Duration::from_secs(18));
        assert_eq!(
            effects(&mut offer),
            [
                OfferEffect::HangUp { after_speech: false, elsewhere: false },
                OfferEffect::Ended(AttemptOutcome::NoAnswer)
            ]
        );
    }

    fn any_input() -> impl proptest::strategy::Strategy<Value = OfferInput> {
        use proptest::prelude::*;
        prop_oneof![
            Just(OfferInput::Answered),
            Just(OfferInput::SpeechEnded),
            Just(OfferInput::FirstSentenceHeard),
            prop::sample::select(b"0123*".to_vec()).prop_map(OfferInput::Key),
            prop::sample::select(vec!["hello", "yes", "take it", "pass", "who is calling please"])
                .prop_map(|said| OfferInput::Heard(said.to_owned())),
            prop::sample::select(vec![PickedUpBy::Human, PickedUpBy::Mailbox, PickedUpBy::Screener])
                .prop_map(OfferInput::Judged),
            Just(OfferInput::Refused(486)),
            Just(OfferInput::HungUp),
            Just(OfferInput::CallerGone),
            Just(OfferInput::NotNeeded),
            Just(OfferInput::Superseded),
            Just(OfferInput::Failed),
        ]
    }

    proptest::proptest! {
        /// R51, P5: whatever happens, the case is told only after a key, a word or, where no key is wanted, a greeting;
        /// nobody is joined without it either; and the attempt ends once.
        #[test]
        fn nothing_of_the_case_is_said_to_whoever_has_not_answered_for_themselves(
            inputs in proptest::collection::vec((any_input(), 0u64..8), 0..40),
            accept_by_key in proptest::bool::ANY,
            recorded in proptest::bool::ANY,
        ) {
            let mut now = Instant::now();
            let mut offer = Offer::ring(Terms { accept_by_key, recorded, ..terms() }, now);
            let (mut picked_up, mut answered, mut ends) = (false, false, 0);
            let mut told_recorded = !recorded;
            for (input, seconds) in inputs {
                picked_up |= input == OfferInput::Answered;
                answered |= picked_up && match &input {
                    OfferInput::Key(_) | OfferInput::Heard(_) => true,
                    OfferInput::Judged(by) => *by == PickedUpBy::Human && !accept_by_key,
                    _ => false,
                };
                offer.handle(now, input);
                now += Duration::from_secs(seconds);
                offer.handle_timeout(now);
                let effects = effects(&mut offer);
                let joined = effects.contains(&OfferEffect::Join);
                let told = said(&effects).contains("lamp") || joined;
                proptest::prop_assert!(!told || answered);
                // R48: whoever is joined was being told, or is told then.
                told_recorded |= said(&effects).contains(phrases::STAFF_RECORDED);
                proptest::prop_assert!(!joined || told_recorded);
                ends += effects.iter().filter(|effect| matches!(effect, OfferEffect::Ended(_))).count();
            }
            proptest::prop_assert!(ends <= 1);
        }
    }
}
