//! Keeps what of their daily minutes the trunks have used, so that a restart gives no second allowance (S9).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::domain::trunk_use::{TrunkUse, day_of};
use crate::seams::clock::Clock;
use crate::seams::store::{Store, StoreError};
use crate::sip::SipServer;

/// Gives the trunks back what they had used today. A store that cannot be read costs the house nothing but the count.
pub async fn restore(sip: &SipServer, store: &dyn Store, clock: &dyn Clock) {
    match store.trunk_use(day_of(clock.epoch())).await {
        Ok(used) => sip.restore_use(&used),
        Err(error) => warn!(%error, "What the trunks have used of today's minutes is not known"),
    }
}

/// Writes them down whenever they have changed, and a last time when the house closes.
pub async fn keep(sip: Arc<SipServer>, store: Arc<dyn Store>, shutdown: CancellationToken) {
    let mut kept = BTreeMap::new();
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(EVERY) => false,
            () = shutdown.cancelled() => true,
        };
        if let Err(error) = write(sip.trunk_use(), &mut kept, &*store).await {
            warn!(%error, "What the trunks have used of today's minutes could not be written; it is tried again");
        }
        if is_last {
            return;
        }
    }
}

async fn write(
    used: Vec<TrunkUse>,
    kept: &mut BTreeMap<String, TrunkUse>,
    store: &dyn Store,
) -> Result<(), StoreError> {
    let is_news = |used: &TrunkUse| used.used_ms > 0 && kept.get(&used.trunk) != Some(used);
    let changed: Vec<TrunkUse> = used.into_iter().filter(is_news).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let mut work = store.begin().await?;
    for used in &changed {
        work.save_trunk_use(used).await?;
    }
    work.commit().await?;
    kept.extend(changed.into_iter().map(|used| (used.trunk.clone(), used)));
    Ok(())
}

/// A crash forgets so much of the calls under way; more often would be a flush of the disk for nothing.
const EVERY: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seams::fakes::MemoryStore;

    /// S9: what is written is what a restart reads; what has not changed is not written again.
    #[tokio::test]
    async fn what_a_trunk_has_used_outlives_a_restart() {
        let (store, mut kept) = (MemoryStore::default(), BTreeMap::new());
        let used = |used_ms| TrunkUse { trunk: "carrier".into(), day: 20_000, used_ms };
        write(vec![used(0)], &mut kept, &store).await.unwrap();
        assert_eq!(store.trunk_use(20_000).await.unwrap(), []);
        write(vec![used(90_000)], &mut kept, &store).await.unwrap();
        assert_eq!(store.trunk_use(20_000).await.unwrap(), [used(90_000)]);
        assert_eq!(kept.len(), 1);
    }
}
