//! SIP over TLS (RFC 3261 §26.2): who the far end of a stream is, by its certificate (RFC 5922).
//!
//! - A far end that we call must show a certificate that an authority of its trunk vouches for, in the name that the trunk
//!   is configured with, or in the name of the host that we asked for.
//! - A far end that calls us may show one. Whose it is decides which trunk it is, where a trunk is known that way.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{
    CertificateError as Bad, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    ServerConfig, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::core::Hop;
use super::peers::Peer;
use crate::certificates::{CertificateError, CertificateFiles, Kept, authorities, inspect};
use crate::config::sip::{SipConfig, TransportName, TrunkConfig};
use crate::seams::signaling::SignalingError;

/// Both sides of TLS.
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    ours: Option<Arc<Kept>>,
    /// For telephones and trunks, which may be asked for a certificate.
    acceptor: Option<TlsAcceptor>,
    /// For pages, whose users would be asked to choose one.
    page_acceptor: Option<TlsAcceptor>,
    trunks: Vec<Trunk>,
    system: OnceLock<Arc<RootCertStore>>,
}

/// A trunk that is reached over TLS, or comes by it.
struct Trunk {
    peer: Arc<Peer>,
    /// `None` for those that the system trusts.
    roots: Option<Arc<RootCertStore>>,
    names: Vec<String>,
    /// Whether its calls are known by its certificate.
    is_mutual: bool,
}

impl Tls {
    /// Reads certificates and authorities.
    pub fn new(config: &SipConfig, peers: &[Arc<Peer>]) -> Result<Tls, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let files = CertificateFiles::named(config.certificate_file.as_ref(), config.key_file.as_ref());
        let ours = files.map(Kept::open).transpose()?;
        let mut trunks = Vec::new();
        for peer in peers {
            let Some(trunk) = peer.trunk.as_ref().filter(|trunk| trunk.transport == TransportName::Tls) else {
                continue;
            };
            let roots = trunk.ca_file.as_deref().map(|file| authorities(Some(file))).transpose()?;
            let names = trunk.names().into_iter().map(str::to_owned).collect();
            trunks.push(Trunk { peer: peer.clone(), roots, names, is_mutual: trunk.mutual_tls });
        }
        let mut tls = Tls { provider, ours, acceptor: None, page_acceptor: None, trunks, system: OnceLock::new() };
        tls.acceptor = tls.acceptor_for(tls.trunks.iter().any(|trunk| trunk.is_mutual));
        tls.page_acceptor = tls.acceptor_for(false);
        Ok(tls)
    }

    /// Begins to look after our certificate.
    pub fn watch(&self) {
        if let Some(ours) = &self.ours {
            ours.watch();
        }
    }

    fn acceptor_for(&self, is_asked: bool) -> Option<TlsAcceptor> {
        let ours = self.ours.clone()?;
        let client = Arc::new(AnyClient { provider: self.provider.clone(), is_asked });
        let config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .ok()?
            .with_client_cert_verifier(client)
            .with_cert_resolver(ours);
        Some(TlsAcceptor::from(Arc::new(config)))
    }

    /// Shakes hands with a far end that called us, and says which trunk its certificate proves it to be.
    pub async fn accept(&self, stream: TcpStream) -> Option<(server::TlsStream<TcpStream>, Option<Arc<Peer>>)> {
        let acceptor = self.acceptor.as_ref()?;
        let stream = match acceptor.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%error, "No TLS came about with a far end that called");
                return None;
            }
        };
        let proven = stream.get_ref().1.peer_certificates().and_then(|chain| self.proven(chain));
        Some((stream, proven))
    }

    /// Shakes hands with a page.
    pub async fn accept_page(&self, stream: TcpStream) -> Option<server::TlsStream<TcpStream>> {
        self.page_acceptor.as_ref()?.accept(stream).await.ok()
    }

    fn proven(&self, chain: &[CertificateDer<'_>]) -> Option<Arc<Peer>> {
        let (first, others) = chain.split_first()?;
        let now = UnixTime::since_unix_epoch(SystemTime::now().duration_since(UNIX_EPOCH).ok()?);
        let facts = inspect(first)?;
        let mut mutual = self.trunks.iter().filter(|trunk| trunk.is_mutual);
        let trunk = mutual.find(|trunk| {
            trunk.names.iter().any(|name| facts.names_host(name))
                && self.is_vouched_for(self.roots(trunk), first, others, now)
        });
        if trunk.is_none() {
            tracing::info!(tls.names = ?facts.names, "A certificate was shown that is no trunk's");
        }
        trunk.map(|trunk| trunk.peer.clone())
    }

    /// Whether one of these authorities vouches for it. Public ones no longer tell servers from clients, so that either use
    /// will do.
    fn is_vouched_for(
        &self,
        roots: Arc<RootCertStore>,
        first: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> bool {
        let as_client = WebPkiClientVerifier::builder_with_provider(roots.clone(), self.provider.clone()).build();
        as_client.is_ok_and(|verifier| verifier.verify_client_cert(first, others, now).is_ok())
            || is_signed(&self.provider, &roots, first, others, now).is_ok()
    }

    fn roots(&self, trunk: &Trunk) -> Arc<RootCertStore> {
        trunk.roots.clone().unwrap_or_else(|| self.system())
    }

    fn system(&self) -> Arc<RootCertStore> {
        self.system.get_or_init(|| authorities(None).unwrap_or_else(|_| Arc::new(RootCertStore::empty()))).clone()
    }

    fn trunk(&self, peer: Option<&Arc<Peer>>) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| peer.is_some_and(|peer| peer.name == trunk.peer.name))
    }

    /// Whom a stream to this hop is proven to reach: its trunk, or the host that was asked for.
    pub fn name_of(&self, hop: &Hop, peer: Option<&Arc<Peer>>) -> String {
        self.trunk(peer).map_or_else(|| format!("host {}", hop.host), |trunk| format!("trunk {}", trunk.peer.name))
    }

    /// Shakes hands with a far end that we call.
    pub async fn connect(
        &self,
        hop: &Hop,
        peer: Option<&Arc<Peer>>,
        stream: TcpStream,
    ) -> Result<client::TlsStream<TcpStream>, SignalingError> {
        let (roots, names) = match self.trunk(peer) {
            Some(trunk) => (self.roots(trunk), trunk.names.clone()),
            None => (self.system(), vec![hop.host.clone()]),
        };
        shake_hands(InName { provider: self.provider.clone(), roots, names }, self.ours.clone(), hop, stream).await
    }
}

/// Shakes hands with a far end that we call, and shows it our certificate if it asks for one.
async fn shake_hands(
    proof: InName,
    ours: Option<Arc<Kept>>,
    hop: &Hop,
    stream: TcpStream,
) -> Result<client::TlsStream<TcpStream>, SignalingError> {
    let failed = |reason: String| SignalingError::Stack(format!("TLS with {} ({}): {reason}", hop.host, hop.address));
    // What we ask for by name is what a host of many names shows us.
    let asked = proof.names.first().and_then(|name| ServerName::try_from(bare(name).to_owned()).ok());
    let asked = asked.unwrap_or_else(|| ServerName::IpAddress(hop.address.ip().into()));
    let config = ClientConfig::builder_with_provider(proof.provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(proof));
    let config = match ours {
        Some(ours) => config.with_client_cert_resolver(ours),
        None => config.with_no_client_auth(),
    };
    TlsConnector::from(Arc::new(config)).connect(asked, stream).await.map_err(|error| failed(error.to_string()))
}

/// Whether whoever is at this address proves to be the trunk; for `check`.
pub async fn prove_trunk(trunk: &TrunkConfig, address: SocketAddr) -> Result<(), SignalingError> {
    let unreachable = |error: &dyn fmt::Display| SignalingError::Stack(format!("{address}: {error}"));
    let roots = authorities(trunk.ca_file.as_deref()).map_err(|error| unreachable(&error))?;
    let stream = TcpStream::connect(address).await.map_err(|error| unreachable(&error))?;
    let names = trunk.names().into_iter().map(str::to_owned).collect();
    let hop = Hop { address, transport: TransportName::Tls, host: trunk.host.clone() };
    let proof = InName { provider: Arc::new(ring::default_provider()), roots, names };
    shake_hands(proof, None, &hop, stream).await.map(drop)
}

fn bare(name: &str) -> &str {
    name.strip_prefix("sip:").unwrap_or(name)
}

fn is_signed(
    provider: &CryptoProvider,
    roots: &RootCertStore,
    first: &CertificateDer<'_>,
    others: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let parsed = ParsedCertificate::try_from(first)?;
    let algorithms = provider.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, roots, others, now, algorithms)
}

/// The certificate of whom we call: vouched for, and in one of these names (RFC 5922 §7.2).
struct InName {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    names: Vec<String>,
}

impl InName {
    fn is_named(&self, first: &CertificateDer<'_>) -> Result<bool, Error> {
        let parsed = ParsedCertificate::try_from(first)?;
        let as_host = |name: &String| {
            ServerName::try_from(bare(name)).is_ok_and(|name| verify_server_name(&parsed, &name).is_ok())
        };
        let as_address = |name: &String| {
            let wanted = format!("sip:{}", bare(name)).to_ascii_lowercase();
            inspect(first).is_some_and(|facts| facts.names.contains(&wanted))
        };
        Ok(self.names.iter().any(|name| as_host(name) || as_address(name)))
    }
}

impl fmt::Debug for InName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InName").field("names", &self.names).finish_non_exhaustive()
    }
}

/// What verifiers of either side ask of a signature: that the provider's algorithms find it right.
macro_rules! signatures_by_the_provider {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

impl ServerCertVerifier for InName {
    fn verify_server_cert(
        &self,
        first: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _asked: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        is_signed(&self.provider, &self.roots, first, others, now)?;
        match self.is_named(first)? {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Bad::NotValidForName.into()),
        }
    }

    signatures_by_the_provider!();
}

/// The certificate of whoever calls us: any will do here, since what it proves is asked afterwards; but its key must be
/// theirs.
struct AnyClient {
    provider: Arc<CryptoProvider>,
    is_asked: bool,
}

impl fmt::Debug for AnyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyClient").finish_non_exhaustive()
    }
}

impl ClientCertVerifier for AnyClient {
    fn offer_client_auth(&self) -> bool {
        self.is_asked
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _first: &CertificateDer<'_>,
        _others: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    signatures_by_the_provider!();
}
