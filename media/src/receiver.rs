//! From accepted packets to 20 ms frames: waits, decodes, conceals.

use crate::codec::{Decoder, opus};
use crate::comfort_noise::ComfortNoise;
use crate::frame::{FRAME_SAMPLES, Frame};
use crate::jitter::{Due, Inserted, JitterBuffer, codec_of};
use crate::params::Codec;
use crate::plc::Concealer;
use crate::rtp::Packet;
use crate::time::{FRAME_TICKS, MS};

/// Frames made at once at most; when the engine was held up longer, the rest is passed over.
const BURST: i64 = 6;

/// Concealing this late means that the engine was held up, and packets may wait in the socket: they get
/// [`GRACE`] to be handed over first.
const HELD_UP: i64 = 10 * MS;
const GRACE: i64 = 2 * MS;

/// Frames are given out 5 % faster than time passes at most, with 400 ms in advance: enough for every
/// honest clock and burst, and a far end that sends faster than it speaks floods nobody.
const CREDIT_MAX: i64 = 20 * FRAME_TICKS;

/// Counts of what happened to received audio, since the session began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Packets used.
    pub used: u64,
    /// Packets that were there already.
    pub duplicate: u64,
    /// Packets whose time had passed.
    pub late: u64,
    /// Packets off the timeline, and frames beyond what time allows.
    pub refused: u64,
    /// Frames of which at least half was made up while a stream ran.
    pub concealed: u64,
}

/// A frame, and whether more than half of it was made up.
pub struct Received {
    /// The audio.
    pub frame: Frame,
    /// Whether it was made up.
    pub concealed: bool,
}

/// The receiving half of a session.
pub struct Receiver {
    jitter: JitterBuffer,
    decoder: Decoder,
    /// Made with the first offer and answer that has Opus in it.
    opus: Option<Box<opus::Decoder>>,
    /// Whether the last audio was Opus, by which gaps are filled.
    is_opus: bool,
    concealer: Concealer,
    noise: ComfortNoise,
    /// The far end's comfort noise, while it lasts.
    noise_peak: Option<i16>,
    /// When the next frame is due while no stream runs, in ticks.
    idle_due: i64,
    due: Due,
    /// Nothing is concealed before this.
    grace_until: i64,
    /// Ticks of audio that may be given out, and when that was reckoned.
    credit: i64,
    credited_at: i64,
    /// Nobody takes what is heard: nothing is kept, and the timeline starts afresh when somebody does.
    unheard: bool,
    counts: Counts,
}

impl Receiver {
    /// Nothing heard yet; frames of silence come from `now` (ticks) on.
    pub fn new(now: i64, seed: u32) -> Receiver {
        Receiver {
            jitter: JitterBuffer::new(),
            decoder: Decoder::new(),
            opus: None,
            is_opus: false,
            concealer: Concealer::new(seed),
            noise: ComfortNoise::new(!seed),
            noise_peak: None,
            idle_due: now + FRAME_TICKS,
            due: Due::new(),
            grace_until: 0,
            credit: CREDIT_MAX,
            credited_at: now,
            unheard: false,
            counts: Counts::default(),
        }
    }

    /// Makes ready for Opus; takes memory, so it is done with the offer and answer.
    pub fn expect_opus(&mut self) {
        self.jitter.expect_opus();
        self.opus.get_or_insert_with(|| Box::new(opus::Decoder::new()));
    }

    /// A new stream (another SSRC, another offer and answer): its timeline starts afresh.
    pub fn restart(&mut self, now: i64) {
        self.idle_due = self.due_at().max(now);
        self.jitter.restart();
        self.noise_peak = None;
    }

    /// Whether anybody takes what is heard; no frames come while nobody does.
    pub fn set_unheard(&mut self, now: i64, unheard: bool) {
        if self.unheard != unheard {
            self.restart(now);
            self.unheard = unheard;
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The present wait for late packets, in ticks.
    pub fn wait(&self) -> i64 {
        self.jitter.wait()
    }

    /// An audio packet; whether it was of use, if only too late for us.
    pub fn audio(&mut self, now: i64, packet: &Packet<'_>, codec: Codec) -> bool {
        if self.unheard {
            self.counts.used += 1;
            return true;
        }
        let inserted = self.jitter.insert(now, packet, codec);
        let is_of_use = matches!(inserted, Inserted::Kept | Inserted::Late);
        match inserted {
            Inserted::Kept => {
                self.counts.used += 1;
                self.noise_peak = None;
            }
            Inserted::Duplicate => self.counts.duplicate += 1,
            Inserted::Late => self.counts.late += 1,
            Inserted::Refused => self.counts.refused += 1,
        }
        is_of_use
    }

    /// A comfort noise packet (RFC 3389 §3): holes are noise of this level until audio comes again.
    pub fn comfort_noise(&mut self, payload: &[u8]) {
        if let Some(level) = payload.first() {
            self.noise_peak = Some(ComfortNoise::peak_of_level(level & 0x7f));
        }
    }

    /// When the next frame is due, in ticks; `None` while nobody takes it.
    pub fn next_due(&self) -> Option<i64> {
        (!self.unheard).then(|| self.due_at())
    }

    fn due_at(&self) -> i64 {
        match self.jitter.due_at() {
            Some(due) if self.jitter.whole() => due,
            Some(due) => due.max(self.grace_until),
            None => self.idle_due,
        }
    }

    /// The next whole frame, if it is due. What is overdue may still wait in the socket behind the packet that
    /// just came, so nothing is made up here.
    pub fn take_whole(&mut self, now: i64) -> Option<Received> {
        if self.unheard || !self.jitter.started() || !self.jitter.whole() {
            return None;
        }
        self.take_next(now)
    }

    /// The next frame, if it is due, made up where nothing came. At most [`BURST`] come out at one time.
    pub fn take(&mut self, now: i64) -> Option<Received> {
        if self.unheard {
            return None;
        }
        if !self.jitter.started() {
            return self.take_idle(now);
        }
        if !self.jitter.whole() {
            let due = self.due_at();
            if now < due {
                return None;
            }
            if now - due > HELD_UP {
                self.grace_until = now + GRACE;
                return None;
            }
        }
        self.jitter.skip_to(now, BURST);
        self.take_next(now)
    }

    fn take_next(&mut self, now: i64) -> Option<Received> {
        self.credit = (self.credit + (now - self.credited_at) * 21 / 20).min(CREDIT_MAX);
        self.credited_at = now;
        // What goes beyond the credit is taken and dropped, so that the buffer never stands still.
        while self.jitter.take(now, &mut self.due) {
            if self.credit >= FRAME_TICKS {
                self.credit -= FRAME_TICKS;
                return Some(self.decode());
            }
            self.counts.refused += 1;
        }
        None
    }

    /// Makes a frame of what was taken.
    fn decode(&mut self) -> Received {
        let mut frame = Frame::SILENCE;
        let mut made_up = 0;
        let mut from = 0;
        while from < FRAME_TICKS as usize {
            let tag = self.due.tags[from];
            let byte = self.due.bytes[from];
            let codec = codec_of(tag);
            let is_packet = codec == Some(Codec::Opus);
            let same = |at: &usize| self.due.tags[*at] == tag && (!is_packet || self.due.bytes[*at] == byte);
            let run = (from..FRAME_TICKS as usize).take_while(same).count();
            let out = &mut frame.0[2 * from..2 * (from + run)];
            self.is_opus = codec.map_or(self.is_opus, |codec| codec == Codec::Opus);
            match (codec, self.noise_peak) {
                (Some(Codec::Opus), _) => {
                    let (start, packet) = self.jitter.packet(byte);
                    if let Some(opus) = &mut self.opus {
                        opus.decode(start, packet, self.due.start + from as i64, out);
                    }
                }
                (Some(codec), _) => {
                    self.decoder.decode(codec, &self.due.bytes[from..from + run], out);
                    self.concealer.received(out);
                }
                (None, Some(peak)) => {
                    self.noise.fill(peak, out);
                    self.concealer.received(out);
                    made_up += run;
                }
                (None, None) if self.is_opus => {
                    let ends = from + run == FRAME_TICKS as usize;
                    let next = self.due.next.filter(|_| ends).map(|slot| self.jitter.packet(slot).1);
                    let recovered = self.opus.as_mut().is_some_and(|opus| opus.recover(next, out));
                    made_up += if recovered { 0 } else { run };
                }
                (None, None) => {
                    self.concealer.conceal(out);
                    made_up += run;
                }
            }
            from += run;
        }
        let concealed = made_up * 2 > FRAME_TICKS as usize;
        self.counts.concealed += u64::from(concealed);
        Received { frame, concealed }
    }

    fn take_idle(&mut self, now: i64) -> Option<Received> {
        if now < self.idle_due {
            return None;
        }
        let behind = (now - self.idle_due) / FRAME_TICKS;
        self.idle_due += FRAME_TICKS * (1 + (behind - BURST).max(0));
        Some(Received { frame: Frame([0; FRAME_SAMPLES]), concealed: true })
    }
}
