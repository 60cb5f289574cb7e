//! Whether a call fits: numbers, addresses, trunks and headers.

use std::fmt;

use super::plan::Place;
use crate::domain::phone_number::PhoneNumber;

/// What is known of a call before it is answered.
#[derive(Clone, Default)]
pub struct CallFacts {
    /// Who was called.
    pub called: Address,
    /// Who calls; `None` when withheld.
    pub caller: Option<Address>,
    /// The trunk or telephone it came by, by its configured name.
    pub trunk: String,
    /// Whether that is a telephone of our own.
    pub own_phone: bool,
    /// Its headers, name and value.
    pub headers: Vec<(String, String)>,
    /// Who diverted it here.
    pub diverted_by: Option<Address>,
    /// Whether one of our own numbers calls, or somebody whom we are ringing diverted it (R55).
    pub from_ourselves: bool,
}

/// A party's address. Personal data: there is no `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The telephone number, where it is one.
    pub number: Option<PhoneNumber>,
    /// The part before the `@`: a name, or digits as they were dialled.
    pub user: String,
    /// The part after it, without port; empty where there is none.
    pub host: String,
}

impl Address {
    /// Reads `sip:name@host`, `+4930…`, `030…` or a bare name.
    pub fn read(text: &str, home_country: Option<&str>) -> Address {
        let text = text.trim();
        let rest = ["sip:", "sips:", "tel:"].iter().find_map(|scheme| strip_prefix_ignoring_case(text, scheme));
        let rest = rest.unwrap_or(text);
        let (user, host) = rest.split_once('@').unwrap_or((rest, ""));
        let user = user.split(';').next().unwrap_or(user);
        let host = host.split([';', '?']).next().unwrap_or(host);
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or(v6),
            None => host.split(':').next().unwrap_or(host),
        };
        Address {
            number: PhoneNumber::parse(user, home_country).ok(),
            user: user.to_owned(),
            host: host.to_ascii_lowercase(),
        }
    }

    /// As people read it.
    pub fn shown(&self) -> String {
        match &self.number {
            Some(number) => number.as_str().to_owned(),
            None if self.host.is_empty() => self.user.clone(),
            None => format!("sip:{}@{}", self.user, self.host),
        }
    }
}

/// Whom a condition means.
#[derive(Clone, PartialEq, Eq)]
pub enum Pattern {
    /// `*`: everybody.
    Everybody,
    /// `anonymous`: a caller who withholds their number.
    Withheld,
    /// One telephone number.
    Number(PhoneNumber),
    /// `+4930*`: numbers that begin so.
    Prefix(String),
    /// `sip:name@host`, either part `*`.
    Sip {
        /// The user part; `None` means any.
        user: Option<String>,
        /// The host; `None` means any.
        host: Option<String>,
    },
    /// A name or a short number, as it was dialled.
    User(String),
}

impl Pattern {
    /// Reads a condition; the error says what can be written.
    pub fn read(text: &str, home_country: Option<&str>) -> Result<Pattern, String> {
        let text = text.trim();
        if text == "*" {
            return Ok(Pattern::Everybody);
        }
        if text.eq_ignore_ascii_case("anonymous") {
            return Ok(Pattern::Withheld);
        }
        if let Some(address) = strip_prefix_ignoring_case(text, "sip:") {
            return sip(address).ok_or_else(|| allowed(text));
        }
        if let Some(prefix) = text.strip_suffix('*') {
            return self::prefix(prefix).ok_or_else(|| allowed(text));
        }
        if let Ok(number) = PhoneNumber::parse(text, home_country) {
            return Ok(Pattern::Number(number));
        }
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-_.!~'&=$,".contains(letter);
        // Long digits that are no number would never fit; a home country may be missing.
        let long_digits = text.len() > SHORT_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
        match !text.is_empty() && text.chars().all(is_name) && !long_digits {
            true => Ok(Pattern::User(text.to_owned())),
            false => Err(allowed(text)),
        }
    }

    /// Whether every call fits.
    pub fn is_everybody(&self) -> bool {
        matches!(self, Pattern::Everybody)
    }

    /// Whether this party is meant; `None` is a withheld one.
    pub fn fits(&self, party: Option<&Address>) -> bool {
        let Some(party) = party else { return matches!(self, Pattern::Everybody | Pattern::Withheld) };
        match self {
            Pattern::Everybody => true,
            Pattern::Withheld => false,
            Pattern::Number(number) => party.number.as_ref() == Some(number),
            Pattern::Prefix(prefix) => party.number.as_ref().is_some_and(|number| number.as_str().starts_with(prefix)),
            Pattern::Sip { user, host } => {
                user.as_ref().is_none_or(|user| *user == party.user)
                    && host.as_ref().is_none_or(|host| *host == party.host)
            }
            Pattern::User(user) => *user == party.user,
        }
    }
}

/// As it can be written.
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::Everybody => f.write_str("*"),
            Pattern::Withheld => f.write_str("anonymous"),
            Pattern::Number(number) => f.write_str(number.as_str()),
            Pattern::Prefix(prefix) => write!(f, "{prefix}*"),
            Pattern::Sip { user, host } => {
                write!(f, "sip:{}@{}", user.as_deref().unwrap_or("*"), host.as_deref().unwrap_or("*"))
            }
            Pattern::User(user) => f.write_str(user),
        }
    }
}

/// Numbers are personal data and stay out of logs.
impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Pattern::Everybody => "Everybody",
            Pattern::Withheld => "Withheld",
            Pattern::Number(_) => "Number",
            Pattern::Prefix(_) => "Prefix",
            Pattern::Sip { .. } => "Sip",
            Pattern::User(_) => "User",
        })
    }
}

/// What must stand in a header. Letters are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderTest {
    /// Its name.
    pub name: String,
    /// How its value is compared.
    pub value: HeaderValue,
    /// Where the test stands.
    pub place: Place,
}

/// How a header's value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValue {
    /// The whole value.
    Equals(String),
    /// A part of it.
    Contains(String),
}

impl HeaderTest {
    /// Whether one of the headers passes.
    pub fn fits(&self, headers: &[(String, String)]) -> bool {
        headers.iter().filter(|(name, _)| name.trim().eq_ignore_ascii_case(&self.name)).any(|(_, value)| {
            let value = value.trim().to_lowercase();
            match &self.value {
                HeaderValue::Equals(wanted) => value == wanted.trim().to_lowercase(),
                HeaderValue::Contains(wanted) => value.contains(&wanted.to_lowercase()),
            }
        })
    }
}

impl fmt::Display for HeaderTest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            HeaderValue::Equals(value) => write!(f, "{}: {value}", self.name),
            HeaderValue::Contains(value) => write!(f, "{}: …{value}…", self.name),
        }
    }
}

fn allowed(text: &str) -> String {
    format!("{text:?} names nobody")
}

fn prefix(prefix: &str) -> Option<Pattern> {
    let digits: String = prefix.chars().filter(|letter| !" -/.()".contains(*letter)).collect();
    let plain = digits.strip_prefix('+')?;
    let is_prefix = !plain.is_empty() && plain.len() <= 15 && plain.bytes().all(|byte| byte.is_ascii_digit());
    is_prefix.then_some(Pattern::Prefix(digits))
}

fn sip(address: &str) -> Option<Pattern> {
    let (user, host) = address.split_once('@')?;
    let whole = |text: &str| !text.is_empty() && !text.contains(['*', '@', ' ', ';', '?']);
    let part = |text: &str| match text {
        "*" => Some(None),
        text if whole(text) => Some(Some(text.to_owned())),
        _ => None,
    };
    Some(Pattern::Sip { user: part(user)?, host: part(host)?.map(|host| host.to_ascii_lowercase()) })
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| &text[prefix.len()..])
}

/// Digits that may be a short number of ours rather than somebody's telephone number.
const SHORT_DIGITS_MAX: usize = 6;
/// What can be written for a party.
pub const PATTERNS: &str = "write a number (\"+4930123456\"), a prefix (\"+4930*\"), \"sip:name@host\" with * for either \
     part, a name or short number as dialled, \"anonymous\" for a withheld caller, or \"*\"";
