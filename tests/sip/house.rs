//! A house around the SIP server: legs without audio, a clock, and short protocol times.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use media::{Key, StreamParams, UtteranceId};
use switchboard::config::sip::SipConfig;
use switchboard::domain::time::EpochMs;
use switchboard::seams::browser::BrowserMedia;
use switchboard::seams::clock::{Clock, Ids};
use switchboard::seams::media::{
    Ears, LegCommand, LegControl, LegPort, LegSpec, MediaError, MediaLeg, MediaNode, SrtpKeys,
};
use switchboard::seams::signaling::{DialogEvent, IncomingCall};
use switchboard::sip::{LookupSource, SipError, SipParts, SipServer, SipTimes};
use tokio::sync::mpsc;
use uuid::Uuid;

/// The longest any wait of a test may take; a test that passes never comes near.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What legs were told.
#[derive(Default)]
pub struct Legs {
    pub configured: Mutex<Vec<StreamParams>>,
    pub keys: Mutex<Vec<Key>>,
    pub secured: Mutex<Vec<SrtpKeys>>,
    pub open: Mutex<usize>,
    pub specs: Mutex<Vec<LegSpec>>,
    next_port: AtomicU16,
}

struct Leg(Arc<Legs>);

impl LegPort for Leg {
    fn send(&self, command: LegCommand) -> Result<(), LegCommand> {
        match command {
            LegCommand::Configure(params) => self.0.configured.lock().unwrap().push(*params),
            LegCommand::Secure(keys) => self.0.secured.lock().unwrap().push(*keys),
            LegCommand::KeyByInfo(key) => self.0.keys.lock().unwrap().push(key),
            _ => {}
        }
        Ok(())
    }

    fn flush(&self, _up_to: UtteranceId) {}

    fn samples_sent(&self, _utterance: UtteranceId) -> u64 {
        0
    }

    fn wait_ms(&self) -> u32 {
        0
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        *self.0.open.lock().unwrap() -= 1;
    }
}

pub struct Node(pub Arc<Legs>);

#[async_trait]
impl MediaNode for Node {
    async fn open(&self, spec: LegSpec) -> Result<MediaLeg, MediaError> {
        *self.0.open.lock().unwrap() += 1;
        let port = 20_000 + 2 * (self.0.next_port.fetch_add(1, Ordering::Relaxed) % 10_000);
        let address = spec.advertised.unwrap_or(spec.bind);
        let leg = MediaLeg {
            id: spec.leg,
            advertised: SocketAddr::new(address, port),
            advertised_rtcp: SocketAddr::new(address, port + 1),
            ears: Ears::ring(1).1,
            events: mpsc::channel(1).1,
            control: LegControl(Arc::new(Leg(self.0.clone()))),
        };
        self.0.specs.lock().unwrap().push(spec);
        Ok(leg)
    }
}

struct RealClock;

impl Clock for RealClock {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn epoch(&self) -> EpochMs {
        EpochMs(0)
    }
}

struct RandomIds;

impl Ids for RandomIds {
    fn next(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A running server with what it needs.
pub struct House {
    pub server: Arc<SipServer>,
    pub calls: mpsc::Receiver<IncomingCall>,
    pub legs: Arc<Legs>,
}

/// Protocol times a tenth of the real ones (T1 50 ms, time-outs 3.2 s), session timers a hundredth.
pub fn quick() -> SipTimes {
    SipTimes {
        t1: Duration::from_millis(50),
        t2: Duration::from_millis(400),
        t4: Duration::from_millis(500),
        second: Duration::from_millis(10),
    }
}

/// A configuration on a free port of 127.0.0.1.
pub fn config() -> SipConfig {
    SipConfig { listen: "127.0.0.1:0".parse().unwrap(), ..SipConfig::default() }
}

impl House {
    pub async fn start() -> House {
        House::with(config()).await
    }

    pub async fn with(config: SipConfig) -> House {
        House::timed(config, quick()).await
    }

    /// With the protocol's real times.
    pub async fn real_time(config: SipConfig) -> House {
        House::timed(config, SipTimes::default()).await
    }

    /// With names of its own.
    pub async fn with_names(config: SipConfig, names: Arc<dyn LookupSource>) -> House {
        House::named(config, quick(), Some(names)).await
    }

    async fn timed(config: SipConfig, times: SipTimes) -> House {
        House::named(config, times, None).await
    }

    /// The same, where it may not start.
    pub async fn try_with(config: SipConfig) -> Result<House, SipError> {
        House::try_named(config, quick(), None).await
    }

    /// With audio whose keys are exchanged on its own way, made for these legs.
    pub async fn with_browsers(config: SipConfig, make: impl FnOnce(Arc<Legs>) -> Arc<dyn BrowserMedia>) -> House {
        let legs = Arc::new(Legs::default());
        let browsers = Some(make(legs.clone()));
        House::made_of(config, quick(), None, legs, browsers).await.unwrap()
    }

    async fn named(config: SipConfig, times: SipTimes, names: Option<Arc<dyn LookupSource>>) -> House {
        House::try_named(config, times, names).await.unwrap()
    }

    async fn try_named(
        config: SipConfig,
        times: SipTimes,
        names: Option<Arc<dyn LookupSource>>,
    ) -> Result<House, SipError> {
        House::made_of(config, times, names, Arc::default(), None).await
    }

    async fn made_of(
        config: SipConfig,
        times: SipTimes,
        names: Option<Arc<dyn LookupSource>>,
        legs: Arc<Legs>,
        browsers: Option<Arc<dyn BrowserMedia>>,
    ) -> Result<House, SipError> {
        config.validate().unwrap();
        let parts = SipParts {
            config,
            media: Arc::new(Node(legs.clone())),
            clock: Arc::new(RealClock),
            ids: Arc::new(RandomIds),
            rtp_ports: 20_000..=40_000,
            browsers,
            times,
            takes_own_calls: false,
        };
        let (server, calls) = SipServer::start_with_names(parts, names).await?;
        Ok(House { server: Arc::new(server), calls, legs })
    }

    pub fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub async fn next_call(&mut self) -> IncomingCall {
        tokio::time::timeout(PATIENCE, self.calls.recv()).await.expect("a call comes in").unwrap()
    }

    /// Answers every call and forgets it when the far end hangs up.
    pub fn answer_everything(mut self) -> (Arc<SipServer>, Arc<Legs>) {
        let kept = (self.server.clone(), self.legs.clone());
        tokio::spawn(async move {
            while let Some(mut call) = self.calls.recv().await {
                tokio::spawn(async move {
                    let _ = call.dialog.answer().await;
                    while call.events.recv().await.is_some() {}
                });
            }
        });
        kept
    }
}

/// Waits until it holds.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    eventually(what, async || holds().then_some(())).await;
}

/// Tries until something comes of it.
pub async fn eventually<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let poll = async {
        loop {
            if let Some(made) = attempt().await {
                return made;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, poll).await.unwrap_or_else(|_| panic!("never came true: {what}"))
}

/// The next event of a call.
pub async fn event(events: &mut mpsc::Receiver<DialogEvent>) -> DialogEvent {
    tokio::time::timeout(PATIENCE, events.recv()).await.expect("an event comes").expect("the call goes on")
}
