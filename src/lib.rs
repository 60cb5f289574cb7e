//! Switchboard: a self-hosted support front desk. It answers telephone calls, understands speech on this machine,
//! answers from the company's knowledge, and brings in a person where that is called for.
//!
//! # The house
//!
//! Two crates. `media` is the real-time audio engine: no clock, no socket, no runtime. This one is everything else,
//! in floors; a room names only the rooms below it, which `tests/floors.rs` keeps.
//!
//! ```text
//! app, cli                 put the house together; the only rooms that name concrete adapters
//! http                     API, live page, metrics, health: handlers, no policy
//! channels                 accounts of channels beside the phone: what comes in by them, what goes out
//! messages                 conversations by message: accepted, answered or held, and what teammates do with a case
//! voice                    calls: who speaks when, what is said and done next, calling a person, the journal
//! support                  the one support core: retrieval, confidence, gate, on-unresolved choice, summary
//! seams                    the traits that everything replaceable stands behind, and the types that cross them
//! domain, config           nouns; settings with their defaults, checks and reference
//! certificates             those of ours and those we trust, read again when their files change
//!
//! adapters, sip            implement the seams: models, store, media node; signalling
//! ```
//!
//! # Where to begin
//!
//! - One call from its INVITE to its last entry in the journal: [`voice::front_desk::FrontDesk`], then `voice::call`.
//! - What is said and done next, as a pure machine: [`voice::flow::CallFlow`].
//! - One question and its answer, without effects: [`support::Desk::turn`].
//! - How it is all put together: [`app::House`] and [`app::serve::serve`].
//!
//! `ARCHITECTURE.md` has the invariants, a numbered walk through every flow, and why things are as they are.

pub mod adapters;
pub mod app;
pub mod certificates;
pub mod channels;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod knowledge;
pub mod messages;
pub mod seams;
pub mod sip;
pub mod support;
pub mod team;
pub mod voice;
pub mod webrtc;
