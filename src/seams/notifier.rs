//! Tells the team of something, away from the console (R37).

use async_trait::async_trait;

use super::channel::DeliveryError;
use crate::domain::email::notice::NoticeText;
use crate::domain::time::EpochMs;

/// One way of telling the team.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Tells everybody who is to be told. `key` names the notice once and for all, so that the same one told again after a
    /// failure is known as the same.
    async fn tell(&self, key: &str, notice: &NoticeText, at: EpochMs) -> Result<(), DeliveryError>;
}
