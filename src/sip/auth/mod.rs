//! Digest authentication of phones and trunks that call us (RFC 7616, RFC 8760; the form of RFC 2617 for
//! old devices).
//!
//! 1. A request without usable credentials gets [`Verdict::Challenge`]: 401 with one `WWW-Authenticate` a
//!    value, SHA-256 before MD5 (alone for a device that gives up at the pair).
//! 2. The same request with an answer is judged by [`Authenticator::check`]: nonce, then digest, then count.
//! 3. Wrong answers from one source make it wait, longer each time ([`Verdict::Wait`]).
//!
//! An unknown user costs the same work and gets the same answer as a wrong password. Everything is pure:
//! time, sources and the secret come in; all tables are bounded.

mod backoff;
mod credentials;
mod devices;
mod header;
mod nonce;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use subtle::{Choice, ConstantTimeEq};

use crate::domain::time::EpochMs;

pub use backoff::BackoffRules;
pub use credentials::{Algorithm, Credentials};
use header::DigestAnswer;
use nonce::{Count, NonceState, Nonces};

/// What one installation asks for.
#[derive(Clone, Debug)]
pub struct AuthRules {
    /// The realm that passwords belong to, shown to devices.
    pub realm: String,
    /// How long a nonce may be used, in milliseconds. Shorter means more round trips for phones that
    /// register often, longer means more time for whoever overheard one.
    pub nonce_lifetime_ms: i64,
    /// Most nonces in use that are remembered against replay. Each takes about 50 bytes; the oldest goes first
    /// and its owner is asked again.
    pub nonces_max: usize,
    /// How wrong answers are slowed down.
    pub backoff: BackoffRules,
}

impl AuthRules {
    /// Five minutes a nonce, ten thousand of them.
    pub fn new(realm: impl Into<String>) -> AuthRules {
        let backoff = BackoffRules::default();
        AuthRules { realm: realm.into(), nonce_lifetime_ms: 5 * 60_000, nonces_max: 10_000, backoff }
    }
}

/// Those who may authenticate, by the user name they send.
pub trait Users {
    /// The credentials of a user.
    fn credentials(&self, user: &str) -> Option<&Credentials>;
}

impl Users for std::collections::HashMap<String, Credentials> {
    fn credentials(&self, user: &str) -> Option<&Credentials> {
        self.get(user)
    }
}

/// The request to be judged.
#[derive(Clone, Copy, Debug)]
pub struct AuthRequest<'a> {
    /// Its method.
    pub method: &'a str,
    /// Its Request-URI as it stood on the wire.
    pub uri: &'a str,
    /// Whom it says it comes from (the URI of From).
    pub caller: &'a str,
    /// The values of its Authorization headers.
    pub authorization: &'a [&'a str],
}

/// The realm of a digest challenge that we received. Passwords are only used within the realm they are
/// configured for: a challenge from another one is somebody fishing (S8).
pub fn challenged_realm(www_authenticate: &str) -> Option<String> {
    header::digest_parameters(www_authenticate)
        .ok()??
        .into_iter()
        .find_map(|(name, value)| name.eq_ignore_ascii_case("realm").then_some(value))
}

/// What is to be done with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It comes from this user.
    Accepted {
        /// The user name, as configured.
        user: String,
    },
    /// Answer 401 with these `WWW-Authenticate` values, in this order.
    Challenge {
        /// One value a header.
        values: Vec<String>,
        /// Whether an answer was wrong (for counters and logs), rather than missing or stale.
        failed: bool,
    },
    /// Too many wrong answers from there: refuse without looking (403 with Retry-After, or silence).
    Wait {
        /// Until this long from now, in seconds, at least 1.
        retry_after_s: u32,
    },
    /// The header cannot be read: 400.
    Malformed {
        /// Why.
        reason: &'static str,
    },
}

/// Challenges and judges. One for all trunks and phones of a realm.
pub struct Authenticator {
    rules: AuthRules,
    nonces: Nonces,
    backoff: backoff::Backoff,
    devices: devices::Devices,
    /// Stands in for users that do not exist, so that they cost the same.
    nobody: Credentials,
}

impl Authenticator {
    /// `secret` is drawn at random when the process starts; nonces of another secret are stale.
    pub fn new(rules: AuthRules, secret: [u8; 32]) -> Authenticator {
        let nobody_password: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        Authenticator {
            nobody: Credentials::from_password("nobody", &rules.realm, &nobody_password),
            nonces: Nonces::new(secret, rules.nonce_lifetime_ms, rules.nonces_max),
            backoff: backoff::Backoff::new(rules.backoff),
            devices: devices::Devices::default(),
            rules,
        }
    }

    /// Judges a request from `source` at `now`.
    pub fn check(&mut self, now: EpochMs, source: IpAddr, request: &AuthRequest<'_>, users: &dyn Users) -> Verdict {
        if let Some(retry_after_s) = self.backoff.wait_s(now, source) {
            return Verdict::Wait { retry_after_s };
        }
        let answer = match header::find(request.authorization, &self.rules.realm) {
            Ok(Some(answer)) => answer,
            Ok(None) => return self.challenge(now, source, request.caller, false, false),
            Err(reason) => return Verdict::Malformed { reason },
        };
        self.devices.answered(now, source, request.caller);
        // A nonce of ours proves that this source heard us. Without one nothing is judged, so that a forged
        // source can neither test passwords nor make its victim wait.
        let NonceState::Live(nonce) = self.nonces.state(now, source, &answer.nonce) else {
            return self.challenge(now, source, request.caller, true, false);
        };
        let known = users.credentials(&answer.username);
        let credentials = known.unwrap_or(&self.nobody);
        let right = digest_fits(credentials, request.method, &answer) & Choice::from(u8::from(known.is_some()));
        if !bool::from(right) || !same_target(&answer.uri, request.uri) {
            self.backoff.note_failure(now, source);
            return self.challenge(now, source, request.caller, false, true);
        }
        let count = answer.count.map_or(Count::Once, Count::Number);
        if !self.nonces.use_once(now, nonce, count) {
            return self.challenge(now, source, request.caller, true, false);
        }
        self.backoff.note_success(source);
        Verdict::Accepted { user: answer.username }
    }

    fn challenge(&mut self, now: EpochMs, source: IpAddr, caller: &str, stale: bool, failed: bool) -> Verdict {
        let nonce = self.nonces.issue(now, source);
        let realm = header::quoted(&self.rules.realm);
        let stale = if stale { ", stale=true" } else { "" };
        let value = |algorithm: &Algorithm| {
            format!("Digest realm={realm}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}", algorithm.name())
        };
        let values = self.devices.algorithms(now, source, caller).iter().map(value).collect();
        if failed || !stale.is_empty() {
            // It has shown that it understands them.
            self.devices.answered(now, source, caller);
        }
        Verdict::Challenge { values, failed }
    }
}

fn digest_fits(credentials: &Credentials, method: &str, answer: &DigestAnswer) -> Choice {
    let expected = credentials.response(method, answer);
    // Lengths are public: they follow from the algorithm.
    expected.as_bytes().ct_eq(answer.response.as_bytes())
}

/// Whether the digest was made for this request. Devices differ in port, parameters and case, so user and host
/// are what counts.
fn same_target(signed: &str, requested: &str) -> bool {
    let core = |uri: &str| {
        let uri = uri.trim();
        let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, host)) => (user.to_owned(), host),
            None => (String::new(), rest),
        };
        let host = host.split([';', '?']).next().unwrap_or(host);
        let host = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => host,
        };
        (user, host.to_ascii_lowercase())
    };
    signed == requested || core(signed) == core(requested)
}
