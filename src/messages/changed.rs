//! A customer changes what they wrote. The team keeps what it said before, as a note; an answer that was given stays.

use super::MessageDesk;
use crate::domain::card_number;
use crate::domain::conversation::{Author, Message};
use crate::domain::ids::{ConversationId, InboxId};
use crate::domain::transition::{self, Act, Actor};
use crate::seams::bus::LiveKind;
use crate::seams::channel::Change;
use crate::seams::shown::ShownMessage;
use crate::seams::store::StoreError;

impl MessageDesk {
    /// Changes a customer's message that is known by the vendor's name for it; one that is not known, and one that says
    /// the same already, changes nothing.
    pub async fn change_written(&self, inbox: InboxId, external_id: &str, change: &Change) -> Result<(), StoreError> {
        let Some(known) = self.parts.store.external_message(inbox, external_id).await? else { return Ok(()) };
        let mut work = self.parts.store.begin().await?;
        let Some(mut message) = work.read_message(known.message).await? else { return Ok(()) };
        let text = match change {
            Change::Edited(text) => card_number::redact(text).into_owned(),
            Change::Deleted => DELETED.to_owned(),
        };
        if message.author != Author::Customer || message.text == text {
            return Ok(());
        }
        let Some(mut conversation) = work.read_conversation(message.conversation).await? else { return Ok(()) };
        let now = self.parts.clock.epoch();
        let before = std::mem::replace(&mut message.text, text);
        work.update_message(&message).await?;
        let note = self.written(&conversation, Author::Note, format!("{BEFORE}{before}"), None, now);
        let act = Act::Noted { message: note.id };
        // A case that takes no note any more (merged) is told of the words alone.
        if transition::apply(&mut conversation, &act, &Actor::System, now).is_ok() {
            work.record(&conversation, &act, &Actor::System).await?;
            conversation.version += 1;
            work.insert_message(&note).await?;
        }
        work.commit().await?;
        self.tell(&conversation, &[message, note]);
        Ok(())
    }

    /// Tells everybody who watches that a message came further.
    pub fn came_further(&self, conversation: ConversationId, message: &Message) {
        self.tell_of(conversation, LiveKind::Message { message: ShownMessage::json(message) });
    }
}

/// In place of words that their writer took back.
pub const DELETED: &str = "(The customer deleted this message.)";
/// Begins the note that keeps what a message said.
const BEFORE: &str = "The customer changed a message. It said before: ";
