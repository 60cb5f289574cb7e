//! The part of the store that knows the files of messages. A message's own files are read and written with it
//! ([`crate::domain::casework::Post::attachments`]).

use async_trait::async_trait;

use super::store::StoreError;
use crate::domain::attachment::Attachment;
use crate::domain::ids::{AttachmentId, ConversationId};
use crate::domain::time::EpochMs;

/// Reading.
#[async_trait]
pub trait AttachmentReads {
    /// One file with the conversation of the message that carries it; `None` there while no message does.
    async fn attachment(&self, id: AttachmentId) -> Result<Option<(Attachment, Option<ConversationId>)>, StoreError>;
    /// Files that no message carries and that were brought before this, oldest first.
    async fn unclaimed_attachments(&self, before: EpochMs, limit: u32) -> Result<Vec<Attachment>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`]. A message that is added claims its files:
/// `NotFound` when one of them is not there or is another message's.
#[async_trait]
pub trait AttachmentChanges: Send {
    /// Adds a file that no message carries yet.
    async fn save_attachment(&mut self, attachment: &Attachment) -> Result<(), StoreError>;
    /// Takes out a file that no message carries; `NotFound` when one does.
    async fn delete_unclaimed_attachment(&mut self, id: AttachmentId) -> Result<(), StoreError>;
}
