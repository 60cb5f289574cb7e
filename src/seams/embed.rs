//! Text to vectors.

/// Why no vector came.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The model is missing or damaged.
    #[error("embedding model: {0}; run `switchboard models fetch`")]
    Model(String),
    /// The model failed on this text.
    #[error("embedding failed: {0}")]
    Run(String),
}

/// Turns texts into unit vectors, all of the same dimension. Blocking; tens of milliseconds a text.
pub trait Embedder: Send + Sync {
    /// One vector a text, L2-normalised.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError>;

    /// Whether the model has this lower-case word whole in its vocabulary, so that it is hardly a misspelling.
    fn has_word(&self, _word: &str) -> bool {
        false
    }
}
