//! Tells the team what the outbox holds for it: an escalation with its summary, a ticket, a voice message, the wish to be
//! called back (R37). One after the other, each until it is told; how far that came is kept, so that a restart loses and
//! repeats none.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::domain::email::notice::{KINDS, notice_text};
use crate::seams::channel::DeliveryError;
use crate::seams::clock::Clock;
use crate::seams::inbox_store::Outgoing;
use crate::seams::notifier::Notifier;
use crate::seams::store::{Store, StoreError};

/// What it needs.
pub struct Notices {
    /// Where the outbox is.
    pub store: Arc<dyn Store>,
    /// How the team is told.
    pub notifier: Arc<dyn Notifier>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The address under which people open the console.
    pub house: String,
}

/// What became of a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Nothing is to be told.
    Nothing,
    /// Something was told; there may be more.
    Told,
    /// It could not be told; not before so long.
    Later(Duration),
}

impl Notices {
    /// Tells until `shutdown`.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut failures = 0u32;
        while !shutdown.is_cancelled() {
            let pause = match self.look().await {
                Ok(Looked::Told) => {
                    failures = 0;
                    continue;
                }
                Ok(Looked::Nothing) => {
                    failures = 0;
                    LOOK
                }
                Ok(Looked::Later(pause)) => {
                    failures = failures.saturating_add(1);
                    (pause * failures.min(FAILURES_COUNTED)).min(LONGEST_PAUSE)
                }
                Err(error) => {
                    warn!(%error, "Notifications cannot be read for now");
                    LOOK
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => {}
            }
        }
    }

    /// Tells the next one, if there is any.
    pub async fn look(&self) -> Result<Looked, StoreError> {
        let Some(position) = self.store.outbox_mark(READER).await? else {
            // Nobody was told until now; what is old is no news.
            let newest = self.newest().await?;
            self.note(newest).await?;
            return Ok(Looked::Told);
        };
        let Some(row) = self.next_after(position).await? else { return Ok(Looked::Nothing) };
        let Some(notice) = notice_text(&row.kind, &row.payload, &self.house) else {
            self.note(row.position).await?;
            return Ok(Looked::Told);
        };
        match self.notifier.tell(&row.key, &notice, self.clock.epoch()).await {
            Ok(()) => {
                metrics::counter!("switchboard_notices_total", "outcome" => "told").increment(1);
                self.note(row.position).await?;
                Ok(Looked::Told)
            }
            Err(DeliveryError::Later { after, why }) => {
                metrics::counter!("switchboard_notices_total", "outcome" => "later").increment(1);
                warn!("A notification waits: {why}");
                Ok(Looked::Later(after.unwrap_or(FIRST_PAUSE)))
            }
            Err(DeliveryError::Refused { why } | DeliveryError::Uncertain { why }) => {
                warn!("A notification is given up, and stands in its conversation: {why}");
                self.note(row.position).await?;
                Ok(Looked::Told)
            }
        }
    }

    async fn next_after(&self, position: i64) -> Result<Option<Outgoing>, StoreError> {
        let mut next: Option<Outgoing> = None;
        for kind in KINDS {
            let first = self.store.outgoing(kind, position, 1).await?.pop();
            let earlier = |row: &Outgoing| next.as_ref().is_none_or(|next| row.position < next.position);
            next = first.filter(earlier).or(next);
        }
        Ok(next)
    }

    async fn newest(&self) -> Result<i64, StoreError> {
        let mut newest = 0;
        for kind in KINDS {
            let mut after = 0;
            while let Some(last) = self.store.outgoing(kind, after, PAGE).await?.last() {
                after = last.position;
            }
            newest = newest.max(after);
        }
        Ok(newest)
    }

    async fn note(&self, position: i64) -> Result<(), StoreError> {
        let mut work = self.store.begin().await?;
        work.save_outbox_mark(READER, position).await?;
        work.commit().await
    }
}

/// Under this name it is kept how far the outbox was read.
const READER: &str = "team";
/// How soon the team hears of something: a person who is told by mail reads it later than that.
const LOOK: Duration = Duration::from_secs(2);
/// Before a mail server is tried again.
const FIRST_PAUSE: Duration = Duration::from_secs(10);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Failures that make the pause longer.
const FAILURES_COUNTED: u32 = 30;
/// Rows of one reading.
const PAGE: u32 = 500;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::email::notice::NoticeText;
    use crate::domain::time::EpochMs;
    use crate::seams::fakes::{FakeClock, MemoryStore};
    use async_trait::async_trait;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard {
        told: Mutex<Vec<(String, String)>>,
        down: Mutex<bool>,
    }

    #[async_trait]
    impl Notifier for Heard {
        async fn tell(&self, key: &str, notice: &NoticeText, _: EpochMs) -> Result<(), DeliveryError> {
            if *self.down.lock().unwrap() {
                return Err(DeliveryError::Later { after: None, why: "the server is down".into() });
            }
            self.told.lock().unwrap().push((key.to_owned(), notice.text.clone()));
            Ok(())
        }
    }

    async fn put(store: &MemoryStore, key: &str, kind: &str) {
        let mut work = store.begin().await.unwrap();
        let payload = serde_json::json!({ "reason": key, "link": "/#c" });
        work.enqueue(key, kind, &payload).await.unwrap();
        work.commit().await.unwrap();
    }

    /// R37: each is told once, in order, with its link, also when the server was down in between; what is older than
    /// the team's address is not told.
    #[tokio::test]
    async fn each_notice_is_told_once_and_in_order() {
        let store = Arc::new(MemoryStore::default());
        let heard = Arc::new(Heard::default());
        let notices = || Notices {
            store: store.clone(),
            notifier: heard.clone(),
            clock: Arc::new(FakeClock::at(std::time::Instant::now(), EpochMs(1_000))),
            house: "https://desk.example.com".into(),
        };
        put(&store, "old", "voicemail").await;
        assert_eq!(notices().look().await.unwrap(), Looked::Told);
        for (key, kind) in [("a", "escalation"), ("m", "message"), ("b", "ticket_created"), ("c", "escalation")] {
            put(&store, key, kind).await;
        }
        assert_eq!(notices().look().await.unwrap(), Looked::Told);
        *heard.down.lock().unwrap() = true;
        assert!(matches!(notices().look().await.unwrap(), Looked::Later(_)));
        *heard.down.lock().unwrap() = false;
        while notices().look().await.unwrap() == Looked::Told {}
        let told = heard.told.lock().unwrap().clone();
        let keys: Vec<&str> = told.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["a", "b", "c"]);
        assert!(told[0].1.contains("https://desk.example.com/#c"));
    }
}
