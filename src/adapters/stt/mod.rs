//! Speech recognition: the local model and its sharing among calls, cloud providers, and the fallback between them.

#[cfg(test)]
mod accuracy;
pub mod deepgram;
mod dictation;
pub mod elevenlabs;
pub mod fallback;
mod local;
pub mod moonshine;
pub mod openai;
mod queue;
#[cfg(test)]
mod standin;
pub mod streaming;
mod utterance;
pub mod vocabulary;
pub mod wav;
mod whole;

pub use self::local::MoonshineStt;
use self::moonshine::{DecodeError, Decoded, Moonshine};
use self::utterance::Pieces;
pub use self::whole::transcribe_whole;

/// What decodes a piece of audio: the model, or a stand-in in tests.
trait Engine {
    fn decode(&mut self, samples: &[f32], draft: &[u32]) -> Result<Decoded, DecodeError>;
}

impl Engine for Moonshine {
    fn decode(&mut self, samples: &[f32], draft: &[u32]) -> Result<Decoded, DecodeError> {
        Moonshine::decode(self, samples, draft)
    }
}

fn decode_pieces(engine: &mut impl Engine, pieces: &Pieces) -> Result<Vec<(usize, Decoded)>, DecodeError> {
    pieces.pieces.iter().map(|(index, samples, draft)| Ok((*index, engine.decode(samples, draft)?))).collect()
}
