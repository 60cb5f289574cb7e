//! The end of turns by their melody: Smart Turn v3.2 on a thread of its own.
//!
//! 1. [`log_mel`] turns the last eight seconds of an utterance into what the model hears.
//! 2. [`SmartTurn`] gives the probability that the turn is over.
//! 3. [`Judge`] runs it for all calls, one question at a time, and refuses what it cannot answer in time.

mod judge;
mod log_mel;
mod smart_turn;

pub use self::judge::Judge;
pub use self::log_mel::{LogMel, WINDOW_SAMPLES};
pub use self::smart_turn::{JudgeError, SmartTurn};
