//! One account at work: it listens, and what waits goes out by it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::inbound::Door;
use super::{Channels, plan};
use crate::domain::channel_account::{ChannelAccount, Health};
use crate::seams::channel::{Channel, Inbound, Setup};
use crate::seams::store::StoreError;

/// One account at work.
pub struct Running {
    /// As it was when it was made.
    pub account: ChannelAccount,
    /// What carries its messages.
    pub channel: Arc<dyn Channel>,
    /// Where it brings what comes in.
    pub door: Arc<Door>,
    /// Something may be due.
    pub work: Notify,
    stop: CancellationToken,
}

impl Channels {
    /// Begins what is switched on, ends what is not, and makes anew what was changed.
    pub(super) async fn look_at_accounts(self: &Arc<Self>, shutdown: &CancellationToken) -> Result<(), StoreError> {
        let accounts = self.parts.store.channel_accounts().await?;
        let wanted = |running: &Running| {
            let same = |(account, _): &&(ChannelAccount, Health)| account.id == running.account.id;
            accounts.iter().find(same).is_some_and(|(account, _)| account.version == running.account.version)
        };
        self.running().retain(|_, running| {
            let stays = wanted(running);
            if !stays {
                running.stop.cancel();
            }
            stays
        });
        for (account, health) in accounts.into_iter().filter(|(account, _)| account.enabled) {
            if !self.running().contains_key(&account.id) {
                self.begin(account, health, shutdown.child_token()).await?;
            }
        }
        Ok(())
    }

    async fn begin(
        self: &Arc<Self>,
        account: ChannelAccount,
        health: Health,
        stop: CancellationToken,
    ) -> Result<(), StoreError> {
        let door = Arc::new(Door {
            parts: self.parts.clone(),
            account: account.id,
            inbox: self.inbox_of(&account),
            health: Mutex::new(health),
        });
        let channel = match self.make(&account) {
            Ok(channel) => channel,
            Err(why) => {
                door.fares(Some(&why)).await;
                return Ok(());
            }
        };
        info!(channel.id = %account.id, channel.kind = ?account.kind, "A channel is at work");
        let running = Arc::new(Running { account, channel, door, work: Notify::new(), stop });
        self.running().insert(running.account.id, running.clone());
        self.tasks.spawn(listen(running.clone()));
        self.tasks.spawn(super::post::deliver(self.clone(), running.clone(), running.stop.clone()));
        Ok(())
    }

    /// An account's channel; what is wrong with it, in words.
    pub(super) fn make(&self, account: &ChannelAccount) -> Result<Arc<dyn Channel>, String> {
        let open = |(name, sealed): (&String, &String)| {
            let secret = self.parts.sealer.open(sealed, &account.about(name));
            let secret = secret.ok_or_else(|| format!("the secret {name} cannot be read any more; enter it again"))?;
            Ok((name.clone(), SecretString::from(secret)))
        };
        let secrets = account.secrets.iter().map(open).collect::<Result<_, String>>()?;
        let setup = Setup {
            account: account.id,
            name: account.name.clone(),
            settings: account.settings.clone(),
            secrets,
            hook_url: self.hook_url(account.id),
        };
        self.parts.maker.make(account.kind, setup)
    }
}

/// Listens until the account is stopped; a channel that fails is begun again after a pause, longer each time.
async fn listen(running: Arc<Running>) {
    let mut failures = 0;
    while !running.stop.is_cancelled() {
        match running.channel.listen(running.door.clone(), running.stop.clone()).await {
            Ok(()) => return running.stop.cancelled().await,
            Err(why) => {
                failures += 1;
                warn!(channel.id = %running.account.id, channel.failures = failures, "A channel fails: {why}");
                running.door.fares(Some(&why)).await;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(plan::pause(failures, rand::random())) => {}
            () = running.stop.cancelled() => {}
        }
    }
}

/// How often accounts are looked at, should a change by another process have gone unnoticed.
pub const LOOK: Duration = Duration::from_secs(30);
