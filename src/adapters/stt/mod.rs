//! Speech recognition: the local model and its sharing among calls, cloud providers, and the fallback between them.

pub mod deepgram;
pub mod dictation;
pub mod elevenlabs;
pub mod fallback;
pub mod moonshine;
pub mod openai;
#[cfg(test)]
mod standin;
pub mod streaming;
pub mod vocabulary;
pub mod wav;
