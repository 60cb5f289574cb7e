//! Reading Authorization headers (RFC 7616 §3.4): bounded, strict about what is hashed.

use super::credentials::Algorithm;

/// Longest header value that is read, in bytes.
const VALUE_BYTES_MAX: usize = 4096;
/// Most parameters of one header; a full one has ten.
const PARAMETERS_MAX: usize = 32;

/// A digest answer for our realm. Texts are as they stood between their quotes, as they were hashed.
pub(super) struct DigestAnswer {
    pub(super) username: String,
    pub(super) nonce: String,
    pub(super) uri: String,
    /// Lower case, as many digits as the algorithm has.
    pub(super) response: String,
    pub(super) algorithm: Algorithm,
    /// With `qop=auth`; `None` in the old form without.
    pub(super) count: Option<u32>,
    pub(super) count_text: String,
    pub(super) client_nonce: String,
}

/// The first answer for our realm; those of other schemes and realms are none of our business.
pub(super) fn find(values: &[&str], realm: &str) -> Result<Option<DigestAnswer>, &'static str> {
    for value in values {
        let value = value.trim();
        let (scheme, rest) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("digest") {
            continue;
        }
        if value.len() > VALUE_BYTES_MAX {
            return Err("Authorization Too Long");
        }
        let parameters = parameters(rest)?;
        let parameter = |wanted: &str| {
            parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.as_str())
        };
        if parameter("realm") != Some(realm) {
            continue;
        }
        return read(parameter).map(Some);
    }
    Ok(None)
}

fn read<'a>(parameter: impl Fn(&str) -> Option<&'a str>) -> Result<DigestAnswer, &'static str> {
    let needed = |name: &str| parameter(name).map(str::to_owned).ok_or("Incomplete Authorization");
    let algorithm = match parameter("algorithm") {
        None => Algorithm::Md5,
        Some(name) if name.eq_ignore_ascii_case("MD5") => Algorithm::Md5,
        Some(name) if name.eq_ignore_ascii_case("SHA-256") => Algorithm::Sha256,
        Some(_) => return Err("Digest Algorithm Was Not Offered"),
    };
    let (count, count_text, client_nonce) = match parameter("qop") {
        None => (None, String::new(), String::new()),
        Some(qop) if qop.eq_ignore_ascii_case("auth") => {
            let text = needed("nc")?;
            let sound = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let number = u32::from_str_radix(&text, 16).ok().filter(|number| sound && *number > 0);
            (Some(number.ok_or("Bad Nonce Count")?), text, needed("cnonce")?)
        }
        Some(_) => return Err("Digest Quality Was Not Offered"),
    };
    let response = needed("response")?.to_ascii_lowercase();
    let sound = response.len() == algorithm.hex_digits() && response.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !sound {
        return Err("Bad Digest Response");
    }
    Ok(DigestAnswer {
        username: needed("username")?,
        nonce: needed("nonce")?,
        uri: needed("uri")?,
        response,
        algorithm,
        count,
        count_text,
        client_nonce,
    })
}

/// `name=value, name="value"`. A name that stands twice could be read in two ways.
fn parameters(text: &str) -> Result<Vec<(String, String)>, &'static str> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("Bad Authorization")?;
        let name = name.trim();
        let after = after.trim_start();
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => split_quoted(quoted).ok_or("Bad Authorization")?,
            None => after.split_at(after.find(',').unwrap_or(after.len())),
        };
        let twice = found.iter().any(|(seen, _)| seen.eq_ignore_ascii_case(name));
        if name.is_empty() || twice || found.len() == PARAMETERS_MAX {
            return Err("Bad Authorization");
        }
        found.push((name.to_owned(), value.trim().to_owned()));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if after.is_empty() => after,
            None => return Err("Bad Authorization"),
        };
    }
    Ok(found)
}

/// The text up to the closing quote, escapes left in (they are hashed as written), and what follows.
fn split_quoted(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let end = text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })?;
    Some((&text[..end], &text[end + 1..]))
}

/// A quoted string.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace(['"', '\\'], ""))
}
