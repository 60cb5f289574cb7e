//! How long our calls by a trunk have lasted on one day (S9).

use super::time::EpochMs;

/// One trunk's day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkUse {
    /// The trunk's configured name.
    pub trunk: String,
    /// Days of UTC since 1970.
    pub day: i64,
    /// How long calls that were answered have lasted on it, those under way included, in milliseconds.
    pub used_ms: i64,
}

/// The day of a moment, in UTC since 1970.
pub fn day_of(at: EpochMs) -> i64 {
    at.0.div_euclid(DAY_MS)
}

/// A day of UTC.
pub const DAY_MS: i64 = 86_400_000;
