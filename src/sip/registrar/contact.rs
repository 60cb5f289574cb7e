//! Contact values of registrations, and when two addresses are the same (RFC 3261 §19.1.4).

use crate::sip::grammar;

/// Lifetime that stands for one that cannot be read (RFC 3261 §10.3, step 6), in seconds.
const UNREADABLE_EXPIRES_S: u32 = 3600;
/// Longest address kept, in bytes.
const URI_BYTES_MAX: usize = 512;
/// Longest device name kept, in bytes; a URN with a UUID has 47.
const INSTANCE_BYTES_MAX: usize = 128;

/// A Contact value of a REGISTER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Contact<'a> {
    pub(super) uri: &'a str,
    pub(super) expires_s: Option<u32>,
    pub(super) q_thousandths: u16,
    /// With its quotes, as it goes back.
    pub(super) instance: Option<&'a str>,
    pub(super) reg_id: Option<u32>,
}

impl<'a> Contact<'a> {
    pub(super) fn read(value: &'a str) -> Result<Contact<'a>, &'static str> {
        let address = grammar::address(value.trim())?;
        let is_sip = grammar::scheme(address.uri)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips"));
        if !is_sip || address.uri.len() > URI_BYTES_MAX {
            return Err("Contact Is No SIP Address");
        }
        grammar::check_sip_uri(address.uri)?;
        let parameter = |name: &str| grammar::parameter(address.parameters, name);
        let is_quoted = |text: &&str| text.len() > 2 && text.len() <= INSTANCE_BYTES_MAX && text.starts_with('"');
        Ok(Contact {
            uri: address.uri,
            expires_s: parameter("expires").map(seconds),
            q_thousandths: parameter("q").and_then(thousandths).unwrap_or(1000),
            instance: parameter("+sip.instance").filter(is_quoted),
            reg_id: parameter("reg-id").and_then(grammar::number),
        })
    }
}

/// A lifetime. Numbers beyond any range are long; what is no number counts as an hour.
pub(super) fn seconds(text: &str) -> u32 {
    let text = text.trim();
    match !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().unwrap_or(u32::MAX),
        false => UNREADABLE_EXPIRES_S,
    }
}

/// `0.25` as 250 (RFC 3261 §25.1, qvalue).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = grammar::number(whole).filter(|whole| *whole <= 1)?;
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let padded = format!("{fraction:0<3}");
    Some((whole * 1000 + grammar::number::<u16>(&padded)?).min(1000))
}

/// Parameters that make an address another one when only one side has them.
const DISTINGUISHING: [&str; 5] = ["transport", "user", "ttl", "method", "maddr"];

/// Whether two SIP addresses name the same place. Escapes are compared as written.
pub(super) fn same_uri(one: &str, other: &str) -> bool {
    let (one, other) = (Parts::of(one), Parts::of(other));
    if one.key() != other.key() {
        return false;
    }
    let agrees = |left: &Parts<'_>, right: &Parts<'_>| {
        left.parameters.split(';').filter(|parameter| !parameter.is_empty()).all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            match right.parameter(name) {
                Some(theirs) => theirs.eq_ignore_ascii_case(value),
                None => !DISTINGUISHING.iter().any(|own| own.eq_ignore_ascii_case(name)),
            }
        })
    };
    agrees(&one, &other) && agrees(&other, &one)
}

struct Parts<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    host: &'a str,
    parameters: &'a str,
}

impl<'a> Parts<'a> {
    fn of(uri: &'a str) -> Parts<'a> {
        let (scheme, rest) = uri.split_once(':').unwrap_or(("", uri));
        let (user, rest) = rest.split_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let rest = rest.split('?').next().unwrap_or(rest);
        let (host, parameters) = rest.split_once(';').unwrap_or((rest, ""));
        Parts { scheme, user, host, parameters }
    }

    /// What must be equal: the user by case, the rest without.
    fn key(&self) -> (String, Option<&'a str>, String) {
        (self.scheme.to_ascii_lowercase(), self.user, self.host.to_ascii_lowercase())
    }

    fn parameter(&self, wanted: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.eq_ignore_ascii_case(wanted).then_some(value)
        })
    }
}
