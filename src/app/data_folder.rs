//! The data folder: one process at a time, and for this user's eyes alone.

use std::fs::{File, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A data folder that is in use by this process until it is dropped (or the process ends, however it ends).
pub struct DataFolder {
    _lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataFolderError {
    /// Another process works in it: it would take our live calls for ones that a crash cut.
    #[error(
        "another Switchboard is using the data folder {0}; stop that one, or give this one a folder of its own \
         (--data-dir, data_dir)"
    )]
    InUse(PathBuf),
    /// It cannot be made or read.
    #[error("the data folder {folder} cannot be used: {source}; check data_dir and its permissions")]
    Io {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl DataFolder {
    /// Makes the folder where it is missing, and takes it.
    pub fn take(folder: &Path) -> Result<DataFolder, DataFolderError> {
        let failed = |source| DataFolderError::Io { folder: folder.to_owned(), source };
        if !folder.exists() {
            private_folder(folder).map_err(failed)?;
        }
        let lock = File::create(folder.join(LOCK_FILE)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(DataFolder { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataFolderError::InUse(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}

/// A folder that only this user can look into: what it keeps are the customers' own words.
pub fn private_folder(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, Permissions::from_mode(0o700))
}

const LOCK_FILE: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_used_by_one_process_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        let first = DataFolder::take(&folder).unwrap();
        let Err(second) = DataFolder::take(&folder) else { panic!("it was taken twice") };
        assert!(second.to_string().contains("--data-dir"), "{second}");
        drop(first);
        assert!(DataFolder::take(&folder).is_ok());
    }

    #[test]
    fn a_new_folder_is_for_this_user_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        let _taken = DataFolder::take(&folder).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
