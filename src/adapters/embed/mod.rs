//! Text to vectors by a local model.

mod minilm;

pub use minilm::MiniLm;
