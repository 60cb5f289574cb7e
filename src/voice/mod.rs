//! Calls: what a caller says and what is said to them.

pub mod turn_taking;
