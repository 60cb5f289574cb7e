//! What a dialplan does with an answered call before the agent has it: menus, prompts, and where they lead (R2, R10).
//!
//! 1. **Saying** a prompt, which a word or a key of the caller's cuts short.
//! 2. **Choosing**: the choice is said, and a key acts at once, also while it is being said. Nothing pressed, or a key
//!    that is not offered, offers it again until its tries are over.
//! 3. **Elsewhere**: people are rung, or wait in a queue; when nobody came the plan goes on.
//! 4. **Done**: the agent has the call, details or a message are taken, or it ends kindly.
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
    /// Let the caller wait; told likewise.
    Wait(Queue),
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
    Done,
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
        matches!(self.state, State::Elsewhere { .. })
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
            // Nobody came where nobody was rung; words, noises and keys while people are rung are the ladder's.
            (State::Saying { .. } | State::Choosing { .. }, ReceptionInput::NobodyCame)
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
                self.elsewhere(queue.then.clone());
                self.orders.push_back(Order::Wait(queue));
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
