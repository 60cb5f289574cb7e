//! The desk for messages and the API over any store, without models: small talk is answered, risky words are held.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use switchboard::adapters::documents::ChildReader;
use switchboard::adapters::pages::WebPages;
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::channels::Channels;
use switchboard::config::http::HttpConfig;
use switchboard::config::knowledge::KnowledgeConfig;
use switchboard::domain::agent::Agent;
use switchboard::domain::conversation::Channel;
use switchboard::domain::ids::AgentId;
use switchboard::http::{Answering, Parts, Readiness};
use switchboard::knowledge::Library;
use switchboard::messages::MessageDesk;
use switchboard::seams::bus::Bus;
use switchboard::seams::channel::{self, Maker, Setup};
use switchboard::seams::secrets::Sealer;
use switchboard::seams::store::Store;
use switchboard::support::Desk;
use switchboard::team::Team;

pub fn message_desk(store: Arc<dyn Store>, bus: Arc<dyn Bus>, agent: Arc<ArcSwap<Agent>>) -> Arc<MessageDesk> {
    MessageDesk::open(switchboard::messages::Parts {
        store,
        bus,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        blobs: Arc::new(switchboard::seams::fakes::MemoryBlobs::default()),
        desk: Arc::new(Desk::new(None)),
        agent,
        config: Default::default(),
    })
}

/// The knowledge of an agent, found by words alone.
pub fn library(store: Arc<dyn Store>, desk: Arc<Desk>, agent: AgentId) -> Arc<Library> {
    library_with(store, desk, agent, &KnowledgeConfig::default())
}

/// The same, with pages fetched as configured.
pub fn library_with(store: Arc<dyn Store>, desk: Arc<Desk>, agent: AgentId, config: &KnowledgeConfig) -> Arc<Library> {
    Library::new(switchboard::knowledge::Parts {
        store,
        desk,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        agent,
        documents: Arc::new(ChildReader::new(option_env!("CARGO_BIN_EXE_switchboard").unwrap_or("switchboard").into())),
        pages: Arc::new(WebPages::new(config)),
    })
}

pub const TOKEN: &str = "a-token-for-the-tests-of-the-server";

/// Seals with a word in front, so that a test can tell sealed from not.
struct Plain;

impl Sealer for Plain {
    fn seal(&self, secret: &str, about: &str) -> String {
        format!("sealed {about}: {secret}")
    }

    fn open(&self, sealed: &str, about: &str) -> Option<String> {
        sealed.strip_prefix(&format!("sealed {about}: ")).map(str::to_owned)
    }
}

/// An installation without any kind of channel.
struct NoChannels;

impl Maker for NoChannels {
    fn make(&self, _: Channel, _: Setup) -> Result<Arc<dyn channel::Channel>, String> {
        Err("there are no channels here".into())
    }
}

/// Channels around a desk for messages.
pub fn channels(
    store: Arc<dyn Store>,
    messages: Arc<MessageDesk>,
    agent: Arc<ArcSwap<Agent>>,
    maker: Arc<dyn Maker>,
) -> Arc<Channels> {
    Channels::open(switchboard::channels::Parts {
        store,
        clock: Arc::new(SystemClock),
        ids: Arc::new(SystemIds),
        sealer: Arc::new(Plain),
        messages,
        maker,
        agent,
        public_url: Some("https://desk.example.com".into()),
    })
}

/// What the API works on. It can be used, and what a test does not replace is empty.
pub fn api(store: Arc<dyn Store>, bus: Arc<dyn Bus>, agent: Arc<ArcSwap<Agent>>, config: HttpConfig) -> Parts {
    let agent_id = agent.load().id;
    let messages = message_desk(store.clone(), bus.clone(), agent.clone());
    Parts {
        channels: channels(store.clone(), messages.clone(), agent.clone(), Arc::new(NoChannels)),
        library: library(store.clone(), Arc::new(Desk::new(None)), agent_id),
        team: Team::new(switchboard::team::Parts {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            sealer: Arc::new(Plain),
        }),
        messages,
        store,
        bus,
        answering: Answering { agent, facts: Arc::default() },
        calls: Arc::new(OnceLock::new()),
        calls_back: Arc::new(OnceLock::new()),
        clock: Arc::new(SystemClock),
        browsers: Default::default(),
        readiness: Readiness::default(),
        metrics: Arc::new(String::new),
        recordings_dir: std::env::temp_dir(),
        token: TOKEN.into(),
        config,
        shutdown: Default::default(),
    }
}
