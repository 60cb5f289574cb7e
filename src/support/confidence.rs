//! How likely the best answer is the right one: logistic regression on eight features of the retrieval.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// How many features there are.
pub const FEATURES: usize = 8;

/// What the confidence rests on. The order of [`Features::as_array`] is the order in which they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Cosine of the best question of the best entry.
    pub top: f32,
    /// Score of the best entry less that of the second.
    pub margin: f32,
    /// 1 if BM25 alone would choose the same entry.
    pub agree: f32,
    /// IDF-weighted share of the query's content words found in the entry's questions.
    pub cover: f32,
    /// 1 if a content word is one that other entries are asked with, and this one neither is nor answers with.
    pub rival: f32,
    /// Natural logarithm of one more than the number of words.
    pub log_length: f32,
    /// IDF-weighted overlap (Jaccard) of the content words with those of the likest of the entry's questions.
    pub likeness: f32,
    /// Mean of the entry's three best cosines.
    pub top3: f32,
}

impl Features {
    /// In the stored order: top, margin, agree, cover, rival, log_length, likeness, top3.
    pub fn as_array(&self) -> [f32; FEATURES] {
        [self.top, self.margin, self.agree, self.cover, self.rival, self.log_length, self.likeness, self.top3]
    }

    /// The calibrated probability that the entry answers the question, 0–1.
    pub fn confidence(&self) -> f32 {
        let sum: f32 = self.as_array().iter().zip(WEIGHTS.weights).map(|(feature, weight)| feature * weight).sum();
        sigmoid(WEIGHTS.bias + sum)
    }
}

/// The logistic function.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// What turns features into a probability; written by `examples/fit_desk.rs`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Weights {
    /// Added to the product.
    pub bias: f32,
    /// In the order of [`Features::as_array`].
    pub weights: [f32; FEATURES],
}

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    serde_json::from_str(include_str!("confidence.json")).expect("the built-in weights are read by a test")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_and_undisputed_entry_is_trusted_and_a_far_one_is_not() {
        let near = Features {
            top: 0.95,
            margin: 0.5,
            agree: 1.0,
            cover: 1.0,
            rival: 0.0,
            log_length: 1.8,
            likeness: 0.8,
            top3: 0.8,
        };
        let far = Features {
            top: 0.3,
            margin: 0.02,
            agree: 0.0,
            cover: 0.1,
            rival: 1.0,
            log_length: 2.0,
            likeness: 0.1,
            top3: 0.25,
        };
        assert!(near.confidence() > 0.9, "{}", near.confidence());
        assert!(far.confidence() < 0.2, "{}", far.confidence());
    }
}
