//! The desk: one function at which a phone turn and a chat message meet.
//!
//! [`Desk::turn`] has no effects, so that it can run before a turn is certain and be thrown away. What differs
//! between channels is in [`ChannelTraits`](crate::domain::turn::ChannelTraits) and nowhere else.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use tracing::{debug, warn};

use crate::domain::agent::Agent;
use crate::domain::ids::AgentId;
use crate::domain::knowledge::Entry;
use crate::domain::time::EpochMs;
use crate::domain::turn::{Decision, Reason, RiskTopic, Source, Turn, TurnInput, Verdict};
use crate::seams::embed::{EmbedError, Embedder};

use super::gate::{self, Case};
use super::index::{Found, Index, Vector};
use super::language;
use super::offer::{self, Reply};
use super::small_talk::SmallTalk;
use super::vectors::Vectors;
use super::wording;
use super::writer::Writer;

/// Sources shown beside a reply.
const SOURCES_MAX: usize = 3;

/// Answers turns from the knowledge of each agent. Shared by all calls and channels; cheap to share, never locked
/// while a turn is answered.
pub struct Desk {
    vectors: Option<Vectors>,
    writer: Option<Writer>,
    knowledge: ArcSwap<HashMap<AgentId, Arc<Index>>>,
}

impl Desk {
    /// A desk without knowledge. Without an embedder it finds by words alone and sends no answer by itself.
    pub fn new(embedder: Option<Arc<dyn Embedder>>) -> Desk {
        if embedder.is_none() {
            warn!("No embedding model: answers are found by words alone and never sent without asking back");
        }
        Desk { vectors: embedder.map(Vectors::new), writer: None, knowledge: ArcSwap::default() }
    }

    /// The same desk, whose words a language model writes.
    pub fn with_writer(self, writer: Option<Writer>) -> Desk {
        Desk { writer, ..self }
    }

    /// Who writes, where words are written.
    pub fn writer(&self) -> Option<&Writer> {
        self.writer.as_ref()
    }

    /// Replaces an agent's knowledge. Turns in progress keep what they began with. Blocking: about 10 ms for each
    /// question that was not known before. On an error the former knowledge stays.
    pub fn set_knowledge(&self, agent: AgentId, entries: Vec<Entry>) -> Result<(), EmbedError> {
        let index = Index::build(entries, |text| self.vectors.as_ref().map(|vectors| vectors.of(text)).transpose())?;
        let index = Arc::new(index);
        self.knowledge.rcu(|all| {
            let mut all = HashMap::clone(all);
            all.insert(agent, index.clone());
            all
        });
        Ok(())
    }

    /// The searchable knowledge of an agent as it is now; empty when it has none.
    pub fn index(&self, agent: AgentId) -> Arc<Index> {
        self.knowledge.load().get(&agent).cloned().unwrap_or_default()
    }

    /// Whether answers can be found by meaning, and hence go out alone.
    pub fn has_embedder(&self) -> bool {
        self.vectors.is_some()
    }

    /// The vector of a text; `None` without a model, or where it failed.
    pub fn vector(&self, text: &str) -> Option<Vector> {
        let found = self.vectors.as_ref()?.of(text);
        found.inspect_err(|error| warn!(%error, "A question could not be embedded; words alone decide")).ok()
    }

    /// Searches with misspelt words put right, which costs a second vector where there are any. What the gate judges
    /// stays the text as it was written.
    pub fn search(
        &self,
        index: &Index,
        text: &str,
        vector: Option<&Vector>,
        now: EpochMs,
        except: Option<usize>,
    ) -> Found {
        let is_real = |word: &str| self.vectors.as_ref().is_some_and(|vectors| vectors.has_word(word));
        match index.respelt(text, is_real) {
            Some(respelt) => index.search(&respelt, self.vector(&respelt).as_deref(), now, except),
            None => index.search(text, vector.map(|vector| &**vector), now, except),
        }
    }

    /// Answers one turn. No effects; about 15 ms of blocking CPU.
    pub fn turn(&self, agent: &Agent, input: &TurnInput) -> Turn {
        let began = Instant::now();
        let mut turn = self.answer(agent, input);
        turn.decision.desk_ms = began.elapsed().as_secs_f32() * 1000.0;
        debug!(
            turn.verdict = ?turn.decision.verdict,
            turn.reason = ?turn.decision.reason,
            turn.confidence = turn.decision.confidence,
            turn.desk_ms = turn.decision.desk_ms,
            "Turn judged"
        );
        turn
    }

    fn answer(&self, agent: &Agent, input: &TurnInput) -> Turn {
        let index = self.index(agent.id);
        if let Some(reply) = offer::understand(input, &index) {
            return match reply {
                Reply::Confirmed { entry } => self.confirmed(agent, input, &index, entry),
                Reply::Refused { entry, text, anew: true, .. } => {
                    self.question(agent, input, &index, &text, Some(entry))
                }
                Reply::Refused { entry, text, anew: false, asked_before } => {
                    self.other(agent, input, &index, &text, entry, asked_before)
                }
            };
        }
        if let Some(talk) = SmallTalk::recognise(&input.text) {
            return small_talk(agent, input, talk);
        }
        if language::is_foreign(&input.text) && !rules_match_first(&input.text) {
            return unanswered(Verdict::Hold, Reason::UnsupportedLanguage);
        }
        self.question(agent, input, &index, &input.text, None)
    }

    /// A question: searched, judged and worded.
    fn question(&self, agent: &Agent, input: &TurnInput, index: &Index, text: &str, except: Option<usize>) -> Turn {
        let vector = self.vector(text);
        let found = self.search(index, text, vector.as_ref(), input.now, except);
        let mut confidence = if found.hits.is_empty() { 0.0 } else { found.features.confidence() };
        if vector.is_none() {
            confidence = confidence.min(WORDS_ALONE_CONFIDENCE_MAX);
        }
        let entry = found.hits.first().map(|hit| index.entry(hit.entry));
        let case = Case { agent, text, vector: vector.as_deref(), found: &found, entry, confidence, confirmed: false };
        let (verdict, reason) = gate::judge(&case);
        worded(agent, input, index, &found, decide(verdict, reason, confidence, index, &found))
    }

    /// The customer said yes to an offered question: it is answered, if the gate lets it.
    fn confirmed(&self, agent: &Agent, input: &TurnInput, index: &Index, entry: usize) -> Turn {
        let text = index.entry(entry).question.clone();
        let vector = self.vector(&text);
        let mut found = index.search(&text, vector.as_deref(), input.now, None);
        // The customer chose: what else is near does not matter.
        let Some(at) = found.hits.iter().position(|hit| hit.entry == entry) else {
            return unanswered(Verdict::Hold, Reason::NotKnown);
        };
        found.hits.drain(..at);
        let confidence = CONFIRMED_CONFIDENCE;
        let case = Case {
            agent,
            text: &text,
            vector: vector.as_deref(),
            found: &found,
            entry: Some(index.entry(entry)),
            confidence,
            confirmed: true,
        };
        let (verdict, reason) = gate::judge(&case);
        worded(agent, input, index, &found, decide(verdict, reason, confidence, index, &found))
    }

    /// The customer said no to an offered question: the next candidate is offered once, then a person decides.
    fn other(
        &self,
        agent: &Agent,
        input: &TurnInput,
        index: &Index,
        text: &str,
        refused: usize,
        asked_before: usize,
    ) -> Turn {
        let mut turn = self.question(agent, input, index, text, Some(refused));
        if gate::withheld(agent).is_some() {
            return turn;
        }
        let decision = &mut turn.decision;
        let best = decision.sources.first().filter(|source| source.score >= NEXT_CANDIDATE_SCORE_MIN);
        let next = best.and_then(|source| index.find(&source.entry));
        match (decision.verdict, decision.reason, next) {
            // The first guess has proved wrong: a second one asks, however sure it is, and asks but once.
            (Verdict::Send | Verdict::Clarify, _, Some(next)) | (Verdict::Hold, Reason::NotKnown, Some(next))
                if asked_before < OFFERS_MAX =>
            {
                decision.verdict = Verdict::Clarify;
                decision.reason = Reason::Ambiguous;
                turn.sentences = wording::clarify(index.entry(next));
                turn.offered = Some(index.entry(next).id.clone());
            }
            (Verdict::Send | Verdict::Clarify, _, _) => {
                decision.verdict = Verdict::Hold;
                decision.reason = Reason::NotKnown;
                turn.sentences.clear();
                turn.offered = None;
            }
            (Verdict::Hold | Verdict::HandOff, _, _) => {}
        }
        turn
    }
}

/// A text in another language may still hold a word of danger or a plea for a person that the rules know.
fn rules_match_first(text: &str) -> bool {
    super::rules::first_of(&super::text::words(text), gate::FIRST).is_some()
}

fn decide(verdict: Verdict, reason: Reason, confidence: f32, index: &Index, found: &Found) -> Decision {
    let sources = found.hits.iter().take(SOURCES_MAX).map(|hit| {
        let entry = index.entry(hit.entry);
        Source {
            entry: entry.id.clone(),
            question: entry.question.clone(),
            source: entry.source.clone(),
            score: hit.score,
            article: entry.article,
        }
    });
    let sources = sources.collect();
    Decision {
        verdict,
        reason,
        confidence,
        sources,
        features: found.features.as_array().to_vec(),
        desk_ms: 0.0,
        writer: None,
    }
}

fn worded(agent: &Agent, input: &TurnInput, index: &Index, found: &Found, decision: Decision) -> Turn {
    let best = found.hits.first().map(|hit| index.entry(hit.entry));
    if decision.reason == Reason::Risk(RiskTopic::SelfHarm) {
        return Turn { decision, sentences: in_danger(agent), offered: None };
    }
    match (decision.verdict, best) {
        (Verdict::Clarify, Some(entry)) => {
            Turn { decision, sentences: wording::clarify(entry), offered: Some(entry.id.clone()) }
        }
        (_, Some(entry)) if decision.reason != Reason::NotKnown => {
            Turn { decision, sentences: wording::answer(entry, input.channel), offered: None }
        }
        (_, _) => Turn { decision, sentences: Vec::new(), offered: None },
    }
}

/// What a person in danger hears or reads: the emergency number first (R57), then that a person comes.
fn in_danger(agent: &Agent) -> Vec<String> {
    let number = agent.emergency_number.trim();
    let number = if number.is_empty() { "your local emergency number" } else { number };
    vec![
        format!("If you are in danger, please call {number} now."),
        "You are not alone.".into(),
        "I am passing this to a person straight away.".into(),
    ]
}

fn small_talk(agent: &Agent, input: &TurnInput, talk: SmallTalk) -> Turn {
    // On a call the line is answered whatever the mode; a message from an agent that only drafts stays a draft.
    let (verdict, reason) = match gate::withheld(agent) {
        Some(reason) if !input.channel.live => (Verdict::Hold, reason),
        _ => (Verdict::Send, Reason::NothingAsked),
    };
    let mut turn = unanswered(verdict, reason);
    turn.decision.confidence = 1.0;
    turn.sentences = super::text::sentences(&talk.reply(agent));
    turn
}

fn unanswered(verdict: Verdict, reason: Reason) -> Turn {
    let decision = Decision {
        verdict,
        reason,
        confidence: 0.0,
        sources: Vec::new(),
        features: Vec::new(),
        desk_ms: 0.0,
        writer: None,
    };
    Turn { decision, sentences: Vec::new(), offered: None }
}

/// Words alone never reach the confidence at which an answer is sent.
const WORDS_ALONE_CONFIDENCE_MAX: f32 = 0.55;
/// "Yes, that is what I mean" settles what is asked.
const CONFIRMED_CONFIDENCE: f32 = 0.97;
/// H below which the next candidate is not worth a question.
const NEXT_CANDIDATE_SCORE_MIN: f32 = 0.45;
/// Questions back in a row before a person is asked: more of them feel like an examination.
const OFFERS_MAX: usize = 2;
