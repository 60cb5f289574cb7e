//! A channel: what carries messages between a customer's program and one inbox of ours.
//!
//! 1. What comes in is given to an [`Inbound`], which has made it durable when it returns; only then is the vendor told
//!    that we have it. The same event given again changes nothing.
//! 2. What goes out is a [`Delivery`], given by the worker of `channels` one at a time for each thread, in order, until
//!    it is settled. [`DeliveryError`] tells what to do next; after [`DeliveryError::Uncertain`], and after a crash
//!    between sending and recording, [`Channel::look_for`] is asked before anything is sent again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use crate::domain::attachment::Attachment;
use crate::domain::casework;
use crate::domain::contact::Address;
use crate::domain::conversation::{Author, Channel as Kind};
use crate::domain::ids::{ChannelAccountId, ConversationId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::store::StoreError;

/// A message on its way to the customer.
#[derive(Clone)]
pub struct Delivery {
    /// Names it once and for all: the key by which a vendor that knows such keys takes it once.
    pub key: String,
    /// Which message.
    pub message: MessageId,
    /// The case.
    pub conversation: ConversationId,
    /// The channel's own name for the thread.
    pub thread: String,
    /// What the conversation is about, where the customer said so.
    pub subject: Option<String>,
    /// The vendor's names of earlier messages of the conversation, oldest first, at most [`EARLIER_MAX`].
    pub earlier: Vec<Earlier>,
    /// Who it goes to, as they call themselves.
    pub to_name: Option<String>,
    /// Where they can be reached.
    pub to: Vec<Address>,
    /// The agent or a teammate.
    pub author: Author,
    /// The teammate who wrote or approved it; without one it went out by itself.
    pub by: Option<String>,
    /// What it says; may be empty beside files.
    pub text: String,
    /// Files that go with it; their bytes lie in [`super::blobs::Blobs`].
    pub attachments: Vec<Attachment>,
    /// When it was written.
    pub at: EpochMs,
    /// How often it was begun, this time included.
    pub tries: u32,
    /// Parts of it that the vendor has taken: the next one is to be sent.
    pub parts_sent: u32,
}

impl Delivery {
    /// Whether nobody of the team looked at it before it went out.
    pub fn is_automatic(&self) -> bool {
        self.author == Author::Agent && self.by.is_none()
    }

    /// The vendor's name of the customer's newest message.
    pub fn last_of_customer(&self) -> Option<&str> {
        self.earlier.iter().rfind(|earlier| !earlier.ours).map(|earlier| earlier.external_id.as_str())
    }
}

/// An earlier message of a conversation by the vendor's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Its name.
    pub external_id: String,
    /// Whether it was ours.
    pub ours: bool,
}

/// The vendor has taken it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The vendor's name for it, by which edits, replies and receipts are known.
    pub external_id: Option<String>,
    /// Whether the message has a further part, which is then asked for with `parts_sent` one higher.
    pub more: bool,
    /// How far it came already.
    pub how_far: casework::Delivery,
}

impl Receipt {
    /// Taken whole, under this name.
    pub fn sent(external_id: impl Into<String>) -> Receipt {
        Receipt { external_id: Some(external_id.into()), more: false, how_far: casework::Delivery::Sent }
    }
}

/// Why it was not, or may not have been, taken. Each is told to the team in these words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It was certainly not taken, and may be later.
    #[error("{why}")]
    Later {
        /// Not before that, where the vendor said so.
        after: Option<Duration>,
        /// What went wrong.
        why: String,
    },
    /// It will never be taken.
    #[error("{why}")]
    Refused {
        /// What is wrong with it.
        why: String,
    },
    /// It may have been taken.
    #[error("{why}")]
    Uncertain {
        /// What went wrong.
        why: String,
    },
}

/// What is known of a message that may have been taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It was: nothing is sent.
    Taken(Receipt),
    /// It was not, or the vendor knows it again by its key: it is sent.
    SendAgain,
    /// Nobody can tell: a person decides.
    Unknowable,
}

/// A request to the address that a vendor calls.
#[derive(Clone)]
pub struct HookRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// As it was written.
    pub query: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came, for its signature; at most [`HOOK_BYTES_MAX`].
    pub body: Bytes,
    /// Now.
    pub at: EpochMs,
}

impl HookRequest {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the vendor is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// The status.
    pub status: u16,
    /// The type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl HookAnswer {
    /// A status and a line of text.
    pub fn text(status: u16, body: impl Into<String>) -> HookAnswer {
        HookAnswer { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }
}

/// A message as its channel understood it.
#[derive(Clone, Default)]
pub struct Arrived {
    /// The channel's name for the thread.
    pub thread: String,
    /// By which the event is known when it comes again.
    pub key: String,
    /// The vendor's name for the message, where it has one.
    pub external_id: Option<String>,
    /// Who wrote, as they call themselves.
    pub name: Option<String>,
    /// Where they can be reached; only what is proven finds a contact that is known (R56).
    pub addresses: Vec<Address>,
    /// What it is about, where the channel has such a line.
    pub subject: Option<String>,
    /// What; may be empty beside files.
    pub text: String,
    /// Files that came with it. One that is not taken (too large, of no kind that is) is named in the text instead.
    pub files: Vec<ArrivedFile>,
    /// Never to be answered automatically (bulk mail, other machines): it is kept and shown.
    pub unanswered: bool,
}

/// A file as it came.
#[derive(Clone)]
pub struct ArrivedFile {
    /// As its sender called it.
    pub name: String,
    /// All of it.
    pub bytes: Bytes,
}

/// A change of a message that came before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Its writer wrote it anew.
    Edited(String),
    /// Its writer took it back.
    Deleted,
}

/// A message that is known by the vendor's name for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Which.
    pub message: MessageId,
    /// Where it stands now.
    pub conversation: ConversationId,
    /// The thread of that conversation.
    pub thread: Option<String>,
}

/// Why something that came in is not kept.
#[derive(Debug, thiserror::Error)]
pub enum InboundError {
    /// More arrives than can be written: the vendor is to send it again.
    #[error("more messages arrive than can be written; send it again in a moment")]
    Busy,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Where a channel brings what came in, and what it keeps for itself. Every call is durable when it returns.
#[async_trait]
pub trait Inbound: Send + Sync {
    /// A customer wrote. The same key again changes nothing and tells what became of the first.
    async fn arrived(&self, message: Arrived) -> Result<Known, InboundError>;
    /// A message changed; one that is not known changes nothing.
    async fn changed(&self, external_id: &str, change: Change) -> Result<(), InboundError>;
    /// A message of ours came further, or failed after all (a bounce) for this reason.
    async fn progressed(
        &self,
        external_id: &str,
        how_far: casework::Delivery,
        why: Option<&str>,
    ) -> Result<(), InboundError>;
    /// The first of these that is known.
    async fn known(&self, external_ids: &[String]) -> Result<Option<Known>, InboundError>;
    /// What was kept under this name.
    async fn mark(&self, name: &str) -> Result<Option<String>, InboundError>;
    /// Keeps something (how far a mailbox was read).
    async fn keep_mark(&self, name: &str, value: &str) -> Result<(), InboundError>;
    /// The account works (`None`), or does not, for this reason in words; shown as its health.
    async fn fares(&self, failure: Option<&str>);
}

/// One account of a channel at work.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Sends a message, or its next part. Must end within [`DELIVERY_TIMEOUT`] by itself.
    async fn deliver(&self, delivery: &Delivery) -> Result<Receipt, DeliveryError>;

    /// Looks for a message, or its next part, that may have been taken.
    async fn look_for(&self, _delivery: &Delivery) -> Result<Found, DeliveryError> {
        Ok(Found::Unknowable)
    }

    /// Whether the account works: what was found, or what is wrong and what to do, in words.
    async fn test(&self) -> Result<String, String>;

    /// Brings in what comes, for channels that ask or hold a connection open, until `shutdown`; an error in words is
    /// shown as the account's health, and it is begun again after a pause. Returns at once where nothing is to be done.
    async fn listen(&self, _intake: Arc<dyn Inbound>, _shutdown: CancellationToken) -> Result<(), String> {
        Ok(())
    }

    /// Answers a call of the vendor's. Signatures are checked here, on the raw bytes.
    async fn hook(&self, _request: HookRequest, _intake: Arc<dyn Inbound>) -> HookAnswer {
        HookAnswer::text(404, "This channel is not called.")
    }
}

/// What an account is made from.
pub struct Setup {
    /// Which one.
    pub account: ChannelAccountId,
    /// As the team calls it.
    pub name: String,
    /// Everything that is no secret.
    pub settings: serde_json::Value,
    /// Opened, by their names.
    pub secrets: BTreeMap<String, SecretString>,
    /// The address that the vendor is to call, where ours is known.
    pub hook_url: Option<String>,
}

/// Makes accounts of channels.
pub trait Maker: Send + Sync {
    /// One at work; what is wrong with its settings, and what to do, in words.
    fn make(&self, kind: Kind, setup: Setup) -> Result<Arc<dyn Channel>, String>;
}

/// Names of earlier messages that a delivery carries: a thread of mail names this many at most.
pub const EARLIER_MAX: usize = 50;
/// One delivery, connecting included. A vendor that takes longer is taken to be down.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);
/// The body of a vendor's call: theirs are a few kilobytes.
pub const HOOK_BYTES_MAX: usize = 1_000_000;
