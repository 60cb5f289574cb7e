//! A certificate that is asked for and renewed by itself (ACME, RFC 8555). The authority looks whether the names are ours
//! by a handshake on the port of HTTPS (TLS-ALPN-01, RFC 8737), so that no other port has to be open.
//!
//! Account and certificate lie in a folder of their own; the certificate is taken up from there as any other file is
//! ([`Kept`]), so that SIP may use it as well.

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, LetsEncrypt, NewAccount, NewOrder,
    Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Serialize};

use super::{CertificateError, CertificateFiles, Kept, PROVING, inspect};
use crate::config::http::AcmeConfig;

/// Asks for our certificate, and shows it.
pub struct Acme {
    config: AcmeConfig,
    folder: PathBuf,
    kept: Arc<Kept>,
    /// What is shown to the authority alone, by name, while it looks.
    proofs: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

/// Why there is no certificate yet.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority refuses, or cannot be reached.
    #[error("{0}")]
    Authority(#[from] instant_acme::Error),
    /// It could not convince itself that a name is ours.
    #[error("{name} could not be proven to be ours: {reason}; it must lead to this server's HTTPS by port 443")]
    NotProven {
        /// Which name.
        name: String,
        /// What the authority says.
        reason: String,
    },
    /// It knows no way of looking that we know.
    #[error("the authority offers no TLS-ALPN-01 for {0}")]
    NoWay(String),
    /// It took too long.
    #[error("the authority took longer than {} s", OBTAIN_TIMEOUT.as_secs())]
    TooLong,
    /// A certificate could not be made.
    #[error("a certificate cannot be made: {0}")]
    Made(#[from] rcgen::Error),
    /// The folder cannot be written.
    #[error("{file}: {reason}")]
    File {
        /// Which.
        file: String,
        /// What the system says.
        reason: String,
    },
}

/// An account, with the authority that it is of.
#[derive(Serialize, Deserialize)]
struct StoredAccount {
    directory: String,
    credentials: AccountCredentials,
}

impl Acme {
    /// Takes up what lies in the folder. Where nothing does, a certificate that nobody vouches for stands in, so that the
    /// authority finds an open port.
    pub fn open(config: AcmeConfig, folder: &Path) -> Result<Arc<Acme>, CertificateError> {
        let unusable = |error: AcmeError| CertificateError::Unusable {
            file: folder.display().to_string(),
            reason: error.to_string(),
        };
        let file = folder.join(CERTIFICATE);
        if !file.exists() {
            let key = KeyPair::generate().map_err(|error| unusable(error.into()))?;
            let made = CertificateParams::new(config.names.clone()).and_then(|params| params.self_signed(&key));
            let made = made.map_err(|error| unusable(error.into()))?;
            write(&file, &format!("{}{}", made.pem(), key.serialize_pem())).map_err(unusable)?;
        }
        let kept = Kept::open(CertificateFiles { certificate: file.clone(), key: file })?;
        let proofs = Mutex::new(HashMap::new());
        Ok(Arc::new(Acme { config, folder: folder.to_owned(), kept, proofs }))
    }

    /// The certificate in use.
    pub fn kept(&self) -> &Arc<Kept> {
        &self.kept
    }

    /// Asks for a certificate whenever one is due, for as long as anybody else holds this.
    pub fn look_after(self: &Arc<Acme>) {
        let watched = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut pause = PAUSE_MIN;
            loop {
                let wait = {
                    let Some(acme) = watched.upgrade() else { return };
                    match acme.renew().await {
                        Ok(_) => {
                            pause = PAUSE_MIN;
                            LOOK_EVERY
                        }
                        Err(error) => {
                            let names = acme.config.names.join(", ");
                            tracing::warn!(tls.names = %names, %error, "No certificate was given; the old one stays");
                            let wait = pause;
                            pause = (pause * 2).min(PAUSE_MAX);
                            wait
                        }
                    }
                };
                tokio::time::sleep(wait).await;
            }
        });
    }

    /// Asks for a certificate if one is due: true when another is in use now.
    pub async fn renew(&self) -> Result<bool, AcmeError> {
        if !self.is_due() {
            return Ok(false);
        }
        let given = tokio::time::timeout(OBTAIN_TIMEOUT, self.obtain()).await;
        self.proofs.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let pem = given.map_err(|_| AcmeError::TooLong)??;
        let file = self.folder.join(CERTIFICATE);
        write(&file, &pem)?;
        self.kept
            .look()
            .map_err(|error| AcmeError::File { file: file.display().to_string(), reason: error.to_string() })?;
        tracing::info!(tls.names = %self.config.names.join(", "), "A certificate was given");
        Ok(true)
    }

    /// A third of its time is left for what may go wrong.
    fn is_due(&self) -> bool {
        let facts = self.kept.current().cert.first().and_then(inspect);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        facts.is_none_or(|facts| {
            let names_all = self.config.names.iter().all(|name| facts.names_host(name));
            facts.self_signed || !names_all || (facts.not_after - now) * 3 < facts.not_after - facts.not_before
        })
    }

    /// A certificate with its key, in PEM.
    async fn obtain(&self) -> Result<String, AcmeError> {
        let account = self.account().await?;
        let names: Vec<Identifier> = self.config.names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = account.new_order(&NewOrder::new(&names)).await?;
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let name = authorization.identifier().to_string();
            let mut challenge =
                authorization.challenge(ChallengeType::TlsAlpn01).ok_or_else(|| AcmeError::NoWay(name.clone()))?;
            let proof = proof(&name, challenge.key_authorization().digest().as_ref())?;
            self.proofs.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_ascii_lowercase(), proof);
            challenge.set_ready().await?;
        }
        match order.poll_ready(&PATIENCE).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) | Err(instant_acme::Error::Api(_)) => return Err(not_proven(&mut order).await),
            Err(error) => return Err(error.into()),
        }
        let key = order.finalize().await?;
        let chain = order.poll_certificate(&PATIENCE).await?;
        Ok(format!("{chain}{key}"))
    }

    /// Our account with the authority: the one that lies in the folder, or a new one.
    async fn account(&self) -> Result<Account, AcmeError> {
        let file = self.folder.join(ACCOUNT);
        let directory = self.config.directory.clone().unwrap_or_else(|| LetsEncrypt::Production.url().to_owned());
        let builder = || match &self.config.ca_file {
            Some(authorities) => Account::builder_with_root(authorities),
            None => Account::builder(),
        };
        let stored = std::fs::read(&file).ok().and_then(|text| serde_json::from_slice::<StoredAccount>(&text).ok());
        if let Some(stored) = stored.filter(|stored| stored.directory == directory) {
            return Ok(builder()?.from_credentials(stored.credentials).await?);
        }
        let contact = self.config.contact.as_ref().map(|email| format!("mailto:{email}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let new = NewAccount {
            contact: &contact,
            terms_of_service_agreed: self.config.accept_terms,
            only_return_existing: false,
        };
        let (account, credentials) = builder()?.create(&new, directory.clone(), None).await?;
        let text =
            serde_json::to_string(&StoredAccount { directory, credentials }).map_err(instant_acme::Error::from)?;
        write(&file, &text)?;
        Ok(account)
    }
}

/// What the authority found out, told by the name it is about.
async fn not_proven(order: &mut Order) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        // It was read before the authority looked.
        let _ = authorization.refresh().await;
        let name = authorization.identifier().to_string();
        let failed = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = failed {
            return AcmeError::NotProven { name, reason: problem.to_string() };
        }
    }
    AcmeError::NotProven { name: "a name".into(), reason: "the authority does not say why".into() }
}

/// The certificate by which a name is proven to be ours (RFC 8737 section 3).
fn proof(name: &str, digest: &[u8]) -> Result<Arc<CertifiedKey>, AcmeError> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let signing = ring::sign::any_supported_type(&der).map_err(|_| rcgen::Error::KeyGenerationUnavailable)?;
    Ok(Arc::new(CertifiedKey::new(vec![certificate.der().clone()], signing)))
}

/// Whole or not at all, and for our eyes alone.
fn write(file: &Path, text: &str) -> Result<(), AcmeError> {
    let failed =
        |error: std::io::Error| AcmeError::File { file: file.display().to_string(), reason: error.to_string() };
    let folder = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Made readable for us alone, and moved into place once it is on the disk.
    let mut new = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    new.write_all(text.as_bytes()).and_then(|()| new.as_file().sync_all()).map_err(failed)?;
    new.persist(file).map(|_| ()).map_err(|error| failed(error.error))
}

impl ResolvesServerCert for Acme {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if protocols.next() == Some(PROVING) && protocols.next().is_none() {
            let name = hello.server_name()?.to_ascii_lowercase();
            return self.proofs.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        }
        Some(self.kept.current())
    }
}

impl fmt::Debug for Acme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acme").field("names", &self.config.names).finish_non_exhaustive()
    }
}

/// Certificate, those that lead to its root, and its key, in one file: it is replaced at once or not at all.
const CERTIFICATE: &str = "certificate.pem";
const ACCOUNT: &str = "account.json";
/// A certificate is due for weeks.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);
/// Authorities count failures by the hour; a name that is mended is not waited for longer than a coffee.
const PAUSE_MIN: Duration = Duration::from_secs(300);
const PAUSE_MAX: Duration = Duration::from_secs(6 * 3_600);
/// Authorities look from several places, within seconds.
const OBTAIN_TIMEOUT: Duration = Duration::from_secs(180);
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(60));
