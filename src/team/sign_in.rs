//! Signing in and out, passwords and the second factor of one's own account.

use super::second_factor::{base32, from_base32, matching_step, step};
use super::throttle;
use super::{Team, TeamError, digest, secret};
use crate::domain::ids::{SessionId, TeammateId};
use crate::domain::team::{SecondFactor, Session, Teammate};
use crate::domain::time::EpochMs;
use crate::seams::store::StoreError;

/// What somebody types to sign in, and where from.
pub struct Credentials<'a> {
    /// The address they sign in with.
    pub email: &'a str,
    /// Their password.
    pub password: &'a str,
    /// Six digits, or a recovery code.
    pub code: Option<&'a str>,
    /// The address of the connection.
    pub from: &'a str,
    /// What the browser calls itself.
    pub browser: &'a str,
}

/// Somebody who is signed in.
#[derive(Clone, PartialEq)]
pub struct SignedIn {
    /// Who.
    pub teammate: Teammate,
    /// By which session.
    pub session: Session,
}

impl Team {
    /// Signs in; gives the secret for the cookie. A session of the same browser from before is not taken over: each
    /// sign-in makes a secret of its own (session fixation).
    pub async fn sign_in(&self, given: &Credentials<'_>) -> Result<(SignedIn, String), TeamError> {
        let email = given.email.trim().to_lowercase();
        let counts = throttle::counts(&email, given.from);
        let now = self.parts.clock.now();
        if let Some(wait) = self.throttle().wait(&counts, now) {
            return Err(TeamError::Wait(wait.as_secs().max(1)));
        }
        let known = self.parts.store.teammate_by_email(&email).await?.filter(|teammate| !teammate.disabled);
        let password = known.as_ref().and_then(|teammate| teammate.password.as_deref());
        let right = self.passwords.is_right(password, given.password).await?;
        let Some(teammate) = known.filter(|_| right) else {
            self.throttle().failed(&counts, now);
            metrics::counter!("switchboard_sign_ins_total", "outcome" => "refused").increment(1);
            return Err(TeamError::Unknown);
        };
        let teammate = match self.second_factor(teammate, given.code).await {
            Err(TeamError::Unknown) => {
                self.throttle().failed(&counts, now);
                return Err(TeamError::Unknown);
            }
            checked => checked?,
        };
        self.throttle().succeeded(&counts);
        metrics::counter!("switchboard_sign_ins_total", "outcome" => "signed_in").increment(1);
        self.begin_session(teammate, given.from, given.browser).await
    }

    /// A session for somebody who proved otherwise who they are (set-up link, invitation).
    pub async fn begin_session(
        &self,
        teammate: Teammate,
        from: &str,
        browser: &str,
    ) -> Result<(SignedIn, String), TeamError> {
        let cookie = secret();
        let now = self.parts.clock.epoch();
        let session = Session {
            id: SessionId(self.parts.ids.next()),
            teammate: teammate.id,
            digest: digest(&cookie),
            created_at: now,
            expires_at: EpochMs(now.0 + SESSION_MS),
            from: from.to_owned(),
            browser: browser.chars().take(BROWSER_CHARS_MAX).collect(),
        };
        let mut work = self.parts.store.begin().await?;
        work.forget_sessions(now).await?;
        work.save_session(&session).await?;
        work.commit().await?;
        Ok((SignedIn { teammate, session }, cookie))
    }

    /// Who holds this cookie; the account as it is now, so that what was taken away is gone at once.
    pub async fn by_cookie(&self, cookie: &str) -> Result<Option<SignedIn>, StoreError> {
        let now = self.parts.clock.epoch();
        let session = self.parts.store.session(&digest(cookie)).await?.filter(|session| now < session.expires_at);
        let Some(session) = session else { return Ok(None) };
        let teammate = self.parts.store.teammate(session.teammate).await?.filter(|teammate| !teammate.disabled);
        Ok(teammate.map(|teammate| SignedIn { teammate, session }))
    }

    /// What a page sends back with each change, made of the cookie that it cannot read (W5).
    pub fn csrf(cookie: &str) -> String {
        digest(&format!("csrf {cookie}"))
    }

    /// Somebody's sessions.
    pub async fn sessions(&self, of: TeammateId) -> Result<Vec<Session>, TeamError> {
        let now = self.parts.clock.epoch();
        let mut sessions = self.parts.store.sessions(of).await?;
        sessions.retain(|session| now < session.expires_at);
        Ok(sessions)
    }

    /// Ends one of somebody's sessions.
    pub async fn end_session(&self, of: TeammateId, id: SessionId) -> Result<(), TeamError> {
        let mut work = self.parts.store.begin().await?;
        match work.end_session(of, id).await {
            Err(StoreError::NotFound) => return Err(TeamError::NotFound("session")),
            ended => ended?,
        }
        Ok(work.commit().await?)
    }

    /// Ends all of somebody's sessions.
    pub async fn end_sessions(&self, of: TeammateId) -> Result<u64, TeamError> {
        self.teammate(of).await?;
        let mut work = self.parts.store.begin().await?;
        let ended = work.end_sessions(of, None).await?;
        work.commit().await?;
        Ok(ended)
    }

    /// Changes one's own password; all other sessions end.
    pub async fn change_password(&self, who: &SignedIn, old: &str, new: &str) -> Result<(), TeamError> {
        let mut teammate = self.proven(who, old).await?;
        teammate.password = Some(self.passwords.hash(new).await?);
        let mut work = self.parts.store.begin().await?;
        work.save_teammate(&teammate).await?;
        work.end_sessions(teammate.id, Some(who.session.id)).await?;
        Ok(work.commit().await?)
    }

    /// Begins a second factor; gives its secret in base32. It counts once a code of it was given.
    pub async fn begin_second_factor(&self, who: &SignedIn, password: &str) -> Result<String, TeamError> {
        let mut teammate = self.proven(who, password).await?;
        if teammate.second_factor.as_ref().is_some_and(|factor| factor.confirmed) {
            return Err(TeamError::Unfit("It is on already; switch it off first.".into()));
        }
        let secret = base32(&rand::random::<[u8; 20]>());
        let sealed = self.parts.sealer.seal(&secret, &about(&teammate));
        let factor = SecondFactor { secret: sealed, confirmed: false, last_step: 0, recovery: Vec::new() };
        teammate.second_factor = Some(factor);
        self.save(&teammate).await?;
        Ok(secret)
    }

    /// The first code was given: from now on one is asked for. Gives codes for a lost telephone.
    pub async fn confirm_second_factor(&self, who: &SignedIn, code: &str) -> Result<Vec<String>, TeamError> {
        let mut teammate = self.teammate(who.teammate.id).await?;
        let about = about(&teammate);
        let factor = teammate.second_factor.as_mut().filter(|factor| !factor.confirmed);
        let factor = factor.ok_or_else(|| TeamError::Unfit("Begin it first.".into()))?;
        let now = step(self.parts.clock.epoch().0);
        let secret = self.unsealed(&factor.secret, &about);
        let used = matching_step(&secret, code, now, factor.last_step);
        let used = used.ok_or_else(|| TeamError::Unfit("This is not its code now; check the clock of both.".into()))?;
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| base32(&rand::random::<[u8; 10]>())).collect();
        factor.recovery = codes.iter().map(|code| digest(code)).collect();
        (factor.confirmed, factor.last_step) = (true, used);
        self.save(&teammate).await?;
        Ok(codes)
    }

    /// Switches the second factor off.
    pub async fn end_second_factor(&self, who: &SignedIn, password: &str) -> Result<(), TeamError> {
        let mut teammate = self.proven(who, password).await?;
        teammate.second_factor = None;
        self.save(&teammate).await
    }

    /// The account, its password given once more; wrong ones are counted as at signing in.
    async fn proven(&self, who: &SignedIn, password: &str) -> Result<Teammate, TeamError> {
        let teammate = self.teammate(who.teammate.id).await?;
        let counts = throttle::counts(&teammate.email, &who.session.from);
        let now = self.parts.clock.now();
        if let Some(wait) = self.throttle().wait(&counts, now) {
            return Err(TeamError::Wait(wait.as_secs().max(1)));
        }
        if !self.passwords.is_right(teammate.password.as_deref(), password).await? {
            self.throttle().failed(&counts, now);
            return Err(TeamError::Forbidden("The password is wrong."));
        }
        Ok(teammate)
    }

    /// Lets pass whoever has none, or gives its code; a code is used up by it.
    async fn second_factor(&self, mut teammate: Teammate, code: Option<&str>) -> Result<Teammate, TeamError> {
        let about = about(&teammate);
        let Some(factor) = teammate.second_factor.as_mut().filter(|factor| factor.confirmed) else {
            return Ok(teammate);
        };
        let code = code.ok_or(TeamError::CodeWanted)?.trim();
        let secret = self.unsealed(&factor.secret, &about);
        let now = step(self.parts.clock.epoch().0);
        match matching_step(&secret, code, now, factor.last_step) {
            Some(used) => factor.last_step = used,
            None => {
                let given = digest(&code.to_uppercase().replace([' ', '-'], ""));
                let at = factor.recovery.iter().position(|known| *known == given).ok_or(TeamError::Unknown)?;
                factor.recovery.remove(at);
            }
        }
        self.save(&teammate).await?;
        Ok(teammate)
    }

    /// A secret that does not open (another key file) has no code: a recovery code still counts.
    fn unsealed(&self, sealed: &str, about: &str) -> Vec<u8> {
        let secret = self.parts.sealer.open(sealed, about);
        if secret.is_none() {
            tracing::error!("An authenticator's secret cannot be opened; was the file secret-key lost?");
        }
        secret.and_then(|secret| from_base32(&secret)).unwrap_or_else(secret_of_nobody)
    }

    fn throttle(&self) -> std::sync::MutexGuard<'_, throttle::Throttle> {
        self.throttle.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// What a teammate's secret is sealed about.
fn about(teammate: &Teammate) -> String {
    format!("second factor of {}", teammate.id)
}

/// Whose codes nobody can know; an empty secret would have known ones.
fn secret_of_nobody() -> Vec<u8> {
    rand::random::<[u8; 20]>().to_vec()
}

/// A session ends by itself after two weeks.
const SESSION_MS: i64 = 14 * 86_400_000;
/// As much of a browser's name as tells one from another.
const BROWSER_CHARS_MAX: usize = 200;
/// Codes for a lost telephone.
const RECOVERY_CODES: usize = 10;
