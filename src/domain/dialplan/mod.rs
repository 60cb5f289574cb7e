//! Dialplans: which call goes where, and why (R2).
//!
//! 1. [`Plan`] is what the files of a folder say together: routes in order, actions by name, opening hours by name,
//!    callers who are blocked, and what becomes of emergency numbers.
//! 2. [`check::findings`] tells everything that is wrong with one, and what a careful reader would want to know.
//! 3. [`Plan::route`] finds the first route that fits a call and says of each earlier one why it does not.
//!
//! Pure: the moment is an argument, and numbers are compared as E.164.

pub mod check;
pub mod matching;
pub mod plan;
pub mod queue;
mod routing;

pub use matching::{Address, CallFacts, Pattern};
pub use plan::{Action, ActionRef, Place, Plan, Problem, Route};
pub use routing::{Decision, Step};

#[cfg(test)]
mod tests;
