//! Transfers within a call (R6).
//!
//! 1. Ours: REFER (RFC 3515) asks the far end to call somebody else, with Replaces (RFC 3891) where that somebody is the
//!    far end of another call of ours. NOTIFY tells how it goes; the call itself stays as it is.
//! 2. Theirs: refused, unless the trunk may ask and the target is one of its `refer_targets`: then the house is told,
//!    and what it reports goes back by NOTIFY.
//! 3. INVITE with Replaces: whoever proves to know one of our calls by its Call-ID and both tags takes the far end's
//!    place in it. The audio stays where it is; the old far end gets BYE.

use std::time::Instant;

use rsipstack::sip::headers::{Event, ReferTo as ReferToHeader, ReferredBy, SubscriptionState};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Host, Method, Request, Response};
use rsipstack::transaction::{Transaction, random_text};
use tokio::sync::oneshot;

use super::body;
use super::call::{Call, SDP};
use super::core::{Core, Dialogs, Flow, transport_name};
use super::dialog::{self, Dialog};
use super::grammar;
use super::handle::Outcome;
use super::invite_server::InviteServer;
use super::numbers;
use super::peers::Peer;
use super::session_timer::{self, Asked};
use crate::config::sip::TransportName;
use crate::domain::phone_number::PhoneNumber;
use crate::seams::signaling::{Destination, DialogEvent, DialogName, EndedBy, ReferTo, SignalingError};

/// The transfers of one call, at most one each way at a time.
#[derive(Default)]
pub(super) struct Transfers {
    ours: Option<Ours>,
    theirs: Option<Theirs>,
    /// REFERs accepted so far: from the second on they are told apart by their number (RFC 3515 §2.4.6).
    accepted: u32,
    /// The far end hung up while our transfer was under way: its outcome is awaited, and nothing else.
    is_alone: bool,
}

/// A transfer that we asked for.
struct Ours {
    /// The response to the REFER; `None` once it came.
    answer: Option<oneshot::Receiver<Option<Response>>>,
    until: Instant,
}

/// A transfer that the far end asked for.
struct Theirs {
    event: String,
    until: Instant,
}

impl Transfers {
    /// When one of them has taken too long.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let ours = self.ours.as_ref().map(|ours| ours.until);
        ours.into_iter().chain(self.theirs.as_ref().map(|theirs| theirs.until)).min()
    }

    /// Where the response to our REFER comes in.
    pub fn answer(&mut self) -> Option<&mut oneshot::Receiver<Option<Response>>> {
        self.ours.as_mut()?.answer.as_mut()
    }
}

impl Call {
    /// What the call is known by.
    pub fn name(&self) -> DialogName {
        DialogName {
            call_id: self.dialog.call_id.clone(),
            local_tag: self.dialog.local_tag.clone(),
            remote_tag: self.dialog.remote_tag.clone(),
            target: self.dialog.remote_target.to_string(),
        }
    }

    /// Asks the far end to call somebody else.
    pub async fn refer(&mut self, to: &ReferTo) -> Outcome {
        if self.transfers.ours.is_some() || self.transfers.is_alone {
            return Err(SignalingError::WrongState);
        }
        let value = self.refer_to_value(to)?;
        let mut request = self.request(Method::Refer).await;
        let own = self.dialog.contact_value().to_owned();
        request.headers.push(Header::ReferTo(ReferToHeader::new(value)));
        request.headers.push(Header::ReferredBy(ReferredBy::new(own)));
        let (sender, answer) = oneshot::channel();
        self.transfers.ours = Some(Ours { answer: Some(answer), until: self.core.clock.now() + self.transfer_limit() });
        self.send(request, Some(sender)).await;
        Ok(())
    }

    fn refer_to_value(&self, to: &ReferTo) -> Result<String, SignalingError> {
        match to {
            ReferTo::Destination(destination) => {
                let ways = self.core.ways_to(destination, None)?;
                // The far end finds its own way there; it is told the address that we would ask for.
                let own_trunk = |name: &str| self.peer.as_ref().is_some_and(|peer| peer.name == name);
                let way = ways.iter().find(|way| own_trunk(&way.peer.name)).or(ways.front());
                way.map(|way| format!("<{}>", way.target)).ok_or(SignalingError::NoTrunk)
            }
            ReferTo::Call(name) => {
                let target = name.target.split(['?', '>']).next().unwrap_or_default();
                let replaces = format!("{};to-tag={};from-tag={}", name.call_id, name.remote_tag, name.local_tag);
                Ok(format!("<{target}?Replaces={}>", escaped(&replaces)))
            }
        }
    }

    fn transfer_limit(&self) -> std::time::Duration {
        self.core.times.second * self.core.config.ring_limit_seconds.max(1)
    }

    /// The response to our REFER.
    pub fn handle_refer_answer(&mut self, response: Option<Response>) {
        let status = response.map_or(408, |response| response.status_code.code());
        let Some(ours) = &mut self.transfers.ours else { return };
        ours.answer = None;
        if status >= 300 {
            self.tell_outcome(status);
        }
    }

    /// NOTIFY: how our transfer goes (RFC 3515 §2.4.4).
    pub async fn handle_notify(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        let is_refer = event_of(&request).is_some_and(|event| event.eq_ignore_ascii_case("refer"));
        if !is_refer {
            let mut response = self.response(&request, 489);
            response.headers.push(Header::Other("Allow-Events".into(), "refer".into()));
            return self.reply(&mut transaction, response).await;
        }
        if self.transfers.ours.is_none() {
            // Nothing is under way (any more): this ends the subscription at their side.
            return self.refuse(transaction, 481).await;
        }
        self.reply(&mut transaction, self.response(&request, 200)).await;
        let is_over = request.headers.iter().any(|header| {
            matches!(header, Header::SubscriptionState(state)
                if state.value().trim().to_ascii_lowercase().starts_with("terminated"))
        });
        match status_of_fragment(&request.body) {
            Some(status) if status >= 200 => self.tell_outcome(status),
            // It ended without saying how.
            Some(_) | None if is_over => self.tell_outcome(408),
            Some(status) => self.events.tell(DialogEvent::ReferProgress(status)),
            None => {}
        }
    }

    fn tell_outcome(&mut self, status: u16) {
        self.transfers.ours = None;
        self.events.tell(DialogEvent::ReferProgress(status));
        if self.transfers.is_alone {
            self.end(EndedBy::FarEnd);
        }
    }

    /// The far end hung up. While our transfer is under way that does not tell how it went: many hang up as soon as
    /// they have begun to call, so the outcome is awaited a little longer. True when the call is over.
    pub fn is_over_by_bye(&mut self) -> bool {
        let Some(ours) = &mut self.transfers.ours else { return true };
        ours.until = ours.until.min(self.core.clock.now() + self.core.times.t1 * 64);
        self.transfers.is_alone = true;
        self.leg = None;
        self.places.clear();
        self.talk = None;
        false
    }

    /// Whether the far end is gone already.
    pub fn is_alone(&self) -> bool {
        self.transfers.is_alone
    }

    /// Something took too long.
    pub async fn handle_transfer_timeout(&mut self, now: Instant) {
        if self.transfers.ours.as_ref().is_some_and(|ours| now >= ours.until) {
            self.tell_outcome(408);
        }
        if self.transfers.theirs.as_ref().is_some_and(|theirs| now >= theirs.until) {
            // Nobody took it up.
            let _ = self.report_transfer(503).await;
        }
    }

    /// REFER: the far end asks for a transfer.
    pub async fn handle_refer(&mut self, mut transaction: Transaction) {
        let request = transaction.original.clone();
        let Some(trunk) = self.peer.as_ref().and_then(|peer| peer.trunk.as_ref()).filter(|trunk| trunk.allow_refer)
        else {
            return self.refuse(transaction, 603).await;
        };
        let mut values = request.headers.iter().filter_map(|header| match header {
            Header::ReferTo(to) => Some(to.value().to_owned()),
            // Every other header names no target.
            _ => None,
        });
        let (Some(value), None) = (values.next(), values.next()) else { return self.refuse(transaction, 400).await };
        let home = trunk.home_country.as_deref().or(self.core.config.home_country.as_deref());
        let Some(destination) = permitted(&value, &trunk.refer_targets, home) else {
            return self.refuse(transaction, 403).await;
        };
        if self.transfers.theirs.is_some() {
            return self.refuse(transaction, 491).await;
        }
        let cseq = request.cseq_header().and_then(|cseq| cseq.seq()).unwrap_or_default();
        let event = if self.transfers.accepted == 0 { "refer".to_owned() } else { format!("refer;id={cseq}") };
        self.transfers.accepted += 1;
        self.reply(&mut transaction, self.response(&request, 202)).await;
        let until = self.core.clock.now() + self.core.times.second * TAKE_UP_SECONDS;
        self.transfers.theirs = Some(Theirs { event, until });
        self.notify(100).await;
        self.events.tell(DialogEvent::TransferAsked(destination));
    }

    /// Tells the far end how its transfer goes.
    pub async fn report_transfer(&mut self, status: u16) -> Outcome {
        if self.transfers.theirs.is_none() || !(100..700).contains(&status) {
            return Err(SignalingError::WrongState);
        }
        self.notify(status).await;
        let until = self.core.clock.now() + self.transfer_limit();
        match &mut self.transfers.theirs {
            Some(theirs) if status < 200 => theirs.until = until,
            Some(_) | None => self.transfers.theirs = None,
        }
        Ok(())
    }

    async fn notify(&mut self, status: u16) {
        let Some(event) = self.transfers.theirs.as_ref().map(|theirs| theirs.event.clone()) else { return };
        let mut notify = self.request(Method::Notify).await;
        let state =
            if status >= 200 { "terminated;reason=noresource".to_owned() } else { format!("active;expires={}", 180) };
        notify.headers.push(Header::Event(Event::new(event)));
        notify.headers.push(Header::SubscriptionState(SubscriptionState::new(state)));
        notify.headers.push(Header::ContentType("message/sipfrag;version=2.0".into()));
        notify.body = format!("SIP/2.0 {status} {}\r\n", dialog::phrase(status, "")).into_bytes();
        self.send(notify, None).await;
    }

    /// INVITE with Replaces: a new far end in place of the old (RFC 3891 §3).
    pub async fn handle_replacement(&mut self, transaction: Transaction) {
        let (flow, connection_flow) = (self.flow.clone(), flow_of(&self.core, &transaction));
        let server = InviteServer::start(transaction);
        let request = server.request.clone();
        let tag = random_text(16);
        let refuse = |server: InviteServer, status: u16| {
            let response = dialog::response(&server.request, status, "", &tag);
            server.respond(response);
        };
        let named = Replaces::of(&request).filter(|replaces| replaces.from_tag == self.dialog.remote_tag);
        let Some(replaces) = named.filter(|_| !self.is_alone()) else { return refuse(server, 481) };
        if replaces.is_early_only {
            // It is answered, and theirs is for one that rings.
            return refuse(server, 486);
        }
        let flow = connection_flow.unwrap_or(flow);
        let contact = self.core.contact(&flow, self.peer.as_deref());
        let Ok(made) = Dialog::called(&request, &tag, &contact, self.core.random_number()) else {
            return refuse(server, 400);
        };
        let Ok(timer) = session_timer::answer(Asked::read(&request), self.wish()) else { return refuse(server, 422) };
        let mut descriptions = self.descriptions.afresh(u64::from(self.core.random_number()));
        let answer = match body::session_description(&request, &request.body) {
            Ok(None) => descriptions.offer(),
            Ok(Some(offer)) => match descriptions.answer(offer) {
                Ok(answer) => answer,
                Err(error) => {
                    self.descriptions.take_medium_of(&mut descriptions);
                    return refuse(server, error.status());
                }
            },
            Err(error) => {
                self.descriptions.take_medium_of(&mut descriptions);
                return refuse(server, error.refusal().0);
            }
        };
        let Some(inbox) = self.core.dialogs.find(&self.dialog.call_id, &self.dialog.local_tag) else {
            self.descriptions.take_medium_of(&mut descriptions);
            return refuse(server, 481);
        };
        self.send_bye(None).await;
        self.listed = vec![Dialogs::list(&self.core, &made.call_id, &made.local_tag, inbox)];
        self.dialog = made;
        self.flow = flow;
        self.next_hop = None;
        self.descriptions = descriptions;
        self.can_update = request.header_value("Allow").is_some_and(|allow| allow.contains("UPDATE"));
        self.refresh = None;
        self.transfers = Transfers::default();
        self.restart_timer(timer);
        let mut response = self.response(&request, 200);
        response.headers.extend(timer.map(session_timer::response_headers).unwrap_or_default());
        dialog::with_body(&mut response, SDP, answer);
        server.respond(response);
        // Its ACK is awaited as that of a re-INVITE is.
        self.reinvite = Some(server);
        if !self.descriptions.is_offer_open() {
            self.apply_agreement();
        }
    }
}

/// How long the house may take to say that it takes a transfer up, in seconds.
const TAKE_UP_SECONDS: u32 = 10;

/// The Replaces header of an INVITE.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replaces {
    pub call_id: String,
    /// The tag of the side that receives it: ours.
    pub to_tag: String,
    pub from_tag: String,
    pub is_early_only: bool,
}

impl Replaces {
    /// Reads it; `None` where it is missing, stands there twice, or lacks a tag (RFC 3891 §3).
    pub fn of(request: &Request) -> Option<Replaces> {
        let mut values = request.headers.iter().filter(|header| is_replaces(header)).map(Header::value);
        let value = values.next().filter(|_| values.next().is_none())?.to_owned();
        let mut parts = value.split(';').map(str::trim);
        let call_id = parts.next().filter(|call_id| !call_id.is_empty())?.to_owned();
        let (mut to_tag, mut from_tag, mut is_early_only) = (None, None, false);
        for part in parts {
            match part.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some((name, value)) if name.eq_ignore_ascii_case("to-tag") => to_tag = Some(value.to_owned()),
                Some((name, value)) if name.eq_ignore_ascii_case("from-tag") => from_tag = Some(value.to_owned()),
                None if part.eq_ignore_ascii_case("early-only") => is_early_only = true,
                // Parameters of others mean nothing to us.
                Some(_) | None => {}
            }
        }
        Some(Replaces { call_id, to_tag: to_tag?, from_tag: from_tag?, is_early_only })
    }

    /// Whether there is such a header at all.
    pub fn is_in(request: &Request) -> bool {
        request.headers.iter().any(is_replaces)
    }
}

fn is_replaces(header: &Header) -> bool {
    header.name().eq_ignore_ascii_case("Replaces")
}

/// The destination among those permitted that a Refer-To value means. It is taken from the list, never from the value.
fn permitted(value: &str, targets: &[String], home: Option<&str>) -> Option<Destination> {
    let uri = grammar::address(value.trim()).ok()?.uri.to_owned();
    // Headers in an address would make a call of its writer's own choice.
    if uri.contains('?') {
        return None;
    }
    let asked = numbers::number_of(&uri, home);
    targets.iter().find_map(|target| match PhoneNumber::parse(target, home) {
        Ok(number) => (asked.as_ref() == Some(&number)).then_some(Destination::Number(number)),
        Err(_) => (bare(target) == bare(&uri)).then(|| Destination::Uri(target.clone())),
    })
}

/// An address without its parameters, for comparing.
fn bare(uri: &str) -> String {
    uri.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn event_of(request: &Request) -> Option<String> {
    request.headers.iter().find_map(|header| match header {
        Header::Event(event) => Some(event.value().split(';').next().unwrap_or_default().trim().to_owned()),
        // Every other header names no event.
        _ => None,
    })
}

/// The status of a `message/sipfrag` body (RFC 3420).
fn status_of_fragment(body: &[u8]) -> Option<u16> {
    let line = body.split(|byte| *byte == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let status = line.trim().strip_prefix("SIP/2.0 ")?.split(' ').next()?.parse().ok()?;
    (100..700).contains(&status).then_some(status)
}

/// What a header value within an address must not hold (RFC 3261 §19.1.1).
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'!' | b'~' | b'*' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Where a request came from.
fn flow_of(core: &Core, transaction: &Transaction) -> Option<Flow> {
    let source = transaction.destination.as_ref()?;
    let Host::IpAddr(ip) = source.addr.host else { return None };
    let port = source.addr.port.as_ref().map_or(5060, |port| port.value());
    let address = std::net::SocketAddr::new(ip, port);
    match transport_name(source.r#type?)? {
        TransportName::Udp => Some(core.udp_flow(address)),
        by_stream => Some(core.stack.streams.from(address, by_stream)?.flow()),
    }
}

impl Core {
    /// Whether a call comes from one of our own numbers, or was diverted by somebody whom we are ringing: taking it
    /// would be talking to ourselves (R55).
    pub fn is_our_own(&self, from: Option<&PhoneNumber>, diverted_by: Option<String>) -> bool {
        from.is_some_and(|number| self.own_numbers.contains(number))
            || diverted_by.is_some_and(|party| self.ringing.is_rung(&party))
    }

    /// The numbers that our calls come from.
    pub fn own_numbers(config: &crate::config::sip::SipConfig, peers: &[std::sync::Arc<Peer>]) -> Vec<PhoneNumber> {
        let home = config.home_country.as_deref();
        let of_trunks = peers.iter().filter_map(|peer| peer.trunk.as_ref()).filter_map(|trunk| {
            let home = trunk.home_country.as_deref().or(home);
            PhoneNumber::parse(trunk.own_number.as_deref()?, home).ok()
        });
        of_trunks.chain(PhoneNumber::parse(&config.own_number, home).ok()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invite(headers: &str) -> Request {
        Request::try_from(format!("INVITE sip:a@b SIP/2.0\r\n{headers}\r\n\r\n").as_str()).unwrap()
    }

    #[test]
    fn replaces_is_read_whole_or_not_at_all() {
        let read = |headers: &str| Replaces::of(&invite(headers));
        let whole = read("Replaces: 98732@sip;from-tag=r33;to-tag=ff87;early-only").unwrap();
        assert_eq!(
            (whole.call_id.as_str(), whole.to_tag.as_str(), whole.from_tag.as_str()),
            ("98732@sip", "ff87", "r33")
        );
        assert!(whole.is_early_only);
        for broken in ["Replaces: x;to-tag=1", "Replaces: ;to-tag=1;from-tag=2", "Subject: x"] {
            assert_eq!(read(broken), None, "{broken}");
        }
        assert_eq!(read("Replaces: a;to-tag=1;from-tag=2\r\nReplaces: b;to-tag=1;from-tag=2"), None);
    }

    /// S9, R5: only what stands in the list is called, in the words of the list.
    #[test]
    fn only_listed_targets_are_permitted() {
        let targets = ["+4930123456".to_owned(), "sip:anna@pbx.example".to_owned()];
        let asked = |value: &str| permitted(value, &targets, Some("DE"));
        assert!(matches!(asked("<sip:030123456@carrier>"), Some(Destination::Number(_))));
        assert!(
            matches!(asked("sip:Anna@PBX.example;transport=tcp"), Some(Destination::Uri(uri)) if uri == targets[1])
        );
        for other in ["<sip:+900123@x>", "<sip:anna@evil.example>", "<sip:anna@pbx.example?Replaces=x>", "anna", ""] {
            assert!(asked(other).is_none(), "{other}");
        }
    }

    #[test]
    fn fragments_are_read() {
        assert_eq!(status_of_fragment(b"SIP/2.0 180 Ringing\r\n"), Some(180));
        assert_eq!(status_of_fragment(b"SIP/2.0 200 OK"), Some(200));
        for broken in [&b""[..], b"SIP/2.0", b"SIP/2.0 99999 x", b"HTTP/1.1 200 OK", b"\xff\xfe"] {
            assert_eq!(status_of_fragment(broken), None);
        }
        assert_eq!(escaped("a@b;to-tag=1"), "a%40b%3Bto-tag%3D1");
    }
}
