//! Files and pages as articles. Their text is what is kept, searched and quoted; what they hold is data and never obeyed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{Library, LibraryError};
use crate::domain::article::{Article, BODY_CHARS_MAX, Change, Content, Origin, QUESTION_CHARS_MAX};
use crate::domain::ids::ArticleId;
use crate::domain::knowledge::{Kind, Sensitivity};
use crate::domain::time::EpochMs;
use crate::seams::documents::{DocumentText, FetchedPage};
use crate::seams::knowledge_store::PageWatch;

/// What a teammate says about a file or page.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What kind of text it is.
    pub kind: Kind,
    /// Its title; else its own, else its name.
    pub title: Option<String>,
    /// Whether it may go out alone.
    pub sensitivity: Option<Sensitivity>,
}

impl Library {
    /// Adds the text of a file as an article.
    pub async fn upload(
        self: &Arc<Self>,
        name: &str,
        bytes: Bytes,
        about: About,
        by: &str,
    ) -> Result<Article, LibraryError> {
        let (document, origin) = self.read(name, bytes).await?;
        let stem = Path::new(name).file_stem().map(|stem| stem.to_string_lossy().replace(['_', '-'], " "));
        let content = content(about, document, stem.unwrap_or_else(|| name.to_owned()))?;
        self.create(content, origin, by).await
    }

    /// Gives an article the text of another file, as its next revision.
    pub async fn replace_file(
        self: &Arc<Self>,
        id: ArticleId,
        read: u64,
        name: &str,
        bytes: Bytes,
        by: &str,
    ) -> Result<Article, LibraryError> {
        let newest = self.newest(id).await?;
        let (document, origin) = self.read(name, bytes).await?;
        let content = Content { body: fitting(document.text)?, ..newest.content.clone() };
        self.follow(Article { origin, ..newest }, Some(read), content, Change::Edited, by).await
    }

    /// Adds the text of a page as an article that is fetched anew every `every`.
    pub async fn import(
        self: &Arc<Self>,
        url: &str,
        every: Duration,
        about: About,
        by: &str,
    ) -> Result<Article, LibraryError> {
        let page = self.parts.pages.fetch(url).await?;
        let (document, _) = self.read(&page.name, page.bytes).await?;
        let content = content(about, document, page.url.clone())?;
        let origin = Origin::Page { url: page.url.clone() };
        let article = self.fresh(content, origin, by)?;
        let every_ms = i64::try_from(every.as_millis()).unwrap_or(i64::MAX);
        let now = self.parts.clock.epoch();
        let watch = PageWatch {
            article: article.id,
            url: page.url,
            every_ms,
            next_at: EpochMs(now.0.saturating_add(every_ms)),
            fetched_at: Some(now),
            failure: None,
        };
        let mut work = self.parts.store.begin().await?;
        self.write(&mut *work, &article).await?;
        work.save_page_watch(&watch).await?;
        work.commit().await?;
        self.publish().await?;
        Ok(article)
    }

    /// Fetches a page anew at once.
    pub async fn refresh(self: &Arc<Self>, id: ArticleId, by: &str) -> Result<Article, LibraryError> {
        let newest = self.newest(id).await?;
        if newest.deleted {
            return Err(LibraryError::Deleted);
        }
        let watch = self.parts.store.page_watch(id).await?;
        let watch = watch.ok_or_else(|| LibraryError::Unfit("This article is no page; edit it instead.".into()))?;
        let refreshed = self.fetch_anew(&newest, &watch.url, by).await;
        self.note_look(watch, refreshed.as_ref().err()).await?;
        refreshed
    }

    /// Looks at pages whose time has come and groups new questions, until `shutdown`.
    pub async fn run(self: Arc<Self>, shutdown: CancellationToken) {
        let mut beat = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                () = shutdown.cancelled() => return,
            }
            if let Err(error) = self.group_questions().await {
                warn!(%error, "Questions without an answer could not be grouped");
            }
            match self.refresh_due().await {
                Ok(0) => {}
                Ok(pages) => debug!(pages, "Pages were looked at"),
                Err(error) => warn!(%error, "Pages could not be looked at"),
            }
        }
    }

    /// Looks at pages whose time has come; tells how many there were.
    pub async fn refresh_due(self: &Arc<Self>) -> Result<usize, LibraryError> {
        let due = self.parts.store.pages_due(self.parts.clock.epoch(), PAGES_AT_ONCE).await?;
        for watch in &due {
            let refreshed = match self.newest(watch.article).await {
                Ok(article) if article.deleted => Ok(article),
                Ok(article) => self.fetch_anew(&article, &watch.url, SCHEDULE).await,
                Err(error) => Err(error),
            };
            if let Err(error) = &refreshed {
                info!(article.id = %watch.article, %error, "A page could not be fetched anew; what was known stays");
            }
            self.note_look(watch.clone(), refreshed.as_ref().err()).await?;
        }
        Ok(due.len())
    }

    async fn fetch_anew(self: &Arc<Self>, article: &Article, url: &str, by: &str) -> Result<Article, LibraryError> {
        let FetchedPage { name, bytes, .. } = self.parts.pages.fetch(url).await?;
        let (document, _) = self.read(&name, bytes).await?;
        let body = fitting(document.text)?;
        if body == article.content.body {
            return Ok(article.clone());
        }
        let content = Content { body, ..article.content.clone() };
        self.follow(article.clone(), None, content, Change::Refreshed, by).await
    }

    /// Writes down when a page was looked at and how that ended. A failure is tried again sooner than the next turn.
    async fn note_look(&self, watch: PageWatch, failure: Option<&LibraryError>) -> Result<(), LibraryError> {
        let now = self.parts.clock.epoch();
        let wait = if failure.is_some() { watch.every_ms.min(RETRY_MS) } else { watch.every_ms };
        let watch = PageWatch {
            next_at: EpochMs(now.0.saturating_add(wait)),
            fetched_at: if failure.is_none() { Some(now) } else { watch.fetched_at },
            failure: failure.map(ToString::to_string),
            ..watch
        };
        let mut work = self.parts.store.begin().await?;
        work.save_page_watch(&watch).await?;
        Ok(work.commit().await?)
    }

    async fn read(&self, name: &str, bytes: Bytes) -> Result<(DocumentText, Origin), LibraryError> {
        let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let size_bytes = bytes.len() as u64;
        let document = self.parts.documents.read(name, bytes).await?;
        let origin = Origin::File { name: name.to_owned(), format: document.format, size_bytes, sha256 };
        Ok((document, origin))
    }
}

fn content(about: About, document: DocumentText, otherwise: String) -> Result<Content, LibraryError> {
    let title = about.title.or(document.title).unwrap_or(otherwise);
    Ok(Content {
        kind: about.kind,
        title: title.chars().take(QUESTION_CHARS_MAX).collect(),
        body: fitting(document.text)?,
        questions: Vec::new(),
        spoken: None,
        sensitivity: about.sensitivity,
        valid_until: None,
    })
}

fn fitting(text: String) -> Result<String, LibraryError> {
    let chars = text.chars().count();
    if chars > BODY_CHARS_MAX {
        let fault = format!("It has {chars} characters of text; {BODY_CHARS_MAX} are allowed: split it.");
        return Err(LibraryError::Unfit(fault));
    }
    Ok(text)
}

/// Who makes revisions when a page says something else.
const SCHEDULE: &str = "schedule";
/// How often is looked for pages whose time has come.
const LOOK: Duration = Duration::from_secs(10);
/// Pages of one look: each may take some seconds.
const PAGES_AT_ONCE: u32 = 20;
/// A page that failed is tried again after an hour at the latest.
const RETRY_MS: i64 = 3_600_000;
