//! What a call's audio costs: our media node beside the two floors, in one run, under the same load.
//!
//! ```text
//! cargo bench --bench media_node                     # 50 and 200 calls
//! cargo bench --bench media_node -- --calls 50 --seconds 20
//! cargo bench --bench media_node -- --bridged 50     # two legs a call, joined, beside rtpengine
//! cargo bench --bench media_node -- --codecs 50      # Opus, Opus to G.711, SRTP, beside the bare libraries
//! ```
//!
//! - *echo*, *play*: legs of our node that send back what they hear, or play one shared clip.
//! - *bridge*, *transcode*: pairs of legs that are joined, with one codec (packets pass untouched) and with two.
//! - *heard*: the same as *bridge* while the owner takes every frame, as calls that are transcribed do; rtpengine decodes
//!   nothing, so the other is what compares with it.
//! - *opus*, *opus_transcode*, *sealed*: echoed calls in Opus, pairs of Opus and G.711, echoed G.711 under SRTP; with
//!   `--codecs 50`, beside what libopus and the seal take by themselves.
//! - *event loop*: receive → decode → encode → send the moment a packet comes, a socket per call.
//! - *tick loop*: the same work every 20 ms for all sockets.
//!
//! The callers are a process of their own (`callers`), whose processor time is not counted. Processor time is that
//! of the serving threads alone, from the scheduler's statistics, so other programs disturb it little (they still
//! cost cache and clock); spacing is taken from the kernel's receive time stamps, and does suffer from them.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]

mod callers;
mod floors;
mod rtpengine;
mod speech;
mod threads;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrayvec::ArrayVec;
use futures::FutureExt;
use futures::executor::block_on;
use media::{Clip, Codec, Direction, PlayItem, SourceRule, StreamParams, UtteranceId};
use switchboard::adapters::media_node::Node;
use switchboard::config::media::MediaConfig;
use switchboard::domain::ids::LegId;
use switchboard::seams::media::{Ears, LegCommand, LegSpec, MediaLeg, MediaNode};
use uuid::Uuid;

use callers::{Callers, Report};
use floors::Floor;
use rtpengine::RtpEngine;
use speech::Speech;
use threads::{processor_time, processor_time_of, resident_kb};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.get(1).is_some_and(|first| first == "callers") {
        return callers::run();
    }
    let number = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.parse::<usize>().ok()
    };
    let seconds = number("--seconds").unwrap_or(8) as u64;
    if let Some(calls) = number("--bridged") {
        return measure_bridged(calls, Duration::from_secs(seconds));
    }
    if let Some(calls) = number("--codecs") {
        return measure_codecs(calls, Duration::from_secs(seconds));
    }
    let sizes = number("--calls").map_or(vec![50, 200], |calls| vec![calls]);
    for calls in sizes {
        measure(calls, Duration::from_secs(seconds));
    }
    set_up_cost();
}

/// One line a way of serving, and the ratios to the event loop.
fn measure(calls: usize, span: Duration) {
    println!("\n{calls} calls, {} s each; percent of a core per call; load {}", span.as_secs(), load());
    let event_loop = floor(Floor::Event, calls, span);
    let tick_loop = floor(Floor::Tick, calls, span);
    let echo = node(Service::Echo, calls, span);
    let play = node(Service::Play, calls, span);
    let event_again = floor(Floor::Event, calls, span);
    let floor = (event_loop + event_again) / 2.0;
    println!("echo / event loop  {:.2}", echo / floor);
    println!("play / event loop  {:.2}", play / floor);
    println!("echo / tick loop   {:.2}", echo / tick_loop);
}

/// Joined pairs, beside rtpengine where it is installed; each call is two legs, and so are the floor's two sockets.
fn measure_bridged(calls: usize, span: Duration) {
    println!("\n{calls} bridged calls, {} s each; percent of a core per leg; load {}", span.as_secs(), load());
    let event_loop = floor(Floor::Event, calls * 2, span);
    let peer = rtpengine(calls * 2, span);
    let bridge = node(Service::Bridge, calls * 2, span);
    let heard = node(Service::Heard, calls * 2, span);
    let transcode = node(Service::Transcode, calls * 2, span);
    let event_again = floor(Floor::Event, calls * 2, span);
    let floor = (event_loop + event_again) / 2.0;
    println!(
        "per bridged call    {:.4} % of a core; with every frame heard {:.4} %; transcoded {:.4} %",
        bridge * 2.0,
        heard * 2.0,
        transcode * 2.0
    );
    println!("bridge / event loop {:.2}", bridge / floor);
    if let Some(peer) = peer {
        println!("bridge / rtpengine  {:.2}, which takes {:.4} % of a core a call", bridge / peer, peer * 2.0);
    }
}

/// Calls that have to be coded or sealed, beside the libraries that do it, alone on a thread.
fn measure_codecs(calls: usize, span: Duration) {
    println!("\n{calls} calls, {} s each; percent of a core per leg; load {}", span.as_secs(), load());
    let (codec, seal) = (speech::bare_opus(), speech::bare_seal());
    let plain = node(Service::Echo, calls, span);
    let opus = node(Service::Opus, calls, span);
    let pair = node(Service::OpusTranscode, calls * 2, span) * 2.0;
    let sealed = node(Service::Sealed, calls, span);
    let again = speech::bare_opus();
    let codec = (codec + again) / 2.0;
    println!("libopus itself, a packet in and one out    {codec:.4} % of a core a call");
    println!("Opus call / libopus                        {:.2} ({:.4} % beyond it)", opus / codec, opus - codec);
    println!("Opus to G.711 call (two legs) / libopus    {:.2}: {pair:.4} % of a core a call", pair / codec);
    println!("sealing itself, a packet in and one out    {seal:.4} % of a core a call");
    println!("sealed beyond plain / sealing itself       {:.2}", (sealed - plain) / seal);
}

fn rtpengine(legs: usize, span: Duration) -> Option<f64> {
    let Some(mut engine) = RtpEngine::start() else {
        println!("rtpengine is not installed (Debian: rtpengine-daemon); left out");
        return None;
    };
    let callers = Callers::start(legs);
    let pairs = callers.addresses.chunks_exact(2);
    let targets: Vec<SocketAddr> = pairs.flat_map(|pair| engine.join(pair[0], pair[1])).collect();
    let process = engine.process().to_string();
    let (cost, report) = callers.load(&targets, span, || processor_time_of(&process, ""));
    Some(show("rtpengine", cost, legs, span, &report))
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Service {
    Echo,
    Play,
    Bridge,
    Heard,
    Transcode,
    /// Echoed, in Opus.
    Opus,
    /// Joined, one in Opus and one in G.711.
    OpusTranscode,
    /// Echoed, under SRTP.
    Sealed,
}

impl Service {
    fn speech(self) -> Speech {
        match self {
            Service::Opus => Speech::Opus,
            Service::OpusTranscode => Speech::Mixed,
            Service::Sealed => Speech::Sealed,
            Service::Echo | Service::Play | Service::Bridge | Service::Heard | Service::Transcode => Speech::Plain,
        }
    }

    fn speaks_opus(self, index: usize) -> bool {
        self == Service::Opus || (self == Service::OpusTranscode && index.is_multiple_of(2))
    }
}

fn node(service: Service, calls: usize, span: Duration) -> f64 {
    let config = MediaConfig { legs_max: calls, shards: 1, ..MediaConfig::default() };
    let node = Node::start(&config).unwrap();
    let callers = Callers::speaking(calls, service.speech());
    let clip: Clip = (0..16_000 * 120).map(|at: i64| (at * at / 7 % 8_000) as i16).collect::<Arc<[i16]>>();
    let before_kb = resident_kb();
    let mut legs: Vec<MediaLeg> = callers.addresses.iter().map(|&caller| open(&node, caller)).collect();
    for (index, leg) in legs.iter().enumerate() {
        if service == Service::Transcode && index % 2 == 1 {
            // It is sent the other law, and goes on sending the first.
            let both = ArrayVec::from_iter([(0, Codec::Pcmu), (8, Codec::Pcma)]);
            let other = StreamParams {
                codec: Codec::Pcma,
                payload_type: 8,
                accepted: both,
                ..params(callers.addresses[index])
            };
            assert!(leg.control.send(LegCommand::Configure(Box::new(other))).is_ok());
        }
        if service.speaks_opus(index) {
            let accepted = ArrayVec::from_iter([(111, Codec::Opus)]);
            let remote = callers.addresses[index];
            let opus = StreamParams { codec: Codec::Opus, payload_type: 111, accepted, ..params(remote) };
            assert!(leg.control.send(LegCommand::Configure(Box::new(opus))).is_ok());
        }
        if service == Service::Sealed {
            assert!(leg.control.send(LegCommand::Secure(Box::new(speech::keys()))).is_ok());
        }
        let order = match service {
            Service::Bridge | Service::Heard | Service::Transcode | Service::OpusTranscode if index % 2 == 0 => {
                LegCommand::Bridge(legs[index + 1].id)
            }
            // Its neighbour joins the two.
            Service::Bridge | Service::Heard | Service::Transcode | Service::OpusTranscode => continue,
            Service::Echo | Service::Opus | Service::Sealed => LegCommand::Echo(true),
            Service::Play => LegCommand::Play(PlayItem { utterance: UtteranceId(1), clip: clip.clone(), last: true }),
        };
        assert!(leg.control.send(order).is_ok());
    }
    let addresses: Vec<SocketAddr> = legs.iter().map(|leg| leg.advertised).collect();
    let listener = (service == Service::Heard).then(|| Listener::to(&mut legs));
    let (cost, report) = callers.load(&addresses, span, || processor_time("media-"));
    drop(listener);
    let after_kb = resident_kb();
    let per_call = show(&format!("{service:?}").to_lowercase(), cost, calls, span, &report);
    println!("            {:.0} kB resident per leg", after_kb.saturating_sub(before_kb) as f64 / calls as f64);
    per_call
}

/// Takes what is heard on all legs, on a thread of its own.
struct Listener {
    stop: Arc<AtomicBool>,
}

impl Listener {
    fn to(legs: &mut [MediaLeg]) -> Listener {
        let mut ears: Vec<Ears> =
            legs.iter_mut().map(|leg| std::mem::replace(&mut leg.ears, Ears::ring(1).1)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let listen = move || {
            while !stopped.load(Ordering::Relaxed) {
                for ears in &mut ears {
                    while ears.next().now_or_never().is_some_and(|frame| frame.is_some()) {}
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
        };
        std::thread::Builder::new().name("listener".into()).spawn(listen).unwrap();
        Listener { stop }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn floor(floor: Floor, calls: usize, span: Duration) -> f64 {
    let callers = Callers::start(calls);
    let running = floors::start(floor, calls);
    let addresses = running.addresses.clone();
    let (cost, report) = callers.load(&addresses, span, || processor_time("floor"));
    running.stop();
    show(floor.name(), cost, calls, span, &report)
}

fn show(name: &str, cost: Duration, calls: usize, span: Duration, report: &Report) -> f64 {
    let per_call = cost.as_secs_f64() / span.as_secs_f64() / calls as f64 * 100.0;
    println!(
        "{name:<11} {per_call:.4} %   packets back {:.1} %   spacing p50 {:.2} p99 {:.2} max {:.2} ms",
        report.answered_percent, report.spacing_p50_ms, report.spacing_p99_ms, report.spacing_max_ms
    );
    per_call
}

fn open(node: &Node, caller: SocketAddr) -> MediaLeg {
    let leg = block_on(node.open(spec())).unwrap();
    assert!(leg.control.send(LegCommand::Configure(Box::new(params(caller)))).is_ok());
    leg
}

fn spec() -> LegSpec {
    LegSpec::on_loopback(LegId(Uuid::new_v4()))
}

fn params(remote: SocketAddr) -> StreamParams {
    StreamParams {
        remote,
        remote_rtcp: None,
        codec: Codec::Pcmu,
        payload_type: 0,
        accepted: ArrayVec::from_iter([(0, Codec::Pcmu)]),
        dtmf: None,
        comfort_noise_payload_type: None,
        packet_ms: 20,
        direction: Direction::SendRecv,
        source_rule: SourceRule::FromSdp,
    }
}

/// Processor time of all threads for opening, configuring and closing a leg.
fn set_up_cost() {
    const ROUNDS: usize = 20;
    const LEGS: usize = 200;
    let node = Node::start(&MediaConfig { legs_max: LEGS, shards: 1, ..MediaConfig::default() }).unwrap();
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let before = processor_time("");
    for _ in 0..ROUNDS {
        let legs: Vec<MediaLeg> = (0..LEGS).map(|_| open(&node, nowhere)).collect();
        drop(legs);
        while node.legs() > 0 {
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }
    let cost = processor_time("") - before;
    println!("\nopening and closing a leg: {:.0} µs", cost.as_secs_f64() * 1e6 / (ROUNDS * LEGS) as f64);
}

fn load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').take(1).collect()
}
