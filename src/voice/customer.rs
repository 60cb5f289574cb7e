//! A customer who is called back, from the first ring to the end of their talk with the teammate (R8).
//!
//! 1. **Called**: the teammate hears the hold tone meanwhile.
//! 2. **Told**: where calls are recorded they hear who calls, and the notice to its end (R48).
//! 3. **Joined** with the teammate, and recorded where the notice was heard and they have not objected. "Don't record"
//!    is obeyed at any time.
//! 4. **Over**: either side is gone, or the time is up.
//!
//! Pure: the driver and the simulation run the same one.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::intents::{self, Intent};

/// Their side of the callback.
pub struct Customer {
    state: State,
    /// Calls are recorded.
    records: bool,
    /// They do not want it.
    unwanted: bool,
    recorded: bool,
    reached: bool,
    ends_at: Instant,
    orders: VecDeque<CustomerOrder>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Called,
    Told { by: Instant },
    Joined,
    Over,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CustomerInput {
    /// They, or a machine of theirs, picked up.
    PickedUp,
    /// The notice has ended; heard `whole`, or cut off by a fault.
    NoticeEnded {
        /// To its last word.
        whole: bool,
    },
    /// They have said this.
    Said(String),
    /// They refused, hung up, or cannot be called.
    Gone,
    /// The teammate hung up.
    TeammateGone,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustomerOrder {
    /// Tell them who calls, and that it is recorded.
    TellNotice,
    /// Let the two hear each other, and record them or not.
    Join {
        /// Whether to.
        record: bool,
    },
    /// End the recording, delete it, and tell them so.
    DeleteRecording,
    /// It is over: the last order.
    End,
}

impl Customer {
    /// Is being called.
    pub fn call(now: Instant, records: bool, longest_call: Duration) -> Customer {
        Customer {
            state: State::Called,
            records,
            unwanted: false,
            recorded: false,
            reached: false,
            ends_at: now + longest_call,
            orders: VecDeque::new(),
        }
    }

    /// The next order.
    pub fn poll_order(&mut self) -> Option<CustomerOrder> {
        self.orders.pop_front()
    }

    /// When [`Customer::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Told { by } => Some(by.min(self.ends_at)),
            State::Called | State::Joined => Some(self.ends_at),
            State::Over => None,
        }
    }

    /// Whether the two were joined.
    pub fn was_reached(&self) -> bool {
        self.reached
    }

    /// Whether the notice is being told.
    pub fn is_told(&self) -> bool {
        matches!(self.state, State::Told { .. })
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: CustomerInput) {
        match (self.state, input) {
            (State::Over, _) => {}
            (_, CustomerInput::Gone | CustomerInput::TeammateGone) => self.end(),
            (State::Called, CustomerInput::PickedUp) if self.records => {
                self.state = State::Told { by: now + LONGEST_NOTICE };
                self.orders.push_back(CustomerOrder::TellNotice);
            }
            (State::Called, CustomerInput::PickedUp) => self.join(false),
            (State::Told { .. }, CustomerInput::NoticeEnded { whole }) => self.join(whole),
            (State::Told { .. } | State::Joined, CustomerInput::Said(text)) => self.said(&text),
            // Words before they picked up are a network's; the notice is told once.
            (State::Called, CustomerInput::Said(_) | CustomerInput::NoticeEnded { .. })
            | (State::Told { .. } | State::Joined, CustomerInput::PickedUp)
            | (State::Joined, CustomerInput::NoticeEnded { .. }) => {}
        }
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        match self.state {
            State::Over => {}
            _ if now >= self.ends_at => self.end(),
            // Nothing is recorded of which the notice was not heard.
            State::Told { by } if now >= by => self.join(false),
            State::Called | State::Told { .. } | State::Joined => {}
        }
    }

    fn said(&mut self, text: &str) {
        if intents::intent(text) != Some(Intent::DontRecord) || self.unwanted {
            return;
        }
        self.unwanted = true;
        if std::mem::take(&mut self.recorded) {
            self.orders.push_back(CustomerOrder::DeleteRecording);
        }
    }

    fn join(&mut self, told: bool) {
        self.state = State::Joined;
        self.reached = true;
        self.recorded = told && !self.unwanted;
        self.orders.push_back(CustomerOrder::Join { record: self.recorded });
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.orders.push_back(CustomerOrder::End);
    }
}

/// A guard: the notice is two sentences, and a teammate waits.
const LONGEST_NOTICE: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(3600);

    fn customer(records: bool) -> (Customer, Instant) {
        let now = Instant::now();
        (Customer::call(now, records, LONGEST), now)
    }

    fn orders(customer: &mut Customer) -> Vec<CustomerOrder> {
        std::iter::from_fn(|| customer.poll_order()).collect()
    }

    /// R48: nothing is recorded before the notice was heard to its end.
    #[test]
    fn only_a_notice_that_was_heard_whole_lets_them_be_recorded() {
        for whole in [true, false] {
            let (mut customer, now) = customer(true);
            customer.handle(now, CustomerInput::PickedUp);
            assert_eq!(orders(&mut customer), [CustomerOrder::TellNotice]);
            customer.handle(now, CustomerInput::NoticeEnded { whole });
            assert_eq!(orders(&mut customer), [CustomerOrder::Join { record: whole }]);
        }
        let (mut late, now) = customer(true);
        late.handle(now, CustomerInput::PickedUp);
        orders(&mut late);
        late.handle_timeout(now + LONGEST_NOTICE);
        assert_eq!(orders(&mut late), [CustomerOrder::Join { record: false }]);
        let (mut unrecorded, now) = customer(false);
        unrecorded.handle(now, CustomerInput::PickedUp);
        assert_eq!(orders(&mut unrecorded), [CustomerOrder::Join { record: false }]);
    }

    /// R48: "don't record" is obeyed during the notice and after it, once.
    #[test]
    fn an_objection_is_obeyed_at_any_time() {
        let objects = || CustomerInput::Said("please do not record this".into());
        let (mut early, now) = customer(true);
        early.handle(now, CustomerInput::PickedUp);
        early.handle(now, objects());
        early.handle(now, CustomerInput::NoticeEnded { whole: true });
        assert_eq!(orders(&mut early), [CustomerOrder::TellNotice, CustomerOrder::Join { record: false }]);
        let (mut later, now) = customer(true);
        later.handle(now, CustomerInput::PickedUp);
        later.handle(now, CustomerInput::NoticeEnded { whole: true });
        orders(&mut later);
        later.handle(now, CustomerInput::Said("the lamp is broken".into()));
        assert_eq!(orders(&mut later), []);
        later.handle(now, objects());
        later.handle(now, objects());
        assert_eq!(orders(&mut later), [CustomerOrder::DeleteRecording]);
    }

    /// R8: it ends with either side, and with the longest time a call may last.
    #[test]
    fn it_ends_once_with_either_side_or_its_time() {
        for input in [CustomerInput::Gone, CustomerInput::TeammateGone] {
            let (mut customer, now) = customer(false);
            customer.handle(now, input.clone());
            customer.handle(now, input);
            assert_eq!(orders(&mut customer), [CustomerOrder::End]);
            assert!(!customer.was_reached() && customer.poll_timeout().is_none());
        }
        let (mut customer, now) = customer(false);
        customer.handle(now, CustomerInput::PickedUp);
        customer.handle_timeout(now + LONGEST);
        assert_eq!(orders(&mut customer), [CustomerOrder::Join { record: false }, CustomerOrder::End]);
        assert!(customer.was_reached());
    }

    fn any_input() -> impl proptest::strategy::Strategy<Value = CustomerInput> {
        use proptest::prelude::*;
        let words = vec!["hello", "please do not record this", "the lamp is broken", ""];
        prop_oneof![
            4 => Just(CustomerInput::PickedUp),
            4 => any::<bool>().prop_map(|whole| CustomerInput::NoticeEnded { whole }),
            4 => prop::sample::select(words).prop_map(|said| CustomerInput::Said(said.to_owned())),
            1 => Just(CustomerInput::Gone),
            1 => Just(CustomerInput::TeammateGone),
        ]
    }

    proptest::proptest! {
        /// R8, R48: whatever happens, they are joined once, recorded only after a whole notice and without objection,
        /// what was recorded is deleted at an objection, and it ends once, at its longest time at the latest.
        #[test]
        fn a_customer_is_joined_once_recorded_rightly_and_let_go_of_once(
            records in proptest::bool::ANY,
            inputs in proptest::collection::vec((any_input(), 0u64..400), 0..30),
        ) {
            let (mut customer, began) = customer(records);
            let mut now = began;
            let (mut all, mut objected, mut heard_whole) = (Vec::new(), false, false);
            for (input, seconds) in inputs {
                now += Duration::from_secs(seconds);
                customer.handle_timeout(now);
                all.extend(orders(&mut customer));
                let was_told = customer.is_told();
                let picked_up = all.contains(&CustomerOrder::TellNotice);
                objected |= picked_up && matches!(&input, CustomerInput::Said(said) if said.contains("not record"));
                heard_whole |= was_told && input == CustomerInput::NoticeEnded { whole: true };
                customer.handle(now, input);
                for order in orders(&mut customer) {
                    if order == (CustomerOrder::Join { record: true }) {
                        proptest::prop_assert!(records && heard_whole && !objected);
                    }
                    all.push(order);
                }
            }
            while let Some(at) = customer.poll_timeout() {
                proptest::prop_assert!(at <= began + LONGEST);
                now = now.max(at);
                customer.handle_timeout(now);
                all.extend(orders(&mut customer));
            }
            let count = |wanted: fn(&CustomerOrder) -> bool| all.iter().filter(|order| wanted(order)).count();
            proptest::prop_assert_eq!(count(|order| *order == CustomerOrder::End), 1);
            proptest::prop_assert_eq!(all.last(), Some(&CustomerOrder::End));
            proptest::prop_assert!(count(|order| *order == CustomerOrder::TellNotice) <= usize::from(records));
            let joined = count(|order| matches!(order, CustomerOrder::Join { .. }));
            proptest::prop_assert!(joined <= 1);
            proptest::prop_assert_eq!(customer.was_reached(), joined == 1);
            let recorded = all.contains(&CustomerOrder::Join { record: true });
            let deleted = count(|order| *order == CustomerOrder::DeleteRecording);
            proptest::prop_assert!(deleted <= usize::from(recorded));
        }
    }
}
