//! Rows as the API and live events show them: one form for both, so that a page needs to know only one.
//!
//! Times are epoch milliseconds (`…_ms`), identifiers text. Fields that are not known are `null`, never absent.

use serde::Serialize;

use super::store::ConversationView;
use crate::domain::attachment::Attachment;
use crate::domain::call::{Attempt, AttemptOutcome, Call, CallOutcome, Recording};
use crate::domain::casework::{Delivery, DraftState, Tag};
use crate::domain::conversation::{Author, Channel, Conversation, Handler, Message, Status, TurnTimings};
use crate::domain::ids::{
    AgentId, AttachmentId, AttemptId, CallId, ContactId, ConversationId, InboxId, MessageId, RecordingId, TicketId,
};
use crate::domain::knowledge::ArticleRef;
use crate::domain::ticket::{CallbackWish, Clip, Field, Ticket, TicketKind, TicketStatus};
use crate::domain::transition::{handling_label, status_label};
use crate::domain::turn::{Reason, RiskTopic, Source, Verdict, Writer};

/// One conversation, whole.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Conversation)]
pub struct ShownConversation<'a> {
    /// What the list gives as well.
    #[serde(flatten)]
    pub summary: ShownSummary<'a>,
    /// Its messages, oldest first.
    pub messages: Vec<ShownMessage<'a>>,
    /// Follow-ups.
    pub tickets: Vec<ShownTicket<'a>>,
}

/// One conversation, as lists and live events give it.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ConversationSummary)]
pub struct ShownSummary<'a> {
    id: ConversationId,
    agent: AgentId,
    inbox: InboxId,
    channel: Channel,
    status: Status,
    handler: Handler,
    reason: Option<&'a str>,
    summary: Option<&'a str>,
    preview: bool,
    version: i64,
    created_at_ms: i64,
    updated_at_ms: i64,
    /// The status as people know it.
    label: &'static str,
    /// Active, Pending, Bot handled or Closed; `null` while the agent is at work.
    handling: Option<&'static str>,
    assignee: Option<&'a str>,
    tags: &'a [Tag],
    contact: Option<ContactId>,
    thread: Option<&'a str>,
    snoozed_until_ms: Option<i64>,
    resolved_at_ms: Option<i64>,
    previous: Option<ConversationId>,
    merged_into: Option<ConversationId>,
    call: Option<ShownCall<'a>>,
}

/// One message.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Message)]
pub struct ShownMessage<'a> {
    id: MessageId,
    author: Author,
    text: &'a str,
    heard_text: Option<&'a str>,
    at_ms: i64,
    sources: Vec<ShownSource<'a>>,
    confidence: Option<f64>,
    verdict: Option<Verdict>,
    /// A sentence for people.
    reason: Option<&'static str>,
    /// The same for programs; never changes its wording.
    reason_code: Option<Reason>,
    /// What a language model had to do with the words.
    writer: Option<&'a Writer>,
    timings_ms: Option<ShownTimings>,
    /// The teammate who wrote or approved it.
    by: Option<&'a str>,
    /// Of a draft, what became of it.
    draft: Option<DraftState>,
    /// How far it came.
    delivery: Option<Delivery>,
    /// Files that came or go with it.
    attachments: Vec<ShownAttachment<'a>>,
}

/// One file of a message.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Attachment)]
pub struct ShownAttachment<'a> {
    id: AttachmentId,
    name: &'a str,
    /// By its content.
    media_type: &'a str,
    size_bytes: u64,
    /// Where its bytes are read.
    url: String,
}

/// The parts of a spoken turn's reply gap, in milliseconds.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Timings)]
pub struct ShownTimings {
    buffer: Option<f64>,
    end_of_turn: Option<f64>,
    recognition: Option<f64>,
    desk: Option<f64>,
    synthesis: Option<f64>,
    reply_gap: Option<f64>,
    prepared: bool,
}

/// One source of a reply.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Source)]
pub struct ShownSource<'a> {
    entry: &'a str,
    question: &'a str,
    source: &'a str,
    score: f64,
    /// The article and revision it is a passage of, where it is of one.
    article: Option<ArticleRef>,
}

/// One call.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Call)]
pub struct ShownCall<'a> {
    id: CallId,
    from: Option<&'a str>,
    to: &'a str,
    trunk: &'a str,
    started_at_ms: i64,
    answered_at_ms: Option<i64>,
    ended_at_ms: Option<i64>,
    outcome: Option<CallOutcome>,
    recording_url: Option<String>,
    recordings: Vec<ShownRecording>,
    attempts: Vec<ShownAttempt<'a>>,
}

/// One audio file of a call.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Recording)]
pub struct ShownRecording {
    id: RecordingId,
    url: String,
    started_at_ms: i64,
    duration_ms: Option<i64>,
}

/// One try to reach a person.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Attempt)]
pub struct ShownAttempt<'a> {
    id: AttemptId,
    destination: &'a str,
    started_at_ms: i64,
    ring_ms: Option<i64>,
    outcome: Option<AttemptOutcome>,
    said: Option<&'a str>,
}

/// One follow-up.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Ticket)]
pub struct ShownTicket<'a> {
    id: TicketId,
    kind: TicketKind,
    status: TicketStatus,
    reason: &'a str,
    fields: Vec<ShownField<'a>>,
    created_at_ms: i64,
    due_at_ms: Option<i64>,
    recording_url: Option<String>,
    callback: Option<ShownCallback<'a>>,
    notes: &'a str,
    version: i64,
}

/// One field that was collected.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Field)]
pub struct ShownField<'a> {
    name: &'a str,
    value: &'a str,
    confirmed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    clip: Option<ShownClip>,
}

/// Where a recording holds what was said.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Clip)]
pub struct ShownClip {
    recording_url: String,
    from_ms: u32,
    to_ms: u32,
}

/// Whom to call back, and when.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Callback)]
pub struct ShownCallback<'a> {
    number: &'a str,
    time: Option<&'a str>,
    at_ms: Option<i64>,
}

impl<'a> ShownConversation<'a> {
    /// All that belongs to a conversation.
    pub fn of(view: &'a ConversationView) -> ShownConversation<'a> {
        let mut summary = ShownSummary::of(&view.conversation, view.call.as_ref());
        if let Some(call) = &mut summary.call {
            call.recordings = view.recordings.iter().map(ShownRecording::of).collect();
            call.recording_url = call.recordings.first().map(|recording| recording.url.clone());
            call.attempts = view.attempts.iter().map(ShownAttempt::of).collect();
        }
        ShownConversation {
            summary,
            messages: view.messages.iter().map(ShownMessage::of).collect(),
            tickets: view.tickets.iter().map(ShownTicket::of).collect(),
        }
    }
}

impl<'a> ShownSummary<'a> {
    /// A conversation and its call; recordings and attempts are left to the whole view.
    pub fn of(conversation: &'a Conversation, call: Option<&'a Call>) -> ShownSummary<'a> {
        let casework = &conversation.casework;
        ShownSummary {
            id: conversation.id,
            agent: conversation.agent,
            inbox: conversation.inbox,
            channel: conversation.channel,
            status: conversation.status,
            handler: conversation.handler,
            reason: conversation.reason.as_deref(),
            summary: conversation.summary.as_deref(),
            preview: conversation.preview,
            version: conversation.version,
            created_at_ms: conversation.created_at.0,
            updated_at_ms: conversation.updated_at.0,
            label: status_label(conversation.status),
            handling: handling_label(conversation),
            assignee: casework.assignee.as_deref(),
            tags: &casework.tags,
            contact: casework.contact,
            thread: casework.thread.as_deref(),
            snoozed_until_ms: casework.snoozed_until.map(|at| at.0),
            resolved_at_ms: casework.resolved_at.map(|at| at.0),
            previous: casework.previous,
            merged_into: casework.merged_into,
            call: call.map(ShownCall::of),
        }
    }

    /// For [`super::bus::LiveKind::Conversation`].
    pub fn json(conversation: &Conversation, call: Option<&Call>) -> serde_json::Value {
        json(&ShownSummary::of(conversation, call))
    }
}

impl<'a> ShownMessage<'a> {
    /// A message.
    pub fn of(message: &'a Message) -> ShownMessage<'a> {
        let decision = message.decision.as_ref();
        ShownMessage {
            id: message.id,
            author: message.author,
            text: &message.text,
            heard_text: message.heard_text.as_deref(),
            at_ms: message.at.0,
            sources: decision.map_or(Vec::new(), |decision| decision.sources.iter().map(ShownSource::of).collect()),
            confidence: decision.map(|decision| rounded(decision.confidence)),
            verdict: message.verdict(),
            reason: decision.map(|decision| sentence(decision.reason)),
            reason_code: decision.map(|decision| decision.reason),
            writer: decision.and_then(|decision| decision.writer.as_ref()),
            timings_ms: message.timings.as_ref().map(ShownTimings::of),
            by: message.post.by.as_deref(),
            draft: message.post.draft,
            delivery: message.post.delivery,
            attachments: message.post.attachments.iter().map(ShownAttachment::of).collect(),
        }
    }

    /// For [`super::bus::LiveKind::Message`].
    pub fn json(message: &Message) -> serde_json::Value {
        json(&ShownMessage::of(message))
    }
}

impl<'a> ShownAttachment<'a> {
    /// A file.
    pub fn of(attachment: &'a Attachment) -> ShownAttachment<'a> {
        let Attachment { id, name, media_type, size_bytes, .. } = attachment;
        let url = format!("/api/v1/attachments/{id}");
        ShownAttachment { id: *id, name, media_type, size_bytes: *size_bytes, url }
    }
}

impl ShownTimings {
    fn of(timings: &TurnTimings) -> ShownTimings {
        ShownTimings {
            buffer: timings.buffer_ms.map(rounded),
            end_of_turn: timings.end_of_turn_ms.map(rounded),
            recognition: timings.recognition_ms.map(rounded),
            desk: timings.desk_ms.map(rounded),
            synthesis: timings.synthesis_ms.map(rounded),
            reply_gap: timings.reply_gap_ms.map(rounded),
            prepared: timings.prepared,
        }
    }
}

impl<'a> ShownSource<'a> {
    fn of(source: &'a Source) -> ShownSource<'a> {
        ShownSource {
            entry: &source.entry,
            question: &source.question,
            source: &source.source,
            score: rounded(source.score),
            article: source.article,
        }
    }
}

impl<'a> ShownCall<'a> {
    fn of(call: &'a Call) -> ShownCall<'a> {
        ShownCall {
            id: call.id,
            from: call.from.as_deref(),
            to: &call.to,
            trunk: &call.trunk,
            started_at_ms: call.started_at.0,
            answered_at_ms: call.answered_at.map(|at| at.0),
            ended_at_ms: call.ended_at.map(|at| at.0),
            outcome: call.outcome,
            recording_url: None,
            recordings: Vec::new(),
            attempts: Vec::new(),
        }
    }
}

impl ShownRecording {
    fn of(recording: &Recording) -> ShownRecording {
        ShownRecording {
            id: recording.id,
            url: recording_url(recording.id),
            started_at_ms: recording.started_at.0,
            duration_ms: recording.duration_ms,
        }
    }
}

impl<'a> ShownAttempt<'a> {
    fn of(attempt: &'a Attempt) -> ShownAttempt<'a> {
        ShownAttempt {
            id: attempt.id,
            destination: &attempt.destination,
            started_at_ms: attempt.started_at.0,
            ring_ms: attempt.ring_ms,
            outcome: attempt.outcome,
            said: attempt.said.as_deref(),
        }
    }

    /// For [`super::bus::LiveKind::Attempt`].
    pub fn json(attempt: &Attempt) -> serde_json::Value {
        json(&ShownAttempt::of(attempt))
    }
}

fn recording_url(recording: RecordingId) -> String {
    format!("/api/v1/recordings/{recording}")
}

impl<'a> ShownField<'a> {
    fn of(field: &'a Field) -> ShownField<'a> {
        let clip = field.clip.map(|Clip { recording, from_ms, to_ms }| ShownClip {
            recording_url: recording_url(recording),
            from_ms,
            to_ms,
        });
        ShownField { name: &field.name, value: &field.value, confirmed: field.confirmed, clip }
    }
}

impl<'a> ShownTicket<'a> {
    fn of(ticket: &'a Ticket) -> ShownTicket<'a> {
        ShownTicket {
            id: ticket.id,
            kind: ticket.kind,
            status: ticket.status,
            reason: &ticket.reason,
            fields: ticket.fields.iter().map(ShownField::of).collect(),
            created_at_ms: ticket.created_at.0,
            due_at_ms: ticket.due_at.map(|at| at.0),
            recording_url: ticket.recording.map(recording_url),
            callback: ticket.callback.as_ref().map(ShownCallback::of),
            notes: &ticket.notes,
            version: ticket.version,
        }
    }

    /// For [`super::bus::LiveKind::Ticket`].
    pub fn json(ticket: &Ticket) -> serde_json::Value {
        json(&ShownTicket::of(ticket))
    }
}

impl<'a> ShownCallback<'a> {
    fn of(wish: &'a CallbackWish) -> ShownCallback<'a> {
        ShownCallback { number: wish.number.as_str(), time: wish.time.as_deref(), at_ms: wish.at.map(|at| at.0) }
    }
}

/// To four places: more is chance, and a widened `f32` would show its rounding (0.97 as 0.9700000286).
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

/// Why a verdict was passed, as a sentence for people.
pub fn sentence(reason: Reason) -> &'static str {
    match reason {
        Reason::ClearAndLowRisk => "The answer is clear and low-risk.",
        Reason::Ambiguous => "Two or more answers are near.",
        Reason::NotKnown => "Nothing in the knowledge answers it well enough.",
        Reason::WriterFlagged => "The language model would rather have a person look at it.",
        Reason::WriterEscalated => "The language model would rather have a person take it.",
        Reason::Risk(topic) => risk_sentence(topic),
        Reason::EntrySensitivity => "The entry that answers it wants a person.",
        Reason::FaultReported => "A fault is reported, which a how-to does not answer.",
        Reason::DraftOnly => "The agent only drafts.",
        Reason::Unpublished => "The agent is not published.",
        Reason::OnlyFiles => "Files came without words.",
        Reason::NothingAsked => "Nothing was asked.",
        Reason::UnsupportedLanguage => "The language is not supported.",
    }
}

fn risk_sentence(topic: RiskTopic) -> &'static str {
    match topic {
        RiskTopic::SelfHarm => "Somebody may be in danger.",
        RiskTopic::RequestForHuman => "A person was asked for.",
        RiskTopic::Legal => "It is a legal matter.",
        RiskTopic::Safety => "Health or property may be in danger.",
        RiskTopic::BillingDispute => "A bill or charge is disputed.",
        RiskTopic::Refund => "Money back is asked for.",
        RiskTopic::AccountAccess => "It touches access to an account.",
        RiskTopic::PersonalData => "It touches personal data.",
        RiskTopic::Abuse => "There were threats or insults.",
        RiskTopic::Upset => "The customer is upset.",
    }
}

fn json(shown: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(shown).expect("these structs hold text, numbers and lists alone")
}
