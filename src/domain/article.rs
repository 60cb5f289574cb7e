//! An article of the knowledge: written by a teammate, read from a file or fetched from a page. Each save is a
//! revision of its own, and none is ever lost: what was deleted can be read and restored.

use serde::{Deserialize, Serialize};

use super::ids::{AgentId, ArticleId};
use super::knowledge::{ArticleRef, Kind, Sensitivity};
use super::time::EpochMs;

/// One revision of an article.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Article {
    /// Which article.
    pub id: ArticleId,
    /// Whose knowledge.
    pub agent: AgentId,
    /// Counted from 1.
    pub revision: u64,
    /// What it says.
    pub content: Content,
    /// Where that comes from.
    pub origin: Origin,
    /// Whether it is no longer answered from.
    pub deleted: bool,
    /// What made this revision.
    pub change: Change,
    /// Who made it.
    pub by: String,
    /// When the article was made.
    pub created_at: EpochMs,
    /// When this revision was made.
    pub updated_at: EpochMs,
}

/// What an article says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// What kind of text it is.
    pub kind: Kind,
    /// The question it answers, or its heading.
    pub title: String,
    /// The answer or text, in Markdown.
    pub body: String,
    /// Other ways of asking for it.
    pub questions: Vec<String>,
    /// The answer as spoken.
    pub spoken: Option<String>,
    /// Whether it may go out alone; `None` leaves that to the rules, passage by passage.
    pub sensitivity: Option<Sensitivity>,
    /// After this time it is no longer used.
    pub valid_until: Option<EpochMs>,
}

/// Where an article comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "from")]
pub enum Origin {
    /// A teammate wrote it.
    Written,
    /// A file.
    File {
        /// Its name.
        name: String,
        /// What it was found to be.
        format: FileFormat,
        /// Its size, in bytes.
        size_bytes: u64,
        /// Its SHA-256, in hexadecimal digits.
        sha256: String,
    },
    /// A page on the web.
    Page {
        /// Its address.
        url: String,
    },
}

/// What a file holds, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileFormat {
    /// Plain text.
    Text,
    /// Markdown.
    Markdown,
    /// A web page.
    Html,
    /// A document of a word processor (ECMA-376).
    Docx,
    /// A PDF document.
    Pdf,
}

/// What made a revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case", tag = "did")]
pub enum Change {
    /// The first one.
    Created,
    /// It was written anew.
    Edited,
    /// The page said something else.
    Refreshed,
    /// An earlier revision was taken up again.
    Restored {
        /// Which.
        revision: u64,
    },
    /// It was taken out of use.
    Deleted,
}

impl Article {
    /// This revision's name.
    pub fn reference(&self) -> ArticleRef {
        ArticleRef { id: self.id, revision: self.revision }
    }

    /// The next revision, with this content.
    pub fn next(&self, content: Content, change: Change, by: &str, now: EpochMs) -> Article {
        Article {
            revision: self.revision + 1,
            content,
            change,
            by: by.to_owned(),
            updated_at: now,
            deleted: change == Change::Deleted,
            ..self.clone()
        }
    }
}

impl Content {
    /// What is wrong with it, and what is allowed.
    pub fn fault(&self) -> Option<String> {
        let too_long = |what: &str, text: &str, max: usize| {
            let chars = text.chars().count();
            (chars > max).then(|| format!("{what} has {chars} characters; {max} are allowed: shorten or split it."))
        };
        if self.title.trim().is_empty() {
            return Some("title is empty; write the question as a customer would ask it.".into());
        }
        if self.body.trim().is_empty() {
            return Some("body is empty; write the answer.".into());
        }
        if self.questions.len() > QUESTIONS_MAX {
            return Some(format!("questions has {}; {QUESTIONS_MAX} are allowed.", self.questions.len()));
        }
        if self.questions.iter().any(|question| question.trim().is_empty()) {
            return Some("one of questions is empty; leave it out.".into());
        }
        let spoken = self.spoken.iter().find_map(|spoken| {
            let words = spoken.split_whitespace().count();
            (words > SPOKEN_WORDS_MAX)
                .then(|| format!("spoken has {words} words; {SPOKEN_WORDS_MAX} are as much as anybody follows by ear."))
        });
        too_long("title", &self.title, QUESTION_CHARS_MAX)
            .or_else(|| too_long("body", &self.body, BODY_CHARS_MAX))
            .or_else(|| self.questions.iter().find_map(|q| too_long("one of questions", q, QUESTION_CHARS_MAX)))
            .or(spoken)
    }
}

/// Characters of a title or question; the model reads no more.
pub const QUESTION_CHARS_MAX: usize = 500;
/// Characters of an article: a long manual. Each passage of 700 costs about 50 ms when it is first embedded.
pub const BODY_CHARS_MAX: usize = 200_000;
/// Ways of asking for one article.
pub const QUESTIONS_MAX: usize = 200;
/// Words of an answer that is heard.
pub const SPOKEN_WORDS_MAX: usize = 40;
