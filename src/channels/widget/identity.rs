//! Visitors for whom the site vouches: a signature over their name there, or a signed token (RFC 7519).
//!
//! Either is made on the site's own server with a secret that the page never sees. A token may tell more (`name`,
//! `email`) and ends by itself; the signature of a name is good for as long as the secret is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use crate::domain::contact::{Address, AddressKind};
use crate::domain::time::EpochMs;
use crate::domain::widget::Visitor;

/// What a page presents.
#[derive(Clone, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Identity {
    /// A name with the hexadecimal HMAC-SHA256 of it.
    Signed {
        /// The site's own name for the visitor.
        user_id: String,
        /// The signature.
        signature: String,
        /// As they call themselves; not signed, so it suggests.
        #[serde(default)]
        name: Option<String>,
    },
    /// A token signed by HMAC-SHA256.
    Token {
        /// In its compact form.
        token: String,
    },
}

/// Why somebody is not who the page says. Told to the page as one sentence that helps whoever builds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The site has no secret here.
    #[error("this widget has no identity secret; set one before the page vouches for visitors")]
    NoSecret,
    /// It does not verify, whatever the reason.
    #[error("the signature does not fit; sign on your server with this widget's identity secret")]
    Signature,
    /// It is over.
    #[error("the token has ended or names no end (exp); make a fresh one for each page")]
    Ended,
    /// It names nobody.
    #[error("the visitor's id (sub) has 1 to 200 characters")]
    Nobody,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    email: Option<String>,
}

/// Who it is.
pub fn verify(identity: &Identity, secret: Option<&str>, now: EpochMs) -> Result<Visitor, IdentityError> {
    let secret = secret.ok_or(IdentityError::NoSecret)?;
    match identity {
        Identity::Signed { user_id, signature, name } => {
            let signature = unhex(signature).ok_or(IdentityError::Signature)?;
            signed(secret, user_id.as_bytes(), &signature)?;
            known(user_id, name.as_deref(), None)
        }
        Identity::Token { token } => {
            let claims = claims(token, secret)?;
            let now_s = now.0 as f64 / 1_000.0;
            let begun = claims.nbf.is_none_or(|from| from <= now_s + LEEWAY_S);
            if !begun || claims.exp.is_nan() || claims.exp + LEEWAY_S <= now_s {
                return Err(IdentityError::Ended);
            }
            known(&claims.sub, claims.name.as_deref(), claims.email.as_deref())
        }
    }
}

/// The one algorithm is ours to choose, never the token's (RFC 8725, section 3.1).
fn claims(token: &str, secret: &str) -> Result<Claims, IdentityError> {
    let (signed_part, signature) =
        token.rsplit_once('.').filter(|_| token.len() <= TOKEN_BYTES_MAX).ok_or(IdentityError::Signature)?;
    let (header, body) = signed_part.split_once('.').ok_or(IdentityError::Signature)?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| IdentityError::Signature);
    signed(secret, signed_part.as_bytes(), &bytes(signature)?)?;
    let header: Header = serde_json::from_slice(&bytes(header)?).map_err(|_| IdentityError::Signature)?;
    if header.alg != "HS256" {
        return Err(IdentityError::Signature);
    }
    serde_json::from_slice(&bytes(body)?).map_err(|_| IdentityError::Ended)
}

fn known(user: &str, name: Option<&str>, email: Option<&str>) -> Result<Visitor, IdentityError> {
    let address = Address::parse(AddressKind::External, user).filter(|_| user.chars().count() <= USER_CHARS_MAX);
    let address = address.ok_or(IdentityError::Nobody)?;
    let user = Some(address.value.clone());
    let mut addresses = vec![address];
    // Signed by the business itself: its word that this address is theirs.
    let email = email.and_then(|email| Address::parse(AddressKind::Email, email));
    addresses.extend(email.map(|address| Address { proven: true, ..address }));
    addresses.sort();
    let name = name.map(|name| name.replace(char::is_control, " ").chars().take(NAME_CHARS_MAX).collect::<String>());
    Ok(Visitor { user, name: name.filter(|name| !name.trim().is_empty()), addresses, ..Visitor::default() })
}

/// Compared in constant time.
fn signed(secret: &str, what: &[u8], signature: &[u8]) -> Result<(), IdentityError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map_err(|_| IdentityError::NoSecret)?;
    mac.update(what);
    mac.verify_slice(signature).map_err(|_| IdentityError::Signature)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    (digits.len() == 64).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// Clocks differ.
const LEEWAY_S: f64 = 60.0;
/// A token tells a name and an address.
const TOKEN_BYTES_MAX: usize = 4_096;
/// An id of any system.
const USER_CHARS_MAX: usize = 200;
/// Fits a line.
const NAME_CHARS_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "a secret of the shop";
    const NOW: EpochMs = EpochMs(1_000_000);

    fn hmac(what: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(what.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn token(header: &str, claims: &str) -> Identity {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let body = format!("{}.{}", part(header), part(claims));
        Identity::Token { token: format!("{body}.{}", URL_SAFE_NO_PAD.encode(hmac(&body))) }
    }

    fn who(identity: &Identity) -> Result<Option<String>, IdentityError> {
        verify(identity, Some(SECRET), NOW).map(|visitor| visitor.user)
    }

    /// RFC 4231, test case 2, so that this is the HMAC that every other program makes.
    #[test]
    fn the_signature_is_the_one_every_program_makes() {
        let identity = Identity::Signed {
            user_id: "what do ya want for nothing?".into(),
            signature: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843".into(),
            name: None,
        };
        assert!(verify(&identity, Some("Jefe"), NOW).is_ok());
    }

    /// W5: nobody is somebody else by saying so.
    #[test]
    fn only_what_is_signed_with_the_secret_is_believed() {
        let signed = |user: &str, signature: String| Identity::Signed { user_id: user.into(), signature, name: None };
        assert_eq!(who(&signed("cust-7", hex(&hmac("cust-7")))), Ok(Some("cust-7".into())));
        for (user, signature) in [
            ("cust-8", hex(&hmac("cust-7"))),
            ("cust-7", String::new()),
            ("cust-7", "zz".repeat(32)),
            ("cust-7", hex(&hmac("cust-7"))[..62].into()),
        ] {
            assert_eq!(who(&signed(user, signature)), Err(IdentityError::Signature), "{user}");
        }
        assert_eq!(who(&signed("", hex(&hmac("")))), Err(IdentityError::Nobody));
        assert_eq!(verify(&signed("a", hex(&hmac("a"))), None, NOW).err(), Some(IdentityError::NoSecret));
    }

    /// W5: tokens without an end, after it, unsigned or by another algorithm are refused.
    #[test]
    fn a_token_counts_until_its_end_and_by_one_algorithm() {
        let header = r#"{"alg":"HS256","typ":"JWT"}"#;
        let good = token(header, r#"{"sub":"cust-7","exp":1100,"name":"Ann","email":"Ann@Example.com"}"#);
        let visitor = verify(&good, Some(SECRET), NOW).ok().unwrap();
        let email = visitor.addresses.iter().find(|address| address.kind == AddressKind::Email).unwrap();
        assert_eq!(
            (email.value.as_str(), email.proven, visitor.name.as_deref()),
            ("ann@example.com", true, Some("Ann"))
        );
        for (header, claims, error) in [
            (header, r#"{"sub":"cust-7","exp":900}"#, IdentityError::Ended),
            (header, r#"{"sub":"cust-7"}"#, IdentityError::Ended),
            (header, r#"{"sub":"cust-7","exp":1100,"nbf":2000}"#, IdentityError::Ended),
            (r#"{"alg":"none"}"#, r#"{"sub":"cust-7","exp":1100}"#, IdentityError::Signature),
            (r#"{"alg":"HS512"}"#, r#"{"sub":"cust-7","exp":1100}"#, IdentityError::Signature),
            (header, r#"{"sub":"","exp":1100}"#, IdentityError::Nobody),
        ] {
            assert_eq!(who(&token(header, claims)), Err(error), "{header} {claims}");
        }
        let Identity::Token { token: whole } = good else { unreachable!() };
        let (body, _) = whole.rsplit_once('.').unwrap();
        for bad in [format!("{body}."), body.to_owned(), "..".into(), String::new(), "x".repeat(5_000)] {
            assert_eq!(who(&Identity::Token { token: bad }), Err(IdentityError::Signature));
        }
    }
}
