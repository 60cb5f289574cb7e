//! Accounts, sessions, tokens and the audit log (R41, R42, W5).
//!
//! Secrets (passwords, cookies, links, tokens) are kept as digests alone. Passwords are argon2id; everything else has
//! 256 random bits, for which SHA-256 is enough. What an answer tells never depends on whether an account exists:
//! neither its words nor the time it takes.

mod passwords;
mod second_factor;
mod sign_in;
mod throttle;

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::ids::{ApiTokenId, InboxId, TeammateId};
use crate::domain::team::{ApiToken, AuditEntry, Invitation, Permission, Role, Teammate};
use crate::domain::time::EpochMs;
use crate::seams::clock::{Clock, Ids};
use crate::seams::secrets::Sealer;
use crate::seams::store::{Store, StoreError};

pub use sign_in::{Credentials, SignedIn};

/// What the team works with.
#[derive(Clone)]
pub struct Parts {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Identifiers.
    pub ids: Arc<dyn Ids>,
    /// Seals what has to be read again.
    pub sealer: Arc<dyn Sealer>,
}

/// The team. Shared by all handlers.
pub struct Team {
    parts: Parts,
    throttle: Mutex<throttle::Throttle>,
    passwords: passwords::Passwords,
    /// Once there is somebody, there always is.
    anybody: AtomicBool,
    /// When the store is asked again whether there is anybody.
    look_again_at: AtomicI64,
    /// The digest of the set-up link, while there is nobody.
    set_up: Mutex<Option<String>>,
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum TeamError {
    /// Whoever asks is not who they say, as far as is known.
    #[error("email, password or code is wrong; try again, or ask an admin for a new invitation")]
    Unknown,
    /// The password is right and the second factor is wanted.
    #[error("send the six digits of your authenticator (or a recovery code) as \"code\" as well")]
    CodeWanted,
    /// Too many wrong tries.
    #[error("too many wrong tries; wait {0} seconds")]
    Wait(u64),
    /// What was given does not fit.
    #[error("{0}")]
    Unfit(String),
    /// They may not do that.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such thing.
    #[error("there is no such {0}; take its id from a list")]
    NotFound(&'static str),
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is changed about a teammate; `None` leaves it.
#[derive(Clone, Default)]
pub struct Change {
    /// As they are called.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// The inboxes whose cases they see; `Some(None)` for all.
    pub inboxes: Option<Option<Vec<InboxId>>>,
    /// May not sign in any more.
    pub disabled: Option<bool>,
}

/// A token to be made.
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Permission>,
    /// The inboxes whose cases it sees.
    pub inboxes: Option<Vec<InboxId>>,
    /// It is of no use after that.
    pub expires_at: Option<EpochMs>,
}

impl Team {
    /// The team of this installation.
    pub fn new(parts: Parts) -> Arc<Team> {
        Arc::new(Team {
            parts,
            throttle: Mutex::default(),
            passwords: passwords::Passwords::new(),
            anybody: AtomicBool::new(false),
            look_again_at: AtomicI64::new(0),
            set_up: Mutex::default(),
        })
    }

    /// Whether there is an account at all. An account made by command shows at once.
    pub async fn has_anybody(&self) -> Result<bool, StoreError> {
        if self.anybody.load(Ordering::Relaxed) {
            return Ok(true);
        }
        // Asked by every request: an account made by command shows within a second.
        let now = self.parts.clock.epoch().0;
        if now < self.look_again_at.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let anybody = !self.parts.store.teammates().await?.is_empty();
        self.anybody.store(anybody, Ordering::Relaxed);
        self.look_again_at.store(now + LOOK_EVERY_MS, Ordering::Relaxed);
        Ok(anybody)
    }

    /// The secret of the one link by which the first account is made; a new one each time, and the last one counts.
    pub fn set_up_secret(&self) -> String {
        let secret = secret();
        *self.set_up.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(digest(&secret));
        secret
    }

    /// Makes the first account, by the set-up link.
    pub async fn set_up(&self, link: &str, who: NewOwner) -> Result<Teammate, TeamError> {
        let right = {
            let known = self.set_up.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            known.as_deref() == Some(&*digest(link))
        };
        if !right {
            return Err(TeamError::Forbidden(
                "This set-up link is not the newest one, or was used; the server prints a new one at its start.",
            ));
        }
        let owner = self.create_owner(who).await?;
        *self.set_up.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = None;
        Ok(owner)
    }

    /// Makes the first account.
    pub async fn create_owner(&self, who: NewOwner) -> Result<Teammate, TeamError> {
        let mut owner = self.fresh(&who.email, &who.name, Role::Owner, None)?;
        owner.password = Some(self.passwords.hash(&who.password).await?);
        let mut work = self.parts.store.begin().await?;
        match work.save_first_teammate(&owner).await {
            Err(StoreError::Conflict) => {
                return Err(TeamError::Forbidden("There is an account already; sign in, or ask its owner."));
            }
            saved => saved?,
        }
        work.commit().await?;
        self.anybody.store(true, Ordering::Relaxed);
        Ok(owner)
    }

    /// Everybody.
    pub async fn teammates(&self) -> Result<Vec<Teammate>, TeamError> {
        Ok(self.parts.store.teammates().await?)
    }

    /// One of them.
    pub async fn teammate(&self, id: TeammateId) -> Result<Teammate, TeamError> {
        self.parts.store.teammate(id).await?.ok_or(TeamError::NotFound("teammate"))
    }

    /// Adds a teammate; gives the secret of the link by which they choose a password.
    pub async fn invite(
        &self,
        by: Role,
        email: &str,
        name: &str,
        role: Role,
        inboxes: Option<Vec<InboxId>>,
    ) -> Result<(Teammate, String), TeamError> {
        only_owners_make_owners(by, role)?;
        let teammate = self.fresh(email, name, role, inboxes)?;
        self.invited(teammate).await
    }

    /// A new link for somebody who lost theirs or their password.
    pub async fn invite_again(&self, by: Role, id: TeammateId) -> Result<(Teammate, String), TeamError> {
        let teammate = self.teammate(id).await?;
        only_owners_make_owners(by, teammate.role)?;
        self.invited(teammate).await
    }

    async fn invited(&self, mut teammate: Teammate) -> Result<(Teammate, String), TeamError> {
        let secret = secret();
        let expires_at = EpochMs(self.parts.clock.epoch().0 + INVITATION_MS);
        teammate.invitation = Some(Invitation { digest: digest(&secret), expires_at });
        self.save(&teammate).await?;
        // The id within the link finds the account without looking through all of them.
        Ok((teammate.clone(), format!("{}.{secret}", teammate.id)))
    }

    /// Takes an invitation: the password is theirs from now on, and all their sessions end.
    pub async fn take_invitation(&self, link: &str, password: &str) -> Result<Teammate, TeamError> {
        const OVER: TeamError = TeamError::Forbidden("This invitation is used up or too old; ask for a new one.");
        let (id, secret) = link.split_once('.').ok_or(OVER)?;
        let id = id.parse().map_err(|_| OVER)?;
        let mut teammate = self.parts.store.teammate(id).await?.ok_or(OVER)?;
        let now = self.parts.clock.epoch();
        let right = |known: &Invitation| known.digest == digest(secret) && now < known.expires_at;
        if teammate.disabled || !teammate.invitation.as_ref().is_some_and(right) {
            return Err(OVER);
        }
        teammate.password = Some(self.passwords.hash(password).await?);
        teammate.invitation = None;
        let mut work = self.parts.store.begin().await?;
        work.save_teammate(&teammate).await?;
        work.end_sessions(teammate.id, None).await?;
        work.commit().await?;
        Ok(teammate)
    }

    /// Changes what somebody is and may do; gives them as they were and as they are. Less power counts at once, since
    /// every request looks the account up.
    pub async fn change(&self, by: Role, id: TeammateId, change: Change) -> Result<(Teammate, Teammate), TeamError> {
        let before = self.teammate(id).await?;
        let mut after = before.clone();
        after.name = change.name.unwrap_or(after.name);
        after.role = change.role.unwrap_or(after.role);
        after.inboxes = change.inboxes.unwrap_or(after.inboxes);
        after.disabled = change.disabled.unwrap_or(after.disabled);
        only_owners_make_owners(by, before.role.max(after.role))?;
        let mut work = self.parts.store.begin().await?;
        let is_owner = |teammate: &Teammate| teammate.role == Role::Owner && !teammate.disabled;
        if is_owner(&before) && !is_owner(&after) {
            let others = self.parts.store.teammates().await?;
            if !others.iter().any(|other| other.id != id && is_owner(other) && other.password.is_some()) {
                return Err(TeamError::Forbidden("This is the last owner; make somebody else an owner first."));
            }
        }
        work.save_teammate(&after).await?;
        if after.disabled {
            work.end_sessions(id, None).await?;
        }
        work.commit().await?;
        Ok((before, after))
    }

    /// Makes a token; its text is told here and never again.
    pub async fn make_token(&self, by: &str, new: NewToken) -> Result<(ApiToken, String), TeamError> {
        if new.scopes.is_empty() || new.scopes.contains(&Permission::OwnAccount) {
            return Err(TeamError::Unfit("scopes names what the token may do; own_account is for people.".into()));
        }
        let text = format!("{TOKEN_PREFIX}{}", secret());
        let token = ApiToken {
            id: ApiTokenId(self.parts.ids.next()),
            name: new.name,
            digest: digest(&text),
            scopes: new.scopes,
            inboxes: new.inboxes,
            by: by.to_owned(),
            created_at: self.parts.clock.epoch(),
            expires_at: new.expires_at,
        };
        let mut work = self.parts.store.begin().await?;
        work.save_api_token(&token).await?;
        work.commit().await?;
        Ok((token, text))
    }

    /// The token of a text, while it is of use.
    pub async fn token(&self, text: &str) -> Result<Option<ApiToken>, StoreError> {
        if !text.starts_with(TOKEN_PREFIX) {
            return Ok(None);
        }
        let now = self.parts.clock.epoch();
        let token = self.parts.store.api_token(&digest(text)).await?;
        Ok(token.filter(|token| token.expires_at.is_none_or(|end| now < end)))
    }

    /// All tokens.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>, TeamError> {
        Ok(self.parts.store.api_tokens().await?)
    }

    /// Takes a token out: the next request with it is refused.
    pub async fn delete_token(&self, id: ApiTokenId) -> Result<(), TeamError> {
        let mut work = self.parts.store.begin().await?;
        match work.delete_api_token(id).await {
            Err(StoreError::NotFound) => return Err(TeamError::NotFound("token")),
            deleted => deleted?,
        }
        Ok(work.commit().await?)
    }

    /// Writes down who changed what.
    pub async fn audit(
        &self,
        who: &str,
        act: String,
        target: String,
        before: serde_json::Value,
        after: serde_json::Value,
    ) -> Result<(), StoreError> {
        let (id, at) = (self.parts.ids.next(), self.parts.clock.epoch());
        let mut work = self.parts.store.begin().await?;
        work.audit(&AuditEntry { id, at, who: who.to_owned(), act, target, before, after }).await?;
        work.commit().await
    }

    fn fresh(&self, email: &str, name: &str, role: Role, inboxes: Option<Vec<InboxId>>) -> Result<Teammate, TeamError> {
        let email = email.trim().to_lowercase();
        let well_formed = email.len() <= 254
            && !email.contains(|c: char| c.is_whitespace() || c.is_control())
            && email.split_once('@').is_some_and(|(user, host)| !user.is_empty() && host.len() > 2);
        if !well_formed {
            return Err(TeamError::Unfit("email is an address such as ann@shop.example.".into()));
        }
        Ok(Teammate {
            id: TeammateId(self.parts.ids.next()),
            email,
            name: name.trim().to_owned(),
            role,
            inboxes,
            disabled: false,
            password: None,
            second_factor: None,
            invitation: None,
            created_at: self.parts.clock.epoch(),
        })
    }

    async fn save(&self, teammate: &Teammate) -> Result<(), TeamError> {
        let mut work = self.parts.store.begin().await?;
        match work.save_teammate(teammate).await {
            Err(StoreError::Conflict) => {
                return Err(TeamError::Unfit("Somebody on the team has this email; change them instead.".into()));
            }
            saved => saved?,
        }
        Ok(work.commit().await?)
    }
}

/// The code of this moment for a second factor's secret (base32), as an authenticator shows it.
pub fn code_now(secret: &str, epoch_ms: i64) -> String {
    let secret = second_factor::from_base32(secret).unwrap_or_default();
    second_factor::digits(&secret, second_factor::step(epoch_ms))
}

/// The first of the team.
pub struct NewOwner {
    /// As they are called.
    pub name: String,
    /// The address they sign in with.
    pub email: String,
    /// Their password.
    pub password: String,
}

fn only_owners_make_owners(by: Role, role: Role) -> Result<(), TeamError> {
    if role == Role::Owner && by != Role::Owner {
        return Err(TeamError::Forbidden("Only an owner makes or changes an owner."));
    }
    Ok(())
}

/// 256 random bits as text.
fn secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What is kept of a secret.
fn digest(secret: &str) -> String {
    Sha256::digest(secret.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Tells our tokens from others, also for scanners of leaked secrets.
const TOKEN_PREFIX: &str = "sbt_";
/// See [`Team::has_anybody`].
const LOOK_EVERY_MS: i64 = 1_000;
/// An invitation is of use for a week.
const INVITATION_MS: i64 = 7 * 86_400_000;
