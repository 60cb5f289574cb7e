//! Files of messages in memory.

use async_trait::async_trait;

use super::memory_store::{MemoryStore, MemoryUnit};
use crate::domain::attachment::Attachment;
use crate::domain::conversation::Message;
use crate::domain::ids::{AttachmentId, ConversationId};
use crate::domain::time::EpochMs;
use crate::seams::attachment_store::{AttachmentChanges, AttachmentReads};
use crate::seams::store::StoreError;

#[async_trait]
impl AttachmentReads for MemoryStore {
    async fn attachment(&self, id: AttachmentId) -> Result<Option<(Attachment, Option<ConversationId>)>, StoreError> {
        let rows = self.rows();
        let Some((attachment, message)) = rows.attachments.get(&id).cloned() else { return Ok(None) };
        let conversation = message.and_then(|id| rows.messages.get(&id)).map(|message| message.conversation);
        Ok(Some((attachment, conversation)))
    }

    async fn unclaimed_attachments(&self, before: EpochMs, limit: u32) -> Result<Vec<Attachment>, StoreError> {
        let rows = self.rows();
        let unclaimed = rows.attachments.values().filter(|(_, message)| message.is_none());
        let mut old: Vec<_> = unclaimed.map(|(one, _)| one).filter(|one| one.created_at < before).cloned().collect();
        old.sort_by_key(|one| (one.created_at, one.id));
        old.truncate(limit as usize);
        Ok(old)
    }
}

#[async_trait]
impl AttachmentChanges for MemoryUnit {
    async fn save_attachment(&mut self, attachment: &Attachment) -> Result<(), StoreError> {
        self.needs(true)?;
        self.draft.attachments.insert(attachment.id, (attachment.clone(), None));
        Ok(())
    }

    async fn delete_unclaimed_attachment(&mut self, id: AttachmentId) -> Result<(), StoreError> {
        let unclaimed = self.draft.attachments.get(&id).is_some_and(|(_, message)| message.is_none());
        self.needs(unclaimed)?;
        self.draft.attachments.remove(&id);
        Ok(())
    }
}

impl MemoryUnit {
    /// A message takes its files; each belongs to one message alone.
    pub(super) fn claim_attachments(&mut self, message: &Message) -> Result<(), StoreError> {
        for attachment in &message.post.attachments {
            let free = self.draft.attachments.get(&attachment.id).is_some_and(|(_, of)| of.is_none());
            self.needs(free)?;
            self.draft.attachments.insert(attachment.id, (attachment.clone(), Some(message.id)));
        }
        Ok(())
    }
}
