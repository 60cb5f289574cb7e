//! The datagram socket: we read it ourselves, in bursts, and screen before the stack sees anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rsipstack::transport::udp::{UdpConnection, UdpInner};
use rsipstack::transport::{SipAddr, SipConnection};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::keep_alive;

/// Binds the socket with room for bursts.
pub(super) fn bind(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The system may grant less; what matters is more than the default of about 200 messages.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES);
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// Room for about 3,000 INVITEs while the machine is busy elsewhere for a moment.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// The same socket in the stack's hands: it may send, but reading is ours.
struct SendOnly(Arc<UdpSocket>);

#[async_trait]
impl rsipstack::platform::net::UdpSocket for SendOnly {
    async fn recv_from(&self, _buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        std::future::pending().await
    }

    async fn send_to(&self, message: &[u8], address: SocketAddr) -> rsipstack::Result<usize> {
        match self.0.send_to(message, address).await {
            Ok(sent) => Ok(sent),
            // An ICMP error of an earlier datagram is reported by the next call; this one did not leave.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Ok(self.0.send_to(message, address).await?)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.0.local_addr()?)
    }
}

/// The stack's handle to the socket.
pub(super) async fn connection(socket: Arc<UdpSocket>, cancel: CancellationToken) -> io::Result<SipConnection> {
    let local = socket.local_addr()?;
    let addr = SipAddr { r#type: Some(rsipstack::sip::Transport::Udp), addr: local.into() };
    let inner = UdpInner { conn: Arc::new(SendOnly(socket)), addr };
    Ok(SipConnection::Udp(UdpConnection::attach(inner, None, Some(cancel)).await))
}

/// Reads datagrams until the server stops. Errors that ICMP brought never end it.
pub(super) async fn serve(core: Arc<Core>) {
    let mut buffer = vec![0_u8; DATAGRAM_BYTES_MAX];
    loop {
        tokio::select! {
            () = core.stack.cancel.cancelled() => return,
            ready = core.stack.udp.readable() => {
                if ready.is_err() {
                    tokio::time::sleep(ERROR_PAUSE).await;
                    continue;
                }
            }
        }
        for _ in 0..BURST {
            match core.stack.udp.try_recv_from(&mut buffer) {
                Ok((length, address)) => {
                    let flow = core.udp_flow(address);
                    match keep_alive::answer(&buffer[..length], address) {
                        // Of those whom we know alone: nobody else has a flow to keep.
                        Some(answer) if core.is_needed(&flow) => core.send_raw(&flow, &answer).await,
                        Some(_) => {}
                        None => core.receive(&buffer[..length], &flow).await,
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::debug!(%error, "SIP socket reports an error of an earlier datagram");
                }
            }
        }
        // A flood must not starve the calls under way of their share of this thread.
        tokio::task::yield_now().await;
    }
}

/// The largest datagram there is; longer than `message_bytes_max` is refused later, by its own bytes.
const DATAGRAM_BYTES_MAX: usize = 65_535;
/// Datagrams read before others may run.
const BURST: usize = 32;
/// Pause after an error of the socket itself, so that a broken one does not spin.
const ERROR_PAUSE: Duration = Duration::from_millis(20);
