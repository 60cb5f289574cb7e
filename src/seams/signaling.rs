//! Calls as the rest of the house sees them: no SIP, no session descriptions.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::phone_number::PhoneNumber;

use super::media::MediaLeg;

/// A party's address as signalled.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// The telephone number, where the address holds one.
    pub number: Option<PhoneNumber>,
    /// The address as it stood (`sip:…`); never shown where privacy was asked for.
    pub uri: String,
    /// The display name.
    pub display_name: Option<String>,
}

/// Who calls whom, by which way.
#[derive(Clone)]
pub struct CallInfo {
    /// The caller; `None` when withheld (`Privacy: id`, anonymous).
    pub from: Option<Party>,
    /// Who was called.
    pub to: Party,
    /// The trunk or registered phone it came by, by its configured name.
    pub trunk: String,
    /// The SIP Call-ID, for logs.
    pub sip_call_id: String,
    /// Whether another of our numbers or a destination of ours diverted it here (Diversion, History-Info).
    pub diverted_by: Option<Party>,
    /// The request's other headers, name and value as they stood, for dialplans; bounded, and never logged.
    pub headers: Vec<(String, String)>,
}

/// A call that waits to be answered. Its leg is open and configured when the INVITE had an offer.
pub struct IncomingCall {
    /// Who calls whom.
    pub info: CallInfo,
    /// Its audio.
    pub leg: MediaLeg,
    /// Orders.
    pub dialog: Box<dyn Dialog>,
    /// What happens to it.
    pub events: mpsc::Receiver<DialogEvent>,
}

/// Orders to a call.
#[async_trait]
pub trait Dialog: Send + Sync {
    /// 180 Ringing (reliable when the far end supports it, RFC 3262).
    async fn ring(&self) -> Result<(), SignalingError>;
    /// 200 OK. Media may be played from the return of this call on.
    async fn answer(&self) -> Result<(), SignalingError>;
    /// A final refusal: 486, 503 … with a reason phrase.
    async fn reject(&self, status: u16, reason: &str) -> Result<(), SignalingError>;
    /// BYE, CANCEL or a refusal, whichever the state asks for. Doing it twice is harmless.
    async fn hang_up(&self) -> Result<(), SignalingError>;
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DialogEvent {
    /// The far end rings (outgoing calls).
    Ringing,
    /// Both sides agreed: the ACK came (incoming), or the 200 (outgoing).
    Confirmed,
    /// The far end holds us.
    Held,
    /// It goes on.
    Resumed,
    /// An outgoing call was refused with this status.
    Refused(u16),
    /// It is over.
    Ended(EndedBy),
}

/// Who ended a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The far end hung up or cancelled.
    FarEnd,
    /// We did.
    Us,
    /// The ring time ran out.
    RingTimeout,
    /// The session timer ran out, no ACK came, or the transport died.
    Failure,
}

/// A destination from configuration. There is no other way to make an outgoing call.
#[derive(Clone, PartialEq, Eq)]
pub enum Destination {
    /// A telephone number, through the first registered trunk.
    Number(PhoneNumber),
    /// A SIP address.
    Uri(String),
}

/// An outgoing call to be made.
pub struct DialOrder {
    /// Whom to call.
    pub to: Destination,
    /// How long it may ring.
    pub ring_timeout: Duration,
    /// The leg of the caller it will be joined with.
    pub beside: Option<crate::domain::ids::LegId>,
}

/// A call being made.
pub struct OutgoingCall {
    /// Its audio; configured by the answer.
    pub leg: MediaLeg,
    /// Orders.
    pub dialog: Box<dyn Dialog>,
    /// What happens to it.
    pub events: mpsc::Receiver<DialogEvent>,
}

/// Why signalling did not do as ordered.
#[derive(Debug, thiserror::Error)]
pub enum SignalingError {
    /// The call is over or in another state.
    #[error("the call is no longer in a state for that")]
    WrongState,
    /// No trunk can carry it.
    #[error("no trunk is registered that could carry a call to a telephone number; configure one under [[sip.trunks]]")]
    NoTrunk,
    /// The destination cannot be read.
    #[error("destination {0} is not a SIP address")]
    BadDestination(String),
    /// Media could not be made.
    #[error(transparent)]
    Media(#[from] super::media::MediaError),
    /// The network or the stack failed.
    #[error("signalling: {0}")]
    Stack(String),
}

/// Places calls. Incoming ones arrive on the channel given to the adapter when it is made.
#[async_trait]
pub trait Signaling: Send + Sync {
    /// Sends the INVITE and returns at once; what follows comes as events.
    async fn dial(&self, order: DialOrder) -> Result<OutgoingCall, SignalingError>;
}
