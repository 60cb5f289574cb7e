//! Calls that are live on this node, as those see them who look on, and the orders that the team gives them (R9).
//!
//! A call lists itself once it is answered and takes itself out when it is over. What is shown of it is replaced whole
//! whenever it changes. An order is handed to the call's own task, which answers whether it was done.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use crate::domain::escalation::Target;
use crate::domain::ids::{CallId, ConversationId, InboxId, LegId};
use crate::domain::supervision::SupervisionMode;
use crate::domain::time::EpochMs;
use crate::seams::signaling::IncomingCall;

use super::flow::Stands;
use super::front_desk::FrontDesk;

/// A live call as the API shows it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LiveCall {
    /// Which.
    pub id: CallId,
    /// The conversation it is.
    pub conversation: ConversationId,
    /// Whose calls it is among.
    pub inbox: InboxId,
    /// The trunk it came by.
    pub trunk: String,
    /// When it came, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub started_at_ms: EpochMs,
    /// How it stands.
    pub stands: Stands,
    /// Since when, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub since_ms: EpochMs,
    /// Whether the agent is saying something.
    pub agent_speaks: bool,
    /// Who is on it, the customer first.
    pub parties: Vec<LiveParty>,
    /// Who looks on.
    pub supervisors: Vec<LiveSupervisor>,
}

/// Somebody on a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LiveParty {
    /// What they are to it.
    pub role: PartyRole,
    /// Their telephone or address; `null` where it is withheld.
    pub who: Option<String>,
}

/// What somebody is to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// The customer: who called, or is called back.
    Caller,
    /// Is rung or told of it.
    Rung,
    /// Speaks with the customer.
    Colleague,
}

/// A supervisor on a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct LiveSupervisor {
    /// Who.
    pub by: String,
    /// `browser`, or the telephone.
    pub via: String,
    /// How far they take part.
    pub mode: SupervisionMode,
    /// Whether they hear it; before that their telephone rings.
    pub is_here: bool,
    /// Since when, in milliseconds since 1970.
    #[schema(value_type = i64)]
    pub since_ms: EpochMs,
}

/// By which way a supervisor comes.
pub enum Way {
    /// Their browser, which was answered and connects.
    Browser(Box<IncomingCall>),
    /// A telephone that configuration names.
    Telephone(Telephone),
}

/// A telephone that configuration names; there is no other way to name one (R5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telephone {
    /// One that registers with us, by its name.
    Registered(String),
    /// The first of a person of the policy that can be rung.
    Person(String),
}

/// What the team orders of a call.
pub enum Order {
    /// Join it.
    Join {
        /// By which way.
        way: Way,
        /// How far.
        mode: SupervisionMode,
    },
    /// Take part differently.
    Change(SupervisionMode),
    /// Leave it.
    Leave,
    /// Take it over; by this way for whoever does not supervise it already.
    TakeOver(Option<Way>),
    /// Give it back to the agent.
    HandBack,
    /// Have the caller connected with these, or by the policy's ladder.
    Transfer(Option<Target>),
    /// End it.
    End,
}

/// Why an order was not carried out. The text is for whoever gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// There is no such live call.
    #[error("there is no such live call, or it has ended; read the list again")]
    Unknown,
    /// It ended meanwhile.
    #[error("the call has ended; its conversation holds what became of it")]
    Ended,
    /// Somebody supervises it already.
    #[error("somebody supervises this call already; change their mode, or wait until they leave")]
    Occupied,
    /// Nobody does.
    #[error("nobody supervises this call; join it first")]
    Nobody,
    /// There is nobody to whisper to.
    #[error("no colleague is on this call to whisper to; listen, or whisper to the customer")]
    NoColleague,
    /// A way is wanted.
    #[error("nobody supervises this call; say by which way it is taken over, with via")]
    NoWay,
    /// Configuration names no such telephone.
    #[error("no telephone of that name registers here, and the escalation policy has no such person; name one of them")]
    NoSuchTelephone,
    /// The telephone cannot be reached now.
    #[error("that telephone cannot be rung now; it is not registered, or no trunk may call it")]
    NotReachable,
    /// Nobody has taken it over.
    #[error("no person has this call; there is nothing to hand back")]
    NotTaken,
    /// It is with somebody who could not be passed on from.
    #[error("the call cannot be transferred as it stands; wait until nobody is being rung")]
    NotNow,
    /// Nobody could be rung.
    #[error("nobody can be rung now by that; choose another person, or take the call over")]
    NobodyFree,
}

/// The way to a live call.
pub struct Asked {
    /// What.
    pub order: Order,
    /// Who, by name.
    pub by: String,
    /// Where the outcome goes.
    pub done: oneshot::Sender<Result<LiveCall, NotDone>>,
}

/// Live calls and their orders, as the API sees them.
#[async_trait]
pub trait Supervised: Send + Sync {
    /// All of them, oldest first.
    fn list(&self) -> Vec<LiveCall>;
    /// One of them, and the leg beside which a supervisor's must be.
    fn one(&self, id: CallId) -> Result<(LiveCall, LegId), NotDone>;
    /// Whose calls one is among, also right after it ended.
    fn inbox(&self, id: CallId) -> Option<InboxId>;
    /// Hands an order to a call; how it stands afterwards.
    async fn order(&self, id: CallId, by: String, order: Order) -> Result<LiveCall, NotDone>;
}

/// All live calls of this node.
#[derive(Default)]
pub struct LiveCalls(Mutex<Known>);

#[derive(Default)]
struct Known {
    live: HashMap<CallId, Entry>,
    /// Those that have ended lately, oldest first, so that whoever comes too late is told so.
    ended: VecDeque<(CallId, InboxId)>,
}

struct Entry {
    shown: LiveCall,
    leg: LegId,
    orders: mpsc::Sender<Asked>,
}

/// A call's own place in the list; dropping it takes it out.
pub struct Listed {
    desk: Arc<FrontDesk>,
    id: CallId,
}

impl Known {
    /// Why a call is not live.
    fn missing(&self, id: CallId) -> NotDone {
        if self.ended.iter().any(|(ended, _)| *ended == id) { NotDone::Ended } else { NotDone::Unknown }
    }
}

impl LiveCalls {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// Lists a call; its orders come out of the receiver.
    pub fn new(desk: &Arc<FrontDesk>, shown: LiveCall, leg: LegId) -> (Listed, mpsc::Receiver<Asked>) {
        let (orders, receiver) = mpsc::channel(ORDERS_MAX);
        let id = shown.id;
        desk.live.lock().live.insert(id, Entry { shown, leg, orders });
        (Listed { desk: desk.clone(), id }, receiver)
    }

    /// It looks like this from now on.
    pub fn show(&self, shown: LiveCall) {
        if let Some(entry) = self.desk.live.lock().live.get_mut(&self.id) {
            entry.shown = shown;
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut known = self.desk.live.lock();
        if let Some(Entry { shown, .. }) = known.live.remove(&self.id) {
            if known.ended.len() >= ENDED_KEPT {
                known.ended.pop_front();
            }
            known.ended.push_back((self.id, shown.inbox));
        }
    }
}

/// The front desk, once there is one.
#[async_trait]
impl Supervised for OnceLock<Arc<FrontDesk>> {
    fn list(&self) -> Vec<LiveCall> {
        let Some(desk) = self.get() else { return Vec::new() };
        let mut calls: Vec<LiveCall> = desk.live.lock().live.values().map(|entry| entry.shown.clone()).collect();
        calls.sort_by_key(|call| (call.started_at_ms, call.id));
        calls
    }

    fn one(&self, id: CallId) -> Result<(LiveCall, LegId), NotDone> {
        let known = self.get().ok_or(NotDone::Unknown)?.live.lock();
        known.live.get(&id).map(|entry| (entry.shown.clone(), entry.leg)).ok_or_else(|| known.missing(id))
    }

    fn inbox(&self, id: CallId) -> Option<InboxId> {
        let known = self.get()?.live.lock();
        let ended = || known.ended.iter().find(|(ended, _)| *ended == id).map(|(_, inbox)| *inbox);
        known.live.get(&id).map(|entry| entry.shown.inbox).or_else(ended)
    }

    async fn order(&self, id: CallId, by: String, order: Order) -> Result<LiveCall, NotDone> {
        let orders = {
            let known = self.get().ok_or(NotDone::Unknown)?.live.lock();
            known.live.get(&id).map(|entry| entry.orders.clone()).ok_or_else(|| known.missing(id))?
        };
        let (done, outcome) = oneshot::channel();
        let asked = Asked { order, by, done };
        // A call takes its orders within a moment, or it is over.
        orders.send(asked).await.map_err(|_| NotDone::Ended)?;
        outcome.await.unwrap_or(Err(NotDone::Ended))
    }
}

/// Orders that wait for a call; more come in only while it is busy for a moment.
const ORDERS_MAX: usize = 8;
/// Ended calls that are told from such as never were: those of the last minutes.
const ENDED_KEPT: usize = 256;
