//! How likely the best answer is the right one: logistic regression on eight features of the retrieval.

use serde::{Deserialize, Serialize};

/// How many features there are.
pub const FEATURES: usize = 8;

/// What the confidence rests on. The order of [`Features::as_array`] is the order in which they are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Cosine of the best question of the best entry.
    pub top: f32,
    /// H of the best entry less H of the second.
    pub margin: f32,
    /// 1 if BM25 alone would choose the same entry.
    pub agree: f32,
    /// IDF-weighted share of the query's words found in the entry.
    pub cover: f32,
    /// Share of the query's content words that the knowledge has never seen.
    pub unknown: f32,
    /// Natural logarithm of one more than the number of words.
    pub log_length: f32,
    /// Share of the ten nearest questions that belong to the entry.
    pub vote: f32,
    /// Mean of the entry's three best cosines.
    pub top3: f32,
}

impl Features {
    /// In the stored order: top, margin, agree, cover, unknown, log_length, vote, top3.
    pub fn as_array(&self) -> [f32; FEATURES] {
        [self.top, self.margin, self.agree, self.cover, self.unknown, self.log_length, self.vote, self.top3]
    }

    /// The calibrated probability that the entry answers the question, 0–1.
    pub fn confidence(&self) -> f32 {
        let sum: f32 = self.as_array().iter().zip(WEIGHTS).map(|(feature, weight)| feature * weight).sum();
        sigmoid(BIAS + sum)
    }
}

/// The logistic function.
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

const BIAS: f32 = -4.994;
const WEIGHTS: [f32; FEATURES] = [1.871, 2.664, 0.941, 1.117, -0.225, -0.203, 1.452, 4.522];
