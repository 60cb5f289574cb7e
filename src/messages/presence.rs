//! Who looks at a conversation and who types (R32). Kept in memory alone: it is over within half a minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use serde::Serialize;

use crate::domain::ids::ConversationId;
use crate::domain::time::EpochMs;

/// A teammate who looks on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Viewer {
    /// Who.
    pub teammate: String,
    /// Whether it is the customer.
    pub customer: bool,
    /// Whether they type.
    pub typing: bool,
    /// When they were last heard of.
    pub at_ms: i64,
}

/// Everybody who looks on.
#[derive(Default)]
pub struct Presence {
    viewers: Mutex<BTreeMap<(ConversationId, String), Viewer>>,
}

impl Presence {
    /// Somebody looks on, or no longer; tells who does now.
    pub fn note(
        &self,
        conversation: ConversationId,
        teammate: &str,
        here: bool,
        typing: bool,
        now: EpochMs,
    ) -> Vec<Viewer> {
        let viewer = Viewer { teammate: teammate.to_owned(), customer: false, typing, at_ms: now.0 };
        self.put((conversation, teammate.to_owned()), here.then_some(viewer), now)
    }

    /// The customer looks on, or no longer; tells who does now.
    pub fn note_customer(&self, conversation: ConversationId, here: bool, typing: bool, now: EpochMs) -> Vec<Viewer> {
        let viewer = Viewer { teammate: "Customer".into(), customer: true, typing, at_ms: now.0 };
        // No teammate has a name of no letters.
        self.put((conversation, String::new()), here.then_some(viewer), now)
    }

    fn put(&self, key: (ConversationId, String), viewer: Option<Viewer>, now: EpochMs) -> Vec<Viewer> {
        let mut viewers = self.current(now);
        let conversation = key.0;
        match viewer {
            None => drop(viewers.remove(&key)),
            Some(viewer) if viewers.len() < VIEWERS_MAX || viewers.contains_key(&key) => {
                viewers.insert(key, viewer);
            }
            Some(_) => {} // As many as are remembered look on.
        }
        of(&viewers, conversation)
    }

    /// Who looks on now.
    pub fn viewers(&self, conversation: ConversationId, now: EpochMs) -> Vec<Viewer> {
        of(&self.current(now), conversation)
    }

    fn current(&self, now: EpochMs) -> MutexGuard<'_, BTreeMap<(ConversationId, String), Viewer>> {
        let mut viewers = self.viewers.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        viewers.retain(|_, viewer| now.0 - viewer.at_ms < LAPSES_MS);
        viewers
    }
}

fn of(viewers: &BTreeMap<(ConversationId, String), Viewer>, conversation: ConversationId) -> Vec<Viewer> {
    let range = viewers.range((conversation, String::new())..);
    range.take_while(|((of, _), _)| *of == conversation).map(|(_, viewer)| viewer.clone()).collect()
}

/// Pages tell every ten seconds; three lost signs of life and somebody is gone.
const LAPSES_MS: i64 = 30_000;
/// A team of many hundreds with several pages each.
const VIEWERS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_not_heard_of_is_gone() {
        let (one, other) = (ConversationId(uuid::Uuid::from_u128(1)), ConversationId(uuid::Uuid::from_u128(2)));
        let presence = Presence::default();
        presence.note(one, "ann", true, true, EpochMs(0));
        presence.note(other, "cleo", true, false, EpochMs(0));
        let names = |viewers: Vec<Viewer>| viewers.into_iter().map(|v| (v.teammate, v.typing)).collect::<Vec<_>>();
        assert_eq!(
            names(presence.note(one, "bob", true, false, EpochMs(20_000))),
            [("ann".into(), true), ("bob".into(), false)]
        );
        assert_eq!(names(presence.viewers(one, EpochMs(31_000))), [("bob".into(), false)]);
        assert_eq!(names(presence.note(one, "bob", false, false, EpochMs(32_000))), []);
    }
}
