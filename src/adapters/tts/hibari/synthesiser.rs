//! One worker's whole chain from a piece of text to samples.

use std::panic::AssertUnwindSafe;

use super::clip::finish;
use super::model::{Acoustic, Unknown};
use super::phonemes::Reader;
use super::pieces::Piece;
use super::vocoder::Vocoder;
use super::voice::{VOICES, Voice};
use crate::adapters::models::Models;
use crate::seams::tts::TtsError;

/// Everything a worker needs, loaded.
pub struct Synthesiser {
    acoustic: Acoustic,
    reader: Reader,
    vocoders: Vec<(Voice, Vocoder)>,
}

impl Synthesiser {
    /// Loads the model files; a missing network for unknown words only costs their pronunciation.
    pub fn load(models: &Models) -> Result<Synthesiser, TtsError> {
        let unknown = match Unknown::load(models) {
            Ok(unknown) => Some(unknown),
            Err(error) => {
                tracing::warn!(tts.error = %error, "Words in no lexicon will be spelled");
                None
            }
        };
        let acoustic = Acoustic::load(models)?;
        let vocoders = VOICES.into_iter().map(|voice| (voice, Vocoder::new(voice.hop, voice.pitch))).collect();
        Ok(Synthesiser { acoustic, reader: Reader::new(unknown), vocoders })
    }

    /// The samples of a piece with its pause; empty when it holds nothing to say.
    pub fn speak(&mut self, piece: &Piece, voice: Voice, speed: f32) -> Result<Vec<i16>, TtsError> {
        // A bug in one of the parts costs this piece, not the voice of all calls.
        std::panic::catch_unwind(AssertUnwindSafe(|| self.synthesise(piece, voice, speed)))
            .unwrap_or_else(|_| Err(TtsError::Model("a part of the synthesiser panicked".to_owned())))
    }

    fn synthesise(&mut self, piece: &Piece, voice: Voice, speed: f32) -> Result<Vec<i16>, TtsError> {
        let phonemes = self.reader.phonemes(&piece.text);
        let (_, vocoder) = self
            .vocoders
            .iter_mut()
            .find(|(held, _)| *held == voice)
            .ok_or_else(|| TtsError::Model(format!("no voice {}", voice.name)))?;
        let samples =
            self.acoustic.spectra(&phonemes, voice.network_speed(speed), |spectra| vocoder.samples(spectra))?;
        Ok(samples.map_or_else(Vec::new, |samples| finish(&samples, voice.gain, piece.pause)))
    }
}
