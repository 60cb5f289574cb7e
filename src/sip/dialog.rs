//! A dialog's memory (RFC 3261 §12): tags, sequence numbers, routes and targets. It makes the requests of our side
//! and judges the order of those of the far end. Pure.

use rsipstack::sip::headers::{CSeq, CallId, ContentType, From, RecordRoute, Route, To};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request, Response, StatusCode, Uri, Version, typed};

use super::wire;

/// Why a message cannot make or belong to a dialog.
#[derive(Debug, thiserror::Error)]
pub enum DialogError {
    /// A header is missing or cannot be read.
    #[error("{0}")]
    Header(#[from] rsipstack::sip::Error),
    /// There is no Contact to send requests to.
    #[error("no Contact")]
    NoContact,
}

/// Who a call of ours is between.
pub struct DialogParties<'a> {
    /// The Call-ID.
    pub call_id: &'a str,
    /// Our tag.
    pub local_tag: &'a str,
    /// From value without a tag.
    pub from: &'a str,
    /// To value.
    pub to: &'a str,
    /// Our Contact, with angle brackets.
    pub contact: &'a str,
}

/// What both sides of a call agreed to call it.
#[derive(Clone)]
pub struct Dialog {
    /// The Call-ID.
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Their tag; empty before the first response to our INVITE.
    pub remote_tag: String,
    /// Our address as From or To header value, with our tag.
    local: String,
    /// Their address as From or To header value, with their tag.
    remote: String,
    /// Our Contact, with angle brackets.
    contact: String,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    route_set: Vec<Uri>,
    /// Where requests to the far end are addressed.
    pub remote_target: Uri,
}

impl Dialog {
    /// As the called side (§12.1.1). `first_cseq` is drawn at random, below 2³¹.
    pub fn called(invite: &Request, local_tag: &str, contact: &str, first_cseq: u32) -> Result<Dialog, DialogError> {
        let remote_target = contact_uri(invite)?.ok_or(DialogError::NoContact)?;
        let mut route_set = Vec::new();
        for header in invite.record_route_headers() {
            route_set.extend(record_route_uris(header)?);
        }
        Ok(Dialog {
            call_id: invite.call_id_header()?.value().to_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: tag_of_from(invite.from_header()?).unwrap_or_default(),
            local: with_tag(invite.to_header()?.value(), local_tag),
            remote: invite.from_header()?.value().to_owned(),
            contact: contact.to_owned(),
            local_cseq: first_cseq,
            remote_cseq: Some(invite.cseq_header()?.seq()?),
            route_set,
            remote_target,
        })
    }

    /// As the calling side, before any response (§8.1.1).
    pub fn calling(parties: &DialogParties, target: Uri, route_set: Vec<Uri>, first_cseq: u32) -> Dialog {
        Dialog {
            call_id: parties.call_id.to_owned(),
            local_tag: parties.local_tag.to_owned(),
            remote_tag: String::new(),
            local: with_tag(parties.from, parties.local_tag),
            remote: parties.to.to_owned(),
            contact: parties.contact.to_owned(),
            local_cseq: first_cseq,
            remote_cseq: None,
            route_set,
            remote_target: target,
        }
    }

    /// The dialog that this response to our INVITE made (§12.1.2); each fork makes its own.
    pub fn made_by(&self, response: &Response) -> Result<Dialog, DialogError> {
        let mut made = self.clone();
        made.remote = response.to_header()?.value().to_owned();
        made.remote_tag = tag_of_to(response.to_header()?).unwrap_or_default();
        made.local_cseq = made.local_cseq.max(response.cseq_header()?.seq()?);
        let mut routes = Vec::new();
        for header in response.record_route_headers() {
            routes.extend(record_route_uris(header)?);
        }
        routes.reverse();
        made.route_set = routes;
        if let Some(target) = contact_uri_of(&response.contact_headers())? {
            made.remote_target = target;
        }
        Ok(made)
    }

    /// A request of ours within the dialog, with the next sequence number.
    pub fn request(&mut self, method: Method, via: Header) -> Request {
        self.local_cseq = self.local_cseq.wrapping_add(1) & 0x7fff_ffff;
        self.request_numbered(method, self.local_cseq, via)
    }

    /// A request of ours under a number that was given already (the first INVITE, its CANCEL).
    pub fn request_numbered(&self, method: Method, cseq: u32, via: Header) -> Request {
        let mut headers = vec![
            via,
            Header::MaxForwards(70.into()),
            Header::From(From::new(self.local.clone())),
            Header::To(To::new(self.remote.clone())),
            Header::CallId(CallId::new(self.call_id.clone())),
            Header::CSeq(CSeq::new(format!("{cseq} {method}"))),
        ];
        headers.extend(self.route_set.iter().map(|uri| Header::Route(Route::new(format!("<{uri}>")))));
        if !matches!(method, Method::Bye | Method::Cancel) {
            headers.push(contact_header(&self.contact));
        }
        headers.push(Header::UserAgent(USER_AGENT.into()));
        Request { method, uri: self.remote_target.clone(), version: Version::V2, headers: headers.into(), body: vec![] }
    }

    /// The number of our last request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Numbers used outside of this type (a repeated INVITE with credentials).
    pub fn skip_to_cseq(&mut self, cseq: u32) {
        self.local_cseq = self.local_cseq.max(cseq);
    }

    /// Whether a request of the far end comes in order (§12.2.2); remembers its number if so.
    pub fn is_in_order(&mut self, request: &Request) -> bool {
        let Ok(cseq) = request.cseq_header().and_then(|header| header.seq()) else { return false };
        if self.remote_cseq.is_some_and(|before| cseq <= before) {
            return false;
        }
        self.remote_cseq = Some(cseq);
        true
    }

    /// Takes the new Contact of a re-INVITE or UPDATE, or of a 2xx to ours (§12.2: target refresh).
    pub fn refresh_target(&mut self, contacts: &[&rsipstack::sip::headers::Contact]) {
        if let Ok(Some(target)) = contact_uri_of(contacts) {
            self.remote_target = target;
        }
    }

    /// Where requests go next: the first route, else the target itself.
    pub fn next_hop(&self) -> &Uri {
        self.route_set.first().unwrap_or(&self.remote_target)
    }

    /// Our Contact, with angle brackets.
    pub fn contact_value(&self) -> &str {
        &self.contact
    }

    /// Our Contact header.
    pub fn contact(&self) -> Header {
        contact_header(&self.contact)
    }
}

/// A response with the headers that every response needs (§8.2.6). Record-Route is copied, as a response
/// that makes a dialog must.
pub fn response(request: &Request, status: u16, reason: &str, to_tag: &str) -> Response {
    let mut headers = Vec::with_capacity(12);
    for header in request.headers.iter() {
        match header {
            Header::Via(_) | Header::From(_) | Header::CallId(_) | Header::CSeq(_) => headers.push(header.clone()),
            Header::RecordRoute(_) if status < 300 => headers.push(header.clone()),
            Header::To(to) if status == 100 || to_tag.is_empty() => headers.push(Header::To(to.clone())),
            Header::To(to) => headers.push(Header::To(To::new(with_tag(to.value(), to_tag)))),
            // Everything else of the request is no part of its response.
            _ => {}
        }
    }
    headers.push(Header::Server(USER_AGENT.into()));
    Response {
        status_code: StatusCode::Other(status, phrase(status, reason)),
        wire_reason: None,
        version: Version::V2,
        headers: headers.into(),
        body: vec![],
    }
}

/// Adds a body and says what it is.
pub fn with_body(response: &mut Response, content_type: &str, body: String) {
    response.headers.push(Header::ContentType(ContentType::new(content_type)));
    response.headers.push(Header::ContentLength((body.len() as u32).into()));
    response.body = body.into_bytes();
}

/// What we call ourselves in messages; no version, since that helps attackers only.
pub const USER_AGENT: &str = "Switchboard";

/// The reason phrase to a status: `reason`, or the usual one where it is empty.
pub fn phrase(status: u16, reason: &str) -> String {
    let reason = if reason.is_empty() {
        match status {
            100 => "Trying",
            180 => "Ringing",
            183 => "Session Progress",
            // The refusals and 200.
            _ => wire::reason_phrase(status),
        }
    } else {
        reason
    };
    // A phrase is one line (§25.1: Reason-Phrase); anything else would start a header of its own.
    reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn with_tag(value: &str, tag: &str) -> String {
    let parameters = value.rfind('>').map_or(value, |at| &value[at..]);
    if parameters.to_ascii_lowercase().contains(";tag=") {
        return value.to_owned();
    }
    format!("{value};tag={tag}")
}

/// The tag of a From value.
pub fn tag_of_from(from: &From) -> Option<String> {
    from.tag().ok().flatten().map(|tag| tag.value().to_owned())
}

/// The tag of a To value.
pub fn tag_of_to(to: &To) -> Option<String> {
    to.tag().ok().flatten().map(|tag| tag.value().to_owned())
}

fn contact_uri(request: &Request) -> Result<Option<Uri>, DialogError> {
    contact_uri_of(&request.contact_headers())
}

fn contact_uri_of(contacts: &[&rsipstack::sip::headers::Contact]) -> Result<Option<Uri>, DialogError> {
    let Some(contact) = contacts.first() else { return Ok(None) };
    let contact = typed::Contact::parse_header_list(contact.value())?.into_iter().next();
    Ok(contact.map(|contact| contact.uri))
}

fn record_route_uris(header: &RecordRoute) -> Result<Vec<Uri>, DialogError> {
    let typed = typed::RecordRoute::parse_header_list(header.value())?;
    Ok(typed.into_iter().map(|route| route.uri).collect())
}

fn contact_header(contact: &str) -> Header {
    Header::Contact(rsipstack::sip::headers::Contact::new(contact.to_owned()))
}
