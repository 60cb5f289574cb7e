//! Pages of the public Internet (W3).
//!
//! 1. The address as written: http or https, no name and password, the usual ports.
//! 2. The host: of the public Internet alone (`public_hosts.rs`).
//! 3. Redirects are followed here, each through the same guard.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use url::Url;

use super::public_hosts::{self, Unreachable};
use crate::config::knowledge::KnowledgeConfig;
use crate::seams::documents::{FetchedPage, PageError, Pages};

/// Fetches pages.
pub struct WebPages {
    allowed: Vec<String>,
    timeout: Duration,
    bytes_max: usize,
}

impl WebPages {
    /// As configured.
    pub fn new(config: &KnowledgeConfig) -> WebPages {
        WebPages {
            allowed: config.private_hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
            timeout: Duration::from_millis(config.page_timeout_ms),
            bytes_max: config.page_max_bytes,
        }
    }

    async fn follow(&self, url: &str) -> Result<FetchedPage, PageError> {
        let mut url = parse(url)?;
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&url).await?;
            if response.status().is_redirection() {
                let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
                let to = to.ok_or_else(|| PageError::Failed("the page moved without saying where to".into()))?;
                let next = url.join(to).map_err(|_| PageError::Failed("the page moved to no address".into()))?;
                url = parse(next.as_str())?;
                continue;
            }
            if !response.status().is_success() {
                let detail = format!("the page's server answered {}; open it in a browser", response.status());
                return Err(PageError::Failed(detail));
            }
            return self.take(url, response).await;
        }
        Err(PageError::Failed(format!("the page moved more than {REDIRECTS_MAX} times; name where it leads to")))
    }

    async fn ask(&self, url: &Url) -> Result<reqwest::Response, PageError> {
        let addresses = public_hosts::addresses(url, &self.allowed, &PORTS, self.timeout).await;
        let addresses = addresses.map_err(|why| match why {
            Unreachable::Unknown(_) => PageError::Failed(why.to_string()),
            Unreachable::Private => refused(&format!("{why}; an operator can allow it in knowledge.private_hosts")),
            Unreachable::NoHost | Unreachable::Port => refused(&why.to_string()),
        })?;
        let client = public_hosts::client(url, &addresses).timeout(self.timeout).user_agent(USER_AGENT);
        let client = client.build().map_err(|error| failed(&error))?;
        let asked = client.get(url.clone()).header(ACCEPT, "text/html, text/plain, application/pdf;q=0.8, */*;q=0.1");
        asked.send().await.map_err(|error| failed(&error))
    }

    async fn take(&self, url: Url, mut response: reqwest::Response) -> Result<FetchedPage, PageError> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let name = name_of(kind).to_owned();
        let mut bytes = BytesMut::new();
        while let Some(part) = response.chunk().await.map_err(|error| failed(&error))? {
            if bytes.len() + part.len() > self.bytes_max {
                let detail = format!("the page has more than {} bytes; upload it as a file", self.bytes_max);
                return Err(PageError::Failed(detail));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(FetchedPage { url: url.into(), name, bytes: Bytes::from(bytes) })
    }
}

#[async_trait]
impl Pages for WebPages {
    async fn fetch(&self, url: &str) -> Result<FetchedPage, PageError> {
        // The bound on all of it, redirects included.
        let all = tokio::time::timeout(self.timeout * 2, self.follow(url)).await;
        all.unwrap_or_else(|_| Err(PageError::Failed("the page did not come in time".into())))
    }
}

fn parse(url: &str) -> Result<Url, PageError> {
    if url.len() > URL_BYTES_MAX {
        return Err(refused("the address is too long"));
    }
    let url = Url::parse(url.trim()).map_err(|_| refused("write the address as https://shop.example/help"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("only http and https are fetched"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("an address with a name or password in it is not fetched"));
    }
    Ok(url)
}

/// The file that such a page would be.
fn name_of(kind: &str) -> &'static str {
    match kind.split(';').next().unwrap_or_default().trim() {
        "text/plain" => "page.txt",
        "text/markdown" => "page.md",
        "application/pdf" => "page.pdf",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "page.docx",
        _ => "page.html", // What is not one is refused when it is read.
    }
}

fn refused(why: &str) -> PageError {
    PageError::Refused(why.to_owned())
}

/// Without the address: it may hold what is nobody else's business.
fn failed(error: &reqwest::Error) -> PageError {
    let why = if error.is_timeout() {
        "it did not answer in time"
    } else if error.is_connect() {
        "no connection could be made"
    } else {
        "the answer could not be read"
    };
    PageError::Failed(format!("the page could not be fetched: {why}"))
}

/// Where pages are served.
const PORTS: [u16; 2] = [80, 443];
/// More are a loop.
const REDIRECTS_MAX: usize = 5;
/// Browsers take no more either.
const URL_BYTES_MAX: usize = 2_000;
/// Says who asks, so that a site's owner can tell.
const USER_AGENT: &str = concat!("Switchboard/", env!("CARGO_PKG_VERSION"), " (help page import)");
