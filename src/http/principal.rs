//! Who makes a request.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::domain::ids::InboxId;
use crate::domain::team::{ApiToken, Permission, Role};
use crate::team::SignedIn;

/// Who makes a request; put into it by [`super::access`].
#[derive(Clone)]
pub enum Principal {
    /// A program on this machine, without a token, while there is no account.
    ThisMachine,
    /// Whoever holds the bootstrap token.
    Bootstrap,
    /// Somebody who is signed in.
    Teammate(Arc<SignedIn>),
    /// A program with a token of its own.
    Token(Arc<ApiToken>),
}

tokio::task_local! {
    /// Who makes the request that this task answers.
    static ASKING: Principal;
}

impl Principal {
    /// Whether they may do such a thing.
    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Principal::ThisMachine | Principal::Bootstrap => true,
            Principal::Teammate(who) => who.teammate.role.may(permission),
            // What asks for no more than being known is theirs as well.
            Principal::Token(token) => token.scopes.contains(&permission),
        }
    }

    /// The inboxes whose cases they see; `None` for all of them.
    pub fn inboxes(&self) -> Option<&[InboxId]> {
        match self {
            Principal::ThisMachine | Principal::Bootstrap => None,
            Principal::Teammate(who) => who.teammate.inboxes.as_deref(),
            Principal::Token(token) => token.inboxes.as_deref(),
        }
    }

    /// How much they may grant others.
    pub fn role(&self) -> Role {
        match self {
            Principal::ThisMachine | Principal::Bootstrap => Role::Owner,
            Principal::Teammate(who) => who.teammate.role,
            Principal::Token(_) => Role::Admin,
        }
    }

    /// Tells one from another, for keys and limits.
    pub fn key(&self) -> String {
        match self {
            Principal::ThisMachine | Principal::Bootstrap => "installation".into(),
            Principal::Teammate(who) => format!("teammate:{}", who.teammate.id),
            Principal::Token(token) => format!("token:{}", token.id),
        }
    }

    /// As it is written beside what was done.
    pub fn name(&self) -> &str {
        match self {
            Principal::ThisMachine => "this machine",
            Principal::Bootstrap => "bootstrap token",
            Principal::Teammate(who) => &who.teammate.name,
            Principal::Token(token) => &token.name,
        }
    }

    /// Answers a request in their name.
    pub async fn asks<T>(self, answer: impl Future<Output = T>) -> T {
        ASKING.scope(self, answer).await
    }
}

/// In whose name a teammate's act is done: of somebody who is signed in their own, whatever the request says; programs
/// name the teammate they act for.
pub fn acting(named: &str) -> String {
    let signed_in = ASKING.try_with(|who| match who {
        Principal::Teammate(who) => Some(who.teammate.name.clone()),
        Principal::ThisMachine | Principal::Bootstrap | Principal::Token(_) => None,
    });
    signed_in.ok().flatten().unwrap_or_else(|| named.to_owned())
}

impl<S: Sync> FromRequestParts<S> for Principal {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Principal, Infallible> {
        // Every route that asks for it lies behind the check that puts it there, and refuses where there is nobody.
        Ok(parts.extensions.get().cloned().unwrap_or(Principal::Token(Arc::new(nobody()))))
    }
}

/// Somebody who is signed in; programs are told that this is for people.
pub struct Own(pub Arc<SignedIn>);

impl<S: Sync> FromRequestParts<S> for Own {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Own, Problem> {
        match parts.extensions.get() {
            Some(Principal::Teammate(who)) => Ok(Own(who.clone())),
            _ => Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "Only somebody who signed in has an account.")),
        }
    }
}

/// A token that may do nothing.
fn nobody() -> ApiToken {
    ApiToken {
        id: crate::domain::ids::ApiTokenId(uuid::Uuid::nil()),
        name: "nobody".into(),
        digest: String::new(),
        scopes: Vec::new(),
        inboxes: Some(Vec::new()),
        by: String::new(),
        created_at: crate::domain::time::EpochMs(0),
        expires_at: None,
    }
}
