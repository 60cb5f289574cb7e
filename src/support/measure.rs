//! How good the desk is, measured on labelled questions: what `switchboard eval` prints.

use serde::Serialize;

use crate::domain::agent::Agent;
use crate::domain::ids::AgentId;
use crate::domain::knowledge::{Entry, Kind, Sensitivity};
use crate::domain::time::EpochMs;
use crate::domain::turn::{ChannelTraits, Reason, TurnInput, Verdict};
use crate::seams::embed::EmbedError;

use super::desk::Desk;
use super::gate;
use super::sensitivity::default_sensitivity;
use super::text;

/// The gold answer of a question that the knowledge does not answer.
pub const UNANSWERABLE: &str = "UNANSWERABLE";

/// One question with the id of the entry that answers it, or [`UNANSWERABLE`].
#[derive(Clone, Debug)]
pub struct Asked {
    /// The entry's id.
    pub gold: String,
    /// The customer's words.
    pub text: String,
}

/// What the desk did with one question.
#[derive(Clone, Debug)]
struct Outcome {
    answerable: bool,
    /// The place of the right entry among those found, from zero.
    place: Option<usize>,
    confidence: f32,
    desk_ms: f32,
    /// Whether the gate would send it if the confidence sufficed.
    passable: bool,
    /// Whether it was sent as things are.
    sent: bool,
}

impl Outcome {
    fn right(&self) -> bool {
        self.place == Some(0)
    }
}

/// The measure of one set of questions.
#[derive(Clone, Debug, Serialize)]
pub struct FaqReport {
    /// Questions.
    pub n: usize,
    /// Those that the knowledge answers.
    pub answerable: usize,
    /// Share of the answerable whose entry is found first.
    pub recall_at_1: f32,
    /// Share of the answerable whose entry is among the first three.
    pub recall_at_3: f32,
    /// Probability that a question answered rightly has a higher confidence than one that is not.
    pub auroc: f32,
    /// Automatic replies.
    pub sent: usize,
    /// Automatic replies that were wrong.
    pub wrong: usize,
    /// Right automatic replies as a share of the answerable.
    pub coverage: f32,
    /// Questions that get "Do you mean …?".
    pub clarified: usize,
    /// Time of a turn, in milliseconds: half are quicker.
    pub desk_ms_p50: f32,
    /// Time of a turn, in milliseconds: 95 % are quicker.
    pub desk_ms_p95: f32,
    /// The same for other thresholds of confidence.
    pub curve: Vec<CurvePoint>,
    /// How true the confidence is.
    pub reliability: Vec<ReliabilityBin>,
}

/// Wrong replies against coverage at one threshold.
#[derive(Clone, Debug, Serialize)]
pub struct CurvePoint {
    /// Confidence from which an answer goes out.
    pub threshold: f32,
    /// Automatic replies.
    pub sent: usize,
    /// Wrong ones among them.
    pub wrong: usize,
    /// Right ones as a share of the answerable.
    pub coverage: f32,
}

/// Questions of like confidence: how many were right.
#[derive(Clone, Debug, Serialize)]
pub struct ReliabilityBin {
    /// Lower end of the bin.
    pub from: f32,
    /// Questions in it.
    pub n: usize,
    /// Their mean confidence.
    pub confidence: f32,
    /// The share whose first entry was right.
    pub right: f32,
}

/// How many messages of a label are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Messages.
    pub n: usize,
    /// Those the gate keeps from an automatic reply whatever the knowledge says.
    pub held: usize,
}

/// Knowledge entries from rows of (id, alternative question), in order of first appearance. The sensitivity is what
/// the product's own rules give.
pub fn entries_of_rows(rows: &[(String, String)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (id, question) in rows {
        match entries.iter_mut().find(|entry| entry.id == *id) {
            Some(entry) => entry.alternatives.push(question.clone()),
            None => entries.push(Entry {
                id: id.clone(),
                kind: Kind::Faq,
                sensitivity: Sensitivity::Auto,
                question: question.clone(),
                alternatives: Vec::new(),
                answer: id.clone(),
                spoken: None,
                source: String::new(),
                valid_until: None,
                article: None,
            }),
        }
    }
    for entry in &mut entries {
        entry.sensitivity = default_sensitivity(&entry.question, &entry.alternatives);
    }
    entries
}

/// Measures a set of questions against its knowledge, with the whole gate of this agent.
pub fn faq(desk: &Desk, agent: &Agent, entries: Vec<Entry>, asked: &[Asked]) -> Result<FaqReport, EmbedError> {
    desk.set_knowledge(agent.id, entries)?;
    let outcomes: Vec<Outcome> = asked.iter().map(|asked| outcome(desk, agent, asked)).collect();
    Ok(report(agent, &outcomes))
}

/// Whether the gate holds a message for its matter alone, whatever the knowledge says.
pub fn is_held(desk: &Desk, text: &str) -> bool {
    let vector = desk.vector(text);
    let words = text::words(text);
    [gate::FIRST, gate::LATER].iter().any(|topics| gate::risk(&words, vector.as_deref(), topics).is_some())
}

/// The automatic replies that were wrong, as lines "gold ≠ found (confidence): text". For looking at public sets only:
/// customers' words are not printed elsewhere.
pub fn wrong_replies(desk: &Desk, agent: &Agent, asked: &[Asked]) -> Vec<String> {
    let index = desk.index(agent.id);
    let line = |asked: &Asked| {
        let outcome = outcome(desk, agent, asked);
        let vector = desk.vector(&asked.text);
        let found = desk.search(&index, &asked.text, vector.as_ref(), EpochMs(0), None);
        let found = found.hits.first().map_or("nothing", |hit| index.entry(hit.entry).id.as_str());
        (outcome.sent && !outcome.right())
            .then(|| format!("{} ≠ {found} ({:.2}): {}", asked.gold, outcome.confidence, asked.text))
    };
    asked.iter().filter_map(line).collect()
}

fn outcome(desk: &Desk, agent: &Agent, asked: &Asked) -> Outcome {
    let eager = Agent { send_confidence: 0.0, ..agent.clone() };
    let input = TurnInput {
        text: asked.text.clone(),
        history: Vec::new(),
        offered: None,
        channel: ChannelTraits::API,
        now: EpochMs(0),
    };
    let turn = desk.turn(&eager, &input);
    let answers = turn.decision.verdict == Verdict::Send && turn.decision.reason != Reason::NothingAsked;
    let place = place(desk, agent.id, asked);
    Outcome {
        answerable: asked.gold != UNANSWERABLE,
        place,
        confidence: turn.decision.confidence,
        desk_ms: turn.decision.desk_ms,
        passable: answers,
        sent: answers && turn.decision.confidence >= agent.send_confidence,
    }
}

/// Where retrieval alone puts the right entry.
fn place(desk: &Desk, agent: AgentId, asked: &Asked) -> Option<usize> {
    let index = desk.index(agent);
    let vector = desk.vector(&asked.text);
    let found = desk.search(&index, &asked.text, vector.as_ref(), EpochMs(0), None);
    found.hits.iter().position(|hit| index.entry(hit.entry).id == asked.gold)
}

fn report(agent: &Agent, outcomes: &[Outcome]) -> FaqReport {
    let answerable = outcomes.iter().filter(|outcome| outcome.answerable).count();
    let share = |count: usize| count as f32 / answerable.max(1) as f32;
    let found = |within: usize| outcomes.iter().filter(|o| o.place.is_some_and(|place| place < within)).count();
    let sent = outcomes.iter().filter(|outcome| outcome.sent);
    let wrong = sent.clone().filter(|outcome| !outcome.right()).count();
    let sent = sent.count();
    let clarified = outcomes.iter().filter(|o| o.passable && !o.sent && o.confidence < agent.send_confidence).count();
    FaqReport {
        n: outcomes.len(),
        answerable,
        recall_at_1: share(found(1)),
        recall_at_3: share(found(3)),
        auroc: auroc(outcomes),
        sent,
        wrong,
        coverage: share(sent - wrong),
        clarified,
        desk_ms_p50: quantile(outcomes, 0.5),
        desk_ms_p95: quantile(outcomes, 0.95),
        curve: THRESHOLDS.iter().map(|&threshold| curve_point(outcomes, answerable, threshold)).collect(),
        reliability: reliability(outcomes),
    }
}

fn quantile(outcomes: &[Outcome], share: f32) -> f32 {
    let mut times: Vec<f32> = outcomes.iter().map(|outcome| outcome.desk_ms).collect();
    times.sort_by(f32::total_cmp);
    times.get(((times.len().max(1) - 1) as f32 * share) as usize).copied().unwrap_or_default()
}

fn curve_point(outcomes: &[Outcome], answerable: usize, threshold: f32) -> CurvePoint {
    let sent = outcomes.iter().filter(|outcome| outcome.passable && outcome.confidence >= threshold);
    let wrong = sent.clone().filter(|outcome| !outcome.right()).count();
    let sent = sent.count();
    CurvePoint { threshold, sent, wrong, coverage: (sent - wrong) as f32 / answerable.max(1) as f32 }
}

/// Probability that one drawn from the right has a higher confidence than one drawn from the rest; ties count half.
fn auroc(outcomes: &[Outcome]) -> f32 {
    let (right, rest): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.right());
    let mut above = 0.0_f64;
    for a in &right {
        for b in &rest {
            above += if a.confidence > b.confidence {
                1.0
            } else if a.confidence == b.confidence {
                0.5
            } else {
                0.0
            };
        }
    }
    (above / (right.len() * rest.len()).max(1) as f64) as f32
}

fn reliability(outcomes: &[Outcome]) -> Vec<ReliabilityBin> {
    let bin = |from: f32, to: f32| {
        let within: Vec<_> = outcomes.iter().filter(|o| o.confidence >= from && o.confidence < to).collect();
        let n = within.len();
        let mean = within.iter().map(|outcome| outcome.confidence).sum::<f32>() / n.max(1) as f32;
        let right = within.iter().filter(|outcome| outcome.right()).count() as f32 / n.max(1) as f32;
        ReliabilityBin { from, n, confidence: mean, right }
    };
    BIN_EDGES.windows(2).map(|edges| bin(edges[0], edges[1])).collect()
}

const THRESHOLDS: &[f32] = &[0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.97, 0.98, 0.99];
const BIN_EDGES: &[f32] = &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01];

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(confidence: f32, place: Option<usize>, answerable: bool, passable: bool) -> Outcome {
        Outcome { answerable, place, confidence, desk_ms: 10.0, passable, sent: passable && confidence >= 0.9 }
    }

    #[test]
    fn sent_wrong_and_coverage_are_counted_over_the_right_shares() {
        let outcomes = [
            outcome(0.95, Some(0), true, true),
            outcome(0.92, None, false, true),
            outcome(0.99, Some(0), true, false),
            outcome(0.60, Some(2), true, true),
            outcome(0.10, None, true, false),
        ];
        let agent = Agent { send_confidence: 0.9, ..crate::support::test_agent() };
        let report = report(&agent, &outcomes);
        assert_eq!((report.n, report.answerable, report.sent, report.wrong, report.clarified), (5, 4, 2, 1, 1));
        assert_eq!((report.recall_at_1, report.recall_at_3, report.coverage), (0.5, 0.75, 0.25));
        assert!((report.auroc - 1.0).abs() < 1e-6);
    }

    #[test]
    fn rows_of_one_id_become_one_entry() {
        let row = |id: &str, text: &str| (id.to_owned(), text.to_owned());
        let entries = entries_of_rows(&[row("A", "opening hours"), row("B", "I want a refund"), row("A", "when open")]);
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].alternatives, ["when open"]);
        assert_eq!(entries[1].sensitivity, Sensitivity::Review);
    }
}
