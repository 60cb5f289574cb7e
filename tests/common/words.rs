//! A desk that knows one thing, found by its words.

use switchboard::domain::knowledge::{Entry, Kind, Sensitivity};
use switchboard::seams::embed::{EmbedError, Embedder};

/// What can be answered.
pub const ASKED: &str = "how much does shipping to austria cost";
/// What is answered.
pub const ANSWER: &str = "Shipping to Austria costs €5 and takes 2 to 3 working days.";

/// Texts with the same words are near.
pub struct Words;

impl Embedder for Words {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        let embed = |text: &&str| {
            let mut vector = vec![1e-3_f32; 384];
            for word in text.to_lowercase().split(|c: char| !c.is_alphanumeric()) {
                vector[word.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31) + byte as usize) % 384] += 1.0;
            }
            let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
            vector.into_iter().map(|x| x / norm).collect()
        };
        Ok(texts.iter().map(embed).collect())
    }
}

/// The one thing.
pub fn shipping() -> Entry {
    Entry {
        id: "shipping".into(),
        kind: Kind::Faq,
        sensitivity: Sensitivity::Auto,
        question: ASKED.into(),
        alternatives: vec![format!("{ASKED} please")],
        answer: ANSWER.into(),
        spoken: None,
        source: "faq.md".into(),
        valid_until: None,
        article: None,
    }
}
