//! Has a language model write what the desk has decided to say, and keeps only what stands in the passages.
//!
//! 1. The desk has decided ([`super::Desk::turn`]); [`writing::brief`] says whether a model may write the words.
//! 2. The model uses a tool. Of an answer each sentence is checked as it comes ([`super::grounded`]); what stands can
//!    be said while the rest is still being written.
//! 3. What fails, is late or does not stand leaves the local words as they were.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::domain::turn::{self, Turn, WriterOutcome};
use crate::seams::llm::{Llm, LlmError, LlmPiece, LlmRequest, LlmStream};

use super::arguments::Arguments;
use super::flush::Flush;
use super::grounded::{self, Fault, Ground};
use super::text;
use super::writing::{self, Answer, Brief, Choice, Lower};

/// A language model and how long it may take.
pub struct Writer {
    live: Arc<dyn Llm>,
    unhurried: Arc<dyn Llm>,
    limits: WriterLimits,
}

/// How long a model may take, and write.
#[derive(Clone, Copy, Debug)]
pub struct WriterLimits {
    /// Its first word on a call.
    pub first_token: Duration,
    /// All of it on a call.
    pub answer: Duration,
    /// The answer to a message.
    pub message: Duration,
    /// A summary.
    pub summary: Duration,
    /// The longest answer, in tokens.
    pub tokens_max: u32,
}

/// Words that may be said while the rest is still being written.
#[derive(Debug)]
pub enum Said {
    /// The turn as it is decided, with the first of its words.
    First(Box<Turn>),
    /// Further words.
    More(String),
}

/// To whoever speaks.
pub type Listener = mpsc::Sender<Said>;

/// Why a model's words are not used.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Model(#[from] LlmError),
    #[error("it was too late")]
    Late,
    #[error("{0}")]
    Odd(String),
}

impl Writer {
    /// The same model for whoever is on the line and for everybody else; both rest and fail by themselves.
    pub fn new(live: Arc<dyn Llm>, unhurried: Arc<dyn Llm>, limits: WriterLimits) -> Writer {
        Writer { live, unhurried, limits }
    }

    /// The turn with a model's words, or as it was. What stands is told to the listener as it comes, from the first
    /// word on; where nothing was told, the turn is all there is to say.
    pub async fn write(&self, brief: &Brief, turn: Turn, listener: Option<Listener>) -> Turn {
        let began = Instant::now();
        let (llm, first, whole) = match brief.is_live() {
            true => (&self.live, self.limits.first_token, self.limits.answer),
            false => (&self.unhurried, self.limits.message, self.limits.message),
        };
        let stream = llm.write(brief.request(nonce(), self.limits.tokens_max));
        let mut work = Work::new(brief, &turn, listener);
        let outcome = work.follow(stream, began + first, began + whole).await;
        let (mut turn, outcome, note) = work.finish(turn.clone(), outcome).await;
        let writer_ms = began.elapsed().as_secs_f32() * 1000.0;
        debug!(writer.outcome = ?outcome, writer.ms = writer_ms, writer.note = note, "A language model was asked");
        metrics::counter!("switchboard_writer_total", "outcome" => name(outcome)).increment(1);
        metrics::histogram!("switchboard_writer_seconds").record(f64::from(writer_ms) / 1000.0);
        turn.decision.writer = Some(turn::Writer { model: llm.model().to_owned(), outcome, note, writer_ms });
        turn
    }

    /// The arguments that a model gives to the one tool of a request, whole; `None` where it fails or is late.
    pub(super) async fn fill_in(&self, request: impl FnOnce(String, u32) -> LlmRequest) -> Option<String> {
        let by = Instant::now() + self.limits.summary;
        let mut stream = self.unhurried.write(request(nonce(), self.limits.tokens_max));
        let mut arguments = Arguments::default();
        loop {
            match timeout_at(by, stream.recv()).await.ok().flatten()?.ok()? {
                LlmPiece::Arguments { index: 0, json } => arguments.push(&json).then_some(())?,
                LlmPiece::Done { .. } => return Some(arguments.whole().to_owned()),
                LlmPiece::Arguments { .. } | LlmPiece::Call { .. } | LlmPiece::Text(_) => {}
            }
        }
    }
}

/// One answer while it is being written.
struct Work<'a> {
    brief: &'a Brief,
    /// What was decided, for the listener.
    decided: &'a Turn,
    listener: Option<Listener>,
    tool: Option<String>,
    arguments: Arguments,
    flush: Flush,
    ground: Option<Ground>,
    citations: Vec<usize>,
    kept: Vec<String>,
    words: usize,
    fault: Option<Fault>,
    /// What was dropped limits what was kept: the rest may not stand alone.
    is_torn: bool,
}

impl<'a> Work<'a> {
    fn new(brief: &'a Brief, decided: &'a Turn, listener: Option<Listener>) -> Work<'a> {
        Work {
            brief,
            decided,
            flush: Flush::new(listener.is_some()),
            listener,
            tool: None,
            arguments: Arguments::default(),
            ground: None,
            citations: Vec::new(),
            kept: Vec::new(),
            words: 0,
            fault: None,
            is_torn: false,
        }
    }

    /// Until the end of the answer, or of patience.
    async fn follow(&mut self, mut stream: LlmStream, first: Instant, whole: Instant) -> Result<Choice, Failure> {
        let mut by = first;
        loop {
            let piece = timeout_at(by, stream.recv()).await.map_err(|_| Failure::Late)?;
            let piece = piece.ok_or_else(|| Failure::Odd("it broke off".into()))??;
            by = match self.listener {
                // Whoever listens hears a gap.
                Some(_) => whole.min(Instant::now() + LONGEST_GAP),
                None => whole,
            };
            match piece {
                // What is said outside the tools is thought aloud.
                LlmPiece::Text(_) => {}
                LlmPiece::Call { index: 0, name } if self.tool.is_none() => self.tool = Some(name),
                LlmPiece::Call { .. } => return Err(Failure::Odd("it used more than one tool".into())),
                LlmPiece::Arguments { json, .. } => {
                    if !self.arguments.push(&json) {
                        return Err(Failure::Odd("it does not end".into()));
                    }
                    if self.tool.as_deref() == Some("answer") && !self.is_torn {
                        self.read_on().await?;
                    }
                }
                LlmPiece::Done { .. } => return self.done().await,
            }
        }
    }

    /// Says what is there already. Where the citations come last, nothing is before the end.
    async fn read_on(&mut self) -> Result<(), Failure> {
        let Some(so_far) = self.arguments.so_far() else { return Ok(()) };
        let known =
            so_far.as_object().is_some_and(|fields| fields.keys().all(|key| ANSWER_FIELDS.contains(&key.as_str())));
        if !known {
            return Err(Failure::Odd("it filled in what there is none of".into()));
        }
        let (Some(citations), Some(text)) = (so_far["citations"].as_array(), so_far["text"].as_str()) else {
            return Ok(());
        };
        let citations = citations.iter().filter_map(|n| usize::try_from(n.as_u64()?).ok()).collect();
        self.check(citations, text, false).await
    }

    async fn done(&mut self) -> Result<Choice, Failure> {
        let tool = self.tool.as_deref().ok_or_else(|| Failure::Odd("it used no tool".into()))?;
        let choice = writing::choice(tool, self.arguments.whole()).map_err(Failure::Odd)?;
        if let Choice::Answer(Answer { citations, text }) = &choice {
            self.check(citations.clone(), text, true).await?;
        }
        Ok(choice)
    }

    async fn check(&mut self, citations: Vec<usize>, text: &str, whole: bool) -> Result<(), Failure> {
        if self.ground.is_none() {
            let odd = || Failure::Odd("it cited what it was not given, or not what was found".into());
            self.ground = Some(self.brief.ground(&citations).ok_or_else(odd)?);
            self.citations = citations;
        } else if self.citations != citations {
            return Err(Failure::Odd("it changed its citations".into()));
        }
        while !self.is_torn
            && let Some(piece) = self.flush.next(text, whole)
        {
            self.piece(piece).await;
        }
        Ok(())
    }

    /// Keeps a sentence or clause that stands, and tells it.
    async fn piece(&mut self, piece: String) {
        let Some(ground) = &self.ground else { return };
        let Some(piece) = without_yes_or_no(&piece, self.kept.is_empty()) else { return };
        let goes_on =
            self.kept.last().is_some_and(|kept| kept.ends_with(CLAUSE_ENDS) || !kept.ends_with(SENTENCE_ENDS));
        let bare = piece.trim_end_matches(CLAUSE_ENDS);
        let bare = JOINTS.iter().fold(bare, |bare, joint| bare.strip_prefix(joint).filter(|_| goes_on).unwrap_or(bare));
        let words = text::word_count(&piece);
        let is_too_long = self.brief.is_live() && self.words + words > SPOKEN_WORDS_MAX;
        match ground.check(bare) {
            Ok(()) if !is_too_long => {}
            Ok(()) => {
                self.is_torn = goes_on || grounded::is_a_limit(&piece);
                return;
            }
            Err(fault) => {
                self.fault = Some(fault);
                self.is_torn = goes_on || grounded::is_a_limit(&piece);
                return;
            }
        }
        self.words += words;
        self.kept.push(piece.clone());
        self.tell(piece).await;
    }

    async fn tell(&mut self, piece: String) {
        let Some(listener) = &self.listener else { return };
        let said = match self.kept.len() {
            1 => Said::First(Box::new(Turn { sentences: vec![piece], ..self.decided.clone() })),
            _ => Said::More(piece),
        };
        // Who has gone away drops all of this.
        let _ = listener.send(said).await;
    }

    /// What became of it.
    async fn finish(mut self, turn: Turn, outcome: Result<Choice, Failure>) -> (Turn, WriterOutcome, Option<String>) {
        match outcome {
            Ok(Choice::Answer(_)) if !self.kept.is_empty() && !self.is_torn => {
                let mut turn = Turn { sentences: self.kept, ..turn };
                let cited = self.brief.entries(&self.citations);
                turn.decision.sources.retain(|source| cited.contains(&source.entry.as_str()));
                (turn, WriterOutcome::Wrote, self.fault.map(|fault| format!("left out: {}", fault.sentence())))
            }
            Ok(Choice::Answer(_)) => {
                let why = self.fault.map_or("nothing of it could be used", Fault::sentence).to_owned();
                (self.with_the_local_words(turn).await, WriterOutcome::Ungrounded, Some(why))
            }
            Ok(Choice::Lower(choice)) => {
                let mut turn = turn;
                self.brief.lower(&mut turn, &choice);
                let outcome = match choice {
                    Lower::Ask(_) => WriterOutcome::Asked,
                    Lower::Collect(_) | Lower::Flag { .. } => WriterOutcome::Flagged,
                    Lower::Escalate(_) => WriterOutcome::Escalated,
                };
                (turn, outcome, Some(choice.note()))
            }
            Err(failure) => {
                let why = writing::clipped(&failure.to_string(), NOTE_CHARS);
                (self.with_the_local_words(turn).await, WriterOutcome::Failed, Some(why))
            }
        }
    }

    /// The local words, behind what was told already.
    async fn with_the_local_words(&mut self, turn: Turn) -> Turn {
        if self.listener.is_none() || self.kept.is_empty() {
            return turn;
        }
        let told = std::mem::take(&mut self.kept);
        let fresh: Vec<String> = turn.sentences.iter().filter(|sentence| !told.contains(sentence)).cloned().collect();
        if let Some(listener) = &self.listener {
            for sentence in &fresh {
                let _ = listener.send(Said::More(sentence.clone())).await;
            }
        }
        Turn { sentences: told.into_iter().chain(fresh).collect(), ..turn }
    }
}

/// "Yes, we ship to Austria." stands without its "yes", which no passage says. `None` where nothing is left.
fn without_yes_or_no(piece: &str, is_first: bool) -> Option<String> {
    let piece = piece.trim();
    if !is_first {
        return Some(piece.to_owned());
    }
    let lower = piece.to_lowercase();
    let lead = YES_AND_NO.iter().find(|lead| {
        lower
            .strip_prefix(**lead)
            .is_some_and(|rest| rest.starts_with([',', '.', '!', ' ', '—', '–']) || rest.is_empty())
    });
    let Some(rest) = lead.and_then(|lead| piece.get(lead.len()..)) else { return Some(piece.to_owned()) };
    let rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
    let mut letters = rest.chars();
    let first = letters.next()?;
    Some(first.to_uppercase().chain(letters).collect())
}

fn nonce() -> String {
    format!("{:032x}", rand::random::<u128>())
}

fn name(outcome: WriterOutcome) -> &'static str {
    match outcome {
        WriterOutcome::Wrote => "wrote",
        WriterOutcome::Asked => "asked",
        WriterOutcome::Flagged => "flagged",
        WriterOutcome::Escalated => "escalated",
        WriterOutcome::Ungrounded => "ungrounded",
        WriterOutcome::Failed => "failed",
    }
}

/// Between two pieces, while somebody listens: their next word is owed.
const LONGEST_GAP: Duration = Duration::from_millis(1_200);
/// Of a spoken answer: a little more than the knowledge's own, since a model speaks in whole sentences.
const SPOKEN_WORDS_MAX: usize = 60;
/// Of what teammates read.
const NOTE_CHARS: usize = 200;
const ANSWER_FIELDS: &[&str] = &["citations", "text"];
const YES_AND_NO: &[&str] = &["yes", "no", "yeah", "sure", "certainly", "of course", "absolutely"];
const CLAUSE_ENDS: [char; 2] = [',', ';'];
const SENTENCE_ENDS: [char; 3] = ['.', '!', '?'];
/// How a clause begins that goes on.
const JOINTS: &[&str] = &["and ", "but ", "while "];
