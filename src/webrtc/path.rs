//! How a far end is found.
//!
//! Browsers are found by their checks ([`Agent`]). Telephones do not check: they are where their description says, or,
//! behind NAT, wherever somebody completes the exchange of keys with the certificate of that description. Until then
//! anybody may try, a few at a time, and none of them keeps the others from it; afterwards nobody else is heard.

use std::net::SocketAddr;
use std::time::Instant;

use super::dtls::{Exchange, FAR};
use super::ice::Agent;

/// Addresses from which an exchange is tried at a time, beside the described one: each costs about 20 kB until the call
/// is connected, and who is behind NAT needs one of them.
const TRIED_MAX: usize = 16;

/// The way to one far end.
pub enum Path {
    /// By its checks.
    Checked(Box<Agent>),
    /// By its description.
    Described(Described),
}

/// A far end that does not check.
pub struct Described {
    /// Where it says it is.
    pub address: SocketAddr,
    /// Whether it is heard from nowhere else.
    pub is_only_there: bool,
    proven: Option<Proven>,
}

/// Who has shown the certificate.
#[derive(Clone, Copy)]
struct Proven {
    /// The exchange knows it by this name.
    name: SocketAddr,
    at: SocketAddr,
}

impl Described {
    /// Nobody has proven anything yet.
    pub fn new(address: SocketAddr, is_only_there: bool) -> Described {
        Described { address, is_only_there, proven: None }
    }

    /// Another address in its description; true where it is one to which audio goes from now on. Behind NAT, where
    /// descriptions are wrong, it goes on where it was proven.
    pub fn redirect(&mut self, to: SocketAddr) -> bool {
        let before = std::mem::replace(&mut self.address, to);
        match &mut self.proven {
            Some(proven) if before != to && proven.at == before => {
                proven.at = to;
                true
            }
            _ => false,
        }
    }

    /// The name of whom a datagram of an exchange is from, if it is looked at.
    fn name_of(&self, from: SocketAddr, exchange: &Exchange) -> Option<SocketAddr> {
        let is_admitted = match self.proven {
            Some(proven) => return (from == proven.at).then_some(proven.name),
            None if from == self.address => true,
            None => !self.is_only_there && (exchange.knows(from) || exchange.len() <= TRIED_MAX),
        };
        is_admitted.then_some(from)
    }
}

impl Path {
    /// Under which name the exchange knows whoever sent this; `None` where it is not to be looked at. Whoever checks is
    /// one, wherever it writes from.
    pub fn name_of(&self, from: SocketAddr, exchange: &Exchange) -> Option<SocketAddr> {
        match self {
            Path::Checked(_) => Some(FAR),
            Path::Described(described) => described.name_of(from, exchange),
        }
    }

    /// Whoever the exchange knows by this name has shown the certificate.
    pub fn prove(&mut self, name: SocketAddr) {
        if let Path::Described(described) = self {
            described.proven = Some(Proven { name, at: name });
        }
    }

    /// Where audio goes, and where it is heard from.
    pub fn selected(&self) -> Option<SocketAddr> {
        match self {
            Path::Checked(agent) => agent.selected(),
            Path::Described(described) => described.proven.map(|proven| proven.at),
        }
    }

    /// Where a datagram goes that the exchange has for this name.
    pub fn address_of(&self, name: SocketAddr) -> Option<SocketAddr> {
        match self {
            Path::Checked(agent) => agent.selected().or_else(|| agent.addresses().last().copied()),
            Path::Described(described) => match described.proven {
                // What others were still to be told goes nowhere.
                Some(proven) => (proven.name == name).then_some(proven.at),
                None => Some(name),
            },
        }
    }

    /// When the far end last showed that it is there, where it does so without audio.
    pub fn heard_at(&self) -> Option<Instant> {
        match self {
            Path::Checked(agent) => Some(agent.heard_at()),
            Path::Described(_) => None,
        }
    }
}
