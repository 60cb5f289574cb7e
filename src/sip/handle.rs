//! What the rest of the house holds of a call: orders go in, events come out.

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};

use crate::seams::signaling::{Dialog, DialogEvent, DialogName, EndReason, EndedBy, ReferTo, SignalingError};

/// How an order went.
pub(super) type Outcome = Result<(), SignalingError>;

/// An order to a call, with where its outcome goes.
pub(super) enum Command {
    Ring(oneshot::Sender<Outcome>),
    Answer(oneshot::Sender<Outcome>),
    Reject(u16, String, oneshot::Sender<Outcome>),
    HangUp(Option<EndReason>, oneshot::Sender<Outcome>),
    Refer(ReferTo, oneshot::Sender<Outcome>),
    ReportTransfer(u16, oneshot::Sender<Outcome>),
    Name(oneshot::Sender<Result<DialogName, SignalingError>>),
}

impl Command {
    /// It cannot be done as things stand.
    pub fn refuse(self) {
        match self {
            Command::Ring(reply)
            | Command::Answer(reply)
            | Command::Reject(_, _, reply)
            | Command::HangUp(_, reply)
            | Command::Refer(_, reply)
            | Command::ReportTransfer(_, reply) => {
                let _ = reply.send(Err(SignalingError::WrongState));
            }
            Command::Name(reply) => {
                let _ = reply.send(Err(SignalingError::WrongState));
            }
        }
    }
}

/// The Reason header's value (RFC 3326).
pub(super) fn reason_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::CompletedElsewhere => "SIP;cause=200;text=\"Call completed elsewhere\"",
    }
}

/// Orders to one call. When it is dropped the call is hung up.
pub(super) struct CallHandle(mpsc::Sender<Command>);

impl CallHandle {
    async fn order<T>(
        &self,
        make: impl FnOnce(oneshot::Sender<Result<T, SignalingError>>) -> Command,
    ) -> Result<T, SignalingError> {
        let (reply, outcome) = oneshot::channel();
        self.0.send(make(reply)).await.map_err(|_| SignalingError::WrongState)?;
        outcome.await.unwrap_or(Err(SignalingError::WrongState))
    }

    async fn hang_up_with(&self, reason: Option<EndReason>) -> Outcome {
        match self.order(|reply| Command::HangUp(reason, reply)).await {
            // A call that is over needs no hanging up.
            Err(SignalingError::WrongState) => Ok(()),
            outcome => outcome,
        }
    }
}

#[async_trait]
impl Dialog for CallHandle {
    async fn ring(&self) -> Outcome {
        self.order(Command::Ring).await
    }

    async fn answer(&self) -> Outcome {
        self.order(Command::Answer).await
    }

    async fn reject(&self, status: u16, reason: &str) -> Outcome {
        self.order(|reply| Command::Reject(status, reason.to_owned(), reply)).await
    }

    async fn hang_up(&self) -> Outcome {
        self.hang_up_with(None).await
    }

    async fn hang_up_because(&self, reason: EndReason) -> Outcome {
        self.hang_up_with(Some(reason)).await
    }

    async fn refer(&self, to: ReferTo) -> Outcome {
        self.order(|reply| Command::Refer(to, reply)).await
    }

    async fn name(&self) -> Result<DialogName, SignalingError> {
        self.order(Command::Name).await
    }

    async fn report_transfer(&self, status: u16) -> Outcome {
        self.order(|reply| Command::ReportTransfer(status, reply)).await
    }
}

/// Tells the call's owner what happens; the end always gets through.
pub(super) struct Events {
    sender: mpsc::Sender<DialogEvent>,
    end: Option<mpsc::OwnedPermit<DialogEvent>>,
}

impl Events {
    /// Tells one event. An owner who does not read loses holds and resumes, never the end.
    pub fn tell(&self, event: DialogEvent) {
        let _ = self.sender.try_send(event);
    }

    /// Tells the end, once.
    pub fn end(&mut self, by: EndedBy) {
        if let Some(permit) = self.end.take() {
            permit.send(DialogEvent::Ended(by));
        }
    }

    /// Whether the end was told.
    pub fn has_ended(&self) -> bool {
        self.end.is_none()
    }
}

/// Both ends of a call's orders and events.
pub(super) struct Lines {
    pub handle: Box<CallHandle>,
    pub commands: mpsc::Receiver<Command>,
    pub events: Events,
    pub events_out: mpsc::Receiver<DialogEvent>,
}

/// New lines for one call.
pub(super) fn lines() -> Lines {
    let (command_sender, commands) = mpsc::channel(COMMANDS);
    let (sender, events_out) = mpsc::channel(EVENTS);
    let end = sender.clone().try_reserve_owned().ok();
    Lines { handle: Box::new(CallHandle(command_sender)), commands, events: Events { sender, end }, events_out }
}

/// Orders that may wait: each is awaited by whoever gives it.
const COMMANDS: usize = 4;
/// Events that may wait for their reader; one place is kept for the end.
const EVENTS: usize = 32;
