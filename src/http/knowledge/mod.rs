//! The knowledge: articles with their history, what a question would find, and what is missing.

pub mod articles;
mod form;
pub mod gaps;
pub mod imports;
pub mod search;

use axum::http::StatusCode;

use super::body::unprocessable;
use super::problem::{Problem, sentence};
use crate::knowledge::LibraryError;
use crate::seams::documents::{DocumentError, PageError};

impl From<LibraryError> for Problem {
    fn from(error: LibraryError) -> Problem {
        match error {
            LibraryError::NotFound(what) => Problem::not_found(what),
            LibraryError::Unfit(fault) => unprocessable(fault),
            LibraryError::Changed(_) | LibraryError::Deleted => {
                Problem::new(StatusCode::CONFLICT, sentence(&error.to_string()))
            }
            LibraryError::Document(DocumentError::Unavailable(why)) => {
                tracing::error!(why, "Documents cannot be read");
                Problem::busy("Documents cannot be read now; the server's log says why.", 5)
            }
            LibraryError::Document(error) => unprocessable(sentence(&error.to_string())),
            LibraryError::Page(error @ PageError::Refused(_)) => unprocessable(sentence(&error.to_string())),
            LibraryError::Page(error) => Problem::new(StatusCode::BAD_GATEWAY, sentence(&error.to_string())),
            LibraryError::Store(error) => error.into(),
            LibraryError::Embed(error) => {
                tracing::error!(%error, "Knowledge could not be made searchable");
                Problem::busy("It is stored, but could not be made searchable; save it again shortly.", 5)
            }
        }
    }
}
