//! A call that we make, until it is agreed on (RFC 3261 §13.2).
//!
//! 1. Where to: the address itself, or the first trunk that can carry a number.
//! 2. A leg is opened, the INVITE sent with our offer; other addresses of the host are tried when one is dead.
//! 3. It rings until the ring time is over: then CANCEL, and BYE should a 200 cross it.
//! 4. A 200 agrees; further branches that answer are ended.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use rsipstack::sip::headers::{RAck, Reason, Route};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response, Scheme, Uri};
use rsipstack::transaction::random_text;
use tokio::sync::mpsc;

use super::call::{Call, SDP, in_dialog_flow, until, wish};
use super::client::{self, Challenge};
use super::core::{Core, Dialogs, Flow};
use super::descriptions::Descriptions;
use super::dialog::{Dialog, DialogParties};
use super::gate::{ALLOW, LOOP_HEADER, SUPPORTED};
use super::handle::{self, Command};
use super::invite_client::{self, InviteAnswer};
use super::numbers::{self, NumberForm};
use super::peers::Peer;
use super::session_timer::{self, Asked, SessionTimer, Wish};
use crate::config::sip::{NumberFormat, TransportName};
use crate::domain::ids::LegId;
use crate::seams::media::LegSpec;
use crate::seams::signaling::{Destination, DialOrder, DialogEvent, EndedBy, OutgoingCall, SignalingError};

/// Where a call goes: whom it asks for, by whom, over which way.
struct Way {
    peer: Arc<Peer>,
    target: Uri,
    route: Option<Uri>,
    from: String,
    /// The flow a phone registered over; nothing else reaches it behind NAT (R47).
    flow: Option<Flow>,
}

impl Core {
    /// Makes a call.
    pub async fn dial(self: &Arc<Self>, order: DialOrder) -> Result<OutgoingCall, SignalingError> {
        let way = self.way_to(&order.to)?;
        let mut addresses = VecDeque::new();
        if way.flow.is_none() {
            addresses.extend(self.resolve(way.route.as_ref().unwrap_or(&way.target)).await?);
        }
        let now = self.clock.now();
        let place = way
            .peer
            .admit(now)
            .ok_or_else(|| SignalingError::Stack(format!("trunk {} carries as many calls as it may", way.peer.name)))?;
        let flow = match way.flow.clone() {
            Some(flow) => flow,
            None => self.first_flow(&mut addresses).await?,
        };
        let bind = self.stack.local.ip();
        let spec = LegSpec {
            leg: LegId(self.ids.next()),
            bind,
            advertised: way.peer.advertised.or_else(|| bind.is_unspecified().then(|| self.own_ip(flow.address.ip()))),
            ports: way.peer.rtp_ports.clone(),
            beside: order.beside,
            inband_dtmf: true,
        };
        let leg = self.media.open(spec).await?;
        let session_id = u64::from(self.random_number());
        let preferences = way.peer.preferences.clone();
        let descriptions = Descriptions::new(preferences, leg.advertised, leg.advertised_rtcp, session_id);

        let call_id = format!("{}@switchboard", self.ids.next());
        let tag = random_text(16);
        let to = format!("<{}>", way.target);
        let from = format!("<sip:{}@{}>", way.from, self.own_domain(&way, &flow));
        let contact = self.contact(&flow, Some(&way.peer));
        let parties = DialogParties { call_id: &call_id, local_tag: &tag, from: &from, to: &to, contact: &contact };
        let route_set = way.route.into_iter().collect();
        let dialog = Dialog::calling(&parties, way.target, route_set, self.random_number() >> 8);

        let (inbox_sender, inbox) = mpsc::channel(16);
        let listed = vec![Dialogs::list(self, &call_id, &tag, inbox_sender)];
        let lines = handle::lines();
        let call = Call {
            core: self.clone(),
            peer: Some(way.peer),
            dialog: dialog.clone(),
            flow,
            next_hop: None,
            descriptions,
            leg: Some(leg.control.clone()),
            commands: lines.commands,
            inbox,
            events: lines.events,
            timer: None,
            can_update: false,
            is_held: false,
            reinvite: None,
            refresh: None,
            places: vec![place],
            _listed: listed,
        };
        let mut calling = Calling {
            wish: wish(self),
            invite: None,
            offer: String::new(),
            base: dialog,
            addresses,
            deadline: Some(now + order.ring_timeout),
            progress: Progress::Calling,
            is_cancelled: false,
            reason: None,
            last_rseq: None,
            call,
        };
        calling.offer = calling.call.descriptions.offer();
        let answers = calling.send_invite().await?;
        tokio::spawn(calling.run(answers));
        Ok(OutgoingCall { leg, dialog: lines.handle, events: lines.events_out })
    }

    fn way_to(&self, destination: &Destination) -> Result<Way, SignalingError> {
        match destination {
            Destination::Emergency(_) => Err(SignalingError::NoTrunk),
            Destination::Uri(uri) => {
                let bad = || SignalingError::BadDestination(uri.clone());
                let target = Uri::try_from(uri.as_str()).map_err(|_| bad())?;
                if target.scheme != Some(Scheme::Sip) || uri.contains(char::is_whitespace) {
                    return Err(bad());
                }
                let from = self.config.own_number.clone();
                if let Some(phone) = self.phone_named_by(&target) {
                    let (uri, flow) = self
                        .phone_address(&phone.name)
                        .ok_or_else(|| SignalingError::Stack(format!("phone {} is not registered", phone.name)))?;
                    let target = Uri::try_from(uri.as_str()).map_err(|_| bad())?;
                    return Ok(Way { peer: phone, target, route: None, from, flow: Some(flow) });
                }
                Ok(Way { peer: self.peers.direct().clone(), target, route: None, from, flow: None })
            }
            Destination::Number(number) => {
                let carries = |peer: &&Arc<Peer>| match &peer.trunk {
                    Some(trunk) => !trunk.register || peer.is_registered.load(Ordering::Acquire),
                    None => false,
                };
                let peer = self.peers.trunks().iter().find(carries).ok_or(SignalingError::NoTrunk)?;
                let trunk = peer.trunk.as_ref().ok_or(SignalingError::NoTrunk)?;
                let suffix = match trunk.transport {
                    TransportName::Udp => "",
                    TransportName::Tcp => ";transport=tcp",
                };
                let uri = |text: String| {
                    Uri::try_from(text.as_str()).map_err(|_| SignalingError::BadDestination(trunk.host.clone()))
                };
                let home = trunk.home_country.as_deref().or(self.config.home_country.as_deref());
                let number = numbers::written(number, form(trunk.outbound_format), home);
                let target = uri(format!("sip:{number}@{}{suffix}", trunk.host))?;
                let route = trunk.outbound_proxy.as_ref().map(|proxy| uri(format!("sip:{proxy}{suffix};lr")));
                let own = trunk.own_number.as_ref().or(trunk.username.as_ref()).unwrap_or(&self.config.own_number);
                Ok(Way { peer: peer.clone(), target, route: route.transpose()?, from: own.clone(), flow: None })
            }
        }
    }

    /// One of our phones, where the address is at our own host or realm.
    fn phone_named_by(&self, target: &Uri) -> Option<Arc<Peer>> {
        let host = target.host_with_port.host.to_string();
        let is_ours = host.eq_ignore_ascii_case(&self.config.realm)
            || self.config.advertised.as_deref().is_some_and(|own| own.split(':').next() == Some(&*host))
            || self.stack.local.ip().to_string() == host;
        self.peers.phone(target.user().filter(|_| is_ours)?).cloned()
    }

    /// The host of our From: the trunk's own, since many know their customers by it; else ourselves.
    fn own_domain(&self, way: &Way, flow: &Flow) -> String {
        match &way.peer.trunk {
            Some(trunk) => trunk.host.clone(),
            None => self.own_host(flow.address.ip(), Some(&way.peer)),
        }
    }

    async fn first_flow(
        self: &Arc<Self>,
        addresses: &mut VecDeque<(SocketAddr, TransportName)>,
    ) -> Result<Flow, SignalingError> {
        let mut last = SignalingError::Stack("the destination has no address".into());
        while let Some((address, transport)) = addresses.pop_front() {
            match self.flow_to(address, transport).await {
                Ok(flow) => return Ok(flow),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn form(format: NumberFormat) -> NumberForm {
    match format {
        NumberFormat::E164 => NumberForm::E164,
        NumberFormat::WithoutPlus => NumberForm::WithoutPlus,
        NumberFormat::DoubleZero => NumberForm::DoubleZero,
        NumberFormat::National => NumberForm::National,
    }
}

/// A call that is being made.
struct Calling {
    call: Call,
    /// The INVITE as it was sent last.
    invite: Option<Request>,
    offer: String,
    /// The dialog before any response: what each branch begins from.
    base: Dialog,
    /// Addresses not yet tried.
    addresses: VecDeque<(SocketAddr, TransportName)>,
    wish: Wish,
    deadline: Option<Instant>,
    progress: Progress,
    is_cancelled: bool,
    /// What a CANCEL says about why (RFC 3326).
    reason: Option<&'static str>,
    /// RSeq and tag of the last reliable response that was acknowledged (RFC 3262 §4).
    last_rseq: Option<(u32, String)>,
}

#[derive(Clone, Copy, PartialEq)]
enum Progress {
    /// No response yet: nothing may be cancelled (§9.1).
    Calling,
    /// A provisional response came.
    Proceeding,
    /// It rang.
    Ringing,
}

enum Woken {
    Command(Option<Command>),
    Request(Box<rsipstack::transaction::Transaction>),
    Answer(Option<InviteAnswer>),
    Timeout,
}

/// How an event left the call.
enum Next {
    GoOn,
    Agreed,
    Over,
}

impl Calling {
    async fn send_invite(&mut self) -> Result<mpsc::Receiver<InviteAnswer>, SignalingError> {
        let core = self.call.core.clone();
        let via = core.via(&self.call.flow, self.call.peer.as_deref());
        let mut request = self.base.request(Method::Invite, via);
        request.headers.extend(vec![
            Header::Allow(ALLOW.into()),
            Header::Supported(SUPPORTED.into()),
            Header::Other(LOOP_HEADER.into(), core.loop_mark.clone()),
            Header::ContentType(SDP.into()),
        ]);
        request.headers.extend(session_timer::request_headers(self.wish, None));
        request.body = self.offer.clone().into_bytes();
        let mut transaction = core.client(request, &self.call.flow)?;
        transaction.send().await.map_err(super::core::stack_error)?;
        self.invite = Some(transaction.original.clone());
        Ok(invite_client::start(transaction, Challenge::of(self.call.peer.as_ref())))
    }

    async fn run(mut self, mut answers: mpsc::Receiver<InviteAnswer>) {
        loop {
            let is_ended = self.call.events.has_ended();
            let woken = tokio::select! {
                command = self.call.commands.recv(), if !is_ended => Woken::Command(command),
                Some(transaction) = self.call.inbox.recv() => Woken::Request(Box::new(transaction)),
                answer = answers.recv() => Woken::Answer(answer),
                () = until(self.deadline) => Woken::Timeout,
            };
            let next = match woken {
                Woken::Command(Some(Command::HangUp(because, reply))) => {
                    self.reason = handle::reason_header(because);
                    self.give_up(EndedBy::Us).await;
                    let _ = reply.send(Ok(()));
                    Next::GoOn
                }
                Woken::Command(Some(Command::Ring(reply) | Command::Answer(reply) | Command::Reject(_, _, reply))) => {
                    let _ = reply.send(Err(SignalingError::WrongState));
                    Next::GoOn
                }
                Woken::Command(None) => {
                    self.give_up(EndedBy::Us).await;
                    Next::GoOn
                }
                Woken::Request(transaction) => {
                    self.handle_request(*transaction).await;
                    Next::GoOn
                }
                Woken::Timeout if is_ended => Next::Over,
                Woken::Timeout => {
                    self.give_up(EndedBy::RingTimeout).await;
                    Next::GoOn
                }
                Woken::Answer(Some(InviteAnswer::Final(response))) if response.status_code.code() >= 300 => {
                    match self.handle_refusal(&response).await {
                        Some(again) => {
                            answers = again;
                            Next::GoOn
                        }
                        None => Next::Over,
                    }
                }
                Woken::Answer(answer) => self.handle_answer(answer).await,
            };
            match next {
                Next::GoOn => {}
                Next::Agreed => {
                    let (core, peer, base) = (self.call.core.clone(), self.call.peer.clone(), self.base.clone());
                    tokio::spawn(end_forks(core, peer, base, self.call.flow.clone(), answers));
                    return self.call.run().await;
                }
                Next::Over => return,
            }
        }
    }

    async fn handle_answer(&mut self, answer: Option<InviteAnswer>) -> Next {
        match answer {
            Some(InviteAnswer::SentAgain(request)) => {
                if let Ok(cseq) = request.cseq_header().and_then(|header| header.seq()) {
                    self.base.skip_to_cseq(cseq);
                }
                self.invite = Some(*request);
                self.progress = Progress::Calling;
                Next::GoOn
            }
            Some(InviteAnswer::Provisional(response)) => {
                self.handle_provisional(&response).await;
                Next::GoOn
            }
            Some(InviteAnswer::Final(response)) => self.handle_success(&response).await,
            Some(InviteAnswer::Fork(response)) => {
                end_branch(&self.call.core, self.call.peer.as_ref(), &self.base, &self.call.flow, &response).await;
                Next::GoOn
            }
            Some(InviteAnswer::Over) | None => {
                self.call.end(EndedBy::Failure);
                Next::Over
            }
        }
    }

    async fn handle_provisional(&mut self, response: &Response) {
        let status = response.status_code.code();
        let was = self.progress;
        if self.progress == Progress::Calling {
            self.progress = Progress::Proceeding;
            if self.is_cancelled {
                self.send_cancel().await;
            }
        }
        if status > 100 {
            self.acknowledge_reliable(response).await;
            self.progress = Progress::Ringing;
            if was != Progress::Ringing && !self.call.events.has_ended() {
                self.call.events.tell(DialogEvent::Ringing);
            }
        }
    }

    /// PRACK for a reliable provisional response (RFC 3262 §4); its body may be the answer to our offer.
    async fn acknowledge_reliable(&mut self, response: &Response) {
        let (Some(rseq), true) = (response.rseq_value(), response.header_contains_token("Require", "100rel")) else {
            return;
        };
        let Ok(branch) = self.base.made_by(response) else { return };
        let is_new = match &self.last_rseq {
            Some((last, tag)) if *tag == branch.remote_tag => rseq == last + 1,
            Some(_) | None => true,
        };
        if !is_new {
            return;
        }
        let Ok(cseq) = response.cseq_header().and_then(|header| header.seq()) else { return };
        self.last_rseq = Some((rseq, branch.remote_tag.clone()));
        if self.call.dialog.remote_tag != branch.remote_tag {
            self.call.dialog = branch;
        }
        if !response.body.is_empty()
            && self.call.descriptions.is_offer_open()
            && self.call.descriptions.take_answer(&response.body).is_ok()
        {
            self.call.apply_agreement();
        }
        self.call.next_hop = None;
        let mut prack = self.call.request(Method::PRack).await;
        prack.headers.push(Header::RAck(RAck::new(format!("{rseq} {cseq} INVITE"))));
        self.call.send(prack, None).await;
    }

    async fn handle_success(&mut self, response: &Response) -> Next {
        let made = match self.base.made_by(response) {
            Ok(made) => made,
            Err(error) => {
                tracing::info!(%error, "A call was answered by a 200 that makes no dialog");
                self.call.end(EndedBy::Failure);
                return Next::Over;
            }
        };
        if self.call.events.has_ended() {
            // 200 after the time-out or our hanging up: the stack has sent the ACK, and now BYE (§9.1).
            end_branch(&self.call.core, self.call.peer.as_ref(), &self.base, &self.call.flow, response).await;
            return Next::Over;
        }
        let cseq = self.call.dialog.local_cseq();
        self.call.dialog = made;
        self.call.dialog.skip_to_cseq(cseq);
        self.call.next_hop = None;
        if self.call.descriptions.is_offer_open()
            && let Err(error) = self.call.descriptions.take_answer(&response.body)
        {
            tracing::info!(%error, "A call was answered by a 200 without a usable answer");
            self.call.events.tell(DialogEvent::Refused(488));
            self.call.hang_up(EndedBy::Failure, Some("SIP;cause=488")).await;
            return Next::Over;
        }
        self.call.apply_agreement();
        self.call.can_update = response.header_value("Allow").is_some_and(|allow| allow.contains("UPDATE"));
        let (now, second) = (self.call.core.clock.now(), self.call.core.times.second);
        self.call.timer =
            session_timer::accepted(Asked::read(response)).map(|agreed| SessionTimer::start(agreed, now, second));
        self.call.events.tell(DialogEvent::Confirmed);
        Next::Agreed
    }

    /// A refusal: once more where that may help, else the end.
    async fn handle_refusal(&mut self, response: &Response) -> Option<mpsc::Receiver<InviteAnswer>> {
        let status = response.status_code.code();
        if !self.call.events.has_ended() {
            let min_seconds = Asked::read(response).min_seconds.filter(|min| *min > self.wish.seconds);
            if let (422, Some(min_seconds)) = (status, min_seconds) {
                self.wish = Wish { seconds: min_seconds, min_seconds: min_seconds.max(self.wish.min_seconds) };
                self.progress = Progress::Calling;
                return self.send_invite().await.ok();
            }
            // The host is dead or overloaded: its next address (RFC 3263 §4.3).
            let is_dead = status == 503 || (status == 408 && self.progress == Progress::Calling);
            if is_dead && let Ok(flow) = self.call.core.clone().first_flow(&mut self.addresses).await {
                self.call.flow = flow;
                self.progress = Progress::Calling;
                return self.send_invite().await.ok();
            }
            self.call.events.tell(DialogEvent::Refused(status));
            self.call.end(EndedBy::FarEnd);
        }
        None
    }

    async fn handle_request(&mut self, transaction: rsipstack::transaction::Transaction) {
        match transaction.original.method {
            Method::Invite => self.call.refuse(transaction, 500).await,
            // Early dialogs know requests too; what changes the session waits for the answer (RFC 3311 §5.2).
            Method::Update if !transaction.original.body.is_empty() => self.call.refuse(transaction, 491).await,
            _ => self.call.handle_request(transaction).await,
        }
    }

    /// Stops the ringing: the end is told at once, CANCEL goes as soon as it may, and a crossing 200 is ended.
    async fn give_up(&mut self, by: EndedBy) {
        self.call.end(by);
        self.is_cancelled = true;
        self.deadline = Some(self.call.core.clock.now() + self.call.core.times.t1 * 64);
        if self.progress != Progress::Calling {
            self.send_cancel().await;
        }
    }

    async fn send_cancel(&mut self) {
        let Some(invite) = &self.invite else { return };
        let mut cancel = cancel_of(invite);
        cancel.headers.extend(self.reason.map(|reason| Header::Reason(Reason::new(reason))).into_iter().collect());
        send_and_forget(&self.call.core, self.call.peer.as_ref(), cancel, &self.call.flow).await;
    }
}

/// The CANCEL of an INVITE (§9.1): the same request line, top Via, From, To, Call-ID, number and routes.
fn cancel_of(invite: &Request) -> Request {
    let mut has_via = false;
    let kept = invite.headers.iter().filter_map(|header| match header {
        Header::Via(_) if std::mem::replace(&mut has_via, true) => None,
        Header::Via(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::MaxForwards(_) => {
            Some(header.clone())
        }
        Header::Route(route) => Some(Header::Route(Route::new(route.value()))),
        Header::CSeq(cseq) => {
            let number = cseq.value().split_whitespace().next().unwrap_or_default();
            Some(Header::CSeq(format!("{number} CANCEL").as_str().into()))
        }
        // Everything else belongs to the INVITE alone.
        _ => None,
    });
    let headers: Vec<_> = kept.collect();
    Request { method: Method::Cancel, headers: headers.into(), body: vec![], ..invite.clone() }
}

async fn send_and_forget(core: &Arc<Core>, peer: Option<&Arc<Peer>>, request: Request, flow: &Flow) {
    let Ok(mut transaction) = core.client(request, flow) else { return };
    if transaction.send().await.is_ok() {
        tokio::spawn(client::finish(transaction, Challenge::of(peer)));
    }
}

/// Ends the branch that this 2xx made.
async fn end_branch(core: &Arc<Core>, peer: Option<&Arc<Peer>>, base: &Dialog, flow: &Flow, response: &Response) {
    let Ok(mut dialog) = base.made_by(response) else { return };
    let flow = in_dialog_flow(core, &dialog, flow).await;
    let bye = dialog.request(Method::Bye, core.via(&flow, peer.map(|peer| &**peer)));
    send_and_forget(core, peer, bye, &flow).await;
}

/// Ends every further branch that answers after the first.
async fn end_forks(
    core: Arc<Core>,
    peer: Option<Arc<Peer>>,
    base: Dialog,
    flow: Flow,
    mut answers: mpsc::Receiver<InviteAnswer>,
) {
    while let Some(answer) = answers.recv().await {
        if let InviteAnswer::Fork(response) = answer {
            end_branch(&core, peer.as_ref(), &base, &flow, &response).await;
        }
    }
}
