//! What callers send: G.711, Opus, or G.711 that is sealed; and what coding and sealing cost by themselves.

use std::f64::consts::TAU;
use std::time::Duration;

use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;
use switchboard::seams::media::{SrtpKey, SrtpKeys, SrtpSuite};

use super::threads::processor_time;

/// Samples of 20 ms at the engine's rate.
const FRAME: usize = 320;
/// A second, over and over.
const PACKETS: usize = 50;

/// How a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speech {
    Plain,
    Opus,
    /// One of two in Opus, the other in G.711.
    Mixed,
    Sealed,
}

impl Speech {
    const ALL: [(&str, Speech); 4] =
        [("plain", Speech::Plain), ("opus", Speech::Opus), ("mixed", Speech::Mixed), ("sealed", Speech::Sealed)];

    pub fn name(self) -> &'static str {
        Speech::ALL.iter().find(|(_, speech)| *speech == self).map_or("plain", |(name, _)| name)
    }

    pub fn named(name: &str) -> Speech {
        Speech::ALL.iter().find(|(known, _)| *known == name).map_or(Speech::Plain, |(_, speech)| *speech)
    }
}

/// One caller's packets.
pub struct Mouth {
    opus: Option<Vec<Vec<u8>>>,
    seal: Option<Context>,
    source: u32,
}

impl Mouth {
    pub fn of(speech: Speech, index: usize) -> Mouth {
        let speaks_opus = speech == Speech::Opus || (speech == Speech::Mixed && index.is_multiple_of(2));
        let seal = (speech == Speech::Sealed).then(|| context(&keys().remote));
        Mouth { opus: speaks_opus.then(packets), seal, source: index as u32 + 1 }
    }

    pub fn packet(&mut self, number: u64) -> Vec<u8> {
        let (payload_type, ticks) = if self.opus.is_some() { (111, 960) } else { (0, 160) };
        let mut packet = vec![0x80, payload_type];
        packet.extend((number as u16).to_be_bytes());
        packet.extend((number as u32).wrapping_mul(ticks).to_be_bytes());
        packet.extend(self.source.to_be_bytes());
        match &self.opus {
            Some(packets) => packet.extend(&packets[number as usize % PACKETS]),
            None => packet.extend([0xd5; 160]),
        }
        match &mut self.seal {
            Some(seal) => seal.encrypt_rtp(&packet).unwrap().to_vec(),
            None => packet,
        }
    }
}

/// Those of a leg whose caller is sealed.
pub fn keys() -> SrtpKeys {
    let key =
        |seed: u8| SrtpKey { key: (0..16).map(|at| at ^ seed).collect(), salt: (0..12).map(|at| at + seed).collect() };
    SrtpKeys { suite: SrtpSuite::AeadAes128Gcm, local: key(1), remote: key(2) }
}

fn context(key: &SrtpKey) -> Context {
    let provider = rtc_crypto::default_provider().unwrap();
    Context::new(&key.key, &key.salt, ProtectionProfile::AeadAes128Gcm, None, None, provider.crypto()).unwrap()
}

/// Like a voice: a few harmonics that move, and pauses.
fn samples() -> Vec<i16> {
    let rate = 16_000.0;
    let voice = |at: usize| {
        let time = at as f64 / rate;
        let pitch = 120.0 + 30.0 * (time * 3.0).sin();
        let loud = (time * 9.0).sin().max(0.0);
        let sum: f64 =
            (1..12).map(|harmonic| (time * pitch * f64::from(harmonic) * TAU).sin() / f64::from(harmonic)).sum();
        (sum * loud * 6_000.0) as i16
    };
    (0..PACKETS * FRAME).map(voice).collect()
}

fn encoder() -> opus::Encoder {
    let mut encoder = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
    // As our own legs encode (media/src/codec/opus.rs).
    encoder.set_bitrate(opus::Bitrate::Bits(32_000)).unwrap();
    encoder.set_complexity(5).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_packet_loss_perc(5).unwrap();
    encoder
}

fn packets() -> Vec<Vec<u8>> {
    let mut encoder = encoder();
    samples().chunks_exact(FRAME).map(|frame| encoder.encode_vec(frame, 400).unwrap()).collect()
}

/// Percent of a core that libopus itself takes for one call: a packet decoded and one encoded, 50 times a second.
pub fn bare_opus() -> f64 {
    let (packets, mut encoder) = (packets(), encoder());
    let mut decoder = opus::Decoder::new(16_000, opus::Channels::Mono).unwrap();
    let (mut frame, mut out) = ([0i16; FRAME], [0u8; 400]);
    percent_of(2_000, |number| {
        decoder.decode(&packets[number % PACKETS], &mut frame, false).unwrap();
        encoder.encode(&frame, &mut out).unwrap();
    })
}

/// Percent of a core for one packet sealed and one opened, 50 times a second.
pub fn bare_seal() -> f64 {
    let (mut out, mut back) = (context(&keys().local), context(&keys().local));
    let mut mouth = Mouth::of(Speech::Plain, 0);
    let plain: Vec<Vec<u8>> = (0..20_000).map(|number| mouth.packet(number)).collect();
    percent_of(plain.len(), |number| {
        let sealed = out.encrypt_rtp(&plain[number]).unwrap();
        back.decrypt_rtp(&sealed).unwrap();
    })
}

/// What each step of a packet time takes, in percent of a core.
fn percent_of(steps: usize, mut step: impl FnMut(usize)) -> f64 {
    let before = processor_time("");
    (0..steps).for_each(&mut step);
    let cost: Duration = processor_time("") - before;
    cost.as_secs_f64() / steps as f64 / 0.020 * 100.0
}
