//! Speech synthesis: the local model, cloud providers, and the wrappers around both.

pub mod cached;
pub mod deepgram;
pub mod elevenlabs;
pub mod fallback;
pub mod hibari;
pub mod normalise;
pub mod openai;
mod pcm;
#[cfg(test)]
mod standin;
pub mod streaming;
