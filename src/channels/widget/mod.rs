//! The chat on the business's own pages, for its visitors.
//!
//! 1. A page of an allowed site shows our frame. The frame begins a session ([`Widgets::begin`]): a random token, kept as
//!    a digest, good for this widget, this site and one thread. Whom the site vouches for (`identity.rs`) has one thread
//!    wherever they come back.
//! 2. What a visitor writes goes through [`crate::messages`] like every other message, by the browser's own name for it, so
//!    that it is kept once however often it is sent.
//! 3. What a visitor sees is the thread's feed: their own words and ours that went out, each at a place that grows. A
//!    browser that comes back names the last place it saw (`watching.rs`); the hub (`hub.rs`) wakes it.

mod hub;
mod identity;
mod seen;
mod watching;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use crate::domain::attachment::Attachment;
use crate::domain::casework::Delivery;
use crate::domain::channel_account::ChannelAccount;
use crate::domain::conversation::Channel;
use crate::domain::ids::{AttachmentId, ChannelAccountId, ConversationId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::transition::Actor;
use crate::domain::widget::{IDENTITY_SECRET, Visitor, VisitorSession, WidgetSettings};
use crate::messages::{
    Accepted, AttachmentError, Intake, IntakeError, MessageDesk, Order, RequestKey, Sender, TeamError,
};
use crate::seams::bus::Bus;
use crate::seams::clock::{Clock, Ids};
use crate::seams::secrets::Sealer;
use crate::seams::store::{Store, StoreError};

pub use identity::{Identity, IdentityError};
pub use seen::{SeenFile, SeenMessage, SeenSource, Standing};
pub use watching::{News, Watching};

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
    /// Opens the identity secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Where messages go.
    pub messages: Arc<MessageDesk>,
}

/// All widgets. Shared by handlers.
pub struct Widgets {
    parts: Parts,
    hub: hub::Hub,
}

/// One widget that is switched on.
pub struct Widget {
    /// Its account.
    pub account: ChannelAccount,
    /// How it is set.
    pub settings: WidgetSettings,
}

/// What a frame tells when it begins.
#[derive(Default)]
pub struct Beginning {
    /// The site that shows it.
    pub origin: String,
    /// Whom the site vouches for.
    pub identity: Option<Identity>,
    /// The page that the visitor looks at.
    pub page: Option<String>,
}

/// Why a visitor is not let in, or not further.
#[derive(Debug, thiserror::Error)]
pub enum VisitError {
    /// The site is none of those that may show this widget.
    #[error("this site may not show this widget; add its origin to the widget's settings")]
    Origin,
    /// The token is none of ours, or over.
    #[error("this visit is over; begin a new one")]
    Over,
    /// The page vouches for nobody, and only known visitors may write.
    #[error("only visitors whom the site vouches for may write here; pass their identity")]
    Unknown,
    /// Nobody is who the page says.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// What was filled in does not do; told in words.
    #[error("{0}")]
    Form(String),
    /// Something must be filled in first.
    #[error("fill in the form before the first message")]
    FormFirst,
    /// The message was not taken.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// A file was not taken.
    #[error(transparent)]
    Attachment(#[from] AttachmentError),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Widgets {
    /// Opens the room.
    pub fn open(parts: Parts, shutdown: CancellationToken) -> Arc<Widgets> {
        let hub = hub::Hub::open(parts.bus.clone(), shutdown);
        Arc::new(Widgets { parts, hub })
    }

    /// A widget that is switched on.
    pub async fn widget(&self, id: ChannelAccountId) -> Result<Option<Widget>, StoreError> {
        let Some((account, _)) = self.parts.store.channel_account(id).await? else { return Ok(None) };
        if account.kind != Channel::Widget || !account.enabled {
            return Ok(None);
        }
        // Checked when it was saved.
        let settings = serde_json::from_value(account.settings.clone()).ok();
        Ok(settings.map(|settings| Widget { account, settings }))
    }

    /// Begins a visit; gives the token, which is told this once.
    pub async fn begin(&self, widget: &Widget, begun: Beginning) -> Result<(String, VisitorSession), VisitError> {
        if !widget.settings.is_shown_at(&begun.origin) {
            return Err(VisitError::Origin);
        }
        let now = self.parts.clock.epoch();
        let mut visitor = match &begun.identity {
            Some(identity) => identity::verify(identity, self.identity_secret(widget).as_deref(), now)?,
            None if widget.settings.known_visitors_only => return Err(VisitError::Unknown),
            None => Visitor::default(),
        };
        visitor.page = begun.page.map(|page| page.chars().filter(|c| !c.is_control()).take(PAGE_CHARS_MAX).collect());
        let id = self.parts.ids.next();
        let thread = match &visitor.user {
            Some(user) => format!("user {user}"),
            None => format!("visitor {id}"),
        };
        let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let session = VisitorSession {
            id,
            digest: digest(&token),
            account: widget.account.id,
            origin: begun.origin,
            thread,
            visitor,
            created_at: now,
            expires_at: EpochMs(now.0 + VISIT_MS),
        };
        let mut work = self.parts.store.begin().await?;
        work.forget_visitor_sessions(now).await?;
        work.save_visitor_session(&session).await?;
        work.commit().await?;
        Ok((token, session))
    }

    /// Whose token this is. A foreign site's page must be of the site where the visit began.
    pub async fn visit(
        &self,
        widget: &Widget,
        token: &str,
        origin: Option<&str>,
    ) -> Result<VisitorSession, VisitError> {
        let session = self.parts.store.visitor_session(&digest(token)).await?.ok_or(VisitError::Over)?;
        let ended = session.expires_at <= self.parts.clock.epoch();
        if ended || session.account != widget.account.id {
            return Err(VisitError::Over);
        }
        // The site may have been taken out since.
        let fits = origin.is_none_or(|origin| origin == session.origin) && widget.settings.is_shown_at(&session.origin);
        if fits { Ok(session) } else { Err(VisitError::Origin) }
    }

    /// Takes what a visitor filled in.
    pub async fn fill_in(
        &self,
        widget: &Widget,
        session: &mut VisitorSession,
        given: &[(String, String)],
    ) -> Result<(), VisitError> {
        session.visitor.fill_in(&widget.settings, given).map_err(VisitError::Form)?;
        let mut work = self.parts.store.begin().await?;
        work.save_visitor_session(session).await?;
        Ok(work.commit().await?)
    }

    /// Takes a message; durable once it returns. The same `name` again changes nothing.
    pub async fn write(
        &self,
        widget: &Widget,
        session: &VisitorSession,
        name: &str,
        text: String,
        files: &[AttachmentId],
    ) -> Result<Accepted, VisitError> {
        if !session.visitor.is_complete(&widget.settings) {
            return Err(VisitError::FormFirst);
        }
        let external_id = external_id(session, name);
        let known = self.parts.store.external_message(widget.account.inbox, &external_id).await?;
        // Sent again, its files are its own already.
        let attachments = match known {
            Some(_) => Vec::new(),
            None => self.parts.messages.brought(&owner(session), files).await?,
        };
        let sender = Sender { name: session.visitor.name.clone(), addresses: session.visitor.addresses.clone() };
        let (inbox, thread) = (inbox(widget), session.thread.clone());
        let intake = Intake { sender, attachments, external_id: Some(external_id), ..Intake::new(inbox, thread, text) };
        let begun = self.parts.store.thread_now(widget.account.inbox, &session.thread).await?.map(|case| case.id);
        let accepted = self.parts.messages.accept(intake).await?;
        if begun != Some(accepted.conversation_id) {
            self.introduce(session, accepted.conversation_id).await;
        }
        Ok(accepted)
    }

    /// Tells the team what is known of who begins a case beside their words, once.
    async fn introduce(&self, session: &VisitorSession, conversation: ConversationId) {
        let Visitor { told, page, .. } = &session.visitor;
        let page = page.iter().map(|page| format!("Page: {page}"));
        let lines: Vec<_> = told.iter().map(|(label, value)| format!("{label}: {value}")).chain(page).collect();
        if lines.is_empty() {
            return;
        }
        let order = Order { conversation, by: Actor::System, seen: None };
        let key = RequestKey { scope: "widget".into(), key: conversation.to_string(), digest: String::new() };
        match self.parts.messages.note(&order, lines.join("\n"), Some(&key)).await {
            Ok(_) | Err(TeamError::Store(StoreError::Conflict)) => {}
            // The message is kept, which is what the visitor was told.
            Err(error) => tracing::warn!(%error, "What a visitor told before the chat was not noted"),
        }
    }

    /// Keeps a file that a visitor brings.
    pub async fn bring(
        &self,
        session: &VisitorSession,
        name: &str,
        bytes: bytes::Bytes,
    ) -> Result<Attachment, VisitError> {
        Ok(self.parts.messages.keep_attachment(&owner(session), name, bytes).await?)
    }

    /// A file that the visitor brought, or that stands in what they see; `None` for every other one.
    pub async fn file(
        &self,
        widget: &Widget,
        session: &VisitorSession,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, VisitError> {
        let Some((file, conversation)) = self.parts.store.attachment(id).await? else { return Ok(None) };
        if file.owner == owner(session) {
            return Ok(Some(file));
        }
        let Some(conversation) = conversation else { return Ok(None) };
        let Some(view) = self.parts.store.conversation(conversation).await? else { return Ok(None) };
        let theirs = view.conversation.inbox == widget.account.inbox
            && view.conversation.casework.thread.as_deref() == Some(&session.thread);
        let carried = view.messages.iter().filter(|message| seen::is_seen(message));
        let mut carried = carried.flat_map(|message| &message.post.attachments);
        Ok(carried.any(|one| one.id == id && theirs).then_some(file))
    }

    /// Shows what there is after a place, and then whatever comes.
    pub async fn watch(
        self: &Arc<Self>,
        widget: &Widget,
        session: &VisitorSession,
        after: Option<i64>,
    ) -> Result<Watching, StoreError> {
        Watching::begin(self.clone(), widget.account.inbox, session, after).await
    }

    /// Notes how far our messages have come, and whether the visitor types.
    pub async fn sign(&self, widget: &Widget, session: &VisitorSession, sign: Sign) -> Result<(), StoreError> {
        let inbox = widget.account.inbox;
        for (up_to, how_far) in [(sign.read, Delivery::Read), (sign.delivered, Delivery::Delivered)] {
            let Some(up_to) = up_to else { continue };
            let mut work = self.parts.store.begin().await?;
            let came = work.feed_came(inbox, &session.thread, up_to, how_far).await?;
            work.commit().await?;
            came.iter().for_each(|message| self.parts.messages.came_further(message.conversation, message));
        }
        if let Some(typing) = sign.typing
            && let Some(conversation) = self.parts.store.thread_now(inbox, &session.thread).await?
        {
            self.parts.messages.look_customer(conversation.id, true, typing);
        }
        Ok(())
    }

    fn identity_secret(&self, widget: &Widget) -> Option<String> {
        let sealed = widget.account.secrets.get(IDENTITY_SECRET)?;
        self.parts.sealer.open(sealed, &widget.account.about(IDENTITY_SECRET))
    }
}

/// What a browser tells beside messages.
#[derive(Clone, Copy, Default)]
pub struct Sign {
    /// Everything up to this place has arrived.
    pub delivered: Option<i64>,
    /// Everything up to this place was on the screen.
    pub read: Option<i64>,
    /// Whether the visitor types.
    pub typing: Option<bool>,
}

fn inbox(widget: &Widget) -> Inbox {
    let ChannelAccount { inbox, agent, kind, name, .. } = &widget.account;
    Inbox { id: *inbox, agent: *agent, channel: *kind, address: name.clone() }
}

/// Whose files these are.
fn owner(session: &VisitorSession) -> String {
    format!("visit {}", session.id)
}

/// A browser's name for a message is its thread's alone.
fn external_id(session: &VisitorSession, name: &str) -> String {
    format!("{} {name}", session.thread)
}

fn digest(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A visit that nobody came back to.
const VISIT_MS: i64 = 90 * 86_400_000;
/// As long as addresses of pages are.
const PAGE_CHARS_MAX: usize = 500;
