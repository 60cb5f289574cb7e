//! What all cloud providers share: where they are, how they are reached, and what their refusals mean.

use std::sync::Once;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::config::providers::ProvidersConfig;

/// A connection to a provider.
pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// The largest message taken from a provider: 30 s of base64 audio; a larger one is a fault of theirs.
const MESSAGE_BYTES_MAX: usize = 2 * 1024 * 1024;
/// What may wait to be sent on one connection: 8 s of audio. A provider that takes none for so long is lost.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// Characters of a provider's own words that are kept in an error.
const REASON_CHARS_MAX: usize = 200;

/// Where a provider is and how it knows us.
#[derive(Clone)]
pub struct Access {
    /// Its name in configuration, logs and errors.
    pub name: String,
    /// Where its interface begins, without a slash at the end: `wss://api.deepgram.com`.
    pub base_url: String,
    /// The key, sent in a header; empty for servers that ask for none.
    pub key: SecretString,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long nothing may come while something is owed.
    pub stall_timeout: Duration,
}

/// Why a provider could not be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CloudError {
    /// It answered, with a no.
    #[error("{0}")]
    Refused(String),
    /// It did not answer, or broke off.
    #[error("{0}")]
    Stalled(String),
}

impl Access {
    /// A stand-in for a provider; stalls are short, since such tests run on real time and real sockets.
    #[cfg(test)]
    pub fn to_stand_in(name: &str, base_url: &str) -> Access {
        Access {
            name: name.to_lowercase(),
            base_url: base_url.to_owned(),
            key: "secret".into(),
            connect_timeout: Duration::from_millis(400),
            stall_timeout: Duration::from_millis(400),
        }
    }

    /// A provider as configured, its key from the environment variable named there (none for an empty name).
    pub fn configured(
        name: &str,
        base_url: &str,
        key_env: &str,
        config: &ProvidersConfig,
    ) -> Result<Access, CloudError> {
        let key = match key_env {
            "" => String::new(),
            variable => std::env::var(variable)
                .map_err(|_| CloudError::Refused(format!("put its key into the environment variable {variable}")))?,
        };
        Ok(Access {
            name: name.to_owned(),
            base_url: base_url.to_owned(),
            key: key.into(),
            connect_timeout: Duration::from_millis(config.connect_timeout_ms),
            stall_timeout: Duration::from_millis(config.stall_timeout_ms),
        })
    }

    /// The base with another path behind it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url.trim_end_matches('/'))
    }

    /// Opens a WebSocket without send buffering; `auth` is a header and what stands before the key in it.
    pub async fn open_socket(&self, url: &str, auth: (&'static str, &str)) -> Result<Socket, CloudError> {
        install_tls();
        let refused = |error: &dyn std::fmt::Display| CloudError::Refused(shortened(&error.to_string()));
        let mut request = url.into_client_request().map_err(|error| refused(&error))?;
        if !self.key.expose_secret().is_empty() {
            let (header, before) = auth;
            let mut value =
                HeaderValue::from_str(&format!("{before}{}", self.key.expose_secret())).map_err(|e| refused(&e))?;
            value.set_sensitive(true);
            request.headers_mut().insert(HeaderName::from_static(header), value);
        }
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX))
            // Every frame leaves as it comes: 20 ms of audio must not wait for company.
            .write_buffer_size(0)
            .max_write_buffer_size(UNSENT_BYTES_MAX);
        match tokio::time::timeout(self.connect_timeout, connect_async_with_config(request, Some(limits), true)).await {
            Ok(Ok((socket, _))) => Ok(socket),
            Ok(Err(tungstenite::Error::Http(answer))) => {
                let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
                Err(CloudError::Refused(shortened(&format!("{} {body}", answer.status()))))
            }
            Ok(Err(error)) => Err(CloudError::Stalled(shortened(&error.to_string()))),
            Err(_) => Err(CloudError::Stalled(format!("no connection within {} ms", self.connect_timeout.as_millis()))),
        }
    }

    /// A client for plain HTTP requests.
    pub fn http_client(&self) -> Result<reqwest::Client, CloudError> {
        install_tls();
        reqwest::Client::builder()
            .connect_timeout(self.connect_timeout)
            .read_timeout(self.stall_timeout)
            .tcp_nodelay(true)
            .pool_idle_timeout(Duration::from_secs(90))
            .build()
            .map_err(|error| CloudError::Refused(error.to_string()))
    }
}

/// An error's text, short enough for a log line.
pub fn shortened(text: &str) -> String {
    text.trim().chars().take(REASON_CHARS_MAX).collect()
}

/// Both TLS clients are built without a cryptography provider of their own; without one, the first connection
/// would panic. Installed once; another part of the program may have been first.
pub fn install_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
