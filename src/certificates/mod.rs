//! Certificates of ours and of those we trust: read from PEM files, read again when the files change, and looked over.
//!
//! Named by everything that speaks TLS. A pair that cannot be used never takes the place of one that can.

mod acme;
mod authorities;
mod inspect;
mod kept;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;

pub use acme::{Acme, AcmeError};
pub use authorities::authorities;
pub use inspect::{Facts, inspect};
pub use kept::Kept;

/// The protocol by which an authority looks whether a name is ours (RFC 8737); nothing is said over it.
pub const PROVING: &[u8] = b"acme-tls/1";

/// The two files of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Our certificate first, then those that lead to its root, in PEM.
    pub certificate: PathBuf,
    /// Its key, in PEM.
    pub key: PathBuf,
}

/// Why a certificate cannot be used. The operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is missing, cannot be read, or is no PEM.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The key is of another certificate, or of a kind that TLS does not know.
    #[error("{key} is not the key of {certificate}: {reason}")]
    Key {
        /// The key's file.
        key: String,
        /// The certificate's file.
        certificate: String,
        /// What the library says.
        reason: String,
    },
    /// The certificate itself cannot be read, or does not hold now.
    #[error("{file}: {reason}")]
    Unusable {
        /// Its file.
        file: String,
        /// Why.
        reason: String,
    },
}

impl CertificateFiles {
    /// Both files, where both are named.
    pub fn named(certificate: Option<&PathBuf>, key: Option<&PathBuf>) -> Option<CertificateFiles> {
        Some(CertificateFiles { certificate: certificate?.clone(), key: key?.clone() })
    }

    /// Reads the pair, and makes sure that they belong together.
    pub fn read(&self) -> Result<Arc<CertifiedKey>, CertificateError> {
        let chain = certificates_in(&self.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|error| unreadable(&self.key, &error))?;
        let mismatch = |error: rustls::Error| CertificateError::Key {
            key: self.key.display().to_string(),
            certificate: self.certificate.display().to_string(),
            reason: error.to_string(),
        };
        CertifiedKey::from_der(chain, key, &ring::default_provider()).map(Arc::new).map_err(mismatch)
    }
}

/// A server of HTTPS with these certificates, which asks nobody for theirs.
pub fn https(certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, CertificateError> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| CertificateError::Unusable { file: "TLS".to_owned(), reason: error.to_string() })?;
    let mut config = config.with_no_client_auth().with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"http/1.1".to_vec(), PROVING.to_vec()];
    Ok(Arc::new(config))
}

/// The certificates of a PEM file, at least one.
fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let found = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = found.map_err(|error| unreadable(file, &error))?;
    if found.is_empty() {
        return Err(CertificateError::File { file: file.display().to_string(), reason: "no certificate in it".into() });
    }
    Ok(found)
}

fn unreadable(file: &Path, error: &rustls::pki_types::pem::Error) -> CertificateError {
    CertificateError::File { file: file.display().to_string(), reason: error.to_string() }
}

#[cfg(test)]
mod tests;
