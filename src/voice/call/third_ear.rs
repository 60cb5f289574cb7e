//! A supervisor's side of a call (R9): their line, and what becomes of what happens on it. Every decision about their
//! presence is in [`crate::voice::supervision`]. Calls that come in and calls back share it: each lends it what it needs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tracing::{info, warn};

use crate::domain::call::Call as CallRow;
use crate::domain::conversation::{Author, Message};
use crate::domain::escalation::{EscalationPolicy, RING_SECONDS, Target};
use crate::domain::ids::{LegId, MessageId};
use crate::domain::on_duty;
use crate::domain::supervision::SupervisionMode as Mode;
use crate::domain::time::EpochMs;
use crate::domain::transition::Act;
use crate::seams::media::{LegCommand, LegControl, LegEvent};
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, OutgoingCall};

use super::super::ear::EarEvent;
use super::super::front_desk::FrontDesk;
use super::super::journal::{Entry, Journal};
use super::super::live_calls::{self, LiveSupervisor, NotDone, Telephone, Way};
use super::super::supervision::{Deed, Happened, Order, Supervision};
use super::Call;
use super::staff::{DECLINED, Leg, Line, LineEvent};

/// Somebody who supervises the call, from their order to come until they are gone.
pub(super) struct ThirdEar {
    pub(super) presence: Supervision,
    line: Line,
    by: String,
    /// As it is shown.
    via: String,
    /// As an attempt names it.
    telephone: Target,
    since: EpochMs,
}

/// What a call lends to whoever supervises it.
pub(super) struct Lent<'a> {
    pub(super) desk: &'a Arc<FrontDesk>,
    pub(super) journal: &'a Journal,
    pub(super) call: &'a CallRow,
    /// Orders to the customer's leg, which is heard with whomever it is joined with.
    pub(super) customer: &'a LegControl,
    /// Whether the call is recorded.
    pub(super) is_recorded: bool,
}

/// The next thing on the supervisor's line; for ever while there is nobody. Cancel-safe.
pub(super) async fn next(supervisor: &mut Option<ThirdEar>) -> LineEvent {
    match supervisor {
        Some(supervisor) => supervisor.line.next().await,
        None => std::future::pending().await,
    }
}

/// Carries out what concerns the supervisor alone, and gives back any other order. `come` makes one who comes.
pub(super) fn obey(
    supervisor: &mut Option<ThirdEar>,
    now: Instant,
    order: live_calls::Order,
    come: impl FnOnce(Way, Mode, bool) -> Result<ThirdEar, NotDone>,
) -> Result<Option<live_calls::Order>, NotDone> {
    use live_calls::Order as Asked;
    let happened = match (order, &supervisor) {
        (Asked::Join { .. } | Asked::TakeOver(Some(_)), Some(_)) => return Err(NotDone::Occupied),
        (Asked::Change(_) | Asked::Leave, None) => return Err(NotDone::Nobody),
        (Asked::TakeOver(None), None) => return Err(NotDone::NoWay),
        (Asked::Join { way, mode }, None) => {
            *supervisor = Some(come(way, mode, false)?);
            return Ok(None);
        }
        (Asked::TakeOver(Some(way)), None) => {
            *supervisor = Some(come(way, Mode::Listen, true)?);
            return Ok(None);
        }
        (Asked::Change(mode), Some(_)) => Happened::Wants(mode),
        (Asked::Leave, Some(_)) => Happened::Leaves,
        (Asked::TakeOver(None), Some(_)) => Happened::TakesOver,
        (other @ (Asked::HandBack | Asked::Transfer(_) | Asked::End), _) => return Ok(Some(other)),
    };
    if let Some(supervisor) = supervisor {
        supervisor.presence.handle(now, happened);
    }
    Ok(None)
}

/// What their presence asks for is done; their line and telephone where they have taken the call over.
pub(super) async fn settle(supervisor: &mut Option<ThirdEar>, lent: &Lent<'_>) -> Option<(Line, Target)> {
    let here = supervisor.as_mut()?;
    here.presence.handle_timeout(lent.desk.clock.now());
    while let Some(order) = here.presence.poll_order() {
        if order == Order::HandOver {
            return supervisor.take().map(|ThirdEar { line, telephone, .. }| (line, telephone));
        }
        here.carry_out(order, lent).await;
    }
    if here.presence.is_gone() {
        *supervisor = None;
    }
    None
}

impl ThirdEar {
    /// Somebody is about to come by this way, to a thread where they can hear `beside`.
    pub(super) fn coming(
        desk: &Arc<FrontDesk>,
        policy: &EscalationPolicy,
        beside: LegId,
        by: String,
        (way, mode, takes_over): (Way, Mode, bool),
    ) -> Result<ThirdEar, NotDone> {
        let (line, telephone, via) = match way {
            Way::Browser(call) => {
                let call = OutgoingCall { leg: call.leg, dialog: call.dialog, events: call.events };
                let line = Line::Up(Box::new(Leg::of(call, desk)));
                (line, Target::Person(by.clone()), "browser".to_owned())
            }
            Way::Telephone(telephone) => {
                let target = named_telephone(desk, policy, &telephone)?;
                let to = Destination::of(&target).ok_or(NotDone::NoSuchTelephone)?;
                let ring_timeout = Duration::from_secs(u64::from(RING_SECONDS));
                let order = DialOrder { to, ring_timeout, beside: Some(beside), on_behalf_of: None };
                let via = String::from(target.clone());
                (Line::dial(desk, order), target, via)
            }
        };
        let presence = Supervision::coming(mode, takes_over);
        Ok(ThirdEar { presence, line, by, via, telephone, since: desk.clock.epoch() })
    }

    /// Something happened on their line.
    pub(super) async fn event(&mut self, event: LineEvent, lent: &Lent<'_>) {
        let now = lent.desk.clock.now();
        match event {
            LineEvent::Dialled(Ok(call)) => self.line = Line::Up(Box::new(Leg::of(call, lent.desk))),
            LineEvent::Dialled(Err(error)) => {
                warn!(%error, "A supervisor's telephone could not be dialled");
                self.lose(now);
            }
            LineEvent::Dialog(Some(DialogEvent::Confirmed)) => {
                let by_anybody = matches!(self.telephone, Target::Number(_));
                self.presence.handle(now, Happened::Connected { recorded: lent.is_recorded, by_anybody });
            }
            LineEvent::Dialog(Some(DialogEvent::Refused(_) | DialogEvent::Ended(_)) | None) | LineEvent::Leg(None) => {
                self.lose(now)
            }
            LineEvent::Dialog(Some(DialogEvent::TransferAsked(_))) => {
                if let Some(leg) = self.line.leg() {
                    leg.report_transfer(DECLINED).await;
                }
            }
            LineEvent::Dialog(Some(
                DialogEvent::Ringing | DialogEvent::Held | DialogEvent::Resumed | DialogEvent::ReferProgress(_),
            )) => {}
            LineEvent::Leg(Some(LegEvent::Key(key))) => self.presence.handle(now, Happened::Key(key.0)),
            LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                let ended = self.line.leg().and_then(|leg| leg.mouth.play_ended(utterance, complete));
                if let Some(ear) = self.line.leg().filter(|_| ended.is_some()).and_then(|leg| leg.ear.as_mut()) {
                    ear.agent_finished(now);
                }
            }
            // A leg that died says no BYE.
            LineEvent::Leg(Some(LegEvent::RtpTimedOut)) if self.presence.is_here() => {
                info!("No audio arrives from the supervisor any more");
                self.presence.handle(now, Happened::Leaves);
            }
            LineEvent::Leg(Some(_)) | LineEvent::Mouth(_) => {}
            LineEvent::Heard(frame) => {
                if let Some(ear) = self.line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.frame(now, &frame);
                }
            }
            LineEvent::Transcript(Some(event)) => {
                if let Some(ear) = self.line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.take(now, event);
                }
            }
            LineEvent::Transcript(None) => self.deafen(),
        }
        self.keep_what_they_say(lent);
    }

    /// The call is recorded from now on, which they are told.
    pub(super) fn hears_of_recording(&mut self, now: Instant) {
        self.presence.handle(now, Happened::Recorded);
    }

    /// What the customer hears of them belongs to the conversation; what they whisper to a colleague does not.
    fn keep_what_they_say(&mut self, lent: &Lent<'_>) {
        let is_heard = self.presence.mode().is_some_and(Mode::is_heard_by_customer);
        while let Some(event) = self.line.leg().and_then(|leg| leg.ear.as_mut()?.poll()) {
            match event {
                EarEvent::TurnEnded(turn) if is_heard && !turn.text.trim().is_empty() => {
                    let mut message = spoken(lent.desk, lent.call, Author::Teammate, turn.text.trim().to_owned());
                    message.post.by = Some(self.by.clone());
                    lent.journal.keep(Entry::Message(Box::new(message)));
                }
                EarEvent::Lost(_) => self.deafen(),
                _ => {}
            }
        }
    }

    async fn carry_out(&mut self, order: Order, lent: &Lent<'_>) {
        match order {
            Order::Admit(mode) => {
                let Some(leg) = self.line.leg() else { return };
                if lent.customer.send(LegCommand::Supervise(leg.id, heard(mode))).is_err() {
                    warn!("A supervisor could not be let in");
                }
                match (mode.is_heard_by_customer(), leg.ear.is_some()) {
                    (true, false) => leg.listen(lent.desk),
                    (false, true) => leg.ear = None,
                    (true, true) | (false, false) => {}
                }
            }
            Order::Tell(words) => {
                let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
                if let Some(leg) = self.line.leg() {
                    leg.say(lent.desk.clock.now(), &words);
                }
            }
            Order::Part => {
                let _ = lent.customer.send(LegCommand::Unsupervise);
            }
            Order::HangUp => self.line.hang_up(None).await,
            Order::Did(deed) => self.did(deed, lent),
            // The last order, and for the call to carry out.
            Order::HandOver => {}
        }
    }

    fn did(&self, deed: Deed, lent: &Lent<'_>) {
        info!(supervision.deed = ?deed, "A supervisor");
        metrics::counter!("switchboard_supervision_total", "deed" => deed_name(deed)).increment(1);
        let (act, mode) = match deed {
            Deed::Joined(mode) => (Act::SupervisorJoined { mode }, Some(mode)),
            Deed::Changed(mode) => (Act::SupervisionChanged { mode }, Some(mode)),
            Deed::Left => (Act::SupervisorLeft, None),
            Deed::TookOver => (Act::TakenOver, None),
            // Nobody was there: nothing became of the case.
            Deed::NeverCame => return,
        };
        let supervision = json!({
            "call": lent.call.id, "by": self.by, "via": self.via, "did": deed_name(deed), "mode": mode,
        });
        lent.journal.keep(Entry::Did { act, by: self.by.clone(), supervision: Some(supervision) });
    }

    fn lose(&mut self, now: Instant) {
        self.line = Line::Gone;
        self.presence.handle(now, Happened::LegGone);
    }

    fn deafen(&mut self) {
        if let Some(leg) = self.line.leg() {
            leg.ear = None;
        }
    }

    pub(super) fn shown(&self) -> Option<LiveSupervisor> {
        Some(LiveSupervisor {
            by: self.by.clone(),
            via: self.via.clone(),
            mode: self.presence.mode()?,
            is_here: self.presence.is_here(),
            since_ms: self.since,
        })
    }
}

impl Call {
    fn lent(&self) -> Lent<'_> {
        Lent {
            desk: &self.desk,
            journal: &self.journal,
            call: &self.row,
            customer: &self.control,
            is_recorded: self.recording.as_ref().is_some_and(|recording| !recording.unwanted && !recording.complete),
        }
    }

    /// Does what a supervisor's presence asks for, joins whoever takes over, and shows how the call stands.
    pub(super) async fn settle_third_ear(&mut self) {
        self.settle_take_over(self.desk.clock.now()).await;
        self.carry_out_supervision().await;
        self.show();
    }

    pub(super) fn third_ear_timeout(&self) -> Option<Instant> {
        let takeover = self.takeover.as_ref().map(|takeover| takeover.by());
        let asked = self.supervisor.as_ref().and_then(|supervisor| supervisor.presence.poll_timeout());
        takeover.into_iter().chain(asked).min()
    }

    /// Something happened on the supervisor's line.
    pub(super) async fn supervisor_event(&mut self, event: LineEvent) {
        let Some(mut supervisor) = self.supervisor.take() else { return };
        supervisor.event(event, &self.lent()).await;
        self.supervisor = Some(supervisor);
    }

    /// The call is recorded from now on, which a supervisor is told.
    pub(super) fn supervisor_hears_of_recording(&mut self) {
        let now = self.desk.clock.now();
        self.supervisor.iter_mut().for_each(|supervisor| supervisor.hears_of_recording(now));
    }

    async fn carry_out_supervision(&mut self) {
        let mut supervisor = self.supervisor.take();
        let handed_over = settle(&mut supervisor, &self.lent()).await;
        self.supervisor = supervisor;
        if let Some((line, telephone)) = handed_over {
            self.take_over(line, telephone).await;
            self.carry_out().await;
        }
    }

    /// The call is over.
    pub(super) async fn dismiss_supervisor(&mut self) {
        let now = self.desk.clock.now();
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.presence.handle(now, Happened::CallOver);
        }
        self.takeover = None;
        self.carry_out_supervision().await;
        self.listed = None;
    }

    pub(super) fn telephones_of(&self, target: &Target) -> Result<Vec<Target>, NotDone> {
        telephones_of(&self.agent.escalation, target, self.desk.clock.epoch())
    }
}

/// Something that was said on a call.
pub(super) fn spoken(desk: &FrontDesk, call: &CallRow, author: Author, text: String) -> Message {
    Message {
        id: MessageId(desk.ids.next()),
        conversation: call.conversation,
        author,
        text,
        heard_text: None,
        at: desk.clock.epoch(),
        decision: None,
        timings: None,
        post: Default::default(),
    }
}

/// The telephone that configuration names so, if it can be rung now.
fn named_telephone(desk: &FrontDesk, policy: &EscalationPolicy, named: &Telephone) -> Result<Target, NotDone> {
    let settings = &desk.settings;
    let targets = match named {
        Telephone::Registered(name) if settings.own_phones.contains(name) => {
            vec![Target::Sip(format!("sip:{name}@{}", settings.phone_realm))]
        }
        Telephone::Registered(_) => return Err(NotDone::NoSuchTelephone),
        Telephone::Person(id) => telephones_of(policy, &Target::Person(id.clone()), desk.clock.epoch())?,
    };
    let can_ring = |target: &Target| Destination::of(target).is_some_and(|to| desk.signaling.has_way_to(&to));
    targets.into_iter().find(can_ring).ok_or(NotDone::NotReachable)
}

fn telephones_of(policy: &EscalationPolicy, target: &Target, at: EpochMs) -> Result<Vec<Target>, NotDone> {
    on_duty::named(policy, target, at).map(|party| party.destinations).ok_or(NotDone::NoSuchTelephone)
}

/// How far a mode is heard.
fn heard(mode: Mode) -> media::Supervision {
    match mode {
        Mode::Listen => media::Supervision::Listen,
        Mode::Whisper => media::Supervision::Whisper(media::Side::Colleague),
        Mode::WhisperCustomer => media::Supervision::Whisper(media::Side::Customer),
        Mode::Barge => media::Supervision::Barge,
    }
}

fn deed_name(deed: Deed) -> &'static str {
    match deed {
        Deed::Joined(_) => "joined",
        Deed::Changed(_) => "changed",
        Deed::Left => "left",
        Deed::NeverCame => "never_came",
        Deed::TookOver => "took_over",
    }
}
