//! Time and identifiers, handed in so that tests and simulations own them.

use std::time::Instant;

use uuid::Uuid;

use crate::domain::time::EpochMs;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Monotonic time.
    fn now(&self) -> Instant;
    /// Wall-clock time.
    fn epoch(&self) -> EpochMs;
}

/// Makes identifiers.
pub trait Ids: Send + Sync {
    /// A fresh UUIDv7.
    fn next(&self) -> Uuid;
}
