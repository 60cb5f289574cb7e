//! Takes every call that comes in and gives it a driver of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use media::Clip;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::domain::agent::Agent;
use crate::domain::ids::InboxId;
use crate::seams::bus::Bus;
use crate::seams::clock::{Clock, Ids};
use crate::seams::signaling::{Destination, IncomingCall, Signaling};
use crate::seams::store::Store;
use crate::seams::stt::Stt;
use crate::seams::tts::Tts;
use crate::seams::turn_end::TurnEnd;
use crate::support::desk::Desk;

use super::call;
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
    pub agent: ArcSwap<Agent>,
    /// The inbox of the agent's telephone numbers.
    pub inbox: InboxId,
    /// What else is configured.
    pub settings: CallSettings,
}

/// What is configured about calls.
#[derive(Clone)]
pub struct CallSettings {
    /// Where recordings are written.
    pub recordings_dir: PathBuf,
    /// The one destination that is rung.
    pub escalate_to: Option<Destination>,
    /// How the destination is shown and stored.
    pub escalate_to_shown: String,
    /// How long it may ring.
    pub ring_timeout: Duration,
    /// Whether the summary is spoken to the person.
    pub spoken_summary: bool,
    /// By which numbers without a country code are read.
    pub home_country: Option<String>,
    /// When a pause is the end of a turn.
    pub end_of_turn: EndOfTurnSettings,
    /// What a waiting caller hears between words.
    pub hold_tone: Clip,
    /// A call longer than this is ended kindly.
    pub longest_call: Duration,
}

impl FrontDesk {
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
