//! What rungs name: people, rotas, prefixes and the fields to collect.

use crate::domain::escalation::{EscalationPolicy, FieldSpec, Person, Rota, Target};

use super::{Facts, Found};

pub(super) fn check(policy: &EscalationPolicy, facts: &Facts, found: &mut Found) {
    bounded("people", policy.people.len(), PEOPLE_MAX, found);
    for (at, person) in policy.people.iter().enumerate().take(PEOPLE_MAX) {
        let path = format!("people[{at}]");
        check_id(&path, &person.id, policy.people[..at].iter().any(|other| other.id == person.id), found);
        check_person(&path, person, policy, facts, found);
    }
    bounded("rotas", policy.rotas.len(), ROTAS_MAX, found);
    for (at, rota) in policy.rotas.iter().enumerate().take(ROTAS_MAX) {
        let path = format!("rotas[{at}]");
        check_id(&path, &rota.id, policy.rotas[..at].iter().any(|other| other.id == rota.id), found);
        check_rota(&path, rota, &policy.people, found);
    }
    bounded("fields", policy.fields.len(), FIELDS_MAX, found);
    for (at, field) in policy.fields.iter().enumerate().take(FIELDS_MAX) {
        let twice = policy.fields[..at].iter().any(|other| other.name == field.name);
        check_field(&format!("fields[{at}]"), field, twice, found);
    }
    bounded("allowed_prefixes", policy.allowed_prefixes.len(), PREFIXES_MAX, found);
    for (at, prefix) in policy.allowed_prefixes.iter().enumerate().take(PREFIXES_MAX) {
        let digits = prefix.strip_prefix('+').unwrap_or_default();
        let plain = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || digits.starts_with('0') {
            let remedy = "write a plus sign and digits, such as \"+49\" or \"+4930\"";
            found.add(format!("allowed_prefixes[{at}]"), format!("{prefix:?} is no prefix"), remedy);
        }
    }
}

fn check_person(path: &str, person: &Person, policy: &EscalationPolicy, facts: &Facts, found: &mut Found) {
    if person.name.trim().is_empty() || person.name.chars().count() > NAME_CHARS_MAX {
        let remedy = format!("write a name of at most {NAME_CHARS_MAX} characters");
        found.add(format!("{path}.name"), "it is empty or too long", remedy);
    }
    if person.destinations.is_empty() {
        let remedy = "name a number (+49…) or sip:…, or take the person out";
        found.add(format!("{path}.destinations"), "the person cannot be rung", remedy);
    }
    bounded(&format!("{path}.destinations"), person.destinations.len(), DESTINATIONS_MAX, found);
    for (at, target) in person.destinations.iter().enumerate().take(DESTINATIONS_MAX) {
        let path = format!("{path}.destinations[{at}]");
        if matches!(target, Target::Person(_) | Target::Rota(_)) {
            found.add(path, "it names a person or rota", "write a number (+49…) or sip:…");
        } else if let Some((problem, remedy)) = facts.refuses(target, &policy.allowed_prefixes) {
            found.add(path, problem, remedy);
        }
    }
}

fn check_rota(path: &str, rota: &Rota, people: &[Person], found: &mut Found) {
    if rota.shifts.is_empty() {
        found.add(format!("{path}.shifts"), "nobody is ever on duty", "add a shift, or take the rota out");
    }
    bounded(&format!("{path}.shifts"), rota.shifts.len(), SHIFTS_MAX, found);
    for (at, shift) in rota.shifts.iter().enumerate().take(SHIFTS_MAX) {
        if !people.iter().any(|person| person.id == shift.person) {
            let problem = format!("there is no \"{}\" in people", shift.person);
            found.add(format!("{path}.shifts[{at}].person"), problem, "add the person, or name another");
        }
    }
}

fn check_field(path: &str, field: &FieldSpec, twice: bool, found: &mut Found) {
    check_id(&format!("{path}.name"), &field.name, twice, found);
    if RESERVED_FIELDS.contains(&field.name.as_str()) {
        let problem = format!("\"{}\" is asked for anyway", field.name);
        found.add(format!("{path}.name"), problem, "take the field out, or give it another name");
    }
    let question = field.question.trim();
    if question.is_empty() || question.chars().count() > QUESTION_CHARS_MAX {
        let remedy = format!("write the question as it is spoken, in at most {QUESTION_CHARS_MAX} characters");
        found.add(format!("{path}.question"), "it is empty or too long", remedy);
    }
}

fn check_id(path: &str, id: &str, twice: bool, found: &mut Found) {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    if id.is_empty() || id.len() > ID_CHARS_MAX || !id.chars().all(plain) {
        let remedy = format!("use small letters, digits, - and _ (at most {ID_CHARS_MAX})");
        found.add(path, format!("{id:?} is no name that others can refer to"), remedy);
    } else if twice {
        found.add(path, format!("\"{id}\" is there twice"), "give each its own name");
    }
}

fn bounded(path: &str, count: usize, most: usize, found: &mut Found) {
    if count > most {
        found.add(path, format!("{count} are too many"), format!("keep to {most}"));
    }
}

/// Asked for on every ticket, and what our own steps add to one.
const RESERVED_FIELDS: [&str; 5] = ["name", "number", "reason", "time", "message"];
/// A policy is read and written whole; this keeps it below the largest request.
const PEOPLE_MAX: usize = 100;
/// See above.
const ROTAS_MAX: usize = 20;
/// A year of weekly shifts.
const SHIFTS_MAX: usize = 60;
/// All are rung one after another, or together with others.
const DESTINATIONS_MAX: usize = 4;
/// Each is a question to a caller who would rather have an answer.
const FIELDS_MAX: usize = 6;
/// Looked through for each number that is dialled.
const PREFIXES_MAX: usize = 50;
/// Names are shown in lists.
const NAME_CHARS_MAX: usize = 80;
/// About fifteen seconds of speech.
const QUESTION_CHARS_MAX: usize = 200;
/// See [`check_id`].
const ID_CHARS_MAX: usize = 40;
