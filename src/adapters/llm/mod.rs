//! Language models: any server that speaks OpenAI's chat completions, kept within what may be spent.

mod allowance;
mod chunks;
#[cfg(test)]
mod conformance;
pub mod guarded;
pub mod openai;
#[cfg(test)]
mod standin;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use self::allowance::Allowance;
use self::guarded::{Guarded, Patience};
use self::openai::OpenAiLlm;
use crate::adapters::cloud::{Access, CloudError};
use crate::config::providers::{ProvidersConfig, WriteProvider};
use crate::seams::llm::{Llm, LlmError};

/// The model that writes, once for callers, who cannot wait, and once for everybody else: each rests when it fails
/// its own, both spend from one purse.
pub struct Writers {
    /// For whoever is on the line.
    pub live: Arc<dyn Llm>,
    /// For messages and summaries.
    pub unhurried: Arc<dyn Llm>,
}

/// The configured model; `None` where the knowledge's own words are used. Work runs on this runtime.
pub fn configured(config: &ProvidersConfig, runtime: Handle) -> Result<Option<Writers>, LlmError> {
    let chosen = &config.writer;
    match config.write {
        WriteProvider::Local => return Ok(None),
        WriteProvider::Openai => {}
    }
    let mut access = Access::configured("openai", &chosen.url, &chosen.api_key_env, config)
        .map_err(|error| llm_error("openai", error))?;
    // Whoever asks has less patience and lets go; this is for what nobody waits for any more.
    access.stall_timeout = Duration::from_millis(chosen.message_ms);
    let model: Arc<dyn Llm> = Arc::new(OpenAiLlm::new(access, chosen.model.clone(), runtime.clone())?);
    let allowance = Arc::new(Allowance::new(chosen.tokens_a_day, chosen.requests_a_minute));
    let rest = Duration::from_secs(config.rest_seconds);
    let guarded = |first_ms: u64, whole_ms: u64| -> Arc<dyn Llm> {
        let patience = Patience { first: Duration::from_millis(first_ms), whole: Duration::from_millis(whole_ms) };
        Arc::new(Guarded::new(model.clone(), allowance.clone(), rest, patience, runtime.clone()))
    };
    Ok(Some(Writers {
        live: guarded(chosen.first_token_ms, chosen.answer_ms),
        unhurried: guarded(chosen.message_ms, chosen.message_ms),
    }))
}

fn llm_error(provider: &str, error: CloudError) -> LlmError {
    let provider = provider.to_owned();
    match error {
        CloudError::Refused(reason) => LlmError::Refused { provider, reason },
        CloudError::Stalled(reason) => LlmError::Stalled { provider, reason },
    }
}
