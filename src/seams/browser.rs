//! Calls from browsers, as the API sees them: an offer comes in, an answer goes out (WHIP, RFC 9725).

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::domain::ids::{ConversationId, LegId};
use crate::seams::media::{LegSpec, MediaError, MediaLeg};
use crate::seams::signaling::IncomingCall;

/// Takes calls from browsers.
#[async_trait]
pub trait BrowserCalls: Send + Sync {
    /// Whether anybody who reaches the page may call, or only who may use the API.
    fn is_open_to_all(&self) -> bool;
    /// What browsers find their way by.
    fn ice_servers(&self) -> Vec<IceServer>;
    /// Answers an offer that came from this address. The call rings from the return of this on.
    async fn place(&self, from: IpAddr, offer: &str) -> Result<Placed, BrowserCallError>;
    /// Answers the offer of somebody who joins a call that there is already: the leg is made beside that call's, and
    /// whoever joins gets what [`BrowserCalls::place`] would ring at the desk with.
    async fn join(&self, from: IpAddr, offer: &str, beside: LegId) -> Result<(Placed, IncomingCall), BrowserCallError>;
    /// A fragment of a session description: candidates, which need no answer, or new credentials after a change of
    /// network, which are answered with ours. `if_match` is the entity tag that the browser knows, or `*`.
    fn patch(&self, id: Uuid, if_match: &str, fragment: &str) -> Result<Option<Restarted>, BrowserCallError>;
    /// The caller hangs up.
    fn hang_up(&self, id: Uuid) -> Result<(), BrowserCallError>;
    /// How a call goes; the last value says that it is over.
    fn watch(&self, id: Uuid) -> Option<watch::Receiver<BrowserCall>>;
}

/// Audio whose keys are exchanged on its own way (DTLS-SRTP, RFC 5763): with browsers that signal by another way than
/// HTTP, as SIP clients in pages do (RFC 7118), and with telephones.
#[async_trait]
pub trait BrowserMedia: Send + Sync {
    /// Answers the offer of a browser at this address, by a leg on the thread of the leg that it may be joined with. The
    /// leg is connected once the browser has found us.
    async fn answer(&self, from: IpAddr, offer: &str, beside: Option<LegId>)
    -> Result<BrowserMedium, BrowserCallError>;
    /// Makes an offer to a browser at this address; nobody is expected before its answer was taken.
    async fn offer(&self, to: IpAddr, beside: Option<LegId>) -> Result<BrowserMedium, BrowserCallError>;
    /// A leg with a port of its own from the range of `spec`, for a far end that is found by its description.
    async fn open_keyed(&self, spec: LegSpec) -> Result<KeyedMedium, MediaError>;
}

/// A browser's audio.
pub struct BrowserMedium {
    /// Its leg, configured by what was offered once that is known.
    pub leg: MediaLeg,
    /// Our description: an answer, or an offer.
    pub description: String,
    /// Dropping it ends the audio.
    pub session: Box<dyn BrowserSession>,
    /// Comes once both sides hear each other; what is said before is lost.
    pub connected: oneshot::Receiver<()>,
}

/// The description of a call that goes on.
pub trait BrowserSession: Send + Sync {
    /// Answers a later offer: held, resumed, or after a change of network.
    fn answer_again(&mut self, offer: &str) -> Result<String, BrowserCallError>;
    /// Takes the answer to an offer of ours. What does not fit changes nothing.
    fn take_answer(&mut self, answer: &str) -> Result<(), BrowserCallError>;
    /// Whether the browser holds us: it does not want to hear us.
    fn is_held(&self) -> bool;
}

/// Audio with a far end that is found by its description.
pub struct KeyedMedium {
    /// Its leg. Configured with [`Wire::FAR`](crate::seams::media::Wire::FAR) as the far end's address, RTCP on the same
    /// port.
    pub leg: MediaLeg,
    /// SHA-256 of our certificate as descriptions write it.
    pub fingerprint: String,
    /// Dropping it ends the audio.
    pub exchange: Box<dyn KeyExchange>,
    /// Comes once both sides have keys; what is said before is lost.
    pub connected: oneshot::Receiver<()>,
}

/// The exchange of keys with whom descriptions name.
pub trait KeyExchange: Send + Sync {
    /// Begins with this far end. Where it is the same as before nothing changes but its address; with another one keys are
    /// exchanged anew, and those in use stay until then.
    fn meet(&mut self, far: &KeyedFarEnd) -> Result<(), BrowserCallError>;
}

/// Whom an exchange is with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedFarEnd {
    /// SHA-256 of its certificate as descriptions write it, which alone proves it.
    pub fingerprint: String,
    /// Names the association (RFC 8842 §4); another one means another exchange.
    pub tls_id: Option<String>,
    /// Where it says it is.
    pub address: SocketAddr,
    /// Whether it may be found nowhere else. Behind NAT it writes from an address that it does not know itself.
    pub is_only_there: bool,
    /// Whether we call it (`a=setup:passive`), rather than wait to be called.
    pub is_called: bool,
}

/// Reads the value of an `a=fingerprint` line (RFC 8122 §5): the SHA-256 of `sha-256 6E:8C:…`, in capitals.
pub fn fingerprint(value: &str) -> Option<String> {
    let (algorithm, hex) = value.split_once(' ')?;
    let hex = hex.trim();
    let well_formed =
        hex.len() == 95 && hex.split(':').all(|byte| byte.len() == 2 && u8::from_str_radix(byte, 16).is_ok());
    (algorithm.eq_ignore_ascii_case("sha-256") && well_formed).then(|| hex.to_ascii_uppercase())
}

/// A call that was answered.
pub struct Placed {
    /// Its name, which nobody can guess.
    pub id: Uuid,
    /// Our description.
    pub answer: String,
    /// The entity tag of its ICE session.
    pub etag: String,
}

/// The answer to a restart.
pub struct Restarted {
    /// Our fragment.
    pub fragment: String,
    /// The entity tag of the new ICE session.
    pub etag: String,
}

/// How a call goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrowserCall {
    /// Where it stands.
    pub phase: BrowserPhase,
    /// Which conversation it is.
    pub conversation: Option<ConversationId>,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BrowserPhase {
    /// Not taken yet.
    #[default]
    Connecting,
    /// It rings at the desk.
    Ringing,
    /// Both sides hear each other.
    Live,
    /// We ended it.
    EndedByUs,
    /// The caller did.
    EndedByCaller,
    /// It was refused.
    Refused,
    /// Nothing was heard of the browser for too long, or it never came.
    Lost,
}

impl BrowserPhase {
    /// Whether nothing follows.
    pub fn is_over(self) -> bool {
        match self {
            BrowserPhase::Connecting | BrowserPhase::Ringing | BrowserPhase::Live => false,
            BrowserPhase::EndedByUs | BrowserPhase::EndedByCaller | BrowserPhase::Refused | BrowserPhase::Lost => true,
        }
    }
}

/// A STUN or TURN server for browsers (`RTCIceServer` of the WebRTC API).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IceServer {
    /// `stun:…`, `turn:…` or `turns:…`.
    pub urls: Vec<String>,
    /// For TURN, good until the time that stands in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// For TURN.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Why something was not done. The text is for whoever asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrowserCallError {
    /// The browser offers what we cannot take.
    #[error("{0}")]
    Offer(String),
    /// As many calls as are allowed.
    #[error("all lines for browsers are busy; try again in a minute")]
    Busy,
    /// This address calls too often.
    #[error("too many calls from your address; try again in a minute")]
    TooOften,
    /// The house is ending, or has no room.
    #[error("no calls are taken at present; try again in a moment")]
    NotNow,
    /// No such call, or it is over.
    #[error("there is no such call, or it is over")]
    Unknown,
    /// The fragment cannot be read.
    #[error("the body is no fragment of a session description")]
    Fragment,
    /// The entity tag is of an earlier ICE session.
    #[error("the ICE session has changed meanwhile")]
    Stale,
}
