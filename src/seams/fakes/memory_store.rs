//! A store in memory, of the same behaviour as the databases: one writer at a time, nothing seen before its
//! commit, rows only below rows that exist.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::memory_channels::OnItsWay;
use super::memory_knowledge::Asked;
use crate::domain::agent::Agent;
use crate::domain::article::Article;
use crate::domain::attachment::Attachment;
use crate::domain::call::{Attempt, AttemptOutcome, Call, Recording};
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::domain::contact::Contact;
use crate::domain::conversation::{Channel, Conversation, Message};
use crate::domain::gap::Gap;
use crate::domain::ids::{
    AgentId, ApiTokenId, ArticleId, AttachmentId, AttemptId, CallId, ChannelAccountId, ContactId, ConversationId,
    InboxId, MessageId, RecordingId, SessionId, TeammateId, TicketId, WebhookId,
};
use crate::domain::inbox::Inbox;
use crate::domain::knowledge::Entry;
use crate::domain::team::{ApiToken, AuditEntry, Session, Teammate};
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::domain::time::EpochMs;
use crate::domain::transition::{Act, Actor};
use crate::domain::trunk_use::TrunkUse;
use crate::domain::webhook::{Webhook, WebhookPost};
use crate::domain::widget::VisitorSession;
use crate::seams::inbox_store::{Event, Filter, InboxReads, Job, KeptAnswer, Saved};
use crate::seams::knowledge_store::PageWatch;
use crate::seams::store::{ConversationView, Cursor, Seed, Store, StoreError, UnitOfWork};

/// A store in memory. Clones share their rows.
#[derive(Clone, Default)]
pub struct MemoryStore {
    pub(super) rows: Arc<Mutex<Rows>>,
    writer: Arc<tokio::sync::Mutex<()>>,
    broken: Arc<AtomicBool>,
}

#[derive(Clone, Default)]
pub(super) struct Rows {
    pub(super) agents: BTreeMap<AgentId, Agent>,
    pub(super) seeds: BTreeMap<AgentId, Seed>,
    pub(super) inboxes: BTreeMap<InboxId, Inbox>,
    pub(super) knowledge: BTreeMap<(AgentId, String), Vec<Entry>>,
    pub(super) conversations: BTreeMap<ConversationId, Conversation>,
    pub(super) messages: BTreeMap<MessageId, Message>,
    pub(super) calls: BTreeMap<CallId, Call>,
    pub(super) attempts: BTreeMap<AttemptId, Attempt>,
    pub(super) recordings: BTreeMap<RecordingId, Recording>,
    pub(super) tickets: BTreeMap<TicketId, Ticket>,
    pub(super) trunk_use: BTreeMap<(i64, String), i64>,
    pub(super) outbox: Vec<(String, String, serde_json::Value)>,
    pub(super) events: BTreeMap<(ConversationId, i64), Event>,
    pub(super) contacts: BTreeMap<ContactId, Contact>,
    pub(super) saved: BTreeMap<Uuid, Saved>,
    pub(super) answers: BTreeMap<(String, String), KeptAnswer>,
    pub(super) jobs: BTreeMap<Uuid, (Job, EpochMs)>,
    pub(super) articles: BTreeMap<ArticleId, Vec<Article>>,
    pub(super) watches: BTreeMap<ArticleId, PageWatch>,
    pub(super) gaps: BTreeMap<Uuid, Gap>,
    pub(super) asked: BTreeMap<MessageId, Asked>,
    pub(super) teammates: BTreeMap<TeammateId, Teammate>,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) api_tokens: BTreeMap<ApiTokenId, ApiToken>,
    pub(super) attachments: BTreeMap<AttachmentId, (Attachment, Option<MessageId>)>,
    pub(super) audit: BTreeMap<Uuid, AuditEntry>,
    pub(super) channel_accounts: BTreeMap<ChannelAccountId, (ChannelAccount, Health)>,
    pub(super) outbox_marks: BTreeMap<String, i64>,
    pub(super) channel_marks: BTreeMap<(ChannelAccountId, String), String>,
    pub(super) external: BTreeMap<(InboxId, String), MessageId>,
    pub(super) deliveries: Vec<OnItsWay>,
    pub(super) webhooks: BTreeMap<WebhookId, Webhook>,
    pub(super) webhook_posts: BTreeMap<Uuid, (WebhookPost, EpochMs)>,
    pub(super) happenings: Vec<(ConversationId, i64)>,
    pub(super) visitor_sessions: BTreeMap<Uuid, VisitorSession>,
    pub(super) feed: Vec<(InboxId, String, MessageId)>,
}

impl MemoryStore {
    /// One with this agent and one inbox of it, so that conversations can be added at once.
    pub fn with_agent(agent: Agent, inbox: InboxId) -> MemoryStore {
        let store = MemoryStore::default();
        let mut rows = store.rows();
        rows.inboxes.insert(inbox, phone_inbox(inbox, agent.id, "inbox"));
        rows.agents.insert(agent.id, agent);
        drop(rows);
        store
    }

    /// From now on every change fails, as on a full disk, until `false`. Reading still works.
    pub fn break_writes(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    /// What was put into the outbox: key, kind and payload, oldest first.
    pub fn outbox(&self) -> Vec<(String, String, serde_json::Value)> {
        self.rows().outbox.clone()
    }

    /// How many conversations there are.
    pub fn conversations_count(&self) -> usize {
        self.rows().conversations.len()
    }

    pub(super) fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn writable(&self) -> Result<(), StoreError> {
        match self.broken.load(Ordering::Relaxed) {
            true => Err(StoreError::Backend("the disk is full; free space in the data folder".into())),
            false => Ok(()),
        }
    }
}

impl Rows {
    fn append_event(&mut self, conversation: &Conversation, version: i64, what: Option<(&Act, &Actor)>) {
        let event = Event {
            version,
            at: conversation.updated_at,
            status: conversation.status,
            handler: conversation.handler,
            reason: conversation.reason.clone(),
            actor: what.map(|(_, actor)| actor.as_text().to_owned()),
            act: what.map(|(act, _)| act.clone()),
        };
        self.events.insert((conversation.id, version), event);
        if !self.webhooks.is_empty() {
            self.happenings.push((conversation.id, version));
        }
    }

    pub(super) fn newest_call(&self, conversation: ConversationId) -> Option<&Call> {
        self.calls
            .values()
            .filter(|call| call.conversation == conversation)
            .max_by_key(|call| (call.started_at, call.id))
    }

    fn view(&self, id: ConversationId) -> Option<ConversationView> {
        let conversation = self.conversations.get(&id)?.clone();
        let of_case = |call: &CallId| self.calls.get(call).is_some_and(|call| call.conversation == id);
        let mut messages: Vec<_> = self.messages.values().filter(|m| m.conversation == id).cloned().collect();
        messages.sort_by_key(|message| (message.at, message.id));
        let mut attempts: Vec<_> = self.attempts.values().filter(|a| of_case(&a.call)).cloned().collect();
        attempts.sort_by_key(|attempt| (attempt.started_at, attempt.id));
        let mut recordings: Vec<_> = self.recordings.values().filter(|r| of_case(&r.call)).cloned().collect();
        recordings.sort_by_key(|recording| (recording.started_at, recording.id));
        let mut tickets: Vec<_> = self.tickets.values().filter(|t| t.conversation == id).cloned().collect();
        tickets.sort_by_key(|ticket| (ticket.created_at, ticket.id));
        Some(ConversationView {
            conversation,
            messages,
            call: self.newest_call(id).cloned(),
            attempts,
            recordings,
            tickets,
        })
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        self.writable()?;
        let turn = self.writer.clone().lock_owned().await;
        let draft = self.rows().clone();
        Ok(Box::new(MemoryUnit { store: self.clone(), draft, _turn: turn }))
    }

    async fn conversation(&self, id: ConversationId) -> Result<Option<ConversationView>, StoreError> {
        Ok(self.rows().view(id))
    }

    async fn conversations(
        &self,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError> {
        self.conversations_by(&Filter::default(), cursor, limit).await
    }

    async fn agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        Ok(self.rows().agents.get(&id).cloned())
    }

    async fn agents(&self) -> Result<Vec<(Agent, Vec<InboxId>)>, StoreError> {
        let rows = self.rows();
        let inboxes =
            |id: AgentId| rows.inboxes.values().filter(|inbox| inbox.agent == id).map(|inbox| inbox.id).collect();
        Ok(rows.agents.values().map(|agent| (agent.clone(), inboxes(agent.id))).collect())
    }

    async fn knowledge(&self, agent: AgentId) -> Result<Vec<Entry>, StoreError> {
        let rows = self.rows();
        Ok(rows.knowledge.iter().filter(|((of, _), _)| *of == agent).flat_map(|(_, entries)| entries.clone()).collect())
    }

    async fn seed(&self, agent: AgentId) -> Result<Option<Seed>, StoreError> {
        Ok(self.rows().seeds.get(&agent).cloned())
    }

    async fn ticket(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        Ok(self.rows().tickets.get(&id).cloned())
    }

    async fn open_ticket_of(&self, agent: AgentId, number: &str) -> Result<Option<Ticket>, StoreError> {
        let rows = self.rows();
        let of_agent = |ticket: &Ticket| rows.conversations.get(&ticket.conversation).is_some_and(|c| c.agent == agent);
        let called = |ticket: &Ticket| {
            rows.calls.values().any(|k| k.conversation == ticket.conversation && k.from.as_deref() == Some(number))
        };
        let open = rows.tickets.values().filter(|t| t.status != TicketStatus::Done && of_agent(t) && called(t));
        Ok(open.max_by_key(|ticket| (ticket.created_at, ticket.id)).cloned())
    }

    async fn missed_by(
        &self,
        agent: AgentId,
        telephones: &[String],
        since: EpochMs,
    ) -> Result<Option<Ticket>, StoreError> {
        let rows = self.rows();
        let missed = |attempt: &&Attempt| {
            let was_missed = attempt.outcome.is_some_and(AttemptOutcome::was_missed);
            attempt.started_at >= since && was_missed && telephones.contains(&attempt.destination)
        };
        let open = |attempt: &Attempt| {
            let call = rows.calls.get(&attempt.call).filter(|call| call.ended_at.is_some())?;
            let theirs = |ticket: &&Ticket| {
                ticket.conversation == call.conversation
                    && ticket.status == TicketStatus::Pending
                    && rows.conversations.get(&ticket.conversation).is_some_and(|case| case.agent == agent)
            };
            rows.tickets.values().filter(theirs).max_by_key(|ticket| (ticket.created_at, ticket.id)).cloned()
        };
        let mut attempts: Vec<&Attempt> = rows.attempts.values().filter(missed).collect();
        attempts.sort_by_key(|attempt| std::cmp::Reverse(attempt.started_at));
        Ok(attempts.into_iter().find_map(open))
    }

    async fn trunk_use(&self, day: i64) -> Result<Vec<TrunkUse>, StoreError> {
        let rows = self.rows();
        let of_day = rows.trunk_use.iter().filter(|((other, _), _)| *other == day);
        Ok(of_day
            .map(|((day, trunk), used_ms)| TrunkUse { trunk: trunk.clone(), day: *day, used_ms: *used_ms })
            .collect())
    }

    async fn recording(&self, id: RecordingId) -> Result<Option<Recording>, StoreError> {
        Ok(self.rows().recordings.get(&id).cloned())
    }

    async fn unfinished_calls(&self) -> Result<Vec<Call>, StoreError> {
        let mut calls: Vec<_> = self.rows().calls.values().filter(|call| call.ended_at.is_none()).cloned().collect();
        calls.sort_by_key(|call| (call.started_at, call.id));
        Ok(calls)
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writable()
    }
}

fn phone_inbox(id: InboxId, agent: AgentId, address: &str) -> Inbox {
    Inbox { id, agent, channel: Channel::Phone, address: address.into() }
}

/// A change in the making: a copy of all rows, put in place by its commit.
pub(super) struct MemoryUnit {
    pub(super) store: MemoryStore,
    pub(super) draft: Rows,
    _turn: OwnedMutexGuard<()>,
}

impl MemoryUnit {
    pub(super) fn needs(&self, there: bool) -> Result<(), StoreError> {
        self.store.writable()?;
        if there { Ok(()) } else { Err(StoreError::NotFound) }
    }

    pub(super) fn needs_new(&self, there: bool) -> Result<(), StoreError> {
        if there { Err(StoreError::Conflict) } else { Ok(()) }
    }

    pub(super) fn add_conversation(
        &mut self,
        conversation: &Conversation,
        what: Option<(&Act, &Actor)>,
    ) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&conversation.agent))?;
        self.needs(self.draft.inboxes.contains_key(&conversation.inbox))?;
        let contact = conversation.casework.contact;
        self.needs(contact.is_none_or(|id| self.draft.contacts.contains_key(&id)))?;
        self.needs_new(self.draft.conversations.contains_key(&conversation.id))?;
        self.draft.conversations.insert(conversation.id, conversation.clone());
        self.draft.append_event(conversation, conversation.version, what);
        Ok(())
    }

    pub(super) fn change_conversation(
        &mut self,
        conversation: &Conversation,
        what: Option<(&Act, &Actor)>,
    ) -> Result<(), StoreError> {
        self.needs(self.draft.conversations.contains_key(&conversation.id))?;
        let stored = self.draft.conversations.get_mut(&conversation.id).ok_or(StoreError::NotFound)?;
        if stored.version != conversation.version {
            return Err(StoreError::Conflict);
        }
        let mut kept = Conversation {
            version: conversation.version + 1,
            created_at: stored.created_at,
            agent: stored.agent,
            inbox: stored.inbox,
            ..conversation.clone()
        };
        kept.casework.thread.clone_from(&stored.casework.thread);
        *stored = kept;
        self.draft.append_event(conversation, conversation.version + 1, what);
        Ok(())
    }
}

#[async_trait]
impl UnitOfWork for MemoryUnit {
    async fn save_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        self.needs(true)?;
        let follows = self.draft.agents.get(&agent.id).is_none_or(|last| agent.revision == last.revision + 1);
        self.needs_new(!follows)?;
        self.draft.agents.insert(agent.id, agent.clone());
        Ok(())
    }

    async fn save_seed(&mut self, agent: AgentId, seed: &Seed) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&agent))?;
        self.draft.seeds.insert(agent, seed.clone());
        Ok(())
    }

    async fn save_inbox(&mut self, inbox: InboxId, agent: AgentId, address: &str) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&agent))?;
        self.draft.inboxes.insert(inbox, phone_inbox(inbox, agent, address));
        Ok(())
    }

    async fn replace_knowledge(&mut self, agent: AgentId, origin: &str, entries: &[Entry]) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&agent))?;
        self.draft.knowledge.insert((agent, origin.into()), entries.to_vec());
        Ok(())
    }

    async fn insert_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        self.add_conversation(conversation, None)
    }

    async fn update_conversation(&mut self, conversation: &Conversation) -> Result<(), StoreError> {
        self.change_conversation(conversation, None)
    }

    async fn insert_message(&mut self, message: &Message) -> Result<(), StoreError> {
        self.needs(self.draft.conversations.contains_key(&message.conversation))?;
        self.needs_new(self.draft.messages.contains_key(&message.id))?;
        self.collect_gap(message);
        self.claim_attachments(message)?;
        self.place_in_feed(message);
        self.draft.messages.insert(message.id, message.clone());
        Ok(())
    }

    async fn update_message(&mut self, message: &Message) -> Result<(), StoreError> {
        self.needs(self.draft.messages.contains_key(&message.id))?;
        self.place_in_feed(message);
        self.draft.messages.insert(message.id, message.clone());
        Ok(())
    }

    async fn delete_message(&mut self, message: MessageId) -> Result<(), StoreError> {
        let removed = self.draft.messages.remove(&message).is_some();
        self.needs(removed)
    }

    async fn save_call(&mut self, call: &Call) -> Result<(), StoreError> {
        self.needs(self.draft.conversations.contains_key(&call.conversation))?;
        self.draft.calls.insert(call.id, call.clone());
        Ok(())
    }

    async fn save_attempt(&mut self, attempt: &Attempt) -> Result<(), StoreError> {
        self.needs(self.draft.calls.contains_key(&attempt.call))?;
        self.draft.attempts.insert(attempt.id, attempt.clone());
        Ok(())
    }

    async fn save_trunk_use(&mut self, used: &TrunkUse) -> Result<(), StoreError> {
        self.needs(true)?;
        let known = self.draft.trunk_use.entry((used.day, used.trunk.clone())).or_default();
        *known = used.used_ms.max(*known);
        Ok(())
    }

    async fn save_recording(&mut self, recording: &Recording) -> Result<(), StoreError> {
        self.needs(self.draft.calls.contains_key(&recording.call))?;
        self.draft.recordings.insert(recording.id, recording.clone());
        Ok(())
    }

    async fn delete_recording(&mut self, recording: RecordingId) -> Result<(), StoreError> {
        let removed = self.draft.recordings.remove(&recording).is_some();
        self.needs(removed)
    }

    async fn save_ticket(&mut self, ticket: &Ticket) -> Result<(), StoreError> {
        self.needs(self.draft.conversations.contains_key(&ticket.conversation))?;
        let mut ticket = ticket.clone();
        if let Some(known) = self.draft.tickets.get(&ticket.id) {
            if known.version != ticket.version {
                return Err(StoreError::Conflict);
            }
            ticket.version += 1;
        }
        self.draft.tickets.insert(ticket.id, ticket);
        Ok(())
    }

    async fn enqueue(&mut self, key: &str, kind: &str, payload: &serde_json::Value) -> Result<(), StoreError> {
        self.needs(true)?;
        if !self.draft.outbox.iter().any(|(known, _, _)| known == key) {
            self.draft.outbox.push((key.into(), kind.into(), payload.clone()));
        }
        Ok(())
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.store.writable()?;
        *self.store.rows() = self.draft;
        Ok(())
    }
}
