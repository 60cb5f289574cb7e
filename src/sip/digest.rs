//! Answers to digest challenges (RFC 7616, RFC 8760): SHA-256 where it is offered, else MD5. Pure.

use md5::Md5;
use sha2::{Digest, Sha256};

/// What the answer is made for and with.
pub(super) struct Question<'a> {
    /// The user name.
    pub user: &'a str,
    /// The password.
    pub password: &'a str,
    /// The request's method.
    pub method: &'a str,
    /// The Request-URI as it is written.
    pub uri: &'a str,
    /// A random text of ours.
    pub cnonce: &'a str,
}

/// The realm of a challenge.
pub(super) fn realm(challenge: &str) -> Option<String> {
    parameter(challenge, "realm")
}

/// The value of the Authorization or Proxy-Authorization header that answers the best of these challenges.
pub(super) fn answer(challenges: &[&str], question: &Question<'_>) -> Option<String> {
    let strength = |challenge: &&&str| match algorithm(challenge)? {
        Algorithm::Sha256 => Some(2),
        Algorithm::Md5 => Some(1),
    };
    let best = challenges.iter().filter(|challenge| strength(challenge).is_some()).max_by_key(strength)?;
    answer_one(best, question)
}

fn answer_one(challenge: &str, question: &Question<'_>) -> Option<String> {
    let algorithm = algorithm(challenge)?;
    let (realm, nonce) = (parameter(challenge, "realm")?, parameter(challenge, "nonce")?);
    let Question { user, password, method, uri, cnonce } = question;
    let ha1 = algorithm.hex(&format!("{user}:{realm}:{password}"));
    let ha2 = algorithm.hex(&format!("{method}:{uri}"));
    let qop = parameter(challenge, "qop");
    let takes_auth = qop.as_deref().map(|qop| qop.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")));
    let (response, count) = match takes_auth {
        // A nonce is used for one request only, so its count is always one.
        Some(true) => (
            algorithm.hex(&format!("{ha1}:{nonce}:00000001:{cnonce}:auth:{ha2}")),
            format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""),
        ),
        None => (algorithm.hex(&format!("{ha1}:{nonce}:{ha2}")), String::new()),
        // Integrity of bodies only: no carrier asks for it, and proxies that change descriptions break it.
        Some(false) => return None,
    };
    let opaque = parameter(challenge, "opaque").map_or(String::new(), |opaque| format!(", opaque=\"{opaque}\""));
    let name = algorithm.name();
    Some(format!(
        "Digest username=\"{user}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", response=\"{response}\", \
         algorithm={name}{opaque}{count}"
    ))
}

#[derive(Clone, Copy)]
enum Algorithm {
    Sha256,
    Md5,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Md5 => "MD5",
        }
    }

    fn hex(self, text: &str) -> String {
        let digest = match self {
            Algorithm::Sha256 => Sha256::digest(text).to_vec(),
            Algorithm::Md5 => Md5::digest(text).to_vec(),
        };
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

fn algorithm(challenge: &str) -> Option<Algorithm> {
    if !challenge.trim_start().get(..7)?.eq_ignore_ascii_case("digest ") {
        return None;
    }
    match parameter(challenge, "algorithm") {
        None => Some(Algorithm::Md5),
        Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Algorithm::Md5),
        Some(name) if name.eq_ignore_ascii_case("SHA-256") => Some(Algorithm::Sha256),
        Some(_) => None,
    }
}

/// A parameter of a challenge. A value that could break out of its quotes is not repeated: the whole
/// challenge counts as unreadable.
fn parameter(challenge: &str, wanted: &str) -> Option<String> {
    let mut rest = challenge.trim_start().split_once(' ')?.1;
    while let Some((name, after)) = rest.split_once('=') {
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.trim_start().strip_prefix(',').unwrap_or_default())
            }
            None => after.split_once(',').unwrap_or((after, "")),
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            let is_plain = !value.contains(['"', '\\']) && !value.contains(char::is_control);
            return is_plain.then(|| value.trim().to_owned());
        }
        rest = next;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question<'a>() -> Question<'a> {
        Question {
            user: "Mufasa",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            cnonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        }
    }

    /// The examples of RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc_are_answered_right() {
        let nonce = "nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\"";
        let challenge = |algorithm: &str| {
            format!("Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm={algorithm}, {nonce}")
        };
        let (md5, sha256) = (challenge("MD5"), challenge("SHA-256"));
        let answered = answer(&[&md5], &question()).unwrap();
        assert!(answered.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{answered}");
        let answered = answer(&[&md5, &sha256], &question()).unwrap();
        let expected = "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"";
        assert!(answered.contains(expected) && answered.contains("algorithm=SHA-256"), "{answered}");
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        let others =
            ["Basic realm=\"x\"", "Digest realm=\"x\", nonce=\"n\", algorithm=MD4", "Digest realm=\"x\"", "Digest", ""];
        assert_eq!(answer(&others, &question()), None);
        assert_eq!(answer(&["Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\""], &question()), None);
        assert_eq!(realm("Digest nonce=\"a,realm=b\", Realm = \"right one\"").as_deref(), Some("right one"));
    }

    proptest::proptest! {
        /// S8: whatever a challenge says, nothing breaks out of the header.
        #[test]
        fn any_challenge_is_survived(text in "(Digest )?[ -~\r\n\u{e4}]{0,120}") {
            if let Some(answered) = answer(&[&text], &question()) {
                proptest::prop_assert!(!answered.contains(['\r', '\n']));
            }
        }
    }
}
