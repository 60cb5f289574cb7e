//! The inbox's part of the store in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::memory_store::{MemoryStore, MemoryUnit, Rows};
use crate::domain::call::Call;
use crate::domain::casework::Tag;
use crate::domain::contact::{Address, Contact};
use crate::domain::conversation::{Author, Conversation};
use crate::domain::ids::{AgentId, ContactId, ConversationId, InboxId, MessageId, RecordingId};
use crate::domain::inbox::Inbox;
use crate::domain::time::EpochMs;
use crate::domain::transition::{Act, Actor};
use crate::seams::inbox_store::{
    Assigned, Event, FACE_CHARS_MAX, Face, Filter, InboxChanges, InboxReads, Job, KeptAnswer, Outgoing, SAVED_MAX,
    SUGGESTED_MAX, Saved, SavedKind,
};
use crate::seams::store::{Cursor, StoreError};

impl Rows {
    fn shows(&self, filter: &Filter, c: &Conversation) -> bool {
        let work = &c.casework;
        filter.agent.is_none_or(|agent| agent == c.agent)
            && (filter.statuses.is_empty() || filter.statuses.contains(&c.status))
            && filter.handler.is_none_or(|handler| handler == c.handler)
            && filter.channel.is_none_or(|channel| channel == c.channel)
            && filter.contact.is_none_or(|contact| work.contact == Some(contact))
            && filter.inboxes.as_ref().is_none_or(|inboxes| inboxes.contains(&c.inbox))
            && filter.tag.as_ref().is_none_or(|tag| work.tags.iter().any(|t| t.name == *tag))
            && match &filter.assignee {
                None => true,
                Some(Assigned::Nobody) => work.assignee.is_none(),
                Some(Assigned::To(name)) => work.assignee.as_ref() == Some(name),
            }
            && filter.view.as_ref().is_none_or(|view| view.shows(c))
            && filter.text.as_ref().is_none_or(|text| self.says(c.id, text))
    }

    /// Whether one message holds a word that begins so for every word asked for.
    fn says(&self, id: ConversationId, text: &str) -> bool {
        let asked = words(text);
        let all = |said: &[String]| asked.iter().all(|word| said.iter().any(|said| said.starts_with(word.as_str())));
        !asked.is_empty() && self.messages.values().any(|m| m.conversation == id && all(&words(&m.text)))
    }
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

#[async_trait]
impl InboxReads for MemoryStore {
    async fn conversations_by(
        &self,
        filter: &Filter,
        cursor: Option<Cursor>,
        limit: u32,
    ) -> Result<Vec<(Conversation, Option<Call>)>, StoreError> {
        let rows = self.rows();
        let before = |c: &Conversation| {
            cursor.as_ref().is_none_or(|cursor| (c.created_at, c.id) < (cursor.created_at, cursor.id))
        };
        let mut found: Vec<_> = rows.conversations.values().filter(|c| before(c) && rows.shows(filter, c)).collect();
        found.sort_by_key(|c| std::cmp::Reverse((c.created_at, c.id)));
        found.truncate(limit as usize);
        Ok(found.into_iter().map(|c| (c.clone(), rows.newest_call(c.id).cloned())).collect())
    }

    async fn faces(&self, of: &[ConversationId]) -> Result<Vec<Face>, StoreError> {
        let rows = self.rows();
        let face = |id: &ConversationId| {
            let written = rows.messages.values().filter(|m| m.conversation == *id && m.author == Author::Customer);
            let newest = written.max_by_key(|message| (message.at, message.id));
            let contact = rows.conversations.get(id).and_then(|one| one.casework.contact);
            Face {
                contact_name: contact.and_then(|id| rows.contacts.get(&id)?.name.clone()),
                last_words: newest.map(|message| message.text.chars().take(FACE_CHARS_MAX).collect()),
            }
        };
        Ok(of.iter().map(face).collect())
    }

    async fn events(&self, id: ConversationId, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows = self.rows();
        let of = rows.events.range((id, after + 1)..=(id, i64::MAX));
        Ok(of.take(limit as usize).map(|(_, event)| event.clone()).collect())
    }

    async fn recording_conversation(&self, id: RecordingId) -> Result<Option<ConversationId>, StoreError> {
        let rows = self.rows();
        let call = rows.recordings.get(&id).and_then(|recording| rows.calls.get(&recording.call));
        Ok(call.map(|call| call.conversation))
    }

    async fn inboxes(&self, agent: AgentId) -> Result<Vec<Inbox>, StoreError> {
        Ok(self.rows().inboxes.values().filter(|inbox| inbox.agent == agent).cloned().collect())
    }

    async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        Ok(self.rows().contacts.get(&id).cloned())
    }

    async fn suggested_contacts(&self, id: ContactId) -> Result<Vec<Contact>, StoreError> {
        let rows = self.rows();
        let Some(contact) = rows.contacts.get(&id) else { return Ok(Vec::new()) };
        let shares = |other: &&Contact| {
            let has = |a: &Address| contact.addresses.iter().any(|b| (a.kind, &a.value) == (b.kind, &b.value));
            other.id != id && other.agent == contact.agent && other.addresses.iter().any(has)
        };
        Ok(rows.contacts.values().filter(shares).take(SUGGESTED_MAX).cloned().collect())
    }

    async fn kept_answer(&self, scope: &str, key: &str) -> Result<Option<KeptAnswer>, StoreError> {
        Ok(self.rows().answers.get(&(scope.to_owned(), key.to_owned())).cloned())
    }

    async fn outgoing(&self, kind: &str, after: i64, limit: u32) -> Result<Vec<Outgoing>, StoreError> {
        let rows = self.rows();
        let numbered = (1i64..).zip(rows.outbox.iter());
        let of = numbered.filter(|(position, (_, of, _))| *position > after && of == kind).take(limit as usize);
        let outgoing = |(position, (key, kind, payload)): (i64, &(String, String, serde_json::Value))| Outgoing {
            position,
            key: key.clone(),
            kind: kind.clone(),
            payload: payload.clone(),
        };
        Ok(of.map(outgoing).collect())
    }

    async fn saved(&self, kind: SavedKind) -> Result<Vec<Saved>, StoreError> {
        let mut saved: Vec<_> = self.rows().saved.values().filter(|saved| saved.kind == kind).cloned().collect();
        saved.sort_by(|one, other| one.name.cmp(&other.name));
        saved.truncate(SAVED_MAX);
        Ok(saved)
    }

    async fn next_job_due(&self) -> Result<Option<EpochMs>, StoreError> {
        Ok(self.rows().jobs.values().map(|(job, _)| job.due_at).min())
    }
}

#[async_trait]
impl InboxChanges for MemoryUnit {
    async fn record(&mut self, conversation: &Conversation, act: &Act, by: &Actor) -> Result<(), StoreError> {
        self.change_conversation(conversation, Some((act, by)))
    }

    async fn begin_conversation(
        &mut self,
        conversation: &Conversation,
        act: &Act,
        by: &Actor,
    ) -> Result<(), StoreError> {
        self.add_conversation(conversation, Some((act, by)))
    }

    async fn read_conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        Ok(self.draft.conversations.get(&id).cloned())
    }

    async fn find_thread(&mut self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError> {
        let of = |c: &&Conversation| c.inbox == inbox && c.casework.thread.as_deref() == Some(thread);
        Ok(self.draft.conversations.values().filter(of).max_by_key(|c| (c.created_at, c.id)).cloned())
    }

    async fn index_tags(&mut self, _: &Conversation, _: &[Tag]) -> Result<(), StoreError> {
        self.needs(true)
    }

    async fn move_messages(
        &mut self,
        from: ConversationId,
        to: ConversationId,
        chosen: Option<&[MessageId]>,
    ) -> Result<u64, StoreError> {
        self.needs(true)?;
        let mut moved = 0;
        for message in self.draft.messages.values_mut().filter(|m| m.conversation == from) {
            if chosen.is_none_or(|chosen| chosen.contains(&message.id)) {
                message.conversation = to;
                moved += 1;
            }
        }
        if let Some(chosen) = chosen {
            self.needs(moved == chosen.len() as u64)?;
            return Ok(moved);
        }
        self.draft.tickets.values_mut().filter(|t| t.conversation == from).for_each(|t| t.conversation = to);
        self.draft.calls.values_mut().filter(|c| c.conversation == from).for_each(|c| c.conversation = to);
        self.draft.jobs.values_mut().filter(|(j, _)| j.conversation == from).for_each(|(j, _)| j.conversation = to);
        Ok(moved)
    }

    async fn save_channel_inbox(&mut self, inbox: &Inbox) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&inbox.agent))?;
        self.draft.inboxes.insert(inbox.id, inbox.clone());
        Ok(())
    }

    async fn save_contact(&mut self, contact: &Contact) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&contact.agent))?;
        for address in contact.addresses.iter().filter(|address| address.proven) {
            let owner = self.find_contact(contact.agent, address).await?;
            self.needs_new(owner.is_some_and(|owner| owner != contact.id))?;
        }
        self.draft.contacts.insert(contact.id, contact.clone());
        Ok(())
    }

    async fn find_contact(&mut self, agent: AgentId, address: &Address) -> Result<Option<ContactId>, StoreError> {
        let is = |a: &Address| a.proven && (a.kind, &a.value) == (address.kind, &address.value);
        let owner = self.draft.contacts.values().find(|c| c.agent == agent && c.addresses.iter().any(is));
        Ok(owner.map(|contact| contact.id))
    }

    async fn merge_contacts(&mut self, from: ContactId, into: ContactId) -> Result<(), StoreError> {
        self.needs(self.draft.contacts.contains_key(&into))?;
        let removed = self.draft.contacts.remove(&from).is_some();
        self.needs(removed)?;
        let of = self.draft.conversations.values_mut().filter(|c| c.casework.contact == Some(from));
        of.for_each(|c| c.casework.contact = Some(into));
        Ok(())
    }

    async fn keep_answer(&mut self, scope: &str, key: &str, answer: &KeptAnswer) -> Result<(), StoreError> {
        self.needs(true)?;
        let key = (scope.to_owned(), key.to_owned());
        self.needs_new(self.draft.answers.contains_key(&key))?;
        self.draft.answers.insert(key, answer.clone());
        Ok(())
    }

    async fn forget_answers(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.needs(true)?;
        let count = self.draft.answers.len();
        self.draft.answers.retain(|_, answer| answer.at >= before);
        Ok((count - self.draft.answers.len()) as u64)
    }

    async fn save(&mut self, saved: &Saved) -> Result<(), StoreError> {
        self.needs(true)?;
        let same = |other: &&Saved| other.id != saved.id && (other.kind, &other.name) == (saved.kind, &saved.name);
        self.needs_new(self.draft.saved.values().any(|other| same(&other)))?;
        self.draft.saved.insert(saved.id, saved.clone());
        Ok(())
    }

    async fn delete_saved(&mut self, kind: SavedKind, id: Uuid) -> Result<(), StoreError> {
        self.needs(self.draft.saved.get(&id).is_some_and(|saved| saved.kind == kind))?;
        self.draft.saved.remove(&id);
        Ok(())
    }

    async fn promise(&mut self, job: &Job) -> Result<(), StoreError> {
        self.needs(self.draft.conversations.contains_key(&job.conversation))?;
        self.needs_new(self.draft.jobs.contains_key(&job.id))?;
        self.draft.jobs.insert(job.id, (job.clone(), EpochMs(0)));
        Ok(())
    }

    async fn claim_jobs(&mut self, now: EpochMs, lease_until: EpochMs, limit: u32) -> Result<Vec<Job>, StoreError> {
        self.needs(true)?;
        let mut due: Vec<_> =
            self.draft.jobs.values_mut().filter(|(job, leased)| job.due_at <= now && *leased <= now).collect();
        due.sort_by_key(|(job, _)| (job.due_at, job.id));
        due.truncate(limit as usize);
        let claim = |claimed: &mut (Job, EpochMs)| {
            claimed.0.tries += 1;
            claimed.1 = lease_until;
            claimed.0.clone()
        };
        Ok(due.into_iter().map(claim).collect())
    }

    async fn finish_job(&mut self, id: Uuid) -> Result<(), StoreError> {
        let removed = self.draft.jobs.remove(&id).is_some();
        self.needs(removed)
    }

    async fn put_off_job(&mut self, id: Uuid, until: EpochMs) -> Result<(), StoreError> {
        self.needs(self.draft.jobs.contains_key(&id))?;
        let put_off = self.draft.jobs.get_mut(&id);
        put_off.into_iter().for_each(|(job, leased)| (job.due_at, *leased) = (until, EpochMs(0)));
        Ok(())
    }

    async fn release_claims(&mut self) -> Result<u64, StoreError> {
        self.needs(true)?;
        let mut released = 0;
        for one in self.draft.deliveries.iter_mut().filter(|one| one.leased_until.0 > 0) {
            one.leased_until = EpochMs(0);
            released += 1;
        }
        for (_, leased) in self.draft.jobs.values_mut().filter(|(_, leased)| leased.0 > 0) {
            *leased = EpochMs(0);
            released += 1;
        }
        Ok(released)
    }
}
