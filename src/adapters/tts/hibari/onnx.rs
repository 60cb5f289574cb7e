//! One ONNX environment a process, sessions of one thread.

use std::path::Path;
use std::sync::Mutex;

use ort::environment::Environment;
use ort::session::Session;

use crate::seams::tts::TtsError;

static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Loads a model to run on the calling thread alone.
pub fn session(models_dir: &Path, file: &Path) -> Result<Session, TtsError> {
    let failed = |error: &dyn std::fmt::Display| TtsError::Model(format!("{}: {error}", file.display()));
    let environment = {
        let mut shared = ENVIRONMENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        match &*shared {
            Some(environment) => environment.clone(),
            None => {
                let library = models_dir.join("onnxruntime/capi/libonnxruntime.so.1.31.1");
                let made = ort::init_from(library).map_err(|e| failed(&e))?.build().map_err(|e| failed(&e))?;
                shared.insert(made).clone()
            }
        }
    };
    Session::builder(&environment)
        .map_err(|e| failed(&e))?
        .with_intra_threads(1)
        .map_err(|e| failed(&e))?
        .with_inter_threads(1)
        .map_err(|e| failed(&e))?
        .with_intra_op_spinning(false)
        .map_err(|e| failed(&e))?
        .commit_from_file(file)
        .map_err(|e| failed(&e))
}
