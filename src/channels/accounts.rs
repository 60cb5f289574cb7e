//! Adding, changing, testing and taking out accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Channels;
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::domain::conversation::Channel as Kind;
use crate::domain::ids::{ChannelAccountId, InboxId};
use crate::domain::inbox::Inbox;
use crate::seams::store::StoreError;

/// An account to be added.
pub struct NewAccount {
    /// What kind of channel.
    pub kind: Kind,
    /// As the team calls it.
    pub name: String,
    /// Whether it is at work at once.
    pub enabled: bool,
    /// Everything that is no secret.
    pub settings: Value,
    /// By their names, in the clear; sealed before they are kept.
    pub secrets: BTreeMap<String, String>,
}

/// What is changed of an account.
#[derive(Default)]
pub struct AccountChange {
    /// The version that was read.
    pub version: i64,
    /// Another name.
    pub name: Option<String>,
    /// Switched on or off.
    pub enabled: Option<bool>,
    /// All settings anew.
    pub settings: Option<Value>,
    /// These secrets anew, or (`None`) taken out; the others stay.
    pub secrets: BTreeMap<String, Option<String>>,
}

/// Why an account was not changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Something about it is wrong; told in words.
    #[error("{0}")]
    Misfit(String),
    /// There are as many as can be kept at work.
    #[error("there are {ACCOUNTS_MAX} channels already; take one out first")]
    TooMany,
    /// The store did not take it, or somebody else changed it first.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Channels {
    /// Adds an account with an inbox of its own.
    pub async fn add(&self, new: NewAccount) -> Result<ChannelAccount, AccountError> {
        if self.parts.store.channel_accounts().await?.len() >= ACCOUNTS_MAX {
            return Err(AccountError::TooMany);
        }
        let now = self.parts.clock.epoch();
        let mut account = ChannelAccount {
            id: ChannelAccountId(self.parts.ids.next()),
            agent: self.parts.agent.load().id,
            inbox: InboxId(self.parts.ids.next()),
            kind: new.kind,
            name: new.name,
            enabled: new.enabled,
            settings: new.settings,
            secrets: BTreeMap::new(),
            version: 0,
            created_at: now,
            updated_at: now,
        };
        self.seal(&mut account, new.secrets.into_iter().map(|(name, secret)| (name, Some(secret))))?;
        self.make(&account).map_err(AccountError::Misfit)?;
        let mut work = self.parts.store.begin().await?;
        work.save_channel_inbox(&self.inbox_of(&account)).await?;
        work.save_channel_account(&account).await?;
        work.commit().await?;
        self.changed.notify_one();
        account.version += 1;
        Ok(account)
    }

    /// Changes an account; gives it as it was and as it is.
    pub async fn change(
        &self,
        id: ChannelAccountId,
        change: AccountChange,
    ) -> Result<(ChannelAccount, ChannelAccount), AccountError> {
        let (before, _) = self.parts.store.channel_account(id).await?.ok_or(StoreError::NotFound)?;
        if before.version != change.version {
            return Err(StoreError::Conflict.into());
        }
        let mut account = before.clone();
        account.name = change.name.unwrap_or(account.name);
        account.enabled = change.enabled.unwrap_or(account.enabled);
        account.settings = change.settings.unwrap_or(account.settings);
        account.updated_at = self.parts.clock.epoch();
        self.seal(&mut account, change.secrets.into_iter())?;
        // What is switched off may stay as it is, whatever is wrong with it.
        if account.enabled || before.settings != account.settings {
            self.make(&account).map_err(AccountError::Misfit)?;
        }
        let mut work = self.parts.store.begin().await?;
        work.save_channel_account(&account).await?;
        work.save_channel_inbox(&self.inbox_of(&account)).await?;
        work.save_channel_health(id, &Health::default()).await?;
        work.commit().await?;
        self.changed.notify_one();
        account.version += 1;
        Ok((before, account))
    }

    /// Takes an account out; gives it as it was. Its conversations stay.
    pub async fn delete(&self, id: ChannelAccountId) -> Result<ChannelAccount, AccountError> {
        let (before, _) = self.parts.store.channel_account(id).await?.ok_or(StoreError::NotFound)?;
        let mut work = self.parts.store.begin().await?;
        work.delete_channel_account(id, self.parts.clock.epoch()).await?;
        work.commit().await?;
        self.changed.notify_one();
        Ok(before)
    }

    /// Tries whether an account works; what was found, or what is wrong and what to do, in words.
    pub async fn test(&self, id: ChannelAccountId) -> Result<Result<String, String>, StoreError> {
        let (account, _) = self.parts.store.channel_account(id).await?.ok_or(StoreError::NotFound)?;
        let channel = match self.make(&account) {
            Ok(channel) => channel,
            Err(why) => return Ok(Err(why)),
        };
        let tested = tokio::time::timeout(TEST_TIMEOUT, channel.test()).await;
        Ok(tested.unwrap_or_else(|_| Err("there was no answer in time; look at the address and the network".into())))
    }

    /// The address that a vendor calls for this account, where ours is known.
    pub fn hook_url(&self, id: ChannelAccountId) -> Option<String> {
        let public = self.parts.public_url.as_deref()?;
        Some(format!("{}/hooks/{id}", public.trim_end_matches('/')))
    }

    pub(super) fn inbox_of(&self, account: &ChannelAccount) -> Inbox {
        Inbox { id: account.inbox, agent: account.agent, channel: account.kind, address: account.name.clone() }
    }

    fn seal(
        &self,
        account: &mut ChannelAccount,
        secrets: impl Iterator<Item = (String, Option<String>)>,
    ) -> Result<(), AccountError> {
        for (name, secret) in secrets {
            let well = !name.is_empty() && name.len() <= SECRET_NAME_MAX;
            match secret {
                _ if !well => return Err(AccountError::Misfit("a secret has a short name".into())),
                None => drop(account.secrets.remove(&name)),
                Some(secret) if secret.is_empty() || secret.len() > SECRET_BYTES_MAX => {
                    let why = format!("the secret {name} is empty or longer than {SECRET_BYTES_MAX} bytes");
                    return Err(AccountError::Misfit(why));
                }
                Some(secret) => {
                    let sealed = self.parts.sealer.seal(&secret, &account.about(&name));
                    account.secrets.insert(name, sealed);
                }
            }
        }
        match account.secrets.len() > SECRETS_MAX {
            true => Err(AccountError::Misfit(format!("a channel keeps {SECRETS_MAX} secrets at most"))),
            false => Ok(()),
        }
    }
}

/// Accounts at work each hold a connection or two.
const ACCOUNTS_MAX: usize = 200;
/// A test connects, signs in and asks once or twice.
const TEST_TIMEOUT: Duration = Duration::from_secs(12);
/// Names are ours.
const SECRET_NAME_MAX: usize = 64;
/// A private key at its longest.
const SECRET_BYTES_MAX: usize = 16_384;
/// A channel asks for a few.
const SECRETS_MAX: usize = 16;
