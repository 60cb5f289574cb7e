//! Calls: what is said, heard and done, from the INVITE to the last word.

pub mod collect;
pub mod flow;
pub mod intents;
pub mod offer;
pub mod phrases;
pub mod spoken_number;
