//! What the house does about a cut call after its restart, by the rule that the journal applies (P3).

use switchboard::domain::call::{Attempt, AttemptOutcome, Call, CallOutcome};
use switchboard::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status};
use switchboard::domain::cut_call::{self, Settled};
use switchboard::domain::ids::{AgentId, AttemptId, CallId, ConversationId, InboxId, MessageId, TicketId};
use switchboard::domain::ticket::{Ticket, TicketKind, TicketStatus};
use switchboard::domain::time::EpochMs;
use uuid::Uuid;

use crate::case::Case;

/// Applies the rule to what was kept, or leaves all as it was; what is wrong with the result.
pub fn recover(case: &Case, now: EpochMs, looked_after: bool) -> Result<(), String> {
    let kept = kept(case, now);
    if looked_after {
        return judge(case, &cut_call::settle(kept, TicketId(Uuid::nil()), now));
    }
    let cut_call::Kept { call, conversation, .. } = kept;
    judge(case, &Settled { call, conversation, attempts: vec![], ticket: None })
}

/// What holds of a case that was cut.
fn judge(case: &Case, settled: &Settled) -> Result<(), String> {
    let had = case.kept.tickets().len();
    let has = had + usize::from(settled.ticket.is_some());
    let open = case.kept.attempts().iter().filter(|outcome| outcome.is_none()).count();
    let lost = settled.attempts.iter().filter(|attempt| attempt.outcome == Some(AttemptOutcome::Lost)).count();
    if settled.call.outcome != Some(CallOutcome::Lost) || settled.call.ended_at.is_none() {
        return Err("the cut call is not told as lost".into());
    }
    if settled.conversation.status != Status::NeedsHuman {
        return Err("nobody is told of the cut case".into());
    }
    if has == 0 || (had > 0 && settled.ticket.is_some()) {
        return Err(format!("the cut case had {had} tickets and has {has}"));
    }
    if open != lost {
        return Err(format!("{open} attempts were under way, {lost} are told as lost"));
    }
    let said = case.kept.customer_said();
    let keeps_words = |ticket: &Ticket| said.last().is_none_or(|last| ticket.fields.iter().any(|f| f.value == *last));
    match &settled.ticket {
        Some(ticket) if !keeps_words(ticket) => Err("what the caller said last is not in the ticket".into()),
        _ => Ok(()),
    }
}

fn kept(case: &Case, now: EpochMs) -> cut_call::Kept {
    let conversation = ConversationId(Uuid::nil());
    let attempt = |outcome: Option<AttemptOutcome>| Attempt {
        id: AttemptId(Uuid::nil()),
        call: CallId(Uuid::nil()),
        destination: "sip:ben@desk".into(),
        started_at: now,
        ring_ms: None,
        outcome,
        said: None,
    };
    let ticket = |kind: TicketKind| Ticket {
        id: TicketId(Uuid::nil()),
        conversation,
        kind,
        status: TicketStatus::Pending,
        reason: String::new(),
        fields: vec![],
        created_at: now,
        due_at: None,
        recording: None,
        callback: None,
        notes: String::new(),
        version: 1,
    };
    let message = |text: String| Message {
        id: MessageId(Uuid::nil()),
        conversation,
        author: Author::Customer,
        text,
        heard_text: None,
        at: now,
        decision: None,
        timings: None,
        post: Default::default(),
    };
    cut_call::Kept {
        call: Call {
            id: CallId(Uuid::nil()),
            conversation,
            from: case.number.clone(),
            to: "+4930901800".into(),
            trunk: "carrier".into(),
            started_at: now,
            answered_at: Some(now),
            ended_at: None,
            outcome: None,
        },
        conversation: Conversation {
            id: conversation,
            agent: AgentId(Uuid::nil()),
            inbox: InboxId(Uuid::nil()),
            channel: Channel::Phone,
            status: Status::Open,
            handler: Handler::Bot,
            reason: None,
            summary: None,
            preview: false,
            version: 1,
            created_at: now,
            updated_at: now,
            casework: Default::default(),
        },
        messages: case.kept.customer_said().into_iter().map(message).collect(),
        attempts: case.kept.attempts().into_iter().map(attempt).collect(),
        tickets: case.kept.tickets().into_iter().map(ticket).collect(),
    }
}
