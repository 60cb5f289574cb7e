//! What goes out by one account: claimed, delivered, written down.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::running::Running;
use super::{Channels, plan};
use crate::domain::time::EpochMs;
use crate::seams::channel::{DELIVERY_TIMEOUT, Delivery, DeliveryError, Found, Inbound, Receipt};
use crate::seams::channel_store::{Dispatch, Letter};
use crate::seams::store::StoreError;

/// Delivers what waits for an account, until it is stopped. A try that is under way then is ended and written down.
pub(super) async fn deliver(channels: Arc<Channels>, running: Arc<Running>, stop: CancellationToken) {
    let mut posted = channels.parts.messages.posted();
    while !stop.is_cancelled() {
        let worked = match channels.deliver_due(&running, &stop).await {
            Ok(worked) => worked,
            Err(error) => {
                warn!(channel.id = %running.account.id, %error, "Messages cannot be sent for now");
                0
            }
        };
        if worked > 0 {
            continue;
        }
        let pause = channels.pause(&running).await;
        tokio::select! {
            _ = posted.changed() => {}
            () = running.work.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

impl Channels {
    async fn pause(&self, running: &Running) -> Duration {
        let due = self.parts.store.next_delivery_due(running.account.inbox).await.ok().flatten();
        let wait = due.map(|due| u64::try_from(due.0 - self.parts.clock.epoch().0).unwrap_or(0));
        wait.map_or(LONGEST_PAUSE, Duration::from_millis).clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// Sends what is due now, at most one batch, each the first of its thread; tells how many there were.
    pub(super) async fn deliver_due(&self, running: &Running, stop: &CancellationToken) -> Result<usize, StoreError> {
        let (now, inbox) = (self.parts.clock.epoch(), running.account.inbox);
        if self.parts.store.next_delivery_due(inbox).await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let mut work = self.parts.store.begin().await?;
        let claimed = work.claim_deliveries(inbox, now, EpochMs(now.0 + LEASE_MS), BATCH).await?;
        work.commit().await?;
        let count = claimed.len();
        let each = futures::stream::iter(claimed).for_each_concurrent(AT_ONCE, async |dispatch| {
            // Stopped before it was begun, its claim lapses; it was never sent, and is looked for all the same.
            if stop.is_cancelled() {
                return self.give_back(dispatch).await;
            }
            let message = dispatch.message;
            if let Err(error) = self.send(running, dispatch).await {
                warn!(message.id = %message, %error, "What became of a message was not written down");
            }
        });
        each.await;
        Ok(count)
    }

    async fn give_back(&self, dispatch: Dispatch) {
        let dispatch = Dispatch { tries: dispatch.tries.saturating_sub(1), ..dispatch };
        if let Err(error) = self.settle(&dispatch, None).await {
            debug!(message.id = %dispatch.message, %error, "A claim was not given back; it lapses");
        }
    }

    /// Sends a message with all its parts, as far as it goes now.
    async fn send(&self, running: &Running, mut dispatch: Dispatch) -> Result<(), StoreError> {
        let Some(letter) = self.parts.store.letter(dispatch.message).await? else {
            let gone = plan::failed(dispatch, "the message is no longer there", self.parts.clock.epoch());
            return self.settle(&gone, None).await;
        };
        if dispatch.tries <= 1 && plan::is_stale(&dispatch, self.parts.clock.epoch()) {
            let stale = plan::failed(dispatch, plan::WAITED_TOO_LONG, self.parts.clock.epoch());
            return self.settle(&stale, Some(&letter)).await;
        }
        for _ in 0..PARTS_MAX {
            let outcome = self.try_once(running, &dispatch, &letter).await;
            let now = self.parts.clock.epoch();
            match outcome {
                Ok(receipt) => {
                    dispatch = plan::taken(dispatch, &receipt, now);
                    self.record(&dispatch, &letter, receipt.external_id.as_deref()).await?;
                    metrics::counter!("switchboard_deliveries_total", "outcome" => "taken").increment(1);
                    running.door.fares(None).await;
                    if !receipt.more {
                        return Ok(());
                    }
                }
                Err(error) => {
                    dispatch = plan::put_off(dispatch, &error, now, rand::random());
                    metrics::counter!("switchboard_deliveries_total", "outcome" => word(&error)).increment(1);
                    debug!(message.id = %dispatch.message, message.tries = dispatch.tries, %error, "A message was not taken");
                    if dispatch.tries >= TRIES_BEFORE_FAILING {
                        running.door.fares(Some(&error.to_string())).await;
                    }
                    return self.settle(&dispatch, Some(&letter)).await;
                }
            }
        }
        let endless = plan::failed(dispatch, "it has more parts than can be sent", self.parts.clock.epoch());
        self.settle(&endless, Some(&letter)).await
    }

    async fn try_once(
        &self,
        running: &Running,
        dispatch: &Dispatch,
        letter: &Letter,
    ) -> Result<Receipt, DeliveryError> {
        let delivery = delivery_of(dispatch, letter);
        if dispatch.uncertain {
            let found = bounded(running.channel.look_for(&delivery)).await;
            // A look that came to nothing is taken for one that was not made: it is made again later.
            match found.map_err(|error| match error {
                DeliveryError::Uncertain { why } => DeliveryError::Later { after: None, why },
                error => error,
            })? {
                Found::Taken(receipt) => return Ok(receipt),
                Found::SendAgain => {}
                Found::Unknowable => {
                    let why = dispatch.last_error.as_deref().unwrap_or("we were stopped while it was sent");
                    return Err(DeliveryError::Refused { why: format!("{why}; {}", plan::MAY_HAVE_ARRIVED) });
                }
            }
        }
        bounded(running.channel.deliver(&delivery)).await
    }

    /// Writes down that it was taken, under the vendor's name for it.
    async fn record(&self, dispatch: &Dispatch, letter: &Letter, named: Option<&str>) -> Result<(), StoreError> {
        let known = match named {
            Some(name) => self.parts.store.external_message(dispatch.inbox, name).await?.is_some(),
            None => true,
        };
        let mut work = self.parts.store.begin().await?;
        work.settle(dispatch).await?;
        if let Some(name) = named.filter(|_| !known) {
            work.name_message(dispatch.inbox, name, dispatch.message).await?;
        }
        work.commit().await?;
        self.tell(dispatch, letter);
        Ok(())
    }

    async fn settle(&self, dispatch: &Dispatch, letter: Option<&Letter>) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.settle(dispatch).await?;
        work.commit().await?;
        letter.into_iter().for_each(|letter| self.tell(dispatch, letter));
        Ok(())
    }

    fn tell(&self, dispatch: &Dispatch, letter: &Letter) {
        if letter.message.post.delivery != Some(dispatch.state) {
            let mut message = letter.message.clone();
            message.post.delivery = Some(dispatch.state);
            self.parts.messages.came_further(letter.conversation.id, &message);
        }
    }
}

/// A vendor that does not answer in time may have taken it.
async fn bounded<T>(asked: impl Future<Output = Result<T, DeliveryError>>) -> Result<T, DeliveryError> {
    let in_time = tokio::time::timeout(DELIVERY_TIMEOUT, asked).await;
    in_time.unwrap_or_else(|_| Err(DeliveryError::Uncertain { why: "the vendor did not answer in time".into() }))
}

fn delivery_of(dispatch: &Dispatch, letter: &Letter) -> Delivery {
    let (message, casework) = (&letter.message, &letter.conversation.casework);
    // A conversation that was merged into another goes on in its own thread.
    let thread = dispatch.lane.split_once(' ').map_or(&*dispatch.lane, |(_, thread)| thread);
    Delivery {
        key: format!("message:{}", message.id),
        message: message.id,
        conversation: letter.conversation.id,
        thread: thread.to_owned(),
        subject: casework.subject.clone(),
        earlier: letter.earlier.clone(),
        to_name: letter.contact.as_ref().and_then(|contact| contact.name.clone()),
        to: letter.contact.as_ref().map(|contact| contact.addresses.clone()).unwrap_or_default(),
        author: message.author,
        by: message.post.by.clone(),
        text: message.text.clone(),
        attachments: message.post.attachments.clone(),
        at: message.at,
        tries: dispatch.tries,
        parts_sent: dispatch.parts,
    }
}

fn word(error: &DeliveryError) -> &'static str {
    match error {
        DeliveryError::Later { .. } => "later",
        DeliveryError::Refused { .. } => "refused",
        DeliveryError::Uncertain { .. } => "uncertain",
    }
}

/// Messages of one claim: a claim costs a commit.
const BATCH: u32 = 32;
/// Threads sent to at the same time by one account; vendors slow down whoever sends more.
const AT_ONCE: usize = 4;
/// A claim of a process that died lapses after this; longer than any batch takes.
const LEASE_MS: i64 = 600_000;
/// A text of the longest has fewer parts on any channel.
const PARTS_MAX: usize = 64;
/// One refusal is the message's; several in a row are the channel's.
const TRIES_BEFORE_FAILING: u32 = 3;
/// Bounds of the pause between two looks; what is given to us ends it at once.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);
/// See above.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
