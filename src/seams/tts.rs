//! Speech synthesis.

use media::Clip;
use tokio::sync::mpsc;

/// Something to be said: one sentence or a short phrase, as written.
#[derive(Clone, PartialEq)]
pub struct TtsRequest {
    /// The text, not yet normalised.
    pub text: String,
    /// Speed, 1.0 being the voice's own; 0.8 for "slower".
    pub speed: f32,
    /// Which voice, by the provider's name; `None` is its default.
    pub voice: Option<String>,
}

/// A piece of speech, 16 kHz mono.
#[derive(Clone)]
pub struct TtsChunk {
    /// The audio.
    pub clip: Clip,
}

/// Why no speech came.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TtsError {
    /// The model is missing or damaged.
    #[error("speech synthesis model: {0}; run `switchboard models fetch`")]
    Model(String),
    /// The provider refused.
    #[error("{provider} refused: {reason}")]
    Refused {
        /// Its configured name.
        provider: String,
        /// In its words.
        reason: String,
    },
    /// The provider gave nothing in time, or closed mid-sentence.
    #[error("{provider} stopped answering: {reason}")]
    Stalled {
        /// Its configured name.
        provider: String,
        /// What was waited for.
        reason: String,
    },
}

/// The pieces of one sentence, in order; the channel closes after the last. Dropping it cancels the work.
pub type TtsStream = mpsc::Receiver<Result<TtsChunk, TtsError>>;

/// A synthesiser shared by all calls.
pub trait Tts: Send + Sync {
    /// Its configured name.
    fn name(&self) -> &str;
    /// Begins to speak a text. Returns at once.
    fn speak(&self, request: TtsRequest) -> TtsStream;
}
