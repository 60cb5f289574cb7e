//! How a case moves: one stored status and who handles it (R31). Pure.
//!
//! What has happened comes in as an [`Act`]; the conversation changes or the act is refused with what to do instead.
//! The agent's own acts are refused whenever a person has the case: with the version that every change contends on,
//! that is what keeps the agent from talking over a person (R33).

use serde::{Deserialize, Serialize};

use super::casework::Tag;
use super::conversation::{Conversation, Handler, Status};
use super::ids::{ConversationId, MessageId};
use super::supervision::SupervisionMode;
use super::time::EpochMs;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// The customer.
    Customer,
    /// The agent.
    Bot,
    /// A teammate, by name.
    Teammate(String),
    /// Switchboard itself: a time that came.
    System,
}

impl Actor {
    /// As it is stored and shown.
    pub fn as_text(&self) -> &str {
        match self {
            Actor::Customer => "customer",
            Actor::Bot => "bot",
            Actor::System => "system",
            Actor::Teammate(name) => name,
        }
    }
}

/// What happened to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Act {
    /// The customer wrote.
    CustomerWrote {
        /// Which message.
        message: MessageId,
    },
    /// The agent replied, or asked back with an offered entry.
    BotReplied {
        /// Which message.
        message: MessageId,
        /// The entry that "Do you mean …?" offered.
        offered: Option<String>,
    },
    /// The agent left it to a person.
    BotHeld {
        /// Why, for teammates.
        why: String,
    },
    /// The agent wrote a draft for the person who has the case.
    Drafted {
        /// Which message.
        message: MessageId,
    },
    /// A draft was sent by a person.
    DraftApproved {
        /// Which message.
        message: MessageId,
        /// Whether they changed it first.
        edited: bool,
    },
    /// A draft was not wanted.
    DraftDiscarded {
        /// Which message.
        message: MessageId,
    },
    /// A person took the case.
    TakenOver,
    /// They gave it back to the agent.
    Released,
    /// It was assigned, or to nobody.
    Assigned {
        /// To whom.
        to: Option<String>,
    },
    /// A person wrote to the customer.
    TeammateReplied {
        /// Which message.
        message: MessageId,
    },
    /// A person wrote to the team.
    Noted {
        /// Which message.
        message: MessageId,
    },
    /// It was put aside.
    Snoozed {
        /// Until then.
        until: EpochMs,
    },
    /// Its time has come.
    Woken,
    /// It is done.
    Resolved,
    /// It is not done after all.
    Reopened,
    /// Its tags were changed to these.
    Tagged {
        /// All of them.
        tags: Vec<Tag>,
    },
    /// Its messages went into another case.
    MergedInto {
        /// Which.
        target: ConversationId,
    },
    /// The messages of another case came in.
    Absorbed {
        /// Which.
        source: ConversationId,
    },
    /// Some of its messages went into a case of their own.
    Split {
        /// Which.
        into: ConversationId,
    },
    /// A supervisor joined its call.
    SupervisorJoined {
        /// How far they take part.
        mode: SupervisionMode,
    },
    /// They take part differently.
    SupervisionChanged {
        /// How far.
        mode: SupervisionMode,
    },
    /// They left it.
    SupervisorLeft,
    /// A teammate had its call transferred.
    CallTransferred {
        /// To whom, as the policy writes it; `None` for its ladder.
        to: Option<String>,
    },
    /// A teammate ended its call.
    CallEnded,
}

/// Why an act does not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A person has the case, or it waits for one: the agent is silent.
    #[error("a person has this conversation; the agent is silent until it is released")]
    BotIsSilent,
    /// It went into another one.
    #[error("this conversation was merged into another one; go on there")]
    Merged,
    /// It is done.
    #[error("it is resolved; reopen it first")]
    IsResolved,
    /// It is not done.
    #[error("it is not resolved; there is nothing to reopen")]
    NotResolved,
    /// Nobody has taken it.
    #[error("no teammate has taken it over; there is nothing to release")]
    NotTaken,
    /// The time is past.
    #[error("snooze it until a time in the future")]
    PastTime,
    /// It is not put aside.
    #[error("it is not snoozed")]
    NotSnoozed,
}

/// Whether the agent may say something to the customer now.
pub fn bot_may_speak(conversation: &Conversation) -> bool {
    conversation.handler == Handler::Bot && matches!(conversation.status, Status::Open | Status::Waiting)
}

/// Brings a conversation to where the act takes it; the version is the store's to raise.
pub fn apply(conversation: &mut Conversation, act: &Act, by: &Actor, now: EpochMs) -> Result<(), Refusal> {
    if conversation.casework.merged_into.is_some() && !matches!(act, Act::Noted { .. }) {
        return Err(Refusal::Merged);
    }
    match act {
        Act::CustomerWrote { .. } => customer_wrote(conversation),
        Act::BotReplied { offered, .. } => {
            speaks(conversation)?;
            conversation.status = Status::Waiting;
            conversation.casework.offered.clone_from(offered);
        }
        Act::BotHeld { why } => {
            speaks(conversation)?;
            (conversation.status, conversation.handler) = (Status::NeedsHuman, Handler::None);
            conversation.reason = Some(why.clone());
            conversation.casework.offered = None;
        }
        Act::TakenOver => taken_over(conversation, by),
        Act::Released => {
            if conversation.handler != Handler::Human {
                return Err(Refusal::NotTaken);
            }
            (conversation.handler, conversation.casework.assignee) = (Handler::Bot, None);
            if conversation.status == Status::NeedsHuman {
                conversation.status = Status::Open;
            }
        }
        Act::Assigned { to } => conversation.casework.assignee.clone_from(to),
        Act::TeammateReplied { .. } => {
            taken_over(conversation, by);
            conversation.status = Status::Waiting;
        }
        Act::DraftApproved { .. } => approved(conversation),
        Act::Snoozed { until } => {
            not_resolved(conversation)?;
            if *until <= now {
                return Err(Refusal::PastTime);
            }
            (conversation.status, conversation.casework.snoozed_until) = (Status::Snoozed, Some(*until));
        }
        Act::Woken => {
            if conversation.status != Status::Snoozed {
                return Err(Refusal::NotSnoozed);
            }
            awake(conversation);
        }
        Act::Resolved => {
            not_resolved(conversation)?;
            resolved(conversation, now);
        }
        Act::Reopened => {
            if conversation.status != Status::Resolved {
                return Err(Refusal::NotResolved);
            }
            let person = conversation.casework.assignee.is_some();
            let state = if person { (Status::Open, Handler::Human) } else { (Status::NeedsHuman, Handler::None) };
            (conversation.status, conversation.handler) = state;
            conversation.casework.resolved_at = None;
        }
        Act::Tagged { tags } => {
            conversation.casework.tags.clone_from(tags);
            conversation.casework.tags.sort();
            conversation.casework.tags.dedup();
        }
        Act::MergedInto { target } => {
            resolved(conversation, now);
            conversation.casework.merged_into = Some(*target);
        }
        Act::Drafted { .. }
        | Act::DraftDiscarded { .. }
        | Act::Noted { .. }
        | Act::Absorbed { .. }
        | Act::Split { .. }
        | Act::SupervisorJoined { .. }
        | Act::SupervisionChanged { .. }
        | Act::SupervisorLeft
        | Act::CallTransferred { .. }
        | Act::CallEnded => {}
    }
    conversation.updated_at = now;
    Ok(())
}

fn speaks(conversation: &Conversation) -> Result<(), Refusal> {
    if bot_may_speak(conversation) { Ok(()) } else { Err(Refusal::BotIsSilent) }
}

fn not_resolved(conversation: &Conversation) -> Result<(), Refusal> {
    if conversation.status == Status::Resolved { Err(Refusal::IsResolved) } else { Ok(()) }
}

/// A reply reopens. Who had the case has it again; where a person took part, the agent does not step in by itself.
fn customer_wrote(conversation: &mut Conversation) {
    match conversation.status {
        Status::Resolved => {
            let person = conversation.casework.person_took_part;
            let state = if person { (Status::NeedsHuman, Handler::None) } else { (Status::Open, Handler::Bot) };
            (conversation.status, conversation.handler) = state;
            conversation.reason = person.then(|| WROTE_AGAIN.to_owned());
            conversation.casework.resolved_at = None;
        }
        Status::Snoozed | Status::Waiting => awake(conversation),
        Status::Open | Status::NeedsHuman => {}
    }
}

fn awake(conversation: &mut Conversation) {
    conversation.casework.snoozed_until = None;
    conversation.status = match conversation.handler {
        Handler::Bot | Handler::Human => Status::Open,
        Handler::None => Status::NeedsHuman,
    };
}

fn taken_over(conversation: &mut Conversation, by: &Actor) {
    (conversation.status, conversation.handler) = (Status::Open, Handler::Human);
    let casework = &mut conversation.casework;
    (casework.snoozed_until, casework.resolved_at, casework.offered) = (None, None, None);
    casework.person_took_part = true;
    if let Actor::Teammate(name) = by {
        casework.assignee = Some(name.clone());
    }
}

/// The agent's own words go out, and the case is its again unless a person keeps it.
fn approved(conversation: &mut Conversation) {
    conversation.status = Status::Waiting;
    if conversation.handler == Handler::None {
        conversation.handler = Handler::Bot;
    }
    conversation.reason = None;
    let casework = &mut conversation.casework;
    (casework.snoozed_until, casework.resolved_at) = (None, None);
    casework.person_took_part = true;
}

fn resolved(conversation: &mut Conversation, now: EpochMs) {
    (conversation.status, conversation.handler) = (Status::Resolved, Handler::None);
    let casework = &mut conversation.casework;
    (casework.snoozed_until, casework.resolved_at, casework.offered) = (None, Some(now), None);
}

/// The status as people know it.
pub fn status_label(status: Status) -> &'static str {
    match status {
        Status::Open => "Open",
        Status::NeedsHuman => "Needs human help",
        Status::Waiting => "Waiting on customer",
        Status::Snoozed => "Snoozed",
        Status::Resolved => "Resolved",
    }
}

/// Who is at work, as people know it; `None` while the agent is.
pub fn handling_label(conversation: &Conversation) -> Option<&'static str> {
    match (conversation.status, conversation.handler) {
        (Status::Resolved, _) if conversation.casework.person_took_part => Some("Closed"),
        (Status::Resolved, _) => Some("Bot handled"),
        (_, Handler::Human) => Some("Active"),
        (Status::NeedsHuman, _) => Some("Pending"),
        (_, Handler::Bot | Handler::None) => None,
    }
}

/// Why a case is back on the desk.
const WROTE_AGAIN: &str = "The customer wrote again after it was resolved.";

#[cfg(test)]
#[path = "transition/tests.rs"]
mod tests;
