//! `[store]`: where everything accepted is kept.

use serde::{Deserialize, Serialize};

use super::Problem;

/// The database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreConfig {
    /// File name of the SQLite database below the data folder.
    pub file: String,
    /// Connections that read at the same time.
    pub readers: u32,
    /// How long a statement waits for a lock that another process holds.
    pub busy_timeout_ms: u64,
}

/// The meaning of every key, for the generated reference.
pub const DOCS: &[(&str, &str)] = &[
    ("file", "File name of the SQLite database below the data folder; a plain name without folders."),
    (
        "readers",
        "Connections that read at the same time (1–64); more serve more people looking on and take about 2 MB each.",
    ),
    (
        "busy_timeout_ms",
        "How long, in milliseconds, a change waits for a lock that another program holds on the database (a backup, \
         say) before it fails; longer rides out longer backups, and calls wait that long for their rows.",
    ),
];

impl Default for StoreConfig {
    fn default() -> Self {
        StoreConfig { file: "switchboard.db".into(), readers: 4, busy_timeout_ms: 5_000 }
    }
}

impl StoreConfig {
    /// Everything that is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        let mut wrong = |key: &str, problem: String, remedy: &str| {
            problems.push(Problem { key: format!("store.{key}"), problem, remedy: remedy.into() });
        };
        if self.file.is_empty() || self.file.contains(['/', '\\', '\0']) || self.file.starts_with('.') {
            wrong(
                "file",
                format!("\"{}\" is not a plain file name", self.file),
                "write a name such as switchboard.db and choose the folder by data_dir",
            );
        }
        if !(1..=64).contains(&self.readers) {
            wrong("readers", format!("{} is out of range", self.readers), "write a number from 1 to 64");
        }
        if !(100..=60_000).contains(&self.busy_timeout_ms) {
            wrong(
                "busy_timeout_ms",
                format!("{} ms is out of range", self.busy_timeout_ms),
                "write a number from 100 to 60000",
            );
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}
