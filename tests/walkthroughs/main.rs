//! Whole calls through the whole house: `switchboard serve` as its own process, baresip and SIPp as the user
//! agents at the other ends, real audio in both directions over loopback.
//!
//! What a caller says is synthesised with another voice than the agent's, or recorded from people (`FIXTURES_DIR`);
//! what a phone heard is transcribed again and looked through for the words that had to be heard. The tests need
//! the models (`SWITCHBOARD_MODELS_DIR`), baresip and SIPp, and are skipped with a printed reason without them.
//! They run one after another: two calls that share two processor cores would disturb each other's timing.

#![allow(clippy::unwrap_used, dead_code)] // Everything here is a test, and shares its tools with the browsers' tests.

mod answering;
mod audio;
mod calling_back;
#[path = "../common/certificates.rs"]
mod certificates;
mod drain;
mod escalation;
mod hosts;
mod house;
mod interruption;
mod keys;
mod ladder;
mod lost;
mod menu;
mod nat;
mod phone;
mod sealed;
mod signalling;
mod sipp;
mod third_ear;
mod transfer;
mod unpublished;
mod writer;
