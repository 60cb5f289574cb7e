//! What comes of a turn in a conversation by message. Pure.

use crate::domain::agent::Agent;
use crate::domain::contact::{AddressKind, Contact};
use crate::domain::conversation::{Conversation, Message};
use crate::domain::phone_number::PhoneNumber;
use crate::domain::ticket::{CallbackWish, Field, TICKET_DUE_MS, Ticket, TicketKind, TicketStatus};
use crate::domain::transition::bot_may_speak;
use crate::domain::turn::{ChannelTraits, Line, Reason, Speaker, Turn, Verdict};
use crate::domain::{ids::TicketId, time::EpochMs};
use crate::support::gate;
use crate::support::unresolved::{self, Action};
use crate::support::wording::NO_RELIABLE_ANSWER;

/// What is done.
#[derive(Clone, PartialEq)]
pub enum Plan {
    /// The agent writes to the customer, who has the next word.
    Reply {
        /// The words.
        text: String,
        /// The entry that they offer.
        offered: Option<String>,
    },
    /// A person is wanted.
    Hold {
        /// Why, for teammates.
        why: String,
        /// What the customer is told at once.
        told: Option<String>,
        /// The reply that a person may send.
        draft: Option<String>,
        /// Whether it becomes a ticket.
        ticket: Option<TicketKind>,
    },
    /// A person has the case, or it waits for one: a reply is laid beside it.
    Suggest {
        /// The words.
        draft: String,
    },
    /// There is nothing to do.
    Nothing,
}

/// The case as it was when the turn was judged.
pub struct Case<'a> {
    /// Who answers.
    pub agent: &'a Agent,
    /// The conversation.
    pub conversation: &'a Conversation,
    /// The customer's message.
    pub message: &'a Message,
    /// What was said before.
    pub history: &'a [Line],
    /// What the channel can do.
    pub traits: ChannelTraits,
}

/// What comes of a turn.
pub fn plan(case: &Case, turn: &Turn) -> Plan {
    let words = clipped(&turn.sentences, case.traits.text_chars_max);
    if !bot_may_speak(case.conversation) {
        let asked = turn.decision.reason != Reason::NothingAsked;
        return words.filter(|_| asked).map_or(Plan::Nothing, |draft| Plan::Suggest { draft });
    }
    let urgent = turn.goes_out() && !matches!(turn.decision.verdict, Verdict::Send | Verdict::Clarify);
    if let Some(text) = words.clone().filter(|_| turn.goes_out() && !urgent) {
        return Plan::Reply { text, offered: turn.offered.clone() };
    }
    let withheld = gate::withheld(case.agent).is_some();
    let resolution = unresolved::choose(case.agent, &turn.decision, case.traits, &case.message.text, case.history);
    let ticket = match resolution.action {
        Action::Nothing => None,
        Action::Callback => Some(TicketKind::Callback),
        Action::Flag | Action::Escalate | Action::AskAgain => Some(TicketKind::FollowUp),
    };
    if ticket.is_none() && !resolution.needs_human && !withheld {
        return Plan::Reply { text: NO_RELIABLE_ANSWER.to_owned(), offered: None };
    }
    let told = match (urgent, withheld, ticket) {
        (true, _, _) => words.clone(),
        // Nothing goes out by itself.
        (false, true, _) => None,
        (false, false, Some(_)) => Some(PASSED_ON.to_owned()),
        (false, false, None) => Some(NO_RELIABLE_ANSWER.to_owned()),
    };
    let draft = words.filter(|_| !urgent);
    Plan::Hold { why: resolution.why, told, draft, ticket }
}

/// What was said and is known: what the team reads first about a case is made of it.
pub fn told(case: &Case, contact: Option<&Contact>) -> (Vec<Line>, Vec<Field>) {
    let said = Line { speaker: Speaker::Customer, text: case.message.text.clone() };
    (case.history.iter().cloned().chain([said]).collect(), fields(case, contact))
}

/// The ticket of a case, added to the open one where there is one (R24).
pub fn ticket(
    case: &Case,
    contact: Option<&Contact>,
    kind: TicketKind,
    why: &str,
    open: Option<&Ticket>,
    id: TicketId,
    now: EpochMs,
) -> Ticket {
    let phone = contact.and_then(|contact| contact.addresses.iter().find(|a| a.kind == AddressKind::Phone));
    let number = phone.and_then(|address| PhoneNumber::parse(&address.value, None).ok());
    let callback =
        number.filter(|_| kind == TicketKind::Callback).map(|number| CallbackWish { number, time: None, at: None });
    let fresh = Ticket {
        id,
        conversation: case.conversation.id,
        // Without a number there is nobody to call.
        kind: if callback.is_some() { kind } else { TicketKind::FollowUp },
        status: TicketStatus::Pending,
        reason: why.to_owned(),
        fields: fields(case, contact),
        created_at: now,
        due_at: Some(EpochMs(now.0 + TICKET_DUE_MS)),
        recording: None,
        callback,
        notes: String::new(),
        version: 1,
    };
    match open {
        Some(open) => open.clone().added_to_by(fresh),
        None => fresh,
    }
}

fn fields(case: &Case, contact: Option<&Contact>) -> Vec<Field> {
    let field = |name: &str, value: &str| Field::unconfirmed(name, clip(value));
    let address = |kind| contact.and_then(|c| c.addresses.iter().find(|a| a.kind == kind)).map(|a| &*a.value);
    let known = [
        ("name", contact.and_then(|contact| contact.name.as_deref())),
        ("email", address(AddressKind::Email)),
        ("number", address(AddressKind::Phone)),
        ("reason", Some(&*case.message.text)),
    ];
    known.into_iter().filter_map(|(name, value)| Some(field(name, value?))).collect()
}

fn clip(text: &str) -> String {
    text.chars().take(FIELD_CHARS_MAX).collect()
}

/// Whole sentences, as many as the channel takes.
fn clipped(sentences: &[String], chars_max: usize) -> Option<String> {
    let mut text = String::new();
    for sentence in sentences {
        if text.chars().count() + 1 + sentence.chars().count() > chars_max {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(sentence);
    }
    (!text.is_empty()).then_some(text)
}

/// A person is wanted.
pub const PASSED_ON: &str = "Thank you. I am passing this to a colleague, who will reply to you here.";
/// Of a field of a ticket.
const FIELD_CHARS_MAX: usize = 1_000;

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
