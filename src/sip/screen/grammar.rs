//! Small pieces of the grammar of RFC 3261 §25.

use std::str::FromStr;

/// A token: the letters that names, methods and parameters are made of.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte)
}

/// Digits only, within the range of the type: no sign, no blank, no wrap-around.
pub(super) fn number<T: FromStr>(text: &str) -> Option<T> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Whether control characters stand only where they may: after a backslash within quotes. Carriage return
/// and line feed may not even there.
pub(super) fn controls_are_quoted(value: &str) -> bool {
    let mut walk = Walk::default();
    value.bytes().all(|byte| {
        let escaped = walk.escaped;
        walk.step(byte);
        let control = (byte < 0x20 && byte != b'\t') || byte == 0x7f;
        !control || (escaped && byte != b'\r' && byte != b'\n')
    })
}

/// Follows quotes and angle brackets through a value.
#[derive(Default)]
struct Walk {
    quoted: bool,
    escaped: bool,
    bracketed: bool,
}

impl Walk {
    /// Takes in a byte; says whether it stands outside quotes and brackets (the marks themselves do not).
    fn step(&mut self, byte: u8) -> bool {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' if !self.bracketed => self.quoted = true,
            b'<' => self.bracketed = true,
            b'>' => self.bracketed = false,
            _ => return !self.bracketed,
        }
        false
    }

    fn at_rest(&self) -> bool {
        !self.quoted && !self.bracketed
    }
}

/// Removes blanks beside `separators` and shortens other runs of blanks to one, outside quotes and brackets.
pub(super) fn tighten(value: &str, separators: &str) -> String {
    let mut tight = String::with_capacity(value.len());
    let mut walk = Walk::default();
    let (mut blank_before, mut after_separator) = (false, true);
    for letter in value.chars() {
        let was_at_rest = walk.at_rest();
        let outside = walk.step(if letter.is_ascii() { letter as u8 } else { b'x' });
        if outside && matches!(letter, ' ' | '\t') {
            blank_before = true;
            continue;
        }
        let separator = outside && separators.contains(letter);
        if blank_before && was_at_rest && !separator && !after_separator {
            tight.push(' ');
        }
        tight.push(letter);
        (blank_before, after_separator) = (false, separator);
    }
    tight
}

/// The entries of a list, outside quotes and brackets.
pub(super) fn split_commas(value: &str) -> impl Iterator<Item = &str> {
    split_outside(value, b',')
}

fn split_outside(value: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    std::iter::from_fn(move || {
        let current = rest?;
        let mut walk = Walk::default();
        let at = current.bytes().position(|byte| walk.step(byte) && byte == separator);
        match at {
            Some(at) => {
                rest = Some(&current[at + 1..]);
                Some(&current[..at])
            }
            None => rest.take(),
        }
    })
}

/// `sip:a@b;x=y` as `<sip:a@b>;x=y`: without brackets, parameters belong to the header (RFC 3261 §20.10).
/// What has brackets, holds no address or cannot be told stays as it is.
pub(super) fn bracketed(value: &str) -> String {
    if value.contains(['<', '>', '"', '?', ',', ' ']) || scheme(value).is_none() {
        return value.to_owned();
    }
    match value.split_once(';') {
        Some((uri, parameters)) => format!("<{uri}>;{parameters}"),
        None => format!("<{value}>"),
    }
}

/// The scheme of an address, in its own case.
pub(super) fn scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once(':')?;
    let well_formed = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    (well_formed && !rest.is_empty()).then_some(scheme)
}

/// Whether an address has no letters that no address may have, and every `%` two digits after it.
pub(super) fn is_plain_uri(uri: &str) -> bool {
    let bytes = uri.as_bytes();
    let graphic = bytes.iter().all(|byte| byte.is_ascii_graphic() && !b"<>\"".contains(byte));
    let escaped = |at: usize| bytes.get(at + 1..at + 3).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
    graphic && bytes.iter().enumerate().all(|(at, byte)| *byte != b'%' || escaped(at))
}

/// A From, To, Contact or Route value, cut up.
pub(super) struct Address<'a> {
    pub(super) uri: &'a str,
    pub(super) has_brackets: bool,
}

/// Reads `"Name" <uri>;parameters` or `uri;parameters`, tightened.
pub(super) fn address(value: &str) -> Result<Address<'_>, &'static str> {
    let mut walk = Walk::default();
    let mut open = None;
    for (at, byte) in value.bytes().enumerate() {
        let was_quoted = walk.quoted;
        walk.step(byte);
        if byte == b'<' && !was_quoted {
            open = Some(at);
            break;
        }
    }
    if walk.quoted {
        return Err("Unbalanced Quote");
    }
    let Some(open) = open else { return bare_address(value) };
    check_display_name(value[..open].trim_end())?;
    let (uri, rest) = value[open + 1..].split_once('>').ok_or("Unbalanced Bracket")?;
    if uri.bytes().any(|byte| byte.is_ascii_whitespace() || byte == b'<' || byte == b'"') {
        return Err("Bad Address");
    }
    scheme(uri).ok_or("Address Without Scheme")?;
    check_parameters(rest)?;
    Ok(Address { uri, has_brackets: true })
}

fn bare_address(value: &str) -> Result<Address<'_>, &'static str> {
    let (uri, parameters) = value.split_at(value.find(';').unwrap_or(value.len()));
    // A comma, question mark or blank would leave open whose parameters follow (RFC 3261 §20.10).
    if uri.bytes().any(|byte| byte.is_ascii_whitespace() || b",?<>\"".contains(&byte)) {
        return Err("Bad Address");
    }
    scheme(uri).ok_or("Address Without Scheme")?;
    check_parameters(parameters)?;
    Ok(Address { uri, has_brackets: false })
}

/// Words or one quoted text. Letters beyond ASCII occur unquoted and do no harm; separators do.
fn check_display_name(name: &str) -> Result<(), &'static str> {
    if let Some(quoted) = name.strip_prefix('"') {
        let mut walk = Walk { quoted: true, ..Walk::default() };
        let end = quoted.bytes().position(|byte| {
            walk.step(byte);
            !walk.quoted
        });
        return match end.ok_or("Unbalanced Quote")? + 1 == quoted.len() {
            true => Ok(()),
            false => Err("Bad Display Name"),
        };
    }
    match name.contains([',', ';', '"', '<', '>', '=']) {
        true => Err("Bad Display Name"),
        false => Ok(()),
    }
}

/// `;name=value;flag`, each with a name.
pub(super) fn check_parameters(text: &str) -> Result<(), &'static str> {
    let Some(text) = text.strip_prefix(';') else {
        return if text.is_empty() { Ok(()) } else { Err("Bad Parameters") };
    };
    for parameter in split_outside(text, b';') {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        if !is_token(name) {
            return Err("Bad Parameters");
        }
        let quoted = value.len() >= 2 && value.starts_with('"') && value.ends_with('"');
        if !quoted && value.bytes().any(|byte| byte.is_ascii_whitespace() || b",\"".contains(&byte)) {
            return Err("Bad Parameters");
        }
    }
    Ok(())
}

/// A parameter's value (empty for a flag), looked for behind the brackets, or behind the first semicolon.
pub(super) fn parameter<'a>(value: &'a str, wanted: &str) -> Option<&'a str> {
    split_outside(value, b';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        name.trim().eq_ignore_ascii_case(wanted).then_some(value.trim())
    })
}

/// `SIP/2.0/UDP host:port;parameters`, tightened.
pub(super) fn check_via(via: &str) -> Result<(), &'static str> {
    let (protocol, rest) = via.split_once(' ').ok_or("Bad Via")?;
    let parts: Vec<&str> = protocol.splitn(4, '/').collect();
    let [name, "2.0", transport] = parts[..] else { return Err("Bad Via") };
    if !name.eq_ignore_ascii_case("SIP") || !is_token(transport) {
        return Err("Bad Via");
    }
    let (sent_by, parameters) = rest.split_at(rest.find(';').unwrap_or(rest.len()));
    if !is_host_and_port(sent_by) {
        return Err("Bad Via");
    }
    check_parameters(parameters).map_err(|_| "Bad Via")?;
    match parameter(via, "branch") {
        // Nothing behind the magic cookie: no two such transactions could be told apart (RFC 4475 §3.2.1).
        Some(branch) if branch.eq_ignore_ascii_case("z9hG4bK") => Err("Empty Via Branch"),
        _ => Ok(()),
    }
}

/// Checks `user@host:port;parameters?headers` behind `sip:` or `sips:`. User parts may hold nearly anything
/// but an unescaped `@`; the host may not. Says whether headers follow.
pub(super) fn check_sip_uri(uri: &str) -> Result<bool, &'static str> {
    let rest = uri.split_once(':').map_or("", |(_, rest)| rest);
    let behind_user = rest.split_once('@').map_or(rest, |(_, host)| host);
    let (host, headers) = behind_user.split_once('?').map_or((behind_user, None), |(host, more)| (host, Some(more)));
    let host = host.split(';').next().unwrap_or(host);
    if !is_host_and_port(host) || headers.is_some_and(|headers| headers.contains('@')) {
        return Err("Bad SIP Address");
    }
    Ok(headers.is_some())
}

fn is_host_and_port(text: &str) -> bool {
    let (host_fits, rest) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let Some((host, rest)) = bracketed.split_once(']') else { return false };
            (host.parse::<std::net::Ipv6Addr>().is_ok(), rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            (!host.is_empty() && host.bytes().all(letters), rest)
        }
    };
    host_fits && (rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| number::<u16>(port).is_some()))
}
