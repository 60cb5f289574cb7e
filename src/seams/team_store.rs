//! The part of the store that knows the team: accounts, sessions, tokens, and who changed what.

use async_trait::async_trait;
use uuid::Uuid;

use super::store::StoreError;
use crate::domain::ids::{ApiTokenId, SessionId, TeammateId};
use crate::domain::team::{ApiToken, AuditEntry, Session, Teammate};
use crate::domain::time::EpochMs;

/// Reading.
#[async_trait]
pub trait TeamReads {
    /// Everybody, in the order they joined.
    async fn teammates(&self) -> Result<Vec<Teammate>, StoreError>;
    /// One of them.
    async fn teammate(&self, id: TeammateId) -> Result<Option<Teammate>, StoreError>;
    /// By the address they sign in with, in lower case.
    async fn teammate_by_email(&self, email: &str) -> Result<Option<Teammate>, StoreError>;
    /// By its digest.
    async fn session(&self, digest: &str) -> Result<Option<Session>, StoreError>;
    /// Somebody's sessions, the newest first.
    async fn sessions(&self, teammate: TeammateId) -> Result<Vec<Session>, StoreError>;
    /// By its digest.
    async fn api_token(&self, digest: &str) -> Result<Option<ApiToken>, StoreError>;
    /// All of them, in the order they were made.
    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError>;
    /// The newest first, before `before`.
    async fn audits(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`].
#[async_trait]
pub trait TeamChanges: Send {
    /// Adds the first of the team; `Conflict` when there is anybody.
    async fn save_first_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError>;
    /// Adds or replaces a teammate; `Conflict` when another one has the address.
    async fn save_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError>;
    /// Adds a session.
    async fn save_session(&mut self, session: &Session) -> Result<(), StoreError>;
    /// Ends one session of somebody; `NotFound` when they have no such one.
    async fn end_session(&mut self, teammate: TeammateId, session: SessionId) -> Result<(), StoreError>;
    /// Ends all sessions of somebody but one; tells how many.
    async fn end_sessions(&mut self, teammate: TeammateId, but: Option<SessionId>) -> Result<u64, StoreError>;
    /// Takes out what ended by itself.
    async fn forget_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError>;
    /// Adds a token.
    async fn save_api_token(&mut self, token: &ApiToken) -> Result<(), StoreError>;
    /// Takes one out.
    async fn delete_api_token(&mut self, id: ApiTokenId) -> Result<(), StoreError>;
    /// Writes down who changed what, for good.
    async fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError>;
}
