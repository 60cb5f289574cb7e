//! Takes every call that comes in and gives it a driver of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::domain::agent::Agent;
use crate::domain::dialplan::queue::Queues;
use crate::domain::escalation::{EscalationPolicy, Target};
use crate::domain::ids::InboxId;
use crate::domain::ladder::Outlook;
use crate::domain::phone_number::PhoneNumber;
use crate::domain::standing_offers::{Source, StandingOffers};
use crate::seams::bus::Bus;
use crate::seams::clock::{Clock, Ids};
use crate::seams::signaling::{CallInfo, Destination, IncomingCall, Party, Signaling};
use crate::seams::store::Store;
use crate::seams::stt::Stt;
use crate::seams::tts::Tts;
use crate::seams::turn_end::TurnEnd;
use crate::support::desk::Desk;

use super::call;
use super::dialplan::Dialplan;
use super::live_calls::LiveCalls;
use super::tones::Waiting;
use super::turn_taking::EndOfTurnSettings;

/// What all calls share.
pub struct FrontDesk {
    /// Recognition.
    pub stt: Arc<dyn Stt>,
    /// Whether a sentence sounds over, where that is judged.
    pub turn_end: Option<Arc<dyn TurnEnd>>,
    /// Synthesis, with frequent phrases kept ready.
    pub tts: Arc<dyn Tts>,
    /// The support core.
    pub desk: Arc<Desk>,
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Where people watch.
    pub bus: Arc<dyn Bus>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Calls out.
    pub signaling: Arc<dyn Signaling>,
    /// The agent that answers; live calls keep the revision they began with.
    pub agent: Arc<ArcSwap<Agent>>,
    /// Where calls go; live calls keep the plan they began with.
    pub dialplan: ArcSwap<Dialplan>,
    /// The inbox of the agent's telephone numbers.
    pub inbox: InboxId,
    /// Who is being offered a call at present.
    pub offers: Mutex<StandingOffers>,
    /// Who waits in which queue of the dialplan.
    pub queues: Mutex<Queues>,
    /// Callers on the line for whom somebody was rung in vain.
    pub live_cases: call::LiveCases,
    /// Calls that are live, for those who look on.
    pub live: LiveCalls,
    /// Callbacks that teammates asked for, which are under way.
    pub callbacks: TaskTracker,
    /// What else is configured.
    pub settings: CallSettings,
}

/// What is configured about calls.
#[derive(Clone)]
pub struct CallSettings {
    /// Where recordings are written.
    pub recordings_dir: PathBuf,
    /// Our own numbers: calls from them would go round.
    pub own_numbers: Vec<PhoneNumber>,
    /// Names of the ways in by which telephones of our own call.
    pub own_phones: Vec<String>,
    /// What the addresses of telephones that register with us end in (`sip:NAME@realm`).
    pub phone_realm: String,
    /// By which numbers without a country code are read.
    pub home_country: Option<String>,
    /// When a pause is the end of a turn.
    pub end_of_turn: EndOfTurnSettings,
    /// What a waiting caller hears between words.
    pub waiting: Waiting,
    /// A call longer than this is ended kindly.
    pub longest_call: Duration,
}

impl FrontDesk {
    /// Who is being offered a call at present, over all calls. Held for a look-up, never across a wait.
    pub fn offers(&self) -> MutexGuard<'_, StandingOffers> {
        self.offers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a ladder of this policy could do for this caller now (R58).
    pub fn outlook(&self, source: &Source, policy: &EscalationPolicy, callback_after: bool) -> Outlook {
        let reachable = |target: &Target| Destination::of(target).is_some_and(|to| self.signaling.has_way_to(&to));
        self.offers().outlook(self.clock.now(), source, policy, self.clock.epoch(), callback_after, reachable)
    }

    /// Who waits in which queue, over all calls. Held for a look-up, never across a wait.
    pub fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a call is our own coming back: from one of our numbers to itself, or diverted by a telephone that we
    /// ring (R55).
    pub fn is_our_own(&self, info: &CallInfo) -> bool {
        let calls_itself =
            info.from.as_ref().is_some_and(|from| from.number.is_some() && from.number == info.to.number);
        let offers = self.offers();
        let is_rung = |party: &Party| {
            let number = party.number.clone().map(Target::Number);
            number.into_iter().chain([Target::Sip(party.uri.clone())]).any(|target| offers.stands_for(&target))
        };
        calls_itself || info.diverted_by.as_ref().is_some_and(is_rung)
    }

    /// Lets callbacks be placed until `draining` turns true, and those under way end, as long as calls may.
    pub async fn drain_callbacks(self: Arc<Self>, mut draining: watch::Receiver<bool>, drain_timeout: Duration) {
        let _ = draining.wait_for(|draining| *draining).await;
        self.callbacks.close();
        if tokio::time::timeout(drain_timeout, self.callbacks.wait()).await.is_err() {
            warn!("Callbacks were still under way at the end of the drain; they are cut");
        }
    }

    /// Takes calls until `draining` turns true and the last call has ended, or `drain_timeout` has passed after it.
    pub async fn run(
        self: Arc<Self>,
        mut incoming: mpsc::Receiver<IncomingCall>,
        mut draining: watch::Receiver<bool>,
        drain_timeout: Duration,
    ) {
        let mut calls = JoinSet::new();
        loop {
            tokio::select! {
                call = incoming.recv() => match call {
                    Some(call) => {
                        metrics::counter!("switchboard_calls_total").increment(1);
                        let live = metrics::gauge!("switchboard_calls_live");
                        live.increment(1.0);
                        let desk = self.clone();
                        calls.spawn(async move {
                            call::take(desk, call).await;
                            live.decrement(1.0);
                        });
                    }
                    None => break,
                },
                Some(ended) = calls.join_next(), if !calls.is_empty() => {
                    if let Err(error) = ended {
                        warn!(%error, "A call's driver failed; its case is recovered at the next start");
                    }
                }
                _ = draining.wait_for(|draining| *draining) => break,
            }
        }
        if !calls.is_empty() {
            info!(calls.live = calls.len(), "Waiting for the last calls to end");
        }
        let all_ended = async { while calls.join_next().await.is_some() {} };
        if tokio::time::timeout(drain_timeout, all_ended).await.is_err() {
            warn!("Calls were still live at the end of the drain; they are cut");
        }
    }
}
