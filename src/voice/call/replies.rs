//! Asks the desk, and has the answer ready before it is needed.
//!
//! 1. A pause that may be the end of the turn: the desk is asked about the words so far, and the first sentence
//!    of what would be said is synthesised.
//! 2. The caller goes on: all of it is thrown away unheard.
//! 3. The turn is over with the same words: the answer is there.

use tokio::sync::mpsc;
use tracing::warn;

use crate::domain::turn::{ChannelTraits, Turn, TurnInput};
use crate::support::unresolved::{self, Resolution};

use super::super::flow::Input;
use super::super::intents::words;
use super::Call;
use super::effects::first_sentence;

/// The desk's decision on one text.
#[derive(Clone)]
pub(super) struct Answered {
    question: u64,
    /// `None` when the desk failed.
    turn: Option<(Turn, Resolution)>,
}

/// Questions to the desk.
pub(super) struct Replies {
    sender: mpsc::Sender<Answered>,
    asked: u64,
    /// The question under way or answered beforehand.
    prepared: Option<Prepared>,
    /// The turn that waits for an answer: the number of its question and its exact words.
    awaited: Option<(u64, String)>,
}

struct Prepared {
    question: u64,
    words: Vec<String>,
    offered: Option<String>,
    answer: Option<Answered>,
}

impl Replies {
    pub fn new() -> (Replies, mpsc::Receiver<Answered>) {
        let (sender, receiver) = mpsc::channel(QUESTIONS_UNDER_WAY);
        (Replies { sender, asked: 0, prepared: None, awaited: None }, receiver)
    }
}

impl Call {
    /// The turn may be over with these words.
    pub(super) fn prepare_reply(&mut self, text: &str) {
        if !self.flow.listens() {
            return;
        }
        if !self.flow.would_consult(text) {
            let mut rehearsal = self.flow.clone();
            rehearsal.handle(self.desk.clock.now(), Input::Heard { text: text.to_owned(), clip: None });
            if let Some((sentence, slower)) = first_sentence(&mut rehearsal) {
                self.mouth.prepare(&sentence, slower);
            }
            return;
        }
        let offered = self.flow.offered().map(str::to_owned);
        let words = words(text);
        if self.replies.prepared.as_ref().is_some_and(|prepared| prepared.words == words && prepared.offered == offered)
        {
            return;
        }
        let question = self.ask(text.to_owned(), offered.clone());
        self.replies.prepared = Some(Prepared { question, words, offered, answer: None });
    }

    /// The caller goes on.
    pub(super) fn drop_prepared(&mut self) {
        self.replies.prepared = None;
        self.mouth.drop_prepared();
    }

    /// The turn is over: its answer is wanted now.
    pub(super) fn consult(&mut self, text: String, offered: Option<String>) {
        let same = |prepared: &Prepared| prepared.words == words(&text) && prepared.offered == offered;
        match self.replies.prepared.take().filter(same) {
            Some(Prepared { answer: Some(answer), .. }) => self.deliver(text, answer, true),
            Some(Prepared { question, .. }) => self.replies.awaited = Some((question, text)),
            None => {
                let question = self.ask(text.clone(), offered);
                self.replies.awaited = Some((question, text));
            }
        }
    }

    /// The desk has answered.
    pub(super) fn answered(&mut self, answered: Answered) {
        if let Some((question, _)) = &self.replies.awaited
            && *question == answered.question
            && let Some((_, text)) = self.replies.awaited.take()
        {
            return self.deliver(text, answered, false);
        }
        let Some(prepared) = self.replies.prepared.as_mut().filter(|prepared| prepared.question == answered.question)
        else {
            return; // The caller has gone on since: it is thrown away unheard.
        };
        let text = prepared.words.join(" ");
        prepared.answer = Some(answered.clone());
        let mut rehearsal = self.flow.clone();
        let now = self.desk.clock.now();
        rehearsal.handle(now, Input::Heard { text: text.clone(), clip: None });
        if let Some((turn, resolution)) = answered.turn {
            rehearsal.handle(now, Input::TurnReady { text, turn: Box::new(turn), resolution });
        }
        if let Some((sentence, slower)) = first_sentence(&mut rehearsal) {
            self.mouth.prepare(&sentence, slower);
        }
    }

    fn deliver(&mut self, text: String, answered: Answered, prepared: bool) {
        let now = self.desk.clock.now();
        match answered.turn {
            Some((turn, resolution)) => {
                self.said.decided(turn.decision.desk_ms, prepared);
                self.look_ahead();
                self.flow.handle(now, Input::TurnReady { text, turn: Box::new(turn), resolution });
            }
            None => self.flow.handle(now, Input::TurnFailed),
        }
    }

    /// Puts a question to the desk on a thread where it may take its time.
    fn ask(&mut self, text: String, offered: Option<String>) -> u64 {
        self.replies.asked += 1;
        let question = self.replies.asked;
        let (desk, agent) = (self.desk.desk.clone(), self.agent.clone());
        let input = TurnInput {
            text,
            history: self.lines.clone(),
            offered,
            channel: ChannelTraits::PHONE,
            now: self.desk.clock.epoch(),
        };
        let sender = self.replies.sender.clone();
        tokio::spawn(async move {
            let answer = tokio::task::spawn_blocking(move || {
                let turn = desk.turn(&agent, &input);
                let resolution = unresolved::choose(&agent, &turn.decision, input.channel, &input.text, &input.history);
                (turn, resolution)
            });
            let turn = answer.await.inspect_err(|error| warn!(%error, "The desk failed")).ok();
            // A call that is over wants no answer.
            let _ = sender.send(Answered { question, turn }).await;
        });
        question
    }
}

/// Answers of one call that may wait to be read; stale ones are read and dropped at once.
const QUESTIONS_UNDER_WAY: usize = 8;
