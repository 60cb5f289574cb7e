//! The team: signing in, accounts, tokens.

pub mod account;
pub mod people;
pub mod session;
pub mod tokens;

use axum::http::{StatusCode, header};

use super::body::unprocessable;
use super::problem::Problem;
use crate::team::TeamError;

impl From<TeamError> for Problem {
    fn from(error: TeamError) -> Problem {
        match error {
            TeamError::Unknown => Problem::new(
                StatusCode::UNAUTHORIZED,
                "Email, password or code is wrong; try again, or ask an admin for a new invitation.",
            ),
            TeamError::CodeWanted => Problem::new(
                StatusCode::UNAUTHORIZED,
                "Send the six digits of your authenticator (or a recovery code) as \"code\" as well.",
            )
            .of_type(CODE_WANTED),
            TeamError::Wait(seconds) => {
                let detail = format!("Too many wrong tries; wait {seconds} seconds.");
                Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with(header::RETRY_AFTER, seconds.into())
            }
            TeamError::Unfit(fault) => unprocessable(fault),
            TeamError::Forbidden(why) => Problem::new(StatusCode::FORBIDDEN, why),
            TeamError::NotFound(what) => Problem::not_found(what),
            TeamError::Store(error) => error.into(),
        }
    }
}

/// By this a page knows that it is to ask for the code.
const CODE_WANTED: &str = "urn:switchboard:code-wanted";
