//! The one support core: every channel's turns are answered, gated and handed on here.
//!
//! Flow of a turn: words → small talk? → vector → retrieval → confidence → gate → sentences. No effects.

pub mod bm25;
pub mod confidence;
pub mod desk;
pub mod gate;
pub mod index;
pub mod language;
pub mod offer;
pub mod pattern;
pub mod risk_head;
pub mod rules;
pub mod sensitivity;
pub mod small_talk;
pub mod text;
pub mod unresolved;
mod vectors;
pub mod wording;

pub use desk::Desk;
