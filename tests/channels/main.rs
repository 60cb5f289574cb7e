//! Channels against stand-ins that keep their vendors' contracts (R11–R13, W1, W6): what comes in is kept once, what
//! goes out arrives once and in order, whatever the vendor answers and whenever we are killed.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod accounts;
mod conformance;
#[path = "../common/desk.rs"]
mod desk;
mod discord;
#[path = "../messages/house.rs"]
mod house;
mod killed;
mod shop;
mod slack;
mod standin;
mod telegram;
mod webhooks;
#[path = "../common/words.rs"]
mod words;
