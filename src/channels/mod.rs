//! Channels side by side with the phone: accounts that are switched on and off one by one, what comes in by them, and
//! what goes out.
//!
//! 1. An account stands for one inbox (`accounts.rs`). [`Channels::run`] keeps one worker for each that is switched on
//!    (`running.rs`), made anew whenever it is changed.
//! 2. What comes in passes the [`door`](inbound) into [`MessageDesk::accept`] and is durable before the vendor hears of it.
//! 3. What goes out was given to us in the transaction that wrote it. The worker claims it in the order of each thread,
//!    asks the account to deliver it (`post.rs`), and writes what became of it; `plan.rs`, pure, says what that is. A
//!    message whose try never ended, or ended so that it may have been taken, is looked for before it is sent again.

mod accounts;
mod inbound;
pub mod notices;
mod plan;
mod post;
mod rates;
mod running;
pub mod webhooks;
pub mod widget;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use arc_swap::ArcSwap;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::domain::agent::Agent;
use crate::domain::ids::ChannelAccountId;
use crate::messages::MessageDesk;
use crate::seams::channel::{HookAnswer, HookRequest, Maker};
use crate::seams::clock::{Clock, Ids};
use crate::seams::secrets::Sealer;
use crate::seams::store::{Store, StoreError};

pub use accounts::{AccountChange, AccountError, NewAccount};

/// What every part of it needs.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Keeps accounts' secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Where messages go.
    pub messages: Arc<MessageDesk>,
    /// Makes accounts.
    pub maker: Arc<dyn Maker>,
    /// The agent whose inboxes new accounts are.
    pub agent: Arc<ArcSwap<Agent>>,
    /// The address under which vendors reach us.
    pub public_url: Option<String>,
}

/// All accounts. Shared by handlers and the worker.
pub struct Channels {
    parts: Parts,
    running: Mutex<BTreeMap<ChannelAccountId, Arc<running::Running>>>,
    changed: Notify,
    tasks: TaskTracker,
}

impl Channels {
    /// Opens the room; accounts are at work once [`Channels::run`] is.
    pub fn open(parts: Parts) -> Arc<Channels> {
        let (running, changed, tasks) = Default::default();
        Arc::new(Channels { parts, running, changed, tasks })
    }

    /// Keeps all accounts that are switched on at work, until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            if let Err(error) = self.look_at_accounts(&shutdown).await {
                tracing::warn!(%error, "Channels cannot be looked at for now");
            }
            tokio::select! {
                () = self.changed.notified() => {}
                () = tokio::time::sleep(running::LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Answers a vendor's call to an account.
    pub async fn hook(&self, account: ChannelAccountId, request: HookRequest) -> HookAnswer {
        let Some(running) = self.running().get(&account).cloned() else {
            return HookAnswer::text(404, "There is no such channel, or it is switched off.");
        };
        running.channel.hook(request, running.door.clone()).await
    }

    /// Sends a message that failed once more, from its first part that was not taken.
    pub async fn resend(&self, message: crate::domain::ids::MessageId) -> Result<(), StoreError> {
        let (dispatch, _) = self.parts.store.dispatch(message).await?.ok_or(StoreError::NotFound)?;
        let again = plan::again(dispatch, self.parts.clock.epoch()).ok_or(StoreError::Conflict)?;
        let mut work = self.parts.store.begin().await?;
        work.settle(&again).await?;
        work.commit().await?;
        self.tell_of(message).await?;
        for running in self.running().values() {
            running.work.notify_one();
        }
        Ok(())
    }

    async fn tell_of(&self, message: crate::domain::ids::MessageId) -> Result<(), StoreError> {
        if let Some(letter) = self.parts.store.letter(message).await? {
            self.parts.messages.came_further(letter.conversation.id, &letter.message);
        }
        Ok(())
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<ChannelAccountId, Arc<running::Running>>> {
        self.running.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
