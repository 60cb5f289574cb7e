//! Passwords: argon2id with 19 MiB, two passes (OWASP's recommendation), a few at a time.

use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::TeamError;

/// Makes and checks digests.
pub struct Passwords {
    at_once: Arc<Semaphore>,
    /// Of nobody's password: an account that is not there takes as long as one that is.
    nobodys: String,
}

impl Passwords {
    /// Makes a digest to compare with in vain.
    pub fn new() -> Passwords {
        let nobodys = hash(&super::secret()).unwrap_or_default();
        Passwords { at_once: Arc::new(Semaphore::new(AT_ONCE)), nobodys }
    }

    /// The digest of a password that is good enough.
    pub async fn hash(&self, password: &str) -> Result<String, TeamError> {
        let chars = password.chars().count();
        if !(CHARS_MIN..=CHARS_MAX).contains(&chars) {
            return Err(TeamError::Unfit(format!("password has {CHARS_MIN} to {CHARS_MAX} characters.")));
        }
        let mut seen: Vec<char> = password.chars().collect();
        seen.sort_unstable();
        seen.dedup();
        if seen.len() < DIFFERENT_MIN || COMMON.iter().any(|common| password.to_lowercase().contains(common)) {
            return Err(TeamError::Unfit(
                "password is too easily guessed; four words that do not belong together \
                                         make a good one."
                    .into(),
            ));
        }
        let password = password.to_owned();
        self.blocking(move || hash(&password)).await?.ok_or_else(|| TeamError::Unfit("password cannot be used.".into()))
    }

    /// Whether this is the password; `None` for an account that is not there, which takes as long.
    pub async fn is_right(&self, known: Option<&str>, given: &str) -> Result<bool, TeamError> {
        let there = known.is_some();
        let known = known.unwrap_or(&self.nobodys).to_owned();
        let given: String = given.chars().take(CHARS_MAX).collect();
        let right = self.blocking(move || {
            let parsed = PasswordHash::new(&known).ok();
            parsed.is_some_and(|known| Argon2::default().verify_password(given.as_bytes(), &known).is_ok())
        });
        Ok(right.await? && there)
    }

    /// Off the runtime, and a few at a time: each takes 19 MiB and some 30 ms of a core that calls need.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, TeamError> {
        let _permit = self.at_once.acquire().await.map_err(|_| TeamError::Unknown)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| TeamError::Unknown)
    }
}

fn hash(password: &str) -> Option<String> {
    Argon2::default().hash_password(password.as_bytes()).ok().map(|hash| hash.to_string())
}

/// Hashes at the same time.
const AT_ONCE: usize = 2;
/// NIST SP 800-63B asks for 8, and 15 without a second factor; this lies between.
const CHARS_MIN: usize = 12;
/// Long enough for any sentence, short enough to hash.
const CHARS_MAX: usize = 200;
/// "aaaaaaaaaaaa" has one.
const DIFFERENT_MIN: usize = 5;
/// What everybody tries first.
const COMMON: &[&str] = &["password", "123456", "qwerty", "letmein", "switchboard", "welcome1"];
