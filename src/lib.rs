//! Switchboard: a self-hosted support front desk.
//!
//! Read `ARCHITECTURE.md` first. Floors, from the top: `app` and `cli` → `http` → `voice` → `support` →
//! `seams` → `domain`, `config`; `adapters` and `sip` implement seams and are named by `app` alone.

pub mod adapters;
pub mod cli;
pub mod domain;
pub mod seams;
pub mod voice;
