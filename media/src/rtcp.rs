//! RTCP (RFC 3550 §6): reports out, reports in. A BYE is read and ignored: signalling ends calls, and a
//! forged BYE must not (M3).

use std::time::{Duration, Instant};

use crate::time::Epoch;

/// The mean interval between reports; the minimum of RFC 3550 §6.2.
const INTERVAL: Duration = Duration::from_secs(5);
/// The first report comes after half of it.
const FIRST: Duration = Duration::from_millis(2500);
/// Packets read of one compound datagram at most.
const PACKETS_MAX: usize = 16;
/// The longest datagram written here: SR with one block, SDES with our name, BYE.
pub const WRITTEN_MAX: usize = 128;

const SR: u8 = 200;
const RR: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;

/// A part of a compound datagram that is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The far end's sender information.
    Sender {
        /// Who sends.
        ssrc: u32,
        /// The middle 32 bits of its NTP time, to be echoed.
        ntp_middle: u32,
    },
    /// How some receiver hears some source.
    Block {
        /// The source it is about.
        ssrc: u32,
        /// Packets lost since the last report, of 256.
        fraction_lost: u8,
        /// Packets lost in all; may be negative with duplicates.
        lost: i32,
        /// Interarrival jitter in timestamp steps.
        jitter: u32,
        /// The NTP middle of our last sender report that it saw.
        last_sr: u32,
        /// How long ago that was, in 1/65536 s.
        delay_since_last_sr: u32,
    },
    /// Somebody says that it leaves.
    Bye,
}

/// Reads a compound datagram, calling `each` for every part of use, in order. False if the datagram is not
/// well formed (RFC 3550 A.2); parts before the fault were told all the same.
pub fn parse(datagram: &[u8], mut each: impl FnMut(Report)) -> bool {
    let mut rest = datagram;
    let first_type = datagram.get(1).copied();
    if !matches!(first_type, Some(SR | RR)) {
        return false;
    }
    for _ in 0..PACKETS_MAX {
        if rest.is_empty() {
            return true;
        }
        let Some((header, _)) = rest.split_first_chunk::<4>() else { return false };
        let bytes = (usize::from(u16::from_be_bytes([header[2], header[3]])) + 1) * 4;
        if header[0] >> 6 != 2 || bytes > rest.len() {
            return false;
        }
        let (packet, after) = rest.split_at(bytes);
        rest = after;
        let count = usize::from(header[0] & 0x1f);
        match header[1] {
            SR => {
                let (Some(ssrc), Some(high), Some(low)) = (word(packet, 4), word(packet, 8), word(packet, 12)) else {
                    return false;
                };
                each(Report::Sender { ssrc, ntp_middle: high << 16 | low >> 16 });
                blocks(packet, 28, count, &mut each);
            }
            RR => blocks(packet, 8, count, &mut each),
            BYE => each(Report::Bye),
            // SDES, APP, feedback and extended reports are passed over.
            _ => {}
        }
    }
    true
}

fn blocks(packet: &[u8], from: usize, count: usize, each: &mut impl FnMut(Report)) {
    for block in packet.get(from..).unwrap_or_default().chunks_exact(24).take(count) {
        let word = |at| word(block, at).unwrap_or_default();
        each(Report::Block {
            ssrc: word(0),
            fraction_lost: block[4],
            // 24 bits, signed.
            lost: ((word(4) << 8) as i32) >> 8,
            jitter: word(12),
            last_sr: word(16),
            delay_since_last_sr: word(20),
        });
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk::<4>().map(|word| u32::from_be_bytes(*word))
}

/// Reads anything without panicking; the body of the fuzz target, run over a stored corpus by the tests.
pub fn fuzz(bytes: &[u8]) {
    let mut parts = 0;
    parse(bytes, |_| parts += 1);
    assert!(parts <= bytes.len());
}

/// What arrives, counted as RFC 3550 A.3 and A.8 say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reception {
    ssrc: u32,
    started: bool,
    base: u32,
    highest: u32,
    received: u32,
    expected_before: u32,
    received_before: u32,
    jitter_16: u32,
    /// Steps of the stream's own clock in a tick; 0 stands for one.
    steps_per_tick: u32,
    last_transit: Option<i64>,
    last_sr: u32,
    last_sr_at: Option<Instant>,
}

impl Reception {
    /// A new source, whose own clock makes so many steps a tick.
    pub fn restart(&mut self, ssrc: u32, sequence: u16, steps_per_tick: u32) {
        let base = u32::from(sequence);
        *self = Reception { ssrc, started: true, base, highest: base, steps_per_tick, ..Reception::default() };
    }

    /// A packet of it; `now` and `timestamp` in ticks.
    pub fn packet(&mut self, now: i64, sequence: u16, timestamp: u32) {
        self.received = self.received.wrapping_add(1);
        let ahead = sequence.wrapping_sub(self.highest as u16) as i16;
        if ahead > 0 {
            self.highest = self.highest.wrapping_add(ahead as u32);
        }
        let transit = i64::from((now as u32).wrapping_sub(timestamp) as i32);
        if let Some(last) = self.last_transit.replace(transit) {
            let difference = (transit - last).unsigned_abs().min(80_000) as u32;
            self.jitter_16 = self.jitter_16 + difference - ((self.jitter_16 + 8) >> 4);
        }
    }

    /// A sender report of it.
    pub fn sender_report(&mut self, now: Instant, ssrc: u32, ntp_middle: u32) {
        if self.started && ssrc == self.ssrc {
            self.last_sr = ntp_middle;
            self.last_sr_at = Some(now);
        }
    }

    /// Packets that should have come and did not.
    pub fn lost(&self) -> i64 {
        if self.started { i64::from(self.highest.wrapping_sub(self.base)) + 1 - i64::from(self.received) } else { 0 }
    }

    /// Interarrival jitter in milliseconds.
    pub fn jitter_ms(&self) -> u32 {
        (self.jitter_16 >> 4) / 8
    }

    fn block(&mut self, now: Instant) -> [u8; 24] {
        let expected = self.highest.wrapping_sub(self.base).wrapping_add(1);
        let expected_now = expected.wrapping_sub(self.expected_before);
        let lost_now = i64::from(expected_now) - i64::from(self.received.wrapping_sub(self.received_before));
        self.expected_before = expected;
        self.received_before = self.received;
        let fraction = if expected_now == 0 { 0 } else { (lost_now.max(0) * 256 / i64::from(expected_now)).min(255) };
        let lost = self.lost().clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        let since = self.last_sr_at.map_or(0, |at| {
            (now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000).min(u128::from(u32::MAX)) as u32
        });
        let mut block = [0; 24];
        let jitter = (self.jitter_16 >> 4).saturating_mul(self.steps_per_tick.max(1));
        let words = [self.ssrc, (fraction as u32) << 24 | lost, self.highest, jitter, self.last_sr, since];
        for (bytes, word) in block.chunks_exact_mut(4).zip(words) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        block
    }
}

/// What was sent, for the sender report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sent {
    /// RTP packets.
    pub packets: u32,
    /// Payload bytes.
    pub bytes: u32,
    /// Whether any went out since the last report.
    pub active: bool,
    /// The RTP timestamp that stands for the present instant.
    pub timestamp: u32,
}

/// When the next report is due and what it says.
pub struct Reporter {
    ssrc: u32,
    name: [u8; 16],
    next: Instant,
    chance: u32,
}

impl Reporter {
    /// Names and times its reports from `seed`, which comes from the caller's randomness.
    pub fn new(now: Instant, ssrc: u32, seed: u64) -> Reporter {
        let mut name = [0; 16];
        let mut state = seed ^ u64::from(ssrc) << 32;
        for byte in &mut name {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = b"0123456789abcdef"[(state >> 60) as usize];
        }
        Reporter { ssrc, name, next: now + FIRST, chance: (state >> 32) as u32 }
    }

    /// When the next report is due.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// Sets the time of the one after: 0.5 to 1.5 intervals on (§6.2), by a generator seeded once.
    pub fn schedule(&mut self, now: Instant) {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.next = now + INTERVAL / 2 + INTERVAL * (self.chance >> 16) / 65_536;
    }

    /// Writes a report: SR when we sent lately, RR otherwise; SDES with our name; BYE at the end.
    pub fn write(
        &mut self,
        now: Instant,
        epoch: Epoch,
        sent: Sent,
        reception: Option<&mut Reception>,
        bye: bool,
    ) -> ([u8; WRITTEN_MAX], usize) {
        let mut writer = Writer { bytes: [0; WRITTEN_MAX], len: 0 };
        let block = reception.filter(|reception| reception.started).map(|reception| reception.block(now));
        let count = u8::from(block.is_some());
        let words = 6 * u16::from(count);
        if sent.active {
            writer.header(count, SR, 6 + words);
            writer.word(self.ssrc);
            // Time since the beginning: allowed where no wall clock is known (§6.4.1).
            let elapsed = now.saturating_duration_since(epoch.0);
            writer.word(elapsed.as_secs() as u32);
            writer.word(((u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000) as u32);
            writer.word(sent.timestamp);
            writer.word(sent.packets);
            writer.word(sent.bytes);
        } else {
            writer.header(count, RR, 1 + words);
            writer.word(self.ssrc);
        }
        writer.put(block.as_ref().map_or(&[], |block| &block[..]));
        // One chunk: SSRC, CNAME of 16 bytes, and zeroes to the next word.
        writer.header(1, SDES, 6);
        writer.word(self.ssrc);
        writer.put(&[1, 16]);
        let name = self.name;
        writer.put(&name);
        writer.put(&[0, 0]);
        if bye {
            writer.header(1, BYE, 1);
            writer.word(self.ssrc);
        }
        (writer.bytes, writer.len)
    }

    /// The round trip that a block about us tells, if it does.
    pub fn round_trip(now: Instant, epoch: Epoch, last_sr: u32, delay_since_last_sr: u32) -> Option<Duration> {
        if last_sr == 0 {
            return None;
        }
        let elapsed = now.saturating_duration_since(epoch.0);
        let middle = (elapsed.as_micros() * 65_536 / 1_000_000) as u32;
        let units = middle.wrapping_sub(last_sr).wrapping_sub(delay_since_last_sr);
        // More than a minute is nonsense or a lie.
        (units < 60 * 65_536).then(|| Duration::from_micros(u64::from(units) * 1_000_000 / 65_536))
    }
}

struct Writer {
    bytes: [u8; WRITTEN_MAX],
    len: usize,
}

impl Writer {
    fn put(&mut self, bytes: &[u8]) {
        self.bytes[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    fn word(&mut self, word: u32) {
        self.put(&word.to_be_bytes());
    }

    fn header(&mut self, count: u8, packet_type: u8, words: u16) {
        let [high, low] = words.to_be_bytes();
        self.put(&[0x80 | count, packet_type, high, low]);
    }
}
