//! What must hold after every step, each by its name.

use std::time::{Duration, Instant};

use switchboard::domain::call::{AttemptOutcome, CallOutcome};
use switchboard::domain::ticket::TicketKind;

use crate::caller::DETAILS;
use crate::case::{Case, Is, Leg, Person};

/// A promise that was broken.
#[derive(Clone, Debug)]
pub struct Breach {
    pub check: Check,
    pub call: usize,
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// Never over 3 s of nothing while the agent owes the next word.
    Silence,
    /// After the caller's last word there is a next word, a person, or an end.
    Stranded,
    /// Every leg that was dialled ends.
    LegLeaked,
    /// Ringing stops within 200 ms once nobody waits for it.
    RingsOn,
    /// Only configured telephones are dialled.
    Unconfigured,
    /// No detail of a case reaches a machine, or anybody before a key.
    DetailLeaked,
    /// What was held for a person is never said to the caller.
    DraftSpoken,
    /// Whoever takes a recorded call is told that it is recorded.
    Recorded,
    /// "I am calling a colleague" is said only when one rings.
    EmptyPromise,
    /// One call at a time is offered to a person.
    OneOffer,
    /// Exactly one primary outcome, with the tickets that belong to it.
    Outcome,
    /// Every attempt is told how it ended.
    Attempt,
    /// What the journal had accepted is there after a crash, and the cut case has its ticket.
    Recovery,
    /// The machines come to an end.
    Endless,
}

/// Never longer.
const LONGEST_SILENCE: Duration = Duration::from_secs(3);
/// The longest time for which a caller may keep the word: "hold on" (30 s), and the prompt's own beginning.
const LONGEST_QUIET: Duration = Duration::from_secs(32);
/// The caller's hang-up to the CANCEL on the wire.
const RINGING_STOPS_WITHIN: Duration = Duration::from_millis(200);
/// A farewell to staff, at the longest.
const LEG_ENDS_WITHIN: Duration = Duration::from_secs(11);

type Found = Option<(Check, String)>;

/// Time has gone by since the last step, with nothing changed.
pub fn time_passed(case: &Case, now: Instant) -> Found {
    let longer = |since: Option<Instant>, than| since.is_some_and(|since| now.saturating_duration_since(since) > than);
    if longer(case.watch.owed_since, LONGEST_SILENCE) {
        let silent = now.saturating_duration_since(case.watch.owed_since.unwrap_or(now));
        return Some((Check::Silence, format!("{silent:?} of nothing while the agent owed the next word")));
    }
    if longer(case.watch.quiet_since, LONGEST_QUIET) {
        return Some((Check::Stranded, "nobody has said anything, and nobody will".into()));
    }
    None
}

/// After a step: who is heard now, and who owes the next word.
pub fn watch(case: &mut Case, now: Instant) -> Found {
    let suspended = !case.is_live() || case.holds || (case.joined.is_some() && !case.person_holds);
    let heard = case.speaks || case.mouth.is_heard(now);
    let quiet = !suspended && !heard;
    let since = |was: Option<Instant>, is: bool| is.then(|| was.unwrap_or(now));
    case.watch.quiet_since = since(case.watch.quiet_since, quiet);
    case.watch.owed_since = since(case.watch.owed_since, quiet && case.watch.agent_owes && !case.watch.records_message);
    let waits = case.flow.poll_timeout().is_some()
        || case.mouth.under_way().is_some()
        || case.speaks
        || case.awaited.is_some()
        || case.is_ringing();
    (quiet && !waits && !case.caller_turn_pending())
        .then(|| (Check::Stranded, "nothing is said, awaited or planned any more".to_owned()))
}

/// What is said to somebody who was rung.
pub fn said_to_person(person: &Person, words: &str) -> Found {
    let detail = DETAILS.iter().find(|detail| words.contains(**detail))?;
    let may_hear = (person.keyed || person.greeted) && !person.who.is_machine();
    (!may_hear).then(|| (Check::DetailLeaked, format!("{:?} heard of {detail:?}: {words}", person.who)))
}

/// Legs of a call that is over.
pub fn legs(case: &Case, now: Instant) -> Found {
    let over_at = case.over_at?;
    let after = now.saturating_duration_since(over_at);
    let rings = |person: &&Person| person.leg == Leg::Ringing && after > RINGING_STOPS_WITHIN;
    if let Some(person) = case.people.iter().find(rings) {
        return Some((Check::RingsOn, format!("{} rings {after:?} after the call's end", person.destination)));
    }
    let is_up = |person: &&Person| person.leg == Leg::Up && after > LEG_ENDS_WITHIN;
    let person = case.people.iter().find(is_up)?;
    Some((Check::LegLeaked, format!("{} is still up {after:?} after the call's end", person.destination)))
}

/// When nothing is left to happen.
pub fn at_the_end(case: &Case) -> Vec<(Check, String)> {
    let mut found = Vec::new();
    let mut broken = |check, what: String| found.push((check, what));
    for person in &case.people {
        if person.leg.is_open() {
            broken(Check::LegLeaked, format!("{} was never ended: {:?}", person.destination, person.leg));
        }
        if person.standing.is_some() {
            broken(Check::OneOffer, format!("{} is engaged for ever", person.destination));
        }
    }
    match case.is {
        Is::Unanswered => {}
        Is::Refused => {
            if case.kept.rows().next().is_some() || !case.people.is_empty() {
                broken(Check::Outcome, "a call that was refused left something behind".into());
            }
        }
        Is::Coming | Is::Live => broken(Check::Endless, "the call never ends".into()),
        Is::Over => outcome(case, &mut broken),
        Is::Cut => {}
    }
    found
}

fn outcome(case: &Case, broken: &mut impl FnMut(Check, String)) {
    let [outcome] = case.ends[..] else {
        return broken(Check::Outcome, format!("{} outcomes: {:?}", case.ends.len(), case.ends));
    };
    if case.kept.ends() != [outcome] {
        broken(Check::Outcome, format!("kept as {:?}, ended as {outcome:?}", case.kept.ends()));
    }
    let tickets = case.kept.tickets();
    let of = |kind| tickets.iter().filter(|ticket| **ticket == kind).count();
    let was_joined = case.people.iter().any(|person| person.was_joined);
    let right = match outcome {
        CallOutcome::Resolved | CallOutcome::BestEffort | CallOutcome::Abandoned => tickets.is_empty(),
        CallOutcome::Person => was_joined,
        CallOutcome::Ticket => !tickets.is_empty(),
        // A second matter of the same call is added to its ticket when it is kept.
        CallOutcome::Voicemail => of(TicketKind::Voicemail) >= 1,
        CallOutcome::Callback => of(TicketKind::Callback) >= 1,
        CallOutcome::Lost => false,
    };
    if !right {
        broken(Check::Outcome, format!("{outcome:?} with tickets {tickets:?}, joined with a person: {was_joined}"));
    }
    for attempt in case.kept.attempts() {
        if attempt.is_none() {
            broken(Check::Attempt, "an attempt of a call that is over has no outcome".into());
        }
    }
}

/// Over all calls: nobody has two of them offered or joined at once.
pub fn one_offer_each(cases: &[Case]) -> Option<String> {
    let mut engaged: Vec<&str> = Vec::new();
    for person in cases.iter().flat_map(|case| &case.people) {
        let stands = matches!(person.outcome, None | Some(AttemptOutcome::Accepted)) && person.leg.is_open();
        if !stands {
            continue;
        }
        if engaged.contains(&person.destination.as_str()) {
            return Some(format!("{} has two calls at once", person.destination));
        }
        engaged.push(&person.destination);
    }
    None
}
