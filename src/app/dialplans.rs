//! Dialplans in this house: what they may point to, and where they are loaded from.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::adapters::dialplan_folder::{self, DialplanError, Loaded};
use crate::config::Config;
use crate::config::sip::LOOPBACK;
use crate::domain::agent::Agent;
use crate::domain::dialplan::check::Surroundings;
use crate::domain::dialplan::{Address, CallFacts, Plan};
use crate::domain::escalation_check::Facts;
use crate::voice::dialplan::Dialplan;
use crate::voice::front_desk::FrontDesk;

use super::House;

/// Reads and checks a folder against what is configured.
pub fn load(folder: &Path, config: &Config, agent: &Agent) -> Result<Loaded, DialplanError> {
    let facts = config.facts();
    let prefixes = &agent.escalation.allowed_prefixes;
    let names = |names: Vec<&String>| names.into_iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    let trunks = names(config.sip.trunks.iter().map(|trunk| &trunk.name).collect());
    let phones = names(config.sip.phones.iter().map(|phone| &phone.name).collect());
    let around = Surroundings {
        ways_in: trunks.into_iter().chain(phones).chain([LOOPBACK.to_owned()]).collect(),
        agents: vec![agent.business.clone()],
        people: agent.escalation.people.iter().map(|person| person.id.clone()).collect(),
        rotas: agent.escalation.rotas.iter().map(|rota| rota.id.clone()).collect(),
        may_ring: &|target, home_country| {
            let home_country = facts.home_country.clone().or_else(|| home_country.map(str::to_owned));
            let facts = Facts { home_country, ..facts.clone() };
            facts.refuses(target, prefixes).map_or(Ok(()), Err)
        },
    };
    let mut loaded = dialplan_folder::load(folder, config.sip.home_country.as_deref(), &around)?;
    loaded.plan.emergency.numbers.push(agent.emergency_number.clone());
    Ok(loaded)
}

/// The dialplan of this house: its folder's, or without one the rules that hold before all routes.
pub fn of_house(config: &Config, agent: &Agent) -> Result<Dialplan, DialplanError> {
    let Some(folder) = &config.dialplans else {
        let mut plan = Plan::default();
        plan.emergency.numbers.push(agent.emergency_number.clone());
        return Ok(Dialplan { plan: Arc::new(plan), sounds: Default::default() });
    };
    let Loaded { plan, sounds, notes, files } = load(folder, config, agent)?;
    info!(dialplan.files = files, dialplan.routes = plan.routes.len(), "Dialplan ready");
    for note in notes {
        info!("Dialplan: {note}");
    }
    Ok(Dialplan { plan: Arc::new(plan), sounds })
}

/// Names of the ways in by which telephones of our own call: those that register, and programs on this machine.
pub fn own_phones(config: &Config) -> Vec<String> {
    config.sip.phones.iter().map(|phone| phone.name.clone()).chain([LOOPBACK.to_owned()]).collect()
}

/// Reads the folder again whenever a file of it changes. A plan that cannot be used leaves the running one as it is.
pub async fn watch(house: Arc<House>, desk: Arc<FrontDesk>, shutdown: CancellationToken) {
    let Some(folder) = house.config.dialplans.clone() else { return };
    let mut seen = dialplan_folder::fingerprint(&folder);
    let mut beat = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            () = shutdown.cancelled() => return,
        }
        let now = dialplan_folder::fingerprint(&folder);
        if now != seen {
            seen = now;
            reload(&house.config, &desk.agent.load(), &desk.dialplan);
        }
    }
}

/// Takes the folder's new plan, or tells what is wrong with it and keeps the running one. True when it was taken.
pub fn reload(config: &Config, agent: &Agent, running: &ArcSwap<Dialplan>) -> bool {
    match of_house(config, agent) {
        Ok(dialplan) => {
            running.store(Arc::new(dialplan));
            true
        }
        Err(error) => {
            for problem in error.to_string().lines() {
                warn!("Dialplan refused: {problem}");
            }
            warn!("The dialplan was changed and cannot be used; calls go on by the one before");
            false
        }
    }
}

/// How soon a changed plan is used.
const LOOK: Duration = Duration::from_secs(3);

/// What is known of a call that somebody only imagines.
pub fn imagined(
    config: &Config,
    home_country: Option<&str>,
    from: Option<&str>,
    to: &str,
    trunk: &str,
    headers: Vec<(String, String)>,
) -> CallFacts {
    let named = config.sip.trunks.iter().find(|known| known.name == trunk);
    let home =
        named.and_then(|trunk| trunk.home_country.as_deref()).or(config.sip.home_country.as_deref()).or(home_country);
    let caller = from.map(|from| Address::read(from, home));
    let own = config.facts().own_numbers;
    let number = caller.as_ref().and_then(|caller| caller.number.as_ref());
    CallFacts {
        called: Address::read(to, home),
        from_ourselves: number.is_some_and(|number| own.contains(number)),
        caller,
        trunk: trunk.to_owned(),
        own_phone: own_phones(config).iter().any(|phone| phone == trunk),
        headers,
        diverted_by: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::business;
    use crate::domain::time::EpochMs;

    /// R2: an invalid file is refused as a whole, and the running plan is untouched.
    #[test]
    fn a_plan_that_cannot_be_used_leaves_the_running_one() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        let config = Config { data_dir: "/d".into(), dialplans: Some(folder.path().to_owned()), ..Config::default() };
        let agent = business::configured(&config, business::UNSTORED).unwrap();
        write("a.toml", "[[route]]\nto = \"hang_up\"\n");
        let running = ArcSwap::from_pointee(of_house(&config, &agent).unwrap());
        let taken = || {
            let facts = imagined(&config, None, None, "support", "loopback", Vec::new());
            running.load().plan.route(&facts, EpochMs(0)).name
        };
        assert_eq!(taken(), "hang_up");
        write("b.toml", "[[route]]\nto = \"nowhere\"\n");
        assert!(!reload(&config, &agent, &running));
        assert_eq!(taken(), "hang_up", "the plan before goes on");
        write("a.toml", "[[route]]\nto = \"callback\"\n");
        write("b.toml", "");
        assert!(reload(&config, &agent, &running));
        assert_eq!(taken(), "callback");
    }

    /// R55, R57: what is configured decides who we are and which telephones are ours.
    #[test]
    fn our_own_numbers_and_telephones_are_known_from_configuration() {
        let mut config = Config { data_dir: "/d".into(), ..Config::default() };
        config.sip.own_number = "+4930901899".into();
        config.sip.phones.push(crate::config::sip::PhoneConfig { name: "desk".into(), ..Default::default() });
        let agent = business::configured(&config, business::UNSTORED).unwrap();
        let plan = of_house(&config, &agent).unwrap().plan;
        let name = |from: Option<&str>, to: &str, trunk: &str| {
            plan.route(&imagined(&config, None, from, to, trunk, Vec::new()), EpochMs(0)).name
        };
        assert_eq!(name(Some("+4930901899"), "support", "carrier"), "loop");
        assert_eq!(name(Some("desk"), "112", "desk"), "emergency");
        assert_eq!(name(Some("+4930123456"), "112", "carrier"), "agent");
        assert_eq!(name(Some("desk"), "support", "desk"), "agent");
    }
}
