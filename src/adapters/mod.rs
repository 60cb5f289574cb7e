//! Implementations of the seams. Only `app` names them.

pub mod embed;
pub mod knowledge_folder;
pub mod models;
pub mod stt;
