//! A business drawn from the seed: its agent, its people, and the ladder between them.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::{Value, json};
use switchboard::adapters::dialplan_folder;
use switchboard::domain::agent::{Agent, OnUnresolved};
use switchboard::domain::dialplan::Plan;
use switchboard::domain::escalation::EscalationPolicy;
use switchboard::domain::ids::AgentId;
use switchboard::domain::time::EpochMs;

use crate::chance::Chance;

/// Whose calls are simulated.
pub struct Business {
    pub agent: Agent,
    /// Where calls go.
    pub plan: Arc<Plan>,
    /// Every telephone that may be dialled.
    pub telephones: HashSet<String>,
    /// The wall clock at the beginning.
    pub opens_at: EpochMs,
}

pub fn draw(chance: &mut Chance) -> Business {
    let people = json!([
        {"id": "anna", "name": "Anna", "destinations": ["sip:anna@desk", "+4930901820"]},
        {"id": "ben", "name": "Ben", "destinations": ["sip:ben@desk"]},
        {"id": "cleo", "name": "Cleo", "destinations": ["+4930901822"], "do_not_disturb": chance.percent(50)}
    ]);
    let rotas = json!([{"id": "all", "shifts": [
        {"person": "cleo", "when": by_day()}, {"person": "ben", "when": by_day()}, {"person": "anna", "when": by_night()}
    ]}]);
    let policy = json!({
        "ladder": ladder(chance), "people": people, "rotas": rotas,
        "spoken_summary": chance.percent(85), "accept_by_key": chance.percent(80),
        "meanwhile": if chance.percent(50) { "tone" } else { "music" },
    });
    let escalation: EscalationPolicy =
        serde_json::from_value(policy).expect("the policy is written as the API takes it");
    let agent = Agent {
        greeting: "Hello, this is Acorn.".into(),
        published: chance.percent(94),
        on_unresolved: chance.weighted(&[
            (15, OnUnresolved::Nothing),
            (15, OnUnresolved::Flag),
            (40, OnUnresolved::Escalate),
            (30, OnUnresolved::Decide),
        ]),
        escalate_topics: topics(chance, &["legal", "safety", "refund"]),
        callback_topics: topics(chance, &["legal", "billing dispute", "account access"]),
        escalation,
        record_calls: chance.percent(50),
        ..Agent::automatic(AgentId(uuid::Uuid::nil()), "Acorn")
    };
    let telephones = TELEPHONES.map(str::to_owned).into();
    let plan = Arc::new(plan(chance));
    // Noon, or a minute before the day's shifts end.
    let opens_at = if chance.percent(80) { EpochMs(NOON) } else { EpochMs(NOON + 8 * 3_600_000 - 60_000) };
    Business { agent, plan, telephones, opens_at }
}

/// A dialplan as a file holds it; in half of the houses the agent has every call.
fn plan(chance: &mut Chance) -> Plan {
    let mut plan = Plan::default();
    if chance.percent(50) {
        return plan;
    }
    let first = chance.pick(&["menu", "menu", "desk", "line", "note", "voicemail", "callback", "reject", "agent"]);
    let then = chance.pick(&["agent", "voicemail", "callback", "hang_up", "menu"]);
    let (how, caller) = (chance.pick(&["together", "in_turn"]), chance.pick(&["+49309018*", "anonymous", "*"]));
    let callers_max = chance.number(1..=3);
    let text = format!(
        "[hours.day]\ntime_zone = \"UTC\"\nhours = [\"Mon-Sun 08:00-20:00\"]\n\
         [block]\ncallers = [\"+4930901858\"]\n\
         [[route]]\nname = \"day\"\nwhen = \"day\"\ncaller = \"{caller}\"\nto = \"{first}\"\n\
         [[route]]\nname = \"night\"\nnot_when = \"day\"\nto = \"note\"\n\
         [action.menu]\ndo = \"menu\"\nsay = \"{MENU}\"\ntries = 2\ntimeout_seconds = 5\notherwise = \"desk\"\n\
         keys = {{ 1 = \"desk\", 2 = \"voicemail\", 3 = \"agent\", 4 = \"line\", 9 = \"menu\" }}\n\
         [action.note]\ndo = \"prompt\"\nsay = \"You have reached Acorn.\"\nthen = \"desk\"\n\
         [action.desk]\ndo = \"ring\"\nhow = \"{how}\"\ntargets = [\"sip:desk@desk\", \"+4930901824\"]\n\
         ring_seconds = 12\nthen = \"{then}\"\n\
         [action.line]\ndo = \"queue\"\ntargets = [\"sip:desk@desk\"]\nring_seconds = 12\n\
         callers_max = {callers_max}\nwait_seconds_max = 90\nthen = \"{then}\"\n"
    );
    let problems = dialplan_folder::read("plan.toml", &text, Some("DE"), &mut plan);
    assert!(problems.is_empty(), "{problems:?}\n{text}");
    plan
}

/// What the menu says.
pub const MENU: &str = "For the workshop, press 1. To leave a message, press 2.";

fn ladder(chance: &mut Chance) -> Vec<Value> {
    let mut rungs = Vec::new();
    for _ in 0..chance.weighted(&[(12, 0), (38, 1), (30, 2), (15, 3), (5, 4)]) {
        let together = chance.weighted(&[(65, 1), (20, 2), (15, 3)]);
        let targets: Vec<&str> = (0..together)
            .map(|_| {
                chance.pick(&["sip:desk@desk", "+4930901824", "person:anna", "person:ben", "person:cleo", "rota:all"])
            })
            .collect();
        let mut rung = json!({"do": "ring", "targets": targets, "ring_seconds": chance.number(8..=20)});
        sometimes_closed(chance, &mut rung, 12);
        rungs.push(rung);
    }
    for (action, times) in [("voicemail", 40), ("callback", 40), ("best_effort", 15), ("flag", 50)] {
        if chance.percent(times) {
            let mut rung = json!({"do": action});
            sometimes_closed(chance, &mut rung, 10);
            rungs.push(rung);
        }
    }
    rungs
}

fn sometimes_closed(chance: &mut Chance, rung: &mut Value, times: u32) {
    if chance.percent(times) {
        rung["when"] = if chance.percent(50) { by_day() } else { by_night() };
    }
}

fn topics(chance: &mut Chance, all: &[&str]) -> Vec<String> {
    all.iter().filter(|_| chance.percent(25)).map(|topic| (*topic).to_owned()).collect()
}

fn by_day() -> Value {
    json!({"time_zone": "UTC", "hours": ["Mon-Sun 08:00-20:00"]})
}

fn by_night() -> Value {
    json!({"time_zone": "UTC", "hours": ["Mon-Sun 20:00-08:00"]})
}

/// Noon of some day, in UTC.
const NOON: i64 = 1_800_014_400_000;
const TELEPHONES: [&str; 6] =
    ["sip:anna@desk", "+4930901820", "sip:ben@desk", "+4930901822", "sip:desk@desk", "+4930901824"];
