//! Articles, watched pages and gaps.

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use super::SqliteStore;
use super::error::sort;
use super::read::every;
use super::rows::{self, to_json, word};
use super::write::SqliteUnit;
use crate::domain::article::Article;
use crate::domain::conversation::Message;
use crate::domain::gap::{Gap, GapQuestion, GapState, GivenAnswer};
use crate::domain::ids::{AgentId, ArticleId, MessageId};
use crate::domain::time::EpochMs;
use crate::seams::knowledge_store::{ArticleFilter, GapCursor, KnowledgeChanges, KnowledgeReads, PageWatch};
use crate::seams::store::StoreError;

#[async_trait]
impl KnowledgeReads for SqliteStore {
    async fn articles(
        &self,
        agent: AgentId,
        filter: &ArticleFilter,
        after: Option<ArticleId>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        let statement = sqlx::query(
            "SELECT article FROM articles
             WHERE agent_id = $1 AND deleted = $2 AND id < $3 AND ($4 IS NULL OR kind = $4)
             ORDER BY id DESC LIMIT $5",
        )
        .bind(agent.to_string())
        .bind(filter.deleted)
        .bind(after.map_or_else(|| LAST.into(), |after| after.to_string()))
        .bind(filter.kind.map(word).transpose()?)
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(article).collect()
    }

    async fn article(&self, id: ArticleId) -> Result<Option<Article>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, ARTICLE, &id.to_string(), article).await?.into_iter().next())
    }

    async fn article_revisions(
        &self,
        id: ArticleId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError> {
        let statement = sqlx::query(
            "SELECT article FROM article_revisions WHERE article_id = $1 AND revision < $2
             ORDER BY revision DESC LIMIT $3",
        )
        .bind(id.to_string())
        .bind(before.map_or(i64::MAX, number))
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(article).collect()
    }

    async fn article_revision(&self, id: ArticleId, revision: u64) -> Result<Option<Article>, StoreError> {
        let statement = sqlx::query("SELECT article FROM article_revisions WHERE article_id = $1 AND revision = $2")
            .bind(id.to_string())
            .bind(number(revision));
        statement.fetch_optional(&self.readers).await.map_err(sort)?.as_ref().map(article).transpose()
    }

    async fn page_watch(&self, article: ArticleId) -> Result<Option<PageWatch>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, WATCH, &article.to_string(), rows::page_watch).await?.into_iter().next())
    }

    async fn pages_due(&self, now: EpochMs, limit: u32) -> Result<Vec<PageWatch>, StoreError> {
        let statement =
            sqlx::query("SELECT * FROM page_watches WHERE next_at <= $1 ORDER BY next_at, article_id LIMIT $2")
                .bind(now.0)
                .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::page_watch).collect()
    }

    async fn gaps(
        &self,
        agent: AgentId,
        state: GapState,
        after: Option<GapCursor>,
        limit: u32,
    ) -> Result<Vec<Gap>, StoreError> {
        let (asked, id) = after.map_or((i64::MAX, LAST.into()), |after| (number(after.asked), after.id.to_string()));
        let statement = sqlx::query(
            "SELECT * FROM gaps WHERE agent_id = $1 AND state = $2 AND (asked, id) < ($3, $4)
             ORDER BY asked DESC, id DESC LIMIT $5",
        )
        .bind(agent.to_string())
        .bind(word(state)?)
        .bind(asked)
        .bind(id)
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::gap).collect()
    }

    async fn gap(&self, id: Uuid) -> Result<Option<Gap>, StoreError> {
        let mut moment = self.readers.acquire().await.map_err(sort)?;
        Ok(every(&mut moment, GAP, &id.to_string(), rows::gap).await?.into_iter().next())
    }

    async fn gap_questions(&self, gap: Uuid, limit: u32) -> Result<Vec<GapQuestion>, StoreError> {
        let statement =
            sqlx::query("SELECT * FROM gap_questions WHERE gap_id = $1 ORDER BY at DESC, message_id DESC LIMIT $2")
                .bind(gap.to_string())
                .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::gap_question).collect()
    }

    async fn ungrouped_questions(&self, agent: AgentId, limit: u32) -> Result<Vec<GapQuestion>, StoreError> {
        let statement = sqlx::query(
            "SELECT * FROM gap_questions WHERE agent_id = $1 AND gap_id IS NULL ORDER BY at, message_id LIMIT $2",
        )
        .bind(agent.to_string())
        .bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::gap_question).collect()
    }

    async fn given_answers(&self, gap: Uuid, limit: u32) -> Result<Vec<GivenAnswer>, StoreError> {
        let statement = sqlx::query(GIVEN_ANSWERS).bind(gap.to_string()).bind(i64::from(limit));
        statement.fetch_all(&self.readers).await.map_err(sort)?.iter().map(rows::given_answer).collect()
    }
}

#[async_trait]
impl KnowledgeChanges for SqliteUnit {
    async fn save_article(&mut self, article: &Article) -> Result<(), StoreError> {
        let id = article.id.to_string();
        let body = to_json(article)?;
        let kind = word(article.content.kind)?;
        if article.revision == 1 {
            let first = sqlx::query(
                "INSERT INTO articles (id, agent_id, revision, kind, deleted, article) VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(id.clone())
            .bind(article.agent.to_string())
            .bind(number(article.revision))
            .bind(kind)
            .bind(article.deleted)
            .bind(body.clone());
            self.run_one(first).await?;
        } else {
            let next = sqlx::query(
                "UPDATE articles SET revision = $2, kind = $3, deleted = $4, article = $5
                 WHERE id = $1 AND revision = $2 - 1",
            )
            .bind(id.clone())
            .bind(number(article.revision))
            .bind(kind)
            .bind(article.deleted)
            .bind(body.clone());
            if self.run(next).await? == 0 {
                return Err(StoreError::Conflict);
            }
        }
        let kept = sqlx::query(
            "INSERT INTO article_revisions (article_id, revision, agent_id, article) VALUES ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(number(article.revision))
        .bind(article.agent.to_string())
        .bind(body);
        self.run_one(kept).await
    }

    async fn save_page_watch(&mut self, watch: &PageWatch) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO page_watches (article_id, url, every_ms, next_at, fetched_at, failure)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (article_id) DO UPDATE
             SET url = $2, every_ms = $3, next_at = $4, fetched_at = $5, failure = $6",
        )
        .bind(watch.article.to_string())
        .bind(watch.url.clone())
        .bind(watch.every_ms)
        .bind(watch.next_at.0)
        .bind(watch.fetched_at.map(|at| at.0))
        .bind(watch.failure.clone());
        self.run_one(statement).await
    }

    async fn forget_page_watch(&mut self, article: ArticleId) -> Result<(), StoreError> {
        self.run(sqlx::query("DELETE FROM page_watches WHERE article_id = $1").bind(article.to_string())).await?;
        Ok(())
    }

    async fn save_gap(&mut self, gap: &Gap) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO gaps (id, agent_id, label, asked, last_at, state, article_id)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (id) DO UPDATE SET label = $3, asked = $4, last_at = $5, state = $6, article_id = $7",
        )
        .bind(gap.id.to_string())
        .bind(gap.agent.to_string())
        .bind(gap.label.clone())
        .bind(number(gap.asked))
        .bind(gap.last_at.0)
        .bind(word(gap.state)?)
        .bind(gap.article.map(|id| id.to_string()));
        self.run_one(statement).await
    }

    async fn group_question(&mut self, message: MessageId, gap: Uuid) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE gap_questions SET gap_id = $2 WHERE message_id = $1");
        self.run_one(statement.bind(message.to_string()).bind(gap.to_string())).await
    }
}

impl SqliteUnit {
    /// The customer's words before a message that tells of a gap are kept for the team, each once.
    pub(super) async fn collect_gap(&mut self, message: &Message) -> Result<(), StoreError> {
        if !message.decision.as_ref().is_some_and(|decision| decision.leaves_a_gap()) {
            return Ok(());
        }
        let statement = sqlx::query(
            "INSERT INTO gap_questions (message_id, agent_id, conversation_id, text, at)
             SELECT m.id, m.agent_id, m.conversation_id, m.text, m.at
             FROM messages m JOIN conversations c ON c.id = m.conversation_id
             WHERE m.conversation_id = $1 AND m.author = 'customer' AND (m.at, m.id) < ($2, $3) AND NOT c.preview
             ORDER BY m.at DESC, m.id DESC LIMIT 1
             ON CONFLICT (message_id) DO NOTHING",
        )
        .bind(message.conversation.to_string())
        .bind(message.at.0)
        .bind(message.id.to_string());
        self.run(statement).await?;
        Ok(())
    }
}

fn article(row: &SqliteRow) -> Result<Article, StoreError> {
    rows::structure(row, "articles", "article")
}

/// Counters never come near the end of what the database can hold.
fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

const ARTICLE: &str = "SELECT article FROM articles WHERE id = $1";
const WATCH: &str = "SELECT * FROM page_watches WHERE article_id = $1";
const GAP: &str = "SELECT * FROM gaps WHERE id = $1";
const GIVEN_ANSWERS: &str = "
    SELECT m.id, m.conversation_id, q.text AS question, m.text, m.sent_by, m.at
    FROM gap_questions q JOIN messages m ON m.id = (
        SELECT a.id FROM messages a
        WHERE a.conversation_id = q.conversation_id AND (a.at, a.id) > (q.at, q.message_id)
          AND a.author IN ('teammate', 'agent') AND a.sent_by IS NOT NULL
        ORDER BY a.at, a.id LIMIT 1
    )
    WHERE q.gap_id = $1 ORDER BY m.at DESC, m.id DESC LIMIT $2";
/// Sorts after every id.
const LAST: &str = "~";
