//! The whole of a turn, as calls and messages alike ask for it: decided here, worded by a model where there is one.

use std::sync::Arc;

use tokio::task::{JoinError, spawn_blocking};

use crate::domain::agent::Agent;
use crate::domain::ticket::Field;
use crate::domain::turn::{Line, Turn, TurnInput};

use super::desk::Desk;
use super::summary;
use super::summary_facts;
use super::writer::Listener;
use super::writing;

impl Desk {
    /// Answers one turn. Without a model it is [`Desk::turn`] on a thread where that may take its time; with one, the
    /// words may be told to a listener while they are written. No effects but a provider's cost; dropping it cancels
    /// the work. An error means that the desk itself failed.
    pub async fn respond(
        self: Arc<Self>,
        agent: Arc<Agent>,
        input: TurnInput,
        listener: Option<Listener>,
    ) -> Result<Turn, JoinError> {
        let desk = self.clone();
        let decided = spawn_blocking(move || {
            let turn = desk.turn(&agent, &input);
            let asks = desk.writer().is_some();
            let brief = asks.then(|| writing::brief(&agent, &input, &turn, &desk.index(agent.id))).flatten();
            (turn, brief)
        });
        let (turn, brief) = decided.await?;
        match (self.writer(), brief) {
            (Some(writer), Some(brief)) => Ok(writer.write(&brief, turn, listener).await),
            (_, _) => Ok(turn),
        }
    }

    /// Sums up a case: from facts that a model found in the turns they are said in, where it is in time; else, and for
    /// whatever it did not find, from the slots of [`summary::case_summary`].
    pub async fn sum_up(&self, lines: &[Line], fields: &[Field], caller: Option<&str>) -> String {
        let Some(writer) = self.writer() else { return summary::case_summary(lines, fields, caller) };
        let shown = summary_facts::shown(lines);
        let told = writer.fill_in(|nonce, tokens_max| summary_facts::request(shown, nonce, tokens_max)).await;
        let found = told.map(|arguments| summary_facts::found(&arguments, lines)).unwrap_or_default();
        summary::with_facts(lines, fields, caller, found)
    }
}
