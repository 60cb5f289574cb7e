//! Accounts of channels, the vendors' names for messages, and what goes out, in memory.

use async_trait::async_trait;

use super::memory_store::{MemoryStore, MemoryUnit, Rows};
use crate::domain::casework::Delivery;
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::domain::conversation::{Author, Message};
use crate::domain::ids::{ChannelAccountId, ConversationId, InboxId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::channel::{EARLIER_MAX, Earlier, Known};
use crate::seams::channel_store::{ChannelChanges, ChannelReads, Dispatch, Letter};
use crate::seams::store::StoreError;

/// A message on its way out and what is known of the try under way.
#[derive(Clone)]
pub(super) struct OnItsWay {
    pub(super) dispatch: Dispatch,
    pub(super) leased_until: EpochMs,
    in_flight: bool,
}

impl Rows {
    fn earlier(&self, message: &Message) -> Vec<Earlier> {
        let of_case = |(_, id): &(&(InboxId, String), &MessageId)| {
            let other = self.messages.get(id).filter(|other| other.id != message.id)?;
            (other.conversation == message.conversation).then_some(other)
        };
        let named = self.external.iter().filter_map(|row| Some((of_case(&row)?, row.0.1.clone())));
        let mut named: Vec<_> = named.collect();
        named.sort_by_key(|(other, name)| (other.at, other.id, name.clone()));
        named.drain(..named.len().saturating_sub(EARLIER_MAX));
        let one =
            |(other, external_id): (&Message, String)| Earlier { external_id, ours: other.author != Author::Customer };
        named.into_iter().map(one).collect()
    }

    fn with_conversation(&self, dispatch: &Dispatch) -> Option<(Dispatch, ConversationId)> {
        Some((dispatch.clone(), self.messages.get(&dispatch.message)?.conversation))
    }
}

#[async_trait]
impl ChannelReads for MemoryStore {
    async fn channel_accounts(&self) -> Result<Vec<(ChannelAccount, Health)>, StoreError> {
        Ok(self.rows().channel_accounts.values().cloned().collect())
    }

    async fn channel_account(&self, id: ChannelAccountId) -> Result<Option<(ChannelAccount, Health)>, StoreError> {
        Ok(self.rows().channel_accounts.get(&id).cloned())
    }

    async fn channel_mark(&self, account: ChannelAccountId, name: &str) -> Result<Option<String>, StoreError> {
        Ok(self.rows().channel_marks.get(&(account, name.to_owned())).cloned())
    }

    async fn outbox_mark(&self, reader: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.rows().outbox_marks.get(reader).copied())
    }

    async fn external_message(&self, inbox: InboxId, external_id: &str) -> Result<Option<Known>, StoreError> {
        let rows = self.rows();
        let message = rows.external.get(&(inbox, external_id.to_owned())).and_then(|id| rows.messages.get(id));
        let known = |message: &Message| {
            let conversation = rows.conversations.get(&message.conversation)?;
            let thread = conversation.casework.thread.clone();
            Some(Known { message: message.id, conversation: conversation.id, thread })
        };
        Ok(message.and_then(known))
    }

    async fn letter(&self, message: MessageId) -> Result<Option<Letter>, StoreError> {
        let rows = self.rows();
        let Some(message) = rows.messages.get(&message).cloned() else { return Ok(None) };
        let conversation = rows.conversations.get(&message.conversation).cloned().ok_or(StoreError::NotFound)?;
        let contact = conversation.casework.contact.and_then(|id| rows.contacts.get(&id).cloned());
        let earlier = rows.earlier(&message);
        let own = rows.external.iter().filter(|(_, of)| **of == message.id);
        let own = own.map(|((_, name), _)| name.clone()).collect();
        Ok(Some(Letter { message, conversation, contact, earlier, own }))
    }

    async fn next_delivery_due(&self, inbox: InboxId) -> Result<Option<EpochMs>, StoreError> {
        let rows = self.rows();
        let dispatches = rows.deliveries.iter().map(|on_its_way| &on_its_way.dispatch);
        let queued = dispatches.filter(|one| one.inbox == inbox && one.state == Delivery::Queued);
        Ok(queued.map(|dispatch| dispatch.due_at).min())
    }

    async fn dispatch(&self, message: MessageId) -> Result<Option<(Dispatch, ConversationId)>, StoreError> {
        let rows = self.rows();
        let found = rows.deliveries.iter().find(|one| one.dispatch.message == message);
        Ok(found.and_then(|one| rows.with_conversation(&one.dispatch)))
    }

    async fn dispatches(
        &self,
        state: Delivery,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<(Dispatch, ConversationId)>, StoreError> {
        let rows = self.rows();
        let asked = |one: &&Dispatch| one.state == state && before.is_none_or(|before| one.message < before);
        let mut found: Vec<_> = rows.deliveries.iter().map(|one| &one.dispatch).filter(asked).collect();
        found.sort_by_key(|dispatch| std::cmp::Reverse(dispatch.message));
        found.truncate(limit as usize);
        Ok(found.into_iter().filter_map(|dispatch| rows.with_conversation(dispatch)).collect())
    }
}

#[async_trait]
impl ChannelChanges for MemoryUnit {
    async fn save_channel_account(&mut self, account: &ChannelAccount) -> Result<(), StoreError> {
        self.needs(self.draft.agents.contains_key(&account.agent) && self.draft.inboxes.contains_key(&account.inbox))?;
        let known =
            self.draft.channel_accounts.get(&account.id).map(|(account, health)| (account.version, health.clone()));
        self.needs(account.version == 0 || known.is_some())?;
        let (version, health) = known.unwrap_or_default();
        self.needs_new(version != account.version)?;
        let saved = ChannelAccount { version: account.version + 1, ..account.clone() };
        self.draft.channel_accounts.insert(account.id, (saved, health));
        Ok(())
    }

    async fn delete_channel_account(&mut self, id: ChannelAccountId, now: EpochMs) -> Result<(), StoreError> {
        let removed = self.draft.channel_accounts.remove(&id);
        self.needs(removed.is_some())?;
        self.draft.channel_marks.retain(|(account, _), _| *account != id);
        self.draft.visitor_sessions.retain(|_, session| session.account != id);
        let inbox = removed.map(|(account, _)| account.inbox);
        let waiting = self.draft.deliveries.iter().map(|one| one.dispatch.clone());
        let waiting: Vec<_> = waiting.filter(|one| Some(one.inbox) == inbox && one.state == Delivery::Queued).collect();
        for dispatch in waiting {
            let why = Some("its channel was taken out before it was sent".into());
            let failed = Dispatch { state: Delivery::Failed, last_error: why, settled_at: Some(now), ..dispatch };
            self.settle(&failed).await?;
        }
        Ok(())
    }

    async fn save_channel_health(&mut self, id: ChannelAccountId, health: &Health) -> Result<(), StoreError> {
        self.needs(self.draft.channel_accounts.contains_key(&id))?;
        self.draft.channel_accounts.entry(id).and_modify(|account| account.1 = health.clone());
        Ok(())
    }

    async fn save_channel_mark(&mut self, id: ChannelAccountId, name: &str, value: &str) -> Result<(), StoreError> {
        self.needs(self.draft.channel_accounts.contains_key(&id))?;
        self.draft.channel_marks.insert((id, name.to_owned()), value.to_owned());
        Ok(())
    }

    async fn save_outbox_mark(&mut self, reader: &str, position: i64) -> Result<(), StoreError> {
        self.draft.outbox_marks.insert(reader.to_owned(), position);
        Ok(())
    }

    async fn name_message(&mut self, inbox: InboxId, external_id: &str, message: MessageId) -> Result<(), StoreError> {
        self.needs(self.draft.inboxes.contains_key(&inbox) && self.draft.messages.contains_key(&message))?;
        let key = (inbox, external_id.to_owned());
        self.needs_new(self.draft.external.contains_key(&key))?;
        self.draft.external.insert(key, message);
        Ok(())
    }

    async fn read_message(&mut self, id: MessageId) -> Result<Option<Message>, StoreError> {
        Ok(self.draft.messages.get(&id).cloned())
    }

    async fn post(&mut self, dispatch: &Dispatch) -> Result<(), StoreError> {
        self.needs(
            self.draft.inboxes.contains_key(&dispatch.inbox) && self.draft.messages.contains_key(&dispatch.message),
        )?;
        self.needs_new(self.draft.deliveries.iter().any(|one| one.dispatch.message == dispatch.message))?;
        let dispatch = dispatch.clone();
        self.draft.deliveries.push(OnItsWay { dispatch, leased_until: EpochMs(0), in_flight: false });
        Ok(())
    }

    async fn claim_deliveries(
        &mut self,
        inbox: InboxId,
        now: EpochMs,
        lease_until: EpochMs,
        limit: u32,
    ) -> Result<Vec<Dispatch>, StoreError> {
        self.needs(true)?;
        let mut lanes = std::collections::BTreeSet::new();
        let queued = self.draft.deliveries.iter_mut().filter(|one| one.dispatch.state == Delivery::Queued);
        let first = queued.filter(|one| lanes.insert(one.dispatch.lane.clone()));
        let due =
            |one: &&mut OnItsWay| one.dispatch.inbox == inbox && one.dispatch.due_at <= now && one.leased_until <= now;
        let mut due: Vec<_> = first.filter(due).collect();
        due.sort_by_key(|one| one.dispatch.due_at);
        let claim = |one: &mut OnItsWay| {
            one.leased_until = lease_until;
            one.dispatch.tries += 1;
            one.dispatch.uncertain |= one.in_flight;
            one.in_flight = true;
            one.dispatch.clone()
        };
        Ok(due.into_iter().take(limit as usize).map(claim).collect())
    }

    async fn settle(&mut self, dispatch: &Dispatch) -> Result<(), StoreError> {
        let one = self.draft.deliveries.iter_mut().find(|one| one.dispatch.message == dispatch.message);
        let known = one.is_some();
        if let Some(one) = one {
            *one = OnItsWay { dispatch: dispatch.clone(), leased_until: EpochMs(0), in_flight: false };
        }
        self.needs(known)?;
        let message = self.draft.messages.get_mut(&dispatch.message);
        message.into_iter().for_each(|message| message.post.delivery = Some(dispatch.state));
        Ok(())
    }
}
