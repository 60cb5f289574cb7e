//! Email against real servers: Dovecot keeps the mailboxes and tells of new mail, Postfix takes what is sent and gives
//! back what cannot be delivered (R11, R37, R56, W2, W6). Both are run by the test, on ports of their own.

// Clippy sees tests only in functions that are marked as such; everything here is one.
#![allow(clippy::unwrap_used, missing_docs)]

mod fixtures;
mod house;
mod reading;
mod servers;
mod walkthrough;
#[path = "../common/words.rs"]
mod words;
