//! Who makes a request.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// Who makes a request; put into it by [`super::access`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A program on this machine, without a token.
    ThisMachine,
    /// Whoever holds the bootstrap token.
    Bootstrap,
}

impl Principal {
    /// Tells one from another, for keys and limits.
    pub fn key(&self) -> String {
        match self {
            Principal::ThisMachine | Principal::Bootstrap => "installation".into(),
        }
    }

    /// As it is written beside what was done.
    pub fn name(&self) -> &str {
        match self {
            Principal::ThisMachine => "this machine",
            Principal::Bootstrap => "bootstrap token",
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Principal, Infallible> {
        // Every route that asks for it lies behind the check that puts it there.
        Ok(parts.extensions.get().cloned().unwrap_or(Principal::ThisMachine))
    }
}
