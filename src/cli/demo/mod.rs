//! A scripted call.
pub mod phone;
