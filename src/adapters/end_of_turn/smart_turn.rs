//! Smart Turn v3.2: a Whisper encoder of the smallest size with one answer, quantised to int8.

use ort::session::Session;
use ort::value::Tensor;

use super::log_mel::{BANDS, LogMel, STEPS};
use crate::adapters::models::runtime::onnx_session;
use crate::adapters::models::{ModelError, Models};

/// The model, loaded; a worker thread owns it.
pub struct SmartTurn {
    session: Session,
    log_mel: LogMel,
}

/// The runtime failed on a piece of audio.
#[derive(Debug, thiserror::Error)]
#[error("end of turn by melody: {0}")]
pub struct JudgeError(String);

impl From<ort::Error> for JudgeError {
    fn from(error: ort::Error) -> Self {
        JudgeError(error.to_string())
    }
}

impl SmartTurn {
    /// Loads the model.
    pub fn load(models: &Models) -> Result<SmartTurn, ModelError> {
        Ok(SmartTurn { session: onnx_session(models, &models.smart_turn())?, log_mel: LogMel::new() })
    }

    /// The probability that a turn is over which sounds like the last eight seconds of this 16 kHz mono audio.
    pub fn judge(&mut self, samples: &[i16]) -> Result<f32, JudgeError> {
        let features = Tensor::from_array(([1, BANDS, STEPS], self.log_mel.compute(samples)))?;
        let outputs = self.session.run(ort::inputs!["input_features" => features])?;
        let output = outputs.values().next().ok_or_else(|| JudgeError("the model gave nothing".to_string()))?;
        let (_, values) = output.try_extract_tensor::<f32>()?;
        values.first().copied().ok_or_else(|| JudgeError("the model gave an empty answer".to_string()))
    }
}
