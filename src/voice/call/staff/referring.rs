//! Handing the call over to the other sides themselves, by REFER (R6).
//!
//! 1. Blind: instead of ringing somebody, the caller's side is asked to call them. NOTIFY tells how that goes: a final
//!    status below 300 is an accepted attempt and the end of our part; any other is how the attempt ended, and the ladder
//!    goes on with the caller, who is still with us.
//! 2. Attended: the two are bridged, and the caller's side is asked to call the person in the place of our leg
//!    (Replaces). Their leg may end before we are told how it went, which is then no loss. When it is refused the bridge
//!    stays as it is.
//! 3. A joined person's side asks for a transfer, which its trunk may: where configuration lists the destination, the
//!    ladder passes the caller on to it.

use std::time::{Duration, Instant};

use tracing::{debug, info};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::escalation::Target;
use crate::domain::ladder::{AttemptNo, LadderInput};
use crate::seams::signaling::{Destination, ReferTo};

use super::super::super::journal::Entry;
use super::super::super::offer::outcome_of;
use super::person::Standing;
use super::{Call, Staff};

/// A transfer that we have asked the caller's side for.
pub(super) struct Referred {
    attempt: AttemptNo,
    way: Way,
}

enum Way {
    /// The attempt, and the offer that stands in place of ringing.
    Blind { row: Box<Attempt>, began: Instant, _standing: Standing },
    /// The person's leg has ended meanwhile: whether they hung up, and until when that is no loss.
    Attended { gone: Option<(bool, Instant)> },
}

impl Staff {
    /// When an ended leg is to be taken for lost after all.
    pub(super) fn referred_until(&self) -> Option<Instant> {
        match &self.referred.as_ref()?.way {
            Way::Attended { gone } => gone.map(|(_, until)| until),
            Way::Blind { .. } => None,
        }
    }
}

impl Call {
    /// Asks the caller's side to call this destination in our place.
    pub(super) async fn refer_to(&mut self, attempt: AttemptNo, row: Attempt, standing: Standing, to: Destination) {
        let began = self.desk.clock.now();
        match self.dialog.refer(ReferTo::Destination(to)).await {
            Ok(()) => {
                info!(attempt.id = %row.id, "The caller's side is asked to call a person");
                let way = Way::Blind { row: Box::new(row), began, _standing: standing };
                self.staff.referred = Some(Referred { attempt, way });
            }
            Err(error) => {
                info!(attempt.id = %row.id, %error, "The caller's side cannot be asked for a transfer");
                self.blind_ended(attempt, row, began, AttemptOutcome::Failed);
            }
        }
    }

    /// Asks the caller's side to call the person with whom they are bridged.
    pub(super) async fn refer_to_person(&mut self, attempt: AttemptNo) {
        let Some(person) = self.staff.person(attempt) else { return };
        let Some(name) = person.dialog_name().await else { return };
        match self.dialog.refer(ReferTo::Call(name)).await {
            Ok(()) => self.staff.referred = Some(Referred { attempt, way: Way::Attended { gone: None } }),
            Err(error) => debug!(%error, "The caller's side cannot be asked for a transfer; the bridge stays"),
        }
    }

    /// NOTIFY: how the transfer goes that the caller's side was asked for.
    pub(in super::super) async fn refer_progress(&mut self, status: u16) {
        if status < 200 {
            return;
        }
        let Some(Referred { attempt, way }) = self.staff.referred.take() else { return };
        let is_done = status < 300;
        info!(sip.status = status, "The caller's side told how the transfer went");
        match way {
            Way::Blind { row, began, .. } => {
                let outcome = if is_done { AttemptOutcome::Accepted } else { outcome_of(status) };
                self.blind_ended(attempt, *row, began, outcome);
            }
            Way::Attended { .. } if is_done => self.tell_ladder(LadderInput::HandedOn),
            Way::Attended { gone } => {
                if let Some((hung_up, _)) = gone {
                    self.tell_ladder(LadderInput::PersonGone { hung_up });
                }
            }
        }
        self.staff_settle().await;
    }

    fn blind_ended(&mut self, attempt: AttemptNo, mut row: Attempt, began: Instant, outcome: AttemptOutcome) {
        let took = self.desk.clock.now().saturating_duration_since(began).as_millis();
        row.ring_ms = i64::try_from(took).ok();
        row.outcome = Some(outcome);
        metrics::counter!("switchboard_attempts_total", "outcome" => format!("{outcome:?}")).increment(1);
        self.journal.keep(Entry::Attempt(Box::new(row)));
        self.tell_ladder(LadderInput::Ended { attempt, outcome });
    }

    /// Whether nobody was rung for this attempt, and the caller's side calls them itself.
    pub(super) fn is_blind(&self, attempt: AttemptNo) -> bool {
        self.staff.person_at(attempt).is_none()
    }

    /// The ladder does not want a blind transfer any more. It cannot be taken back, but nothing of ours waits for it.
    pub(super) fn forget_referred(&mut self, attempt: AttemptNo, outcome: AttemptOutcome) {
        let referred = self.staff.referred.take_if(|referred| referred.attempt == attempt);
        if let Some(Referred { way: Way::Blind { mut row, .. }, .. }) = referred {
            row.outcome = Some(outcome);
            self.journal.keep(Entry::Attempt(row));
        }
    }

    /// The joined person's leg has ended. True when that may be the transfer itself, whose outcome is awaited.
    pub(super) fn is_handing_on(&mut self, attempt: AttemptNo, hung_up: bool) -> bool {
        let until = self.desk.clock.now() + OUTCOME_WITHIN;
        match &mut self.staff.referred {
            Some(Referred { attempt: referred, way: Way::Attended { gone } }) if *referred == attempt => {
                gone.get_or_insert((hung_up, until));
                true
            }
            Some(_) | None => false,
        }
    }

    /// The person's leg ended, and nothing was told of the transfer since.
    pub(super) fn referred_timeout(&mut self, now: Instant) {
        if self.staff.referred_until().is_none_or(|until| now < until) {
            return;
        }
        if let Some(Referred { way: Way::Attended { gone: Some((hung_up, _)) }, .. }) = self.staff.referred.take() {
            self.tell_ladder(LadderInput::PersonGone { hung_up });
        }
    }

    /// A joined person's side asks us to connect the caller with somebody that configuration lets it name.
    pub(super) async fn person_transfers(&mut self, attempt: AttemptNo, to: Destination) {
        let is_joined = self.staff.ladder.as_ref().and_then(|ladder| ladder.joined()) == Some(attempt);
        let target = match to {
            Destination::Number(number) => Some(Target::Number(number)),
            Destination::Uri(address) => Some(Target::Sip(address)),
            // Whoever needs help in an emergency calls it themselves.
            Destination::Emergency(_) => None,
        };
        let target = target.filter(|_| is_joined);
        let status = if target.is_some() { TAKEN_OVER } else { DECLINED };
        if let Some(person) = self.staff.person(attempt) {
            person.report_transfer(status).await;
        }
        if let Some(target) = target {
            info!("A person passes the caller on");
            self.staff.rounds.passes_on();
            self.tell_ladder(LadderInput::PassedTo(target));
        }
    }
}

/// How long after the end of a person's leg the caller's side may take to tell that it has called them.
const OUTCOME_WITHIN: Duration = Duration::from_secs(4);
/// The case is with us from here on: whoever asked may hang up.
const TAKEN_OVER: u16 = 200;
/// RFC 3261 §21.6.2: not now and not elsewhere.
pub(in super::super) const DECLINED: u16 = 603;
