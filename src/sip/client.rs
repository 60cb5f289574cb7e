//! Requests of ours to their final response, with credentials where the trunk asks for them.

use std::sync::{Arc, OnceLock};

use rsipstack::dialog::authenticate::{AuthRetry, Credential, handle_client_authenticate};
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Response, SipMessage, StatusCodeKind};
use rsipstack::transaction::Transaction;

use super::auth::challenged_realm;
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

    /// The challenged request again, with credentials; `None` where we have none, or gave them already.
    pub async fn answer(&mut self, transaction: &Transaction, response: &Response) -> Option<Transaction> {
        if !matches!(response.status_code.code(), 401 | 407) {
            return None;
        }
        let credential = self.credential(response)?;
        if !self.retry.should_answer(response) {
            return None;
        }
        let cseq = transaction.original.cseq_header().ok()?.seq().ok()?.wrapping_add(1);
        handle_client_authenticate(cseq, transaction, response.clone(), &credential).await.ok()
    }

    fn credential(&self, response: &Response) -> Option<Credential> {
        let peer = self.peer.as_ref()?;
        let trunk = peer.trunk.as_ref()?;
        let realm = realm_of(response)?;
        let own_realm = match &trunk.realm {
            Some(configured) => configured,
            None => peer.realm.get_or_init(|| realm.clone()),
        };
        if *own_realm != realm {
            tracing::warn!(sip.trunk = %peer.name, "A challenge for another realm was not answered; see sip.trunks.realm");
            return None;
        }
        Some(Credential {
            username: trunk.username.clone()?,
            password: trunk.password.as_ref()?.expose().to_owned(),
            realm: Some(realm),
            auth_username: trunk.auth_username.clone(),
        })
    }
}

/// The realm a trunk named first, where configuration names none.
pub(super) type FirstRealm = OnceLock<String>;

fn realm_of(response: &Response) -> Option<String> {
    let value = response.headers.iter().find_map(|header| match header {
        Header::WwwAuthenticate(challenge) => Some(challenge.value()),
        Header::ProxyAuthenticate(challenge) => Some(challenge.value()),
        // Every other header challenges nothing.
        _ => None,
    })?;
    challenged_realm(value)
}

/// Receives until the final response; `None` when none came.
pub(super) async fn finish(mut transaction: Transaction, mut challenge: Challenge) -> Option<Response> {
    while let Some(message) = transaction.receive().await {
        let SipMessage::Response(response) = message else { continue };
        if response.status_code.kind() == StatusCodeKind::Provisional {
            continue;
        }
        let Some(mut again) = challenge.answer(&transaction, &response).await else { return Some(response) };
        again.send().await.ok()?;
        transaction = again;
    }
    None
}
