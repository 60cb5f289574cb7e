//! Articles as the API takes and gives them.

use serde::{Deserialize, Serialize};

use crate::domain::article::{Article, Change, Content, Origin};
use crate::domain::ids::{AgentId, ArticleId};
use crate::domain::knowledge::{Entry, Kind, Sensitivity};
use crate::domain::time::EpochMs;
use crate::knowledge::Library;
use crate::seams::knowledge_store::PageWatch;

/// An article to be saved.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewArticle {
    #[serde(default)]
    pub(super) kind: Kind,
    /// The question as a customer would ask it, or a heading; up to 500 characters.
    pub(super) title: String,
    /// The answer, in Markdown; up to 200,000 characters.
    pub(super) body: String,
    /// Other ways of asking for it; up to 200.
    #[serde(default)]
    pub(super) questions: Vec<String>,
    /// The answer as spoken, of up to 40 words.
    pub(super) spoken: Option<String>,
    /// Whether it may go out alone; left out, the rules decide for each passage (money and accounts are reviewed).
    pub(super) sensitivity: Option<Sensitivity>,
    /// After this time it is no longer used.
    pub(super) valid_until_ms: Option<i64>,
}

/// An article to be saved upon a revision.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArticleEdit {
    /// The revision that was read; another one is told by 409 and nothing is saved.
    pub(super) revision: u64,
    #[serde(default)]
    kind: Kind,
    title: String,
    body: String,
    #[serde(default)]
    questions: Vec<String>,
    spoken: Option<String>,
    sensitivity: Option<Sensitivity>,
    valid_until_ms: Option<i64>,
}

/// A revision to be taken up again.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Restoration {
    pub(super) revision: u64,
}

/// One revision of an article.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Article)]
pub struct ShownArticle {
    id: ArticleId,
    agent: AgentId,
    revision: u64,
    kind: Kind,
    title: String,
    body: String,
    questions: Vec<String>,
    spoken: Option<String>,
    /// `null` where the rules decide for each passage.
    sensitivity: Option<Sensitivity>,
    valid_until_ms: Option<i64>,
    origin: Origin,
    deleted: bool,
    change: Change,
    /// Who made this revision.
    by: String,
    created_at_ms: i64,
    updated_at_ms: i64,
}

/// An article with its passages.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = ArticleView)]
pub struct ShownArticleView {
    #[serde(flatten)]
    article: ShownArticle,
    /// As it is searched and quoted; empty when it is deleted.
    passages: Vec<ShownPassage>,
    /// How its page is watched, where it is one.
    page: Option<ShownWatch>,
}

/// A part of the knowledge that is found and quoted as one.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Passage)]
pub struct ShownPassage {
    entry: String,
    question: String,
    alternatives: Vec<String>,
    /// `null` for internal guidance, which is never quoted.
    answer: Option<String>,
    sensitivity: Sensitivity,
}

/// How a page is watched.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = PageWatch)]
pub struct ShownWatch {
    url: String,
    refresh_hours: u32,
    next_at_ms: i64,
    fetched_at_ms: Option<i64>,
    /// Why the last look failed; the article stays as it was.
    failure: Option<String>,
}

impl NewArticle {
    pub(super) fn content(self) -> Content {
        let NewArticle { kind, title, body, questions, spoken, sensitivity, valid_until_ms } = self;
        let valid_until = valid_until_ms.map(EpochMs);
        Content { kind, title, body, questions, spoken, sensitivity, valid_until }
    }
}

impl ArticleEdit {
    pub(super) fn content(self) -> Content {
        let ArticleEdit { revision: _, kind, title, body, questions, spoken, sensitivity, valid_until_ms } = self;
        NewArticle { kind, title, body, questions, spoken, sensitivity, valid_until_ms }.content()
    }
}

impl ShownArticle {
    pub(super) fn of(article: Article) -> ShownArticle {
        let Content { kind, title, body, questions, spoken, sensitivity, valid_until } = article.content;
        ShownArticle {
            id: article.id,
            agent: article.agent,
            revision: article.revision,
            kind,
            title,
            body,
            questions,
            spoken,
            sensitivity,
            valid_until_ms: valid_until.map(|at| at.0),
            origin: article.origin,
            deleted: article.deleted,
            change: article.change,
            by: article.by,
            created_at_ms: article.created_at.0,
            updated_at_ms: article.updated_at.0,
        }
    }
}

impl ShownArticleView {
    pub(super) fn of(article: Article, watch: Option<PageWatch>) -> ShownArticleView {
        let passages = Library::passages(&article).into_iter().map(ShownPassage::of).collect();
        ShownArticleView { passages, page: watch.map(ShownWatch::of), article: ShownArticle::of(article) }
    }
}

impl ShownPassage {
    pub(super) fn of(entry: Entry) -> ShownPassage {
        ShownPassage {
            entry: entry.id,
            question: entry.question,
            alternatives: entry.alternatives,
            answer: (entry.kind != Kind::Internal).then_some(entry.answer),
            sensitivity: entry.sensitivity,
        }
    }
}

impl ShownWatch {
    fn of(watch: PageWatch) -> ShownWatch {
        ShownWatch {
            url: watch.url,
            refresh_hours: u32::try_from(watch.every_ms / HOUR_MS).unwrap_or(u32::MAX),
            next_at_ms: watch.next_at.0,
            fetched_at_ms: watch.fetched_at.map(|at| at.0),
            failure: watch.failure,
        }
    }
}

/// Pages are watched by the hour.
pub(super) const HOUR_MS: i64 = 3_600_000;
