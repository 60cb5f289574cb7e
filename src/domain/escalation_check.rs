//! Whether what an admin decided about unresolved cases can be done and harms nobody (R5, R25).
//!
//! Everything wrong is told at once, each with its place (`ladder[1].targets[0]`) and what to do. Pure: what is known
//! about the installation comes in as [`Facts`].
//!
//! **Where a ladder may dial.** A number must begin with one of `allowed_prefixes`. With none listed it must belong to
//! the home country or to a country of one of our own numbers, told apart by region (a number of Jamaica is not one of
//! the United States, though both begin with +1); with no country known either, prefixes must be listed. Our own
//! numbers, emergency numbers and premium numbers are refused whatever is listed. The user part of a SIP address is
//! held to the same rules where it is a number, since a gateway would dial it.

mod ladder;
mod named;
#[cfg(test)]
mod tests;

use serde::Serialize;

use super::agent::{HandOver, OnUnresolved};
use super::escalation::{RungAction, Target};
use super::phone_number::PhoneNumber;

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = Fault)]
pub struct Problem {
    /// Where: `ladder[1].targets[0]`.
    pub path: String,
    /// What is wrong there.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
}

/// What is known about the installation and the agent.
#[derive(Clone, Default)]
pub struct Facts {
    /// Numbers that lead to us.
    pub own_numbers: Vec<PhoneNumber>,
    /// Host and port under which our signalling is reached.
    pub own_hosts: Vec<(String, u16)>,
    /// Telephones that register with us, by user name: addresses of ours that do not lead back to the agent.
    pub phones: Vec<String>,
    /// ISO 3166 code by which numbers without a country code are read.
    pub home_country: Option<String>,
    /// The local emergency number.
    pub emergency_number: String,
    /// Whether the agent answers calls; with message channels alone nobody can be transferred.
    pub takes_calls: bool,
}

impl Facts {
    /// Why this number may not be dialled by a ladder or a callback: what is wrong, and what to do.
    pub fn refuses_number(&self, number: &PhoneNumber, allowed_prefixes: &[String]) -> Option<(String, String)> {
        let shown = number.as_str();
        if self.own_numbers.contains(number) {
            let problem = format!("{shown} is one of our own numbers: the call would come back to the agent");
            return Some((problem, "name the number of a person".into()));
        }
        if number.is_premium() {
            return Some((format!("{shown} is a premium number"), "name an ordinary number".into()));
        }
        if self.may_dial(number, allowed_prefixes) {
            return None;
        }
        let problem = format!("{shown} is outside the countries and prefixes that may be dialled");
        let remedy = match (allowed_prefixes.is_empty(), self.countries().is_empty()) {
            (true, true) => "list its prefix in allowed_prefixes, or set sip.home_country".to_owned(),
            (true, false) => {
                format!("list its prefix in allowed_prefixes; without any, {} alone", self.countries().join(", "))
            }
            (false, _) => format!("add its prefix to allowed_prefixes ({} now)", allowed_prefixes.join(", ")),
        };
        Some((problem, remedy))
    }

    /// Whether a number lies inside the allow-list, or, where there is none, in one of [`Facts::countries`].
    pub fn may_dial(&self, number: &PhoneNumber, allowed_prefixes: &[String]) -> bool {
        if !allowed_prefixes.is_empty() {
            return allowed_prefixes.iter().any(|prefix| number.as_str().starts_with(prefix.as_str()));
        }
        number.country().is_some_and(|country| self.countries().contains(&country))
    }

    /// Countries that may be dialled where no prefix is listed.
    pub fn countries(&self) -> Vec<String> {
        let home = self.home_country.as_deref().map(|code| code.trim().to_ascii_uppercase());
        let mut countries: Vec<String> =
            home.into_iter().chain(self.own_numbers.iter().filter_map(PhoneNumber::country)).collect();
        countries.sort();
        countries.dedup();
        countries
    }

    /// Why this SIP address may not be dialled by a ladder.
    fn refuses_address(&self, address: &str, allowed_prefixes: &[String]) -> Option<(String, String)> {
        let Some((user, host, port)) = parts(address) else {
            return Some((
                format!("{address} is no SIP address"),
                "write sip:anna@192.0.2.7 or sip:anna@pbx:5080".into(),
            ));
        };
        let ours = self.own_hosts.iter().any(|(own, own_port)| own.eq_ignore_ascii_case(host) && *own_port == port);
        if ours {
            return match self.phones.iter().any(|phone| phone == user) {
                true => None,
                false => Some((
                    format!("{address} leads back to this Switchboard"),
                    "name a telephone that is configured under [[sip.phones]], or another host".into(),
                )),
            };
        }
        if is_emergency(user, &self.emergency_number) {
            return Some((format!("{address} would call an emergency number"), "name a person".into()));
        }
        let number = PhoneNumber::parse(user, self.home_country.as_deref()).ok()?;
        self.refuses_number(&number, allowed_prefixes)
    }

    /// Whether this is a telephone that registers with us.
    fn is_own_phone(&self, target: &Target) -> bool {
        let Target::Sip(address) = target else { return false };
        parts(address).is_some_and(|(user, host, port)| {
            self.own_hosts.iter().any(|(own, own_port)| own.eq_ignore_ascii_case(host) && *own_port == port)
                && self.phones.iter().any(|phone| phone == user)
        })
    }

    /// Why this target may not be dialled; people and rotas are looked up elsewhere.
    pub fn refuses(&self, target: &Target, allowed_prefixes: &[String]) -> Option<(String, String)> {
        match target {
            Target::Number(number) => self.refuses_number(number, allowed_prefixes),
            Target::Sip(address) => self.refuses_address(address, allowed_prefixes),
            Target::Person(_) | Target::Rota(_) => None,
        }
    }
}

/// Everything that is wrong; nothing when it can be saved.
pub fn check(hand_over: &HandOver, facts: &Facts) -> Vec<Problem> {
    let mut found = Found::default();
    check_choice(hand_over, facts, &mut found);
    for (key, topics) in
        [("escalate_topics", &hand_over.escalate_topics), ("callback_topics", &hand_over.callback_topics)]
    {
        check_topics(key, topics, &mut found);
    }
    ladder::check(&hand_over.escalation, facts, &mut found);
    named::check(&hand_over.escalation, facts, &mut found);
    found.problems
}

fn check_choice(hand_over: &HandOver, facts: &Facts, found: &mut Found) {
    if hand_over.on_unresolved != OnUnresolved::Escalate {
        return;
    }
    let rings = hand_over.escalation.ladder.iter().any(|rung| matches!(rung.action, RungAction::Ring { .. }));
    if !facts.takes_calls {
        // R25
        let problem = "this agent has message channels alone, and a message cannot be transferred";
        return found.add("on_unresolved", problem, "choose flag (a ticket) or decide (per case)");
    }
    if !rings {
        let remedy = "add a rung with \"do\": \"ring\" to the ladder, or choose flag or decide";
        found.add("on_unresolved", "escalate has nobody to ring", remedy);
    }
}

fn check_topics(key: &str, topics: &[String], found: &mut Found) {
    if topics.len() > TOPICS_MAX {
        found.add(key, format!("{} topics", topics.len()), format!("keep to {TOPICS_MAX}"));
    }
    for (at, topic) in topics.iter().enumerate().take(TOPICS_MAX) {
        if topic.trim().is_empty() || topic.chars().count() > TOPIC_CHARS_MAX {
            let remedy = format!("write a few words, such as \"water damage\" (at most {TOPIC_CHARS_MAX} characters)");
            found.add(format!("{key}[{at}]"), "it is empty or too long", remedy);
        }
    }
}

/// What was found so far; bounded, since every line of it is read by a person.
#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
}

impl Found {
    fn add(&mut self, path: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { path: path.into(), problem: problem.into(), remedy: remedy.into() });
        }
    }
}

/// User, host and port of `sip:user@host:port;parameters` (RFC 3261 §19.1.1); 5060 where no port stands.
fn parts(address: &str) -> Option<(&str, &str, u16)> {
    let rest = address.strip_prefix("sip:")?;
    if rest.len() > ADDRESS_BYTES_MAX || rest.bytes().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control())
    {
        return None;
    }
    let plain = rest.split([';', '?']).next()?;
    let (user, at) = plain.rsplit_once('@').unwrap_or(("", plain));
    // A password hides the host from whoever reads the address, and an escape what would be dialled.
    if user.contains([':', '@', '<', '>', '"', '%']) {
        return None;
    }
    let (host, port) = match at.strip_prefix('[') {
        Some(v6) => {
            let (host, rest) = v6.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => at.split_once(':').map_or((at, None), |(host, port)| (host, Some(port))),
    };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    let port = port.map_or(Some(5060), |port| port.parse().ok())?;
    (!host.is_empty() && host.chars().all(named) && port != 0).then_some((user, host, port))
}

/// Whether a dialled user part is an emergency number: the configured one, or one of those known in many countries.
pub fn is_emergency(dialled: &str, configured: &str) -> bool {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let dialled = digits(dialled);
    !dialled.is_empty() && (EMERGENCY_NUMBERS.contains(&dialled.as_str()) || dialled == digits(configured))
}

/// Numbers that reach emergency services somewhere and nobody's desk anywhere.
const EMERGENCY_NUMBERS: [&str; 9] = ["110", "112", "911", "999", "000", "111", "118", "119", "933"];
/// More than a person reads; the rest shows once these are mended.
const PROBLEMS_MAX: usize = 50;
/// Each is compared with every turn that is not answered.
const TOPICS_MAX: usize = 50;
/// A topic is a few words.
const TOPIC_CHARS_MAX: usize = 80;
/// Longer addresses do not fit a request line that every exchange takes.
const ADDRESS_BYTES_MAX: usize = 200;
