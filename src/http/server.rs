//! Accepts connections: so many at once, each with its time to say what it wants, until the process ends.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::proxies::Peer;
use crate::certificates::{Acme, CertificateError, CertificateFiles, Kept, PROVING, https};
use crate::config::http::HttpConfig;

/// A bound server.
pub struct Server {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    header_timeout: Duration,
    tls: Option<TlsAcceptor>,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address is taken, or not ours.
    #[error("HTTP cannot listen on {address}: {source}; end the program that uses it, or choose another http.listen")]
    Address {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate cannot be used.
    #[error("HTTPS: {0}; mend the file, or take http.certificate_file and http.key_file (or http.acme) out")]
    Certificate(#[from] CertificateError),
}

impl Server {
    /// Takes the configured address; certificates that are asked for lie in `acme_dir`. Beyond loopback in the clear, that
    /// is told in the log.
    pub async fn bind(config: &HttpConfig, acme_dir: &Path) -> Result<Server, BindError> {
        let failed = |source| BindError::Address { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(failed)?;
        let files = CertificateFiles::named(config.certificate_file.as_ref(), config.key_file.as_ref());
        let tls = match files {
            Some(files) => {
                let kept = Kept::open(files)?;
                kept.watch();
                Some(https(kept)?)
            }
            None if config.acme.names.is_empty() => None,
            None => {
                let acme = Acme::open(config.acme.clone(), acme_dir)?;
                acme.look_after();
                Some(https(acme)?)
            }
        };
        let tls = tls.map(TlsAcceptor::from);
        if tls.is_none() && !config.listen.ip().to_canonical().is_loopback() {
            tracing::warn!(
                http.listen = %config.listen,
                "HTTP is open to the network, unencrypted: every request needs the bootstrap token; put a TLS proxy \
                 in front of it"
            );
        }
        Ok(Server {
            listener,
            connections: Arc::new(Semaphore::new(config.connections_max)),
            header_timeout: Duration::from_millis(config.header_timeout_ms),
            tls,
        })
    }

    /// The address, with the port that was chosen where none was configured.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `shutdown`; then requests under way are ended, for [`DRAIN`] at most.
    pub async fn run(self, router: Router, shutdown: CancellationToken) {
        let mut tasks = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            while tasks.try_join_next().is_some() {}
            let Some((stream, peer, permit)) = accepted else { continue };
            let (router, limit, shutdown) = (router.clone(), self.header_timeout, shutdown.clone());
            let tls = self.tls.clone();
            tasks.spawn(async move {
                // Events are small and urgent.
                let _ = stream.set_nodelay(true);
                match tls {
                    None => serve(stream, Peer::connected(peer, false), router, limit, shutdown).await,
                    // Whoever shakes hands slowly has no more time than for the head of a request.
                    Some(tls) => match tokio::time::timeout(limit, tls.accept(stream)).await {
                        // An authority has seen what it came for.
                        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(PROVING) => {}
                        Ok(Ok(stream)) => serve(stream, Peer::connected(peer, true), router, limit, shutdown).await,
                        Ok(Err(error)) => tracing::debug!(%error, "No TLS came about"),
                        Err(_) => tracing::debug!("No TLS came about in time"),
                    },
                }
                drop(permit);
            });
        }
        let drained = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, drained).await.is_err() {
            tracing::warn!("HTTP requests were cut off at the end");
        }
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        // Fails only when closed, which nobody does.
        let permit = self.connections.clone().acquire_owned().await.ok()?;
        match self.listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                // Out of file handles, say (P4): those in use become free again in time.
                tracing::warn!(error = %error, "A connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }
}

/// Longer lets slow downloads end, shorter restarts sooner.
const DRAIN: Duration = Duration::from_secs(5);

/// Keeps a lack of file handles from becoming a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Request heads larger than this are refused with 431 by the parser.
const HEAD_BYTES_MAX: usize = 32_768;

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    peer: Peer,
    router: Router,
    header_timeout: Duration,
    shutdown: CancellationToken,
) {
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer);
        TowerToHyperService::new(router.clone()).call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "A connection ended early");
    }
}
