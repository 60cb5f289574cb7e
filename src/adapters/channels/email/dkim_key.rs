//! The key that signs what we send (RFC 6376).

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use crate::domain::email::dkim::{Algorithm, Signer, Unsigned};

/// A key with the name under which its other half is published.
pub(super) struct SigningKey {
    signer: Signer,
    key: Key,
}

enum Key {
    Rsa(Box<RsaKeyPair>),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// Reads a PEM key: RSA of 2048 bits or more (PKCS #1 or #8), or Ed25519 (PKCS #8).
    pub(super) fn read(pem: &str, domain: String, selector: String) -> Result<SigningKey, String> {
        let name =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        if !name(&domain) || !name(&selector) {
            return Err("`dkim.domain` and `dkim.selector` are names such as example.com and mail2026.".into());
        }
        let der = PrivateKeyDer::from_pem_slice(pem.as_bytes())
            .map_err(|_| "The secret `dkim_key` is no private key in PEM form.".to_owned())?;
        let unusable = "The secret `dkim_key` must be an RSA key of 2048 bits or more, or an Ed25519 key.";
        let key = match &der {
            PrivateKeyDer::Pkcs1(der) => {
                Key::Rsa(Box::new(RsaKeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| unusable)?))
            }
            PrivateKeyDer::Pkcs8(der) => match RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()) {
                Ok(key) => Key::Rsa(Box::new(key)),
                Err(_) => Key::Ed25519(
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|_| unusable)?,
                ),
            },
            _ => return Err(unusable.into()),
        };
        let algorithm = match &key {
            Key::Rsa(_) => Algorithm::RsaSha256,
            Key::Ed25519(_) => Algorithm::Ed25519Sha256,
        };
        Ok(SigningKey { signer: Signer { domain, selector, algorithm }, key })
    }

    /// Its public half: of RSA in the form of PKCS #1, of Ed25519 its 32 bytes.
    pub(super) fn public_key(&self) -> Vec<u8> {
        match &self.key {
            Key::Rsa(key) => key.public_key().as_ref().to_vec(),
            Key::Ed25519(key) => key.public_key().as_ref().to_vec(),
        }
    }

    /// The mail with its signature.
    pub(super) fn sign(&self, mail: &[u8], at_s: u64) -> Result<Vec<u8>, String> {
        let unsigned = Unsigned::of(mail, &self.signer, at_s);
        let signature = match &self.key {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), &unsigned.input, &mut signature)
                    .map_err(|_| "The mail could not be signed.".to_owned())?;
                signature
            }
            // RFC 8463, section 3: the digest is what is signed.
            Key::Ed25519(key) => key.sign(&Sha256::digest(&unsigned.input)).as_ref().to_vec(),
        };
        Ok(unsigned.signed(mail, &signature))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_signed_and_what_is_no_key_is_told() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let key = SigningKey::read(&key.serialize_pem(), "example.com".into(), "mail".into()).unwrap();
        let mail = b"From: a@example.com\r\nSubject: Hi\r\n\r\nHello\r\n";
        let signed = String::from_utf8(key.sign(mail, 1).unwrap()).unwrap();
        assert!(signed.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"), "{signed}");
        assert!(signed.contains("d=example.com; s=mail;") && signed.ends_with("\r\n\r\nHello\r\n"));
        assert!(SigningKey::read("nonsense", "example.com".into(), "mail".into()).is_err());
        assert!(SigningKey::read("", "exa mple".into(), "mail".into()).is_err());
    }
}
