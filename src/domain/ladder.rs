//! The ladder of one case: whom to ring now, what their answers mean, and how it ends (R3, R4, R51–R54).
//!
//! 1. [`Ladder::begin`] looks at which rungs are there now, and whom they reach.
//! 2. A rung rings its people together. The first who accepts is joined, the others are let go.
//! 3. A destination that does not take it is followed by the person's next one; a person who passes is not asked
//!    again. When nobody of a rung is left, the next rung has its turn.
//! 4. Joined: the person may give the case back or pass it on; a leg that dies, or hangs up at once, brings the
//!    caller back to the agent, who may have the person rung again.
//! 5. Whoever was rung in vain and calls in while the caller is still there is one more attempt, as if they were rung
//!    (R55); after a ladder's end it is a ladder of its own.
//!    So is a supervisor who takes the case over, from whoever rings or is joined (R9).
//! 6. Every ladder ends in exactly one [`LadderEnd`], and rings nobody afterwards.
//!
//! Pure: what happened goes in with its time, orders come out.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::call::AttemptOutcome;
use super::escalation::{EscalationPolicy, RING_SECONDS, RungAction, Target, TransferBy};
use super::on_duty::{self, Party};
use super::time::EpochMs;

/// One try to reach one person, counted from 1 within its ladder; whoever carries out the orders pairs it with the
/// identifier of the stored attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptNo(pub u32);

/// A telephone to ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Names the attempt in all that follows.
    pub attempt: AttemptNo,
    /// Whose telephone it is, where the policy says.
    pub person: Option<String>,
    /// A number or a SIP address.
    pub destination: Target,
    /// How long it may ring.
    pub ring_time: Duration,
    /// How the call reaches them.
    pub transfer: TransferBy,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LadderInput {
    /// An attempt is over, or was accepted.
    Ended {
        /// Which one.
        attempt: AttemptNo,
        /// How.
        outcome: AttemptOutcome,
    },
    /// The joined person's leg is gone.
    PersonGone {
        /// Whether they hung up; otherwise the leg died.
        hung_up: bool,
    },
    /// The joined person gives the call back to the agent (`*1`).
    GivenBack,
    /// The joined person passes it to the next rung (`*2`).
    PassedOn,
    /// The joined person passes it to this telephone, which configuration lets their side ask for (REFER).
    PassedTo(Target),
    /// Caller and joined person talk without us from now on (REFER).
    HandedOn,
    /// The caller wants to be connected again with the person who was lost.
    Reconnect,
    /// The caller goes on with the agent.
    NeverMind,
    /// The caller hung up.
    CallerGone,
    /// We restarted meanwhile.
    Restarted,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LadderEffect {
    /// Ring these together.
    Ring(Vec<Ring>),
    /// Let go of this attempt, which ends with this outcome. `Superseded`: its telephone is told that the call was
    /// completed elsewhere (RFC 3326).
    Cancel {
        /// Which one.
        attempt: AttemptNo,
        /// To be stored.
        outcome: AttemptOutcome,
    },
    /// Join this person and the caller.
    Join(AttemptNo),
    /// Part them: this person's leg ends.
    Part(AttemptNo),
    /// The caller is with the agent again and may be connected anew.
    Lost(AttemptNo),
    /// The ladder is over: the last order.
    Ended(LadderEnd),
}

/// How a ladder ends. There is exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LadderEnd {
    /// Caller and person spoke to the end of the call.
    Person,
    /// The person gave the call back to the agent.
    GivenBack,
    /// The caller leaves a message.
    Voicemail {
        /// They may choose to be called back instead.
        or_callback: bool,
    },
    /// The caller is called back.
    Callback {
        /// They may choose to leave a message instead.
        or_voicemail: bool,
    },
    /// A ticket with what was collected.
    Flag,
    /// The best honest answer, and nothing else.
    BestEffort,
    /// The caller went on with the agent.
    NeverMind,
    /// The caller hung up before it was settled.
    CallerGone,
    /// We restarted meanwhile.
    CutByRestart,
}

/// What a ladder could do if it began now (R58: nothing is promised that cannot happen).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// Whether anybody would be rung.
    pub can_ring: bool,
    /// Whether anybody would be rung for a caller in danger, who is held to no count.
    pub can_ring_in_danger: bool,
    /// What follows when nobody takes it.
    pub otherwise: LadderEnd,
}

/// What a ladder would do now. `callback_after`: whoever is not reached is called back, whatever the rungs say (R26).
/// Nobody is counted on who is not `free`.
pub fn outlook(
    policy: &EscalationPolicy,
    now: EpochMs,
    callback_after: bool,
    free: impl Fn(&Party) -> bool,
) -> Outlook {
    let (rungs, otherwise) = rungs_now(policy, now, callback_after);
    let can_ring = rungs.iter().flat_map(|rung| &rung.parties).any(free);
    Outlook { can_ring, can_ring_in_danger: can_ring, otherwise }
}

/// One case's ladder.
#[derive(Clone, Debug)]
pub struct Ladder {
    state: State,
    /// Rungs that have not had their turn.
    rungs: VecDeque<Rung>,
    otherwise: LadderEnd,
    /// Persons and bare telephones that have passed.
    passed: Vec<Party>,
    attempts: u32,
    /// No further rung rings after this.
    until: Instant,
    effects: VecDeque<LadderEffect>,
}

#[derive(Clone, Debug)]
enum State {
    /// These attempts are under way.
    Ringing(Vec<Line>),
    Joined {
        line: Line,
        since: Instant,
    },
    /// The person was lost; the caller is asked whether to connect them again.
    Apart(Line),
    Over,
}

/// One party of a rung, and where it is being rung.
#[derive(Clone, Debug)]
struct Line {
    attempt: AttemptNo,
    person: Option<String>,
    destination: Target,
    /// Their further destinations.
    more: VecDeque<Target>,
    ring_time: Duration,
    transfer: TransferBy,
    /// A guard: an attempt that never ends is given up then.
    overdue: Instant,
}

#[derive(Clone, Debug)]
struct Rung {
    parties: Vec<Party>,
    ring_time: Duration,
    transfer: TransferBy,
}

impl Ladder {
    /// Begins: the first order is there at once. `callback_after` as for [`outlook`].
    pub fn begin(now: Instant, policy: &EscalationPolicy, at: EpochMs, callback_after: bool) -> Ladder {
        let (rungs, otherwise) = rungs_now(policy, at, callback_after);
        let mut ladder = Ladder {
            state: State::Ringing(Vec::new()),
            rungs: rungs.into(),
            otherwise,
            passed: Vec::new(),
            attempts: 0,
            until: now + LONGEST_LADDER,
            effects: VecDeque::new(),
        };
        ladder.next_rung(now);
        ladder
    }

    /// Begins with somebody who has called in, after the ladder that rang them is over. Nobody else is rung: it ends as
    /// this policy's ladder would, which changes nothing for a caller who was not with them.
    pub fn of_caller_in(
        now: Instant,
        policy: &EscalationPolicy,
        at: EpochMs,
        person: Option<String>,
        telephone: Target,
    ) -> (Ladder, AttemptNo) {
        let mut ladder = Ladder {
            state: State::Ringing(Vec::new()),
            rungs: VecDeque::new(),
            otherwise: rungs_now(policy, at, false).1,
            passed: Vec::new(),
            attempts: 0,
            until: now + LONGEST_LADDER,
            effects: VecDeque::new(),
        };
        let attempt = ladder.add_caller_in(now, person, telephone);
        (ladder, attempt)
    }

    /// Somebody has called in whom it rang before: their attempt, which [`LadderInput::Ended`] ends. `None` when the
    /// caller is with somebody.
    pub fn called_in(&mut self, now: Instant, person: Option<String>, telephone: Target) -> Option<AttemptNo> {
        matches!(self.state, State::Ringing(_)).then(|| self.add_caller_in(now, person, telephone))
    }

    fn add_caller_in(&mut self, now: Instant, person: Option<String>, destination: Target) -> AttemptNo {
        // Nobody is rung for it, so it is not held to the number of attempts; each is a call of somebody of the team.
        self.attempts += 1;
        let attempt = AttemptNo(self.attempts);
        if let State::Ringing(lines) = &mut self.state {
            lines.push(Line {
                attempt,
                person,
                destination,
                more: VecDeque::new(),
                ring_time: Duration::from_secs(u64::from(RING_SECONDS)),
                transfer: TransferBy::Bridged,
                overdue: now + LONGEST_OFFER,
            });
        }
        attempt
    }

    /// Somebody of the team takes the case as it stands, from whoever rings or speaks with the caller (R9): their
    /// attempt, which is joined. Whoever was joined is not with the caller any more. `None` when it is over.
    pub fn taken_over(&mut self, now: Instant, person: Option<String>, telephone: Target) -> Option<AttemptNo> {
        if self.is_over() {
            return None;
        }
        if !matches!(self.state, State::Ringing(_)) {
            self.state = State::Ringing(Vec::new());
        }
        let attempt = self.add_caller_in(now, person, telephone);
        self.attempt_ended(now, attempt, AttemptOutcome::Accepted);
        Some(attempt)
    }

    /// The next order.
    pub fn poll_effect(&mut self) -> Option<LadderEffect> {
        self.effects.pop_front()
    }

    /// When [`Ladder::handle_timeout`] wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Ringing(lines) => lines.iter().map(|line| line.overdue).min(),
            State::Joined { .. } | State::Apart(_) | State::Over => None,
        }
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Who is joined with the caller.
    pub fn joined(&self) -> Option<AttemptNo> {
        match &self.state {
            State::Joined { line, .. } => Some(line.attempt),
            State::Ringing(_) | State::Apart(_) | State::Over => None,
        }
    }

    /// Takes in what happened. What comes too late for its state is passed over.
    pub fn handle(&mut self, now: Instant, input: LadderInput) {
        match input {
            LadderInput::Ended { attempt, outcome } => self.attempt_ended(now, attempt, outcome),
            LadderInput::PersonGone { hung_up } => self.person_gone(now, hung_up),
            LadderInput::GivenBack => {
                if let Some(line) = self.take_joined() {
                    self.effects.push_back(LadderEffect::Part(line.attempt));
                    self.end(LadderEnd::GivenBack);
                }
            }
            LadderInput::PassedOn => self.passed_on(now),
            LadderInput::PassedTo(target) => {
                if self.joined().is_some() {
                    let party = Party { person: None, destinations: vec![target] };
                    let ring_time = Duration::from_secs(u64::from(RING_SECONDS));
                    let transfer = TransferBy::Bridged;
                    self.rungs.push_front(Rung { parties: vec![party], ring_time, transfer });
                    self.passed_on(now);
                }
            }
            LadderInput::HandedOn => {
                if self.take_joined().is_some() {
                    self.end(LadderEnd::Person);
                }
            }
            LadderInput::Reconnect => self.reconnect(now),
            LadderInput::NeverMind => {
                if !matches!(self.state, State::Joined { .. }) {
                    self.stop(AttemptOutcome::CallerHungUp, LadderEnd::NeverMind);
                }
            }
            LadderInput::CallerGone => match self.take_joined() {
                Some(line) => {
                    self.effects.push_back(LadderEffect::Part(line.attempt));
                    self.end(LadderEnd::Person);
                }
                None => self.stop(AttemptOutcome::CallerHungUp, LadderEnd::CallerGone),
            },
            LadderInput::Restarted => self.stop(AttemptOutcome::Lost, LadderEnd::CutByRestart),
        }
    }

    fn passed_on(&mut self, now: Instant) {
        let Some(line) = self.take_joined() else { return };
        self.effects.push_back(LadderEffect::Part(line.attempt));
        self.has_passed(&line);
        self.until = self.until.max(now + LONGEST_LADDER);
        self.next_rung(now);
    }

    /// A time that was waited for has come: attempts of which nothing was heard any more are given up.
    pub fn handle_timeout(&mut self, now: Instant) {
        let State::Ringing(lines) = &self.state else { return };
        let overdue: Vec<AttemptNo> =
            lines.iter().filter(|line| line.overdue <= now).map(|line| line.attempt).collect();
        for attempt in overdue {
            let outcome = AttemptOutcome::Failed;
            self.effects.push_back(LadderEffect::Cancel { attempt, outcome });
            self.attempt_ended(now, attempt, outcome);
        }
    }

    fn attempt_ended(&mut self, now: Instant, attempt: AttemptNo, outcome: AttemptOutcome) {
        let State::Ringing(lines) = &mut self.state else { return };
        let Some(place) = lines.iter().position(|line| line.attempt == attempt) else { return };
        let mut line = lines.remove(place);
        if outcome == AttemptOutcome::Accepted {
            return self.join(now, line);
        }
        if is_refusal_in_person(outcome) {
            self.has_passed(&line);
        } else if let Some(next) = line.more.pop_front().filter(|_| self.may_ring(now)) {
            line.destination = next;
            return self.ring(now, vec![line]);
        }
        if matches!(&self.state, State::Ringing(lines) if lines.is_empty()) {
            self.next_rung(now);
        }
    }

    /// The first who accepts wins; whoever accepts at the same moment is one of the others.
    fn join(&mut self, now: Instant, line: Line) {
        self.cancel_all(AttemptOutcome::Superseded);
        self.effects.push_back(LadderEffect::Join(line.attempt));
        self.state = State::Joined { line, since: now };
    }

    fn person_gone(&mut self, now: Instant, hung_up: bool) {
        let State::Joined { line, since } = &self.state else { return };
        if hung_up && now.saturating_duration_since(*since) >= HUNG_UP_AT_ONCE {
            return self.end(LadderEnd::Person);
        }
        let line = line.clone();
        self.effects.push_back(LadderEffect::Lost(line.attempt));
        self.state = State::Apart(line);
    }

    fn reconnect(&mut self, now: Instant) {
        let State::Apart(line) = &self.state else { return };
        let line = Line { more: VecDeque::new(), ..line.clone() };
        self.until = self.until.max(now + LONGEST_LADDER);
        self.state = State::Ringing(Vec::new());
        if self.may_ring(now) { self.ring(now, vec![line]) } else { self.next_rung(now) }
    }

    fn next_rung(&mut self, now: Instant) {
        self.state = State::Ringing(Vec::new());
        while let Some(rung) = self.rungs.pop_front() {
            if !self.may_ring(now) {
                break;
            }
            let lines: Vec<Line> = rung.parties.iter().filter_map(|party| self.line(now, party, &rung)).collect();
            if !lines.is_empty() {
                return self.ring(now, lines);
            }
        }
        self.end(self.otherwise);
    }

    /// Where this party is rung first, unless they have passed.
    fn line(&self, now: Instant, party: &Party, rung: &Rung) -> Option<Line> {
        let has_passed = |destination: &Target| {
            self.passed.iter().any(|passed| {
                passed.destinations.contains(destination) || (passed.person.is_some() && passed.person == party.person)
            })
        };
        let mut more: VecDeque<Target> =
            party.destinations.iter().filter(|destination| !has_passed(destination)).cloned().collect();
        let destination = more.pop_front()?;
        let (person, ring_time, transfer) = (party.person.clone(), rung.ring_time, rung.transfer);
        Some(Line { attempt: AttemptNo(0), person, destination, more, ring_time, transfer, overdue: now })
    }

    /// Rings these beside whoever rings already, as many as the ladder still may.
    fn ring(&mut self, now: Instant, lines: Vec<Line>) {
        let mut rings = Vec::with_capacity(lines.len());
        for mut line in lines {
            if self.attempts >= ATTEMPTS_MAX {
                break;
            }
            self.attempts += 1;
            line.attempt = AttemptNo(self.attempts);
            line.overdue = now + line.ring_time + LONGEST_OFFER;
            rings.push(Ring {
                attempt: line.attempt,
                person: line.person.clone(),
                destination: line.destination.clone(),
                ring_time: line.ring_time,
                transfer: line.transfer,
            });
            if let State::Ringing(lines) = &mut self.state {
                lines.push(line);
            }
        }
        self.effects.push_back(LadderEffect::Ring(rings));
    }

    fn may_ring(&self, now: Instant) -> bool {
        self.attempts < ATTEMPTS_MAX && now < self.until
    }

    fn has_passed(&mut self, line: &Line) {
        self.passed.push(Party { person: line.person.clone(), destinations: vec![line.destination.clone()] });
    }

    fn take_joined(&mut self) -> Option<Line> {
        match &self.state {
            State::Joined { line, .. } => {
                let line = line.clone();
                self.state = State::Ringing(Vec::new());
                Some(line)
            }
            State::Ringing(_) | State::Apart(_) | State::Over => None,
        }
    }

    fn stop(&mut self, outcome: AttemptOutcome, end: LadderEnd) {
        if self.is_over() {
            return;
        }
        self.cancel_all(outcome);
        if let Some(line) = self.take_joined() {
            self.effects.push_back(LadderEffect::Part(line.attempt));
        }
        self.end(end);
    }

    fn cancel_all(&mut self, outcome: AttemptOutcome) {
        let State::Ringing(lines) = &mut self.state else { return };
        let cancelled = std::mem::take(lines);
        self.effects.extend(cancelled.iter().map(|line| LadderEffect::Cancel { attempt: line.attempt, outcome }));
    }

    fn end(&mut self, end: LadderEnd) {
        self.state = State::Over;
        self.rungs.clear();
        self.effects.push_back(LadderEffect::Ended(end));
    }
}

/// They picked up and do not want it: their other telephones are left alone.
fn is_refusal_in_person(outcome: AttemptOutcome) -> bool {
    match outcome {
        AttemptOutcome::Declined | AttemptOutcome::HumanHungUp => true,
        AttemptOutcome::Accepted
        | AttemptOutcome::NoKey
        | AttemptOutcome::Busy
        | AttemptOutcome::NoAnswer
        | AttemptOutcome::Rejected
        | AttemptOutcome::VoicemailDetected
        | AttemptOutcome::Screened
        | AttemptOutcome::CallerHungUp
        | AttemptOutcome::Superseded
        | AttemptOutcome::Failed
        | AttemptOutcome::Lost => false,
    }
}

/// The rungs that ring somebody now, up to the first that ends the case, and how it then ends.
fn rungs_now(policy: &EscalationPolicy, now: EpochMs, callback_after: bool) -> (Vec<Rung>, LadderEnd) {
    let is_there = |when: &Option<super::schedule::Schedule>| when.as_ref().is_none_or(|when| when.is_open(now));
    let there: Vec<&RungAction> =
        policy.ladder.iter().filter(|rung| is_there(&rung.when)).map(|rung| &rung.action).collect();
    let is_last = |action: &&RungAction| !matches!(action, RungAction::Ring { .. });
    let rungs = there.iter().take_while(|action| !is_last(action)).filter_map(|action| rung(policy, action, now));
    let or_voicemail = there.contains(&&RungAction::Voicemail);
    let or_callback = there.contains(&&RungAction::Callback);
    let end = match there.iter().copied().find(is_last) {
        _ if callback_after => LadderEnd::Callback { or_voicemail },
        Some(RungAction::Voicemail) => LadderEnd::Voicemail { or_callback },
        Some(RungAction::Callback) => LadderEnd::Callback { or_voicemail },
        Some(RungAction::BestEffort) => LadderEnd::BestEffort,
        Some(RungAction::Flag | RungAction::Ring { .. }) | None => LadderEnd::Flag,
    };
    (rungs.collect(), end)
}

fn rung(policy: &EscalationPolicy, action: &RungAction, now: EpochMs) -> Option<Rung> {
    let RungAction::Ring { targets, ring_seconds, transfer } = action else { return None };
    let transfer = transfer.unwrap_or(policy.transfer);
    let mut parties = on_duty::reached(policy, targets, now);
    if transfer == TransferBy::Blind {
        // The caller's side can call one party only.
        parties.truncate(1);
    }
    let ring_time = Duration::from_secs(u64::from(*ring_seconds));
    (!parties.is_empty()).then_some(Rung { parties, ring_time, transfer })
}

/// R54: a person who hangs up sooner after accepting did not mean to end the caller's call.
pub const HUNG_UP_AT_ONCE: Duration = Duration::from_secs(10);
/// Attempts for one case; bounds what a caller can set off, and what a long policy costs.
pub const ATTEMPTS_MAX: u32 = 24;
/// No rung begins later than this: a caller is not kept waiting for ever by a long ladder.
pub const LONGEST_LADDER: Duration = Duration::from_secs(600);
/// From picking up to an answer; longer than any offer takes by itself, so only a lost end is met by it.
pub const LONGEST_OFFER: Duration = Duration::from_secs(180);

#[cfg(test)]
mod tests;
