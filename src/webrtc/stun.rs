//! STUN binding requests and their answers (RFC 8489), as far as connectivity checks need them (RFC 8445 §7).
//!
//! A message is a header of 20 bytes and attributes of type, length and value, padded to four bytes. Requests are
//! signed: MESSAGE-INTEGRITY is an HMAC over everything before it, with the length as if the message ended there.

use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The longest answer: an IPv6 address, a signature and a fingerprint, or an error with its reason.
pub const ANSWER_MAX: usize = 128;
/// Attributes read at most; checks have about eight.
const ATTRIBUTES_MAX: usize = 32;
const HEADER_BYTES: usize = 20;
const COOKIE: u32 = 0x2112_a442;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

/// Names a request and its answer.
pub type TransactionId = [u8; 12];

/// Why a datagram is no binding request that could be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Another protocol, or another length than it says.
    #[error("no STUN message")]
    NotStun,
    /// A response, an indication or another method.
    #[error("no binding request")]
    NotARequest,
    /// An attribute that ends outside the message, or has another length than its kind.
    #[error("an attribute does not fit")]
    Attribute,
    /// The fingerprint is wrong.
    #[error("the fingerprint is wrong")]
    Fingerprint,
    /// It has no name or no signature.
    #[error("it is not signed")]
    Unsigned,
}

/// A binding request, read in place; nothing of it is proven before [`Request::is_signed_by`].
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Which one.
    pub transaction: TransactionId,
    /// Our fragment and theirs, parted by a colon (RFC 8445 §7.2.2).
    pub username: &'a str,
    /// The far end chooses this pair (§7.1.2).
    pub use_candidate: bool,
    /// The far end takes itself for the controlled one, as we do (§7.3.1.1).
    pub is_controlled: bool,
    /// Attributes that must be understood and are not (RFC 8489 §14.13).
    pub unknown: ArrayVec<u16, 4>,
    signed: &'a [u8],
    signature: [u8; 20],
}

/// Whether a datagram is STUN among what shares a port with it (RFC 7983 §7).
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER_BYTES && datagram[0] < 4 && datagram[4..8] == COOKIE.to_be_bytes()
}

/// Reads a binding request.
pub fn parse(datagram: &[u8]) -> Result<Request<'_>, Malformed> {
    if !is_stun(datagram) {
        return Err(Malformed::NotStun);
    }
    let (header, body) = datagram.split_at(HEADER_BYTES);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if length != body.len() || !length.is_multiple_of(4) {
        return Err(Malformed::NotStun);
    }
    if u16::from_be_bytes([header[0], header[1]]) != BINDING_REQUEST {
        return Err(Malformed::NotARequest);
    }
    let mut transaction = [0; 12];
    transaction.copy_from_slice(&header[8..20]);
    let (mut username, mut signature) = (None, None);
    let mut request = Request {
        transaction,
        username: "",
        use_candidate: false,
        is_controlled: false,
        unknown: ArrayVec::new(),
        signed: &[],
        signature: [0; 20],
    };
    let mut at = HEADER_BYTES;
    for _ in 0..ATTRIBUTES_MAX {
        let Some((kind, value)) = attribute(datagram, at)? else { break };
        match (kind, value.len()) {
            (FINGERPRINT, 4) => {
                let expected = crc32(&datagram[..at], at + 8) ^ 0x5354_554e;
                if value != expected.to_be_bytes() || at + 8 != datagram.len() {
                    return Err(Malformed::Fingerprint);
                }
            }
            // What follows the signature is not covered by it (RFC 8489 §14.5).
            _ if signature.is_some() => {}
            (MESSAGE_INTEGRITY, 20) => {
                signature = value.first_chunk::<20>().copied();
                request.signed = &datagram[..at];
            }
            (USERNAME, 1..=512) => username = std::str::from_utf8(value).ok(),
            (USE_CANDIDATE, 0) => request.use_candidate = true,
            (ICE_CONTROLLED, 8) => request.is_controlled = true,
            (ICE_CONTROLLING, 8) | (PRIORITY, 4) => {}
            (USERNAME | MESSAGE_INTEGRITY | USE_CANDIDATE | ICE_CONTROLLED | ICE_CONTROLLING, _)
            | (PRIORITY | FINGERPRINT, _) => return Err(Malformed::Attribute),
            // The upper half may be ignored (RFC 8489 §14).
            (0x8000.., _) => {}
            (unknown, _) => {
                let _ = request.unknown.try_push(unknown);
            }
        }
        at += 4 + value.len().next_multiple_of(4);
    }
    request.username = username.ok_or(Malformed::Unsigned)?;
    request.signature = signature.ok_or(Malformed::Unsigned)?;
    Ok(request)
}

/// The attribute at a place; `None` at the end.
fn attribute(datagram: &[u8], at: usize) -> Result<Option<(u16, &[u8])>, Malformed> {
    let rest = &datagram[at.min(datagram.len())..];
    if rest.is_empty() {
        return Ok(None);
    }
    let (head, rest) = rest.split_first_chunk::<4>().ok_or(Malformed::Attribute)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let value = rest.get(..length).ok_or(Malformed::Attribute)?;
    rest.get(..length.next_multiple_of(4)).ok_or(Malformed::Attribute)?;
    Ok(Some((u16::from_be_bytes([head[0], head[1]]), value)))
}

impl Request<'_> {
    /// Whether somebody who knows this password signed it.
    pub fn is_signed_by(&self, password: &str) -> bool {
        let Some(mac) = signing(self.signed, self.signed.len() + 24, password) else { return false };
        mac.verify_slice(&self.signature).is_ok()
    }
}

/// An answer, ready to be sent.
pub type Answer = ArrayVec<u8, ANSWER_MAX>;

/// "I heard you, from here."
pub fn success(transaction: &TransactionId, from: SocketAddr, password: &str) -> Answer {
    let mut writer = Writer::new(BINDING_SUCCESS, transaction);
    let mut value = ArrayVec::<u8, 20>::new();
    let port = from.port() ^ (COOKIE >> 16) as u16;
    value.extend([0, if from.is_ipv4() { 1 } else { 2 }]);
    value.extend(port.to_be_bytes());
    // The address is masked with cookie and transaction, against routers that rewrite what looks like one (§14.2).
    let mask = COOKIE.to_be_bytes().into_iter().chain(*transaction);
    match from.ip() {
        IpAddr::V4(ip) => value.extend(ip.octets().into_iter().zip(mask).map(|(a, b)| a ^ b)),
        IpAddr::V6(ip) => value.extend(ip.octets().into_iter().zip(mask).map(|(a, b)| a ^ b)),
    }
    writer.attribute(XOR_MAPPED_ADDRESS, &value);
    writer.finish(password)
}

/// "We both take ourselves for the controlled one": the other side changes its mind (RFC 8445 §7.3.1.1).
pub fn role_conflict(transaction: &TransactionId, password: &str) -> Answer {
    let mut writer = Writer::new(BINDING_ERROR, transaction);
    writer.attribute(ERROR_CODE, b"\0\0\x04\x57Role Conflict");
    writer.finish(password)
}

/// "I do not understand this, which you say I must."
pub fn unknown_attributes(transaction: &TransactionId, unknown: &[u16], password: &str) -> Answer {
    let mut writer = Writer::new(BINDING_ERROR, transaction);
    writer.attribute(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
    let kinds: ArrayVec<u8, 8> = unknown.iter().take(4).flat_map(|kind| kind.to_be_bytes()).collect();
    writer.attribute(UNKNOWN_ATTRIBUTES, &kinds);
    writer.finish(password)
}

struct Writer(Answer);

impl Writer {
    fn new(kind: u16, transaction: &TransactionId) -> Writer {
        let mut bytes = Answer::new();
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 0]);
        bytes.extend(COOKIE.to_be_bytes());
        bytes.extend(*transaction);
        Writer(bytes)
    }

    /// Every answer is made of parts whose lengths are known here, and fits [`ANSWER_MAX`].
    fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.0.extend(kind.to_be_bytes());
        self.0.extend((value.len() as u16).to_be_bytes());
        self.0.extend(value.iter().copied());
        let padding = value.len().next_multiple_of(4) - value.len();
        self.0.extend(std::iter::repeat_n(0, padding));
        self.set_length(self.0.len());
    }

    fn set_length(&mut self, total: usize) {
        let [high, low] = ((total - HEADER_BYTES) as u16).to_be_bytes();
        self.0[2] = high;
        self.0[3] = low;
    }

    fn finish(mut self, password: &str) -> Answer {
        if let Some(mac) = signing(&self.0, self.0.len() + 24, password) {
            self.attribute(MESSAGE_INTEGRITY, &mac.finalize().into_bytes());
        }
        let sum = crc32(&self.0, self.0.len() + 8) ^ 0x5354_554e;
        self.attribute(FINGERPRINT, &sum.to_be_bytes());
        self.0
    }
}

/// The signature over `bytes` of a message that would be `total` long.
fn signing(bytes: &[u8], total: usize, password: &str) -> Option<Hmac<Sha1>> {
    let mut mac = Hmac::<Sha1>::new_from_slice(password.as_bytes()).ok()?;
    mac.update(bytes.get(..2)?);
    mac.update(&((total - HEADER_BYTES) as u16).to_be_bytes());
    mac.update(bytes.get(4..)?);
    Some(mac)
}

/// CRC-32 (ITU-T V.42) over `bytes` of a message that would be `total` long.
fn crc32(bytes: &[u8], total: usize) -> u32 {
    let [high, low] = ((total - HEADER_BYTES) as u16).to_be_bytes();
    let with_length = bytes.iter().enumerate().map(|(at, byte)| match at {
        2 => high,
        3 => low,
        _ => *byte,
    });
    !with_length.fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

/// Reads anything without panicking; the body of the fuzz target.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(request) = parse(bytes) {
        let _ = request.is_signed_by("password");
        let _ = unknown_attributes(&request.transaction, &request.unknown, "password");
    }
}

/// What a browser would send; for tests.
#[cfg(test)]
pub fn check(username: &str, password: &str, use_candidate: bool, is_controlled: bool) -> Vec<u8> {
    let mut writer = Writer::new(BINDING_REQUEST, &[7; 12]);
    writer.attribute(USERNAME, username.as_bytes());
    writer.attribute(PRIORITY, &[0, 0, 1, 1]);
    writer.attribute(if is_controlled { ICE_CONTROLLED } else { ICE_CONTROLLING }, &[9; 8]);
    if use_candidate {
        writer.attribute(USE_CANDIDATE, &[]);
    }
    writer.finish(password).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 5769 §2.1: the sample request, password "VOkJxbRl1RmTxUk/WvJxBt".
    const SAMPLE: &[u8] = b"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
        \x80\x22\x00\x10STUN test client\x00\x24\x00\x04\x6e\x00\x01\xff\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
        \x00\x06\x00\x09evtj:h6vY\x20\x20\x20\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\
        \xc1\xb5\x71\xa2\x80\x28\x00\x04\xe5\x7a\x3b\xcf";

    #[test]
    fn the_sample_of_rfc_5769_is_read_and_its_signature_holds() {
        let request = parse(SAMPLE).unwrap();
        assert_eq!(request.username, "evtj:h6vY");
        assert!(request.is_controlled && !request.use_candidate);
        assert!(request.is_signed_by("VOkJxbRl1RmTxUk/WvJxBt"));
        assert!(!request.is_signed_by("VOkJxbRl1RmTxUk/WvJxBT"));
    }

    /// RFC 5769 §2.2: the sample response, 192.0.2.1:32853.
    #[test]
    fn an_answer_masks_the_address_as_in_rfc_5769() {
        let transaction = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";
        let answer = success(&transaction, "192.0.2.1:32853".parse().unwrap(), "VOkJxbRl1RmTxUk/WvJxBt");
        assert_eq!(&answer[20..32], b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        assert!(success(&transaction, "[2001:db8::1]:5".parse().unwrap(), "p").len() <= ANSWER_MAX);
    }

    /// M5: wrong integrity.
    #[test]
    fn one_changed_bit_anywhere_is_noticed() {
        let sample = check("us:them", "secret", true, false);
        assert!(parse(&sample).unwrap().is_signed_by("secret"));
        // The fingerprint at its end is no part of what is signed.
        for at in 0..sample.len() - 8 {
            let mut changed = sample.clone();
            changed[at] ^= 1;
            assert!(parse(&changed).map_or(true, |request| !request.is_signed_by("secret")), "byte {at}");
        }
    }

    /// M5: attributes that run over or under their end.
    #[test]
    fn attributes_that_do_not_fit_are_refused() {
        let sample = check("us:them", "secret", false, false);
        for end in 0..sample.len() {
            assert!(parse(&sample[..end]).is_err(), "cut at {end}");
        }
        let mut longer = sample.clone();
        longer[22] = 0xff;
        assert_eq!(parse(&longer).unwrap_err(), Malformed::Attribute);
        for kind in [USERNAME, MESSAGE_INTEGRITY, USE_CANDIDATE, PRIORITY, ICE_CONTROLLED] {
            let mut writer = Writer::new(BINDING_REQUEST, &[7; 12]);
            writer.attribute(kind, if kind == USERNAME { &[] } else { &[1, 2, 3, 4, 5] });
            assert_eq!(parse(&writer.0).unwrap_err(), Malformed::Attribute, "{kind:#x}");
        }
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_told() {
        let mut writer = Writer::new(BINDING_REQUEST, &[7; 12]);
        writer.attribute(0x0007, &[0; 4]);
        writer.attribute(0xc001, &[0; 4]);
        writer.attribute(USERNAME, b"us:them");
        let datagram = writer.finish("secret");
        let request = parse(&datagram).unwrap();
        assert_eq!(&request.unknown[..], [0x0007]);
    }

    proptest! {
        /// M5.
        #[test]
        fn nothing_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0usize..200) {
            fuzz(&bytes);
            let mut sample = check("us:them", "secret", true, true);
            for (at, byte) in bytes.iter().enumerate().take(8) {
                let place = (at * 37 + cut) % sample.len();
                sample[place] = *byte;
            }
            fuzz(&sample);
        }
    }
}
