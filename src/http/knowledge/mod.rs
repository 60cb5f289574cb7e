//! The knowledge: articles with their history, what a question would find, and what is missing.

pub mod articles;
mod form;
pub mod gaps;
pub mod search;

use axum::http::StatusCode;

use super::body::unprocessable;
use super::problem::Problem;
use crate::knowledge::LibraryError;

impl From<LibraryError> for Problem {
    fn from(error: LibraryError) -> Problem {
        match error {
            LibraryError::NotFound(what) => Problem::not_found(what),
            LibraryError::Unfit(fault) => unprocessable(fault),
            LibraryError::Changed(_) | LibraryError::Deleted => {
                let text = error.to_string();
                Problem::new(StatusCode::CONFLICT, format!("{}{}.", text[..1].to_uppercase(), &text[1..]))
            }
            LibraryError::Store(error) => error.into(),
            LibraryError::Embed(error) => {
                tracing::error!(%error, "Knowledge could not be made searchable");
                Problem::busy("It is stored, but could not be made searchable; save it again shortly.", 5)
            }
        }
    }
}
