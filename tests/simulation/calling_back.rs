//! A teammate calls a case's customer back (R8): their own telephone first, then the customer's, whose number is the one
//! that configuration does not name (R5).

use std::time::{Duration, Instant};

use switchboard::domain::call::AttemptOutcome;
use switchboard::domain::escalation::{Target, TransferBy};
use switchboard::domain::ladder::{AttemptNo, Ring};
use switchboard::domain::standing_offers::OfferNo;
use switchboard::voice::colleague::{Colleague, Deed, Order};
use switchboard::voice::customer::{Customer, CustomerInput, CustomerOrder};
use switchboard::voice::offer::OfferInput;
use switchboard::voice::screening::PickedUpBy;

use crate::agenda::Event;
use crate::case::Leg;
use crate::checks::Check;
use crate::mouth::Mouth;
use crate::people::{self, News};
use crate::providers;
use crate::sabotage::Sabotage;
use crate::world::World;

/// One callback.
pub struct Back {
    call: usize,
    colleague: Colleague,
    leg: Leg,
    mouth: Mouth,
    standing: Option<OfferNo>,
    outcome: Option<AttemptOutcome>,
    customer: Option<Customer>,
    customer_leg: Leg,
    /// The notice was heard to its end.
    told: bool,
    objected: bool,
    recorded: bool,
    cut: bool,
}

/// Something that happens on it.
#[derive(Clone, Debug)]
pub enum On {
    Teammate(News),
    ToldTeammate { words: u32 },
    CustomerPicksUp,
    NoticeEnds { whole: bool },
    CustomerSays(&'static str),
    CustomerGone,
}

impl Back {
    pub fn poll_timeout(&self) -> Option<Instant> {
        let colleague = (self.leg != Leg::Gone).then(|| self.colleague.poll_timeout()).flatten();
        let customer = self.customer.as_ref().and_then(Customer::poll_timeout);
        colleague.into_iter().chain(customer).min()
    }

    /// Our process is killed.
    pub fn cut(&mut self) {
        (self.leg, self.customer_leg, self.standing, self.customer) = (Leg::Gone, Leg::Gone, None, None);
        self.cut = true;
    }
}

impl World {
    /// A teammate asks for it in the inbox.
    pub fn calls_back(&mut self, call: usize) {
        if self.down || self.cases[call].kept.tickets().is_empty() {
            return;
        }
        let destination = *self.chance.pick(&[&"sip:desk@desk", &"+4930901824", &"sip:ben@desk"]);
        let Ok(telephone) = Target::try_from(destination.to_owned()) else { return };
        let ring_time = Duration::from_secs(25);
        let (attempt, transfer) = (AttemptNo(1), TransferBy::Bridged);
        let ring = Ring { attempt, person: None, destination: telephone, ring_time, transfer };
        let Ok(standing) = self.offers.offer(self.now, &ring) else { return };
        self.tally.count("callbacks", "asked for");
        self.note(call, || format!("a teammate calls back by {destination}"));
        self.dial(call, destination);
        let person = self.somebody(call, ring.attempt, destination.to_owned(), ring_time);
        let back = self.backs.len();
        self.backs.push(Back {
            call,
            colleague: person.colleague,
            leg: Leg::Ringing,
            mouth: Mouth::default(),
            standing: Some(standing),
            outcome: None,
            customer: None,
            customer_leg: Leg::Gone,
            told: false,
            objected: false,
            recorded: false,
            cut: false,
        });
        let (_, news) = people::at_telephone(&mut self.chance, ring_time);
        for (after, news) in news {
            self.on_back_at(back, after, On::Teammate(news));
        }
    }

    fn on_back_at(&mut self, back: usize, after: Duration, on: On) {
        self.agenda.at(self.now + after, self.backs[back].call, Event::Back { back, on });
    }

    pub fn backs_timeout(&mut self) {
        for back in 0..self.backs.len() {
            if self.backs[back].poll_timeout().is_some_and(|due| due <= self.now) {
                let now = self.now;
                let this = &mut self.backs[back];
                this.colleague.handle_timeout(now);
                this.customer.iter_mut().for_each(|customer| customer.handle_timeout(now));
                self.back_settles(back);
            }
        }
    }

    pub fn on_back(&mut self, back: usize, on: On) {
        let (now, this) = (self.now, &mut self.backs[back]);
        if this.cut {
            return;
        }
        match (on, &mut this.customer) {
            (On::Teammate(news), _) => Self::at_teammate(now, this, &news),
            (On::ToldTeammate { words }, _) => {
                if this.leg == Leg::Up && this.mouth.finish(words).is_some() {
                    this.colleague.speech_ended(now);
                }
            }
            (_, None) => {}
            (On::CustomerPicksUp, Some(customer)) => {
                this.customer_leg = Leg::Up;
                customer.handle(now, CustomerInput::PickedUp);
            }
            (On::NoticeEnds { whole }, Some(customer)) => {
                this.told |= whole && customer.is_told();
                customer.handle(now, CustomerInput::NoticeEnded { whole });
            }
            (On::CustomerSays(words), Some(customer)) => {
                this.objected |= this.customer_leg == Leg::Up && words.contains("not record");
                if self.sabotage != Some(Sabotage::DeafCallback) {
                    customer.handle(now, CustomerInput::Said(words.to_owned()));
                }
            }
            (On::CustomerGone, Some(customer)) => {
                this.customer_leg = Leg::Gone;
                customer.handle(now, CustomerInput::Gone);
            }
        }
        self.back_settles(back);
    }

    fn at_teammate(now: Instant, this: &mut Back, news: &News) {
        match (this.leg, news) {
            (Leg::Ringing, News::PicksUp) => {
                this.leg = Leg::Up;
                this.colleague.handle(now, OfferInput::Answered);
            }
            (Leg::Ringing, News::Refuses(status)) => {
                this.leg = Leg::Gone;
                this.colleague.handle(now, OfferInput::Refused(*status));
            }
            (Leg::Up, News::Presses(key)) => this.colleague.key(now, *key),
            (Leg::Up, News::Says(words)) => this.colleague.words(now, words),
            (Leg::Up, News::SoundsLikeAMachine) => this.colleague.judged(now, Some(PickedUpBy::Mailbox)),
            (Leg::Up, News::SoundsLikeAPerson) => this.colleague.judged(now, Some(PickedUpBy::Human)),
            (Leg::Up, News::Holds(holds)) => this.colleague.holds(*holds),
            (Leg::Up, News::HangsUp | News::Dies) => {
                this.leg = Leg::Gone;
                this.colleague.gone(now, matches!(news, News::HangsUp));
            }
            _ => {}
        }
    }

    /// Does what the two machines order, until nothing is left.
    fn back_settles(&mut self, back: usize) {
        loop {
            if let Some(order) = self.backs[back].colleague.poll_order() {
                self.teammate_order(back, order);
            } else if let Some(order) = self.backs[back].customer.as_mut().and_then(Customer::poll_order) {
                self.customer_order(back, order);
            } else {
                break;
            }
        }
        let this = &mut self.backs[back];
        if this.leg == Leg::Gone
            && let Some(standing) = this.standing.take()
        {
            self.offers.withdraw(standing);
        }
    }

    fn teammate_order(&mut self, back: usize, order: Order) {
        let call = self.backs[back].call;
        self.note(call, || format!("  teammate → {order:?}"));
        let this = &mut self.backs[back];
        match order {
            Order::Say(words) if this.leg == Leg::Up => {
                let lasting = providers::spoken_for(&words);
                let words = this.mouth.order(words, false, None);
                self.on_back_at(back, lasting, On::ToldTeammate { words });
            }
            Order::Say(_) => {}
            Order::Hush => this.mouth.stop(),
            Order::HangUp { .. } => this.leg = Leg::Gone,
            Order::Did(Deed::Ended(outcome)) => {
                this.outcome = Some(outcome);
                self.tally.count("callbacks", format!("{outcome:?}"));
                if outcome == AttemptOutcome::Accepted {
                    self.call_customer(back);
                }
            }
            Order::Did(Deed::Gone { .. }) => {
                let now = self.now;
                this.customer.iter_mut().for_each(|customer| customer.handle(now, CustomerInput::TeammateGone));
            }
            // There is no agent to give the call back to.
            Order::Did(Deed::GivesBack | Deed::PassesOn | Deed::Holds(_)) => {}
        }
    }

    /// The one place at which a customer is dialled.
    fn call_customer(&mut self, back: usize) {
        let this = &mut self.backs[back];
        this.colleague.joins();
        this.customer = Some(Customer::call(self.now, self.agent.record_calls, Duration::from_secs(1_800)));
        this.customer_leg = Leg::Ringing;
        let after = self.chance.ms(500..=40_000);
        if self.chance.percent(75) {
            self.on_back_at(back, after, On::CustomerPicksUp);
            let objects = after + self.chance.ms(200..=12_000);
            let words = *self.chance.pick(&[
                &"please do not record this",
                &"please do not record this",
                &"hello",
                &"the lamp flickers at night",
            ]);
            self.on_back_at(back, objects, On::CustomerSays(words));
            let talk = self.chance.ms(5_000..=120_000);
            self.on_back_at(back, after + talk, On::CustomerGone);
        } else {
            self.on_back_at(back, after, On::CustomerGone);
        }
    }

    fn customer_order(&mut self, back: usize, order: CustomerOrder) {
        let call = self.backs[back].call;
        self.note(call, || format!("  customer → {order:?}"));
        match order {
            CustomerOrder::TellNotice => {
                let (after, whole) = (self.chance.ms(1_500..=9_000), self.chance.percent(90));
                self.on_back_at(back, after, On::NoticeEnds { whole });
            }
            CustomerOrder::Join { record } => {
                self.tally.count("callbacks", if record { "joined and recorded" } else { "joined" });
                let this = &mut self.backs[back];
                this.recorded = record;
                if record && !this.told {
                    self.broken(call, Check::Recorded, "a customer was recorded without having heard so".into());
                }
            }
            CustomerOrder::DeleteRecording => {
                self.tally.count("callbacks", "recording deleted");
                self.backs[back].recorded = false;
            }
            CustomerOrder::End => {
                let now = self.now;
                let this = &mut self.backs[back];
                this.customer_leg = Leg::Gone;
                if this.customer.as_ref().is_some_and(Customer::was_reached) || this.leg != Leg::Up {
                    this.leg = Leg::Gone;
                } else {
                    // They are told that the customer cannot be reached.
                    this.colleague.leaves(now);
                }
            }
        }
    }

    /// Nothing is left to happen.
    pub fn look_back_at_callbacks(&mut self) {
        for back in 0..self.backs.len() {
            let this = &self.backs[back];
            let (call, open) = (this.call, this.leg.is_open() || this.customer_leg.is_open());
            let (engaged, recorded) = (this.standing.is_some(), this.recorded && this.objected);
            let untold = this.outcome.is_none() && !this.cut;
            if open || engaged {
                self.broken(call, Check::LegLeaked, "a callback left a leg or an offer behind".into());
            }
            if recorded {
                self.broken(call, Check::Recorded, "a customer who objected was recorded all the same".into());
            }
            if untold {
                self.broken(call, Check::Attempt, "a callback has no outcome".into());
            }
        }
    }
}
