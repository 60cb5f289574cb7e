//! What happens to a case that the agent cannot resolve: a pure choice (R23–R26, R52).

use crate::domain::agent::{Agent, OnUnresolved};
use crate::domain::turn::{ChannelTraits, Decision, Line, Reason, RiskTopic, Speaker, Verdict};

use super::{pattern, text};

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The best honest answer; no ticket, no transfer.
    Nothing,
    /// A ticket with the information collected.
    Flag,
    /// The call is offered to the configured person.
    Escalate,
    /// A ticket to call back.
    Callback,
    /// Ask again before anything is done: nothing was understood yet.
    AskAgain,
}

/// The choice for one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// What is done.
    pub action: Action,
    /// What is done if nobody takes the call: a callback where both lists name the topic, else a ticket.
    pub then: Option<Action>,
    /// Whether the conversation is marked "Needs human help".
    pub needs_human: bool,
    /// Whether it goes before all others: a person may be in danger.
    pub urgent: bool,
    /// Why, as a sentence for teammates.
    pub why: String,
}

/// Chooses what happens to a turn that was not sent. `history` holds the earlier lines, without the turn's own.
pub fn choose(agent: &Agent, decision: &Decision, traits: ChannelTraits, text: &str, history: &[Line]) -> Resolution {
    let ground = explain(decision.reason);
    let urgent = decision.reason == Reason::Risk(RiskTopic::SelfHarm);
    let resolution = |action, then, needs_human, why| Resolution { action, then, needs_human, urgent, why };
    if matches!(decision.verdict, Verdict::Send | Verdict::Clarify) {
        return resolution(Action::Nothing, None, false, ground);
    }
    if let Some(mandatory) = mandatory(agent, decision.reason, text, urgent) {
        let (action, then) = by_channel(mandatory.0, mandatory.1, traits);
        return resolution(action, then, true, format!("{ground}; {}", mandatory.2));
    }
    if traits.live && !understood(decision, text, history) {
        return resolution(Action::AskAgain, None, false, "Nothing was understood yet".into());
    }
    let (chosen, why) = match agent.on_unresolved {
        OnUnresolved::Nothing => (Action::Nothing, ground),
        OnUnresolved::Flag => (Action::Flag, ground),
        OnUnresolved::Escalate => (Action::Escalate, ground),
        OnUnresolved::Decide => decide(decision.reason, traits, ground),
    };
    let (action, then) = by_channel(chosen, None, traits);
    let why = match (chosen, action) {
        (Action::Escalate, Action::Flag) => format!("{why}; this channel cannot transfer, so it becomes a ticket"),
        _ => why,
    };
    let needs_human = action != Action::Nothing || is_sensitive(decision.reason);
    resolution(action, then, needs_human, why)
}

/// The lists that precede every choice: escalate, callback, or both in turn. Danger is always escalated.
fn mandatory(
    agent: &Agent,
    reason: Reason,
    text: &str,
    urgent: bool,
) -> Option<(Action, Option<Action>, &'static str)> {
    if urgent {
        return Some((Action::Escalate, None, "danger always goes to a person"));
    }
    let words = text::words(text);
    let escalate = agent.escalate_topics.iter().any(|topic| names(topic, reason, &words));
    let callback = agent.callback_topics.iter().any(|topic| names(topic, reason, &words));
    match (escalate, callback) {
        (true, true) => {
            Some((Action::Escalate, Some(Action::Callback), "a topic that is always escalated, then called back"))
        }
        (true, false) => Some((Action::Escalate, None, "a topic that is always escalated")),
        (false, true) => Some((Action::Callback, None, "a topic that is always called back")),
        (false, false) => None,
    }
}

/// Whether a configured topic names this reason, or its words stand in the text.
fn names(topic: &str, reason: Reason, words: &[String]) -> bool {
    let wanted = text::words(topic);
    if wanted.is_empty() {
        return false;
    }
    let of_reason = match reason {
        Reason::Risk(risk) => text::words(name(risk)) == wanted,
        _ => false,
    };
    of_reason || pattern::matches(&wanted.join(" "), words)
}

/// Escalation needs a channel that can transfer; whoever does not take the call leaves a ticket.
fn by_channel(action: Action, then: Option<Action>, traits: ChannelTraits) -> (Action, Option<Action>) {
    match action {
        Action::Escalate if traits.can_transfer => (Action::Escalate, then.or(Some(Action::Flag))),
        Action::Escalate => (then.unwrap_or(Action::Flag), None),
        Action::Nothing | Action::Flag | Action::Callback | Action::AskAgain => (action, then),
    }
}

/// R26: the choice for each case, with its ground.
fn decide(reason: Reason, traits: ChannelTraits, ground: String) -> (Action, String) {
    let (action, because) = match reason {
        Reason::Risk(RiskTopic::RequestForHuman) => (Action::Escalate, "a person was asked for"),
        Reason::Risk(RiskTopic::SelfHarm | RiskTopic::Safety | RiskTopic::Legal) => {
            (Action::Escalate, "it cannot wait and must not be answered by a machine")
        }
        Reason::Risk(RiskTopic::Upset | RiskTopic::Abuse) if traits.live => {
            (Action::Escalate, "the customer is upset and on the line")
        }
        Reason::Risk(_) | Reason::EntrySensitivity => (Action::Flag, "a person must look at it, and it can wait"),
        Reason::FaultReported | Reason::NotKnown | Reason::Ambiguous | Reason::UnsupportedLanguage => {
            (Action::Flag, "a person can answer it later")
        }
        Reason::WriterFlagged => (Action::Flag, "a person should look at it, and it can wait"),
        Reason::WriterEscalated => (Action::Escalate, "a person should take it now"),
        Reason::OnlyFiles => (Action::Flag, "a person has to look at them"),
        Reason::DraftOnly | Reason::Unpublished => (Action::Flag, "the agent answers nothing by itself"),
        Reason::NothingAsked | Reason::ClearAndLowRisk => (Action::Nothing, "there is nothing to do"),
    };
    let done = match action {
        Action::Escalate => "escalate",
        Action::Flag => "flag",
        Action::Nothing | Action::Callback | Action::AskAgain => "nothing",
    };
    (action, format!("{ground}; decided to {done}: {because}"))
}

/// R26: under *nothing* these are still marked for a person.
fn is_sensitive(reason: Reason) -> bool {
    match reason {
        Reason::Risk(_)
        | Reason::EntrySensitivity
        | Reason::UnsupportedLanguage
        | Reason::WriterFlagged
        | Reason::WriterEscalated
        | Reason::OnlyFiles => true,
        Reason::ClearAndLowRisk
        | Reason::Ambiguous
        | Reason::NotKnown
        | Reason::FaultReported
        | Reason::DraftOnly
        | Reason::Unpublished
        | Reason::NothingAsked => false,
    }
}

/// R52: whether the caller said something understood, now or before. Noise read as a word or two is not.
fn understood(decision: &Decision, text: &str, history: &[Line]) -> bool {
    let says_something = |text: &str| text::content_stems(text).len() >= 2 || text::words(text).len() >= 4;
    matches!(decision.reason, Reason::Risk(_) | Reason::EntrySensitivity)
        || decision.confidence >= super::gate::CLARIFY_CONFIDENCE
        || says_something(text)
        || history.iter().any(|line| line.speaker == Speaker::Customer && says_something(&line.text))
}

/// A reason as a sentence for teammates, without its full stop.
pub fn explain(reason: Reason) -> String {
    match reason {
        Reason::ClearAndLowRisk => "The answer is clear and low-risk".into(),
        Reason::Ambiguous => "It is not certain which question was meant".into(),
        Reason::NotKnown => "Nothing in the knowledge answers it well enough".into(),
        Reason::WriterFlagged => "The language model would rather have a person look at it".into(),
        Reason::WriterEscalated => "The language model would rather have a person take it".into(),
        Reason::Risk(topic) => format!("Sensitive: {}", name(topic)),
        Reason::EntrySensitivity => "The matching entry is marked for a person".into(),
        Reason::FaultReported => "The customer reports a fault, which the answer does not speak of".into(),
        Reason::DraftOnly => "The agent only drafts".into(),
        Reason::Unpublished => "The agent is not published".into(),
        Reason::OnlyFiles => "Files came without words".into(),
        Reason::NothingAsked => "Nothing was asked".into(),
        Reason::UnsupportedLanguage => "The language is not supported".into(),
    }
}

/// A topic as people write it.
pub fn name(topic: RiskTopic) -> &'static str {
    match topic {
        RiskTopic::SelfHarm => "self harm",
        RiskTopic::RequestForHuman => "request for human",
        RiskTopic::Legal => "legal",
        RiskTopic::Safety => "safety",
        RiskTopic::BillingDispute => "billing dispute",
        RiskTopic::Refund => "refund",
        RiskTopic::AccountAccess => "account access",
        RiskTopic::PersonalData => "personal data",
        RiskTopic::Abuse => "abuse",
        RiskTopic::Upset => "upset",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::test_agent;

    fn decision(verdict: Verdict, reason: Reason) -> Decision {
        Decision { verdict, reason, confidence: 0.2, sources: vec![], features: vec![], desk_ms: 0.0, writer: None }
    }

    fn chosen(agent: &Agent, reason: Reason, traits: ChannelTraits, text: &str) -> Resolution {
        choose(agent, &decision(Verdict::Hold, reason), traits, text, &[])
    }

    fn with(on_unresolved: OnUnresolved) -> Agent {
        Agent { on_unresolved, ..test_agent() }
    }

    const ASKED: &str = "do you have the blue lamp";

    /// R23–R25.
    #[test]
    fn each_choice_does_what_it_says_on_a_call() {
        for (choice, action, then) in [
            (OnUnresolved::Nothing, Action::Nothing, None),
            (OnUnresolved::Flag, Action::Flag, None),
            (OnUnresolved::Escalate, Action::Escalate, Some(Action::Flag)),
        ] {
            let resolution = chosen(&with(choice), Reason::NotKnown, ChannelTraits::PHONE, ASKED);
            assert_eq!((resolution.action, resolution.then), (action, then));
            assert_eq!(resolution.needs_human, action != Action::Nothing);
        }
    }

    /// R25: where the channel cannot transfer, escalate acts as flag, and says so.
    #[test]
    fn escalate_becomes_a_ticket_where_nobody_can_be_joined() {
        let resolution = chosen(&with(OnUnresolved::Escalate), Reason::NotKnown, ChannelTraits::API, ASKED);
        assert_eq!(resolution.action, Action::Flag);
        assert!(resolution.why.contains("cannot transfer"));
    }

    /// R26: under nothing, sensitive cases and requests for a person are still marked.
    #[test]
    fn under_nothing_a_sensitive_case_is_still_marked_for_a_person() {
        for topic in [RiskTopic::Refund, RiskTopic::RequestForHuman] {
            let resolution = chosen(&with(OnUnresolved::Nothing), Reason::Risk(topic), ChannelTraits::PHONE, ASKED);
            assert_eq!((resolution.action, resolution.needs_human), (Action::Nothing, true));
        }
    }

    /// R26: decide chooses by the case and records why.
    #[test]
    fn decide_chooses_by_the_case_and_says_why() {
        let agent = with(OnUnresolved::Decide);
        for (reason, action) in [
            (Reason::Risk(RiskTopic::RequestForHuman), Action::Escalate),
            (Reason::Risk(RiskTopic::Upset), Action::Escalate),
            (Reason::Risk(RiskTopic::Refund), Action::Flag),
            (Reason::NotKnown, Action::Flag),
        ] {
            let resolution = chosen(&agent, reason, ChannelTraits::PHONE, ASKED);
            assert_eq!(resolution.action, action, "{reason:?}");
            assert!(resolution.why.contains("decided to"), "{}", resolution.why);
        }
    }

    /// R26: the two lists precede the choice; if both match, escalate, then callback.
    #[test]
    fn mandatory_topics_precede_the_choice() {
        let agent = Agent {
            on_unresolved: OnUnresolved::Nothing,
            escalate_topics: vec!["legal".into(), "water damage".into()],
            callback_topics: vec!["Legal".into(), "billing_dispute".into()],
            ..test_agent()
        };
        let chosen = |reason, text| chosen(&agent, reason, ChannelTraits::PHONE, text);
        let legal = chosen(Reason::Risk(RiskTopic::Legal), "my lawyer");
        assert_eq!((legal.action, legal.then), (Action::Escalate, Some(Action::Callback)));
        assert_eq!(chosen(Reason::Risk(RiskTopic::BillingDispute), "x").action, Action::Callback);
        let water = chosen(Reason::NotKnown, "i have water damage in the kitchen");
        assert_eq!((water.action, water.then), (Action::Escalate, Some(Action::Flag)));
        assert_eq!(chosen(Reason::NotKnown, "i have water in a blue glass").action, Action::Nothing);
    }

    /// R52: a cough starts no ladder, a mandatory topic does.
    #[test]
    fn nothing_is_done_before_something_was_understood() {
        let agent = Agent { escalate_topics: vec!["fire".into()], ..with(OnUnresolved::Escalate) };
        let chosen = |text| chosen(&agent, Reason::NotKnown, ChannelTraits::PHONE, text);
        assert_eq!(chosen("uh").action, Action::AskAgain);
        assert_eq!(chosen("fire").action, Action::Escalate);
        assert_eq!(chosen(ASKED).action, Action::Escalate);
        let history = [Line { speaker: Speaker::Customer, text: ASKED.into() }];
        let later = choose(&agent, &decision(Verdict::Hold, Reason::NotKnown), ChannelTraits::PHONE, "uh", &history);
        assert_eq!(later.action, Action::Escalate);
    }

    /// Danger is escalated at once, whatever is configured, and goes before all others.
    #[test]
    fn danger_is_urgent_and_always_escalated() {
        let resolution =
            chosen(&with(OnUnresolved::Nothing), Reason::Risk(RiskTopic::SelfHarm), ChannelTraits::PHONE, "x");
        assert_eq!((resolution.action, resolution.urgent, resolution.needs_human), (Action::Escalate, true, true));
        let message = chosen(&with(OnUnresolved::Nothing), Reason::Risk(RiskTopic::SelfHarm), ChannelTraits::API, "x");
        assert_eq!((message.action, message.urgent, message.needs_human), (Action::Flag, true, true));
    }

    #[test]
    fn what_was_sent_needs_nothing() {
        let sent = decision(Verdict::Send, Reason::ClearAndLowRisk);
        let resolution = choose(&with(OnUnresolved::Flag), &sent, ChannelTraits::API, ASKED, &[]);
        assert_eq!((resolution.action, resolution.needs_human), (Action::Nothing, false));
    }
}
