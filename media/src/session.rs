//! One RTP stream pair of one leg: what comes in becomes frames, what is to be spoken becomes packets.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::dtmf::telephone_event::EventReader;
use crate::dtmf::tones::ToneReader;
use crate::dtmf::{Presses, Way};
use crate::elastic::Elastic;
use crate::events::Events;
use crate::frame::{Clip, Frame};
use crate::mixer::Seat;
use crate::outbox::Outbox;
use crate::outgoing::{Line, Outgoing};
use crate::params::{
    Codec, Direction, Event, HeardFrame, Key, PlayItem, RecordFrame, SessionConfig, StreamParams, Transmit,
    TransmitKind, UtteranceId,
};
use crate::queue::Queue;
use crate::receiver::{Received, Receiver};
use crate::relay::RelayPacket;
use crate::rtcp::{self, Reception, Report, Reporter};
use crate::rtp;
use crate::source::{Claim, SourceGate, Verdict};
use crate::time::{Epoch, FineClock};

/// Frames heard and not yet polled at most; the driver polls after every call.
const HEARD_MAX: usize = 8;
/// Packets for a bridged leg not yet polled at most: as many as the driver reads in one go.
const RELAYED_MAX: usize = 8;
/// Pairs for the recording not yet polled at most.
const RECORD_MAX: usize = 4;

/// Counts and measures of a session, for metrics and logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// RTP packets accepted, of any kind.
    pub received: u64,
    /// Datagrams that were no RTP or RTCP.
    pub malformed: u64,
    /// Packets from others than the far end, or not proven yet.
    pub foreign: u64,
    /// Packets of payload types that were not negotiated.
    pub unknown_payload: u64,
    /// Packets that came twice.
    pub duplicate: u64,
    /// Packets that came too late.
    pub late: u64,
    /// Packets off the timeline, and frames beyond what time allows.
    pub refused: u64,
    /// Frames made up by concealment or comfort noise while a stream ran.
    pub concealed_frames: u64,
    /// Packets of the present stream that never came; negative with duplicates.
    pub lost: i64,
    /// Interarrival jitter (RFC 3550 A.8).
    pub jitter_ms: u32,
    /// How long the jitter buffer waits at present.
    pub wait_ms: u32,
    /// RTP packets sent.
    pub sent: u32,
    /// Round trip by the last report of the far end.
    pub round_trip_ms: Option<u32>,
    /// Loss that the far end last reported, of 256.
    pub far_fraction_lost: Option<u8>,
}

/// One leg's audio. Mutate once (`handle_*`, commands), then drain every `poll_*` until it is empty.
///
/// Everything that a tick needs is allocated by [`Session::new`]: about 70 kB.
pub struct Session {
    config: SessionConfig,
    epoch: Epoch,
    params: Option<StreamParams>,
    stats: Stats,
    events: Events,

    gate: SourceGate,
    clock: FineClock,
    receiver: Receiver,
    reception: Reception,
    event_reader: EventReader,
    tone_reader: ToneReader,
    presses: Presses,
    heard: Queue<HeardFrame, HEARD_MAX>,
    /// Since when the far end has given no sign of life; `None` while none is expected.
    silent_since: Option<Instant>,
    alive: bool,

    outgoing: Outgoing,
    reporter: Reporter,
    outbox: Outbox,
    /// Packets for a bridged leg; `None` while none are kept, which is most calls.
    relayed: Option<Queue<RelayPacket, RELAYED_MAX>>,
    /// Nobody takes the frames that are heard.
    unheard: bool,

    recording: bool,
    recorded_heard: Elastic,
    record: Queue<RecordFrame, RECORD_MAX>,
}

impl Session {
    /// A session with no stream yet. Its slots are on a 20 ms grid anchored at `now`: a thread that gives
    /// all its sessions one anchor, or anchors whole ticks apart, wakes once a tick for all of them.
    pub fn new(config: SessionConfig, now: Instant) -> Session {
        let seed = config.ssrc ^ config.first_timestamp.rotate_left(16) ^ u32::from(config.first_sequence);
        Session {
            epoch: Epoch(now),
            params: None,
            stats: Stats::default(),
            events: Events::new(),
            gate: SourceGate::new(),
            clock: FineClock::default(),
            receiver: Receiver::new(0, seed),
            reception: Reception::default(),
            event_reader: EventReader::new(),
            tone_reader: ToneReader::new(),
            presses: Presses::new(),
            heard: Queue::new(),
            silent_since: None,
            alive: false,
            outgoing: Outgoing::new(&config, now, seed),
            reporter: Reporter::new(now, config.ssrc, u64::from(seed)),
            outbox: Outbox::new(),
            relayed: None,
            unheard: false,
            recording: false,
            recorded_heard: Elastic::new(),
            record: Queue::new(),
            config,
        }
    }

    /// What it was made with.
    pub fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// Counts and measures so far.
    pub fn stats(&self) -> Stats {
        let counts = self.receiver.counts();
        Stats {
            duplicate: counts.duplicate,
            late: counts.late,
            refused: counts.refused,
            concealed_frames: counts.concealed,
            lost: self.reception.lost(),
            jitter_ms: self.reception.jitter_ms(),
            wait_ms: self.wait_ms(),
            sent: self.outgoing.sent().packets,
            ..self.stats
        }
    }

    /// How long the jitter buffer waits at present, in milliseconds.
    pub fn wait_ms(&self) -> u32 {
        (self.receiver.wait() / crate::time::MS) as u32
    }

    /// Samples (engine rate) of this utterance that have left, while it is the one being said.
    pub fn samples_sent(&self, utterance: UtteranceId) -> Option<u64> {
        self.outgoing.samples_sent(utterance)
    }

    /// Applies the outcome of an offer and answer; the source may be learned again after it. The far end is
    /// expected to send from now on if the direction says so: where a call still rings, say `Inactive`.
    pub fn configure(&mut self, now: Instant, params: &StreamParams) {
        let before = self.params.as_ref();
        self.gate.configure(params.remote, params.source_rule);
        let moved = before.is_none_or(|before| before.remote != params.remote);
        if moved {
            self.receiver.restart(self.epoch.ticks(now));
            self.event_reader = EventReader::new();
        }
        let packet_ms = match params.packet_ms {
            // Opus knows no packets of 30 ms (RFC 6716 §2.1.4).
            30 if params.codec == Codec::Opus => 20,
            ms @ (10 | 20 | 30 | 40 | 60) => ms,
            // Nothing else is negotiable; 20 ms is understood by all.
            _ => 20,
        };
        let params = &StreamParams { packet_ms, ..params.clone() };
        self.outgoing.configure(before, params);
        if params.accepted.iter().any(|(_, codec)| *codec == Codec::Opus) {
            self.receiver.expect_opus();
        }
        let expected_before = before.is_some_and(|before| hears(before.direction));
        let expected = hears(params.direction);
        if !expected {
            self.silent_since = None;
        } else if !expected_before || moved {
            self.silent_since = Some(now);
        }
        self.params = Some(params.clone());
    }

    /// A datagram on the RTP port (RTCP multiplexed on it is told apart, RFC 5761 §4).
    pub fn handle_rtp(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        if rtp::is_rtcp(datagram) {
            return self.handle_rtcp(now, source, datagram);
        }
        match rtp::parse(datagram) {
            Ok(packet) => self.packet(now, source, &packet),
            Err(_) => self.stats.malformed += 1,
        }
        let ticks = self.epoch.ticks(now);
        while let Some(received) = self.receiver.take_whole(ticks) {
            self.hear(now, &received);
        }
    }

    fn packet(&mut self, now: Instant, source: SocketAddr, packet: &rtp::Packet<'_>) {
        let Some(params) = &self.params else { return };
        if !hears(params.direction) {
            return;
        }
        let kind = kind_of(params, packet.payload_type);
        if kind == PayloadKind::Unknown {
            self.stats.unknown_payload += 1;
            // Comfort noise that nobody agreed on, keep-alives: not heard, but somebody is there.
            if self.alive && self.gate.is_heard(source, packet.ssrc) {
                self.silent_since = Some(now);
            }
            return;
        }
        let steps_per_tick = match kind {
            PayloadKind::Audio(codec) => codec.steps_per_tick(),
            PayloadKind::Event => params.dtmf.map_or(1, |dtmf| (dtmf.clock_rate_hz / 8000).clamp(1, 6)),
            PayloadKind::ComfortNoise | PayloadKind::Unknown => 1,
        };
        let claim = Claim { address: source, ssrc: packet.ssrc, sequence: packet.sequence };
        let ticks = self.epoch.ticks(now);
        match self.gate.judge(now, claim) {
            Verdict::Ignored => {
                self.stats.foreign += 1;
                return;
            }
            Verdict::Restarted => {
                self.receiver.restart(ticks);
                self.reception.restart(packet.ssrc, packet.sequence, steps_per_tick);
                self.clock = FineClock::default();
                self.event_reader = EventReader::new();
            }
            Verdict::Heard => {}
        }
        self.stats.received += 1;
        let packet = &match steps_per_tick {
            1 => *packet,
            steps => rtp::Packet { timestamp: self.clock.ticks(packet.timestamp, steps), ..*packet },
        };
        self.reception.packet(ticks, packet.sequence, packet.timestamp);
        self.sign_of_life(now);
        match kind {
            PayloadKind::Audio(codec) => {
                let is_of_use = self.receiver.audio(ticks, packet, codec);
                if is_of_use
                    && let Some(relayed) = &mut self.relayed
                    && let Some(packet) = RelayPacket::of(packet, codec)
                {
                    relayed.push(packet);
                }
            }
            PayloadKind::ComfortNoise => self.receiver.comfort_noise(packet.payload),
            PayloadKind::Event => {
                if let Some(key) = self.event_reader.packet(now, packet.marker, packet.timestamp, packet.payload) {
                    self.key(now, key, Way::Event);
                }
            }
            PayloadKind::Unknown => {}
        }
    }

    fn sign_of_life(&mut self, now: Instant) {
        self.silent_since = Some(now);
        if !self.alive {
            self.alive = true;
            self.events.push(Event::RtpStarted);
        }
    }

    fn key(&mut self, now: Instant, key: Key, way: Way) {
        if self.presses.report(now, key, way) {
            self.events.push(Event::Key(key));
        }
    }

    /// A datagram on the RTCP port.
    pub fn handle_rtcp(&mut self, now: Instant, source: SocketAddr, datagram: &[u8]) {
        if self.params.is_none() || !self.gate.is_peer(source) {
            self.stats.foreign += 1;
            return;
        }
        let (epoch, ssrc) = (self.epoch, self.config.ssrc);
        let (reception, stats) = (&mut self.reception, &mut self.stats);
        let pinned = self.gate.ssrc();
        let mut known = false;
        let mut lost_of_256 = None;
        let well_formed = rtcp::parse(datagram, |report| match report {
            Report::Sender { ssrc, ntp_middle } => {
                known |= pinned == Some(ssrc);
                reception.sender_report(now, ssrc, ntp_middle);
            }
            Report::Block { ssrc: about, fraction_lost, last_sr, delay_since_last_sr, .. } if about == ssrc => {
                let round_trip = Reporter::round_trip(now, epoch, last_sr, delay_since_last_sr);
                stats.round_trip_ms = round_trip.map(|t| t.as_millis() as u32).or(stats.round_trip_ms);
                stats.far_fraction_lost = Some(fraction_lost);
                lost_of_256 = Some(fraction_lost);
                known = true;
            }
            // Reports about others are not ours to read, and signalling alone ends a call.
            Report::Block { .. } | Report::Bye => {}
        });
        self.stats.malformed += u64::from(!well_formed);
        if let Some(lost) = lost_of_256 {
            self.outgoing.expect_loss(lost);
        }
        // A far end that suppresses silence still reports: it is merely silent, not gone.
        if known && self.alive && self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    /// Does what is due at `now`: a slot, a frame, a report, a time-out. Datagrams that wait in the socket are
    /// handed over before it, lest they count as lost.
    pub fn handle_timeout(&mut self, now: Instant) {
        let ticks = self.epoch.ticks(now);
        while let Some(received) = self.receiver.take(ticks) {
            self.hear(now, &received);
        }
        self.open_slots(now);
        if now >= self.reporter.next() {
            self.reporter.schedule(now);
            self.report(now, false);
        }
        if self.silent_since.is_some_and(|since| now.saturating_duration_since(since) >= self.config.rtp_timeout) {
            self.silent_since = None;
            self.alive = false;
            self.events.push(Event::RtpTimedOut);
        }
    }

    /// When [`Session::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let heard = self.receiver.next_due().map(|due| self.epoch.instant(due));
        let silent = self.silent_since.map(|since| since + self.config.rtp_timeout);
        let slot = self.outgoing.due_at(self.recording || !self.unheard);
        [heard, Some(slot), Some(self.reporter.next()), silent].into_iter().flatten().min()
    }

    /// The next datagram to send, written into `datagram` (at least 1500 bytes).
    pub fn poll_transmit(&mut self, datagram: &mut [u8]) -> Option<Transmit> {
        self.outbox.pop(datagram)
    }

    /// The next 20 ms heard.
    pub fn poll_heard(&mut self) -> Option<HeardFrame> {
        self.heard.pop()
    }

    /// The next aligned pair for the recording; `None` unless recording is switched on.
    pub fn poll_record(&mut self) -> Option<RecordFrame> {
        self.record.pop()
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// A spent clip, handed back so that its memory is freed away from the real-time thread.
    pub fn poll_spent(&mut self) -> Option<Clip> {
        self.outgoing.take_spent()
    }

    /// Queues a piece of speech. When nothing is being said its first packet leaves at once, not at
    /// the next tick. Gives the item back when the bounded queue is full.
    pub fn play(&mut self, now: Instant, item: PlayItem) -> Result<(), PlayItem> {
        self.outgoing.queue(item, &mut self.events)?;
        if let Some((outgoing, line)) = self.sending() {
            outgoing.open_early(now, line);
            self.record_pairs();
        }
        Ok(())
    }

    /// Drops everything of this utterance and of those before it; no sample of it leaves afterwards.
    pub fn flush(&mut self, _now: Instant, up_to: UtteranceId) {
        self.outgoing.flush(up_to, &mut self.events);
    }

    /// Audio from a bridged leg, one frame per tick; in place of silence when nothing is played, and beneath what is.
    pub fn push_bridged(&mut self, frame: &Frame) {
        self.push_voice(Seat::default(), frame);
    }

    /// Audio of whoever sits there among the legs of this call, one frame per tick; several are added up.
    pub fn push_voice(&mut self, from: Seat, frame: &Frame) {
        self.outgoing.push_voice(from, frame);
    }

    /// Whoever sits there is not heard any more, from the next packet on.
    pub fn close_voice(&mut self, from: Seat) {
        self.outgoing.close_voice(from);
    }

    /// Whether several may be heard here, so that nothing is forwarded as it came ([`Session::relay`]). Switched off, it
    /// goes on until a quiet place.
    pub fn set_mixed(&mut self, on: bool) {
        self.outgoing.set_mixed(on);
    }

    /// Whether what is played here is to be heard by another as well; see [`Session::poll_spoken`].
    pub fn set_overheard(&mut self, on: bool) {
        self.outgoing.set_overheard(on);
    }

    /// The next 20 ms of what is played here, silence between the words included and nothing of what others say.
    pub fn poll_spoken(&mut self) -> Option<Frame> {
        self.outgoing.next_spoken()
    }

    /// Whether accepted packets are kept for a bridged leg; see [`Session::poll_relay`].
    pub fn set_relaying(&mut self, on: bool) {
        self.relayed = on.then(Queue::new);
    }

    /// Says that nobody takes what is heard, so that it need not be kept or decoded: for packets that are forwarded as
    /// they came, while the frames would be dropped. Keys in telephone events are told as before; tones are not listened
    /// for. Whoever listens again hears the stream as if it began then.
    pub fn set_unheard(&mut self, now: Instant, unheard: bool) {
        if self.unheard != unheard {
            self.unheard = unheard;
            self.receiver.set_unheard(self.epoch.ticks(now), unheard);
        }
    }

    /// Whether keys are listened for in what is heard.
    pub fn listens_for_tones(&self) -> bool {
        self.config.inband_dtmf && self.params.as_ref().is_some_and(|params| params.dtmf.is_none())
    }

    /// The next packet for a bridged leg, as it came.
    pub fn poll_relay(&mut self) -> Option<RelayPacket> {
        self.relayed.as_mut()?.pop()
    }

    /// Forwards a packet of a bridged leg untouched, where this stream has the same codec and packet time and nothing
    /// of ours is to be said; the frames of [`Session::push_bridged`] are then not sent, and still recorded. Whether it
    /// was forwarded.
    pub fn relay(&mut self, now: Instant, packet: &RelayPacket) -> bool {
        match self.sending() {
            Some((outgoing, line)) => outgoing.relay(now, packet, line),
            None => false,
        }
    }

    /// Sends a key to the far end as a telephone event of `duration`, if one was negotiated.
    pub fn send_key(&mut self, _now: Instant, key: Key, duration: Duration) {
        if self.params.as_ref().is_some_and(|params| params.dtmf.is_some()) {
            self.outgoing.send_key(key, duration);
        }
    }

    /// A key told by signalling (SIP INFO); raised as [`Event::Key`] unless the stream tells it as well.
    pub fn key_by_info(&mut self, now: Instant, key: Key) {
        self.key(now, key, Way::Info);
    }

    /// Switches the pairs of [`Session::poll_record`] on or off.
    pub fn set_recording(&mut self, on: bool) {
        if on && !self.recording {
            self.recorded_heard.clear();
            self.outgoing.history().skip_recording();
        }
        self.recording = on;
    }

    /// Says goodbye in RTCP (RFC 3550 §6.6). The session may be dropped once its datagrams are polled.
    pub fn close(&mut self, now: Instant) {
        self.report(now, true);
    }

    /// Hands a frame on: to the ears, to the tone detector, to the recording.
    fn hear(&mut self, now: Instant, received: &Received) {
        if self.listens_for_tones()
            && !received.concealed
            && let Some(key) = self.tone_reader.frame(&received.frame)
        {
            self.key(now, key, Way::Tone);
        }
        if self.recording {
            self.recorded_heard.push(&received.frame.0);
        }
        let (spoken, speaking) = self.outgoing.history().beside_heard();
        self.heard.push(HeardFrame {
            frame: received.frame,
            concealed: received.concealed,
            spoken: Frame(spoken),
            speaking,
        });
    }

    /// The sending half and what it needs of the rest; `None` before the first offer and answer.
    fn sending(&mut self) -> Option<(&mut Outgoing, Line<'_>)> {
        let params = self.params.as_ref()?;
        let sends = matches!(params.direction, Direction::SendRecv | Direction::SendOnly);
        let destination = if sends { self.gate.destination() } else { None };
        let line = Line { params, destination, events: &mut self.events, outbox: &mut self.outbox };
        Some((&mut self.outgoing, line))
    }

    fn open_slots(&mut self, now: Instant) {
        match self.sending() {
            Some((outgoing, line)) => outgoing.open_due(now, line),
            None => self.outgoing.pass(now),
        }
        self.record_pairs();
    }

    fn record_pairs(&mut self) {
        if !self.recording {
            self.outgoing.history().skip_recording();
            return;
        }
        while let Some(sent) = self.outgoing.history().next_unrecorded() {
            let mut heard = Frame::SILENCE;
            self.recorded_heard.pull(&mut heard.0);
            self.record.push(RecordFrame { heard, sent: Frame(sent) });
        }
    }

    fn report(&mut self, now: Instant, bye: bool) {
        let Some(params) = &self.params else { return };
        let Some(described) = params.remote_rtcp else { return };
        // Multiplexed reports follow the audio to where the far end was learned to be.
        let to = if described == params.remote { self.gate.destination().unwrap_or(described) } else { described };
        let sent = self.outgoing.take_report(now);
        let (bytes, len) = self.reporter.write(now, self.epoch, sent, Some(&mut self.reception), bye);
        self.outbox.push(to, TransmitKind::Rtcp, &bytes[..len], &[]);
    }
}

/// What a payload type stands for in this stream.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PayloadKind {
    Audio(Codec),
    Event,
    ComfortNoise,
    Unknown,
}

fn kind_of(params: &StreamParams, payload_type: u8) -> PayloadKind {
    if let Some((_, codec)) = params.accepted.iter().find(|(accepted, _)| *accepted == payload_type) {
        return PayloadKind::Audio(*codec);
    }
    if params.dtmf.is_some_and(|dtmf| dtmf.payload_type == payload_type) {
        return PayloadKind::Event;
    }
    if params.comfort_noise_payload_type == Some(payload_type) {
        return PayloadKind::ComfortNoise;
    }
    PayloadKind::Unknown
}

/// Whether the far end's audio is to be expected.
fn hears(direction: Direction) -> bool {
    matches!(direction, Direction::SendRecv | Direction::RecvOnly)
}
