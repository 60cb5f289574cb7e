//! Signatures by which other servers know that a mail is of our domain (RFC 6376; RFC 8463 for Ed25519), relaxed for
//! headers and body. Here is what is signed; the key signs it in its adapter.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// By what the signature is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `rsa-sha256`: every server reads it.
    RsaSha256,
    /// `ed25519-sha256`: short; servers that do not know it take the mail as unsigned.
    Ed25519Sha256,
}

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The domain that signs, the sender's own.
    pub domain: String,
    /// Under `selector._domainkey.domain` lies the public key.
    pub selector: String,
    /// How.
    pub algorithm: Algorithm,
}

/// A mail that only wants its signature.
pub struct Unsigned {
    header: String,
    /// To be signed: for Ed25519 its SHA-256 digest, for RSA with SHA-256 as it is.
    pub input: Vec<u8>,
}

impl Unsigned {
    /// What is to be signed of a mail whose lines end in CRLF. `at_s` is now, in seconds since 1970.
    pub fn of(mail: &[u8], signer: &Signer, at_s: u64) -> Unsigned {
        let (head, body) = halves(mail);
        let headers = fields(head);
        let names = signed_names(&headers);
        let algorithm = match signer.algorithm {
            Algorithm::RsaSha256 => "rsa-sha256",
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
        };
        let header = format!(
            "DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed; d={}; s={};\r\n t={at_s}; h={};\r\n bh={};\r\n b=",
            signer.domain,
            signer.selector,
            names.join(":\r\n "),
            body_hash(body),
        );
        Unsigned { input: signing_input(&headers, &names, &header), header }
    }

    /// The mail with its signature on top.
    pub fn signed(self, mail: &[u8], signature: &[u8]) -> Vec<u8> {
        let encoded = STANDARD.encode(signature);
        let lines: Vec<&str> =
            encoded.as_bytes().chunks(72).map(|line| std::str::from_utf8(line).unwrap_or_default()).collect();
        let mut signed = format!("{}{}\r\n", self.header, lines.join("\r\n ")).into_bytes();
        signed.extend_from_slice(mail);
        signed
    }
}

/// Head, with the line end of its last line, and body.
fn halves(mail: &[u8]) -> (&[u8], &[u8]) {
    match mail.windows(4).position(|four| four == b"\r\n\r\n") {
        Some(at) => (&mail[..at + 2], &mail[at + 4..]),
        None => (mail, &[]),
    }
}

/// Name and value, folds included, first to last.
fn fields(head: &[u8]) -> Vec<(String, String)> {
    let head = String::from_utf8_lossy(head);
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        match line.split_once(':') {
            _ if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = fields.last_mut() {
                    value.push_str(line);
                }
            }
            Some((name, value)) => fields.push((name.to_owned(), value.to_owned())),
            None => {} // No header line; servers would refuse it as well.
        }
    }
    fields
}

/// Those that there are; From once more, so that a second one breaks the signature (RFC 6376, section 8.15).
fn signed_names(headers: &[(String, String)]) -> Vec<String> {
    let there = |name: &&&str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let mut names: Vec<String> = SIGNED.iter().filter(there).map(|name| (*name).to_owned()).collect();
    names.push("From".into());
    names
}

/// RFC 6376, section 3.7: the chosen headers from the bottom up, then the signature's own without its value.
fn signing_input(headers: &[(String, String)], names: &[String], own: &str) -> Vec<u8> {
    let mut left: Vec<&(String, String)> = headers.iter().collect();
    let mut input = String::new();
    for name in names {
        let Some(at) = left.iter().rposition(|(known, _)| known.eq_ignore_ascii_case(name)) else { continue };
        let (name, value) = left.remove(at);
        input.push_str(&relaxed_header(name, value));
        input.push_str("\r\n");
    }
    let (name, value) = own.split_once(':').unwrap_or((own, ""));
    input.push_str(&relaxed_header(name, value));
    input.into_bytes()
}

/// Section 3.4.2.
fn relaxed_header(name: &str, value: &str) -> String {
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim().to_ascii_lowercase(), words.join(" "))
}

/// Section 3.4.4, digested and encoded.
fn body_hash(body: &[u8]) -> String {
    let mut digest = Sha256::new();
    let mut blank_lines = 0usize;
    let body = body.strip_suffix(b"\r\n").unwrap_or(body);
    for line in body.split(|byte| *byte == b'\n') {
        let line = relaxed_line(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            blank_lines += 1;
            continue;
        }
        for _ in 0..std::mem::take(&mut blank_lines) {
            digest.update(b"\r\n");
        }
        digest.update(&line);
        digest.update(b"\r\n");
    }
    STANDARD.encode(digest.finalize())
}

fn relaxed_line(line: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(line.len());
    let mut space = false;
    for byte in line {
        if matches!(byte, b' ' | b'\t') {
            space = true;
            continue;
        }
        if std::mem::take(&mut space) {
            relaxed.push(b' ');
        }
        relaxed.push(*byte);
    }
    relaxed
}

/// What a receiver shows or threads by (RFC 6376, section 5.4.1).
const SIGNED: &[&str] = &[
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{ED25519, UnparsedPublicKey};

    /// The mail of RFC 8463, appendix A.2.
    const MAIL: &str = "From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n\
        Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
        Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\r\nHi.\r\n\r\nWe lost the game.  Are you hungry \
        yet?\r\n\r\nJoe.\r\n";
    const HEADER: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com; \
        i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n subject : date : message-id : \
        from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n b=";
    const SIGNATURE: &str = "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
    const PUBLIC_KEY: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    /// RFC 8463, appendix A.3: what we would sign is what that signature signs.
    #[test]
    fn what_is_signed_is_what_the_standards_example_signs() {
        let (head, body) = halves(MAIL.as_bytes());
        assert!(HEADER.contains(&format!("bh={};", body_hash(body))), "{}", body_hash(body));
        let names: Vec<String> =
            ["from", "to", "subject", "date", "message-id", "from", "subject", "date"].map(Into::into).into();
        let input = signing_input(&fields(head), &names, HEADER);
        let key = UnparsedPublicKey::new(&ED25519, STANDARD.decode(PUBLIC_KEY).unwrap());
        let digest = Sha256::digest(&input);
        assert!(key.verify(&digest, &STANDARD.decode(SIGNATURE).unwrap()).is_ok());
    }

    #[test]
    fn an_empty_body_has_the_standards_digest() {
        // RFC 6376, section 3.4.4.
        for body in ["", "\r\n", " \t\r\n\r\n"] {
            assert_eq!(body_hash(body.as_bytes()), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "{body:?}");
        }
    }
}
