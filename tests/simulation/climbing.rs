//! Carries out the orders of the ladder and of the offers, as the driver does, on a network of its own.

use std::time::Duration;

use switchboard::domain::call::AttemptOutcome;
use switchboard::domain::escalation::Target;
use switchboard::domain::ladder::{AttemptNo, Ladder, LadderEffect, LadderInput, Ring};
use switchboard::support::summary::case_summary;
use switchboard::voice::colleague::{Colleague, Deed, Order};
use switchboard::voice::flow::Input;
use switchboard::voice::offer::{Offer, OfferInput, Terms};
use switchboard::voice::phrases;
use switchboard::voice::rounds::Rounds;
use switchboard::voice::screening::PickedUpBy;

use crate::agenda::Event;
use crate::case::{Leg, Person};
use crate::checks::{self, Check};
use crate::kept::Row;
use crate::mouth::Mouth;
use crate::people::{self, News, Who};
use crate::providers;
use crate::sabotage::Sabotage;
use crate::world::World;

impl World {
    pub fn transfer(&mut self, call: usize, callback_after: bool, urgent: bool) {
        let (now, at) = (self.now, self.epoch());
        let policy = self.agent.escalation.clone();
        let source = self.cases[call].source();
        if !self.offers.may_escalate(now, &source) && !urgent {
            self.broken(call, Check::EmptyPromise, "a colleague was announced to a caller who may not escalate".into());
        }
        let case = &mut self.cases[call];
        case.watch.agent_owes = true;
        let before = case.people.len();
        self.begin_ladder(call, Ladder::begin(now, &policy, at, callback_after));
        if self.cases[call].people.len() == before {
            self.broken(call, Check::EmptyPromise, "a colleague was announced and nobody rings".into());
        }
    }

    /// Whoever has called in and is being told is one more of the new ladder; everybody else of the old one is let go.
    pub fn begin_ladder(&mut self, call: usize, mut ladder: Ladder) {
        let now = self.now;
        let is_told = |person: &Person| person.came_in && person.outcome.is_none() && person.leg == Leg::Up;
        for line in 0..self.cases[call].people.len() {
            let person = &self.cases[call].people[line];
            if !is_told(person) && !person.colleague.is_leaving() && person.leg.is_open() {
                self.part(call, line);
                self.hang_up(call, line);
            }
        }
        let case = &mut self.cases[call];
        case.ladder_began_at = case.people.len();
        for line in (0..case.people.len()).rev().filter(|line| is_told(&case.people[*line])).collect::<Vec<_>>() {
            let person = &mut case.people[line];
            let Ok(telephone) = Target::try_from(person.destination.clone()) else { continue };
            if let Some(number) = ladder.called_in(now, person.id.clone(), telephone) {
                person.attempt = number;
                case.ladder_began_at = line;
            }
        }
        case.ladder = Some(ladder);
        case.rounds = Rounds::default();
        case.unasked = false;
        self.settle(call);
    }

    /// What the ladder could do is told to the flow before whatever may begin one.
    pub fn look_ahead(&mut self, call: usize) {
        let (now, at, source) = (self.now, self.epoch(), self.cases[call].source());
        let outlook = self.offers.outlook(now, &source, &self.agent.escalation, at, false, |_| true);
        self.cases[call].flow.set_outlook(outlook);
    }

    pub fn cancel_transfer(&mut self, call: usize, caller_gone: bool) {
        if caller_gone {
            self.cases[call].rounds.caller_gone();
        }
        let input = if caller_gone { LadderInput::CallerGone } else { LadderInput::NeverMind };
        self.tell_ladder(call, input);
        self.settle(call);
    }

    pub fn tell_ladder(&mut self, call: usize, input: LadderInput) {
        self.note(call, || format!("  ladder: {input:?}"));
        if let Some(ladder) = &mut self.cases[call].ladder {
            ladder.handle(self.now, input);
        }
    }

    /// Hands what people have done to the ladder, and does what it says, until nothing is left to be done.
    pub fn settle(&mut self, call: usize) {
        self.climb(call);
        while let Some((line, news)) = self.cases[call].news.pop_front() {
            self.person_news(call, line, news);
            self.climb(call);
        }
    }

    fn climb(&mut self, call: usize) {
        while let Some(effect) = self.cases[call].ladder.as_mut().and_then(Ladder::poll_effect) {
            self.note(call, || format!("  ladder → {effect:?}"));
            match effect {
                LadderEffect::Ring(rings) => self.ring(call, rings),
                LadderEffect::Cancel { attempt, outcome } => self.let_go(call, attempt, outcome),
                LadderEffect::Join(attempt) => self.join(call, attempt),
                LadderEffect::Part(attempt) => {
                    if let Some(line) = self.cases[call].person(attempt) {
                        self.part(call, line);
                        self.hang_up(call, line);
                    }
                }
                LadderEffect::Lost(_) => self.look_at_the_flow(call, Input::PersonLost),
                LadderEffect::Ended(end) => {
                    self.tally.count("ladders", format!("{end:?}"));
                    self.cases[call].ladder = None;
                    self.look_at_the_flow(call, Input::LadderEnded(end));
                }
            }
        }
    }

    fn ring(&mut self, call: usize, rings: Vec<Ring>) {
        let case = &mut self.cases[call];
        let told = case.rounds.ring(&rings, case.mouth.under_way().is_some());
        if let Some(told) = told {
            self.look_at_the_flow(call, told);
        }
        if self.sabotage == Some(Sabotage::RingNobody) {
            return;
        }
        for ring in rings {
            self.ring_one(call, ring);
        }
    }

    fn ring_one(&mut self, call: usize, ring: Ring) {
        let standing = if self.sabotage == Some(Sabotage::OfferTwice) {
            switchboard::domain::standing_offers::StandingOffers::default().offer(self.now, &ring)
        } else {
            self.offers.offer(self.now, &ring)
        };
        let mut person = self.somebody(call, ring.attempt, ring.destination.clone().into(), ring.ring_time);
        person.id = ring.person.clone();
        let line = self.cases[call].people.len();
        let Ok(standing) = standing else {
            self.tally.count("telephones", "engaged with another call");
            let outcome = AttemptOutcome::Busy;
            person.outcome = Some(outcome);
            self.cases[call].people.push(person);
            self.keep(call, Row::Attempt { line, outcome: Some(outcome) });
            return self.tell_ladder(call, LadderInput::Ended { attempt: ring.attempt, outcome });
        };
        person.standing = Some(standing);
        let destination = person.destination.clone();
        self.cases[call].people.push(person);
        self.keep(call, Row::Attempt { line, outcome: None });
        self.dial(call, &destination);
        if self.chance.per_mille(15) {
            // No trunk can carry it.
            self.offer_input(call, line, OfferInput::Failed);
            return;
        }
        let (who, news) = people::at_telephone(&mut self.chance, ring.ring_time);
        let person = &mut self.cases[call].people[line];
        (person.leg, person.who) = (Leg::Ringing, who);
        self.tally.count("telephones", format!("{who:?}"));
        let network = self.chance.ms(5..=120);
        for (after, news) in news {
            self.agenda.at(self.now + network + after, call, Event::AtTelephone { line, news });
        }
    }

    /// A person whose telephone is about to ring for this call.
    pub fn somebody(&self, call: usize, attempt: AttemptNo, destination: String, ring_time: Duration) -> Person {
        let policy = &self.agent.escalation;
        let case = &self.cases[call];
        let summary = case_summary(&case.lines, &[], case.number.as_deref());
        let terms = Terms {
            business: self.agent.business.clone(),
            summary: policy.spoken_summary.then_some(summary),
            accept_by_key: policy.accept_by_key,
            recorded: self.agent.record_calls,
            ring_time,
        };
        Person {
            attempt,
            colleague: Colleague::new(Offer::ring(terms, self.now)),
            destination,
            id: None,
            who: Who::Nobody,
            leg: Leg::Gone,
            mouth: Mouth::default(),
            outcome: None,
            standing: None,
            keyed: false,
            greeted: false,
            came_in: false,
            told_recorded: false,
            was_joined: false,
        }
    }

    /// The one place at which anything is dialled.
    pub fn dial(&mut self, call: usize, destination: &str) {
        if !self.telephones.contains(destination) {
            self.broken(call, Check::Unconfigured, format!("{destination} was dialled"));
        }
    }

    fn let_go(&mut self, call: usize, attempt: AttemptNo, outcome: AttemptOutcome) {
        let Some(line) = self.cases[call].person(attempt) else { return };
        let input = self.cases[call].rounds.let_go(outcome);
        self.offer_input(call, line, input);
    }

    fn join(&mut self, call: usize, attempt: AttemptNo) {
        let Some(line) = self.cases[call].person(attempt) else { return };
        let case = &mut self.cases[call];
        case.mouth.stop();
        case.filler_due = None;
        if case.people[line].leg == Leg::Up {
            case.joined = Some(line);
            case.people[line].was_joined = true;
            case.people[line].colleague.joins();
            if case.people[line].came_in {
                self.tally.count("telephones", "called in and taken");
            }
            let untold = self.agent.record_calls && !case.people[line].told_recorded;
            case.watch.agent_owes = false;
            self.place_taken(call);
            self.look_at_the_flow(call, Input::Joined);
            if untold {
                self.broken(call, Check::Recorded, "a person was joined who does not know of the recording".into());
            }
            for (after, news) in people::after_joining(&mut self.chance) {
                self.agenda.at(self.now + after, call, Event::AtTelephone { line, news });
            }
            let talk = self.chance.ms(2_000..=240_000);
            self.agenda.at(self.now + talk, call, Event::HangsUp);
        } else {
            self.look_at_the_flow(call, Input::Joined);
            self.tell_ladder(call, LadderInput::PersonGone { hung_up: false });
        }
    }

    /// The caller and this person hear each other no more.
    pub fn part(&mut self, call: usize, line: usize) {
        let case = &mut self.cases[call];
        if case.joined == Some(line) {
            case.joined = None;
            case.person_holds = false;
            case.watch.agent_owes = true;
        }
    }

    pub fn people_timeout(&mut self, call: usize) {
        let now = self.now;
        for line in 0..self.cases[call].people.len() {
            let person = &mut self.cases[call].people[line];
            if person.leg == Leg::Gone {
                continue;
            }
            person.colleague.handle_timeout(now);
            self.carry_out_person(call, line);
        }
        if let Some(ladder) = &mut self.cases[call].ladder {
            ladder.handle_timeout(now);
        }
        self.settle(call);
    }

    /// Whoever is being told goodbye hears it to its end; every other leg ends at once.
    pub fn dismiss(&mut self, call: usize) {
        self.cases[call].ladder = None;
        for line in 0..self.cases[call].people.len() {
            let person = &self.cases[call].people[line];
            if !person.colleague.is_leaving() && person.leg.is_open() {
                self.part(call, line);
                self.hang_up(call, line);
            }
        }
    }

    /// The caller added something: whoever has not heard the case hears it as it is now.
    pub fn tell_the_case(&mut self, call: usize) {
        let case = &mut self.cases[call];
        if case.is_ringing() {
            let summary = case_summary(&case.lines, &[], case.number.as_deref());
            case.people.iter_mut().for_each(|person| person.colleague.case_is(&summary));
        }
    }

    fn offer_input(&mut self, call: usize, line: usize, input: OfferInput) {
        self.note(call, || format!("  person {line}: {input:?}"));
        self.cases[call].people[line].colleague.handle(self.now, input);
        self.carry_out_person(call, line);
    }

    pub fn carry_out_person(&mut self, call: usize, line: usize) {
        while let Some(order) = self.cases[call].people[line].colleague.poll_order() {
            self.note(call, || format!("  person {line} → {order:?}"));
            match order {
                Order::Say(words) => self.tell_person(call, line, words),
                Order::Hush => self.cases[call].people[line].mouth.stop(),
                Order::HangUp { .. } => self.hang_up(call, line),
                Order::Did(deed) => {
                    if let Deed::Ended(outcome) = deed {
                        self.attempt_ended(call, line, outcome);
                    }
                    self.cases[call].news.push_back((line, deed));
                }
            }
        }
    }

    fn tell_person(&mut self, call: usize, line: usize, words: Vec<String>) {
        let person = &mut self.cases[call].people[line];
        if let Some((check, what)) = checks::said_to_person(person, &words.join(" ")) {
            return self.broken(call, check, what);
        }
        if person.leg != Leg::Up {
            return;
        }
        let recorded = words.iter().any(|words| words.contains(phrases::STAFF_RECORDED));
        person.told_recorded |= recorded && self.sabotage != Some(Sabotage::NoNotice);
        let lasting = providers::spoken_for(&words);
        let first = providers::spoken_for(&words[..1]);
        let number = person.mouth.order(words, false, None);
        let takes = providers::synthesis(&mut self.chance, false);
        self.agenda.at(self.now + takes + first, call, Event::ToldFirst { line, words: number });
        self.agenda.at(self.now + takes + lasting, call, Event::ToldPerson { line, words: number });
    }

    pub fn told_person(&mut self, call: usize, line: usize, words: u32) {
        let person = &mut self.cases[call].people[line];
        if person.leg != Leg::Up || person.mouth.finish(words).is_none() {
            return;
        }
        self.cases[call].people[line].colleague.speech_ended(self.now);
        self.carry_out_person(call, line);
        self.after_people(call);
    }

    pub fn told_first(&mut self, call: usize, line: usize, words: u32) {
        let person = &mut self.cases[call].people[line];
        if person.leg == Leg::Up && person.mouth.words(words).is_some() && person.colleague.awaits_first_sentence() {
            self.offer_input(call, line, OfferInput::FirstSentenceHeard);
        }
    }

    fn attempt_ended(&mut self, call: usize, line: usize, outcome: AttemptOutcome) {
        let person = &mut self.cases[call].people[line];
        person.outcome = Some(outcome);
        if outcome != AttemptOutcome::Accepted
            && let Some(standing) = person.standing.take()
        {
            self.offers.withdraw(standing);
        }
        if self.sabotage != Some(Sabotage::NoAttemptOutcome) {
            self.keep(call, Row::Attempt { line, outcome: Some(outcome) });
        }
        if outcome.was_missed() && self.chance.percent(25) {
            let after = self.chance.ms(500..=60_000);
            self.agenda.at(self.now + after, call, Event::CallsIn { line });
        }
    }

    fn hang_up(&mut self, call: usize, line: usize) {
        let now = self.now;
        let person = &mut self.cases[call].people[line];
        let left_out = match person.leg {
            Leg::Ringing => self.sabotage == Some(Sabotage::NoCancel),
            Leg::Up => self.sabotage == Some(Sabotage::NoBye),
            Leg::Cancelled { .. } | Leg::Gone => false,
        };
        if left_out {
            return;
        }
        person.leg = match person.leg {
            Leg::Ringing => Leg::Cancelled { at: now },
            Leg::Up | Leg::Gone => Leg::Gone,
            cancelled @ Leg::Cancelled { .. } => cancelled,
        };
        self.leave(call, line);
    }

    /// Their leg is gone: they are free for others.
    fn leave(&mut self, call: usize, line: usize) {
        let person = &mut self.cases[call].people[line];
        person.mouth.stop();
        if let Some(standing) = person.standing.take() {
            self.offers.withdraw(standing);
        }
    }

    /// Something happens at a telephone.
    pub fn at_telephone(&mut self, call: usize, line: usize, news: News) {
        let (now, person) = (self.now, &mut self.cases[call].people[line]);
        match (person.leg, news) {
            (Leg::Cancelled { at }, News::PicksUp) if now.saturating_duration_since(at) < CROSSES_WITHIN => {
                // The answer crosses our CANCEL: the trunk's side acknowledges it and says BYE.
                person.leg = Leg::Gone;
                self.tally.count("telephones", "200 after the end of ringing");
            }
            (Leg::Ringing, News::PicksUp) => {
                person.leg = Leg::Up;
                if self.sabotage == Some(Sabotage::TellAtOnce) {
                    self.offer_input(call, line, OfferInput::Answered);
                    self.offer_input(call, line, OfferInput::Key(b'3'));
                }
                self.offer_input(call, line, OfferInput::Answered);
            }
            (Leg::Ringing, News::Refuses(status)) => {
                person.leg = Leg::Gone;
                self.leave(call, line);
                self.offer_input(call, line, OfferInput::Refused(status));
            }
            (Leg::Up, News::Presses(key)) => self.person_presses(call, line, key),
            (Leg::Up, News::Says(words)) => self.person_says(call, line, words),
            (Leg::Up, News::SoundsLikeAMachine) => {
                self.offer_input(call, line, OfferInput::Judged(PickedUpBy::Mailbox));
            }
            (Leg::Up, News::SoundsLikeAPerson) => {
                person.greeted = !self.agent.escalation.accept_by_key;
                self.offer_input(call, line, OfferInput::Judged(PickedUpBy::Human));
            }
            (Leg::Up, News::Holds(holds)) => {
                person.colleague.holds(holds);
                self.carry_out_person(call, line);
            }
            (Leg::Up, News::HangsUp) => self.person_gone(call, line, true),
            (Leg::Up, News::Dies) => self.person_gone(call, line, false),
            // Nobody is there any more, or not yet.
            _ => return,
        }
        self.after_people(call);
    }

    pub fn after_people(&mut self, call: usize) {
        self.settle(call);
        if self.cases[call].is_live() {
            self.carry_out(call);
        }
    }

    fn person_presses(&mut self, call: usize, line: usize, key: u8) {
        let case = &mut self.cases[call];
        let person = &mut case.people[line];
        if case.joined != Some(line) {
            person.keyed = true;
        }
        person.colleague.key(self.now, key);
        self.carry_out_person(call, line);
    }

    fn person_says(&mut self, call: usize, line: usize, words: &str) {
        if self.cases[call].joined == Some(line) {
            return;
        }
        let person = &mut self.cases[call].people[line];
        person.keyed |= ["take it", "I'll take it", "yes"].contains(&words);
        person.colleague.words(self.now, words);
        self.carry_out_person(call, line);
    }

    fn person_gone(&mut self, call: usize, line: usize, hung_up: bool) {
        self.cases[call].people[line].leg = Leg::Gone;
        self.part(call, line);
        self.leave(call, line);
        self.cases[call].people[line].colleague.gone(self.now, hung_up);
        self.carry_out_person(call, line);
    }
}

/// A 200 and our CANCEL may cross within this.
const CROSSES_WITHIN: Duration = Duration::from_millis(200);
