//! Wishes about the call itself: again, slower, a moment, never mind, no recording, goodbye.

use std::time::Instant;

use super::super::intents::{self, Intent};
use super::super::phrases;
use super::{ASKED_TO_WAIT, CallFlow, Effect, Recording, Say, SayKind, State};

impl CallFlow {
    /// A wish about the call itself, where it makes sense in the present state.
    pub(super) fn wish_about_the_call(&self, text: &str) -> Option<Intent> {
        let wish = intents::intent(text)?;
        let conversing = matches!(self.state, State::Conversing | State::Thinking { .. });
        let taking = matches!(self.state, State::Collecting(_) | State::AskingCallback(_));
        match wish {
            Intent::DontRecord => Some(wish),
            Intent::Repeat | Intent::Slower | Intent::Wait => {
                Some(wish).filter(|_| !matches!(self.state, State::Bridged { .. }))
            }
            Intent::Goodbye => {
                let is_asked = taking || matches!(self.state, State::Apart);
                Some(wish).filter(|_| conversing || is_asked)
            }
            Intent::NeverMind => Some(wish).filter(|_| taking || matches!(self.state, State::Transferring { .. })),
            // A plain "no" to "anything else?" ends the call; to "do you mean …?" it goes to the desk.
            Intent::No => Some(Intent::Goodbye).filter(|_| conversing && self.asked_anything_else()),
            Intent::Yes => None,
        }
    }

    pub(super) fn asked_anything_else(&self) -> bool {
        self.last_words.last().is_some_and(|words| words == phrases::ANYTHING_ELSE)
    }

    pub(super) fn grant(&mut self, now: Instant, wish: Intent) {
        match wish {
            Intent::Repeat => self.repeat(now, None),
            Intent::Slower => {
                self.slower = true;
                self.repeat(now, Some(phrases::SLOWER));
            }
            Intent::Goodbye => self.leave(now, phrases::GOODBYE),
            Intent::DontRecord => {
                if self.recording != Recording::Off {
                    self.recording = Recording::Off;
                    self.effects.push_back(Effect::DeleteRecording);
                }
                self.forget_clips();
                let open = self.open_question();
                self.say(now, Say::new(SayKind::Prompt, [vec![phrases::NOT_RECORDED.to_owned()], open].concat()));
            }
            Intent::NeverMind if self.takes_message() => self.no_callback(now),
            Intent::NeverMind => {
                if matches!(self.state, State::Transferring { .. }) {
                    self.effects.push_back(Effect::CancelTransfer { caller_gone: false });
                }
                self.effects.push_back(Effect::MuteRecording(false));
                self.state = State::Conversing;
                self.say(now, Say::prompt(phrases::NEVER_MIND));
            }
            // They wait already: what they hear meanwhile goes on where their words have stopped it.
            Intent::Wait if matches!(self.state, State::Transferring { .. }) => {
                self.effects.push_back(Effect::HoldTone);
            }
            // The caller asked for time: they get it, and the silence that follows is theirs.
            Intent::Wait => {
                if let State::AskingCallback(callback) = &mut self.state {
                    callback.wait_until(now + ASKED_TO_WAIT);
                }
                self.deadline = Some(now + ASKED_TO_WAIT);
            }
            Intent::Yes | Intent::No => {}
        }
    }

    /// What was recorded is deleted, so nothing of it can be heard again.
    fn forget_clips(&mut self) {
        if let Some(wish) = &mut self.wish {
            wish.clip = None;
        }
        match &mut self.state {
            State::Collecting(collect) => collect.forget_clips(),
            State::AskingCallback(callback) => callback.forget_clips(),
            _ => {}
        }
    }

    pub(super) fn open_question(&self) -> Vec<String> {
        match &self.state {
            State::Collecting(collect) => collect.question(),
            State::AskingCallback(callback) => callback.question(),
            State::Conversing => vec![phrases::HOW_CAN_I_HELP.to_owned()],
            State::Apart => vec![phrases::PERSON_LOST.to_owned()],
            State::Choosing { .. } => vec![phrases::MESSAGE_OR_CALLBACK.to_owned()],
            _ => Vec::new(),
        }
    }

    pub(super) fn repeat(&mut self, now: Instant, lead: Option<&str>) {
        let mut words: Vec<String> = lead.map(str::to_owned).into_iter().collect();
        if self.last_words.is_empty() {
            words.push(phrases::NOTHING_TO_REPEAT.to_owned());
        }
        words.extend(self.last_words.iter().cloned());
        let last = std::mem::take(&mut self.last_words);
        self.say(now, Say::new(SayKind::Prompt, words));
        if !last.is_empty() {
            self.last_words = last;
        }
    }
}
