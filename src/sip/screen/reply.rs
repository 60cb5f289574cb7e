//! Refusals made without the stack, from the request's own headers (RFC 3261 §8.2.6).

use std::net::SocketAddr;

use sha2::{Digest, Sha256};

use super::Fault;
use super::grammar;
use super::head::{Head, Name};

/// What a reply can be longer than its request, in bytes: status line, `received`, `rport`, tag, length.
/// It bounds what a forged source can make us send.
pub(super) const GROWTH_MAX: usize = 256;

/// The whole response, or `None` where there is no Via to answer by.
pub(super) fn build(head: &Head<'_>, source: SocketAddr, fault: Fault) -> Option<Vec<u8>> {
    let mut vias = head.values(Name::Via);
    let top = vias.next().filter(|via| via.contains(' '))?;
    let mut text = format!("SIP/2.0 {} {}\r\nVia: {}\r\n", fault.status, fault.reason, with_source(top, source));
    for via in vias {
        text += &format!("Via: {via}\r\n");
    }
    let branch = grammar::parameter(top, "branch").unwrap_or("");
    for (name, label) in [(Name::From, "From"), (Name::To, "To"), (Name::CallId, "Call-ID"), (Name::CSeq, "CSeq")] {
        let Some(value) = head.values(name).next() else { continue };
        text += &match name == Name::To && grammar::parameter(value, "tag").is_none() {
            true => format!("{label}: {value};tag={}\r\n", tag_of(&["to", branch, value])),
            false => format!("{label}: {value}\r\n"),
        };
    }
    text += "Content-Length: 0\r\n\r\n";
    Some(text.into_bytes())
}

/// The top Via with the real source in it (RFC 3261 §18.2.1, RFC 3581 §4). What the sender wrote there goes.
fn with_source(via: &str, source: SocketAddr) -> String {
    let is =
        |parameter: &str, name: &str| parameter.split('=').next().is_some_and(|own| own.eq_ignore_ascii_case(name));
    let mut parts = via.split(';');
    let mut text = parts.next().unwrap_or("").to_owned();
    for parameter in parts.filter(|parameter| !is(parameter, "received") && !is(parameter, "rport")) {
        text += &format!(";{parameter}");
    }
    text += &format!(";received={}", source.ip().to_canonical());
    if grammar::parameter(via, "rport").is_some() {
        text += &format!(";rport={}", source.port());
    }
    text
}

/// A tag that is the same for each retransmission (RFC 3261 §8.2.7), made of what identifies the request.
pub(super) fn tag_of(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
