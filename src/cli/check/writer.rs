//! Whether the language model that writes answers can be asked.

use std::time::Instant;

use super::Finding::{self, Good, Mend};
use crate::adapters::llm;
use crate::config::Config;
use crate::seams::llm::{Block, LlmPiece, LlmRequest, Tool};

/// Has it say a word by a tool, as it does for answers.
pub(super) async fn tried(config: &Config) -> Finding {
    let remedy = "mend [providers.writer], or set providers.write to \"local\"; answers use the knowledge's own words \
                  meanwhile";
    let writers = match llm::configured(&config.providers, tokio::runtime::Handle::current()) {
        Ok(Some(writers)) => writers,
        Ok(None) => return Good("none; answers use the knowledge's own words".into()),
        Err(error) => return Mend(error.to_string(), remedy.into()),
    };
    let parameters = serde_json::json!({"type": "object", "properties": {"word": {"type": "string"}},
        "required": ["word"], "additionalProperties": false});
    let request = LlmRequest {
        system: "Use the tool once, with the word lamp.".into(),
        blocks: vec![Block { label: "customer".into(), text: "A word, please.".into() }],
        nonce: "check".into(),
        tools: vec![Tool { name: "say", purpose: "Says a word.", parameters }],
        tokens_max: 50,
    };
    let began = Instant::now();
    let (mut stream, mut first_ms, mut called) = (writers.unhurried.write(request), None, false);
    while let Some(piece) = stream.recv().await {
        first_ms.get_or_insert(began.elapsed().as_millis());
        match piece {
            Ok(LlmPiece::Call { .. }) => called = true,
            Ok(LlmPiece::Done { .. }) if called => {
                let model = writers.unhurried.model();
                let first_ms = first_ms.unwrap_or_default();
                let whole_ms = began.elapsed().as_millis();
                let late = first_ms > u128::from(config.providers.writer.first_token_ms);
                let on_calls = if late { "; too late for calls, which use the knowledge's own words" } else { "" };
                return Good(format!("{model}: first word after {first_ms} ms, all after {whole_ms} ms{on_calls}"));
            }
            Ok(_) => {}
            Err(error) => return Mend(error.to_string(), remedy.into()),
        }
    }
    Mend("it used no tool, and answers are written by tools".into(), "choose a model that can call tools".into())
}
