//! The sending half: what is said in each packet time, encoded and handed to the outbox.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::codec::Encoder;
use crate::comfort_noise::{ComfortNoise, SENT_PEAK};
use crate::dtmf::sending::KeySender;
use crate::events::Events;
use crate::frame::{Clip, FRAME_SAMPLES, Frame};
use crate::mixer::{self, Mixer, Seat};
use crate::outbox::Outbox;
use crate::pacer::Pacer;
use crate::params::{Codec, Key, PlayItem, SessionConfig, StreamParams, TransmitKind, UtteranceId};
use crate::playout::Playout;
use crate::relay::{RelayPacket, Renumbering};
use crate::rtcp::Sent;
use crate::rtp;
use crate::sent_history::SentHistory;
use crate::time::MS;

/// Engine-rate samples of the longest packet, 60 ms.
const PACKET_SAMPLES_MAX: usize = 960;
/// Idle for this long, the next speech begins a talk spurt and has the marker (RFC 3551 §4.1).
const SPURT_PAUSE: Duration = Duration::from_millis(200);

/// Quieter than this peak (−36 dBFS) counts as a quiet place.
const QUIET: u16 = 520;

/// The sending half of a session.
pub struct Outgoing {
    ssrc: u32,
    pacer: Pacer,
    playout: Playout,
    others: Mixer,
    mixing: Mixing,
    spoken: Option<Spoken>,
    keys: KeySender,
    noise: ComfortNoise,
    encoder: Encoder,
    history: SentHistory,
    sequence: u16,
    /// In ticks.
    timestamp: u32,
    /// Steps of the stream's clock in a tick.
    steps_per_tick: u32,
    /// When something was said last; `None` before the first word.
    spoke_at: Option<Instant>,
    /// Whether nothing was said in the last slot.
    idle: bool,
    /// Whether nothing might be sent in the last slot.
    muted: bool,
    sent: Sent,
    relay: Renumbering,
    /// The timestamp after the last forwarded packet.
    relayed_until: Option<u32>,
}

/// Whether what others say is added up here rather than forwarded as it came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixing {
    Off,
    On,
    /// Until there is a quiet place: what is forwarded is ahead of what is added up by the wait of the jitter buffer,
    /// and so much is left out there.
    UntilQuiet,
}

/// What is played, for one who listens: nothing of what others say, and no noise.
struct Spoken {
    samples: [i16; SPOKEN_MAX],
    len: usize,
}

/// The longest packet, and what was left before it.
const SPOKEN_MAX: usize = PACKET_SAMPLES_MAX + FRAME_SAMPLES;

impl Spoken {
    fn push(&mut self, samples: &[i16]) {
        // Whoever does not take it misses it.
        let n = samples.len().min(SPOKEN_MAX - self.len);
        self.samples[self.len..self.len + n].copy_from_slice(&samples[..n]);
        self.len += n;
    }

    fn pop(&mut self) -> Option<Frame> {
        let frame = Frame(*self.samples[..self.len].first_chunk()?);
        self.samples.copy_within(FRAME_SAMPLES..self.len, 0);
        self.len -= FRAME_SAMPLES;
        Some(frame)
    }
}

/// What a slot needs to know of the rest of the session.
pub struct Line<'a> {
    /// What is negotiated.
    pub params: &'a StreamParams,
    /// Where audio goes now; `None` on hold, or where nothing is known yet.
    pub destination: Option<SocketAddr>,
    /// Where events go.
    pub events: &'a mut Events,
    /// Where datagrams go.
    pub outbox: &'a mut Outbox,
}

impl Outgoing {
    /// Nothing to say; the slots' grid is anchored at `now`.
    pub fn new(config: &SessionConfig, now: Instant, seed: u32) -> Outgoing {
        Outgoing {
            ssrc: config.ssrc,
            pacer: Pacer::new(now, Duration::from_millis(20)),
            playout: Playout::new(),
            others: Mixer::new(),
            mixing: Mixing::Off,
            spoken: None,
            keys: KeySender::new(),
            noise: ComfortNoise::new(seed),
            encoder: Encoder::new(Codec::Pcmu),
            history: SentHistory::new(),
            sequence: config.first_sequence,
            timestamp: config.first_timestamp,
            steps_per_tick: 1,
            spoke_at: None,
            idle: true,
            muted: true,
            sent: Sent::default(),
            relay: Renumbering::default(),
            relayed_until: None,
        }
    }

    /// Another offer and answer.
    pub fn configure(&mut self, before: Option<&StreamParams>, params: &StreamParams) {
        if before.is_none_or(|before| before.codec != params.codec) {
            self.encoder = Encoder::new(params.codec);
            self.steps_per_tick = params.codec.steps_per_tick();
        }
        if params.dtmf.is_none() {
            self.keys.clear();
        }
        self.pacer.set_packet(Duration::from_millis(u64::from(params.packet_ms)));
    }

    /// Queues a piece of speech; gives it back when the queue is full.
    pub fn queue(&mut self, item: PlayItem, events: &mut Events) -> Result<(), PlayItem> {
        self.playout.push(item, events)
    }

    /// Opens the next slot now if speech waits and nothing was said in the last one.
    pub fn open_early(&mut self, now: Instant, line: Line<'_>) {
        let waits = self.idle && self.playout.ready() && !self.keys.busy() && line.destination.is_some();
        if waits && now < self.pacer.next() && self.pacer.open_early(now) {
            self.open_due(now, line);
        }
    }

    /// Drops an utterance and all before it.
    pub fn flush(&mut self, up_to: UtteranceId, events: &mut Events) {
        if self.playout.flush(up_to, events) {
            self.encoder.cut();
            self.idle |= !self.playout.ready();
        }
    }

    /// Audio of whoever sits there.
    pub fn push_voice(&mut self, from: Seat, frame: &Frame) {
        self.others.push(from, frame);
    }

    /// Whoever sits there is not heard any more.
    pub fn close_voice(&mut self, from: Seat) {
        self.others.close(from);
    }

    /// Whether others are added up rather than forwarded.
    pub fn set_mixed(&mut self, on: bool) {
        self.mixing = match (on, self.mixing) {
            (true, _) => Mixing::On,
            (false, Mixing::On) => Mixing::UntilQuiet,
            (false, before) => before,
        };
    }

    /// Whether what is played is kept for [`Outgoing::next_spoken`].
    pub fn set_overheard(&mut self, on: bool) {
        self.spoken = on.then_some(Spoken { samples: [0; SPOKEN_MAX], len: 0 });
    }

    /// The next frame of what is played.
    pub fn next_spoken(&mut self) -> Option<Frame> {
        self.spoken.as_mut()?.pop()
    }

    /// Forwards a packet of a bridged leg, if nothing speaks against it; whether it was.
    pub fn relay(&mut self, now: Instant, packet: &RelayPacket, line: Line<'_>) -> bool {
        let Some(destination) = line.destination else { return false };
        let fits = packet.codec == line.params.codec && packet.ticks() == i64::from(line.params.packet_ms) * MS;
        if !fits || !self.forwards() {
            return false;
        }
        let Some(numbers) = self.relay.number(now, packet, (self.sequence, self.timestamp)) else { return false };
        let params = line.params;
        let marker = packet.marker || numbers.first;
        let timestamp = numbers.timestamp.wrapping_mul(self.steps_per_tick);
        let header = rtp::header(marker, params.payload_type, numbers.sequence, timestamp, self.ssrc);
        self.count(packet.payload.len());
        // Our own next packet comes after all that were forwarded.
        if numbers.sequence.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = numbers.sequence.wrapping_add(1);
        }
        let after = numbers.timestamp.wrapping_add(u32::from(params.packet_ms) * 8);
        self.relayed_until = Some(after);
        line.outbox.push(destination, TransmitKind::Rtp, &header, &packet.payload);
        true
    }

    /// What the far end says of 256 packets that it lost.
    pub fn expect_loss(&mut self, of_256: u8) {
        self.encoder.expect_loss(of_256);
    }

    /// Queues a key.
    pub fn send_key(&mut self, key: Key, duration: Duration) {
        self.keys.push(key, duration);
    }

    /// When the next slot has to be opened. While packets pass as they came, and `in_company` of nobody who listens to
    /// this side or records it, slots have nothing to do.
    pub fn due_at(&self, in_company: bool) -> Instant {
        let passing = self.relay.on_until().filter(|_| !in_company && self.spoken.is_none() && self.forwards());
        passing.map_or(self.pacer.next(), |until| until.max(self.pacer.next()))
    }

    /// Whether nothing of ours speaks against passing packets on as they came.
    fn forwards(&self) -> bool {
        self.mixing == Mixing::Off && !self.playout.ready() && !self.keys.busy()
    }

    /// Lets the grid go on while there is no stream.
    pub fn pass(&mut self, now: Instant) {
        self.pacer.pass(now);
    }

    /// Opens every slot that is due.
    pub fn open_due(&mut self, now: Instant, mut line: Line<'_>) {
        let ticks = u32::from(line.params.packet_ms) * 8;
        let passed = self.pacer.skip(now, self.relay.on_until().is_some());
        self.timestamp = self.timestamp.wrapping_add(passed.wrapping_mul(ticks));
        while now >= self.pacer.next() {
            self.slot(now, &mut line);
            self.pacer.advance(self.idle);
            self.timestamp = self.timestamp.wrapping_add(ticks);
        }
    }

    /// One packet time: a key, or speech, or the bridged leg, or comfort noise.
    fn slot(&mut self, now: Instant, line: &mut Line<'_>) {
        let mut samples = [0; PACKET_SAMPLES_MAX];
        let samples = &mut samples[..usize::from(line.params.packet_ms) * 16];
        let Some(destination) = line.destination else {
            self.idle = true;
            self.muted = true;
            self.others.clear();
            self.played(samples);
            self.history.push(samples, false);
            return;
        };
        if self.relay.is_on(now) && self.forwards() {
            self.played(samples);
            // What was forwarded is what was said: it is recorded, and told from an echo, as if we had sent it.
            self.others.pull(samples);
            self.muted = false;
            self.idle = true;
            self.history.push(samples, false);
            return;
        }
        self.end_relay();
        if self.keys.busy() && self.key_slot(destination, line) {
            self.idle = true;
            self.played(samples);
            self.history.push(samples, false);
            return;
        }
        let speaking = self.fill(samples, line.events);
        let paused = self.spoke_at.is_none_or(|at| now.saturating_duration_since(at) >= SPURT_PAUSE);
        let marker = self.muted || (speaking && paused);
        self.muted = false;
        self.idle = !speaking;
        if speaking {
            self.spoke_at = Some(now);
        }
        let mut payload = [0; PACKET_SAMPLES_MAX / 2];
        let payload = &mut payload[..samples.len() / 2];
        let len = self.encoder.encode(line.params.codec, samples, payload);
        let payload = &payload[..len];
        self.history.push(samples, speaking);
        let header = self.header(marker, line.params.payload_type, self.timestamp, payload.len());
        line.outbox.push(destination, TransmitKind::Rtp, &header, payload);
    }

    /// We send by ourselves again, after everything that was forwarded.
    fn end_relay(&mut self) {
        self.relay.stop();
        if let Some(until) = self.relayed_until.take()
            && until.wrapping_sub(self.timestamp) < 0x8000_0000
        {
            self.timestamp = until;
        }
    }

    /// Fills a packet; whether any of it is speech of ours.
    fn fill(&mut self, samples: &mut [i16], events: &mut Events) -> bool {
        let spoken = self.playout.fill(samples, events);
        self.played(samples);
        if spoken > 0 {
            self.noise.fill(SENT_PEAK, &mut samples[spoken..]);
            self.mix_others(samples);
        } else if !self.others.pull(samples) {
            // What the store still held when it ran dry is kept; the silence after it becomes noise.
            let held = samples.iter().rposition(|sample| *sample != 0).map_or(0, |last| last + 1);
            self.noise.fill(SENT_PEAK, &mut samples[held..]);
        }
        if self.mixing == Mixing::UntilQuiet && samples.iter().all(|sample| sample.unsigned_abs() < QUIET) {
            self.mixing = Mixing::Off;
        }
        spoken > 0
    }

    /// What of a slot was played, before anything is added to it.
    fn played(&mut self, samples: &[i16]) {
        if let Some(spoken) = &mut self.spoken {
            spoken.push(samples);
        }
    }

    /// Whoever is told something while they are bridged goes on hearing the other side beneath it.
    fn mix_others(&mut self, samples: &mut [i16]) {
        if self.others.is_silent() {
            return;
        }
        let mut other = [0; PACKET_SAMPLES_MAX];
        let other = &mut other[..samples.len()];
        self.others.pull(other);
        mixer::add(samples, other);
    }

    /// Sends an event packet in place of audio; false when none is to be sent after all.
    fn key_slot(&mut self, destination: SocketAddr, line: &mut Line<'_>) -> bool {
        let Some(format) = line.params.dtmf else {
            self.keys.clear();
            return false;
        };
        let packet = Duration::from_millis(u64::from(line.params.packet_ms));
        let Some(event) = self.keys.slot(self.timestamp, packet, format) else {
            return false;
        };
        let header = self.header(event.marker, format.payload_type, event.timestamp, event.payload.len());
        line.outbox.push(destination, TransmitKind::Rtp, &header, &event.payload);
        true
    }

    /// The header of the next packet, which is counted as sent.
    fn header(&mut self, marker: bool, payload_type: u8, timestamp: u32, bytes: usize) -> [u8; rtp::HEADER_BYTES] {
        let timestamp = timestamp.wrapping_mul(self.steps_per_tick);
        let header = rtp::header(marker, payload_type, self.sequence, timestamp, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        self.count(bytes);
        header
    }

    fn count(&mut self, bytes: usize) {
        self.sent.packets = self.sent.packets.wrapping_add(1);
        self.sent.bytes = self.sent.bytes.wrapping_add(bytes as u32);
        self.sent.active = true;
    }

    /// What was sent so far.
    pub fn sent(&self) -> Sent {
        self.sent
    }

    /// What a report made at `now` says of it; the next report counts as active only if more is sent.
    pub fn take_report(&mut self, now: Instant) -> Sent {
        let until_next = self.pacer.next().saturating_duration_since(now).as_micros() as u32 * 8 / 1000;
        let timestamp = self.timestamp.wrapping_sub(until_next).wrapping_mul(self.steps_per_tick);
        let report = Sent { timestamp, ..self.sent };
        self.sent.active = false;
        report
    }

    /// Samples of this utterance that have left, while it is the one being said.
    pub fn samples_sent(&self, utterance: UtteranceId) -> Option<u64> {
        self.playout.samples_sent(utterance)
    }

    /// A clip that is no longer needed.
    pub fn take_spent(&mut self) -> Option<Clip> {
        self.playout.take_spent()
    }

    /// What was sent lately.
    pub fn history(&mut self) -> &mut SentHistory {
        &mut self.history
    }
}
