//! One person who is rung: their line and the offer made to them, from the INVITE to the last word.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use tracing::{debug, info, warn};

use crate::domain::call::{Attempt, AttemptOutcome};
use crate::domain::escalation::Target;
use crate::domain::ids::LegId;
use crate::domain::ladder::AttemptNo;
use crate::domain::standing_offers::OfferNo;
use crate::seams::media::LegEvent;
use crate::seams::signaling::{Destination, DialogEvent, DialogName, EndReason, EndedBy, OutgoingCall, SignalingError};

use super::super::super::colleague::{Colleague, Deed, Order};
use super::super::super::ear::EarEvent;
use super::super::super::front_desk::FrontDesk;
use super::super::super::offer::{Offer, OfferInput, Terms};
use super::super::super::phrases;
use super::line::{Leg, Line, LineEvent};

/// A person being rung, told, joined, or said goodbye to.
pub(super) struct Person {
    pub number: AttemptNo,
    pub attempt: Attempt,
    began: Instant,
    colleague: Colleague,
    line: Line,
    /// What was said to them.
    said: Vec<String>,
    /// Who they are and by which telephone, where they were not rung but have called in (R55).
    pub came_in: Option<(Option<String>, Target)>,
    /// While it stands, nobody else's call is offered to them.
    standing: Option<Standing>,
    news: VecDeque<News>,
}

/// What a person has done, as far as the call must know.
pub(super) enum News {
    /// Something that they did.
    Did(Deed),
    /// They said this to the caller.
    Says(String),
    /// Their side asks for a transfer to this destination of configuration, and waits for a report.
    Transfers(Destination),
}

/// An offer that stands in the node's list until this is dropped.
pub(super) struct Standing {
    desk: Arc<FrontDesk>,
    offer: OfferNo,
}

impl Standing {
    pub fn new(desk: &Arc<FrontDesk>, offer: OfferNo) -> Standing {
        Standing { desk: desk.clone(), offer }
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.desk.offers().withdraw(self.offer);
    }
}

impl Person {
    pub fn new(
        number: AttemptNo,
        attempt: Attempt,
        offer: Offer,
        line: Line,
        standing: Standing,
        now: Instant,
    ) -> Person {
        Person {
            number,
            attempt,
            began: now,
            colleague: Colleague::new(offer),
            line,
            said: Vec::new(),
            came_in: None,
            standing: Some(standing),
            news: VecDeque::new(),
        }
    }

    /// A supervisor who takes the call over: nothing is offered to them.
    pub fn taking_over(number: AttemptNo, attempt: Attempt, terms: Terms, line: Line, now: Instant) -> Person {
        let mut colleague = Colleague::new(Offer::taken(terms, now));
        colleague.joins();
        Person {
            number,
            attempt,
            began: now,
            colleague,
            line,
            said: Vec::new(),
            came_in: None,
            standing: None,
            news: VecDeque::new(),
        }
    }

    /// The next thing on their line. Cancel-safe.
    pub async fn next(&mut self) -> (AttemptNo, LineEvent) {
        (self.number, self.line.next().await)
    }

    /// The next thing the call must know.
    pub fn poll_news(&mut self) -> Option<(AttemptNo, News)> {
        Some((self.number, self.news.pop_front()?))
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.colleague.poll_timeout()
    }

    pub async fn handle_timeout(&mut self, now: Instant) {
        self.colleague.handle_timeout(now);
        self.carry_out(now).await;
    }

    pub fn is_gone(&self) -> bool {
        matches!(self.line, Line::Gone) && self.news.is_empty()
    }

    pub fn is_leaving(&self) -> bool {
        self.colleague.is_leaving()
    }

    /// Whether they have called in and are hearing the case.
    pub fn is_told_after_calling_in(&self) -> bool {
        let is_open = self.attempt.outcome.is_none() && !matches!(self.line, Line::Gone);
        self.came_in.is_some() && is_open
    }

    pub fn case_is(&mut self, summary: &str) {
        self.colleague.case_is(summary);
    }

    /// Their leg, to be bridged.
    pub fn leg(&mut self) -> Option<LegId> {
        self.line.leg().map(|leg| leg.id)
    }

    /// What their call is known by to their side.
    pub async fn dialog_name(&mut self) -> Option<DialogName> {
        self.line.leg()?.name().await
    }

    /// Tells their side how the transfer goes that it asked for.
    pub async fn report_transfer(&mut self, status: u16) {
        if let Some(leg) = self.line.leg() {
            leg.report_transfer(status).await;
        }
    }

    /// They and the caller hear each other from now on.
    pub fn joins(&mut self) {
        self.colleague.joins();
    }

    /// What they say is understood from now on, if it is not yet.
    pub fn listens(&mut self, desk: &FrontDesk) {
        if let Some(leg) = self.line.leg().filter(|leg| leg.ear.is_none()) {
            leg.listen(desk);
        }
    }

    /// Whether they and the caller speak with each other.
    pub fn is_joined(&self) -> bool {
        self.colleague.is_joined()
    }

    /// Another has taken the call over: they are told so, and their leg ends.
    pub fn is_relieved(&mut self, now: Instant) {
        self.colleague.is_relieved();
        self.leave_with(now, phrases::STAFF_TAKEN_OVER);
    }

    /// They have called in and pressed 1: they hear the case at once.
    pub async fn takes_up(&mut self, now: Instant) {
        self.colleague.takes_up(now);
        self.carry_out(now).await;
    }

    /// They have called in, and somebody else has the call meanwhile: they are told so, and that is all.
    pub async fn is_too_late(&mut self, now: Instant) {
        self.colleague.is_too_late(now);
        self.carry_out(now).await;
    }

    /// They hear this clip, until something else is said or they are joined.
    pub fn plays(&mut self, clip: media::Clip) {
        if let Some(leg) = self.line.leg() {
            leg.mouth.play_tone(clip);
        }
    }

    /// They and another leg hear each other.
    pub fn bridge(&mut self, other: LegId) -> bool {
        self.line.leg().is_some_and(|leg| leg.bridge(other))
    }

    /// They hear this, after what they must still be told.
    pub fn says(&mut self, now: Instant, words: &str) {
        let words: Vec<String> = self.colleague.take_owed().into_iter().chain([words]).map(str::to_owned).collect();
        self.said.push(words.join(" "));
        if let Some(leg) = self.line.leg() {
            leg.say(now, &words);
        }
    }

    /// The last sentence before their leg ends.
    pub fn leave_with(&mut self, now: Instant, words: &str) {
        self.colleague.leaves(now);
        self.says(now, words);
    }

    /// Takes in what happened on the line.
    pub async fn take(&mut self, event: LineEvent, desk: &FrontDesk) {
        let now = desk.clock.now();
        self.note_what_was_heard(now);
        match event {
            LineEvent::Dialled(dialled) => self.dialled(now, dialled, desk),
            LineEvent::Dialog(event) => self.dialog_event(now, event, desk),
            LineEvent::Leg(event) => self.leg_event(now, event).await,
            LineEvent::Mouth(Some(_)) => self.speech_ended(now),
            LineEvent::Mouth(None) => {}
            LineEvent::Transcript(Some(event)) => {
                if let Some(ear) = self.line.leg().and_then(|leg| leg.ear.as_mut()) {
                    ear.take(now, event);
                }
            }
            LineEvent::Transcript(None) => self.deafen("the recogniser closed"),
            LineEvent::Heard(frame) => self.heard(now, &frame),
        }
        self.listen(now);
        self.carry_out(now).await;
    }

    fn note_what_was_heard(&mut self, now: Instant) {
        let awaits = self.colleague.awaits_first_sentence();
        if awaits && self.line.leg().is_some_and(|leg| leg.mouth.has_heard(0)) {
            self.colleague.handle(now, OfferInput::FirstSentenceHeard);
        }
    }

    /// The caller, or another person, decided for them.
    pub async fn let_go(&mut self, now: Instant, input: OfferInput) {
        self.colleague.handle(now, input);
        self.carry_out(now).await;
    }

    /// Ends their leg at once.
    pub async fn hang_up(&mut self, elsewhere: bool) {
        let because = elsewhere.then_some(EndReason::CompletedElsewhere);
        self.line.hang_up(because).await;
    }

    fn dialled(&mut self, now: Instant, dialled: Result<OutgoingCall, SignalingError>, desk: &FrontDesk) {
        match dialled {
            Ok(call) => self.line = Line::Up(Box::new(Leg::of(call, desk))),
            Err(error) => {
                warn!(attempt.id = %self.attempt.id, %error, "A destination could not be dialled");
                self.line = Line::Gone;
                self.colleague.handle(now, OfferInput::Failed);
            }
        }
    }

    fn dialog_event(&mut self, now: Instant, event: Option<DialogEvent>, desk: &FrontDesk) {
        match event {
            Some(DialogEvent::Confirmed) => {
                self.ring_ended(now);
                if let Some(leg) = self.line.leg() {
                    leg.listen(desk);
                }
                self.colleague.handle(now, OfferInput::Answered);
            }
            Some(DialogEvent::Refused(status)) => {
                debug!(attempt.id = %self.attempt.id, sip.status = status, "A person's phone refused");
                self.ring_ended(now);
                self.colleague.handle(now, OfferInput::Refused(status));
                self.line = Line::Gone;
            }
            Some(DialogEvent::Ended(EndedBy::RingTimeout)) => {
                self.line = Line::Gone;
                self.colleague.handle(now, OfferInput::Refused(REQUEST_TIMEOUT));
            }
            Some(DialogEvent::Ended(by)) => self.gone(now, by == EndedBy::FarEnd),
            None => self.gone(now, false),
            Some(DialogEvent::Held) => self.colleague.holds(true),
            Some(DialogEvent::Resumed) => self.colleague.holds(false),
            Some(DialogEvent::TransferAsked(to)) => self.news.push_back(News::Transfers(to)),
            // It is the caller's side that is asked to transfer.
            Some(DialogEvent::Ringing | DialogEvent::ReferProgress(_)) => {}
        }
    }

    async fn leg_event(&mut self, now: Instant, event: Option<LegEvent>) {
        match event {
            Some(LegEvent::Key(key)) => self.colleague.key(now, key.0),
            Some(LegEvent::PlayEnded { utterance, complete, .. }) => {
                let ended = self.line.leg().and_then(|leg| leg.mouth.play_ended(utterance, complete));
                if ended.is_some() {
                    self.speech_ended(now);
                }
            }
            // A leg that died says no BYE (R54). Somebody who holds the caller may send nothing.
            Some(LegEvent::RtpTimedOut) if self.colleague.is_joined() && !self.colleague.is_holding() => {
                info!(attempt.id = %self.attempt.id, "No audio arrives from the person any more");
                self.hang_up(false).await;
                self.gone(now, false);
            }
            Some(_) => {}
            None => self.gone(now, false),
        }
    }

    fn gone(&mut self, now: Instant, hung_up: bool) {
        self.line = Line::Gone;
        self.colleague.gone(now, hung_up);
    }

    fn speech_ended(&mut self, now: Instant) {
        if let Some(ear) = self.line.leg().and_then(|leg| leg.ear.as_mut()) {
            ear.agent_finished(now);
        }
        self.colleague.speech_ended(now);
    }

    fn heard(&mut self, now: Instant, frame: &media::HeardFrame) {
        // The music of a person who holds the caller is nothing to understand (R54).
        if self.colleague.is_holding() {
            return;
        }
        let ear = self.line.leg().and_then(|leg| leg.ear.as_mut());
        let speech = ear.is_some_and(|ear| ear.frame(now, frame));
        self.colleague.frame(now, &frame.frame, speech);
    }

    /// What their ear has to tell.
    fn listen(&mut self, now: Instant) {
        while let Some(event) = self.line.leg().and_then(|leg| leg.ear.as_mut()?.poll()) {
            match event {
                EarEvent::Partial(text) => self.colleague.partial(now, &text),
                EarEvent::TurnEnded(turn) if self.colleague.is_joined() => {
                    if !turn.text.trim().is_empty() {
                        self.news.push_back(News::Says(turn.text.trim().to_owned()));
                    }
                }
                EarEvent::TurnEnded(turn) => self.colleague.words(now, &turn.text),
                EarEvent::Lost(error) => self.deafen(&error.to_string()),
                // What we say to staff is short and goes on; nothing is prepared for them.
                EarEvent::SpeechStarted { .. }
                | EarEvent::HoldSpeech
                | EarEvent::ResumeSpeech
                | EarEvent::StopSpeech
                | EarEvent::PrepareReply(_)
                | EarEvent::DropPrepared
                | EarEvent::NothingSaid => {}
            }
        }
    }

    fn deafen(&mut self, reason: &str) {
        warn!(reason, "Speech recognition was lost on a person's leg; keys work");
        if let Some(leg) = self.line.leg() {
            leg.ear = None;
        }
    }

    async fn carry_out(&mut self, now: Instant) {
        while let Some(order) = self.colleague.poll_order() {
            match order {
                Order::Say(words) => {
                    self.said.push(words.join(" "));
                    if let Some(leg) = self.line.leg() {
                        leg.say(now, &words);
                    }
                }
                Order::Hush => {
                    if let Some(leg) = self.line.leg() {
                        leg.mouth.stop();
                        leg.ear.iter_mut().for_each(|ear| ear.agent_finished(now));
                    }
                }
                Order::HangUp { elsewhere } => self.hang_up(elsewhere).await,
                Order::Did(deed) => {
                    if let Deed::Ended(outcome) = deed {
                        self.ended(now, outcome);
                    }
                    self.news.push_back(News::Did(deed));
                }
            }
        }
    }

    fn ended(&mut self, now: Instant, outcome: AttemptOutcome) {
        self.ring_ended(now);
        info!(attempt.id = %self.attempt.id, attempt.outcome = ?outcome, "A person was tried");
        metrics::counter!("switchboard_attempts_total", "outcome" => format!("{outcome:?}")).increment(1);
        self.attempt.outcome = Some(outcome);
        self.attempt.said = Some(self.said.join(" ")).filter(|said| !said.is_empty());
        if outcome != AttemptOutcome::Accepted {
            self.standing = None;
        }
    }

    fn ring_ended(&mut self, now: Instant) {
        let rang = now.saturating_duration_since(self.began).as_millis();
        self.attempt.ring_ms.get_or_insert(i64::try_from(rang).unwrap_or(i64::MAX));
    }
}

/// RFC 3261 §21.4.9: nobody answered in time.
const REQUEST_TIMEOUT: u16 = 408;
