//! Implementations of the seams. Only `app` names them.

pub mod breaker;
pub mod cloud;
pub mod media_node;
pub mod embed;
pub mod knowledge_folder;
pub mod models;
pub mod stt;
pub mod tts;
pub mod bootstrap_token;
pub mod bus;
pub mod store;
pub mod system;
pub mod telemetry;
