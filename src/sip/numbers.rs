//! Who calls whom (R49): numbers are read where the trunk's configuration says, and compared as E.164.
//!
//! 1. Called: the first of the configured places that holds a number, else the first that holds an address.
//! 2. Calling: From, or P-Asserted-Identity of a trusted peer (RFC 3325); nobody where privacy was asked for
//!    (RFC 3323) or the caller is anonymous. A trusted peer vouches for what it asserts, and for From where it is
//!    configured to; never for what it says has failed its check (`verstat`, 3GPP TS 24.229 §7.2A.20).
//! 3. Diverted by: the latest Diversion (RFC 5806), else the History-Info entry before the last (RFC 7044),
//!    of a trusted peer.
//!
//! Pure: header lines come in as names and values. What cannot be read is passed over; nothing fails.

mod outbound;

pub use outbound::{NumberForm, written};

use crate::domain::phone_number::PhoneNumber;
use crate::seams::signaling::{CallInfo, Party};
use crate::sip::grammar;

/// A place that may name the called number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledPlace {
    /// The request line.
    RequestLine,
    /// The To header.
    To,
    /// P-Called-Party-ID (RFC 7315 §4.2).
    PCalledPartyId,
}

/// A place that may name the calling number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallingPlace {
    /// The From header.
    From,
    /// P-Asserted-Identity (RFC 3325), and From where it is missing or the peer is not trusted.
    PAssertedIdentity,
}

/// How one trunk's numbers are read.
#[derive(Clone, Debug)]
pub struct NumberRules {
    /// Where the called number stands, the most reliable place first. Empty means the request line, then To.
    pub called: Vec<CalledPlace>,
    /// Where the calling number stands.
    pub calling: CallingPlace,
    /// ISO 3166 code of the country in which numbers without a country code are dialled.
    pub home_country: Option<String>,
    /// Whether identities and diversions that this peer asserts are believed.
    pub trusted: bool,
    /// Whether it lets nobody write a From that is not theirs.
    pub verifies_from: bool,
}

impl Default for NumberRules {
    fn default() -> NumberRules {
        NumberRules {
            called: Vec::new(),
            calling: CallingPlace::From,
            home_country: None,
            trusted: false,
            verifies_from: false,
        }
    }
}

/// The parties of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Parties {
    /// Who calls; `None` when withheld.
    pub from: Option<Party>,
    /// Whether the peer vouches for them.
    pub is_vouched: bool,
    /// Who was called.
    pub to: Party,
    /// Who diverted the call here.
    pub diverted_by: Option<Party>,
}

impl Parties {
    /// With what else a call is told by.
    pub fn into_call_info(self, trunk: impl Into<String>, sip_call_id: impl Into<String>) -> CallInfo {
        let Parties { from, is_vouched, to, diverted_by } = self;
        let (trunk, sip_call_id) = (trunk.into(), sip_call_id.into());
        CallInfo { from, is_vouched, to, trunk, sip_call_id, diverted_by, headers: Vec::new() }
    }
}

/// The headers that a dialplan may ask about, bounded in number and length.
pub fn kept_headers<N: AsRef<str>, V: AsRef<str>>(headers: &[(N, V)]) -> Vec<(String, String)> {
    let kept = headers.iter().filter(|(name, value)| name.as_ref().len() + value.as_ref().len() <= HEADER_BYTES_MAX);
    kept.take(HEADERS_KEPT).map(|(name, value)| (name.as_ref().to_owned(), value.as_ref().to_owned())).collect()
}

/// Headers kept for dialplans: more than any carrier sends.
const HEADERS_KEPT: usize = 64;
/// A longer header is left out: none that tells callers apart is that long.
const HEADER_BYTES_MAX: usize = 512;
/// Longest display name kept, in characters.
const DISPLAY_NAME_MAX: usize = 80;
/// Most entries of one list that are looked at.
const ENTRIES_MAX: usize = 32;
/// User parts and names that stand for nobody.
const NOBODY: [&str; 6] = ["anonymous", "unknown", "unavailable", "restricted", "private", "withheld"];

/// Reads the parties from a request's line and headers (names and values as they stand on the wire; long or
/// short names).
pub fn parties<N: AsRef<str>, V: AsRef<str>>(request_uri: &str, headers: &[(N, V)], rules: &NumberRules) -> Parties {
    let headers = Headers { list: headers };
    let calling = calling(&headers, rules);
    Parties {
        is_vouched: calling.as_ref().is_some_and(|(_, is_vouched)| *is_vouched),
        from: calling.map(|(party, _)| party),
        to: called(request_uri, &headers, rules),
        diverted_by: diverted_by(&headers, rules).filter(|_| rules.trusted),
    }
}

/// The number of an address, if it holds one: `sip:+4930123456@…`, `tel:030-123456;phone-context=+49`,
/// `sip:0049301234;phone-context=…@…`. Short numbers and user names are none.
pub fn number_of(uri: &str, home_country: Option<&str>) -> Option<PhoneNumber> {
    let (scheme, rest) = uri.split_once(':')?;
    let rest = rest.split('?').next().unwrap_or(rest);
    let subscriber = match scheme.to_ascii_lowercase().as_str() {
        "tel" => rest,
        "sip" | "sips" => rest.split_once('@')?.0,
        _ => return None,
    };
    // A user part may carry a password; what stands before it counts.
    let subscriber = percent_decoded(subscriber);
    let mut parts = subscriber.split(';');
    let digits = parts.next()?.split(':').next()?;
    let context = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("phone-context").then_some(value)
    });
    match context.filter(|context| context.starts_with('+') && !digits.starts_with('+')) {
        // A context is what to put before the local digits (RFC 3966 §5.1.5); many write the national zero too.
        Some(context) => PhoneNumber::parse(&format!("{context}{digits}"), home_country)
            .or_else(|_| PhoneNumber::parse(&format!("{context}{}", digits.trim_start_matches('0')), home_country))
            .ok(),
        None => PhoneNumber::parse(digits, home_country).ok(),
    }
}

fn called<N: AsRef<str>, V: AsRef<str>>(request_uri: &str, headers: &Headers<'_, N, V>, rules: &NumberRules) -> Party {
    let home = rules.home_country.as_deref();
    let places = match rules.called.as_slice() {
        [] => &[CalledPlace::RequestLine, CalledPlace::To][..],
        configured => configured,
    };
    let at = |place: &CalledPlace| match place {
        CalledPlace::RequestLine => Some(party_of_uri(request_uri, home)),
        CalledPlace::To => headers.first("to", "t").and_then(|value| party(value, home)),
        CalledPlace::PCalledPartyId => headers.first("p-called-party-id", "").and_then(|value| party(value, home)),
    };
    let found: Vec<Party> = places.iter().filter_map(at).collect();
    let with_number = found.iter().position(|party| party.number.is_some()).unwrap_or(0);
    found.into_iter().nth(with_number).unwrap_or_else(|| party_of_uri(request_uri, home))
}

/// Who calls, and whether the peer vouches for them.
fn calling<N: AsRef<str>, V: AsRef<str>>(headers: &Headers<'_, N, V>, rules: &NumberRules) -> Option<(Party, bool)> {
    let home = rules.home_country.as_deref();
    let from = headers.first("from", "f").and_then(|value| party(value, home));
    let has_failed = |value: &str| value.to_ascii_lowercase().contains("verstat=tn-validation-failed");
    let mut callers = headers.first("from", "f").into_iter().chain(headers.entries("p-asserted-identity"));
    let passes = rules.trusted && !callers.any(has_failed);
    if headers.asks_for_privacy() || from.as_ref().is_some_and(is_nobody) {
        return None;
    }
    let asserted = || {
        let mut identities: Vec<Party> =
            headers.entries("p-asserted-identity").filter_map(|value| party(value, home)).collect();
        let with_number = identities.iter().position(|party| party.number.is_some()).unwrap_or(0);
        (!identities.is_empty()).then(|| identities.swap_remove(with_number)).filter(|party| !is_nobody(party))
    };
    let from = from.map(|party| (party, passes && rules.verifies_from));
    match rules.calling {
        CallingPlace::PAssertedIdentity if rules.trusted => asserted().map(|party| (party, passes)).or(from),
        CallingPlace::PAssertedIdentity | CallingPlace::From => from,
    }
}

fn diverted_by<N: AsRef<str>, V: AsRef<str>>(headers: &Headers<'_, N, V>, rules: &NumberRules) -> Option<Party> {
    let home = rules.home_country.as_deref();
    if let Some(latest) = headers.entries("diversion").next() {
        let privacy = grammar::parameter(latest, "privacy").unwrap_or("off").trim_matches('"');
        let hidden = !["off", "no"].iter().any(|open| privacy.eq_ignore_ascii_case(open));
        return party(latest, home).filter(|party| !hidden && !is_nobody(party));
    }
    let entries: Vec<&str> = headers.entries("history-info").collect();
    let [.., before, last] = entries.as_slice() else { return None };
    let (before_uri, last_uri) = (uri_of(before)?.to_ascii_lowercase(), uri_of(last)?.to_ascii_lowercase());
    // Entries are also written for plain routing; a cause tells a diversion (RFC 4458, RFC 7044 §10).
    let diverted = last_uri.contains(";cause=") || before_uri.contains("reason=");
    let hidden = before_uri.contains("privacy=");
    party(before, home).filter(|party| diverted && !hidden && !is_nobody(party))
}

fn party(value: &str, home: Option<&str>) -> Option<Party> {
    let value = grammar::tighten(value, ";=");
    let address = grammar::address(&value).ok()?;
    let name: String = grammar::unquoted(address.display_name)
        .chars()
        .filter(|letter| !letter.is_control())
        .take(DISPLAY_NAME_MAX)
        .collect();
    let display_name = Some(name.trim().to_owned()).filter(|name| !name.is_empty() && !stands_for_nobody(name));
    Some(Party { display_name, ..party_of_uri(address.uri, home) })
}

fn party_of_uri(uri: &str, home: Option<&str>) -> Party {
    Party { number: number_of(uri, home), uri: uri.to_owned(), display_name: None }
}

fn uri_of(value: &str) -> Option<&str> {
    grammar::address(value.trim()).ok().map(|address| address.uri)
}

/// `sip:anonymous@anonymous.invalid` and its kin (RFC 3323 §4.1.1.3).
fn is_nobody(party: &Party) -> bool {
    let rest = party.uri.split_once(':').map_or("", |(_, rest)| rest);
    let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
    let host = host.split([';', ':', '?']).next().unwrap_or(host).to_ascii_lowercase();
    let user = user.split([';', ':']).next().unwrap_or(user);
    stands_for_nobody(user) || host == "invalid" || host.ends_with(".invalid") || (host.is_empty() && user.is_empty())
}

fn stands_for_nobody(text: &str) -> bool {
    NOBODY.iter().any(|nobody| text.trim().eq_ignore_ascii_case(nobody))
}

/// `%2B` as `+`. What is no escape stays, and what is no text after decoding stays undecoded.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%').and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Header lines as they came.
struct Headers<'a, N, V> {
    list: &'a [(N, V)],
}

impl<'a, N: AsRef<str>, V: AsRef<str>> Headers<'a, N, V> {
    fn values(&self, long: &'a str, short: &'a str) -> impl Iterator<Item = &'a str> {
        let named = move |name: &str| {
            name.eq_ignore_ascii_case(long) || (!short.is_empty() && name.eq_ignore_ascii_case(short))
        };
        self.list.iter().filter(move |(name, _)| named(name.as_ref().trim())).map(|(_, value)| value.as_ref())
    }

    fn first(&self, long: &'a str, short: &'a str) -> Option<&'a str> {
        self.values(long, short).next()
    }

    /// The entries of a list header, over all its lines.
    fn entries(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values(name, "").flat_map(grammar::split_commas).map(str::trim).take(ENTRIES_MAX)
    }

    /// Whether the caller's identity shall not be shown (RFC 3323 §4.2, RFC 3325 §9.3).
    fn asks_for_privacy(&self) -> bool {
        let kinds = self.values("privacy", "").flat_map(|value| value.split([';', ','])).map(str::trim);
        kinds
            .take(ENTRIES_MAX)
            .any(|kind| ["id", "user", "header"].iter().any(|asked| kind.eq_ignore_ascii_case(asked)))
    }
}

#[cfg(test)]
mod tests;
