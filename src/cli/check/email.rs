//! Whether other servers can tell that our mail is ours: SPF, DKIM and DMARC of the domains that we send from.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Finding, Good, Mend};
use crate::adapters::channels::email::dns::published;
use crate::adapters::channels::email::{EmailSettings, signing};
use crate::adapters::secret_box::SecretBox;
use crate::adapters::store::{SqliteOptions, SqliteStore};
use crate::config::Config;
use crate::domain::conversation::Channel;
use crate::domain::email::standing::{Signing, Standing, standing};
use crate::seams::channel_store::ChannelReads;
use crate::seams::secrets::Sealer;
use crate::seams::txt_records::TxtRecords;

/// Looks over every domain that we send from; nothing where no mail is set up.
pub(super) async fn all(config: &Config, dns: &dyn TxtRecords) -> Vec<(String, Finding)> {
    let mut findings = Vec::new();
    for (domain, signing) in domains(config).await {
        let part = format!("mail from {domain}");
        match tokio::time::timeout(DNS_ANSWERS, published(dns, &domain, signing.as_ref())).await {
            Ok(Ok(published)) => {
                let found = standing(&domain, signing.as_ref(), &published).into_iter().map(|one| match one {
                    Standing::Well(what) => Good(what),
                    Standing::Mend(what, remedy) => Mend(what, remedy),
                });
                findings.extend(found.map(|finding| (part.clone(), finding)));
            }
            Ok(Err(why)) => findings.push((part, Mend(why, "check the network and this machine's resolver".into()))),
            Err(_) => {
                let remedy = "check the network and this machine's resolver";
                findings.push((part, Mend("the domain name system does not answer".into(), remedy.into())));
            }
        }
    }
    findings
}

/// The domains, each with how we sign.
async fn domains(config: &Config) -> BTreeMap<String, Option<Signing>> {
    let mut domains = BTreeMap::new();
    if let (true, Some((_, domain))) = (config.notices.is_on(), config.notices.from.rsplit_once('@')) {
        domains.insert(domain.to_lowercase(), None);
    }
    let options = SqliteOptions {
        file: config.database_file(),
        readers: 1,
        busy_timeout: Duration::from_millis(config.store.busy_timeout_ms),
    };
    // What is wrong with the data is told by its own check.
    let Ok(store) = SqliteStore::open(&options).await else { return domains };
    let sealer = SecretBox::open(&config.secret_key_file()).ok();
    for (account, _) in store.channel_accounts().await.unwrap_or_default() {
        if account.kind != Channel::Email || !account.enabled {
            continue;
        }
        let Ok(settings) = EmailSettings::read(&account.settings) else { continue };
        let sealed = account.secrets.get("dkim_key");
        let key = sealed.and_then(|sealed| sealer.as_ref()?.open(sealed, &account.about("dkim_key")));
        domains.insert(settings.domain().to_owned(), signing(&settings, key.as_deref()));
    }
    domains
}

/// A resolver tries each of its servers for some seconds.
const DNS_ANSWERS: Duration = Duration::from_secs(15);

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;

    struct Told;

    #[async_trait]
    impl TxtRecords for Told {
        async fn txt(&self, name: &str) -> Result<Vec<String>, String> {
            match name {
                "example.com" => Ok(vec!["v=spf1 mx -all".into()]),
                "_dmarc.example.com" => Ok(vec!["v=DMARC1; p=reject".into()]),
                _ => Err(format!("{name} was not expected")),
            }
        }
    }

    /// The domain that notifications come from is looked over, though no mailbox is set up.
    #[tokio::test]
    async fn every_domain_that_sends_is_looked_over() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().into(), ..Config::default() };
        assert!(all(&config, &Told).await.is_empty());
        config.notices.to = vec!["team@example.com".into()];
        config.notices.from = "Desk@Example.com".into();
        let findings = all(&config, &Told).await;
        assert_eq!(findings.len(), 3);
        assert!(findings.iter().all(|(part, finding)| part == "mail from example.com" && matches!(finding, Good(_))));
    }
}
