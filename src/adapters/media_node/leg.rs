//! One leg as its real-time thread holds it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{Event, PlayItem, RecordFrame, Session, Transmit, TransmitKind, UtteranceId};

use super::berth::{Berth, Pair};
use super::bin::Bin;
use super::line::Line;
use super::outbox::Outbox;
use super::recorder::Tap;
use super::seal::Seal;
use super::stats::Stats;
use super::ties::Ties;
use crate::domain::ids::LegId;
use crate::seams::media::{EarsWriter, LegEvent, Wire};

/// The largest datagram we read or write; RTP audio stays far below, longer ones are cut and fail to parse.
pub(super) const DATAGRAM_BYTES: usize = 1500;
/// Datagrams read from one socket in one go when it had been readable the time before as well: a burst is caught
/// up with, a flood cannot hold up the other legs.
const BURST_MAX: usize = 8;

/// Everything of one leg; owned by one thread.
pub(super) struct Leg {
    pub(super) id: LegId,
    pub(super) session: Session,
    way: Way,
    seal: Option<Box<Seal>>,
    ears: EarsWriter,
    outbox: Outbox,
    pub(super) line: Arc<Line>,
    _berth: Berth,
    pub(super) recording: Option<Tap>,
    pub(super) recording_muted: bool,
    pub(super) echo: bool,
    /// The other legs of its call.
    pub(super) ties: Ties,
    /// A piece of speech that the session had no room for.
    held: Option<PlayItem>,
    /// The flush mark that was applied last.
    flushed: u64,
    progress: Progress,
    last_read_round: u32,
}

/// What a leg is made of.
pub(super) struct LegParts {
    pub(super) id: LegId,
    pub(super) session: Session,
    pub(super) way: Way,
    pub(super) ears: EarsWriter,
    pub(super) outbox: Outbox,
    pub(super) line: Arc<Line>,
    pub(super) berth: Berth,
}

/// How a leg reaches its far end.
pub(super) enum Way {
    /// By sockets of its own.
    Ports(Pair),
    /// By a port that it shares with others, protected always.
    Wire {
        wire: Wire,
        /// Where the far end is at present.
        route: Option<SocketAddr>,
    },
}

/// Where the newest utterance stands.
#[derive(Default)]
struct Progress {
    speaking: Option<UtteranceId>,
    /// One more than the newest utterance that ended.
    ended: u64,
}

/// Which socket of a leg.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Port {
    Rtp,
    Rtcp,
}

/// What the thread lends a leg while it works on it.
pub(super) struct Bench<'a> {
    pub(super) datagram: &'a mut [u8; DATAGRAM_BYTES],
    pub(super) stats: &'a mut Stats,
    pub(super) bin: &'a Bin,
}

impl Leg {
    pub(super) fn new(parts: LegParts) -> Leg {
        Leg {
            id: parts.id,
            session: parts.session,
            way: parts.way,
            seal: None,
            ears: parts.ears,
            outbox: parts.outbox,
            line: parts.line,
            _berth: parts.berth,
            recording: None,
            recording_muted: false,
            echo: false,
            ties: Ties::default(),
            held: None,
            flushed: 0,
            progress: Progress::default(),
            last_read_round: 0,
        }
    }

    pub(super) fn slot(&self) -> u32 {
        self.line.slot()
    }

    /// The sockets that are its own.
    pub(super) fn sockets(&self) -> impl Iterator<Item = (Port, &UdpSocket)> {
        let pair = match &self.way {
            Way::Ports(pair) => Some([(Port::Rtp, &pair.rtp), (Port::Rtcp, &pair.rtcp)]),
            Way::Wire { .. } => None,
        };
        pair.into_iter().flatten()
    }

    /// Protects everything from now on.
    pub(super) fn secure(&mut self, mut seal: Box<Seal>) {
        if let Some(before) = &mut self.seal {
            seal.take_over(before);
        }
        self.seal = Some(seal);
    }

    /// The far end of a shared port is there now.
    pub(super) fn route_to(&mut self, to: SocketAddr) {
        if let Way::Wire { route, .. } = &mut self.way {
            *route = Some(to);
        }
    }

    /// Takes what a shared port brought; returns how many datagrams. The ring bounds how many those can be.
    pub(super) fn receive_arrivals(&mut self, now: Instant, bench: &mut Bench<'_>) -> u32 {
        let mut read = 0;
        while let Way::Wire { wire, .. } = &mut self.way
            && let Ok(datagram) = wire.arrivals.pop()
        {
            read += 1;
            let port = if media::rtp::is_rtcp(&datagram) { Port::Rtcp } else { Port::Rtp };
            // Without keys nothing can be the far end's.
            match self.seal.as_mut().and_then(|seal| seal.open(port, &datagram)) {
                Some(plain) => hand_in(&mut self.session, now, port, Wire::FAR, &plain),
                None => bench.stats.unsealed += 1,
            }
        }
        bench.stats.received += u64::from(read);
        read
    }

    /// Reads what waits on a socket; returns how many datagrams. `round` grows with each look at the sockets.
    pub(super) fn receive(&mut self, now: Instant, port: Port, round: u32, bench: &mut Bench<'_>) -> u32 {
        let bursting = round.wrapping_sub(self.last_read_round) <= 1;
        self.last_read_round = round;
        let limit = if bursting { BURST_MAX } else { 1 };
        let mut read = 0;
        let Way::Ports(pair) = &self.way else { return 0 };
        for _ in 0..limit {
            let socket = if port == Port::Rtp { &pair.rtp } else { &pair.rtcp };
            match socket.recv_from(bench.datagram) {
                Ok((len, source)) => {
                    read += 1;
                    let datagram = &bench.datagram[..len];
                    match &mut self.seal {
                        None => hand_in(&mut self.session, now, port, source, datagram),
                        // Reports may share the port of the audio (RFC 5761).
                        Some(seal) => {
                            match seal.open(if media::rtp::is_rtcp(datagram) { Port::Rtcp } else { port }, datagram) {
                                Some(plain) => hand_in(&mut self.session, now, port, source, &plain),
                                None => bench.stats.unsealed += 1,
                            }
                        }
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                // An ICMP error or the like belongs to a datagram that we sent; reading it clears it.
                Err(_) => {}
            }
        }
        bench.stats.received += u64::from(read);
        read
    }

    /// Hands over speech as far as the session has room, after what is to be silenced is gone.
    pub(super) fn speak(&mut self, now: Instant, bench: &mut Bench<'_>) {
        let mark = self.line.flush_mark();
        if mark > self.flushed {
            self.flushed = mark;
            if let Some(newest) = mark.checked_sub(1) {
                self.session.flush(now, UtteranceId(newest as u32));
                self.drain_events(bench);
            }
        }
        while let Some(item) = self.held.take().or_else(|| self.line.plays.pop()) {
            if u64::from(item.utterance.0) < self.flushed {
                self.discard(item, bench);
            } else if let Err(item) = self.session.play(now, item) {
                self.held = Some(item);
                break;
            }
        }
    }

    /// Whether speech waits for room in the session.
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Sends, tells and hands on everything that the session has ready, to whoever of its call is to have it: packets as
    /// they came where they can be forwarded, and every frame besides.
    pub(super) fn drain(&mut self, now: Instant, bench: &mut Bench<'_>, others: &mut [Option<Box<Leg>>]) {
        self.transmit(bench);
        self.forward(now, bench, others);
        self.drain_events(bench);
        self.note_progress();
        while let Some(heard) = self.session.poll_heard() {
            for slot in &self.ties.heard_by {
                if let Some(other) = &mut others[*slot as usize] {
                    other.session.push_voice(self.ties.seat, &heard.frame);
                }
            }
            if self.echo && self.ties.heard_by.is_empty() {
                self.session.push_bridged(&heard.frame);
            }
            self.ears.push(heard);
        }
        while let Some(frame) = self.session.poll_spoken() {
            if let Some(other) = self.ties.overheard_by.and_then(|slot| others[slot as usize].as_mut()) {
                // The agent has the place that is the ear's own.
                other.session.push_voice(other.ties.seat, &frame);
            }
        }
        while let Some(frame) = self.session.poll_record() {
            self.record(frame, bench);
        }
        while let Some(clip) = self.session.poll_spent() {
            bench.bin.clip(clip);
        }
    }

    fn forward(&mut self, now: Instant, bench: &mut Bench<'_>, others: &mut [Option<Box<Leg>>]) {
        let Some(peer) = self.ties.peer.and_then(|slot| others[slot as usize].as_mut()) else { return };
        while let Some(packet) = self.session.poll_relay() {
            let is_forwarded = peer.session.relay(now, &packet);
            if is_forwarded {
                peer.transmit(bench);
            }
            self.mind_the_copy(now, is_forwarded, peer);
        }
    }

    /// What is forwarded as it came is decoded for those who listen and record alone: a frame that the owner has no room
    /// for would be dropped.
    fn mind_the_copy(&mut self, now: Instant, is_forwarded: bool, peer: &Leg) {
        let is_kept = self.recording.is_some()
            || peer.recording.is_some()
            || self.ties.heard_by.len() > 1
            || self.session.listens_for_tones();
        let is_unheard = is_forwarded && !is_kept && !self.ears.has_room();
        self.session.set_unheard(now, is_unheard);
        if is_unheard {
            self.ears.missed();
        }
    }

    fn transmit(&mut self, bench: &mut Bench<'_>) {
        while let Some(transmit) = self.session.poll_transmit(bench.datagram) {
            self.send(transmit, bench);
        }
    }

    fn send(&mut self, transmit: Transmit, bench: &mut Bench<'_>) {
        let plain = &bench.datagram[..transmit.len];
        let sealed = match &mut self.seal {
            Some(seal) => match seal.protect(transmit.kind, plain) {
                Some(sealed) => Some(sealed),
                None => {
                    bench.stats.send_failed += 1;
                    return;
                }
            },
            None => None,
        };
        let sent = match (&self.way, &sealed) {
            (Way::Ports(pair), sealed) => {
                let socket = if transmit.kind == TransmitKind::Rtp { &pair.rtp } else { &pair.rtcp };
                socket.send_to(sealed.as_deref().unwrap_or(plain), transmit.to)
            }
            (Way::Wire { wire, route: Some(route) }, Some(sealed)) => wire.socket.send_to(sealed, route),
            // Nothing leaves by a shared port in the clear.
            (Way::Wire { .. }, _) => return,
        };
        match sent {
            Ok(_) => bench.stats.sent += 1,
            // Late audio is worth nothing: what the kernel does not take now is lost like any other packet.
            Err(_) => bench.stats.send_failed += 1,
        }
    }

    fn record(&mut self, frame: RecordFrame, bench: &mut Bench<'_>) {
        let Some(tap) = &mut self.recording else { return };
        let frame = if self.recording_muted { RecordFrame { heard: SILENCE, sent: SILENCE } } else { frame };
        if !tap.push(frame) {
            bench.stats.record_frames_missed += 1;
            if tap.is_abandoned() {
                self.stop_recording();
            }
        }
    }

    pub(super) fn start_recording(&mut self, tap: Tap) {
        self.recording = Some(tap);
        self.session.set_recording(true);
    }

    pub(super) fn erase_recorded(&self, last_ms: u32) {
        if let Some(tap) = &self.recording {
            tap.erase(last_ms);
        }
    }

    /// The writer completes the file once it has taken every frame out of the tap.
    pub(super) fn stop_recording(&mut self) {
        self.recording = None;
        self.session.set_recording(false);
    }

    fn drain_events(&mut self, bench: &mut Bench<'_>) {
        while let Some(event) = self.session.poll_event() {
            let event = match event {
                Event::Key(key) => LegEvent::Key(key),
                Event::PlayStarted(utterance) => {
                    self.progress.speaking = Some(utterance);
                    LegEvent::PlayStarted(utterance)
                }
                Event::PlayEnded { utterance, samples_sent, complete } => {
                    self.ended(utterance, samples_sent);
                    LegEvent::PlayEnded { utterance, samples_sent, complete }
                }
                Event::RtpStarted => LegEvent::RtpStarted,
                Event::RtpTimedOut => LegEvent::RtpTimedOut,
            };
            bench.stats.events_lost += u64::from(self.outbox.tell(event));
        }
        self.outbox.retry();
    }

    fn note_progress(&self) {
        self.line.set_wait(self.session.wait_ms());
        if let Some(utterance) = self.progress.speaking
            && let Some(samples) = self.session.samples_sent(utterance)
        {
            self.line.set_progress(utterance, samples);
        }
    }

    fn ended(&mut self, utterance: UtteranceId, samples_sent: u64) {
        self.progress.ended = self.progress.ended.max(u64::from(utterance.0) + 1);
        if self.progress.speaking.is_none_or(|speaking| speaking <= utterance) {
            self.progress.speaking = None;
            self.line.set_progress(utterance, samples_sent);
        }
    }

    /// An item that was silenced before the session saw it. Its utterance ends all the same, once.
    fn discard(&mut self, item: PlayItem, bench: &mut Bench<'_>) {
        let utterance = item.utterance;
        if u64::from(utterance.0) >= self.progress.ended {
            self.ended(utterance, 0);
            let event = LegEvent::PlayEnded { utterance, samples_sent: 0, complete: false };
            bench.stats.events_lost += u64::from(self.outbox.tell(event));
        }
        bench.bin.clip(item.clip);
    }
}

fn hand_in(session: &mut Session, now: Instant, port: Port, source: SocketAddr, datagram: &[u8]) {
    match port {
        Port::Rtp => session.handle_rtp(now, source, datagram),
        Port::Rtcp => session.handle_rtcp(now, source, datagram),
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        // Also when it is lost to a defect.
        self.line.close();
    }
}

const SILENCE: media::Frame = media::Frame::SILENCE;

/// The duration of a key, within what receivers recognise and what fits one telephone event at 8 kHz (RFC 4733 §2.3.5).
pub(super) fn key_duration(duration_ms: u32) -> Duration {
    Duration::from_millis(u64::from(duration_ms.clamp(40, 6_000)))
}
