//! A linear head on the sentence vector that finds sensitive matters said in other words than the rules know.
//!
//! Multinomial logistic regression, fitted by `examples/fit_desk.rs`, which writes `risk_head.json`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::domain::turn::RiskTopic;

use super::index::dot;

/// The head's numbers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct RiskHead {
    /// Probability of any matter together from which it is held.
    pub threshold: f32,
    /// One row a class; the class without a topic is low risk.
    pub classes: Vec<Class>,
}

/// One class of the head.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Class {
    /// The matter; `None` for low risk.
    pub topic: Option<RiskTopic>,
    /// Added to the product.
    pub bias: f32,
    /// Multiplied with the vector.
    pub weights: Vec<f32>,
}

impl RiskHead {
    /// The probability of each class, in order.
    pub fn probabilities(&self, vector: &[f32]) -> Vec<f32> {
        let mut logits: Vec<f32> = self.classes.iter().map(|class| class.bias + dot(&class.weights, vector)).collect();
        let max = logits.iter().copied().fold(f32::MIN, f32::max);
        logits.iter_mut().for_each(|logit| *logit = (*logit - max).exp());
        let sum: f32 = logits.iter().sum();
        logits.iter_mut().for_each(|logit| *logit /= sum);
        logits
    }

    /// The likeliest matter, and the probability that there is one at all.
    pub fn risk(&self, vector: &[f32]) -> Option<(RiskTopic, f32)> {
        let probabilities = self.probabilities(vector);
        let low: f32 =
            self.classes.iter().zip(&probabilities).filter(|(class, _)| class.topic.is_none()).map(|(_, p)| p).sum();
        let (topic, _) = self
            .classes
            .iter()
            .zip(&probabilities)
            .filter_map(|(class, p)| Some((class.topic?, *p)))
            .max_by(|a, b| a.1.total_cmp(&b.1))?;
        Some((topic, 1.0 - low))
    }
}

/// The matter the built-in head finds in a vector, if it finds one.
pub fn topic(vector: &[f32]) -> Option<RiskTopic> {
    HEAD.risk(vector).filter(|(_, probability)| *probability >= HEAD.threshold).map(|(topic, _)| topic)
}

static HEAD: LazyLock<RiskHead> = LazyLock::new(|| {
    serde_json::from_str(include_str!("risk_head.json")).expect("the built-in head is read by a test")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_head_can_be_read() {
        assert!(HEAD.classes.iter().all(|class| class.weights.len() == HEAD.classes[0].weights.len()));
    }

    #[test]
    fn a_text_is_risky_when_all_matters_together_are_likely() {
        let class = |topic, bias| Class { topic, bias, weights: vec![0.0] };
        let head = RiskHead {
            threshold: 0.5,
            classes: vec![class(None, 0.3), class(Some(RiskTopic::Refund), 0.0), class(Some(RiskTopic::Legal), 0.1)],
        };
        let (topic, probability) = head.risk(&[1.0]).unwrap();
        assert_eq!(topic, RiskTopic::Legal);
        assert!(probability > 0.5);
    }
}
