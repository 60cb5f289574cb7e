//! The person's side of a call: their leg, what they hear, and the join.

use std::time::Instant;

use media::UtteranceId;
use tokio::sync::mpsc;
use tracing::{debug, info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::ids::{AttemptId, LegId};
use crate::seams::media::{Ears, LegCommand, LegControl, LegEvent};
use crate::seams::signaling::{DialOrder, Dialog, DialogEvent};

use super::super::flow::Input;
use super::super::journal::Entry;
use super::super::mouth::{Mouth, MouthEvent};
use super::super::offer::{Offer, OfferEffect, OfferInput};
use super::Call;

/// A person being rung, told and joined.
pub(super) struct Staff {
    offer: Offer,
    attempt: Attempt,
    began: Instant,
    leg: LegId,
    dialog: Box<dyn Dialog>,
    control: LegControl,
    events: mpsc::Receiver<DialogEvent>,
    leg_events: mpsc::Receiver<LegEvent>,
    ears: Ears,
    mouth: Mouth,
    said: Vec<String>,
    leave_after_speech: bool,
    over: bool,
}

/// What happened on the person's side.
pub(super) enum StaffEvent {
    Dialog(Option<DialogEvent>),
    Leg(Option<LegEvent>),
    Mouth(Option<MouthEvent>),
    Heard,
    Due,
}

impl Staff {
    /// Dials the configured destination for this call.
    pub async fn ring(call: &mut Call, summary: &str, reason: &str) -> Result<Staff, AttemptOutcome> {
        let desk = call.desk.clone();
        let now = desk.clock.now();
        let mut attempt = Attempt {
            id: AttemptId(desk.ids.next()),
            call: call.row.id,
            destination: desk.settings.escalate_to_shown.clone(),
            started_at: desk.clock.epoch(),
            ring_ms: None,
            outcome: None,
            said: None,
        };
        let Some(to) = desk.settings.escalate_to.clone() else { return Err(AttemptOutcome::Failed) };
        call.journal.keep(Entry::Attempt(Box::new(attempt.clone())));
        let payload = serde_json::json!({
            "conversation": call.row.conversation, "call": call.row.id, "reason": reason, "summary": summary,
        });
        call.journal.keep(Entry::Notify { key: format!("escalation:{}", attempt.id), kind: "escalation", payload });
        let order =
            DialOrder { to, ring_timeout: desk.settings.ring_timeout, beside: Some(call.leg), on_behalf_of: None };
        let outgoing = match desk.signaling.dial(order).await {
            Ok(outgoing) => outgoing,
            Err(error) => {
                warn!(%error, "The destination could not be dialled");
                attempt.outcome = Some(AttemptOutcome::Failed);
                call.journal.keep(Entry::Attempt(Box::new(attempt)));
                return Err(AttemptOutcome::Failed);
            }
        };
        info!(attempt.id = %attempt.id, "Ringing a person");
        let told = desk.settings.spoken_summary.then(|| summary.to_owned());
        Ok(Staff {
            offer: Offer::ring(&call.agent.business, told, desk.settings.ring_timeout, now),
            attempt,
            began: now,
            leg: outgoing.leg.id,
            dialog: outgoing.dialog,
            control: outgoing.leg.control.clone(),
            events: outgoing.events,
            leg_events: outgoing.leg.events,
            ears: outgoing.leg.ears,
            mouth: Mouth::new(desk.tts.clone(), None, outgoing.leg.control),
            said: Vec::new(),
            leave_after_speech: false,
            over: false,
        })
    }

    /// Waits for the next thing on the person's side; for ever while there is none.
    pub async fn next(staff: &mut Option<Staff>) -> StaffEvent {
        let Some(staff) = staff else { return std::future::pending().await };
        tokio::select! {
            biased;
            event = staff.events.recv() => StaffEvent::Dialog(event),
            event = staff.leg_events.recv() => StaffEvent::Leg(event),
            event = staff.mouth.work() => StaffEvent::Mouth(event),
            Some(_) = staff.ears.next() => StaffEvent::Heard,
            () = std::future::ready(()), if staff.over && !staff.leave_after_speech => StaffEvent::Due,
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.offer.poll_timeout()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        self.offer.handle_timeout(now);
    }

    /// Whether the person's side needs no more attention.
    pub fn is_over(&self) -> bool {
        self.over && !self.leave_after_speech
    }

    /// Takes in what happened; true when the person's side is finished.
    pub async fn take(&mut self, event: StaffEvent, call: &mut Call) -> bool {
        let now = call.desk.clock.now();
        match event {
            StaffEvent::Dialog(event) => self.dialog_event(now, event, call),
            StaffEvent::Leg(Some(LegEvent::Key(key))) => self.offer.handle(now, OfferInput::Key(key.0)),
            StaffEvent::Leg(Some(LegEvent::PlayEnded { utterance, complete, .. })) => {
                self.speech_ended(now, utterance, complete).await;
            }
            StaffEvent::Leg(Some(_)) | StaffEvent::Heard | StaffEvent::Due => {}
            StaffEvent::Leg(None) => self.gone(now, OfferInput::HungUp, call),
            StaffEvent::Mouth(Some(_)) => {
                self.offer.handle(now, OfferInput::SpeechEnded);
                self.leave_if_due().await;
            }
            StaffEvent::Mouth(None) => {}
        }
        self.carry_out(call).await;
        self.is_over()
    }

    /// The caller left, or chose to go on with the agent: ringing stops, a joined person's leg ends.
    pub async fn caller_gone(&mut self, call: &mut Call) {
        let joined = self.offer.is_joined();
        self.offer.handle(call.desk.clock.now(), OfferInput::CallerGone);
        if joined {
            self.end().await;
        }
        self.carry_out(call).await;
    }

    /// Ends the person's leg at once.
    pub async fn end(&mut self) {
        self.over = true;
        self.leave_after_speech = false;
        if let Err(error) = self.dialog.hang_up().await {
            debug!(%error, "Hanging up the person's leg");
        }
    }

    fn dialog_event(&mut self, now: Instant, event: Option<DialogEvent>, call: &mut Call) {
        match event {
            Some(DialogEvent::Confirmed) => {
                self.ring_ended(now);
                self.offer.handle(now, OfferInput::Answered);
            }
            Some(DialogEvent::Refused(status)) => {
                self.ring_ended(now);
                self.offer.handle(now, OfferInput::Refused(status));
                self.over = true;
            }
            Some(DialogEvent::Ended(_)) | None => self.gone(now, OfferInput::HungUp, call),
            Some(
                DialogEvent::Ringing
                | DialogEvent::Held
                | DialogEvent::Resumed
                | DialogEvent::ReferProgress(_)
                | DialogEvent::TransferAsked(_),
            ) => {}
        }
    }

    fn gone(&mut self, now: Instant, input: OfferInput, call: &mut Call) {
        let joined = self.offer.is_joined();
        self.offer.handle(now, input);
        self.over = true;
        self.leave_after_speech = false;
        if joined {
            let _ = call.control.send(LegCommand::Unbridge);
            call.flow.handle(now, Input::TransferEnded(AttemptOutcome::HumanHungUp));
        }
    }

    fn ring_ended(&mut self, now: Instant) {
        let rang = now.duration_since(self.began).as_millis();
        self.attempt.ring_ms.get_or_insert(i64::try_from(rang).unwrap_or(i64::MAX));
    }

    async fn speech_ended(&mut self, now: Instant, utterance: UtteranceId, complete: bool) {
        if self.mouth.play_ended(utterance, complete).is_some() {
            self.offer.handle(now, OfferInput::SpeechEnded);
            self.leave_if_due().await;
        }
    }

    async fn leave_if_due(&mut self) {
        if self.leave_after_speech {
            self.end().await;
        }
    }

    async fn carry_out(&mut self, call: &mut Call) {
        while let Some(effect) = self.offer.poll_effect() {
            match effect {
                OfferEffect::Say(words) => {
                    self.said.push(words.join(" "));
                    self.mouth.stop();
                    self.mouth.say(&words, false);
                }
                OfferEffect::Hush => {
                    self.mouth.stop();
                }
                OfferEffect::Join => self.join(call),
                OfferEffect::HangUp { after_speech: true } => {
                    self.leave_after_speech = true;
                    self.over = true;
                }
                OfferEffect::HangUp { after_speech: false } => self.end().await,
                OfferEffect::Ended(outcome) => self.ended(outcome, call),
            }
        }
    }

    fn join(&mut self, call: &mut Call) {
        call.words_cut();
        if call.control.send(LegCommand::Bridge(self.leg)).is_err() {
            warn!("The legs could not be joined");
            return self.offer.handle(call.desk.clock.now(), OfferInput::Failed);
        }
        info!(attempt.id = %self.attempt.id, "A person took the call");
    }

    fn ended(&mut self, outcome: AttemptOutcome, call: &mut Call) {
        let now = call.desk.clock.now();
        self.ring_ended(now);
        self.attempt.outcome = Some(outcome);
        self.attempt.said = Some(self.said.join(" ")).filter(|said| !said.is_empty());
        call.journal.keep(Entry::Attempt(Box::new(self.attempt.clone())));
        let input = if outcome == AttemptOutcome::Accepted { Input::Joined } else { Input::TransferEnded(outcome) };
        call.flow.handle(now, input);
    }
}

impl Drop for Staff {
    fn drop(&mut self) {
        // The leg closes with its last control; nothing of it plays on.
        let _ = self.control.send(LegCommand::Unbridge);
    }
}
