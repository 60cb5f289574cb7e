//! The one support core: every channel's turns are answered, gated and handed on here.
//!
//! Flow of a turn: words → small talk? → vector → spelling → retrieval → confidence → gate → sentences. No effects.

pub mod arguments;
pub mod bm25;
pub mod confidence;
pub mod desk;
#[cfg(test)]
mod desk_tests;
pub mod facts;
pub mod flush;
pub mod gate;
pub mod grounded;
pub mod index;
pub mod language;
pub mod measure;
pub mod offer;
pub mod pattern;
mod respond;
pub mod risk_head;
pub mod rules;
pub mod sensitivity;
pub mod small_talk;
pub mod spelling;
pub mod summary;
mod summary_facts;
pub mod text;
pub mod unresolved;
mod vectors;
pub mod wording;
pub mod writer;
#[cfg(test)]
mod writer_tests;
pub mod writing;

pub use desk::Desk;

/// A published agent that is automatic when safe, for tests.
#[cfg(test)]
pub(crate) fn test_agent() -> crate::domain::agent::Agent {
    use crate::domain::{agent::Agent, ids::AgentId};
    Agent { greeting: "Hello.".into(), ..Agent::automatic(AgentId(uuid::Uuid::nil()), "The Shop") }
}
