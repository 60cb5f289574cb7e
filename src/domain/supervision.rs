//! A supervisor on a live call: how far they take part (R9).

use serde::{Deserialize, Serialize};

/// How far a supervisor takes part. Whoever only listens is neither heard nor announced to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SupervisionMode {
    /// Hears everybody, is heard by nobody.
    #[default]
    Listen,
    /// Is heard by the colleague who speaks with the caller, and by nobody else.
    Whisper,
    /// Is heard by the caller, and by nobody else.
    WhisperCustomer,
    /// Everybody hears everybody.
    Barge,
}

impl SupervisionMode {
    /// Whether the caller hears the supervisor, whose words then belong to the conversation.
    pub fn is_heard_by_customer(self) -> bool {
        match self {
            SupervisionMode::Barge | SupervisionMode::WhisperCustomer => true,
            SupervisionMode::Listen | SupervisionMode::Whisper => false,
        }
    }
}
