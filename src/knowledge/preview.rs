//! What a question would be answered, without asking it.

use std::sync::Arc;

use super::{Library, LibraryError};
use crate::domain::agent::{Agent, ReplyMode};
use crate::domain::knowledge::Entry;
use crate::domain::turn::{ChannelTraits, Source, Turn, TurnInput};

/// A question as the desk sees it.
pub struct Preview {
    /// As the agent is now.
    pub turn: Turn,
    /// As it would be were the agent published and automatic when safe.
    pub if_automatic: Turn,
    /// The passages it would use, best first.
    pub passages: Vec<(Source, Entry)>,
}

impl Library {
    /// Puts a question to the desk; nothing is stored and nothing goes out. Internal guidance shows in the verdict
    /// alone.
    pub async fn preview(self: &Arc<Self>, text: &str, channel: ChannelTraits) -> Result<Preview, LibraryError> {
        let agent = self.agent_now().await?;
        let input = TurnInput {
            text: text.to_owned(),
            history: Vec::new(),
            offered: None,
            channel,
            now: self.parts.clock.epoch(),
        };
        let desk = self.parts.desk.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let index = desk.index(agent.id);
            let turn = desk.turn(&agent, &input);
            let automatic = Agent { published: true, mode: ReplyMode::AutomaticWhenSafe, ..agent };
            let if_automatic = desk.turn(&automatic, &input);
            let entry = |source: &Source| Some((source.clone(), index.entry(index.find(&source.entry)?).clone()));
            let passages = if_automatic.decision.sources.iter().filter_map(entry).collect();
            Preview { turn, if_automatic, passages }
        });
        asked.await.map_err(|error| crate::seams::embed::EmbedError::Run(error.to_string()).into())
    }
}
