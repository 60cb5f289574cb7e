//! A supervisor's side of a call (R9): their line, and what becomes of what happens on it. Every decision about their
//! presence is in [`crate::voice::supervision`].

use std::time::{Duration, Instant};

use serde_json::json;
use tracing::{info, warn};

use crate::domain::conversation::Author;
use crate::domain::escalation::{RING_SECONDS, Target};
use crate::domain::on_duty;
use crate::domain::supervision::SupervisionMode as Mode;
use crate::domain::time::EpochMs;
use crate::domain::transition::Act;
use crate::seams::media::{LegCommand, LegEvent};
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, OutgoingCall};

use super::super::ear::EarEvent;
use super::super::journal::Entry;
use super::super::live_calls::{LiveSupervisor, NotDone, Telephone, Way};
use super::super::supervision::{Deed, Happened, Order, Supervision};
use super::Call;
use super::staff::{Leg, Line, LineEvent};

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

/// The next thing on the supervisor's line; for ever while there is nobody. Cancel-safe.
pub(super) async fn next(supervisor: &mut Option<ThirdEar>) -> LineEvent {
    match supervisor {
        Some(supervisor) => supervisor.line.next().await,
        None => std::future::pending().await,
    }
}

impl Call {
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
        let now = self.desk.clock.now();
        let Some(supervisor) = &mut self.supervisor else { return };
        match event {
            LineEvent::Dialled(Ok(call)) => supervisor.line = Line::Up(Box::new(Leg::of(call, &self.desk))),
            LineEvent::Dialled(Err(error)) => {
                warn!(%error, "A supervisor's telephone could not be dialled");
                supervisor.lose(now);
            }
            LineEvent::Dialog(Some(DialogEvent::Confirmed)) => self.supervisor_connected(now),
            LineEvent::Dialog(Some(DialogEvent::Refused(_) | DialogEvent::Ended(_)) | None) | LineEvent::Leg(None) => {
                supervisor.lose(now)
            }
            LineEvent::Dialog(Some(DialogEvent::TransferAsked(_))) => {
                if let Some(leg) = supervisor.line.leg() {
                    leg.report_transfer(super::staff::DECLINED).await;
                }
            }
            LineEvent::Dialog(Some(
                DialogEvent::Ringing | DialogEvent::Held | DialogEvent::Resumed | DialogEvent::ReferProgress(_),
            )) => {}
            LineEvent::Leg(Some(LegEvent::Key(key))) => supervisor.presence.handle(now, Happened::Key(key.0)),
            LineEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                let ended = supervisor.line.leg().and_then(|leg| leg.mouth.play_ended(utterance, complete));
                if let Some(ear) = supervisor.line.leg().filter(|_| ended.is_some()).and_then(|leg| leg.ear.as_mut()) {
                    ear.agent_finished(now);
                }
            }
            // A leg that died says no BYE.
            LineEvent::Leg(Some(LegEvent::RtpTimedOut)) if supervisor.presence.is_here() => {
                info!("No audio arrives from the supervisor any more");
                supervisor.presence.handle(now, Happened::Leaves);
            }
            LineEvent::Leg(Some(_)) | LineEvent::Mouth(_) => {}
            LineEvent::Heard(frame) => {
                if let Some(ear) = supervisor.line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.frame(now, &frame);
                }
            }
            LineEvent::Transcript(Some(event)) => {
                if let Some(ear) = supervisor.line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.take(now, event);
                }
            }
            LineEvent::Transcript(None) => supervisor.deafen(),
        }
        self.keep_what_the_supervisor_says();
    }

    fn supervisor_connected(&mut self, now: Instant) {
        let recorded = self.records_the_call();
        let Some(supervisor) = &mut self.supervisor else { return };
        let by_anybody = matches!(supervisor.telephone, Target::Number(_));
        supervisor.presence.handle(now, Happened::Connected { recorded, by_anybody });
    }

    /// The call is recorded from now on, which a supervisor is told.
    pub(super) fn supervisor_hears_of_recording(&mut self) {
        let now = self.desk.clock.now();
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.presence.handle(now, Happened::Recorded);
        }
    }

    fn records_the_call(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| !recording.unwanted && !recording.complete)
    }

    /// What the caller hears of them belongs to the conversation; what they whisper to a colleague does not.
    fn keep_what_the_supervisor_says(&mut self) {
        loop {
            let Some(supervisor) = &mut self.supervisor else { return };
            let is_heard = supervisor.presence.mode().is_some_and(Mode::is_heard_by_customer);
            match supervisor.line.leg().and_then(|leg| leg.ear.as_mut()?.poll()) {
                Some(EarEvent::TurnEnded(turn)) if is_heard && !turn.text.trim().is_empty() => {
                    let mut message = self.message(Author::Teammate, turn.text.trim().to_owned());
                    message.post.by = self.supervisor.as_ref().map(|supervisor| supervisor.by.clone());
                    self.journal.keep(Entry::Message(Box::new(message)));
                }
                Some(EarEvent::Lost(_)) => supervisor.deafen(),
                Some(_) => {}
                None => return,
            }
        }
    }

    async fn carry_out_supervision(&mut self) {
        let now = self.desk.clock.now();
        if let Some(supervisor) = &mut self.supervisor {
            supervisor.presence.handle_timeout(now);
        }
        while let Some(supervisor) = &mut self.supervisor {
            let Some(order) = supervisor.presence.poll_order() else { break };
            match order {
                Order::Admit(mode) => {
                    let Some(leg) = supervisor.line.leg() else { continue };
                    if self.control.send(LegCommand::Supervise(leg.id, heard(mode))).is_err() {
                        warn!("A supervisor could not be let in");
                    }
                    match (mode.is_heard_by_customer(), leg.ear.is_some()) {
                        (true, false) => leg.listen(&self.desk),
                        (false, true) => leg.ear = None,
                        (true, true) | (false, false) => {}
                    }
                }
                Order::Tell(words) => {
                    let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
                    if let Some(leg) = supervisor.line.leg() {
                        leg.say(now, &words);
                    }
                }
                Order::Part => {
                    let _ = self.control.send(LegCommand::Unsupervise);
                }
                Order::HangUp => supervisor.line.hang_up(None).await,
                Order::HandOver => {
                    let Some(ThirdEar { line, telephone, .. }) = self.supervisor.take() else { break };
                    self.take_over(line, telephone).await;
                    self.carry_out().await;
                }
                Order::Did(deed) => self.supervisor_did(deed),
            }
        }
        if self.supervisor.as_ref().is_some_and(|supervisor| supervisor.presence.is_gone()) {
            self.supervisor = None;
        }
    }

    fn supervisor_did(&mut self, deed: Deed) {
        let Some(ThirdEar { by, via, .. }) = &self.supervisor else { return };
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
        let supervision = json!({ "call": self.row.id, "by": by, "via": via, "did": deed_name(deed), "mode": mode });
        self.journal.keep(Entry::Did { act, by: by.clone(), supervision: Some(supervision) });
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

    pub(super) fn supervisor_comes(
        &mut self,
        by: String,
        way: Way,
        mode: Mode,
        takes_over: bool,
    ) -> Result<(), NotDone> {
        if self.supervisor.is_some() || self.takeover.is_some() {
            return Err(NotDone::Occupied);
        }
        let (line, telephone, via) = match way {
            Way::Browser(call) => {
                let call = OutgoingCall { leg: call.leg, dialog: call.dialog, events: call.events };
                let line = Line::Up(Box::new(Leg::of(call, &self.desk)));
                (line, Target::Person(by.clone()), "browser".to_owned())
            }
            Way::Telephone(telephone) => {
                let target = self.telephone(&telephone)?;
                let to = Destination::of(&target).ok_or(NotDone::NoSuchTelephone)?;
                let ring_timeout = Duration::from_secs(u64::from(RING_SECONDS));
                let order = DialOrder { to, ring_timeout, beside: Some(self.leg), on_behalf_of: None };
                let via = String::from(target.clone());
                (Line::dial(&self.desk, order), target, via)
            }
        };
        let presence = Supervision::coming(mode, takes_over);
        self.supervisor = Some(ThirdEar { presence, line, by, via, telephone, since: self.desk.clock.epoch() });
        Ok(())
    }

    /// The telephone that configuration names so, if it can be rung now.
    fn telephone(&self, named: &Telephone) -> Result<Target, NotDone> {
        let settings = &self.desk.settings;
        let targets = match named {
            Telephone::Registered(name) if settings.own_phones.contains(name) => {
                vec![Target::Sip(format!("sip:{name}@{}", settings.phone_realm))]
            }
            Telephone::Registered(_) => return Err(NotDone::NoSuchTelephone),
            Telephone::Person(id) => self.telephones_of(&Target::Person(id.clone()))?,
        };
        let can_ring = |target: &Target| Destination::of(target).is_some_and(|to| self.desk.signaling.has_way_to(&to));
        targets.into_iter().find(can_ring).ok_or(NotDone::NotReachable)
    }

    pub(super) fn telephones_of(&self, target: &Target) -> Result<Vec<Target>, NotDone> {
        let party = on_duty::named(&self.agent.escalation, target, self.desk.clock.epoch());
        party.map(|party| party.destinations).ok_or(NotDone::NoSuchTelephone)
    }
}

impl ThirdEar {
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
