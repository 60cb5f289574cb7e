//! Programs of the business that are told what happens, in the Standard Webhooks form (standardwebhooks.com).
//!
//! 1. What happens in a conversation is noted in the transaction that writes it. [`Webhooks::run`] lays it out for every
//!    webhook that wants its type, in one transaction that takes the note out.
//! 2. Each post is signed and tried for a day (`plan.rs`), with the same id each time, by which a program knows it again.

pub mod plan;
pub mod signing;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::domain::casework::Delivery;
use crate::domain::ids::{ConversationId, WebhookId};
use crate::domain::time::EpochMs;
use crate::domain::webhook::{Webhook, WebhookPost, is_kind};
use crate::seams::clock::{Clock, Ids};
use crate::seams::inbox_store::Event;
use crate::seams::secrets::Sealer;
use crate::seams::store::{Store, StoreError};
use crate::seams::webhooks::Poster;

/// What every part of it needs.
#[derive(Clone)]
pub struct WebhookParts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Keeps their secrets.
    pub sealer: Arc<dyn Sealer>,
    /// Posts to them.
    pub poster: Arc<dyn Poster>,
}

/// All of them. Shared by handlers and the worker.
pub struct Webhooks {
    parts: WebhookParts,
    work: Notify,
}

/// Why one was not changed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// Something about it is wrong; told in words.
    #[error("{0}")]
    Misfit(String),
    /// The store did not take it, or somebody else changed it first.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is changed of one.
#[derive(Default)]
pub struct WebhookChange {
    /// The version that was read.
    pub version: i64,
    /// Another address.
    pub url: Option<String>,
    /// Other types.
    pub kinds: Option<Vec<String>>,
    /// Switched on or off.
    pub enabled: Option<bool>,
}

impl Webhooks {
    /// Opens the room; posts go out once [`Webhooks::run`] is at work.
    pub fn open(parts: WebhookParts) -> Arc<Webhooks> {
        Arc::new(Webhooks { parts, work: Notify::new() })
    }

    /// Adds one; gives it with its secret, which is shown this once.
    pub async fn add(&self, url: String, kinds: Vec<String>) -> Result<(Webhook, String), WebhookError> {
        check(&url, &kinds)?;
        if self.parts.store.webhooks().await?.len() >= WEBHOOKS_MAX {
            return Err(WebhookError::Misfit(format!("there are {WEBHOOKS_MAX} webhooks already; take one out first")));
        }
        let secret = signing::fresh_secret();
        let mut webhook = Webhook {
            id: WebhookId(self.parts.ids.next()),
            url,
            kinds,
            enabled: true,
            disabled_why: None,
            secret: String::new(),
            version: 0,
            created_at: self.parts.clock.epoch(),
        };
        webhook.secret = self.parts.sealer.seal(&secret, &webhook.about());
        self.save(&webhook).await?;
        webhook.version += 1;
        Ok((webhook, secret))
    }

    /// Changes one; gives it as it was and as it is.
    pub async fn change(&self, id: WebhookId, change: WebhookChange) -> Result<(Webhook, Webhook), WebhookError> {
        let before = self.one(id).await?;
        let mut webhook = Webhook { version: change.version, ..before.clone() };
        webhook.url = change.url.unwrap_or(webhook.url);
        webhook.kinds = change.kinds.unwrap_or(webhook.kinds);
        check(&webhook.url, &webhook.kinds)?;
        if let Some(enabled) = change.enabled {
            webhook.enabled = enabled;
            webhook.disabled_why = None;
        }
        self.save(&webhook).await?;
        webhook.version += 1;
        Ok((before, webhook))
    }

    /// Takes one out, with all it was told; gives it as it was.
    pub async fn delete(&self, id: WebhookId) -> Result<Webhook, WebhookError> {
        let before = self.one(id).await?;
        let mut work = self.parts.store.begin().await?;
        work.delete_webhook(id).await?;
        work.commit().await?;
        Ok(before)
    }

    /// Tells one once more what it was told, whatever came of it; under the same id.
    pub async fn tell_again(&self, webhook: WebhookId, post: uuid::Uuid) -> Result<WebhookPost, StoreError> {
        let told = self.parts.store.webhook_post(post).await?.filter(|told| told.webhook == webhook);
        let again = plan::again(told.ok_or(StoreError::NotFound)?, self.parts.clock.epoch());
        let mut work = self.parts.store.begin().await?;
        work.settle_webhook_post(&again).await?;
        work.commit().await?;
        self.work.notify_one();
        Ok(again)
    }

    /// One of them.
    pub async fn one(&self, id: WebhookId) -> Result<Webhook, StoreError> {
        let all = self.parts.store.webhooks().await?;
        all.into_iter().find(|webhook| webhook.id == id).ok_or(StoreError::NotFound)
    }

    async fn save(&self, webhook: &Webhook) -> Result<(), StoreError> {
        let mut work = self.parts.store.begin().await?;
        work.save_webhook(webhook).await?;
        work.commit().await
    }

    /// Tells all of them what happens, until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        while !shutdown.is_cancelled() {
            let worked = match self.work_once().await {
                Ok(worked) => worked,
                Err(error) => {
                    warn!(%error, "Webhooks cannot be told for now");
                    0
                }
            };
            if worked > 0 {
                continue;
            }
            tokio::select! {
                () = self.work.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Lays out and posts what there is now, at most a batch of each; tells how much there was.
    pub async fn work_once(&self) -> Result<usize, StoreError> {
        Ok(self.lay_out().await? + self.post_due().await?)
    }

    async fn lay_out(&self) -> Result<usize, StoreError> {
        if !self.parts.store.has_happenings().await? {
            return Ok(0);
        }
        let webhooks = self.parts.store.webhooks().await?;
        let now = self.parts.clock.epoch();
        let mut work = self.parts.store.begin().await?;
        let happened = work.take_happenings(BATCH).await?;
        for (conversation, version) in &happened {
            if webhooks.iter().all(|webhook| !webhook.enabled) {
                break;
            }
            let events = self.parts.store.events(*conversation, version - 1, 1).await?;
            let Some(event) = events.into_iter().find(|event| event.version == *version) else { continue };
            let kind = kind_of(&event);
            let body = body_of(*conversation, &event, &kind);
            for webhook in webhooks.iter().filter(|webhook| webhook.wants(&kind)) {
                work.add_webhook_post(&self.fresh(webhook.id, &kind, &body, now)).await?;
            }
        }
        work.forget_webhook_posts(EpochMs(now.0 - KEPT_MS)).await?;
        work.commit().await?;
        Ok(happened.len())
    }

    fn fresh(&self, webhook: WebhookId, kind: &str, body: &str, now: EpochMs) -> WebhookPost {
        WebhookPost {
            id: self.parts.ids.next(),
            webhook,
            kind: kind.to_owned(),
            body: body.to_owned(),
            state: Delivery::Queued,
            posted_at: now,
            due_at: now,
            tries: 0,
            last_status: None,
            last_error: None,
            settled_at: None,
        }
    }

    async fn post_due(&self) -> Result<usize, StoreError> {
        let now = self.parts.clock.epoch();
        if self.parts.store.next_webhook_post_due().await?.is_none_or(|due| due > now) {
            return Ok(0);
        }
        let mut work = self.parts.store.begin().await?;
        let posts = work.claim_webhook_posts(now, EpochMs(now.0 + LEASE_MS), BATCH).await?;
        work.commit().await?;
        let count = posts.len();
        let webhooks = self.parts.store.webhooks().await?;
        let each = futures::stream::iter(posts).for_each_concurrent(AT_ONCE, async |post| {
            let webhook = webhooks.iter().find(|webhook| webhook.id == post.webhook);
            if let Err(error) = self.post(webhook, post).await {
                warn!(%error, "What became of a webhook's post was not written down");
            }
        });
        each.await;
        Ok(count)
    }

    async fn post(&self, webhook: Option<&Webhook>, post: WebhookPost) -> Result<(), StoreError> {
        let Some(webhook) = webhook else { return Ok(()) };
        let answered = match webhook.enabled {
            true => self.signed(webhook, &post).await,
            false => Err("the webhook is switched off".to_owned()),
        };
        let (settled, gone) = plan::after(post, &answered, self.parts.clock.epoch(), rand::random());
        let outcome = if settled.state == Delivery::Sent { "taken" } else { "not_taken" };
        metrics::counter!("switchboard_webhook_posts_total", "outcome" => outcome).increment(1);
        let mut work = self.parts.store.begin().await?;
        work.settle_webhook_post(&settled).await?;
        if gone && webhook.enabled {
            info!(webhook.id = %webhook.id, "A webhook said that it is gone, and is told nothing any more");
            let why = Some("it answered 410 (gone)".to_owned());
            let off = Webhook { enabled: false, disabled_why: why, ..webhook.clone() };
            match work.save_webhook(&off).await {
                // Another of its posts was answered so as well, or somebody changed it.
                Err(StoreError::Conflict) => {}
                saved => saved?,
            }
        }
        work.commit().await
    }

    async fn signed(&self, webhook: &Webhook, post: &WebhookPost) -> Result<crate::seams::webhooks::Posted, String> {
        let lost = || "its secret cannot be read any more; add the webhook anew".to_owned();
        let secret = self.parts.sealer.open(&webhook.secret, &webhook.about()).ok_or_else(lost)?;
        let (id, at_s) = (format!("msg_{}", post.id), self.parts.clock.epoch().0 / 1_000);
        let signature = signing::signature(&secret, &id, at_s, &post.body).ok_or_else(lost)?;
        let headers = [
            ("content-type", "application/json".to_owned()),
            ("webhook-id", id),
            ("webhook-timestamp", at_s.to_string()),
            ("webhook-signature", signature),
        ];
        self.parts.poster.post(&webhook.url, &headers, &post.body).await
    }
}

fn check(url: &str, kinds: &[String]) -> Result<(), WebhookError> {
    let misfit = |why: &str| Err(WebhookError::Misfit(why.to_owned()));
    let Ok(parsed) = url::Url::parse(url) else { return misfit("url is an address such as https://shop.example/hook") };
    let plain =
        matches!(parsed.scheme(), "http" | "https") && parsed.username().is_empty() && parsed.password().is_none();
    if !plain || url.len() > URL_BYTES_MAX || parsed.host().is_none() {
        return misfit("url begins with https:// or http:// and holds no name and password");
    }
    if kinds.len() > KINDS_MAX || !kinds.iter().all(|kind| is_kind(kind)) {
        return misfit("kinds are types such as conversation.resolved, or conversation.*; none for all of them");
    }
    Ok(())
}

/// `conversation.` and what was done; calls change in ways that have no name.
fn kind_of(event: &Event) -> String {
    let act = event.act.as_ref().and_then(|act| serde_json::to_value(act).ok());
    let name = act.as_ref().and_then(|act| act["kind"].as_str()).unwrap_or("changed");
    format!("conversation.{name}")
}

/// Thin: ids and states; who wants the words fetches them.
fn body_of(conversation: ConversationId, event: &Event, kind: &str) -> String {
    let at = jiff::Timestamp::from_millisecond(event.at.0).map(|at| at.to_string()).unwrap_or_default();
    let data = json!({
        "conversation_id": conversation, "version": event.version, "status": event.status, "handler": event.handler,
        "reason": event.reason, "actor": event.actor, "act": event.act,
    });
    json!({ "type": kind, "timestamp": at, "data": data }).to_string()
}

/// More of them are one that passes things on.
const WEBHOOKS_MAX: usize = 50;
/// Of one.
const KINDS_MAX: usize = 50;
/// Browsers take no more either.
const URL_BYTES_MAX: usize = 2_000;
/// Happenings and posts of one round.
const BATCH: u32 = 64;
/// Posts at the same time: each may wait for 15 s.
const AT_ONCE: usize = 8;
/// A claim of a process that died lapses after this; longer than a batch takes at its slowest.
const LEASE_MS: i64 = 300_000;
/// How soon a webhook hears of what happens.
const LOOK: Duration = Duration::from_millis(500);
/// How long it can be seen what a webhook was told.
const KEPT_MS: i64 = 30 * 24 * 3_600_000;
