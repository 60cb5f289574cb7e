//! What all parts of signalling share: the stack beneath, the peers, the dialogs under way, the limits.

use std::collections::HashMap;
use std::hash::RandomState;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::resolver::SipResolver;
use rsipstack::resolver::sip_resolver::{LookupSource, resolve_logic};
use rsipstack::sip::{Header, HostWithPort, Request, Scheme, Transport, Uri};
use rsipstack::transaction::endpoint::EndpointInnerRef;
use rsipstack::transaction::key::{TransactionKey, TransactionRole};
use rsipstack::transaction::{Transaction, random_text};
use rsipstack::transport::{SipAddr, SipConnection};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::doors::Doors;
use super::limits::{Buckets, Places, TokenBucket};
use super::line::Line;
use super::peers::{Peer, Peers};
use super::ringing::Ringing;
use super::screen::ScreenLimits;
use super::sdp::{KEY_BYTES, MediaPreferences, OurKeys};
use super::spoken::Spoken;
use super::stream::Streams;
use super::tls::Tls;
use crate::config::sip::{SipConfig, SrtpKeying, TransportName};
use crate::domain::ids::LegId;
use crate::domain::phone_number::PhoneNumber;
use crate::seams::browser::BrowserMedia;
use crate::seams::clock::{Clock, Ids};
use crate::seams::media::{LegSpec, MediaNode};
use crate::seams::signaling::{IncomingCall, SignalingError};

/// RFC 3261's base times. Tests shorten them; nothing else has a reason to.
#[derive(Clone, Copy, Debug)]
pub struct SipTimes {
    /// Round-trip estimate T1; time-outs are 64 times this.
    pub t1: Duration,
    /// Longest retransmission interval T2.
    pub t2: Duration,
    /// How long a message may stay in the network, T4.
    pub t4: Duration,
    /// The length of a second of session timers.
    pub second: Duration,
}

impl Default for SipTimes {
    fn default() -> Self {
        SipTimes {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            second: Duration::from_secs(1),
        }
    }
}

/// Shared by every task of the server.
pub(super) struct Core {
    pub config: SipConfig,
    pub times: SipTimes,
    pub media: Arc<dyn MediaNode>,
    pub clock: Arc<dyn Clock>,
    pub ids: Arc<dyn Ids>,
    pub peers: Peers,
    pub doors: Doors,
    pub stack: Stack,
    pub dialogs: Dialogs,
    pub limits: Mutex<Rates>,
    pub calls: Places,
    /// Connections that others may make.
    pub connections: Places,
    pub tls: Tls,
    pub spoken: Spoken,
    /// Audio with browsers, where there is any.
    pub browsers: Option<Arc<dyn BrowserMedia>>,
    /// The numbers that our calls come from.
    pub own_numbers: Vec<PhoneNumber>,
    pub ringing: Ringing,
    pub incoming: mpsc::Sender<IncomingCall>,
    pub draining: AtomicBool,
    /// Names this process in INVITEs, so that one that comes back is known.
    pub loop_mark: String,
    /// What a message may look like.
    pub screen_limits: ScreenLimits,
    /// Makes the tags of stateless replies.
    pub tag_hasher: RandomState,
}

/// How often sources may ask, counted together.
pub(super) struct Rates {
    pub calls: TokenBucket,
    pub calls_by_source: Buckets<IpAddr>,
    pub requests_by_source: Buckets<IpAddr>,
}

/// Sockets and the transaction layer.
pub(super) struct Stack {
    pub endpoint: EndpointInnerRef,
    pub udp: Arc<tokio::net::UdpSocket>,
    pub udp_connection: SipConnection,
    /// Connections, ours and theirs.
    pub streams: Streams,
    /// Where we listen.
    pub local: SocketAddr,
    /// Where we listen for streams of other kinds than TCP.
    pub others: Vec<(TransportName, SocketAddr)>,
    pub resolver: SipResolver,
    /// Where names are looked up instead, in tests.
    pub names: Option<Arc<dyn LookupSource>>,
    pub cancel: CancellationToken,
}

impl Stack {
    /// Where we listen for this, if it is not where UDP and TCP do.
    pub fn listens(&self, transport: TransportName) -> Option<SocketAddr> {
        self.others.iter().find(|(known, _)| *known == transport).map(|(_, address)| *address)
    }
}

/// Where a message came from or goes to.
#[derive(Clone)]
pub(super) struct Flow {
    pub address: SocketAddr,
    pub transport: TransportName,
    pub connection: SipConnection,
    /// The stream, where it is one.
    pub line: Option<Arc<Line>>,
}

/// Where a message may be sent next, and for which host that address stands (RFC 3263).
#[derive(Clone, Debug)]
pub(super) struct Hop {
    pub address: SocketAddr,
    pub transport: TransportName,
    /// The host that was asked for: whose certificate it must show.
    pub host: String,
}

impl Flow {
    /// The far end in the stack's words.
    pub fn sip_addr(&self) -> SipAddr {
        SipAddr { r#type: Some(transport_type(self.transport)), addr: HostWithPort::from(self.address) }
    }

    /// Whether it can carry another message. A datagram socket always can.
    pub fn is_alive(&self) -> bool {
        self.line.as_ref().is_none_or(|line| line.is_alive())
    }
}

impl Core {
    /// A client transaction, not yet sent.
    pub fn client(&self, request: Request, flow: &Flow) -> Result<Transaction, SignalingError> {
        let key = TransactionKey::from_request(&request, TransactionRole::Client).map_err(stack_error)?;
        let connection = Some(flow.connection.clone());
        let mut transaction = Transaction::new_client(key, request, self.stack.endpoint.clone(), connection);
        transaction.destination = Some(flow.sip_addr());
        Ok(transaction)
    }

    /// A Via of ours with a fresh branch (RFC 3261 §8.1.1.7), asking for rport (RFC 3581).
    pub fn via(&self, flow: &Flow, peer: Option<&Peer>) -> Header {
        let transport = flow.transport.in_via();
        let host = self.own_host(flow, peer);
        let branch = random_text(16);
        Header::Via(format!("SIP/2.0/{transport} {host};branch=z9hG4bK{branch};rport").into())
    }

    /// Our Contact towards a peer, with angle brackets.
    pub fn contact(&self, flow: &Flow, peer: Option<&Peer>) -> String {
        let host = self.own_host(flow, peer);
        format!("<sip:switchboard@{host}{}>", flow.transport.uri_parameter())
    }

    /// Our host and port as the far end should see them.
    pub fn own_host(&self, flow: &Flow, peer: Option<&Peer>) -> String {
        let plain_port = self.stack.local.port();
        let own_port = self.stack.listens(flow.transport).map(|address| address.port());
        let port = own_port.unwrap_or(plain_port);
        if let Some(address) = peer.and_then(|peer| peer.advertised) {
            return SocketAddr::new(address, port).to_string();
        }
        match &self.config.advertised {
            // The port written there is that of UDP and TCP.
            Some(advertised) => match (advertised.rsplit_once(':'), own_port) {
                (Some((host, _)), Some(port)) => format!("{host}:{port}"),
                (Some(_), None) => advertised.clone(),
                (None, _) => format!("{advertised}:{port}"),
            },
            None => SocketAddr::new(self.own_ip(flow.address.ip()), port).to_string(),
        }
    }

    /// The address of ours that packets to `towards` leave from.
    pub fn own_ip(&self, towards: IpAddr) -> IpAddr {
        let bound = self.stack.local.ip();
        if !bound.is_unspecified() {
            return bound;
        }
        route_source(towards).unwrap_or(bound)
    }

    /// The addresses a SIP URI or `host[:port]` stands for, best first (RFC 3263).
    pub async fn resolve(&self, uri: &Uri) -> Result<Vec<Hop>, SignalingError> {
        use rsipstack::sip::uri::ParamsExt;
        let is_sips = uri.scheme == Some(Scheme::Sips);
        let transport = if is_sips { Some(Transport::Tls) } else { uri.transport().copied() };
        let named = match transport.map(transport_name) {
            None => TransportName::Udp,
            Some(Some(named @ (TransportName::Udp | TransportName::Tcp | TransportName::Tls))) => named,
            Some(_) => {
                return Err(SignalingError::BadDestination("(a transport other than UDP, TCP and TLS)".into()));
            }
        };
        let host = uri.host_with_port.host.to_string();
        let hop = |address, transport| Hop { address, transport, host: host.clone() };
        let port = uri.host_with_port.port.as_ref().map(|port| port.value());
        match &uri.host_with_port.host {
            rsipstack::sip::Host::IpAddr(ip) => {
                Ok(vec![hop(SocketAddr::new(*ip, port.unwrap_or(default_port(named))), named)])
            }
            rsipstack::sip::Host::Domain(domain) => {
                let port = uri.host_with_port.port;
                let look_up = async {
                    match &self.stack.names {
                        Some(names) => resolve_logic(&**names, domain, port, transport, is_sips).await,
                        None => self.stack.resolver.lookup(domain, port, transport, is_sips).await,
                    }
                };
                let found = tokio::time::timeout(RESOLVE_LIMIT, look_up)
                    .await
                    .map_err(|_| {
                        SignalingError::Stack(format!("{domain} was not found in time; check the name server"))
                    })?
                    .map_err(|error| SignalingError::Stack(format!("{domain}: {error}")))?;
                let addresses: Vec<_> = found
                    .into_iter()
                    .filter_map(|target| Some(hop(target.addr, transport_name(target.transport)?)))
                    // What was asked for over TLS is not carried in the clear because a name server says so.
                    .filter(|hop| named != TransportName::Tls || hop.transport == TransportName::Tls)
                    .filter(|hop| hop.address.is_ipv4() == self.stack.local.is_ipv4())
                    .collect();
                if addresses.is_empty() {
                    return Err(SignalingError::Stack(format!("{domain} has no address that we can reach")));
                }
                Ok(addresses)
            }
        }
    }

    /// A flow to a hop: the UDP socket, or a stream, which is made if there is none.
    pub async fn flow_to(self: &Arc<Self>, hop: &Hop, peer: Option<&Arc<Peer>>) -> Result<Flow, SignalingError> {
        match hop.transport {
            TransportName::Udp => Ok(self.udp_flow(hop.address)),
            TransportName::Tcp | TransportName::Tls => self.stream_to(hop, peer).await,
            // Only who has come by a WebSocket can be reached by it.
            TransportName::Ws | TransportName::Wss => Err(SignalingError::BadDestination("(a page)".into())),
        }
    }

    /// The flow to an address by datagrams.
    pub fn udp_flow(&self, address: SocketAddr) -> Flow {
        let connection = self.stack.udp_connection.clone();
        Flow { address, transport: TransportName::Udp, connection, line: None }
    }

    /// Whose messages come by this flow: the trunk that its certificate proves, else whoever has that address.
    pub fn peer_at(&self, flow: &Flow) -> Option<&Arc<Peer>> {
        let proven = flow.line.as_ref().and_then(|line| line.proven.as_ref());
        let proven = proven.and_then(|peer| self.peers.trunks().iter().find(|trunk| Arc::ptr_eq(trunk, peer)));
        proven.or_else(|| self.peers.by_source(flow.address.ip(), flow.transport))
    }

    /// What we are willing to speak with a peer over this flow.
    pub fn wishes(&self, peer: &Peer, flow: &Flow) -> MediaPreferences {
        let keys_are_private = flow.transport.is_secure() || self.config.srtp_without_tls;
        let mut wishes = MediaPreferences { keys_are_private, ..peer.preferences.clone() };
        if self.browsers.is_none() {
            wishes.keying.retain(|keying| *keying != SrtpKeying::Dtls);
        }
        wishes
    }

    /// A leg for a call by this flow.
    pub fn leg_spec(&self, flow: &Flow, peer: &Peer) -> LegSpec {
        let bind = self.stack.local.ip();
        LegSpec {
            leg: LegId(self.ids.next()),
            bind,
            advertised: peer.advertised.or_else(|| bind.is_unspecified().then(|| self.own_ip(flow.address.ip()))),
            ports: peer.rtp_ports.clone(),
            beside: None,
            inband_dtmf: true,
        }
    }

    /// A random 31-bit number: where sequence numbers and session ids begin.
    pub fn random_number(&self) -> u32 {
        rand::random::<u32>() & 0x7fff_ffff
    }
}

/// Draws keys for what we send.
pub(super) fn draw_keys() -> OurKeys {
    OurKeys::from_random(std::array::from_fn(|_| rand::random::<[u8; KEY_BYTES]>()))
}

/// How long a name server may take.
const RESOLVE_LIMIT: Duration = Duration::from_secs(5);

/// Asks the routing table, without sending anything, which of our addresses leads to `towards`.
fn route_source(towards: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = if towards.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let probe = StdUdpSocket::bind((any, 0)).ok()?;
    probe.connect((towards, 9)).ok()?;
    Some(probe.local_addr().ok()?.ip())
}

/// The stack's name of a transport.
pub(super) fn transport_type(transport: TransportName) -> Transport {
    match transport {
        TransportName::Udp => Transport::Udp,
        TransportName::Tcp => Transport::Tcp,
        TransportName::Tls => Transport::Tls,
        TransportName::Ws => Transport::Ws,
        TransportName::Wss => Transport::Wss,
    }
}

/// Our name of a transport; `None` for those that we do not carry.
pub(super) fn transport_name(transport: Transport) -> Option<TransportName> {
    match transport {
        Transport::Udp => Some(TransportName::Udp),
        Transport::Tcp => Some(TransportName::Tcp),
        Transport::Tls => Some(TransportName::Tls),
        Transport::Ws => Some(TransportName::Ws),
        Transport::Wss => Some(TransportName::Wss),
        _ => None,
    }
}

/// RFC 3261 §19.1.2.
fn default_port(transport: TransportName) -> u16 {
    if transport == TransportName::Tls { 5061 } else { 5060 }
}

/// An error of the stack in the seam's words.
pub(super) fn stack_error(error: rsipstack::Error) -> SignalingError {
    SignalingError::Stack(error.to_string())
}

/// The dialogs under way: where their requests go.
#[derive(Default)]
pub(super) struct Dialogs(Mutex<HashMap<String, mpsc::Sender<Transaction>>>);

/// A dialog's entry; gone when dropped.
pub(super) struct Listed {
    core: std::sync::Weak<Core>,
    key: String,
}

impl Dialogs {
    /// Enters a dialog by its Call-ID and our tag, which is random and long: it is enough of a name.
    pub fn list(core: &Arc<Core>, call_id: &str, local_tag: &str, inbox: mpsc::Sender<Transaction>) -> Listed {
        let key = dialog_key(call_id, local_tag);
        core.dialogs.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), inbox);
        Listed { core: Arc::downgrade(core), key }
    }

    /// Where requests of this dialog go.
    pub fn find(&self, call_id: &str, local_tag: &str) -> Option<mpsc::Sender<Transaction>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&dialog_key(call_id, local_tag)).cloned()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let Some(core) = self.core.upgrade() else { return };
        core.dialogs.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

fn dialog_key(call_id: &str, local_tag: &str) -> String {
    format!("{call_id}\0{local_tag}")
}
