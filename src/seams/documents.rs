//! Text out of files and pages that somebody else made.

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::article::FileFormat;

/// What a document says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentText {
    /// What it was found to be, by its content.
    pub format: FileFormat,
    /// Its own title, where it has one.
    pub title: Option<String>,
    /// Its text, in Markdown where it has headings and lists.
    pub text: String,
}

/// Why a document gave no text; told to whoever brought it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// Its kind is not read, or it is not what it says it is.
    #[error("{0}")]
    Unsupported(String),
    /// It cannot be read.
    #[error("{0}")]
    Damaged(String),
    /// Reading it would take more time or memory than any honest document does.
    #[error("this document takes too much time or memory to read; split it, or save it anew as text")]
    TooCostly,
    /// Reading failed for a reason of ours.
    #[error("documents cannot be read now: {0}")]
    Unavailable(String),
}

/// Reads documents. Whatever they hold, reading is bounded in time and memory and changes nothing.
#[async_trait]
pub trait Documents: Send + Sync {
    /// The text of a file; its `name` must not say something else than its content.
    async fn read(&self, name: &str, bytes: Bytes) -> Result<DocumentText, DocumentError>;
}

/// A page as it was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedPage {
    /// Where it came from in the end.
    pub url: String,
    /// What it is, as a file name would say it.
    pub name: String,
    /// What came.
    pub bytes: Bytes,
}

/// Why a page was not fetched; told to whoever named it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// The address is none that may be fetched from.
    #[error("{0}")]
    Refused(String),
    /// It was asked for and did not come.
    #[error("{0}")]
    Failed(String),
}

/// Fetches pages of the public Internet, and only of it (W3): the guard holds for the address as written, for what its
/// name stands for at the moment of connecting, and for every redirect.
#[async_trait]
pub trait Pages: Send + Sync {
    /// One page.
    async fn fetch(&self, url: &str) -> Result<FetchedPage, PageError>;
}
