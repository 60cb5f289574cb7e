//! Macros and canned responses: words, a note and acts with one click.

use super::answering::outdate_drafts;
use super::team::{Order, TeamError, can_write};
use super::{MessageDesk, send};
use crate::domain::casework::Tag;
use crate::domain::conversation::{Author, Conversation, Message};
use crate::domain::shortcut::{Shortcut, Step};
use crate::domain::time::EpochMs;
use crate::domain::transition::Act;
use crate::seams::inbox_store::{Job, JobKind};
use crate::seams::store::{ConversationView, StoreError, UnitOfWork};

impl MessageDesk {
    /// Carries out a macro in one change: all of it or nothing.
    pub async fn shortcut(&self, order: &Order, shortcut: &Shortcut) -> Result<Conversation, TeamError> {
        let view = self.parts.store.conversation(order.conversation).await?;
        let view = view.ok_or(TeamError::NotFound("conversation"))?;
        let mut work = self.parts.store.begin().await?;
        // Whatever comes after the first step sees what that one made.
        let mut order = Order { conversation: order.conversation, by: order.by.clone(), seen: order.seen };
        let (mut conversation, written) = self.words(&mut *work, &mut order, &view, shortcut).await?;
        for step in &shortcut.steps {
            let act = self.act_of(step, conversation.casework.tags.clone());
            conversation = self.change(&mut *work, &order, &act).await?;
            order.seen = None;
            self.beside(&mut *work, &conversation, step).await?;
        }
        work.commit().await?;
        self.work.notify_one();
        self.tell(&conversation, &written);
        Ok(conversation)
    }

    async fn words(
        &self,
        work: &mut dyn UnitOfWork,
        order: &mut Order,
        view: &ConversationView,
        shortcut: &Shortcut,
    ) -> Result<(Conversation, Vec<Message>), TeamError> {
        let mut conversation = view.conversation.clone();
        let mut written = Vec::new();
        if let Some(text) = &shortcut.reply {
            can_write(&conversation)?;
            let message = self.by(&conversation, Author::Teammate, text.clone(), &order.by);
            conversation = self.change(work, order, &Act::TeammateReplied { message: message.id }).await?;
            order.seen = None;
            written = outdate_drafts(work, &view.messages).await?;
            work.insert_message(&message).await?;
            send(work, &conversation, &message).await?;
            written.push(message);
        }
        if let Some(text) = &shortcut.note {
            let message = self.by(&conversation, Author::Note, text.clone(), &order.by);
            conversation = self.change(work, order, &Act::Noted { message: message.id }).await?;
            order.seen = None;
            work.insert_message(&message).await?;
            written.push(message);
        }
        Ok((conversation, written))
    }

    fn act_of(&self, step: &Step, mut tags: Vec<Tag>) -> Act {
        match step {
            Step::AddTag(tag) => {
                tags.push(tag.clone());
                Act::Tagged { tags }
            }
            Step::RemoveTag(name) => {
                tags.retain(|tag| tag.name != *name);
                Act::Tagged { tags }
            }
            Step::Assign(to) => Act::Assigned { to: Some(to.clone()) },
            Step::SnoozeMinutes(minutes) => {
                Act::Snoozed { until: EpochMs(self.parts.clock.epoch().0 + i64::from(*minutes) * MINUTE_MS) }
            }
            Step::Resolve => Act::Resolved,
        }
    }

    async fn beside(
        &self,
        work: &mut dyn UnitOfWork,
        conversation: &Conversation,
        step: &Step,
    ) -> Result<(), StoreError> {
        match step {
            Step::AddTag(_) | Step::RemoveTag(_) => work.index_tags(conversation, &conversation.casework.tags).await,
            Step::SnoozeMinutes(_) => {
                let due_at = conversation.casework.snoozed_until.unwrap_or_default();
                let id = self.parts.ids.next();
                let wake = Job { id, kind: JobKind::Wake, conversation: conversation.id, due_at, tries: 0 };
                work.promise(&wake).await
            }
            Step::Assign(_) | Step::Resolve => Ok(()),
        }
    }
}

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;
