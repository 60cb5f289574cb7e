//! What a dialplan says.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::matching::{HeaderTest, Pattern};
use crate::domain::escalation::Target;
use crate::domain::schedule::Schedule;

/// What the files of a folder say together. Nothing of it is used before [`super::check::findings`] found no problem.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// ISO 3166 code by which numbers without a country code are read, where no trunk says another.
    pub home_country: Option<String>,
    /// In the order in which they are tried.
    pub routes: Vec<Route>,
    /// Named actions, to which routes, menus and rings point.
    pub actions: BTreeMap<String, NamedAction>,
    /// Opening hours by name.
    pub hours: BTreeMap<String, NamedHours>,
    /// Who is refused before anything else.
    pub block: Block,
    /// What becomes of emergency numbers that our own telephones dial (R57).
    pub emergency: Emergency,
}

/// A line of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's name below the folder.
    pub file: Arc<str>,
    /// The line, counted from one; 0 where a whole file is meant.
    pub line: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// One thing to mend, shown as `file:line: what is wrong; what is allowed`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{place}: {what}; {allowed}")]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// What is allowed, or what to do.
    pub allowed: String,
}

/// Opening hours under a name.
#[derive(Clone, Debug)]
pub struct NamedHours {
    /// Where they stand.
    pub place: Place,
    /// When.
    pub schedule: Schedule,
}

/// An action under a name.
#[derive(Clone, Debug)]
pub struct NamedAction {
    /// Where it stands.
    pub place: Place,
    /// What is done.
    pub action: Action,
}

/// The name of an action, and where it is mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionRef {
    /// A name of [`Plan::actions`] or of [`Action::builtin`].
    pub name: String,
    /// Where it is mentioned.
    pub place: Place,
}

/// Which calls go to which action. Every condition that is given must hold; of a list, one suffices.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name, for people and logs.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// Who was called.
    pub called: Vec<Pattern>,
    /// Who calls.
    pub callers: Vec<Pattern>,
    /// The trunk or telephone it came by.
    pub trunks: Vec<Named>,
    /// What stands in its headers.
    pub headers: Vec<HeaderTest>,
    /// Hours of which one is open.
    pub when: Vec<Named>,
    /// Hours of which none is open.
    pub not_when: Vec<Named>,
    /// Hours that are closed by a day of their own (a holiday).
    pub holiday_of: Vec<Named>,
    /// What is done.
    pub to: ActionRef,
}

/// A mention of something that must exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where it is mentioned.
    pub place: Place,
}

impl Route {
    /// Whether it takes every call at any time.
    pub fn takes_everything(&self) -> bool {
        self.called.iter().all(Pattern::is_everybody)
            && self.callers.iter().all(Pattern::is_everybody)
            && self.trunks.is_empty()
            && self.headers.is_empty()
            && self.when.is_empty()
            && self.not_when.is_empty()
            && self.holiday_of.is_empty()
    }
}

/// What is done with a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The agent answers.
    Agent {
        /// Which one, by the name of its business; `None` means the only or first one.
        agent: Option<Named>,
    },
    /// People are rung.
    Ring(Ring),
    /// The caller waits for people.
    Queue(Queue),
    /// The caller chooses by keys.
    Menu(Menu),
    /// Something is said, then it goes on.
    Announce {
        /// What.
        prompt: Prompt,
        /// What follows.
        then: ActionRef,
    },
    /// The caller leaves a message.
    Voicemail {
        /// Said instead of the usual words.
        greeting: Option<Prompt>,
    },
    /// Name, number and reason are taken for a callback.
    Callback,
    /// The call ends kindly.
    HangUp,
    /// An emergency number, dialled by a telephone of our own: it goes to the trunk that is configured for it, or it
    /// is said aloud that it cannot be reached here.
    Emergency {
        /// Said instead of the usual words.
        say: Option<String>,
    },
    /// The call is refused without being answered.
    Reject {
        /// The SIP status.
        code: u16,
        /// Its reason phrase.
        reason: String,
    },
}

/// Names of actions that need not be written.
pub const BUILTIN: [&str; 5] = ["agent", "voicemail", "callback", "hang_up", "reject"];

impl Action {
    /// The action that a built-in name means.
    pub fn builtin(name: &str) -> Option<Action> {
        Some(match name {
            "agent" => Action::Agent { agent: None },
            "voicemail" => Action::Voicemail { greeting: None },
            "callback" => Action::Callback,
            "hang_up" => Action::HangUp,
            "reject" => Action::Reject { code: REJECT_CODE, reason: REJECT_REASON.into() },
            _ => return None,
        })
    }

    /// In a few words, for people.
    pub fn shown(&self) -> String {
        match self {
            Action::Agent { agent: None } => "the agent answers".into(),
            Action::Agent { agent: Some(agent) } => format!("the agent of {} answers", agent.name),
            Action::Ring(ring) => {
                let together = if ring.steps.len() > 1 { "in turn" } else { "together" };
                let targets: usize = ring.steps.iter().map(Vec::len).sum();
                format!("rings {targets} {together}, then {}", ring.then.name)
            }
            Action::Queue(queue) => format!("waits in a queue, then {}", queue.then.name),
            Action::Menu(menu) => {
                let keys = menu.keys.iter().map(|(key, to)| format!("{} → {}", *key as char, to.name));
                format!("menu ({}), otherwise {}", keys.collect::<Vec<_>>().join(", "), menu.otherwise.name)
            }
            Action::Announce { then, .. } => format!("says a prompt, then {}", then.name),
            Action::Voicemail { .. } => "takes a message".into(),
            Action::Callback => "takes name, number and reason for a callback".into(),
            Action::HangUp => "hangs up kindly".into(),
            Action::Emergency { .. } => "goes straight to the emergency trunk; without one it is refused aloud".into(),
            Action::Reject { code, reason } => format!("refuses with {code} {reason}"),
        }
    }

    /// The actions that it may go on to, each with how.
    pub fn next(&self) -> Vec<(&ActionRef, By)> {
        match self {
            Action::Ring(ring) => vec![(&ring.then, By::Itself)],
            Action::Queue(queue) => vec![(&queue.then, By::Itself)],
            Action::Announce { then, .. } => vec![(then, By::Itself)],
            Action::Menu(menu) => {
                let keys = menu.keys.values().map(|to| (to, By::Key));
                keys.chain([(&menu.otherwise, By::Itself)]).collect()
            }
            Action::Agent { .. }
            | Action::Voicemail { .. }
            | Action::Callback
            | Action::HangUp
            | Action::Emergency { .. }
            | Action::Reject { .. } => Vec::new(),
        }
    }
}

/// How a call goes on from one action to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Without the caller doing anything.
    Itself,
    /// The caller pressed a key.
    Key,
}

/// Rings people.
#[derive(Clone, Debug, PartialEq)]
pub struct Ring {
    /// One step after the other; those of one step are rung together.
    pub steps: Vec<Vec<RingTarget>>,
    /// How long each step rings, in seconds.
    pub ring_seconds: u16,
    /// What follows when nobody takes the call.
    pub then: ActionRef,
}

/// Somebody to ring, and where that stands.
#[derive(Clone, Debug, PartialEq)]
pub struct RingTarget {
    /// Whom.
    pub target: Target,
    /// Where it stands.
    pub place: Place,
}

/// Lets the caller wait for one of these people.
#[derive(Clone, Debug, PartialEq)]
pub struct Queue {
    /// Its action's name: callers of one name wait in one line.
    pub name: String,
    /// Rung together, again and again, for the caller who waits longest.
    pub targets: Vec<RingTarget>,
    /// How long they ring at a time, in seconds.
    pub ring_seconds: u16,
    /// Callers who may wait; one more goes on at once.
    pub callers_max: usize,
    /// The longest wait, in seconds.
    pub wait_seconds_max: u32,
    /// A sound file in place of the hold tone.
    pub music: Option<SoundFile>,
    /// What follows when the queue is full or the wait too long.
    pub then: ActionRef,
}

/// A choice by keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// What there is to choose.
    pub prompt: Prompt,
    /// Keys (ASCII `0`–`9`, `*`, `#`) and where they lead.
    pub keys: BTreeMap<u8, ActionRef>,
    /// How often the choice is offered before `otherwise`.
    pub tries: u8,
    /// How long a key is waited for after the prompt, in seconds.
    pub timeout_seconds: u8,
    /// Where those go who press nothing that is offered.
    pub otherwise: ActionRef,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// A text, spoken by the agent's voice.
    Text(String),
    /// A sound file.
    File(SoundFile),
}

/// A WAV file, named below the folder of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundFile {
    /// Its name below the folder.
    pub name: String,
    /// Where it is mentioned.
    pub place: Place,
}

/// Callers who are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Who.
    pub callers: Vec<Pattern>,
    /// The SIP status they get.
    pub code: u16,
    /// Its reason phrase.
    pub reason: String,
}

impl Default for Block {
    fn default() -> Self {
        Block { callers: Vec::new(), code: REJECT_CODE, reason: REJECT_REASON.into() }
    }
}

/// What becomes of emergency numbers (R57).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Emergency {
    /// As they are dialled, beside the ones that are known everywhere.
    pub numbers: Vec<String>,
    /// Said when they are refused.
    pub say: Option<String>,
}

impl Emergency {
    /// Whether these dialled digits are an emergency number.
    pub fn means(&self, dialled: &str) -> bool {
        EMERGENCY.contains(&dialled) || self.numbers.iter().any(|number| number == dialled)
    }
}

/// The two numbers that mobile networks everywhere take for an emergency (3GPP TS 22.101 §10). Others, such as 110,
/// may be somebody's extension, and are configured.
const EMERGENCY: [&str; 2] = ["112", "911"];
/// RFC 3261 §21.6.2: the called party does not wish to take part.
pub const REJECT_CODE: u16 = 603;
/// Its reason phrase.
pub const REJECT_REASON: &str = "Declined";
