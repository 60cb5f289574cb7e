//! A call that both sides agreed on: it answers the far end's requests, keeps the session timer, and ends.
//!
//! One task owns it. What can happen: an order of ours, a request of the far end, the ACK of a re-INVITE, the
//! answer to our refresh, or a time-out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rsipstack::sip::headers::{Contact, Reason};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response, Uri};
use rsipstack::transaction::Transaction;
use tokio::sync::{mpsc, oneshot};

use super::body::{self, BodyError};
use super::client::{self, Challenge};
use super::core::{Core, Flow, Hop, Listed};
use super::descriptions::Descriptions;
use super::dialog::{self, Dialog};
use super::gate::{ALLOW, SUPPORTED};
use super::handle::{Command, Events, reason_text};
use super::invite_server::{InviteEvent, InviteServer};
use super::limits::Place;
use super::peers::{Peer, Talk};
use super::session_timer::{self, Agreed, Asked, Due, Refresher, SessionTimer, Wish};
use super::spoken::Speaker;
use super::transfer::{Replaces, Transfers};
use crate::seams::media::{LegCommand, LegControl};
use crate::seams::signaling::{DialogEvent, EndedBy};

/// One call, whoever began it.
pub(super) struct Call {
    pub core: Arc<Core>,
    pub peer: Option<Arc<Peer>>,
    pub dialog: Dialog,
    /// Where the call came from, or its INVITE went to.
    pub flow: Flow,
    /// Where our requests go, once it was needed; forgotten when the far end names another target.
    pub next_hop: Option<Flow>,
    pub descriptions: Descriptions,
    /// Gone as soon as the call has ended, so that the leg closes.
    pub leg: Option<LegControl>,
    /// Tells others what it speaks.
    pub speaker: Speaker,
    pub commands: mpsc::Receiver<Command>,
    pub inbox: mpsc::Receiver<Transaction>,
    pub events: Events,
    pub timer: Option<SessionTimer>,
    /// Whether the far end understands UPDATE.
    pub can_update: bool,
    pub is_held: bool,
    pub reinvite: Option<InviteServer>,
    pub refresh: Option<Refresh>,
    /// Comes once a far end that was agreed with is connected; until then nobody is told that it answered.
    pub connecting: Option<Connecting>,
    pub places: Vec<Place>,
    pub transfers: Transfers,
    /// The minutes it uses up, once answered.
    pub talk: Option<Talk>,
    /// Its entries among the dialogs, held for what dropping them does.
    pub listed: Vec<Listed>,
}

/// A refresh of ours that waits for its answer.
pub(super) struct Refresh {
    method: Method,
    answer: oneshot::Receiver<Option<Response>>,
}

/// Tells that both sides hear each other.
pub(super) type Connecting = oneshot::Receiver<()>;

/// What woke the call.
enum Woken {
    Command(Option<Command>),
    Request(Box<Transaction>),
    Reinvite(Option<InviteEvent>),
    Refreshed(Option<Response>),
    Referred(Option<Response>),
    /// Both sides hear each other, or never will.
    Connected(bool),
    Timeout,
}

impl Call {
    /// Runs the agreed call to its end.
    pub async fn run(mut self) {
        while !self.events.has_ended() {
            match self.wait().await {
                Woken::Command(Some(command)) => self.obey(command).await,
                // Its owner is gone: nobody will ever hang up.
                Woken::Command(None) => self.hang_up(EndedBy::Us, None).await,
                Woken::Request(transaction) => self.handle_request(*transaction).await,
                Woken::Reinvite(event) => self.handle_reinvite_event(event).await,
                Woken::Refreshed(response) => self.handle_refreshed(response).await,
                Woken::Referred(response) => self.handle_refer_answer(response),
                Woken::Connected(true) => {
                    self.connecting = None;
                    self.events.tell(DialogEvent::Confirmed);
                }
                Woken::Connected(false) => {
                    tracing::info!("A far end that answered could not be connected");
                    self.connecting = None;
                    self.hang_up(EndedBy::Failure, Some("SIP;cause=488;text=\"no keys were agreed on\"")).await;
                }
                Woken::Timeout => self.handle_timeout().await,
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let timer = self.timer.as_ref().filter(|_| !self.is_alone()).map(SessionTimer::poll_timeout);
        let deadline = timer.into_iter().chain(self.transfers.poll_timeout()).min();
        let reinvite = self.reinvite.as_mut().map(|reinvite| &mut reinvite.events);
        let refresh = self.refresh.as_mut().map(|refresh| &mut refresh.answer);
        tokio::select! {
            command = self.commands.recv() => Woken::Command(command),
            Some(transaction) = self.inbox.recv() => Woken::Request(Box::new(transaction)),
            event = next_event(reinvite) => Woken::Reinvite(event),
            answer = next_answer(refresh) => Woken::Refreshed(answer),
            answer = next_answer(self.transfers.answer()) => Woken::Referred(answer),
            is_connected = connected(self.connecting.as_mut()) => Woken::Connected(is_connected),
            () = until(deadline) => Woken::Timeout,
        }
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::HangUp(reason, reply) => {
                self.hang_up(EndedBy::Us, reason.map(reason_text)).await;
                let _ = reply.send(Ok(()));
            }
            Command::Refer(to, reply) => {
                let _ = reply.send(self.refer(&to).await);
            }
            Command::ReportTransfer(status, reply) => {
                let _ = reply.send(self.report_transfer(status).await);
            }
            Command::Name(reply) => {
                let _ = reply.send(Ok(self.name()));
            }
            Command::Ring(_) | Command::Answer(_) | Command::Reject(..) => command.refuse(),
        }
    }

    /// Sends BYE and tells the end. What comes back to the BYE changes nothing (RFC 3261 §15.1.1).
    pub async fn hang_up(&mut self, by: EndedBy, reason: Option<&str>) {
        if self.events.has_ended() {
            return;
        }
        if !self.is_alone() {
            self.send_bye(reason).await;
        }
        self.end(by);
    }

    /// Sends BYE and waits for nothing.
    pub async fn send_bye(&mut self, reason: Option<&str>) {
        let mut bye = self.request(Method::Bye).await;
        bye.headers.extend(reason.map(|reason| Header::Reason(Reason::new(reason))).into_iter().collect());
        self.send(bye, None).await;
    }

    /// Tells the end and lets go of the leg and the places.
    pub fn end(&mut self, by: EndedBy) {
        if let Some(reinvite) = self.reinvite.take() {
            let tag = &self.dialog.local_tag;
            reinvite.respond(dialog::response(&reinvite.request, 487, "", tag));
        }
        self.leg = None;
        self.places.clear();
        self.talk = None;
        self.events.end(by);
    }

    /// A request of ours, with its Via.
    pub async fn request(&mut self, method: Method) -> Request {
        let flow = self.flow_out().await;
        let via = self.core.via(&flow, self.peer.as_deref());
        self.dialog.request(method, via)
    }

    /// Where our requests go. Names are looked up only now: a call that only its far end ends needs none.
    async fn flow_out(&mut self) -> Flow {
        if let Some(flow) = self.next_hop.as_ref().filter(|flow| flow.is_alive()) {
            return flow.clone();
        }
        let flow = in_dialog_flow(&self.core, self.peer.as_ref(), &self.dialog, &self.flow).await;
        self.next_hop = Some(flow.clone());
        flow
    }

    fn refresh_target(&mut self, contacts: &[&Contact]) {
        self.dialog.refresh_target(contacts);
        self.next_hop = None;
    }

    /// Sends a request of ours; its final response goes to `answer`.
    pub async fn send(&mut self, request: Request, answer: Option<oneshot::Sender<Option<Response>>>) {
        let flow = self.flow_out().await;
        let Ok(mut transaction) = self.core.client(request, &flow) else { return };
        if let Err(error) = transaction.send().await {
            tracing::debug!(%error, "A request within a call could not be sent");
            return;
        }
        let challenge = Challenge::of(self.peer.as_ref());
        let core = self.core.clone();
        tokio::spawn(async move {
            let response = client::finish(transaction, challenge, Some((&core, &flow))).await;
            if let Some(answer) = answer {
                let _ = answer.send(response);
            }
        });
    }

    /// A request of the far end within the call.
    pub async fn handle_request(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        if request.method == Method::Invite && Replaces::is_in(&request) {
            return self.handle_replacement(transaction).await;
        }
        if !self.dialog.is_in_order(&request) {
            return self.refuse(transaction, 500).await;
        }
        match request.method {
            Method::Bye => {
                self.reply(&mut transaction, self.response(&request, 200)).await;
                if self.is_over_by_bye() {
                    self.end(EndedBy::FarEnd);
                }
            }
            Method::Notify => self.handle_notify(transaction).await,
            // They said goodbye; only the outcome of a transfer is still awaited.
            _ if self.is_alone() => self.refuse(transaction, 481).await,
            Method::Invite => self.handle_reinvite(transaction),
            Method::Update => self.handle_update(transaction).await,
            Method::Info => self.handle_info(transaction).await,
            Method::Options => {
                let mut response = self.response(&request, 200);
                response.headers.push(Header::Accept("application/sdp".into()));
                self.reply(&mut transaction, response).await;
            }
            Method::PRack => self.refuse(transaction, 481).await,
            // Where a call goes is decided by configuration, never by its caller (S9).
            Method::Refer => self.handle_refer(transaction).await,
            _ => self.refuse(transaction, 405).await,
        }
    }

    fn handle_reinvite(&mut self, transaction: Transaction) {
        let server = InviteServer::start(transaction);
        let request = server.request.clone();
        let is_glare = self.descriptions.is_offer_open()
            || self.refresh.as_ref().is_some_and(|refresh| refresh.method == Method::Invite);
        if is_glare {
            return server.respond(self.response(&request, 491));
        }
        let timer = match session_timer::answer(Asked::read(&request), self.wish()) {
            Ok(timer) => timer,
            Err(too_short) => {
                let mut response = self.response(&request, 422);
                response.headers.push(Header::MinSE(too_short.0.to_string().as_str().into()));
                return server.respond(response);
            }
        };
        let body = match body::session_description(&request, &request.body) {
            Ok(None) => Ok(self.descriptions.offer()),
            Ok(Some(offer)) => self.descriptions.answer(offer),
            Err(error) => return server.respond(self.body_refusal(&request, error)),
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                let mut response = self.response(&request, error.status());
                let agent = self.core.own_host(&self.flow, self.peer.as_deref());
                response.headers.push(Header::Warning(error.warning(&agent).into()));
                return server.respond(response);
            }
        };
        self.refresh_target(&request.contact_headers());
        self.restart_timer(timer);
        let mut response = self.response(&request, 200);
        response.headers.extend(timer.map(session_timer::response_headers).unwrap_or_default());
        dialog::with_body(&mut response, SDP, body);
        server.respond(response);
        self.reinvite = Some(server);
        if !self.descriptions.is_offer_open() {
            self.apply_agreement();
        }
    }

    async fn handle_reinvite_event(&mut self, event: Option<InviteEvent>) {
        match event {
            Some(InviteEvent::Acked(ack)) => {
                self.reinvite = None;
                if self.descriptions.is_offer_open() && self.descriptions.take_answer(&ack.body).is_ok() {
                    self.apply_agreement();
                }
                self.descriptions.withdraw_offer();
            }
            // The stack has answered the CANCEL, and our 200 stands (§9.2).
            Some(InviteEvent::Cancelled) => {}
            Some(InviteEvent::Over) | None => {
                self.reinvite = None;
                // No ACK came for our 200: the call is to be ended (§13.3.1.4).
                self.hang_up(EndedBy::Failure, Some("SIP;cause=408;text=\"no ACK\"")).await;
            }
        }
    }

    async fn handle_update(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        let offer = match body::session_description(&request, &request.body) {
            Ok(offer) => offer,
            Err(error) => return self.reply(&mut transaction, self.body_refusal(&request, error)).await,
        };
        let has_offer = offer.is_some();
        let is_glare = self.descriptions.is_offer_open()
            || self.refresh.as_ref().is_some_and(|refresh| refresh.method == Method::Invite);
        if has_offer && is_glare {
            return self.refuse(transaction, 491).await;
        }
        let timer = match session_timer::answer(Asked::read(&request), self.wish()) {
            Ok(timer) => timer,
            Err(too_short) => {
                let mut response = self.response(&request, 422);
                response.headers.push(Header::MinSE(too_short.0.to_string().as_str().into()));
                return self.reply(&mut transaction, response).await;
            }
        };
        let mut response = self.response(&request, 200);
        if let Some(offer) = offer {
            match self.descriptions.answer(offer) {
                Ok(answer) => dialog::with_body(&mut response, SDP, answer),
                Err(error) => {
                    let mut response = self.response(&request, error.status());
                    let agent = self.core.own_host(&self.flow, self.peer.as_deref());
                    response.headers.push(Header::Warning(error.warning(&agent).into()));
                    return self.reply(&mut transaction, response).await;
                }
            }
        }
        self.refresh_target(&request.contact_headers());
        self.restart_timer(timer);
        response.headers.extend(timer.map(session_timer::response_headers).unwrap_or_default());
        self.reply(&mut transaction, response).await;
        if has_offer {
            self.apply_agreement();
        }
    }

    async fn handle_info(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        let content_type = request.header_value("Content-Type").unwrap_or_default();
        if !request.body.is_empty() && !super::keys::is_key_type(&content_type) {
            let mut response = self.response(&request, 415);
            response.headers.push(Header::Accept("application/dtmf-relay, application/dtmf".into()));
            return self.reply(&mut transaction, response).await;
        }
        self.reply(&mut transaction, self.response(&request, 200)).await;
        let key = super::keys::key_of_info(&content_type, &request.body);
        if let (Some(key), Some(leg)) = (key, &self.leg) {
            let _ = leg.send(LegCommand::KeyByInfo(key));
        }
    }

    /// Puts what was agreed into force, and tells of holding and resuming.
    pub fn apply_agreement(&mut self) {
        self.meet();
        self.configure();
    }

    /// Begins the exchange of keys, where that is how keys are had.
    pub fn meet(&mut self) {
        if let Err(error) = self.descriptions.meet() {
            tracing::warn!(%error, "Keys cannot be exchanged");
        }
    }

    /// The same without meeting the far end: as long as our answer has not left, nobody knows of us.
    pub fn configure(&mut self) {
        let is_held = self.descriptions.is_held();
        if std::mem::replace(&mut self.is_held, is_held) != is_held {
            self.events.tell(if is_held { DialogEvent::Held } else { DialogEvent::Resumed });
        }
        let Some(params) = self.descriptions.params() else { return };
        // First the keys, so that nothing leaves in the clear.
        if let (Some(leg), Some(keys)) = (&self.leg, self.descriptions.keys())
            && leg.send(LegCommand::Secure(Box::new(keys.clone()))).is_err()
        {
            tracing::warn!("A leg took no keys, and goes on without audio");
            return;
        }
        if let Some(leg) = &self.leg
            && leg.send(LegCommand::Configure(Box::new(params.clone()))).is_err()
        {
            tracing::warn!("A leg took no new agreement");
        }
        self.speaker.speaks(params.codec);
    }

    async fn handle_timeout(&mut self) {
        let now = self.core.clock.now();
        self.handle_transfer_timeout(now).await;
        if self.is_alone() {
            return;
        }
        match self.timer.as_mut().and_then(|timer| timer.handle_timeout(now)) {
            Some(Due::End) => self.hang_up(EndedBy::Failure, Some("SIP;cause=408;text=\"session expired\"")).await,
            Some(Due::Refresh) => self.send_refresh().await,
            None => {}
        }
    }

    async fn send_refresh(&mut self) {
        let Some(timer) = self.timer else { return };
        if self.refresh.is_some() || self.reinvite.is_some() {
            self.retry_refresh(Duration::from_secs(2));
            return;
        }
        let method = if self.can_update { Method::Update } else { Method::Invite };
        let mut request = self.request(method).await;
        let wish = Wish { seconds: timer.agreed().seconds, ..self.wish() };
        request.headers.extend(session_timer::request_headers(wish, Some(true)));
        request.headers.push(Header::Supported(SUPPORTED.into()));
        request.headers.push(Header::Allow(ALLOW.into()));
        if method == Method::Invite {
            request.body = self.descriptions.offer().into_bytes();
            request.headers.push(Header::ContentType(SDP.into()));
        }
        let (sender, answer) = oneshot::channel();
        self.refresh = Some(Refresh { method, answer });
        self.send(request, Some(sender)).await;
    }

    async fn handle_refreshed(&mut self, response: Option<Response>) {
        let Some(refresh) = self.refresh.take() else { return };
        let status = response.as_ref().map_or(408, |response| response.status_code.code());
        let offered = refresh.method == Method::Invite;
        match (status, response) {
            (200..=299, Some(response)) => {
                self.refresh_target(&response.contact_headers());
                if offered && self.descriptions.take_answer(&response.body).is_ok() {
                    self.apply_agreement();
                }
                let agreed = session_timer::accepted(Asked::read(&response));
                self.restart_timer(agreed);
            }
            // The far end knows of no such call, or does not answer: it is over (RFC 4028 §7.4, §12.2.1.2).
            (408 | 481, _) => self.hang_up(EndedBy::Failure, Some("SIP;cause=408;text=\"refresh failed\"")).await,
            (422, Some(response)) => {
                let min_seconds = Asked::read(&response).min_seconds.unwrap_or(0);
                if let Some(timer) = &mut self.timer {
                    let agreed = Agreed { seconds: timer.agreed().seconds.max(min_seconds), refresher: Refresher::Us };
                    *timer = SessionTimer::start(agreed, self.core.clock.now(), self.core.times.second);
                    self.retry_refresh(Duration::ZERO);
                }
            }
            (405 | 501, _) if !offered => {
                self.can_update = false;
                self.retry_refresh(Duration::ZERO);
            }
            // Glare (§14.1) and passing troubles: once more soon, and the timer ends it if that fails too.
            (_, _) => self.retry_refresh(Duration::from_millis(2_100 + u64::from(self.core.random_number() % 1_900))),
        }
        if offered {
            self.descriptions.withdraw_offer();
        }
    }

    fn body_refusal(&self, request: &Request, error: BodyError) -> Response {
        let (status, header) = error.refusal();
        let mut response = self.response(request, status);
        response.headers.extend(header.into_iter().collect());
        response
    }

    fn retry_refresh(&mut self, after: Duration) {
        let now = self.core.clock.now();
        if let Some(timer) = &mut self.timer {
            timer.retry_at(now + after);
        }
    }

    /// Starts the session timer anew, as agreed.
    pub fn restart_timer(&mut self, agreed: Option<Agreed>) {
        let now = self.core.clock.now();
        self.timer = agreed.map(|agreed| SessionTimer::start(agreed, now, self.core.times.second));
    }

    /// Our wishes for the session timer.
    pub fn wish(&self) -> Wish {
        wish(&self.core)
    }

    pub async fn refuse(&self, mut transaction: Transaction, status: u16) {
        let request = transaction.original.clone();
        let response = self.response(&request, status);
        if request.method == Method::Invite {
            // It needs its ACK absorbed.
            return InviteServer::start(transaction).respond(response);
        }
        self.reply(&mut transaction, response).await;
    }

    pub async fn reply(&self, transaction: &mut Transaction, response: Response) {
        if let Err(error) = transaction.respond(response).await {
            tracing::debug!(%error, "A response within a call could not be sent");
        }
    }

    /// A response within the dialog, with what each should say about us.
    pub fn response(&self, request: &Request, status: u16) -> Response {
        let mut response = dialog::response(request, status, "", &self.dialog.local_tag);
        if status < 300 && status != 100 {
            response.headers.push(self.dialog.contact());
        }
        if status < 300 || status == 405 {
            response.headers.push(Header::Allow(ALLOW.into()));
            response.headers.push(Header::Supported(SUPPORTED.into()));
        }
        if status == 500 {
            response.headers.push(Header::RetryAfter("5".into()));
        }
        response
    }
}

async fn next_event(events: Option<&mut mpsc::Receiver<InviteEvent>>) -> Option<InviteEvent> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

async fn connected(connecting: Option<&mut Connecting>) -> bool {
    match connecting {
        Some(connecting) => connecting.await.is_ok(),
        None => std::future::pending().await,
    }
}

async fn next_answer(answer: Option<&mut oneshot::Receiver<Option<Response>>>) -> Option<Response> {
    match answer {
        Some(answer) => answer.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Our wishes for session timers.
pub(super) fn wish(core: &Core) -> Wish {
    Wish { seconds: core.config.session_expires_seconds, min_seconds: core.config.min_session_expires_seconds }
}

/// The content type of session descriptions.
pub(super) const SDP: &str = "application/sdp";

/// Waits until `deadline`; for ever without one.
pub(super) async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Where requests of ours within a dialog go. Over the stream the call came by, as long as it lives; else to
/// the next hop; to the source of the call where that hop cannot be reached from here (behind NAT).
pub(super) async fn in_dialog_flow(
    core: &Arc<Core>,
    peer: Option<&Arc<Peer>>,
    dialog: &Dialog,
    arrival: &Flow,
) -> Flow {
    if arrival.transport.is_stream() && arrival.is_alive() {
        return arrival.clone();
    }
    for hop in reachable(core, dialog.next_hop(), arrival).await {
        if let Ok(flow) = core.flow_to(&hop, peer).await {
            return flow;
        }
    }
    arrival.clone()
}

/// The addresses of a next hop that can be reached from here; none where it is behind NAT.
pub(super) async fn reachable(core: &Core, next_hop: &Uri, arrival: &Flow) -> Vec<Hop> {
    let mut hops = core.resolve(next_hop).await.unwrap_or_default();
    hops.retain(|hop| !is_unreachable_from(hop.address.ip(), arrival.address.ip()));
    hops
}

/// A private address that someone at a public one wrote down, or none at all.
fn is_unreachable_from(named: std::net::IpAddr, source: std::net::IpAddr) -> bool {
    named.is_unspecified() || (is_private(named) && !is_private(source))
}

fn is_private(address: std::net::IpAddr) -> bool {
    match address {
        std::net::IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared
        }
        std::net::IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
