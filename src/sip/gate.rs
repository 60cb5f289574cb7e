//! The gate: every message passes here before the stack sees it. Strangers, floods, loops and nonsense are
//! answered from their own bytes or dropped, and leave nothing behind.
//!
//! 1. Size and form; a message that cannot be read is refused by its raw headers.
//! 2. Responses, ACK, CANCEL and retransmissions belong to transactions that exist: on to the stack.
//! 3. Requests within a dialog go to the call they name, or get 481.
//! 4. Requests outside of one: who asks, how often, and for what.

use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use metrics::counter;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, SipMessage};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transport::SipConnection;

use super::core::{Core, Flow, transport_type};
use super::dialog::{tag_of_from, tag_of_to};
use super::doors::Knock;
use super::incoming;
use super::limits::Place;
use super::peers::Peer;
use super::screen::{self, Screening};
use super::transfer::Replaces;
use super::wire;
use crate::config::sip::{Strangers, TransportName};

/// Methods that we understand (RFC 3261 §20.5).
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REGISTER, REFER, NOTIFY";
/// Extensions that we understand (RFC 3261 §20.37).
pub(super) const SUPPORTED: &str = "100rel, timer, replaces";
/// Extensions that a request may demand.
pub(super) const REQUIRABLE: [&str; 3] = ["100rel", "timer", "replaces"];
/// The header by which an INVITE of ours is known when it comes back through others.
pub(super) const LOOP_HEADER: &str = "X-Loop-Mark";

/// A new call that was let in: the places it holds until it ends.
pub(super) struct Admitted {
    /// By whom it came.
    pub peer: Arc<Peer>,
    /// Its place among all calls, and among those of the peer.
    pub places: [Place; 2],
}

/// Why a new call is not let in.
struct TooMuch(&'static str);

impl Core {
    /// Takes one message from the wire.
    pub async fn receive(self: &Arc<Self>, raw: &[u8], flow: &Flow) {
        let source = flow.address.ip();
        let is_stranger = self.peer_at(flow).is_none();
        if is_stranger && !self.is_request_in_time(source) {
            return self.drop_message("rate");
        }
        let transport = match flow.transport {
            // A message of a WebSocket is a whole one, as a datagram is (RFC 7118 §5).
            TransportName::Udp | TransportName::Ws | TransportName::Wss => screen::Transport::Datagram,
            TransportName::Tcp | TransportName::Tls => screen::Transport::Stream,
        };
        let message = match screen::screen(raw, flow.address, transport, &self.screen_limits) {
            Screening::Accept { normalised } => normalised,
            Screening::Drop { reason } => return self.drop_message(reason),
            // Strangers get nothing for nonsense.
            Screening::Reply { reason, .. } if is_stranger || !self.is_request_in_time(source) => {
                return self.drop_message(reason);
            }
            Screening::Reply { status, response, .. } => {
                counter!("switchboard_sip_stateless_replies_total", "status" => status.to_string()).increment(1);
                return self.send_raw(flow, &response).await;
            }
        };
        self.receive_screened(&message, flow).await;
    }

    fn drop_message(&self, why: &'static str) {
        counter!("switchboard_sip_dropped_total", "why" => why).increment(1);
    }

    async fn receive_screened(self: &Arc<Self>, raw: &[u8], flow: &Flow) {
        let message = match SipMessage::try_from(raw) {
            Ok(message) => message,
            Err(error) => {
                tracing::debug!(sip.source = %flow.address, %error, "Unreadable SIP message");
                return self.refuse_raw(raw, flow, 400).await;
            }
        };
        let transport = transport_type(flow.transport);
        match SipConnection::update_msg_received(message, flow.address, transport) {
            Ok(SipMessage::Request(request)) => self.receive_request(raw, request, flow).await,
            Ok(response @ SipMessage::Response(_)) => self.to_stack(response, flow).await,
            Err(_) => self.refuse_raw(raw, flow, 400).await,
        }
    }

    async fn to_stack(&self, message: SipMessage, flow: &Flow) {
        let source = flow.sip_addr();
        let taken = self.stack.endpoint.on_received_message(message, flow.connection.clone(), &source);
        if let Err(error) = taken.await {
            tracing::debug!(sip.source = %flow.address, %error, "The SIP stack refused a message");
        }
    }

    async fn receive_request(self: &Arc<Self>, raw: &[u8], request: Request, flow: &Flow) {
        let Ok(key) = TransactionKey::from_request(&request, TransactionRole::Server) else {
            return self.refuse(raw, flow, 400).await;
        };
        let endpoint = &self.stack.endpoint;
        let is_known = endpoint.transactions.contains_key(&key) || endpoint.finished_transactions.contains_key(&key);
        if is_known || matches!(request.method, Method::Ack | Method::Cancel) {
            return self.to_stack(request.into(), flow).await;
        }
        let (Ok(call_id), Ok(to)) = (request.call_id_header(), request.to_header()) else {
            return self.refuse(raw, flow, 400).await;
        };
        let Some(to_tag) = tag_of_to(to) else {
            return self.receive_outside(raw, request, key, flow).await;
        };
        let Some(inbox) = self.dialogs.find(call_id.value(), &to_tag) else {
            return self.refuse(raw, flow, 481).await;
        };
        if self.is_full_of_transactions() {
            return self.refuse_with(raw, flow, 503, &[self.retry_after()]).await;
        }
        // A full inbox drops the transaction, and the far end will send it again.
        let _ = inbox.try_send(self.server_transaction(key, request, flow));
    }

    pub fn server_transaction(&self, key: TransactionKey, request: Request, flow: &Flow) -> Transaction {
        let connection = Some(flow.connection.clone());
        let mut transaction = Transaction::new_server(key, request, self.stack.endpoint.clone(), connection);
        // Answers go where the request came from, never to an address that it names (S1, RFC 3581).
        transaction.destination = Some(flow.sip_addr());
        transaction
    }

    /// A request that belongs to no dialog.
    async fn receive_outside(self: &Arc<Self>, raw: &[u8], request: Request, key: TransactionKey, flow: &Flow) {
        let source = flow.address.ip();
        let is_invite = request.method == Method::Invite;
        if !is_invite && !self.is_request_in_time(source) {
            return self.drop_message("rate");
        }
        // Who may register is a matter of passwords alone, wherever it comes from.
        if request.method == Method::Register && (self.peers.has_phones() || self.peer_at(flow).is_some()) {
            return self.receive_register(raw, request, key, flow).await;
        }
        let peer = match self.peer_at(flow).cloned() {
            Some(peer) if !is_invite || !peer.is_challenged() => peer,
            known => match self.let_in(raw, &request, flow, known).await {
                Some(peer) => peer,
                None => return,
            },
        };
        let unsupported = unsupported_extensions(&request);
        if !unsupported.is_empty() {
            return self.refuse_with(raw, flow, 420, &[format!("Unsupported: {}", unsupported.join(", "))]).await;
        }
        match request.method {
            Method::Invite => self.receive_invite(raw, request, key, flow, peer).await,
            Method::Options => self.answer_options(raw, flow).await,
            Method::Bye | Method::Info | Method::PRack | Method::Update => self.refuse(raw, flow, 481).await,
            // A transfer that a caller asks for would be toll fraud (S9).
            Method::Refer => self.refuse(raw, flow, 603).await,
            Method::Ack | Method::Cancel => {}
            Method::Register | Method::Message | Method::Notify | Method::Publish | Method::Subscribe => {
                self.refuse_with(raw, flow, 405, &[format!("Allow: {ALLOW}")]).await;
            }
        }
    }

    /// A caller who has to show a password: strangers, and trunks that are configured so.
    async fn let_in(&self, raw: &[u8], request: &Request, flow: &Flow, known: Option<Arc<Peer>>) -> Option<Arc<Peer>> {
        if request.method != Method::Invite || !self.doors.is_any() {
            self.turn_away(raw, flow).await;
            return None;
        }
        let has_answer = request.headers.iter().any(|header| matches!(header, Header::Authorization(_)));
        if known.is_none() && !has_answer && self.config.strangers == Strangers::Ignore && !self.peers.has_phones() {
            self.turn_away(raw, flow).await;
            return None;
        }
        let Knock::Open(user) = self.knock(raw, request, flow).await else { return None };
        let peer = self.peer_of(&user);
        // A trunk's address opens with that trunk's own password only.
        if peer.is_none() || known.is_some_and(|known| peer.as_ref().is_none_or(|peer| peer.name != known.name)) {
            self.turn_away(raw, flow).await;
            return None;
        }
        peer
    }

    async fn turn_away(&self, raw: &[u8], flow: &Flow) {
        counter!("switchboard_sip_strangers_total").increment(1);
        match self.config.strangers {
            Strangers::Ignore => {}
            Strangers::Refuse => self.refuse(raw, flow, 403).await,
        }
    }

    async fn receive_invite(
        self: &Arc<Self>,
        raw: &[u8],
        request: Request,
        key: TransactionKey,
        flow: &Flow,
        peer: Arc<Peer>,
    ) {
        if self.has_come_back(&request) || self.is_merged(&request) {
            return self.refuse(raw, flow, 482).await;
        }
        if Replaces::is_in(&request) {
            return self.receive_replacement(raw, request, key, flow).await;
        }
        let admitted = match self.admit(peer, flow.address.ip()) {
            Ok(admitted) => admitted,
            Err(TooMuch(why)) => {
                counter!("switchboard_sip_calls_refused_total", "why" => why).increment(1);
                return self.refuse_with(raw, flow, 503, &[self.retry_after()]).await;
            }
        };
        let transaction = self.server_transaction(key, request, flow);
        tokio::spawn(incoming::serve(self.clone(), transaction, flow.clone(), admitted));
    }

    /// INVITE with Replaces: to the call that it names, which holds its place already.
    async fn receive_replacement(&self, raw: &[u8], request: Request, key: TransactionKey, flow: &Flow) {
        let source = flow.address.ip();
        if !self.is_request_in_time(source) {
            return self.refuse_with(raw, flow, 503, &[self.retry_after()]).await;
        }
        let named = Replaces::of(&request).and_then(|named| self.dialogs.find(&named.call_id, &named.to_tag));
        let Some(inbox) = named else { return self.refuse(raw, flow, 481).await };
        let _ = inbox.try_send(self.server_transaction(key, request, flow));
    }

    fn admit(&self, peer: Arc<Peer>, source: IpAddr) -> Result<Admitted, TooMuch> {
        if self.draining.load(Ordering::Acquire) {
            return Err(TooMuch("draining"));
        }
        if self.is_full_of_transactions() {
            return Err(TooMuch("transactions"));
        }
        let now = self.clock.now();
        // The narrowest limit first: one flooding source must not use up what all share.
        let is_trunk = peer.trunk.is_some();
        if !is_trunk && !self.rates().calls_by_source.take(source, now) {
            return Err(TooMuch("source_rate"));
        }
        let peer_place = peer.admit(now).ok_or(TooMuch("trunk"))?;
        let place = self.calls.take().ok_or(TooMuch("calls"))?;
        if !self.rates().calls.take(now) {
            return Err(TooMuch("rate"));
        }
        Ok(Admitted { peer, places: [place, peer_place] })
    }

    fn rates(&self) -> std::sync::MutexGuard<'_, super::core::Rates> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_request_in_time(&self, source: IpAddr) -> bool {
        let now = self.clock.now();
        self.rates().requests_by_source.take(source, now)
    }

    fn is_full_of_transactions(&self) -> bool {
        let endpoint = &self.stack.endpoint;
        endpoint.transactions.len() + endpoint.finished_transactions.len() >= self.config.limits.transactions_max
    }

    /// Our own INVITE, coming in again: by its Call-ID and tag, or by our mark where those were rewritten.
    fn has_come_back(&self, request: &Request) -> bool {
        let marked = request.headers.iter().any(|header| {
            matches!(header, Header::Other(name, value)
                if name.eq_ignore_ascii_case(LOOP_HEADER) && value.trim() == self.loop_mark)
        });
        marked || self.names_dialog(request, "")
    }

    /// The same request by another way while the first is under way (RFC 3261 §8.2.2.2).
    fn is_merged(&self, request: &Request) -> bool {
        self.names_dialog(request, incoming::MERGE_PREFIX)
    }

    fn names_dialog(&self, request: &Request, prefix: &str) -> bool {
        let (Ok(call_id), Ok(from)) = (request.call_id_header(), request.from_header()) else { return false };
        let Some(tag) = tag_of_from(from) else { return false };
        self.dialogs.find(call_id.value(), &format!("{prefix}{tag}")).is_some()
    }

    async fn answer_options(&self, raw: &[u8], flow: &Flow) {
        let (status, reason) = match self.draining.load(Ordering::Acquire) {
            true => (503, "Service Unavailable"),
            false => (200, "OK"),
        };
        let extra = [
            format!("Allow: {ALLOW}"),
            "Accept: application/sdp".to_owned(),
            "Accept-Encoding: identity".to_owned(),
            "Accept-Language: en".to_owned(),
            format!("Supported: {SUPPORTED}"),
            format!("Contact: {}", self.contact(flow, None)),
        ];
        self.reply(raw, flow, status, reason, &extra).await;
    }

    fn retry_after(&self) -> String {
        format!("Retry-After: {}", self.config.limits.retry_after_seconds)
    }

    async fn refuse(&self, raw: &[u8], flow: &Flow, status: u16) {
        self.refuse_with(raw, flow, status, &[]).await;
    }

    pub async fn refuse_with(&self, raw: &[u8], flow: &Flow, status: u16, extra: &[String]) {
        self.reply(raw, flow, status, wire::reason_phrase(status), extra).await;
    }

    /// Refuses a message that could not be read as a whole. Strangers get nothing for nonsense.
    pub async fn refuse_raw(&self, raw: &[u8], flow: &Flow, status: u16) {
        let source = flow.address.ip();
        if self.peer_at(flow).is_none() || !self.is_request_in_time(source) {
            return;
        }
        self.refuse(raw, flow, status).await;
    }

    async fn reply(&self, raw: &[u8], flow: &Flow, status: u16, reason: &str, extra: &[String]) {
        counter!("switchboard_sip_stateless_replies_total", "status" => status.to_string()).increment(1);
        // The same request gets the same tag each time, as a stateless answer must (RFC 3261 §8.2.7).
        let tag = format!("{:016x}", self.tag_hasher.hash_one(raw));
        if let Some(reply) = wire::reply(raw, status, reason, extra, flow.address, &tag) {
            self.send_raw(flow, &reply).await;
        }
    }
}

/// What a request demands and we do not have (RFC 3261 §8.2.2.3). Proxy-Require counts too: we are no
/// proxy, but whoever sent it expects every hop to understand.
fn unsupported_extensions(request: &Request) -> Vec<String> {
    let demanded = request.headers.iter().filter_map(|header| match header {
        Header::Require(require) => Some(require.value()),
        Header::ProxyRequire(require) => Some(require.value()),
        // Every other header demands nothing.
        _ => None,
    });
    demanded
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|option| !option.is_empty() && !REQUIRABLE.iter().any(|known| known.eq_ignore_ascii_case(option)))
        .map(str::to_owned)
        .collect()
}
