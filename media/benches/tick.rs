//! What 20 ms of a call cost, beside the bare codec in the same run.
//!
//! `cargo bench -p media --profile dev` (the dev profile optimises this crate). A packet and its tick are
//! measured together: receive, wait, decode to 16 kHz, hand out, take in, encode, hand out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use audio_codec::{Decoder as _, Encoder as _};
use divan::{Bencher, black_box};
use media::{
    Codec, Direction, PlayItem, Role, Room, Seat, Session, SessionConfig, SourceRule, StreamParams, Supervision,
    UtteranceId, Voice,
};

fn main() {
    divan::main();
}

const FAR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 4000);

struct Call {
    session: Session,
    now: Instant,
    sequence: u16,
    payload_type: u8,
    payload: Vec<u8>,
    echo: bool,
}

impl Call {
    fn new(codec: Codec, payload_type: u8) -> Call {
        let now = Instant::now();
        let config = SessionConfig {
            ssrc: 1,
            first_sequence: 1,
            first_timestamp: 1,
            rtp_timeout: Duration::from_secs(30),
            inband_dtmf: false,
        };
        let mut session = Session::new(config, now);
        let params = StreamParams {
            remote: FAR,
            remote_rtcp: None,
            codec,
            payload_type,
            accepted: [(payload_type, codec)].into_iter().collect(),
            dtmf: None,
            comfort_noise_payload_type: None,
            packet_ms: 20,
            direction: Direction::SendRecv,
            source_rule: SourceRule::FromSdp,
        };
        session.configure(now, &params);
        let payload = (0..160u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        Call { session, now, sequence: 0, payload_type, payload, echo: false }
    }

    /// One packet in, one tick, everything drained.
    fn tick(&mut self) -> usize {
        self.receive();
        let mut out = 0;
        while let Some(heard) = self.session.poll_heard() {
            out += usize::from(heard.concealed);
            if self.echo {
                self.session.push_bridged(&heard.frame);
            }
        }
        self.session.handle_timeout(self.now);
        out + self.sent()
    }

    /// The next packet arrives; when.
    fn receive(&mut self) -> Instant {
        let timestamp = u32::from(self.sequence).wrapping_mul(160);
        let header = media::rtp::header(false, self.payload_type, self.sequence, timestamp, 7);
        let mut packet = [0; 172];
        packet[..12].copy_from_slice(&header);
        packet[12..].copy_from_slice(&self.payload);
        if self.sequence == u16::MAX {
            *self = Call { echo: self.echo, ..Call::new(Codec::Pcmu, 0) };
        }
        self.sequence += 1;
        self.now += Duration::from_millis(20);
        self.session.handle_rtp(self.now, FAR, &packet);
        self.now
    }

    /// Takes out all that is to be sent or told.
    fn sent(&mut self) -> usize {
        let mut out = 0;
        let mut datagram = [0; 1500];
        while let Some(transmit) = self.session.poll_transmit(&mut datagram) {
            out += transmit.len;
        }
        while self.session.poll_event().is_some() {}
        while self.session.poll_record().is_some() {}
        while self.session.poll_heard().is_some() {}
        out
    }
}

#[divan::bench]
fn echo_pcmu(bencher: Bencher) {
    let mut call = Call::new(Codec::Pcmu, 0);
    call.echo = true;
    bencher.bench_local(|| call.tick());
}

#[divan::bench]
fn idle_pcmu(bencher: Bencher) {
    let mut call = Call::new(Codec::Pcmu, 0);
    bencher.bench_local(|| call.tick());
}

#[divan::bench]
fn playing_pcmu(bencher: Bencher) {
    let mut call = Call::new(Codec::Pcmu, 0);
    let clip: media::Clip = vec![1000i16; 16_000 * 600].into();
    bencher.bench_local(|| {
        let item = PlayItem { utterance: UtteranceId(1), clip: clip.clone(), last: false };
        // Queued again and again; refused while the queue is full.
        let _ = call.session.play(call.now, item);
        call.tick()
    });
}

#[divan::bench]
fn recorded_echo_pcmu(bencher: Bencher) {
    let mut call = Call::new(Codec::Pcmu, 0);
    call.echo = true;
    call.session.set_recording(true);
    bencher.bench_local(|| call.tick());
}

#[divan::bench]
fn echo_g722(bencher: Bencher) {
    let mut call = Call::new(Codec::G722, 9);
    call.echo = true;
    bencher.bench_local(|| call.tick());
}

const ROLES: [Role; 3] = [Role::Customer, Role::Colleague, Role::Supervisor];

/// 20 ms of two joined legs of one codec, as the node drains them, and of a third that supervises them where there is one.
struct Joined {
    legs: Vec<Call>,
    supervision: Option<Supervision>,
}

impl Joined {
    fn new(supervision: Option<Supervision>) -> Joined {
        let count = if supervision.is_some() { 3 } else { 2 };
        let mut legs: Vec<Call> = (0..count).map(|_| Call::new(Codec::Pcmu, 0)).collect();
        let room = Room { is_bridged: true, supervision };
        for (leg, role) in legs.iter_mut().zip([Role::Customer, Role::Colleague]) {
            leg.session.set_relaying(true);
            leg.session.set_mixed(room.hears(role, Voice::Of(Role::Supervisor)));
        }
        legs[0].session.set_overheard(supervision.is_some());
        Joined { legs, supervision }
    }

    fn tick(&mut self) -> usize {
        let room = Room { is_bridged: true, supervision: self.supervision };
        let mut out = 0;
        for (from, role) in ROLES.into_iter().enumerate().take(self.legs.len()) {
            let now = self.legs[from].receive();
            while let Some(packet) = self.legs[from].session.poll_relay() {
                if from < 2 {
                    self.legs[1 - from].session.relay(now, &packet);
                }
            }
            while let Some(heard) = self.legs[from].session.poll_heard() {
                for (to, ear) in ROLES.into_iter().enumerate().take(self.legs.len()) {
                    if room.hears(ear, Voice::Of(role)) {
                        self.legs[to].session.push_voice(Seat::ALL[from], &heard.frame);
                    }
                }
            }
            self.legs[from].session.handle_timeout(now);
            while let Some(frame) = self.legs[from].session.poll_spoken() {
                if let Some(supervisor) = self.legs.get_mut(2) {
                    supervisor.session.push_voice(Seat::ALL[2], &frame);
                }
            }
            out += self.legs[from].sent();
        }
        out
    }
}

/// The measure: a joined call that nobody listens to.
#[divan::bench]
fn joined_pcmu(bencher: Bencher) {
    let mut joined = Joined::new(None);
    bencher.bench_local(|| joined.tick());
}

/// The same with a supervisor who listens: what the two hear is forwarded as before.
#[divan::bench]
fn joined_pcmu_listened_to(bencher: Bencher) {
    let mut joined = Joined::new(Some(Supervision::Listen));
    bencher.bench_local(|| joined.tick());
}

/// The same with one who barges in: everything is decoded, added up and encoded.
#[divan::bench]
fn joined_pcmu_barged_into(bencher: Bencher) {
    let mut joined = Joined::new(Some(Supervision::Barge));
    bencher.bench_local(|| joined.tick());
}

/// What a browser says, 20 ms a packet, two seconds of it.
fn opus_packets() -> Vec<Vec<u8>> {
    let mut encoder = opus_encoder();
    let at = |i: usize, hz: f32| (i as f32 * hz * std::f32::consts::TAU / 16_000.0).sin();
    let voice = |i: usize| ((at(i, 140.0) + at(i, 420.0) + at(i, 1_900.0)) * 3000.0 * (1.2 + at(i, 4.0))) as i16;
    let samples: Vec<i16> = (0..32_000).map(voice).collect();
    samples.chunks(320).map(|frame| encoder.encode_vec(frame, 480).unwrap_or_default()).collect()
}

/// Set as the engine sets its own.
fn opus_encoder() -> opus::Encoder {
    let mut encoder = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).expect("libopus");
    let _ = encoder.set_bitrate(opus::Bitrate::Bits(32_000));
    let _ = encoder.set_complexity(5);
    let _ = encoder.set_inband_fec(true);
    let _ = encoder.set_packet_loss_perc(5);
    encoder
}

/// 20 ms of an Opus call that is sent back what it says.
#[divan::bench]
fn echo_opus(bencher: Bencher) {
    let packets = opus_packets();
    let mut call = Call::new(Codec::Opus, 111);
    let (mut sequence, mut timestamp) = (0u16, 0u32);
    bencher.bench_local(|| {
        let header = media::rtp::header(false, 111, sequence, timestamp, 7);
        let packet = [&header[..], &packets[usize::from(sequence) % packets.len()]].concat();
        sequence = sequence.wrapping_add(1);
        timestamp = timestamp.wrapping_add(960);
        call.now += Duration::from_millis(20);
        call.session.handle_rtp(call.now, FAR, &packet);
        while let Some(heard) = call.session.poll_heard() {
            call.session.push_bridged(&heard.frame);
        }
        call.session.handle_timeout(call.now);
        let mut datagram = [0; 1500];
        let mut out = 0;
        while let Some(transmit) = call.session.poll_transmit(&mut datagram) {
            out += transmit.len;
        }
        out
    });
}

/// The measure: Opus decoded and encoded, nothing else.
#[divan::bench]
fn bare_opus(bencher: Bencher) {
    let packets = opus_packets();
    let (Ok(mut decoder), mut encoder) = (opus::Decoder::new(16_000, opus::Channels::Mono), opus_encoder()) else {
        return;
    };
    let (mut samples, mut out, mut at) = ([0; 320], [0; 480], 0);
    bencher.bench_local(|| {
        at = (at + 1) % packets.len();
        let _ = decoder.decode(black_box(&packets[at]), &mut samples, false);
        encoder.encode(black_box(&samples), &mut out).unwrap_or(0)
    });
}

/// The measure: G.711 decoded and encoded, nothing else.
#[divan::bench]
fn bare_pcmu(bencher: Bencher) {
    let payload = Call::new(Codec::Pcmu, 0).payload;
    let mut samples = [0; 160];
    let mut out = [0; 160];
    bencher.bench_local(|| {
        let _ = audio_codec::pcmu::PcmuDecoder::new().decode_into(black_box(&payload), &mut samples);
        let _ = audio_codec::pcmu::PcmuEncoder::new().encode_into(black_box(&samples), &mut out);
        out[7]
    });
}

/// The measure: G.722 decoded and encoded, nothing else.
#[divan::bench]
fn bare_g722(bencher: Bencher) {
    let payload = Call::new(Codec::G722, 9).payload;
    let mut decoder = audio_codec::g722::G722Decoder::new();
    let mut encoder = audio_codec::g722::G722Encoder::new();
    let mut samples = [0; 320];
    let mut out = [0; 160];
    bencher.bench_local(|| {
        let _ = decoder.decode_into(black_box(&payload), &mut samples);
        let _ = encoder.encode_into(black_box(&samples), &mut out);
        out[7]
    });
}

#[divan::bench]
fn upsample_a_frame(bencher: Bencher) {
    let mut upsampler = media::resample::Upsampler::new();
    let (input, mut out) = ([1000i16; 160], [0i16; 320]);
    bencher.bench_local(|| {
        upsampler.process(black_box(&input), &mut out);
        out[7]
    });
}

#[divan::bench]
fn downsample_a_frame(bencher: Bencher) {
    let mut downsampler = media::resample::Downsampler::new();
    let (input, mut out) = ([1000i16; 320], [0i16; 160]);
    bencher.bench_local(|| {
        downsampler.process(black_box(&input), &mut out);
        out[7]
    });
}

/// A second of a synthesiser's audio.
#[divan::bench]
fn resample_a_second_24_to_16_khz(bencher: Bencher) {
    let clip = vec![1000i16; 24_000];
    bencher.bench_local(|| media::resample::resample_clip(black_box(&clip), 24_000, 16_000).len());
}
