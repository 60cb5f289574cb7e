//! A session driven in virtual time, with a far end beside it.
#![allow(dead_code, clippy::unwrap_used)]

pub mod network;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use audio_codec::{Decoder as _, Encoder as _, pcmu};
use media::{
    Codec, Direction, DtmfFormat, Event, Frame, HeardFrame, PlayItem, RecordFrame, Session, SessionConfig, SourceRule,
    StreamParams, Transmit, TransmitKind, UtteranceId,
};

/// The far end's address in the session description.
pub const FAR: &str = "192.0.2.7:4000";
/// Somebody else.
pub const STRANGER: &str = "198.51.100.9:5555";

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub fn config() -> SessionConfig {
    SessionConfig {
        ssrc: 0x1234_5678,
        first_sequence: 65_530,
        first_timestamp: u32::MAX - 500,
        rtp_timeout: Duration::from_secs(5),
        inband_dtmf: false,
    }
}

/// PCMU both ways, 20 ms, telephone events as 101.
pub fn params() -> StreamParams {
    StreamParams {
        remote: address(FAR),
        remote_rtcp: None,
        codec: Codec::Pcmu,
        payload_type: 0,
        accepted: [(0, Codec::Pcmu), (8, Codec::Pcma), (9, Codec::G722)].into_iter().collect(),
        dtmf: Some(DtmfFormat { payload_type: 101, clock_rate_hz: 8000 }),
        comfort_noise_payload_type: None,
        packet_ms: 20,
        direction: Direction::SendRecv,
        source_rule: SourceRule::FromSdp,
    }
}

/// Opus both ways as 111, telephone events of its clock as 110, as with a browser.
pub fn opus_params() -> StreamParams {
    StreamParams {
        codec: Codec::Opus,
        payload_type: 111,
        accepted: [(111, Codec::Opus)].into_iter().collect(),
        dtmf: Some(DtmfFormat { payload_type: 110, clock_rate_hz: 48_000 }),
        ..params()
    }
}

/// A sent datagram, and when it left.
pub struct Sent {
    pub at: Instant,
    pub transmit: Transmit,
    pub bytes: Vec<u8>,
}

impl Sent {
    pub fn packet(&self) -> media::rtp::Packet<'_> {
        media::rtp::parse(&self.bytes).unwrap()
    }

    /// Loudness of a PCMU packet.
    pub fn level(&self) -> f64 {
        level(&ulaw_decode(self.packet().payload))
    }
}

/// A session and everything that came out of it.
pub struct Leg {
    pub session: Session,
    pub start: Instant,
    pub now: Instant,
    pub heard: Vec<(Instant, HeardFrame)>,
    pub sent: Vec<Sent>,
    pub rtcp: Vec<Sent>,
    pub events: Vec<Event>,
    pub record: Vec<RecordFrame>,
    /// Whether heard frames are sent back.
    pub echo: bool,
    /// Off for runs of an hour.
    pub keep: bool,
    pub heard_count: usize,
}

impl Leg {
    pub fn new(params: &StreamParams) -> Leg {
        Leg::with(config(), params)
    }

    pub fn with(config: SessionConfig, params: &StreamParams) -> Leg {
        let now = Instant::now();
        let mut session = Session::new(config, now);
        session.configure(now, params);
        Leg {
            session,
            start: now,
            now,
            heard: Vec::new(),
            sent: Vec::new(),
            rtcp: Vec::new(),
            events: Vec::new(),
            record: Vec::new(),
            echo: false,
            keep: true,
            heard_count: 0,
        }
    }

    /// Lets time pass up to `at`.
    pub fn run_until(&mut self, at: Instant) {
        self.drain();
        for _ in 0..10_000_000 {
            match self.session.poll_timeout() {
                Some(due) if due <= at => {
                    self.now = self.now.max(due);
                    self.session.handle_timeout(self.now);
                    self.drain();
                    let next = self.session.poll_timeout().unwrap();
                    assert!(next > self.now, "a timeout that was handled is not due again");
                }
                _ => break,
            }
        }
        self.now = self.now.max(at);
    }

    pub fn run(&mut self, time: Duration) {
        self.run_until(self.now + time);
    }

    /// A datagram arrives now.
    pub fn arrive(&mut self, from: &str, datagram: &[u8]) {
        self.session.handle_rtp(self.now, address(from), datagram);
        self.drain();
    }

    pub fn play(&mut self, utterance: u32, samples: &[i16], last: bool) -> bool {
        let item = PlayItem { utterance: UtteranceId(utterance), clip: samples.into(), last };
        let queued = self.session.play(self.now, item).is_ok();
        self.drain();
        queued
    }

    pub fn flush(&mut self, utterance: u32) {
        self.session.flush(self.now, UtteranceId(utterance));
        self.drain();
    }

    fn drain(&mut self) {
        let mut datagram = [0; 1500];
        while let Some(transmit) = self.session.poll_transmit(&mut datagram) {
            if self.keep {
                let sent = Sent { at: self.now, transmit, bytes: datagram[..transmit.len].to_vec() };
                match transmit.kind {
                    TransmitKind::Rtp => self.sent.push(sent),
                    TransmitKind::Rtcp => self.rtcp.push(sent),
                }
            }
        }
        while let Some(heard) = self.session.poll_heard() {
            self.heard_count += 1;
            if self.echo {
                self.session.push_bridged(&heard.frame);
            }
            if self.keep {
                self.heard.push((self.now, heard));
            }
        }
        while let Some(event) = self.session.poll_event() {
            self.events.push(event);
        }
        while let Some(pair) = self.session.poll_record() {
            if self.keep {
                self.record.push(pair);
            }
        }
        while self.session.poll_spent().is_some() {}
    }

    /// All heard samples in a row.
    pub fn heard_samples(&self) -> Vec<i16> {
        self.heard.iter().flat_map(|(_, heard)| heard.frame.0).collect()
    }

    pub fn concealed(&self) -> usize {
        self.heard.iter().filter(|(_, heard)| heard.concealed).count()
    }

    pub fn keys(&self) -> String {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::Key(key) => Some(char::from(key.0)),
                _ => None,
            })
            .collect()
    }
}

/// The far end's RTP stream.
#[derive(Clone)]
pub struct Far {
    pub ssrc: u32,
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
}

impl Far {
    pub fn new() -> Far {
        Far { ssrc: 0xfeed_beef, sequence: 65_500, timestamp: u32::MAX - 3000, payload_type: 0 }
    }

    /// The next packet of audio; its length moves the timestamp on.
    pub fn packet(&mut self, payload: &[u8]) -> Vec<u8> {
        let bytes = self.raw(false, self.payload_type, self.timestamp, payload);
        self.timestamp = self.timestamp.wrapping_add(payload.len() as u32);
        bytes
    }

    /// A telephone event packet.
    pub fn event(&mut self, marker: bool, timestamp: u32, code: u8, end: bool, duration: u16) -> Vec<u8> {
        let [high, low] = duration.to_be_bytes();
        self.raw(marker, 101, timestamp, &[code, if end { 0x8a } else { 0x0a }, high, low])
    }

    pub fn raw(&mut self, marker: bool, payload_type: u8, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let header = media::rtp::header(marker, payload_type, self.sequence, timestamp, self.ssrc);
        self.sequence = self.sequence.wrapping_add(1);
        [&header[..], payload].concat()
    }
}

/// A tone at the engine's rate.
pub fn tone(hz: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    tone_at(16_000.0, hz, amplitude, 0, samples)
}

pub fn tone_at(rate: f64, hz: f64, amplitude: f64, from: usize, samples: usize) -> Vec<i16> {
    (from..from + samples).map(|i| ((i as f64 * hz * std::f64::consts::TAU / rate).sin() * amplitude) as i16).collect()
}

/// `samples` bytes of a µ-law tone that runs on from `from`.
pub fn ulaw_tone(hz: f64, amplitude: f64, from: usize, samples: usize) -> Vec<u8> {
    ulaw_encode(&tone_at(8000.0, hz, amplitude, from, samples))
}

pub fn ulaw_encode(samples: &[i16]) -> Vec<u8> {
    pcmu::PcmuEncoder::new().encode(samples)
}

pub fn ulaw_decode(bytes: &[u8]) -> Vec<i16> {
    pcmu::PcmuDecoder::new().decode(bytes)
}

/// Root mean square.
pub fn level(samples: &[i16]) -> f64 {
    (samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

/// How much of the power of 16 kHz `samples` lies at `hz`, 0 to 1.
pub fn share_of(hz: f64, samples: &[i16]) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, sample) in samples.iter().enumerate() {
        let phase = i as f64 * hz * std::f64::consts::TAU / 16_000.0;
        re += f64::from(*sample) * phase.cos();
        im += f64::from(*sample) * phase.sin();
    }
    let n = samples.len() as f64;
    2.0 * (re * re + im * im) / (n * n) / level(samples).powi(2).max(1e-9)
}

pub fn frame(sample: i16) -> Frame {
    Frame([sample; 320])
}

/// The folder of fixtures, or `None` with a printed reason.
pub fn fixtures(what: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("FIXTURES_DIR").map(|folder| PathBuf::from(folder).join(what));
    if folder.is_none() {
        println!("skipped: FIXTURES_DIR is not set");
    }
    folder
}

/// A 16-bit mono WAV file's samples and rate.
pub fn read_wav(file: &std::path::Path) -> (Vec<i16>, u32) {
    let bytes = std::fs::read(file).unwrap();
    let mut at = 12;
    let mut rate = 0;
    while at + 8 <= bytes.len() {
        let length = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap()) as usize;
        let body = &bytes[at + 8..(at + 8 + length).min(bytes.len())];
        match &bytes[at..at + 4] {
            b"fmt " => {
                assert_eq!((body[0], body[2], body[14]), (1, 1, 16), "PCM, mono, 16 bits");
                rate = u32::from_le_bytes(body[4..8].try_into().unwrap());
            }
            b"data" => {
                return (body.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect(), rate);
            }
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    panic!("no data in {}", file.display());
}
