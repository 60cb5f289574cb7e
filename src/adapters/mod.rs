//! Implementations of the seams. Only `app` names them.

pub mod breaker;
pub mod cloud;
pub mod models;
pub mod stt;
pub mod tts;
