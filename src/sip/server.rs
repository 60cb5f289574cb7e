//! The SIP server: binds its sockets, hands over incoming calls, makes outgoing ones, and drains.

use std::hash::RandomState;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use rsipstack::EndpointBuilder;
use rsipstack::resolver::SipResolver;
use rsipstack::resolver::sip_resolver::LookupSource;
use rsipstack::transaction::endpoint::EndpointOption;
use rsipstack::transaction::random_text;
use rsipstack::transport::TransportLayer;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::core::{Core, Rates, SipTimes, Stack};
use super::doors::Doors;
use super::limits::{Buckets, Places, TokenBucket};
use super::peers::{Peer, Peers};
use super::screen::ScreenLimits;
use super::stream::{self, Streams};
use super::tls::Tls;
use super::{health, registration, udp};
use crate::certificates::CertificateError;
use crate::config::sip::{SipConfig, TransportName};
use crate::domain::trunk_use::TrunkUse;
use crate::seams::browser::BrowserMedia;
use crate::seams::clock::{Clock, Ids};
use crate::seams::media::MediaNode;
use crate::seams::signaling::{Destination, DialOrder, IncomingCall, OutgoingCall, Signaling, SignalingError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    /// The address is taken or not ours.
    #[error("SIP cannot listen on {address}: {source}; choose another address in [sip]")]
    Listen {
        /// What was asked for.
        address: std::net::SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// A certificate or the authorities of a trunk cannot be used.
    #[error("SIP over TLS: {0}; mend the file, or take sip.tls_listen and the trunk's ca_file out")]
    Certificate(#[from] CertificateError),
}

/// What the server is made of.
pub struct SipParts {
    /// The `[sip]` section, valid.
    pub config: SipConfig,
    /// Where legs are made.
    pub media: Arc<dyn MediaNode>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// RTP ports for peers that name none of their own.
    pub rtp_ports: RangeInclusive<u16>,
    /// Audio with SIP clients in browsers; without it they are refused.
    pub browsers: Option<Arc<dyn BrowserMedia>>,
    /// Base times of the protocol; the default outside of tests.
    pub times: SipTimes,
    /// Whether calls of our own number are taken; else they are refused, since we would talk to ourselves.
    pub takes_own_calls: bool,
}

/// Signalling by SIP. Dropping it stops everything; [`SipServer::drain`] first, to be kind.
pub struct SipServer {
    core: Arc<Core>,
}

impl SipServer {
    /// Binds and starts. Calls come out of the channel; with nobody reading it, new ones get 503.
    pub async fn start(parts: SipParts) -> Result<(SipServer, mpsc::Receiver<IncomingCall>), SipError> {
        SipServer::start_with_names(parts, None).await
    }

    /// The same, with names looked up elsewhere than in the system's name servers (SRV and addresses, RFC 3263).
    pub async fn start_with_names(
        parts: SipParts,
        names: Option<Arc<dyn LookupSource>>,
    ) -> Result<(SipServer, mpsc::Receiver<IncomingCall>), SipError> {
        let (udp_socket, listener) = bind(&parts.config)?;
        let refused = |source| SipError::Listen { address: parts.config.listen, source };
        let local = udp_socket.local_addr().map_err(refused)?;
        let udp_socket = Arc::new(udp_socket);
        let cancel = CancellationToken::new();
        let udp_connection = udp::connection(udp_socket.clone(), cancel.clone()).await.map_err(refused)?;

        let transport = TransportLayer::new(cancel.clone());
        transport.add_transport(udp_connection.clone());
        let times = parts.times;
        let endpoint = EndpointBuilder::new()
            .with_cancel_token(cancel.clone())
            .with_transport_layer(transport)
            .with_user_agent(super::dialog::USER_AGENT)
            .with_option(EndpointOption {
                t1: times.t1,
                t2: times.t2,
                t4: times.t4,
                t1x64: times.t1 * 64,
                ..EndpointOption::default()
            })
            .build();

        let now = parts.clock.now();
        let limits = &parts.config.limits;
        let (incoming, calls_out) = mpsc::channel(INCOMING);
        let peers = Peers::new(&parts.config, parts.rtp_ports, now);
        let tls = Tls::new(&parts.config, peers.trunks())?;
        let mut listeners = Vec::new();
        for (transport, address) in [
            (TransportName::Tls, parts.config.tls_listen),
            (TransportName::Ws, parts.config.ws_listen),
            (TransportName::Wss, parts.config.wss_listen),
        ] {
            let Some(address) = address else { continue };
            let listener = listen(address).map_err(|source| SipError::Listen { address, source })?;
            let bound = listener.local_addr().map_err(|source| SipError::Listen { address, source })?;
            listeners.push((transport, bound, listener));
        }
        tls.watch();
        let core = Arc::new(Core {
            times,
            tls,
            spoken: Default::default(),
            browsers: parts.browsers,
            connections: Places::new(limits.tcp_connections_max),
            doors: Doors::new(&parts.config, &peers, rand::random()),
            own_numbers: match parts.takes_own_calls {
                true => Vec::new(),
                false => Core::own_numbers(&parts.config, peers.trunks()),
            },
            ringing: Default::default(),
            peers,
            calls: Places::new(limits.calls_max),
            limits: Mutex::new(Rates {
                calls: TokenBucket::new(limits.calls_per_second, limits.calls_per_second.saturating_mul(2), now),
                calls_by_source: Buckets::new(limits.calls_per_second_per_source, now),
                requests_by_source: Buckets::new(limits.requests_per_second_per_source, now),
            }),
            media: parts.media,
            clock: parts.clock,
            ids: parts.ids,
            stack: Stack {
                endpoint: endpoint.inner.clone(),
                udp: udp_socket,
                udp_connection,
                streams: Streams::default(),
                local,
                others: listeners.iter().map(|(transport, address, _)| (*transport, *address)).collect(),
                resolver: SipResolver::default(),
                names,
                cancel,
            },
            dialogs: Default::default(),
            incoming,
            draining: AtomicBool::new(false),
            loop_mark: random_text(24),
            screen_limits: ScreenLimits { message_bytes_max: limits.message_bytes_max, ..ScreenLimits::default() },
            tag_hasher: RandomState::new(),
            config: parts.config,
        });
        tokio::spawn(async move { endpoint.serve().await });
        registration::start(&core);
        health::start(&core);
        tokio::spawn(udp::serve(core.clone()));
        if let Some(listener) = listener {
            tokio::spawn(stream::serve(core.clone(), listener, TransportName::Tcp));
        }
        for (transport, address, listener) in listeners {
            tracing::info!(sip.listen = %address, sip.transport = transport.in_via(), "SIP listens");
            tokio::spawn(stream::serve(core.clone(), listener, transport));
        }
        tracing::info!(sip.listen = %local, "SIP listens");
        Ok((SipServer { core }, calls_out))
    }

    /// Where it listens, the port being the real one.
    pub fn local_addr(&self) -> std::net::SocketAddr {
        self.core.stack.local
    }

    /// Where it listens for TLS, if it does.
    pub fn tls_addr(&self) -> Option<std::net::SocketAddr> {
        self.core.stack.listens(TransportName::Tls)
    }

    /// Where it listens for WebSockets, if it does.
    pub fn ws_addr(&self) -> Option<std::net::SocketAddr> {
        self.core.stack.listens(TransportName::Ws)
    }

    /// Where it listens for WebSockets over TLS, if it does.
    pub fn wss_addr(&self) -> Option<std::net::SocketAddr> {
        self.core.stack.listens(TransportName::Wss)
    }

    /// Refuses new calls with 503 from now on; those under way go on.
    pub fn drain(&self) {
        self.core.draining.store(true, Ordering::Release);
    }

    /// Incoming calls under way.
    pub fn calls(&self) -> usize {
        self.core.calls.taken()
    }

    /// How our trunks are, in the order of configuration.
    pub fn trunks(&self) -> Vec<TrunkState> {
        let state = |peer: &Arc<Peer>| TrunkState {
            name: peer.name.clone(),
            answers: peer.answers.load(Ordering::Acquire),
            is_registered: peer.is_registered.load(Ordering::Acquire),
            calls: peer.calls(),
        };
        self.core.peers.trunks().iter().map(state).collect()
    }

    /// How much of their minutes of today the trunks have used.
    pub fn trunk_use(&self) -> Vec<TrunkUse> {
        let now = self.core.clock.epoch();
        self.core.peers.trunks().iter().map(|trunk| trunk.used(now)).collect()
    }

    /// Counts what they had used before a restart; trunks that are configured no more are passed over.
    pub fn restore_use(&self, used: &[TrunkUse]) {
        for used in used {
            let trunk = self.core.peers.trunks().iter().find(|trunk| trunk.name == used.trunk);
            trunk.iter().for_each(|trunk| trunk.restore_use(used));
        }
    }

    /// Dialogs and transactions in memory; for tests and metrics.
    pub fn load(&self) -> SipLoad {
        let stats = self.core.stack.endpoint.get_stats();
        SipLoad {
            dialogs: self.core.dialogs.len(),
            transactions: stats.running_transactions,
            remembered: stats.finished_transactions,
        }
    }

    /// Waits until no incoming call is under way, at most this long. True when none is left.
    pub async fn drained(&self, limit: Duration) -> bool {
        let poll = async {
            while self.core.dialogs.len() > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        tokio::time::timeout(limit, poll).await.is_ok()
    }
}

/// How a trunk is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkState {
    /// Its configured name.
    pub name: String,
    /// Whether it answered when it was last asked (OPTIONS); true where it is never asked.
    pub answers: bool,
    /// Whether our registration with it stands.
    pub is_registered: bool,
    /// Calls by it, both ways.
    pub calls: usize,
}

/// How much is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SipLoad {
    /// Calls, by their names: an incoming one counts twice.
    pub dialogs: usize,
    /// Transactions under way.
    pub transactions: usize,
    /// Transactions that are over and kept for retransmissions.
    pub remembered: usize,
}

/// Calls that may wait to be taken.
const INCOMING: usize = 64;
/// How often [`SipServer::drained`] looks.
const DRAIN_POLL: Duration = Duration::from_millis(50);
/// Tries for a port that is free on both UDP and TCP, where any port will do.
const BIND_TRIES: usize = 16;

impl Drop for SipServer {
    fn drop(&mut self) {
        self.core.stack.cancel.cancel();
    }
}

#[async_trait]
impl Signaling for SipServer {
    async fn dial(&self, order: DialOrder) -> Result<OutgoingCall, SignalingError> {
        self.core.dial(order).await
    }

    fn has_way_to(&self, destination: &Destination) -> bool {
        self.core.ways_to(destination, None).is_ok()
    }
}

/// Both sockets on one port.
fn bind(config: &SipConfig) -> Result<(UdpSocket, Option<TcpListener>), SipError> {
    let mut tries = if config.listen.port() == 0 { BIND_TRIES } else { 1 };
    loop {
        tries -= 1;
        match try_bind(config) {
            Ok(bound) => return Ok(bound),
            Err(_) if tries > 0 => {}
            Err(source) => return Err(SipError::Listen { address: config.listen, source }),
        }
    }
}

fn try_bind(config: &SipConfig) -> std::io::Result<(UdpSocket, Option<TcpListener>)> {
    let udp_socket = udp::bind(config.listen)?;
    if !config.tcp {
        return Ok((udp_socket, None));
    }
    let listener = listen(udp_socket.local_addr()?)?;
    Ok((udp_socket, Some(listener)))
}

fn listen(address: std::net::SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;
