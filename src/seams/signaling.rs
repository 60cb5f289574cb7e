//! Calls as the rest of the house sees them: no SIP, no session descriptions.

use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::domain::callback_number::CallbackNumber;
use crate::domain::escalation::Target;
use crate::domain::ids::ConversationId;
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
    /// Whether the trunk stands in for the caller's number (RFC 3325, or as configured); any other is what the caller's
    /// side says, and can be forged.
    pub is_vouched: bool,
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
    /// Hangs up and tells the far end why (`Reason`, RFC 3326), so that a telephone need not show a missed call.
    async fn hang_up_because(&self, _reason: EndReason) -> Result<(), SignalingError> {
        self.hang_up().await
    }
    /// Asks the far end to call somebody else in our place (REFER, RFC 3515). Returns when it was asked; what comes of
    /// it is told by [`DialogEvent::ReferProgress`]. The call goes on until either side hangs up: after a final status
    /// below 300 hang up, after any other go on with the far end.
    async fn refer(&self, _to: ReferTo) -> Result<(), SignalingError> {
        Err(SignalingError::WrongState)
    }
    /// Which conversation the call became, for a far end that is shown it.
    fn filed_under(&self, _conversation: ConversationId) {}
    /// What the far end of this call is known by, for joining it with another by [`ReferTo::Call`].
    async fn name(&self) -> Result<DialogName, SignalingError> {
        Err(SignalingError::WrongState)
    }
    /// Tells the far end how the transfer goes that it asked for by [`DialogEvent::TransferAsked`]: a SIP status, the
    /// last one being 200 or higher.
    async fn report_transfer(&self, _status: u16) -> Result<(), SignalingError> {
        Err(SignalingError::WrongState)
    }
}

/// Why we end a call, told to the far end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// Somebody else has taken it.
    CompletedElsewhere,
}

/// Whom the far end is asked to call in our place.
#[derive(Clone, PartialEq, Eq)]
pub enum ReferTo {
    /// A destination from configuration (blind transfer).
    Destination(Destination),
    /// The far end of another call of ours, which theirs then replaces (attended transfer, RFC 3891).
    Call(DialogName),
}

/// What a call is known by to its far end. Only [`Dialog::name`] makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct DialogName {
    /// The SIP Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Their tag.
    pub remote_tag: String,
    /// Their address.
    pub target: String,
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
    /// How the transfer goes that we asked for by [`Dialog::refer`]; 200 and above end it.
    ReferProgress(u16),
    /// The far end asks us to connect the other side to this destination, which its trunk may ask for. It waits for
    /// [`Dialog::report_transfer`]; without a report it is told after a while that nothing came of it.
    TransferAsked(Destination),
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
    /// A telephone number, through the trunks in their order of priority.
    Number(PhoneNumber),
    /// A SIP address.
    Uri(String),
    /// An emergency number as it is dialled (`112`), through the trunk configured for it and no other (R57).
    Emergency(String),
}

impl Destination {
    /// What a policy or a plan names; `None` for a person or a rota, who are no telephones.
    pub fn of(target: &Target) -> Option<Destination> {
        match target {
            Target::Number(number) => Some(Destination::Number(number.clone())),
            Target::Sip(address) => Some(Destination::Uri(address.clone())),
            Target::Person(_) | Target::Rota(_) => None,
        }
    }
}

impl std::fmt::Debug for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Numbers are personal data: logs learn the kind alone.
        f.write_str(match self {
            Destination::Number(_) => "Number",
            Destination::Uri(_) => "Uri",
            Destination::Emergency(_) => "Emergency",
        })
    }
}

/// The one exception: a customer who is called back.
impl From<CallbackNumber> for Destination {
    fn from(number: CallbackNumber) -> Self {
        Destination::Number(number.number().clone())
    }
}

/// An outgoing call to be made.
pub struct DialOrder {
    /// Whom to call.
    pub to: Destination,
    /// How long it may ring.
    pub ring_timeout: Duration,
    /// The leg of the caller it will be joined with.
    pub beside: Option<crate::domain::ids::LegId>,
    /// The caller it is made for, as signalled; shown only by trunks that permit it (R50). `None` where the caller
    /// withheld the number, or there is none.
    pub on_behalf_of: Option<Party>,
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
    /// No trunk may carry it: the country, the prefix or the day's minutes (S9).
    #[error("{0}")]
    NotAllowed(String),
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

    /// Whether a call there could begin now: the telephone is registered, or a trunk may carry it.
    fn has_way_to(&self, destination: &Destination) -> bool;
}
