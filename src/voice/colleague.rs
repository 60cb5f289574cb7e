//! One person of the team on the line: who picked up, what they hear and press, their keys once they are joined, and
//! their goodbye.
//!
//! 1. What happens on their line goes to [`Offer`] and [`Screening`] until they are joined or gone.
//! 2. Joined: `*1` gives the call back, `*2` passes it on (R54); every other key is between the two of them and goes
//!    nowhere.
//! 3. A goodbye is heard to its end, and for a bounded time.
//!
//! Pure: what happened goes in with its time, orders and deeds come out. The driver and the simulation run the same one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use media::Frame;

use crate::domain::call::AttemptOutcome;

use super::offer::{Offer, OfferEffect, OfferInput};
use super::screening::{PickedUpBy, Screening};

/// Their side of the call.
pub struct Colleague {
    offer: Offer,
    /// Listens to who picked up, from the moment they did.
    screening: Option<Screening>,
    /// Their leg ends with the present sentence, and at this time at the latest.
    leaves_by: Option<Instant>,
    joined: bool,
    held: bool,
    /// The last key was a star, which begins an order of theirs.
    after_star: bool,
    orders: VecDeque<Order>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Say this to them; what was being said is dropped.
    Say(Vec<String>),
    /// Stop what is being said to them.
    Hush,
    /// End their leg.
    HangUp {
        /// Another person took the call: their telephone is told so.
        elsewhere: bool,
    },
    /// They have done this, which the call must know.
    Did(Deed),
}

/// What a person has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// The offer is over, or was accepted.
    Ended(AttemptOutcome),
    /// The joined person's leg is gone.
    Gone {
        /// They hung up; otherwise the leg died.
        hung_up: bool,
    },
    /// `*1`
    GivesBack,
    /// `*2`
    PassesOn,
    /// They hold the caller, or are back.
    Holds(bool),
}

impl Colleague {
    /// Somebody whose telephone rings.
    pub fn new(offer: Offer) -> Colleague {
        Colleague {
            offer,
            screening: None,
            leaves_by: None,
            joined: false,
            held: false,
            after_star: false,
            orders: VecDeque::new(),
        }
    }

    /// The next order.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`Colleague::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.offer.poll_timeout().into_iter().chain(self.leaves_by).min()
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.offer.handle_timeout(now);
        self.settle(now);
        if self.leaves_by.is_some_and(|by| by <= now) {
            self.hang_up(false);
        }
    }

    /// Whether they are being said goodbye to.
    pub fn is_leaving(&self) -> bool {
        self.leaves_by.is_some()
    }

    /// Whether they speak with the caller.
    pub fn is_joined(&self) -> bool {
        self.joined
    }

    /// Whether they hold the caller.
    pub fn is_holding(&self) -> bool {
        self.held
    }

    /// Whether it must be told when the first sentence of what is being said has been heard.
    pub fn awaits_first_sentence(&self) -> bool {
        self.offer.awaits_first_sentence()
    }

    /// What they were not told before they took the call; see [`Offer::take_owed`].
    pub fn take_owed(&mut self) -> Option<&'static str> {
        self.offer.take_owed()
    }

    /// The caller has added something.
    pub fn case_is(&mut self, summary: &str) {
        self.offer.case_is(summary.to_owned());
    }

    /// Something happened that is between them and the offer alone.
    pub fn handle(&mut self, now: Instant, input: OfferInput) {
        if input == OfferInput::Answered {
            self.screening = Some(Screening::default());
        }
        self.offer.handle(now, input);
        self.settle(now);
    }

    /// They and the caller hear each other from now on.
    pub fn joins(&mut self) {
        self.screening = None;
        self.joined = true;
    }

    /// Another has the caller from now on: what they do means nothing any more.
    pub fn is_relieved(&mut self) {
        self.joined = false;
        self.held = false;
    }

    /// They have called in and want the case: who we are was said already.
    pub fn takes_up(&mut self, now: Instant) {
        self.offer.handle(now, OfferInput::Answered);
        while self.offer.poll_effect().is_some() {}
        self.handle(now, OfferInput::Key(b'1'));
    }

    /// They have called in, and somebody else has the call meanwhile: they are told so, and that is all.
    pub fn is_too_late(&mut self, now: Instant) {
        self.offer.handle(now, OfferInput::Answered);
        while self.offer.poll_effect().is_some() {}
        self.handle(now, OfferInput::Superseded);
        self.orders.retain(|order| !matches!(order, Order::Did(_)));
    }

    /// A key.
    pub fn key(&mut self, now: Instant, key: u8) {
        if !self.joined {
            return self.handle(now, OfferInput::Key(key));
        }
        let after_star = std::mem::replace(&mut self.after_star, key == b'*');
        match (after_star, key) {
            (true, b'1') => self.did(Deed::GivesBack),
            (true, b'2') => self.did(Deed::PassesOn),
            _ => {}
        }
    }

    /// 20 ms of theirs, and whether it was speech.
    pub fn frame(&mut self, now: Instant, frame: &Frame, speech: bool) {
        let judged = self.screening.as_mut().and_then(|screening| screening.frame(frame, speech));
        self.judged(now, judged);
    }

    /// What they have said of a sentence so far.
    pub fn partial(&mut self, now: Instant, text: &str) {
        let judged = self.screening.as_mut().and_then(|screening| screening.words(text));
        self.judged(now, judged);
    }

    /// What they have said.
    pub fn words(&mut self, now: Instant, text: &str) {
        if self.joined {
            return;
        }
        self.partial(now, text);
        self.handle(now, OfferInput::Heard(text.to_owned()));
    }

    /// It is known who picked up.
    pub fn judged(&mut self, now: Instant, by: Option<PickedUpBy>) {
        if let Some(by) = by {
            self.handle(now, OfferInput::Judged(by));
        }
    }

    /// What was being said to them has been heard to its end.
    pub fn speech_ended(&mut self, now: Instant) {
        self.handle(now, OfferInput::SpeechEnded);
        if self.leaves_by.is_some() {
            self.hang_up(false);
        }
    }

    /// They hold their end, or are back.
    pub fn holds(&mut self, held: bool) {
        self.held = held;
        if self.joined {
            self.did(Deed::Holds(held));
        }
    }

    /// The last sentence before their leg ends is being said.
    pub fn leaves(&mut self, now: Instant) {
        self.leaves_by = Some(now + LONGEST_FAREWELL);
    }

    /// Their leg is gone: they hung up, or it died.
    pub fn gone(&mut self, now: Instant, hung_up: bool) {
        self.leaves_by = None;
        if std::mem::take(&mut self.joined) {
            self.did(Deed::Gone { hung_up });
        }
        self.handle(now, if hung_up { OfferInput::HungUp } else { OfferInput::Failed });
    }

    fn settle(&mut self, now: Instant) {
        while let Some(effect) = self.offer.poll_effect() {
            match effect {
                OfferEffect::Say(words) => self.orders.push_back(Order::Say(words)),
                OfferEffect::Hush => self.orders.push_back(Order::Hush),
                // The ladder joins them, once it knows that they are the first.
                OfferEffect::Join => {}
                OfferEffect::HangUp { after_speech: true, .. } => self.leaves(now),
                OfferEffect::HangUp { after_speech: false, elsewhere } => self.hang_up(elsewhere),
                OfferEffect::Ended(outcome) => self.did(Deed::Ended(outcome)),
            }
        }
    }

    fn hang_up(&mut self, elsewhere: bool) {
        self.leaves_by = None;
        self.orders.push_back(Order::HangUp { elsewhere });
    }

    fn did(&mut self, deed: Deed) {
        self.orders.push_back(Order::Did(deed));
    }
}

/// A goodbye that is not heard to its end by then is over all the same.
pub const LONGEST_FAREWELL: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::voice::offer::Terms;

    fn colleague() -> (Colleague, Instant) {
        let now = Instant::now();
        let terms = Terms {
            business: "Acorn".into(),
            summary: Some("Caller about a lamp.".into()),
            accept_by_key: true,
            recorded: false,
            ring_time: Duration::from_secs(18),
        };
        (Colleague::new(Offer::ring(terms, now)), now)
    }

    fn orders(colleague: &mut Colleague) -> Vec<Order> {
        std::iter::from_fn(|| colleague.poll_order()).collect()
    }

    /// R54: only a star and the key right after it are an order.
    #[test]
    fn a_joined_person_orders_by_star_and_a_key() {
        let (mut person, now) = colleague();
        person.handle(now, OfferInput::Answered);
        person.key(now, b'1');
        person.key(now, b'1');
        person.joins();
        orders(&mut person);
        for key in *b"12*31" {
            person.key(now, key);
        }
        assert_eq!(orders(&mut person), []);
        for key in *b"*1*2" {
            person.key(now, key);
        }
        assert_eq!(orders(&mut person), [Order::Did(Deed::GivesBack), Order::Did(Deed::PassesOn)]);
        person.gone(now, true);
        assert_eq!(orders(&mut person), [Order::Did(Deed::Gone { hung_up: true })]);
    }

    #[test]
    fn a_goodbye_is_heard_to_its_end_or_for_its_longest_time() {
        for ends_by_itself in [true, false] {
            let (mut person, now) = colleague();
            person.handle(now, OfferInput::Answered);
            person.key(now, b'2');
            assert!(person.is_leaving());
            assert!(!orders(&mut person).contains(&Order::HangUp { elsewhere: false }));
            if ends_by_itself {
                person.speech_ended(now);
            } else {
                person.handle_timeout(now + LONGEST_FAREWELL);
            }
            assert_eq!(orders(&mut person), [Order::HangUp { elsewhere: false }]);
        }
    }

    /// R55.
    #[test]
    fn who_is_too_late_is_told_so_and_has_done_nothing() {
        let (mut person, now) = colleague();
        person.is_too_late(now);
        let orders = orders(&mut person);
        assert!(matches!(&orders[..], [Order::Say(words)] if words[0].contains("already taken")), "{orders:?}");
        assert!(person.is_leaving());
    }

    /// What may happen to a person.
    #[derive(Clone, Debug)]
    enum Happens {
        Told(OfferInput),
        Key(u8),
        Words(&'static str),
        Holds(bool),
        /// The ladder joins them, if they have accepted.
        Joins,
        Gone(bool),
    }

    fn anything() -> impl proptest::strategy::Strategy<Value = Happens> {
        use proptest::prelude::*;
        let told = vec![
            OfferInput::Answered,
            OfferInput::Refused(486),
            OfferInput::SpeechEnded,
            OfferInput::FirstSentenceHeard,
            OfferInput::Judged(PickedUpBy::Human),
            OfferInput::Judged(PickedUpBy::Mailbox),
            OfferInput::CallerGone,
            OfferInput::NotNeeded,
            OfferInput::Superseded,
            OfferInput::Failed,
        ];
        prop_oneof![
            6 => prop::sample::select(told).prop_map(Happens::Told),
            6 => prop::sample::select(b"012*#".to_vec()).prop_map(Happens::Key),
            2 => prop::sample::select(vec!["hello", "take it", "pass", "leave a message after the tone"])
                .prop_map(Happens::Words),
            1 => any::<bool>().prop_map(Happens::Holds),
            3 => Just(Happens::Joins),
            1 => any::<bool>().prop_map(Happens::Gone),
        ]
    }

    proptest::proptest! {
        /// R51, R54, P5: whatever happens on their line, the offer ends once; only somebody who is joined gives the call
        /// back, passes it on, holds it or is lost to it, and nobody is lost twice; no time is waited for that never
        /// comes, and a goodbye always ends.
        #[test]
        fn a_person_ends_their_offer_once_and_orders_only_while_joined(
            accept_by_key in proptest::bool::ANY,
            steps in proptest::collection::vec((anything(), 0u64..8), 0..40),
        ) {
            let began = Instant::now();
            let (business, summary) = ("Acorn".to_owned(), Some("Caller about a lamp.".to_owned()));
            let ring_time = Duration::from_secs(18);
            let terms = Terms { business, summary, accept_by_key, recorded: false, ring_time };
            let mut person = Colleague::new(Offer::ring(terms, began));
            let (mut now, mut ends, mut lost, mut accepted, mut stray) = (began, 0, 0, false, false);
            let mut joins = 0;
            let mut take = |person: &mut Colleague, was_joined: bool| {
                for order in orders(person) {
                    match order {
                        Order::Did(Deed::Ended(outcome)) => {
                            ends += 1;
                            accepted |= outcome == AttemptOutcome::Accepted;
                        }
                        Order::Did(Deed::Gone { .. }) => {
                            lost += 1;
                            stray |= !was_joined;
                        }
                        Order::Did(Deed::GivesBack | Deed::PassesOn | Deed::Holds(_)) => stray |= !was_joined,
                        Order::Say(_) | Order::Hush | Order::HangUp { .. } => {}
                    }
                }
                (ends, lost, accepted, stray)
            };
            for (happens, seconds) in steps {
                now += Duration::from_secs(seconds);
                let was_joined = person.is_joined();
                person.handle_timeout(now);
                let (_, _, accepted, _) = take(&mut person, was_joined);
                match happens {
                    Happens::Told(input) => person.handle(now, input),
                    Happens::Key(key) => person.key(now, key),
                    Happens::Words(words) => person.words(now, words),
                    Happens::Holds(held) => person.holds(held),
                    Happens::Joins if accepted && !person.is_leaving() => {
                        joins += usize::from(!person.is_joined());
                        person.joins();
                    }
                    Happens::Joins => {}
                    Happens::Gone(hung_up) => person.gone(now, hung_up),
                }
                let (ends, lost, _, stray) = take(&mut person, was_joined);
                proptest::prop_assert!(ends <= 1 && !stray, "{} {}", ends, lost);
                proptest::prop_assert!(lost <= joins, "{} {}", lost, joins);
            }
            let mut waits = 0;
            while let Some(at) = person.poll_timeout() {
                now = now.max(at);
                person.handle_timeout(now);
                waits += 1;
                proptest::prop_assert!(waits < 20, "it waits for ever");
            }
            proptest::prop_assert!(!person.is_leaving());
        }
    }
}
