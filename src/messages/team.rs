//! What teammates do with a case, whatever channel it came by.
//!
//! Each act reads the conversation inside the transaction that changes it, so that it never fails because somebody
//! else was quicker: the second comes after the first. The agent's replies do not (`answering.rs`).

use super::accept::RequestKey;
use super::answering::outdate_drafts;
use super::{MessageDesk, send};
use crate::domain::attachment::Attachment;
use crate::domain::casework::DraftState;
use crate::domain::contact::Contact;
use crate::domain::conversation::{Author, Channel, Conversation, Message};
use crate::domain::ids::{ContactId, ConversationId, MessageId};
use crate::domain::transition::{self, Act, Actor, Refusal};
use crate::seams::inbox_store::{Job, JobKind};
use crate::seams::shown::ShownMessage;
use crate::seams::store::{StoreError, UnitOfWork};

/// Why a teammate's act was not done.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// There is no such thing.
    #[error("there is no such {0}; take its id from a list")]
    NotFound(&'static str),
    /// The case is not where that could be done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing can be written to a caller.
    #[error("the customer of a call cannot be written to; add a note, or call back")]
    CannotWrite,
    /// The draft is no longer waiting.
    #[error("this draft was already sent, discarded or outdated; read the conversation again")]
    DraftIsOver,
    /// The version named is not the one there is.
    #[error("the conversation changed meanwhile (it is at version {0} now); read it again and decide anew")]
    Changed(i64),
    /// Both are one.
    #[error("a conversation cannot be merged with itself; name another one")]
    Same,
    /// Nothing was chosen.
    #[error("name one or more messages of this conversation, and leave at least one in it")]
    NothingToSplit,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A teammate's act upon one conversation.
pub struct Order {
    /// Which.
    pub conversation: ConversationId,
    /// Who.
    pub by: Actor,
    /// The version they saw, where they want to be told of changes.
    pub seen: Option<i64>,
}

/// What a teammate writes.
#[derive(Default)]
pub struct Words {
    /// In words; may be empty beside files.
    pub text: String,
    /// Files, as [`MessageDesk::brought`] gives them.
    pub attachments: Vec<Attachment>,
}

impl From<String> for Words {
    fn from(text: String) -> Words {
        Words { text, attachments: Vec::new() }
    }
}

impl MessageDesk {
    /// Carries out an act that is about the state alone; gives the conversation as it is then.
    pub async fn act(&self, order: &Order, act: Act) -> Result<Conversation, TeamError> {
        let mut work = self.parts.store.begin().await?;
        let conversation = self.change(&mut *work, order, &act).await?;
        match &act {
            Act::Tagged { .. } => work.index_tags(&conversation, &conversation.casework.tags).await?,
            Act::Snoozed { until } => {
                let id = self.parts.ids.next();
                let wake = Job { id, kind: JobKind::Wake, conversation: conversation.id, due_at: *until, tries: 0 };
                work.promise(&wake).await?;
            }
            _ => {} // All others leave nothing beside the conversation.
        }
        work.commit().await?;
        self.work.notify_one();
        self.tell(&conversation, &[]);
        Ok(conversation)
    }

    /// Writes to the customer. The case is the writer's from then on.
    pub async fn reply(
        &self,
        order: &Order,
        words: impl Into<Words>,
        key: Option<&RequestKey>,
    ) -> Result<(Conversation, Message), TeamError> {
        let Words { text, attachments } = words.into();
        let view = self.parts.store.conversation(order.conversation).await?;
        let view = view.ok_or(TeamError::NotFound("conversation"))?;
        can_write(&view.conversation)?;
        let mut message = self.by(&view.conversation, Author::Teammate, text, &order.by);
        message.post.attachments = attachments;
        let mut work = self.parts.store.begin().await?;
        let conversation = self.change(&mut *work, order, &Act::TeammateReplied { message: message.id }).await?;
        let outdated = outdate_drafts(&mut *work, &view.messages).await?;
        work.insert_message(&message).await?;
        send(&mut *work, &conversation, &message).await?;
        self.keep(&mut *work, key, &message).await?;
        work.commit().await?;
        self.tell(&conversation, &outdated);
        self.tell(&conversation, std::slice::from_ref(&message));
        Ok((conversation, message))
    }

    /// Writes to the team.
    pub async fn note(
        &self,
        order: &Order,
        words: impl Into<Words>,
        key: Option<&RequestKey>,
    ) -> Result<(Conversation, Message), TeamError> {
        let Words { text, attachments } = words.into();
        let mut work = self.parts.store.begin().await?;
        let there = work.read_conversation(order.conversation).await?.ok_or(TeamError::NotFound("conversation"))?;
        let mut message = self.by(&there, Author::Note, text, &order.by);
        message.post.attachments = attachments;
        let conversation = self.change(&mut *work, order, &Act::Noted { message: message.id }).await?;
        work.insert_message(&message).await?;
        self.keep(&mut *work, key, &message).await?;
        work.commit().await?;
        self.tell(&conversation, std::slice::from_ref(&message));
        Ok((conversation, message))
    }

    /// Sends a draft, as it is or edited (R20, R21).
    pub async fn approve(
        &self,
        order: &Order,
        draft: MessageId,
        edited: Option<String>,
    ) -> Result<(Conversation, Message), TeamError> {
        let mut message = self.waiting_draft(order, draft).await?;
        let act = Act::DraftApproved { message: draft, edited: edited.is_some() };
        message.text = edited.unwrap_or(message.text);
        message.author = Author::Agent;
        message.at = self.parts.clock.epoch();
        message.post.by = Some(order.by.as_text().to_owned());
        message.post.draft = Some(DraftState::Approved);
        message.post.delivery = Some(crate::domain::casework::Delivery::Queued);
        let mut work = self.parts.store.begin().await?;
        let conversation = self.change(&mut *work, order, &act).await?;
        can_write(&conversation)?;
        work.update_message(&message).await?;
        send(&mut *work, &conversation, &message).await?;
        work.commit().await?;
        self.tell(&conversation, std::slice::from_ref(&message));
        Ok((conversation, message))
    }

    /// Puts a draft away.
    pub async fn discard(&self, order: &Order, draft: MessageId) -> Result<(Conversation, Message), TeamError> {
        let mut message = self.waiting_draft(order, draft).await?;
        message.post.by = Some(order.by.as_text().to_owned());
        message.post.draft = Some(DraftState::Discarded);
        let mut work = self.parts.store.begin().await?;
        let conversation = self.change(&mut *work, order, &Act::DraftDiscarded { message: draft }).await?;
        work.update_message(&message).await?;
        work.commit().await?;
        self.tell(&conversation, std::slice::from_ref(&message));
        Ok((conversation, message))
    }

    /// Moves everything of one case into another, which goes on.
    pub async fn merge(&self, order: &Order, into: ConversationId) -> Result<Conversation, TeamError> {
        if into == order.conversation {
            return Err(TeamError::Same);
        }
        let mut work = self.parts.store.begin().await?;
        let source = self.change(&mut *work, order, &Act::MergedInto { target: into }).await?;
        let there = Order { conversation: into, by: order.by.clone(), seen: None };
        let target = self.change(&mut *work, &there, &Act::Absorbed { source: source.id }).await?;
        work.move_messages(source.id, target.id, None).await?;
        work.commit().await?;
        self.tell(&source, &[]);
        self.tell(&target, &[]);
        Ok(target)
    }

    /// Moves some messages into a case of their own, with the same customer.
    pub async fn split(&self, order: &Order, messages: &[MessageId]) -> Result<Conversation, TeamError> {
        let view = self.parts.store.conversation(order.conversation).await?;
        let view = view.ok_or(TeamError::NotFound("conversation"))?;
        let chosen = view.messages.iter().filter(|message| messages.contains(&message.id)).count();
        if chosen == 0 || chosen != messages.len() || chosen == view.messages.len() {
            return Err(TeamError::NothingToSplit);
        }
        let now = self.parts.clock.epoch();
        let into = ConversationId(self.parts.ids.next());
        let mut work = self.parts.store.begin().await?;
        let act = Act::Split { into };
        let source = self.change(&mut *work, order, &act).await?;
        let mut part = Conversation { id: into, version: 1, created_at: now, updated_at: now, ..source.clone() };
        part.casework.previous = Some(source.id);
        part.casework.thread = None;
        part.summary = None;
        work.begin_conversation(&part, &act, &order.by).await?;
        work.index_tags(&part, &part.casework.tags).await?;
        work.move_messages(source.id, into, Some(messages)).await?;
        work.commit().await?;
        self.tell(&source, &[]);
        self.tell(&part, &[]);
        Ok(part)
    }

    /// Joins two customers into one, with all their conversations: a teammate's decision, never ours (R56).
    pub async fn merge_contacts(&self, from: ContactId, into: ContactId) -> Result<Contact, TeamError> {
        if from == into {
            return Err(TeamError::Same);
        }
        let find = async |id| self.parts.store.contact(id).await?.ok_or(TeamError::NotFound("contact"));
        let (one, mut other) = (find(from).await?, find(into).await?);
        if one.agent != other.agent {
            return Err(TeamError::NotFound("contact"));
        }
        for address in one.addresses {
            match other.addresses.iter_mut().find(|a| (a.kind, &a.value) == (address.kind, &address.value)) {
                Some(known) => known.proven |= address.proven,
                None => other.addresses.push(address),
            }
        }
        other.addresses.sort();
        other.name = other.name.or(one.name);
        let mut work = self.parts.store.begin().await?;
        work.merge_contacts(from, into).await?;
        work.save_contact(&other).await?;
        work.commit().await?;
        Ok(other)
    }

    pub(super) async fn change(
        &self,
        work: &mut dyn UnitOfWork,
        order: &Order,
        act: &Act,
    ) -> Result<Conversation, TeamError> {
        let there = work.read_conversation(order.conversation).await?;
        let mut conversation = there.ok_or(TeamError::NotFound("conversation"))?;
        if order.seen.is_some_and(|seen| seen != conversation.version) {
            return Err(TeamError::Changed(conversation.version));
        }
        transition::apply(&mut conversation, act, &order.by, self.parts.clock.epoch())?;
        work.record(&conversation, act, &order.by).await?;
        conversation.version += 1;
        Ok(conversation)
    }

    pub(super) fn by(&self, conversation: &Conversation, author: Author, text: String, by: &Actor) -> Message {
        let mut message = self.written(conversation, author, text, None, self.parts.clock.epoch());
        message.post.by = Some(by.as_text().to_owned());
        message
    }

    async fn waiting_draft(&self, order: &Order, draft: MessageId) -> Result<Message, TeamError> {
        let view = self.parts.store.conversation(order.conversation).await?;
        let view = view.ok_or(TeamError::NotFound("conversation"))?;
        let message = view.messages.into_iter().find(|message| message.id == draft);
        let message = message.ok_or(TeamError::NotFound("draft"))?;
        match message.post.draft {
            Some(DraftState::Waiting) => Ok(message),
            _ => Err(TeamError::DraftIsOver), // Sent, discarded, outdated, or never one.
        }
    }

    async fn keep(
        &self,
        work: &mut dyn UnitOfWork,
        key: Option<&RequestKey>,
        message: &Message,
    ) -> Result<(), StoreError> {
        let Some(key) = key else { return Ok(()) };
        let answer = key.answer(201, ShownMessage::json(message), self.parts.clock.epoch());
        work.keep_answer(&key.scope, &key.key, &answer).await
    }
}

pub(super) fn can_write(conversation: &Conversation) -> Result<(), TeamError> {
    match conversation.channel {
        Channel::Phone => Err(TeamError::CannotWrite),
        Channel::Api | Channel::Widget | Channel::Email | Channel::Slack | Channel::Telegram | Channel::Discord => {
            Ok(())
        }
    }
}
