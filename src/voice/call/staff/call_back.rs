//! Calling a customer back (R8).
//!
//! 1. The teammate is rung, telephone by telephone, and offered the case as on a ladder.
//! 2. Accepted: the customer is called beside the teammate's leg, who hears the hold tone meanwhile.
//! 3. Picked up: where calls are recorded the customer hears who calls and the notice to its end (R48); then the two
//!    are joined until either hangs up. "Don't record" is obeyed at any time. Not reached: the teammate is told so.
//!
//! Every try is stored, and the call stands in the ticket's conversation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome, Call as CallRow, CallOutcome, Recording};
use crate::domain::conversation::Author;
use crate::domain::escalation::TransferBy;
use crate::domain::ids::{AttemptId, CallId, RecordingId};
use crate::domain::ladder::{AttemptNo, Ring};
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::seams::bus::LiveKind;
use crate::seams::media::LegEvent;
use crate::seams::shown::ShownTicket;
use crate::seams::signaling::{DialOrder, DialogEvent};
use crate::seams::store::StoreError;

use super::super::super::call_back::CallBackOrder;
use super::super::super::colleague::Deed;
use super::super::super::customer::{Customer, CustomerInput, CustomerOrder};
use super::super::super::ear::EarEvent;
use super::super::super::front_desk::FrontDesk;
use super::super::super::journal::{Entry, Journal};
use super::super::super::mouth::MouthEvent;
use super::super::super::offer::{Offer, Terms};
use super::super::super::phrases;
use super::super::third_ear;
use super::call_back_live::Live;
use super::climbing::destination;
use super::line::{Leg, Line, LineEvent};
use super::person::{News, Person, Standing};
use super::{DECLINED, farewell};

/// Calls the teammate and then the customer, to the end of their talk.
pub async fn call_back(desk: Arc<FrontDesk>, order: CallBackOrder, id: CallId) {
    CallBack::carry_out(desk, order, id, async |back| back.reach_teammate().await).await;
}

/// A callback under way.
pub(super) struct CallBack {
    pub(super) desk: Arc<FrontDesk>,
    order: CallBackOrder,
    pub(super) row: CallRow,
    pub(super) journal: Journal,
    pub(super) recording: Option<Recording>,
    pub(super) live: Live,
}

fn row(desk: &FrontDesk, order: &CallBackOrder, id: CallId) -> CallRow {
    CallRow {
        id,
        conversation: order.conversation.id,
        from: None,
        to: order.customer.number().as_str().to_owned(),
        trunk: OUTGOING.to_owned(),
        started_at: desk.clock.epoch(),
        answered_at: None,
        ended_at: None,
        outcome: None,
    }
}

impl CallBack {
    /// From its first entry in the journal to its last; `teammate` brings the one who has accepted.
    pub(super) async fn carry_out(
        desk: Arc<FrontDesk>,
        order: CallBackOrder,
        id: CallId,
        teammate: impl AsyncFnOnce(&mut CallBack) -> Option<Person>,
    ) {
        let row = row(&desk, &order, id);
        let parts = (desk.store.clone(), desk.bus.clone(), desk.clock.clone());
        let (journal, kept) = Journal::begin(parts.0, parts.1, parts.2, order.conversation.clone(), row.clone());
        journal.keep(Entry::Placed);
        let mut back = CallBack { row, desk, order, journal, recording: None, live: Live::default() };
        let outcome = match teammate(&mut back).await {
            Some(teammate) => back.reach_customer(teammate).await,
            None => CallOutcome::Abandoned,
        };
        info!(call.outcome = ?outcome, "The callback is over");
        back.journal.keep(Entry::Ended(outcome));
        drop(back);
        if let Err(error) = kept.await {
            warn!(%error, "The journal of a callback failed");
        }
    }

    /// The teammate who has accepted; `None` when nobody did on any of their telephones.
    async fn reach_teammate(&mut self) -> Option<Person> {
        for (number, target) in (1..).zip(&self.order.teammate.destinations.clone()) {
            let now = self.desk.clock.now();
            let ring = Ring {
                attempt: AttemptNo(number),
                person: self.order.teammate.person.clone(),
                destination: target.clone(),
                ring_time: TEAMMATE_RINGS,
                transfer: TransferBy::Bridged,
            };
            let attempt = Attempt::begun(
                AttemptId(self.desk.ids.next()),
                self.row.id,
                target.clone().into(),
                self.desk.clock.epoch(),
            );
            let offered = self.desk.offers().offer(now, &ring);
            let (Some(to), Ok(offer)) = (destination(target), offered) else {
                self.keep_attempt(Attempt { outcome: Some(AttemptOutcome::Busy), ..attempt });
                continue;
            };
            let standing = Standing::new(&self.desk, offer);
            self.keep_attempt(attempt.clone());
            let order = DialOrder { to, ring_timeout: TEAMMATE_RINGS + RINGS_ON, beside: None, on_behalf_of: None };
            let line = Line::dial(&self.desk, order);
            let offer = Offer::ring(self.terms(), now);
            let person = Person::new(ring.attempt, attempt, offer, line, standing, now);
            if let Some(person) = self.offered(person).await {
                return Some(person);
            }
        }
        None
    }

    pub(super) fn terms(&self) -> Terms {
        let agent = self.desk.agent.load();
        Terms {
            business: agent.business.clone(),
            summary: Some(self.order.summary.clone()),
            // Nobody is called before the teammate is there to speak with them.
            accept_by_key: true,
            recorded: agent.record_calls,
            ring_time: TEAMMATE_RINGS,
        }
    }

    /// Offers the case to one telephone.
    pub(super) async fn offered(&mut self, mut person: Person) -> Option<Person> {
        loop {
            let deadline = person.poll_timeout();
            tokio::select! {
                (_, event) = person.next() => person.take(event, &self.desk).await,
                () = until(deadline) => person.handle_timeout(self.desk.clock.now()).await,
            }
            while let Some((_, news)) = person.poll_news() {
                let News::Did(Deed::Ended(outcome)) = news else { continue };
                self.keep_attempt(person.attempt.clone());
                if outcome == AttemptOutcome::Accepted {
                    person.joins();
                    return Some(person);
                }
                tokio::spawn(farewell(person, self.desk.clone()));
                return None;
            }
        }
    }

    async fn reach_customer(&mut self, mut teammate: Person) -> CallOutcome {
        self.take_ticket().await;
        teammate.says(self.desk.clock.now(), phrases::STAFF_CALLING_CUSTOMER);
        let to = self.order.customer.clone().into();
        let order = DialOrder { to, ring_timeout: CUSTOMER_RINGS, beside: teammate.leg(), on_behalf_of: None };
        let mut line = Line::dial(&self.desk, order);
        let was_reached = self.talk(&mut teammate, &mut line).await;
        self.complete_recording(&mut line).await;
        line.hang_up(None).await;
        if was_reached {
            teammate.hang_up(false).await;
            return CallOutcome::Person;
        }
        if !teammate.is_gone() {
            teammate.leave_with(self.desk.clock.now(), phrases::STAFF_CUSTOMER_NOT_REACHED);
            farewell(teammate, self.desk.clone()).await;
        }
        CallOutcome::Abandoned
    }

    /// Until either side is gone; whether the two were joined.
    async fn talk(&mut self, teammate: &mut Person, line: &mut Line) -> bool {
        let records = self.desk.agent.load().record_calls;
        let mut customer = Customer::call(self.desk.clock.now(), records, self.desk.settings.longest_call);
        loop {
            let asked = self.live.supervisor.as_ref().and_then(|supervisor| supervisor.presence.poll_timeout());
            let deadline = customer.poll_timeout().into_iter().chain(asked).min();
            let (orders, supervisor) = self.live.sides();
            tokio::select! {
                (_, event) = teammate.next() => self.teammate_event(teammate, &mut customer, event).await,
                event = line.next() => self.customer_event(&mut customer, line, event),
                event = third_ear::next(supervisor) => self.supervisor_event(event, line).await,
                asked = Live::order(orders) => self.asked(asked, &mut customer, teammate, line).await,
                () = until(deadline) => customer.handle_timeout(self.desk.clock.now()),
            }
            while let Some(order) = customer.poll_order() {
                match order {
                    CustomerOrder::TellNotice => self.tell_notice(line),
                    CustomerOrder::Join { record } => {
                        self.join(teammate, line, record);
                        self.list(teammate, line);
                    }
                    CustomerOrder::DeleteRecording => self.delete_recording(line).await,
                    CustomerOrder::End => {
                        self.delist(teammate, line).await;
                        return customer.was_reached();
                    }
                }
            }
            self.settle_supervision(teammate, line).await;
        }
    }

    async fn teammate_event(&mut self, teammate: &mut Person, customer: &mut Customer, event: LineEvent) {
        let words_over = matches!(event, LineEvent::Leg(Some(LegEvent::PlayEnded { .. })));
        teammate.take(event, &self.desk).await;
        if words_over && !customer.was_reached() {
            teammate.plays(self.waiting());
        }
        while let Some((_, news)) = teammate.poll_news() {
            match news {
                News::Did(Deed::Gone { .. }) => {
                    customer.handle(self.desk.clock.now(), CustomerInput::TeammateGone);
                }
                News::Says(text) => self.keep_words(Author::Teammate, text),
                // There is no agent to give the call back to, and nobody to pass it on to.
                News::Transfers(_) => teammate.report_transfer(DECLINED).await,
                News::Did(Deed::Ended(_) | Deed::GivesBack | Deed::PassesOn | Deed::Holds(_)) => {}
            }
        }
    }

    fn customer_event(&mut self, customer: &mut Customer, line: &mut Line, event: LineEvent) {
        let now = self.desk.clock.now();
        match event {
            LineEvent::Dialled(Ok(call)) => *line = Line::Up(Box::new(Leg::of(call, &self.desk))),
            LineEvent::Dialled(Err(error)) => {
                warn!(%error, "A customer could not be called");
                *line = Line::Gone;
                customer.handle(now, CustomerInput::Gone);
            }
            LineEvent::Dialog(Some(DialogEvent::Confirmed)) => {
                self.row.answered_at = Some(self.desk.clock.epoch());
                self.journal.keep(Entry::Call(Box::new(self.row.clone())));
                info!("The customer has answered");
                if let Some(leg) = line.leg() {
                    leg.listen(&self.desk);
                }
                customer.handle(now, CustomerInput::PickedUp);
            }
            LineEvent::Dialog(None | Some(DialogEvent::Refused(_) | DialogEvent::Ended(_))) | LineEvent::Leg(None) => {
                customer.handle(now, CustomerInput::Gone);
            }
            LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                let ended = line.leg().and_then(|leg| leg.mouth.play_ended(utterance, complete));
                if let Some(ended) = ended {
                    self.words_ended(customer, line, matches!(ended, MouthEvent::Ended));
                }
            }
            // The words cannot be spoken.
            LineEvent::Mouth(Some(_)) => self.words_ended(customer, line, false),
            LineEvent::Heard(frame) => {
                if let Some(ear) = line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.frame(now, &frame);
                }
                self.listen(customer, line);
            }
            LineEvent::Transcript(event) => {
                match (event, line.leg()) {
                    (Some(event), Some(leg)) => leg.ear.iter_mut().for_each(|ear| ear.take(now, event.clone())),
                    (None, Some(leg)) => leg.ear = None,
                    (_, None) => {}
                }
                self.listen(customer, line);
            }
            // Holding and keys are between the two of them; a transfer of theirs is none of ours.
            LineEvent::Dialog(Some(_)) | LineEvent::Leg(Some(_)) | LineEvent::Mouth(None) => {}
        }
    }

    fn words_ended(&self, customer: &mut Customer, line: &mut Line, whole: bool) {
        let now = self.desk.clock.now();
        if let Some(leg) = line.leg() {
            leg.ear.iter_mut().for_each(|ear| ear.agent_finished(now));
        }
        customer.handle(now, CustomerInput::NoticeEnded { whole });
    }

    fn waiting(&self) -> media::Clip {
        self.desk.settings.waiting.of(self.desk.agent.load().escalation.meanwhile)
    }

    fn tell_notice(&self, line: &mut Line) {
        let business = self.desk.agent.load().business.clone();
        if let Some(leg) = line.leg() {
            leg.say(self.desk.clock.now(), &phrases::calling_back(&business));
        }
    }

    /// They hear each other.
    fn join(&mut self, teammate: &mut Person, line: &mut Line, record: bool) {
        let Some(leg) = line.leg() else { return };
        leg.mouth.stop();
        if record {
            let id = RecordingId(self.desk.ids.next());
            let file = format!("{id}.wav");
            if leg.record(self.desk.settings.recordings_dir.join(&file)) {
                let started_at = self.desk.clock.epoch();
                let recording = Recording { id, call: self.row.id, file, started_at, duration_ms: None };
                self.journal.keep(Entry::Recording(Box::new(recording.clone())));
                self.recording = Some(recording);
            }
        }
        if !teammate.bridge(leg.id) {
            warn!("The legs of a callback could not be joined");
        }
    }

    async fn complete_recording(&mut self, line: &mut Line) {
        let Some(mut recording) = self.recording.take() else { return };
        let Some(leg) = line.leg() else { return };
        recording.duration_ms = leg.stop_recording().await.and_then(|duration_ms| i64::try_from(duration_ms).ok());
        self.journal.keep(Entry::Recording(Box::new(recording)));
    }

    /// What the customer has said.
    fn listen(&self, customer: &mut Customer, line: &mut Line) {
        while let Some(event) = line.leg().and_then(|leg| leg.ear.as_mut()?.poll()) {
            if let EarEvent::TurnEnded(turn) = event {
                self.keep_words(Author::Customer, turn.text.clone());
                customer.handle(self.desk.clock.now(), CustomerInput::Said(turn.text));
            }
        }
    }

    /// The customer does not want to be recorded (R48): it ends, what there is of it is deleted, and they hear so.
    async fn delete_recording(&mut self, line: &mut Line) {
        info!("The customer does not want to be recorded");
        let Some((leg, recording)) = line.leg().zip(self.recording.take()) else { return };
        // Its last frames are waited for, so that nothing is written after it is gone.
        leg.stop_recording().await;
        if let Err(error) = std::fs::remove_file(self.desk.settings.recordings_dir.join(&recording.file)) {
            warn!(%error, "An unwanted recording could not be deleted");
        }
        self.journal.keep(Entry::RecordingDeleted(recording.id));
        leg.say(self.desk.clock.now(), &[phrases::NOT_RECORDED.to_owned()]);
    }

    fn keep_words(&self, author: Author, text: String) {
        let text = text.trim().to_owned();
        if text.is_empty() {
            return;
        }
        let message = third_ear::spoken(&self.desk, &self.row, author, text);
        self.journal.keep(Entry::Message(Box::new(message)));
    }

    /// Somebody works on it now. Whoever changed the ticket at the same moment has moved it on themselves.
    async fn take_ticket(&mut self) {
        let moved = async {
            let ticket = self.desk.store.ticket(self.order.ticket.id).await?.ok_or(StoreError::NotFound)?;
            if ticket.status != TicketStatus::Pending {
                return Ok(None);
            }
            let ticket = Ticket { status: TicketStatus::InProgress, ..ticket };
            let mut work = self.desk.store.begin().await?;
            work.save_ticket(&ticket).await?;
            work.commit().await?;
            Ok::<_, StoreError>(Some(Ticket { version: ticket.version + 1, ..ticket }))
        };
        match moved.await {
            Ok(Some(ticket)) => {
                let kind = LiveKind::Ticket { ticket: ShownTicket::json(&ticket) };
                self.desk.bus.publish(self.desk.clock.epoch(), ticket.conversation, kind);
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "A ticket that is being called back could not be moved on"),
        }
    }

    pub(super) fn keep_attempt(&self, attempt: Attempt) {
        self.journal.keep(Entry::Attempt(Box::new(attempt)));
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The teammate has asked for the call and is near the telephone.
const TEAMMATE_RINGS: Duration = Duration::from_secs(25);
/// The offer's own clock ends the ringing; signalling's is behind it should that be late.
const RINGS_ON: Duration = Duration::from_secs(2);
/// A customer who is called back may need to find their telephone; their mailbox may answer too.
const CUSTOMER_RINGS: Duration = Duration::from_secs(45);
/// In the place of the trunk, of calls that nobody made to us.
const OUTGOING: &str = "callback";
