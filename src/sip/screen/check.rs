//! The rules: what must be refused, and with which status.

use super::head::{Head, Name, SINGLE, Start};
use super::{Fault, ScreenLimits, Transport, malformed};
use crate::sip::grammar;

/// Methods that exist. Others are answered 501; whether one is allowed is the core's to say (405).
const METHODS: [&str; 14] = [
    "ACK",
    "BYE",
    "CANCEL",
    "INFO",
    "INVITE",
    "MESSAGE",
    "NOTIFY",
    "OPTIONS",
    "PRACK",
    "PUBLISH",
    "REFER",
    "REGISTER",
    "SUBSCRIBE",
    "UPDATE",
];
/// Schemes that a request may be addressed to.
const REQUEST_SCHEMES: [&str; 3] = ["sip", "sips", "tel"];
/// Schemes that From and To may have; the stack reads no others.
const PARTY_SCHEMES: [&str; 3] = ["sip", "sips", "tel"];
/// CSeq numbers stay below 2³¹ (RFC 3261 §8.1.1.5).
const CSEQ_MAX: u32 = (1 << 31) - 1;

/// Checks a head that could be read, and the body's length.
pub(super) fn check(head: &Head<'_>, message: &[u8], transport: Transport, limits: &ScreenLimits) -> Result<(), Fault> {
    check_counts(head, limits)?;
    for via in head.values(Name::Via) {
        grammar::check_via(via).map_err(malformed)?;
    }
    for (name, missing) in [(Name::From, "Missing From"), (Name::To, "Missing To")] {
        let value = head.values(name).next().ok_or(malformed(missing))?;
        check_party(value)?;
    }
    let call_id = head.values(Name::CallId).next().ok_or(malformed("Missing Call-ID"))?;
    if call_id.is_empty() || call_id.contains([' ', '\t']) {
        return Err(malformed("Bad Call-ID"));
    }
    check_cseq(head)?;
    if let Some(max_forwards) = head.values(Name::MaxForwards).next() {
        grammar::number::<u8>(max_forwards).ok_or(malformed("Bad Max-Forwards"))?;
    }
    check_contacts(head)?;
    check_routes(head)?;
    check_body(head, message, transport)?;
    // Only now, since a malformed request is 400 whatever it asks for.
    check_request_line(head)
}

fn check_counts(head: &Head<'_>, limits: &ScreenLimits) -> Result<(), Fault> {
    let count = |name: Name| head.values(name).count();
    let once = [
        (Name::From, "Repeated From"),
        (Name::To, "Repeated To"),
        (Name::CallId, "Repeated Call-ID"),
        (Name::CSeq, "Repeated CSeq"),
        (Name::MaxForwards, "Repeated Max-Forwards"),
        (Name::ContentLength, "Repeated Content-Length"),
    ];
    for (name, reason) in once {
        if count(name) > 1 {
            return Err(malformed(reason));
        }
    }
    let mut seen = [false; SINGLE.len()];
    for header in &head.headers {
        let Name::Single(index) = header.name else { continue };
        if std::mem::replace(&mut seen[index], true) {
            return Err(malformed("Repeated Header"));
        }
    }
    let vias = count(Name::Via);
    if vias == 0 {
        return Err(malformed("Missing Via"));
    }
    // We forward nothing, so a response with a second Via is not for us (RFC 3261 §8.1.3.3).
    if head.start == Start::Response && vias > 1 {
        return Err(malformed("More Than One Via In Response"));
    }
    let hops = [Name::Via, Name::Route, Name::RecordRoute, Name::Contact];
    match hops.iter().any(|name| count(*name) > limits.hops_max) {
        true => Err(malformed("Too Many Hops")),
        false => Ok(()),
    }
}

fn check_party(value: &str) -> Result<(), Fault> {
    let address = grammar::address(value).map_err(malformed)?;
    let scheme = grammar::scheme(address.uri).unwrap_or("");
    if is_sip(scheme) {
        grammar::check_sip_uri(address.uri).map_err(malformed)?;
    }
    match PARTY_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        true => Ok(()),
        false => Err(malformed("Unknown Address Scheme")),
    }
}

fn check_cseq(head: &Head<'_>) -> Result<(), Fault> {
    let cseq = head.values(Name::CSeq).next().ok_or(malformed("Missing CSeq"))?;
    let (number, method) = cseq.split_once(' ').ok_or(malformed("Bad CSeq"))?;
    let number = grammar::number::<u32>(number).filter(|number| *number <= CSEQ_MAX);
    number.ok_or(malformed("CSeq Number Out Of Range"))?;
    match head.start {
        Start::Request { method: requested, .. } if requested != method => Err(malformed("CSeq Method Does Not Match")),
        _ if !grammar::is_token(method) => Err(malformed("Bad CSeq")),
        _ => Ok(()),
    }
}

fn check_contacts(head: &Head<'_>) -> Result<(), Fault> {
    for contact in head.values(Name::Contact).filter(|contact| *contact != "*") {
        let address = grammar::address(contact).map_err(|_| malformed("Bad Contact"))?;
        if grammar::scheme(address.uri).is_some_and(is_sip) {
            grammar::check_sip_uri(address.uri).map_err(|_| malformed("Bad Contact"))?;
        }
    }
    Ok(())
}

fn check_routes(head: &Head<'_>) -> Result<(), Fault> {
    for route in head.values(Name::Route).chain(head.values(Name::RecordRoute)) {
        let address = grammar::address(route).map_err(|_| malformed("Bad Route"))?;
        let is_sip = grammar::scheme(address.uri).is_some_and(is_sip) && grammar::check_sip_uri(address.uri).is_ok();
        if !address.has_brackets || !is_sip {
            return Err(malformed("Bad Route"));
        }
    }
    Ok(())
}

/// Content-Length may be less than a datagram holds (the rest is ignored), never more (RFC 3261 §18.3).
fn check_body(head: &Head<'_>, message: &[u8], transport: Transport) -> Result<(), Fault> {
    let held = message.len().saturating_sub(head.body_at);
    let declared = match head.values(Name::ContentLength).next() {
        Some(value) => grammar::number::<u32>(value).ok_or(malformed("Bad Content-Length"))? as usize,
        None if transport == Transport::Datagram => held,
        None => 0,
    };
    match transport {
        Transport::Datagram if declared > held => Err(malformed("Body Shorter Than Content-Length")),
        Transport::Stream if declared != held => Err(malformed("Body Does Not Match Content-Length")),
        Transport::Datagram | Transport::Stream => Ok(()),
    }
}

fn check_request_line(head: &Head<'_>) -> Result<(), Fault> {
    let Start::Request { method, uri } = head.start else { return Ok(()) };
    if !grammar::is_plain_uri(uri) {
        return Err(malformed("Bad Request-URI"));
    }
    let scheme = grammar::scheme(uri).ok_or(malformed("Bad Request-URI"))?;
    if !REQUEST_SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(Fault { status: 416, reason: "Unsupported URI Scheme" });
    }
    if is_sip(scheme) && grammar::check_sip_uri(uri).map_err(|_| malformed("Bad Request-URI"))? {
        // Headers within the address are for web pages; none may be injected that way (RFC 4475 §3.1.2.11).
        return Err(malformed("Headers In Request-URI"));
    }
    match METHODS.contains(&method) {
        true => Ok(()),
        false => Err(Fault { status: 501, reason: "Not Implemented" }),
    }
}

fn is_sip(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips")
}
