//! The jitter buffer: a ring of payload bytes on the sender's timeline.
//!
//! Every byte has its tick, so that packets of any length, in any order, twice or overlapping, land where
//! they belong, and frames of 20 ms are cut from them whatever the packet time is (M3, M7).
//! 1. A packet's timestamp is unwrapped and its transit observed.
//! 2. Its bytes are written unless they are there already or their time is past.
//!    An Opus packet cannot be cut: its bytes are kept beside the ring, and each of its ticks names where.
//! 3. A frame is due as soon as all of it is there and it is at most one frame early; and at the latest,
//!    incomplete, when the wait for it is over.

use crate::codec::opus;
use crate::delay::{DELAY_MAX, Delay};
use crate::params::Codec;
use crate::rtp::Packet;
use crate::time::{FRAME_TICKS, MS};

/// Ticks held: 512 ms, the longest wait and a packet of 60 ms with room to spare. A power of two.
const RING: usize = 4096;
/// The longest payload taken: 200 ms.
const PAYLOAD_MAX: usize = 1600;
/// A packet this far off the timeline, and following its predecessor, is a jump of the sender's clock.
const JUMP: i64 = 250 * MS;
/// So many packets too late in a row: the path has become longer than the longest wait.
const LATE_RUN: u32 = 8;

/// What a packet did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was laid down.
    Kept,
    /// It was there already.
    Duplicate,
    /// Its time had passed.
    Late,
    /// It lies too far ahead, or is too long.
    Refused,
}

/// One frame's worth of payload bytes, with the codec of each; `None` where nothing came.
pub struct Due {
    /// The bytes; for Opus the slot of the packet, see [`JitterBuffer::packet`].
    pub bytes: [u8; FRAME_TICKS as usize],
    /// A tag for each byte: see [`codec_of`].
    pub tags: [u8; FRAME_TICKS as usize],
    /// Its first tick.
    pub start: i64,
    /// The slot of the Opus packet that begins right after it, if that is there.
    pub next: Option<u8>,
}

impl Due {
    /// Nothing.
    pub fn new() -> Due {
        Due { bytes: [0; FRAME_TICKS as usize], tags: [0; FRAME_TICKS as usize], start: 0, next: None }
    }
}

/// Opus packets kept: their slots follow their time, 10 ms to a slot, so that no two in the ring meet.
const SLOTS: usize = 64;
const _: () = assert!(SLOTS as i64 * opus::TICKS_MIN > RING as i64 + opus::TICKS_MAX);

/// One Opus packet.
#[derive(Clone, Copy)]
struct Slot {
    start: i64,
    len: u16,
    bytes: [u8; opus::PACKET_MAX],
}

fn slot_of(start: i64) -> usize {
    (start / opus::TICKS_MIN) as usize % SLOTS
}

/// The codec that a tag stands for; `None` is a hole.
pub fn codec_of(tag: u8) -> Option<Codec> {
    match tag {
        1 => Some(Codec::Pcmu),
        2 => Some(Codec::Pcma),
        3 => Some(Codec::G722),
        OPUS => Some(Codec::Opus),
        // Only [`tag_of`] writes tags; zero is a hole.
        _ => None,
    }
}

fn tag_of(codec: Codec) -> u8 {
    match codec {
        Codec::Pcmu => 1,
        Codec::Pcma => 2,
        Codec::G722 => 3,
        Codec::Opus => OPUS,
    }
}

const OPUS: u8 = 4;

/// The buffer.
pub struct JitterBuffer {
    bytes: Box<[u8; RING]>,
    tags: Box<[u8; RING]>,
    /// Opus packets; made with the first offer and answer that has Opus in it, 31 kB.
    slots: Option<Box<[Slot; SLOTS]>>,
    delay: Delay,
    /// The next tick to be taken, on the unwrapped timeline; meaningless until `started`.
    cursor: i64,
    newest: i64,
    started: bool,
    last_sequence: u16,
    late_run: u32,
    /// Longer waits for packet times that are no multiple of a frame, whose frames straddle packets.
    straddle: i64,
}

impl JitterBuffer {
    /// Empty, with all its memory.
    pub fn new() -> JitterBuffer {
        JitterBuffer {
            bytes: Box::new([0; RING]),
            tags: Box::new([0; RING]),
            slots: None,
            delay: Delay::new(),
            cursor: 0,
            newest: 0,
            started: false,
            last_sequence: 0,
            late_run: 0,
            straddle: 0,
        }
    }

    /// Makes room for Opus packets.
    pub fn expect_opus(&mut self) {
        self.slots.get_or_insert_with(|| Box::new([Slot { start: 0, len: 0, bytes: [0; opus::PACKET_MAX] }; SLOTS]));
    }

    /// The Opus packet in a slot, and its first tick.
    pub fn packet(&self, slot: u8) -> (i64, &[u8]) {
        let slot = self.slots.as_ref().and_then(|slots| slots.get(usize::from(slot)));
        slot.map_or((0, &[]), |slot| (slot.start, &slot.bytes[..usize::from(slot.len)]))
    }

    /// Forgets the stream, not what is known of the path.
    pub fn restart(&mut self) {
        self.tags.fill(0);
        self.started = false;
        self.late_run = 0;
    }

    /// Whether a timeline runs.
    pub fn started(&self) -> bool {
        self.started
    }

    /// How long frames are waited for, in ticks.
    pub fn wait(&self) -> i64 {
        self.delay.wait() + self.straddle
    }

    /// Lays a packet down. `now` in ticks.
    pub fn insert(&mut self, now: i64, packet: &Packet<'_>, codec: Codec) -> Inserted {
        let payload = packet.payload;
        let length = match codec {
            Codec::Opus if self.slots.is_none() => return Inserted::Refused,
            Codec::Opus => opus::ticks(payload).unwrap_or(0),
            Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len() as i64,
        };
        if length == 0 || length > PAYLOAD_MAX as i64 {
            return Inserted::Refused;
        }
        let follows = packet.sequence == self.last_sequence.wrapping_add(1);
        self.last_sequence = packet.sequence;
        let start = self.unwrap(packet.timestamp);
        // Transit is that of the packet's first frame, so that packets of 60 ms are not taken for late.
        let transit = now - (start + length.min(FRAME_TICKS));
        if !self.started {
            self.begin(now, start, transit);
        } else {
            let off = transit - self.delay.base();
            if !(-JUMP..=DELAY_MAX + JUMP).contains(&off) {
                if !follows {
                    return Inserted::Refused;
                }
                self.begin(now, start, transit);
            }
        }
        // A lost Opus packet is best taken from the one after it, which is due only when the wait is over.
        let straddles = codec == Codec::Opus || (length > FRAME_TICKS && length % FRAME_TICKS != 0);
        self.straddle = if straddles { FRAME_TICKS / 2 } else { 0 };
        self.delay.observe(now, transit);
        if start + length <= self.cursor {
            self.late_run += 1;
            // A talk spurt that begins in the past comes from a sender whose timestamps stand still in silence.
            let spurt = packet.marker && follows;
            if self.late_run < LATE_RUN && !spurt {
                return Inserted::Late;
            }
            self.begin(now, start, transit);
        }
        self.late_run = 0;
        self.newest = self.newest.max(start + length);
        if codec == Codec::Opus {
            self.keep(start, length as usize, payload)
        } else {
            self.write(start, codec, payload)
        }
    }

    /// Keeps an Opus packet, and lays down where.
    fn keep(&mut self, start: i64, ticks: usize, packet: &[u8]) -> Inserted {
        let slot = slot_of(start);
        let marks = [slot as u8; opus::TICKS_MAX as usize];
        let inserted = self.write(start, Codec::Opus, &marks[..ticks]);
        if inserted == Inserted::Kept
            && let Some(slots) = &mut self.slots
        {
            let kept = &mut slots[slot];
            kept.start = start;
            kept.len = packet.len() as u16;
            kept.bytes[..packet.len()].copy_from_slice(packet);
        }
        inserted
    }

    fn write(&mut self, start: i64, codec: Codec, payload: &[u8]) -> Inserted {
        let skip = (self.cursor - start).max(0) as usize;
        let payload = &payload[skip..];
        let start = start + skip as i64;
        if start + payload.len() as i64 > self.cursor + RING as i64 {
            return Inserted::Refused;
        }
        let at = start as usize & (RING - 1);
        if self.tags[at] != 0 {
            return Inserted::Duplicate;
        }
        let first = payload.len().min(RING - at);
        let (head, wrapped) = payload.split_at(first);
        self.bytes[at..at + first].copy_from_slice(head);
        self.tags[at..at + first].fill(tag_of(codec));
        self.bytes[..wrapped.len()].copy_from_slice(wrapped);
        self.tags[..wrapped.len()].fill(tag_of(codec));
        Inserted::Kept
    }

    fn begin(&mut self, now: i64, start: i64, transit: i64) {
        self.tags.fill(0);
        self.delay.restart(now, transit);
        self.cursor = start;
        self.newest = start;
        self.started = true;
        self.late_run = 0;
    }

    /// The 64-bit timestamp nearest to the newest one.
    fn unwrap(&self, timestamp: u32) -> i64 {
        if !self.started {
            // Far enough from zero that earlier timestamps stay positive.
            return (1 << 33) + i64::from(timestamp);
        }
        self.newest + i64::from(timestamp.wrapping_sub(self.newest as u32) as i32)
    }

    /// When the frame at the cursor is to be taken, in ticks; `None` until a stream has begun.
    pub fn due_at(&self) -> Option<i64> {
        let overdue = self.delay.base() + self.cursor + FRAME_TICKS + self.wait();
        self.started.then(|| if self.whole() { overdue - FRAME_TICKS - self.straddle } else { overdue })
    }

    /// Takes the frame at the cursor if it is due.
    pub fn take(&mut self, now: i64, due: &mut Due) -> bool {
        if self.due_at().is_none_or(|at| now < at) {
            return false;
        }
        let at = self.cursor as usize & (RING - 1);
        let first = (FRAME_TICKS as usize).min(RING - at);
        let rest = FRAME_TICKS as usize - first;
        due.bytes[..first].copy_from_slice(&self.bytes[at..at + first]);
        due.tags[..first].copy_from_slice(&self.tags[at..at + first]);
        self.tags[at..at + first].fill(0);
        due.bytes[first..].copy_from_slice(&self.bytes[..rest]);
        due.tags[first..].copy_from_slice(&self.tags[..rest]);
        self.tags[..rest].fill(0);
        due.start = self.cursor;
        self.cursor += FRAME_TICKS;
        due.next = self.slot_at_cursor();
        true
    }

    fn slot_at_cursor(&self) -> Option<u8> {
        let at = self.cursor as usize & (RING - 1);
        let slot = (self.tags[at] == OPUS).then_some(self.bytes[at])?;
        (self.packet(slot).0 == self.cursor).then_some(slot)
    }

    /// Passes over frames that nobody took in time, when the engine itself was held up.
    pub fn skip_to(&mut self, now: i64, frames_max: i64) {
        let Some(_) = self.due_at() else { return };
        let overdue = now - (self.delay.base() + self.cursor + FRAME_TICKS + self.wait());
        let excess = overdue / FRAME_TICKS - frames_max;
        if excess > 0 {
            for tick in 0..(excess * FRAME_TICKS).min(RING as i64) {
                self.tags[(self.cursor + tick) as usize & (RING - 1)] = 0;
            }
            self.cursor += excess * FRAME_TICKS;
        }
    }

    /// Whether the frame at the cursor is all there.
    pub fn whole(&self) -> bool {
        let at = self.cursor as usize & (RING - 1);
        let first = (FRAME_TICKS as usize).min(RING - at);
        let holes = |tags: &[u8]| tags.contains(&0);
        self.newest >= self.cursor + FRAME_TICKS
            && !holes(&self.tags[at..at + first])
            && !holes(&self.tags[..FRAME_TICKS as usize - first])
    }
}
