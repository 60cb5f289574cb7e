//! Conversations by message, and what teammates do with any case.
//!
//! 1. A channel gives an [`Intake`]; [`MessageDesk::accept`] makes it durable, with the promise to answer it, in one
//!    transaction shared with whatever else comes in at that moment (`accept.rs`).
//! 2. The promise is a job. [`MessageDesk::run`] claims due jobs and asks the one support core (`answering.rs`).
//! 3. `plan.rs`, pure, says what comes of the turn: a reply, a draft, a ticket, silence. All of it is written in one
//!    transaction that takes the job out and contends on the conversation's version: of the agent and a person who
//!    takes over one loses, and it is the agent (R33).
//! 4. What goes out is a row of the outbox, written with the message.

mod accept;
mod answering;
mod attachments;
mod changed;
mod plan;
pub mod presence;
mod shortcut;
mod team;

use std::sync::Arc;

use arc_swap::ArcSwap;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc, watch};

use crate::config::messages::MessagesConfig;
use crate::domain::agent::Agent;
use crate::domain::attachment::Attachment;
use crate::domain::casework::Delivery;
use crate::domain::conversation::{Author, Channel, Conversation, Message};
use crate::domain::ids::{AttachmentId, ConversationId, InboxId, MessageId};
use crate::domain::inbox::Inbox;
use crate::domain::turn::{Line, Speaker};
use crate::seams::blobs::Blobs;
use crate::seams::bus::{Bus, LiveKind};
use crate::seams::channel_store::Dispatch;
use crate::seams::clock::{Clock, Ids};
use crate::seams::inbox_store::{Saved, SavedKind};
use crate::seams::shown::{ShownMessage, ShownSummary};
use crate::seams::store::{Store, StoreError, UnitOfWork};
use crate::support::Desk;

pub use accept::{Accepted, Intake, IntakeError, RequestKey, Sender};
pub use attachments::{AttachmentError, media_type_of};
pub use presence::Viewer;
pub use team::{Order, TeamError, Words};

/// What every part of it needs.
#[derive(Clone)]
pub struct Parts {
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
    /// The agent that answers; others are read from the store.
    pub agent: Arc<ArcSwap<Agent>>,
    /// Times.
    pub config: MessagesConfig,
}

/// The desk for messages. Shared by handlers, channels and the worker.
pub struct MessageDesk {
    parts: Parts,
    arrivals: mpsc::Sender<accept::Arrival>,
    work: Notify,
    posted: watch::Sender<()>,
    inboxes: ArcSwap<Vec<Inbox>>,
    presence: presence::Presence,
}

impl MessageDesk {
    /// Opens the desk; accepting begins at once, answering with [`MessageDesk::run`].
    pub fn open(parts: Parts) -> Arc<MessageDesk> {
        let (arrivals, incoming) = mpsc::channel(accept::ARRIVALS_MAX);
        let desk = Arc::new(MessageDesk {
            parts,
            arrivals,
            work: Notify::new(),
            posted: watch::Sender::new(()),
            inboxes: Default::default(),
            presence: Default::default(),
        });
        tokio::spawn(accept::keep_arrivals(Arc::downgrade(&desk), incoming));
        desk
    }

    /// The inbox of the API that goes by this name.
    pub async fn api_inbox(&self, name: &str) -> Result<Option<Inbox>, StoreError> {
        let named = |inboxes: &[Inbox]| {
            inboxes.iter().find(|inbox| inbox.channel == Channel::Api && inbox.address == name).cloned()
        };
        if let Some(known) = named(&self.inboxes.load()) {
            return Ok(Some(known));
        }
        let stored = self.parts.store.inboxes(self.parts.agent.load().id).await?;
        let found = named(&stored);
        self.inboxes.store(Arc::new(stored));
        Ok(found)
    }

    /// A teammate looks at a conversation, types, or leaves; tells everybody who is there now.
    pub fn look(&self, conversation: ConversationId, teammate: &str, here: bool, typing: bool) -> Vec<Viewer> {
        let viewers = self.presence.note(conversation, teammate, here, typing, self.parts.clock.epoch());
        let shown = serde_json::to_value(&viewers).unwrap_or_default();
        self.tell_of(conversation, LiveKind::Presence { viewers: shown });
        viewers
    }

    /// Who looks at a conversation now.
    pub fn viewers(&self, conversation: ConversationId) -> Vec<Viewer> {
        self.presence.viewers(conversation, self.parts.clock.epoch())
    }

    /// Keeps a view or a macro; `Conflict` when another one has its name.
    pub async fn save(&self, saved: &Saved) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.save(saved).await?;
        work.commit().await
    }

    /// Takes one out.
    pub async fn delete_saved(&self, kind: SavedKind, id: uuid::Uuid) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.delete_saved(kind, id).await?;
        work.commit().await
    }

    /// A fresh one of those.
    pub fn new_saved(&self, kind: SavedKind, name: String, body: serde_json::Value) -> Saved {
        Saved { id: self.parts.ids.next(), kind, name, body, updated_at: self.parts.clock.epoch() }
    }

    async fn agent_of(&self, conversation: &Conversation) -> Result<Arc<Agent>, StoreError> {
        let usual = self.parts.agent.load_full();
        if usual.id == conversation.agent {
            return Ok(usual);
        }
        self.parts.store.agent(conversation.agent).await?.map(Arc::new).ok_or(StoreError::NotFound)
    }

    /// Tells whenever a message was given to a channel.
    pub fn posted(&self) -> watch::Receiver<()> {
        self.posted.subscribe()
    }

    fn tell(&self, conversation: &Conversation, messages: &[Message]) {
        if messages.iter().any(|message| message.post.delivery == Some(Delivery::Queued)) {
            self.posted.send_replace(());
        }
        for message in messages {
            self.tell_of(conversation.id, LiveKind::Message { message: ShownMessage::json(message) });
        }
        let shown = ShownSummary::json(conversation, None);
        self.tell_of(conversation.id, LiveKind::Conversation { conversation: shown });
    }

    fn tell_of(&self, conversation: ConversationId, kind: LiveKind) {
        self.parts.bus.publish(self.parts.clock.epoch(), conversation, kind);
    }
}

/// A message to a customer, as its channel learns of it.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutgoingMessage {
    /// The inbox it goes out by.
    pub inbox: InboxId,
    /// The case.
    pub conversation: ConversationId,
    /// The channel's name for the thread.
    pub thread: Option<String>,
    /// Which message.
    pub message: MessageId,
    /// The agent or a teammate.
    pub author: Author,
    /// The teammate who wrote or approved it.
    pub by: Option<String>,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at_ms: i64,
    /// Files that go with it.
    #[serde(default)]
    pub attachments: Vec<OutgoingAttachment>,
}

/// A file that goes out; its bytes are read at `/api/v1/attachments/{id}`.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutgoingAttachment {
    /// Which one.
    pub id: AttachmentId,
    /// Its name.
    pub name: String,
    /// What it is, by its content.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: u64,
}

impl OutgoingAttachment {
    fn of(attachment: &Attachment) -> OutgoingAttachment {
        let Attachment { id, name, media_type, size_bytes, .. } = attachment.clone();
        OutgoingAttachment { id, name, media_type, size_bytes }
    }
}

/// A message on its way to the customer: the row by which its channel learns of it, once. Programs fetch theirs from the
/// outbox; all other channels are delivered to, in the order of each thread.
async fn send(work: &mut dyn UnitOfWork, conversation: &Conversation, message: &Message) -> Result<(), StoreError> {
    let thread = conversation.casework.thread.clone();
    if !matches!(conversation.channel, Channel::Api | Channel::Phone) {
        let lane = format!("{} {}", conversation.inbox, thread.unwrap_or_else(|| conversation.id.to_string()));
        return work.post(&Dispatch::fresh(message.id, conversation.inbox, lane, message.at)).await;
    }
    let outgoing = OutgoingMessage {
        inbox: conversation.inbox,
        conversation: conversation.id,
        thread,
        message: message.id,
        author: message.author,
        by: message.post.by.clone(),
        text: message.text.clone(),
        at_ms: message.at.0,
        attachments: message.post.attachments.iter().map(OutgoingAttachment::of).collect(),
    };
    let payload = serde_json::to_value(&outgoing).map_err(|error| StoreError::Backend(Box::new(error)))?;
    work.enqueue(&format!("message:{}", message.id), MESSAGE_OUT, &payload).await
}

/// What was said before a message, oldest first; notes and drafts are the team's own.
fn lines_before(messages: &[Message], message: &Message) -> Vec<Line> {
    let earlier = messages.iter().filter(|other| (other.at, other.id) < (message.at, message.id));
    let spoken = earlier.filter_map(|other| {
        let speaker = match other.author {
            Author::Customer => Speaker::Customer,
            Author::Agent | Author::Teammate => Speaker::Us,
            Author::Draft | Author::Note => return None,
        };
        Some(Line { speaker, text: other.text.clone() })
    });
    let mut lines: Vec<Line> = spoken.collect();
    lines.drain(..lines.len().saturating_sub(LINES_MAX));
    lines
}

/// The kind of outbox rows that carry messages to customers.
pub const MESSAGE_OUT: &str = "message";
/// Earlier lines that weigh on an answer.
const LINES_MAX: usize = 40;
