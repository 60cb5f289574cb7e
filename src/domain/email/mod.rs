//! Email, as bytes and as what they mean (RFC 5322, RFC 2045 and following). Pure.
//!
//! 1. [`read`] makes a [`Mail`] of bytes from anybody, or says why it cannot be read: that one is put aside and shown.
//! 2. [`automatic`] and [`bounce`] say whether a machine wrote it; such mail is never answered by ours.
//! 3. [`thread`] gives every name under which the conversation that it continues may be known.
//! 4. [`split`] parts the sender's words from quoted history and signature; [`clean`] makes HTML safe to show.
//! 5. [`incoming`] decides what becomes of a mail, of all that.
//! 6. [`compose`] writes what goes out, [`dkim`] signs it.

pub mod authentic;
pub mod automatic;
pub mod bounce;
pub mod clean;
pub mod compose;
pub mod dkim;
pub mod header;
pub mod html_text;
pub mod incoming;
pub mod limit;
mod markers;
pub mod notice;
pub mod read;
pub mod split;
pub mod standing;
pub mod thread;

pub use header::{Headers, Mailbox};
pub use read::{Mail, MailAttachment, Unreadable, read};
