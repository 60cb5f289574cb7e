//! Recognition, synthesis, embedding and writing, as configured.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tracing::warn;

use crate::adapters::embed::MiniLm;
use crate::adapters::end_of_turn::Judge;
use crate::adapters::llm;
use crate::adapters::models::Models;
use crate::adapters::stt::{self, MoonshineStt};
use crate::adapters::tts;
use crate::adapters::tts::cached::Cached;
use crate::adapters::tts::hibari::HibariTts;
use crate::adapters::tts::recordings::{self, Recordings};
use crate::config::providers::ProvidersConfig;
use crate::config::speech::SpeechConfig;
use crate::seams::embed::Embedder;
use crate::seams::stt::Stt;
use crate::seams::tts::Tts;
use crate::seams::turn_end::TurnEnd;
use crate::support::writer::{Writer, WriterLimits};

/// The models on this machine.
pub struct LocalSpeech {
    stt: Arc<dyn Stt>,
    tts: Arc<dyn Tts>,
    turn_end: Option<Arc<dyn TurnEnd>>,
    recordings: Recordings,
}

/// What hears and speaks.
pub struct Speech {
    /// Recognition.
    pub stt: Arc<dyn Stt>,
    /// Synthesis, with frequent phrases kept ready.
    pub phrases: Arc<Cached<dyn Tts>>,
    /// Whether a sentence sounds over.
    pub turn_end: Option<Arc<dyn TurnEnd>>,
}

/// Loads the local models. Blocking; a second or two.
pub fn local(config: &SpeechConfig, models: &Models) -> anyhow::Result<LocalSpeech> {
    let stt = MoonshineStt::start(models, config.recognition_workers)?;
    let tts = HibariTts::load(models, TTS_WORKERS)?;
    let turn_end = if config.melody { turn_end(models) } else { None };
    let recordings = config.recordings.as_deref().map(recordings::load).transpose()?.unwrap_or_default();
    Ok(LocalSpeech { stt: Arc::new(stt), tts: Arc::new(tts), turn_end, recordings })
}

impl LocalSpeech {
    /// The configured providers, with the local models behind them.
    pub fn configured(self, config: &ProvidersConfig, runtime: Handle) -> anyhow::Result<Speech> {
        Ok(Speech {
            stt: stt::configured(config, self.stt, runtime.clone())?,
            phrases: tts::configured(config, self.recordings, self.tts, runtime)?,
            turn_end: self.turn_end,
        })
    }
}

/// The judge of melody; `None`, with a warning, when it cannot be loaded: the words alone tell then whether a
/// turn is over.
fn turn_end(models: &Models) -> Option<Arc<dyn TurnEnd>> {
    match Judge::start(models) {
        Ok(judge) => Some(Arc::new(judge)),
        Err(error) => {
            warn!(%error, "Whether a caller goes on is told by their words alone");
            None
        }
    }
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

/// Who puts answers into words; `None` where the knowledge's own words are used.
pub fn writer(config: &ProvidersConfig, runtime: Handle) -> anyhow::Result<Option<Writer>> {
    let chosen = &config.writer;
    let limits = WriterLimits {
        first_token: Duration::from_millis(chosen.first_token_ms),
        answer: Duration::from_millis(chosen.answer_ms),
        message: Duration::from_millis(chosen.message_ms),
        summary: Duration::from_millis(chosen.summary_ms),
        tokens_max: chosen.tokens_max,
    };
    let writers = llm::configured(config, runtime)?;
    Ok(writers.map(|writers| Writer::new(writers.live, writers.unhurried, limits)))
}

/// One thread speaks for all calls; a sentence takes some 80 ms.
const TTS_WORKERS: usize = 1;
