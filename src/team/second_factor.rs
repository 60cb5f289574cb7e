//! Six digits every 30 seconds (RFC 6238 upon RFC 4226), and codes for a lost telephone. Pure: time comes in.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The step a moment is in.
pub fn step(epoch_ms: i64) -> u64 {
    u64::try_from(epoch_ms / 1_000).unwrap_or(0) / STEP_SECONDS
}

/// The step whose code this is, of the current one and its neighbours (clocks differ), if it is later than the last
/// one used.
pub fn matching_step(secret: &[u8], code: &str, now: u64, last: u64) -> Option<u64> {
    let code = code.replace([' ', '-'], "");
    let near = now.saturating_sub(1)..=now + 1;
    near.filter(|step| *step > last).find(|step| constant_eq(&digits(secret, *step), &code))
}

/// The code of one step.
pub fn digits(secret: &[u8], step: u64) -> String {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    // Dynamic truncation (RFC 4226, section 5.3).
    let at = usize::from(digest[19] & 0x0f);
    let number = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Base32 without padding (RFC 4648), as authenticators take it.
pub fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    let (mut bits, mut count) = (0u32, 0);
    for byte in bytes {
        bits = (bits << 8) | u32::from(*byte);
        count += 8;
        while count >= 5 {
            count -= 5;
            text.push(char::from(ALPHABET[(bits >> count) as usize & 31]));
        }
    }
    if count > 0 {
        text.push(char::from(ALPHABET[(bits << (5 - count)) as usize & 31]));
    }
    text
}

/// The bytes of base32; `None` for anything else.
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0u32, 0);
    for c in text.bytes() {
        let value = ALPHABET.iter().position(|known| *known == c)?;
        bits = (bits << 5) | value as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}

fn constant_eq(one: &str, other: &str) -> bool {
    use subtle::ConstantTimeEq;
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

const STEP_SECONDS: u64 = 30;
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B (the last six of its eight digits).
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(digits(secret, step(seconds * 1_000)), code);
        }
    }

    #[test]
    fn a_code_counts_once_and_its_neighbours_count() {
        let secret = b"12345678901234567890";
        let code = digits(secret, 100);
        assert_eq!(matching_step(secret, &code, 101, 0), Some(100));
        assert_eq!(matching_step(secret, &format!("{} {}", &code[..3], &code[3..]), 99, 0), Some(100));
        assert_eq!(matching_step(secret, &code, 102, 0), None);
        assert_eq!(matching_step(secret, &code, 100, 100), None);
    }

    #[test]
    fn base32_is_as_authenticators_write_it() {
        assert_eq!(base32(b"foobar"), "MZXW6YTBOI");
        assert_eq!(from_base32("MZXW6YTBOI").as_deref(), Some(&b"foobar"[..]));
        assert_eq!(from_base32("mz1"), None);
    }
}
