//! Secrets that have to be read again (an authenticator's, a provider's key), sealed before they are stored.

/// Seals and opens. What is sealed about one thing does not open about another.
pub trait Sealer: Send + Sync {
    /// A text that only [`Sealer::open`] with the same `about` reads.
    fn seal(&self, secret: &str, about: &str) -> String;
    /// What was sealed; `None` when it was not, or about something else, or with another key.
    fn open(&self, sealed: &str, about: &str) -> Option<String>;
}
