//! Whether our trunks are there: each is asked by OPTIONS from time to time (RFC 3261 §11).
//!
//! Any response but 408 and 503 shows that somebody is there; many carriers refuse OPTIONS, and still carry calls.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::gauge;
use rsipstack::sip::{Header, Method, Uri};
use rsipstack::transaction::random_text;

use super::client::{self, Challenge};
use super::core::Core;
use super::dialog::{Dialog, DialogParties};
use super::peers::Peer;
use crate::config::sip::TrunkConfig;

/// Begins asking every trunk that shall be asked.
pub(super) fn start(core: &Arc<Core>) {
    for peer in core.peers.trunks() {
        let Some(trunk) = peer.trunk.clone().filter(|trunk| trunk.health_seconds > 0) else { continue };
        tokio::spawn(watch(core.clone(), peer.clone(), trunk));
    }
}

async fn watch(core: Arc<Core>, peer: Arc<Peer>, trunk: TrunkConfig) {
    let call_id = format!("{}@switchboard", core.ids.next());
    let mut failures = 0_u32;
    loop {
        let is_there = is_there(&core, &peer, &trunk, &call_id).await;
        failures = if is_there { 0 } else { failures.saturating_add(1) };
        set_answers(&peer, failures < FAILURES);
        // A first failure is looked into soon: one lost message shall not be taken for a dead trunk, nor hide one.
        let pause = if failures == 1 { trunk.health_seconds.min(5) } else { trunk.health_seconds };
        tokio::select! {
            () = core.stack.cancel.cancelled() => return,
            () = tokio::time::sleep(core.times.second * pause) => {}
        }
    }
}

fn set_answers(peer: &Peer, answers: bool) {
    let before = peer.answers.swap(answers, Ordering::AcqRel);
    gauge!("switchboard_sip_trunk_answers", "trunk" => peer.name.clone()).set(f64::from(u8::from(answers)));
    match (before, answers) {
        (true, false) => {
            tracing::warn!(sip.trunk = %peer.name, "A trunk does not answer; others are tried before it");
        }
        (false, true) => tracing::info!(sip.trunk = %peer.name, "A trunk answers again"),
        (true, true) | (false, false) => {}
    }
}

async fn is_there(core: &Arc<Core>, peer: &Arc<Peer>, trunk: &TrunkConfig, call_id: &str) -> bool {
    let suffix = trunk.transport.uri_parameter();
    let Ok(target) = Uri::try_from(format!("sip:{}{suffix}", trunk.host).as_str()) else { return false };
    let proxy = trunk.outbound_proxy.as_ref();
    let route = proxy.and_then(|proxy| Uri::try_from(format!("sip:{proxy}{suffix};lr").as_str()).ok());
    let Ok(addresses) = core.resolve(route.as_ref().unwrap_or(&target)).await else { return false };
    for hop in addresses.into_iter().take(ADDRESSES_MAX) {
        let flow = match core.flow_to(&hop, Some(peer)).await {
            Ok(flow) => flow,
            Err(error) => {
                tracing::debug!(sip.trunk = %peer.name, %error, "No way to a trunk");
                continue;
            }
        };
        let own = format!("<sip:{}>", core.own_host(&flow, Some(peer)));
        let (to, tag, contact) = (format!("<{target}>"), random_text(16), core.contact(&flow, Some(peer)));
        let parties = DialogParties { call_id, local_tag: &tag, from: &own, to: &to, contact: &contact };
        let route_set = route.iter().cloned().collect();
        let mut dialog = Dialog::calling(&parties, target.clone(), route_set, core.random_number() >> 8);
        let mut options = dialog.request(Method::Options, core.via(&flow, Some(peer)));
        options.headers.push(Header::Accept("application/sdp".into()));
        let Ok(mut transaction) = core.client(options, &flow) else { continue };
        if transaction.send().await.is_err() {
            continue;
        }
        let response = client::finish(transaction, Challenge::of(None), None).await;
        if response.is_some_and(|response| !matches!(response.status_code.code(), 408 | 503)) {
            return true;
        }
    }
    false
}

/// Failures in a row after which a trunk counts as dead.
const FAILURES: u32 = 2;
/// Addresses of one trunk that are asked in turn: each silent one takes 32 seconds.
const ADDRESSES_MAX: usize = 4;
