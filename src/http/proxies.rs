//! Who really asks, where a proxy of ours stands between (R46): `Forwarded` (RFC 7239), or the `X-Forwarded-*` that came
//! before it. Nothing of either is believed unless it comes from an address that configuration names, and then only as
//! far back as such addresses go.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::Shared;
use crate::config::http::{HttpConfig, ProxyHeader};

/// Who is at the other end; put into each request by the server, and put right here behind a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Their address.
    pub ip: IpAddr,
    /// Whether they speak TLS, with us or with our proxy.
    pub secure: bool,
    /// Whether nobody of ours stands between.
    pub direct: bool,
}

impl Peer {
    /// Somebody who is connected to us.
    pub fn connected(address: SocketAddr, secure: bool) -> Peer {
        Peer { ip: address.ip().to_canonical(), secure, direct: true }
    }
}

/// Puts the one who asks in the place of our proxy, and the name they called in the place of the proxy's.
pub async fn see_through(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    let config = &shared.parts.config;
    if let Some(peer) = request.extensions().get::<Peer>().copied()
        && trusted(config, peer.ip)
    {
        let (behind, host) = behind(request.headers(), peer, config);
        request.extensions_mut().insert(behind);
        if let Some(host) = host {
            request.headers_mut().insert(header::HOST, host);
        }
    }
    next.run(request).await
}

fn trusted(config: &HttpConfig, ip: IpAddr) -> bool {
    config.trusted_proxies.iter().any(|network| network.contains(ip))
}

/// One step of the way: who came to a proxy, how, and for which name.
#[derive(Default)]
struct Step<'a> {
    from: Option<&'a str>,
    proto: Option<&'a str>,
    host: Option<&'a str>,
}

fn behind(headers: &HeaderMap, proxy: Peer, config: &HttpConfig) -> (Peer, Option<HeaderValue>) {
    let steps = match config.proxy_header {
        ProxyHeader::Forwarded => forwarded(headers),
        ProxyHeader::XForwarded => x_forwarded(headers),
    };
    // The last step was written by the proxy that asks us; the one before it by whoever that came from, and so on.
    let mut seen = Peer { direct: false, ..proxy };
    let mut host = None;
    for step in steps.iter().rev() {
        let Some(ip) = step.from.and_then(address) else { break };
        seen = Peer { ip, secure: step.proto.map_or(seen.secure, |proto| proto.eq_ignore_ascii_case("https")), ..seen };
        host = step.host.or(host);
        if !trusted(config, ip) {
            break;
        }
    }
    (seen, host.and_then(|host| HeaderValue::from_str(host).ok()))
}

fn listed<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).collect()
}

/// Proxies that write one scheme or name, and no list, tell how the first of them was called.
fn x_forwarded(headers: &HeaderMap) -> Vec<Step<'_>> {
    let from = listed(headers, "x-forwarded-for");
    let [proto, host] = ["x-forwarded-proto", "x-forwarded-host"].map(|name| listed(headers, name));
    let beside = |values: &[&'_ str], index: usize| -> Option<usize> {
        let back = from.len() - index;
        (!values.is_empty()).then(|| values.len().saturating_sub(back))
    };
    let step = |index: usize| Step {
        from: Some(from[index]),
        proto: beside(&proto, index).map(|at| proto[at]),
        host: beside(&host, index).map(|at| host[at]),
    };
    (0..from.len()).map(step).collect()
}

fn forwarded(headers: &HeaderMap) -> Vec<Step<'_>> {
    listed(headers, "forwarded").into_iter().map(parameters).collect()
}

fn parameters(element: &str) -> Step<'_> {
    let mut step = Step::default();
    for (name, value) in element.split(';').filter_map(|pair| pair.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "for" => step.from = Some(value),
            "proto" => step.proto = Some(value),
            "host" => step.host = Some(value),
            _ => {}
        }
    }
    step
}

/// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:443`; names that hide an address are
/// none.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let whole = bare.parse::<IpAddr>().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|at| at.ip()));
    whole.map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Lines<'a> = &'a [(&'static str, &'a str)];

    fn config(proxy_header: ProxyHeader, trusted: &[&str]) -> HttpConfig {
        let trusted_proxies = trusted.iter().map(|network| network.parse().unwrap()).collect();
        HttpConfig { trusted_proxies, proxy_header, ..HttpConfig::default() }
    }

    fn seen(config: &HttpConfig, lines: Lines<'_>) -> (String, bool, Option<String>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let proxy = Peer::connected("10.0.0.1:40000".parse().unwrap(), false);
        let (peer, host) = behind(&headers, proxy, config);
        assert!(!peer.direct, "whoever comes by a proxy is not this machine");
        (peer.ip.to_string(), peer.secure, host.map(|host| host.to_str().unwrap().to_owned()))
    }

    /// R46.
    #[test]
    fn the_address_before_our_own_proxies_is_the_one_who_asks() {
        let x = config(ProxyHeader::XForwarded, &["10.0.0.0/8"]);
        let rows: &[(Lines<'_>, &str, bool, Option<&str>)] = &[
            (&[("x-forwarded-for", "203.0.113.9")], "203.0.113.9", false, None),
            (&[("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")], "203.0.113.9", true, None),
            // What the client wrote itself stands before, and counts for nothing.
            (&[("x-forwarded-for", "127.0.0.1, 203.0.113.9")], "203.0.113.9", false, None),
            (&[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-for", "203.0.113.9")], "203.0.113.9", false, None),
            // Two of ours.
            (&[("x-forwarded-for", "203.0.113.9, 10.0.0.2")], "203.0.113.9", false, None),
            (
                &[("x-forwarded-for", "203.0.113.9, 10.0.0.2"), ("x-forwarded-host", "desk.example.com")],
                "203.0.113.9",
                false,
                Some("desk.example.com"),
            ),
            (
                &[("x-forwarded-for", "::1, 2001:db8::9"), ("x-forwarded-proto", "http, https")],
                "2001:db8::9",
                true,
                None,
            ),
            // Nothing that can be read: the proxy itself, which is nobody.
            (&[("x-forwarded-for", "unknown")], "10.0.0.1", false, None),
            (&[], "10.0.0.1", false, None),
            // The other kind of header is the client's own.
            (&[("forwarded", "for=127.0.0.1;proto=https")], "10.0.0.1", false, None),
        ];
        for (lines, ip, secure, host) in rows {
            let expected = ((*ip).to_owned(), *secure, host.map(str::to_owned));
            assert_eq!(seen(&x, lines), expected, "{lines:?}");
        }
    }

    /// R46, RFC 7239 section 4.
    #[test]
    fn forwarded_is_read_where_it_is_configured() {
        let forwarded = config(ProxyHeader::Forwarded, &["10.0.0.1"]);
        let lines = [("forwarded", "for=127.0.0.1, For=\"[2001:db8::9]:4711\";proto=https;host=\"desk.example.com\"")];
        let expected = ("2001:db8::9".to_owned(), true, Some("desk.example.com".to_owned()));
        assert_eq!(seen(&forwarded, &lines), expected);
        let hidden = [("forwarded", "for=_hidden;proto=https")];
        assert_eq!(seen(&forwarded, &hidden).0, "10.0.0.1");
        assert_eq!(seen(&forwarded, &[("x-forwarded-for", "127.0.0.1")]).0, "10.0.0.1");
    }

    proptest! {
        #[test]
        fn whatever_is_written_the_client_is_the_one_our_proxy_saw(before in "[ -~]{0,60}", after in "[ -~]{0,20}") {
            for (header, name, last) in [
                (ProxyHeader::XForwarded, "x-forwarded-for", "203.0.113.9".to_owned()),
                (ProxyHeader::Forwarded, "forwarded", "for=203.0.113.9".to_owned()),
            ] {
                let config = config(header, &["10.0.0.0/8"]);
                let written = format!("{before},{last}");
                let lines = [(name, written.as_str()), ("x-forwarded-host", after.as_str())];
                prop_assert_eq!(seen(&config, &lines).0, "203.0.113.9");
            }
        }
    }
}
