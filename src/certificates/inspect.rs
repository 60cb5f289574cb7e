//! What a certificate says of itself.

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// What a certificate says of itself, as far as whoever looks after it must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The host names, addresses and SIP addresses it is good for, in lower case.
    pub names: Vec<String>,
    /// From when on, in seconds since 1970.
    pub not_before: i64,
    /// Until when, in seconds since 1970.
    pub not_after: i64,
    /// Whether nobody but its owner vouches for it.
    pub self_signed: bool,
}

impl Facts {
    /// Whether it is good for this host: by name, by a star for the first part of one, by address, or by the SIP address
    /// of the host (RFC 5922 §7.1).
    pub fn names_host(&self, host: &str) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.names.iter().any(|name| {
            let name = name.strip_prefix("sip:").unwrap_or(name);
            let by_star = name.strip_prefix("*.").zip(host.split_once('.'));
            name == host || by_star.is_some_and(|(parent, (_, rest))| parent == rest)
        })
    }
}

/// Reads a certificate; `None` for what is none.
pub fn inspect(certificate: &CertificateDer<'_>) -> Option<Facts> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    let names = read.subject_alternative_name().ok().flatten();
    let names = names.into_iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::URI(uri) => Some(uri.to_ascii_lowercase()),
        GeneralName::IPAddress(bytes) => address(bytes),
        // Names of people and directories are no hosts.
        _ => None,
    });
    let names = names.take(NAMES_MAX).collect();
    let validity = read.validity();
    Some(Facts {
        names,
        not_before: validity.not_before.timestamp(),
        not_after: validity.not_after.timestamp(),
        self_signed: read.issuer() == read.subject(),
    })
}

/// Names looked at: those of large carriers have a hundred.
const NAMES_MAX: usize = 256;

fn address(bytes: &[u8]) -> Option<String> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(std::net::Ipv4Addr::from(four).to_string());
    }
    Some(std::net::Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_string())
}
