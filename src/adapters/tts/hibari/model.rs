//! The two networks: phonemes to spectra, and unknown words to phonemes.

use std::collections::HashMap;
use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;
use serde::Deserialize;

use super::vocoder::{NET_BINS, Spectra};
use crate::adapters::models::Models;
use crate::adapters::models::runtime::onnx_session;
use crate::seams::tts::TtsError;

/// Phonemes the network takes at once; it was trained on no more (hibari's `MAX_PHONEMES`).
pub const PHONEMES_MAX: usize = 400;
/// Frames it may answer with: 400 phonemes at the slowest speed stay well below; more is a damaged model.
const FRAMES_MAX: usize = 16_000;

/// The acoustic network with its alphabet. One thread; one of these a worker.
pub struct Acoustic {
    session: Session,
    ids: HashMap<char, i64>,
}

impl Acoustic {
    /// Loads `hibari.onnx` and `vocab.json` from a folder.
    pub fn load(models: &Models) -> Result<Acoustic, TtsError> {
        let session = onnx_session(models, &models.hibari_assets().join("hibari.onnx"))
            .map_err(|error| TtsError::Model(error.to_string()))?;
        let ids = json::<HashMap<char, i64>>(&models.hibari_assets().join("vocab.json"))?;
        Ok(Acoustic { session, ids })
    }

    /// Runs the network on phonemes (unknown ones are left out, those beyond [`PHONEMES_MAX`] too) and hands its
    /// spectra to `then`. `None` when nothing is left to say.
    pub fn spectra<T>(
        &mut self,
        phonemes: &str,
        speed: f32,
        then: impl FnOnce(&Spectra<'_>) -> T,
    ) -> Result<Option<T>, TtsError> {
        let mut ids = vec![0i64];
        ids.extend(phonemes.chars().filter_map(|c| self.ids.get(&c)).take(PHONEMES_MAX));
        ids.push(0);
        if ids.len() < 3 {
            return Ok(None);
        }
        let (length, speed) = (ids.len(), [speed]);
        let outputs = self
            .session
            .run(ort::inputs! {
                "ids" => TensorRef::from_array_view(([1usize, length], ids.as_slice())).map_err(broken)?,
                "speed" => TensorRef::from_array_view(([1usize], speed.as_slice())).map_err(broken)?,
            })
            .map_err(broken)?;
        let part = |name: &str| -> Result<&[f32], TtsError> {
            let output = outputs.get(name).ok_or_else(|| TtsError::Model(format!("no output {name}")))?;
            Ok(output.try_extract_tensor::<f32>().map_err(broken)?.1)
        };
        let f0 = part("f0")?;
        if f0.len() > FRAMES_MAX || part("lh")?.len() != f0.len() * NET_BINS {
            return Err(TtsError::Model(format!("unexpected shape: {} frames", f0.len())));
        }
        let spectra =
            Spectra { lh: part("lh")?, theta: part("theta")?, ln: part("ln")?, lr: part("lr")?, phi: part("phi")?, f0 };
        Ok(Some(then(&spectra)))
    }
}

/// Reads words that are in no lexicon: one character in, up to a few phonemes out, repeats and blanks removed.
pub struct Unknown {
    session: Session,
    letters: HashMap<char, i64>,
    phonemes: Vec<String>,
    length_max: usize,
}

#[derive(Deserialize)]
struct UnknownAlphabet {
    #[serde(rename = "in")]
    letters: Vec<char>,
    #[serde(rename = "out")]
    phonemes: Vec<String>,
    maxlen: usize,
}

impl Unknown {
    /// Loads `oov.onnx` and `oov.json` from a folder.
    pub fn load(models: &Models) -> Result<Unknown, TtsError> {
        let alphabet = json::<UnknownAlphabet>(&models.hibari_assets().join("oov.json"))?;
        let letters = alphabet.letters.into_iter().zip(1..).collect();
        let session = onnx_session(models, &models.hibari_assets().join("oov.onnx"))
            .map_err(|error| TtsError::Model(error.to_string()))?;
        Ok(Unknown { session, letters, phonemes: alphabet.phonemes, length_max: alphabet.maxlen })
    }

    /// The phonemes of one word; `None` when it has no letter known here or the network finds nothing.
    pub fn phonemes(&mut self, word: &str) -> Option<String> {
        let ids: Vec<i64> = word.chars().filter_map(|c| self.letters.get(&c).copied()).take(self.length_max).collect();
        if ids.is_empty() {
            return None;
        }
        let input = TensorRef::from_array_view(([1usize, ids.len()], ids.as_slice())).ok()?;
        let outputs = self.session.run(ort::inputs! { "chars" => input }).ok()?;
        let (_, first) = outputs.iter().next()?;
        let (_, found) = first.try_extract_tensor::<i64>().ok()?;
        let mut text = String::new();
        let mut previous = 0;
        for &symbol in found {
            if symbol != previous && symbol > 0 {
                text.push_str(self.phonemes.get(symbol as usize - 1).map_or("", String::as_str));
            }
            previous = symbol;
        }
        (!text.trim().is_empty()).then_some(text)
    }
}

fn json<T: for<'a> Deserialize<'a>>(file: &Path) -> Result<T, TtsError> {
    let damaged = |error: &dyn std::fmt::Display| TtsError::Model(format!("{}: {error}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| damaged(&error))?;
    serde_json::from_str(&text).map_err(|error| damaged(&error))
}

fn broken(error: ort::Error) -> TtsError {
    TtsError::Model(error.to_string())
}
