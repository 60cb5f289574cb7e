//! Speech recognition: the local model and its sharing among calls, cloud providers, and the fallback between them.

#[cfg(test)]
mod accuracy;
#[cfg(test)]
mod conformance;
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
pub mod word_errors;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

pub use self::local::MoonshineStt;
use self::moonshine::{DecodeError, Decoded, Moonshine};
use self::utterance::Pieces;
pub use self::whole::transcribe_whole;
use crate::adapters::cloud::Access;
use crate::config::providers::{Provider, ProvidersConfig};
use crate::seams::stt::{Stt, SttError};

/// The recogniser that is configured: the local one, or a provider's with the local one behind it. Work runs on
/// this runtime.
pub fn configured(config: &ProvidersConfig, local: Arc<dyn Stt>, runtime: Handle) -> Result<Arc<dyn Stt>, SttError> {
    let access = |name: &str, url: &str, key_env: &str| {
        Access::configured(name, url, key_env, config).map_err(|error| streaming::stt_error(name, error))
    };
    let settle = Duration::from_millis(config.settle_ms);
    let cloud: Arc<dyn Stt> = match config.listen {
        Provider::Local => return Ok(local),
        Provider::Deepgram => {
            let chosen = &config.deepgram;
            let form = deepgram::Deepgram {
                model: chosen.model.clone(),
                language: chosen.language.clone(),
                endpointing_ms: chosen.endpointing_ms,
            };
            let access = access("deepgram", &chosen.url, &chosen.api_key_env)?;
            Arc::new(streaming::StreamingStt::new(form, access, settle, runtime.clone()))
        }
        Provider::Elevenlabs => {
            let chosen = &config.elevenlabs;
            let form = elevenlabs::ElevenLabs { model: chosen.model.clone(), language: chosen.language.clone() };
            let access = access("elevenlabs", &chosen.url, &chosen.api_key_env)?;
            Arc::new(streaming::StreamingStt::new(form, access, settle, runtime.clone()))
        }
        Provider::Openai => {
            let chosen = &config.openai;
            let access = access("openai", &chosen.url, &chosen.api_key_env)?;
            let (model, language) = (chosen.model.clone(), chosen.language.clone());
            Arc::new(openai::OpenAiStt::new(access, model, language, runtime.clone())?)
        }
    };
    let patience = fallback::Patience {
        answer: Duration::from_millis(config.answer_ms),
        rest: Duration::from_secs(config.rest_seconds),
    };
    Ok(Arc::new(fallback::Fallback::new(cloud, local, patience, runtime)))
}

/// What decodes a piece of audio: the model, or a stand-in in tests. `None` when `stop` told it to give up.
trait Engine {
    fn decode(
        &mut self,
        samples: &[f32],
        draft: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Decoded>, DecodeError>;
}

impl Engine for Moonshine {
    fn decode(
        &mut self,
        samples: &[f32],
        draft: &[u32],
        stop: &dyn Fn() -> bool,
    ) -> Result<Option<Decoded>, DecodeError> {
        self.decode_unless(samples, draft, stop)
    }
}

/// What was decoded of some pieces, by window.
struct DecodedPieces {
    results: Vec<(usize, Decoded)>,
    /// They are not all: it was told to stop.
    stopped: bool,
}

fn decode_pieces(
    engine: &mut impl Engine,
    pieces: &Pieces,
    stop: &dyn Fn() -> bool,
) -> Result<DecodedPieces, DecodeError> {
    let mut results = Vec::with_capacity(pieces.pieces.len());
    for (index, samples, draft) in &pieces.pieces {
        match engine.decode(samples, draft, stop)? {
            Some(decoded) => results.push((*index, decoded)),
            None => return Ok(DecodedPieces { results, stopped: true }),
        }
    }
    Ok(DecodedPieces { results, stopped: false })
}
