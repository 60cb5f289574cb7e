//! The pacer of outgoing packets: one slot each packet time, on a grid anchored when the session was made.
//!
//! Speech that begins while nothing is being said opens its slot at once, up to one packet time early. The
//! timeline is then ahead of the grid; every idle slot that follows is stretched a little until it is back,
//! so timestamps are never ahead of the clock for good, and no gap is noticed.

use std::time::{Duration, Instant};

use crate::frame::FRAME_SAMPLES;

/// How much an idle slot is stretched: 4 ms keep the spacing of packets under 25 ms.
const STRETCH: Duration = Duration::from_millis(4);
/// Slots made up for at once when the engine was late; older ones are passed over.
const CATCH_UP: u32 = 2;
/// Engine-rate samples remembered of what was sent: one packet of 60 ms and a frame before it.
const SENT: usize = 1280;

/// The pacer.
pub struct Pacer {
    next: Instant,
    packet: Duration,
    ahead: Duration,
}

impl Pacer {
    /// The first slot opens at `now`.
    pub fn new(now: Instant, packet: Duration) -> Pacer {
        Pacer { next: now, packet, ahead: Duration::ZERO }
    }

    /// Another packet time, from the next slot on.
    pub fn set_packet(&mut self, packet: Duration) {
        self.packet = packet;
    }

    /// When the next slot opens.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Packet times that have to be passed over because the engine was held up.
    pub fn skip(&mut self, now: Instant) -> u32 {
        let late = now.saturating_duration_since(self.next);
        let slots = (late.as_nanos() / self.packet.as_nanos()).min(u128::from(u32::MAX)) as u32;
        let excess = slots.saturating_sub(CATCH_UP);
        self.next += self.packet * excess;
        excess
    }

    /// Passes over everything due, up to `now`.
    pub fn pass(&mut self, now: Instant) {
        if now >= self.next {
            let late = now.duration_since(self.next);
            let slots = (late.as_nanos() / self.packet.as_nanos()).min(u128::from(u32::MAX - 1)) as u32;
            self.next += self.packet * (slots + 1);
        }
    }

    /// Whether a slot may be opened now for speech that begins; if so, it is the next one.
    pub fn open_early(&mut self, now: Instant) -> bool {
        let early = self.next.saturating_duration_since(now);
        if early + self.ahead > self.packet {
            return false;
        }
        self.ahead += early;
        self.next -= early;
        true
    }

    /// The slot was used; `idle` when nothing was said in it.
    pub fn advance(&mut self, idle: bool) {
        self.next += self.packet;
        if idle {
            let stretch = self.ahead.min(STRETCH);
            self.next += stretch;
            self.ahead -= stretch;
        }
    }
}

/// What was sent lately, for telling echo from caller and for the recording.
pub struct SentHistory {
    samples: [i16; SENT],
    /// One bit for each 10 ms, newest in bit 0: whether it was speech.
    speaking: u32,
    slot_start: Instant,
    slot_samples: usize,
    /// Samples not yet recorded.
    unrecorded: usize,
}

impl SentHistory {
    /// Silence until now.
    pub fn new(now: Instant) -> SentHistory {
        SentHistory { samples: [0; SENT], speaking: 0, slot_start: now, slot_samples: 0, unrecorded: 0 }
    }

    /// Notes what leaves in the slot that opens at `now`.
    pub fn push(&mut self, now: Instant, samples: &[i16], speaking: bool) {
        let n = samples.len();
        self.samples.copy_within(n.., 0);
        self.samples[SENT - n..].copy_from_slice(samples);
        for _ in 0..n / 160 {
            self.speaking = self.speaking << 1 | u32::from(speaking);
        }
        self.slot_start = now;
        self.slot_samples = n;
        self.unrecorded = (self.unrecorded + n).min(SENT);
    }

    /// The frame on air at `now`, and whether any of it was speech.
    pub fn on_air(&self, now: Instant) -> ([i16; FRAME_SAMPLES], bool) {
        let elapsed_units = (now.saturating_duration_since(self.slot_start).as_millis() / 10) as usize;
        let after = self.slot_samples.saturating_sub(elapsed_units * 160 + FRAME_SAMPLES) / 160;
        let end = SENT - after * 160;
        let mut frame = [0; FRAME_SAMPLES];
        frame.copy_from_slice(&self.samples[end - FRAME_SAMPLES..end]);
        (frame, self.speaking >> after & 0b11 != 0)
    }

    /// The next frame for the recording, oldest first.
    pub fn next_unrecorded(&mut self) -> Option<[i16; FRAME_SAMPLES]> {
        if self.unrecorded < FRAME_SAMPLES {
            return None;
        }
        let mut frame = [0; FRAME_SAMPLES];
        let from = SENT - self.unrecorded;
        frame.copy_from_slice(&self.samples[from..from + FRAME_SAMPLES]);
        self.unrecorded -= FRAME_SAMPLES;
        Some(frame)
    }

    /// Forgets what was not recorded.
    pub fn skip_recording(&mut self) {
        self.unrecorded = 0;
    }
}
