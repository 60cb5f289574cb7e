//! The part of the store that holds articles with their history, watched pages, and what the knowledge lacks.

use async_trait::async_trait;
use uuid::Uuid;

use super::store::StoreError;
use crate::domain::article::Article;
use crate::domain::gap::{Gap, GapQuestion, GapState, GivenAnswer};
use crate::domain::ids::{AgentId, ArticleId, MessageId};
use crate::domain::knowledge::Kind;
use crate::domain::time::EpochMs;

/// Which articles; every part that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArticleFilter {
    /// Of this kind.
    pub kind: Option<Kind>,
    /// Deleted ones instead of those in use.
    pub deleted: bool,
}

/// A page that is fetched again from time to time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageWatch {
    /// The article that holds its text.
    pub article: ArticleId,
    /// Its address.
    pub url: String,
    /// The time between two looks, in milliseconds.
    pub every_ms: i64,
    /// The next look.
    pub next_at: EpochMs,
    /// The last look that got the page.
    pub fetched_at: Option<EpochMs>,
    /// Why the last look failed, where it did.
    pub failure: Option<String>,
}

/// A place in the list of gaps, the most asked first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GapCursor {
    /// How often the last one shown was asked.
    pub asked: u64,
    /// Which it was.
    pub id: Uuid,
}

/// Reading.
#[async_trait]
pub trait KnowledgeReads {
    /// The newest revision of each article, the newest article first, after `after`.
    async fn articles(
        &self,
        agent: AgentId,
        filter: &ArticleFilter,
        after: Option<ArticleId>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError>;
    /// The newest revision of one, deleted or not.
    async fn article(&self, id: ArticleId) -> Result<Option<Article>, StoreError>;
    /// Its revisions before `before`, the newest first.
    async fn article_revisions(
        &self,
        id: ArticleId,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Article>, StoreError>;
    /// One of them.
    async fn article_revision(&self, id: ArticleId, revision: u64) -> Result<Option<Article>, StoreError>;
    /// How a page is watched.
    async fn page_watch(&self, article: ArticleId) -> Result<Option<PageWatch>, StoreError>;
    /// Pages whose next look has come, the longest due first.
    async fn pages_due(&self, now: EpochMs, limit: u32) -> Result<Vec<PageWatch>, StoreError>;
    /// Gaps of one state, the most asked first.
    async fn gaps(
        &self,
        agent: AgentId,
        state: GapState,
        after: Option<GapCursor>,
        limit: u32,
    ) -> Result<Vec<Gap>, StoreError>;
    /// One gap.
    async fn gap(&self, id: Uuid) -> Result<Option<Gap>, StoreError>;
    /// Its questions, the newest first.
    async fn gap_questions(&self, gap: Uuid, limit: u32) -> Result<Vec<GapQuestion>, StoreError>;
    /// Questions that belong to no gap yet, the oldest first.
    async fn ungrouped_questions(&self, agent: AgentId, limit: u32) -> Result<Vec<GapQuestion>, StoreError>;
    /// What teammates answered next in the cases of a gap's questions, the newest first.
    async fn given_answers(&self, gap: Uuid, limit: u32) -> Result<Vec<GivenAnswer>, StoreError>;
}

/// Changing; within the one transaction of a [`super::store::UnitOfWork`]. A message whose decision
/// [leaves a gap](crate::domain::turn::Decision::leaves_a_gap) puts the customer's words before it among the
/// ungrouped questions by itself, whatever the channel; previews leave none.
#[async_trait]
pub trait KnowledgeChanges: Send {
    /// Adds an article at revision 1, or its next revision; `Conflict` when that revision is there.
    async fn save_article(&mut self, article: &Article) -> Result<(), StoreError>;
    /// Adds or replaces how a page is watched.
    async fn save_page_watch(&mut self, watch: &PageWatch) -> Result<(), StoreError>;
    /// No longer watches a page; nothing when it was not watched.
    async fn forget_page_watch(&mut self, article: ArticleId) -> Result<(), StoreError>;
    /// Adds or replaces a gap.
    async fn save_gap(&mut self, gap: &Gap) -> Result<(), StoreError>;
    /// Puts a question into a gap.
    async fn group_question(&mut self, message: MessageId, gap: Uuid) -> Result<(), StoreError>;
}
