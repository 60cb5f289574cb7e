//! The door by which an account's messages come in.

use std::sync::Mutex;

use async_trait::async_trait;

use super::Parts;
use crate::domain::attachment::{ATTACHMENTS_MAX, Attachment, plain_name};
use crate::domain::casework::Delivery;
use crate::domain::channel_account::Health;
use crate::domain::ids::ChannelAccountId;
use crate::domain::inbox::Inbox;
use crate::messages::{AttachmentError, Intake, IntakeError, RequestKey, Sender};
use crate::seams::channel::{Arrived, ArrivedFile, Change, Inbound, InboundError, Known};
use crate::seams::channel_store::Dispatch;

/// The door of one account.
pub struct Door {
    pub(super) parts: Parts,
    pub(super) account: ChannelAccountId,
    pub(super) inbox: Inbox,
    pub(super) health: Mutex<Health>,
}

impl Door {
    /// Keeps the files that came with a message; those that are not taken are named in its text.
    async fn kept(&self, files: Vec<ArrivedFile>, mut text: String) -> Result<(Vec<Attachment>, String), InboundError> {
        let (mut kept, owner) = (Vec::new(), format!("channel {}", self.inbox.id));
        for ArrivedFile { name, bytes } in files {
            let taken = match kept.len() < ATTACHMENTS_MAX {
                true => self.parts.messages.keep_attachment(&owner, &name, bytes).await,
                false => Err(AttachmentError::TooMany),
            };
            match taken {
                Ok(attachment) => kept.push(attachment),
                Err(AttachmentError::Store(error)) => return Err(error.into()),
                Err(error @ AttachmentError::Blob(_)) => {
                    tracing::warn!(channel.id = %self.account, %error, "A file that came in was not kept");
                    return Err(InboundError::Busy);
                }
                Err(why) => text = format!("{text}\n\n[{} was not taken: {why}]", plain_name(&name)).trim().to_owned(),
            }
        }
        Ok((kept, text))
    }
}

#[async_trait]
impl Inbound for Door {
    async fn arrived(&self, message: Arrived) -> Result<Known, InboundError> {
        let scope = format!("channel {}", self.inbox.id);
        // The vendor's word that it is the same event counts, whatever else it says this time.
        let key = Some(RequestKey { scope, key: message.key, digest: String::new() });
        let thread = message.thread.clone();
        let (attachments, text) = self.kept(message.files, message.text).await?;
        let intake = Intake {
            attachments,
            sender: Sender { name: message.name, addresses: message.addresses },
            key,
            external_id: message.external_id,
            subject: message.subject,
            unanswered: message.unanswered,
            ..Intake::new(self.inbox.clone(), message.thread, text)
        };
        let accepted = self.parts.messages.accept(intake).await.map_err(|error| match error {
            IntakeError::Busy => InboundError::Busy,
            IntakeError::Store(error) => InboundError::Store(error),
            IntakeError::KeyReused => InboundError::Store(crate::seams::store::StoreError::Conflict),
        })?;
        Ok(Known { message: accepted.message_id, conversation: accepted.conversation_id, thread: Some(thread) })
    }

    async fn changed(&self, external_id: &str, change: Change) -> Result<(), InboundError> {
        Ok(self.parts.messages.change_written(self.inbox.id, external_id, &change).await?)
    }

    async fn progressed(&self, external_id: &str, how_far: Delivery, why: Option<&str>) -> Result<(), InboundError> {
        let Some(known) = self.parts.store.external_message(self.inbox.id, external_id).await? else { return Ok(()) };
        let Some((dispatch, _)) = self.parts.store.dispatch(known.message).await? else { return Ok(()) };
        if !comes_after(how_far, dispatch.state) {
            return Ok(());
        }
        let last_error = why.map(str::to_owned).or_else(|| dispatch.last_error.clone());
        let mut work = self.parts.store.begin().await?;
        work.settle(&Dispatch { state: how_far, last_error, ..dispatch }).await?;
        work.commit().await?;
        if let Some(letter) = self.parts.store.letter(known.message).await? {
            self.parts.messages.came_further(letter.conversation.id, &letter.message);
        }
        Ok(())
    }

    async fn known(&self, external_ids: &[String]) -> Result<Option<Known>, InboundError> {
        for id in external_ids.iter().filter(|id| !id.trim().is_empty()) {
            if let Some(known) = self.parts.store.external_message(self.inbox.id, id).await? {
                return Ok(Some(known));
            }
        }
        Ok(None)
    }

    async fn mark(&self, name: &str) -> Result<Option<String>, InboundError> {
        Ok(self.parts.store.channel_mark(self.account, name).await?)
    }

    async fn keep_mark(&self, name: &str, value: &str) -> Result<(), InboundError> {
        let mut work = self.parts.store.begin().await?;
        work.save_channel_mark(self.account, name, value).await?;
        Ok(work.commit().await?)
    }

    async fn fares(&self, failure: Option<&str>) {
        let now = self.parts.clock.epoch();
        let changed = {
            let mut health = self.health.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let changed = health.after(failure, now);
            changed.iter().for_each(|changed| *health = changed.clone());
            changed
        };
        let Some(changed) = changed else { return };
        let note = async {
            let mut work = self.parts.store.begin().await?;
            work.save_channel_health(self.account, &changed).await?;
            work.commit().await
        };
        // It is shown, and nothing rests on it; an account that was taken out has none.
        if let Err(error) = note.await {
            tracing::debug!(channel.id = %self.account, %error, "How a channel fares was not noted");
        }
    }
}

/// Receipts come in any order: none takes a later one back, and a failure is told of what was sent alone.
fn comes_after(new: Delivery, known: Delivery) -> bool {
    let rank = |state| match state {
        Delivery::Queued => 0,
        Delivery::Sent => 1,
        Delivery::Delivered => 2,
        Delivery::Read => 3,
        Delivery::Failed => 4,
    };
    match known {
        Delivery::Sent | Delivery::Delivered => rank(new) > rank(known),
        Delivery::Queued | Delivery::Read | Delivery::Failed => false,
    }
}
