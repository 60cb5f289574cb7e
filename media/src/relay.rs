//! Forwarding between bridged legs of one codec: the payload bytes pass untouched, in the sender's own rhythm; only
//! SSRC, sequence number and timestamp become ours (RFC 3550 §7.1, the translator's part).
//!
//! Gaps and order of the sender are kept, so that the far end conceals what was lost on the way to us. Nothing waits:
//! the jitter of both ways adds up, and the far end's buffer is made for that.

use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::codec::opus;
use crate::params::Codec;
use crate::rtp::Packet;

/// The longest audio packet: 60 ms.
const PAYLOAD_MAX: usize = 480;
/// After so long without a packet we fill the silence ourselves again: more than the longest packet and usual jitter.
const HOLD: Duration = Duration::from_millis(120);
/// Packets forwarded in [`COUNTED`] at most: a burst after a stall passes, a flood does not.
const TOGETHER_MAX: u8 = 10;
/// One usual packet time.
const COUNTED: Duration = Duration::from_millis(20);
/// A jump of the sender's numbers beyond this begins a new count, as RFC 3550 A.1 would have it.
const JUMP_MAX: u16 = 3000;

/// An audio packet of a bridged leg's far end.
#[derive(Clone)]
pub struct RelayPacket {
    /// What the payload is coded with.
    pub codec: Codec,
    /// The marker bit.
    pub marker: bool,
    /// The sender's sequence number.
    pub sequence: u16,
    /// The sender's timestamp, in ticks.
    pub timestamp: u32,
    /// The payload bytes.
    pub payload: ArrayVec<u8, PAYLOAD_MAX>,
}

impl RelayPacket {
    /// A copy of a packet; `None` where it is longer than any that we take.
    pub fn of(packet: &Packet<'_>, codec: Codec) -> Option<RelayPacket> {
        let payload = ArrayVec::try_from(packet.payload).ok()?;
        let Packet { marker, sequence, timestamp, .. } = *packet;
        Some(RelayPacket { codec, marker, sequence, timestamp, payload })
    }

    /// How long it is, in ticks; 0 for what is no packet of its codec.
    pub(crate) fn ticks(&self) -> i64 {
        match self.codec {
            Codec::Opus => opus::ticks(&self.payload).unwrap_or(0),
            // G.711 and G.722 make one byte a tick.
            Codec::Pcmu | Codec::Pcma | Codec::G722 => self.payload.len() as i64,
        }
    }
}

/// How forwarded packets are numbered among our own.
#[derive(Default)]
pub struct Renumbering {
    /// What is added to the sender's numbers; `None` while nothing is forwarded.
    offsets: Option<(u16, u32)>,
    last_sequence: u16,
    /// Which of the 64 numbers up to the last one have passed.
    seen: u64,
    forwarded_at: Option<Instant>,
    /// How many were forwarded since when.
    together: u8,
    together_since: Option<Instant>,
}

/// Our numbers for a forwarded packet.
#[derive(Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Whether it begins a run of forwarded packets, and so has the marker.
    pub first: bool,
    /// The sequence number.
    pub sequence: u16,
    /// The timestamp.
    pub timestamp: u32,
}

impl Renumbering {
    /// Whether forwarding goes on, so that our own slots stay silent.
    pub fn is_on(&self, now: Instant) -> bool {
        self.on_until().is_some_and(|until| now < until)
    }

    /// We speak ourselves: the next forwarded packet is counted on from there.
    pub fn stop(&mut self) {
        self.offsets = None;
    }

    /// Until when forwarding goes on should nothing more come; `None` where it does not.
    pub fn on_until(&self) -> Option<Instant> {
        self.offsets.and(self.forwarded_at).map(|at| at + HOLD)
    }

    /// Numbers for a packet; `next` are the sequence number and timestamp that our own next packet would have.
    /// `None` where too many come.
    pub fn number(&mut self, now: Instant, packet: &RelayPacket, next: (u16, u32)) -> Option<Numbers> {
        if self.together_since.is_none_or(|since| now.saturating_duration_since(since) >= COUNTED) {
            self.together_since = Some(now);
            self.together = 0;
        }
        if self.together >= TOGETHER_MAX {
            return None;
        }
        let ahead_by = |offset: u16| packet.sequence.wrapping_add(offset).wrapping_sub(self.last_sequence);
        let jumped = |offset: u16| ahead_by(offset).min(ahead_by(offset).wrapping_neg()) > JUMP_MAX;
        let kept = self.offsets.filter(|(sequence, _)| self.is_on(now) && !jumped(*sequence));
        if let Some((offset, _)) = kept
            && !self.note(ahead_by(offset))
        {
            return None;
        }
        let anew = (next.0.wrapping_sub(packet.sequence), next.1.wrapping_sub(packet.timestamp));
        let offsets = kept.unwrap_or(anew);
        let sequence = packet.sequence.wrapping_add(offsets.0);
        if kept.is_none() {
            self.last_sequence = sequence;
            self.seen = 1;
        }
        self.together += 1;
        self.offsets = Some(offsets);
        self.forwarded_at = Some(now);
        Some(Numbers { first: kept.is_none(), sequence, timestamp: packet.timestamp.wrapping_add(offsets.1) })
    }

    /// Notes a packet by how far it is ahead of the newest; false for one that passed already, or that is too old to
    /// tell.
    fn note(&mut self, ahead: u16) -> bool {
        if ahead != 0 && ahead < 0x8000 {
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            self.last_sequence = self.last_sequence.wrapping_add(ahead);
            return true;
        }
        let bit = 1_u64.checked_shl(u32::from(ahead.wrapping_neg())).unwrap_or(0);
        let is_new = bit != 0 && self.seen & bit == 0;
        self.seen |= bit;
        is_new
    }
}
