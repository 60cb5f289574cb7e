//! A supervisor's presence on a call (R9): they come, listen, whisper, barge in, leave, or take the call over.
//!
//! 1. **Coming**: their telephone rings, or their browser connects. What is asked meanwhile is done once they are there.
//! 2. **Asked**: on a telephone number somebody else may pick up, or a mailbox: nothing of the call is heard before a key.
//! 3. **Here**: they hear both sides. 4 listens, 5 whispers to the colleague, 6 is heard by all, 7 takes over. That the
//!    call is recorded is told to them alone.
//! 4. **Gone**, in exactly one way: they left or were lost, never came, or took the call over, from where on they are the
//!    colleague of the call like anybody who was rung, with `*1` to give it back and all that follows (R54).
//!
//! Pure: what happened goes in with its time, orders come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::domain::supervision::SupervisionMode as Mode;

use super::phrases;

/// One supervisor on one call.
#[derive(Clone, Debug)]
pub struct Supervision {
    state: State,
    /// They were told that the call is recorded.
    told_recorded: bool,
    orders: VecDeque<Order>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Coming {
        mode: Mode,
        takes_over: bool,
    },
    /// Whoever picked up has until then to press a key.
    Asked {
        mode: Mode,
        takes_over: bool,
        until: Instant,
    },
    Here(Mode),
    Gone,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// Their audio is there.
    Connected {
        /// The call is recorded.
        recorded: bool,
        /// It is not known who picked up.
        by_anybody: bool,
    },
    /// The call is recorded from now on.
    Recorded,
    /// They want to take part so far.
    Wants(Mode),
    /// They want to take the call over.
    TakesOver,
    /// A key (ASCII).
    Key(u8),
    /// They want to leave.
    Leaves,
    /// Their leg could not be made, or is gone.
    LegGone,
    /// The call is over.
    CallOver,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Let them hear and be heard so far.
    Admit(Mode),
    /// Say this to them alone.
    Tell(Vec<&'static str>),
    /// They are not to hear or be heard any more.
    Part,
    /// End their leg.
    HangUp,
    /// They are the colleague of this call from now on; the last order.
    HandOver,
    /// It is to be known that they did this.
    Did(Deed),
}

/// What a supervisor did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Came, and takes part so far.
    Joined(Mode),
    /// Takes part so far from now on.
    Changed(Mode),
    /// Is gone.
    Left,
    /// Never came.
    NeverCame,
    /// Has taken the call over.
    TookOver,
}

impl Supervision {
    /// Somebody is about to come; `takes_over` once they are there.
    pub fn coming(mode: Mode, takes_over: bool) -> Supervision {
        Supervision { state: State::Coming { mode, takes_over }, told_recorded: false, orders: VecDeque::new() }
    }

    /// The next order.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`Supervision::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Asked { until, .. } => Some(until),
            State::Coming { .. } | State::Here(_) | State::Gone => None,
        }
    }

    /// How far they take part, or will.
    pub fn mode(&self) -> Option<Mode> {
        match self.state {
            State::Coming { mode, .. } | State::Asked { mode, .. } | State::Here(mode) => Some(mode),
            State::Gone => None,
        }
    }

    /// Whether they hear the call.
    pub fn is_here(&self) -> bool {
        matches!(self.state, State::Here(_))
    }

    /// Whether nothing more comes of it.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if matches!(self.state, State::Asked { until, .. } if until <= now) {
            self.handle(now, Happened::Leaves);
        }
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, happened: Happened) {
        match (self.state, happened) {
            (State::Gone, _) => {}
            (State::Coming { mode, takes_over }, Happened::Connected { recorded, by_anybody }) => {
                self.told_recorded = !recorded;
                if by_anybody {
                    self.state = State::Asked { mode, takes_over, until: now + KEY_WAIT };
                    self.tell(&[phrases::SUPERVISOR_PRESS_KEY]);
                } else {
                    self.enter(mode, takes_over);
                }
                self.tell_recorded();
            }
            (State::Coming { takes_over, .. }, Happened::Wants(mode)) => {
                self.state = State::Coming { mode, takes_over };
            }
            (State::Coming { mode, .. }, Happened::TakesOver) => self.state = State::Coming { mode, takes_over: true },
            (State::Asked { takes_over, until, .. }, Happened::Wants(mode)) => {
                self.state = State::Asked { mode, takes_over, until };
            }
            (State::Asked { mode, until, .. }, Happened::TakesOver) => {
                self.state = State::Asked { mode, takes_over: true, until };
            }
            (State::Asked { mode, takes_over, .. }, Happened::Key(key)) => {
                let (mode, also_takes_over) = chosen(key).unwrap_or((Some(mode), false));
                self.enter(mode.unwrap_or_default(), takes_over || also_takes_over);
                self.tell_recorded();
            }
            (State::Here(before), Happened::Wants(mode)) => self.change(before, mode),
            (State::Here(_), Happened::TakesOver) => self.take_over(),
            (State::Here(before), Happened::Key(key)) => match chosen(key) {
                Some((Some(mode), _)) => {
                    self.change(before, mode);
                    self.tell(&[confirmed(mode)]);
                }
                Some((None, _)) => self.take_over(),
                // Other keys are a slip; `*1` means something once they have the call.
                None => {}
            },
            (State::Here(_), Happened::LegGone) => self.leave(false),
            (State::Here(_), Happened::Leaves | Happened::CallOver) => self.leave(true),
            (State::Coming { .. } | State::Asked { .. }, Happened::Leaves | Happened::CallOver) => {
                self.orders.push_back(Order::HangUp);
                self.end(Deed::NeverCame);
            }
            (State::Coming { .. } | State::Asked { .. }, Happened::LegGone) => self.end(Deed::NeverCame),
            (State::Asked { .. } | State::Here(_), Happened::Recorded) => {
                self.told_recorded = false;
                self.tell_recorded();
            }
            // Told when they are there.
            (State::Coming { .. }, Happened::Recorded | Happened::Key(_)) => {}
            (State::Asked { .. } | State::Here(_), Happened::Connected { .. }) => {}
        }
    }

    fn enter(&mut self, mode: Mode, takes_over: bool) {
        self.state = State::Here(mode);
        self.orders.push_back(Order::Admit(mode));
        self.did(Deed::Joined(mode));
        if takes_over {
            self.take_over();
        }
    }

    fn change(&mut self, before: Mode, mode: Mode) {
        if before == mode {
            return;
        }
        self.state = State::Here(mode);
        self.orders.push_back(Order::Admit(mode));
        self.did(Deed::Changed(mode));
    }

    fn take_over(&mut self) {
        // Before they speak with anybody.
        self.tell_recorded();
        self.did(Deed::TookOver);
        self.orders.push_back(Order::HandOver);
        self.state = State::Gone;
    }

    fn leave(&mut self, hang_up: bool) {
        self.orders.push_back(Order::Part);
        if hang_up {
            self.orders.push_back(Order::HangUp);
        }
        self.end(Deed::Left);
    }

    fn end(&mut self, deed: Deed) {
        self.did(deed);
        self.state = State::Gone;
    }

    fn did(&mut self, deed: Deed) {
        self.orders.push_back(Order::Did(deed));
    }

    fn tell(&mut self, words: &[&'static str]) {
        self.orders.push_back(Order::Tell(words.to_vec()));
    }

    fn tell_recorded(&mut self) {
        if self.is_here() && !std::mem::replace(&mut self.told_recorded, true) {
            self.tell(&[phrases::STAFF_RECORDED]);
        }
    }
}

/// What a key asks for: a mode, or to take over. The digits are those of Asterisk's ChanSpy.
fn chosen(key: u8) -> Option<(Option<Mode>, bool)> {
    match key {
        b'4' => Some((Some(Mode::Listen), false)),
        b'5' => Some((Some(Mode::Whisper), false)),
        b'6' => Some((Some(Mode::Barge), false)),
        b'7' => Some((None, true)),
        _ => None,
    }
}

fn confirmed(mode: Mode) -> &'static str {
    match mode {
        Mode::Listen => phrases::SUPERVISOR_LISTENS,
        Mode::Whisper => phrases::SUPERVISOR_WHISPERS,
        Mode::WhisperCustomer | Mode::Barge => phrases::SUPERVISOR_IS_HEARD,
    }
}

/// Whoever picks up presses a key within this time; a mailbox presses none.
pub const KEY_WAIT: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drained(supervision: &mut Supervision) -> Vec<Order> {
        std::iter::from_fn(|| supervision.poll_order()).collect()
    }

    fn connected() -> Happened {
        Happened::Connected { recorded: false, by_anybody: false }
    }

    fn after(happened: &[Happened]) -> Vec<Order> {
        let mut supervision = Supervision::coming(Mode::Listen, false);
        let now = Instant::now();
        happened.iter().for_each(|happened| supervision.handle(now, *happened));
        drained(&mut supervision)
    }

    #[test]
    fn who_comes_listens_and_is_told_that_it_is_recorded() {
        let recorded = Happened::Connected { recorded: true, by_anybody: false };
        let orders = after(&[recorded, Happened::Recorded]);
        let told = Order::Tell(vec![phrases::STAFF_RECORDED]);
        assert_eq!(orders[..3], [Order::Admit(Mode::Listen), Order::Did(Deed::Joined(Mode::Listen)), told.clone()]);
        // A recording that begins later is told as well.
        let orders = after(&[connected(), Happened::Recorded]);
        assert_eq!(orders.last(), Some(&told));
    }

    #[test]
    fn keys_change_the_mode_as_the_api_does() {
        let orders = after(&[connected(), Happened::Key(b'5'), Happened::Key(b'6'), Happened::Key(b'9')]);
        let admitted: Vec<_> = orders.iter().filter(|order| matches!(order, Order::Admit(_))).collect();
        assert_eq!(admitted, [&Order::Admit(Mode::Listen), &Order::Admit(Mode::Whisper), &Order::Admit(Mode::Barge)]);
        let orders = after(&[connected(), Happened::Key(b'7')]);
        assert_eq!(orders.last(), Some(&Order::HandOver));
    }

    /// A mailbox that picks up hears nothing of the call.
    #[test]
    fn where_anybody_may_pick_up_nothing_is_heard_before_a_key() {
        let anybody = Happened::Connected { recorded: false, by_anybody: true };
        assert_eq!(after(&[anybody]), [Order::Tell(vec![phrases::SUPERVISOR_PRESS_KEY])]);
        let orders = after(&[anybody, Happened::Key(b'1')]);
        assert!(orders.contains(&Order::Admit(Mode::Listen)), "{orders:?}");
        let mut mailbox = Supervision::coming(Mode::Barge, true);
        let now = Instant::now();
        mailbox.handle(now, anybody);
        mailbox.handle_timeout(now + KEY_WAIT);
        let orders = drained(&mut mailbox);
        assert!(orders.contains(&Order::HangUp) && !orders.iter().any(|order| matches!(order, Order::Admit(_))));
    }

    #[test]
    fn what_was_asked_while_they_came_is_done_once_they_are_there() {
        let orders = after(&[Happened::Wants(Mode::Barge), Happened::TakesOver, connected()]);
        assert_eq!(orders.first(), Some(&Order::Admit(Mode::Barge)));
        assert_eq!(orders.last(), Some(&Order::HandOver));
    }

    fn any_happening() -> impl Strategy<Value = Happened> {
        prop_oneof![
            any::<(bool, bool)>().prop_map(|(recorded, by_anybody)| Happened::Connected { recorded, by_anybody }),
            Just(Happened::Recorded),
            proptest::sample::select(vec![Mode::Listen, Mode::Whisper, Mode::WhisperCustomer, Mode::Barge])
                .prop_map(Happened::Wants),
            Just(Happened::TakesOver),
            proptest::sample::select(b"1456789*0".to_vec()).prop_map(Happened::Key),
            Just(Happened::Leaves),
            Just(Happened::LegGone),
            Just(Happened::CallOver),
        ]
    }

    proptest! {
        /// Whatever happens in whatever order: they are let in once, are heard only as they last asked, are gone in
        /// exactly one way, and after that nothing more is ordered.
        #[test]
        fn a_presence_is_whole_whatever_happens(
            course in proptest::collection::vec((any_happening(), 0u64..8), 0..40), takes_over: bool
        ) {
            let mut supervision = Supervision::coming(Mode::Listen, takes_over);
            let mut now = Instant::now();
            let (mut asked, mut was_asked) = (Mode::Listen, takes_over);
            let mut orders = Vec::new();
            for (happened, seconds) in course {
                now += Duration::from_secs(seconds);
                supervision.handle_timeout(now);
                let was_gone = supervision.is_gone();
                orders.extend(drained(&mut supervision));
                if let Happened::Wants(mode) = happened {
                    asked = mode;
                }
                was_asked |= matches!(happened, Happened::TakesOver | Happened::Key(b'7'));
                let before = supervision.mode();
                supervision.handle(now, happened);
                let new = drained(&mut supervision);
                prop_assert!(!was_gone || new.is_empty(), "{happened:?} after the end: {new:?}");
                if let Happened::Key(_) = happened {
                    asked = supervision.mode().or(before).unwrap_or(asked);
                }
                if supervision.is_here() {
                    prop_assert_eq!(supervision.mode(), Some(asked));
                }
                orders.extend(new);
            }
            supervision.handle(now, Happened::CallOver);
            orders.extend(drained(&mut supervision));
            prop_assert!(supervision.is_gone());
            let place = |wanted: &dyn Fn(&Order) -> bool| -> Vec<usize> {
                orders.iter().enumerate().filter(|(_, order)| wanted(order)).map(|(at, _)| at).collect()
            };
            let ends = place(&|order| matches!(order, Order::Did(Deed::Left | Deed::NeverCame | Deed::TookOver)));
            prop_assert_eq!(ends.len(), 1, "{:?}", orders);
            let joined = place(&|order| matches!(order, Order::Did(Deed::Joined(_))));
            let never_came = orders.contains(&Order::Did(Deed::NeverCame));
            prop_assert_eq!(joined.len(), usize::from(!never_came));
            // Who is let in is known to be there, and every change is known.
            let admitted = place(&|order| matches!(order, Order::Admit(_)));
            let known = place(&|order| matches!(order, Order::Did(Deed::Joined(_) | Deed::Changed(_))));
            prop_assert_eq!(admitted.len(), known.len());
            prop_assert!(admitted.iter().all(|at| *at < ends[0]));
            // Who leaves is parted; who takes over is not, and keeps their leg.
            let took_over = orders.contains(&Order::Did(Deed::TookOver));
            prop_assert_eq!(orders.contains(&Order::HandOver), took_over);
            prop_assert_eq!(orders.contains(&Order::Part), orders.contains(&Order::Did(Deed::Left)));
            prop_assert!(!took_over || !orders.contains(&Order::HangUp));
            prop_assert!(!took_over || was_asked);
        }
    }
}
