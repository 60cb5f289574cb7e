//! The whole house in one process on loopback, with a caller who reaches it by real SIP and RTP: what the
//! demonstration and the measurements of conversations stand on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use media::Clip;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::adapters::knowledge_folder::{SAMPLE_FILES, sample_business};
use crate::adapters::media_node::Node;
use crate::adapters::models::Models;
use crate::app::{House, serve};
use crate::config::Config;
use crate::domain::ids::ConversationId;
use crate::seams::bus::LiveKind;
use crate::seams::tts::{Tts, TtsRequest};
use crate::sip::SipServer;
use crate::support::sensitivity::default_sensitivity;

use super::caller::{Caller, CallerCall, Reply};
use super::phone::Phone;

/// The house and its caller.
pub struct Stage {
    /// The house that is called.
    pub house: House,
    /// Its media engine.
    pub node: Arc<Node>,
    sip: Arc<SipServer>,
    caller: Caller,
    drain: watch::Sender<bool>,
    front_desk: JoinHandle<()>,
    folder: PathBuf,
    /// Calls are placed one after the other, so that each knows its telephone and its conversation.
    dialling: tokio::sync::Mutex<()>,
}

/// One call to the house.
pub struct StageCall {
    caller: CallerCall,
    /// The caller's telephone.
    pub phone: Phone,
    /// Its conversation in the house.
    pub conversation: ConversationId,
    /// When the 200 came.
    pub answered_at: Instant,
}

/// A published sample business in this folder, on free loopback ports.
pub fn sample_config(folder: &std::path::Path) -> anyhow::Result<Config> {
    let knowledge = folder.join("knowledge");
    std::fs::create_dir_all(&knowledge)?;
    for (name, text) in SAMPLE_FILES {
        std::fs::write(knowledge.join(name), text)?;
    }
    let sample = sample_business(default_sensitivity);
    let mut config = Config { data_dir: folder.to_owned(), ..Config::default() };
    config.agent.publish = true;
    config.agent.business = sample.business.to_owned();
    config.agent.greeting = sample.greeting.to_owned();
    config.agent.knowledge = Some(knowledge);
    config.sip.listen = "127.0.0.1:0".parse().context("a loopback address")?;
    Ok(config)
}

impl Stage {
    /// Opens the house with this configuration and a caller beside it.
    pub async fn open(config: Config, models: Models) -> anyhow::Result<Stage> {
        Stage::around(House::open(config, models).await?).await
    }

    /// Puts a caller beside a house, whose parts may have been replaced.
    pub async fn around(house: House) -> anyhow::Result<Stage> {
        let folder = house.config.data_dir.clone();
        house.speak_ready().await;
        let node = Arc::new(Node::start(&house.config.media)?);
        let (sip, incoming) = SipServer::start(serve::sip_parts(&house, node.clone())).await?;
        let sip = Arc::new(sip);
        let (drain, draining) = watch::channel(false);
        let front_desk = house.front_desk(sip.clone())?;
        let front_desk = tokio::spawn(front_desk.run(incoming, draining, Duration::from_secs(5)));
        let caller = Caller::start(&house.config.sip).await?;
        Ok(Stage { house, node, sip, caller, drain, front_desk, folder, dialling: Default::default() })
    }

    /// Where the house is called.
    pub fn address(&self) -> SocketAddr {
        self.sip.local_addr()
    }

    /// Places a call and waits until it is answered.
    pub async fn call(&self) -> anyhow::Result<StageCall> {
        let _one_at_a_time = self.dialling.lock().await;
        let (_, mut live) = self.house.bus.subscribe(None);
        let caller = self.caller.call(format!("sip:support@{}", self.sip.local_addr())).await?;
        let conversation = loop {
            let event = live.recv().await.context("the house told of no call")?;
            if event.kind == LiveKind::CallRinging {
                break event.conversation;
            }
        };
        let (phone, answered_at) = (caller.phone.clone(), caller.answered_at);
        Ok(StageCall { caller, phone, conversation, answered_at })
    }

    /// A sentence in the caller's voice.
    pub async fn caller_says(&self, text: &str) -> anyhow::Result<Clip> {
        let request = TtsRequest { text: text.to_owned(), speed: 1.0, voice: Some(CALLER_VOICE.to_owned()) };
        let mut stream = self.house.speech.phrases.speak(request);
        let mut samples = Vec::new();
        while let Some(chunk) = stream.recv().await {
            samples.extend_from_slice(&chunk?.clip);
        }
        Ok(Arc::from(samples))
    }

    /// Ends everything; the recordings stay in the data folder.
    pub async fn close(self) -> PathBuf {
        self.drain.send_replace(true);
        let _ = self.front_desk.await;
        let node = self.node;
        let _ = tokio::task::spawn_blocking(move || node.shutdown()).await;
        self.folder
    }
}

impl StageCall {
    /// As [`CallerCall::ask`].
    pub async fn ask(&mut self, clip: &[i16], patience: Duration) -> Option<Reply> {
        self.caller.ask(clip, patience).await
    }

    /// As [`CallerCall::wait_for_quiet`].
    pub async fn wait_for_quiet(&mut self, pause: Duration, patience: Duration) {
        self.caller.wait_for_quiet(pause, patience).await;
    }

    /// Whether the house has ended the call.
    pub fn is_over(&mut self) -> bool {
        self.caller.is_over()
    }

    /// The caller hangs up.
    pub async fn hang_up(self) {
        self.caller.hang_up().await;
    }
}

/// The voice of callers, which is not the agent's.
const CALLER_VOICE: &str = "caller";
