//! The nouns that cross the boundary of a [`Session`](crate::Session): what is settled, ordered, heard and told.

use std::net::SocketAddr;
use std::time::Duration;

use arrayvec::ArrayVec;

use crate::frame::{Clip, Frame};

/// An audio codec that a leg can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0 (RFC 3551).
    Pcmu,
    /// G.711 A-law, static payload type 8 (RFC 3551).
    Pcma,
    /// G.722 at 64 kbit/s: 16 kHz audio, RTP clock 8000 Hz, static payload type 9 (RFC 3551 §4.5.2).
    G722,
    /// Opus, mono at 16 kHz in a stream whose RTP clock is 48 kHz (RFC 7587), dynamic payload type.
    Opus,
}

impl Codec {
    /// Steps of the RTP clock in 125 µs.
    pub(crate) fn steps_per_tick(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 1,
            Codec::Opus => 6,
        }
    }
}

/// Which way media flows, seen from us (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// We send only: the far end holds.
    SendOnly,
    /// We listen only.
    RecvOnly,
    /// Neither.
    Inactive,
}

/// Where the far end's audio may come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceRule {
    /// Only from the address in the session description.
    FromSdp,
    /// The first valid packet after offer and answer fixes the source; it is learned again only
    /// after the next offer and answer (the far end is behind NAT).
    LearnOnce,
}

/// A keypad key: 0–9, *, #, A–D as ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(pub u8);

/// The negotiated form of telephone events (RFC 4733).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DtmfFormat {
    /// The dynamic payload type both sides agreed on.
    pub payload_type: u8,
    /// The clock its durations are counted in.
    pub clock_rate_hz: u32,
}

/// What the leg is told once when it is made. Randomness comes in here.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Our synchronisation source (RFC 3550 §5.1), drawn at random by the caller.
    pub ssrc: u32,
    /// The first sequence number, drawn at random.
    pub first_sequence: u16,
    /// The first timestamp, drawn at random.
    pub first_timestamp: u32,
    /// With no packet for this long, [`Event::RtpTimedOut`] is raised (and again when it comes back).
    pub rtp_timeout: Duration,
    /// Whether tones in the audio are read as keys when no telephone-event was negotiated.
    pub inband_dtmf: bool,
}

/// What offer and answer settled for the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamParams {
    /// Where RTP goes, from the session description. An unspecified address or port 0 means nowhere.
    pub remote: SocketAddr,
    /// Where RTCP goes; `None` sends none.
    pub remote_rtcp: Option<SocketAddr>,
    /// What we send.
    pub codec: Codec,
    /// The payload type we send it under.
    pub payload_type: u8,
    /// The payload types that we offered or accepted, hence may hear.
    pub accepted: ArrayVec<(u8, Codec), 8>,
    /// Telephone events, when negotiated.
    pub dtmf: Option<DtmfFormat>,
    /// Comfort noise (RFC 3389), when negotiated.
    pub comfort_noise_payload_type: Option<u8>,
    /// Outgoing packet time in milliseconds: 10, 20, 30, 40 or 60.
    pub packet_ms: u8,
    /// Which way media flows.
    pub direction: Direction,
    /// How the source address is learned.
    pub source_rule: SourceRule,
}

/// Names one thing that is being said on a leg; grows by one with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtteranceId(pub u32);

/// A piece of something to say. Several items of one utterance follow each other without a gap.
#[derive(Clone)]
pub struct PlayItem {
    /// Which utterance it belongs to.
    pub utterance: UtteranceId,
    /// The audio.
    pub clip: Clip,
    /// Whether the utterance ends with this item. Until then an empty queue plays comfort noise and waits.
    pub last: bool,
}

/// 20 ms heard from the far end.
#[derive(Clone, Copy)]
pub struct HeardFrame {
    /// The audio, concealed where packets were lost.
    pub frame: Frame,
    /// Whether it was made up by loss concealment or comfort noise rather than received.
    pub concealed: bool,
    /// What we were saying during the same 20 ms (for telling an echo of ourselves from the caller).
    pub spoken: Frame,
    /// Whether `spoken` was speech of ours rather than silence or comfort noise.
    pub speaking: bool,
}

/// 20 ms of both sides for the recording, aligned.
#[derive(Clone, Copy)]
pub struct RecordFrame {
    /// Left channel: the far end.
    pub heard: Frame,
    /// Right channel: everything we sent.
    pub sent: Frame,
}

/// Which of the two ports a datagram leaves from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitKind {
    /// The RTP port.
    Rtp,
    /// The RTCP port (or the RTP port when multiplexed, RFC 5761; the driver knows).
    Rtcp,
}

/// A datagram to send: the first `len` bytes of the buffer given to [`Session::poll_transmit`].
#[derive(Clone, Copy, Debug)]
pub struct Transmit {
    /// Destination.
    pub to: SocketAddr,
    /// Length in bytes.
    pub len: usize,
    /// Which port it leaves from.
    pub kind: TransmitKind,
}

/// What happened on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The far end pressed a key; told once, whichever of the three ways it came.
    Key(Key),
    /// The first sample of an utterance left.
    PlayStarted(UtteranceId),
    /// The utterance ended or was flushed, after this many engine-rate samples were sent.
    PlayEnded {
        /// Which one.
        utterance: UtteranceId,
        /// Samples that really left.
        samples_sent: u64,
        /// False when it was flushed.
        complete: bool,
    },
    /// The first valid packet from the far end came, or the first after a time-out.
    RtpStarted,
    /// No valid packet came for the configured time.
    RtpTimedOut,
}
