//! The domain name system, as this machine is set up to ask it.

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::domain::email::standing::{Published, Signing};
use crate::seams::txt_records::TxtRecords;

/// Asks as the system does.
pub struct SystemDns;

#[async_trait]
impl TxtRecords for SystemDns {
    async fn txt(&self, name: &str) -> Result<Vec<String>, String> {
        let resolver = TokioResolver::builder_tokio().and_then(|builder| builder.build());
        let resolver = resolver.map_err(|error| format!("names cannot be looked up here: {error}"))?;
        // With the dot at its end no search list of this machine is tried.
        let found = match resolver.lookup(format!("{name}."), RecordType::TXT).await {
            Ok(found) => found,
            Err(error) if error.is_no_records_found() => return Ok(Vec::new()),
            Err(error) => return Err(format!("{name} cannot be looked up: {error}")),
        };
        let text = |data: &RData| match data {
            RData::TXT(text) => {
                Some(text.txt_data.iter().map(|part| String::from_utf8_lossy(part)).collect::<String>())
            }
            // Names that lead to the record.
            _ => None,
        };
        Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect())
    }
}

/// Everything that is published about mail of a domain.
pub async fn published(dns: &dyn TxtRecords, domain: &str, signing: Option<&Signing>) -> Result<Published, String> {
    let key = match signing {
        Some(signing) => dns.txt(&format!("{}._domainkey.{}", signing.selector, signing.domain)).await?,
        None => Vec::new(),
    };
    Ok(Published { domain: dns.txt(domain).await?, key, policy: dns.txt(&format!("_dmarc.{domain}")).await? })
}
