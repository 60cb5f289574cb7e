//! Everything that is wrong with a plan, told with its lines, before any call is routed by it.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Action, ActionRef, BUILTIN, By, Named, Place, Plan, Problem, RingTarget};
use crate::domain::escalation::Target;

/// What a plan may point to outside itself.
pub struct Surroundings<'a> {
    /// Names of trunks and telephones, by which calls come.
    pub ways_in: Vec<String>,
    /// Agents, by the name of their business.
    pub agents: Vec<String>,
    /// Ids of people who can be rung.
    pub people: Vec<String>,
    /// Ids of rotas.
    pub rotas: Vec<String>,
    /// Why a number or address may not be rung, if so, and what is allowed: the rule of the escalation ladder. The plan's home
    /// country stands in where none is configured.
    pub may_ring: &'a dyn Fn(&Target, Option<&str>) -> Result<(), (String, String)>,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// What must be mended before the plan is used.
    pub problems: Vec<Problem>,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// Looks at the whole plan.
pub fn findings(plan: &Plan, around: &Surroundings<'_>) -> Findings {
    let mut check = Check { plan, around, problems: Vec::new() };
    check.names();
    check.routes();
    for named in plan.actions.values() {
        check.action(&named.action);
    }
    check.circles();
    let mut problems = check.problems;
    problems.sort();
    problems.dedup();
    Findings { problems, notes: notes(plan) }
}

struct Check<'a> {
    plan: &'a Plan,
    around: &'a Surroundings<'a>,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn names(&mut self) {
        for (name, named) in &self.plan.actions {
            if BUILTIN.contains(&name.as_str()) {
                let what = format!("the action {name:?} is built in");
                self.say(&named.place, what, format!("give it another name than {}", BUILTIN.join(", ")));
            }
        }
    }

    fn routes(&mut self) {
        let hours: Vec<String> = self.plan.hours.keys().cloned().collect();
        let mut seen = BTreeMap::new();
        for route in &self.plan.routes {
            self.leads_somewhere(&route.to);
            self.mentions(&route.trunks, "trunk or telephone", &self.around.ways_in);
            for mentioned in [&route.when, &route.not_when, &route.holiday_of] {
                self.mentions(mentioned, "[hours]", &hours);
            }
            if let Some(first) = seen.insert(route.name.clone(), route.place.clone()) {
                let what = format!("the route {:?} is there already, in {first}", route.name);
                self.say(&route.place, what, "give each route a name of its own".into());
            }
        }
    }

    fn action(&mut self, action: &Action) {
        for (next, _) in action.next() {
            self.leads_somewhere(next);
            if matches!(self.plan.action(&next.name), Some(Action::Reject { .. })) {
                let what = format!("{:?} refuses a call that is answered by then", next.name);
                self.say(&next.place, what, "only a route may lead to a refusal; write hang_up here".into());
            }
        }
        match action {
            Action::Agent { agent: Some(agent) } => {
                self.mentions(std::slice::from_ref(agent), "agent", &self.around.agents);
            }
            Action::Ring(ring) => ring.steps.iter().flatten().for_each(|target| self.target(target)),
            Action::Queue(queue) => queue.targets.iter().for_each(|target| self.target(target)),
            Action::Agent { agent: None }
            | Action::Menu(_)
            | Action::Announce { .. }
            | Action::Voicemail { .. }
            | Action::Callback
            | Action::HangUp
            | Action::Emergency { .. }
            | Action::Reject { .. } => {}
        }
    }

    fn target(&mut self, ringing: &RingTarget) {
        let named = |name: &String| [Named { name: name.clone(), place: ringing.place.clone() }];
        match &ringing.target {
            Target::Person(id) => self.mentions(&named(id), "person", &self.around.people),
            Target::Rota(id) => self.mentions(&named(id), "rota", &self.around.rotas),
            Target::Number(_) | Target::Sip(_) => {
                if let Err((what, allowed)) = (self.around.may_ring)(&ringing.target, self.plan.home_country.as_deref())
                {
                    self.say(&ringing.place, what, allowed);
                }
            }
        }
    }

    fn leads_somewhere(&mut self, to: &ActionRef) {
        if self.plan.action(&to.name).is_none() {
            let known = self.plan.actions.keys().map(String::as_str).chain(BUILTIN);
            let known = known.collect::<Vec<_>>().join(", ");
            self.say(&to.place, format!("there is no action {:?}", to.name), format!("known are {known}"));
        }
    }

    fn mentions(&mut self, mentioned: &[Named], kind: &str, known: &[String]) {
        for named in mentioned.iter().filter(|named| !known.contains(&named.name)) {
            let allowed = match known {
                [] => format!("none is configured: there is no {kind} at all"),
                known => format!("known are {}", known.join(", ")),
            };
            self.say(&named.place, format!("there is no {kind} {:?}", named.name), allowed);
        }
    }

    /// Actions that follow one another for ever without the caller doing anything. Circles by a key, such as "back
    /// to the first menu", are the caller's own doing, and are bounded where they are carried out.
    fn circles(&mut self) {
        let mut settled = BTreeSet::new();
        for start in self.plan.actions.keys() {
            // Each action has at most one successor of its own accord: a walk is a line that may bend back.
            let mut walked: Vec<&str> = Vec::new();
            let mut name = start.as_str();
            while !settled.contains(name) {
                if let Some(at) = walked.iter().position(|before| *before == name) {
                    self.circle(&walked[at..]);
                    break;
                }
                walked.push(name);
                let action = self.plan.actions.get(name).map(|named| &named.action);
                let next = action.and_then(|action| action.next().into_iter().find(|(_, by)| *by == By::Itself));
                let Some((to, _)) = next else { break };
                name = to.name.as_str();
            }
            settled.extend(walked);
        }
    }

    fn circle(&mut self, circle: &[&str]) {
        let Some(first) = circle.first() else { return };
        let Some(named) = self.plan.actions.get(*first) else { return };
        let what = format!("{} → {first} goes round for ever", circle.join(" → "));
        self.say(&named.place, what, "let one of them lead to agent, callback, voicemail or hang_up".into());
    }

    fn say(&mut self, place: &Place, what: String, allowed: String) {
        self.problems.push(Problem { place: place.clone(), what, allowed });
    }
}

fn notes(plan: &Plan) -> Vec<String> {
    let mut notes = Vec::new();
    match plan.routes.iter().position(|route| route.takes_everything()) {
        None if plan.routes.is_empty() => notes.push("there is no route: the agent answers every call".to_owned()),
        None => notes.push("calls that no route fits go to the agent".to_owned()),
        Some(last) => {
            for route in &plan.routes[last + 1..] {
                let before = &plan.routes[last].name;
                notes.push(format!("{}: {} is never reached: {before} takes every call", route.place, route.name));
            }
        }
    }
    let mut used: BTreeSet<&str> = plan.routes.iter().map(|route| route.to.name.as_str()).collect();
    let next = |named: &'_ super::plan::NamedAction| -> Vec<String> {
        named.action.next().into_iter().map(|(to, _)| to.name.clone()).collect()
    };
    let mentioned: Vec<String> = plan.actions.values().flat_map(next).collect();
    used.extend(mentioned.iter().map(String::as_str));
    for (name, named) in plan.actions.iter().filter(|(name, _)| !used.contains(name.as_str())) {
        notes.push(format!("{}: nothing leads to {name}", named.place));
    }
    notes.push(
        "emergency numbers that our own telephones dial go to the trunk configured for them; without one they are \
         refused aloud"
            .to_owned(),
    );
    notes
}
