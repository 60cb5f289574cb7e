//! Visitors' sessions and what they see, in memory.

use async_trait::async_trait;

use super::memory_store::{MemoryStore, MemoryUnit};
use crate::domain::casework::Delivery;
use crate::domain::conversation::{Author, Channel, Conversation, Message};
use crate::domain::ids::InboxId;
use crate::domain::time::EpochMs;
use crate::domain::widget::VisitorSession;
use crate::seams::store::StoreError;
use crate::seams::widget_store::{FeedLine, PROGRESSED_MAX, WidgetChanges, WidgetReads};

#[async_trait]
impl WidgetReads for MemoryStore {
    async fn visitor_session(&self, digest: &str) -> Result<Option<VisitorSession>, StoreError> {
        Ok(self.rows().visitor_sessions.values().find(|session| session.digest == digest).cloned())
    }

    async fn feed(
        &self,
        inbox: InboxId,
        thread: &str,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<FeedLine>, StoreError> {
        let rows = self.rows();
        let name = |message: &Message| {
            let named = rows.external.iter().find(|((of, _), id)| *of == inbox && **id == message.id);
            named.map(|((_, name), _)| name.clone())
        };
        let numbered = (1..).zip(&rows.feed).filter(|(_, (of, in_thread, _))| *of == inbox && in_thread == thread);
        let later = numbered.filter(|(position, _)| *position > after.unwrap_or(0));
        let mut lines: Vec<FeedLine> = later
            .filter_map(|(position, (_, _, id))| {
                let message = rows.messages.get(id)?.clone();
                Some(FeedLine { position, external_id: name(&message), message })
            })
            .collect();
        match after {
            Some(_) => lines.truncate(limit as usize),
            None => drop(lines.drain(..lines.len().saturating_sub(limit as usize))),
        }
        Ok(lines)
    }

    async fn thread_now(&self, inbox: InboxId, thread: &str) -> Result<Option<Conversation>, StoreError> {
        let rows = self.rows();
        let of = rows.conversations.values();
        let of = of.filter(|c| c.inbox == inbox && c.casework.thread.as_deref() == Some(thread));
        Ok(of.max_by_key(|c| (c.created_at, c.id)).cloned())
    }
}

#[async_trait]
impl WidgetChanges for MemoryUnit {
    async fn save_visitor_session(&mut self, session: &VisitorSession) -> Result<(), StoreError> {
        self.needs(self.draft.channel_accounts.contains_key(&session.account))?;
        self.draft.visitor_sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn forget_visitor_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.needs(true)?;
        let count = self.draft.visitor_sessions.len();
        self.draft.visitor_sessions.retain(|_, session| session.expires_at >= before);
        Ok((count - self.draft.visitor_sessions.len()) as u64)
    }

    async fn feed_came(
        &mut self,
        inbox: InboxId,
        thread: &str,
        up_to: i64,
        how_far: Delivery,
    ) -> Result<Vec<Message>, StoreError> {
        self.needs(true)?;
        let numbered =
            (1..).zip(&self.draft.feed).filter(|(at, (of, t, _))| *at <= up_to && *of == inbox && t == thread);
        let ids: Vec<_> = numbered.map(|(_, (_, _, id))| *id).collect();
        let mut came = Vec::new();
        for id in ids.into_iter().rev() {
            let Some(message) = self.draft.messages.get_mut(&id) else { continue };
            let ours = matches!(message.author, Author::Agent | Author::Teammate);
            let earlier = match message.post.delivery {
                Some(Delivery::Queued | Delivery::Sent) => true,
                Some(Delivery::Delivered) => how_far == Delivery::Read,
                Some(Delivery::Read | Delivery::Failed) | None => false,
            };
            if ours && earlier && came.len() < PROGRESSED_MAX as usize {
                message.post.delivery = Some(how_far);
                came.push(message.clone());
            }
        }
        came.sort_by_key(|message| (message.at, message.id));
        Ok(came)
    }
}

impl MemoryUnit {
    /// Gives a message that the visitor may see its place, once.
    pub(super) fn place_in_feed(&mut self, message: &Message) {
        if !matches!(message.author, Author::Customer | Author::Agent | Author::Teammate) {
            return;
        }
        let of = |c: &&Conversation| {
            c.channel == Channel::Widget
                && (c.id == message.conversation || c.casework.merged_into == Some(message.conversation))
        };
        let threads = self.draft.conversations.values().filter(of);
        let places: Vec<_> = threads.filter_map(|c| Some((c.inbox, c.casework.thread.clone()?, message.id))).collect();
        for place in places {
            if !self.draft.feed.contains(&place) {
                self.draft.feed.push(place);
            }
        }
    }
}
