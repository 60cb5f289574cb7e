//! What a visitor sees of a case: their own words and ours that went out. Never drafts, notes, reasons or how sure the
//! agent was; of people no more than the name they go by.

use serde::Serialize;

use crate::domain::attachment::Attachment;
use crate::domain::casework::DraftState;
use crate::domain::conversation::{Author, Conversation, Handler, Message, Status};
use crate::domain::ids::{AttachmentId, MessageId};
use crate::domain::turn::Source;
use crate::seams::widget_store::FeedLine;

/// One message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenMessage {
    /// Its place.
    pub seq: i64,
    /// Which one.
    pub id: MessageId,
    /// `you`, `agent` or `person`.
    pub from: &'static str,
    /// The person's name.
    pub name: Option<String>,
    /// What it says: text, whatever it looks like.
    pub text: String,
    /// When it was written.
    pub at_ms: i64,
    /// The browser's own name for it.
    pub client_id: Option<String>,
    /// What an automatic answer rests on, where that has an address.
    pub sources: Vec<SeenSource>,
    /// Files.
    pub files: Vec<SeenFile>,
}

/// A source that can be opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenSource {
    /// As the knowledge calls it.
    pub title: String,
    /// Where it is: `https` or `http` alone.
    pub url: String,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeenFile {
    /// Which one.
    pub id: AttachmentId,
    /// Its name.
    pub name: String,
    /// What it is, by its content.
    pub media_type: String,
    /// How many bytes it has.
    pub size_bytes: u64,
}

/// Who the visitor talks with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// The agent.
    #[default]
    Agent,
    /// It waits for a person.
    Waiting,
    /// A person.
    Person,
    /// It is done.
    Done,
}

impl Standing {
    /// Of a case.
    pub fn of(conversation: &Conversation) -> Standing {
        Standing::at(conversation.status, conversation.handler)
    }

    /// By state and handler.
    pub fn at(status: Status, handler: Handler) -> Standing {
        match (status, handler) {
            (Status::Resolved, _) => Standing::Done,
            (_, Handler::Human) => Standing::Person,
            (Status::NeedsHuman, _) => Standing::Waiting,
            (Status::Open | Status::Waiting | Status::Snoozed, Handler::Bot | Handler::None) => Standing::Agent,
        }
    }
}

/// Whether a visitor sees it.
pub fn is_seen(message: &Message) -> bool {
    match message.author {
        Author::Customer | Author::Teammate => true,
        Author::Agent => matches!(message.post.draft, None | Some(DraftState::Approved)),
        Author::Draft | Author::Note => false,
    }
}

/// A line as its visitor sees it; `None` for what is the team's own. `thread` begins the visitor's names for messages.
pub fn seen(line: FeedLine, thread: &str) -> Option<SeenMessage> {
    let FeedLine { position, message, external_id } = line;
    if !is_seen(&message) {
        return None;
    }
    let own = |name: String| name.strip_prefix(thread)?.strip_prefix(' ').map(str::to_owned);
    let ours = message.author != Author::Customer;
    let sources = message.decision.iter().filter(|_| ours).flat_map(|decision| &decision.sources);
    Some(SeenMessage {
        seq: position,
        id: message.id,
        from: match message.author {
            Author::Customer => "you",
            Author::Teammate => "person",
            Author::Agent | Author::Draft | Author::Note => "agent",
        },
        name: message.post.by.clone().filter(|_| message.author == Author::Teammate),
        client_id: external_id.and_then(own).filter(|_| !ours),
        sources: sources.filter_map(openable).collect(),
        files: message.post.attachments.iter().map(SeenFile::of).collect(),
        at_ms: message.at.0,
        text: message.text,
    })
}

fn openable(source: &Source) -> Option<SeenSource> {
    let url = url::Url::parse(&source.source).ok()?;
    let openable = matches!(url.scheme(), "https" | "http") && url.has_host();
    openable.then(|| SeenSource { title: source.question.clone(), url: url.into() })
}

impl SeenFile {
    /// A file.
    pub fn of(attachment: &Attachment) -> SeenFile {
        let Attachment { id, name, media_type, size_bytes, .. } = attachment.clone();
        SeenFile { id, name, media_type, size_bytes }
    }
}
