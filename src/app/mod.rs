//! The composition root: the only place that names concrete adapters and puts the house together.

pub mod business;
pub mod channels;
pub mod data_folder;
pub mod dialplans;
pub mod serve;
pub mod speech;
mod trunk_minutes;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::adapters::blobs::ObjectBlobs;
use crate::adapters::bus::LocalBus;
use crate::adapters::channels::email::notices::EmailNotices;
use crate::adapters::documents::ChildReader;
use crate::adapters::models::Models;
use crate::adapters::pages::WebPages;
use crate::adapters::secret_box::SecretBox;
use crate::adapters::store::{SqliteOptions, SqliteStore};
use crate::adapters::system::{SystemClock, SystemIds};
use crate::adapters::webhook_post::HttpPoster;
use crate::channels::Channels;
use crate::channels::notices::Notices;
use crate::channels::webhooks::{WebhookParts, Webhooks};
use crate::channels::widget::{self, Widgets};
use crate::config::Config;
use crate::domain::agent::Agent;
use crate::domain::phone_number::PhoneNumber;
use crate::http::Answering;
use crate::knowledge::{self, Library};
use crate::messages::{self, MessageDesk};
use crate::seams::blobs::Blobs;
use crate::seams::bus::Bus;
use crate::seams::clock::{Clock, Ids};
use crate::seams::signaling::{Destination, Signaling};
use crate::seams::store::Store;
use crate::seams::tts::TtsRequest;
use crate::support::Desk;
use crate::team::{self, Team};
use crate::voice::front_desk::{CallSettings, FrontDesk};
use crate::voice::journal::recover_cut_calls;
use crate::voice::turn_taking::EndOfTurnSettings;
use crate::voice::{phrases, tones};

use data_folder::{DataFolder, private_folder};

/// The parts that every way of running shares: store, clock, models, desk and speech.
pub struct House {
    /// The configuration it was made from.
    pub config: Config,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// What happens now.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// The bytes of files.
    pub blobs: Arc<dyn Blobs>,
    /// The support core.
    pub desk: Arc<Desk>,
    /// What the company knows.
    pub library: Arc<Library>,
    /// Recognition and synthesis.
    pub speech: speech::Speech,
    /// Knowledge entries that the agent has.
    pub knowledge_entries: usize,
    agent: Arc<ArcSwap<Agent>>,
    inbox: crate::domain::ids::InboxId,
    _data_folder: DataFolder,
}

impl House {
    /// Opens the store, recovers what a crash left behind, loads the models and the knowledge.
    pub async fn open(config: Config, models: Models) -> anyhow::Result<House> {
        let data_folder = DataFolder::take(&config.data_dir)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let ids: Arc<dyn Ids> = Arc::new(SystemIds);
        let options = SqliteOptions {
            file: config.database_file(),
            readers: config.store.readers,
            busy_timeout: Duration::from_millis(config.store.busy_timeout_ms),
        };
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&options).await?);
        private_folder(&config.recordings_dir())?;
        private_folder(&config.files_dir())?;
        let blobs: Arc<dyn Blobs> = Arc::new(ObjectBlobs::in_folder(&config.files_dir())?);
        let repaired = crate::adapters::media_node::repair_recordings(&config.recordings_dir());
        let recovered = recover_cut_calls(&*store, &*clock, &*ids).await?;
        if !repaired.is_empty() || !recovered.is_empty() {
            info!(
                recordings.repaired = repaired.len(),
                calls.recovered = recovered.len(),
                "Calls were cut when Switchboard last stopped; each is a ticket now"
            );
        }
        let (agent, inbox) = business::agent(&config, &*store, &*ids).await?;
        business::api_inbox(agent.id, &*store, &*ids).await?;
        let speech_config = config.speech.clone();
        let loading = tokio::task::spawn_blocking(move || {
            anyhow::Ok((speech::local(&speech_config, &models)?, speech::embedder(&models)))
        });
        let (local, embedder) = loading.await??;
        let speech = local.configured(&config.providers, tokio::runtime::Handle::current())?;
        let writer = speech::writer(&config.providers, tokio::runtime::Handle::current())?;
        let desk = Arc::new(Desk::new(embedder).with_writer(writer));
        let library = Library::new(knowledge::Parts {
            store: store.clone(),
            desk: desk.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            agent: agent.id,
            documents: Arc::new(ChildReader::new(std::env::current_exe()?)),
            pages: Arc::new(WebPages::new(&config.knowledge)),
        });
        let knowledge_entries = business::knowledge(config.agent.knowledge.as_deref(), &library).await?;
        let bus: Arc<dyn Bus> = Arc::new(LocalBus::new(clock.epoch()));
        let agent = Arc::new(ArcSwap::from_pointee(agent));
        Ok(House {
            config,
            store,
            bus,
            clock,
            ids,
            blobs,
            desk,
            library,
            speech,
            knowledge_entries,
            agent,
            inbox,
            _data_folder: data_folder,
        })
    }

    /// The front desk behind this signalling.
    pub fn front_desk(&self, signaling: Arc<dyn Signaling>) -> anyhow::Result<Arc<FrontDesk>> {
        let agent = &self.config.agent;
        let home_country = self.config.sip.home_country.clone();
        let settings = CallSettings {
            recordings_dir: self.config.recordings_dir(),
            own_numbers: self.config.facts().own_numbers,
            own_phones: dialplans::own_phones(&self.config),
            phone_realm: self.config.sip.realm.clone(),
            home_country,
            end_of_turn: EndOfTurnSettings { patience: self.config.speech.patience },
            waiting: tones::Waiting::new(),
            longest_call: Duration::from_secs(u64::from(agent.longest_call_minutes) * 60),
        };
        Ok(Arc::new(FrontDesk {
            stt: self.speech.stt.clone(),
            turn_end: self.speech.turn_end.clone(),
            tts: self.speech.phrases.clone(),
            desk: self.desk.clone(),
            store: self.store.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            signaling,
            dialplan: ArcSwap::from_pointee(dialplans::of_house(&self.config, &self.agent.load())?),
            agent: self.agent.clone(),
            inbox: self.inbox,
            offers: Default::default(),
            queues: Default::default(),
            live_cases: Default::default(),
            live: Default::default(),
            callbacks: Default::default(),
            settings,
        }))
    }

    /// The agent that answers.
    pub fn agent_id(&self) -> crate::domain::ids::AgentId {
        self.agent.load().id
    }

    /// The same agent for the API, which may save what happens to unresolved cases.
    pub fn answering(&self) -> Answering {
        Answering { agent: self.agent.clone(), facts: Arc::new(self.config.facts()) }
    }

    /// Who may come in.
    pub fn team(&self) -> anyhow::Result<Arc<Team>> {
        Ok(Team::new(team::Parts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            sealer: Arc::new(SecretBox::open(&self.config.secret_key_file())?),
        }))
    }

    /// The desk for messages, of the same agent.
    pub fn message_desk(&self) -> Arc<MessageDesk> {
        MessageDesk::open(messages::Parts {
            store: self.store.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            blobs: self.blobs.clone(),
            desk: self.desk.clone(),
            agent: self.agent.clone(),
            config: self.config.messages.clone(),
        })
    }

    /// Channels beside the phone, around this desk.
    pub fn channels(&self, messages: Arc<MessageDesk>) -> anyhow::Result<Arc<Channels>> {
        Ok(Channels::open(crate::channels::Parts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            sealer: Arc::new(SecretBox::open(&self.config.secret_key_file())?),
            messages,
            maker: Arc::new(channels::Makers::new(self.clock.clone(), self.blobs.clone())),
            agent: self.agent.clone(),
            public_url: self.config.http.public_url.clone(),
        }))
    }

    /// Programs that are told what happens.
    pub fn webhooks(&self) -> anyhow::Result<Arc<Webhooks>> {
        Ok(Webhooks::open(WebhookParts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            sealer: Arc::new(SecretBox::open(&self.config.secret_key_file())?),
            poster: Arc::new(HttpPoster::new(&self.config.webhooks)),
        }))
    }

    /// Chats on the business's own pages, around this desk.
    pub fn widgets(&self, messages: Arc<MessageDesk>, shutdown: CancellationToken) -> anyhow::Result<Arc<Widgets>> {
        let parts = widget::Parts {
            store: self.store.clone(),
            bus: self.bus.clone(),
            clock: self.clock.clone(),
            ids: self.ids.clone(),
            sealer: Arc::new(SecretBox::open(&self.config.secret_key_file())?),
            messages,
        };
        Ok(Widgets::open(parts, shutdown))
    }

    /// Mail to the team, where somebody is to be told.
    pub fn notices(&self) -> anyhow::Result<Option<Notices>> {
        let config = &self.config.notices;
        if !config.is_on() {
            return Ok(None);
        }
        let notifier = EmailNotices::new(config).map_err(anyhow::Error::msg)?;
        let listens = format!("http://{}", self.config.http.listen);
        Ok(Some(Notices {
            store: self.store.clone(),
            notifier: Arc::new(notifier),
            clock: self.clock.clone(),
            house: self.config.http.public_url.clone().unwrap_or(listens),
        }))
    }

    /// Synthesises what is said on nearly every call, so that it starts at once. A phrase that fails is spoken
    /// when it is needed.
    pub async fn speak_ready(&self) {
        let phrases = phrases::kept_ready(&self.agent.load());
        let requests = phrases.into_iter().map(|text| TtsRequest { text, speed: 1.0, voice: None });
        if let Err(error) = self.speech.phrases.prepare(requests).await {
            tracing::warn!(%error, "Frequent phrases could not be prepared");
        }
    }
}

/// A destination as configured: a SIP address, or a number in any form its country writes.
pub fn destination(text: &str, home_country: Option<&str>) -> anyhow::Result<Destination> {
    let text = text.trim();
    anyhow::ensure!(!text.starts_with("sips:"), "agent.escalate_to: TLS is not there yet; write sip: instead of sips:");
    if text.starts_with("sip:") {
        return Ok(Destination::Uri(text.to_owned()));
    }
    PhoneNumber::parse(text, home_country).map(Destination::Number).map_err(|error| {
        anyhow::anyhow!("agent.escalate_to is neither a SIP address (sip:…) nor a telephone number: {error}")
    })
}
