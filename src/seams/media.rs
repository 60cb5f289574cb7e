//! Where legs are made: sockets and the real-time threads behind them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayVec;
use async_trait::async_trait;
use media::{HeardFrame, Key, PlayItem, StreamParams, Supervision, UtteranceId};
use tokio::sync::mpsc;

use crate::domain::ids::LegId;

/// Why a leg could not be made.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Every port of the range is taken.
    #[error("no free RTP port between {0} and {1}; widen media.rtp_ports or end calls")]
    PortsExhausted(u16, u16),
    /// As many legs as configured are in use.
    #[error("{0} legs are in use, the configured limit")]
    LegLimit(usize),
    /// The operating system refused.
    #[error("media socket: {0}")]
    Socket(#[from] std::io::Error),
    /// The real-time threads have stopped.
    #[error("the media engine has stopped")]
    Stopped,
    /// This engine has sockets of its own alone.
    #[error("this media engine cannot share a port")]
    NoSharedPorts,
}

/// What a leg needs when it is made, before anything is negotiated.
#[derive(Clone, Debug)]
pub struct LegSpec {
    /// Its name.
    pub leg: LegId,
    /// Address to bind.
    pub bind: IpAddr,
    /// Address to write into session descriptions, where it differs (behind NAT).
    pub advertised: Option<IpAddr>,
    /// Even ports to choose RTP from; RTCP takes the next one.
    pub ports: RangeInclusive<u16>,
    /// A leg on whose thread this one must live, so that the two can be bridged.
    pub beside: Option<LegId>,
    /// Whether tones in the audio count as keys.
    pub inband_dtmf: bool,
}

impl LegSpec {
    /// A leg on the loopback address, where nothing has to be known about the network.
    pub fn on_loopback(leg: LegId) -> LegSpec {
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        LegSpec { leg, bind, advertised: None, ports: 10_000..=29_999, beside: None, inband_dtmf: false }
    }
}

/// Makes legs.
#[async_trait]
pub trait MediaNode: Send + Sync {
    /// Binds ports and makes a leg that waits for [`LegCommand::Configure`].
    async fn open(&self, spec: LegSpec) -> Result<MediaLeg, MediaError>;
    /// Makes a leg without sockets of its own, for a far end that is reached by a port shared with others. It sends
    /// nothing before [`LegCommand::Secure`] and [`LegCommand::Route`], and then never in the clear. Configured with
    /// [`Wire::FAR`] as the far end's address.
    async fn open_wired(&self, _spec: LegSpec, _wire: Wire) -> Result<MediaLeg, MediaError> {
        Err(MediaError::NoSharedPorts)
    }
}

/// A leg's end of a port that is shared with others. Whoever reads the port puts its datagrams into the ring and says
/// so with [`LegPort::arrived`].
pub struct Wire {
    /// What the leg sends leaves by this socket.
    pub socket: Arc<UdpSocket>,
    /// What came for it, as it came.
    pub arrivals: rtrb::Consumer<Datagram>,
}

impl Wire {
    /// The far end as the leg's session knows it. Where it really is changes under way and is proven by keys, not by
    /// addresses: the dummy address of RFC 7600.
    pub const FAR: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 0, 8)), 9);
}

/// The longest datagram that a shared port hands on: 60 ms of Opus at 64 kbit/s with header, extensions and tag.
pub const DATAGRAM_MAX: usize = 640;

/// A datagram that came by a shared port.
pub type Datagram = ArrayVec<u8, DATAGRAM_MAX>;

/// How a stream is protected (RFC 3711, RFC 7714).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpSuite {
    /// AES-128 in counter mode with a tag of 80 bits.
    Aes128CmSha1_80,
    /// AES-128 in Galois counter mode.
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode.
    AeadAes256Gcm,
}

/// Master key and salt of one direction.
#[derive(Clone)]
pub struct SrtpKey {
    /// 16 or 32 bytes.
    pub key: ArrayVec<u8, 32>,
    /// 12 or 14 bytes.
    pub salt: ArrayVec<u8, 14>,
}

/// What a stream's protection is made of, as the exchange of keys settled it. Never shown.
#[derive(Clone)]
pub struct SrtpKeys {
    /// How.
    pub suite: SrtpSuite,
    /// For what we send.
    pub local: SrtpKey,
    /// For what we hear.
    pub remote: SrtpKey,
}

/// One leg, as its owner sees it. Dropping `control`'s last clone closes it.
pub struct MediaLeg {
    /// Its name.
    pub id: LegId,
    /// Address and port to write into session descriptions.
    pub advertised: SocketAddr,
    /// The RTCP port.
    pub advertised_rtcp: SocketAddr,
    /// What the far end says.
    pub ears: Ears,
    /// What happens on it.
    pub events: mpsc::Receiver<LegEvent>,
    /// Orders to it; may be cloned.
    pub control: LegControl,
}

/// What the far end says, 20 ms at a time, from a bounded single-producer ring. When its owner falls
/// behind, the oldest frames stay, new ones are dropped and counted.
pub struct Ears {
    ring: rtrb::Consumer<HeardFrame>,
    bell: Arc<Bell>,
}

/// Wakes the owner of [`Ears`], and counts what it missed.
#[derive(Default)]
pub struct Bell {
    waker: atomic_waker::AtomicWaker,
    dropped: AtomicU64,
}

/// The real-time end of [`Ears`].
pub struct EarsWriter {
    /// `None` only while it is being dropped.
    ring: Option<rtrb::Producer<HeardFrame>>,
    bell: Arc<Bell>,
}

impl Ears {
    /// A ring of `frames` frames.
    pub fn ring(frames: usize) -> (EarsWriter, Ears) {
        let (producer, consumer) = rtrb::RingBuffer::new(frames);
        let bell = Arc::new(Bell::default());
        (EarsWriter { ring: Some(producer), bell: bell.clone() }, Ears { ring: consumer, bell })
    }

    /// The next frame; waits for it. `None` once the leg is closed and everything was read.
    pub async fn next(&mut self) -> Option<HeardFrame> {
        std::future::poll_fn(|context| {
            use std::task::Poll;
            if let Ok(frame) = self.ring.pop() {
                return Poll::Ready(Some(frame));
            }
            self.bell.waker.register(context.waker());
            match self.ring.pop() {
                Ok(frame) => Poll::Ready(Some(frame)),
                Err(_) if self.ring.is_abandoned() => Poll::Ready(None),
                Err(_) => Poll::Pending,
            }
        })
        .await
    }

    /// Frames lost because they were not read in time.
    pub fn dropped(&self) -> u64 {
        self.bell.dropped.load(Ordering::Relaxed)
    }
}

impl EarsWriter {
    /// Whether a frame would find room.
    pub fn has_room(&self) -> bool {
        self.ring.as_ref().is_some_and(|ring| !ring.is_full())
    }

    /// Counts a frame for which there was no room, and wakes the reader all the same.
    pub fn missed(&mut self) {
        self.bell.dropped.fetch_add(1, Ordering::Relaxed);
        self.bell.waker.wake();
    }

    /// Hands a frame over and wakes its reader; never waits.
    pub fn push(&mut self, frame: HeardFrame) {
        let Some(ring) = &mut self.ring else { return };
        // Asked first: a full ring would give the whole frame back.
        if ring.is_full() || ring.push(frame).is_err() {
            self.bell.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.bell.waker.wake();
    }
}

impl Drop for EarsWriter {
    fn drop(&mut self) {
        // The ring counts as abandoned once its producer is gone; only then is the reader woken to see it.
        self.ring = None;
        self.bell.waker.wake();
    }
}

/// An order to a leg.
pub enum LegCommand {
    /// Applies an offer and answer.
    Configure(Box<StreamParams>),
    /// Says something.
    Play(PlayItem),
    /// Sends a key to the far end for this many milliseconds.
    SendKey(Key, u32),
    /// A key that signalling brought (SIP INFO).
    KeyByInfo(Key),
    /// Records both sides to this WAV file, from now on.
    Record(PathBuf),
    /// Writes silence instead of both sides until `false` (card numbers, "one moment").
    MuteRecording(bool),
    /// Writes silence over both sides of what was recorded in so many last milliseconds.
    EraseRecorded(u32),
    /// Ends the recording and completes the file.
    StopRecording,
    /// Joins the audio of two legs of the same thread, both ways, until [`LegCommand::Unbridge`] or one closes.
    Bridge(LegId),
    /// Parts them again.
    Unbridge,
    /// Lets a leg of the same thread hear this one, what is played to it, and whoever it is joined with; and be heard as
    /// far as this says. Told again it changes how far. It lasts until [`LegCommand::Unsupervise`], until the two are
    /// joined, or until one closes.
    Supervise(LegId, Supervision),
    /// The supervisor hears nothing any more, and is not heard.
    Unsupervise,
    /// Plays back what is heard; for tests and the echo service.
    Echo(bool),
    /// Protects everything from now on; what comes in the clear or with wrong tags is dropped. Other keys replace
    /// these. Given back where the keys do not fit the suite.
    Secure(Box<SrtpKeys>),
    /// Where a leg of [`MediaNode::open_wired`] sends from now on.
    Route(SocketAddr),
}

/// Carries orders to a real-time thread; a node's own type stands behind it.
pub trait LegPort: Send + Sync {
    /// Queues an order and wakes the thread. Gives it back when the bounded queue is full or the leg is closed.
    fn send(&self, command: LegCommand) -> Result<(), LegCommand>;
    /// Silences this utterance and all before it. Never fails and never waits: no sample of them leaves
    /// after the thread's next packet, which is at most one packet time away.
    fn flush(&self, up_to: UtteranceId);
    /// Samples (16 kHz) of this utterance that have left, for as long as it is the newest one.
    fn samples_sent(&self, utterance: UtteranceId) -> u64;
    /// Datagrams wait in the ring of the leg's [`Wire`].
    fn arrived(&self) {}
    /// How long the jitter buffer holds what the far end says at present, in milliseconds.
    fn wait_ms(&self) -> u32;
}

/// Orders to one leg. The leg closes when the last clone is dropped.
#[derive(Clone)]
pub struct LegControl(pub Arc<dyn LegPort>);

impl std::ops::Deref for LegControl {
    type Target = dyn LegPort;
    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

/// What happens on a leg.
#[derive(Clone, Debug, PartialEq)]
pub enum LegEvent {
    /// The far end pressed a key; told once.
    Key(Key),
    /// The first sample of an utterance left.
    PlayStarted(UtteranceId),
    /// An utterance ended or was flushed.
    PlayEnded {
        /// Which one.
        utterance: UtteranceId,
        /// 16 kHz samples of it that left.
        samples_sent: u64,
        /// False when it was flushed.
        complete: bool,
    },
    /// Audio arrives, for the first time or again.
    RtpStarted,
    /// No audio arrived for the configured time.
    RtpTimedOut,
    /// A recording was completed, this many milliseconds long.
    Recorded {
        /// The file.
        file: PathBuf,
        /// Its length in milliseconds.
        duration_ms: u64,
    },
    /// A recording cannot go on (the disk is full, say); the call does.
    RecordingFailed(String),
}
