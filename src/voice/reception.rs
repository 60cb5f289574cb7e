//! What a dialplan does with an answered call before the agent has it: menus, prompts, and where they lead (R2, R10).
//!
//! 1. **Saying** a prompt, which a word or a key of the caller's cuts short.
//! 2. **Choosing**: the choice is said, and a key acts at once, also while it is being said. Nothing pressed, or a key
//!    that is not offered, offers it again until its tries are over.
//! 3. **Elsewhere**: people are rung; when nobody came the plan goes on.
//! 4. **Waiting** in a queue: the place and the expected wait are told now and then, with music between; whoever is
//!    next has the people rung; the hash key is a callback instead.
//! 5. **Done**: the agent has the call, details or a message are taken, or it ends kindly.
//!
//! Pure. Nobody is stranded: every state has a time at which it goes on by itself, what a plan names and does not have
//! is the agent, and so is the end of a call that has gone round too often. Zero is help everywhere (R58).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::dialplan::plan::{Menu, Prompt, Queue, Ring};
use crate::domain::dialplan::{Action, ActionRef, Plan};

use super::phrases;

/// One call at the reception.
#[derive(Clone, Debug)]
pub struct Reception {
    plan: Arc<Plan>,
    state: State,
    orders: VecDeque<Order>,
    deadline: Option<Instant>,
    /// Actions so far.
    steps: u8,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceptionInput {
    /// A key (ASCII).
    Key(u8),
    /// The prompt was heard to its end.
    SpeechEnded,
    /// The caller began to speak, or to make a noise.
    CallerSpeaks,
    /// It was a noise.
    NothingSaid,
    /// The caller said something.
    Heard,
    /// Nobody took the call that was to be rung or waited for.
    NobodyCame,
    /// The place in the queue, counted from one, and how long it may take.
    Place(usize, Option<Duration>),
    /// The queue is full.
    Full,
}

/// An order.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Say these sentences in place of what is being said.
    Say(Vec<String>),
    /// Play this sound file of the plan in place of what is being said.
    Play(String),
    /// Ring these; [`ReceptionInput::NobodyCame`] tells that nobody took the call.
    Ring(Ring),
    /// Give the caller a place in this queue; [`ReceptionInput::Place`] or [`ReceptionInput::Full`] answers.
    Join(Queue),
    /// Tell the place again.
    AskPlace,
    /// Give the place back.
    LeaveQueue,
    /// Play what a waiting caller hears, unless the queue has a sound of its own.
    HoldTone,
    /// The agent has the call: the last order, like those that follow.
    Agent,
    /// The agent has it, and the caller asked for help.
    Help,
    /// Name, number and reason are taken.
    TakeDetails,
    /// A message is taken.
    TakeMessage,
    /// These are the last words.
    Leave(Vec<String>),
}

#[derive(Clone, Debug)]
enum State {
    Saying {
        then: ActionRef,
    },
    Choosing {
        menu: Menu,
        /// Offers that are left after this one.
        tries_left: u8,
    },
    Elsewhere {
        then: ActionRef,
    },
    Waiting(Wait),
    Done,
}

#[derive(Clone, Debug)]
struct Wait {
    queue: Queue,
    /// When it has lasted as long as it may.
    until: Instant,
    /// The place that was told last, and when.
    told: Option<(usize, Instant)>,
    /// The people are being rung for this caller.
    rings: bool,
}

impl Reception {
    /// Begins with this action; the first order is there at once.
    pub fn begin(now: Instant, plan: Arc<Plan>, action: Action) -> Reception {
        let mut reception = Reception { plan, state: State::Done, orders: VecDeque::new(), deadline: None, steps: 0 };
        reception.perform(now, action);
        reception
    }

    /// The next order.
    pub fn poll_order(&mut self) -> Option<Order> {
        self.orders.pop_front()
    }

    /// When [`Reception::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }

    /// Whether people are rung or waited for.
    pub fn is_elsewhere(&self) -> bool {
        matches!(self.state, State::Elsewhere { .. } | State::Waiting(Wait { rings: true, .. }))
    }

    /// Whether the caller waits in a queue, and so may choose a callback.
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, State::Waiting(_))
    }

    /// Whether the call is somebody else's by now.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: ReceptionInput) {
        match (&self.state, input) {
            (State::Saying { .. } | State::Choosing { .. }, ReceptionInput::Key(key)) => self.key(now, key),
            (State::Saying { .. }, ReceptionInput::SpeechEnded | ReceptionInput::Heard) => self.said(now),
            (State::Choosing { menu, .. }, ReceptionInput::SpeechEnded | ReceptionInput::NothingSaid) => {
                self.deadline = Some(now + Duration::from_secs(menu.timeout_seconds.into()));
            }
            (State::Choosing { .. }, ReceptionInput::Heard) => self.words_at_a_menu(now),
            // The words may have been cut short by it: what follows comes soon, whatever it was.
            (State::Saying { .. }, ReceptionInput::NothingSaid) => self.deadline = Some(now + AFTER_A_NOISE),
            (State::Saying { .. } | State::Choosing { .. }, ReceptionInput::CallerSpeaks) => {
                self.deadline = Some(now + LONGEST_WORDS);
            }
            (State::Elsewhere { then }, ReceptionInput::NobodyCame) => {
                let then = then.clone();
                self.go(now, &then);
            }
            (State::Waiting(_), input) => self.waiting(now, input),
            // Nobody came where nobody was rung; words, noises and keys while people are rung are the ladder's.
            (
                State::Saying { .. } | State::Choosing { .. },
                ReceptionInput::NobodyCame | ReceptionInput::Place(..) | ReceptionInput::Full,
            )
            | (State::Elsewhere { .. } | State::Done, _) => {}
        }
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match &self.state {
            State::Saying { .. } => self.said(now),
            State::Choosing { .. } => self.offer_again(now, None),
            State::Waiting(_) => self.look_at_the_line(now),
            State::Elsewhere { .. } | State::Done => {}
        }
    }

    fn perform(&mut self, now: Instant, action: Action) {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX {
            return self.done(Order::Agent);
        }
        match action {
            Action::Agent { .. } => self.done(Order::Agent),
            Action::Announce { prompt, then } => {
                self.state = State::Saying { then };
                self.say(now, Vec::new(), prompt);
            }
            Action::Menu(menu) => {
                let (prompt, tries_left) = (menu.prompt.clone(), menu.tries.saturating_sub(1));
                self.state = State::Choosing { menu, tries_left };
                self.say(now, Vec::new(), prompt);
            }
            Action::Ring(ring) => {
                self.elsewhere(ring.then.clone());
                self.orders.push_back(Order::Ring(ring));
            }
            Action::Queue(queue) => {
                let until = now + Duration::from_secs(queue.wait_seconds_max.into());
                self.orders.push_back(Order::Join(queue.clone()));
                self.deadline = Some(now + LOOK_EVERY);
                self.state = State::Waiting(Wait { queue, until, told: None, rings: false });
            }
            Action::Voicemail { greeting: None } => self.done(Order::TakeMessage),
            Action::Voicemail { greeting: Some(greeting) } => {
                let place = Default::default();
                self.state = State::Saying { then: ActionRef { name: "voicemail".into(), place } };
                self.say(now, Vec::new(), greeting);
            }
            Action::Callback => self.done(Order::TakeDetails),
            Action::Emergency { say } => {
                let words = say.unwrap_or_else(|| phrases::EMERGENCY_REFUSED.to_owned());
                // Twice: whoever calls for help listens badly.
                self.done(Order::Leave(vec![words.clone(), words]));
            }
            // An answered call can no longer be refused; a checked plan never asks for it.
            Action::HangUp | Action::Reject { .. } => self.done(Order::Leave(vec![phrases::GOODBYE.to_owned()])),
        }
    }

    fn go(&mut self, now: Instant, to: &ActionRef) {
        let action = self.plan.action(&to.name).unwrap_or(Action::Agent { agent: None });
        self.perform(now, action);
    }

    fn key(&mut self, now: Instant, key: u8) {
        let State::Choosing { menu, .. } = &self.state else {
            // During a plain prompt any key goes on, and zero goes to help.
            return if key == b'0' { self.done(Order::Help) } else { self.said(now) };
        };
        match menu.keys.get(&key).cloned() {
            Some(to) => self.go(now, &to),
            None if key == b'0' => self.done(Order::Help),
            None => self.offer_again(now, Some(phrases::KEY_NOT_OFFERED)),
        }
    }

    fn said(&mut self, now: Instant) {
        let State::Saying { then } = &self.state else { return };
        let then = then.clone();
        self.go(now, &then);
    }

    /// Callers talk to machines that talk: where the agent is the way out of the menu, it takes over at once.
    fn words_at_a_menu(&mut self, now: Instant) {
        let State::Choosing { menu, .. } = &self.state else { return };
        let otherwise = menu.otherwise.clone();
        match self.plan.action(&otherwise.name) {
            Some(Action::Agent { .. }) => self.go(now, &otherwise),
            Some(_) | None => self.offer_again(now, Some(phrases::CHOOSE_BY_KEYS)),
        }
    }

    fn offer_again(&mut self, now: Instant, lead: Option<&str>) {
        let State::Choosing { menu, tries_left } = &mut self.state else { return };
        if *tries_left == 0 {
            let otherwise = menu.otherwise.clone();
            return self.go(now, &otherwise);
        }
        *tries_left -= 1;
        let prompt = menu.prompt.clone();
        self.say(now, lead.map(str::to_owned).into_iter().collect(), prompt);
    }

    fn say(&mut self, now: Instant, mut lead: Vec<String>, prompt: Prompt) {
        // A guard against a lost end of speech: the call goes on by itself.
        self.deadline = Some(now + LONGEST_PROMPT);
        self.orders.push_back(match prompt {
            Prompt::Text(text) => {
                lead.extend(sentences(&text));
                Order::Say(lead)
            }
            // A file has its own words, so nothing is said before it.
            Prompt::File(file) => Order::Play(file.name),
        });
    }

    fn waiting(&mut self, now: Instant, input: ReceptionInput) {
        let State::Waiting(wait) = &mut self.state else { return };
        match input {
            ReceptionInput::Full => {
                let then = wait.queue.then.clone();
                self.go(now, &then);
            }
            ReceptionInput::Key(b'#') => self.leave_the_line(Order::TakeDetails),
            ReceptionInput::Key(b'0') => self.leave_the_line(Order::Help),
            ReceptionInput::Place(1, _) if !wait.rings && wait.told.is_none_or(|told| rings_again(told, now)) => {
                wait.rings = true;
                wait.told = Some((1, now));
                let (steps, ring_seconds) = (vec![wait.queue.targets.clone()], wait.queue.ring_seconds);
                self.deadline = None;
                self.orders.push_back(Order::Ring(Ring { steps, ring_seconds, then: wait.queue.then.clone() }));
            }
            ReceptionInput::Place(place, expected) => {
                let news = wait.told.is_none_or(|(told, at)| match told == place {
                    true => now >= at + TELL_EVERY,
                    false => now >= at + TELL_NEWS_EVERY,
                });
                if news && !wait.rings {
                    wait.told = Some((place, now));
                    self.orders.push_back(Order::Say(phrases::queue_place(place, expected)));
                }
            }
            ReceptionInput::NobodyCame => {
                wait.rings = false;
                wait.told = Some((1, now));
                self.orders.push_back(Order::Say(phrases::queue_place(1, None)));
                self.deadline = Some(now + LOOK_EVERY);
            }
            // Whatever cut our words short, the music goes on.
            ReceptionInput::SpeechEnded | ReceptionInput::Heard | ReceptionInput::NothingSaid if !wait.rings => {
                self.orders.push_back(match &wait.queue.music {
                    Some(music) => Order::Play(music.name.clone()),
                    None => Order::HoldTone,
                });
            }
            ReceptionInput::SpeechEnded
            | ReceptionInput::Heard
            | ReceptionInput::NothingSaid
            | ReceptionInput::CallerSpeaks
            | ReceptionInput::Key(_) => {}
        }
    }

    fn look_at_the_line(&mut self, now: Instant) {
        let State::Waiting(wait) = &self.state else { return };
        if now >= wait.until {
            let then = wait.queue.then.clone();
            self.orders.push_back(Order::LeaveQueue);
            return self.go(now, &then);
        }
        self.deadline = Some(now + LOOK_EVERY);
        self.orders.push_back(Order::AskPlace);
    }

    fn leave_the_line(&mut self, order: Order) {
        self.orders.push_back(Order::LeaveQueue);
        self.done(order);
    }

    fn elsewhere(&mut self, then: ActionRef) {
        self.state = State::Elsewhere { then };
        self.deadline = None;
    }

    fn done(&mut self, order: Order) {
        self.state = State::Done;
        self.deadline = None;
        self.orders.push_back(order);
    }
}

/// The sentences of a text, so that the first can be spoken while the next is still being synthesised.
fn sentences(text: &str) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut rest = text.trim();
    let end_of_first = |text: &str| [". ", "! ", "? "].iter().filter_map(|end| text.find(end)).min();
    while let Some(end) = end_of_first(rest) {
        let (sentence, after) = rest.split_at(end + 1);
        sentences.push(sentence.trim().to_owned());
        rest = after.trim_start();
    }
    if !rest.is_empty() {
        sentences.push(rest.to_owned());
    }
    sentences
}

/// Whether it is time to ring again for whoever is next: at once when they have just become so.
fn rings_again((place, at): (usize, Instant), now: Instant) -> bool {
    place != 1 || now >= at + RING_PAUSE
}

/// How soon a caller who has become next is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// The pace at which an unchanged place is told again.
const TELL_EVERY: Duration = Duration::from_secs(40);
/// A changed place is told no faster than this.
const TELL_NEWS_EVERY: Duration = Duration::from_secs(12);
/// Telephones that were not picked up are left alone for this long.
const RING_PAUSE: Duration = Duration::from_secs(15);
/// The longest prompt: a sound file of five minutes, and the wait for its synthesis.
const LONGEST_PROMPT: Duration = Duration::from_secs(320);
/// The caller is still speaking: nobody speaks to a menu for longer.
const LONGEST_WORDS: Duration = Duration::from_secs(20);
/// A prompt that a noise cut short is over after this.
const AFTER_A_NOISE: Duration = Duration::from_secs(2);
/// Actions of one call: whoever has chosen so often is better off with the agent.
const STEPS_MAX: u8 = 40;

#[cfg(test)]
mod tests;
