//! Live events: what people watch as it happens. Nothing rests on them; the store holds the truth.

use serde::Serialize;
use tokio::sync::broadcast;

use crate::domain::ids::ConversationId;
use crate::domain::time::EpochMs;

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LiveKind {
    /// A call rings.
    CallRinging,
    /// It was answered.
    CallAnswered,
    /// The caller is speaking; what is understood so far.
    Hearing {
        /// Partial transcript.
        text: String,
    },
    /// A message or turn was stored or changed.
    Message {
        /// The message as the API gives it.
        message: serde_json::Value,
    },
    /// The conversation's status, handler or summary changed.
    Conversation {
        /// The conversation as the list gives it.
        conversation: serde_json::Value,
    },
    /// A try to reach a person changed.
    Attempt {
        /// The attempt as the API gives it.
        attempt: serde_json::Value,
    },
    /// A ticket was made or changed.
    Ticket {
        /// The ticket as the API gives it.
        ticket: serde_json::Value,
    },
    /// Who looks at the conversation changed.
    Presence {
        /// Everybody, each with whether they type.
        viewers: serde_json::Value,
    },
    /// A supervisor joined the call, takes part differently, or left it.
    Supervision {
        /// Who did what, and how far they take part.
        supervision: serde_json::Value,
    },
    /// The call ended.
    CallEnded,
}

/// One live event.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LiveEvent {
    /// Grows by one with each event of this process; what a stream resumes after.
    pub id: u64,
    /// When.
    #[serde(rename = "at_ms")]
    pub at: EpochMs,
    /// Which conversation. Its name in JSON leaves `conversation` to [`LiveKind::Conversation`].
    #[serde(rename = "conversation_id")]
    pub conversation: ConversationId,
    /// What.
    #[serde(flatten)]
    pub kind: LiveKind,
}

/// Carries live events within the installation. Bounded: a slow reader is told that it missed some.
pub trait Bus: Send + Sync {
    /// Tells everybody who listens; never waits.
    fn publish(&self, at: EpochMs, conversation: ConversationId, kind: LiveKind);
    /// Events from now on, preceded by those kept that came after `after` (for resuming).
    fn subscribe(&self, after: Option<u64>) -> (Vec<LiveEvent>, broadcast::Receiver<LiveEvent>);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_names_its_conversation_beside_what_changed_in_it() {
        let id = ConversationId(uuid::Uuid::nil());
        let kind = LiveKind::Conversation { conversation: serde_json::json!({ "status": "open" }) };
        let text = serde_json::to_string(&LiveEvent { id: 7, at: EpochMs(1), conversation: id, kind }).unwrap();
        let expected = format!(
            "{{\"id\":7,\"at_ms\":1,\"conversation_id\":\"{id}\",\"kind\":\"conversation\",\
             \"conversation\":{{\"status\":\"open\"}}}}"
        );
        assert_eq!(text, expected);
    }
}
