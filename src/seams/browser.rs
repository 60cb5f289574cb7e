//! Calls from browsers, as the API sees them: an offer comes in, an answer goes out (WHIP, RFC 9725).

use std::net::IpAddr;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::domain::ids::{ConversationId, LegId};
use crate::seams::media::MediaLeg;
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

/// Audio with browsers that signal by another way than HTTP: SIP clients in pages (RFC 7118).
#[async_trait]
pub trait BrowserMedia: Send + Sync {
    /// Answers the offer of a browser at this address. The leg is connected once the browser has found us.
    async fn answer(&self, from: IpAddr, offer: &str) -> Result<BrowserMedium, BrowserCallError>;
}

/// A browser's audio.
pub struct BrowserMedium {
    /// Its leg, configured by what was offered.
    pub leg: MediaLeg,
    /// Our description.
    pub answer: String,
    /// Dropping it ends the audio.
    pub session: Box<dyn BrowserSession>,
    /// Comes once both sides hear each other; what is said before is lost.
    pub connected: oneshot::Receiver<()>,
}

/// The description of a call that goes on.
pub trait BrowserSession: Send + Sync {
    /// Answers a later offer: held, resumed, or after a change of network.
    fn answer_again(&mut self, offer: &str) -> Result<String, BrowserCallError>;
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
