//! Recognition, synthesis and embedding, as configured.

use std::sync::Arc;

use tracing::warn;

use crate::adapters::embed::MiniLm;
use crate::adapters::models::Models;
use crate::adapters::stt::MoonshineStt;
use crate::adapters::tts::hibari::HibariTts;
use crate::seams::embed::Embedder;
use crate::seams::stt::Stt;
use crate::seams::tts::Tts;

/// What hears and speaks.
pub struct Speech {
    /// Recognition.
    pub stt: Arc<dyn Stt>,
    /// Synthesis.
    pub tts: Arc<dyn Tts>,
}

/// Loads the local models. Blocking; a second or two.
pub fn local(models: &Models) -> anyhow::Result<Speech> {
    let stt = MoonshineStt::start(models, STT_WORKERS)?;
    let tts = HibariTts::load(models, TTS_WORKERS)?;
    Ok(Speech { stt: Arc::new(stt), tts: Arc::new(tts) })
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

/// One thread decodes for all calls: two on a two-core machine are slower than one.
const STT_WORKERS: usize = 1;
/// One thread speaks for all calls; a sentence takes some 80 ms.
const TTS_WORKERS: usize = 1;
