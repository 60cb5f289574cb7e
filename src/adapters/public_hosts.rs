//! Who may be connected to at somebody's word (W3).
//!
//! What a name stands for is looked up once, every address of it must be public, and the connection goes to those
//! addresses and no others: a name that stands for something else a moment later (DNS rebinding) changes nothing. An
//! operator may name hosts of their own network that may be reached all the same.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use url::{Host, Url};

use crate::domain::public_address::is_public;

/// Why nobody is connected to.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// The address names no host.
    #[error("an address names a host")]
    NoHost,
    /// Its port is none of those.
    #[error("only the ports 80 and 443 are fetched from")]
    Port,
    /// The name is not known.
    #[error("the name {0} is not known; check its spelling")]
    Unknown(String),
    /// It leads inwards.
    #[error("this address leads into a private network or this machine, and only the public Internet is reached")]
    Private,
}

/// The addresses that may be connected to for this one; of these ports alone, where any are named. `allowed` names hosts
/// with their ports, in lower case.
pub async fn addresses(
    url: &Url,
    allowed: &[String],
    ports: &[u16],
    timeout: Duration,
) -> Result<Vec<SocketAddr>, Unreachable> {
    let port = url.port_or_known_default().unwrap_or(0);
    let host = url.host().ok_or(Unreachable::NoHost)?;
    let named = format!("{}:{port}", url.host_str().unwrap_or_default()).to_ascii_lowercase();
    let allowed = allowed.contains(&named);
    if !allowed && !ports.is_empty() && !ports.contains(&port) {
        return Err(Unreachable::Port);
    }
    let addresses: Vec<SocketAddr> = match host {
        Host::Ipv4(ip) => vec![SocketAddr::new(IpAddr::V4(ip), port)],
        Host::Ipv6(ip) => vec![SocketAddr::new(IpAddr::V6(ip), port)],
        Host::Domain(name) => {
            let looked_up = tokio::time::timeout(timeout, tokio::net::lookup_host((name, port))).await;
            let unknown = || Unreachable::Unknown(name.to_owned());
            looked_up.map_err(|_| unknown())?.map_err(|_| unknown())?.collect()
        }
    };
    // One inner address among public ones is enough to refuse: which of them is used would be chance.
    if addresses.is_empty() || (!allowed && addresses.iter().any(|address| !is_public(address.ip()))) {
        return Err(Unreachable::Private);
    }
    Ok(addresses)
}

/// A client that connects to these addresses alone, by no proxy, and follows no redirect.
pub fn client(url: &Url, addresses: &[SocketAddr]) -> reqwest::ClientBuilder {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    match url.host() {
        Some(Host::Domain(name)) => client.resolve_to_addrs(name, addresses),
        Some(Host::Ipv4(_) | Host::Ipv6(_)) | None => client,
    }
}
