//! Our registrations with trunks (RFC 3261 §10.2): kept up, tried again with growing pauses when refused, and
//! taken back when we stop. Also the addresses that trunks' names stand for.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::gauge;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Response, Uri, typed};
use rsipstack::transaction::random_text;

use super::client::{self, Challenge};
use super::core::{Core, Flow};
use super::dialog::{Dialog, DialogParties};
use super::peers::Peer;
use crate::config::sip::TrunkConfig;
use crate::seams::signaling::SignalingError;

/// Begins what each trunk needs.
pub(super) fn start(core: &Arc<Core>) {
    for peer in core.peers.trunks() {
        let Some(trunk) = peer.trunk.clone() else { continue };
        if let Some(address) = literal(&trunk.host) {
            peer.resolved.store(Arc::new(vec![address]));
        } else if trunk.sources.is_empty() {
            tokio::spawn(keep_resolved(core.clone(), peer.clone(), trunk.clone()));
        }
        if trunk.register {
            tokio::spawn(keep_registered(core.clone(), peer.clone(), trunk));
        }
    }
}

fn literal(host: &str) -> Option<IpAddr> {
    host.parse().ok().or_else(|| host.parse::<std::net::SocketAddr>().ok().map(|address| address.ip()))
}

async fn keep_resolved(core: Arc<Core>, peer: Arc<Peer>, trunk: TrunkConfig) {
    loop {
        let mut pause = RESOLVE_AGAIN;
        let found = match Uri::try_from(format!("sip:{}{}", trunk.host, trunk.transport.uri_parameter()).as_str()) {
            Ok(uri) => core.resolve(&uri).await,
            Err(error) => Err(SignalingError::Stack(error.to_string())),
        };
        match found {
            Ok(addresses) => {
                peer.resolved.store(Arc::new(addresses.iter().map(|hop| hop.address.ip()).collect()));
            }
            // What was known stays in force: a name server that is down must not end the calls of a trunk.
            Err(error) => {
                pause = RESOLVE_RETRY;
                tracing::warn!(sip.trunk = %peer.name, %error, "The addresses of a trunk are not known");
            }
        }
        tokio::select! {
            () = core.stack.cancel.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// How often names are looked up: carriers move seldom, and calls of a moved one are refused until then.
const RESOLVE_AGAIN: Duration = Duration::from_secs(300);
/// Pause after a failed look-up.
const RESOLVE_RETRY: Duration = Duration::from_secs(30);

async fn keep_registered(core: Arc<Core>, peer: Arc<Peer>, trunk: TrunkConfig) {
    let Ok(mut registration) = Registration::new(&core, &peer, &trunk) else {
        tracing::error!(sip.trunk = %peer.name, "A trunk's host cannot be read as an address; see sip.trunks.host");
        return;
    };
    let mut failures = 0_u32;
    loop {
        let pause = match registration.register(&core, trunk.register_expires_seconds).await {
            Ok(granted_seconds) => {
                if failures > 0 || !peer.is_registered.load(Ordering::Acquire) {
                    tracing::info!(sip.trunk = %peer.name, granted_seconds, "Registered with trunk");
                }
                failures = 0;
                set_registered(&peer, true);
                core.times.second * (granted_seconds / 2).max(1)
            }
            Err(error) => {
                failures = failures.saturating_add(1);
                set_registered(&peer, false);
                let pause = back_off(failures, core.random_number(), core.times.second);
                tracing::warn!(sip.trunk = %peer.name, %error, pause_ms = pause.as_millis(), "Not registered with trunk");
                pause
            }
        };
        if registration.wait(&core, pause).await {
            set_registered(&peer, false);
            return;
        }
    }
}

fn set_registered(peer: &Peer, is_registered: bool) {
    peer.is_registered.store(is_registered, Ordering::Release);
    gauge!("switchboard_sip_trunk_registered", "trunk" => peer.name.clone()).set(f64::from(u8::from(is_registered)));
}

/// The pause after this many failures in a row: doubling from 2 seconds to 10 minutes, the last half of it by
/// chance, so that a carrier that comes back is not met by everybody at once (after RFC 5626 §4.5).
fn back_off(failures: u32, chance: u32, second: Duration) -> Duration {
    let longest = (1_u32 << failures.min(10)).min(600);
    let pause = second * longest;
    pause / 2 + pause / 2 * (chance % 1_000) / 1_000
}

/// One trunk's registration.
struct Registration {
    peer: Arc<Peer>,
    registrar: Uri,
    route: Option<Uri>,
    dialog: Option<(Dialog, Flow)>,
    user: String,
    host: String,
    call_id: String,
}

impl Registration {
    fn new(core: &Core, peer: &Arc<Peer>, trunk: &TrunkConfig) -> Result<Registration, rsipstack::sip::Error> {
        let suffix = trunk.transport.uri_parameter();
        let route = trunk.outbound_proxy.as_ref();
        let route = route.map(|proxy| Uri::try_from(format!("sip:{proxy}{suffix};lr").as_str())).transpose()?;
        Ok(Registration {
            peer: peer.clone(),
            registrar: Uri::try_from(format!("sip:{}{suffix}", trunk.host).as_str())?,
            route,
            dialog: None,
            user: trunk.username.clone().unwrap_or_default(),
            host: trunk.host.clone(),
            call_id: format!("{}@switchboard", core.ids.next()),
        })
    }

    /// Registers once. The seconds granted, or why not.
    async fn register(&mut self, core: &Arc<Core>, expires_seconds: u32) -> Result<u32, SignalingError> {
        let mut wanted_seconds = expires_seconds;
        for _ in 0..2 {
            let response = self.send(core, wanted_seconds).await?;
            let status = response.status_code.code();
            match status {
                200..=299 => return Ok(granted(&response, wanted_seconds)),
                423 => {
                    let shortest = response.min_expires_header().and_then(|header| header.value().trim().parse().ok());
                    wanted_seconds = shortest.unwrap_or(wanted_seconds.saturating_mul(2)).min(EXPIRES_MAX_SECONDS);
                }
                _ => {
                    self.dialog = None;
                    let reason = response.status_code.text().to_owned();
                    return Err(SignalingError::Stack(format!("refused with {status} {reason}")));
                }
            }
        }
        Err(SignalingError::Stack("refused with 423 twice".into()))
    }

    async fn send(&mut self, core: &Arc<Core>, expires_seconds: u32) -> Result<Response, SignalingError> {
        let (dialog, flow) = match self.dialog.take().filter(|(_, flow)| flow.is_alive()) {
            Some(kept) => kept,
            None => self.begin(core).await?,
        };
        let mut dialog = dialog;
        let mut request = dialog.request(Method::Register, core.via(&flow, Some(&self.peer)));
        request.headers.push(Header::Expires(expires_seconds.to_string().as_str().into()));
        let mut transaction = core.client(request, &flow)?;
        transaction.send().await.map_err(super::core::stack_error)?;
        let response = client::finish(transaction, Challenge::of(Some(&self.peer)), None).await;
        let response = response.ok_or_else(|| SignalingError::Stack("no answer".into()))?;
        if let Ok(cseq) = response.cseq_header().and_then(|header| header.seq()) {
            dialog.skip_to_cseq(cseq);
        }
        if response.status_code.code() != 408 {
            self.dialog = Some((dialog, flow));
        }
        Ok(response)
    }

    async fn begin(&self, core: &Arc<Core>) -> Result<(Dialog, Flow), SignalingError> {
        let mut last = SignalingError::Stack("the trunk's host has no address".into());
        for hop in core.resolve(self.route.as_ref().unwrap_or(&self.registrar)).await? {
            match core.flow_to(&hop, Some(&self.peer)).await {
                Ok(flow) => {
                    let own = format!("<sip:{}@{}>", self.user, self.host);
                    let contact = core
                        .contact(&flow, Some(&self.peer))
                        .replace("sip:switchboard@", &format!("sip:{}@", self.user));
                    let tag = random_text(16);
                    let parties = DialogParties {
                        call_id: &self.call_id,
                        local_tag: &tag,
                        from: &own,
                        to: &own,
                        contact: &contact,
                    };
                    let route_set = self.route.iter().cloned().collect();
                    let dialog =
                        Dialog::calling(&parties, self.registrar.clone(), route_set, core.random_number() >> 8);
                    return Ok((dialog, flow));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Waits for the next time, keeping the way through NAT open meanwhile. True when we stop.
    async fn wait(&mut self, core: &Arc<Core>, pause: Duration) -> bool {
        let until = tokio::time::Instant::now() + pause;
        loop {
            let step = until.min(tokio::time::Instant::now() + KEEP_OPEN);
            tokio::select! {
                () = core.stack.cancel.cancelled() => return true,
                () = tokio::time::sleep_until(step) => {}
            }
            if step >= until {
                return false;
            }
            if let Some((_, flow)) = &self.dialog {
                core.send_raw(flow, b"\r\n\r\n").await;
            }
        }
    }
}

/// What was granted: the expires of our Contact, else the Expires header, else what we asked for.
fn granted(response: &Response, asked_seconds: u32) -> u32 {
    let by_contact = response
        .contact_headers()
        .iter()
        .filter_map(|header| typed::Contact::parse_header_list(header.value()).ok())
        .flatten()
        .filter_map(|contact| contact.expires())
        .min();
    let by_header = response.expires_header().and_then(|header| header.value().trim().parse().ok());
    by_contact.or(by_header).unwrap_or(asked_seconds).clamp(EXPIRES_MIN_SECONDS, EXPIRES_MAX_SECONDS)
}

/// A registrar that grants less would have us do nothing but register.
const EXPIRES_MIN_SECONDS: u32 = 10;
/// A day: longer would hide for too long that it was forgotten.
const EXPIRES_MAX_SECONDS: u32 = 86_400;
/// NAT forgets a silent UDP flow after 30 seconds or more.
const KEEP_OPEN: Duration = Duration::from_secs(25);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ_by_chance() {
        let second = Duration::from_secs(1);
        for (failures, longest) in [(1, 2), (2, 4), (5, 32), (10, 600), (4_000_000, 600)] {
            let (low, high) = (back_off(failures, 0, second), back_off(failures, 999, second));
            assert_eq!(low, second * longest / 2);
            assert!(high > low && high <= second * longest);
        }
    }

    #[test]
    fn what_is_granted_is_read_and_bounded() {
        let response =
            |headers: &str| Response::try_from(format!("SIP/2.0 200 OK\r\n{headers}\r\n\r\n").as_str()).unwrap();
        assert_eq!(granted(&response("Contact: <sip:a@b>;expires=120\r\nExpires: 600"), 900), 120);
        assert_eq!(granted(&response("Expires: 600"), 900), 600);
        assert_eq!(granted(&response("Subject: x"), 900), 900);
        assert_eq!(granted(&response("Expires: 1"), 900), 10);
        assert_eq!(granted(&response("Expires: 4294967295"), 900), 86_400);
    }
}
