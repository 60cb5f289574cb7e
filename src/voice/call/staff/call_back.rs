//! Calling a customer back (R8).
//!
//! 1. The teammate is rung, telephone by telephone, and offered the case as on a ladder.
//! 2. Accepted: the customer is called beside the teammate's leg, who hears the hold tone meanwhile.
//! 3. Picked up: where calls are recorded the customer hears who calls and the notice to its end (R48); then the two
//!    are joined until either hangs up. Not reached: the teammate is told so.
//!
//! Every try is stored, and the call stands in the ticket's conversation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use media::{HeardFrame, UtteranceId};
use tracing::{info, warn};

use crate::domain::call::{Attempt, AttemptOutcome, Call as CallRow, CallOutcome, Recording};
use crate::domain::conversation::{Author, Message};
use crate::domain::escalation::TransferBy;
use crate::domain::ids::{AttemptId, CallId, MessageId, RecordingId};
use crate::domain::ladder::{AttemptNo, Ring};
use crate::domain::ticket::{Ticket, TicketStatus};
use crate::seams::bus::LiveKind;
use crate::seams::media::LegEvent;
use crate::seams::shown::ShownTicket;
use crate::seams::signaling::{DialOrder, DialogEvent};
use crate::seams::store::StoreError;

use super::super::super::call_back::CallBackOrder;
use super::super::super::ear::EarEvent;
use super::super::super::front_desk::FrontDesk;
use super::super::super::journal::{Entry, Journal};
use super::super::super::mouth::MouthEvent;
use super::super::super::offer::{Offer, Terms};
use super::super::super::phrases;
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
    desk: Arc<FrontDesk>,
    order: CallBackOrder,
    row: CallRow,
    journal: Journal,
    recording: Option<Recording>,
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

/// How far the customer's side has come.
enum Customer {
    /// Being called.
    Called,
    /// They hear who calls, and that it is recorded.
    Told {
        by: Instant,
    },
    Joined,
}

impl CallBack {
    /// From its first entry in the journal to its last; `teammate` brings the one who has accepted.
    pub(super) async fn carry_out(
        desk: Arc<FrontDesk>,
        order: CallBackOrder,
        id: CallId,
        teammate: impl AsyncFnOnce(&CallBack) -> Option<Person>,
    ) {
        let row = row(&desk, &order, id);
        let parts = (desk.store.clone(), desk.bus.clone(), desk.clock.clone());
        let (journal, kept) = Journal::begin(parts.0, parts.1, parts.2, order.conversation.clone(), row.clone());
        journal.keep(Entry::Placed);
        let mut back = CallBack { row, desk, order, journal, recording: None };
        let outcome = match teammate(&back).await {
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
    async fn reach_teammate(&self) -> Option<Person> {
        for (number, target) in (1..).zip(&self.order.teammate.destinations) {
            let now = self.desk.clock.now();
            let ring = Ring {
                attempt: AttemptNo(number),
                person: self.order.teammate.person.clone(),
                destination: target.clone(),
                ring_time: TEAMMATE_RINGS,
                transfer: TransferBy::Bridged,
            };
            let attempt = Attempt {
                id: AttemptId(self.desk.ids.next()),
                call: self.row.id,
                destination: target.clone().into(),
                started_at: self.desk.clock.epoch(),
                ring_ms: None,
                outcome: None,
                said: None,
            };
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
    pub(super) async fn offered(&self, mut person: Person) -> Option<Person> {
        loop {
            let deadline = person.poll_timeout();
            tokio::select! {
                (_, event) = person.next() => person.take(event, &self.desk).await,
                () = until(deadline) => person.handle_timeout(self.desk.clock.now()).await,
            }
            while let Some((_, news)) = person.poll_news() {
                let News::Ended(outcome) = news else { continue };
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
        let state = self.talk(&mut teammate, &mut line).await;
        self.complete_recording(&mut line).await;
        line.hang_up(None).await;
        if matches!(state, Customer::Joined) {
            teammate.hang_up(false).await;
            return CallOutcome::Person;
        }
        if !teammate.is_gone() {
            teammate.leave_with(self.desk.clock.now(), phrases::STAFF_CUSTOMER_NOT_REACHED);
            farewell(teammate, self.desk.clone()).await;
        }
        CallOutcome::Abandoned
    }

    /// Until either side is gone; how far it came.
    async fn talk(&mut self, teammate: &mut Person, line: &mut Line) -> Customer {
        let mut state = Customer::Called;
        let ends_at = self.desk.clock.now() + self.desk.settings.longest_call;
        loop {
            let deadline = if let Customer::Told { by } = state { by.min(ends_at) } else { ends_at };
            tokio::select! {
                (_, event) = teammate.next() => {
                    let words_over = matches!(event, LineEvent::Leg(Some(LegEvent::PlayEnded { .. })));
                    teammate.take(event, &self.desk).await;
                    if words_over && !matches!(state, Customer::Joined) {
                        teammate.plays(self.waiting());
                    }
                    while let Some((_, news)) = teammate.poll_news() {
                        match news {
                            News::Gone { .. } => return state,
                            News::Says(text) => self.keep_words(Author::Teammate, text),
                            // There is no agent to give the call back to, and nobody to pass it on to.
                            News::Transfers(_) => teammate.report_transfer(DECLINED).await,
                            News::Ended(_) | News::GivesBack | News::PassesOn | News::Holds(_) => {}
                        }
                    }
                }
                event = line.next() => match event {
                    LineEvent::Dialled(Ok(call)) => *line = Line::Up(Box::new(Leg::of(call, &self.desk))),
                    LineEvent::Dialled(Err(error)) => {
                        warn!(%error, "A customer could not be called");
                        *line = Line::Gone;
                        return state;
                    }
                    LineEvent::Dialog(Some(DialogEvent::Confirmed)) => state = self.picked_up(teammate, line),
                    LineEvent::Dialog(None | Some(DialogEvent::Refused(_) | DialogEvent::Ended(_)))
                    | LineEvent::Leg(None) => return state,
                    LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                        if let Some(told) = told(line, utterance, complete, &state) {
                            state = self.join(teammate, line, told);
                        }
                    }
                    LineEvent::Mouth(Some(_)) if matches!(state, Customer::Told { .. }) => {
                        // The notice cannot be spoken: they are joined, and nothing is recorded.
                        state = self.join(teammate, line, false);
                    }
                    LineEvent::Heard(frame) if matches!(state, Customer::Joined) => self.hear(line, &frame),
                    LineEvent::Transcript(event) => {
                        let now = self.desk.clock.now();
                        match (event, line.leg()) {
                            (Some(event), Some(leg)) => leg.ear.iter_mut().for_each(|ear| ear.take(now, event.clone())),
                            (None, Some(leg)) => leg.ear = None,
                            (_, None) => {}
                        }
                        self.listen(line);
                    }
                    // Holding and keys are between the two of them; a transfer of theirs is none of ours.
                    LineEvent::Dialog(Some(_)) | LineEvent::Leg(Some(_)) | LineEvent::Mouth(_) | LineEvent::Heard(_) => {}
                },
                () = tokio::time::sleep_until(deadline.into()) => {
                    if self.desk.clock.now() >= ends_at {
                        return state;
                    }
                    state = self.join(teammate, line, false);
                }
            }
        }
    }

    fn waiting(&self) -> media::Clip {
        self.desk.settings.waiting.of(self.desk.agent.load().escalation.meanwhile)
    }

    /// The customer, or a machine of theirs, has picked up.
    fn picked_up(&mut self, teammate: &mut Person, line: &mut Line) -> Customer {
        self.row.answered_at = Some(self.desk.clock.epoch());
        self.journal.keep(Entry::Call(Box::new(self.row.clone())));
        info!("The customer has answered");
        let agent = self.desk.agent.load_full();
        let now = self.desk.clock.now();
        match line.leg() {
            Some(leg) if agent.record_calls => {
                leg.say(now, &phrases::calling_back(&agent.business));
                Customer::Told { by: now + LONGEST_NOTICE }
            }
            _ => self.join(teammate, line, false),
        }
    }

    /// They hear each other, and are recorded where the notice was heard to its end.
    fn join(&mut self, teammate: &mut Person, line: &mut Line, told: bool) -> Customer {
        let Some(leg) = line.leg() else { return Customer::Called };
        leg.mouth.stop();
        if told {
            let id = RecordingId(self.desk.ids.next());
            let file = format!("{id}.wav");
            if leg.record(self.desk.settings.recordings_dir.join(&file)) {
                let started_at = self.desk.clock.epoch();
                let recording = Recording { id, call: self.row.id, file, started_at, duration_ms: None };
                self.journal.keep(Entry::Recording(Box::new(recording.clone())));
                self.recording = Some(recording);
            }
        }
        leg.listen(&self.desk);
        if !teammate.bridge(leg.id) {
            warn!("The legs of a callback could not be joined");
        }
        Customer::Joined
    }

    async fn complete_recording(&mut self, line: &mut Line) {
        let Some(mut recording) = self.recording.take() else { return };
        let Some(leg) = line.leg() else { return };
        recording.duration_ms = leg.stop_recording().await.and_then(|duration_ms| i64::try_from(duration_ms).ok());
        self.journal.keep(Entry::Recording(Box::new(recording)));
    }

    fn hear(&self, line: &mut Line, frame: &HeardFrame) {
        if let Some(ear) = line.leg().and_then(|leg| leg.ear.as_mut()) {
            ear.frame(self.desk.clock.now(), frame);
        }
        self.listen(line);
    }

    /// What the customer has said.
    fn listen(&self, line: &mut Line) {
        while let Some(event) = line.leg().and_then(|leg| leg.ear.as_mut()?.poll()) {
            if let EarEvent::TurnEnded(turn) = event {
                self.keep_words(Author::Customer, turn.text);
            }
        }
    }

    fn keep_words(&self, author: Author, text: String) {
        let text = text.trim().to_owned();
        if text.is_empty() {
            return;
        }
        let message = Message {
            id: MessageId(self.desk.ids.next()),
            conversation: self.row.conversation,
            author,
            text,
            heard_text: None,
            at: self.desk.clock.epoch(),
            decision: None,
            timings: None,
            post: Default::default(),
        };
        self.journal.keep(Entry::Message(Box::new(message)));
    }

    /// Somebody works on it now. Whoever changed the ticket at the same moment has moved it on themselves.
    async fn take_ticket(&self) {
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

/// Whether the notice, whose playing has ended, was heard whole; `None` when it goes on, or nothing was being told.
fn told(line: &mut Line, utterance: UtteranceId, complete: bool, state: &Customer) -> Option<bool> {
    let leg = line.leg().filter(|_| matches!(state, Customer::Told { .. }))?;
    let ended = leg.mouth.play_ended(utterance, complete)?;
    Some(matches!(ended, MouthEvent::Ended))
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
/// A guard: the notice is two sentences, and a teammate waits.
const LONGEST_NOTICE: Duration = Duration::from_secs(12);
/// In the place of the trunk, of calls that nobody made to us.
const OUTGOING: &str = "callback";
