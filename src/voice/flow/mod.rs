//! The course of one call: what was heard, keyed and decided goes in; what to say and do comes out.
//!
//! 1. Greeting: automated, recorded, how can I help.
//! 2. Conversing: each turn of the caller is a wish about the call or goes to the desk.
//! 3. The desk's verdict is spoken, or the on-unresolved choice follows: taking the case ([`super::collect`]), or
//!    calling people (`while_ringing.rs`) and what the ladder ends in (`after_the_ladder.rs`).
//! 4. Leaving.
//!
//! Pure: it can be cloned and asked "what would you say if the caller had said this?", which is how replies are
//! prepared while the end of a turn is still being judged.
//!
//! Invariants: the caller is never left without a next word of ours or a question that is open to them; a case
//! that needs a person leaves a ticket or reaches one, whenever the caller hangs up; nobody is rung before the
//! caller was understood once or pressed a key (R52).

mod after_the_ladder;
mod at_reception;
mod handing_over;
mod leaving;
mod messages;
mod ordered;
mod types;
mod while_ringing;
mod wishes;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::agent::Agent;
use crate::domain::call::CallOutcome;
use crate::domain::dialplan::{Action, Plan};
use crate::domain::ladder::{LadderEnd, Outlook};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::ticket::Clip;
use crate::domain::turn::{Decision, Turn, Verdict};
use crate::support::unresolved::Resolution;

use super::callback::{Callback, CallbackInput};
use super::collect::{Collect, Told};
use super::intents::{self, Intent};
use super::phrases;
use super::reception::Reception;
use super::turn_taking::Expectation;
use super::voicemail::{Voicemail, VoicemailInput};
use while_ringing::Escalation;

pub use ordered::Stands;
pub use types::{Effect, Input, Say, SayKind, TicketOf};

/// One call's course.
#[derive(Clone)]
pub struct CallFlow {
    agent: Arc<Agent>,
    caller: Option<PhoneNumber>,
    home_country: Option<String>,
    /// What the ladder could do now.
    outlook: Outlook,
    state: State,
    effects: VecDeque<Effect>,
    deadline: Option<Instant>,
    /// What was said last, to be repeated.
    last_words: Vec<String>,
    slower: bool,
    offered: Option<String>,
    /// Turns of the caller that nothing was made of, in a row.
    not_understood: u8,
    silences: u8,
    understood_once: bool,
    recording: Recording,
    outcome: Option<CallOutcome>,
    /// What the caller wanted last, for a ticket.
    wish: Option<Told>,
    ticket_reason: Option<String>,
    /// What a ticket that is stored now makes of the call.
    taken_as: CallOutcome,
    /// What was decided, until it is stored with the next words.
    decision: Option<Box<Decision>>,
    held: bool,
    /// What the dialplan does before the agent has the call.
    planned: Option<(Arc<Plan>, Action)>,
    /// The reception, while the people it names are being rung.
    away: Option<Box<Reception>>,
    /// The caller knows by now who answers, and that it is a machine.
    greeted: bool,
    /// Speech recognition was lost while keys alone were needed.
    deaf: bool,
    /// The words of the turn that is being taken in are not all there yet.
    begins: bool,
    /// What was said last waits for more words.
    goes_on: bool,
}

#[derive(Clone)]
enum State {
    Ringing,
    /// The dialplan has the call: menus and prompts.
    AtReception(Box<Reception>),
    Conversing,
    /// The desk is thinking about this.
    Thinking {
        text: String,
        fillers: usize,
        since: Instant,
    },
    Collecting(Box<Collect>),
    /// People are being rung.
    Transferring {
        /// Whoever is not reached is called back.
        callback_after: bool,
        /// The desk is thinking about this meanwhile.
        asked: Option<String>,
    },
    /// The caller speaks with a person, or is held by them.
    Bridged {
        held: bool,
    },
    /// The person was lost; the caller is asked whether to connect them again.
    Apart,
    /// The caller is asked whether to leave a message or to be called back.
    Choosing {
        /// What follows when it stays unclear.
        otherwise: LadderEnd,
    },
    /// The caller leaves a message.
    LeavingMessage(Box<Voicemail>),
    /// The caller is asked when and where to call back.
    AskingCallback(Box<Callback>),
    /// The last words are being said.
    Leaving,
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Recording {
    /// Off, or the caller does not want it.
    Off,
    /// It starts once the notice has been heard.
    AwaitsNotice,
    On,
}

impl CallFlow {
    /// A call that rings. `caller` is their number where it is known, `home_country` reads spoken numbers, and
    /// `outlook` tells what the agent's ladder could do now.
    pub fn new(
        agent: Arc<Agent>,
        caller: Option<PhoneNumber>,
        home_country: Option<String>,
        outlook: Outlook,
    ) -> CallFlow {
        let recording = if agent.record_calls { Recording::AwaitsNotice } else { Recording::Off };
        CallFlow {
            agent,
            caller,
            home_country,
            outlook,
            state: State::Ringing,
            effects: VecDeque::new(),
            deadline: None,
            last_words: Vec::new(),
            slower: false,
            offered: None,
            not_understood: 0,
            silences: 0,
            understood_once: false,
            recording,
            outcome: None,
            wish: None,
            ticket_reason: None,
            taken_as: CallOutcome::Ticket,
            decision: None,
            held: false,
            planned: None,
            away: None,
            greeted: false,
            deaf: false,
            begins: false,
            goes_on: false,
        }
    }

    /// The same call, which a dialplan has until it gives it to the agent.
    pub fn planned(self, plan: Arc<Plan>, action: Action) -> CallFlow {
        CallFlow { planned: Some((plan, action)), ..self }
    }

    /// What the ladder could do changes with the hour: whoever drives the call tells it now and then.
    pub fn set_outlook(&mut self, outlook: Outlook) {
        self.outlook = outlook;
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`CallFlow::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.held { None } else { self.deadline }
    }

    /// The entry that was offered by the last clarifying question.
    pub fn offered(&self) -> Option<&str> {
        self.offered.as_deref()
    }

    /// Whether keys that come now are digits of a number, to be kept out of the log.
    pub fn collects_digits(&self) -> bool {
        match &self.state {
            State::Collecting(collect) => collect.collects_digits(),
            State::AskingCallback(callback) => callback.collects_digits(),
            _ => false,
        }
    }

    /// Whether a number is being keyed.
    fn is_keying(&self) -> bool {
        match &self.state {
            State::Collecting(collect) => collect.has_keyed(),
            State::AskingCallback(callback) => callback.has_keyed(),
            _ => false,
        }
    }

    /// What kind of words our last question asked for.
    pub fn expectation(&self) -> Expectation {
        match &self.state {
            State::Collecting(collect) => collect.expectation(),
            State::AskingCallback(callback) => callback.expectation(),
            State::Apart => Expectation { yes_no: true, ..Expectation::default() },
            State::Conversing => {
                Expectation { yes_no: self.offered.is_some() || self.asked_anything_else(), ..Expectation::default() }
            }
            _ => Expectation::default(),
        }
    }

    /// Whether a turn that ends now would go to the desk if it were this text.
    pub fn would_consult(&self, text: &str) -> bool {
        matches!(self.state, State::Conversing | State::Thinking { .. } | State::Transferring { .. })
            && !text.trim().is_empty()
            && self.wish_about_the_call(text).is_none()
            && !self.only_assents(text)
    }

    /// Whether the caller's words are answered by the agent at present.
    pub fn listens(&self) -> bool {
        !matches!(self.state, State::Bridged { .. } | State::Over)
    }

    /// Whether these words of the caller are for us: while they speak with a person, only that they are not to be
    /// recorded is (R48).
    pub fn hears(&self, text: &str) -> bool {
        let with_a_person = matches!(self.state, State::Bridged { .. });
        self.listens() || (with_a_person && intents::intent(text) == Some(Intent::DontRecord))
    }

    /// Takes in what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if matches!(self.state, State::Over) {
            return;
        }
        if matches!(input, Input::Joined) {
            return self.joined();
        }
        if matches!(input, Input::FaxCalls) {
            return self.fax_calls();
        }
        let input = match input {
            Input::TransferOrdered(rungs) => return self.transfer_ordered(now, rungs),
            Input::EndOrdered => return self.end_ordered(now),
            input => input,
        };
        if matches!(self.state, State::AtReception(_)) {
            return self.at_reception(now, input);
        }
        match input {
            Input::Answered => self.answered(now),
            Input::CallerSpeaks => self.caller_speaks(now),
            Input::NothingSaid => self.nothing_said(now),
            Input::Heard { text, clip } => self.heard(now, text.trim(), clip),
            Input::TurnReady { text, turn, resolution } => self.turn_ready(now, &text, *turn, resolution),
            Input::TurnBegun { text, turn, resolution } => {
                self.begins = true;
                self.turn_ready(now, &text, *turn, resolution);
                self.begins = false;
            }
            Input::TurnGoesOn(words) => self.turn_goes_on(words),
            Input::TurnOver => self.turn_over(),
            Input::TurnFailed => self.turn_failed(now),
            Input::Key(key) => self.key(now, key),
            Input::NoticeHeard => self.notice_heard(),
            Input::SpeechEnded => self.speech_ended(now),
            Input::RecordingFailed => self.tell_voicemail(now, VoicemailInput::RecordingFailed),
            Input::TryingNext => self.trying_next(now),
            Input::PassedOn => self.passed_on(now),
            Input::PersonLost => self.person_lost(now),
            Input::PersonHolds(held) => self.person_holds(held),
            Input::LadderEnded(end) if self.comes_back(end) => self.nobody_came(now),
            Input::LadderEnded(end) => self.ladder_ended(now, end),
            // Only the reception asks for it.
            Input::PeopleRing | Input::QueuePlace(..) | Input::QueueFull => {}
            Input::Held => self.held = true,
            Input::Resumed => self.resumed(now),
            Input::CallerGone => self.caller_gone(now),
            Input::TimeIsUp => self.time_is_up(now),
            Input::Deafened => self.deafened(now),
            // Taken above, whatever the state.
            Input::FaxCalls | Input::Joined | Input::TransferOrdered(_) | Input::EndOrdered => {}
        }
    }

    /// A time that was waited for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.held || self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        self.deadline = None;
        match &mut self.state {
            State::AtReception(reception) => {
                reception.handle_timeout(now);
                self.reception_ordered(now);
            }
            State::Conversing => self.caller_is_silent(now),
            State::Collecting(collect) if collect.has_keyed() => self.key(now, b'#'),
            State::Collecting(_) | State::Apart | State::Choosing { .. } => self.caller_is_silent(now),
            State::Thinking { fillers, since, .. } => {
                if now.duration_since(*since) >= LONGEST_THINKING {
                    return self.turn_failed(now);
                }
                let words = phrases::FILLERS[(*fillers).min(phrases::FILLERS.len() - 1)];
                *fillers += 1;
                self.deadline = Some(now + FILLER_EVERY);
                self.effects.push_back(Effect::Say(Say::filler(words)));
            }
            State::Transferring { .. } => self.tell_how_it_stands(now, phrases::STILL_CALLING),
            State::LeavingMessage(_) | State::AskingCallback(_) => self.message_timeout(now),
            State::Leaving => self.hang_up(),
            State::Ringing | State::Bridged { .. } | State::Over => {}
        }
    }

    fn answered(&mut self, now: Instant) {
        if !matches!(self.state, State::Ringing) {
            return;
        }
        match self.planned.take() {
            Some((plan, action)) => self.receive(now, plan, action),
            None => self.greet(now),
        }
    }

    fn greet(&mut self, now: Instant) {
        let (mut sentences, notice) = phrases::greeting(&self.agent);
        self.state = State::Conversing;
        self.greeted = true;
        if !self.agent.published {
            // An unpublished agent answers nobody: it takes the case, kindly (R19).
            sentences.pop();
            sentences.push(phrases::TAKES_THE_CASE.to_owned());
            let (collect, ask) = self.collect_for(None);
            sentences.extend(ask);
            self.ticket_reason = Some("The agent is not published; the caller left their details.".to_owned());
            self.state = State::Collecting(Box::new(collect));
        }
        let mut say = Say::new(SayKind::Greeting, sentences);
        say.notice = notice;
        self.say(now, say);
    }

    fn heard(&mut self, now: Instant, text: &str, clip: Option<Clip>) {
        self.silences = 0;
        if matches!(self.state, State::LeavingMessage(_)) {
            // Whatever is said is the message, and no wish about the call.
            return self.tell_voicemail(now, VoicemailInput::Heard(text.to_owned()));
        }
        if matches!(self.state, State::Leaving) && intents::intent(text) != Some(Intent::DontRecord) {
            // They have spoken over our last words, which may have been cut short and so never end.
            self.deadline = Some(now + LAST_WORDS_CUT);
            return;
        }
        if text.is_empty() {
            return self.nothing_understood(now);
        }
        match self.wish_about_the_call(text) {
            Some(wish) => self.grant(now, wish),
            None => match &mut self.state {
                State::Conversing | State::Thinking { .. } => self.consult(now, Told { text: text.to_owned(), clip }),
                State::Collecting(collect) => {
                    self.understood_once = true;
                    let next = collect.heard(text, clip);
                    self.collected(now, next);
                }
                State::Transferring { .. } => self.heard_while_ringing(now, text),
                State::Apart => self.heard_apart(now, text),
                State::Choosing { .. } => self.heard_choice(now, text),
                State::AskingCallback(_) => {
                    self.tell_callback(now, CallbackInput::Heard(Told { text: text.to_owned(), clip }))
                }
                State::LeavingMessage(_) => {}
                State::Ringing | State::AtReception(_) | State::Bridged { .. } | State::Leaving | State::Over => {}
            },
        }
    }

    fn consult(&mut self, now: Instant, told: Told) {
        self.not_understood = 0;
        self.understood_once = true;
        let text = told.text.clone();
        self.wish = Some(told);
        self.deadline = Some(now + FIRST_FILLER);
        self.state = State::Thinking { text: text.clone(), fillers: 0, since: now };
        self.effects.push_back(Effect::Consult { text, offered: self.offered.clone() });
    }

    fn turn_ready(&mut self, now: Instant, text: &str, turn: Turn, resolution: Resolution) {
        if matches!(self.state, State::Transferring { .. }) {
            return self.turn_ready_while_ringing(now, text, turn);
        }
        // An answer to something that the caller has since added to is stale.
        if !matches!(&self.state, State::Thinking { text: asked, .. } if asked == text) {
            return;
        }
        self.state = State::Conversing;
        self.offered = turn.offered;
        let decision = turn.decision;
        match decision.verdict {
            Verdict::Send | Verdict::Clarify => {
                self.settle_as(CallOutcome::Resolved);
                // What is answered is no longer what the caller wants.
                self.wish = None;
                self.answer(now, turn.sentences, decision);
            }
            Verdict::Hold | Verdict::HandOff => self.unresolved(now, turn.sentences, decision, resolution),
        }
    }

    fn answer(&mut self, now: Instant, sentences: Vec<String>, decision: Decision) {
        let mut say = Say::new(SayKind::Answer, sentences);
        say.decision = Some(Box::new(decision));
        say.goes_on = self.begins;
        self.say(now, say);
    }

    fn turn_goes_on(&mut self, words: String) {
        if self.goes_on {
            self.last_words.push(words.clone());
            self.effects.push_back(Effect::SayMore(words));
        }
    }

    fn turn_over(&mut self) {
        if std::mem::take(&mut self.goes_on) {
            self.effects.push_back(Effect::SaidAll);
        }
    }

    fn nothing_understood(&mut self, now: Instant) {
        match &mut self.state {
            State::Conversing | State::Thinking { .. } => {
                self.state = State::Conversing;
                self.not_understood = self.not_understood.saturating_add(1);
                match self.not_understood {
                    0 | 1 => self.say(now, Say::prompt(phrases::NOT_UNDERSTOOD)),
                    2 => self.say(now, Say::prompt(phrases::NOT_UNDERSTOOD_AGAIN)),
                    _ => self.not_understood_at_all(now),
                }
            }
            State::Collecting(collect) => {
                let next = collect.heard("", None);
                self.collected(now, next);
            }
            State::Choosing { .. } => self.heard_choice(now, ""),
            State::AskingCallback(_) => self.tell_callback(now, CallbackInput::Heard(Told::default())),
            State::LeavingMessage(_) => {}
            State::Apart => {
                let open = self.open_question();
                self.say(now, Say::new(SayKind::Prompt, open));
            }
            // Noise asks for nothing, but may have stopped what a waiting caller hears.
            State::Transferring { .. } => self.effects.push_back(Effect::HoldTone),
            State::Ringing | State::AtReception(_) | State::Bridged { .. } | State::Leaving | State::Over => {}
        }
    }

    /// Neither words nor keys have led anywhere: a person where one may be rung (R52), else a message (R59).
    fn not_understood_at_all(&mut self, now: Instant) {
        if self.understood_once && self.outlook.can_ring {
            self.not_understood = 0;
            let reason = "The caller was not understood three times.".to_owned();
            self.needs_human(&reason);
            self.ticket_reason = Some(reason.clone());
            return self.escalate(now, Vec::new(), Escalation { reason, callback_after: false, urgent: false });
        }
        self.message_of_the_not_understood(now, vec![phrases::PERHAPS_ANOTHER_LANGUAGE.to_owned()]);
    }

    fn message_of_the_not_understood(&mut self, now: Instant, words: Vec<String>) {
        self.not_understood = 0;
        let reason = "The caller was not understood and left a message.".to_owned();
        self.needs_human(&reason);
        self.ticket_reason = Some(reason);
        self.begin_voicemail(now, words);
    }

    fn key(&mut self, now: Instant, key: u8) {
        self.silences = 0;
        let waits = self.waits_in_a_queue();
        match &mut self.state {
            State::Collecting(collect) => {
                let before = collect.has_keyed();
                match collect.keyed(key) {
                    Some(next) => self.collected(now, next),
                    None if key == b'0' && !before && !self.collects_digits() => self.help(now),
                    None => {
                        self.deadline = Some(now + KEYING_PAUSE);
                        self.effects.push_back(Effect::MuteRecording(self.is_keying()));
                    }
                }
            }
            State::Conversing | State::Thinking { .. } if key == b'0' => self.help(now),
            State::Conversing if key == b'1' && self.not_understood >= 2 => {
                self.not_understood = 0;
                self.ticket_reason = Some("The caller was not understood and left their number.".to_owned());
                self.collect(now, Vec::new(), None);
            }
            State::Conversing if key == b'2' && self.not_understood >= 2 => {
                self.message_of_the_not_understood(now, Vec::new());
            }
            // Zero is help anywhere (R58).
            State::Apart if matches!(key, b'0' | b'1') => self.reconnect(now),
            State::Apart if key == b'2' => self.goes_on_with_the_agent(now),
            State::Transferring { .. } if key == b'#' && waits => self.leaves_the_queue(now),
            State::Choosing { .. } if key == b'0' => self.heard_choice(now, ""),
            State::Choosing { .. } if key == b'1' => self.begin_voicemail(now, Vec::new()),
            State::LeavingMessage(_) => self.tell_voicemail(now, VoicemailInput::Key(key)),
            State::AskingCallback(_) => self.tell_callback(now, CallbackInput::Key(key)),
            State::Choosing { .. } if key == b'2' => self.begin_callback(now, Vec::new()),
            // Other keys mean nothing here; those pressed while speaking with a person go nowhere (R54).
            _ => {}
        }
    }

    fn notice_heard(&mut self) {
        if self.recording == Recording::AwaitsNotice {
            self.recording = Recording::On;
            self.effects.push_back(Effect::StartRecording);
        }
    }

    fn speech_ended(&mut self, now: Instant) {
        match &self.state {
            State::Leaving => self.hang_up(),
            State::Conversing | State::Collecting(_) | State::Apart | State::Choosing { .. } => {
                self.deadline = Some(now + SILENCE);
            }
            State::LeavingMessage(_) => self.tell_voicemail(now, VoicemailInput::SpeechEnded),
            State::AskingCallback(_) => self.tell_callback(now, CallbackInput::SpeechEnded),
            State::Transferring { .. } | State::Bridged { held: true } => self.effects.push_back(Effect::HoldTone),
            // Something else was said meanwhile; the desk is waited for as before, and not for ever.
            State::Thinking { .. } => {
                self.deadline.get_or_insert(now + FIRST_FILLER);
            }
            State::Ringing | State::AtReception(_) | State::Bridged { held: false } | State::Over => {}
        }
    }

    fn caller_is_silent(&mut self, now: Instant) {
        let prompt = phrases::STILL_THERE.get(usize::from(self.silences)).copied();
        self.silences += 1;
        match prompt {
            Some(prompt) => {
                let words = match &self.state {
                    // Zero is a digit while digits are collected, so help by zero is not offered there.
                    State::Collecting(collect) => {
                        [vec![phrases::STILL_THERE[0].to_owned()], collect.question()].concat()
                    }
                    State::Apart | State::Choosing { .. } => {
                        [vec![phrases::STILL_THERE[0].to_owned()], self.open_question()].concat()
                    }
                    _ => vec![prompt.to_owned()],
                };
                let last = std::mem::take(&mut self.last_words);
                self.say(now, Say::new(SayKind::Prompt, words));
                self.last_words = last;
            }
            None => {
                self.keep_the_case(now);
                self.leave(now, phrases::SILENT_GOODBYE);
            }
        }
    }

    fn say(&mut self, now: Instant, mut say: Say) {
        // The notice was cut off: it is said again before the next words, since nothing is recorded without it.
        if self.recording == Recording::AwaitsNotice && say.notice.is_none() && say.kind != SayKind::Goodbye {
            say.sentences.insert(0, phrases::RECORDED.to_owned());
            say.notice = Some(0);
        }
        say.decision = say.decision.or(self.decision.take());
        say.slower = self.slower;
        self.last_words = say.sentences.clone();
        self.goes_on = say.goes_on;
        // A waiting caller is told how things stand, whatever is said between.
        let is_waiting = matches!(self.state, State::Transferring { .. });
        self.deadline = is_waiting.then_some(now + TRANSFER_UPDATE_EVERY);
        // A guard against a lost end of speech: the call goes on by itself.
        if matches!(self.state, State::Leaving) {
            self.deadline = Some(now + LONGEST_GOODBYE);
        }
        self.effects.push_back(Effect::Say(say));
    }

    /// A noise has stopped the clock of the caller's silence: it runs again.
    fn nothing_said(&mut self, now: Instant) {
        self.tell_voicemail(now, VoicemailInput::Noise);
        if matches!(self.state, State::AskingCallback(_)) && self.deadline.is_none() {
            self.tell_callback(now, CallbackInput::SpeechEnded);
        }
        let has_the_word =
            matches!(self.state, State::Conversing | State::Collecting(_) | State::Apart | State::Choosing { .. });
        if has_the_word && self.deadline.is_none() {
            self.deadline = Some(now + SILENCE);
        }
        if matches!(self.state, State::Transferring { .. }) {
            self.effects.push_back(Effect::HoldTone);
        }
    }

    fn caller_speaks(&mut self, now: Instant) {
        self.tell_voicemail(now, VoicemailInput::CallerSpeaks);
        self.tell_callback(now, CallbackInput::CallerSpeaks);
        self.deadline = self.deadline_while_speaking();
    }

    fn deadline_while_speaking(&self) -> Option<Instant> {
        match self.state {
            State::Conversing | State::Collecting(_) | State::Apart | State::Choosing { .. } => None,
            _ => self.deadline,
        }
    }
}

/// The caller owes the next word: a re-prompt comes after 6–10 s.
const SILENCE: Duration = Duration::from_secs(8);
/// The caller asked for a moment.
const ASKED_TO_WAIT: Duration = Duration::from_secs(30);
/// A pause this long ends a number that is being keyed, as the hash key would.
const KEYING_PAUSE: Duration = Duration::from_secs(4);
/// Anything slower says so in a human way.
const FIRST_FILLER: Duration = Duration::from_millis(700);
/// The pace of further fillers: never 3 s of nothing.
const FILLER_EVERY: Duration = Duration::from_millis(2500);
/// After this the case goes to a person.
const LONGEST_THINKING: Duration = Duration::from_secs(8);
/// The caller spoke over our last words: the call ends so soon after them. More would be dead air, less would cut us off
/// where we went on.
const LAST_WORDS_CUT: Duration = Duration::from_secs(1);
/// How often a waiting caller is told how things stand.
const TRANSFER_UPDATE_EVERY: Duration = Duration::from_secs(10);
/// A goodbye that is not heard to its end by then is over all the same.
const LONGEST_GOODBYE: Duration = Duration::from_secs(15);

#[cfg(test)]
mod reception_tests;
#[cfg(test)]
mod tests;
