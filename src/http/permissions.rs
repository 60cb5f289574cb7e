//! What each endpoint asks of whoever calls it, in one table: an endpoint that is not in it is refused to everybody.

use axum::http::Method;

use crate::domain::team::Permission::{self, *};

/// What an endpoint asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `None` for endpoints that are open to all: they prove by themselves who calls.
    pub permission: Option<Permission>,
    /// Whose cases it touches.
    pub reach: Reach,
}

/// Whose cases an endpoint touches: somebody who sees some inboxes alone is refused the rest (as if it were not there).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// None.
    Nothing,
    /// Those of the list that are theirs; the handler filters.
    Listed,
    /// The conversation named in the path.
    Conversation,
    /// The ticket named in the path.
    Ticket,
    /// The recording named in the path.
    Recording,
    /// The conversation of the file named in the path.
    Attachment,
    /// The contact named in the path.
    Contact,
    /// The live call named in the path.
    Call,
    /// All of them: for those alone who see every inbox.
    Everything,
}

/// What an endpoint asks; `None` where it is not in the table.
pub fn asked(method: &Method, route: &str) -> Option<Asked> {
    // HEAD is answered by what answers GET.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let row = TABLE.iter().find(|(known, path, ..)| *known == method && *path == route)?;
    Some(Asked { permission: row.2, reach: row.3 })
}

type Row = (&'static str, &'static str, Option<Permission>, Reach);

/// Method, route, permission, reach.
pub const TABLE: &[Row] = &[
    ("GET", "/metrics", Some(ReadMetrics), Reach::Nothing),
    ("GET", "/api/v1/openapi.json", Some(OwnAccount), Reach::Nothing),
    ("GET", "/api/v1/setup", None, Reach::Nothing),
    ("POST", "/api/v1/setup", None, Reach::Nothing),
    ("POST", "/api/v1/session", None, Reach::Nothing),
    ("POST", "/api/v1/invitation", None, Reach::Nothing),
    ("GET", "/api/v1/session", Some(OwnAccount), Reach::Nothing),
    ("DELETE", "/api/v1/session", Some(OwnAccount), Reach::Nothing),
    ("GET", "/api/v1/sessions", Some(OwnAccount), Reach::Nothing),
    ("DELETE", "/api/v1/sessions/{id}", Some(OwnAccount), Reach::Nothing),
    ("PUT", "/api/v1/account/password", Some(OwnAccount), Reach::Nothing),
    ("POST", "/api/v1/account/two-factor", Some(OwnAccount), Reach::Nothing),
    ("PUT", "/api/v1/account/two-factor", Some(OwnAccount), Reach::Nothing),
    ("POST", "/api/v1/account/two-factor/off", Some(OwnAccount), Reach::Nothing),
    ("GET", "/api/v1/teammates", Some(ReadSettings), Reach::Nothing),
    ("POST", "/api/v1/teammates", Some(ManageTeam), Reach::Everything),
    ("PATCH", "/api/v1/teammates/{id}", Some(ManageTeam), Reach::Everything),
    ("POST", "/api/v1/teammates/{id}/invitation", Some(ManageTeam), Reach::Everything),
    ("DELETE", "/api/v1/teammates/{id}/sessions", Some(ManageTeam), Reach::Everything),
    ("GET", "/api/v1/tokens", Some(ManageTeam), Reach::Everything),
    ("POST", "/api/v1/tokens", Some(ManageTeam), Reach::Everything),
    ("DELETE", "/api/v1/tokens/{id}", Some(ManageTeam), Reach::Everything),
    ("GET", "/api/v1/audit", Some(ReadAudit), Reach::Everything),
    ("GET", "/api/v1/agents", Some(ReadSettings), Reach::Nothing),
    ("GET", "/api/v1/agents/{id}/escalation", Some(ReadSettings), Reach::Nothing),
    ("PUT", "/api/v1/agents/{id}/escalation", Some(ChangeSettings), Reach::Everything),
    ("GET", "/api/v1/channels", Some(ReadSettings), Reach::Everything),
    ("POST", "/api/v1/channels", Some(ChangeSettings), Reach::Everything),
    ("GET", "/api/v1/channels/{id}", Some(ReadSettings), Reach::Everything),
    ("PATCH", "/api/v1/channels/{id}", Some(ChangeSettings), Reach::Everything),
    ("DELETE", "/api/v1/channels/{id}", Some(ChangeSettings), Reach::Everything),
    ("POST", "/api/v1/channels/{id}/test", Some(ChangeSettings), Reach::Everything),
    ("GET", "/api/v1/deliveries", Some(ReadCases), Reach::Everything),
    ("POST", "/api/v1/deliveries/{id}/resend", Some(WorkCases), Reach::Everything),
    ("GET", "/api/v1/conversations", Some(ReadCases), Reach::Listed),
    ("GET", "/api/v1/conversations/{id}", Some(ReadCases), Reach::Conversation),
    ("GET", "/api/v1/conversations/{id}/events", Some(ReadCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/presence", Some(ReadCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/messages", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/take-over", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/release", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/assign", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/snooze", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/resolve", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/reopen", Some(WorkCases), Reach::Conversation),
    ("PUT", "/api/v1/conversations/{id}/tags", Some(WorkCases), Reach::Conversation),
    // Merging names a second conversation, whose inbox the path does not tell.
    ("POST", "/api/v1/conversations/{id}/merge", Some(WorkCases), Reach::Everything),
    ("POST", "/api/v1/conversations/{id}/split", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/drafts/{draft}/approve", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/drafts/{draft}/discard", Some(WorkCases), Reach::Conversation),
    ("POST", "/api/v1/conversations/{id}/macros/{macro}", Some(WorkCases), Reach::Conversation),
    ("GET", "/api/v1/views", Some(ReadCases), Reach::Nothing),
    ("POST", "/api/v1/views", Some(WorkCases), Reach::Nothing),
    ("DELETE", "/api/v1/views/{id}", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/macros", Some(ReadCases), Reach::Nothing),
    ("POST", "/api/v1/macros", Some(WorkCases), Reach::Nothing),
    ("DELETE", "/api/v1/macros/{id}", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/contacts/{id}", Some(ReadCases), Reach::Contact),
    ("POST", "/api/v1/contacts/{id}/merge", Some(WorkCases), Reach::Everything),
    ("POST", "/api/v1/attachments", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/attachments/{id}", Some(ReadCases), Reach::Attachment),
    ("POST", "/api/v1/intake/attachments", Some(Intake), Reach::Everything),
    ("POST", "/api/v1/intake/messages", Some(Intake), Reach::Everything),
    ("GET", "/api/v1/intake/replies", Some(Intake), Reach::Everything),
    ("GET", "/api/v1/tickets/{id}", Some(ReadCases), Reach::Ticket),
    ("PATCH", "/api/v1/tickets/{id}", Some(WorkCases), Reach::Ticket),
    ("POST", "/api/v1/tickets/{id}/call", Some(WorkCases), Reach::Ticket),
    ("GET", "/api/v1/recordings/{id}", Some(ReadCases), Reach::Recording),
    ("GET", "/api/v1/events", Some(ReadCases), Reach::Listed),
    ("GET", "/api/v1/calls", Some(ReadCases), Reach::Listed),
    ("POST", "/api/v1/calls/{id}/supervision", Some(Supervise), Reach::Call),
    ("PATCH", "/api/v1/calls/{id}/supervision", Some(Supervise), Reach::Call),
    ("DELETE", "/api/v1/calls/{id}/supervision", Some(Supervise), Reach::Call),
    // Whoever works on cases may take a call of theirs in hand; listening in on colleagues is another matter.
    ("POST", "/api/v1/calls/{id}/take-over", Some(WorkCases), Reach::Call),
    ("POST", "/api/v1/calls/{id}/hand-back", Some(WorkCases), Reach::Call),
    ("POST", "/api/v1/calls/{id}/transfer", Some(WorkCases), Reach::Call),
    ("POST", "/api/v1/calls/{id}/end", Some(WorkCases), Reach::Call),
    ("POST", "/api/v1/browser-calls", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/browser-calls/setup", Some(WorkCases), Reach::Nothing),
    ("DELETE", "/api/v1/browser-calls/{id}", Some(WorkCases), Reach::Nothing),
    ("PATCH", "/api/v1/browser-calls/{id}", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/browser-calls/{id}/events", Some(WorkCases), Reach::Nothing),
    ("GET", "/api/v1/knowledge/articles", Some(ReadKnowledge), Reach::Nothing),
    ("POST", "/api/v1/knowledge/articles", Some(WriteKnowledge), Reach::Nothing),
    ("GET", "/api/v1/knowledge/articles/{id}", Some(ReadKnowledge), Reach::Nothing),
    ("PUT", "/api/v1/knowledge/articles/{id}", Some(WriteKnowledge), Reach::Nothing),
    ("DELETE", "/api/v1/knowledge/articles/{id}", Some(WriteKnowledge), Reach::Nothing),
    ("GET", "/api/v1/knowledge/articles/{id}/revisions", Some(ReadKnowledge), Reach::Nothing),
    ("GET", "/api/v1/knowledge/articles/{id}/revisions/{revision}", Some(ReadKnowledge), Reach::Nothing),
    ("POST", "/api/v1/knowledge/articles/{id}/restore", Some(WriteKnowledge), Reach::Nothing),
    ("PUT", "/api/v1/knowledge/articles/{id}/file", Some(WriteKnowledge), Reach::Nothing),
    ("POST", "/api/v1/knowledge/articles/{id}/refresh", Some(WriteKnowledge), Reach::Nothing),
    ("POST", "/api/v1/knowledge/files", Some(WriteKnowledge), Reach::Nothing),
    ("POST", "/api/v1/knowledge/pages", Some(WriteKnowledge), Reach::Nothing),
    ("GET", "/api/v1/knowledge/search", Some(ReadKnowledge), Reach::Nothing),
    // Gaps hold customers' words from every inbox.
    ("GET", "/api/v1/knowledge/gaps", Some(ReadKnowledge), Reach::Everything),
    ("PATCH", "/api/v1/knowledge/gaps/{id}", Some(WriteKnowledge), Reach::Everything),
    ("POST", "/api/v1/knowledge/gaps/{id}/article", Some(WriteKnowledge), Reach::Everything),
    ("GET", "/api/v1/knowledge/proposals", Some(ReadKnowledge), Reach::Everything),
];
