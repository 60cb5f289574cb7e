//! What all vendors' interfaces over HTTP share: how they are asked, and what their silence means.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::adapters::cloud::{install_tls, shortened};
use crate::seams::channel::DeliveryError;

/// A vendor's answer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How long it asks to be left alone.
    pub retry_after: Option<Duration>,
    /// The body; `null` where it is no JSON.
    pub body: Value,
}

/// A client that follows no redirect: a token is not carried to another host.
pub fn client() -> Result<reqwest::Client, String> {
    install_tls();
    reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("Switchboard/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| format!("no HTTP client can be made: {error}"))
}

/// Asks, and reads the answer within bounds. Without a connection nothing was sent; after that nobody knows.
pub async fn ask(request: reqwest::RequestBuilder, timeout: Duration) -> Result<Answer, DeliveryError> {
    let mut response = request.timeout(timeout).send().await.map_err(|error| silence(&error))?;
    let status = response.status().as_u16();
    let header = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let mut bytes = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| silence(&error))? {
        if bytes.len() + part.len() > ANSWER_BYTES_MAX {
            return Err(DeliveryError::Uncertain { why: "the vendor's answer is far too long".into() });
        }
        bytes.extend_from_slice(&part);
    }
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(Answer { status, retry_after: header.map(Duration::from_secs), body })
}

/// Without the address: a token may be part of it.
fn silence(error: &reqwest::Error) -> DeliveryError {
    match error {
        error if error.is_connect() => {
            let why = "no connection could be made; look at the address and the network".into();
            DeliveryError::Later { after: None, why }
        }
        error if error.is_builder() => DeliveryError::Refused { why: "the request could not be made".into() },
        error if error.is_timeout() => DeliveryError::Uncertain { why: "the vendor did not answer in time".into() },
        _ => DeliveryError::Uncertain { why: "the connection broke before the vendor's answer was read".into() },
    }
}

/// What the vendor said, for people.
pub fn told(vendor: &str, status: u16, words: Option<&str>) -> String {
    shortened(&format!("{vendor} answered {status}: {}", words.unwrap_or("without a word")))
}

/// The credentials are wrong: once they are mended it goes on.
pub fn not_let_in(vendor: &str, status: u16, words: Option<&str>) -> DeliveryError {
    let why = format!("{}; enter its token again", told(vendor, status, words));
    DeliveryError::Later { after: Some(MENDING), why }
}

/// Settings in their form; what does not fit, in words.
pub fn settings<T: DeserializeOwned>(settings: &Value) -> Result<T, String> {
    T::deserialize(settings).map_err(|error| format!("the settings do not fit: {error}"))
}

/// A base address without a slash at its end.
pub fn base_url(url: &str) -> Result<String, String> {
    let parsed = url::Url::parse(url).map_err(|_| "base_url is an address such as https://api.example.com")?;
    let plain = matches!(parsed.scheme(), "http" | "https") && parsed.username().is_empty() && parsed.query().is_none();
    plain.then(|| url.trim_end_matches('/').to_owned()).ok_or_else(|| "base_url begins with https:// or http://".into())
}

/// Compares digests, so that neither length nor content tells anything by the time it takes.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    Sha256::digest(one).ct_eq(&Sha256::digest(other)).into()
}

/// Connecting takes a round trip or three.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read: a batch of a hundred updates.
const ANSWER_BYTES_MAX: usize = 8_000_000;
/// How long an account with wrong credentials is left alone.
const MENDING: Duration = Duration::from_secs(120);
