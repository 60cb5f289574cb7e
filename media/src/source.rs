//! Whose packets are the far end's (M1, M2).
//!
//! - The address in the session description always counts, at once. Under [`SourceRule::FromSdp`] nothing else does.
//! - Under [`SourceRule::LearnOnce`], while nothing is locked, another address is locked when it has proven
//!   itself: [`PROOF_PACKETS`] consecutive packets of one SSRC over [`PROOF_TIME`]. Until then nothing of it
//!   is heard and nothing is sent to it. Should a likelier one speak after all, it takes over: the described
//!   host at another port once proven, the described address itself at once and for good.
//! - Within the locked address one SSRC is pinned. Another one is believed when the pinned one has been
//!   silent and the other has sent consecutive packets meanwhile.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;

use crate::params::SourceRule;

/// Packets that prove a learned address: 80 ms of a stream, more than a scanner's handful at once.
const PROOF_PACKETS: u8 = 4;
/// They must be spread over this long, as a stream is and a burst is not.
const PROOF_TIME: Duration = Duration::from_millis(45);
/// Addresses that are watched at a time.
const CANDIDATES: usize = 4;
/// The pinned SSRC is silent after this long: more than the longest packet time and its jitter.
const PINNED_SILENT: Duration = Duration::from_millis(100);
/// Consecutive packets that prove another SSRC.
const SSRC_PROOF: u8 = 3;
/// A jump of the sequence number beyond this, either way, needs a second packet to be believed (RFC 3550 A.1).
const SEQUENCE_JUMP: i32 = 100;

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the far end's.
    Heard,
    /// It is the far end's, the first of a new stream.
    Restarted,
    /// It is somebody else's or not proven yet.
    Ignored,
}

/// What a packet says of itself.
#[derive(Clone, Copy)]
pub struct Claim {
    /// Where it came from.
    pub address: SocketAddr,
    /// Its synchronisation source.
    pub ssrc: u32,
    /// Its sequence number.
    pub sequence: u16,
}

/// The gate.
pub struct SourceGate {
    rule: SourceRule,
    described: Option<SocketAddr>,
    locked: Option<SocketAddr>,
    /// After an offer and answer the source may be learned again until the known one speaks.
    relearn: bool,
    candidates: ArrayVec<Proof, CANDIDATES>,
    pinned: Option<Pinned>,
    successor: Option<Proof>,
    /// The sequence number that would confirm a jump.
    after_jump: Option<u16>,
}

#[derive(Clone, Copy)]
struct Pinned {
    ssrc: u32,
    sequence: u16,
    at: Instant,
}

#[derive(Clone, Copy)]
struct Proof {
    claim: Claim,
    packets: u8,
    since: Instant,
}

impl Proof {
    fn new(now: Instant, claim: Claim) -> Proof {
        Proof { claim, packets: 1, since: now }
    }

    /// Counts a packet that follows the last one; any other begins the proof again.
    fn add(&mut self, now: Instant, claim: Claim) {
        if claim.ssrc == self.claim.ssrc && claim.sequence == self.claim.sequence.wrapping_add(1) {
            self.packets = self.packets.saturating_add(1);
            self.claim = claim;
        } else if claim.ssrc != self.claim.ssrc || claim.sequence != self.claim.sequence {
            *self = Proof::new(now, claim);
        }
    }
}

impl SourceGate {
    /// Closed to everybody.
    pub fn new() -> SourceGate {
        SourceGate {
            rule: SourceRule::FromSdp,
            described: None,
            locked: None,
            relearn: false,
            candidates: ArrayVec::new(),
            pinned: None,
            successor: None,
            after_jump: None,
        }
    }

    /// An offer and answer: who is described, and how others are learned.
    pub fn configure(&mut self, described: SocketAddr, rule: SourceRule) {
        let described = (!described.ip().is_unspecified() && described.port() != 0).then(|| canonical(described));
        self.candidates.clear();
        if described != self.described || rule != self.rule {
            self.locked = None;
            self.pinned = None;
            self.successor = None;
        }
        self.relearn = self.locked.is_some();
        self.described = described;
        self.rule = rule;
    }

    /// Where our packets go: the locked source, else the described one.
    pub fn destination(&self) -> Option<SocketAddr> {
        self.locked.or(self.described)
    }

    /// Whether control packets from here are the far end's: the port may differ (RFC 3550 §11).
    pub fn is_peer(&self, address: SocketAddr) -> bool {
        self.destination().is_some_and(|known| known.ip() == canonical(address).ip())
    }

    /// Whether this is the stream that is being heard.
    pub fn is_heard(&self, address: SocketAddr, ssrc: u32) -> bool {
        self.locked == Some(canonical(address)) && self.ssrc() == Some(ssrc)
    }

    /// The SSRC that is being heard.
    pub fn ssrc(&self) -> Option<u32> {
        self.pinned.map(|pinned| pinned.ssrc)
    }

    /// Judges a well-formed packet of a negotiated payload type.
    pub fn judge(&mut self, now: Instant, claim: Claim) -> Verdict {
        let claim = Claim { address: canonical(claim.address), ..claim };
        if self.locked != Some(claim.address) && !self.lock(now, claim) {
            return Verdict::Ignored;
        }
        self.relearn = false;
        self.pin(now, claim)
    }

    fn lock(&mut self, now: Instant, claim: Claim) -> bool {
        let described = self.described == Some(claim.address);
        if !described && !self.proven(now, claim) {
            return false;
        }
        self.locked = Some(claim.address);
        self.candidates.clear();
        self.pinned = None;
        self.successor = None;
        true
    }

    fn proven(&mut self, now: Instant, claim: Claim) -> bool {
        let likelier = self.locked.is_none_or(|locked| self.likeness(claim.address) > self.likeness(locked));
        if self.rule != SourceRule::LearnOnce || !(likelier || self.relearn) {
            return false;
        }
        let Some(candidate) = self.candidates.iter_mut().find(|c| c.claim.address == claim.address) else {
            if self.candidates.is_full() {
                // The least proven gives way, so that a spray from many addresses cannot push out a stream.
                let least = self.candidates.iter().enumerate().min_by_key(|(_, c)| c.packets).map_or(0, |(i, _)| i);
                self.candidates.remove(least);
            }
            self.candidates.push(Proof::new(now, claim));
            return false;
        };
        candidate.add(now, claim);
        candidate.packets >= PROOF_PACKETS && now.saturating_duration_since(candidate.since) >= PROOF_TIME
    }

    /// How well an address fits the described one.
    fn likeness(&self, address: SocketAddr) -> u8 {
        match self.described {
            Some(described) if described == address => 2,
            Some(described) if described.ip() == address.ip() => 1,
            _ => 0,
        }
    }

    fn pin(&mut self, now: Instant, claim: Claim) -> Verdict {
        let Some(pinned) = &mut self.pinned else {
            return self.restart(now, claim);
        };
        if claim.ssrc != pinned.ssrc {
            match &mut self.successor {
                Some(successor) => successor.add(now, claim),
                None => self.successor = Some(Proof::new(now, claim)),
            }
            let silent = now.saturating_duration_since(pinned.at) >= PINNED_SILENT;
            if !silent || self.successor.is_none_or(|successor| successor.packets < SSRC_PROOF) {
                return Verdict::Ignored;
            }
            return self.restart(now, claim);
        }
        let jump = i32::from(claim.sequence.wrapping_sub(pinned.sequence) as i16);
        if jump.abs() > SEQUENCE_JUMP && self.after_jump != Some(claim.sequence) {
            self.after_jump = Some(claim.sequence.wrapping_add(1));
            return Verdict::Ignored;
        }
        let jumped = jump.abs() > SEQUENCE_JUMP;
        self.after_jump = None;
        self.successor = None;
        if jump > 0 || jumped {
            pinned.sequence = claim.sequence;
        }
        pinned.at = now;
        Verdict::Heard
    }

    fn restart(&mut self, now: Instant, claim: Claim) -> Verdict {
        self.pinned = Some(Pinned { ssrc: claim.ssrc, sequence: claim.sequence, at: now });
        self.successor = None;
        self.after_jump = None;
        Verdict::Restarted
    }
}

/// IPv4 written as IPv6 is IPv4, so that one peer has one address.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
