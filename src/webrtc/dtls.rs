//! The exchange of keys with one far end (DTLS-SRTP, RFC 5764). Browsers call and we answer; telephones may want it the
//! other way round.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use arrayvec::ArrayVec;
use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::crypto::Certificate;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_dtls::state::State;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;
use sha2::{Digest, Sha256};

use crate::seams::media::{SrtpKey, SrtpKeys, SrtpSuite};

/// RFC 5764 §4.2.
const EXPORTER_LABEL: &str = "EXTRACTOR-dtls_srtp";
/// Which path a datagram took is ICE's concern where there is ICE; the exchange knows one far end then.
pub const FAR: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 9);

/// Our certificate, made anew with each start. Who we are is told by the description, over HTTP or SIP.
pub struct Identity {
    certificate: Certificate,
    provider: Arc<dyn RTCCryptoProvider>,
    /// Its SHA-256 as session descriptions write it.
    pub fingerprint: String,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// Where no cryptography is at hand, which is a defect of the build.
    pub fn generate() -> Result<Identity, rtc_shared::error::Error> {
        let provider = rtc_crypto::default_provider().map_err(|error| Error::Crypto(error.to_string()))?;
        let certificate = Certificate::generate_self_signed(vec!["switchboard".to_owned()], provider.crypto())?;
        let fingerprint = fingerprint(certificate.certificate.first().map_or(&[], |der| der.as_ref()));
        Ok(Identity { certificate, provider, fingerprint })
    }
}

pub(super) fn fingerprint(der: &[u8]) -> String {
    let bytes = Sha256::digest(der);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// What happened in the exchange.
pub enum Happened {
    /// Both sides have the keys; whoever it was at that address holds the key of the certificate.
    Agreed(Box<SrtpKeys>),
    /// The far end closed it.
    Closed,
}

/// The exchange with one far end, which may be looked for at several addresses.
pub struct Exchange {
    endpoint: Endpoint,
    /// How we call, where it is for us to call.
    calling: Option<Arc<HandshakeConfig>>,
}

impl Exchange {
    /// Waits for the far end, whose certificate must have this SHA-256 (as session descriptions write it).
    pub fn new(identity: &Identity, remote_fingerprint: &str) -> Result<Exchange, rtc_shared::error::Error> {
        let config = config(identity, remote_fingerprint).build(false, None)?;
        Ok(Exchange { endpoint: Endpoint::new(FAR, TransportProtocol::UDP, Some(Arc::new(config))), calling: None })
    }

    /// Calls the far end, once [`Exchange::begin`] says where.
    pub fn calling(identity: &Identity, remote_fingerprint: &str) -> Result<Exchange, rtc_shared::error::Error> {
        let config = Arc::new(config(identity, remote_fingerprint).build(true, None)?);
        Ok(Exchange { endpoint: Endpoint::new(FAR, TransportProtocol::UDP, None), calling: Some(config) })
    }

    /// Calls at this address, if it is for us to call; what is to be sent is polled.
    pub fn begin(&mut self, now: Instant, to: SocketAddr) {
        if let Some(config) = self.calling.clone()
            && let Err(error) = self.endpoint.connect(now, to, config, None)
        {
            tracing::debug!(%error, "An exchange of keys could not be begun");
        }
    }

    /// A datagram from this address. What is wrong with it is told, and harms nothing.
    pub fn handle(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &[u8],
    ) -> Result<Option<Happened>, rtc_shared::error::Error> {
        let mut happened = None;
        for event in self.endpoint.read(now, from, None, BytesMut::from(datagram))? {
            match event {
                EndpointEvent::HandshakeComplete => {
                    let state = self.endpoint.get_connection_state(from).ok_or(Error::HandshakeInProgress)?;
                    happened = Some(Happened::Agreed(Box::new(keys(state, self.calling.is_some())?)));
                }
                EndpointEvent::PeerClosed => happened = Some(Happened::Closed),
                // We agreed on nothing that would send data.
                _ => {}
            }
        }
        Ok(happened)
    }

    /// Whether something was begun with this address.
    pub fn knows(&self, address: SocketAddr) -> bool {
        self.endpoint.get_connection_state(address).is_some()
    }

    /// With how many addresses something was begun.
    pub fn len(&self) -> usize {
        self.endpoint.get_connections_keys().len()
    }

    /// Forgets all addresses but this one: it is proven.
    pub fn keep_only(&mut self, now: Instant, address: SocketAddr) {
        let others: Vec<SocketAddr> =
            self.endpoint.get_connections_keys().copied().filter(|at| *at != address).collect();
        others.into_iter().for_each(|other| drop(self.endpoint.stop(now, other)));
    }

    /// Sends again what was lost.
    pub fn handle_timeout(&mut self, now: Instant) {
        let all: Vec<SocketAddr> = self.endpoint.get_connections_keys().copied().collect();
        for address in all {
            // An error here ends the exchange, and the call's own deadline notices.
            let _ = self.endpoint.handle_timeout(address, now);
        }
    }

    /// When to send again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint.get_connections_keys().filter_map(|address| self.endpoint.poll_timeout(address)).min()
    }

    /// The next datagram, and for whom.
    pub fn poll_transmit(&mut self) -> Option<(SocketAddr, BytesMut)> {
        self.endpoint.poll_transmit().map(|transmit| (transmit.transport.peer_addr, transmit.message))
    }

    /// Says goodbye; the datagram is polled.
    pub fn close(&mut self, now: Instant) {
        let _ = self.endpoint.close(now);
    }
}

fn config(identity: &Identity, remote_fingerprint: &str) -> ConfigBuilder {
    let expected = remote_fingerprint.to_ascii_uppercase();
    ConfigBuilder::default()
        .with_crypto_provider(identity.provider.clone())
        .with_certificates(vec![identity.certificate.clone()])
        // Never without protection, and never with a shorter tag.
        .with_srtp_protection_profiles(vec![
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
            SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
        ])
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        // These certificates are signed by nobody: the fingerprint in the description is what proves them.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(move |chain: &[Vec<u8>], _| {
            let is_theirs = chain.first().is_some_and(|der| fingerprint(der) == expected);
            if is_theirs { Ok(()) } else { Err(Error::ErrNoMatchingCertificateFingerprint) }
        })))
        .with_extended_master_secret(ExtendedMasterSecretType::Require)
}

/// The keys of both directions, in the order of RFC 5764 §4.2: the client's and the server's key, then their salts.
fn keys(state: &State, we_called: bool) -> Result<SrtpKeys, rtc_shared::error::Error> {
    let (suite, key_bytes, salt_bytes) = match state.srtp_protection_profile() {
        SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => (SrtpSuite::AeadAes128Gcm, 16, 12),
        SrtpProtectionProfile::Srtp_Aead_Aes_256_Gcm => (SrtpSuite::AeadAes256Gcm, 32, 12),
        SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => (SrtpSuite::Aes128CmSha1_80, 16, 14),
        _ => return Err(Error::ErrNoSuchSrtpProfile),
    };
    let material = state.export_keying_material(EXPORTER_LABEL, &[], 2 * (key_bytes + salt_bytes))?;
    let material: &[u8] = material.as_ref();
    let (keys, salts) = material.split_at(2 * key_bytes);
    let of = |side: usize| SrtpKey {
        key: keys[side * key_bytes..][..key_bytes].iter().copied().collect::<ArrayVec<u8, 32>>(),
        salt: salts[side * salt_bytes..][..salt_bytes].iter().copied().collect::<ArrayVec<u8, 14>>(),
    };
    // The first is the caller's.
    let (ours, theirs) = if we_called { (0, 1) } else { (1, 0) };
    Ok(SrtpKeys { suite, local: of(ours), remote: of(theirs) })
}
