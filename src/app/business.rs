//! The agent and its knowledge, from configuration into the store and onto the desk.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tracing::warn;
use uuid::Uuid;

use crate::adapters::knowledge_folder;
use crate::config::{Config, Problem};
use crate::domain::agent::{Agent, HandOver};
use crate::domain::conversation::Channel;
use crate::domain::escalation_check;
use crate::domain::ids::{AgentId, InboxId};
use crate::domain::inbox::Inbox;
use crate::knowledge::Library;
use crate::seams::clock::Ids;
use crate::seams::store::{Seed, Store};
use crate::support::sensitivity::default_sensitivity;

/// The agent as configured, stored as a new revision when that differs from the newest one, and its inbox.
///
/// What an admin decided about unresolved cases through the API stays: configuration goes before it only in those
/// parts (see [`parts`]) that configuration itself changed since it was last laid down.
pub async fn agent(config: &Config, store: &dyn Store, ids: &dyn Ids) -> anyhow::Result<(Agent, InboxId)> {
    let stored = store.agents().await?.into_iter().next();
    let newest = stored.map(|(agent, _)| agent);
    let inbox = match &newest {
        Some(agent) => store.inboxes(agent.id).await?.into_iter().find(|inbox| inbox.channel == Channel::Phone),
        None => None,
    };
    let id = newest.as_ref().map_or_else(|| AgentId(ids.next()), |agent| agent.id);
    let mut agent = configured(config, id)?;
    let laid_down = parts(&agent.hand_over())?;
    let mut work = store.begin().await?;
    match newest {
        Some(newest) => {
            let last = store.seed(id).await?.unwrap_or_default();
            let kept = kept(&newest.hand_over(), agent.hand_over(), &laid_down, &last, config);
            agent = agent.with_hand_over(kept);
            agent.revision = newest.revision;
            if !same(&newest, &agent) {
                agent.revision += 1;
                work.save_agent(&agent).await?;
            }
        }
        None => work.save_agent(&agent).await?,
    }
    work.save_seed(id, &laid_down).await?;
    let inbox = match inbox {
        Some(inbox) => inbox.id,
        None => {
            let inbox = InboxId(ids.next());
            work.save_inbox(inbox, agent.id, PHONE_INBOX).await?;
            inbox
        }
    };
    work.commit().await?;
    Ok((agent, inbox))
}

/// The inbox through which other programs bring messages in, made when it is not there.
pub async fn api_inbox(agent: AgentId, store: &dyn Store, ids: &dyn Ids) -> anyhow::Result<()> {
    if store.inboxes(agent).await?.iter().any(|inbox| inbox.channel == Channel::Api) {
        return Ok(());
    }
    let inbox = Inbox { id: InboxId(ids.next()), agent, channel: Channel::Api, address: API_INBOX.into() };
    let mut work = store.begin().await?;
    work.save_channel_inbox(&inbox).await?;
    Ok(work.commit().await?)
}

/// An agent with these settings, without an identity of its own (questions on the command line, tests).
pub fn configured(config: &Config, id: AgentId) -> anyhow::Result<Agent> {
    let hand_over = config.hand_over().map_err(|problems| anyhow::anyhow!("{}", told(&problems)))?;
    let config = &config.agent;
    let agent = Agent {
        id,
        revision: 1,
        business: config.business.clone(),
        greeting: config.greeting.clone(),
        published: config.publish,
        mode: config.reply_mode(),
        on_unresolved: Default::default(),
        escalate_topics: Vec::new(),
        callback_topics: Vec::new(),
        escalation: Default::default(),
        send_confidence: config.send_confidence,
        record_calls: config.record_calls,
        emergency_number: config.emergency_number.clone(),
    };
    Ok(agent.with_hand_over(hand_over))
}

/// The parts of what is decided about unresolved cases, each of which is configured or saved as a whole, with a
/// digest of what configuration says: the ladder belongs together with the people and prefixes it names.
fn parts(hand_over: &HandOver) -> anyhow::Result<Seed> {
    let HandOver { on_unresolved, escalate_topics, callback_topics, escalation } = hand_over;
    let digest = |part: serde_json::Result<Vec<u8>>| part.map(|text| hex(&Sha256::digest(text)));
    let named = [
        (ON_UNRESOLVED, serde_json::to_vec(on_unresolved)),
        (ESCALATE_TOPICS, serde_json::to_vec(escalate_topics)),
        (CALLBACK_TOPICS, serde_json::to_vec(callback_topics)),
        (ESCALATION, serde_json::to_vec(escalation)),
    ];
    let digests = named.into_iter().map(|(name, part)| Ok((name.to_owned(), digest(part)?)));
    digests.collect::<serde_json::Result<Seed>>().map_err(Into::into)
}

/// What is stored, but for the parts in which configuration has changed. Should the two not go together (escalate is
/// stored, and the new ladder rings nobody), configuration goes before all of it.
fn kept(stored: &HandOver, configured: HandOver, laid_down: &Seed, last: &Seed, config: &Config) -> HandOver {
    let changed = |part: &str| laid_down.get(part) != last.get(part);
    let mut kept = stored.clone();
    if changed(ON_UNRESOLVED) {
        kept.on_unresolved = configured.on_unresolved;
    }
    if changed(ESCALATE_TOPICS) {
        kept.escalate_topics.clone_from(&configured.escalate_topics);
    }
    if changed(CALLBACK_TOPICS) {
        kept.callback_topics.clone_from(&configured.callback_topics);
    }
    if changed(ESCALATION) {
        kept.escalation.clone_from(&configured.escalation);
    }
    match escalation_check::check(&kept, &config.facts()).first() {
        None => kept,
        Some(problem) => {
            warn!(
                policy.path = problem.path,
                policy.problem = problem.problem,
                "What was saved about unresolved cases no longer fits this installation; the configured policy is used"
            );
            configured
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn told(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("; ")
}

fn same(stored: &Agent, wanted: &Agent) -> bool {
    serde_json::to_value(stored).ok() == serde_json::to_value(wanted).ok()
}

/// Reads the knowledge folder into the store and onto the desk; files that cannot be read are named, the rest
/// is used. Returns how many entries the agent has.
pub async fn knowledge(folder: Option<&Path>, library: &Arc<Library>) -> anyhow::Result<usize> {
    let Some(folder) = folder else { return Ok(library.publish().await?) };
    let loaded = knowledge_folder::load(folder, default_sensitivity)?;
    for problem in &loaded.problems {
        warn!("Knowledge left out: {problem}");
    }
    Ok(library.replace_folder(FOLDER_ORIGIN, &loaded.entries).await?)
}

/// The address of the one inbox that all telephone numbers share until they are told apart.
const PHONE_INBOX: &str = "phone";
/// The name under which other programs bring messages in.
const API_INBOX: &str = "api";
/// Names of the parts of a seed.
const ON_UNRESOLVED: &str = "on_unresolved";
/// See above.
const ESCALATE_TOPICS: &str = "escalate_topics";
/// See above.
const CALLBACK_TOPICS: &str = "callback_topics";
/// See above.
const ESCALATION: &str = "escalation";
/// Where entries of the folder come from, so that they can be replaced as a whole.
const FOLDER_ORIGIN: &str = "folder";
/// The nil identity, for an agent that is never stored.
pub const UNSTORED: AgentId = AgentId(Uuid::nil());

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::system::SystemIds;
    use crate::domain::agent::OnUnresolved;
    use crate::domain::escalation::{RungAction, Target};
    use crate::seams::fakes::MemoryStore;

    fn config(escalate_to: Option<&str>) -> Config {
        let mut config = Config { data_dir: "/d".into(), ..Config::default() };
        config.agent.escalate_to = escalate_to.map(str::to_owned);
        config
    }

    async fn started(config: &Config, store: &MemoryStore) -> Agent {
        agent(config, store, &SystemIds).await.unwrap().0
    }

    async fn saved(store: &MemoryStore, change: impl FnOnce(&mut HandOver)) {
        let (agent, _) = store.agents().await.unwrap().remove(0);
        let mut hand_over = agent.hand_over();
        change(&mut hand_over);
        let agent = Agent { revision: agent.revision + 1, ..agent.with_hand_over(hand_over) };
        let mut work = store.begin().await.unwrap();
        work.save_agent(&agent).await.unwrap();
        work.commit().await.unwrap();
    }

    fn rung_first(agent: &Agent) -> Option<Target> {
        match &agent.escalation.ladder.first()?.action {
            RungAction::Ring { targets, .. } => targets.first().cloned(),
            _ => None,
        }
    }

    #[tokio::test]
    async fn what_was_saved_survives_a_restart_until_configuration_itself_changes() {
        let store = MemoryStore::default();
        let one = config(Some("sip:one@192.0.2.1"));
        assert_eq!(started(&one, &store).await.revision, 1);
        assert_eq!(started(&one, &store).await.revision, 1, "nothing changed");
        let saved_target = Target::Sip("sip:saved@192.0.2.9".into());
        saved(&store, |hand_over| {
            let targets = vec![saved_target.clone()];
            hand_over.escalation.ladder[0].action = RungAction::Ring { targets, ring_seconds: 10, transfer: None };
            hand_over.on_unresolved = OnUnresolved::Flag;
        })
        .await;
        let mut renamed = one.clone();
        renamed.agent.greeting = "Good morning.".into();
        renamed.agent.escalate_topics = vec!["legal".into()];
        let agent = started(&renamed, &store).await;
        assert_eq!((agent.revision, &*agent.greeting), (3, "Good morning."));
        assert!(rung_first(&agent) == Some(saved_target) && agent.on_unresolved == OnUnresolved::Flag);
        assert_eq!(agent.escalate_topics, ["legal"], "this part did change in configuration");
        let agent = started(&config(Some("sip:two@192.0.2.2")), &store).await;
        assert!(rung_first(&agent) == Some(Target::Sip("sip:two@192.0.2.2".into())));
        assert_eq!(agent.on_unresolved, OnUnresolved::Flag, "that part did not");
        assert_eq!(agent.revision, 4);
    }

    #[tokio::test]
    async fn parts_that_no_longer_go_together_are_configurations() {
        let store = MemoryStore::default();
        started(&config(Some("sip:one@192.0.2.1")), &store).await;
        saved(&store, |hand_over| hand_over.on_unresolved = OnUnresolved::Escalate).await;
        // Nobody is left to ring, and escalate alone would promise what cannot be.
        let agent = started(&config(None), &store).await;
        assert_eq!(agent.on_unresolved, OnUnresolved::Flag);
    }
}
