//! An account of a channel: a mailbox, a bot, a widget. It stands for one inbox.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::conversation::Channel;
use super::ids::{AgentId, ChannelAccountId, InboxId};
use super::time::EpochMs;

/// One account. Holds secrets (sealed), so it has no `Debug`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ChannelAccount {
    /// Which one.
    pub id: ChannelAccountId,
    /// Whose.
    pub agent: AgentId,
    /// The inbox in which its conversations stand.
    pub inbox: InboxId,
    /// What kind of channel.
    pub kind: Channel,
    /// As the team calls it.
    pub name: String,
    /// Whether it is at work.
    pub enabled: bool,
    /// Everything about it that is no secret; its form is the channel's own.
    pub settings: Value,
    /// Sealed, by their names.
    pub secrets: BTreeMap<String, String>,
    /// Grows with every change.
    pub version: i64,
    /// When it was added.
    pub created_at: EpochMs,
    /// When it was changed last.
    pub updated_at: EpochMs,
}

impl ChannelAccount {
    /// What a secret of it is sealed about: it opens nowhere else.
    pub fn about(&self, secret: &str) -> String {
        format!("channel {} {secret}", self.id)
    }
}

/// Whether an account works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fares {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// It works.
    Well,
    /// It does not.
    Failing,
}

/// How an account fares.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Whether it works.
    pub fares: Fares,
    /// Since when.
    pub since: Option<EpochMs>,
    /// What went wrong last, in words; kept when it works again.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<EpochMs>,
}

impl Health {
    /// As it is once it worked (`None`) or failed; `None` when that is known already and nothing is to be written.
    pub fn after(&self, failure: Option<&str>, now: EpochMs) -> Option<Health> {
        let fares = if failure.is_some() { Fares::Failing } else { Fares::Well };
        let same = fares == self.fares && (failure.is_none() || failure == self.last_error.as_deref());
        let since = if fares == self.fares { self.since } else { Some(now) };
        (!same).then(|| Health {
            fares,
            since,
            last_error: failure.map(str::to_owned).or_else(|| self.last_error.clone()),
            last_error_at: if failure.is_some() { Some(now) } else { self.last_error_at },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R12: the last error stays to be seen when all is well again.
    #[test]
    fn health_changes_when_it_changes_and_keeps_its_last_error() {
        let well = Health::default().after(None, EpochMs(1)).unwrap();
        assert_eq!((well.fares, well.since), (Fares::Well, Some(EpochMs(1))));
        assert_eq!(well.after(None, EpochMs(2)), None);
        let failing = well.after(Some("the token is wrong"), EpochMs(3)).unwrap();
        assert_eq!(failing.after(Some("the token is wrong"), EpochMs(4)), None);
        let other = failing.after(Some("no connection"), EpochMs(4)).unwrap();
        assert_eq!((other.since, other.last_error_at), (Some(EpochMs(3)), Some(EpochMs(4))));
        let again = other.after(None, EpochMs(5)).unwrap();
        assert_eq!((again.fares, again.last_error.as_deref()), (Fares::Well, Some("no connection")));
    }
}
