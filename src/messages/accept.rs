//! A message comes in: durable before it is acknowledged.
//!
//! Whatever arrives while a commit is under way shares the next one: a flush of the disk costs the same for one
//! message as for sixty.

use std::sync::Weak;

use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tracing::warn;

use super::MessageDesk;
use crate::domain::attachment::Attachment;
use crate::domain::card_number;
use crate::domain::casework::{Casework, Post};
use crate::domain::contact::{Address, Contact};
use crate::domain::conversation::{Author, Conversation, Handler, Message, Status};
use crate::domain::ids::{ContactId, ConversationId, MessageId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::transition::{self, Act, Actor};
use crate::seams::channel::Known;
use crate::seams::inbox_store::{Job, JobKind, KeptAnswer};
use crate::seams::store::{StoreError, UnitOfWork};

/// A message as its channel understood it.
#[derive(Clone)]
pub struct Intake {
    /// Where it came to.
    pub inbox: Inbox,
    /// The channel's name for the thread.
    pub thread: String,
    /// Who wrote.
    pub sender: Sender,
    /// What; empty when there are files alone.
    pub text: String,
    /// Files that came with it, as [`MessageDesk::brought`] gives them.
    pub attachments: Vec<Attachment>,
    /// By which the same request is known when it comes again.
    pub key: Option<RequestKey>,
    /// The vendor's name for the message; one that is known already is the same message.
    pub external_id: Option<String>,
    /// What it is about, where the channel has such a line.
    pub subject: Option<String>,
    /// Never to be answered automatically: it is kept and shown.
    pub unanswered: bool,
}

impl Intake {
    /// Words of somebody unknown.
    pub fn new(inbox: Inbox, thread: String, text: String) -> Intake {
        let sender = Sender::default();
        Intake {
            inbox,
            thread,
            sender,
            text,
            attachments: Vec::new(),
            key: None,
            external_id: None,
            subject: None,
            unanswered: false,
        }
    }
}

/// Who wrote.
#[derive(Clone, Default)]
pub struct Sender {
    /// As they call themselves.
    pub name: Option<String>,
    /// Where they can be reached. Only what is proven finds a contact that is known (R56).
    pub addresses: Vec<Address>,
}

/// By which the same request is known when it comes again.
#[derive(Clone)]
pub struct RequestKey {
    /// Whose keys these are.
    pub scope: String,
    /// The key.
    pub key: String,
    /// Of the body.
    pub digest: String,
}

impl RequestKey {
    /// What is kept of an answer.
    pub fn answer(&self, status: u16, body: serde_json::Value, at: EpochMs) -> KeptAnswer {
        KeptAnswer { digest: self.digest.clone(), status, body, at }
    }
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Accepted {
    /// Where it belongs now.
    pub conversation_id: ConversationId,
    /// The message.
    pub message_id: MessageId,
    /// Who wrote.
    pub contact_id: Option<ContactId>,
}

/// Why it was not accepted.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key was used for another request.
    #[error("this Idempotency-Key was used for another body; choose a fresh one for each message")]
    KeyReused,
    /// More arrives than can be written.
    #[error("more messages arrive than can be written; send it again in a moment")]
    Busy,
}

/// A message and who waits for it.
pub(super) struct Arrival {
    intake: Intake,
    accepted: oneshot::Sender<Result<Accepted, IntakeError>>,
}

/// What was written for one message.
struct Written {
    accepted: Accepted,
    conversation: Conversation,
    message: Message,
}

impl MessageDesk {
    /// Accepts a message. Returns once it is durable, with the promise to answer it. A request that comes again is
    /// given its first answer and changes nothing.
    pub async fn accept(&self, intake: Intake) -> Result<Accepted, IntakeError> {
        if let Some(known) = self.accepted_before(&intake).await? {
            return Ok(known);
        }
        let (accepted, answer) = oneshot::channel();
        self.arrivals.try_send(Arrival { intake, accepted }).map_err(|_| IntakeError::Busy)?;
        answer.await.map_err(|_| IntakeError::Busy)?
    }

    async fn accepted_before(&self, intake: &Intake) -> Result<Option<Accepted>, IntakeError> {
        if let Some(external_id) = &intake.external_id
            && let Some(known) = self.parts.store.external_message(intake.inbox.id, external_id).await?
        {
            let Known { message: message_id, conversation: conversation_id, .. } = known;
            return Ok(Some(Accepted { conversation_id, message_id, contact_id: None }));
        }
        let Some(key) = &intake.key else { return Ok(None) };
        let Some(kept) = self.parts.store.kept_answer(&key.scope, &key.key).await? else { return Ok(None) };
        if kept.digest != key.digest {
            return Err(IntakeError::KeyReused);
        }
        let accepted = serde_json::from_value(kept.body).map_err(|error| StoreError::Backend(Box::new(error)))?;
        Ok(Some(accepted))
    }

    async fn write_together(&self, arrivals: Vec<Arrival>) {
        match self.write(&arrivals.iter().map(|arrival| &arrival.intake).collect::<Vec<_>>()).await {
            Ok(written) => {
                for (arrival, written) in arrivals.into_iter().zip(written) {
                    self.acknowledge(arrival.accepted, written);
                }
            }
            // One of them does not go, and took the others with it: each for itself.
            Err(_) => {
                for arrival in arrivals {
                    self.write_alone(arrival).await;
                }
            }
        }
        self.work.notify_one();
    }

    async fn write_alone(&self, Arrival { intake, accepted }: Arrival) {
        let written = match self.write(&[&intake]).await {
            // The same request came twice at once, or its thread changed under us.
            Err(StoreError::Conflict) => match self.accepted_before(&intake).await {
                Ok(None) => self.write(&[&intake]).await.map_err(IntakeError::from),
                Ok(Some(known)) => return drop(accepted.send(Ok(known))),
                Err(error) => Err(error),
            },
            written => written.map_err(IntakeError::from),
        };
        match written {
            Ok(mut written) => {
                if let Some(written) = written.pop() {
                    self.acknowledge(accepted, written);
                }
            }
            Err(error) => {
                warn!(%error, "A message was not accepted");
                let _ = accepted.send(Err(error));
            }
        }
    }

    async fn write(&self, intakes: &[&Intake]) -> Result<Vec<Written>, StoreError> {
        let mut work = self.parts.store.begin().await?;
        let mut written = Vec::new();
        for intake in intakes {
            written.push(self.write_one(&mut *work, intake).await?);
        }
        work.commit().await?;
        Ok(written)
    }

    async fn write_one(&self, work: &mut dyn UnitOfWork, intake: &Intake) -> Result<Written, StoreError> {
        let now = self.parts.clock.epoch();
        let message = MessageId(self.parts.ids.next());
        let act = Act::CustomerWrote { message };
        let known = self.thread_of(work, intake).await?;
        let reopened = known.as_ref().is_none_or(|known| self.still_continues(known, now));
        let conversation = match known {
            Some(mut known) if reopened => {
                // Only a merged one refuses, and its target was followed.
                transition::apply(&mut known, &act, &Actor::Customer, now).map_err(|_| StoreError::Conflict)?;
                work.record(&known, &act, &Actor::Customer).await?;
                known.version += 1;
                known
            }
            known => {
                let contact = self.contact_of(work, intake, known.as_ref(), now).await?;
                let fresh = self.fresh(intake, contact, known.map(|known| known.id), now);
                work.begin_conversation(&fresh, &act, &Actor::Customer).await?;
                fresh
            }
        };
        let message = Message {
            id: message,
            conversation: conversation.id,
            author: Author::Customer,
            text: card_number::redact(&intake.text).into_owned(),
            heard_text: None,
            at: now,
            decision: None,
            timings: None,
            post: Post { attachments: intake.attachments.clone(), ..Post::default() },
        };
        work.insert_message(&message).await?;
        if let Some(external_id) = &intake.external_id {
            work.name_message(intake.inbox.id, external_id, message.id).await?;
        }
        if !intake.unanswered {
            let (id, kind, conversation) = (message.id.0, JobKind::Answer, conversation.id);
            work.promise(&Job { id, kind, conversation, due_at: now, tries: 0 }).await?;
        }
        let contact_id = conversation.casework.contact;
        let accepted = Accepted { conversation_id: conversation.id, message_id: message.id, contact_id };
        if let Some(key) = &intake.key {
            let body = serde_json::to_value(&accepted).map_err(|error| StoreError::Backend(Box::new(error)))?;
            work.keep_answer(&key.scope, &key.key, &key.answer(202, body, now)).await?;
        }
        Ok(Written { accepted, conversation, message })
    }

    /// The conversation of a thread, or the one it was merged into.
    async fn thread_of(&self, work: &mut dyn UnitOfWork, intake: &Intake) -> Result<Option<Conversation>, StoreError> {
        let mut found = work.find_thread(intake.inbox.id, &intake.thread).await?;
        for _ in 0..MERGES_FOLLOWED {
            let Some(target) = found.as_ref().and_then(|found| found.casework.merged_into) else { break };
            found = work.read_conversation(target).await?;
        }
        Ok(found.filter(|found| found.casework.merged_into.is_none()))
    }

    fn still_continues(&self, known: &Conversation, now: EpochMs) -> bool {
        let window = i64::from(self.parts.config.reopen_hours) * HOUR_MS;
        known.casework.resolved_at.is_none_or(|resolved| now.0 - resolved.0 < window)
    }

    /// R56: a proven address finds who it is; any other is noted down on a contact of its own.
    async fn contact_of(
        &self,
        work: &mut dyn UnitOfWork,
        intake: &Intake,
        known: Option<&Conversation>,
        now: EpochMs,
    ) -> Result<Option<ContactId>, StoreError> {
        for address in intake.sender.addresses.iter().filter(|address| address.proven) {
            if let Some(contact) = work.find_contact(intake.inbox.agent, address).await? {
                return Ok(Some(contact));
            }
        }
        if let Some(contact) = known.and_then(|known| known.casework.contact) {
            return Ok(Some(contact));
        }
        let Sender { name, addresses } = intake.sender.clone();
        if name.is_none() && addresses.is_empty() {
            return Ok(None);
        }
        let id = ContactId(self.parts.ids.next());
        work.save_contact(&Contact { id, agent: intake.inbox.agent, name, addresses, created_at: now }).await?;
        Ok(Some(id))
    }

    fn fresh(
        &self,
        intake: &Intake,
        contact: Option<ContactId>,
        previous: Option<ConversationId>,
        now: EpochMs,
    ) -> Conversation {
        Conversation {
            id: ConversationId(self.parts.ids.next()),
            agent: intake.inbox.agent,
            inbox: intake.inbox.id,
            channel: intake.inbox.channel,
            status: Status::Open,
            handler: Handler::Bot,
            reason: None,
            summary: None,
            preview: false,
            version: 1,
            created_at: now,
            updated_at: now,
            casework: Casework {
                contact,
                thread: Some(intake.thread.clone()),
                subject: intake.subject.clone(),
                previous,
                ..Casework::default()
            },
        }
    }

    fn acknowledge(&self, waiting: oneshot::Sender<Result<Accepted, IntakeError>>, written: Written) {
        metrics::counter!("switchboard_messages_accepted_total").increment(1);
        self.tell(&written.conversation, &[written.message]);
        // Whoever waited may be gone; the message stays.
        let _ = waiting.send(Ok(written.accepted));
    }
}

/// Writes what arrives until the desk is gone.
pub(super) async fn keep_arrivals(desk: Weak<MessageDesk>, mut arrivals: mpsc::Receiver<Arrival>) {
    let mut together = Vec::with_capacity(TOGETHER_MAX);
    while arrivals.recv_many(&mut together, TOGETHER_MAX).await > 0 {
        let Some(desk) = desk.upgrade() else { return };
        desk.write_together(std::mem::take(&mut together)).await;
    }
}

/// Messages that may wait for their commit; more of them would wait longer than a sender does.
pub(super) const ARRIVALS_MAX: usize = 1_024;
/// Messages of one commit: more share a flush, and each waits for all.
const TOGETHER_MAX: usize = 128;
/// Merges of merges that are followed.
const MERGES_FOLLOWED: usize = 8;
/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
