//! Finds the route of a call, and tells why.

use super::matching::{Address, CallFacts, Pattern};
use super::plan::{Action, Named, Place, Plan, Route};
use crate::domain::schedule::Opening;
use crate::domain::time::EpochMs;

/// What becomes of a call, and why.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The route that was taken; `None` where a rule before the routes, or the default after them, decides.
    pub route: Option<(String, Place)>,
    /// The action's name.
    pub name: String,
    /// What is done first.
    pub action: Action,
    /// What was looked at, in order; the last one decided.
    pub why: Vec<Step>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule or route.
    pub what: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// Whether it decides.
    pub fits: bool,
    /// Why.
    pub because: String,
}

impl Plan {
    /// What becomes of this call at this moment: emergency numbers of our own telephones (R57), calls of our own
    /// making (R55) and the block list first, then the first route that fits, then the agent.
    pub fn route(&self, facts: &CallFacts, now: EpochMs) -> Decision {
        if let Some(decision) = self.before_routes(facts) {
            return decision;
        }
        let mut why = Vec::new();
        for route in &self.routes {
            let misfit = self.misfit(route, facts, now);
            let fits = misfit.is_none();
            let because = misfit.unwrap_or_else(|| self.fit(route, now));
            why.push(Step { what: route.name.clone(), place: Some(route.place.clone()), fits, because });
            if !fits {
                continue;
            }
            let name = route.to.name.clone();
            // A checked plan names only actions that are there; the agent looks after anybody else.
            let action = self.action(&name).unwrap_or(Action::Agent { agent: None });
            return Decision { route: Some((route.name.clone(), route.place.clone())), name, action, why };
        }
        why.push(Step {
            what: "default".into(),
            place: None,
            fits: true,
            because: "no route fits, so the agent answers".into(),
        });
        Decision { route: None, name: "agent".into(), action: Action::Agent { agent: None }, why }
    }

    /// The action of this name, written or built in.
    pub fn action(&self, name: &str) -> Option<Action> {
        self.actions.get(name).map(|named| named.action.clone()).or_else(|| Action::builtin(name))
    }

    fn before_routes(&self, facts: &CallFacts) -> Option<Decision> {
        let decided = |what: &str, because: String, action: Action| {
            let step = Step { what: what.into(), place: None, fits: true, because };
            Some(Decision { route: None, name: what.into(), action, why: vec![step] })
        };
        if facts.own_phone && self.emergency.means(&facts.called.user) {
            let because = format!("{} dialled the emergency number {}", facts.trunk, facts.called.user);
            return decided("emergency", because, Action::Emergency { say: self.emergency.say.clone() });
        }
        if facts.from_ourselves {
            let because = "it comes from one of our own numbers, or from somebody whom we are ringing".to_owned();
            return decided("loop", because, Action::Reject { code: BUSY, reason: "Busy Here".into() });
        }
        let blocked = self.block.callers.iter().find(|pattern| pattern.fits(facts.caller.as_ref()))?;
        let action = Action::Reject { code: self.block.code, reason: self.block.reason.clone() };
        decided("block", format!("the caller is on the block list ({blocked})"), action)
    }

    /// The first condition that does not hold.
    fn misfit(&self, route: &Route, facts: &CallFacts, now: EpochMs) -> Option<String> {
        if !anybody(&route.called, Some(&facts.called)) {
            return Some(format!("{} was called, not {}", facts.called.shown(), one_of(&route.called)));
        }
        if !anybody(&route.callers, facts.caller.as_ref()) {
            let caller = facts.caller.as_ref().map_or("a withheld number".to_owned(), Address::shown);
            return Some(format!("{caller} calls, not {}", one_of(&route.callers)));
        }
        if !route.trunks.is_empty() && !route.trunks.iter().any(|trunk| trunk.name == facts.trunk) {
            return Some(format!("it came by {}, not by {}", quoted(&facts.trunk), names(&route.trunks)));
        }
        if !route.headers.is_empty() && !route.headers.iter().any(|test| test.fits(&facts.headers)) {
            return Some(format!("no header is {}", one_of(&route.headers)));
        }
        if !route.when.is_empty() && !route.when.iter().any(|hours| self.opening(hours, now).is_open()) {
            return Some(format!("{} closed", self.told(&route.when, now)));
        }
        if let Some(hours) = route.not_when.iter().find(|hours| self.opening(hours, now).is_open()) {
            return Some(format!("{} is open", hours.name));
        }
        let holiday = |hours: &&Named| self.opening(hours, now) == Opening::ClosedDay;
        if !route.holiday_of.is_empty() && !route.holiday_of.iter().any(|hours| holiday(&hours)) {
            return Some(format!("it is no holiday of {}", names(&route.holiday_of)));
        }
        None
    }

    /// The conditions that hold, for people.
    fn fit(&self, route: &Route, now: EpochMs) -> String {
        if route.takes_everything() {
            return "takes every call".into();
        }
        let mut held = Vec::new();
        if !route.called.is_empty() {
            held.push(format!("called {}", one_of(&route.called)));
        }
        if !route.callers.is_empty() {
            held.push(format!("caller {}", one_of(&route.callers)));
        }
        if !route.trunks.is_empty() {
            held.push(format!("by {}", names(&route.trunks)));
        }
        if !route.headers.is_empty() {
            held.push(format!("header {}", one_of(&route.headers)));
        }
        if let Some(hours) = route.when.iter().find(|hours| self.opening(hours, now).is_open()) {
            held.push(format!("{} is open", hours.name));
        }
        if !route.not_when.is_empty() {
            held.push(format!("{} closed", self.told(&route.not_when, now)));
        }
        if !route.holiday_of.is_empty() {
            held.push(format!("it is a holiday of {}", names(&route.holiday_of)));
        }
        held.join(", ")
    }

    fn opening(&self, hours: &Named, now: EpochMs) -> Opening {
        // A checked plan names only hours that are there.
        self.hours.get(&hours.name).map_or(Opening::Closed, |named| named.schedule.at(now))
    }

    fn told(&self, hours: &[Named], now: EpochMs) -> String {
        let told = hours.iter().map(|hours| match self.opening(hours, now) {
            Opening::ClosedDay => format!("{} (a holiday)", hours.name),
            Opening::Open | Opening::OpenDay | Opening::Closed => hours.name.clone(),
        });
        let verb = if hours.len() > 1 { "are" } else { "is" };
        format!("{} {verb}", told.collect::<Vec<_>>().join(" and "))
    }
}

/// An empty list asks for nothing.
fn anybody(patterns: &[Pattern], party: Option<&Address>) -> bool {
    patterns.is_empty() || patterns.iter().any(|pattern| pattern.fits(party))
}

fn one_of<T: ToString>(wanted: &[T]) -> String {
    let mut shown: Vec<String> = wanted.iter().take(SHOWN_MAX).map(ToString::to_string).collect();
    if wanted.len() > SHOWN_MAX {
        shown.push(format!("one of {} more", wanted.len() - SHOWN_MAX));
    }
    shown.join(" or ")
}

fn names(wanted: &[Named]) -> String {
    wanted.iter().map(|named| quoted(&named.name)).collect::<Vec<_>>().join(" or ")
}

fn quoted(name: &str) -> String {
    if name.is_empty() { "no trunk".into() } else { name.to_owned() }
}

/// R55: the call would go round, so the line is told to be busy.
const BUSY: u16 = 486;
/// More of a long list would hide what is said.
const SHOWN_MAX: usize = 3;
