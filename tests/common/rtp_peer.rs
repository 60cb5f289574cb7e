//! A telephone reduced to its audio: two UDP sockets and a [`media::Session`], driven by the test's own thread.

#![allow(dead_code, reason = "each test file uses its part")]

use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use media::{
    Clip, Codec, Direction, ENGINE_RATE_HZ, Event, Frame, PlayItem, Session, SessionConfig, SourceRule, StreamParams,
    TransmitKind, UtteranceId,
};

/// No test waits longer for anything; a condition that has not come by then never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// One far end.
pub struct RtpPeer {
    rtp: UdpSocket,
    rtcp: UdpSocket,
    session: Session,
    next_utterance: u32,
    /// Everything heard so far.
    pub heard: Vec<Frame>,
    /// Everything that happened so far.
    pub events: Vec<Event>,
    /// RTP datagrams that came in.
    pub packets: u64,
}

impl RtpPeer {
    pub fn new() -> RtpPeer {
        let bind = || {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let config = SessionConfig {
            ssrc: 0x5eed_0001,
            first_sequence: 65_000,
            first_timestamp: 77,
            rtp_timeout: Duration::from_secs(10),
            inband_dtmf: false,
        };
        RtpPeer {
            rtp: bind(),
            rtcp: bind(),
            session: Session::new(config, Instant::now()),
            next_utterance: 1,
            heard: Vec::new(),
            events: Vec::new(),
            packets: 0,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.rtp.local_addr().unwrap()
    }

    /// Sends to a leg.
    pub fn connect(&mut self, leg_rtp: SocketAddr, leg_rtcp: SocketAddr) {
        self.session.configure(Instant::now(), &stream(leg_rtp, Some(leg_rtcp)));
    }

    /// What the leg is to be told to send here.
    pub fn params(&self) -> StreamParams {
        stream(self.address(), Some(self.rtcp.local_addr().unwrap()))
    }

    pub fn play(&mut self, clip: Clip) {
        let item = PlayItem { utterance: UtteranceId(self.next_utterance), clip, last: true };
        self.next_utterance += 1;
        assert!(self.session.play(Instant::now(), item).is_ok(), "the peer's queue is full");
    }

    /// Does what is due; returns at once.
    pub fn turn(&mut self) {
        let now = Instant::now();
        let mut datagram = [0; 1500];
        while let Some((len, source)) = receive(&self.rtp, &mut datagram) {
            self.packets += 1;
            self.session.handle_rtp(now, source, &datagram[..len]);
            self.drain();
        }
        while let Some((len, source)) = receive(&self.rtcp, &mut datagram) {
            self.session.handle_rtcp(now, source, &datagram[..len]);
            self.drain();
        }
        if self.session.poll_timeout().is_some_and(|due| due <= now) {
            self.session.handle_timeout(now);
        }
        self.drain();
    }

    fn drain(&mut self) {
        let mut datagram = [0; 1500];
        while let Some(transmit) = self.session.poll_transmit(&mut datagram) {
            let socket = if transmit.kind == TransmitKind::Rtp { &self.rtp } else { &self.rtcp };
            let _ = socket.send_to(&datagram[..transmit.len], transmit.to);
        }
        while let Some(heard) = self.session.poll_heard() {
            self.heard.push(heard.frame);
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
        while self.session.poll_spent().is_some() {}
    }
}

/// Drives the peers until the condition holds.
pub fn drive(peers: &mut [&mut RtpPeer], what: &str, mut condition: impl FnMut(&mut [&mut RtpPeer]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        peers.iter_mut().for_each(|peer| peer.turn());
        if condition(peers) {
            return;
        }
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        // Far below a packet time; the peer's own clock decides what is due.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// PCMU both ways in packets of 20 ms.
pub fn stream(remote: SocketAddr, remote_rtcp: Option<SocketAddr>) -> StreamParams {
    let mut accepted = ArrayVec::new();
    accepted.push((0, Codec::Pcmu));
    StreamParams {
        remote,
        remote_rtcp,
        codec: Codec::Pcmu,
        payload_type: 0,
        accepted,
        dtmf: None,
        comfort_noise_payload_type: None,
        packet_ms: 20,
        direction: Direction::SendRecv,
        source_rule: SourceRule::FromSdp,
    }
}

/// A sine of this pitch, a third of full scale.
pub fn tone(hz: f64, duration_ms: u32) -> Clip {
    let rate = f64::from(ENGINE_RATE_HZ);
    let samples = ENGINE_RATE_HZ / 1000 * duration_ms;
    let sample = |at: u32| (f64::from(at) / rate * hz * std::f64::consts::TAU).sin() * 10_000.0;
    (0..samples).map(|at| sample(at) as i16).collect::<Arc<[i16]>>()
}

/// Whether a frame is mostly a sine of this pitch (Goertzel).
pub fn holds_tone(frame: &[i16], hz: f64) -> bool {
    let coefficient = 2.0 * (std::f64::consts::TAU * hz / f64::from(ENGINE_RATE_HZ)).cos();
    let (mut last, mut before, mut energy) = (0.0, 0.0, 0.0);
    for sample in frame {
        let sample = f64::from(*sample);
        (last, before) = (sample + coefficient * last - before, last);
        energy += sample * sample;
    }
    let at_pitch = last * last + before * before - coefficient * last * before;
    let loud = energy / frame.len() as f64 > 1_000_000.0;
    loud && at_pitch * 2.0 / frame.len() as f64 > 0.6 * energy
}

fn receive(socket: &UdpSocket, datagram: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(datagram) {
            Ok(received) => return Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(_) => {}
        }
    }
}
