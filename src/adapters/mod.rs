//! Implementations of the seams. Only `app` names them.

pub mod backup;
pub mod blobs;
pub mod bootstrap_token;
pub mod breaker;
pub mod bus;
pub mod channels;
pub mod cloud;
pub mod dialplan_folder;
pub mod documents;
pub mod embed;
pub mod end_of_turn;
pub mod knowledge_folder;
pub mod llm;
pub mod media_node;
pub mod models;
pub mod pages;
pub mod secret_box;
pub mod store;
pub mod stt;
pub mod system;
pub mod telemetry;
pub mod tts;
