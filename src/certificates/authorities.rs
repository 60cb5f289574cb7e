//! Who may vouch for the certificates of others.

use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;

use super::{CertificateError, certificates_in};

/// The authorities of this PEM file alone; without one, those that the system trusts. The latter may be none, where the
/// system has no such list: then nobody is trusted.
pub fn authorities(file: Option<&Path>) -> Result<Arc<RootCertStore>, CertificateError> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            for certificate in certificates_in(file)? {
                roots.add(certificate).map_err(|error| CertificateError::Unusable {
                    file: file.display().to_string(),
                    reason: error.to_string(),
                })?;
            }
        }
        // Old systems hold certificates that no library reads any more: the others count.
        None => {
            let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(Arc::new(roots))
}
