//! What both directions of a negotiation share: our wishes, our addresses, refusals, and small rules.

use std::net::{IpAddr, SocketAddr};

use media::{Codec, Direction, SourceRule, StreamParams};

use super::crypto::{Crypto, OurKeys};
use super::description::{Keying, MediaDescription, SessionDescription, Setup};
use super::formats;
use crate::config::sip::{Srtp, SrtpKeying};
use crate::seams::browser::KeyedFarEnd;
use crate::seams::media::SrtpKeys;

/// What we are willing to speak on a leg. Comes from the trunk's or the phone's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPreferences {
    /// Codecs, the most wanted first.
    pub codecs: Vec<Codec>,
    /// Packet time we ask for and use where the far end has no wish, in milliseconds: 10, 20, 30, 40 or 60.
    pub packet_ms: u8,
    /// Whether keys travel as telephone events (RFC 4733).
    pub telephone_event: bool,
    /// Whether comfort noise (RFC 3389) is agreed to.
    pub comfort_noise: bool,
    /// Whether an offer to carry RTCP on the RTP port is accepted. We never ask for it ourselves.
    pub rtcp_mux: bool,
    /// How the far end's real address is found.
    pub source_rule: SourceRule,
    /// Whether audio is encrypted.
    pub srtp: Srtp,
    /// Whether nobody on the way can read keys that descriptions carry.
    pub keys_are_private: bool,
    /// How keys may be agreed on, the most wanted first.
    pub keying: Vec<SrtpKeying>,
}

impl MediaPreferences {
    /// Whether keys go into our offers.
    pub(super) fn offers_keys(&self) -> bool {
        self.srtp != Srtp::Off && self.keys_are_private && self.keying.contains(&SrtpKeying::Sdes)
    }

    /// Whether our own calls exchange keys on the audio's way: because that comes first, or because keys in descriptions
    /// would be read and nothing may be offered in the clear.
    pub fn offers_exchange(&self) -> bool {
        let is_possible = self.srtp != Srtp::Off && self.keying.contains(&SrtpKeying::Dtls);
        let is_first = self.keying.first() == Some(&SrtpKeying::Dtls);
        is_possible && (is_first || (self.srtp == Srtp::Required && !self.keys_are_private))
    }

    /// Whether we may offer anything at all: what must be encrypted cannot be where its keys would be read.
    pub fn can_offer(&self) -> bool {
        self.srtp != Srtp::Required || self.offers_keys() || self.offers_exchange()
    }

    /// Whether this offer is answered by exchanging keys on the audio's way.
    pub fn takes_exchange(&self, offer: &SessionDescription) -> bool {
        if self.srtp == Srtp::Off || !self.keying.contains(&SrtpKeying::Dtls) {
            return false;
        }
        let Some(stream) = offer.media.iter().find(|stream| can_exchange(stream)) else { return false };
        let has_keys = self.offers_keys() && !stream.crypto.is_empty() && !is_keyed_rtp(&stream.protocol);
        !has_keys || self.keying.first() == Some(&SrtpKeying::Dtls)
    }

    /// The protocol of our first offer. Where both will do, plain RTP with keys beside it (RFC 8643), which telephones that
    /// know no keys take as well.
    pub(super) fn protocol(&self) -> &'static str {
        if self.srtp == Srtp::Required { "RTP/SAVP" } else { "RTP/AVP" }
    }
}

impl std::fmt::Debug for Agreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let suite = self.keys.as_ref().map(|keys| keys.suite);
        let mut shown = f.debug_struct("Agreement");
        shown.field("params", &self.params).field("suite", &suite).field("exchange", &self.exchange).finish()
    }
}

/// What both sides agreed on.
#[derive(Clone)]
pub struct Agreement {
    /// For the media engine.
    pub params: StreamParams,
    /// How the stream is protected; `None` where it is not, or where keys are still to be exchanged.
    pub keys: Option<SrtpKeys>,
    /// With whom keys are exchanged on the audio's way; nothing is in the clear until then.
    pub exchange: Option<KeyedFarEnd>,
}

impl Default for MediaPreferences {
    /// Wideband first, since recognition profits from it; then what every carrier speaks.
    fn default() -> MediaPreferences {
        MediaPreferences {
            codecs: vec![Codec::G722, Codec::Pcma, Codec::Pcmu],
            packet_ms: 20,
            telephone_event: true,
            comfort_noise: true,
            rtcp_mux: true,
            source_rule: SourceRule::FromSdp,
            srtp: Srtp::Optional,
            keys_are_private: false,
            keying: vec![SrtpKeying::Sdes, SrtpKeying::Dtls],
        }
    }
}

/// Our end of the stream, as it is written into descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalMedia {
    /// Where we hear RTP.
    pub rtp: SocketAddr,
    /// Where we hear RTCP.
    pub rtcp: SocketAddr,
    /// Names our side of the session; the same for its whole life.
    pub session_id: u64,
    /// Grows by one with every description that differs from the last one sent.
    pub version: u64,
    /// Which way we want media to flow: [`Direction::SendOnly`] holds the far end.
    pub direction: Direction,
    /// Keys for what we send, drawn for this description; without them nothing is encrypted.
    pub keys: Option<OurKeys>,
    /// Who we are in an exchange of keys; with it there is no other way to encrypt, and nothing in the clear.
    pub exchange: Option<OurExchange>,
}

/// Our side of an exchange of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurExchange {
    /// SHA-256 of our certificate.
    pub fingerprint: String,
    /// Whether we called, once that is agreed on: it stays so for the whole call.
    pub we_called: Option<bool>,
}

impl LocalMedia {
    /// Both ways, RTCP on the next port, first version.
    pub fn new(rtp: SocketAddr, session_id: u64) -> LocalMedia {
        let rtcp = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
        LocalMedia { rtp, rtcp, session_id, version: 1, direction: Direction::SendRecv, keys: None, exchange: None }
    }

    /// The same under the next version, for a description that differs from the last.
    pub fn next(&self) -> LocalMedia {
        LocalMedia { version: self.version + 1, ..self.clone() }
    }
}

/// Why no stream can be agreed on. Each is a 488 with the text as its reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NegotiationError {
    /// No audio stream, or only disabled ones.
    #[error("no active audio stream was offered; offer one m=audio line over RTP/AVP")]
    NoAudio,
    /// Only encrypted audio.
    #[error(
        "only encrypted audio ({0}) was offered; this line speaks RTP/AVP, switch media encryption to optional or off"
    )]
    Encrypted(String),
    /// Encrypted audio, its keys for everyone to read.
    #[error(
        "encrypted audio ({0}) was offered, with keys that can be read on the way; call over TLS, or use DTLS-SRTP, or set \
         sip.srtp_without_tls"
    )]
    ReadableKeys(String),
    /// Encrypted audio, in ways that we do not take.
    #[error(
        "encrypted audio ({0}) was offered without keys that this line takes: AES_CM_128_HMAC_SHA1_80 or \
         AEAD_AES_128_GCM, or DTLS-SRTP with a SHA-256 fingerprint"
    )]
    NoUsableKeys(String),
    /// Nobody to exchange keys with.
    #[error(
        "the audio names no certificate to exchange keys with; this call needs DTLS-SRTP: UDP/TLS/RTP/SAVP with \
         a=fingerprint:sha-256 and a=setup"
    )]
    NoFingerprint,
    /// Audio in the clear, where that may not be.
    #[error("audio was offered in the clear; this line demands encryption: switch SRTP on (RTP/SAVP)")]
    NotEncrypted,
    /// Another transport.
    #[error("audio over {0} was offered; this line speaks RTP/AVP")]
    Protocol(String),
    /// No codec in common.
    #[error("offered {offered}; this line speaks {supported}")]
    NoCommonCodec {
        /// What the far end has.
        offered: String,
        /// What we have.
        supported: String,
    },
    /// An address that no packet of ours will be sent to.
    #[error("the media address {0} is not one that a call can use; write a unicast IP address into c=")]
    Address(String),
    /// IPv6 against IPv4.
    #[error("the media address is {offered}, ours is {ours}; offer an address of the same family")]
    AddressFamily {
        /// `IPv4` or `IPv6`.
        offered: &'static str,
        /// The other.
        ours: &'static str,
    },
    /// The far end answered our stream with port 0.
    #[error("the audio stream we offered was refused")]
    Refused,
    /// An answer that does not fit our offer.
    #[error("the answer does not fit the offer: {0}")]
    AnswerMismatch(&'static str),
}

impl NegotiationError {
    /// The status to refuse with: 488 Not Acceptable Here.
    pub fn status(&self) -> u16 {
        488
    }

    /// The code of a Warning header (RFC 3261 §20.43).
    pub fn warning_code(&self) -> u16 {
        match self {
            NegotiationError::NoAudio | NegotiationError::Refused => 304,
            NegotiationError::Encrypted(_)
            | NegotiationError::ReadableKeys(_)
            | NegotiationError::NoUsableKeys(_)
            | NegotiationError::NotEncrypted
            | NegotiationError::NoFingerprint
            | NegotiationError::Protocol(_) => 302,
            NegotiationError::NoCommonCodec { .. } => 305,
            NegotiationError::Address(_) | NegotiationError::AddressFamily { .. } => 301,
            NegotiationError::AnswerMismatch(_) => 399,
        }
    }

    /// The value of a Warning header. `agent` is our host name or address.
    pub fn warning(&self, agent: &str) -> String {
        let text = self.to_string().replace(['"', '\\'], "'");
        format!("{} {agent} \"{text}\"", self.warning_code())
    }
}

/// Whether we can carry RTP under this protocol; the feedback profile differs in timing rules only.
pub(super) fn is_plain_rtp(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("RTP/AVP") || protocol.eq_ignore_ascii_case("RTP/AVPF")
}

/// Whether it is encrypted RTP whose keys stand in the description (RFC 3711, RFC 5124).
pub(super) fn is_sealed_rtp(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("RTP/SAVP") || protocol.eq_ignore_ascii_case("RTP/SAVPF")
}

/// Whether it is encrypted RTP whose keys are exchanged on its own way (RFC 5764 §8).
pub(super) fn is_keyed_rtp(protocol: &str) -> bool {
    protocol.eq_ignore_ascii_case("UDP/TLS/RTP/SAVP") || protocol.eq_ignore_ascii_case("UDP/TLS/RTP/SAVPF")
}

/// Whether keys can be exchanged for this stream: also for one that is written as another kind of RTP, as old telephones do
/// it (RFC 5763 came after them), and as RFC 8643 has it where encryption is optional.
fn can_exchange(stream: &MediaDescription) -> bool {
    let known = is_keyed_rtp(&stream.protocol) || is_sealed_rtp(&stream.protocol) || is_plain_rtp(&stream.protocol);
    let Keying { fingerprint, setup, .. } = &stream.keying;
    stream.is_active_audio() && known && fingerprint.is_some() && *setup != Some(Setup::Holdconn)
}

/// The other side of an exchange. `setup` is what it wrote; without it, whoever offers begins (RFC 4145 §4.1). Where it leaves
/// that open it begins as well, unless that was settled before: behind NAT we learn from it where it is.
pub(super) fn far_end(
    stream: &MediaDescription,
    address: SocketAddr,
    ours: &OurExchange,
    source_rule: SourceRule,
) -> Option<KeyedFarEnd> {
    let Keying { fingerprint, setup, tls_id } = stream.keying.clone();
    let is_called = match setup {
        Some(Setup::Passive) => true,
        Some(Setup::Actpass) => ours.we_called == Some(true),
        Some(Setup::Active) | None => false,
        Some(Setup::Holdconn) => return None,
    };
    let is_only_there = matches!(source_rule, SourceRule::FromSdp);
    Some(KeyedFarEnd { fingerprint: fingerprint?, tls_id, address, is_only_there, is_called })
}

/// The stream to carry, and the keys of the far end where it is encrypted.
pub(super) struct Chosen<'a> {
    pub(super) index: usize,
    pub(super) crypto: Option<&'a Crypto>,
}

/// Names the stream to carry: the first active audio stream that can be encrypted, else the first in the clear where that
/// may be. What was offered as encrypted is never taken as anything else.
pub(super) fn choose_stream<'a>(
    offer: &'a SessionDescription,
    preferences: &MediaPreferences,
    local: &LocalMedia,
) -> Result<Chosen<'a>, NegotiationError> {
    if local.exchange.is_some() {
        let index = offer.media.iter().position(can_exchange).ok_or(NegotiationError::NoFingerprint)?;
        return Ok(Chosen { index, crypto: None });
    }
    let audio = || offer.media.iter().enumerate().filter(|(_, stream)| stream.is_active_audio());
    let Some((_, first)) = audio().next() else { return Err(NegotiationError::NoAudio) };
    if preferences.offers_keys() {
        let known = |stream: &MediaDescription| is_plain_rtp(&stream.protocol) || is_sealed_rtp(&stream.protocol);
        let sealed =
            audio().find_map(|(index, stream)| Some((index, stream.crypto.first().filter(|_| known(stream))?)));
        if let Some((index, crypto)) = sealed {
            return Ok(Chosen { index, crypto: Some(crypto) });
        }
    }
    let plain = audio().find(|(_, stream)| is_plain_rtp(&stream.protocol));
    match (plain, preferences.srtp) {
        (Some((index, _)), Srtp::Off | Srtp::Optional) => return Ok(Chosen { index, crypto: None }),
        (Some(_), Srtp::Required) | (None, _) => {}
    }
    let sealed = audio().find(|(_, stream)| is_sealed_rtp(&stream.protocol)).map(|(_, stream)| stream.protocol.clone());
    let protocol = first.protocol.clone();
    Err(match (sealed, preferences.srtp) {
        (Some(sealed), Srtp::Off) => NegotiationError::Encrypted(sealed),
        (Some(sealed), _) if !preferences.keys_are_private => NegotiationError::ReadableKeys(sealed),
        (Some(sealed), _) => NegotiationError::NoUsableKeys(sealed),
        (None, Srtp::Required) if plain.is_some() => NegotiationError::NotEncrypted,
        (None, Srtp::Off) if is_keyed_rtp(&protocol) => NegotiationError::Encrypted(protocol),
        (None, _) if is_keyed_rtp(&protocol) => NegotiationError::NoUsableKeys(protocol),
        (None, _) if protocol.to_ascii_uppercase().contains("SAVP") => NegotiationError::Encrypted(protocol),
        (None, _) => NegotiationError::Protocol(protocol),
    })
}

/// Where the far end hears RTP and RTCP. An unspecified address means nowhere (hold).
pub(super) fn remote_addresses(
    session: &SessionDescription,
    stream: &MediaDescription,
    ours: IpAddr,
    mux: bool,
) -> Result<(SocketAddr, Option<SocketAddr>), NegotiationError> {
    let connection = stream.connection.as_ref().or(session.connection.as_ref());
    let connection = connection.ok_or_else(|| NegotiationError::Address("(none)".to_owned()))?;
    let ip = connection.ip().ok_or_else(|| NegotiationError::Address(connection.to_string()))?;
    let rtp = SocketAddr::new(ip, stream.port);
    if ip.is_unspecified() {
        return Ok((rtp, None));
    }
    check_usable(ip, ours)?;
    if stream.rtcp_disabled {
        return Ok((rtp, None));
    }
    if mux {
        return Ok((rtp, Some(rtp)));
    }
    let rtcp = match &stream.rtcp {
        Some(own) => SocketAddr::new(own.ip.unwrap_or(ip), own.port),
        None => SocketAddr::new(ip, stream.port.checked_add(1).unwrap_or(0)),
    };
    // A report that cannot be sent safely is not worth losing the call.
    let usable = rtcp.port() != 0 && !rtcp.ip().is_unspecified() && check_usable(rtcp.ip(), ours).is_ok();
    Ok((rtp, usable.then_some(rtcp)))
}

/// Refuses addresses that would turn us into an amplifier, and those of the other family.
fn check_usable(ip: IpAddr, ours: IpAddr) -> Result<(), NegotiationError> {
    let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
    if ip.is_multicast() || broadcast {
        return Err(NegotiationError::Address(ip.to_string()));
    }
    let ours = ours.to_canonical();
    if ip.is_ipv4() != ours.is_ipv4() {
        return Err(NegotiationError::AddressFamily { offered: family(ip), ours: family(ours) });
    }
    Ok(())
}

fn family(ip: IpAddr) -> &'static str {
    match ip {
        IpAddr::V4(_) => "IPv4",
        IpAddr::V6(_) => "IPv6",
    }
}

/// The packet time to send with: the far end's wish, else ours, cut to what both can do.
pub(super) fn packet_ms(stream: &MediaDescription, preferred_ms: u8) -> u8 {
    let wish = stream.packet_ms.unwrap_or(u32::from(preferred_ms));
    let limit = wish.min(stream.max_packet_ms.unwrap_or(u32::MAX));
    [60_u8, 40, 30, 20].into_iter().find(|ms| u32::from(*ms) <= limit).unwrap_or(10)
}

/// The direction of the far end's stream, as it declared it.
pub(super) fn declared_direction(session: &SessionDescription, stream: &MediaDescription) -> Direction {
    let declared = stream.direction.or(session.direction).unwrap_or(Direction::SendRecv);
    let connection = stream.connection.as_ref().or(session.connection.as_ref());
    match connection.is_some_and(|connection| connection.is_unspecified()) {
        // The old way to hold: nothing may be sent to it, but it may still play music (RFC 3264 §8.4).
        true => flows(sends(declared), false),
        false => declared,
    }
}

/// What is left for us of the far end's direction and our own wish.
pub(super) fn our_direction(theirs: Direction, wish: Direction) -> Direction {
    flows(receives(theirs) && sends(wish), sends(theirs) && receives(wish))
}

fn sends(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::SendOnly)
}

fn receives(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}

fn flows(sends: bool, receives: bool) -> Direction {
    match (sends, receives) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// No codec fits: says what each side has.
pub(super) fn no_common_codec(stream: &MediaDescription, ours: &[Codec]) -> NegotiationError {
    let supported = ours.iter().map(|codec| formats::encoding(*codec)).collect::<Vec<_>>().join(", ");
    NegotiationError::NoCommonCodec { offered: formats::in_words(stream), supported }
}
