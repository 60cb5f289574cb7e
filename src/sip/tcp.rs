//! TCP: accepting and making connections, each read by its own task within limits (S7).

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rsipstack::sip::Transport;
use rsipstack::transport::stream::StreamConnection;
use rsipstack::transport::tcp::TcpConnection;
use rsipstack::transport::{SipAddr, SipConnection};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

use super::core::{Core, Flow};
use super::limits::Places;
use super::screen::{Framed, FramerError, FramerLimits, StreamFramer};
use crate::config::sip::TransportName;
use crate::seams::signaling::SignalingError;

/// Accepts connections until the server stops.
pub(super) async fn serve(core: Arc<Core>, listener: TcpListener) {
    let places = Places::new(core.config.limits.tcp_connections_max);
    let by_source: Arc<Mutex<HashMap<IpAddr, usize>>> = Arc::default();
    loop {
        let accepted = tokio::select! {
            () = core.stack.cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, most likely: those that are open go on, and some will close.
                tracing::warn!(%error, "A SIP connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(place) = places.take() else { continue };
        let Some(from_source) = FromSource::count(&core, &by_source, address.ip()) else { continue };
        let Ok((connection, read_half)) = core.adopt(stream, address).await else { continue };
        let core = core.clone();
        tokio::spawn(async move {
            core.read(connection, read_half, address).await;
            drop((place, from_source));
        });
    }
}

/// Pause after a failed accept, so that exhaustion does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One connection of a source, counted until it is dropped.
struct FromSource(Arc<Mutex<HashMap<IpAddr, usize>>>, IpAddr);

impl FromSource {
    fn count(core: &Core, by_source: &Arc<Mutex<HashMap<IpAddr, usize>>>, address: IpAddr) -> Option<FromSource> {
        let mut counts = by_source.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        let is_trunk = core.peers.by_source(address).is_some_and(|peer| peer.trunk.is_some());
        if *count >= core.config.limits.tcp_connections_per_source && !is_trunk {
            return None;
        }
        *count += 1;
        Some(FromSource(by_source.clone(), address))
    }
}

impl Drop for FromSource {
    fn drop(&mut self) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.1);
            }
        }
    }
}

impl Core {
    /// The connection to this address, if there is one.
    pub fn stream(&self, address: SocketAddr) -> Option<SipConnection> {
        let known = self.stack.streams.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned();
        known.filter(is_alive)
    }

    /// The connection to this address, made if there is none.
    pub async fn stream_to(self: &Arc<Self>, address: SocketAddr) -> Result<SipConnection, SignalingError> {
        if let Some(connection) = self.stream(address) {
            return Ok(connection);
        }
        let connect = TcpStream::connect(address);
        let stream = tokio::time::timeout(CONNECT_LIMIT, connect)
            .await
            .map_err(|_| SignalingError::Stack(format!("{address} does not answer on TCP")))?
            .map_err(|error| SignalingError::Stack(format!("{address}: {error}")))?;
        let (connection, read_half) =
            self.adopt(stream, address).await.map_err(|error| SignalingError::Stack(format!("{address}: {error}")))?;
        let (core, reader) = (self.clone(), connection.clone());
        tokio::spawn(reading(core, reader, read_half, address));
        Ok(connection)
    }

    async fn adopt(&self, stream: TcpStream, address: SocketAddr) -> io::Result<(SipConnection, ReadHalf<TcpStream>)> {
        stream.set_nodelay(true)?;
        let socket = SockRef::from(&stream);
        let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
        // A far end that stops reading would block whoever writes to it for many minutes.
        let _ = socket.set_tcp_user_timeout(Some(WRITE_LIMIT));
        let local = SipAddr { r#type: Some(Transport::Tcp), addr: self.stack.local.into() };
        let token = self.stack.cancel.child_token();
        let connection = TcpConnection::from_stream(stream, local, Some(token)).map_err(io::Error::other)?;
        let read_half = connection.inner.read_half.lock().await.take();
        let read_half = read_half.ok_or_else(|| io::Error::other("the connection is being read already"))?;
        let connection = SipConnection::Tcp(connection);
        self.stack.streams.lock().unwrap_or_else(PoisonError::into_inner).insert(address, connection.clone());
        Ok((connection, read_half))
    }

    async fn read(
        self: &Arc<Self>,
        connection: SipConnection,
        mut read_half: ReadHalf<TcpStream>,
        address: SocketAddr,
    ) {
        let flow = Flow { address, transport: TransportName::Tcp, connection: connection.clone() };
        let token = connection.cancel_token().unwrap_or_default();
        tokio::select! {
            () = token.cancelled() => {}
            () = self.read_messages(&flow, &mut read_half) => {}
        }
        token.cancel();
        self.stack
            .streams
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|key, known| *key != address || is_alive(known));
        if let SipConnection::Tcp(tcp) = &connection {
            let _ = tokio::time::timeout(CONNECT_LIMIT, tcp.close()).await;
        }
    }

    async fn read_messages(self: &Arc<Self>, flow: &Flow, read_half: &mut ReadHalf<TcpStream>) {
        let limits = &self.config.limits;
        let idle = Duration::from_secs(limits.tcp_idle_seconds.into());
        let per_message = Duration::from_secs(limits.tcp_message_seconds.into());
        let most = limits.message_bytes_max;
        let mut framer = StreamFramer::new(FramerLimits { head_bytes_max: most, body_bytes_max: most });
        let mut buffer = vec![0_u8; READ_BYTES];
        let mut deadline = Instant::now() + idle;
        loop {
            let read = match tokio::time::timeout_at(deadline, read_half.read(&mut buffer)).await {
                Ok(Ok(0)) | Ok(Err(_)) => return,
                Ok(Ok(read)) => read,
                // Silence within a call is no reason to cut the connection it runs on.
                Err(_) if framer.pending_bytes() == 0 && self.has_calls_on(flow) => {
                    deadline = Instant::now() + idle;
                    continue;
                }
                Err(_) => return,
            };
            let had_begun = framer.pending_bytes() > 0;
            framer.push(&buffer[..read]);
            let mut completed = false;
            loop {
                match framer.poll() {
                    Ok(Some(Framed::Message(message))) => self.receive(&message, flow).await,
                    Ok(Some(Framed::Ping)) => self.send_raw(flow, b"\r\n").await,
                    Ok(Some(Framed::Pong)) => {}
                    Ok(None) => break,
                    Err(error) => {
                        self.give_up_stream(error, flow).await;
                        return linger(&flow.connection, read_half).await;
                    }
                }
                completed = true;
            }
            deadline = match (framer.pending_bytes() > 0, had_begun && !completed) {
                (false, _) => Instant::now() + idle,
                // One byte a second keeps no message alive: its time runs from its first byte.
                (true, true) => deadline,
                (true, false) => Instant::now() + per_message,
            };
        }
    }

    /// The place in the stream is lost: what can be answered is refused.
    async fn give_up_stream(&self, error: FramerError, flow: &Flow) {
        match error {
            FramerError::HeadTooLarge(_) => {}
            FramerError::BodyTooLarge { head, .. } => self.refuse_raw(&head, flow, 513).await,
            FramerError::BadContentLength { head } => self.refuse_raw(&head, flow, 400).await,
        }
    }

    fn has_calls_on(&self, flow: &Flow) -> bool {
        // Trunks keep their connection; strangers and idle phones do not.
        self.peers.by_source(flow.address.ip()).is_some_and(|peer| peer.calls() > 0 || peer.trunk.is_some())
    }

    /// Sends bytes as they are. On UDP they are dropped when the socket is full.
    pub async fn send_raw(&self, flow: &Flow, bytes: &[u8]) {
        match &flow.connection {
            SipConnection::Tcp(tcp) => {
                let written = tokio::time::timeout(CONNECT_LIMIT, tcp.send_raw(bytes)).await;
                if !matches!(written, Ok(Ok(()))) {
                    // Half a message may have left: the stream is of no more use.
                    tcp.cancel_token().unwrap_or_default().cancel();
                }
            }
            // Everything else here is the datagram socket.
            _ => {
                let _ = self.stack.udp.try_send_to(bytes, flow.address);
            }
        }
    }
}

/// Reading may make calls, which may make connections, which are read: the box ends that circle of types.
fn reading(
    core: Arc<Core>,
    connection: SipConnection,
    read_half: ReadHalf<TcpStream>,
    address: SocketAddr,
) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move { core.read(connection, read_half, address).await })
}

fn is_alive(connection: &SipConnection) -> bool {
    connection.cancel_token().is_none_or(|token| !token.is_cancelled())
}

/// How long a connection may take to be made, or a stateless reply to be written.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Probes after this silence find far ends that vanished.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Unacknowledged bytes for this long end the connection.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// Read at once; grows per connection, so not larger than ordinary messages need.
const READ_BYTES: usize = 4_096;

/// Ends a stream so that the far end still reads our last answer: to close while bytes of theirs are unread would reset
/// the connection and take the answer away.
async fn linger(connection: &SipConnection, read_half: &mut ReadHalf<TcpStream>) {
    if let SipConnection::Tcp(tcp) = connection {
        let _ = tokio::time::timeout(CONNECT_LIMIT, tcp.close()).await;
    }
    let mut unread = [0_u8; READ_BYTES];
    let drain = async {
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = read_half.read(&mut unread).await
            && read < left
        {
            left -= read;
        }
    };
    let _ = tokio::time::timeout(LINGER, drain).await;
}

/// How long, and for how many bytes, an ended stream is still read: a slow far end needs a second; a hostile one gets
/// no more than that.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;
