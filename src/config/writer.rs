//! The language model that puts answers into words, and what it may cost.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Who puts answers into words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteProvider {
    /// The knowledge's own words.
    #[default]
    Local,
    /// A server with OpenAI's chat completions.
    Openai,
}

/// A server with OpenAI's chat completions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WriterConfig {
    /// Where it is: `https://` or `http://`, with or without `/v1`.
    pub url: String,
    /// The environment variable that holds the key; empty for servers that ask for none.
    pub api_key_env: String,
    /// Which model writes.
    pub model: String,
    /// How long the first word may take on a call.
    pub first_token_ms: u64,
    /// How long the whole may take on a call.
    pub answer_ms: u64,
    /// How long the answer to a message may take.
    pub message_ms: u64,
    /// How long a summary may take.
    pub summary_ms: u64,
    /// The longest answer.
    pub tokens_max: u32,
    /// What may be spent in a day; 0 is no cap.
    pub tokens_a_day: u64,
    /// What may be asked in a minute; 0 is no cap.
    pub requests_a_minute: u32,
}

impl Default for WriterConfig {
    fn default() -> Self {
        WriterConfig {
            url: "https://api.openai.com/v1".into(),
            api_key_env: "OPENAI_API_KEY".into(),
            model: "gpt-4o-mini".into(),
            first_token_ms: 700,
            answer_ms: 4_000,
            message_ms: 20_000,
            summary_ms: 1_500,
            tokens_max: 400,
            tokens_a_day: 2_000_000,
            requests_a_minute: 120,
        }
    }
}

impl WriterConfig {
    /// What is wrong with the values.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut check = |key: &str, fine: bool, problem: &str, remedy: &str| {
            if !fine {
                let key = format!("providers.writer.{key}");
                problems.push(Problem { key, problem: problem.into(), remedy: remedy.into() });
            }
        };
        let http = self.url.starts_with("https://") || self.url.starts_with("http://");
        check("url", http, "it does not begin with https:// or http://", "write the server's address");
        let longest_call = 1..=LONGEST_ON_A_CALL_MS;
        check(
            "first_token_ms",
            longest_call.contains(&self.first_token_ms) && self.first_token_ms <= self.answer_ms,
            "it is not between 1 and answer_ms",
            "use 700",
        );
        check("answer_ms", longest_call.contains(&self.answer_ms), "it is not between 1 and 7000", "use 4000");
        let message = (1..=30_000).contains(&self.message_ms);
        check("message_ms", message, "it is not between 1 and 30000", "use 20000");
        check("summary_ms", (1..=10_000).contains(&self.summary_ms), "it is not between 1 and 10000", "use 1500");
        check("tokens_max", (16..=4_000).contains(&self.tokens_max), "it is not between 16 and 4000", "use 400");
        let name = !self.model.trim().is_empty() && self.model.chars().count() <= 200;
        check("model", name, "it is empty or very long", "copy it from the server's list of models");
        problems
    }
}

/// The call takes a desk that thinks for 8 s to have failed.
const LONGEST_ON_A_CALL_MS: u64 = 7_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_a_model_that_may_take_for_ever_is_refused() {
        assert_eq!(WriterConfig::default().problems(), []);
        let wrong = WriterConfig { url: "example.com".into(), answer_ms: 9_000, ..WriterConfig::default() };
        let keys: Vec<_> = wrong.problems().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["providers.writer.url", "providers.writer.answer_ms"]);
    }
}
