//! What becomes of a call that was cut when we stopped: it is marked lost, and its case becomes a ticket (P3). Pure.

use super::call::{Attempt, AttemptOutcome, Call, CallOutcome};
use super::conversation::{Author, Conversation, Handler, Message, Status};
use super::ids::TicketId;
use super::ticket::{FIRST_VERSION, Field, TICKET_DUE_MS, Ticket, TicketKind, TicketStatus};
use super::time::EpochMs;

/// All that is kept of a call.
pub struct Kept {
    /// The call.
    pub call: Call,
    /// Its case.
    pub conversation: Conversation,
    /// What was said, oldest first.
    pub messages: Vec<Message>,
    /// Tries to reach a person.
    pub attempts: Vec<Attempt>,
    /// Follow-ups.
    pub tickets: Vec<Ticket>,
}

/// What is written about it.
pub struct Settled {
    /// The call, ended and lost.
    pub call: Call,
    /// The case, which needs a person.
    pub conversation: Conversation,
    /// Those attempts that were under way, now lost.
    pub attempts: Vec<Attempt>,
    /// The ticket, unless the case had one.
    pub ticket: Option<Ticket>,
}

/// Settles a call that was cut. `id` is the ticket's, should there be one.
pub fn settle(kept: Kept, id: TicketId, now: EpochMs) -> Settled {
    let Kept { mut call, mut conversation, messages, mut attempts, tickets } = kept;
    call.ended_at = Some(now);
    call.outcome = Some(CallOutcome::Lost);
    conversation.status = Status::NeedsHuman;
    conversation.handler = Handler::None;
    conversation.reason = Some(CUT_REASON.to_owned());
    conversation.updated_at = now;
    attempts.retain(|attempt| attempt.outcome.is_none());
    attempts.iter_mut().for_each(|attempt| attempt.outcome = Some(AttemptOutcome::Lost));
    let ticket = tickets.is_empty().then(|| Ticket {
        id,
        conversation: conversation.id,
        kind: TicketKind::FollowUp,
        status: TicketStatus::Pending,
        reason: CUT_REASON.to_owned(),
        fields: fields(&call, &messages),
        created_at: now,
        due_at: Some(EpochMs(now.0 + TICKET_DUE_MS)),
        recording: None,
        callback: None,
        notes: String::new(),
        version: FIRST_VERSION,
    });
    Settled { call, conversation, attempts, ticket }
}

/// The number they called from, and what they said last.
fn fields(call: &Call, messages: &[Message]) -> Vec<Field> {
    let field = |name: &str, value: &str| Field::unconfirmed(name, value);
    let number = call.from.as_deref().filter(|from| from.starts_with('+'));
    let wish = messages.iter().rev().find(|message| message.author == Author::Customer);
    let number = number.map(|number| field("number", number));
    number.into_iter().chain(wish.map(|message| field("reason", &message.text))).collect()
}

/// Shown to the team.
const CUT_REASON: &str = "The call was cut when Switchboard stopped; please call back.";
