//! How what a webhook is told is signed (Standard Webhooks 1.0.0, "Signature scheme").

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// A fresh secret as it is shown: 32 bytes behind `whsec_`.
pub fn fresh_secret() -> String {
    let bytes: [u8; 32] = rand::random();
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// The value of `webhook-signature` for these very bytes; `None` when the secret is none.
pub fn signature(secret: &str, id: &str, at_s: i64, body: &str) -> Option<String> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{at_s}.{body}").as_bytes());
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

const PREFIX: &str = "whsec_";

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference implementation's own vector.
    #[test]
    fn the_signature_is_that_of_standard_webhooks() {
        let Ok(folder) = std::env::var("FIXTURES_DIR") else {
            println!("skipped: FIXTURES_DIR names no folder of fixtures");
            return;
        };
        let text = std::fs::read_to_string(format!("{folder}/inbox/signatures/vectors.json")).unwrap();
        let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
        let vector = &vectors["standard_webhooks_v1"][0];
        let text = |name: &str| vector[name].as_str().unwrap();
        let at_s = vector["webhook-timestamp"].as_i64().unwrap();
        let signed = |body: &str| signature(text("secret"), text("webhook-id"), at_s, body).unwrap();
        assert_eq!(signed(text("body")), text("signature"));
        assert_ne!(signed("{}"), text("signature"));
        assert!(fresh_secret() != fresh_secret() && signature(&fresh_secret(), "a", 1, "b").is_some());
        assert_eq!(signature("a secret of another kind", "a", 1, "b"), None);
    }
}
