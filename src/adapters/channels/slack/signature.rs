//! Slack's signature (docs.slack.dev/authentication/verifying-requests-from-slack).

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::adapters::channels::calls::same;
use crate::seams::channel::HookRequest;

/// Whether a request carries a fresh signature of its very bytes.
pub fn is_right(request: &HookRequest, secret: &str) -> bool {
    let header = |name| request.header(name).unwrap_or_default();
    let (stamp, given) = (header("x-slack-request-timestamp"), header("x-slack-signature"));
    let fresh = stamp.parse::<i64>().is_ok_and(|at| (request.at.0 / 1_000 - at).abs() <= SECONDS_MAX);
    fresh && request.method == "POST" && same(given.as_bytes(), signed(secret, stamp, &request.body).as_bytes())
}

/// `v0=` and the HMAC-SHA256 of `v0:{timestamp}:{body}`, in hex.
pub fn signed(secret: &str, stamp: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("v0:{stamp}:").as_bytes());
    mac.update(body);
    let digest = mac.finalize().into_bytes();
    format!("v0={}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Older ones may have been overheard and sent again.
const SECONDS_MAX: i64 = 300;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::domain::time::EpochMs;

    /// R56, W1: Slack's own vector; stale, altered and missing ones are refused.
    #[test]
    fn only_a_fresh_signature_of_these_very_bytes_is_right() {
        let Ok(folder) = std::env::var("FIXTURES_DIR") else {
            println!("skipped: FIXTURES_DIR names no folder of fixtures");
            return;
        };
        let text = std::fs::read_to_string(format!("{folder}/inbox/signatures/vectors.json")).unwrap();
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vector = &vectors["slack_v0"][0];
        let text = |name: &str| vector[name].as_str().unwrap().to_owned();
        let (secret, stamp) = (text("signing_secret"), text("timestamp"));
        let at: i64 = stamp.parse().unwrap();
        let request = |body: String, signature: Option<String>, at_s: i64| HookRequest {
            method: "POST".into(),
            query: String::new(),
            headers: signature
                .map(|given| ("x-slack-signature".to_owned(), given))
                .into_iter()
                .chain([("x-slack-request-timestamp".to_owned(), stamp.clone())])
                .collect(),
            body: Bytes::from(body),
            at: EpochMs(at_s * 1_000),
        };
        let right = Some(text("signature"));
        assert!(is_right(&request(text("body"), right.clone(), at), &secret));
        assert!(is_right(&request(text("body"), right.clone(), at + 300), &secret));
        assert!(!is_right(&request(text("body"), right.clone(), at + 301), &secret), "stale");
        assert!(!is_right(&request(text("body"), right.clone(), at - 301), &secret), "from the future");
        assert!(!is_right(&request(text("body") + "------", right.clone(), at), &secret), "altered");
        assert!(!is_right(&request(text("body"), None, at), &secret), "missing");
        assert!(!is_right(&request(text("body"), right, at), "another secret"));
    }
}
