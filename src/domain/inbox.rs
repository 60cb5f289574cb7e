//! A number or a channel account at which customers reach one agent.

use serde::{Deserialize, Serialize};

use super::conversation::Channel;
use super::ids::{AgentId, InboxId};

/// An inbox; belongs to one agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// Which one.
    pub id: InboxId,
    /// Whose.
    pub agent: AgentId,
    /// How messages come to it.
    pub channel: Channel,
    /// The number or account it stands for.
    pub address: String,
}
