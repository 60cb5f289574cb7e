//! The token that lets in whoever is not on this machine, until accounts exist (R42, W5).

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Its file cannot be read or made.
    #[error("the bootstrap token {path} cannot be read or made: {source}; check data_dir and its permissions")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Somebody wrote a weak one.
    #[error("the bootstrap token {path} is shorter than {TOKEN_CHARS_MIN} characters; delete it and a new one is made")]
    Weak {
        /// The file.
        path: String,
    },
}

/// The token kept in `file`; made at the first start, readable by this user alone.
pub fn load_or_make(file: &Path) -> Result<SecretString, TokenError> {
    let failed = |source| TokenError::File { path: file.display().to_string(), source };
    let token = match fs::read_to_string(file) {
        Ok(text) => {
            // A copy or a backup may have opened it up.
            fs::set_permissions(file, Permissions::from_mode(0o600)).map_err(failed)?;
            text.trim().to_string()
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(file).map_err(failed)?,
        Err(error) => return Err(failed(error)),
    };
    if token.len() < TOKEN_CHARS_MIN {
        return Err(TokenError::Weak { path: file.display().to_string() });
    }
    Ok(token.into())
}

/// Ours have 43; a hand-written one may be a little shorter, but never guessable.
const TOKEN_CHARS_MIN: usize = 32;

/// 256 random bits. Written to a file of its own and renamed, so that a crash leaves no half token.
fn make(file: &Path) -> io::Result<String> {
    let token = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    let half = file.with_extension("new");
    let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&half)?;
    out.write_all(token.as_bytes())?;
    out.sync_all()?;
    fs::rename(half, file)?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn it_is_made_once_for_this_user_alone_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bootstrap-token");
        let made = load_or_make(&file).unwrap();
        assert_eq!(made.expose_secret().len(), 43);
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        assert_eq!(load_or_make(&file).unwrap().expose_secret(), made.expose_secret());
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let other = load_or_make(&folder.path().join("other")).unwrap();
        assert_ne!(other.expose_secret(), made.expose_secret());
    }

    #[test]
    fn a_weak_or_unreadable_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bootstrap-token");
        fs::write(&file, "\n").unwrap();
        assert!(matches!(load_or_make(&file), Err(TokenError::Weak { .. })));
        assert!(matches!(load_or_make(&folder.path().join("no/folder")), Err(TokenError::File { .. })));
    }
}
