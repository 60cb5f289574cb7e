//! The API over a real connection.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod acme;
mod browser_calls;
mod calls;
#[expect(dead_code, reason = "shared with tests that use all of it")]
#[path = "../common/certificates.rs"]
mod certificates;
#[path = "../common/desk.rs"]
mod desk;
mod document;
mod escalation;
#[expect(dead_code, reason = "shared with tests that use all of it")]
#[path = "../common/samples.rs"]
mod samples;
mod server;
