//! What is published about a domain.

use async_trait::async_trait;

/// Asks the domain name system for TXT records (RFC 1035, section 3.3.14).
#[async_trait]
pub trait TxtRecords: Send + Sync {
    /// All of a name, each with its strings joined; none where there are none. What went wrong, in words.
    async fn txt(&self, name: &str) -> Result<Vec<String>, String>;
}
