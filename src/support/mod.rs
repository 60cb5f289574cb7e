//! The one support core: every channel's turns are answered, gated and handed on here.
//!
//! Flow of a turn: words → small talk? → vector → retrieval → confidence → gate → sentences. No effects.

pub mod bm25;
pub mod confidence;
pub mod desk;
#[cfg(test)]
mod desk_tests;
pub mod gate;
pub mod index;
pub mod language;
pub mod measure;
pub mod offer;
pub mod pattern;
pub mod risk_head;
pub mod rules;
pub mod sensitivity;
pub mod small_talk;
pub mod summary;
pub mod text;
pub mod unresolved;
mod vectors;
pub mod wording;

pub use desk::Desk;

/// A published agent that is automatic when safe, for tests.
#[cfg(test)]
pub(crate) fn test_agent() -> crate::domain::agent::Agent {
    crate::domain::agent::Agent {
        id: crate::domain::ids::AgentId(uuid::Uuid::nil()),
        revision: 1,
        business: "The Shop".into(),
        greeting: "Hello.".into(),
        published: true,
        mode: crate::domain::agent::ReplyMode::AutomaticWhenSafe,
        on_unresolved: crate::domain::agent::OnUnresolved::Flag,
        escalate_topics: Vec::new(),
        callback_topics: Vec::new(),
        escalation: Default::default(),
        send_confidence: 0.9,
        record_calls: false,
        emergency_number: "112".into(),
    }
}
