//! Credentials for TURN servers that end by themselves, in the form that coturn calls "TURN REST API": the name is the
//! time of its end, the password a signature over it with the secret shared with the server.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::config::browser::BrowserConfig;
use crate::domain::time::EpochMs;
use crate::seams::browser::IceServer;

/// What a browser is told at this time.
pub fn servers(config: &BrowserConfig, now: EpochMs) -> Vec<IceServer> {
    let (turn, stun): (Vec<String>, Vec<String>) =
        config.ice_servers.iter().cloned().partition(|url| url.starts_with("turn"));
    let mut servers = Vec::new();
    if !stun.is_empty() {
        servers.push(IceServer { urls: stun, username: None, credential: None });
    }
    if !turn.is_empty()
        && let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(config.turn_secret.expose().as_bytes())
    {
        let username = format!("{}:switchboard", now.0 / 1000 + i64::from(config.turn_ttl_seconds));
        mac.update(username.as_bytes());
        let credential = STANDARD.encode(mac.finalize().into_bytes());
        servers.push(IceServer { urls: turn, username: Some(username), credential: Some(credential) });
    }
    servers
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The signature as `openssl dgst -sha1 -hmac north -binary | base64` makes it.
    #[test]
    fn turn_credentials_are_signed_and_end() {
        let config = BrowserConfig {
            ice_servers: vec!["turn:turn.example.com:3478".into(), "stun:stun.example.com".into()],
            turn_secret: "north".into(),
            turn_ttl_seconds: 600,
            ..BrowserConfig::default()
        };
        let servers = servers(&config, EpochMs(1_700_000_000_000));
        assert_eq!(servers[0].urls, ["stun:stun.example.com"]);
        assert_eq!(servers[0].username, None);
        assert_eq!(servers[1].username.as_deref(), Some("1700000600:switchboard"));
        assert_eq!(servers[1].credential.as_deref(), Some("pDy/LB5ERxu3/Y2JevnuuOATv9c="));
    }
}
