//! Conversations by message: accepted, answered or held, taken over, resolved; over the API and through a crash
//! (R13, R17–R26, R31–R33, R56, P3).

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod api;
mod attachments;
mod contention;
#[path = "../common/desk.rs"]
mod desk;
mod house;
mod keys;
mod killed;
mod saved;
#[path = "../common/words.rs"]
mod words;
mod written;
