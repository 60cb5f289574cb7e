//! Keys that come by SIP INFO, in the two forms telephones use. Pure.

use media::Key;

/// The key in an INFO body, where the content type is one of keys; `None` for anything else.
pub(super) fn key_of_info(content_type: &str, body: &[u8]) -> Option<Key> {
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    let text = std::str::from_utf8(body).ok()?;
    if content_type.eq_ignore_ascii_case("application/dtmf-relay") {
        let signal = text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("signal").then(|| value.trim())
        });
        return key(signal?);
    }
    content_type.eq_ignore_ascii_case("application/dtmf").then(|| key(text.trim())).flatten()
}

/// Whether a content type is one that [`key_of_info`] reads.
pub(super) fn is_key_type(content_type: &str) -> bool {
    let content_type = content_type.split(';').next().unwrap_or_default().trim();
    ["application/dtmf-relay", "application/dtmf"].iter().any(|known| known.eq_ignore_ascii_case(content_type))
}

/// A key by its sign, or by its event number (RFC 4733 §3.2: 10 is star, 11 pound, 12 to 15 A to D).
fn key(text: &str) -> Option<Key> {
    let sign = match text {
        "10" => b'*',
        "11" => b'#',
        "12" => b'A',
        "13" => b'B',
        "14" => b'C',
        "15" => b'D',
        _ => match text.as_bytes() {
            [sign @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')] => *sign,
            [sign @ b'a'..=b'd'] => sign.to_ascii_uppercase(),
            _ => return None,
        },
    };
    Some(Key(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// M6: both forms that are in use, and nothing else.
    #[test]
    fn keys_are_read_in_both_forms() {
        assert_eq!(key_of_info("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"), Some(Key(b'5')));
        assert_eq!(key_of_info("application/dtmf-relay; x=y", b"Duration= 160\nsignal= #"), Some(Key(b'#')));
        assert_eq!(key_of_info("application/dtmf", b"10\r\n"), Some(Key(b'*')));
        assert_eq!(key_of_info("APPLICATION/DTMF", b"d"), Some(Key(b'D')));
        for body in [&b""[..], b"Signal=", b"Signal=55", b"16", b"!", b"\xff", b"Signal"] {
            assert_eq!(key_of_info("application/dtmf-relay", body), None);
            assert_eq!(key_of_info("application/dtmf", body), None);
        }
        assert_eq!(key_of_info("text/plain", b"5"), None);
    }
}
