//! Doors that open by password: phones that register, and trunks that call with a digest (RFC 3261 §22).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::counter;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, Request};
use rsipstack::transaction::Transaction;
use rsipstack::transaction::key::TransactionKey;

use super::auth::{AuthRequest, AuthRules, Authenticator, Credentials, Verdict};
use super::core::{Core, Flow};
use super::dialog;
use super::peers::{Peer, Peers};
use super::registrar::{self, FlowTransport, Outcome, Register, Registrar, RegistrarRules};
use super::wire;
use crate::config::sip::{SipConfig, TransportName};

/// Who may come in by password, and where phones are.
pub(super) struct Doors {
    authenticator: Mutex<Authenticator>,
    registrar: Mutex<Registrar>,
    phones: HashMap<String, Credentials>,
    callers: HashMap<String, Credentials>,
    trunks: HashMap<String, Arc<Peer>>,
}

/// What a password check came to.
pub(super) enum Knock {
    /// It is this user.
    Open(String),
    /// It was answered; there is nothing more to do.
    Answered,
}

impl Doors {
    /// Hashes the passwords of the configuration. `secret` is drawn at random.
    pub fn new(config: &SipConfig, peers: &Peers, secret: [u8; 32]) -> Doors {
        let realm = &config.realm;
        let phones: HashMap<_, _> = config
            .phones
            .iter()
            .map(|phone| (phone.name.clone(), Credentials::from_password(&phone.name, realm, phone.password.expose())))
            .collect();
        let mut callers = phones.clone();
        let mut trunks = HashMap::new();
        for peer in peers.trunks() {
            let Some(trunk) = peer.trunk.as_ref().filter(|trunk| trunk.challenge) else { continue };
            let (Some(user), Some(password)) = (&trunk.username, &trunk.password) else { continue };
            callers.insert(user.clone(), Credentials::from_password(user, realm, password.expose()));
            trunks.insert(user.clone(), peer.clone());
        }
        Doors {
            authenticator: Mutex::new(Authenticator::new(AuthRules::new(realm), secret)),
            registrar: Mutex::new(Registrar::new(RegistrarRules::default())),
            phones,
            callers,
            trunks,
        }
    }

    /// Whether anybody may come in by password.
    pub fn is_any(&self) -> bool {
        !self.callers.is_empty()
    }

    fn registrar(&self) -> std::sync::MutexGuard<'_, Registrar> {
        self.registrar.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Core {
    /// Judges the password of a request; whoever does not pass is answered here, without a trace.
    pub async fn knock(&self, raw: &[u8], request: &Request, flow: &Flow) -> Knock {
        let values: Vec<&str> = request
            .headers
            .iter()
            .filter_map(|header| match header {
                Header::Authorization(value) => Some(value.value()),
                // Every other header opens no door.
                _ => None,
            })
            .collect();
        let method = request.method.to_string();
        let start = String::from_utf8_lossy(wire::start_line(raw));
        let uri = start.split(' ').nth(1).unwrap_or_default();
        let asked = AuthRequest { method: &method, uri, authorization: &values };
        let users = match request.method {
            Method::Register => &self.doors.phones,
            // Everything else that is asked for a password is a call.
            _ => &self.doors.callers,
        };
        let now = self.clock.epoch();
        let source = flow.address.ip();
        let verdict = {
            let mut authenticator = self.doors.authenticator.lock().unwrap_or_else(PoisonError::into_inner);
            authenticator.check(now, source, &asked, users)
        };
        match verdict {
            Verdict::Accepted { user } => return Knock::Open(user),
            Verdict::Challenge { values, failed } => {
                if failed {
                    counter!("switchboard_sip_wrong_passwords_total").increment(1);
                }
                let lines: Vec<_> = values.iter().map(|value| format!("WWW-Authenticate: {value}")).collect();
                self.refuse_with(raw, flow, 401, &lines).await;
            }
            Verdict::Wait { retry_after_s } => {
                self.refuse_with(raw, flow, 403, &[format!("Retry-After: {retry_after_s}")]).await;
            }
            Verdict::Malformed { .. } => self.refuse_with(raw, flow, 400, &[]).await,
        }
        Knock::Answered
    }

    /// The peer that a user calls as.
    pub fn peer_of(&self, user: &str) -> Option<Arc<Peer>> {
        self.doors.trunks.get(user).or_else(|| self.peers.phone(user)).cloned()
    }

    /// REGISTER (RFC 3261 §10.3).
    pub async fn receive_register(&self, raw: &[u8], request: Request, key: TransactionKey, flow: &Flow) {
        if !self.peers.has_phones() {
            return self.refuse_with(raw, flow, 405, &[format!("Allow: {}", super::gate::ALLOW)]).await;
        }
        let Knock::Open(user) = self.knock(raw, &request, flow).await else { return };
        let owner = request.to_header().ok().and_then(|to| to.uri().ok());
        if owner.as_ref().and_then(|uri| uri.user()) != Some(&*user) {
            return self.refuse_with(raw, flow, 403, &[]).await;
        }
        let transaction = self.server_transaction(key, request, flow);
        self.register(transaction, &user, flow).await;
    }

    async fn register(&self, mut transaction: Transaction, user: &str, flow: &Flow) {
        let request = transaction.original.clone();
        let contacts: Vec<&str> = request.contact_headers().iter().flat_map(|value| list(value.value())).collect();
        let expires = request.expires_header().map(|expires| expires.value());
        let outcome = self.doors.registrar().register(
            self.clock.now(),
            &Register {
                phone: user,
                call_id: request.call_id_header().map(|id| id.value()).unwrap_or_default(),
                cseq: request.cseq_header().and_then(|cseq| cseq.seq()).unwrap_or_default(),
                expires,
                contacts: &contacts,
                flow: flow_of(flow),
            },
        );
        let tag = rsipstack::transaction::random_text(16);
        let answer = |status, reason: &str| dialog::response(&request, status, reason, &tag);
        let response = match outcome {
            Outcome::Registered { contacts } => {
                let mut response = answer(200, "");
                let headers = contacts.into_iter().map(|value| Header::Contact(value.as_str().into()));
                response.headers.extend(headers.collect());
                response
            }
            Outcome::TooBrief { min_expires_s } => {
                let mut response = answer(423, "");
                response.headers.push(Header::MinExpires(min_expires_s.to_string().as_str().into()));
                response
            }
            Outcome::Malformed { reason } => answer(400, reason),
            Outcome::OutOfOrder => answer(500, ""),
        };
        if let Err(error) = transaction.respond(response).await {
            tracing::debug!(%error, "A REGISTER could not be answered");
        }
    }

    /// Whether a phone is registered over this flow.
    pub fn is_registered_over(&self, flow: &Flow) -> bool {
        self.doors.registrar().has_flow(self.clock.now(), &flow_of(flow))
    }

    /// Where a phone can be reached: the address to ask for, and the flow it registered over (R47).
    pub fn phone_address(&self, phone: &str) -> Option<(String, Flow)> {
        let registrar = self.doors.registrar();
        registrar.bindings(self.clock.now(), phone).into_iter().find_map(|binding| {
            let remote = binding.flow.remote;
            let by_stream = |transport| Some(self.stack.streams.from(remote, transport)?.flow());
            let flow = match binding.flow.transport {
                FlowTransport::Udp => Some(self.udp_flow(remote)),
                FlowTransport::Tcp => by_stream(TransportName::Tcp),
                FlowTransport::Tls => by_stream(TransportName::Tls),
                FlowTransport::Ws => by_stream(TransportName::Ws),
                FlowTransport::Wss => by_stream(TransportName::Wss),
            }?;
            Some((binding.request_uri().to_owned(), flow))
        })
    }
}

fn flow_of(flow: &Flow) -> registrar::Flow {
    let transport = match flow.transport {
        TransportName::Udp => FlowTransport::Udp,
        TransportName::Tcp => FlowTransport::Tcp,
        TransportName::Tls => FlowTransport::Tls,
        TransportName::Ws => FlowTransport::Ws,
        TransportName::Wss => FlowTransport::Wss,
    };
    registrar::Flow { remote: flow.address, transport, connection: None }
}

/// The entries of a Contact value: commas outside of quotes and brackets part them.
fn list(value: &str) -> Vec<&str> {
    let (mut entries, mut from, mut is_quoted, mut is_bracketed) = (Vec::new(), 0, false, false);
    for (at, letter) in value.char_indices() {
        match letter {
            '"' => is_quoted = !is_quoted,
            '<' if !is_quoted => is_bracketed = true,
            '>' if !is_quoted => is_bracketed = false,
            ',' if !is_quoted && !is_bracketed => {
                entries.push(value[from..at].trim());
                from = at + 1;
            }
            // Any other letter is part of the entry.
            _ => {}
        }
    }
    entries.push(value[from..].trim());
    entries
}
