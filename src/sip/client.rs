//! Requests of ours to their final response, with credentials where the trunk asks for them.

use std::sync::{Arc, OnceLock};

use rsipstack::dialog::authenticate::AuthRetry;
use rsipstack::sip::headers::{Authorization, CSeq, ProxyAuthorization};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Request, Response, SipMessage, StatusCodeKind};
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::{Transaction, random_text};

use super::call::reachable;
use super::core::{Core, Flow};
use super::digest::{self, Question};
use super::peers::Peer;

/// Answers digest challenges with a trunk's credentials, in that trunk's own realm only (S8).
pub(super) struct Challenge {
    peer: Option<Arc<Peer>>,
    retry: AuthRetry,
}

impl Challenge {
    /// For requests to this peer.
    pub fn of(peer: Option<&Arc<Peer>>) -> Challenge {
        Challenge { peer: peer.cloned(), retry: AuthRetry::new() }
    }

    /// The challenged request again, with credentials; `None` where we have none, or gave them already. The
    /// stack's own answering is not used: it knows SHA-256 by another name than RFC 8760.
    pub fn answer(&mut self, transaction: &Transaction, response: &Response) -> Option<Transaction> {
        let is_proxy = match response.status_code.code() {
            401 => false,
            407 => true,
            _ => return None,
        };
        let value = self.credentials(&transaction.original, response, is_proxy)?;
        if !self.retry.should_answer(response) {
            return None;
        }
        let mut request = transaction.original.clone();
        let cseq = request.cseq_header().ok()?.seq().ok()?.wrapping_add(1) & 0x7fff_ffff;
        let method = request.method;
        request.headers.retain(|header| !matches!(header, Header::Authorization(_) | Header::ProxyAuthorization(_)));
        for header in request.headers.iter_mut() {
            match header {
                Header::CSeq(value) => *value = CSeq::new(format!("{cseq} {method}")),
                Header::Via(via) => {
                    let (before, _) = via.value().split_once(";branch=")?;
                    *via = format!("{before};branch=z9hG4bK{};rport", random_text(16)).into();
                }
                // Everything else stays as it was (RFC 3261 §22.2).
                _ => {}
            }
        }
        request.headers.push(match is_proxy {
            true => Header::ProxyAuthorization(ProxyAuthorization::new(value)),
            false => Header::Authorization(Authorization::new(value)),
        });
        let key = TransactionKey::from_request(&request, TransactionRole::Client).ok()?;
        let (endpoint, connection) = (transaction.endpoint_inner.clone(), transaction.connection.clone());
        let mut again = Transaction::new_client(key, request, endpoint, connection);
        again.destination = transaction.destination.clone();
        Some(again)
    }

    fn credentials(&self, request: &Request, response: &Response, is_proxy: bool) -> Option<String> {
        let peer = self.peer.as_ref()?;
        let trunk = peer.trunk.as_ref()?;
        let values = response.headers.iter().filter_map(|header| match header {
            Header::WwwAuthenticate(challenge) if !is_proxy => Some(challenge.value()),
            Header::ProxyAuthenticate(challenge) if is_proxy => Some(challenge.value()),
            // Every other header challenges nothing.
            _ => None,
        });
        let own: Vec<&str> = values.filter(|value| is_own_realm(peer, trunk.realm.as_deref(), value)).collect();
        if own.is_empty() {
            tracing::warn!(sip.trunk = %peer.name, "A challenge for another realm was not answered; see sip.trunks.realm");
        }
        let user = trunk.auth_username.as_ref().or(trunk.username.as_ref())?;
        let question = Question {
            user,
            password: trunk.password.as_ref()?.expose(),
            method: &request.method.to_string(),
            uri: &request.uri.to_string(),
            cnonce: &random_text(16),
        };
        digest::answer(&own, &question)
    }
}

fn is_own_realm(peer: &Peer, configured: Option<&str>, challenge: &str) -> bool {
    let Some(realm) = digest::realm(challenge) else { return false };
    match configured {
        Some(configured) => configured == realm,
        None => *peer.realm.get_or_init(|| realm.clone()) == realm,
    }
}

/// The realm a trunk named first, where configuration names none.
pub(super) type FirstRealm = OnceLock<String>;

/// Sends the ACK of a 2xx over the way the call takes where its Contact cannot be reached from here, which is behind NAT
/// (RFC 5626 §4.1); the stack has sent it to the Contact already. By a stream, that is the same way.
pub(super) async fn acknowledge(core: &Core, transaction: &Transaction, way: &Flow) {
    let Some(ack) = transaction.last_ack.as_ref().filter(|_| !way.transport.is_stream()) else { return };
    if reachable(core, &ack.destination(), way).await.is_empty() {
        core.send_raw(way, ack.to_string().as_bytes()).await;
    }
}

/// Receives until the final response; `None` when none came. `way` is where an INVITE was sent.
pub(super) async fn finish(
    mut transaction: Transaction,
    mut challenge: Challenge,
    way: Option<(&Core, &Flow)>,
) -> Option<Response> {
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        if response.status_code.kind() == StatusCodeKind::Provisional {
            continue;
        }
        let Some(mut again) = challenge.answer(&transaction, &response) else {
            if let Some((core, flow)) = way {
                acknowledge(core, &transaction, flow).await;
            }
            return Some(response);
        };
        again.send().await.ok()?;
        transaction = again;
    }
    None
}
