//! Whom an agent may bring into a case, in which order, and what happens when nobody comes (R3–R5, R53).

use serde::{Deserialize, Serialize};

use super::phone_number::PhoneNumber;
use super::schedule::Schedule;

/// The part of an agent's settings that says how a case is handed over. Immutable within a revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EscalationPolicy {
    /// The rungs, tried in this order until one ends the case.
    pub ladder: Vec<Rung>,
    /// People who can be named by a rung or a rota.
    pub people: Vec<Person>,
    /// Who is on duty when.
    pub rotas: Vec<Rota>,
    /// Whether the person who picks up hears a summary first.
    pub spoken_summary: bool,
    /// Whether a person must press a key (or say so) to be joined; without it a short human greeting is enough (R51).
    pub accept_by_key: bool,
    /// How the call reaches whoever takes it, on rungs that do not say so themselves (R6).
    pub transfer: TransferBy,
    /// What the caller hears between our words.
    pub meanwhile: Meanwhile,
    /// Asked for beside name, number and reason.
    pub fields: Vec<FieldSpec>,
    /// Where a ladder may dial: prefixes such as `+49`, `+4930`. Empty: the configured destinations' own countries.
    pub allowed_prefixes: Vec<String>,
}

/// One step of the ladder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rung {
    /// What is done on it.
    #[serde(flatten)]
    pub action: RungAction,
    /// When it is there at all; missing: always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Schedule>,
}

/// What is done on a rung.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum RungAction {
    /// These are rung, all together; the first who accepts wins.
    Ring {
        /// Whom.
        targets: Vec<Target>,
        /// How long, in seconds.
        #[serde(default = "ring_seconds")]
        ring_seconds: u16,
        /// How the call reaches them; missing: as the policy says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transfer: Option<TransferBy>,
    },
    /// The caller leaves a message.
    Voicemail,
    /// The caller is called back.
    Callback,
    /// A ticket with what was collected.
    Flag,
    /// The best honest answer, and nothing else.
    BestEffort,
}

/// Somebody who can be rung. Written `+4930…`, `sip:…`, `person:anna` or `rota:night`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Target {
    /// A telephone number.
    Number(PhoneNumber),
    /// A SIP address.
    Sip(String),
    /// One of [`EscalationPolicy::people`], by id: all their destinations in order.
    Person(String),
    /// Whoever is on duty by this rota.
    Rota(String),
}

/// Somebody of the team who takes calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// By which rungs and rotas name them.
    pub id: String,
    /// As shown to teammates.
    pub name: String,
    /// Where they are rung (numbers or SIP addresses), first to last.
    pub destinations: Vec<Target>,
    /// Whether they are to be left alone at present.
    #[serde(default)]
    pub do_not_disturb: bool,
}

/// A rota: of those whose hours are open now, the first is on duty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rota {
    /// By which rungs name it.
    pub id: String,
    /// Its shifts.
    pub shifts: Vec<Shift>,
}

/// Who is on duty when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// One of the policy's people.
    pub person: String,
    /// When.
    pub when: Schedule,
}

/// How a call is handed over to whoever takes it (R6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransferBy {
    /// Both legs are ours and their audio goes through us: recorded, transcribed, and taken back when one is lost.
    #[default]
    Bridged,
    /// The caller's side is asked to call them in our place (REFER); nobody hears a summary or presses a key. When it
    /// fails the caller is with the agent as before.
    Blind,
    /// They are rung, told and accept as for a bridge; then the caller's side is asked to call them in our place
    /// (REFER with Replaces). When it refuses, the bridge stays.
    Attended,
}

/// What the caller hears between our words while somebody is rung.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meanwhile {
    /// A quiet tone now and then.
    #[default]
    Tone,
    /// Hold music.
    Music,
}

/// A field that an admin wants collected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    /// Its name in the ticket, such as `order_number`.
    pub name: String,
    /// The question, as it is spoken.
    pub question: String,
    /// What is taken for an answer.
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// Any words.
    Text,
    /// Digits, said or keyed.
    Digits,
    /// A telephone number.
    Number,
    /// An email address.
    Email,
}

/// R51: below the time after which a mobile's own mailbox picks up (about 20 s).
pub const RING_SECONDS: u16 = 18;

fn ring_seconds() -> u16 {
    RING_SECONDS
}

impl Default for EscalationPolicy {
    fn default() -> Self {
        EscalationPolicy {
            ladder: Vec::new(),
            people: Vec::new(),
            rotas: Vec::new(),
            spoken_summary: true,
            accept_by_key: true,
            transfer: TransferBy::Bridged,
            meanwhile: Meanwhile::Tone,
            fields: Vec::new(),
            allowed_prefixes: Vec::new(),
        }
    }
}

impl EscalationPolicy {
    /// The time zone in which the business lives, as far as its opening times tell: the first that is named.
    pub fn time_zone(&self) -> Option<&str> {
        let rungs = self.ladder.iter().filter_map(|rung| rung.when.as_ref());
        let shifts = self.rotas.iter().flat_map(|rota| &rota.shifts).map(|shift| &shift.when);
        rungs.chain(shifts).map(Schedule::time_zone).next()
    }
}

impl RungAction {
    /// Whom it rings; nobody on rungs that ring nobody.
    pub fn targets(&self) -> &[Target] {
        match self {
            RungAction::Ring { targets, .. } => targets,
            RungAction::Voicemail | RungAction::Callback | RungAction::Flag | RungAction::BestEffort => &[],
        }
    }
}

impl TryFrom<String> for Target {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let text = text.trim();
        let named = |id: &str| (!id.trim().is_empty()).then(|| id.trim().to_owned());
        let target = match text.split_once(':') {
            Some(("sip", address)) if !address.is_empty() => Some(Target::Sip(text.to_owned())),
            Some(("person", id)) => named(id).map(Target::Person),
            Some(("rota", id)) => named(id).map(Target::Rota),
            Some(_) => None,
            None => PhoneNumber::parse(text, None).ok().map(Target::Number),
        };
        target.ok_or_else(|| format!("{text:?} names nobody; write a number as +49…, or sip:…, person:ID or rota:ID"))
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        match target {
            Target::Number(number) => number.as_str().to_owned(),
            Target::Sip(address) => address,
            Target::Person(id) => format!("person:{id}"),
            Target::Rota(id) => format!("rota:{id}"),
        }
    }
}

/// Numbers and addresses are personal data and stay out of logs.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Number(_) => f.write_str("Number"),
            Target::Sip(_) => f.write_str("Sip"),
            Target::Person(id) => write!(f, "Person({id})"),
            Target::Rota(id) => write!(f, "Rota({id})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ladder_is_written_as_people_read_it() {
        let text = serde_json::json!({
            "ladder": [
                {"do": "ring", "targets": ["+4930901820", "person:anna"], "ring_seconds": 15},
                {"do": "ring", "targets": ["rota:night"],
                 "when": {"time_zone": "Europe/Berlin", "hours": ["Mon-Sun 20:00-08:00"]}},
                {"do": "voicemail"}, {"do": "flag"}
            ],
            "people": [{"id": "anna", "name": "Anna", "destinations": ["sip:anna@10.0.0.2"]}]
        });
        let policy: EscalationPolicy = serde_json::from_value(text).unwrap();
        assert_eq!(policy.ladder.len(), 4);
        let RungAction::Ring { ring_seconds, .. } = &policy.ladder[1].action else { panic!("a ring") };
        assert_eq!(*ring_seconds, RING_SECONDS);
        let again: EscalationPolicy = serde_json::from_str(&serde_json::to_string(&policy).unwrap()).unwrap();
        assert_eq!(again, policy);
    }

    #[test]
    fn a_target_that_names_nobody_is_refused_with_the_forms_there_are() {
        let error = serde_json::from_value::<Target>(serde_json::json!("the boss")).unwrap_err();
        assert!(error.to_string().contains("person:ID"));
    }
}
