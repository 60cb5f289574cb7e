//! The ONNX runtime: one environment a process, sessions of one thread.

use std::path::Path;
use std::sync::Mutex;

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use super::{ModelError, Models};

/// The environment variable that keeps the library from reporting to its makers; it is read when the library is loaded,
/// and the setting of the library's own comes too late for its first report.
pub const NO_TELEMETRY: &str = "ORT_DISABLE_TELEMETRY";

/// The library can be loaded and its environment made only once a process.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// The environment that every session of this process shares. The first call loads the library from this
/// models folder; later calls give the same environment whatever folder they name.
pub fn onnx_environment(models: &Models) -> Result<Environment, ModelError> {
    let mut shared = ENVIRONMENT.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(environment) = &*shared {
        return Ok(environment.clone());
    }
    let path = models.onnxruntime()?;
    let failed = |reason: String| ModelError::Runtime { path: path.clone(), reason };
    let environment = ort::init_from(&path)
        .map_err(|error| failed(error.to_string()))?
        .with_name("switchboard")
        .with_telemetry(false)
        .build()
        .map_err(|error| failed(error.to_string()))?;
    *shared = Some(environment.clone());
    Ok(environment)
}

/// Loads a model to run on the calling thread alone: one thread was measured to be faster than two for the
/// speech models, it shares two cores fairly among calls, and spinning would take a core from the media engine.
pub fn onnx_session(models: &Models, file: &Path) -> Result<Session, ModelError> {
    let environment = onnx_environment(models)?;
    build(&environment, file).map_err(|reason| ModelError::Load { path: file.to_path_buf(), reason })
}

fn build(environment: &Environment, file: &Path) -> Result<Session, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    Session::builder(environment)
        .map_err(|error| text(&error))?
        .with_intra_threads(1)
        .map_err(|error| text(&error))?
        .with_inter_threads(1)
        .map_err(|error| text(&error))?
        .with_intra_op_spinning(false)
        .map_err(|error| text(&error))?
        .with_inter_op_spinning(false)
        .map_err(|error| text(&error))?
        .with_optimization_level(GraphOptimizationLevel::Level3)
        .map_err(|error| text(&error))?
        .commit_from_file(file)
        .map_err(|error| text(&error))
}
