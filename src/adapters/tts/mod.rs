//! Speech synthesis: the local model, cloud providers, and the wrappers around both.

pub mod hibari;
pub mod normalise;
