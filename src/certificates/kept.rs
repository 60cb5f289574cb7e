//! A certificate that is read again when its files change.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{CertificateError, CertificateFiles, inspect};

/// How often the files are looked at. Certificates are renewed days before they end.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Our certificate, as TLS asks for it with each new connection.
pub struct Kept {
    files: CertificateFiles,
    current: ArcSwap<CertifiedKey>,
    seen: Mutex<Seen>,
}

/// The files as they were when they were read last: times and lengths.
type Seen = [Option<(SystemTime, u64)>; 2];

impl Kept {
    /// Reads the files for the first time.
    pub fn open(files: CertificateFiles) -> Result<Arc<Kept>, CertificateError> {
        let seen = look_at(&files);
        let current = files.read()?;
        Ok(Arc::new(Kept { files, current: ArcSwap::new(current), seen: Mutex::new(seen) }))
    }

    /// Reads the files again if they have changed: true when another pair is in use now. One that cannot be used, or that
    /// has ended, leaves the old one in use; it is told once.
    pub fn look(&self) -> Result<bool, CertificateError> {
        let now = look_at(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        *seen = now;
        drop(seen);
        let read = self.files.read()?;
        self.check_time(&read)?;
        self.current.store(read);
        Ok(true)
    }

    fn check_time(&self, read: &CertifiedKey) -> Result<(), CertificateError> {
        let unusable = |reason: &str| CertificateError::Unusable {
            file: self.files.certificate.display().to_string(),
            reason: reason.to_owned(),
        };
        let facts = read.cert.first().and_then(inspect).ok_or_else(|| unusable("it cannot be read"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        if facts.not_after <= now {
            return Err(unusable("it has ended"));
        }
        if facts.not_before > now {
            return Err(unusable("it is not valid yet"));
        }
        Ok(())
    }

    /// Looks at the files for as long as anybody else holds this.
    pub fn watch(self: &Arc<Self>) {
        let watched = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(kept) = watched.upgrade() else { return };
                let file = kept.files.certificate.display().to_string();
                match kept.look() {
                    Ok(true) => tracing::info!(tls.certificate = %file, "The certificate was replaced"),
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(tls.certificate = %file, %error, "A new certificate is not taken; the old one stays");
                    }
                }
            }
        });
    }

    /// The pair in use.
    pub fn current(&self) -> Arc<CertifiedKey> {
        self.current.load_full()
    }
}

fn look_at(files: &CertificateFiles) -> Seen {
    let look = |file: &Path| {
        let meta = std::fs::metadata(file).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    [look(&files.certificate), look(&files.key)]
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Kept {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl ResolvesClientCert for Kept {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
