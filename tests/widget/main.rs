//! The chat on the business's own pages over HTTP (R11–R14, R33, R56, W1, W5, P3).

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../common/desk.rs"]
mod desk;
mod house;
mod killed;
mod safety;
mod talk;
mod visits;
