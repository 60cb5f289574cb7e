//! A recording transcribed in one go, by the same windows and the same sense for speech as a call.

use media::vad::VoiceActivity;
use media::{FRAME_SAMPLES, Frame};

use super::decode_pieces;
use super::moonshine::{DecodeError, Moonshine};
use super::utterance::Utterance;

/// What is said in 16 kHz mono audio of any length, −1 to 1; empty when nobody speaks.
pub fn transcribe_whole(recogniser: &mut Moonshine, samples: &[f32]) -> Result<String, DecodeError> {
    let mut voice = VoiceActivity::new();
    let mut utterance = Utterance::new();
    for chunk in samples.chunks(FRAME_SAMPLES) {
        let mut frame = Frame::SILENCE;
        for (to, from) in frame.0.iter_mut().zip(chunk) {
            *to = (from.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
        }
        let heard = voice.hear(&frame);
        if utterance.push(&frame, heard.level_dbfs, heard.speech) {
            decode(recogniser, &mut utterance)?;
        }
    }
    decode(recogniser, &mut utterance)
}

fn decode(recogniser: &mut Moonshine, utterance: &mut Utterance) -> Result<String, DecodeError> {
    if !utterance.has_speech() {
        return Ok(String::new());
    }
    let pieces = utterance.pieces();
    let decoded = decode_pieces(recogniser, &pieces, &|| false)?;
    Ok(utterance.decoded(decoded.results, pieces.frames).text)
}
