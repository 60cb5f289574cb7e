//! Speech recognition.

use media::Frame;
use tokio::sync::mpsc;

/// Names an utterance of a caller; grows by one with each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeardId(pub u32);

/// How good a transcript is asked for, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Want {
    /// What was said so far; may be skipped under load.
    Partial,
    /// The caller has paused: what an answer may be prepared from.
    Likely,
    /// The turn is over.
    Final,
}

/// What a recogniser tells.
#[derive(Clone, Debug, PartialEq)]
pub enum SttEvent {
    /// A transcript of the utterance's audio up to `audio_ms`.
    Transcript {
        /// Which utterance.
        heard: HeardId,
        /// What it answers.
        want: Want,
        /// The text, lower or mixed case as the model gives it; empty when no words were found.
        text: String,
        /// How much of the utterance's audio it covers, in milliseconds.
        audio_ms: u32,
        /// Mean probability of its tokens, 0–1, where the model tells.
        confidence: Option<f32>,
        /// Time it took from being asked, in milliseconds.
        took_ms: f32,
        /// The provider's own end-pointing says that the turn is over.
        ends_turn: bool,
    },
    /// This recogniser is lost for the rest of the call; a fallback takes over.
    Failed(SttError),
}

/// Why a recogniser gave nothing.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum SttError {
    /// The model is missing or damaged.
    #[error("speech recognition model: {0}; run `switchboard models fetch`")]
    Model(String),
    /// The provider refused (credentials, quota).
    #[error("{provider} refused: {reason}")]
    Refused {
        /// Its configured name.
        provider: String,
        /// In its words.
        reason: String,
    },
    /// The provider gave nothing in time or closed.
    #[error("{provider} stopped answering: {reason}")]
    Stalled {
        /// Its configured name.
        provider: String,
        /// What was waited for.
        reason: String,
    },
}

/// A recogniser shared by all calls.
pub trait Stt: Send + Sync {
    /// Its configured name, for logs and `check`.
    fn name(&self) -> &str;
    /// Begins listening to one call. Returns at once; connecting goes on behind it.
    fn open(&self) -> Result<SttSession, SttError>;
}

/// One call's recogniser.
pub struct SttSession {
    /// Where the audio goes.
    pub input: Box<dyn SttInput>,
    /// What it tells.
    pub events: mpsc::Receiver<SttEvent>,
}

/// Takes one call's audio. No method waits.
pub trait SttInput: Send {
    /// The caller's next 20 ms, silence included.
    fn push(&mut self, frame: &Frame);
    /// An utterance began `lead_frames` before the newest frame. It ends the one before.
    fn begin(&mut self, heard: HeardId, lead_frames: usize);
    /// Asks for a transcript of the running utterance up to the newest frame.
    fn transcribe(&mut self, want: Want);
    /// The utterance is over: forget its audio.
    fn end(&mut self);
}
