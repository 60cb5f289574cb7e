//! Carries out the orders of the ladder and of the offers, as the driver does, on a network of its own.

use std::time::Duration;

use switchboard::domain::call::AttemptOutcome;
use switchboard::domain::ladder::{AttemptNo, Ladder, LadderEffect, LadderInput, Ring};
use switchboard::support::summary::case_summary;
use switchboard::voice::flow::Input;
use switchboard::voice::offer::{Offer, OfferEffect, OfferInput, Terms};
use switchboard::voice::screening::{PickedUpBy, Screening};

use crate::agenda::Event;
use crate::case::{Leg, Person, PersonNews};
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
        case.ladder = Some(Ladder::begin(now, &policy, at, callback_after));
        case.rung.clear();
        case.passed_on = false;
        case.caller_gone = false;
        case.ladder_began_at = case.people.len();
        self.settle(call);
        let case = &self.cases[call];
        if case.people.len() == case.ladder_began_at {
            self.broken(call, Check::EmptyPromise, "a colleague was announced and nobody rings".into());
        }
    }

    /// What the ladder could do is told to the flow before whatever may begin one.
    pub fn look_ahead(&mut self, call: usize) {
        let (now, at, source) = (self.now, self.epoch(), self.cases[call].source());
        let outlook = self.offers.outlook(now, &source, &self.agent.escalation, at, false);
        self.cases[call].flow.set_outlook(outlook);
    }

    pub fn cancel_transfer(&mut self, call: usize, caller_gone: bool) {
        self.cases[call].caller_gone |= caller_gone;
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
        let is_first = case.rung.is_empty();
        let is_new = rings.iter().any(|ring| ring.person.is_none() || !case.rung.contains(&ring.person));
        if std::mem::take(&mut case.passed_on) {
            self.look_at_the_flow(call, Input::PassedOn);
        } else if !is_first && is_new && case.mouth.under_way().is_none() {
            self.look_at_the_flow(call, Input::TryingNext);
        }
        if self.sabotage == Some(Sabotage::RingNobody) {
            return;
        }
        for ring in rings {
            self.cases[call].rung.push(ring.person.clone());
            self.ring_one(call, ring);
        }
    }

    fn ring_one(&mut self, call: usize, ring: Ring) {
        let standing = if self.sabotage == Some(Sabotage::OfferTwice) {
            switchboard::domain::standing_offers::StandingOffers::default().offer(self.now, &ring)
        } else {
            self.offers.offer(self.now, &ring)
        };
        let policy = &self.agent.escalation;
        let case = &self.cases[call];
        let summary = case_summary(&case.lines, &[], case.number.as_deref());
        let terms = Terms {
            business: self.agent.business.clone(),
            summary: policy.spoken_summary.then_some(summary),
            accept_by_key: policy.accept_by_key,
            recorded: self.agent.record_calls,
            ring_time: ring.ring_time,
        };
        let mut person = Person {
            attempt: ring.attempt,
            offer: Offer::ring(terms, self.now),
            screening: Screening::default(),
            destination: ring.destination.clone().into(),
            who: Who::Nobody,
            leg: Leg::Gone,
            mouth: Mouth::default(),
            outcome: None,
            standing: None,
            keyed: false,
            greeted: false,
            after_star: false,
            leaves_by: None,
            was_joined: false,
        };
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

    /// The one place at which anything is dialled.
    pub fn dial(&mut self, call: usize, destination: &str) {
        if !self.telephones.contains(destination) {
            self.broken(call, Check::Unconfigured, format!("{destination} was dialled"));
        }
    }

    fn let_go(&mut self, call: usize, attempt: AttemptNo, outcome: AttemptOutcome) {
        let Some(line) = self.cases[call].person(attempt) else { return };
        let input = match outcome {
            AttemptOutcome::Superseded => OfferInput::Superseded,
            AttemptOutcome::CallerHungUp if self.cases[call].caller_gone => OfferInput::CallerGone,
            AttemptOutcome::CallerHungUp => OfferInput::NotNeeded,
            _ => OfferInput::Failed,
        };
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
            case.watch.agent_owes = false;
            self.look_at_the_flow(call, Input::Joined);
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
    fn part(&mut self, call: usize, line: usize) {
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
            person.offer.handle_timeout(now);
            self.carry_out_offer(call, line);
            if self.cases[call].people[line].leaves_by.is_some_and(|by| by <= now) {
                self.hang_up(call, line);
            }
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
            if person.leaves_by.is_none() && person.leg.is_open() {
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
            case.people.iter_mut().for_each(|person| person.offer.case_is(summary.clone()));
        }
    }

    fn offer_input(&mut self, call: usize, line: usize, input: OfferInput) {
        self.note(call, || format!("  person {line}: {input:?}"));
        self.cases[call].people[line].offer.handle(self.now, input);
        self.carry_out_offer(call, line);
    }

    fn carry_out_offer(&mut self, call: usize, line: usize) {
        while let Some(effect) = self.cases[call].people[line].offer.poll_effect() {
            self.note(call, || format!("  person {line} → {effect:?}"));
            match effect {
                OfferEffect::Say(words) => self.tell_person(call, line, words),
                OfferEffect::Hush => self.cases[call].people[line].mouth.stop(),
                // The ladder joins them, once it knows that they are the first.
                OfferEffect::Join => {}
                OfferEffect::HangUp { after_speech: true, .. } => {
                    self.cases[call].people[line].leaves_by = Some(self.now + LONGEST_FAREWELL);
                }
                OfferEffect::HangUp { after_speech: false, .. } => self.hang_up(call, line),
                OfferEffect::Ended(outcome) => self.attempt_ended(call, line, outcome),
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
        let lasting = providers::spoken_for(&words);
        let number = person.mouth.order(words, false, None);
        let takes = providers::synthesis(&mut self.chance, false);
        self.agenda.at(self.now + takes + lasting, call, Event::ToldPerson { line, words: number });
    }

    pub fn told_person(&mut self, call: usize, line: usize, words: u32) {
        let person = &mut self.cases[call].people[line];
        if person.leg != Leg::Up || person.mouth.finish(words).is_none() {
            return;
        }
        self.offer_input(call, line, OfferInput::SpeechEnded);
        if self.cases[call].people[line].leaves_by.is_some() {
            self.hang_up(call, line);
        }
        self.after_people(call);
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
        self.cases[call].news.push_back((line, PersonNews::Ended(outcome)));
    }

    fn hang_up(&mut self, call: usize, line: usize) {
        let now = self.now;
        let person = &mut self.cases[call].people[line];
        let left_out = match person.leg {
            Leg::Ringing => self.sabotage == Some(Sabotage::NoCancel),
            Leg::Up => self.sabotage == Some(Sabotage::NoBye),
            Leg::Cancelled { .. } | Leg::Gone => false,
        };
        person.leaves_by = None;
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
                if self.cases[call].joined == Some(line) {
                    self.cases[call].news.push_back((line, PersonNews::Holds(holds)));
                }
            }
            (Leg::Up, News::HangsUp) => self.person_gone(call, line, true),
            (Leg::Up, News::Dies) => self.person_gone(call, line, false),
            // Nobody is there any more, or not yet.
            _ => return,
        }
        self.after_people(call);
    }

    fn after_people(&mut self, call: usize) {
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
            return self.offer_input(call, line, OfferInput::Key(key));
        }
        let after_star = std::mem::replace(&mut person.after_star, key == b'*');
        let news = match (after_star, key) {
            (true, b'1') => PersonNews::GivesBack,
            (true, b'2') => PersonNews::PassesOn,
            _ => return,
        };
        self.cases[call].news.push_back((line, news));
    }

    fn person_says(&mut self, call: usize, line: usize, words: &str) {
        if self.cases[call].joined == Some(line) {
            return;
        }
        let person = &mut self.cases[call].people[line];
        person.keyed |= ["take it", "I'll take it", "yes"].contains(&words);
        if let Some(by) = person.screening.words(words) {
            self.offer_input(call, line, OfferInput::Judged(by));
        }
        self.offer_input(call, line, OfferInput::Heard(words.to_owned()));
    }

    fn person_gone(&mut self, call: usize, line: usize, hung_up: bool) {
        let case = &mut self.cases[call];
        case.people[line].leg = Leg::Gone;
        case.people[line].leaves_by = None;
        if case.joined == Some(line) {
            case.news.push_back((line, PersonNews::Gone { hung_up }));
        }
        self.part(call, line);
        self.leave(call, line);
        self.offer_input(call, line, OfferInput::HungUp);
    }
}

/// As in the driver: a goodbye that is not heard to its end by then is over all the same.
const LONGEST_FAREWELL: Duration = Duration::from_secs(10);
/// A 200 and our CANCEL may cross within this.
const CROSSES_WITHIN: Duration = Duration::from_millis(200);
