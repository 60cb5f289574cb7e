//! How callers are listened to.

use serde::{Deserialize, Serialize};

use super::Problem;

/// Recognition and the end of turns.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SpeechConfig {
    /// Threads that recognise speech, each with a copy of the model.
    pub recognition_workers: usize,
    /// How long a caller's pause is waited out, 1.0 being as tuned.
    pub patience: f32,
    /// Whether the melody of a sentence helps to tell whether its speaker goes on.
    pub melody: bool,
    /// Folder of recorded sentences.
    pub recordings: Option<std::path::PathBuf>,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        SpeechConfig { recognition_workers: 1, patience: 1.0, melody: true, recordings: None }
    }
}

impl SpeechConfig {
    /// What is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        let mut problems = Vec::new();
        if !(1..=WORKERS_MAX).contains(&self.recognition_workers) {
            problems.push(Problem {
                key: "recognition_workers".into(),
                problem: format!("{} is not between 1 and {WORKERS_MAX}", self.recognition_workers),
                remedy: "use 1 for up to four processor cores and one more for every four further ones".into(),
            });
        }
        if !PATIENCE.contains(&self.patience) {
            problems.push(Problem {
                key: "patience".into(),
                problem: format!("{} is not between {} and {}", self.patience, PATIENCE.start(), PATIENCE.end()),
                remedy: "use 1.0; less answers faster and cuts more callers off".into(),
            });
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }
}

/// Each takes 280 MB and a core.
const WORKERS_MAX: usize = 32;
/// Below half, stops inside words end turns; above three, callers ask whether anybody is there.
const PATIENCE: std::ops::RangeInclusive<f32> = 0.5..=3.0;

/// The meaning of each key.
pub const DOCS: &[(&str, &str)] = &[
    (
        "recognition_workers",
        "Threads that recognise speech, each with its own copy of the model (280 MB): more of them serve more \
         calls at once and take cores from synthesis and media.",
    ),
    (
        "patience",
        "Factor on every silence that ends a caller's turn (200 ms after a whole question to 2 s inside a \
         number): less is faster and cuts more callers off.",
    ),
    (
        "melody",
        "Whether the fall of a voice helps to tell a sentence that is over from one that goes on, with a model of its \
         own (9 MB): true cuts fewer callers off and takes 80 ms of a core for each pause after a sentence.",
    ),
    (
        "recordings",
        "Folder of recorded sentences: `sorry.wav` is played wherever the agent would say what stands in `sorry.txt`; \
         `switchboard config phrases` lists its own sentences.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_told_with_its_key() {
        assert_eq!(SpeechConfig::default().validate(), Ok(()));
        let problems = SpeechConfig { recognition_workers: 0, patience: 9.0, ..SpeechConfig::default() }
            .validate()
            .expect_err("both are wrong");
        let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
        assert_eq!(keys, ["recognition_workers", "patience"]);
    }
}
