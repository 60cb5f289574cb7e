//! Streams: accepting and making connections, each read by its own task within limits (S7). TCP and TLS differ in what
//! stands before the first byte of SIP; everything else is the same.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::SplitStream;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;

use super::core::{Core, Flow, Hop};
use super::line::{Bytes, FarEnd, Line};
use super::peers::Peer;
use super::screen::{Framed, FramerError, FramerLimits, StreamFramer};
use super::ws;
use crate::config::sip::TransportName;
use crate::seams::signaling::SignalingError;

/// The streams that are open, by their far end.
#[derive(Default)]
pub(super) struct Streams {
    open: Mutex<ByFarEnd>,
    by_source: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

type ByFarEnd = HashMap<(SocketAddr, TransportName), Vec<Arc<Line>>>;

impl Streams {
    fn add(&self, line: &Arc<Line>) {
        self.open().entry((line.address, line.transport)).or_default().push(line.clone());
    }

    fn remove(&self, line: &Arc<Line>) {
        let key = (line.address, line.transport);
        let mut open = self.open();
        let Some(lines) = open.get_mut(&key) else { return };
        lines.retain(|known| !Arc::ptr_eq(known, line));
        if lines.is_empty() {
            open.remove(&key);
        }
    }

    fn open(&self) -> std::sync::MutexGuard<'_, ByFarEnd> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream that this far end came by.
    pub fn from(&self, address: SocketAddr, transport: TransportName) -> Option<Arc<Line>> {
        self.find(address, transport, |_| true)
    }

    /// The stream that was made there for this name.
    fn made_for(&self, hop: &Hop, name: Option<&str>) -> Option<Arc<Line>> {
        self.find(hop.address, hop.transport, |line| line.made_for.as_deref() == name)
    }

    fn find(&self, address: SocketAddr, transport: TransportName, fits: impl Fn(&Line) -> bool) -> Option<Arc<Line>> {
        self.open().get(&(address, transport))?.iter().find(|line| line.is_alive() && fits(line)).cloned()
    }
}

/// Accepts connections until the server stops.
pub(super) async fn serve(core: Arc<Core>, listener: TcpListener, transport: TransportName) {
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
        let Some(place) = core.connections.take() else { continue };
        let Some(from_source) = FromSource::count(&core, address, transport) else { continue };
        let core = core.clone();
        tokio::spawn(async move {
            core.welcome(stream, address, transport).await;
            drop((place, from_source));
        });
    }
}

/// Pause after a failed accept, so that exhaustion does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// One connection of a source, counted until it is dropped.
struct FromSource(Arc<Mutex<HashMap<IpAddr, usize>>>, IpAddr);

impl FromSource {
    fn count(core: &Core, from: SocketAddr, transport: TransportName) -> Option<FromSource> {
        let by_source = &core.stack.streams.by_source;
        let address = from.ip();
        let mut counts = by_source.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        let is_trunk = core.peers.by_source(address, transport).is_some_and(|peer| peer.trunk.is_some());
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
    /// The flow to this hop, made if there is none.
    pub async fn stream_to(self: &Arc<Self>, hop: &Hop, peer: Option<&Arc<Peer>>) -> Result<Flow, SignalingError> {
        // Only what is encrypted is proven, and so belongs to whom it was proven for.
        let name = hop.transport.is_secure().then(|| self.tls.name_of(hop, peer));
        if let Some(line) = self.stack.streams.made_for(hop, name.as_deref()) {
            return Ok(line.flow());
        }
        let failed = |error: io::Error| SignalingError::Stack(format!("{}: {error}", hop.address));
        let stream = tokio::time::timeout(CONNECT_LIMIT, TcpStream::connect(hop.address))
            .await
            .map_err(|_| SignalingError::Stack(format!("{} does not answer on TCP", hop.address)))?
            .map_err(failed)?;
        prepare(&stream).map_err(failed)?;
        let made_for = name.map(Arc::from);
        let far_end = FarEnd { address: hop.address, transport: hop.transport, proven: None, made_for };
        let (line, reading) = if hop.transport.is_secure() {
            let shaken = tokio::time::timeout(CONNECT_LIMIT, self.tls.connect(hop, peer, stream));
            let stream = shaken
                .await
                .map_err(|_| SignalingError::Stack(format!("{} does not answer on TLS", hop.address)))??;
            self.adopt(stream, far_end).map_err(failed)?
        } else {
            self.adopt(stream, far_end).map_err(failed)?
        };
        let flow = line.flow();
        tokio::spawn(reading);
        Ok(flow)
    }

    /// A stream that somebody else made, to its end.
    async fn welcome(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, transport: TransportName) {
        if prepare(&stream).is_err() {
            return;
        }
        let plain = FarEnd { address, transport, proven: None, made_for: None };
        let adopted = match transport {
            TransportName::Tls => {
                let Some((stream, proven)) = in_time(self.tls.accept(stream)).await else { return };
                self.adopt(stream, FarEnd { proven, ..plain })
            }
            TransportName::Ws => {
                let Some(stream) = in_time(ws::upgrade(self, stream)).await else { return };
                self.adopt_frames(stream, plain)
            }
            TransportName::Wss => {
                let upgraded = async { ws::upgrade(self, self.tls.accept_page(stream).await?).await };
                let Some(stream) = in_time(upgraded).await else { return };
                self.adopt_frames(stream, plain)
            }
            TransportName::Udp | TransportName::Tcp => self.adopt(stream, plain),
        };
        if let Ok((_, reading)) = adopted {
            reading.await;
        }
    }

    fn adopt<S>(self: &Arc<Self>, stream: S, far_end: FarEnd) -> io::Result<(Arc<Line>, Reading)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (read_half, write_half) = tokio::io::split(stream);
        let line = Line::begin(Bytes(write_half), far_end, &self.stack.cancel)?;
        self.stack.streams.add(&line);
        let reading = reading(self.clone(), line.clone(), read_half);
        Ok((line, reading))
    }

    fn adopt_frames<S>(
        self: &Arc<Self>,
        stream: WebSocketStream<S>,
        far_end: FarEnd,
    ) -> io::Result<(Arc<Line>, Reading)>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sink, frames) = stream.split();
        let line = Line::begin(ws::Frames(sink), far_end, &self.stack.cancel)?;
        self.stack.streams.add(&line);
        let reading = reading_frames(self.clone(), line.clone(), frames);
        Ok((line, reading))
    }

    async fn read(self: &Arc<Self>, line: Arc<Line>, mut read_half: ReadHalf<impl AsyncRead + Send>) {
        tokio::select! {
            () = line.ended() => {}
            () = self.read_messages(&line, &mut read_half) => {}
        }
        line.end();
        self.stack.streams.remove(&line);
    }

    async fn read_messages(self: &Arc<Self>, line: &Arc<Line>, read_half: &mut ReadHalf<impl AsyncRead + Send>) {
        let flow = &line.flow();
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
                // Silence is no reason to cut a connection that calls run on, or may come by.
                Err(_) if framer.pending_bytes() == 0 && self.is_needed(flow) => {
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
                        return linger(line, read_half).await;
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

    pub fn is_needed(&self, flow: &Flow) -> bool {
        // Trunks keep their connection, and phones that can be rung by it alone (RFC 5626); strangers do not.
        self.peer_at(flow).is_some_and(|peer| peer.calls() > 0 || peer.trunk.is_some()) || self.is_registered_over(flow)
    }

    /// Sends bytes as they are. On UDP they are dropped when the socket is full.
    pub async fn send_raw(&self, flow: &Flow, bytes: &[u8]) {
        match &flow.line {
            Some(line) => line.send(bytes).await,
            None => {
                let _ = self.stack.udp.try_send_to(bytes, flow.address);
            }
        }
    }
}

/// Reads a stream to its end.
type Reading = Pin<Box<dyn Future<Output = ()> + Send>>;

fn reading_frames<S>(core: Arc<Core>, line: Arc<Line>, frames: SplitStream<WebSocketStream<S>>) -> Reading
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    Box::pin(async move {
        tokio::select! {
            () = line.ended() => {}
            () = core.read_frames(&line, frames) => {}
        }
        line.end();
        core.stack.streams.remove(&line);
    })
}

/// Whoever shakes hands slowly holds a connection, and no longer than this (S7).
async fn in_time<T>(shaken: impl Future<Output = Option<T>>) -> Option<T> {
    let shaken = tokio::time::timeout(CONNECT_LIMIT, shaken).await.ok().flatten();
    if shaken.is_none() {
        metrics::counter!("switchboard_sip_handshakes_failed_total").increment(1);
    }
    shaken
}

/// Reading may make calls, which may make connections, which are read: the box ends that circle of types.
fn reading(core: Arc<Core>, line: Arc<Line>, read_half: ReadHalf<impl AsyncRead + Send + 'static>) -> Reading {
    Box::pin(async move { core.read(line, read_half).await })
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
    // A far end that stops reading would block whoever writes to it for many minutes.
    let _ = socket.set_tcp_user_timeout(Some(WRITE_LIMIT));
    Ok(())
}

/// How long a connection may take to be made, and as long again until both sides are sure of each other.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Probes after this silence find far ends that vanished.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// Unacknowledged bytes for this long end the connection.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// Read at once; grows per connection, so not larger than ordinary messages need.
const READ_BYTES: usize = 4_096;

/// Ends a stream so that the far end still reads our last answer: to close while bytes of theirs are unread would reset
/// the connection and take the answer away.
async fn linger(line: &Line, read_half: &mut ReadHalf<impl AsyncRead>) {
    line.finish();
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
