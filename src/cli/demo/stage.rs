//! The whole house in one process on loopback, with a caller who reaches it by real SIP and RTP: what the
//! demonstration and the measurements of conversations stand on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use media::Clip;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::adapters::knowledge_folder::{SAMPLE_FILES, sample_business};
use crate::adapters::media_node::Node;
use crate::adapters::models::Models;
use crate::app::{House, serve};
use crate::config::Config;
use crate::config::sip::CodecName;
use crate::domain::ids::ConversationId;
use crate::seams::bus::LiveKind;
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, OutgoingCall, Signaling};
use crate::seams::tts::{Tts, TtsRequest};
use crate::sip::{SipParts, SipServer, SipTimes};
use crate::support::sensitivity::default_sensitivity;

use super::phone::{Phone, Phones};

/// The house and its caller.
pub struct Stage {
    /// The house that is called.
    pub house: House,
    /// Its media engine.
    pub node: Arc<Node>,
    sip: Arc<SipServer>,
    caller_sip: SipServer,
    phones: Arc<Phones>,
    drain: watch::Sender<bool>,
    front_desk: JoinHandle<()>,
    folder: PathBuf,
    /// Calls are placed one after the other, so that each knows its telephone and its conversation.
    dialling: tokio::sync::Mutex<()>,
}

/// One call to the house.
pub struct StageCall {
    call: OutgoingCall,
    /// The caller's telephone.
    pub phone: Phone,
    /// Its conversation in the house.
    pub conversation: ConversationId,
    /// When the 200 came.
    pub answered_at: Instant,
}

/// What a caller's words brought.
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// From the caller's last voiced packet to the first voiced packet of the answer, on the wire.
    pub gap: Duration,
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
        let phones = Arc::new(Phones::default());
        let mut caller_config = house.config.sip.clone();
        caller_config.trunks.clear();
        caller_config.phones.clear();
        // The caller's telephone speaks G.711 alone.
        caller_config.codecs = vec![CodecName::Pcmu];
        let (caller_sip, _) = SipServer::start(SipParts {
            config: caller_config,
            media: phones.clone(),
            clock: house.clock.clone(),
            ids: house.ids.clone(),
            rtp_ports: house.config.media.rtp_ports.into(),
            browsers: None,
            times: SipTimes::default(),
            takes_own_calls: false,
        })
        .await?;
        Ok(Stage { house, node, sip, caller_sip, phones, drain, front_desk, folder, dialling: Default::default() })
    }

    /// Where the house is called.
    pub fn address(&self) -> SocketAddr {
        self.sip.local_addr()
    }

    /// Places a call and waits until it is answered.
    pub async fn call(&self) -> anyhow::Result<StageCall> {
        let order = DialOrder {
            to: Destination::Uri(format!("sip:support@{}", self.sip.local_addr())),
            ring_timeout: Duration::from_secs(20),
            beside: None,
            on_behalf_of: None,
        };
        let _one_at_a_time = self.dialling.lock().await;
        let (_, mut live) = self.house.bus.subscribe(None);
        let mut call = self.caller_sip.dial(order).await?;
        let phone = self.phones.newest().context("a phone")?;
        loop {
            match call.events.recv().await {
                Some(DialogEvent::Confirmed) => break,
                Some(DialogEvent::Ringing) => {}
                other => bail!("the call was not answered: {other:?}"),
            }
        }
        let answered_at = Instant::now();
        let conversation = loop {
            let event = live.recv().await.context("the house told of no call")?;
            if event.kind == LiveKind::CallRinging {
                break event.conversation;
            }
        };
        Ok(StageCall { call, phone, conversation, answered_at })
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
    /// Says something and measures the reply; `None` when nothing was answered within `patience`.
    pub async fn ask(&mut self, clip: &[i16], patience: Duration) -> Option<Reply> {
        self.phone.say(clip);
        while self.phone.is_speaking() {
            tokio::time::sleep(LOOK).await;
        }
        // The last packet is on its way.
        tokio::time::sleep(LOOK * 5).await;
        let spoke = self.phone.look(|wire| wire.last_voice_sent_at)?;
        loop {
            if let Some(at) = self.phone.look(|wire| wire.voice_after(spoke)) {
                return Some(Reply { gap: at - spoke });
            }
            if spoke.elapsed() > patience || self.is_over() {
                return None;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the agent has been quiet for `pause`, at most `patience`.
    pub async fn wait_for_quiet(&mut self, pause: Duration, patience: Duration) {
        let began = Instant::now();
        while began.elapsed() < patience && !self.is_over() {
            let quiet = self.phone.look(|wire| wire.last_voice().is_some_and(|at| at.elapsed() > pause));
            if quiet {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether the house has ended the call.
    pub fn is_over(&mut self) -> bool {
        loop {
            match self.call.events.try_recv() {
                Ok(DialogEvent::Ended(_)) | Err(tokio::sync::mpsc::error::TryRecvError::Disconnected) => return true,
                Ok(_) => {}
                Err(tokio::sync::mpsc::error::TryRecvError::Empty) => return false,
            }
        }
    }

    /// The caller hangs up.
    pub async fn hang_up(self) {
        // A call that the house has ended needs nothing more.
        let _ = self.call.dialog.hang_up().await;
    }
}

/// The voice of callers, which is not the agent's.
const CALLER_VOICE: &str = "caller";
/// How often the wire is looked at; what happened on it was timed when it happened.
const LOOK: Duration = Duration::from_millis(4);
