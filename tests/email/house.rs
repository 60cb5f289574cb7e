//! Conversations around the mail servers: the store, the desk with one answer, and channels at work.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use serde_json::{Value, json};
use switchboard::adapters::bus::LocalBus;
use switchboard::adapters::channels::email::EmailChannel;
use switchboard::adapters::secret_box::SecretBox;
use switchboard::adapters::store::{SqliteOptions, SqliteStore};
use switchboard::adapters::system::{SystemClock, SystemIds};
use switchboard::channels::{Channels, NewAccount};
use switchboard::domain::agent::Agent;
use switchboard::domain::channel_account::{ChannelAccount, Fares};
use switchboard::domain::conversation::Channel as Kind;
use switchboard::domain::email::{Mail, read};
use switchboard::domain::ids::AgentId;
use switchboard::domain::time::EpochMs;
use switchboard::messages::MessageDesk;
use switchboard::seams::blobs::Blobs;
use switchboard::seams::channel::{Channel, Maker, Setup};
use switchboard::seams::channel_store::ChannelReads;
use switchboard::seams::fakes::MemoryBlobs;
use switchboard::seams::inbox_store::{Filter, InboxReads};
use switchboard::seams::store::{ConversationView, Store};
use switchboard::support::Desk;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::servers::MailServers;
use crate::words::{Words, shipping};

struct Mailboxes(Arc<dyn Blobs>);

impl Maker for Mailboxes {
    fn make(&self, _: Kind, setup: Setup) -> Result<Arc<dyn Channel>, String> {
        Ok(Arc::new(EmailChannel::new(setup, Arc::new(SystemClock), self.0.clone())?))
    }
}

pub struct House {
    pub servers: MailServers,
    pub store: Arc<SqliteStore>,
    pub messages: Arc<MessageDesk>,
    pub channels: Arc<Channels>,
    _folder: tempfile::TempDir,
    _ends: DropGuard,
}

impl House {
    /// Everything at work, without an account; `None` where the servers cannot be run.
    pub async fn open() -> Option<House> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let servers = MailServers::start().await?;
        let folder = tempfile::tempdir().unwrap();
        let store = open_store(&folder.path().join("test.db")).await;
        let agent = Agent::automatic(AgentId(Uuid::now_v7()), "Harbour Bikes");
        let mut work = store.begin().await.unwrap();
        work.save_agent(&agent).await.unwrap();
        work.commit().await.unwrap();
        let blobs: Arc<dyn Blobs> = Arc::new(MemoryBlobs::default());
        let desk = Desk::new(Some(Arc::new(Words)));
        desk.set_knowledge(agent.id, vec![shipping()]).unwrap();
        let agent = Arc::new(ArcSwap::from_pointee(agent));
        let messages = MessageDesk::open(switchboard::messages::Parts {
            store: store.clone(),
            bus: Arc::new(LocalBus::new(EpochMs(1_000))),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            blobs: blobs.clone(),
            desk: Arc::new(desk),
            agent: agent.clone(),
            config: Default::default(),
        });
        let channels = Channels::open(switchboard::channels::Parts {
            store: store.clone(),
            clock: Arc::new(SystemClock),
            ids: Arc::new(SystemIds),
            sealer: Arc::new(SecretBox::open(&folder.path().join("key")).unwrap()),
            messages: messages.clone(),
            maker: Arc::new(Mailboxes(blobs)),
            agent,
            public_url: None,
        });
        let shutdown = CancellationToken::new();
        tokio::spawn(messages.clone().run(true, shutdown.clone()));
        tokio::spawn(channels.clone().run(shutdown.clone()));
        Some(House { servers, store, messages, channels, _folder: folder, _ends: shutdown.drop_guard() })
    }

    /// Settings of a mailbox: read by TLS, sent after STARTTLS.
    pub fn settings(&self, address: &str) -> Value {
        json!({
            "address": address,
            "name": "Harbour Bikes",
            "imap": { "host": "localhost", "port": self.servers.imaps },
            "smtp": { "host": "localhost", "port": self.servers.smtp, "security": "starttls" },
            "authority_pem": self.servers.certificate,
            "poll_s": 5,
        })
    }

    /// Adds a mailbox and waits until it is read.
    pub async fn mailbox(&self, address: &str, settings: Value) -> ChannelAccount {
        let secrets = BTreeMap::from([("password".to_owned(), "secret".to_owned())]);
        let new = NewAccount { kind: Kind::Email, name: address.into(), enabled: true, settings, secrets };
        let account = self.channels.add(new).await.unwrap();
        self.until("the mailbox is read", async || {
            let (_, health) = self.store.channel_account(account.id).await.unwrap()?;
            assert!(health.fares != Fares::Failing, "{:?}\n{}", health.last_error, self.servers.logs());
            (health.fares == Fares::Well).then_some(())
        })
        .await;
        account
    }

    /// All conversations, newest first.
    pub async fn conversations(&self) -> Vec<ConversationView> {
        let mut views = Vec::new();
        for (conversation, _) in self.store.conversations_by(&Filter::default(), None, 100).await.unwrap() {
            views.extend(self.store.conversation(conversation.id).await.unwrap());
        }
        views
    }

    /// The mails that a customer or teammate has received, read.
    pub fn received(&self, mailbox: &str) -> Vec<Mail> {
        self.servers.mails(mailbox).iter().map(|bytes| read(bytes).unwrap()).collect()
    }

    /// Waits until there is something.
    pub async fn until<T>(&self, what: &str, mut there: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..1_200 {
            if let Some(found) = there().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never came: {what}\n{}", self.servers.logs());
    }

    /// Waits until a mailbox holds so many mails, and gives the last.
    pub async fn nth_mail(&self, mailbox: &str, count: usize) -> Mail {
        let mut mails =
            self.until("a mail", async || Some(self.received(mailbox)).filter(|mails| mails.len() >= count)).await;
        assert_eq!(mails.len(), count, "more mails than expected");
        mails.pop().unwrap()
    }
}

async fn open_store(file: &Path) -> Arc<SqliteStore> {
    let options = SqliteOptions { file: file.into(), readers: 2, busy_timeout: Duration::from_secs(5) };
    Arc::new(SqliteStore::open(&options).await.unwrap())
}
