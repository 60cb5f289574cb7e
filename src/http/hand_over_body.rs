//! Reads what is decided about unresolved cases out of JSON, piece by piece, so that everything that cannot be read is
//! told at once with its place, and a misspelt key is no silent default.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::domain::agent::HandOver;
use crate::domain::escalation::{EscalationPolicy, Rung, Target};
use crate::domain::escalation_check::Problem;

/// What was written.
pub struct Written {
    /// The decisions.
    pub hand_over: HandOver,
    /// The revision that they were made upon.
    pub revision: Option<u64>,
}

/// Reads it whole; keys that are missing are their defaults.
pub fn read(body: &Value) -> Result<Written, Vec<Problem>> {
    let Value::Object(keys) = body else {
        return Err(vec![problem("", "this is no object", "send {\"on_unresolved\": …, \"ladder\": […], …}")]);
    };
    let mut problems = Vec::new();
    for key in keys.keys().filter(|key| !KEYS.contains(&key.as_str())).take(UNKNOWN_TOLD) {
        problems.push(problem(key, "there is no such key", &format!("take it out, or use one of {}", KEYS.join(", "))));
    }
    let hand_over = HandOver {
        on_unresolved: key(keys, "on_unresolved", &mut problems),
        escalate_topics: key(keys, "escalate_topics", &mut problems),
        callback_topics: key(keys, "callback_topics", &mut problems),
        escalation: escalation(keys, &mut problems),
    };
    let revision = key(keys, "revision", &mut problems);
    if problems.is_empty() { Ok(Written { hand_over, revision }) } else { Err(problems) }
}

fn escalation(keys: &Map<String, Value>, problems: &mut Vec<Problem>) -> EscalationPolicy {
    let default = EscalationPolicy::default();
    EscalationPolicy {
        ladder: list(keys, "ladder", problems, rung),
        people: list(keys, "people", problems, whole),
        rotas: list(keys, "rotas", problems, whole),
        spoken_summary: key_or(keys, "spoken_summary", default.spoken_summary, problems),
        accept_by_key: key_or(keys, "accept_by_key", default.accept_by_key, problems),
        transfer: key(keys, "transfer", problems),
        meanwhile: key(keys, "meanwhile", problems),
        fields: list(keys, "fields", problems, whole),
        allowed_prefixes: key(keys, "allowed_prefixes", problems),
    }
}

/// A rung, each of whose targets is told by its own place.
fn rung(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<Rung> {
    let before = problems.len();
    if let Value::Object(keys) = value {
        let rings = keys.get("do").is_some_and(|action| action == "ring");
        let known = if rings { &RUNG_KEYS[..] } else { &RUNG_KEYS[..2] };
        for key in keys.keys().filter(|key| !known.contains(&key.as_str())).take(UNKNOWN_TOLD) {
            let remedy = format!("take it out, or use one of {}", known.join(", "));
            problems.push(problem(&format!("{path}.{key}"), "there is no such key on this rung", &remedy));
        }
    }
    for (at, target) in value["targets"].as_array().into_iter().flatten().enumerate().take(ELEMENTS_READ) {
        whole::<Target>(&format!("{path}.targets[{at}]"), target, problems);
    }
    if problems.len() > before {
        return None;
    }
    whole(path, value, problems)
}

fn whole<T: DeserializeOwned>(path: &str, value: &Value, problems: &mut Vec<Problem>) -> Option<T> {
    match T::deserialize(value) {
        Ok(read) => Some(read),
        Err(error) => {
            problems.push(problem(path, &error.to_string(), "correct it; the answer to a GET shows the form"));
            None
        }
    }
}

fn list<T>(
    keys: &Map<String, Value>,
    name: &str,
    problems: &mut Vec<Problem>,
    read: impl Fn(&str, &Value, &mut Vec<Problem>) -> Option<T>,
) -> Vec<T> {
    match keys.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) => {
            if elements.len() > ELEMENTS_READ {
                let problem_text = format!("{} are too many", elements.len());
                problems.push(problem(name, &problem_text, "shorten the list"));
            }
            let elements = elements.iter().take(ELEMENTS_READ).enumerate();
            elements.filter_map(|(at, element)| read(&format!("{name}[{at}]"), element, problems)).collect()
        }
        Some(_) => {
            problems.push(problem(name, "this is no list", "write […]"));
            Vec::new()
        }
    }
}

fn key<T: DeserializeOwned + Default>(keys: &Map<String, Value>, name: &str, problems: &mut Vec<Problem>) -> T {
    key_or(keys, name, T::default(), problems)
}

fn key_or<T: DeserializeOwned>(keys: &Map<String, Value>, name: &str, default: T, problems: &mut Vec<Problem>) -> T {
    match keys.get(name) {
        None => default,
        Some(value) => whole(name, value, problems).unwrap_or(default),
    }
}

fn problem(path: &str, problem: &str, remedy: &str) -> Problem {
    Problem { path: path.to_owned(), problem: problem.to_owned(), remedy: remedy.to_owned() }
}

/// The keys of the body.
const KEYS: [&str; 13] = [
    "revision",
    "on_unresolved",
    "escalate_topics",
    "callback_topics",
    "ladder",
    "people",
    "rotas",
    "spoken_summary",
    "accept_by_key",
    "transfer",
    "meanwhile",
    "fields",
    "allowed_prefixes",
];
/// The keys of a rung; the last three where it rings.
const RUNG_KEYS: [&str; 5] = ["do", "when", "targets", "ring_seconds", "transfer"];
/// More unknown keys than a person mends at once are told next time.
const UNKNOWN_TOLD: usize = 10;
/// Above every bound that is checked afterwards, so that those tell their own message.
const ELEMENTS_READ: usize = 200;
