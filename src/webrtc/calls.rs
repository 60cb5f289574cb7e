//! Calls from browsers as the house sees them: the way in from HTTP, and the orders of whoever takes the call.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use async_trait::async_trait;
use media::{Direction, SourceRule, StreamParams};
use metrics::{counter, gauge, histogram};
use rand::distr::{Alphanumeric, SampleString};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::dtls::Identity;
use super::ice::Credentials;
use super::limits::Limits;
use super::meeting::{Meeting, Seating};
use super::port::{Key, Order, Port, Told};
use super::sdp::{self, Fragment, Ice, Offer, Ours};
use super::turn;
use crate::config::browser::BrowserConfig;
use crate::domain::ids::{ConversationId, LegId};
use crate::seams::browser::{BrowserCall, BrowserCallError, BrowserCalls, BrowserPhase, IceServer, Placed, Restarted};
use crate::seams::clock::{Clock, Ids};
use crate::seams::media::{LegCommand, LegSpec, MediaError, MediaLeg, MediaNode, Wire};
use crate::seams::signaling::{CallInfo, Dialog, DialogEvent, EndedBy, IncomingCall, Party, SignalingError};

/// What browser calls are made of.
pub struct BrowserParts {
    /// Ports, limits, servers.
    pub config: BrowserConfig,
    /// Where legs are made.
    pub media: Arc<dyn MediaNode>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
}

/// Why there are no browser calls.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port is taken, or may not be had.
    #[error("browser calls cannot listen on {0}: {1}; choose another browser.listen")]
    Port(SocketAddr, std::io::Error),
    /// No certificate could be made.
    #[error("no certificate for browser calls: {0}")]
    Identity(#[from] rtc_shared::error::Error),
}

/// Takes calls from browsers.
pub struct Browsers {
    parts: BrowserParts,
    pub(super) meeting: Meeting,
    address: SocketAddr,
    incoming: mpsc::Sender<IncomingCall>,
    calls: Arc<Registry>,
    limits: Mutex<Limits>,
    next_key: AtomicU64,
    pub(super) is_draining: AtomicBool,
}

#[derive(Default)]
struct Registry(Mutex<HashMap<Uuid, Arc<Call>>>);

impl Registry {
    fn open(&self) -> MutexGuard<'_, HashMap<Uuid, Arc<Call>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Browsers {
    /// Opens the port. Calls come out of the receiver.
    pub fn start(parts: BrowserParts) -> Result<(Browsers, mpsc::Receiver<IncomingCall>), StartError> {
        let failed = |error| StartError::Port(parts.config.listen, error);
        let port = Port::open(parts.config.listen).map_err(failed)?;
        let address = port.local_addr().map_err(failed)?;
        let (incoming, calls) = mpsc::channel(INCOMING);
        let browsers = Browsers {
            meeting: Meeting::new(Identity::generate()?, port, &parts.config, parts.clock.clone()),
            limits: Mutex::new(Limits::new(parts.config.calls_per_minute)),
            parts,
            address,
            incoming,
            calls: Arc::default(),
            next_key: AtomicU64::new(0),
            is_draining: AtomicBool::new(false),
        };
        Ok((browsers, calls))
    }

    /// The port of all browsers' audio.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Refuses new calls from now on.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Relaxed);
    }

    fn admit(&self, from: IpAddr) -> Result<(), BrowserCallError> {
        let now = self.parts.clock.now();
        if self.is_draining.load(Ordering::Relaxed) {
            return Err(BrowserCallError::NotNow);
        }
        if !self.limits.lock().unwrap_or_else(PoisonError::into_inner).admit(now, from) {
            return Err(BrowserCallError::TooOften);
        }
        if self.calls.open().len() >= self.parts.config.calls_max {
            return Err(BrowserCallError::Busy);
        }
        Ok(())
    }

    /// Where a browser at this address may find us, likeliest first.
    pub(super) fn addresses(&self, from: IpAddr) -> Vec<SocketAddr> {
        let config = &self.parts.config;
        let mut ips = config.advertised.clone();
        let bound = self.address.ip();
        if !bound.is_unspecified() {
            ips.push(bound);
        } else {
            // What faces the caller, or the world: a browser on this machine may use either.
            ips.extend(facing(from));
            ips.extend(facing(ELSEWHERE));
            if from.is_loopback() {
                ips.push(IpAddr::V4(Ipv4Addr::LOCALHOST));
            }
        }
        let mut known: Vec<SocketAddr> = Vec::new();
        for ip in ips {
            let address = SocketAddr::new(ip, self.address.port());
            if (ip.is_ipv4() == bound.is_ipv4() || !config.advertised.is_empty()) && !known.contains(&address) {
                known.push(address);
            }
        }
        known
    }

    /// What a browser's leg is made by.
    pub(super) fn spec(&self, beside: Option<LegId>) -> LegSpec {
        LegSpec { inband_dtmf: false, beside, ..LegSpec::on_loopback(LegId(self.parts.ids.next())) }
    }

    /// A leg without a far end yet, and its place at the thread; with a port of its own, or at the shared one.
    pub(super) async fn leg(
        &self,
        spec: LegSpec,
        socket: Option<Arc<UdpSocket>>,
    ) -> Result<(MediaLeg, Seating, mpsc::Receiver<Told>), MediaError> {
        let (arrivals, consumer) = rtrb::RingBuffer::new(ARRIVALS);
        let shared = || self.meeting.port.socket();
        let wire = Wire { socket: socket.clone().unwrap_or_else(shared), arrivals: consumer };
        let leg = self.parts.media.open_wired(spec, wire).await?;
        let key = self.next_key.fetch_add(1, Ordering::Relaxed);
        let (news, told) = mpsc::channel(NEWS);
        let seating =
            Seating { key, leg: Arc::downgrade(&leg.control.0), arrivals: Mutex::new(arrivals), news, socket };
        Ok((leg, seating, told))
    }

    /// Answers an offer; with the call that it begins.
    async fn answered(
        &self,
        from: IpAddr,
        offer: &str,
        beside: Option<LegId>,
    ) -> Result<(Placed, IncomingCall), BrowserCallError> {
        let offer = Offer::parse(offer).map_err(|error| BrowserCallError::Offer(error.to_string()))?;
        self.admit(from)?;
        let id = Uuid::new_v4();
        let (leg, seating, told) = self.leg(self.spec(beside), None).await.map_err(|error| {
            tracing::warn!(%error, "A browser called and no leg could be made for it");
            BrowserCallError::NotNow
        })?;
        if leg.control.send(LegCommand::Configure(Box::new(params(&offer)))).is_err() {
            return Err(BrowserCallError::NotNow);
        }
        let (key, local) = (seating.key, credentials());
        let peer = self.meeting.browser(local.clone(), &offer)?;
        let (events, events_out) = mpsc::channel(EVENTS);
        let addresses = self.addresses(from);
        let ours = Ours {
            local: &local,
            fingerprint: &self.meeting.identity.fingerprint,
            addresses: &addresses,
            session: rand::random(),
            version: 1,
        };
        let answer = sdp::answer(&offer, &ours);
        let session = Session { local, remote: offer.ice.clone(), number: 1 };
        let etag = session.etag();
        let call = Arc::new(Call {
            id,
            key,
            mid: offer.mid().map(str::to_owned),
            addresses,
            began: self.parts.clock.now(),
            session: Mutex::new(session),
            state: watch::Sender::new(BrowserCall::default()),
            end: Mutex::new(events.clone().try_reserve_owned().ok()),
            events,
            port: self.meeting.port.clone(),
            registry: Arc::downgrade(&self.calls),
        });
        self.calls.open().insert(id, call.clone());
        gauge!("switchboard_browser_calls_live").set(self.calls.open().len() as f64);
        let dialog = Box::new(BrowserDialog(call.clone()));
        self.meeting.order(Order::Admit(seating.with(peer)))?;
        tokio::spawn(listen(call, told));
        let incoming = IncomingCall { info: info(id, from), leg, dialog, events: events_out };
        Ok((Placed { id, answer, etag }, incoming))
    }
}

#[async_trait]
impl BrowserCalls for Browsers {
    fn is_open_to_all(&self) -> bool {
        self.parts.config.open_to_all
    }

    fn ice_servers(&self) -> Vec<IceServer> {
        turn::servers(&self.parts.config, self.parts.clock.epoch())
    }

    async fn place(&self, from: IpAddr, offer: &str) -> Result<Placed, BrowserCallError> {
        let (placed, incoming) = self.answered(from, offer, None).await?;
        // The handle goes with the call, and so ends it.
        self.incoming.try_send(incoming).map_err(|_| BrowserCallError::NotNow)?;
        counter!("switchboard_browser_calls_total").increment(1);
        Ok(placed)
    }

    async fn join(&self, from: IpAddr, offer: &str, beside: LegId) -> Result<(Placed, IncomingCall), BrowserCallError> {
        self.answered(from, offer, Some(beside)).await
    }

    fn patch(&self, id: Uuid, if_match: &str, fragment: &str) -> Result<Option<Restarted>, BrowserCallError> {
        let call = self.calls.open().get(&id).cloned().ok_or(BrowserCallError::Unknown)?;
        let fragment = Fragment::parse(fragment).ok_or(BrowserCallError::Fragment)?;
        call.patch(if_match, fragment)
    }

    fn hang_up(&self, id: Uuid) -> Result<(), BrowserCallError> {
        let call = self.calls.open().get(&id).cloned().ok_or(BrowserCallError::Unknown)?;
        call.end(EndedBy::FarEnd, BrowserPhase::EndedByCaller);
        Ok(())
    }

    fn watch(&self, id: Uuid) -> Option<watch::Receiver<BrowserCall>> {
        self.calls.open().get(&id).map(|call| call.state.subscribe())
    }
}

pub(super) fn params(offer: &Offer) -> StreamParams {
    let direction = match (offer.hears, offer.speaks) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    };
    StreamParams {
        remote: Wire::FAR,
        remote_rtcp: Some(Wire::FAR),
        codec: media::Codec::Opus,
        payload_type: offer.opus,
        accepted: [(offer.opus, media::Codec::Opus)].into_iter().collect(),
        dtmf: offer.dtmf,
        comfort_noise_payload_type: None,
        packet_ms: 20,
        direction,
        source_rule: SourceRule::FromSdp,
    }
}

fn info(id: Uuid, from: IpAddr) -> CallInfo {
    let party = |uri: String| Party { number: None, uri, display_name: None };
    CallInfo {
        // By the address, so that what is counted by caller counts one browser as one.
        from: Some(party(format!("sip:browser@{}", host(from)))),
        is_vouched: false,
        to: party("sip:support@browser".into()),
        trunk: TRUNK.into(),
        sip_call_id: id.to_string(),
        diverted_by: None,
        headers: Vec::new(),
    }
}

fn host(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

pub(super) fn credentials() -> Credentials {
    let letters = |count| Alphanumeric.sample_string(&mut rand::rng(), count);
    Credentials { ufrag: letters(UFRAG_LETTERS), password: letters(PASSWORD_LETTERS) }
}

/// Our address on the way to somebody; nothing is sent for that.
fn facing(somebody: IpAddr) -> Option<IpAddr> {
    let any: IpAddr =
        if somebody.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { std::net::Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((somebody, 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip().to_canonical()).filter(|ip| !ip.is_unspecified())
}

/// Passes on what happens at the port.
async fn listen(call: Arc<Call>, mut told: mpsc::Receiver<Told>) {
    while let Some(told) = told.recv().await {
        match told {
            Told::Connected => {
                histogram!("switchboard_browser_join_seconds").record(call.began.elapsed().as_secs_f64());
                call.go(BrowserPhase::Live);
                let _ = call.events.try_send(DialogEvent::Confirmed);
            }
            Told::Moved => tracing::info!(browser.call = %call.id, "A browser has changed its network"),
            Told::Closed => call.end(EndedBy::FarEnd, BrowserPhase::EndedByCaller),
            Told::Lost => call.end(EndedBy::Failure, BrowserPhase::Lost),
        }
    }
    // The port has stopped, or forgot it: nothing will be heard of it any more.
    call.end(EndedBy::Failure, BrowserPhase::Lost);
}

/// One call.
struct Call {
    id: Uuid,
    key: Key,
    mid: Option<String>,
    addresses: Vec<SocketAddr>,
    began: Instant,
    session: Mutex<Session>,
    state: watch::Sender<BrowserCall>,
    events: mpsc::Sender<DialogEvent>,
    /// A place for the end, which always gets through; gone once it was told.
    end: Mutex<Option<mpsc::OwnedPermit<DialogEvent>>>,
    port: Arc<Port>,
    registry: Weak<Registry>,
}

/// The ICE session of a call.
struct Session {
    local: Credentials,
    remote: Ice,
    number: u32,
}

impl Session {
    fn etag(&self) -> String {
        format!("\"{}-{}\"", self.local.ufrag, self.number)
    }
}

impl Call {
    fn go(&self, phase: BrowserPhase) {
        self.state.send_if_modified(|state| {
            let moves = !state.phase.is_over() && state.phase != phase;
            if moves {
                state.phase = phase;
            }
            moves
        });
    }

    /// Ends it, once: both sides are told at once.
    fn end(&self, by: EndedBy, phase: BrowserPhase) {
        let Some(permit) = self.end.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        permit.send(DialogEvent::Ended(by));
        self.go(phase);
        let _ = self.port.order(Order::Close(self.key));
        if let Some(registry) = self.registry.upgrade() {
            let mut calls = registry.open();
            calls.remove(&self.id);
            gauge!("switchboard_browser_calls_live").set(calls.len() as f64);
        }
    }

    fn has_ended(&self) -> bool {
        self.end.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Candidates need no answer. Other credentials than the known ones are a restart (RFC 8838 §4.1.1, RFC 9725 §4.3.3).
    fn patch(&self, if_match: &str, fragment: Fragment) -> Result<Option<Restarted>, BrowserCallError> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let restart = fragment.ice.filter(|ice| *ice != session.remote);
        let is_current = if_match.split(',').any(|tag| tag.trim() == session.etag());
        match restart {
            None if is_current || if_match.trim() == "*" => Ok(None),
            None => Err(BrowserCallError::Stale),
            Some(_) if !is_current && if_match.trim() != "*" => Err(BrowserCallError::Stale),
            Some(remote) => {
                let local = credentials();
                let order = Order::Restart { key: self.key, local: local.clone(), remote_ufrag: remote.ufrag.clone() };
                if !self.port.order(order) {
                    return Err(BrowserCallError::NotNow);
                }
                *session = Session { local, remote, number: session.number + 1 };
                counter!("switchboard_browser_ice_restarts_total").increment(1);
                let fragment = sdp::restart_fragment(&session.local, self.mid.as_deref(), &self.addresses);
                Ok(Some(Restarted { fragment, etag: session.etag() }))
            }
        }
    }
}

/// The orders of whoever took the call. When it is dropped the call ends.
struct BrowserDialog(Arc<Call>);

#[async_trait]
impl Dialog for BrowserDialog {
    async fn ring(&self) -> Result<(), SignalingError> {
        if self.0.state.borrow().phase == BrowserPhase::Connecting {
            self.0.go(BrowserPhase::Ringing);
        }
        Ok(())
    }

    async fn answer(&self) -> Result<(), SignalingError> {
        let mut state = self.0.state.subscribe();
        let settled = |state: &BrowserCall| state.phase == BrowserPhase::Live || state.phase.is_over();
        match state.wait_for(settled).await {
            Ok(state) if state.phase == BrowserPhase::Live => Ok(()),
            _ => Err(SignalingError::WrongState),
        }
    }

    async fn reject(&self, _status: u16, _reason: &str) -> Result<(), SignalingError> {
        if self.0.has_ended() {
            return Err(SignalingError::WrongState);
        }
        self.0.end(EndedBy::Us, BrowserPhase::Refused);
        Ok(())
    }

    async fn hang_up(&self) -> Result<(), SignalingError> {
        self.0.end(EndedBy::Us, BrowserPhase::EndedByUs);
        Ok(())
    }

    fn filed_under(&self, conversation: ConversationId) {
        self.0.state.send_modify(|state| state.conversation = Some(conversation));
    }
}

impl Drop for BrowserDialog {
    fn drop(&mut self) {
        self.0.end(EndedBy::Us, BrowserPhase::EndedByUs);
    }
}

/// The way in that these calls have for dialplans and lists.
const TRUNK: &str = "browser";
/// Calls that wait for the house to take them.
const INCOMING: usize = 16;
/// Datagrams of one browser that wait for its leg: half a second.
const ARRIVALS: usize = 25;
/// News that wait for the call's task.
const NEWS: usize = 8;
/// Events that wait for the call's owner; one place is kept for the end.
const EVENTS: usize = 8;
/// Somewhere else: a documentation address (RFC 5737), to which nothing is sent.
const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// 48 bits tell calls apart, 142 keep strangers out.
const UFRAG_LETTERS: usize = 8;
const PASSWORD_LETTERS: usize = 24;
