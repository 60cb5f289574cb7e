//! The writing end of a stream, whatever carries it: bytes over TCP or TLS, or messages over a WebSocket.
//!
//! The transaction layer and we ourselves both write; each message goes out whole, by a task of its own. A far end that
//! stops reading fills a queue of fixed length and is then cut off.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use rsipstack::sip::headers::ContentLength;
use rsipstack::sip::{Header, HostWithPort, SipMessage};
use rsipstack::transport::channel::ChannelConnection;
use rsipstack::transport::{SipAddr, SipConnection, TransportEvent};
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::core::{Flow, transport_type};
use super::peers::Peer;
use crate::config::sip::TransportName;

/// One stream, as those see it who write to it.
pub(super) struct Line {
    /// Its far end.
    pub address: SocketAddr,
    /// How it is carried.
    pub transport: TransportName,
    /// What the transaction layer writes to.
    pub connection: SipConnection,
    /// The trunk whose certificate the far end showed when it called us.
    pub proven: Option<Arc<Peer>>,
    /// For whom we made it: nobody else's calls may go by it, since their far end would not be proven.
    pub made_for: Option<Arc<str>>,
    raw: mpsc::Sender<Vec<u8>>,
    /// Over: nothing is read or written any more.
    ended: CancellationToken,
    /// Ends once everything that waits was written.
    finishing: CancellationToken,
}

/// Who is at the other end of a new stream, and by what.
pub(super) struct FarEnd {
    pub address: SocketAddr,
    pub transport: TransportName,
    pub proven: Option<Arc<Peer>>,
    pub made_for: Option<Arc<str>>,
}

/// Writes whole messages.
#[async_trait]
pub(super) trait Writing: Send + 'static {
    /// Writes these bytes to the end.
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Says that nothing more will come.
    async fn end(&mut self);
}

/// Writes to a stream of bytes.
pub(super) struct Bytes<W>(pub W);

#[async_trait]
impl<W: AsyncWrite + Send + Unpin + 'static> Writing for Bytes<W> {
    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await?;
        self.0.flush().await
    }

    async fn end(&mut self) {
        let _ = self.0.shutdown().await;
    }
}

impl Line {
    /// Begins to write. Ends with `stop`, and by itself when the far end does not take what is written.
    pub fn begin(writing: impl Writing, far_end: FarEnd, stop: &CancellationToken) -> io::Result<Arc<Line>> {
        let FarEnd { address, transport, proven, made_for } = far_end;
        let ended = stop.child_token();
        let finishing = ended.child_token();
        let (message_sender, messages) = mpsc::channel(QUEUE);
        let (raw, raws) = mpsc::channel(QUEUE);
        // What the stack would read comes to it by our own gate instead.
        let (_, nothing_comes) = mpsc::unbounded_channel();
        let far = SipAddr { r#type: Some(transport_type(transport)), addr: HostWithPort::from(address) };
        let channel =
            ChannelConnection::create_connection_bounded(nothing_comes, message_sender, far, Some(ended.clone()));
        // Nothing in it waits; it is asynchronous by its form alone.
        let channel = channel.now_or_never().ok_or_else(|| io::Error::other("the stack made no channel"))?;
        let connection = SipConnection::Channel(channel.map_err(io::Error::other)?);
        let writer = Writer { writing, messages, raws };
        tokio::spawn(writer.run(ended.clone(), finishing.clone()));
        Ok(Arc::new(Line { address, transport, connection, proven, made_for, raw, ended, finishing }))
    }

    /// The way back to its far end.
    pub fn flow(self: &Arc<Line>) -> Flow {
        let (address, transport, connection) = (self.address, self.transport, self.connection.clone());
        Flow { address, transport, connection, line: Some(self.clone()) }
    }

    /// Whether it can carry another message.
    pub fn is_alive(&self) -> bool {
        !self.finishing.is_cancelled()
    }

    /// Writes bytes as they are. Where they are not taken in time the stream is of no more use.
    pub async fn send(&self, bytes: &[u8]) {
        if !matches!(tokio::time::timeout(WRITE_LIMIT, self.raw.send(bytes.to_vec())).await, Ok(Ok(()))) {
            self.ended.cancel();
        }
    }

    /// Ends it for writing once everything that waits has left; it can still be read.
    pub fn finish(&self) {
        self.finishing.cancel();
    }

    /// Ends it both ways.
    pub fn end(&self) {
        self.ended.cancel();
    }

    /// Waits until it is over.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Over as soon as this is cancelled.
    pub fn end_token(&self) -> CancellationToken {
        self.ended.clone()
    }
}

/// Messages that wait while one is written: a far end further behind than this is told to wait itself.
const QUEUE: usize = 64;
/// How long one message may take to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

struct Writer<W> {
    writing: W,
    messages: mpsc::Receiver<TransportEvent>,
    raws: mpsc::Receiver<Vec<u8>>,
}

impl<W: Writing> Writer<W> {
    async fn run(mut self, ended: CancellationToken, finishing: CancellationToken) {
        loop {
            let bytes = tokio::select! {
                biased;
                () = finishing.cancelled() => break,
                Some(bytes) = self.raws.recv() => bytes,
                Some(event) = self.messages.recv() => match written(event) {
                    Some(bytes) => bytes,
                    None => continue,
                },
                else => break,
            };
            if !self.write(&bytes).await {
                return ended.cancel();
            }
        }
        // What was said before the end is still said.
        while let Some(bytes) = self.waiting() {
            if !self.write(&bytes).await {
                return ended.cancel();
            }
        }
        let _ = tokio::time::timeout(WRITE_LIMIT, self.writing.end()).await;
    }

    fn waiting(&mut self) -> Option<Vec<u8>> {
        if let Ok(bytes) = self.raws.try_recv() {
            return Some(bytes);
        }
        std::iter::from_fn(|| self.messages.try_recv().ok()).find_map(written)
    }

    async fn write(&mut self, bytes: &[u8]) -> bool {
        matches!(tokio::time::timeout(WRITE_LIMIT, self.writing.write(bytes)).await, Ok(Ok(())))
    }
}

fn written(event: TransportEvent) -> Option<Vec<u8>> {
    match event {
        TransportEvent::Incoming(mut message, ..) => {
            tell_length(&mut message);
            Some(message.to_bytes())
        }
        TransportEvent::New(_) | TransportEvent::Closed(_) => None,
    }
}

/// A message on a stream must tell how long its body is, also where there is none (RFC 3261 §18.3); the stack tells it of
/// bodies alone, and telephones give the stream up.
fn tell_length(message: &mut SipMessage) {
    let (headers, body) = match message {
        SipMessage::Request(request) => (&mut request.headers, &request.body),
        SipMessage::Response(response) => (&mut response.headers, &response.body),
    };
    if body.is_empty() && !headers.iter().any(|header| matches!(header, Header::ContentLength(_))) {
        headers.push(Header::ContentLength(ContentLength::from(0)));
    }
}
