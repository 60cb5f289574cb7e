//! The ladder itself: what stands on each rung, and in which order.

use crate::domain::escalation::{EscalationPolicy, Rung, RungAction, Target, TransferBy};

use super::{Facts, Found};

pub(super) fn check(policy: &EscalationPolicy, facts: &Facts, found: &mut Found) {
    if policy.ladder.len() > RUNGS_MAX {
        found.add("ladder", format!("{} rungs", policy.ladder.len()), format!("keep to {RUNGS_MAX}"));
    }
    for (at, rung) in policy.ladder.iter().enumerate().take(RUNGS_MAX) {
        let path = format!("ladder[{at}]");
        if let RungAction::Ring { targets, ring_seconds, transfer } = &rung.action {
            check_ring(&path, targets, *ring_seconds, policy, facts, found);
            if transfer.unwrap_or(policy.transfer) == TransferBy::Blind {
                check_blind(&path, targets, policy, facts, found);
            }
        }
        if let Some(next) = policy.ladder.get(at + 1).filter(|next| ends(rung, next)) {
            let remedy = match rung.when {
                None => "take it out, or put it before the rung that ends the ladder",
                Some(_) => "take it out",
            };
            let problem = format!("nothing comes after {}", name(&rung.action));
            found.add(
                format!("ladder[{}]", at + 1),
                format!("{} is never reached: {problem}", name(&next.action)),
                remedy,
            );
            break;
        }
    }
}

fn check_ring(
    path: &str,
    targets: &[Target],
    ring_seconds: u16,
    policy: &EscalationPolicy,
    facts: &Facts,
    found: &mut Found,
) {
    if !(RING_SECONDS_MIN..=RING_SECONDS_MAX).contains(&ring_seconds) {
        let remedy = format!("choose between {RING_SECONDS_MIN} and {RING_SECONDS_MAX}; 18 stays below most mailboxes");
        found.add(format!("{path}.ring_seconds"), format!("{ring_seconds} seconds"), remedy);
    }
    if targets.is_empty() {
        let remedy = "name a number (+49…), sip:…, person:ID or rota:ID, or take the rung out";
        found.add(format!("{path}.targets"), "it rings nobody", remedy);
    }
    if targets.len() > TARGETS_MAX {
        let remedy = format!("ring at most {TARGETS_MAX} together, and the others on the next rung");
        found.add(format!("{path}.targets"), format!("{} targets", targets.len()), remedy);
    }
    for (at, target) in targets.iter().enumerate().take(TARGETS_MAX) {
        let path = format!("{path}.targets[{at}]");
        if targets[..at].contains(target) {
            found.add(path, "it is named twice on this rung", "name it once");
            continue;
        }
        if let Some((problem, remedy)) = facts.refuses(target, &policy.allowed_prefixes) {
            found.add(path, problem, remedy);
            continue;
        }
        let unknown = match target {
            Target::Person(id) => (!policy.people.iter().any(|person| person.id == *id)).then_some((id, "people")),
            Target::Rota(id) => (!policy.rotas.iter().any(|rota| rota.id == *id)).then_some((id, "rotas")),
            Target::Number(_) | Target::Sip(_) => None,
        };
        if let Some((id, list)) = unknown {
            found.add(path, format!("there is no \"{id}\" in {list}"), format!("add it to {list}, or name another"));
        }
    }
}

/// The caller's side calls one party by itself, and cannot reach a telephone that we alone know.
fn check_blind(path: &str, targets: &[Target], policy: &EscalationPolicy, facts: &Facts, found: &mut Found) {
    if targets.len() > 1 {
        let remedy = "name one target, put the others on rungs of their own, or choose bridged or attended";
        found.add(format!("{path}.targets"), "a blind transfer goes to one target at a time", remedy);
    }
    for (at, target) in targets.iter().enumerate().take(TARGETS_MAX) {
        let telephones = match target {
            Target::Person(id) => {
                policy.people.iter().find(|person| person.id == *id).map(|p| p.destinations.as_slice())
            }
            Target::Number(_) | Target::Sip(_) => Some(std::slice::from_ref(target)),
            // Whoever is on duty; a telephone of ours among theirs is passed over when the time comes.
            Target::Rota(_) => None,
        };
        if telephones.unwrap_or_default().iter().any(|telephone| facts.is_own_phone(telephone)) {
            let problem = "a telephone that registers with us cannot be reached by the caller's side";
            found.add(format!("{path}.targets[{at}]"), problem, "choose bridged or attended, or name a number");
        }
    }
}

/// Whether a rung always ends the case, so that the next is never reached. A message or a callback that the caller
/// does not want leads on, and so does a rung that is not there at all hours. A best-effort answer may follow the
/// ticket: both are given (R4).
fn ends(rung: &Rung, next: &Rung) -> bool {
    match rung.action {
        RungAction::BestEffort => rung.when.is_none(),
        RungAction::Flag => rung.when.is_none() && !matches!(next.action, RungAction::BestEffort),
        RungAction::Ring { .. } | RungAction::Voicemail | RungAction::Callback => false,
    }
}

fn name(action: &RungAction) -> &'static str {
    match action {
        RungAction::Ring { .. } => "ring",
        RungAction::Voicemail => "voicemail",
        RungAction::Callback => "callback",
        RungAction::Flag => "flag",
        RungAction::BestEffort => "best_effort",
    }
}

/// With the longest ring on each that is twenty minutes: nobody waits longer.
const RUNGS_MAX: usize = 10;
/// Each is a leg of its own with its audio.
const TARGETS_MAX: usize = 8;
/// Shorter rings reach nobody.
const RING_SECONDS_MIN: u16 = 5;
/// Longer ones keep the caller waiting for a person who is not there.
const RING_SECONDS_MAX: u16 = 120;
