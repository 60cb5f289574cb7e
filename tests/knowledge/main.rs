//! The knowledge over the API: saved, found at once, kept with its history, and what is missing (R15, R16, R21, W3, W4).

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod articles;
#[path = "../common/desk.rs"]
mod desk;
mod gaps;
mod house;
mod imports;
