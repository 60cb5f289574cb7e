//! The world of one seed: virtual time, what happens in it, and the checks after every step.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard::domain::agent::Agent;
use switchboard::domain::dialplan::Plan;
use switchboard::domain::dialplan::queue::Queues;
use switchboard::domain::phone_number::PhoneNumber;
use switchboard::domain::standing_offers::{Source, StandingOffers};
use switchboard::domain::time::EpochMs;
use switchboard::voice::flow::CallFlow;
use switchboard::voice::phrases;

use crate::agenda::{Agenda, Event};
use crate::business;
use crate::caller::Temper;
use crate::calling_back::Back;
use crate::case::{Case, Is, Leg, TRUNK, Watch};
use crate::chance::Chance;
use crate::checks::{self, Breach, Check};
use crate::kept::{Kept, Row};
use crate::mouth::Mouth;
use crate::sabotage::Sabotage;
use crate::tally::Tally;

pub struct World {
    pub now: Instant,
    began: Instant,
    opens_at: EpochMs,
    pub chance: Chance,
    pub agenda: Agenda,
    pub cases: Vec<Case>,
    pub backs: Vec<Back>,
    pub agent: Arc<Agent>,
    pub plan: Arc<Plan>,
    pub queues: Queues,
    pub telephones: HashSet<String>,
    pub kept_ready: HashSet<String>,
    pub offers: StandingOffers,
    pub down: bool,
    pub tally: Tally,
    pub sabotage: Option<Sabotage>,
    trace: bool,
    pub breach: Option<Breach>,
}

/// What came of a seed.
pub struct Run {
    pub tally: Tally,
    pub breach: Option<Breach>,
}

/// Runs the world of this seed to its end, or to the first broken promise.
pub fn run(seed: u64, trace: bool, sabotage: Option<Sabotage>) -> Run {
    let mut world = World::of(seed, trace, sabotage);
    world.go_on();
    if world.breach.is_none() {
        world.look_back();
    }
    world.tally.virtual_s += world.now.duration_since(world.began).as_secs();
    Run { tally: world.tally, breach: world.breach }
}

impl World {
    fn of(seed: u64, trace: bool, sabotage: Option<Sabotage>) -> World {
        let mut chance = Chance::of(seed);
        let business = business::draw(&mut chance);
        let now = Instant::now();
        let kept_ready = phrases::kept_ready(&business.agent).into_iter().collect();
        let mut world = World {
            now,
            began: now,
            opens_at: business.opens_at,
            chance,
            agenda: Agenda::default(),
            cases: Vec::new(),
            backs: Vec::new(),
            agent: Arc::new(business.agent),
            plan: business.plan,
            queues: Queues::default(),
            telephones: business.telephones,
            kept_ready,
            offers: StandingOffers::default(),
            down: false,
            tally: Tally::default(),
            sabotage,
            trace,
            breach: None,
        };
        for call in 0..world.chance.weighted(&[(30, 1), (30, 2), (25, 3), (15, 4)]) {
            world.expect_call(call);
        }
        if world.chance.percent(12) {
            let at = world.now + world.chance.ms(500..=120_000);
            world.agenda.at(at, 0, Event::Crash);
        }
        world
    }

    /// A call that will come, with what the caller will do of their own accord.
    fn expect_call(&mut self, call: usize) {
        let number = self.chance.percent(85).then(|| format!("+49309018{:02}", 55 + call));
        let caller = number.as_deref().and_then(|number| PhoneNumber::parse(number, None).ok());
        let source = Source::of(number.as_deref(), TRUNK);
        let outlook = self.offers.outlook(self.now, &source, &self.agent.escalation, self.epoch(), false, |_| true);
        let case = Case {
            flow: CallFlow::new(self.agent.clone(), caller, Some("DE".into()), outlook),
            ladder: None,
            people: Vec::new(),
            mouth: Mouth::default(),
            temper: Temper::draw(&mut self.chance),
            number,
            lines: Vec::new(),
            kept: Kept::default(),
            watch: Watch::default(),
            is: Is::Coming,
            plan: 0,
            speaks: false,
            deaf: false,
            holds: false,
            joined: None,
            person_holds: false,
            turns_pending: 0,
            asked: 0,
            awaited: None,
            filler_due: None,
            rounds: Default::default(),
            ladder_began_at: 0,
            news: Default::default(),
            unasked: false,
            at_menu: false,
            place: None,
            ends: Vec::new(),
            over_at: None,
        };
        self.cases.push(case);
        let comes_at = self.now + self.chance.ms(0..=60_000);
        self.agenda.at(comes_at, call, Event::Comes);
        let mut sometime = |times, longest_ms, event| {
            if self.chance.percent(times) {
                let at = comes_at + self.chance.ms(100..=longest_ms);
                self.agenda.at(at, call, event);
            }
        };
        sometime(25, 120_000, Event::HangsUp);
        sometime(6, 90_000, Event::Holds);
        sometime(2, 60_000, Event::Deafened);
        sometime(2, 90_000, Event::TimeIsUp);
        // Whoever is still there then has said enough.
        self.agenda.at(comes_at + Duration::from_secs(1_800), call, Event::TimeIsUp);
    }

    pub fn epoch(&self) -> EpochMs {
        let passed = self.now.duration_since(self.began).as_millis();
        EpochMs(self.opens_at.0 + i64::try_from(passed).unwrap_or(i64::MAX))
    }

    fn go_on(&mut self) {
        while self.breach.is_none() {
            let with_flow = self.sabotage != Some(Sabotage::NoTimes);
            let backs = self.backs.iter().filter_map(Back::poll_timeout);
            let timeout = self.cases.iter().filter_map(|case| case.poll_timeout(with_flow)).chain(backs).min();
            let event = self.agenda.next_at();
            let Some(at) = timeout.into_iter().chain(event).min() else { return };
            self.now = self.now.max(at);
            self.tally.steps += 1;
            if self.tally.steps > STEPS_MAX {
                return self.broken(0, Check::Endless, "more steps than any calls take".into());
            }
            for call in 0..self.cases.len() {
                if let Some((check, what)) = checks::time_passed(&self.cases[call], self.now) {
                    return self.broken(call, check, what);
                }
            }
            if timeout == Some(at) {
                self.timeouts();
            } else if let Some((_, call, event)) = self.agenda.next() {
                self.happens(call, event);
            }
            self.look_around();
        }
    }

    fn timeouts(&mut self) {
        let now = self.now;
        self.backs_timeout();
        for call in 0..self.cases.len() {
            let case = &mut self.cases[call];
            if case.poll_timeout(true).is_none_or(|due| due > now) {
                continue;
            }
            if case.is_live() && case.flow.poll_timeout().is_some_and(|due| due <= now) {
                self.flow_timeout(call);
            }
            self.fill_dead_air(call);
            self.people_timeout(call);
            self.carry_out(call);
        }
    }

    fn flow_timeout(&mut self, call: usize) {
        if self.sabotage == Some(Sabotage::NoTimes) {
            return;
        }
        self.note(call, || "a time that the flow waited for has come".into());
        self.cases[call].flow.handle_timeout(self.now);
    }

    fn look_around(&mut self) {
        let now = self.now;
        for call in 0..self.cases.len() {
            let case = &mut self.cases[call];
            let found = checks::watch(case, now).or_else(|| checks::legs(case, now));
            if let Some((check, what)) = found {
                self.broken(call, check, what);
            }
        }
        if let Some(what) = checks::one_offer_each(&self.cases) {
            self.broken(0, Check::OneOffer, what);
        }
    }

    /// Nothing is left to happen.
    fn look_back(&mut self) {
        self.look_back_at_callbacks();
        for call in 0..self.cases.len() {
            for (check, what) in checks::at_the_end(&self.cases[call]) {
                self.broken(call, check, what);
            }
            let case = &self.cases[call];
            for person in &case.people {
                let outcome = person.outcome.map_or("Lost".to_owned(), |outcome| format!("{outcome:?}"));
                self.tally.count("attempts", outcome);
            }
            match case.is {
                Is::Over => self.tally.count("outcomes", format!("{:?}", case.ends[0])),
                Is::Cut if case.kept.has_begun() => self.tally.count("outcomes", "cut by a crash, then Ticket"),
                Is::Cut => self.tally.count("outcomes", "cut before anything was kept"),
                Is::Unanswered => self.tally.count("outcomes", "came while we were down"),
                Is::Refused => self.tally.count("outcomes", "refused by the dialplan"),
                Is::Coming | Is::Live => {}
            }
            self.tally.calls += u64::from(case.is != Is::Unanswered);
        }
    }

    pub fn broken(&mut self, call: usize, check: Check, what: String) {
        self.note(call, || format!("BROKEN {check:?}: {what}"));
        self.breach.get_or_insert(Breach { check, call, what });
    }

    /// Tells a step, where steps are told.
    pub fn note(&self, call: usize, what: impl FnOnce() -> String) {
        if self.trace {
            let at = self.now.duration_since(self.began).as_secs_f64();
            println!("{at:9.3} call {call}: {}", what());
        }
    }

    pub fn keep(&mut self, call: usize, row: Row) {
        let takes = if self.chance.percent(1) { self.chance.ms(200..=5_000) } else { self.chance.ms(1..=8) };
        self.cases[call].kept.keep(self.now, takes, row);
    }

    pub fn crash(&mut self) {
        if self.down {
            return;
        }
        self.down = true;
        self.offers = StandingOffers::default();
        self.queues = Queues::default();
        self.backs.iter_mut().for_each(Back::cut);
        for call in 0..self.cases.len() {
            let case = &mut self.cases[call];
            if !matches!(case.is, Is::Live | Is::Over) {
                continue;
            }
            case.kept.cut(self.now);
            for person in &mut case.people {
                person.leg = Leg::Gone;
                person.standing = None;
            }
            case.place = None;
            if case.is_live() || case.kept.ends().is_empty() {
                let state = if case.joined.is_some() {
                    "with a person"
                } else if case.is_ringing() {
                    "ringing"
                } else {
                    "with the agent"
                };
                case.is = Is::Cut;
                case.ladder = None;
                case.mouth.stop();
                case.filler_due = None;
                self.tally.count("crashes", state);
                self.note(call, || "cut by a crash of ours".into());
            }
        }
        let back_at = self.now + self.chance.ms(1_000..=15_000);
        self.agenda.at(back_at, 0, Event::Restart);
    }

    pub fn restart(&mut self) {
        self.down = false;
        for call in 0..self.cases.len() {
            let case = &self.cases[call];
            if case.is != Is::Cut || !case.kept.has_begun() {
                continue;
            }
            let looked_after = self.sabotage != Some(Sabotage::NoRecovery);
            if let Err(what) = crate::recovery::recover(case, self.epoch(), looked_after) {
                self.broken(call, Check::Recovery, what);
            }
        }
    }
}

/// Far more than four calls of half an hour take.
const STEPS_MAX: u64 = 40_000;
