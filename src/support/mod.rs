//! The one support core: every channel's turns are answered, gated and handed on here.
//!
//! Flow of a turn: words → small talk? → vector → spelling → retrieval → confidence → gate → sentences. No effects.

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
pub mod spelling;
pub mod summary;
pub mod text;
pub mod unresolved;
mod vectors;
pub mod wording;

pub use desk::Desk;

/// A published agent that is automatic when safe, for tests.
#[cfg(test)]
pub(crate) fn test_agent() -> crate::domain::agent::Agent {
    use crate::domain::{agent::Agent, ids::AgentId};
    Agent { greeting: "Hello.".into(), ..Agent::automatic(AgentId(uuid::Uuid::nil()), "The Shop") }
}
