//! Calls from browsers, over WebRTC.
//!
//! 1. An offer comes in over HTTP ([`Browsers::place`]): it is read (`sdp`), a leg is made that has no sockets of its own,
//!    and the answer names our one port. The call rings at the desk at once, so that the greeting is ready in time.
//! 2. The browser checks the port and begins the exchange of keys there (`port`, `peer`: `ice`, `stun`, `dtls`).
//! 3. The keys go to the leg, which protects what it sends and opens what it hears by itself. The call is answered.
//! 4. After a change of network the browser restarts over HTTP; keys, leg and conversation stay.
//!
//! SIP calls of browsers, and of telephones that exchange keys on their audio's own way, share 2 and 3 (`session`, `keyed`):
//! the former at the same port, the latter each at a port of its own.
//!
//! Everything but `port`, `desk`, `calls`, `session` and `keyed` is pure: time and chance come in as arguments.

mod calls;
mod desk;
mod dtls;
mod ice;
mod keyed;
mod limits;
mod meeting;
mod path;
mod peer;
mod port;
mod sdp;
mod session;
mod stun;
#[cfg(test)]
mod tests;
mod turn;

pub use calls::{BrowserParts, Browsers, StartError};
pub use stun::fuzz as fuzz_stun;
