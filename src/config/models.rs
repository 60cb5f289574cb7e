//! Where the models lie.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Problem;

/// The models of speech and language.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsConfig {
    /// The folder that `switchboard models fetch` fills; empty for the user's own.
    pub dir: PathBuf,
}

impl ModelsConfig {
    /// The folder, when one is configured.
    pub fn configured_dir(&self) -> Option<&std::path::Path> {
        (!self.dir.as_os_str().is_empty()).then_some(&self.dir)
    }

    /// What is wrong with the values.
    pub fn validate(&self) -> Result<(), Vec<Problem>> {
        if self.dir.is_file() {
            return Err(vec![Problem {
                key: "dir".into(),
                problem: format!("{} is a file", self.dir.display()),
                remedy: "name a folder; it is made when it is missing".into(),
            }]);
        }
        Ok(())
    }
}

/// The meaning of each key.
pub const DOCS: &[(&str, &str)] = &[(
    "dir",
    "Folder of the models, about 105 MB, filled by `switchboard models fetch`; empty means \
     $SWITCHBOARD_MODELS_DIR, else `switchboard/models` below $XDG_DATA_HOME or ~/.local/share.",
)];
