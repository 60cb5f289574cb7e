//! What the person who is rung hears and may do, until the two are joined.
//!
//! 1. Ringing.
//! 2. Picked up: only who calls (R51).
//! 3. Any key: the case summary; 1 takes it, 2 passes, 3 repeats.
//! 4. Joined.
//!
//! A person who pressed 1 at the first question is joined when the summary ends; any other
//! key needs a 1 afterwards. Without a key the question is asked twice, then the attempt is over.
//!
//! Pure: events of the person's leg go in, orders come out. RFC 3261 §21 for the statuses.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::call::AttemptOutcome;

use super::intents::words;
use super::phrases;

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
    /// The caller left.
    CallerGone,
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
    },
    /// The attempt is over.
    Ended(AttemptOutcome),
}

/// One person being offered one call.
pub struct Offer {
    state: State,
    business: String,
    summary: Option<Vec<String>>,
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
    /// Rings. `summary` is `None` where it is switched off.
    pub fn ring(business: &str, summary: Option<String>, ring_timeout: Duration, now: Instant) -> Offer {
        Offer {
            state: State::Ringing,
            business: business.to_owned(),
            summary: summary.map(|summary| vec![summary]),
            deadline: Some(now + ring_timeout),
            effects: VecDeque::new(),
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
            (State::Ringing, OfferInput::CallerGone) => self.hang_up(AttemptOutcome::CallerHungUp, None),
            (_, OfferInput::CallerGone) => {
                self.hang_up(AttemptOutcome::CallerHungUp, Some(phrases::STAFF_CALLER_LEFT));
            }
            (_, OfferInput::Key(key)) => self.key(now, key),
            (_, OfferInput::Heard(text)) => match spoken_choice(&text) {
                Some(key) => self.key(now, key),
                None => self.deadline = self.deadline.map(|_| now + KEY_WAIT),
            },
            (State::Summary { taken: true, .. }, OfferInput::SpeechEnded) => self.join(),
            (State::Introduced { .. } | State::Summary { .. }, OfferInput::SpeechEnded) => {
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
                self.effects.push_back(OfferEffect::Say(vec![phrases::STAFF_CHOICE.to_owned()]));
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
        self.effects.push_back(OfferEffect::Say(vec![phrases::staff_offer(&self.business)]));
    }

    fn key(&mut self, now: Instant, key: u8) {
        match (self.state, key) {
            (State::Ringing | State::Joined | State::Over, _) => {}
            (_, b'2') => self.hang_up(AttemptOutcome::Declined, Some(phrases::STAFF_PASSED)),
            (State::Introduced { .. }, _) if self.summary.is_some() => self.tell(now, key == b'1'),
            (State::Introduced { .. } | State::Summary { .. }, b'1') => self.join(),
            (State::Summary { taken, .. }, b'3') => self.tell(now, taken),
            // Any other key is a slip.
            (State::Introduced { .. } | State::Summary { .. }, _) => {}
        }
    }

    fn tell(&mut self, now: Instant, taken: bool) {
        self.state = State::Summary { taken, asked: 1 };
        self.deadline = Some(now + LONGEST_SPEECH);
        let mut words = self.summary.clone().unwrap_or_default();
        if !taken {
            words.push(phrases::STAFF_CHOICE.to_owned());
        }
        self.effects.push_back(OfferEffect::Say(words));
    }

    fn join(&mut self) {
        self.state = State::Joined;
        self.deadline = None;
        self.effects.extend([OfferEffect::Hush, OfferEffect::Join, OfferEffect::Ended(AttemptOutcome::Accepted)]);
    }

    fn hang_up(&mut self, outcome: AttemptOutcome, words: Option<&str>) {
        if let Some(words) = words {
            self.effects.push_back(OfferEffect::Say(vec![words.to_owned()]));
        }
        self.effects.push_back(OfferEffect::HangUp { after_speech: words.is_some() });
        self.end(outcome);
    }

    fn end(&mut self, outcome: AttemptOutcome) {
        self.state = State::Over;
        self.deadline = None;
        self.effects.push_back(OfferEffect::Ended(outcome));
    }
}

/// "Take it" and "pass" said aloud work like keys.
fn spoken_choice(text: &str) -> Option<u8> {
    let said = words(text).join(" ");
    if said.split(' ').count() > 5 {
        return None;
    }
    let any = |forms: &[&str]| forms.iter().any(|form| said == *form || said.contains(&format!("{form} call")));
    if any(&["take it", "ill take it", "i will take it", "i take it", "accept", "one", "take the", "yes"]) {
        Some(b'1')
    } else if any(&["pass", "ill pass", "i pass", "decline", "two", "no", "not now"]) {
        Some(b'2')
    } else {
        None
    }
}

fn outcome_of(status: u16) -> AttemptOutcome {
    match status {
        486 | 600 => AttemptOutcome::Busy,
        408 | 480 | 487 => AttemptOutcome::NoAnswer,
        500..=599 => AttemptOutcome::Failed,
        _ => AttemptOutcome::Rejected,
    }
}

/// How long a key is waited for after the question; longer keeps the caller waiting.
const KEY_WAIT: Duration = Duration::from_secs(6);
/// A guard: no sentence to staff lasts longer, so a lost end of speech cannot hang the attempt.
const LONGEST_SPEECH: Duration = Duration::from_secs(40);
/// A question is asked so often (R51: twice counts as no key).
const MOST_ASKED: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> (Offer, Instant) {
        let now = Instant::now();
        (Offer::ring("Acorn", Some("Caller about a lamp.".into()), Duration::from_secs(18), now), now)
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
            [OfferEffect::HangUp { after_speech: false }, OfferEffect::Ended(AttemptOutcome::NoAnswer)]
        );
    }
}
