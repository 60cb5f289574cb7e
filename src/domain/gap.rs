//! Gaps of the knowledge: questions that had no good answer, grouped by what they mean.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::ids::{AgentId, ArticleId, ConversationId, MessageId};
use super::time::EpochMs;

/// Questions of one meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Which.
    pub id: Uuid,
    /// Whose knowledge lacks it.
    pub agent: AgentId,
    /// The question that began it.
    pub label: String,
    /// How often it was asked.
    pub asked: u64,
    /// When it was asked last.
    pub last_at: EpochMs,
    /// What became of it.
    pub state: GapState,
    /// The article that closed it.
    pub article: Option<ArticleId>,
}

/// What became of a gap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GapState {
    /// Nothing yet.
    #[default]
    Open,
    /// An article answers it.
    Answered,
    /// It needs no answer; further questions like it are counted here in silence.
    Dismissed,
}

/// One question that had no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapQuestion {
    /// The customer's message.
    pub message: MessageId,
    /// In which case.
    pub conversation: ConversationId,
    /// What was asked.
    pub text: String,
    /// When.
    pub at: EpochMs,
}

/// What a teammate answered to one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The teammate's message.
    pub message: MessageId,
    /// In which case.
    pub conversation: ConversationId,
    /// What was asked.
    pub question: String,
    /// What was answered.
    pub text: String,
    /// Who wrote or approved it.
    pub by: Option<String>,
    /// When.
    pub at: EpochMs,
}
