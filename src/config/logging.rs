//! `[logging]`: what is told, and in which form.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Logs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LoggingConfig {
    /// What is told, as `RUST_LOG` writes it.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    (
        "filter",
        "Which log lines are written, as RUST_LOG writes it (info, or switchboard=debug,info); at debug, lines may \
         hold telephone numbers and what was said.",
    ),
    ("format", "pretty for people, json for collectors, auto for pretty on a terminal and json otherwise."),
];

impl Default for LoggingConfig {
    fn default() -> Self {
        LoggingConfig { filter: "info,rsipstack=warn,rtc_dtls=error".into(), format: LogFormat::Auto }
    }
}

impl LoggingConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        match tracing_subscriber::EnvFilter::try_new(&self.filter) {
            Ok(_) => Ok(()),
            Err(error) => Err(vec![Problem {
                key: "logging.filter".into(),
                problem: format!("\"{}\" cannot be read: {error}", self.filter),
                remedy: "write a level (error, warn, info, debug, trace) or target=level pairs parted by commas".into(),
            }]),
        }
    }
}
