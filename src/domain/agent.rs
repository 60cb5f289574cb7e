//! The support agent: what it may do, and what happens when it cannot.

use serde::{Deserialize, Serialize};

use super::escalation::EscalationPolicy;
use super::ids::AgentId;

/// When a reply may go out without a person (R17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyMode {
    /// Never: every reply is a draft for a person.
    #[default]
    DraftOnly,
    /// When the answer is clear and low-risk.
    AutomaticWhenSafe,
}

/// What happens to a case that the agent cannot resolve (R23–R26).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnUnresolved {
    /// The best honest answer; no ticket, no transfer.
    Nothing,
    /// A ticket with the information collected.
    #[default]
    Flag,
    /// The call is transferred to the configured destination; on message channels it acts as `Flag`.
    Escalate,
    /// The agent chooses among the three for each case and records why.
    Decide,
}

/// One immutable revision of an agent's settings. Live calls keep the revision they began with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Agent {
    /// Which agent.
    pub id: AgentId,
    /// Grows by one with each saved change.
    pub revision: u64,
    /// The business it speaks for, as it is said aloud.
    pub business: String,
    /// What is said first; a sentence that says it is automated is put before it where it lacks one (R48).
    pub greeting: String,
    /// Whether it answers customers at all (R19).
    pub published: bool,
    /// When a reply goes out without a person.
    pub mode: ReplyMode,
    /// What happens to a case it cannot resolve.
    pub on_unresolved: OnUnresolved,
    /// Topics that are escalated whatever the choice (R26), by the names of [`super::turn::RiskTopic`] or free words.
    pub escalate_topics: Vec<String>,
    /// Topics that become a callback whatever the choice.
    pub callback_topics: Vec<String>,
    /// Who is brought into a case, and what happens when nobody comes.
    pub escalation: EscalationPolicy,
    /// Confidence from which an answer goes out, 0–1; 0.9 unless an admin lowers it to 0.8.
    pub send_confidence: f32,
    /// Whether calls are recorded after their notice (R48).
    pub record_calls: bool,
    /// The local emergency number, said first to a caller in danger (R57).
    pub emergency_number: String,
}

/// What an admin decides about cases that the agent cannot or should not resolve: the part of its settings that the
/// API writes as one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct HandOver {
    /// What happens to a case it cannot resolve.
    pub on_unresolved: OnUnresolved,
    /// Topics that are escalated whatever the choice.
    pub escalate_topics: Vec<String>,
    /// Topics that become a callback whatever the choice.
    pub callback_topics: Vec<String>,
    /// Who is brought into a case, and what happens when nobody comes.
    #[serde(flatten)]
    pub escalation: EscalationPolicy,
}

impl Agent {
    /// A published agent that answers when safe and otherwise flags, with defaults in everything else; its first
    /// revision. Questions from the command line and replays are judged by it.
    pub fn automatic(id: AgentId, business: &str) -> Agent {
        Agent {
            id,
            revision: 1,
            business: business.to_owned(),
            greeting: String::new(),
            published: true,
            mode: ReplyMode::AutomaticWhenSafe,
            on_unresolved: OnUnresolved::Flag,
            escalate_topics: Vec::new(),
            callback_topics: Vec::new(),
            escalation: EscalationPolicy::default(),
            send_confidence: 0.9,
            record_calls: false,
            emergency_number: "112".to_owned(),
        }
    }

    /// What is decided about unresolved cases.
    pub fn hand_over(&self) -> HandOver {
        HandOver {
            on_unresolved: self.on_unresolved,
            escalate_topics: self.escalate_topics.clone(),
            callback_topics: self.callback_topics.clone(),
            escalation: self.escalation.clone(),
        }
    }

    /// The same agent with other decisions about unresolved cases.
    pub fn with_hand_over(self, hand_over: HandOver) -> Agent {
        let HandOver { on_unresolved, escalate_topics, callback_topics, escalation } = hand_over;
        Agent { on_unresolved, escalate_topics, callback_topics, escalation, ..self }
    }
}
