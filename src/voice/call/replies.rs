//! Asks the desk, and has the answer ready before it is needed.
//!
//! 1. A pause that may be the end of the turn: the desk is asked about the words so far, and the first sentence
//!    of what would be said is synthesised.
//! 2. The caller goes on: all of it is thrown away unheard.
//! 3. The turn is over with the same words: the answer is there.

use std::pin::pin;

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use crate::domain::turn::{ChannelTraits, Turn, TurnInput, Writer};
use crate::support::unresolved::{self, Resolution};
use crate::support::writer::Said as Written;

use super::super::flow::Input;
use super::super::intents::words;
use super::super::journal::Entry;
use super::Call;
use super::effects::first_sentence;
use super::summing_up::{Summaries, SummedUp};

/// What comes back from the desk.
#[derive(Clone)]
pub(super) enum Answered {
    /// A part of the answer to this question.
    Part(u64, Part),
    /// The case in few words.
    SummedUp(SummedUp),
}

/// A part of an answer, in the order they come.
#[derive(Clone)]
pub(super) enum Part {
    /// All of it.
    Whole(Box<(Turn, Resolution)>),
    /// The decision with its first words; more follow.
    Begun(Box<(Turn, Resolution)>),
    /// More words.
    More(String),
    /// Those were all; who wrote them.
    Over(Option<Writer>),
    /// The desk failed.
    Failed,
}

/// Questions to the desk.
pub(super) struct Replies {
    sender: mpsc::Sender<Answered>,
    asked: u64,
    /// The question under way or answered beforehand.
    prepared: Option<Prepared>,
    /// The turn that waits for an answer: its question and its exact words.
    awaited: Option<(Question, String)>,
    /// The answer that is being said while it is still being written.
    saying: Option<Question>,
    /// Who wrote what is being said, until that is stored with it.
    writer: Option<Writer>,
    pub summaries: Summaries,
}

/// A question that is being answered; dropping it ends the work.
struct Question {
    number: u64,
    _work: AbortOnDropHandle<()>,
}

struct Prepared {
    question: Question,
    words: Vec<String>,
    offered: Option<String>,
    parts: Vec<Part>,
}

impl Replies {
    pub fn new() -> (Replies, mpsc::Receiver<Answered>) {
        let (sender, receiver) = mpsc::channel(QUESTIONS_UNDER_WAY);
        let summaries = Summaries::default();
        let (prepared, awaited, saying, writer) = (None, None, None, None);
        (Replies { sender, asked: 0, prepared, awaited, saying, writer, summaries }, receiver)
    }

    /// Where answers are taken in.
    pub fn answers(&self) -> mpsc::Sender<Answered> {
        self.sender.clone()
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
        self.replies.prepared = Some(Prepared { question, words, offered, parts: Vec::new() });
    }

    /// The caller goes on.
    pub(super) fn drop_prepared(&mut self) {
        self.replies.prepared = None;
        self.mouth.drop_prepared();
    }

    /// The turn is over: its answer is wanted now.
    pub(super) fn consult(&mut self, text: String, offered: Option<String>) {
        let same = |prepared: &Prepared| prepared.words == words(&text) && prepared.offered == offered;
        self.replies.saying = None;
        let Some(prepared) = self.replies.prepared.take().filter(same) else {
            let question = self.ask(text.clone(), offered);
            self.replies.awaited = Some((question, text));
            return;
        };
        self.replies.awaited = Some((prepared.question, text));
        for part in prepared.parts {
            self.take_in(part, true);
        }
    }

    /// The desk has answered.
    pub(super) fn answered(&mut self, answered: Answered) {
        let (number, part) = match answered {
            Answered::Part(number, part) => (number, part),
            Answered::SummedUp(summed_up) => return self.summed_up(summed_up),
        };
        let wanted = self.replies.awaited.as_ref().map(|(question, _)| question).or(self.replies.saying.as_ref());
        if wanted.is_some_and(|question| question.number == number) {
            return self.take_in(part, false);
        }
        let Some(prepared) = self.replies.prepared.as_mut().filter(|prepared| prepared.question.number == number)
        else {
            return; // The caller has gone on since: it is thrown away unheard.
        };
        let text = prepared.words.join(" ");
        prepared.parts.push(part.clone());
        let mut rehearsal = self.flow.clone();
        let now = self.desk.clock.now();
        if let Part::Whole(answer) | Part::Begun(answer) = part {
            let (turn, resolution) = *answer;
            rehearsal.handle(now, Input::Heard { text: text.clone(), clip: None });
            rehearsal.handle(now, Input::TurnReady { text, turn: Box::new(turn), resolution });
            if let Some((sentence, slower)) = first_sentence(&mut rehearsal) {
                self.mouth.prepare(&sentence, slower);
            }
        }
    }

    /// A part of the answer to the turn that waits for it, or is being answered.
    fn take_in(&mut self, part: Part, prepared: bool) {
        let now = self.desk.clock.now();
        match part {
            Part::Whole(answer) | Part::Begun(answer) if self.replies.awaited.is_none() => drop(answer),
            Part::Whole(answer) => {
                let ((turn, resolution), text) = (*answer, self.waiting_text());
                self.decided(&turn, prepared);
                self.flow.handle(now, Input::TurnReady { text, turn: Box::new(turn), resolution });
            }
            Part::Begun(answer) => {
                let (turn, resolution) = *answer;
                self.decided(&turn, prepared);
                let Some((question, text)) = self.replies.awaited.take() else { return };
                self.replies.saying = Some(question);
                self.flow.handle(now, Input::TurnBegun { text, turn: Box::new(turn), resolution });
            }
            Part::More(words) => self.flow.handle(now, Input::TurnGoesOn(words)),
            Part::Over(writer) => {
                self.replies.saying = None;
                self.replies.writer = writer;
                self.flow.handle(now, Input::TurnOver);
            }
            Part::Failed => {
                self.replies.awaited = None;
                self.replies.saying = None;
                // What was begun to be said stands.
                self.flow.handle(now, Input::TurnOver);
                self.flow.handle(now, Input::TurnFailed);
            }
        }
    }

    fn waiting_text(&mut self) -> String {
        self.replies.awaited.take().map(|(_, text)| text).unwrap_or_default()
    }

    fn decided(&mut self, turn: &Turn, prepared: bool) {
        self.said.decided(turn.decision.desk_ms, prepared);
        self.look_ahead();
    }

    /// More of the answer that is being said.
    pub(super) fn say_more(&mut self, words: &str) {
        if !self.mouth.more(words) {
            // It was interrupted: nobody wants the rest.
            self.replies.saying = None;
            return;
        }
        let Some(message) = self.said.more(words).cloned() else { return };
        let now = self.desk.clock.now();
        self.ear.agent_speaks(now, &message.text, words.ends_with('?'));
        self.journal.keep(Entry::MessageChanged(Box::new(message)));
    }

    /// That was all of it.
    pub(super) fn said_all(&mut self) {
        if let Some(writer) = self.replies.writer.take()
            && let Some(message) = self.said.written_by(writer).cloned()
        {
            self.journal.keep(Entry::MessageChanged(Box::new(message)));
        }
        let event = self.mouth.said_all();
        self.mouth_event(event);
    }

    /// Puts a question to the desk, which may take its time.
    fn ask(&mut self, text: String, offered: Option<String>) -> Question {
        self.replies.asked += 1;
        let number = self.replies.asked;
        let (desk, agent) = (self.desk.desk.clone(), self.agent.clone());
        let input = TurnInput {
            text,
            history: self.lines.clone(),
            offered,
            channel: ChannelTraits::PHONE,
            now: self.desk.clock.epoch(),
        };
        let sender = self.replies.sender.clone();
        let work = tokio::spawn(async move {
            let resolved = |turn: Turn| {
                let (text, history) = (&input.text, &input.history);
                let resolution = unresolved::choose(&agent, &turn.decision, input.channel, text, history);
                Box::new((turn, resolution))
            };
            // A call that is over wants no answer.
            let tell = async |part: Part| drop(sender.send(Answered::Part(number, part)).await);
            let part_of = |written: Written| match written {
                Written::First(turn) => Part::Begun(resolved(*turn)),
                Written::More(words) => Part::More(words),
            };
            let (listener, mut written) = mpsc::channel(WORDS_AHEAD);
            let mut answer = pin!(desk.clone().respond(agent.clone(), input.clone(), Some(listener)));
            let mut has_begun = false;
            let answer = loop {
                tokio::select! {
                    biased;
                    Some(words) = written.recv() => {
                        has_begun = true;
                        tell(part_of(words)).await;
                    }
                    answer = &mut answer => break answer,
                }
            };
            while let Ok(words) = written.try_recv() {
                has_begun = true;
                tell(part_of(words)).await;
            }
            let last = match answer.inspect_err(|error| warn!(%error, "The desk failed")) {
                Ok(turn) if has_begun => Part::Over(turn.decision.writer),
                Ok(turn) => Part::Whole(resolved(turn)),
                Err(_) => Part::Failed,
            };
            tell(last).await;
        });
        Question { number, _work: AbortOnDropHandle::new(work) }
    }
}

/// Answers of one call that may wait to be read; stale ones are read and dropped at once.
const QUESTIONS_UNDER_WAY: usize = 8;
/// Sentences that may wait to be told; a model writes faster than anybody speaks.
const WORDS_AHEAD: usize = 8;
