//! What the company knows, as a team writes, uploads and mends it.
//!
//! 1. A save is a revision ([`Library::create`], [`Library::edit`], [`Library::restore`], [`Library::delete`]), written
//!    with its passages in one transaction.
//! 2. Before the save is answered the desk's index is built anew and swapped, so that the very next question is
//!    answered from it, on every channel and within calls that are live.
//! 3. Questions without a good answer are collected by the store as they happen and grouped here (`gaps.rs`).

mod gaps;
mod imports;
pub mod passages;
mod preview;

use std::sync::Arc;

use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::domain::agent::Agent;
use crate::domain::article::{Article, Change, Content, Origin};
use crate::domain::ids::{AgentId, ArticleId};
use crate::domain::knowledge::Entry;
use crate::seams::clock::{Clock, Ids};
use crate::seams::documents::{DocumentError, Documents, PageError, Pages};
use crate::seams::embed::EmbedError;
use crate::seams::store::{Store, StoreError, UnitOfWork};
use crate::support::Desk;
use crate::support::sensitivity::default_sensitivity;

pub use gaps::GapView;
pub use imports::About;
pub use preview::Preview;

/// What the library works with.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Answers from it.
    pub desk: Arc<Desk>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Whose knowledge it is.
    pub agent: AgentId,
    /// Reads files.
    pub documents: Arc<dyn Documents>,
    /// Fetches pages.
    pub pages: Arc<dyn Pages>,
}

/// The knowledge of an agent. Shared by handlers, the folder's watcher and the page fetcher.
pub struct Library {
    parts: Parts,
    /// Builds follow each other, so that an older state never replaces a newer one.
    building: Mutex<()>,
    /// Grouping reads what it then writes.
    grouping: Mutex<gaps::Groups>,
}

/// Why the knowledge did not change.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is no such thing.
    #[error("there is no such {0}; take its id from a list")]
    NotFound(&'static str),
    /// The text does not fit.
    #[error("{0}")]
    Unfit(String),
    /// Another revision than the one read is the newest.
    #[error("it was changed meanwhile (revision {0} now); read it again and make the change upon that")]
    Changed(u64),
    /// It is deleted.
    #[error("this article is deleted; restore one of its revisions first")]
    Deleted,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file gave no text.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A page did not come.
    #[error(transparent)]
    Page(#[from] PageError),
    /// It is stored, and could not be made searchable.
    #[error("it is stored, but could not be made searchable: {0}")]
    Embed(#[from] EmbedError),
}

impl Library {
    /// The library of an agent.
    pub fn new(parts: Parts) -> Arc<Library> {
        Arc::new(Library { parts, building: Mutex::default(), grouping: Mutex::default() })
    }

    /// The same knowledge, searched by another desk.
    pub fn on_desk(&self, desk: Arc<Desk>) -> Arc<Library> {
        Library::new(Parts { desk, ..self.parts.clone() })
    }

    /// Whose knowledge it is.
    pub fn agent(&self) -> AgentId {
        self.parts.agent
    }

    /// Adds an article, searchable when this returns.
    pub async fn create(self: &Arc<Self>, content: Content, origin: Origin, by: &str) -> Result<Article, LibraryError> {
        let article = self.fresh(content, origin, by)?;
        self.keep(article, None).await
    }

    /// Writes an article anew upon the revision that was read.
    pub async fn edit(
        self: &Arc<Self>,
        id: ArticleId,
        read: u64,
        content: Content,
        by: &str,
    ) -> Result<Article, LibraryError> {
        let newest = self.newest(id).await?;
        if newest.deleted {
            return Err(LibraryError::Deleted);
        }
        self.follow(newest, Some(read), content, Change::Edited, by).await
    }

    /// Takes an earlier revision up again, as the next one; also what brings a deleted article back.
    pub async fn restore(self: &Arc<Self>, id: ArticleId, revision: u64, by: &str) -> Result<Article, LibraryError> {
        let earlier = self.parts.store.article_revision(id, revision).await?;
        let earlier = earlier.ok_or(LibraryError::NotFound("revision"))?;
        let newest = self.newest(id).await?;
        self.follow(newest, None, earlier.content, Change::Restored { revision }, by).await
    }

    /// Takes an article out of use; its history stays.
    pub async fn delete(self: &Arc<Self>, id: ArticleId, by: &str) -> Result<Article, LibraryError> {
        let newest = self.newest(id).await?;
        if newest.deleted {
            return Err(LibraryError::Deleted);
        }
        let content = newest.content.clone();
        self.follow(newest, None, content, Change::Deleted, by).await
    }

    /// The passages of an article, as they are searched and quoted.
    pub fn passages(article: &Article) -> Vec<Entry> {
        passages::passages(article, default_sensitivity)
    }

    /// Replaces what came from a folder; gives how many entries the agent has then.
    pub async fn replace_folder(self: &Arc<Self>, origin: &str, entries: &[Entry]) -> Result<usize, LibraryError> {
        let mut work = self.parts.store.begin().await?;
        work.replace_knowledge(self.parts.agent, origin, entries).await?;
        work.commit().await?;
        self.publish().await
    }

    /// Makes what is stored searchable; gives how many entries there are.
    pub async fn publish(self: &Arc<Self>) -> Result<usize, LibraryError> {
        // In a task of its own: a request that is given up leaves nothing that is stored and not found.
        let library = self.clone();
        let building = tokio::spawn(async move {
            let _turn = library.building.lock().await;
            let entries = library.parts.store.knowledge(library.parts.agent).await?;
            let count = entries.len();
            let (desk, agent) = (library.parts.desk.clone(), library.parts.agent);
            let built = tokio::task::spawn_blocking(move || desk.set_knowledge(agent, entries)).await;
            built.map_err(|error| EmbedError::Run(error.to_string()))??;
            Ok::<_, LibraryError>(count)
        });
        let count = building.await.map_err(|error| EmbedError::Run(error.to_string()))??;
        info!(knowledge.entries = count, "Knowledge ready");
        Ok(count)
    }

    fn fresh(&self, content: Content, origin: Origin, by: &str) -> Result<Article, LibraryError> {
        let now = self.parts.clock.epoch();
        let article = Article {
            id: ArticleId(self.parts.ids.next()),
            agent: self.parts.agent,
            revision: 1,
            content,
            origin,
            deleted: false,
            change: Change::Created,
            by: by.to_owned(),
            created_at: now,
            updated_at: now,
        };
        check(&article)?;
        Ok(article)
    }

    async fn newest(&self, id: ArticleId) -> Result<Article, LibraryError> {
        let article = self.parts.store.article(id).await?.filter(|article| article.agent == self.parts.agent);
        article.ok_or(LibraryError::NotFound("article"))
    }

    async fn follow(
        self: &Arc<Self>,
        newest: Article,
        read: Option<u64>,
        content: Content,
        change: Change,
        by: &str,
    ) -> Result<Article, LibraryError> {
        if read.is_some_and(|read| read != newest.revision) {
            return Err(LibraryError::Changed(newest.revision));
        }
        let next = newest.next(content, change, by, self.parts.clock.epoch());
        check(&next)?;
        self.keep(next, Some(newest.revision)).await
    }

    async fn keep(self: &Arc<Self>, article: Article, before: Option<u64>) -> Result<Article, LibraryError> {
        let mut work = self.parts.store.begin().await?;
        self.write(&mut *work, &article).await.map_err(|error| match (error, before) {
            (StoreError::Conflict, Some(before)) => LibraryError::Changed(before + 1),
            (error, _) => error.into(),
        })?;
        work.commit().await?;
        info!(article.id = %article.id, article.revision, "Knowledge changed");
        self.publish().await.inspect_err(|error| warn!(%error, "An article could not be made searchable"))?;
        Ok(article)
    }

    /// A revision with its passages.
    async fn write(&self, work: &mut dyn UnitOfWork, article: &Article) -> Result<(), StoreError> {
        work.save_article(article).await?;
        let entries = Self::passages(article);
        work.replace_knowledge(article.agent, &format!("article:{}", article.id), &entries).await
    }

    /// The agent as it is now, for previews.
    pub async fn agent_now(&self) -> Result<Agent, LibraryError> {
        self.parts.store.agent(self.parts.agent).await?.ok_or(LibraryError::NotFound("agent"))
    }
}

fn check(article: &Article) -> Result<(), LibraryError> {
    match article.content.fault() {
        Some(fault) => Err(LibraryError::Unfit(fault)),
        None => Ok(()),
    }
}
