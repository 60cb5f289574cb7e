//! Switchboard: a self-hosted support front desk.
//!
//! Read `ARCHITECTURE.md` first. Floors, from the top: `app` and `cli` → `http` → `voice` → `support` →
//! `seams` → `domain`, `config`; `adapters` and `sip` implement seams and are named by `app` alone.

pub mod adapters;
pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod seams;
pub mod sip;
pub mod support;
pub mod voice;
