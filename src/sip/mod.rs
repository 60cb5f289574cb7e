//! Signalling: SIP behind the house's own seam.
//!
//! The rooms named here first are pure: bytes, times and secrets come in, decisions come out. The core that
//! owns sockets and the transaction stack is built upon them.

pub mod auth;
mod grammar;
pub mod numbers;
pub mod registrar;
pub mod screen;
pub mod sdp;
