//! The actions of a dialplan file.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::page::{At, Fields, Page, table, text};
use super::sections::{action_or, action_ref, named};
use crate::domain::dialplan::Action;
use crate::domain::dialplan::plan::{Menu, Prompt, Queue, REJECT_CODE, REJECT_REASON, Ring, RingTarget, SoundFile};
use crate::domain::escalation::{RING_SECONDS, Target};

/// Reads `[action.NAME]`; `None` when it cannot be used, which is told.
pub fn read(page: &mut Page, name: &str, section: At<&DeTable<'_>>) -> Option<Action> {
    let what = format!("[action.{name}]");
    let kind = section.value.iter().find(|(key, _)| key.get_ref() == "do").map(|(_, value)| value);
    let Some(kind) = kind else {
        page.wrong(&section.span, format!("{what} lacks do"), format!("write do = {KINDS}"));
        return None;
    };
    let kind = text(page, "do", kind)?;
    let read: (&[&str], fn(&mut Page, &Fields<'_>) -> Option<Action>) = match kind.value.as_str() {
        "agent" => (&["do", "agent"], agent),
        "ring" => (&["do", "how", "targets", "ring_seconds", "then"], ring),
        "queue" => (&["do", "targets", "ring_seconds", "callers_max", "wait_seconds_max", "music", "then"], queue),
        "menu" => (&["do", "say", "file", "keys", "tries", "timeout_seconds", "otherwise"], menu),
        "prompt" => (&["do", "say", "file", "then"], prompt_then),
        "voicemail" => (&["do", "say", "file"], voicemail),
        "callback" => (&["do"], |_, _| Some(Action::Callback)),
        "hang_up" => (&["do"], |_, _| Some(Action::HangUp)),
        "reject" => (&["do", "code", "reason"], reject),
        unknown => {
            page.wrong(&kind.span, format!("nothing is known to do as {unknown:?}"), format!("write {KINDS}"));
            return None;
        }
    };
    let fields = Fields::of(page, &what, section.value, section.span, read.0);
    let mut action = (read.1)(page, &fields)?;
    if let Action::Queue(queue) = &mut action {
        queue.name = name.to_owned();
    }
    Some(action)
}

fn agent(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let agent = fields.text(page, "agent").map(|agent| named(page, agent));
    Some(Action::Agent { agent })
}

fn ring(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let targets = targets(page, fields);
    let how = fields.text(page, "how");
    let steps = match how.as_ref().map(|how| how.value.as_str()) {
        Some("in_turn") => targets.into_iter().map(|target| vec![target]).collect(),
        Some("together") => vec![targets],
        None | Some("one") if targets.len() < 2 => vec![targets],
        None | Some(_) => {
            let span = how.map_or(fields.span.clone(), |how| how.span);
            page.wrong(
                &span,
                "how several are rung is not said",
                "write how = \"together\" or \"in_turn\"; \"one\" is for one",
            );
            return None;
        }
    };
    Some(Action::Ring(Ring {
        steps,
        ring_seconds: fields.whole(page, "ring_seconds", RING_BOUNDS).unwrap_or(RING_SECONDS),
        then: action_or(page, fields, "then", "callback"),
    }))
}

fn queue(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let music = fields.text(page, "music").and_then(|name| sound_file(page, name));
    Some(Action::Queue(Queue {
        name: String::new(),
        targets: targets(page, fields),
        ring_seconds: fields.whole(page, "ring_seconds", RING_BOUNDS).unwrap_or(RING_SECONDS),
        callers_max: fields.whole(page, "callers_max", (1, 500)).unwrap_or(QUEUE_CALLERS),
        wait_seconds_max: fields.whole(page, "wait_seconds_max", (30, 7200)).unwrap_or(QUEUE_WAIT_SECONDS),
        music,
        then: action_or(page, fields, "then", "callback"),
    }))
}

fn targets(page: &mut Page, fields: &Fields<'_>) -> Vec<RingTarget> {
    let mut targets = Vec::new();
    let written = fields.texts(page, "targets");
    if written.is_empty() {
        page.wrong(
            &fields.span,
            "nobody is named to ring",
            "write targets = [\"+49…\", \"sip:…\", \"person:ID\", \"rota:ID\"]",
        );
    }
    if written.len() > TARGETS_MAX {
        page.wrong(&fields.span, "too many are named to ring", format!("at most {TARGETS_MAX}"));
    }
    for target in written.into_iter().take(TARGETS_MAX) {
        match Target::try_from(target.value) {
            Ok(read) => targets.push(RingTarget { target: read, place: page.place(&target.span) }),
            Err(error) => {
                let (what, allowed) = error.split_once("; ").unwrap_or((&error, "write a number as +49…"));
                page.wrong(&target.span, what, allowed);
            }
        }
    }
    targets
}

fn menu(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let prompt = prompt(page, fields);
    if prompt.is_none() {
        page.wrong(&fields.span, "the menu says nothing", "write say = \"For …, press 1 …\" or file = \"menu.wav\"");
    }
    let mut keys = BTreeMap::new();
    if let Some(section) = fields.value("keys").and_then(|value| table(page, "keys", value)) {
        for (key, value) in section.value.iter() {
            let to = text(page, "keys", value).map(|to| action_ref(page, to));
            match (key.get_ref().as_bytes(), to) {
                ([key @ (b'0'..=b'9' | b'*' | b'#')], Some(to)) => {
                    keys.insert(*key, to);
                }
                (_, None) => {}
                (_, Some(_)) => {
                    let allowed = "write 0 to 9, \"*\" or \"#\", as in keys = { 1 = \"sales\", \"*\" = \"agent\" }";
                    page.wrong(&key.span(), format!("{:?} is no key", key.get_ref()), allowed);
                }
            }
        }
    }
    if keys.is_empty() {
        page.wrong(&fields.span, "the menu offers no key", "write keys = { 1 = \"sales\", 2 = \"agent\" }");
    }
    Some(Action::Menu(Menu {
        prompt: prompt?,
        keys,
        tries: fields.whole(page, "tries", (1, 5)).unwrap_or(MENU_TRIES),
        timeout_seconds: fields.whole(page, "timeout_seconds", (1, 30)).unwrap_or(MENU_TIMEOUT_SECONDS),
        otherwise: action_or(page, fields, "otherwise", "agent"),
    }))
}

fn prompt_then(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let prompt = prompt(page, fields);
    if prompt.is_none() {
        page.wrong(&fields.span, "the prompt says nothing", "write say = \"…\" or file = \"prompt.wav\"");
    }
    let then = action_or(page, fields, "then", "agent");
    Some(Action::Announce { prompt: prompt?, then })
}

fn voicemail(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    Some(Action::Voicemail { greeting: prompt(page, fields) })
}

fn reject(page: &mut Page, fields: &Fields<'_>) -> Option<Action> {
    let code = fields.whole(page, "code", REFUSALS);
    let reason = fields.text(page, "reason").map(|written| reason(page, written));
    let usual = if code.is_none() { REJECT_REASON } else { "" };
    Some(Action::Reject { code: code.unwrap_or(REJECT_CODE), reason: reason.unwrap_or_else(|| usual.to_owned()) })
}

/// A reason phrase: one line of plain letters (RFC 3261 §25.1).
pub fn reason(page: &mut Page, written: At<String>) -> String {
    let plain = written.value.len() <= REASON_MAX && written.value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if !plain {
        let allowed = format!("use up to {REASON_MAX} plain letters in one line");
        page.wrong(&written.span, "the reason cannot be sent", allowed);
        return String::new();
    }
    written.value
}

fn prompt(page: &mut Page, fields: &Fields<'_>) -> Option<Prompt> {
    let say = fields.text(page, "say");
    let file = fields.text(page, "file");
    if let (Some(_), Some(file)) = (&say, &file) {
        page.wrong(&file.span, "both say and file are written", "keep one of them");
    }
    match (say, file) {
        (Some(say), _) if say.value.trim().is_empty() || say.value.len() > PROMPT_MAX => {
            let allowed = format!("write a sentence or two, up to {PROMPT_MAX} letters");
            page.wrong(&say.span, "the text cannot be spoken", allowed);
            None
        }
        (Some(say), _) => Some(Prompt::Text(say.value)),
        (None, Some(file)) => sound_file(page, file).map(Prompt::File),
        (None, None) => None,
    }
}

fn sound_file(page: &mut Page, name: At<String>) -> Option<SoundFile> {
    let inside = !name.value.starts_with('/') && !name.value.split('/').any(|part| part == ".." || part.is_empty());
    if !inside || !name.value.to_ascii_lowercase().ends_with(".wav") {
        let what = format!("{:?} is no sound file of this folder", name.value);
        page.wrong(&name.span, what, "write the name of a WAV file below the folder, such as \"prompts/closed.wav\"");
        return None;
    }
    Some(SoundFile { place: page.place(&name.span), name: name.value })
}

/// The kinds of actions.
const KINDS: &str =
    "\"agent\", \"ring\", \"queue\", \"menu\", \"prompt\", \"voicemail\", \"callback\", \"hang_up\" or \"reject\"";
/// Statuses with which a call can be refused (RFC 3261 §21.4–21.6).
pub const REFUSALS: (u64, u64) = (400, 699);
/// R51: beyond 30 s a mobile's own mailbox has long picked up.
const RING_BOUNDS: (u64, u64) = (5, 120);
/// Rung by one action.
const TARGETS_MAX: usize = 20;
/// Letters of a reason phrase.
const REASON_MAX: usize = 80;
/// Letters of a spoken prompt: about two minutes.
const PROMPT_MAX: usize = 1_500;
/// How often a choice is offered.
const MENU_TRIES: u8 = 2;
/// How long a key is waited for: callers look for the keypad.
const MENU_TIMEOUT_SECONDS: u8 = 7;
/// Callers who wait at once.
const QUEUE_CALLERS: usize = 20;
/// Ten minutes: longer waits annoy more than a callback.
const QUEUE_WAIT_SECONDS: u32 = 600;
