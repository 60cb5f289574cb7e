//! The gate: what may go out alone, in a fixed order of questions.
//!
//! 1. danger to oneself
//! 2. a person is asked for
//! 3. legal and safety
//! 4. the entry's own sensitivity, and internal guidance nearer than any answer
//! 5. risky topics, by rule or by the linear head
//! 6. words of fault or negation that the answer does not speak of
//! 7. confidence
//! 8. whether the agent may answer at all
//!
//! Architecture invariant: nothing in the customer's words or in an entry's text can skip a question; text is only
//! ever compared, never obeyed.

use crate::domain::agent::{Agent, ReplyMode};
use crate::domain::knowledge::{Entry, Sensitivity};
use crate::domain::turn::{Reason, RiskTopic, Verdict};

use super::index::Found;
use super::risk_head;
use super::rules;
use super::text;

/// Confidence below which not even "Do you mean …?" is asked.
pub const CLARIFY_CONFIDENCE: f32 = 0.5;

/// What the gate looks at.
pub struct Case<'a> {
    /// Who answers.
    pub agent: &'a Agent,
    /// The customer's words.
    pub text: &'a str,
    /// Their vector, where there is a model.
    pub vector: Option<&'a [f32]>,
    /// What was found.
    pub found: &'a Found,
    /// The best entry.
    pub entry: Option<&'a Entry>,
    /// Calibrated probability that it answers.
    pub confidence: f32,
    /// The customer said yes to this very question, so that its words were chosen by us.
    pub confirmed: bool,
}

/// Passes the verdict.
pub fn judge(case: &Case) -> (Verdict, Reason) {
    let words = text::words(case.text);
    if let Some(topic) = risk(&words, case.vector, FIRST) {
        return (Verdict::HandOff, Reason::Risk(topic));
    }
    if let Some(verdict) = sensitivity(case) {
        return (verdict, Reason::EntrySensitivity);
    }
    let vector = case.vector.filter(|_| !in_the_entrys_own_words(case));
    if let Some(topic) = risk(&words, vector, LATER) {
        return (Verdict::HandOff, Reason::Risk(topic));
    }
    let Some(entry) = case.entry else { return (Verdict::Hold, Reason::NotKnown) };
    let (verdict, reason) = by_confidence(case, entry, &words);
    match (verdict, withheld(case.agent)) {
        (Verdict::Send | Verdict::Clarify, Some(reason)) => (Verdict::Hold, reason),
        _ => (verdict, reason),
    }
}

/// A question in nearly the words that somebody wrote down as safe to answer: the rules still hold it, the head,
/// which only guesses from likeness ("can I pay by card" is like a disputed charge), does not.
fn in_the_entrys_own_words(case: &Case) -> bool {
    case.entry.is_some_and(|entry| entry.sensitivity == Sensitivity::Auto)
        && case.found.features.top >= OWN_WORDS_COSINE
}

/// The risk topic of a text, if it has one: by rule, else by the head. `topics` are those asked about.
pub fn risk(words: &[String], vector: Option<&[f32]>, topics: &[RiskTopic]) -> Option<RiskTopic> {
    let by_rule = rules::first_of(words, topics).map(|rule| rule.topic);
    by_rule.or_else(|| risk_head::topic(vector?).filter(|topic| topics.contains(topic)))
}

/// The topics that precede the entry's own sensitivity, in gate order.
pub const FIRST: &[RiskTopic] = &[RiskTopic::SelfHarm, RiskTopic::RequestForHuman, RiskTopic::Legal, RiskTopic::Safety];

/// The topics that follow it.
pub const LATER: &[RiskTopic] = &[
    RiskTopic::Abuse,
    RiskTopic::PersonalData,
    RiskTopic::Refund,
    RiskTopic::BillingDispute,
    RiskTopic::AccountAccess,
    RiskTopic::Upset,
];

/// An entry that is probably not even meant does not decide by its sensitivity.
fn sensitivity(case: &Case) -> Option<Verdict> {
    let of_entry = case.entry.filter(|_| case.confidence >= CLARIFY_CONFIDENCE).map(|entry| entry.sensitivity);
    match (of_entry, case.found.guidance) {
        (Some(Sensitivity::Human), _) | (_, Some(Sensitivity::Human)) => Some(Verdict::HandOff),
        (Some(Sensitivity::Review), _) | (_, Some(Sensitivity::Review)) => Some(Verdict::Hold),
        (Some(Sensitivity::Auto) | None, Some(Sensitivity::Auto) | None) => None,
    }
}

fn by_confidence(case: &Case, entry: &Entry, words: &[String]) -> (Verdict, Reason) {
    if case.confidence < CLARIFY_CONFIDENCE {
        return (Verdict::Hold, Reason::NotKnown);
    }
    if !case.confirmed && rules::tells_of_fault(words) && !speaks_of_fault(entry) {
        return (Verdict::Clarify, Reason::FaultReported);
    }
    if case.confidence < case.agent.send_confidence.max(SEND_CONFIDENCE_MIN) {
        return (Verdict::Clarify, Reason::Ambiguous);
    }
    (Verdict::Send, Reason::ClearAndLowRisk)
}

fn speaks_of_fault(entry: &Entry) -> bool {
    std::iter::once(&entry.question)
        .chain(&entry.alternatives)
        .any(|question| rules::tells_of_fault(&text::words(question)))
}

/// Why the agent answers nobody by itself, if it does not.
pub fn withheld(agent: &Agent) -> Option<Reason> {
    match (agent.published, agent.mode) {
        (false, _) => Some(Reason::Unpublished),
        (true, ReplyMode::DraftOnly) => Some(Reason::DraftOnly),
        (true, ReplyMode::AutomaticWhenSafe) => None,
    }
}

/// Cosine from which two questions differ in little more than politeness.
const OWN_WORDS_COSINE: f32 = 0.9;
/// No setting makes a coin's throw an answer.
const SEND_CONFIDENCE_MIN: f32 = 0.6;
