//! Signalling: SIP behind the house's own seam.
//!
//! The rooms named here first are pure: bytes, times and secrets come in, decisions come out. The core that
//! owns sockets and the transaction stack is built upon them.

mod abandoned;
pub mod auth;
mod body;
mod call;
mod calling;
mod caps;
mod client;
mod core;
mod descriptions;
mod dialog;
mod digest;
mod doors;
mod gate;
mod grammar;
mod handle;
mod health;
mod identity;
mod incoming;
mod invite_client;
mod invite_server;
mod keep_alive;
mod keys;
mod limits;
mod line;
pub mod numbers;
mod outgoing;
mod peers;
pub mod registrar;
mod registration;
mod reliable;
mod ringing;
pub mod screen;
pub mod sdp;
mod server;
mod session_timer;
mod spoken;
mod stream;
mod tls;
mod transfer;
mod udp;
mod ways;
mod wire;
mod ws;

pub use self::core::SipTimes;
pub use rsipstack::resolver::sip_resolver::{LookupSource, SrvRecord};
pub use server::{SipError, SipLoad, SipParts, SipServer, TrunkState};
pub use tls::prove_trunk;
