//! Accounts, sessions, tokens and the audit log in memory.

use async_trait::async_trait;
use uuid::Uuid;

use super::memory_store::{MemoryStore, MemoryUnit};
use crate::domain::ids::{ApiTokenId, SessionId, TeammateId};
use crate::domain::team::{ApiToken, AuditEntry, Session, Teammate};
use crate::domain::time::EpochMs;
use crate::seams::store::StoreError;
use crate::seams::team_store::{TeamChanges, TeamReads};

#[async_trait]
impl TeamReads for MemoryStore {
    async fn teammates(&self) -> Result<Vec<Teammate>, StoreError> {
        Ok(self.rows().teammates.values().cloned().collect())
    }

    async fn teammate(&self, id: TeammateId) -> Result<Option<Teammate>, StoreError> {
        Ok(self.rows().teammates.get(&id).cloned())
    }

    async fn teammate_by_email(&self, email: &str) -> Result<Option<Teammate>, StoreError> {
        Ok(self.rows().teammates.values().find(|teammate| teammate.email == email).cloned())
    }

    async fn session(&self, digest: &str) -> Result<Option<Session>, StoreError> {
        Ok(self.rows().sessions.values().find(|session| session.digest == digest).cloned())
    }

    async fn sessions(&self, teammate: TeammateId) -> Result<Vec<Session>, StoreError> {
        let rows = self.rows();
        Ok(rows.sessions.values().rev().filter(|session| session.teammate == teammate).cloned().collect())
    }

    async fn api_token(&self, digest: &str) -> Result<Option<ApiToken>, StoreError> {
        Ok(self.rows().api_tokens.values().find(|token| token.digest == digest).cloned())
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        Ok(self.rows().api_tokens.values().cloned().collect())
    }

    async fn audits(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let rows = self.rows();
        let earlier = rows.audit.values().rev().filter(|entry| before.is_none_or(|before| entry.id < before));
        Ok(earlier.take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl TeamChanges for MemoryUnit {
    async fn save_first_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError> {
        self.needs_new(!self.draft.teammates.is_empty())?;
        self.save_teammate(teammate).await
    }

    async fn save_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError> {
        self.needs(true)?;
        let same = |other: &Teammate| other.id != teammate.id && other.email == teammate.email;
        self.needs_new(self.draft.teammates.values().any(same))?;
        self.draft.teammates.insert(teammate.id, teammate.clone());
        Ok(())
    }

    async fn save_session(&mut self, session: &Session) -> Result<(), StoreError> {
        self.needs(self.draft.teammates.contains_key(&session.teammate))?;
        self.draft.sessions.insert(session.id, session.clone());
        Ok(())
    }

    async fn end_session(&mut self, teammate: TeammateId, session: SessionId) -> Result<(), StoreError> {
        self.needs(self.draft.sessions.get(&session).is_some_and(|session| session.teammate == teammate))?;
        self.draft.sessions.remove(&session);
        Ok(())
    }

    async fn end_sessions(&mut self, teammate: TeammateId, but: Option<SessionId>) -> Result<u64, StoreError> {
        self.needs(true)?;
        let count = self.draft.sessions.len();
        self.draft.sessions.retain(|id, session| session.teammate != teammate || Some(*id) == but);
        Ok((count - self.draft.sessions.len()) as u64)
    }

    async fn forget_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.needs(true)?;
        let count = self.draft.sessions.len();
        self.draft.sessions.retain(|_, session| session.expires_at >= before);
        Ok((count - self.draft.sessions.len()) as u64)
    }

    async fn save_api_token(&mut self, token: &ApiToken) -> Result<(), StoreError> {
        self.needs(true)?;
        self.draft.api_tokens.insert(token.id, token.clone());
        Ok(())
    }

    async fn delete_api_token(&mut self, id: ApiTokenId) -> Result<(), StoreError> {
        let removed = self.draft.api_tokens.remove(&id).is_some();
        self.needs(removed)
    }

    async fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.needs(true)?;
        self.draft.audit.insert(entry.id, entry.clone());
        Ok(())
    }
}
