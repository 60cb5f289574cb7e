//! Accounts, sessions, tokens and the audit log.

use async_trait::async_trait;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::error::sort;
use super::read::every;
use super::rows::{self, to_json};
use super::write::SqliteUnit;
use crate::domain::ids::{ApiTokenId, SessionId, TeammateId};
use crate::domain::team::{ApiToken, AuditEntry, Session, Teammate};
use crate::domain::time::EpochMs;
use crate::seams::store::StoreError;
use crate::seams::team_store::{TeamChanges, TeamReads};

#[async_trait]
impl TeamReads for SqliteStore {
    async fn teammates(&self) -> Result<Vec<Teammate>, StoreError> {
        let all = sqlx::query("SELECT teammate FROM teammates ORDER BY id").fetch_all(&self.readers).await;
        all.map_err(sort)?.iter().map(teammate).collect()
    }

    async fn teammate(&self, id: TeammateId) -> Result<Option<Teammate>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, TEAMMATE, &id.to_string(), teammate).await?.into_iter().next())
    }

    async fn teammate_by_email(&self, email: &str) -> Result<Option<Teammate>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, BY_EMAIL, email, teammate).await?.into_iter().next())
    }

    async fn session(&self, digest: &str) -> Result<Option<Session>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, SESSION, digest, session).await?.into_iter().next())
    }

    async fn sessions(&self, teammate: TeammateId) -> Result<Vec<Session>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        every(&mut moment, SESSIONS_OF, &teammate.to_string(), session).await
    }

    async fn api_token(&self, digest: &str) -> Result<Option<ApiToken>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, TOKEN, digest, token).await?.into_iter().next())
    }

    async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let all = sqlx::query("SELECT token FROM api_tokens ORDER BY id").fetch_all(&self.readers).await;
        all.map_err(sort)?.iter().map(token).collect()
    }

    async fn audits(&self, before: Option<Uuid>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        let statement = sqlx::query("SELECT * FROM audit WHERE id < $1 ORDER BY id DESC LIMIT $2")
            .bind(before.map_or_else(|| "~".into(), |before| before.to_string()))
            .bind(i64::from(limit));
        let entry = |row: &SqliteRow| {
            Ok(AuditEntry {
                id: rows::id(row, "audit", "id")?,
                at: EpochMs(row.try_get("at").map_err(sort)?),
                who: row.try_get("who").map_err(sort)?,
                act: row.try_get("act").map_err(sort)?,
                target: row.try_get("target").map_err(sort)?,
                before: rows::structure(row, "audit", "before_json")?,
                after: rows::structure(row, "audit", "after_json")?,
            })
        };
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(entry).collect()
    }
}

#[async_trait]
impl TeamChanges for SqliteUnit {
    async fn save_first_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError> {
        let first = sqlx::query(
            "INSERT INTO teammates (id, email, teammate) SELECT $1, $2, $3
             WHERE NOT EXISTS (SELECT 1 FROM teammates)",
        )
        .bind(teammate.id.to_string())
        .bind(teammate.email.clone())
        .bind(to_json(teammate)?);
        match self.run(first).await? {
            0 => Err(StoreError::Conflict),
            _ => Ok(()),
        }
    }

    async fn save_teammate(&mut self, teammate: &Teammate) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO teammates (id, email, teammate) VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET email = $2, teammate = $3",
        )
        .bind(teammate.id.to_string())
        .bind(teammate.email.clone())
        .bind(to_json(teammate)?);
        self.run_one(statement).await
    }

    async fn save_session(&mut self, session: &Session) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO sessions (id, teammate_id, digest, expires_at, session) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(session.id.to_string())
        .bind(session.teammate.to_string())
        .bind(session.digest.clone())
        .bind(session.expires_at.0)
        .bind(to_json(session)?);
        self.run_one(statement).await
    }

    async fn end_session(&mut self, teammate: TeammateId, session: SessionId) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM sessions WHERE id = $1 AND teammate_id = $2")
            .bind(session.to_string())
            .bind(teammate.to_string());
        self.run_one(statement).await
    }

    async fn end_sessions(&mut self, teammate: TeammateId, but: Option<SessionId>) -> Result<u64, StoreError> {
        let statement = sqlx::query("DELETE FROM sessions WHERE teammate_id = $1 AND id <> $2")
            .bind(teammate.to_string())
            .bind(but.map_or_else(String::new, |but| but.to_string()));
        self.run(statement).await
    }

    async fn forget_sessions(&mut self, before: EpochMs) -> Result<u64, StoreError> {
        self.run(sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(before.0)).await
    }

    async fn save_api_token(&mut self, token: &ApiToken) -> Result<(), StoreError> {
        let statement = sqlx::query("INSERT INTO api_tokens (id, digest, token) VALUES ($1, $2, $3)")
            .bind(token.id.to_string())
            .bind(token.digest.clone())
            .bind(to_json(token)?);
        self.run_one(statement).await
    }

    async fn delete_api_token(&mut self, id: ApiTokenId) -> Result<(), StoreError> {
        self.run_one(sqlx::query("DELETE FROM api_tokens WHERE id = $1").bind(id.to_string())).await
    }

    async fn audit(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO audit (id, at, who, act, target, before_json, after_json) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(entry.id.to_string())
        .bind(entry.at.0)
        .bind(entry.who.clone())
        .bind(entry.act.clone())
        .bind(entry.target.clone())
        .bind(to_json(&entry.before)?)
        .bind(to_json(&entry.after)?);
        self.run_one(statement).await
    }
}

const TEAMMATE: &str = "SELECT teammate FROM teammates WHERE id = $1";
const BY_EMAIL: &str = "SELECT teammate FROM teammates WHERE email = $1";
const SESSION: &str = "SELECT session FROM sessions WHERE digest = $1";
const SESSIONS_OF: &str = "SELECT session FROM sessions WHERE teammate_id = $1 ORDER BY id DESC";
const TOKEN: &str = "SELECT token FROM api_tokens WHERE digest = $1";

fn teammate(row: &SqliteRow) -> Result<Teammate, StoreError> {
    rows::structure(row, "teammates", "teammate")
}

fn session(row: &SqliteRow) -> Result<Session, StoreError> {
    rows::structure(row, "sessions", "session")
}

fn token(row: &SqliteRow) -> Result<ApiToken, StoreError> {
    rows::structure(row, "api_tokens", "token")
}
