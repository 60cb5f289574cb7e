//! A person's line: the call to them while it is being made, and their leg, ear and mouth once it is there.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use media::HeardFrame;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::{Instrument, debug, warn};

use crate::domain::ids::LegId;
use crate::seams::media::{Ears, LegCommand, LegControl, LegEvent, MediaLeg};
use crate::seams::signaling::{
    DialOrder, Dialog, DialogEvent, DialogName, EndReason, OutgoingCall, Signaling, SignalingError,
};
use crate::seams::stt::SttEvent;

use super::super::super::ear::Ear;
use super::super::super::front_desk::FrontDesk;
use super::super::super::mouth::{Mouth, MouthEvent};

/// One person's line.
pub enum Line {
    /// Names are looked up and connections made beside the call, which goes on meanwhile.
    Dialling(JoinHandle<Result<OutgoingCall, SignalingError>>),
    Up(Box<Leg>),
    Gone,
}

/// Their leg.
pub struct Leg {
    pub id: LegId,
    pub mouth: Mouth,
    /// From the moment they picked up, where a recogniser could be had.
    pub ear: Option<Ear>,
    dialog: Box<dyn Dialog>,
    events: mpsc::Receiver<DialogEvent>,
    leg_events: mpsc::Receiver<LegEvent>,
    ears: Ears,
    /// The leg closes with its last control.
    control: LegControl,
}

/// What happened on a line.
pub enum LineEvent {
    Dialled(Result<OutgoingCall, SignalingError>),
    Dialog(Option<DialogEvent>),
    Leg(Option<LegEvent>),
    Mouth(Option<MouthEvent>),
    Heard(Box<HeardFrame>),
    Transcript(Option<SttEvent>),
}

impl Line {
    pub fn dial(desk: &FrontDesk, order: DialOrder) -> Line {
        let signaling: std::sync::Arc<dyn Signaling> = desk.signaling.clone();
        let dialling = async move { signaling.dial(order).await };
        Line::Dialling(tokio::spawn(dialling.in_current_span()))
    }

    /// The next thing that happens; for ever when the line is gone. Cancel-safe.
    pub async fn next(&mut self) -> LineEvent {
        match self {
            Line::Dialling(dialling) => {
                let failed = |error: tokio::task::JoinError| Err(SignalingError::Stack(error.to_string()));
                LineEvent::Dialled(dialling.await.unwrap_or_else(failed))
            }
            Line::Up(leg) => leg.next().await,
            Line::Gone => std::future::pending().await,
        }
    }

    /// Their leg, where there is one.
    pub fn leg(&mut self) -> Option<&mut Leg> {
        match self {
            Line::Up(leg) => Some(leg),
            Line::Dialling(_) | Line::Gone => None,
        }
    }

    /// CANCEL or BYE, whichever the state asks for. A call that is still being made is ended once it is there.
    pub async fn hang_up(&mut self, because: Option<EndReason>) {
        match std::mem::replace(self, Line::Gone) {
            Line::Dialling(dialling) => {
                tokio::spawn(async move {
                    if let Ok(Ok(call)) = dialling.await {
                        let _ = end(&*call.dialog, because).await;
                    }
                });
            }
            Line::Up(leg) => {
                if let Err(error) = end(&*leg.dialog, because).await {
                    debug!(%error, "Hanging up a person's leg");
                }
            }
            Line::Gone => {}
        }
    }
}

impl Leg {
    pub fn of(call: OutgoingCall, desk: &FrontDesk) -> Leg {
        Leg {
            id: call.leg.id,
            mouth: Mouth::new(desk.tts.clone(), None, call.leg.control.clone()),
            ear: None,
            dialog: call.dialog,
            events: call.events,
            leg_events: call.leg.events,
            ears: call.leg.ears,
            control: call.leg.control,
        }
    }

    /// Begins to understand what is said; without a recogniser keys alone are understood.
    pub fn listen(&mut self, desk: &FrontDesk) {
        match desk.stt.open() {
            Ok(session) => self.ear = Some(Ear::new(session, &desk.settings.end_of_turn)),
            Err(error) => warn!(%error, "Nobody understands what the person says; keys work"),
        }
    }

    /// Says this in place of what is being said.
    pub fn say(&mut self, now: Instant, words: &[String]) {
        self.mouth.stop();
        self.mouth.say(words, false);
        if let Some(ear) = &mut self.ear {
            // "Yes" and "okay" are answers to whatever is said here.
            ear.agent_speaks(now, &words.join(" "), true);
        }
    }

    /// What the call is known by to the far end.
    pub async fn name(&mut self) -> Option<DialogName> {
        self.dialog.name().await.ok()
    }

    /// Tells the far end how the transfer goes that it asked for.
    pub async fn report_transfer(&mut self, status: u16) {
        if let Err(error) = self.dialog.report_transfer(status).await {
            debug!(%error, "A transfer's outcome could not be told");
        }
    }

    /// Records both sides into this file from now on; false when the leg does not take the order.
    pub fn record(&mut self, file: PathBuf) -> bool {
        self.control.send(LegCommand::Record(file)).is_ok()
    }

    /// Completes the recording; its length in milliseconds.
    pub async fn stop_recording(&mut self) -> Option<u64> {
        self.control.send(LegCommand::StopRecording).ok()?;
        let complete = async {
            while let Some(event) = self.leg_events.recv().await {
                if let LegEvent::Recorded { duration_ms, .. } = event {
                    return Some(duration_ms);
                }
            }
            None
        };
        tokio::time::timeout(RECORDING_ENDS, complete).await.ok().flatten()
    }

    /// Orders to it, for whoever supervises the call.
    pub fn control(&self) -> LegControl {
        self.control.clone()
    }

    /// Joins it with another leg of the same thread, whatever was being played.
    pub fn bridge(&mut self, other: LegId) -> bool {
        self.mouth.stop();
        self.control.send(LegCommand::Bridge(other)).is_ok()
    }

    /// Its parts again, for a call that goes on without it.
    pub fn back(
        self,
        leg: impl FnOnce(LegId, Ears, mpsc::Receiver<LegEvent>, LegControl) -> MediaLeg,
    ) -> (Box<dyn Dialog>, mpsc::Receiver<DialogEvent>, MediaLeg) {
        (self.dialog, self.events, leg(self.id, self.ears, self.leg_events, self.control))
    }

    /// The next thing that happens. Cancel-safe.
    pub async fn next(&mut self) -> LineEvent {
        let transcript = async {
            match &mut self.ear {
                Some(ear) => ear.next_transcript().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = self.events.recv() => LineEvent::Dialog(event),
            event = self.leg_events.recv() => LineEvent::Leg(event),
            event = self.mouth.work() => LineEvent::Mouth(event),
            event = transcript => LineEvent::Transcript(event),
            Some(frame) = self.ears.next() => LineEvent::Heard(Box::new(frame)),
        }
    }
}

async fn end(dialog: &dyn Dialog, because: Option<EndReason>) -> Result<(), SignalingError> {
    match because {
        Some(because) => dialog.hang_up_because(because).await,
        None => dialog.hang_up().await,
    }
}

/// A recording's last frames are on disk within this time.
const RECORDING_ENDS: Duration = Duration::from_secs(3);
