//! A telephone made of one thread and one socket: it sends speech at the pace of a telephone, notes when each
//! packet of the other side arrives and how loud it is, and keeps what it hears.
//!
//! The demonstration, the end-to-end tests and the measurements call with it. It times what is on the wire, not
//! what a program believes: the caller's last voiced packet and the first voiced packet of the answer.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use audio_codec::pcma::{PcmaDecoder, PcmaEncoder};
use audio_codec::pcmu::{PcmuDecoder, PcmuEncoder};
use audio_codec::{Decoder, Encoder};
use media::{Clip, Codec, Frame, HeardFrame, Key, PlayItem, StreamParams, UtteranceId};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::sync::mpsc;

use crate::seams::media::{Ears, LegCommand, LegControl, LegEvent, LegPort, LegSpec, MediaError, MediaLeg, MediaNode};

/// Level above which a packet counts as voiced.
pub const VOICED_DBFS: f32 = -45.0;

/// What a phone has sent and heard so far.
#[derive(Clone, Default)]
pub struct Wire {
    /// When the newest voiced packet of ours left.
    pub last_voice_sent_at: Option<Instant>,
    /// When each packet of ours left, and its level in dBFS.
    pub departures: Vec<(Instant, f32)>,
    /// When each packet arrived, and its level in dBFS.
    pub arrivals: Vec<(Instant, f32)>,
    /// What was heard, 8 kHz.
    pub heard: Vec<i16>,
    /// Packets of a payload type that was not agreed on.
    pub strange_packets: u64,
}

impl Wire {
    /// The first voiced arrival at or after `from`.
    pub fn voice_after(&self, from: Instant) -> Option<Instant> {
        first_voice(&self.arrivals, from)
    }

    /// The first voiced packet of ours at or after `from`.
    pub fn own_voice_after(&self, from: Instant) -> Option<Instant> {
        first_voice(&self.departures, from)
    }

    /// The memory that all this takes.
    pub fn bytes(&self) -> usize {
        let packets = self.arrivals.capacity() + self.departures.capacity();
        packets * size_of::<(Instant, f32)>() + self.heard.capacity() * size_of::<i16>()
    }

    /// The first voiced arrival.
    pub fn first_voice(&self) -> Option<Instant> {
        self.arrivals.iter().find(|(_, level)| *level > VOICED_DBFS).map(|(at, _)| *at)
    }

    /// The newest voiced arrival.
    pub fn last_voice(&self) -> Option<Instant> {
        self.arrivals.iter().rev().find(|(_, level)| *level > VOICED_DBFS).map(|(at, _)| *at)
    }
}

fn first_voice(packets: &[(Instant, f32)], from: Instant) -> Option<Instant> {
    let first = packets.partition_point(|(at, _)| *at < from);
    packets[first..].iter().find(|(_, level)| *level > VOICED_DBFS).map(|(at, _)| *at)
}

/// Makes telephones: a media node whose every leg is a [`Phone`].
#[derive(Default)]
pub struct Phones {
    newest: Mutex<Option<Phone>>,
}

impl Phones {
    /// The phone of the newest call.
    pub fn newest(&self) -> Option<Phone> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One telephone.
#[derive(Clone)]
pub struct Phone {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    closed: AtomicBool,
}

#[derive(Default)]
struct State {
    params: Option<StreamParams>,
    to_say: VecDeque<i16>,
    keys: VecDeque<u8>,
    echo: Option<Echo>,
    wire: Wire,
    events: Option<mpsc::Sender<LegEvent>>,
}

/// What the earpiece says comes back through the microphone.
struct Echo {
    gain: f32,
    /// As long as the delay; what is heard goes in at its end.
    line: VecDeque<i16>,
}

impl Phone {
    /// Says this after what is still being said (16 kHz).
    pub fn say(&self, clip: &[i16]) {
        // 8 kHz by averaging pairs: enough for a telephone's band.
        let narrow: Vec<i16> =
            clip.chunks_exact(2).map(|pair| ((i32::from(pair[0]) + i32::from(pair[1])) / 2) as i16).collect();
        self.say_narrow(&narrow);
    }

    /// Says this after what is still being said (8 kHz).
    pub fn say_narrow(&self, samples: &[i16]) {
        self.shared.state().to_say.extend(samples);
    }

    /// From now on what is heard comes back after `delay`, `loss_db` quieter.
    pub fn echo(&self, delay: Duration, loss_db: f32) {
        let samples = delay.as_millis() as usize * SAMPLES / 20;
        let gain = 10.0_f32.powf(-loss_db / 20.0);
        self.shared.state().echo = Some(Echo { gain, line: VecDeque::from(vec![0; samples]) });
    }

    /// Stops in the middle of whatever is being said.
    pub fn hush(&self) {
        self.shared.state().to_say.clear();
    }

    /// Whether something is still to be said.
    pub fn is_speaking(&self) -> bool {
        !self.shared.state().to_say.is_empty()
    }

    /// Presses a key (ASCII), as a telephone event.
    pub fn press(&self, key: u8) {
        self.shared.state().keys.push_back(key);
    }

    /// What was sent and heard so far.
    pub fn wire(&self) -> Wire {
        self.shared.state().wire.clone()
    }

    /// Looks at what was sent and heard without copying it.
    pub fn look<R>(&self, look: impl FnOnce(&Wire) -> R) -> R {
        look(&self.shared.state().wire)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl MediaNode for Phones {
    async fn open(&self, spec: LegSpec) -> Result<MediaLeg, MediaError> {
        let socket = UdpSocket::bind((spec.bind, 0))?;
        socket.set_nonblocking(true)?;
        let advertised = socket.local_addr()?;
        let (events_in, events) = mpsc::channel(64);
        // Nobody listens here: what is heard is kept in [`Wire`].
        let (writer, ears) = Ears::ring(1);
        let shared = Arc::new(Shared { state: Mutex::default(), closed: AtomicBool::new(false) });
        shared.state().events = Some(events_in);
        let phone = Phone { shared: shared.clone() };
        *self.newest.lock().unwrap_or_else(PoisonError::into_inner) = Some(phone);
        let line = Line { socket, shared: shared.clone(), ears: writer, sequence: 1, timestamp: 160, event: None };
        std::thread::Builder::new().name("phone".into()).spawn(move || line.run())?;
        Ok(MediaLeg {
            id: spec.leg,
            advertised,
            advertised_rtcp: SocketAddr::new(advertised.ip(), advertised.port().wrapping_add(1)),
            ears,
            events,
            control: LegControl(Arc::new(Port(shared))),
        })
    }
}

struct Port(Arc<Shared>);

impl LegPort for Port {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        match command {
            LegCommand::Configure(params) => self.0.state().params = Some(*params),
            LegCommand::Play(PlayItem { clip, .. }) => Phone { shared: self.0.clone() }.say(&clip),
            LegCommand::SendKey(Key(key), _) => self.0.state().keys.push_back(key),
            // A telephone neither records nor bridges.
            _ => {}
        }
        Ok(())
    }

    fn flush(&self, _up_to: UtteranceId) {
        self.0.state().to_say.clear();
    }

    fn samples_sent(&self, _utterance: UtteranceId) -> u64 {
        0
    }

    fn wait_ms(&self) -> u32 {
        0
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }
}

/// The thread behind a phone.
struct Line {
    socket: UdpSocket,
    shared: Arc<Shared>,
    ears: crate::seams::media::EarsWriter,
    sequence: u16,
    timestamp: u32,
    /// The telephone event under way: its code and how many packets of it were sent.
    event: Option<(u8, u8)>,
}

impl Line {
    fn run(mut self) {
        // A telephone is a machine of its own: it does not wait for a processor that the house is using. Without
        // the privilege its times are a little later than the wire's.
        let _ = rustix::process::setpriority_process(None, NICE);
        let mut next = Instant::now();
        let mut datagram = [0; 2048];
        while !self.shared.closed.load(Ordering::Relaxed) {
            if Instant::now() >= next {
                self.send();
                next += PACKET_TIME;
            }
            match self.socket.recv_from(&mut datagram) {
                Ok((length, _)) => self.receive(&datagram[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.sleep(next),
                // The far end's port may be closed for a moment; that is no reason to stop.
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// Until a packet comes or one is to be sent. A socket's own time-out is rounded to several milliseconds.
    fn sleep(&self, until: Instant) {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec { tv_sec: 0, tv_nsec: i64::from(left.subsec_nanos()) };
        let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], Some(&left));
    }

    fn send(&mut self) {
        let mut state = self.shared.state();
        let Some(params) = state.params.clone() else { return };
        if self.event.is_none()
            && let (Some(code), Some(_)) = (state.keys.pop_front().and_then(event_code), params.dtmf)
        {
            self.event = Some((code, 0));
        }
        let mut packet = Vec::with_capacity(172);
        if let (Some((code, sent)), Some(dtmf)) = (self.event, params.dtmf) {
            drop(state);
            self.send_event(&mut packet, params.remote, dtmf.payload_type, code, sent);
            return;
        }
        let mut voice: Vec<i16> = (0..SAMPLES).map(|_| state.to_say.pop_front().unwrap_or(0)).collect();
        if let Some(echo) = &mut state.echo {
            for (sample, returned) in voice.iter_mut().zip(echo.line.drain(..SAMPLES.min(echo.line.len()))) {
                *sample = sample.saturating_add((f32::from(returned) * echo.gain) as i16);
            }
        }
        let (now, level) = (Instant::now(), level_dbfs(&voice));
        state.wire.departures.push((now, level));
        if level > VOICED_DBFS {
            state.wire.last_voice_sent_at = Some(now);
        }
        drop(state);
        self.header(&mut packet, params.payload_type, false);
        packet.extend(if params.codec == Codec::Pcma {
            PcmaEncoder::new().encode(&voice)
        } else {
            PcmuEncoder::new().encode(&voice)
        });
        let _ = self.socket.send_to(&packet, params.remote);
        self.timestamp = self.timestamp.wrapping_add(SAMPLES as u32);
    }

    /// RFC 4733: eight packets of 20 ms, the last three with the end bit.
    fn send_event(&mut self, packet: &mut Vec<u8>, to: SocketAddr, payload_type: u8, code: u8, sent: u8) {
        self.header(packet, payload_type, sent == 0);
        let end = sent >= 5;
        let duration = (u16::from(sent.min(5)) + 1) * SAMPLES as u16;
        packet.extend([code, if end { 0x80 | 10 } else { 10 }]);
        packet.extend(duration.to_be_bytes());
        let _ = self.socket.send_to(packet, to);
        if sent == 7 {
            self.event = None;
            self.timestamp = self.timestamp.wrapping_add(8 * SAMPLES as u32);
        } else {
            self.event = Some((code, sent + 1));
        }
    }

    fn header(&mut self, packet: &mut Vec<u8>, payload_type: u8, marker: bool) {
        packet.extend([0x80, payload_type | if marker { 0x80 } else { 0 }]);
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.timestamp.to_be_bytes());
        packet.extend(0x5057_0001_u32.to_be_bytes());
        self.sequence = self.sequence.wrapping_add(1);
    }

    fn receive(&mut self, datagram: &[u8]) {
        let now = Instant::now();
        let mut state = self.shared.state();
        let (Some(params), [first, second, ..]) = (&state.params, datagram) else { return };
        if datagram.len() < 12 || first >> 6 != 2 {
            return;
        }
        let payload_type = second & 0x7f;
        let codec = params.accepted.iter().find(|(accepted, _)| *accepted == payload_type).map(|(_, codec)| *codec);
        let Some(codec) = codec else {
            let known =
                params.dtmf.is_some_and(|dtmf| dtmf.payload_type == payload_type) || (72..=76).contains(&payload_type);
            state.wire.strange_packets += u64::from(!known);
            return;
        };
        let voice = if codec == Codec::Pcma {
            PcmaDecoder::new().decode(&datagram[12..])
        } else {
            PcmuDecoder::new().decode(&datagram[12..])
        };
        state.wire.arrivals.push((now, level_dbfs(&voice)));
        state.wire.heard.extend(&voice);
        if let Some(echo) = &mut state.echo {
            echo.line.extend(&voice);
        }
        drop(state);
        let mut frame = Frame::SILENCE;
        for (pair, sample) in frame.0.chunks_exact_mut(2).zip(&voice) {
            pair.fill(*sample);
        }
        self.ears.push(HeardFrame { frame, concealed: false, spoken: Frame::SILENCE, speaking: false });
    }
}

/// The level of some samples in dB below full scale.
pub fn level_dbfs(samples: &[i16]) -> f32 {
    let energy: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
    let mean = energy / samples.len().max(1) as f64;
    (10.0 * (mean.max(0.01) / (32768.0 * 32768.0)).log10()) as f32
}

fn event_code(key: u8) -> Option<u8> {
    match key {
        b'0'..=b'9' => Some(key - b'0'),
        b'*' => Some(10),
        b'#' => Some(11),
        b'A'..=b'D' => Some(key - b'A' + 12),
        _ => None,
    }
}

/// A clip as recordings hold it.
pub fn clip(samples: Vec<i16>) -> Clip {
    Arc::from(samples)
}

/// How much more urgent than the house its thread asks to be.
const NICE: i32 = -15;
/// The pace of a telephone.
const PACKET_TIME: Duration = Duration::from_millis(20);
/// Samples of a packet at 8 kHz.
const SAMPLES: usize = 160;
