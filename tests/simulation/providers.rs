//! Stand-ins for what is asked for during a call: the desk and the voice. Quick as a rule, and sometimes not.

use std::time::Duration;

use switchboard::domain::agent::Agent;
use switchboard::domain::turn::{ChannelTraits, Decision, Line, Reason, RiskTopic, Turn, Verdict};
use switchboard::support::unresolved::{self, Resolution};

use crate::chance::Chance;

/// Marks what only a person may see.
pub const DRAFTED: &str = "DRAFT";

/// What the desk makes of a turn, and when; `None`: it fails, or never answers at all.
pub fn desk(
    chance: &mut Chance,
    agent: &Agent,
    text: &str,
    history: &[Line],
) -> (Option<Duration>, Option<(Turn, Resolution)>) {
    let delay = match chance.weighted(&[(85, 0), (9, 1), (5, 2), (1, 3)]) {
        0 => Some(chance.ms(5..=40)),
        1 => Some(chance.ms(40..=1_500)),
        2 => Some(chance.ms(1_500..=12_000)),
        _ => None,
    };
    if chance.per_mille(15) {
        return (delay, None);
    }
    let (verdict, reason) = verdict(chance, agent, text);
    let confidence = chance.number(0..=100) as f32 / 100.0;
    let decision =
        Decision { verdict, reason, confidence, sources: vec![], features: vec![], desk_ms: 15.0, writer: None };
    let (sentences, offered) = match (verdict, reason) {
        (Verdict::Send, Reason::NothingAsked) => (vec!["You are welcome.".to_owned()], None),
        (Verdict::Send, _) => (vec!["We are open from nine to five.".into(), "On Saturdays until one.".into()], None),
        (Verdict::Clarify, _) => (vec!["Do you mean the blue lamp?".to_owned()], Some("lamp".to_owned())),
        (_, Reason::Risk(RiskTopic::SelfHarm)) => (vec!["Please call 112 at once.".to_owned()], None),
        (Verdict::Hold | Verdict::HandOff, _) if chance.percent(50) => (vec![format!("{DRAFTED} of a reply.")], None),
        (Verdict::Hold | Verdict::HandOff, _) => (vec![], None),
    };
    let resolution = unresolved::choose(agent, &decision, ChannelTraits::PHONE, text, history);
    (delay, Some((Turn { decision, sentences, offered }, resolution)))
}

fn verdict(chance: &mut Chance, agent: &Agent, text: &str) -> (Verdict, Reason) {
    if !agent.published {
        return (Verdict::Hold, Reason::Unpublished);
    }
    if text.contains("person") && chance.percent(90) {
        return (Verdict::HandOff, Reason::Risk(RiskTopic::RequestForHuman));
    }
    let risk = |chance: &mut Chance| {
        Reason::Risk(*chance.pick(&[
            &RiskTopic::SelfHarm,
            &RiskTopic::Legal,
            &RiskTopic::Safety,
            &RiskTopic::BillingDispute,
            &RiskTopic::Refund,
            &RiskTopic::AccountAccess,
            &RiskTopic::PersonalData,
            &RiskTopic::Abuse,
            &RiskTopic::Upset,
        ]))
    };
    match chance.weighted(&[(45, 0), (10, 1), (10, 2), (15, 3), (20, 4)]) {
        0 => (Verdict::Send, *chance.pick(&[&Reason::ClearAndLowRisk, &Reason::NothingAsked])),
        1 => (Verdict::Clarify, Reason::Ambiguous),
        2 => (Verdict::Hold, *chance.pick(&[&Reason::EntrySensitivity, &Reason::FaultReported, &Reason::DraftOnly])),
        3 => (Verdict::Hold, *chance.pick(&[&Reason::NotKnown, &Reason::UnsupportedLanguage])),
        _ => (Verdict::HandOff, risk(chance)),
    }
}

/// How long the first sample of these words takes. What is kept ready comes at once.
pub fn synthesis(chance: &mut Chance, kept_ready: bool) -> Duration {
    if kept_ready {
        return chance.ms(10..=60);
    }
    match chance.weighted(&[(92, 0), (5, 1), (3, 2)]) {
        0 => chance.ms(60..=400),
        1 => chance.ms(400..=1_500),
        _ => chance.ms(1_500..=9_000),
    }
}

/// How long they are heard.
pub fn spoken_for(words: &[String]) -> Duration {
    let count: usize = words.iter().map(|sentence| sentence.split_whitespace().count()).sum();
    WORD * u32::try_from(count.max(1)).unwrap_or(u32::MAX)
}

/// About 170 words a minute.
const WORD: Duration = Duration::from_millis(350);
