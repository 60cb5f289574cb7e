//! Who may come in and how far: accounts, sessions, roles, tokens, the audit log (R41, R42, W5).

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod access;
#[path = "../common/desk.rs"]
mod desk;
mod house;
mod roles;
#[path = "../common/samples.rs"]
#[expect(dead_code, reason = "shared with tests that use all of it")]
mod samples;
mod signing_in;
