//! The `[escalation]` section: the ladder by which a case reaches a person, as it is first laid down. What an admin
//! saves through the API goes before it, until the section itself changes.

use serde::{Deserialize, Serialize};

use super::agent::AgentConfig;
use super::sip::SipConfig;
use super::{Config, Problem};
use crate::domain::agent::{HandOver, OnUnresolved};
use crate::domain::escalation::{EscalationPolicy, RING_SECONDS, Rung, RungAction, Target};
use crate::domain::escalation_check::{self, Facts};
use crate::domain::phone_number::PhoneNumber;

/// The ladder, the people and the rest of the policy, written as in the API.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EscalationConfig(pub EscalationPolicy);

/// Every key of the section with its sentence for the reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "ladder",
        "Rungs in order, as [[escalation.ladder]] tables: do = \"ring\" with targets (\"+49…\", \"sip:…\", \"person:ID\", \
         \"rota:ID\"; rung together, the first to accept wins), ring_seconds (5 to 120) and transfer (see below), or \"voicemail\", \
         \"callback\", \"flag\" (a ticket) or \"best_effort\"; with when = { time_zone, hours, closed, open } it is there \
         at those times alone. Not together with agent.escalate_to.",
    ),
    (
        "people",
        "[[escalation.people]] tables: id, name, destinations (numbers or SIP addresses, in order) and do_not_disturb.",
    ),
    (
        "rotas",
        "[[escalation.rotas]] tables: id and shifts, each with a person and when; the first that is open is on duty.",
    ),
    (
        "spoken_summary",
        "Whether the person who picks up hears a summary of the case; agent.spoken_summary can take it away too.",
    ),
    ("accept_by_key", "Whether that person must press 1 (or say so); without, a short human greeting is enough."),
    (
        "transfer",
        "How the call reaches whoever takes it, unless a rung says so itself: bridged (through us, recorded), blind (the \
         caller's side is asked to call them by REFER, without summary or key) or attended (rung, told and accepted, then \
         REFER with Replaces; bridged where that is refused).",
    ),
    ("meanwhile", "What the caller hears between our words while somebody is rung: tone or music."),
    (
        "fields",
        "[[escalation.fields]] tables asked beside name, number and reason: name, question, kind (text, digits, number or \
         email).",
    ),
    (
        "allowed_prefixes",
        "Prefixes that may be dialled, such as \"+49\". None: the home country and the countries of our own numbers alone. \
         Premium and emergency numbers and our own are never dialled.",
    ),
];

impl EscalationConfig {
    /// Nothing can be said about it alone: what it may name depends on other sections ([`Config::hand_over`]).
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        Ok(())
    }
}

impl Config {
    /// What is configured about unresolved cases: the shorthand of one destination is a ladder of one ring and a
    /// ticket after it.
    pub fn hand_over(&self) -> Result<HandOver, Vec<Problem>> {
        let mut escalation = self.escalation.0.clone();
        escalation.spoken_summary &= self.agent.spoken_summary;
        if let Some(to) = &self.agent.escalate_to {
            if !escalation.ladder.is_empty() {
                return Err(vec![both_at_once()]);
            }
            let target = shorthand(to, self.sip.home_country.as_deref()).map_err(|problem| vec![problem])?;
            // Whoever names one number means that number, wherever it is; it alone is allowed beside what is listed.
            if let Target::Number(number) = &target {
                let facts = self.facts();
                let listed = &mut escalation.allowed_prefixes;
                if !facts.may_dial(number, listed) {
                    // Once a prefix is listed, the countries that go without saying have to be listed as well.
                    if listed.is_empty() {
                        listed.extend(facts.countries().iter().filter_map(|country| PhoneNumber::prefix_of(country)));
                    }
                    listed.push(number.as_str().to_owned());
                }
            }
            escalation.ladder = one_rung(target, self.agent.ring_seconds);
        }
        let rings = escalation.ladder.iter().any(|rung| matches!(rung.action, RungAction::Ring { .. }));
        let unset = if rings { OnUnresolved::Decide } else { OnUnresolved::Flag };
        let AgentConfig { on_unresolved, escalate_topics, callback_topics, .. } = &self.agent;
        Ok(HandOver {
            on_unresolved: on_unresolved.unwrap_or(unset),
            escalate_topics: escalate_topics.clone(),
            callback_topics: callback_topics.clone(),
            escalation,
        })
    }

    /// What is known about this installation, by which a policy is judged.
    pub fn facts(&self) -> Facts {
        let SipConfig { listen, advertised, own_number, home_country, phones, .. } = &self.sip;
        let own_numbers = self.sip.trunks.iter().filter_map(|trunk| {
            let home = trunk.home_country.as_deref().or(home_country.as_deref());
            PhoneNumber::parse(trunk.own_number.as_deref()?, home).ok()
        });
        let mut own_numbers: Vec<_> =
            own_numbers.chain(PhoneNumber::parse(own_number, home_country.as_deref()).ok()).collect();
        own_numbers.sort();
        own_numbers.dedup();
        let mut own_hosts: Vec<String> = advertised.iter().cloned().collect();
        own_hosts.extend(self.sip.trunks.iter().filter_map(|trunk| trunk.advertised).map(|ip| ip.to_string()));
        match listen.ip() {
            ip if ip.is_unspecified() || ip.is_loopback() => {
                own_hosts.extend(["127.0.0.1", "::1", "localhost"].map(str::to_owned));
            }
            ip => own_hosts.push(ip.to_string()),
        }
        // Port 0 is not known before it is bound, and no address can name it.
        let port = listen.port();
        Facts {
            own_numbers,
            own_hosts: own_hosts.into_iter().filter(|_| port != 0).map(|host| (host, port)).collect(),
            phones: phones.iter().map(|phone| phone.name.clone()).collect(),
            home_country: home_country.clone(),
            emergency_number: self.agent.emergency_number.clone(),
            takes_calls: true,
        }
    }

    /// What is wrong with the policy as a whole, by the key under which it is written.
    pub(super) fn check_hand_over(&self) -> Vec<Problem> {
        let hand_over = match self.hand_over() {
            Ok(hand_over) => hand_over,
            Err(problems) => return problems,
        };
        let by_shorthand = self.agent.escalate_to.is_some();
        let found = escalation_check::check(&hand_over, &self.facts());
        found.into_iter().map(|problem| with_key(problem, by_shorthand)).collect()
    }
}

/// A destination as people write it in `agent.escalate_to`: a SIP address, or a number in any form of the country.
pub fn shorthand(text: &str, home_country: Option<&str>) -> Result<Target, Problem> {
    let text = text.trim();
    let problem =
        |problem: String, remedy: &str| Problem { key: "agent.escalate_to".into(), problem, remedy: remedy.into() };
    if text.starts_with("sips:") {
        return Err(problem("TLS is not there yet".into(), "write sip: instead of sips:"));
    }
    if text.starts_with("sip:") {
        return Ok(Target::Sip(text.to_owned()));
    }
    PhoneNumber::parse(text, home_country).map(Target::Number).map_err(|error| {
        problem(format!("it is neither a SIP address nor a telephone number ({error})"), "write sip:… or +49…")
    })
}

fn one_rung(target: Target, ring_seconds: u32) -> Vec<Rung> {
    let ring_seconds = u16::try_from(ring_seconds).unwrap_or(RING_SECONDS);
    let ring = RungAction::Ring { targets: vec![target], ring_seconds, transfer: None };
    [ring, RungAction::Flag].map(|action| Rung { action, when: None }).into()
}

fn both_at_once() -> Problem {
    Problem {
        key: "agent.escalate_to".into(),
        problem: "there is a ladder under [escalation] as well".into(),
        remedy: "keep one: escalate_to is short for a ladder that rings one destination and then makes a ticket".into(),
    }
}

fn with_key(problem: escalation_check::Problem, by_shorthand: bool) -> Problem {
    let escalation_check::Problem { path, problem, remedy } = problem;
    let key = match path.as_str() {
        _ if by_shorthand && path.starts_with("ladder[0]") => "agent.escalate_to".to_owned(),
        _ if path.starts_with("on_unresolved") || path.contains("_topics") => format!("agent.{path}"),
        _ => format!("escalation.{path}"),
    };
    let remedy = match path.as_str() {
        "on_unresolved" => {
            "set agent.escalate_to or a ladder that rings under [escalation], or choose flag or decide".into()
        }
        _ => remedy,
    };
    Problem { key, problem, remedy }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(toml: &str) -> Config {
        use figment::providers::{Format, Toml};
        figment::Figment::new().merge(Toml::string(&format!("data_dir = \"/d\"\n{toml}"))).extract().unwrap()
    }

    fn keys(toml: &str) -> Vec<String> {
        let problems = config(toml).validate().err().unwrap_or_default();
        problems.into_iter().map(|problem| problem.key).collect()
    }

    #[test]
    fn one_destination_is_short_for_a_ring_and_a_ticket() {
        let config = config("[agent]\nescalate_to = \"030 901820\"\nring_seconds = 12\n[sip]\nhome_country = \"DE\"");
        let hand_over = config.hand_over().unwrap();
        let ladder = &hand_over.escalation.ladder;
        let RungAction::Ring { targets, ring_seconds, .. } = &ladder[0].action else { panic!("a ring") };
        assert!(matches!(&targets[..], [Target::Number(number)] if number.as_str() == "+4930901820"));
        assert_eq!((*ring_seconds, &ladder[1].action), (12, &RungAction::Flag));
        assert_eq!(hand_over.on_unresolved, OnUnresolved::Decide);
        assert_eq!(config.validate(), Ok(()));
        // Named on purpose, wherever it is.
        assert_eq!(keys("[agent]\nescalate_to = \"+12125550123\""), Vec::<String>::new());
    }

    #[test]
    fn a_ladder_is_read_from_its_section() {
        let toml = "
            [[sip.trunks]]
            name = \"t\"
            host = \"sip.example.com\"
            own_number = \"+4930901820\"
            [escalation]
            meanwhile = \"music\"
            [[escalation.ladder]]
            do = \"ring\"
            targets = [\"person:anna\", \"+493012345678\"]
            when = { time_zone = \"Europe/Berlin\", hours = [\"Mon-Fri 09:00-17:00\"] }
            [[escalation.ladder]]
            do = \"voicemail\"
            [[escalation.people]]
            id = \"anna\"
            name = \"Anna\"
            destinations = [\"sip:anna@192.0.2.7\"]";
        let config = config(toml);
        assert_eq!(config.validate(), Ok(()));
        let hand_over = config.hand_over().unwrap();
        assert_eq!((hand_over.escalation.ladder.len(), hand_over.on_unresolved), (2, OnUnresolved::Decide));
    }

    #[test]
    fn both_ways_of_naming_a_destination_at_once_are_refused() {
        let toml = "[agent]\nescalate_to = \"sip:a@192.0.2.7\"\n[[escalation.ladder]]\ndo = \"flag\"";
        assert_eq!(keys(toml), ["agent.escalate_to"]);
    }

    #[test]
    fn escalating_to_nobody_is_refused_with_a_way_out() {
        let problems = config("[agent]\non_unresolved = \"escalate\"").validate().unwrap_err();
        assert_eq!(problems[0].key, "agent.on_unresolved");
        assert!(problems[0].remedy.contains("flag") && problems[0].remedy.contains("escalate_to"));
    }

    /// R5: told by the key under which it stands.
    #[test]
    fn our_own_number_is_refused_under_its_key() {
        let trunk = "[[sip.trunks]]\nname = \"t\"\nhost = \"sip.example.com\"\nown_number = \"+4930901820\"\n";
        assert_eq!(keys(&format!("{trunk}[agent]\nescalate_to = \"+4930901820\"")), ["agent.escalate_to"]);
        let ladder = "[[escalation.ladder]]\ndo = \"ring\"\ntargets = [\"+4930901820\"]";
        assert_eq!(keys(&format!("{trunk}{ladder}")), ["escalation.ladder[0].targets[0]"]);
        assert_eq!(keys("[agent]\nescalate_to = \"sip:support@127.0.0.1\""), ["agent.escalate_to"]);
        assert_eq!(keys("[agent]\nescalate_to = \"the boss\""), ["agent.escalate_to"]);
    }
}
