//! Speech synthesis: the local model, cloud providers, and the wrappers around both.

pub mod cached;
#[cfg(test)]
mod conformance;
pub mod deepgram;
pub mod elevenlabs;
pub mod fallback;
pub mod hibari;
pub mod normalise;
pub mod openai;
mod pcm;
pub mod recordings;
#[cfg(test)]
mod standin;
pub mod streaming;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use self::cached::Cached;
use self::fallback::{Fallback, Patience};
use self::recordings::Recordings;
use crate::adapters::cloud::Access;
use crate::config::providers::{Provider, ProvidersConfig};
use crate::seams::tts::{Tts, TtsError};

/// The voice that is configured: the local one, or a provider's with the local one behind it, and recordings and
/// frequent phrases before both. Work runs on this runtime.
pub fn configured(
    config: &ProvidersConfig,
    recordings: Recordings,
    local: Arc<dyn Tts>,
    runtime: Handle,
) -> Result<Arc<Cached<dyn Tts>>, TtsError> {
    let access = |name: &str, url: &str, key_env: &str| {
        Access::configured(name, url, key_env, config).map_err(|error| streaming::tts_error(name, error))
    };
    let cloud: Option<Arc<dyn Tts>> = match config.speak {
        Provider::Local => None,
        Provider::Deepgram => {
            let form = deepgram::Deepgram { voice: config.deepgram.voice.clone() };
            let access = access("deepgram", &config.deepgram.url, &config.deepgram.api_key_env)?;
            Some(Arc::new(streaming::StreamingTts::new(form, access, runtime.clone())))
        }
        Provider::Elevenlabs => {
            let chosen = &config.elevenlabs;
            let form = elevenlabs::ElevenLabs { voice: chosen.voice.clone(), model: chosen.voice_model.clone() };
            let access = access("elevenlabs", &chosen.url, &chosen.api_key_env)?;
            Some(Arc::new(streaming::StreamingTts::new(form, access, runtime.clone())))
        }
        Provider::Openai => {
            let chosen = &config.openai;
            let access = access("openai", &chosen.url, &chosen.api_key_env)?;
            let (model, voice) = (chosen.voice_model.clone(), chosen.voice.clone());
            Some(Arc::new(openai::OpenAiTts::new(access, model, voice, runtime.clone())?))
        }
    };
    let voice: Arc<dyn Tts> = match cloud {
        None => local,
        Some(cloud) => {
            let patience = Patience {
                first_audio: Duration::from_millis(config.first_audio_ms),
                gap: Duration::from_millis(config.gap_ms),
                rest: Duration::from_secs(config.rest_seconds),
            };
            Arc::new(Fallback::new(cloud, local, patience, runtime))
        }
    };
    Ok(Arc::new(Cached::new(voice, config.phrase_cache_mb * 1_000_000).with_recordings(recordings)))
}
