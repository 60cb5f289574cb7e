//! Posting to programs of the business: to the public Internet alone, unless an operator named the host (W3).

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::RETRY_AFTER;
use url::Url;

use super::cloud::install_tls;
use super::public_hosts::{self, Unreachable};
use crate::config::webhooks::WebhooksConfig;
use crate::seams::webhooks::{Posted, Poster};

/// Posts over HTTP.
pub struct HttpPoster {
    allowed: Vec<String>,
}

impl HttpPoster {
    /// As configured.
    pub fn new(config: &WebhooksConfig) -> HttpPoster {
        HttpPoster { allowed: config.private_hosts.iter().map(|host| host.to_ascii_lowercase()).collect() }
    }

    async fn send(&self, url: &str, headers: &[(&str, String)], body: &str) -> Result<Posted, String> {
        let url = Url::parse(url).map_err(|_| "its address cannot be read".to_owned())?;
        let addresses = public_hosts::addresses(&url, &self.allowed, &[], TIMEOUT).await.map_err(|why| match why {
            Unreachable::Private => format!("{why}; an operator can allow it in webhooks.private_hosts"),
            Unreachable::NoHost | Unreachable::Port | Unreachable::Unknown(_) => why.to_string(),
        })?;
        install_tls();
        let client = public_hosts::client(&url, &addresses).timeout(TIMEOUT).user_agent(USER_AGENT).build();
        let mut request = client.map_err(|_| "no HTTP client can be made".to_owned())?.post(url);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        // Without the address: it may hold what is nobody else's business.
        let response = request.body(body.to_owned()).send().await.map_err(|error| match error {
            error if error.is_timeout() => "it did not answer in time".to_owned(),
            error if error.is_connect() => "no connection could be made".to_owned(),
            _ => "the connection broke before it answered".to_owned(),
        })?;
        let retry_after_s =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Ok(Posted { status: response.status().as_u16(), retry_after_s })
    }
}

#[async_trait]
impl Poster for HttpPoster {
    async fn post(&self, url: &str, headers: &[(&str, String)], body: &str) -> Result<Posted, String> {
        let all = tokio::time::timeout(TIMEOUT, self.send(url, headers, body)).await;
        all.unwrap_or_else(|_| Err("it did not answer in time".to_owned()))
    }
}

/// The name lookup included; what Standard Webhooks proposes.
const TIMEOUT: Duration = Duration::from_secs(15);
/// Says who posts.
const USER_AGENT: &str = concat!("Switchboard/", env!("CARGO_PKG_VERSION"), " (webhooks)");
