//! The agent and its knowledge, from configuration into the store and onto the desk.

use std::path::Path;
use std::sync::Arc;

use tracing::{info, warn};
use uuid::Uuid;

use crate::adapters::knowledge_folder;
use crate::config::agent::AgentConfig;
use crate::domain::agent::Agent;
use crate::domain::ids::{AgentId, InboxId};
use crate::seams::clock::Ids;
use crate::seams::store::Store;
use crate::support::Desk;
use crate::support::sensitivity::default_sensitivity;

/// The agent as configured, stored as a new revision when that differs from the newest one, and its inbox.
pub async fn agent(config: &AgentConfig, store: &dyn Store, ids: &dyn Ids) -> anyhow::Result<(Agent, InboxId)> {
    let stored = store.agents().await?.into_iter().next();
    let (newest, inbox) = match stored {
        Some((agent, inboxes)) => (Some(agent), inboxes.into_iter().next()),
        None => (None, None),
    };
    let id = newest.as_ref().map_or_else(|| AgentId(ids.next()), |agent| agent.id);
    let mut agent = configured(config, id);
    let mut work = store.begin().await?;
    match newest {
        Some(newest) if same(&newest, &agent) => agent.revision = newest.revision,
        Some(newest) => {
            agent.revision = newest.revision + 1;
            work.save_agent(&agent).await?;
        }
        None => work.save_agent(&agent).await?,
    }
    let inbox = match inbox {
        Some(inbox) => inbox,
        None => {
            let inbox = InboxId(ids.next());
            work.save_inbox(inbox, agent.id, PHONE_INBOX).await?;
            inbox
        }
    };
    work.commit().await?;
    Ok((agent, inbox))
}

/// An agent with these settings, without an identity of its own (questions on the command line, tests).
pub fn configured(config: &AgentConfig, id: AgentId) -> Agent {
    Agent {
        id,
        revision: 1,
        business: config.business.clone(),
        greeting: config.greeting.clone(),
        published: config.publish,
        mode: config.reply_mode(),
        on_unresolved: config.unresolved(),
        escalate_topics: config.escalate_topics.clone(),
        callback_topics: config.callback_topics.clone(),
        escalation: Default::default(),
        send_confidence: config.send_confidence,
        record_calls: config.record_calls,
        emergency_number: config.emergency_number.clone(),
    }
}

fn same(stored: &Agent, wanted: &Agent) -> bool {
    let at_one_revision = Agent { revision: stored.revision, ..wanted.clone() };
    serde_json::to_value(stored).ok() == serde_json::to_value(at_one_revision).ok()
}

/// Reads the knowledge folder into the store and onto the desk; files that cannot be read are named, the rest
/// is used. Returns how many entries the agent has.
pub async fn knowledge(
    folder: Option<&Path>,
    agent: AgentId,
    store: &dyn Store,
    desk: Arc<Desk>,
) -> anyhow::Result<usize> {
    if let Some(folder) = folder {
        let loaded = knowledge_folder::load(folder, default_sensitivity)?;
        for problem in &loaded.problems {
            warn!("Knowledge left out: {problem}");
        }
        let mut work = store.begin().await?;
        work.replace_knowledge(agent, FOLDER_ORIGIN, &loaded.entries).await?;
        work.commit().await?;
    }
    let entries = store.knowledge(agent).await?;
    let count = entries.len();
    tokio::task::spawn_blocking(move || desk.set_knowledge(agent, entries)).await??;
    info!(knowledge.entries = count, "Knowledge ready");
    Ok(count)
}

/// The address of the one inbox that all telephone numbers share until they are told apart.
const PHONE_INBOX: &str = "phone";
/// Where entries of the folder come from, so that they can be replaced as a whole.
const FOLDER_ORIGIN: &str = "folder";
/// The nil identity, for an agent that is never stored.
pub const UNSTORED: AgentId = AgentId(Uuid::nil());
