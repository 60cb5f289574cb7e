//! Vectors of texts, remembered: by content for knowledge, by recency for questions.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::seams::embed::{EmbedError, Embedder};

use super::index::Vector;

/// Texts remembered. At 1.5 kB each, 30 MB when full; a knowledge of 2,000 entries with ten questions each fits.
const REMEMBERED_MAX: usize = 20_000;

type Key = [u8; 32];

/// A bounded cache in front of an embedder; the texts used longest ago are forgotten first, in halves.
pub struct Vectors {
    embedder: Arc<dyn Embedder>,
    remembered: Mutex<Generations>,
}

/// Two generations stand for recency: what is used moves to the young one; when that is half of the bound, the old
/// one is dropped. Cheaper than an ordered list, and just as bounded.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, Vector>,
    old: HashMap<Key, Vector>,
}

impl Vectors {
    /// Remembers what this embedder gives.
    pub fn new(embedder: Arc<dyn Embedder>) -> Vectors {
        Vectors { embedder, remembered: Mutex::default() }
    }

    /// Whether the model knows the word whole.
    pub fn has_word(&self, word: &str) -> bool {
        self.embedder.has_word(word)
    }

    /// The vector of one text.
    pub fn of(&self, text: &str) -> Result<Vector, EmbedError> {
        let key: Key = Sha256::digest(text.as_bytes()).into();
        // A panic elsewhere leaves at worst a vector that was not remembered.
        if let Some(vector) = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).find(&key) {
            return Ok(vector);
        }
        let vector = self.embedder.embed(&[text])?.pop();
        let vector: Vector = vector.ok_or_else(|| EmbedError::Run("no vector came".into()))?.into();
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).keep(key, vector.clone());
        Ok(vector)
    }
}

impl Generations {
    fn find(&mut self, key: &Key) -> Option<Vector> {
        if let Some(vector) = self.young.get(key) {
            return Some(vector.clone());
        }
        let vector = self.old.remove(key)?;
        self.keep(*key, vector.clone());
        Some(vector)
    }

    fn keep(&mut self, key: Key, vector: Vector) {
        if self.young.len() >= REMEMBERED_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, vector);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[derive(Default)]
    struct Counting(AtomicUsize);

    impl Embedder for Counting {
        fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
            self.0.fetch_add(texts.len(), Ordering::Relaxed);
            Ok(texts.iter().map(|_| vec![1.0]).collect())
        }
    }

    #[test]
    fn a_text_is_embedded_once_while_it_is_remembered() {
        let embedder = Arc::new(Counting::default());
        let vectors = Vectors::new(embedder.clone());
        for _ in 0..3 {
            vectors.of("again").unwrap();
        }
        assert_eq!(embedder.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn memory_is_bounded_and_what_is_used_stays() {
        let vectors = Vectors::new(Arc::new(Counting::default()));
        for at in 0..REMEMBERED_MAX * 2 {
            vectors.of("kept").unwrap();
            vectors.of(&at.to_string()).unwrap();
        }
        let mut remembered = vectors.remembered.lock().unwrap();
        assert!(remembered.young.len() + remembered.old.len() <= REMEMBERED_MAX);
        assert!(remembered.find(&Sha256::digest(b"kept").into()).is_some());
    }
}
