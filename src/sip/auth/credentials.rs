//! What is kept of a password, and the arithmetic of the digest (RFC 7616 §3.4).

use md5::Md5;
use sha2::{Digest, Sha256};

use super::header::DigestAnswer;

/// A hash for the digest. MD5 is weak, but many telephones know nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 8760.
    Sha256,
    /// RFC 2617.
    Md5,
}

impl Algorithm {
    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    /// Length of a digest in hexadecimal digits.
    pub(super) fn hex_digits(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Md5 => 32,
        }
    }

    fn hex(self, text: &str) -> String {
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Algorithm::Sha256 => hex(&Sha256::digest(text.as_bytes())),
            Algorithm::Md5 => hex(&Md5::digest(text.as_bytes())),
        }
    }
}

/// A user's password in the forms that are needed: the hash of name, realm and password (HA1). It opens the
/// same doors as the password within its realm, hence no `Debug`.
#[derive(Clone)]
pub struct Credentials {
    sha256: Option<String>,
    md5: Option<String>,
}

impl Credentials {
    /// From a password. All hashing of it happens here, once.
    pub fn from_password(user: &str, realm: &str, password: &str) -> Credentials {
        let secret = format!("{user}:{realm}:{password}");
        Credentials { sha256: Some(Algorithm::Sha256.hex(&secret)), md5: Some(Algorithm::Md5.hex(&secret)) }
    }

    /// From stored hashes in hexadecimal digits; an algorithm without one is not accepted.
    pub fn from_ha1(sha256: Option<&str>, md5: Option<&str>) -> Credentials {
        let lower = |text: &str| text.trim().to_ascii_lowercase();
        Credentials { sha256: sha256.map(lower), md5: md5.map(lower) }
    }

    /// The response that the user would have sent. Without a hash for the algorithm, one that nobody can send.
    pub(super) fn response(&self, method: &str, answer: &DigestAnswer) -> String {
        let algorithm = answer.algorithm;
        let ha1 = match algorithm {
            Algorithm::Sha256 => self.sha256.as_deref(),
            Algorithm::Md5 => self.md5.as_deref(),
        };
        let ha2 = algorithm.hex(&format!("{method}:{}", answer.uri));
        let nonce = &answer.nonce;
        let middle = match &answer.count {
            Some(_) => format!("{nonce}:{}:{}:auth", answer.count_text, answer.client_nonce),
            None => nonce.clone(),
        };
        let response = algorithm.hex(&format!("{}:{middle}:{ha2}", ha1.unwrap_or("")));
        if ha1.is_some() { response } else { String::new() }
    }
}
