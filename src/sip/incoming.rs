//! A call that comes in, until it is agreed on (RFC 3261 §13.3).
//!
//! 1. 100, then: is the INVITE usable? What cannot be is refused with its reason.
//! 2. A leg is opened, the offer answered, the leg configured, and the call handed to the house.
//! 3. The house rings, answers or refuses; the far end may cancel, hang up, or ask for early things.
//! 4. After 200 the ACK is awaited: then the call is agreed. Without one it ends with BYE.

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::counter;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response};
use rsipstack::transaction::{Transaction, random_text};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::body;
use super::call::{Call, SDP, until, wish};
use super::core::{Core, Dialogs, Flow, draw_keys};
use super::descriptions::{DescriptionError, Descriptions};
use super::dialog::{self, Dialog};
use super::gate::Admitted;
use super::handle::{self, Command, Outcome, reason_text};
use super::invite_server::{InviteEvent, InviteServer};
use super::numbers;
use super::peers::Peer;
use super::reliable::{Due, Reliable};
use super::ringing;
use super::sdp::{self, MediaPreferences, SessionDescription};
use super::session_timer::{self, Agreed, Asked, SessionTimer};
use super::transfer::Replaces;
use crate::config::sip::{Srtp, TransportName};
use crate::domain::ids::LegId;
use crate::seams::browser::{BrowserMedium, KeyedMedium};
use crate::seams::media::{LegSpec, MediaError, MediaLeg};
use crate::seams::signaling::{DialogEvent, EndedBy, IncomingCall, SignalingError};

/// Tells the entries of INVITEs by their sender's tag from those of dialogs by ours.
pub(super) const MERGE_PREFIX: &str = "merge:";

/// Takes an INVITE from the gate to the end of its call.
pub(super) async fn serve(core: Arc<Core>, transaction: Transaction, flow: Flow, admitted: Admitted) {
    let invite = InviteServer::start(transaction);
    invite.respond(dialog::response(&invite.request, 100, "", ""));
    match Early::prepare(core, invite, flow, admitted).await {
        Ok((early, call)) => {
            if early.call.core.incoming.try_send(call).is_err() {
                // The house takes no more calls: the handle went with the call, and so hangs it up.
                tracing::warn!("A call came in that nobody took");
            }
            early.run().await;
        }
        Err(refused) => refused.invite.respond(refused.response),
    }
}

/// How long a far end may take from our answer to its first audio, where keys are exchanged.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A leg that is ready for what was offered.
struct Opened {
    leg: MediaLeg,
    descriptions: Descriptions,
    /// Our answer, where there was an offer.
    description: Option<String>,
    /// Comes once a browser has found us.
    connected: Option<oneshot::Receiver<()>>,
}

/// Why no leg was made for a call.
struct NoLeg {
    status: u16,
    header: Option<Header>,
}

/// Makes a leg for what was offered, on the thread of the leg that it may be joined with.
async fn open_leg(
    core: &Arc<Core>,
    flow: &Flow,
    peer: &Arc<Peer>,
    offer: Option<Vec<u8>>,
    beside: Option<LegId>,
) -> Result<Opened, NoLeg> {
    let agent = core.own_host(flow, Some(peer));
    let refused = |error: DescriptionError| NoLeg {
        status: error.status(),
        header: Some(Header::Warning(error.warning(&agent).into())),
    };
    let session_id = u64::from(core.random_number());
    let wishes = core.wishes(peer, flow);
    let spec = LegSpec { beside, ..core.leg_spec(flow, peer) };
    let by_browser = offer.as_deref().filter(|offer| wishes.srtp != Srtp::Off && sdp::is_by_browser(offer));
    if let (Some(browsers), Some(offer)) = (&core.browsers, by_browser) {
        let medium = browsers.answer(flow.address.ip(), &String::from_utf8_lossy(offer), beside).await;
        return Ok(opened_by_browser(wishes, session_id, medium.map_err(|error| refused(error.into()))?, true));
    }
    let is_page = matches!(flow.transport, TransportName::Ws | TransportName::Wss) && wishes.srtp != Srtp::Off;
    if let (Some(browsers), true, None) = (&core.browsers, is_page, &offer) {
        let medium = browsers.offer(flow.address.ip(), beside).await;
        return Ok(opened_by_browser(wishes, session_id, medium.map_err(|error| refused(error.into()))?, false));
    }
    let read = offer.as_deref().map(SessionDescription::parse).transpose().map_err(|error| refused(error.into()))?;
    let is_keyed = read.map_or(wishes.offers_exchange(), |offer| wishes.takes_exchange(&offer));
    let no_leg = |error: MediaError| {
        tracing::warn!(%error, "A call came in and no leg could be made for it");
        let retry_after = core.config.limits.retry_after_seconds.to_string();
        NoLeg { status: 503, header: Some(Header::RetryAfter(retry_after.as_str().into())) }
    };
    let described = |leg: &MediaLeg| {
        Descriptions::new(wishes.clone(), (leg.advertised, leg.advertised_rtcp), session_id, draw_keys)
    };
    let (leg, mut descriptions, connected) = match core.browsers.as_ref().filter(|_| is_keyed) {
        Some(keyed) => {
            let KeyedMedium { leg, fingerprint, exchange, connected } = keyed.open_keyed(spec).await.map_err(no_leg)?;
            let mut descriptions = described(&leg);
            descriptions.keyed_by(exchange, fingerprint);
            (leg, descriptions, Some(connected))
        }
        None => {
            let leg = core.media.open(spec).await.map_err(no_leg)?;
            let descriptions = described(&leg);
            (leg, descriptions, None)
        }
    };
    if offer.is_none() && !descriptions.can_offer() {
        return Err(NoLeg { status: 488, header: None });
    }
    let description = offer.map(|offer| descriptions.answer(&offer)).transpose().map_err(refused)?;
    Ok(Opened { leg, descriptions, description, connected })
}

/// A browser's leg. Its description is our answer already, or an offer that is made when there is nothing to answer.
fn opened_by_browser(wishes: MediaPreferences, session_id: u64, medium: BrowserMedium, is_answer: bool) -> Opened {
    let BrowserMedium { leg, description, session, connected } = medium;
    let mut descriptions = Descriptions::new(wishes, (leg.advertised, leg.advertised_rtcp), session_id, draw_keys);
    descriptions.of_browser(session, &description);
    Opened { leg, descriptions, description: is_answer.then_some(description), connected: Some(connected) }
}

struct Refused {
    invite: InviteServer,
    response: Response,
}

/// A call that is not yet agreed on.
struct Early {
    call: Call,
    invite: InviteServer,
    reliable: Reliable,
    takes_reliable: bool,
    /// The description for the 200; gone once it was sent.
    description: Option<String>,
    agreed_timer: Option<Agreed>,
    state: State,
    ring_until: Instant,
    /// When an ACK can no longer come; the stack tells, unless it could not even send the 200.
    ack_until: Option<Instant>,
    /// Reason of the BYE that waits for the ACK.
    bye_reason: Option<&'static str>,
    /// Comes once a browser has found us.
    connected: Option<oneshot::Receiver<()>>,
    /// The stream the INVITE came by is gone: no answer can reach the caller any more (S7).
    stream: Option<CancellationToken>,
}

enum State {
    /// Not answered yet.
    Ringing,
    /// To be answered as soon as the reliable response that carries our offer is acknowledged.
    AnswerWaits(oneshot::Sender<Outcome>),
    /// 200 was sent.
    Answered,
    /// 200 was sent and we hung up meanwhile: BYE as soon as the ACK came (§15).
    HangUpWaits,
}

enum Woken {
    Command(Option<Command>),
    Request(Box<Transaction>),
    Invite(Option<InviteEvent>),
    StreamLost,
    Timeout,
}

impl Early {
    async fn prepare(
        core: Arc<Core>,
        invite: InviteServer,
        flow: Flow,
        admitted: Admitted,
    ) -> Result<(Early, IncomingCall), Box<Refused>> {
        let tag = random_text(TAG_LETTERS);
        let refuse = |invite: InviteServer, status: u16, headers: Vec<Header>| {
            let mut response = dialog::response(&invite.request, status, "", &tag);
            response.headers.extend(headers);
            Box::new(Refused { invite, response })
        };
        let peer = &admitted.peer;
        let contact = core.contact(&flow, Some(peer));
        let dialog = match Dialog::called(&invite.request, &tag, &contact, core.random_number()) {
            Ok(dialog) => dialog,
            Err(_) => return Err(refuse(invite, 400, vec![])),
        };
        let timer = match session_timer::answer(Asked::read(&invite.request), wish(&core)) {
            Ok(timer) => timer,
            Err(too_short) => {
                return Err(refuse(invite, 422, vec![Header::MinSE(too_short.0.to_string().as_str().into())]));
            }
        };
        let offer = match body::session_description(&invite.request, &invite.request.body) {
            Ok(offer) => offer.map(<[u8]>::to_vec),
            Err(error) => {
                let (status, header) = error.refusal();
                return Err(refuse(invite, status, header.into_iter().collect()));
            }
        };
        let headers: Vec<_> = invite.request.headers.iter().map(|header| (header.name(), header.value())).collect();
        let rules = peer.number_rules(core.config.home_country.as_deref());
        let mut info = numbers::parties(&invite.request.uri.to_string(), &headers, &rules)
            .into_call_info(peer.name.as_str(), dialog.call_id.as_str());
        info.headers = numbers::kept_headers(&headers);
        let caller = info.from.as_ref().and_then(|party| party.number.as_ref());
        if core.is_our_own(caller, info.diverted_by.as_ref().map(ringing::who_is)) {
            counter!("switchboard_sip_calls_refused_total", "why" => "own").increment(1);
            return Err(refuse(invite, 486, vec![]));
        }
        let own_phone = peer.trunk.is_none().then_some(peer.name.as_str());
        let rung_for = info.from.as_ref().and_then(|party| core.ringing.was_rung_for(party, own_phone));
        let opened = open_leg(&core, &flow, peer, offer, rung_for).await;
        let Opened { leg, descriptions, description, connected } = match opened {
            Ok(opened) => opened,
            Err(NoLeg { status, header }) => return Err(refuse(invite, status, header.into_iter().collect())),
        };
        let (inbox_sender, inbox) = mpsc::channel(INBOX);
        let merge_tag = format!("{MERGE_PREFIX}{}", dialog.remote_tag);
        let listed = vec![
            Dialogs::list(&core, &dialog.call_id, &tag, inbox_sender.clone()),
            Dialogs::list(&core, &dialog.call_id, &merge_tag, inbox_sender),
        ];
        let lines = handle::lines();
        let can_update = invite.request.header_value("Allow").is_some_and(|allow| allow.contains("UPDATE"));
        let takes_reliable =
            ["Supported", "Require"].iter().any(|name| invite.request.header_contains_token(name, "100rel"));
        let mut call = Call {
            peer: Some(peer.clone()),
            flow,
            next_hop: None,
            dialog,
            descriptions,
            leg: Some(leg.control.clone()),
            speaker: core.spoken.speaker(leg.id),
            commands: lines.commands,
            inbox,
            events: lines.events,
            timer: None,
            can_update,
            is_held: false,
            reinvite: None,
            refresh: None,
            connecting: None,
            places: admitted.places.into(),
            transfers: Default::default(),
            talk: None,
            listed,
            core,
        };
        call.configure();
        let now = call.core.clock.now();
        let early = Early {
            reliable: Reliable::new(call.core.random_number() >> 8, call.core.times.t1),
            invite,
            takes_reliable,
            description,
            agreed_timer: timer,
            state: State::Ringing,
            ack_until: None,
            bye_reason: None,
            connected,
            stream: call.flow.line.as_ref().map(|line| line.end_token()),
            ring_until: now + Duration::from_secs(call.core.config.ring_limit_seconds.into()),
            call,
        };
        Ok((early, IncomingCall { info, leg, dialog: lines.handle, events: lines.events_out }))
    }

    async fn run(mut self) {
        loop {
            let woken = self.wait().await;
            let agreed = match woken {
                Woken::Command(command) => self.obey(command),
                Woken::Request(transaction) => {
                    self.handle_request(*transaction).await;
                    false
                }
                Woken::Invite(event) => self.handle_invite_event(event).await,
                Woken::StreamLost => {
                    self.stream = None;
                    self.handle_loss().await;
                    false
                }
                Woken::Timeout => {
                    self.handle_timeout().await;
                    false
                }
            };
            if agreed {
                return self.call.run().await;
            }
            if self.call.events.has_ended() && !matches!(self.state, State::HangUpWaits) {
                return;
            }
        }
    }

    async fn wait(&mut self) -> Woken {
        let is_ended = self.call.events.has_ended();
        let ring_until = matches!(self.state, State::Ringing | State::AnswerWaits(_)).then_some(self.ring_until);
        let deadline = self.reliable.poll_timeout().into_iter().chain(ring_until).chain(self.ack_until).min();
        let stream = self.stream.clone();
        tokio::select! {
            command = self.call.commands.recv(), if !is_ended => Woken::Command(command),
            Some(transaction) = self.call.inbox.recv() => Woken::Request(Box::new(transaction)),
            event = self.invite.events.recv() => Woken::Invite(event),
            () = lost(stream) => Woken::StreamLost,
            () = until(deadline) => Woken::Timeout,
        }
    }

    /// Does as ordered. Never agrees by itself: that is the ACK's doing.
    fn obey(&mut self, command: Option<Command>) -> bool {
        match (command, &self.state) {
            (Some(Command::Ring(reply)), State::Ringing) => {
                self.ring();
                let _ = reply.send(Ok(()));
            }
            (Some(Command::Answer(reply)), State::Ringing) => {
                if self.reliable.is_pending() && self.call.descriptions.is_offer_open() {
                    self.state = State::AnswerWaits(reply);
                } else {
                    self.answer();
                    self.tell_answered(reply);
                }
            }
            (Some(Command::Reject(status, reason, reply)), State::Ringing | State::AnswerWaits(_)) => {
                self.refuse(status, &reason, EndedBy::Us);
                let _ = reply.send(Ok(()));
            }
            (Some(Command::HangUp(reason, reply)), State::Answered) => {
                self.bye_reason = reason.map(reason_text);
                self.hang_up_when_acked();
                let _ = reply.send(Ok(()));
            }
            (Some(Command::HangUp(_, reply)), _) => {
                self.refuse(480, "", EndedBy::Us);
                let _ = reply.send(Ok(()));
            }
            // Whoever took the call is gone.
            (None, State::Answered) => self.hang_up_when_acked(),
            (None, _) => self.refuse(503, "", EndedBy::Us),
            (Some(command), _) => command.refuse(),
        }
        false
    }

    /// The call is answered as soon as both sides can hear each other: with a browser that is after its 200, by which it
    /// learns where we are.
    fn tell_answered(&mut self, reply: oneshot::Sender<Outcome>) {
        match self.connected.take() {
            None => drop(reply.send(Ok(()))),
            Some(connected) => {
                tokio::spawn(async move {
                    let connected = tokio::time::timeout(CONNECT_LIMIT, connected).await;
                    let is_connected = matches!(connected, Ok(Ok(())));
                    let _ = reply.send(if is_connected { Ok(()) } else { Err(SignalingError::WrongState) });
                });
            }
        }
    }

    fn ring(&mut self) {
        if self.reliable.is_pending() {
            return;
        }
        let mut response = self.call.response(&self.invite.request, 180);
        if self.takes_reliable {
            if self.description.is_none() && self.call.descriptions.agreed().is_none() {
                let offer = self.call.descriptions.offer();
                dialog::with_body(&mut response, SDP, offer);
            }
            let cseq = self.invite.request.cseq_header().and_then(|header| header.seq()).unwrap_or_default();
            self.reliable.begin(&mut response, cseq, self.call.core.clock.now());
        }
        self.invite.respond(response);
    }

    fn answer(&mut self) {
        self.reliable.stop();
        let mut response = self.call.response(&self.invite.request, 200);
        response.headers.extend(self.agreed_timer.map(session_timer::response_headers).unwrap_or_default());
        let is_agreed = self.description.is_none() && self.call.descriptions.agreed().is_some();
        if !is_agreed {
            let description = self.description.take().unwrap_or_else(|| self.call.descriptions.offer());
            dialog::with_body(&mut response, SDP, description);
        }
        self.invite.respond(response);
        self.call.meet();
        self.state = State::Answered;
        self.ack_until = Some(self.call.core.clock.now() + self.call.core.times.t1 * ACK_LIMIT_T1);
    }

    fn refuse(&mut self, status: u16, reason: &str, by: EndedBy) {
        self.reliable.stop();
        let status = if (300..700).contains(&status) { status } else { 603 };
        let mut response = dialog::response(&self.invite.request, status, reason, &self.call.dialog.local_tag);
        if status == 503 {
            let retry_after = self.call.core.config.limits.retry_after_seconds.to_string();
            response.headers.push(Header::RetryAfter(retry_after.as_str().into()));
        }
        self.invite.respond(response);
        self.call.end(by);
    }

    fn hang_up_when_acked(&mut self) {
        self.state = State::HangUpWaits;
        self.call.end(EndedBy::Us);
    }

    /// True once both sides agreed.
    async fn handle_invite_event(&mut self, event: Option<InviteEvent>) -> bool {
        match (event, &self.state) {
            (Some(InviteEvent::Acked(ack)), State::Answered) => self.handle_ack(&ack).await,
            (Some(InviteEvent::Acked(_)) | Some(InviteEvent::Over) | None, State::HangUpWaits) => {
                self.say_bye().await;
                false
            }
            (Some(InviteEvent::Cancelled), State::Ringing | State::AnswerWaits(_)) => {
                self.refuse(487, "", EndedBy::FarEnd);
                false
            }
            // It crossed our 200, which stands (§9.2).
            (Some(InviteEvent::Cancelled), _) => false,
            (Some(InviteEvent::Over) | None, _) => {
                self.call.hang_up(EndedBy::Failure, Some("SIP;cause=408;text=\"no ACK\"")).await;
                false
            }
            // The ACK of a refusal.
            (Some(InviteEvent::Acked(_)), _) => false,
        }
    }

    async fn handle_ack(&mut self, ack: &Request) -> bool {
        if self.call.descriptions.is_offer_open() {
            if let Err(error) = self.call.descriptions.take_answer(&ack.body) {
                tracing::info!(%error, "An ACK brought no usable answer");
                self.call.hang_up(EndedBy::Failure, Some("SIP;cause=488")).await;
                return false;
            }
            self.call.apply_agreement();
        }
        let now = self.call.core.clock.now();
        self.call.timer = self.agreed_timer.map(|agreed| SessionTimer::start(agreed, now, self.call.core.times.second));
        self.call.events.tell(DialogEvent::Confirmed);
        true
    }

    async fn say_bye(&mut self) {
        self.state = State::Ringing;
        self.call.send_bye(self.bye_reason).await;
    }

    async fn handle_request(&mut self, transaction: Transaction) {
        let request = transaction.original.clone();
        match request.method {
            Method::PRack => self.handle_prack(transaction).await,
            Method::Bye => {
                self.call.handle_request(transaction).await;
                match self.state {
                    State::Ringing | State::AnswerWaits(_) => self.refuse(487, "", EndedBy::FarEnd),
                    // They have our 200, or they would not say goodbye.
                    State::Answered | State::HangUpWaits => self.invite.stop(),
                }
                self.state = State::Ringing;
            }
            // Only what is answered can be replaced (RFC 3891 §3).
            Method::Invite if Replaces::is_in(&request) => self.call.refuse(transaction, 481).await,
            // Another offer before the first is answered, or another INVITE before the first is over (§14.2).
            Method::Invite => self.call.refuse(transaction, 500).await,
            Method::Update if !request.body.is_empty() && self.description.is_some() => {
                self.call.refuse(transaction, 500).await;
            }
            _ => self.call.handle_request(transaction).await,
        }
    }

    async fn handle_prack(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        if !self.call.dialog.is_in_order(&request) || !self.reliable.handle_prack(request.rack_value()) {
            return self.call.refuse(transaction, 481).await;
        }
        if self.call.descriptions.is_offer_open() && !request.body.is_empty() {
            match self.call.descriptions.take_answer(&request.body) {
                Ok(()) => self.call.apply_agreement(),
                Err(error) => tracing::info!(%error, "A PRACK brought no usable answer"),
            }
        }
        let response = self.call.response(&request, 200);
        self.call.reply(&mut transaction, response).await;
        if matches!(self.state, State::AnswerWaits(_))
            && let State::AnswerWaits(reply) = std::mem::replace(&mut self.state, State::Ringing)
        {
            self.answer();
            self.tell_answered(reply);
        }
    }

    async fn handle_loss(&mut self) {
        match self.state {
            State::Ringing | State::AnswerWaits(_) => self.refuse(480, "", EndedBy::Failure),
            State::Answered => self.call.hang_up(EndedBy::Failure, None).await,
            State::HangUpWaits => self.say_bye().await,
        }
        self.invite.stop();
    }

    async fn handle_timeout(&mut self) {
        let now = self.call.core.clock.now();
        if self.ack_until.take_if(|ack_until| now >= *ack_until).is_some() {
            return self.handle_loss().await;
        }
        match self.reliable.handle_timeout(now) {
            Some(Due::Resend(response)) => return self.invite.respond(*response),
            Some(Due::GiveUp) => return self.refuse(504, "", EndedBy::Failure),
            None => {}
        }
        if now >= self.ring_until && matches!(self.state, State::Ringing | State::AnswerWaits(_)) {
            self.refuse(480, "", EndedBy::RingTimeout);
        }
    }
}

async fn lost(stream: Option<CancellationToken>) {
    match stream {
        Some(stream) => stream.cancelled().await,
        None => std::future::pending().await,
    }
}

/// The ACK's time in units of T1: 64 by RFC 3261 §13.3.1.4, which the stack counts, and a little patience.
const ACK_LIMIT_T1: u32 = 68;
/// Letters of a tag: 95 bits of chance, since it also tells who may send requests within the call.
const TAG_LETTERS: usize = 16;
/// Requests of the far end that may wait for the call.
const INBOX: usize = 16;
