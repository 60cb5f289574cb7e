//! The media node: UDP sockets and the real-time threads behind them, implementing [`MediaNode`].
//!
//! 1. [`Node::open`] takes a seat on a thread and a pair of ports, builds the leg with all its buffers and
//!    passes it to the thread (`shard`), which owns it from then on: nothing of a leg is behind a lock.
//! 2. Orders reach the thread through the leg's bounded queues (`line`); a bell wakes it. A flush is an
//!    atomic, so that it can be neither lost nor late.
//! 3. Heard frames leave through the ring of `Ears`, happenings through a bounded channel (`outbox`).
//! 4. Recordings leave through rings of frames to the writer thread (`recorder`), which owns the files, and
//!    frees what the real-time threads are done with (`bin`).

mod bell;
mod berth;
mod bin;
mod leg;
mod line;
mod outbox;
mod pace;
mod recorder;
mod repair;
mod seal;
mod shard;
mod stats;
mod ties;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use media::{FRAME_MS, Session, SessionConfig};
use tokio::sync::mpsc;

use self::bell::Bell;
use self::berth::{Berth, Harbour, bind_pair};
use self::bin::Bin;
use self::leg::{Leg, LegParts, Way};
use self::line::{Handle, Line};
use self::outbox::{EVENTS_MAX, Outbox};
use self::recorder::Recorder;
pub use self::repair::{fuzz_repair, repair_recordings};
use self::shard::{Shard, register};
use crate::config::media::MediaConfig;
use crate::seams::media::{Ears, LegControl, LegSpec, MediaError, MediaLeg, MediaNode, Wire};

/// Half a second of heard frames: a reader that falls further behind would answer too late anyway, and each
/// further frame costs 1.3 kB a leg.
const EARS_FRAMES: usize = 25;

/// The media engine of this process.
pub struct Node {
    harbour: Arc<Harbour>,
    bells: Vec<Arc<Bell>>,
    recorder: Recorder,
    rtp_timeout: Duration,
    /// Ticks of all legs are whole frames after this, so that one wake-up serves them together.
    anchor: Instant,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Node {
    /// Starts the real-time threads and the writer.
    ///
    /// # Errors
    /// [`MediaError::Socket`] when the system refuses a thread or a descriptor.
    pub fn start(config: &MediaConfig) -> Result<Node, MediaError> {
        raise_descriptor_limit();
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        let shards = config.shards_on(cores);
        let harbour = Arc::new(Harbour::new(shards, config.legs_max));
        let bin = Arc::new(Bin::new(config.legs_max));
        let (recorder, writer) = Recorder::start(bin.clone())?;
        let node = Node {
            harbour,
            bells: (0..shards).map(|_| Bell::new(config.legs_max).map(Arc::new)).collect::<Result<_, _>>()?,
            recorder,
            rtp_timeout: Duration::from_millis(config.rtp_timeout_ms),
            anchor: Instant::now(),
            threads: Mutex::new(writer),
        };
        for (index, bell) in node.bells.iter().enumerate() {
            let shard = Shard::new(bell.clone(), bin.clone(), config.legs_max, node.anchor);
            let thread = std::thread::Builder::new().name(format!("media-{index}")).spawn(move || shard.run())?;
            node.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        }
        Ok(node)
    }

    fn last_tick(&self, now: Instant) -> Instant {
        let since = now.duration_since(self.anchor).as_nanos() as u64;
        self.anchor + Duration::from_nanos(since - since % (u64::from(FRAME_MS) * 1_000_000))
    }

    /// Legs that are open.
    pub fn legs(&self) -> usize {
        self.harbour.legs()
    }

    /// Closes every leg, completes every recording and ends the threads. Blocks until that is done, which takes
    /// as long as the disk needs for the last second of each recording.
    pub fn shutdown(&self) {
        for bell in &self.bells {
            bell.stop();
        }
        let mut threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        // The real-time threads first: the writer ends once nothing can be recorded any more.
        for thread in threads.drain(self.recorder.threads().min(threads.len())..) {
            join(thread);
        }
        self.recorder.stop();
        threads.into_iter().for_each(join);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.shutdown();
    }
}

#[async_trait]
impl MediaNode for Node {
    async fn open(&self, spec: LegSpec) -> Result<MediaLeg, MediaError> {
        let berth = self.harbour.enter(spec.leg, spec.beside)?;
        let pair = bind_pair(&berth, spec.bind, &spec.ports)?;
        let address = SocketAddr::new(advertised(&spec), pair.port);
        self.launch(&spec, berth, Way::Ports(pair), address)
    }

    async fn open_wired(&self, spec: LegSpec, wire: Wire) -> Result<MediaLeg, MediaError> {
        let berth = self.harbour.enter(spec.leg, spec.beside)?;
        let address = wire.socket.local_addr()?;
        self.launch(&spec, berth, Way::Wire { wire, route: None }, address)
    }
}

impl Node {
    fn launch(&self, spec: &LegSpec, berth: Berth, way: Way, address: SocketAddr) -> Result<MediaLeg, MediaError> {
        let bell = self.bells[berth.shard()].clone();
        if bell.stopped() {
            return Err(MediaError::Stopped);
        }
        let rtcp_port = address.port() + u16::from(matches!(way, Way::Ports(_)));
        let line = Arc::new(Line::new(berth.slot(), bell.clone()));
        let (ears_writer, ears) = Ears::ring(EARS_FRAMES);
        let (events, events_receiver) = mpsc::channel(EVENTS_MAX);
        let config = SessionConfig {
            ssrc: rand::random(),
            first_sequence: rand::random(),
            first_timestamp: rand::random(),
            rtp_timeout: self.rtp_timeout,
            inband_dtmf: spec.inband_dtmf,
        };
        let handle = Handle::new(line.clone(), self.recorder.clone(), events.clone());
        let leg = Leg::new(LegParts {
            id: spec.leg,
            session: Session::new(config, self.last_tick(Instant::now())),
            way,
            ears: ears_writer,
            outbox: Outbox::new(events),
            line,
            berth,
        });
        register(&bell, &leg)?;
        bell.admit(Box::new(leg)).map_err(|_| MediaError::Stopped)?;
        Ok(MediaLeg {
            id: spec.leg,
            advertised: address,
            advertised_rtcp: SocketAddr::new(address.ip(), rtcp_port),
            ears,
            events: events_receiver,
            control: LegControl(Arc::new(handle)),
        })
    }
}

/// The address for session descriptions. A wildcard is no address to send to; without better advice the leg is
/// for this machine alone.
fn advertised(spec: &LegSpec) -> IpAddr {
    match spec.advertised.unwrap_or(spec.bind) {
        address if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        address => address,
    }
}

/// Two sockets a leg outgrow the customary 1024 descriptors; the hard limit is the operator's word.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "The limit of open files stays as it is");
        }
    }
}

fn join(thread: JoinHandle<()>) {
    if thread.join().is_err() {
        tracing::error!("A media thread had panicked");
    }
}
