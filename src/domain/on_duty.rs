//! Whom a rung reaches at a moment: numbers and addresses as they stand, people by their own destinations, rotas by
//! whoever is on duty. Pure (R53).

use super::escalation::{EscalationPolicy, Person, Target};
use super::time::EpochMs;

/// One party to ring: a person with all their destinations, or a number or address that names nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The person's id, where a person was named.
    pub person: Option<String>,
    /// Numbers and SIP addresses, first to last; never empty.
    pub destinations: Vec<Target>,
}

/// Whom these targets reach now. Nobody is named twice, and who is not to be disturbed is left out.
pub fn reached(policy: &EscalationPolicy, targets: &[Target], now: EpochMs) -> Vec<Party> {
    let mut parties: Vec<Party> = Vec::new();
    for target in targets {
        let party = match target {
            Target::Number(_) | Target::Sip(_) => Some(Party { person: None, destinations: vec![target.clone()] }),
            Target::Person(id) => person(policy, id),
            Target::Rota(id) => on_duty(policy, id, now).and_then(|id| person(policy, id)),
        };
        let Some(mut party) = party else { continue };
        // A telephone that two targets share rings once.
        party.destinations.retain(|destination| !parties.iter().any(|other| other.destinations.contains(destination)));
        if !party.destinations.is_empty() && parties.len() < TOGETHER_MAX {
            parties.push(party);
        }
    }
    parties
}

/// Whom an admin or a teammate means by this target, whatever they do at the moment; `None` where the policy names no
/// such person, rota or telephone (R5).
pub fn named(policy: &EscalationPolicy, target: &Target, now: EpochMs) -> Option<Party> {
    match target {
        Target::Number(_) | Target::Sip(_) => {
            let owner = owner(policy, target);
            let is_named = owner.is_some() || policy.ladder.iter().any(|rung| rung.action.targets().contains(target));
            is_named.then(|| Party { person: owner.map(str::to_owned), destinations: vec![target.clone()] })
        }
        Target::Person(id) => telephones(policy.people.iter().find(|person| person.id == *id)?),
        Target::Rota(id) => on_duty(policy, id, now).and_then(|id| person(policy, id)),
    }
}

/// Whose telephone this is.
pub fn owner<'a>(policy: &'a EscalationPolicy, telephone: &Target) -> Option<&'a str> {
    policy.people.iter().find(|person| person.destinations.contains(telephone)).map(|person| person.id.as_str())
}

/// The first of the rota whose shift is open now and who may be disturbed.
fn on_duty<'a>(policy: &'a EscalationPolicy, rota: &str, now: EpochMs) -> Option<&'a str> {
    let rota = policy.rotas.iter().find(|other| other.id == rota)?;
    let open = rota.shifts.iter().filter(|shift| shift.when.is_open(now));
    open.map(|shift| shift.person.as_str()).find(|id| person(policy, id).is_some())
}

fn person(policy: &EscalationPolicy, id: &str) -> Option<Party> {
    telephones(policy.people.iter().find(|person| person.id == id && !person.do_not_disturb)?)
}

fn telephones(person: &Person) -> Option<Party> {
    // A person's destinations are telephones; a person or rota named there would lead in circles.
    let is_telephone = |target: &&Target| matches!(target, Target::Number(_) | Target::Sip(_));
    let destinations: Vec<Target> = person.destinations.iter().filter(is_telephone).cloned().collect();
    (!destinations.is_empty()).then(|| Party { person: Some(person.id.clone()), destinations })
}

/// So many telephones ring at once for one case: each is a leg, a call on a trunk and somebody disturbed.
pub const TOGETHER_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> EscalationPolicy {
        let night = serde_json::json!({"time_zone": "UTC", "hours": ["Mon-Sun 20:00-08:00"]});
        let day = serde_json::json!({"time_zone": "UTC", "hours": ["Mon-Sun 08:00-20:00"]});
        serde_json::from_value(serde_json::json!({
            "people": [
                {"id": "anna", "name": "Anna", "destinations": ["sip:anna@10.0.0.2", "+4930901820"]},
                {"id": "ben", "name": "Ben", "destinations": ["+4930901821"]},
                {"id": "cleo", "name": "Cleo", "destinations": ["+4930901822"], "do_not_disturb": true}
            ],
            "rotas": [{"id": "all", "shifts": [
                {"person": "cleo", "when": day},
                {"person": "anna", "when": day},
                {"person": "ben", "when": night}
            ]}]
        }))
        .unwrap()
    }

    fn at(hour: i64) -> EpochMs {
        EpochMs(1_800_000_000_000 / 86_400_000 * 86_400_000 + hour * 3_600_000)
    }

    fn people(targets: &[&str], now: EpochMs) -> Vec<Party> {
        let targets: Vec<Target> = targets.iter().map(|text| Target::try_from((*text).to_owned()).unwrap()).collect();
        reached(&policy(), &targets, now)
    }

    fn ids(parties: &[Party]) -> Vec<&str> {
        parties.iter().filter_map(|party| party.person.as_deref()).collect()
    }

    /// R53: whoever is on duty, and not who is not to be disturbed although their shift comes first.
    #[test]
    fn a_rota_names_the_first_on_duty_who_may_be_disturbed() {
        assert_eq!(ids(&people(&["rota:all"], at(12))), ["anna"]);
        assert_eq!(ids(&people(&["rota:all"], at(23))), ["ben"]);
        assert_eq!(people(&["person:cleo"], at(12)), []);
        assert_eq!(people(&["rota:nobody", "person:nobody"], at(12)), []);
    }

    #[test]
    fn a_person_is_rung_by_their_destinations_in_order() {
        let parties = people(&["person:anna"], at(12));
        assert_eq!(parties[0].destinations.len(), 2);
        assert!(matches!(parties[0].destinations[0], Target::Sip(_)));
    }

    #[test]
    fn a_telephone_that_two_targets_share_rings_once() {
        let parties = people(&["+4930901821", "rota:all", "person:ben", "person:anna"], at(23));
        assert_eq!(parties.len(), 2);
        assert_eq!(ids(&parties), ["anna"]);
    }
}
