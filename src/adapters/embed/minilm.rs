//! all-MiniLM-L6-v2, quantised to int8, on the ONNX runtime. English; 384 dimensions; about 10 ms a question.

use std::sync::{Mutex, PoisonError};

use ort::session::Session;
use ort::value::Tensor;
use tokenizers::{Tokenizer, TruncationParams};

use crate::adapters::models::Models;
use crate::adapters::models::runtime::onnx_session;
use crate::seams::embed::{EmbedError, Embedder};

/// Word pieces that are read of a text. The model knows 512; a question has under 40, and time grows with length.
const PIECES_MAX: usize = 128;
/// Characters that are given to the tokenizer: enough for [`PIECES_MAX`] long words.
const CHARS_MAX: usize = 2_000;

/// The model, loaded once and shared. One text at a time goes through it: a turn has one text to embed, and a second
/// session would cost 30 MB.
pub struct MiniLm {
    tokenizer: Tokenizer,
    session: Mutex<Session>,
}

impl MiniLm {
    /// Loads the model from a models folder.
    pub fn open(models: &Models) -> Result<MiniLm, EmbedError> {
        let path = models.minilm_tokenizer();
        let mut tokenizer =
            Tokenizer::from_file(&path).map_err(|error| EmbedError::Model(format!("{}: {error}", path.display())))?;
        tokenizer.with_padding(None);
        tokenizer
            .with_truncation(Some(TruncationParams { max_length: PIECES_MAX, ..TruncationParams::default() }))
            .map_err(|error| EmbedError::Model(error.to_string()))?;
        let session =
            onnx_session(models, &models.minilm_model()).map_err(|error| EmbedError::Model(error.to_string()))?;
        Ok(MiniLm { tokenizer, session: Mutex::new(session) })
    }

    fn embed_one(&self, text: &str) -> Result<Vec<f32>, EmbedError> {
        let text: String = text.chars().take(CHARS_MAX).collect();
        let encoding = self.tokenizer.encode(text, true).map_err(|error| EmbedError::Run(error.to_string()))?;
        let shape = [1, encoding.len()];
        let tensor = |ids: &[u32]| {
            Tensor::from_array((shape, ids.iter().map(|&id| i64::from(id)).collect::<Vec<i64>>())).map_err(run_error)
        };
        let inputs = ort::inputs![
            "input_ids" => tensor(encoding.get_ids())?,
            "attention_mask" => tensor(encoding.get_attention_mask())?,
            "token_type_ids" => tensor(encoding.get_type_ids())?,
        ];
        // A panic in another thread leaves no half-made state in the session: it holds only weights.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = session.run(inputs).map_err(run_error)?;
        let hidden = outputs.get("last_hidden_state").ok_or_else(|| EmbedError::Run("no last_hidden_state".into()))?;
        let (shape, values) = hidden.try_extract_tensor::<f32>().map_err(run_error)?;
        let width = shape.last().copied().filter(|&width| width > 0).unwrap_or(1) as usize;
        Ok(mean_unit(values, width))
    }
}

impl Embedder for MiniLm {
    fn embed(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, EmbedError> {
        // One at a time and unpadded: int8 scales depend on the whole batch, so that a text's vector would too.
        texts.iter().map(|text| self.embed_one(text)).collect()
    }

    fn has_word(&self, word: &str) -> bool {
        self.tokenizer.token_to_id(word).is_some()
    }
}

fn run_error(error: ort::Error) -> EmbedError {
    EmbedError::Run(error.to_string())
}

/// The mean of the pieces' vectors, of length one.
fn mean_unit(values: &[f32], width: usize) -> Vec<f32> {
    let mut mean = vec![0.0_f32; width];
    for piece in values.chunks_exact(width) {
        mean.iter_mut().zip(piece).for_each(|(sum, value)| *sum += value);
    }
    let norm = mean.iter().map(|value| value * value).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    mean.iter_mut().for_each(|value| *value /= norm);
    mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_model_is_an_error_that_says_what_to_do() {
        let error = MiniLm::open(&Models::new("/nonexistent")).err().expect("there is no model").to_string();
        assert!(error.contains("switchboard models fetch"), "{error}");
    }

    #[test]
    fn texts_of_one_meaning_are_nearer_than_others() {
        if std::env::var_os("SWITCHBOARD_MODELS_DIR").is_none() {
            return eprintln!("skipped: SWITCHBOARD_MODELS_DIR is unset");
        }
        let model = MiniLm::open(&Models::resolve(None)).unwrap();
        let vectors =
            model.embed(&["Where is my parcel?", "When does my package arrive?", "Do you sell lamps?"]).unwrap();
        let cosine = |a: usize, b: usize| vectors[a].iter().zip(&vectors[b]).map(|(x, y)| x * y).sum::<f32>();
        assert_eq!(vectors[0].len(), 384);
        assert!((cosine(0, 0) - 1.0).abs() < 1e-4);
        assert!(cosine(0, 1) > cosine(0, 2) + 0.2);
        assert!(model.embed(&[""]).unwrap()[0].iter().all(|value| value.is_finite()));
    }
}
