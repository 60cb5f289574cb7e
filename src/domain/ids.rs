//! Identifiers: UUIDv7 as text, one type each, so that they cannot be mixed up.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map($name)
            }
        }
    };
}

id!(
    /// An agent of the workspace.
    AgentId
);
id!(
    /// A number or a channel account; belongs to one agent.
    InboxId
);
id!(
    /// A person who writes or calls.
    ContactId
);
id!(
    /// One case, whatever channels it came by.
    ConversationId
);
id!(
    /// One message or spoken turn of a conversation.
    MessageId
);
id!(
    /// One telephone call.
    CallId
);
id!(
    /// One party's connection within a call.
    LegId
);
id!(
    /// One try to reach a person.
    AttemptId
);
id!(
    /// A follow-up that belongs to a conversation.
    TicketId
);
id!(
    /// An audio file of a call.
    RecordingId
);
id!(
    /// An article of the knowledge.
    ArticleId
);
id!(
    /// A file of a message.
    AttachmentId
);
id!(
    /// Somebody on the team.
    TeammateId
);
id!(
    /// A browser that is signed in.
    SessionId
);
id!(
    /// A program that may use the API.
    ApiTokenId
);
id!(
    /// An account of a channel: a mailbox, a bot, a widget.
    ChannelAccountId
);
id!(
    /// A live event, for resuming a stream.
    EventId
);
