//! Dialplans in this house: what they may point to, and where they are loaded from.

use std::path::Path;

use crate::adapters::dialplan_folder::{self, DialplanError, Loaded};
use crate::config::Config;
use crate::config::sip::LOOPBACK;
use crate::domain::agent::Agent;
use crate::domain::dialplan::check::Surroundings;
use crate::domain::dialplan::{Address, CallFacts, Plan};
use crate::domain::escalation_check::Facts;

/// Reads and checks a folder against what is configured.
pub fn load(folder: &Path, config: &Config, agent: &Agent) -> Result<Loaded, DialplanError> {
    let facts = config.facts();
    let prefixes = &agent.escalation.allowed_prefixes;
    let names = |names: Vec<&String>| names.into_iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
    let trunks = names(config.sip.trunks.iter().map(|trunk| &trunk.name).collect());
    let phones = names(config.sip.phones.iter().map(|phone| &phone.name).collect());
    let around = Surroundings {
        ways_in: trunks.iter().cloned().chain(phones).chain([LOOPBACK.to_owned()]).collect(),
        trunks,
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

/// The plan of a house without a folder: the agent answers, and the rules before the routes hold.
pub fn without_folder(agent: &Agent) -> Plan {
    let mut plan = Plan::default();
    plan.emergency.numbers.push(agent.emergency_number.clone());
    plan
}

/// Whether calls by this way come from a telephone of our own: one that registers, or a program on this machine.
pub fn is_own_phone(config: &Config, way_in: &str) -> bool {
    way_in == LOOPBACK || config.sip.phones.iter().any(|phone| phone.name == way_in)
}

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
        own_phone: is_own_phone(config, trunk),
        headers,
        diverted_by: None,
    }
}
