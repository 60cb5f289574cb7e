//! An authority of our own, and far ends that it vouches for.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use switchboard::config::sip::SipConfig;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector, client};

/// Vouches for whom it likes.
pub struct Authority {
    folder: TempDir,
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, in files.
#[derive(Clone)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Authority {
    pub fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("authority.pem"), certificate.pem()).unwrap();
        Authority { folder, certificate, issuer: Issuer::new(params, key) }
    }

    /// The file that names it.
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_into(&names.join("+"), names)
    }

    /// The same, into files of this name.
    pub fn issue_into(&self, file: &str, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let key = KeyPair::generate().unwrap();
        let at = |ending: &str| self.folder.path().join(format!("{file}.{ending}"));
        let issued = Issued { certificate: at("pem"), key: at("key") };
        fs::write(&issued.certificate, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        fs::write(&issued.key, key.serialize_pem()).unwrap();
        issued
    }

    /// A configuration that listens for TLS with a certificate of this authority.
    pub fn listening(&self, config: SipConfig) -> SipConfig {
        let ours = self.issue(&["127.0.0.1", "desk.example.com"]);
        SipConfig {
            tls_listen: Some("127.0.0.1:0".parse().unwrap()),
            certificate_file: Some(ours.certificate),
            key_file: Some(ours.key),
            ..config
        }
    }

    /// A client that trusts this authority, and shows this certificate if it is asked for one.
    pub fn client(&self, shown: Option<&Issued>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.der().clone()).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let config = match shown {
            Some(shown) => config.with_client_auth_cert(shown.chain(), shown.key()).unwrap(),
            None => config.with_no_client_auth(),
        };
        TlsConnector::from(Arc::new(config))
    }
}

impl Issued {
    fn chain(&self) -> Vec<CertificateDer<'static>> {
        CertificateDer::pem_file_iter(&self.certificate).unwrap().map(Result::unwrap).collect()
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(&self.key).unwrap()
    }

    /// A server with this certificate.
    pub fn server(&self) -> TlsAcceptor {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(self.chain(), self.key()).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// A connection to us.
pub async fn connect(client: &TlsConnector, server: std::net::SocketAddr) -> client::TlsStream<TcpStream> {
    let stream = TcpStream::connect(server).await.unwrap();
    stream.set_nodelay(true).unwrap();
    client.connect(ServerName::try_from("desk.example.com").unwrap(), stream).await.unwrap()
}
