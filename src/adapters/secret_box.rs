//! Sealing with AES-256-GCM under a key in a file of the data folder, which backups of the database alone lack.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::path::Path;

use super::bootstrap_token::{self, TokenError};
use crate::seams::secrets::Sealer;

/// Seals with one key.
pub struct SecretBox(LessSafeKey);

impl SecretBox {
    /// The key kept in `file`; made at the first start, readable by this user alone.
    pub fn open(file: &Path) -> Result<SecretBox, TokenError> {
        let text = bootstrap_token::load_or_make(file)?;
        // Whatever length somebody's own key has, 256 bits are made of it.
        let key = Sha256::digest(text.expose_secret().as_bytes());
        let key = UnboundKey::new(&AES_256_GCM, &key).expect("a digest of SHA-256 has the length of the key");
        Ok(SecretBox(LessSafeKey::new(key)))
    }
}

impl Sealer for SecretBox {
    fn seal(&self, secret: &str, about: &str) -> String {
        // Random nonces of 96 bits serve for four thousand million secrets under one key (NIST SP 800-38D).
        let nonce: [u8; NONCE_LEN] = rand::random();
        let mut sealed = secret.as_bytes().to_vec();
        let aad = Aad::from(about.as_bytes());
        let done = self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut sealed);
        done.expect("a secret is far shorter than what the cipher can seal");
        format!("{SEALED}{}", URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    fn open(&self, sealed: &str, about: &str) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(sealed.strip_prefix(SEALED)?).ok()?;
        if bytes.len() < NONCE_LEN {
            return None;
        }
        let mut sealed = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).ok()?;
        let secret = self.0.open_in_place(nonce, Aad::from(about.as_bytes()), &mut sealed).ok()?;
        String::from_utf8(secret.to_vec()).ok()
    }
}

/// Tells how it was sealed, should there be another way one day.
const SEALED: &str = "v1.";

#[cfg(test)]
mod tests {
    use super::*;

    /// R41: what is stored tells nothing without the key, and opens about nothing else.
    #[test]
    fn what_is_sealed_opens_with_its_key_and_about_its_thing_alone() {
        let folder = tempfile::tempdir().unwrap();
        let sealer = SecretBox::open(&folder.path().join("key")).unwrap();
        let sealed = sealer.seal("JBSWY3DP", "ann");
        assert!(!sealed.contains("JBSWY3DP") && sealed != sealer.seal("JBSWY3DP", "ann"));
        assert_eq!(sealer.open(&sealed, "ann").as_deref(), Some("JBSWY3DP"));
        assert_eq!(sealer.open(&sealed, "bob"), None);
        assert_eq!(sealer.open("v1.AAAA", "ann"), None);
        assert_eq!(sealer.open("JBSWY3DP", "ann"), None);
        let again = SecretBox::open(&folder.path().join("key")).unwrap();
        assert_eq!(again.open(&sealed, "ann").as_deref(), Some("JBSWY3DP"));
        let other = SecretBox::open(&folder.path().join("other")).unwrap();
        assert_eq!(other.open(&sealed, "ann"), None);
    }
}
