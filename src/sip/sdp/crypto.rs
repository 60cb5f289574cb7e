//! Keys in session descriptions (SDES, RFC 4568): reading and writing `a=crypto`, and what is not taken.
//!
//! Taken are AES-128 in counter mode with the full tag of 80 bits, and AES in Galois counter mode (RFC 7714). Not taken are
//! shorter tags, key identifiers, key derivation rates, and whatever would leave a part unprotected.

use arrayvec::ArrayVec;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::seams::media::{SrtpKey, SrtpSuite};

/// Our order of preference: authenticated encryption costs least where the processor knows AES.
pub(super) const SUITES: [SrtpSuite; 3] =
    [SrtpSuite::AeadAes128Gcm, SrtpSuite::Aes128CmSha1_80, SrtpSuite::AeadAes256Gcm];
/// Most lines of one stream that are looked at: devices write one to eight.
pub(super) const LINES_MAX: usize = 16;

/// One `a=crypto` line that we can use.
#[derive(Clone)]
pub struct Crypto {
    /// Its number, by which the answer names it.
    pub tag: u32,
    /// How the stream is protected.
    pub suite: SrtpSuite,
    /// For what its writer sends.
    pub key: SrtpKey,
}

// Keys are never shown.
impl std::fmt::Debug for Crypto {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crypto").field("tag", &self.tag).field("suite", &self.suite).finish_non_exhaustive()
    }
}

impl PartialEq for Crypto {
    fn eq(&self, other: &Crypto) -> bool {
        self.tag == other.tag && self.is_same_key(other.suite, &other.key)
    }
}

impl Eq for Crypto {}

impl Crypto {
    /// Reads the value of an `a=crypto` line; `None` for one that we do not take.
    pub fn parse(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next()?;
        let tag = tag.parse().ok().filter(|number: &u32| tag.len() <= 9 && number.to_string() == tag)?;
        let suite = suite(words.next()?)?;
        // Parameters of the session: an order for forward error correction changes nothing here (§6.3.4). Every other one
        // asks for less protection, or for what we do not do.
        let (keys, mut parameters) = (words.next()?, words);
        if !parameters.all(|parameter| parameter.starts_with("WSH=") || parameter.starts_with("FEC_ORDER=")) {
            return None;
        }
        let inline = keys.strip_prefix("inline:").filter(|_| !keys.contains(';'))?;
        let mut parts = inline.split('|');
        let key = read_key(suite, parts.next()?)?;
        // What follows is a lifetime, which no call outlives, or the name of a key, which packets would have to carry.
        if parts.any(|part| part.contains(':')) {
            return None;
        }
        Some(Crypto { tag, suite, key })
    }

    /// Its value as it is written.
    pub fn written(&self) -> String {
        let text: Vec<u8> = self.key.key.iter().chain(&self.key.salt).copied().collect();
        format!("{} {} inline:{}", self.tag, name(self.suite), STANDARD.encode(text))
    }

    /// Whether it is this key.
    pub fn is_same_key(&self, suite: SrtpSuite, key: &SrtpKey) -> bool {
        self.suite == suite && same(&self.key, key)
    }
}

/// Whether two keys are the same.
pub fn same(one: &SrtpKey, other: &SrtpKey) -> bool {
    one.key == other.key && one.salt == other.salt
}

/// Keys of ours for one offer or answer, one for each suite: a key is never used by two.
#[derive(Clone)]
pub struct OurKeys(ArrayVec<(SrtpSuite, SrtpKey), 3>);

impl PartialEq for OurKeys {
    fn eq(&self, other: &OurKeys) -> bool {
        self.lines() == other.lines()
    }
}

impl Eq for OurKeys {}

impl std::fmt::Debug for OurKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// Random bytes that keys of ours take.
pub const KEY_BYTES: usize = 32 + 14;

impl OurKeys {
    /// From random bytes, so many for each suite.
    pub fn from_random(bytes: [[u8; KEY_BYTES]; SUITES.len()]) -> OurKeys {
        let made = SUITES.iter().zip(&bytes).map(|(suite, bytes)| {
            let (key_bytes, salt_bytes) = lengths(*suite);
            let key = bytes[..key_bytes].iter().copied().collect();
            let salt = bytes[32..][..salt_bytes].iter().copied().collect();
            (*suite, SrtpKey { key, salt })
        });
        OurKeys(made.collect())
    }

    /// This key alone.
    pub fn only(suite: SrtpSuite, key: SrtpKey) -> OurKeys {
        OurKeys(ArrayVec::from_iter([(suite, key)]))
    }

    /// The key of this suite.
    pub fn of(&self, suite: SrtpSuite) -> Option<&SrtpKey> {
        self.0.iter().find(|(known, _)| *known == suite).map(|(_, key)| key)
    }

    /// All of them as the lines of an offer.
    pub fn lines(&self) -> Vec<Crypto> {
        let line = |(index, (suite, key)): (usize, &(SrtpSuite, SrtpKey))| Crypto {
            tag: index as u32 + 1,
            suite: *suite,
            key: key.clone(),
        };
        self.0.iter().enumerate().map(line).collect()
    }
}

fn suite(name: &str) -> Option<SrtpSuite> {
    SUITES.into_iter().find(|suite| self::name(*suite).eq_ignore_ascii_case(name))
}

/// RFC 4568 §6.2, RFC 7714 §14.2.
fn name(suite: SrtpSuite) -> &'static str {
    match suite {
        SrtpSuite::Aes128CmSha1_80 => "AES_CM_128_HMAC_SHA1_80",
        SrtpSuite::AeadAes128Gcm => "AEAD_AES_128_GCM",
        SrtpSuite::AeadAes256Gcm => "AEAD_AES_256_GCM",
    }
}

/// Of key and salt, in bytes.
fn lengths(suite: SrtpSuite) -> (usize, usize) {
    match suite {
        SrtpSuite::Aes128CmSha1_80 => (16, 14),
        SrtpSuite::AeadAes128Gcm => (16, 12),
        SrtpSuite::AeadAes256Gcm => (32, 12),
    }
}

fn read_key(suite: SrtpSuite, text: &str) -> Option<SrtpKey> {
    let (key_bytes, salt_bytes) = lengths(suite);
    if text.len() > 2 * KEY_BYTES {
        return None;
    }
    let bytes = STANDARD.decode(text).ok().filter(|bytes| bytes.len() == key_bytes + salt_bytes)?;
    let (key, salt) = bytes.split_at(key_bytes);
    Some(SrtpKey { key: key.iter().copied().collect(), salt: salt.iter().copied().collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> OurKeys {
        OurKeys::from_random([[1; KEY_BYTES], [2; KEY_BYTES], [3; KEY_BYTES]])
    }

    #[test]
    fn what_is_written_can_be_read() {
        let lines = sample().lines();
        assert_eq!(lines.len(), 3);
        for line in lines {
            assert_eq!(Crypto::parse(&line.written()), Some(line));
        }
        // RFC 4568 §6.1, its key completed.
        let example =
            "1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20 FEC_ORDER=FEC_SRTP";
        assert_eq!(Crypto::parse(example).unwrap().suite, SrtpSuite::Aes128CmSha1_80);
    }

    /// M4: no null cipher, no shorter tag, nothing unauthenticated, no key that packets would have to name.
    #[test]
    fn what_would_protect_less_is_not_taken() {
        let key = "PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";
        let gcm = "AEAD_AES_128_GCM inline:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ==";
        assert!(Crypto::parse(&format!("1 {gcm}")).is_some());
        for refused in [
            format!("1 AES_CM_128_HMAC_SHA1_32 inline:{key}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{key}"),
            format!("1 NULL_HMAC_SHA1_80 inline:{key}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} UNAUTHENTICATED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} WSH=64 UNENCRYPTED_SRTCP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key};inline:{key}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{}", &key[..36]),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{key}AAAA"),
            format!("1 AES_CM_128_HMAC_SHA1_80 {key}"),
            format!("1 {}", gcm.replace("128", "256")),
            format!("01 {gcm}"),
            format!("-1 {gcm}"),
            format!("4294967296 {gcm}"),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            String::new(),
        ] {
            assert_eq!(Crypto::parse(&refused), None, "{refused}");
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let line = &sample().lines()[0];
        assert!(!format!("{line:?}").contains("key:") && !format!("{line:?}").contains('['));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_it_panic(text in "[ -~]{0,80}", at in 0usize..60, piece in "[ -~]{0,4}") {
            let _ = Crypto::parse(&text);
            let mut line = sample().lines()[1].written();
            line.insert_str(at.min(line.len()), &piece);
            let _ = Crypto::parse(&line);
        }
    }
}
