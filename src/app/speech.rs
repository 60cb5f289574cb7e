//! Recognition, synthesis and embedding, as configured.

use std::sync::Arc;

use tracing::warn;

use crate::adapters::embed::MiniLm;
use crate::adapters::models::Models;
use crate::adapters::stt::MoonshineStt;
use crate::adapters::tts::cached::Cached;
use crate::adapters::tts::hibari::HibariTts;
use crate::config::speech::SpeechConfig;
use crate::seams::embed::Embedder;
use crate::seams::stt::Stt;
use crate::seams::tts::Tts;

/// What hears and speaks.
pub struct Speech {
    /// Recognition.
    pub stt: Arc<dyn Stt>,
    /// Synthesis, with frequent phrases kept ready.
    pub phrases: Arc<Cached<dyn Tts>>,
}

/// Loads the local models. Blocking; a second or two.
pub fn local(config: &SpeechConfig, models: &Models) -> anyhow::Result<Speech> {
    let stt = MoonshineStt::start(models, config.recognition_workers)?;
    let tts: Arc<dyn Tts> = Arc::new(HibariTts::load(models, TTS_WORKERS)?);
    Ok(Speech { stt: Arc::new(stt), phrases: Arc::new(Cached::new(tts, PHRASES_MAX_BYTES)) })
}

/// The embedding model; `None`, with a warning, when it cannot be loaded: words alone are searched then.
pub fn embedder(models: &Models) -> Option<Arc<dyn Embedder>> {
    match MiniLm::open(models) {
        Ok(model) => Some(Arc::new(model)),
        Err(error) => {
            warn!(%error, "Answers are found by words alone");
            None
        }
    }
}



/// One thread speaks for all calls; a sentence takes some 80 ms.
const TTS_WORKERS: usize = 1;
/// Phrases kept synthesised: 64 MB hold half an hour of speech.
const PHRASES_MAX_BYTES: usize = 64 << 20;
