//! Session descriptions (RFC 8866) and their negotiation by offer and answer (RFC 3264).
//!
//! 1. The far end offers: [`SessionDescription::parse`], then [`answer`] yields our text and what the media
//!    engine needs to know.
//! 2. We offer: [`offer`], then [`apply_answer`] with what came back.
//! 3. Either side changes something (hold, resume, another address): we write [`re_offer`] from the last
//!    text we sent, so that streams and payload numbers stay where they were (RFC 3264 §8).
//!
//! Everything here is pure. One audio stream is carried; others are refused with port 0.

mod answer;
mod crypto;
mod description;
mod formats;
mod negotiation;
mod offer;
mod parse;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
mod write;

pub use answer::answer;
pub use crypto::{Crypto, KEY_BYTES, OurKeys, same};
pub use description::{Connection, Keying, MediaDescription, Origin, RtcpAddress, RtpMap, SessionDescription, Setup};
pub use negotiation::{Agreement, LocalMedia, MediaPreferences, NegotiationError, OurExchange};
pub use offer::{apply_answer, offer, re_offer};
pub use parse::SdpError;

/// Whether an offer is a browser's: encrypted, its keys exchanged over the audio's own way, which is found by checks
/// (RFC 8827 §6.5).
pub fn is_by_browser(offer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(offer);
    let has = |name: &str| text.lines().any(|line| line.starts_with(name));
    let is_sealed = text.lines().any(|line| line.starts_with("m=audio ") && line.contains("RTP/SAVPF"));
    is_sealed && has("a=fingerprint:") && has("a=ice-ufrag:")
}

/// Entry for fuzzers: arbitrary bytes as an offer to us and as an answer to our offer. Must not panic, and
/// whatever we answer must be readable by ourselves.
pub fn fuzz(bytes: &[u8]) {
    let preferences = MediaPreferences::default();
    let keys = Some(OurKeys::from_random([[7; KEY_BYTES]; 3]));
    let preferences = MediaPreferences { keys_are_private: true, ..preferences };
    let local = LocalMedia { keys, ..LocalMedia::new("192.0.2.1:4000".parse().expect("a literal address"), 1) };
    let ours = offer(&preferences, &local);
    let Ok(theirs) = SessionDescription::parse(bytes) else { return };
    if let Ok((text, Agreement { params, .. })) = answer(&theirs, &preferences, &local) {
        let read_back = SessionDescription::parse(text.as_bytes()).expect("what we answer can be read");
        assert_eq!(read_back.media.len(), theirs.media.len(), "every offered stream is answered");
        assert!(params.accepted.iter().any(|(number, _)| *number == params.payload_type));
        re_offer(&text, &preferences, &local).expect("what we answered can be offered again");
    }
    let _ = apply_answer(&ours, &theirs, &preferences, None);
    let exchange = Some(OurExchange { fingerprint: "00:11".into(), we_called: None });
    let keyed = LocalMedia { exchange: exchange.clone(), ..local };
    let _ = apply_answer(&offer(&preferences, &keyed), &theirs, &preferences, exchange.as_ref());
    if let Ok((text, Agreement { exchange, keys, .. })) = answer(&theirs, &preferences, &keyed) {
        assert!(exchange.is_some() && keys.is_none() && SessionDescription::parse(text.as_bytes()).is_ok());
    }
}
