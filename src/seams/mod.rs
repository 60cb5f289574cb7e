//! The traits behind which everything replaceable stands, with the types that cross them.

pub mod attachment_store;
pub mod blobs;
pub mod browser;
pub mod bus;
pub mod channel;
pub mod channel_store;
pub mod clock;
pub mod documents;
pub mod embed;
pub mod fakes;
pub mod inbox_store;
pub mod knowledge_store;
pub mod llm;
pub mod media;
pub mod notifier;
pub mod secrets;
pub mod shown;
pub mod signaling;
pub mod store;
pub mod stt;
pub mod team_store;
pub mod tts;
pub mod turn_end;
pub mod txt_records;
pub mod webhooks;
pub mod widget_store;
