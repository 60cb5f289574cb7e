//! Rows to store.

use switchboard::domain::agent::Agent;
use switchboard::domain::attachment::Attachment;
use switchboard::domain::call::{Attempt, AttemptOutcome, Call, CallOutcome, Recording};
use switchboard::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status, TurnTimings};
use switchboard::domain::ids::{
    AgentId, AttachmentId, AttemptId, CallId, ConversationId, InboxId, MessageId, RecordingId, TicketId,
};
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::domain::ticket::{CallbackWish, Field, Ticket, TicketKind, TicketStatus};
use switchboard::domain::time::EpochMs;
use switchboard::domain::turn::{Decision, Reason, RiskTopic, Source, Verdict, Writer, WriterOutcome};
use switchboard::seams::store::Store;
use uuid::Uuid;

pub fn id() -> Uuid {
    Uuid::now_v7()
}

pub fn agent() -> Agent {
    Agent {
        greeting: "Welcome to Harbour Bikes.".into(),
        escalate_topics: vec!["legal".into()],
        callback_topics: vec!["workshop".into()],
        record_calls: true,
        ..Agent::automatic(AgentId(id()), "Harbour Bikes")
    }
}

/// An agent with an inbox, stored.
pub async fn seeded(store: &dyn Store) -> (Agent, InboxId) {
    let (agent, inbox) = (agent(), InboxId(id()));
    let mut unit = store.begin().await.unwrap();
    unit.save_agent(&agent).await.unwrap();
    unit.save_inbox(inbox, agent.id, "+4930123456").await.unwrap();
    unit.commit().await.unwrap();
    (agent, inbox)
}

pub fn conversation(agent: AgentId, inbox: InboxId, at: i64) -> Conversation {
    Conversation {
        id: ConversationId(id()),
        agent,
        inbox,
        channel: Channel::Phone,
        status: Status::Open,
        handler: Handler::Bot,
        reason: None,
        summary: Some("Asks when the shop opens.".into()),
        preview: false,
        version: 1,
        created_at: EpochMs(at),
        updated_at: EpochMs(at),
        casework: Default::default(),
    }
}

pub fn attachment(at: i64) -> Attachment {
    Attachment {
        id: AttachmentId(id()),
        owner: "token:1".into(),
        name: "photo.png".into(),
        media_type: "image/png".into(),
        size_bytes: 7,
        blob: "attachments/00/photo".into(),
        created_at: EpochMs(at),
    }
}

pub fn message(conversation: ConversationId, at: i64) -> Message {
    Message {
        id: MessageId(id()),
        conversation,
        author: Author::Agent,
        text: "We open at nine.".into(),
        heard_text: Some("We open at".into()),
        at: EpochMs(at),
        decision: Some(Decision {
            verdict: Verdict::HandOff,
            reason: Reason::Risk(RiskTopic::BillingDispute),
            confidence: 0.937,
            sources: vec![Source {
                entry: "faq.md#hours".into(),
                question: "When do you open?".into(),
                source: "faq.md".into(),
                score: 0.83,
                article: None,
            }],
            features: vec![0.1, 0.2, -0.3, 4.0e-7],
            desk_ms: 3.25,
            writer: Some(Writer {
                model: "a-model".into(),
                outcome: WriterOutcome::Wrote,
                note: None,
                writer_ms: 812.5,
            }),
        }),
        timings: Some(TurnTimings {
            buffer_ms: Some(20.0),
            end_of_turn_ms: Some(180.5),
            recognition_ms: None,
            desk_ms: Some(3.25),
            synthesis_ms: Some(60.125),
            reply_gap_ms: Some(290.0),
            prepared: true,
        }),
        post: Default::default(),
    }
}

pub fn call(conversation: ConversationId, at: i64) -> Call {
    Call {
        id: CallId(id()),
        conversation,
        from: Some("+49301111111".into()),
        to: "+4930123456".into(),
        trunk: "loopback".into(),
        started_at: EpochMs(at),
        answered_at: Some(EpochMs(at + 20)),
        ended_at: Some(EpochMs(at + 60_000)),
        outcome: Some(CallOutcome::BestEffort),
    }
}

pub fn attempt(call: CallId, at: i64) -> Attempt {
    Attempt {
        id: AttemptId(id()),
        call,
        destination: "sip:anna@example.com".into(),
        started_at: EpochMs(at),
        ring_ms: Some(12_000),
        outcome: Some(AttemptOutcome::NoKey),
        said: Some("A call for you.".into()),
    }
}

pub fn recording(call: CallId, at: i64) -> Recording {
    Recording {
        id: RecordingId(id()),
        call,
        file: format!("{call}.wav"),
        started_at: EpochMs(at),
        duration_ms: Some(59_000),
    }
}

pub fn ticket(conversation: ConversationId, at: i64) -> Ticket {
    Ticket {
        id: TicketId(id()),
        conversation,
        kind: TicketKind::Callback,
        status: TicketStatus::InProgress,
        reason: "A bill is disputed.".into(),
        fields: vec![
            Field { confirmed: true, ..Field::unconfirmed("name", "Zoë Ångström") },
            Field::unconfirmed("number", "+49302222222"),
        ],
        created_at: EpochMs(at),
        due_at: Some(EpochMs(at + 86_400_000)),
        recording: Some(RecordingId(id())),
        callback: Some(CallbackWish {
            number: PhoneNumber::parse("+49302222222", None).unwrap(),
            time: Some("tomorrow after ten".into()),
            at: Some(EpochMs(at + 80_000_000)),
        }),
        notes: "Asked the warehouse.".into(),
        version: 1,
    }
}
