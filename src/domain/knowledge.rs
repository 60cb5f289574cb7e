//! What the company knows, one entry a question.

use serde::{Deserialize, Serialize};

use super::ids::ArticleId;
use super::time::EpochMs;

/// What kind of text an entry is (R15).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A question customers ask.
    #[default]
    Faq,
    /// Billing, refunds, shipping, account changes.
    Policy,
    /// What a product is and does.
    Product,
    /// Guidance for the team: may weigh on a decision, is never quoted.
    Internal,
}

/// Whether an entry may go out without a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sensitivity {
    /// It may.
    Auto,
    /// A person looks first.
    Review,
    /// A person answers.
    Human,
}

/// One question with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Stable name: the file and heading, or the store's id.
    pub id: String,
    /// What kind it is.
    pub kind: Kind,
    /// Whether it may go out alone.
    pub sensitivity: Sensitivity,
    /// The question as a customer would ask it.
    pub question: String,
    /// Other ways of asking it.
    pub alternatives: Vec<String>,
    /// The answer, as written.
    pub answer: String,
    /// The answer as spoken, of at most 40 words; without one the written answer is shortened for speech.
    pub spoken: Option<String>,
    /// Where it comes from, as shown beside a reply.
    pub source: String,
    /// After this time it is no longer used.
    pub valid_until: Option<EpochMs>,
    /// The article it is a passage of; `None` for entries of the folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub article: Option<ArticleRef>,
}

/// One revision of an article.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ArticleRef {
    /// The article.
    pub id: ArticleId,
    /// Counted from 1.
    pub revision: u64,
}
