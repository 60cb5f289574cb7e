//! Connections to mail servers: plain, by TLS, or by TLS after a greeting.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::settings::{Security, Server};

/// A connection of either kind.
pub(super) trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

/// Opens a connection; by TLS where that is from the first byte.
pub(super) async fn open(server: &Server, authority_pem: Option<&str>) -> Result<Box<dyn Wire>, String> {
    let Server { host, port, .. } = server;
    let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect((host.as_str(), *port))).await;
    let stream = match connecting {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            return Err(format!("{host}:{port} cannot be reached: {error}. Check the name, the port and firewalls."));
        }
        Err(_) => return Err(format!("{host}:{port} does not answer. Check the name, the port and firewalls.")),
    };
    let _ = stream.set_nodelay(true);
    match server.security {
        Security::Tls => encrypt(Box::new(stream), server, authority_pem).await,
        Security::Starttls | Security::None => Ok(Box::new(stream)),
    }
}

/// Begins TLS on a connection.
pub(super) async fn encrypt(
    stream: Box<dyn Wire>,
    server: &Server,
    authority_pem: Option<&str>,
) -> Result<Box<dyn Wire>, String> {
    let host = &server.host;
    let name = ServerName::try_from(host.clone()).map_err(|_| format!("`{host}` is no name of a server."))?;
    let connector = TlsConnector::from(client_config(authority_pem)?);
    match timeout(CONNECT_TIMEOUT, connector.connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(format!(
            "{host}:{} does not prove who it is, or speaks no TLS there: {error}. Check port and `security`; for a certificate \
             of your own authority, give `authority_pem`.",
            server.port
        )),
        Err(_) => Err(format!("{host}:{} does not answer by TLS. Check port and `security`.", server.port)),
    }
}

fn client_config(authority_pem: Option<&str>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match authority_pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let added = certificate
                    .map_err(|error| error.to_string())
                    .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()));
                added.map_err(|error| format!("`authority_pem` holds no certificate: {error}."))?;
            }
        }
        // Old systems hold certificates that no library reads any more: the others count.
        None => {
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}."))?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Connecting, and each step of greeting, within the seconds that a delivery may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);
